/*
 * Checking a source's log: what the index found, and with the key what is in it.
 */
#include "log/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "pg/walscan.h"
#include "seal/sealed.h"

#define WAL_PAGE 8192u
#define LOOK	 50000000	/* ns between two looks at a frame that is being written */

static void
object_name(char out[STREAM_NAME_MAX + LOG_NAME_MAX + 8], const struct catalog_log *log)
{
	(void)snprintf(out, STREAM_NAME_MAX + LOG_NAME_MAX + 8, "log %s/%s", log->stream,
	    log->file);	/* fits */
}

static struct repo_object *
get_file(struct repo *r, const struct catalog_log *log, struct err *e)
{
	char name[STREAM_NAME_MAX + LOG_NAME_MAX];

	(void)snprintf(name, sizeof(name), "%s/%s", log->stream, log->file);	/* fits */
	return repo_get(r, REPO_LOG, log->source, name, e);
}

/* ---- without a key -------------------------------------------------------------- */

/* Does another file go on where this one was left? */
static int
is_followed(const struct log_index *ix, const struct log_extent *x)
{
	const struct log_extent *o;
	size_t i, k;

	for (i = 0; i < ix->nstreams; i++)
		for (k = 0; k < ix->streams[i].nextents; k++) {
			o = &ix->streams[i].extents[k];
			if (o->log->seq > x->log->seq && o->start <= x->end &&
			    (strcmp(o->log->stream, x->log->stream) == 0 ||
				strcmp(o->log->parent, x->log->stream) == 0))
				return 1;
		}
	return 0;
}

/* Is the frame behind the last whole one whole by now?  1, 0, or -1. */
static int
look_again(struct repo *r, const struct log_extent *x, struct err *e)
{
	struct repo_object *o = get_file(r, x->log, e);
	struct seal_walk w;
	struct seal_frame f;
	int rc;

	if (o == NULL)
		return -1;
	seal_walk_begin(&w, repo_object_source(o), x->bytes, 1);
	rc = seal_walk_next(&w, &f, e);
	seal_walk_end(&w);
	repo_object_free(o);
	return rc;
}

static int
wait_for_frame(struct repo *r, const struct log_extent *x, int64_t patience, struct err *e)
{
	const struct timespec pause = { 0, LOOK };
	int64_t until = clock_mono() + patience;
	int rc;

	while ((rc = look_again(r, x, e)) == 0 && clock_mono() < until)
		(void)nanosleep(&pause, NULL);	/* woken early, it looks early */
	return rc;
}

static int
check_torn(struct repo *r, const struct log_index *ix, const struct log_extent *x,
    int64_t patience, struct findings *f, struct err *e)
{
	char object[STREAM_NAME_MAX + LOG_NAME_MAX + 8];
	struct err what = ERR_INIT;
	int rc;

	object_name(object, x->log);
	if (is_followed(ix, x)) {
		finding(f, FINDING_NOTE, x->log->source, object,
		    "%" PRIu64
		    " bytes behind its last whole frame: left by an interrupted logship",
		    x->torn);
		return 0;
	}
	if ((rc = x->closed ? 0 : wait_for_frame(r, x, patience, &what)) > 0)
		return 0;
	if (rc < 0)
		return finding_of(f, x->log->source, object, &what, e);
	finding(f, FINDING_BAD, x->log->source, object,
	    "torn or damaged: %" PRIu64 " bytes at its end are no whole frame, and no file"
	    " follows",
	    x->torn);
	return 0;
}

int
log_check(struct repo *r, const struct log_index *ix, int64_t patience, struct findings *f,
    struct err *e)
{
	char object[STREAM_NAME_MAX + LOG_NAME_MAX + 8];
	int64_t until = clock_mono() + patience, left;
	const struct log_extent *x;
	size_t i, k;

	for (i = 0; i < ix->nstreams; i++)
		for (k = 0; k < ix->streams[i].nextents; k++) {
			x = &ix->streams[i].extents[k];
			object_name(object, x->log);
			left = until - clock_mono();
			if (x->damage[0] != '\0')
				finding(f, FINDING_BAD, x->log->source, object, "%s",
				    x->damage);
			else if (x->torn > 0 &&
			    check_torn(r, ix, x, left > 0 ? left : 0, f, e) != 0)
				return -1;
		}
	return 0;
}

/* ---- with the key ------------------------------------------------------------------ */

struct deep {
	struct repo *repo;
	const struct key_secret *key;
	struct findings *f;
	struct report *report;
	struct seal_ctx *ctx;
	struct buf raw;
	const struct log_stream *stream;
	const struct log_extent *x;
	char object[STREAM_NAME_MAX + LOG_NAME_MAX + 8];
	struct walscan *scan;	/* NULL: begins anew at the next page */
	uint64_t next;		/* position behind the last byte that was scanned */
	uint64_t done, total;	/* bytes of files */
};

static void
break_off(struct deep *d)
{
	walscan_free(d->scan);
	d->scan = NULL;
}

static int
tell(struct deep *d, const struct err *what, struct err *e)
{
	return finding_of(d->f, d->x->log->source, d->object, what, e);
}

/* WAL of a frame: on with the scan, or a new one from its first page on. */
static int
scan_bytes(struct deep *d, uint64_t lsn, const uint8_t *p, size_t n, struct err *e)
{
	const struct log_stream *st = d->stream;
	uint64_t skip = 0;
	char end[LSN_TEXT];

	if (d->next != lsn)
		break_off(d);
	d->next = lsn + n;
	if (d->scan == NULL) {
		if ((skip = (WAL_PAGE - lsn % WAL_PAGE) % WAL_PAGE) >= n)
			return 0;
		d->scan = walscan_new(lsn + skip, st->segment_size, st->system_id, NULL, e);
		if (d->scan == NULL)
			return -1;
	}
	switch (walscan_feed(d->scan, p + skip, n - (size_t)skip, e)) {
	case 0:
		return 0;
	case 1:
		finding(d->f, FINDING_BAD, d->x->log->source, d->object,
		    "its WAL cannot be read behind %s: %s",
		    lsn_format(end, walscan_end(d->scan)), walscan_stop_reason(d->scan));
		break_off(d);
		return 0;
	default:
		break_off(d);
		return -1;
	}
}

static int
open_frame(struct deep *d, const struct seal *seal, struct seal_walk *w,
    const struct seal_frame *f, struct err *e)
{
	if (seal_walk_read(w, f, e) != 0 ||
	    seal_frame_open(seal, d->ctx, f, w->hdr, w->ciphertext.data, &d->raw, e) != 0)
		return -1;
	if (f->raw == 0 || (f->flags & SEAL_META) != 0)
		return 0;
	return scan_bytes(d, f->position, d->raw.data, d->raw.len, e);
}

/* Each by itself: behind a bad one there may be good ones. */
static int
open_frames(struct deep *d, const struct seal *seal, const struct io_source *src, uint64_t at,
    struct err *e)
{
	struct seal_walk w;
	struct seal_frame f;
	struct err what = ERR_INIT;
	int more, rc = 0;

	seal_walk_begin(&w, src, at, 0);
	while (rc == 0 && (more = seal_walk_next(&w, &f, &what)) > 0) {
		if (open_frame(d, seal, &w, &f, &what) != 0) {
			break_off(d);
			rc = tell(d, &what, e);
		}
		report_progress(d->report, "opening the log", d->done + w.at, d->total);
	}
	if (rc == 0 && more < 0)
		rc = tell(d, &what, e);
	else if (rc == 0 && w.number < d->x->frames)
		finding(d->f, FINDING_BAD, d->x->log->source, d->object,
		    "lost since it was indexed");
	seal_walk_end(&w);
	return rc;
}

static int
open_file(struct deep *d, struct err *e)
{
	const struct catalog_log *log = d->x->log;
	struct repo_object *o = get_file(d->repo, log, e);
	char name[SEAL_NAME_MAX];
	struct seal *seal = NULL;
	uint64_t at;
	int rc = -1;

	(void)snprintf(name, sizeof(name), "%s/%s/%016" PRIX64, log->source, log->stream,
	    log->start);	/* fits: 64 + 64 + 16 + 2 */
	if (o != NULL)
		seal = seal_open(
		    repo_object_source(o), SEAL_LOG, repo_id(d->repo), name, d->key, &at, e);
	if (seal != NULL)
		rc = open_frames(d, seal, repo_object_source(o), at, e);
	seal_free(seal);
	repo_object_free(o);
	return rc;
}

static int
check_stream(struct deep *d, const struct log_stream *st, struct err *e)
{
	struct err what;
	size_t k;

	d->stream = st;
	d->next = 0;
	for (k = 0; k < st->nextents; k++) {
		d->x = &st->extents[k];
		object_name(d->object, d->x->log);
		if (strcmp(d->x->damage, "missing") == 0)
			continue;	/* told */
		err_clear(&what);
		if (open_file(d, &what) != 0 && tell(d, &what, e) != 0)
			return -1;
		d->done += d->x->bytes;
	}
	break_off(d);
	return 0;
}

int
log_check_deep(struct repo *r, const struct log_index *ix, const struct key_secret *key,
    struct findings *f, struct report *report, struct err *e)
{
	struct deep d = { .repo = r, .key = key, .f = f, .report = report };
	size_t i, k;
	int rc = 0;

	for (i = 0; i < ix->nstreams; i++)
		for (k = 0; k < ix->streams[i].nextents; k++)
			d.total += ix->streams[i].extents[k].bytes;
	if ((d.ctx = seal_ctx_new(1, e)) == NULL)
		return -1;
	for (i = 0; i < ix->nstreams && rc == 0; i++)
		rc = check_stream(&d, &ix->streams[i], e);
	report_done(report);
	break_off(&d);
	seal_ctx_free(d.ctx);
	buf_wipe(&d.raw);
	return rc;
}

/* ---- against a snapshot --------------------------------------------------------------- */

int
log_compare_begin(struct log_compare *c, struct repo *r, const struct log_index *ix,
    const struct catalog_snapshot *s, const struct key_secret *key, struct findings *f,
    struct err *e)
{
	memset(c, 0, sizeof(*c));
	c->s = s;
	c->f = f;
	if ((c->path = malloc(sizeof(*c->path))) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	if (log_path_find(ix, s, NULL, c->path, e) != 0 ||
	    (c->reader = log_reader_new(r, c->path, key, e)) == NULL) {
		log_compare_end(c);
		return -1;
	}
	c->done = c->path->n == 0;
	return 0;
}

int
log_compare_wal(void *ctx, uint64_t lsn, const uint8_t *p, size_t n, struct err *e)
{
	struct log_compare *c = ctx;
	uint64_t from = c->path->at[0].from, to = c->path->at[0].to, i;	/* 0 when n = 0 */
	struct err what = ERR_INIT;
	char object[64], at[LSN_TEXT];
	size_t got;

	if (c->done || lsn >= to || lsn + n <= from)
		return 0;
	if (lsn < from) {
		p += from - lsn;
		n -= (size_t)(from - lsn);
		lsn = from;
	}
	n = lsn + n > to ? (size_t)(to - lsn) : n;
	buf_reset(&c->bytes);
	if (buf_reserve(&c->bytes, n) != 0)
		return buf_check(&c->bytes, e);
	if (log_read(c->reader, lsn, c->bytes.data, n, &got, &what) != 0) {
		c->done = 1;	/* the log's own check tells, unless it is our failure */
		if (finding_is(&what))
			return 0;
		*e = what;
		return -1;
	}
	for (i = 0; i < got && c->bytes.data[i] == p[i];)
		i++;
	if (i == got)
		return 0;
	c->done = 1;
	(void)snprintf(object, sizeof(object), "snapshot %s", c->s->id);	/* fits */
	finding(c->f, FINDING_BAD, c->s->source, object,
	    "the log differs from its WAL at %s: they are not of one history",
	    lsn_format(at, lsn + i));
	return 0;
}

void
log_compare_end(struct log_compare *c)
{
	log_reader_free(c->reader);
	free(c->path);
	buf_wipe(&c->bytes);
	memset(c, 0, sizeof(*c));
}
