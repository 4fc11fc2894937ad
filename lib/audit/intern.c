/*
 * Memory for the graph: chunks that are freed together, and an open hash table.
 */
#include "audit/intern.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)256 * 1024)

struct arena_chunk {
	struct arena_chunk *before;
	uint64_t data[];
};

struct intern_slot {
	uint64_t hash;
	void *thing;
};

/* A big piece gets a chunk of its own, behind the newest, which keeps its room. */
static void *
arena_big(struct arena *a, size_t n)
{
	struct arena_chunk *c = calloc(1, sizeof(*c) + n);

	if (c == NULL)
		return NULL;
	if (a->chunk == NULL) {
		a->chunk = c;
	} else {
		c->before = a->chunk->before;
		a->chunk->before = c;
	}
	return c->data;
}

void *
arena_take(struct arena *a, size_t n)
{
	struct arena_chunk *c;
	void *p;

	if (n > SIZE_MAX / 2)
		return NULL;
	n = n == 0 ? 8 : (n + 7) & ~(size_t)7;
	if (n > CHUNK / 4)
		return arena_big(a, n);
	if (a->cap - a->used < n) {
		if ((c = calloc(1, sizeof(*c) + CHUNK)) == NULL)
			return NULL;
		c->before = a->chunk;
		a->chunk = c;
		a->used = 0;
		a->cap = CHUNK;
	}
	p = (char *)a->chunk->data + a->used;
	a->used += n;
	return p;
}

void
arena_free(struct arena *a)
{
	struct arena_chunk *c;

	while ((c = a->chunk) != NULL) {
		a->chunk = c->before;
		free(c);
	}
	a->used = a->cap = 0;
}

void
intern_init(struct intern *t)
{
	t->slot = NULL;
	t->n = t->cap = 0;
	_Static_assert(sizeof(t->key) == crypto_shorthash_KEYBYTES, "the key of the hash");
	crypto_shorthash_keygen(t->key);
}

void
intern_free(struct intern *t)
{
	free(t->slot);
	t->slot = NULL;
	t->n = t->cap = 0;
}

uint64_t
intern_hash(const struct intern *t, const void *p, size_t n)
{
	uint64_t hash;

	_Static_assert(sizeof(hash) == crypto_shorthash_BYTES, "the bytes of the hash");
	crypto_shorthash((unsigned char *)&hash, p, n, t->key);
	return hash;
}

/* At most three quarters full, so a search meets an empty slot soon. */
static int
intern_grow(struct intern *t)
{
	uint32_t cap = t->cap == 0 ? 64 : t->cap * 2, i, at;
	struct intern_slot *slot;

	if (cap > UINT32_MAX / 4 || (slot = calloc(cap, sizeof(*slot))) == NULL)
		return -1;
	for (i = 0; i < t->cap; i++) {
		if (t->slot[i].thing == NULL)
			continue;
		at = (uint32_t)t->slot[i].hash & (cap - 1);
		while (slot[at].thing != NULL)
			at = (at + 1) & (cap - 1);
		slot[at] = t->slot[i];
	}
	free(t->slot);
	t->slot = slot;
	t->cap = cap;
	return 0;
}

void **
intern_find(struct intern *t, uint64_t hash, const void *thing,
    int (*equal)(const void *have, const void *thing))
{
	struct intern_slot *s;
	uint32_t at;

	if (t->n >= t->cap / 4 * 3 && intern_grow(t) == -1)
		return NULL;
	for (at = (uint32_t)hash & (t->cap - 1);; at = (at + 1) & (t->cap - 1)) {
		s = &t->slot[at];
		if (s->thing == NULL) {
			s->hash = hash;
			return &s->thing;
		}
		if (s->hash == hash && equal(s->thing, thing))
			return &s->thing;
	}
}
