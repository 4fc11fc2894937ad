/*
 * Memory for the graph: an arena that is freed at once, and tables that hold each thing once.
 *
 * Names in a server are other people's, so the hash is keyed: nobody can choose names that
 * fall together.
 */
#ifndef AUDIT_INTERN_H
#define AUDIT_INTERN_H

#include <stddef.h>
#include <stdint.h>

struct arena {
	struct arena_chunk *chunk;
	size_t used, cap;	/* of the newest chunk */
};

#define ARENA_INIT { NULL, 0, 0 }

/* n zeroed bytes, aligned for pointers and 64-bit integers; NULL: out of memory. */
void *arena_take(struct arena *a, size_t n);
void arena_free(struct arena *a);

/* Things by hash: what a slot points at is the caller's, and it compares. */
struct intern {
	struct intern_slot *slot;
	uint32_t n, cap;
	uint8_t key[16];
};

void intern_init(struct intern *t);
void intern_free(struct intern *t);
uint64_t intern_hash(const struct intern *t, const void *p, size_t n);

/*
 * The slot for that hash: where equal(*slot, thing) holds, or an empty one (NULL) for the
 * caller to fill; when it does, it adds 1 to t->n.  NULL: out of memory.  The slot is good
 * until the next call.
 */
void **intern_find(struct intern *t, uint64_t hash, const void *thing,
    int (*equal)(const void *have, const void *thing));

#endif
