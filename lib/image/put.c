/*
 * Storing an image: the pool's stages between the lanes and the repository.
 */
#include <stdlib.h>
#include <string.h>

#include "image/put_private.h"

int
put_fail(struct image_put *p, struct err *e)
{
	pthread_mutex_lock(&p->lock);
	if (p->first.kind == ERR_NONE)
		p->first = *e;
	else
		*e = p->first;
	pthread_mutex_unlock(&p->lock);
	return -1;
}

static void
job_free(struct put_job *job)
{
	if (job == NULL)
		return;
	buf_free(&job->out);
	free(job->raw);
	free(job);
}

static struct put_job *
job_new(struct err *e)
{
	struct put_job *job = calloc(1, sizeof(*job));

	if (job != NULL && (job->raw = malloc(SEAL_RAW_MAX)) != NULL &&
	    buf_reserve(&job->out, SEAL_FRAME_HEADER + SEAL_STORED_MAX) == 0)
		return job;
	job_free(job);
	err_set(e, ERR_SYSTEM, "out of memory");
	return NULL;
}

/* From the free list, which never holds more than the pool and the lanes had at once. */
struct put_job *
put_job_get(struct image_put *p, struct err *e)
{
	struct put_job *job;

	pthread_mutex_lock(&p->lock);
	if ((job = p->free_jobs) != NULL)
		p->free_jobs = job->next;
	pthread_mutex_unlock(&p->lock);
	if (job == NULL && (job = job_new(e)) == NULL)
		return NULL;
	job->lane = NULL;
	job->pack = NULL;
	job->len = 0;
	job->npieces = 0;
	memset(&job->frame, 0, sizeof(job->frame));
	buf_reset(&job->out);
	return job;
}

void
put_job_drop(struct image_put *p, struct put_job *job)
{
	int i;

	for (i = 0; i < job->npieces; i++)
		put_file_drop(job->pieces[i].file);
	job->npieces = 0;
	pthread_mutex_lock(&p->lock);
	job->next = p->free_jobs;
	p->free_jobs = job;
	pthread_mutex_unlock(&p->lock);
}

/* Under order: the job is the next frame of the open pack. */
static int
submit_frame(struct image_put *p, struct put_job *job, struct err *e)
{
	job->pack = p->pack;
	job->frame.number = p->pack->frames++;
	job->frame.raw = (uint32_t)job->len;
	return pool_submit(p->pool, job, sizeof(*job) + 2 * (size_t)SEAL_RAW_MAX, e);
}

/* Under order: an empty last frame ends the open pack. */
static int
close_pack(struct image_put *p, struct err *e)
{
	struct put_job *job = put_job_get(p, e);
	int r;

	if (job == NULL)
		return -1;
	job->frame.flags = SEAL_LAST;
	r = submit_frame(p, job, e);
	p->pack = NULL;
	return r;
}

static int
pack_is_full(const struct image_put *p)
{
	return atomic_load(&p->pack->stored) >= p->o.pack_bytes ||
	    p->pack->frames >= IMAGE_PACK_FRAMES - 1;
}

static int
submit_in_order(struct image_put *p, struct put_job *job, struct err *e)
{
	int r = 0;

	if (job->len == 0)
		return pool_submit(p->pool, job, sizeof(*job), e);
	if (p->pack != NULL && pack_is_full(p))
		r = close_pack(p, e);
	if (r == 0 && p->pack == NULL && (p->pack = pack_new(p, e)) == NULL)
		r = -1;
	if (r == 0)
		return submit_frame(p, job, e);
	put_job_drop(p, job);
	return -1;
}

int
put_submit(struct image_put *p, struct put_job *job, struct err *e)
{
	int r;

	pthread_mutex_lock(&p->order);
	r = submit_in_order(p, job, e);
	pthread_mutex_unlock(&p->order);
	return r;
}

static uint32_t
page_bytes(uint32_t left)
{
	return left < IMAGE_PAGE ? left : IMAGE_PAGE;
}

static void
digest_pages(const struct image_put *p, struct put_job *job)
{
	const struct put_piece *piece;
	uint32_t at;
	size_t n = 0;
	int i;

	for (i = 0; i < job->npieces; i++) {
		piece = &job->pieces[i];
		for (at = 0; at < piece->len; at += IMAGE_PAGE)
			seal_page_digest(job->digests[n++], p->digest_key,
			    job->raw + piece->offset + at, page_bytes(piece->len - at));
	}
}

/* Stage 1, on a worker. */
static int
work(void *ctx, int worker, void *arg, struct err *e)
{
	struct image_put *p = ctx;
	struct put_job *job = arg;

	if (job->pack == NULL)
		return 0;
	digest_pages(p, job);
	if (seal_frame(job->pack->seal, p->ctx[worker], &job->frame, job->raw, &job->out,
		e) == 0)
		return 0;
	return put_fail(p, e);
}

static int
emit_record(void *ctx, const struct buf *record, struct err *e)
{
	struct image_put *p = ctx;

	return manifest_writer_add(&p->manifest, record, e);
}

/*
 * The piece's pages and their digests go to the file's map; a complete file to the manifest.
 */
static int
settle_piece(struct image_put *p, const struct put_job *job, const struct put_piece *piece,
    size_t *digest, struct err *e)
{
	struct put_file *f = piece->file;
	size_t pages = (size_t)image_pages(piece->len);
	struct image_run run;

	if (pages > 0) {
		run = (struct image_run){ f->pages, (uint32_t)pages, job->pack->number,
			(uint32_t)job->frame.number, piece->offset };
		if (image_file_add_run(&f->f, &run, e) != 0)
			return -1;
		seal_hash_add(&f->digest, job->digests[*digest], pages * SEAL_PAGE_DIGEST);
		f->pages += pages;
		*digest += pages;
	}
	if (!piece->last)
		return 0;
	seal_hash_end(&f->digest, f->f.digest);
	p->sum.files++;
	p->sum.bytes += f->f.f.size;
	return manifest_encode_file(&f->f, emit_record, p, e);
}

/* Stage 2, on the writer's thread, in order. */
static int
settle(struct image_put *p, struct put_job *job, struct err *e)
{
	size_t digest = 0;
	int i;

	if (job->pack != NULL && pack_write(p, job, e) != 0)
		return -1;
	for (i = 0; i < job->npieces; i++)
		if (settle_piece(p, job, &job->pieces[i], &digest, e) != 0)
			return -1;
	if (job->pack != NULL && (job->frame.flags & SEAL_LAST) != 0)
		return pack_syncer_push(&p->syncer, job->pack, e);
	return 0;
}

static int
done(void *ctx, void *arg, struct err *e)
{
	struct image_put *p = ctx;

	return settle(p, arg, e) == 0 ? 0 : put_fail(p, e);
}

static void
drop(void *ctx, void *arg)
{
	put_job_drop(ctx, arg);
}

static int
start_threads(struct image_put *p, struct err *e)
{
	static const struct pool_calls calls = { work, done, drop };
	size_t jobs = (size_t)p->o.jobs, i;

	if ((p->ctx = calloc(jobs, sizeof(struct seal_ctx *))) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (i = 0; i < jobs; i++)
		if ((p->ctx[i] = seal_ctx_new(p->o.level, e)) == NULL)
			return -1;
	if (pack_syncer_begin(&p->syncer, p, e) != 0)
		return -1;
	p->pool = pool_new(p->o.jobs, 2 * jobs + 2, SIZE_MAX, &calls, p, e);
	return p->pool == NULL ? -1 : 0;
}

static int
put_meta(struct image_put *p, enum manifest_record kind, struct image_meta *m, struct err *e)
{
	struct buf record = BUF_INIT;
	int r;

	memcpy(m->digest_key, p->digest_key, sizeof(m->digest_key));
	if ((r = manifest_encode_meta(&record, kind, m, e)) == 0)
		r = manifest_writer_add(&p->manifest, &record, e);
	buf_wipe(&record);
	return r;
}

struct image_put *
image_put_new(const struct image_put_options *o, const struct image_meta *begin, struct err *e)
{
	struct image_put *p;
	struct image_meta copy = *begin;

	if ((p = calloc(1, sizeof(*p))) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	p->o = *o;
	if (p->o.pack_bytes == 0)
		p->o.pack_bytes = PACK_BYTES;
	memcpy(p->digest_key, o->source->digest_key, sizeof(p->digest_key));
	pthread_mutex_init(&p->order, NULL);
	pthread_mutex_init(&p->lock, NULL);
	if (manifest_writer_begin(&p->manifest, o, e) == 0 &&
	    put_meta(p, MANIFEST_BEGIN, &copy, e) == 0 && start_threads(p, e) == 0)
		return p;
	image_put_free(p);
	return NULL;
}

struct image_lane *
image_put_lane(struct image_put *p, struct err *e)
{
	struct image_lane *l = NULL;

	pthread_mutex_lock(&p->lock);
	if (p->nlanes == IMAGE_LANES)
		err_set(e, ERR_BUG, "image: too many lanes");
	else if ((l = lane_new(p, p->nlanes, e)) != NULL)
		p->lanes[p->nlanes++] = l;
	pthread_mutex_unlock(&p->lock);
	return l;
}

/* What the lanes have gathered, and the last pack's end, go through the pool. */
static int
drain(struct image_put *p, struct err *e)
{
	int i, r = 0;

	for (i = 0; r == 0 && i < p->nlanes; i++)
		r = image_lane_flush(p->lanes[i], e);
	pthread_mutex_lock(&p->order);
	if (r == 0 && p->pack != NULL)
		r = close_pack(p, e);
	pthread_mutex_unlock(&p->order);
	return r == 0 ? pool_finish(p->pool, e) : -1;
}

int
image_put_finish(struct image_put *p, struct image_meta *end, struct image_summary *s,
    struct err *e)
{
	if (drain(p, e) != 0)
		return put_fail(p, e);
	end->files = p->sum.files;
	end->bytes = p->sum.bytes;
	if (pack_syncer_end(&p->syncer, p->sum.packlist, e) != 0 ||
	    put_meta(p, MANIFEST_END, end, e) != 0 ||
	    manifest_writer_end(&p->manifest, p->sum.manifest, e) != 0 ||
	    repo_snapshot_place(p->o.session, p->o.id, e) != 0)
		return put_fail(p, e);
	p->sum.stored += p->manifest.stored;
	p->sum.packs = p->syncer.packs;
	*s = p->sum;
	return 0;
}

void
image_put_free(struct image_put *p)
{
	struct put_job *job;
	struct put_pack *pack;
	int i;

	if (p == NULL)
		return;
	pool_free(p->pool);
	pack_syncer_free(&p->syncer);
	for (i = 0; i < p->nlanes; i++)
		lane_free(p->lanes[i]);
	while ((job = p->free_jobs) != NULL) {
		p->free_jobs = job->next;
		job_free(job);
	}
	while ((pack = p->live) != NULL) {
		p->live = pack->next;
		pack_free(pack);
	}
	manifest_writer_free(&p->manifest);
	for (i = 0; p->ctx != NULL && i < p->o.jobs; i++)
		seal_ctx_free(p->ctx[i]);
	free(p->ctx);
	explicit_bzero(p->digest_key, sizeof(p->digest_key));
	pthread_mutex_destroy(&p->lock);
	pthread_mutex_destroy(&p->order);
	free(p);
}
