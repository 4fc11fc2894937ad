/*
 * Checking a snapshot with the key: every frame and file, then what PostgreSQL's own
 * checksums say of pages and WAL.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/check.h"
#include "image/get.h"
#include "pg/control.h"
#include "pg/page.h"
#include "pg/walscan.h"

#define WAL_PAGE 8192u

#define CONTROL "global/pg_control"

/* No server starts without them. */
static const char *const needed[] = { "PG_VERSION", "backup_label", CONTROL };
#define NEEDED (sizeof(needed) / sizeof(needed[0]))

struct wal_file {
	uint64_t start;
	uint32_t timeline;
	struct image_file file;
};

struct deep {
	const struct image_check *o;
	const struct catalog_snapshot *s;
	char object[64];
	struct image *im;
	int checksums;	      /* pages have them */
	pthread_mutex_t lock; /* over the counts in page_file */
	struct wal_file *wal; /* in order, one a segment */
	size_t nwal, cap;
	int (*give)(void *ctx, uint64_t lsn, const uint8_t *p, size_t n, struct err *e);
	void *ctx;
};

__attribute__((format(printf, 2, 3))) static void
bad(struct deep *d, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* cut off when too long */
	va_end(ap);
	finding(d->o->findings, FINDING_BAD, d->s->source, d->object, "%s", text);
}

/* 0 when what is told as a finding, else -1 with *e. */
static int
tell(struct deep *d, const struct err *what, struct err *e)
{
	return finding_of(d->o->findings, d->s->source, d->object, what, e);
}

/* ---- the files that matter more than others ------------------------------------- */

static int
add_wal(struct deep *d, uint32_t timeline, uint64_t start, struct image_file *f, struct err *e)
{
	struct wal_file *grown;

	if (d->nwal == d->cap) {
		d->cap = d->cap == 0 ? 16 : 2 * d->cap;
		if ((grown = reallocarray(d->wal, d->cap, sizeof(*grown))) == NULL)
			return err_set(e, ERR_SYSTEM, "out of memory");
		d->wal = grown;
	}
	d->wal[d->nwal++] = (struct wal_file){ start, timeline, *f };
	memset(f, 0, sizeof(*f)); /* its runs are ours now */
	return 0;
}

static int
add_piece(void *ctx, const uint8_t *p, size_t n, struct err *e)
{
	struct buf *b = ctx;

	buf_add(b, p, n);
	return buf_check(b, e);
}

/* When it is damaged, reading all files will tell. */
static int
read_control(struct deep *d, const struct image_file *f, struct err *e)
{
	struct pg_control control;
	struct buf b = BUF_INIT;
	struct err what = ERR_INIT;
	int r = 0;

	if (image_read_file(d->im, f, add_piece, &b, &what) != 0) {
		if (!finding_is(&what))
			r = tell(d, &what, e);
	} else if (pg_control_parse(b.data, b.len, &control, &what) != 0) {
		r = tell(d, &what, e);
	} else {
		d->checksums = control.data_checksums != 0;
		if (control.system_id != d->s->system_id)
			bad(d, "%s: it is of system %" PRIu64 ", not %" PRIu64, f->f.path,
			    control.system_id, d->s->system_id);
	}
	buf_free(&b);
	return r;
}

/* One file of the manifest: note what it is. */
static int
look_at(struct deep *d, struct image_file *f, unsigned *seen, struct err *e)
{
	uint32_t timeline;
	uint64_t start;
	unsigned i;

	for (i = 0; i < NEEDED; i++)
		if (strcmp(f->f.path, needed[i]) == 0)
			*seen |= 1u << i;
	if (strcmp(f->f.path, CONTROL) == 0)
		return read_control(d, f, e);
	if (f->f.type == PG_FILE_REGULAR && strncmp(f->f.path, "pg_wal/", 7) == 0 &&
	    wal_segment_parse(f->f.path + 7, d->s->segment_size, &timeline, &start) == 0)
		return add_wal(d, timeline, start, f, e);
	return 0;
}

static int
look_around(struct deep *d, struct err *e)
{
	struct image_file f = { .runs = NULL };
	unsigned seen = 0, i;
	int r;

	if (image_rewind(d->im, e) != 0)
		return -1;
	while ((r = image_next(d->im, &f, e)) > 0)
		if (look_at(d, &f, &seen, e) != 0) {
			r = -1;
			break;
		}
	image_file_reset(&f);
	for (i = 0; r == 0 && i < NEEDED; i++)
		if (!(seen & 1u << i))
			bad(d, "%s is missing", needed[i]);
	return r;
}

/* ---- every byte ---------------------------------------------------------------------- */

/* A relation's file, whose pages have checksums. */
struct page_file {
	char path[PG_PATH_MAX];
	uint32_t first;	   /* block number of its first page */
	uint32_t bad;	   /* the lowest bad block */
	uint64_t nbad;
};

static int
on_file(void *ctx, const struct image_file *f, void **handle, struct err *e)
{
	struct deep *d = ctx;
	struct page_file *pf;
	uint32_t first;

	*handle = NULL;
	if (!d->checksums || f->f.type != PG_FILE_REGULAR || !pg_page_path(f->f.path, &first))
		return 0;
	if ((pf = calloc(1, sizeof(*pf))) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	memcpy(pf->path, f->f.path, sizeof(pf->path));
	pf->first = first;
	*handle = pf;
	return 0;
}

static int
on_bytes(void *ctx, void *handle, uint64_t offset, const uint8_t *p, size_t n, struct err *e)
{
	struct deep *d = ctx;
	struct page_file *pf = handle;
	uint32_t block;
	size_t at;

	(void)e; /* nothing here can fail */
	for (at = 0; pf != NULL && at + PG_PAGE_SIZE <= n; at += PG_PAGE_SIZE) {
		block = pf->first + (uint32_t)((offset + at) / PG_PAGE_SIZE);
		if (pg_page_ok(p + at, block, d->s->start))
			continue;
		pthread_mutex_lock(&d->lock);
		if (pf->nbad++ == 0 || block < pf->bad)
			pf->bad = block;
		pthread_mutex_unlock(&d->lock);
	}
	return 0;
}

static int
on_end(void *ctx, void *handle, struct err *e)
{
	struct deep *d = ctx;
	const struct page_file *pf = handle;

	(void)e; /* nothing here can fail */
	if (pf == NULL || pf->nbad == 0)
		return 0;
	/* What the server itself reported was told when the snapshot was taken. */
	finding(d->o->findings, d->s->broken_pages ? FINDING_NOTE : FINDING_BAD, d->s->source,
	    d->object, "%s: block %" PRIu32 ": the page's checksum is wrong (%" PRIu64
	    " such pages in this file)", pf->path, pf->bad, pf->nbad);
	return 0;
}

static int
on_damage(void *ctx, void *handle, const char *path, const struct err *what, struct err *e)
{
	(void)handle;
	(void)path; /* the message names it */
	return tell(ctx, what, e);
}

static void
on_drop(void *ctx, void *handle)
{
	(void)ctx;
	free(handle);
}

/* ---- the WAL ------------------------------------------------------------------------- */

struct wal_feed {
	struct deep *d;
	struct walscan *scan;
	uint64_t lsn; /* of the next byte */
	int stopped;
};

static int
by_segment(const void *a, const void *b)
{
	const struct wal_file *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->timeline > y->timeline ? -1 : x->timeline < y->timeline;
}

/* Bytes of a segment: those from the start's page up to the stop count. */
static int
feed(void *ctx, const uint8_t *p, size_t n, struct err *e)
{
	struct wal_feed *w = ctx;
	const struct catalog_snapshot *s = w->d->s;
	uint64_t from = s->start - s->start % WAL_PAGE, lsn = w->lsn, skip = 0;

	w->lsn += n;
	if (lsn < from)
		skip = from - lsn < n ? from - lsn : n;
	if (lsn + n > s->stop)
		n = s->stop > lsn ? (size_t)(s->stop - lsn) : 0;
	if (skip >= n)
		return 0;
	if (!w->stopped && (w->stopped = walscan_feed(w->scan, p + skip, n - skip, e)) < 0)
		return -1;
	if (w->d->give == NULL)
		return 0;
	return w->d->give(w->d->ctx, lsn + skip, p + skip, n - (size_t)skip, e);
}

/* Segment by segment, each of its newest timeline.  1: one is missing or damaged, told. */
static int
feed_all(struct wal_feed *w, struct err *e)
{
	struct deep *d = w->d;
	uint32_t size = d->s->segment_size;
	uint64_t next = wal_segment_start(d->s->start, size);
	struct err what = ERR_INIT;
	char name[WAL_NAME];
	size_t i;

	for (i = 0; i < d->nwal && next < d->s->stop; i++) {
		if (d->wal[i].start < next)
			continue;
		if (d->wal[i].start > next)
			break;
		w->lsn = next;
		next += size;
		if (image_read_file(d->im, &d->wal[i].file, feed, w, &what) == 0)
			continue;
		if (finding_is(&what))
			return 1; /* told when all files were read */
		*e = what;
		return -1;
	}
	if (next >= d->s->stop)
		return 0;
	bad(d, "its WAL is not complete: %s is missing",
	    wal_segment_name(name, d->s->timeline, next, size));
	return 1;
}

static int
check_wal(struct deep *d, struct err *e)
{
	struct wal_feed w = { .d = d };
	char end[LSN_TEXT], stop[LSN_TEXT];
	int r;

	w.scan = walscan_new(d->s->start, d->s->segment_size, d->s->system_id, NULL, e);
	if (w.scan == NULL)
		return -1;
	if (d->nwal > 0)
		qsort(d->wal, d->nwal, sizeof(*d->wal), by_segment);
	r = feed_all(&w, e);
	if (r == 0 && walscan_end(w.scan) < d->s->stop)
		bad(d, "its WAL cannot be read behind %s, and it needs it up to %s: %s",
		    lsn_format(end, walscan_end(w.scan)), lsn_format(stop, d->s->stop),
		    w.stopped ? walscan_stop_reason(w.scan) : "a record is cut off");
	walscan_free(w.scan);
	return r < 0 ? -1 : 0;
}

/* ---- all together ---------------------------------------------------------------------- */

static int
check_image(struct deep *d, struct err *e)
{
	const struct image_visitor v = { on_file, on_bytes, on_end, on_damage, on_drop, d };

	if (look_around(d, e) != 0 || image_read(d->im, d->o->jobs, &v, d->o->report, e) != 0)
		return -1;
	return check_wal(d, e);
}

int
image_check_deep(const struct image_check *o, const struct catalog_snapshot *s,
    const struct key_secret *key,
    int (*wal)(void *ctx, uint64_t lsn, const uint8_t *p, size_t n, struct err *e), void *ctx,
    struct err *e)
{
	struct deep d = { .o = o, .s = s, .give = wal, .ctx = ctx };
	struct err what = ERR_INIT;
	size_t i;
	int r = 0;

	(void)snprintf(d.object, sizeof(d.object), "snapshot %s", s->id); /* fits */
	pthread_mutex_init(&d.lock, NULL);
	if ((d.im = image_open(o->repo, s, key, &what)) == NULL || check_image(&d, &what) != 0)
		r = tell(&d, &what, e);
	image_free(d.im);
	for (i = 0; i < d.nwal; i++)
		image_file_reset(&d.wal[i].file);
	free(d.wal);
	pthread_mutex_destroy(&d.lock);
	return r;
}
