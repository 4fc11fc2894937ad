/*
 * The catalog's memory: hash tables by name, and one copy of each timeline history.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "repo/catalog_index.h"

struct slot {
	uint64_t hash;
	size_t n;		/* the entry's number + 1; 0: empty */
};

struct table {
	struct slot *slots;
	size_t nslots, used;	/* nslots: a power of two, at least twice used */
};

struct catalog_index {
	struct table tables[CATALOG_TABLES];
	struct wal_history **histories;
	size_t nhistories;
};

struct catalog_index *
catalog_index_new(struct err *e)
{
	struct catalog_index *ix = calloc(1, sizeof(*ix));

	if (ix == NULL)
		err_set(e, ERR_SYSTEM, "out of memory");
	return ix;
}

void
catalog_index_free(struct catalog_index *ix)
{
	size_t i;

	if (ix == NULL)
		return;
	for (i = 0; i < CATALOG_TABLES; i++)
		free(ix->tables[i].slots);
	for (i = 0; i < ix->nhistories; i++)
		free(ix->histories[i]);
	free(ix->histories);
	free(ix);
}

/* FNV-1a over the names, each with its NUL. */
static uint64_t
hash_names(const char *const names[3])
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	const char *s;
	int i;

	for (i = 0; i < 3; i++) {
		for (s = names[i]; *s != '\0'; s++)
			h = (h ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
		h *= UINT64_C(0x100000001b3);
	}
	return h;
}

long
catalog_index_find(const struct catalog_index *ix, enum catalog_table t,
    const char *const names[3], catalog_same same, const void *ctx)
{
	const struct table *tab = &ix->tables[t];
	uint64_t h = hash_names(names);
	size_t i;

	if (tab->nslots == 0)
		return -1;
	for (i = h & (tab->nslots - 1); tab->slots[i].n != 0; i = (i + 1) & (tab->nslots - 1))
		if (tab->slots[i].hash == h && same(ctx, tab->slots[i].n - 1, names))
			return (long)(tab->slots[i].n - 1);
	return -1;
}

static void
put(struct table *tab, struct slot s)
{
	size_t i = s.hash & (tab->nslots - 1);

	while (tab->slots[i].n != 0)
		i = (i + 1) & (tab->nslots - 1);
	tab->slots[i] = s;
	tab->used++;
}

static int
grow(struct table *tab, struct err *e)
{
	struct table bigger = { NULL, tab->nslots == 0 ? 64 : 2 * tab->nslots, 0 };
	size_t i;

	if ((bigger.slots = calloc(bigger.nslots, sizeof(struct slot))) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (i = 0; i < tab->nslots; i++)
		if (tab->slots[i].n != 0)
			put(&bigger, tab->slots[i]);
	free(tab->slots);
	*tab = bigger;
	return 0;
}

int
catalog_index_add(struct catalog_index *ix, enum catalog_table t, const char *const names[3],
    size_t n, struct err *e)
{
	struct table *tab = &ix->tables[t];

	if (2 * (tab->used + 1) > tab->nslots && grow(tab, e) != 0)
		return -1;
	put(tab, (struct slot){ hash_names(names), n + 1 });
	return 0;
}

static int
same_history(const struct wal_history *a, const struct wal_history *b)
{
	int i;

	if (a->timeline != b->timeline || a->n != b->n)
		return 0;
	for (i = 0; i < a->n; i++)
		if (a->at[i].timeline != b->at[i].timeline || a->at[i].end != b->at[i].end)
			return 0;
	return 1;
}

const struct wal_history *
catalog_index_history(struct catalog_index *ix, const struct wal_history *h, struct err *e)
{
	struct wal_history **more, *copy;
	size_t i;

	for (i = ix->nhistories; i > 0; i--)	/* the newest is the likely one */
		if (same_history(ix->histories[i - 1], h))
			return ix->histories[i - 1];
	more = realloc(ix->histories, (ix->nhistories + 1) * sizeof(struct wal_history *));
	if (more != NULL)
		ix->histories = more;
	if (more == NULL || (copy = malloc(sizeof(*copy))) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	*copy = *h;
	return ix->histories[ix->nhistories++] = copy;
}
