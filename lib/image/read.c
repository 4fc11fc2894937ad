/*
 * Reading a whole image in parallel: each frame is opened once for all the files that
 * have bytes in it, workers hand out the bytes, and the pool's order puts the page
 * digests together to file digests.
 */
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "image/get_private.h"

#define JOB_PIECES  256
#define JOB_DIGESTS (SEAL_RAW_MAX / IMAGE_PAGE + JOB_PIECES)

/* A file on its way; held by the planner and by each piece. */
struct read_file {
	atomic_uint refs;
	struct image_file f; /* without its runs, but for their number */
	void *handle;
	struct seal_hash hash; /* what follows is the ordered stage's */
	int damaged;
};

struct read_piece {
	struct read_file *file;
	uint64_t offset; /* in the file */
	uint32_t at, len; /* in the frame */
	int last;
};

struct read_job {
	struct pack_reader *pack; /* NULL: no bytes, or damaged */
	char name[65];		  /* of the pack */
	uint32_t frame;
	uint64_t at;
	size_t len;
	struct err damage; /* of the pack or frame; kind ERR_NONE: none */
	int npieces;
	size_t ndigests;
	struct read_piece pieces[JOB_PIECES];
	uint8_t digests[JOB_DIGESTS][SEAL_PAGE_DIGEST];
};

struct scratch {
	struct seal_ctx *ctx;
	struct buf ciphertext, raw;
};

struct reading {
	struct image *im;
	const struct image_visitor *v;
	struct report *report;
	struct pool *pool;
	struct scratch *scratch; /* one a worker */
	int jobs;

	/* the planner's */
	struct read_job *job;
	int located; /* job's frame is known */
	uint32_t pack;

	uint64_t done; /* bytes, the ordered stage's */
};

static void
file_drop(const struct reading *r, struct read_file *f)
{
	if (atomic_fetch_sub(&f->refs, 1) != 1)
		return;
	if (r->v->drop != NULL)
		r->v->drop(r->v->ctx, f->handle);
	free(f);
}

static void
job_drop(void *ctx, void *arg)
{
	struct reading *r = ctx;
	struct read_job *job = arg;
	int i;

	for (i = 0; i < job->npieces; i++)
		file_drop(r, job->pieces[i].file);
	pack_reader_drop(job->pack);
	free(job);
}

/* ---- the planner, on the caller's thread -------------------------------- */

static int
submit(struct reading *r, struct err *e)
{
	struct read_job *job = r->job;

	r->job = NULL;
	return job == NULL ? 0 : pool_submit(r->pool, job, job->len, e);
}

static int
need_job(struct reading *r, struct err *e)
{
	if (r->job != NULL && r->job->npieces == JOB_PIECES && submit(r, e) != 0)
		return -1;
	if (r->job != NULL)
		return 0;
	if ((r->job = malloc(sizeof(*r->job))) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	memset(r->job, 0, offsetof(struct read_job, pieces));
	r->located = 0;
	return 0;
}

static void
add_piece(struct reading *r, struct read_file *f, uint64_t offset, uint32_t at, uint32_t len)
{
	r->job->pieces[r->job->npieces++] = (struct read_piece){ f, offset, at, len, 0 };
	atomic_fetch_add(&f->refs, 1);
}

/* A fault of the store, as opposed to one of this process. */
static int
is_damage(const struct err *e)
{
	return e->kind == ERR_CORRUPT || e->kind == ERR_IO || e->kind == ERR_NOTFOUND ||
	    e->kind == ERR_REFUSED;
}

/* Find the run's frame for the job; that it cannot be found is the job's damage. */
static int
locate(struct reading *r, const struct image_run *run, struct err *e)
{
	struct read_job *job = r->job;

	r->located = 1;
	r->pack = run->pack;
	job->frame = run->frame;
	if ((job->pack = pack_cache_get(&r->im->cache, run->pack, e)) != NULL) {
		memcpy(job->name, job->pack->name, sizeof(job->name));
		if (pack_reader_find(job->pack, run->frame, &job->at, &job->len, e) == 0)
			return 0;
		pack_reader_drop(job->pack);
		job->pack = NULL;
	}
	if (!is_damage(e))
		return -1;
	job->damage = *e;
	return 0;
}

static int
plan_run(struct reading *r, struct read_file *f, const struct image_run *run, struct err *e)
{
	struct read_job *job = r->job;

	if (job != NULL && r->located &&
	    (r->pack != run->pack || job->frame != run->frame ||
		run->pages > JOB_DIGESTS - job->ndigests) &&
	    submit(r, e) != 0)
		return -1;
	if (need_job(r, e) != 0 || (!r->located && locate(r, run, e) != 0))
		return -1;
	add_piece(r, f, run->page * IMAGE_PAGE, run->offset, image_run_bytes(&f->f, run));
	r->job->ndigests += run->pages;
	return 0;
}

static int
plan_runs(struct reading *r, struct read_file *f, const struct image_file *from, struct err *e)
{
	size_t i;

	for (i = 0; i < from->nruns; i++)
		if (plan_run(r, f, &from->runs[i], e) != 0)
			return -1;
	if (from->nruns == 0) {
		if (need_job(r, e) != 0)
			return -1;
		add_piece(r, f, 0, 0, 0);
	}
	r->job->pieces[r->job->npieces - 1].last = 1;
	return 0;
}

static int
plan_file(struct reading *r, const struct image_file *from, struct err *e)
{
	struct read_file *f = aligned_alloc(_Alignof(struct read_file), sizeof(*f));
	int ret;

	if (f == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	atomic_init(&f->refs, 1);
	f->f = *from;
	f->f.runs = NULL;
	f->handle = NULL;
	f->damaged = 0;
	seal_hash_begin_keyed(&f->hash, r->im->meta.digest_key);
	if (r->v->file != NULL && r->v->file(r->v->ctx, from, &f->handle, e) != 0) {
		free(f); /* without a handle there is nothing to drop */
		return -1;
	}
	ret = plan_runs(r, f, from, e);
	file_drop(r, f);
	return ret;
}

static int
plan(struct reading *r, struct err *e)
{
	struct image_file f = { .runs = NULL };
	int got;

	if (image_rewind(r->im, e) != 0)
		return -1;
	while ((got = image_next(r->im, &f, e)) > 0)
		if (plan_file(r, &f, e) != 0) {
			image_file_reset(&f);
			return -1;
		}
	image_file_reset(&f);
	return got == 0 ? submit(r, e) : -1;
}

/* ---- on workers ---------------------------------------------------------- */

static int
open_frame(const struct reading *r, struct read_job *job, struct scratch *s, struct err *e)
{
	uint8_t(*digest)[SEAL_PAGE_DIGEST] = job->digests;
	int i;

	if (pack_reader_open(job->pack, job->frame, job->at, job->len, s->ctx, &s->ciphertext,
		&s->raw, e) != 0)
		return -1;
	for (i = 0; i < job->npieces; i++) {
		if (image_digest_pages(&r->im->meta, &s->raw, job->pieces[i].at,
			job->pieces[i].len, digest, e) != 0)
			return err_context(e, "pack %s", job->name);
		digest += image_pages(job->pieces[i].len);
	}
	return 0;
}

static int
job_work(void *ctx, int worker, void *arg, struct err *e)
{
	struct reading *r = ctx;
	struct read_job *job = arg;
	struct scratch *s = &r->scratch[worker];
	const struct read_piece *p;
	int i;

	if (job->pack == NULL)
		return 0;
	if (open_frame(r, job, s, e) != 0) {
		job->damage = *e;
		return is_damage(e) ? 0 : -1;
	}
	for (i = 0; r->v->bytes != NULL && i < job->npieces; i++) {
		p = &job->pieces[i];
		if (p->len > 0 &&
		    r->v->bytes(r->v->ctx, p->file->handle, p->offset, s->raw.data + p->at,
			p->len, e) != 0)
			return -1;
	}
	return 0;
}

/* ---- in order, on the pool's writer -------------------------------------- */

static int
report_damage(const struct reading *r, struct read_file *f, struct err *what, struct err *e)
{
	if (f->damaged)
		return 0;
	f->damaged = 1;
	if (r->v->damage != NULL)
		return r->v->damage(r->v->ctx, f->handle, f->f.f.path, what, e);
	*e = *what;
	return -1;
}

static int
end_file(const struct reading *r, const struct read_job *job, struct read_file *f,
    struct err *e)
{
	struct err what = ERR_INIT;
	uint8_t digest[32];

	seal_hash_end(&f->hash, digest);
	if (!f->damaged && f->f.f.type == PG_FILE_REGULAR &&
	    memcmp(digest, f->f.digest, sizeof(digest)) != 0) {
		image_digest_wrong(&f->f, job->name, &what);
		if (report_damage(r, f, &what, e) != 0)
			return -1;
	}
	if (f->damaged || r->v->end == NULL)
		return 0;
	return r->v->end(r->v->ctx, f->handle, e);
}

static int
job_done(void *ctx, void *arg, struct err *e)
{
	struct reading *r = ctx;
	struct read_job *job = arg;
	struct read_piece *p;
	struct err what;
	size_t pages, n = 0;
	int i;

	for (i = 0; i < job->npieces; i++) {
		p = &job->pieces[i];
		if (job->damage.kind != ERR_NONE && p->len > 0) {
			what = job->damage;
			err_context(&what, "%s", p->file->f.f.path);
			if (report_damage(r, p->file, &what, e) != 0)
				return -1;
		} else {
			pages = (size_t)image_pages(p->len);
			seal_hash_add(&p->file->hash, job->digests[n],
			    pages * SEAL_PAGE_DIGEST);
			n += pages;
		}
		r->done += p->len;
		if (p->last && end_file(r, job, p->file, e) != 0)
			return -1;
	}
	report_progress(r->report, "reading", r->done, r->im->meta.bytes);
	return 0;
}

/* ---- all together --------------------------------------------------------- */

static int
begin(struct reading *r, struct err *e)
{
	static const struct pool_calls calls = { job_work, job_done, job_drop };
	int i;

	if ((r->scratch = calloc((size_t)r->jobs, sizeof(*r->scratch))) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (i = 0; i < r->jobs; i++)
		if ((r->scratch[i].ctx = seal_ctx_new(1, e)) == NULL)
			return -1;
	r->pool = pool_new(r->jobs, 4 * (size_t)r->jobs, SIZE_MAX, &calls, r, e);
	return r->pool == NULL ? -1 : 0;
}

static void
end(struct reading *r)
{
	int i;

	pool_free(r->pool);
	if (r->job != NULL)
		job_drop(r, r->job);
	for (i = 0; r->scratch != NULL && i < r->jobs; i++) {
		seal_ctx_free(r->scratch[i].ctx);
		buf_free(&r->scratch[i].ciphertext);
		buf_free(&r->scratch[i].raw);
	}
	free(r->scratch);
}

int
image_read(struct image *im, int jobs, const struct image_visitor *v, struct report *report,
    struct err *e)
{
	struct reading r = { .im = im, .v = v, .report = report, .jobs = jobs };
	struct err late = ERR_INIT;
	int ret;

	if ((ret = begin(&r, e)) == 0) {
		ret = plan(&r, e);
		/* The pool's failure is the cause when the planner was only woken by it. */
		if (pool_finish(r.pool, &late) != 0 &&
		    (ret == 0 || e->kind == ERR_CANCELLED)) {
			*e = late;
			ret = -1;
		}
	}
	end(&r);
	report_done(report);
	return ret;
}
