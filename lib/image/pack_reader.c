/*
 * Packs open for reading: a small cache, and each one's table of frames.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "image/get_private.h"

void
pack_reader_drop(struct pack_reader *r)
{
	if (r == NULL || atomic_fetch_sub(&r->refs, 1) != 1)
		return;
	seal_walk_end(&r->walk);
	seal_free(r->seal);
	repo_object_free(r->object);
	free(r->at);
	free(r);
}

/* The pack says whose it is, under authentication; another source's cannot pose as ours. */
static int
check_owner(const struct pack_cache *c, const struct pack_reader *r, struct err *e)
{
	size_t n = strlen(c->source);

	if (strncmp(seal_name(r->seal), c->source, n) != 0 || seal_name(r->seal)[n] != '/')
		return err_set(e, ERR_CORRUPT, "it is %s, not a pack of %s",
		    seal_name(r->seal), c->source);
	return 0;
}

static int
open_pack(const struct pack_cache *c, struct pack_reader *r, struct err *e)
{
	const struct io_source *src;
	uint64_t first;

	if ((r->object = repo_get(c->repo, REPO_PACK, c->source, r->name, e)) == NULL) {
		if (e->kind == ERR_NOTFOUND)
			err_set(e, ERR_CORRUPT, "missing");
		return -1;
	}
	src = repo_object_source(r->object);
	r->seal = seal_open(src, SEAL_PACK, repo_id(c->repo), NULL, c->key, &first, e);
	if (r->seal == NULL || check_owner(c, r, e) != 0)
		return -1;
	seal_walk_begin(&r->walk, src, first, 0);
	return 0;
}

static struct pack_reader *
reader_new(const struct pack_cache *c, uint32_t number, struct err *e)
{
	struct pack_reader *r;

	if (number >= c->npacks) {
		err_set(e, ERR_CORRUPT, "pack %u: not in the pack list", number);
		return NULL;
	}
	if ((r = calloc(1, sizeof(*r))) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	atomic_init(&r->refs, 1);
	r->number = number;
	hex_encode(r->name, c->packs + (size_t)number * 32, 32);
	if (open_pack(c, r, e) == 0)
		return r;
	err_context(e, "pack %s", r->name);
	pack_reader_drop(r);
	return NULL;
}

struct pack_reader *
pack_cache_get(struct pack_cache *c, uint32_t number, struct err *e)
{
	struct pack_reader *r;
	size_t i, oldest = 0;

	for (i = 0; i < PACKS_OPEN; i++) {
		if ((r = c->open[i]) != NULL && r->number == number)
			goto found;
		if (r == NULL || (c->open[oldest] != NULL && r->used < c->open[oldest]->used))
			oldest = i;
	}
	if ((r = reader_new(c, number, e)) == NULL)
		return NULL;
	pack_reader_drop(c->open[oldest]);
	c->open[oldest] = r;
found:
	r->used = ++c->clock;
	atomic_fetch_add(&r->refs, 1);
	return r;
}

void
pack_cache_free(struct pack_cache *c)
{
	size_t i;

	for (i = 0; i < PACKS_OPEN; i++)
		pack_reader_drop(c->open[i]);
	memset(c->open, 0, sizeof(c->open));
}

static int
grow(struct pack_reader *r, struct err *e)
{
	uint32_t cap = r->cap == 0 ? 1024 : 2 * r->cap;
	uint64_t *at;

	if (r->frames + 1 < r->cap)
		return 0;
	if ((at = reallocarray(r->at, cap, sizeof(*at))) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	r->at = at;
	r->cap = cap;
	return 0;
}

int
pack_reader_find(struct pack_reader *r, uint32_t n, uint64_t *at, size_t *len, struct err *e)
{
	struct seal_frame f;
	int got;

	while (r->frames <= n) {
		if (r->frames == IMAGE_PACK_FRAMES)
			return err_set(e, ERR_CORRUPT, "pack %s: more than %u frames", r->name,
			    IMAGE_PACK_FRAMES);
		if (grow(r, e) != 0 || (got = seal_walk_next(&r->walk, &f, e)) < 0)
			return err_context(e, "pack %s", r->name);
		if (got == 0)
			return err_set(e, ERR_CORRUPT,
			    "pack %s: damaged or cut off at frame %u", r->name, r->frames);
		r->at[r->frames++] = r->walk.frame_at;
		r->at[r->frames] = r->walk.at;
	}
	*at = r->at[n];
	*len = (size_t)(r->at[n + 1] - r->at[n]);
	return 0;
}

static int
read_frame(const struct pack_reader *r, uint64_t at, size_t len, struct buf *scratch,
    struct err *e)
{
	const struct io_source *src = repo_object_source(r->object);
	size_t got;

	buf_reset(scratch);
	if (buf_reserve(scratch, len) != 0)
		return buf_check(scratch, e);
	if (src->pread(src->ctx, scratch->data, len, at, &got, e) != 0)
		return -1;
	if (got != len)
		return err_set(e, ERR_CORRUPT, "became shorter while it was read");
	scratch->len = len;
	return 0;
}

int
pack_reader_open(const struct pack_reader *r, uint32_t n, uint64_t at, size_t len,
    struct seal_ctx *ctx, struct buf *scratch, struct buf *out, struct err *e)
{
	struct seal_frame f = { .number = n };

	if (read_frame(r, at, len, scratch, e) != 0 ||
	    seal_frame_parse(scratch->data, &f, e) != 0)
		return err_context(e, "pack %s", r->name);
	if (f.stored != len - SEAL_FRAME_HEADER)
		return err_set(e, ERR_CORRUPT, "pack %s: changed while it was read", r->name);
	if (seal_frame_open(r->seal, ctx, &f, scratch->data, scratch->data + SEAL_FRAME_HEADER,
		out, e) != 0)
		return err_context(e, "pack %s", r->name);
	return 0;
}
