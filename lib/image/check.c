/*
 * Checking stored snapshots without a key: every object against its hash in the
 * journal or its name.
 */
#include "image/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/pool.h"
#include "seal/sealed.h"

#define END_FRAME (SEAL_FRAME_HEADER + 16u) /* an empty one */

/* A snapshot needs a pack. */
struct use {
	uint8_t hash[32];
	uint32_t snapshot; /* which of the catalog's */
};

struct stored {
	const struct image_check *o;
	struct use *uses; /* by hash: those of one pack lie together */
	size_t nuses, cap;
	size_t npacks;
	/* Of each snapshot of the catalog: */
	uint64_t *sizes; /* bytes of its manifest and of its packs, those that are well */
	uint8_t *faults; /* whether others are not */
	uint64_t done;	 /* packs */
	int unlisted;	 /* a list could not be read: what looks like an orphan may be in it */
	uint64_t orphans, orphan_bytes;
};

struct pack_job {
	const struct use *uses;
	size_t nuses;
	int read;
	struct repo_object *object;
	struct err found; /* kind ERR_NONE: it is well */
};

static const struct catalog_snapshot *
snapshot_of(const struct stored *st, uint32_t i)
{
	return &repo_catalog(st->o->repo)->snapshots[i];
}

static void
object_name(char out[64], const struct catalog_snapshot *s)
{
	(void)snprintf(out, 64, "snapshot %s", s->id); /* fits: ids have 39 bytes */
}

/* ---- one sealed file --------------------------------------------------------- */

static int
hash_preamble(struct seal_hash *h, const struct io_source *src, uint64_t at, struct err *e)
{
	uint8_t bytes[SEAL_PREAMBLE_MAX];
	size_t got;

	if (src->pread(src->ctx, bytes, (size_t)at, 0, &got, e) != 0)
		return -1;
	seal_hash_begin(h);
	seal_hash_add(h, bytes, got);
	return 0;
}

/* Read it all: its frames are whole, up to the last; and its hash. */
static int
read_sealed(const struct io_source *src, uint64_t at, uint8_t hash[32], struct err *e)
{
	struct seal_hash h;
	struct seal_walk w;
	struct seal_frame f;
	int r;

	if (hash_preamble(&h, src, at, e) != 0)
		return -1;
	seal_walk_begin(&w, src, at, 1);
	while ((r = seal_walk_next(&w, &f, e)) > 0) {
		seal_hash_add(&h, w.hdr, sizeof(w.hdr));
		seal_hash_add(&h, w.ciphertext.data, w.ciphertext.len);
	}
	seal_hash_end(&h, hash);
	if (r == 0 && !w.last)
		r = err_set(e, ERR_CORRUPT, "%s: damaged or cut off at frame %" PRIu64,
		    src->name, w.number);
	seal_walk_end(&w);
	return r;
}

/* Does it end as a complete pack does, with an empty last frame? */
static int
check_end(const struct io_source *src, uint64_t at, struct err *e)
{
	uint8_t end[END_FRAME];
	struct seal_frame f;
	struct err not;
	size_t got;

	if (src->size >= at + END_FRAME) {
		if (src->pread(src->ctx, end, END_FRAME, src->size - END_FRAME, &got, e) != 0)
			return -1;
		if (got == END_FRAME && seal_frame_parse(end, &f, &not) == 0 &&
		    (f.flags & SEAL_LAST) != 0 && f.stored == END_FRAME - SEAL_FRAME_HEADER &&
		    seal_frame_check(end, end + SEAL_FRAME_HEADER, f.stored))
			return 0;
	}
	return err_set(e, ERR_CORRUPT, "%s: damaged or cut off at its end", src->name);
}

static int
check_pack(const struct stored *st, const struct pack_job *job, struct err *e)
{
	const struct io_source *src = repo_object_source(job->object);
	const char *source = st->o->source;
	uint8_t hash[32];
	struct seal *seal;
	uint64_t at;
	size_t n = strlen(source);
	int ours;

	seal = seal_open(src, SEAL_PACK, repo_id(st->o->repo), NULL, NULL, &at, e);
	if (seal == NULL)
		return -1;
	ours = strncmp(seal_name(seal), source, n) == 0 && seal_name(seal)[n] == '/';
	seal_free(seal);
	if (!ours)
		return err_set(e, ERR_CORRUPT, "%s: of another source", src->name);
	if (!job->read)
		return check_end(src, at, e);
	if (read_sealed(src, at, hash, e) != 0)
		return -1;
	if (memcmp(hash, job->uses->hash, sizeof(hash)) != 0)
		return err_set(e, ERR_CORRUPT, "%s: its content does not match its name",
		    src->name);
	return 0;
}

static int
check_manifest(const struct stored *st, const struct catalog_snapshot *s, uint64_t *size,
    struct err *e)
{
	struct repo_object *o = repo_get(st->o->repo, REPO_MANIFEST, s->source, s->id, e);
	const struct io_source *src;
	char name[SEAL_NAME_MAX];
	uint8_t hash[32];
	struct seal *seal;
	uint64_t at;
	int r = -1;

	if (o == NULL)
		return -1;
	src = repo_object_source(o);
	*size = src->size;
	(void)snprintf(name, sizeof(name), "%s/%s", s->source, s->id); /* fits: 64 + 40 */
	seal = seal_open(src, SEAL_MANIFEST, repo_id(st->o->repo), name, NULL, &at, e);
	if (seal != NULL && (r = read_sealed(src, at, hash, e)) == 0 &&
	    memcmp(hash, s->manifest, sizeof(hash)) != 0)
		r = err_set(e, ERR_CORRUPT, "%s: its content is not what the journal signs",
		    src->name);
	seal_free(seal);
	repo_object_free(o);
	return r;
}

/* ---- what the snapshots need --------------------------------------------------- */

static int
add_uses(struct stored *st, uint32_t snapshot, const uint8_t *list, size_t n, struct err *e)
{
	struct use *grown;
	size_t i, cap;

	if (st->nuses + n > st->cap) {
		cap = 2 * (st->nuses + n);
		if ((grown = reallocarray(st->uses, cap, sizeof(*grown))) == NULL)
			return err_set(e, ERR_SYSTEM, "out of memory");
		st->uses = grown;
		st->cap = cap;
	}
	for (i = 0; i < n; i++) {
		memcpy(st->uses[st->nuses].hash, list + 32 * i, 32);
		st->uses[st->nuses++].snapshot = snapshot;
	}
	return 0;
}

/* An object of the snapshot failed. */
static int
fault(struct stored *st, uint32_t snapshot, const struct err *what, struct err *e)
{
	char object[64];

	object_name(object, snapshot_of(st, snapshot));
	st->faults[snapshot] = 1;
	return finding_of(st->o->findings, st->o->source, object, what, e);
}

static int
check_lists(struct stored *st, uint32_t i, struct err *e)
{
	const struct catalog_snapshot *s = snapshot_of(st, i);
	struct err what = ERR_INIT;
	char object[64];
	uint8_t *list;
	size_t n;
	int r;

	object_name(object, s);
	if (s->broken_pages)
		finding(st->o->findings, FINDING_NOTE, s->source, object,
		    "the server found broken pages in it: it does not count as good");
	if (check_manifest(st, s, &st->sizes[i], &what) != 0 && fault(st, i, &what, e) != 0)
		return -1;
	if ((list = repo_packlist(st->o->repo, s, &n, &what)) == NULL) {
		st->unlisted = 1;
		return fault(st, i, &what, e);
	}
	r = add_uses(st, i, list, n, e);
	free(list);
	return r;
}

static int
by_hash(const void *a, const void *b)
{
	const struct use *x = a, *y = b;
	int c = memcmp(x->hash, y->hash, sizeof(x->hash));

	return c != 0 ? c : x->snapshot < y->snapshot ? -1 : x->snapshot > y->snapshot;
}

/* How many of the uses from i on are of the same pack. */
static size_t
same_pack(const struct stored *st, size_t i)
{
	size_t n = 1;

	while (i + n < st->nuses && memcmp(st->uses[i].hash, st->uses[i + n].hash, 32) == 0)
		n++;
	return n;
}

static int
gather(struct stored *st, struct err *e)
{
	const struct catalog *c = repo_catalog(st->o->repo);
	uint32_t i;
	size_t k;

	st->sizes = calloc(c->nsnapshots + 1, sizeof(*st->sizes));
	st->faults = calloc(c->nsnapshots + 1, 1);
	if (st->sizes == NULL || st->faults == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (i = 0; i < c->nsnapshots; i++)
		if (strcmp(c->snapshots[i].source, st->o->source) == 0 &&
		    check_lists(st, i, e) != 0)
			return -1;
	if (st->nuses > 0)
		qsort(st->uses, st->nuses, sizeof(*st->uses), by_hash);
	for (k = 0; k < st->nuses; k += same_pack(st, k))
		st->npacks++;
	return 0;
}

/* ---- the packs, in parallel ------------------------------------------------------ */

static int
pack_work(void *ctx, int worker, void *arg, struct err *e)
{
	struct pack_job *job = arg;

	(void)worker;
	(void)e; /* what fails is the pack's */
	if (job->object != NULL)
		(void)check_pack(ctx, job, &job->found);
	return 0;
}

static int
pack_done(void *ctx, void *arg, struct err *e)
{
	struct stored *st = ctx;
	struct pack_job *job = arg;
	size_t i;

	for (i = 0; i < job->nuses; i++) {
		if (job->found.kind == ERR_NONE)
			st->sizes[job->uses[i].snapshot] +=
			    repo_object_source(job->object)->size;
		else if (fault(st, job->uses[i].snapshot, &job->found, e) != 0)
			return -1;
	}
	report_progress(st->o->report, "checking packs", ++st->done, st->npacks);
	return 0;
}

static void
pack_drop(void *ctx, void *arg)
{
	struct pack_job *job = arg;

	(void)ctx;
	repo_object_free(job->object);
	free(job);
}

static int
submit(struct stored *st, struct pool *pool, size_t i, size_t n, int read, struct err *e)
{
	struct pack_job *job = calloc(1, sizeof(*job));
	char name[65];

	if (job == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	job->uses = st->uses + i;
	job->nuses = n;
	job->read = read;
	job->object = repo_get(st->o->repo, REPO_PACK, st->o->source,
	    hex_encode(name, job->uses->hash, 32), &job->found);
	return pool_submit(pool, job, 0, e);
}

/* splitmix64: the same sample for the same seed, everywhere. */
static uint64_t
random_next(uint64_t *state)
{
	uint64_t x = (*state += UINT64_C(0x9e3779b97f4a7c15));

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* Every pack; of `left` ones still to come `wanted` are read, each set of them as likely. */
static int
submit_all(struct stored *st, struct pool *pool, struct err *e)
{
	uint64_t left = st->npacks, state = st->o->seed;
	uint64_t wanted = (left * (uint64_t)st->o->percent + 99) / 100;
	size_t i, n;
	int read;

	for (i = 0; i < st->nuses; i += n) {
		n = same_pack(st, i);
		read = random_next(&state) % left < wanted;
		left--;
		wanted -= (uint64_t)read;
		if (submit(st, pool, i, n, read, e) != 0)
			return -1;
	}
	return 0;
}

static int
check_packs(struct stored *st, struct err *e)
{
	static const struct pool_calls calls = { pack_work, pack_done, pack_drop };
	struct err late = ERR_INIT;
	struct pool *pool;
	int r;

	pool = pool_new(st->o->jobs, 4 * (size_t)st->o->jobs, SIZE_MAX, &calls, st, e);
	if (pool == NULL)
		return -1;
	r = submit_all(st, pool, e);
	/* The pool's failure is the cause when the submitter was only woken by it. */
	if (pool_finish(pool, &late) != 0 && (r == 0 || e->kind == ERR_CANCELLED)) {
		*e = late;
		r = -1;
	}
	pool_free(pool);
	report_done(st->o->report);
	return r;
}

/* ---- the rest ---------------------------------------------------------------------- */

/* A pack may be cut in its middle, and look well at both ends. */
static void
check_sizes(const struct stored *st)
{
	const struct catalog *c = repo_catalog(st->o->repo);
	const struct catalog_snapshot *s;
	char object[64];
	size_t i;

	for (i = 0; i < c->nsnapshots; i++) {
		s = &c->snapshots[i];
		if (strcmp(s->source, st->o->source) != 0 || st->faults[i] ||
		    st->sizes[i] >= s->stored)
			continue;
		object_name(object, s);
		finding(st->o->findings, FINDING_BAD, s->source, object,
		    "manifest and packs have %" PRIu64 " bytes, and %" PRIu64 " were stored",
		    st->sizes[i], s->stored);
	}
}

static int
on_pack(void *ctx, const char *name, uint64_t size, struct err *e)
{
	struct stored *st = ctx;
	struct use key = { .snapshot = 0 };
	size_t lo = 0, hi = st->nuses, mid;

	(void)e; /* nothing here can fail */
	if (hex_decode(key.hash, 32, name) != 0)
		return 0;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (by_hash(&st->uses[mid], &key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < st->nuses && memcmp(st->uses[lo].hash, key.hash, 32) == 0)
		return 0;
	st->orphans++;
	st->orphan_bytes += size;
	return 0;
}

static int
find_orphans(struct stored *st, struct err *e)
{
	struct err what = ERR_INIT;

	if (repo_each_pack(st->o->repo, st->o->source, on_pack, st, &what) != 0)
		return finding_of(st->o->findings, st->o->source, "packs", &what, e);
	if (st->orphans > 0 && !st->unlisted)
		finding(st->o->findings, FINDING_NOTE, st->o->source, "packs",
		    "%" PRIu64 " with %" PRIu64 " bytes belong to no snapshot: one is being"
		    " committed, or was interrupted", st->orphans, st->orphan_bytes);
	return 0;
}

int
image_check_stored(const struct image_check *o, struct err *e)
{
	struct stored st = { .o = o };
	int r = gather(&st, e);

	if (r == 0 && (r = check_packs(&st, e)) == 0) {
		check_sizes(&st);
		r = find_orphans(&st, e);
	}
	free(st.uses);
	free(st.sizes);
	free(st.faults);
	return r;
}
