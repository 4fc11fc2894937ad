/*
 * Lanes: cut a producer's files into pages and gather them into frame jobs.
 */
#include <stdlib.h>
#include <string.h>

#include "image/put_private.h"

struct image_lane *
lane_new(struct image_put *p, int number, struct err *e)
{
	struct image_lane *l;

	if ((l = calloc(1, sizeof(*l))) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	l->p = p;
	l->number = number;
	atomic_init(&l->durable, 0);
	return l;
}

void
put_file_drop(struct put_file *f)
{
	if (f == NULL || atomic_fetch_sub(&f->refs, 1) != 1)
		return;
	image_file_reset(&f->f);
	free(f);
}

void
lane_free(struct image_lane *l)
{
	if (l == NULL)
		return;
	if (l->job != NULL)
		put_job_drop(l->p, l->job);
	put_file_drop(l->file);
	free(l);
}

/* Send the job; keep back `tail` bytes at its end, which the caller still has. */
static int
submit(struct image_lane *l, uint32_t tail, struct err *e)
{
	struct put_job *job = l->job;

	l->job = NULL;
	l->room = 0;
	job->lane_end = l->bytes - tail;
	return put_submit(l->p, job, e);
}

static int
need_job(struct image_lane *l, struct err *e)
{
	if (l->job == NULL && (l->job = put_job_get(l->p, e)) != NULL)
		l->job->lane = l;
	return l->job == NULL ? -1 : 0;
}

static struct put_piece *
last_piece(const struct image_lane *l)
{
	return &l->job->pieces[l->job->npieces - 1];
}

/*
 * A piece of the current file, of no bytes yet; sends
 * the job first when it is full of pieces.
 */
static int
add_piece(struct image_lane *l, struct err *e)
{
	struct put_piece *piece;

	if (l->job != NULL && l->job->npieces == JOB_PIECES && submit(l, 0, e) != 0)
		return -1;
	if (need_job(l, e) != 0)
		return -1;
	piece = &l->job->pieces[l->job->npieces++];
	*piece = (struct put_piece){ l->file, (uint32_t)l->job->len, 0, 0 };
	atomic_fetch_add(&l->file->refs, 1);
	return 0;
}

/* How much of the file a frame with this much room takes: whole pages, or all. */
static uint32_t
fitting(uint64_t left, size_t room)
{
	return left <= room ? (uint32_t)left : (uint32_t)(room - room % IMAGE_PAGE);
}

/* The file is at a page's start: open a piece for the pages that come. */
static int
begin_piece(struct image_lane *l, struct err *e)
{
	if (l->job != NULL && fitting(l->left, SEAL_RAW_MAX - l->job->len) == 0 &&
	    submit(l, 0, e) != 0)
		return -1;
	if (add_piece(l, e) != 0)
		return -1;
	l->room = fitting(l->left, SEAL_RAW_MAX - l->job->len);
	return 0;
}

/* The hash's state wants its alignment. */
static struct put_file *
file_new(const struct image_put *p, const struct pg_file *f, struct err *e)
{
	struct put_file *pf = aligned_alloc(_Alignof(struct put_file), sizeof(*pf));

	if (pf == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	atomic_init(&pf->refs, 1);
	pf->f = (struct image_file){ .f = *f };
	if (f->type != PG_FILE_REGULAR)
		pf->f.f.size = 0;
	pf->pages = 0;
	seal_hash_begin_keyed(&pf->digest, p->digest_key);
	return pf;
}

static int
on_file(void *ctx, const struct pg_file *f, struct err *e)
{
	struct image_lane *l = ctx;

	if (l->file != NULL)
		return err_set(e, ERR_BUG, "image: a file begins within another");
	if ((l->file = file_new(l->p, f, e)) == NULL)
		return put_fail(l->p, e);
	l->left = l->file->f.f.size;
	return 0;
}

static int
on_data(void *ctx, const void *data, size_t n, struct err *e)
{
	struct image_lane *l = ctx;
	const uint8_t *p = data;
	uint32_t take;

	if (l->file == NULL || n > l->left)
		return err_set(e, ERR_BUG, "image: more bytes than the file's size");
	for (; n > 0; n -= take, p += take) {
		if (l->room == 0 && begin_piece(l, e) != 0)
			return put_fail(l->p, e);
		take = n < l->room ? (uint32_t)n : l->room;
		memcpy(l->job->raw + l->job->len, p, take);
		l->job->len += take;
		last_piece(l)->len += take;
		l->room -= take;
		l->left -= take;
		l->bytes += take;
	}
	return 0;
}

static int
on_end(void *ctx, struct err *e)
{
	struct image_lane *l = ctx;
	int here;

	if (l->file == NULL || l->left != 0)
		return err_set(e, ERR_BUG, "image: fewer bytes than the file's size");
	here = l->job != NULL && l->job->npieces > 0 && last_piece(l)->file == l->file;
	if (!here && add_piece(l, e) != 0)
		return put_fail(l->p, e);
	last_piece(l)->last = 1;
	put_file_drop(l->file);
	l->file = NULL;
	return 0;
}

struct pg_sink
image_lane_sink(struct image_lane *l)
{
	return (struct pg_sink){ on_file, on_data, on_end, l };
}

/*
 * In the middle of a page, the page begins again in the next job: what is there
 * of it moves over.
 */
int
image_lane_flush(struct image_lane *l, struct err *e)
{
	uint8_t page[IMAGE_PAGE];
	uint32_t tail = 0;

	if (l->job == NULL || l->job->npieces == 0)
		return 0;
	if (l->room > 0) {
		tail = last_piece(l)->len % IMAGE_PAGE;
		last_piece(l)->len -= tail;
		l->job->len -= tail;
		memcpy(page, l->job->raw + l->job->len, tail);
	}
	if (submit(l, tail, e) != 0)
		return put_fail(l->p, e);
	if (tail == 0)
		return 0;
	l->left += tail;
	l->bytes -= tail;
	return on_data(l, page, tail, e);
}

uint64_t
image_lane_durable(struct image_lane *l)
{
	return atomic_load(&l->durable);
}
