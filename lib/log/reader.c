/*
 * Bytes of the log by position: finds the file and the frame that hold a position
 * along a path, authenticates and decompresses it, and keeps the last ones at hand.
 */
#include "log/reader.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seal/sealed.h"

#define READER_FILES 3	/* open at once: before and behind a seam, and one to spare */

struct frame_at {
	uint64_t lsn, at;	/* position of its first byte, and of its header in the file */
	uint64_t number;
	uint32_t raw;
};

struct open_log {
	const struct log_extent *extent;
	struct repo_object *object;
	struct seal *seal;
	struct frame_at *frames;	/* those with bytes, in order of position */
	size_t nframes, cap;
	uint64_t used;			/* when last, to find the one to close */
};

struct log_reader {
	struct repo *repo;
	const struct log_path *path;
	const struct key_secret *key;
	pthread_mutex_t mutex;
	struct open_log files[READER_FILES];
	uint64_t clock;
	struct seal_ctx *ctx;
	struct buf ciphertext, raw;	/* raw: the frame read last */
	const struct open_log *raw_of;
	size_t raw_frame;
};

static void
open_log_close(struct log_reader *l, struct open_log *o)
{
	if (l->raw_of == o)
		l->raw_of = NULL;
	seal_free(o->seal);
	repo_object_free(o->object);
	free(o->frames);
	memset(o, 0, sizeof(*o));
}

static int
add_frame(struct open_log *o, const struct frame_at *f, struct err *e)
{
	size_t cap = o->cap == 0 ? 256 : o->cap * 2;
	struct frame_at *grown;

	if (o->nframes == o->cap) {
		if ((grown = realloc(o->frames, cap * sizeof(*grown))) == NULL)
			return err_sys(e, ERR_SYSTEM, "frame table");
		o->frames = grown;
		o->cap = cap;
	}
	o->frames[o->nframes++] = *f;
	return 0;
}

/* Note where each frame with bytes lies; their positions must follow one another. */
static int
open_log_map(struct open_log *o, uint64_t at, struct err *e)
{
	struct seal_walk w;
	struct seal_frame f;
	struct frame_at fa;
	uint64_t next = o->extent->start;
	int more, rc = 0;

	seal_walk_begin(&w, repo_object_source(o->object), at, 0);
	while (rc == 0 && (more = seal_walk_next(&w, &f, e)) != 0) {
		if (more < 0) {
			rc = -1;
			break;
		}
		if (f.number >= o->extent->frames)	/* begun after the index was built */
			break;
		if (f.raw == 0 || (f.flags & SEAL_META) != 0)
			continue;
		if (f.position != next) {
			rc = err_set(e, ERR_CORRUPT, "frame %" PRIu64 " is out of place",
			    f.number);
			break;
		}
		next = f.position + f.raw;
		fa = (struct frame_at){ f.position, w.frame_at, f.number, f.raw };
		rc = add_frame(o, &fa, e);
	}
	seal_walk_end(&w);
	return rc;
}

/*
 * Anybody can seal a file to a public key; the writer signed the hash of this preamble,
 * at bytes long, and so made its data key the only one that counts.
 */
static int
check_preamble(const struct open_log *o, uint64_t at, struct err *e)
{
	const struct io_source *src = repo_object_source(o->object);
	uint8_t bytes[SEAL_PREAMBLE_MAX], hash[32];
	size_t got;

	if (src->pread(src->ctx, bytes, (size_t)at, 0, &got, e) < 0)
		return -1;
	seal_hash_of(hash, bytes, got);
	if (memcmp(hash, o->extent->log->preamble, sizeof(hash)) != 0)
		return err_set(e, ERR_CORRUPT, "its preamble is not the one that was signed");
	return 0;
}

static int
open_log_open(struct log_reader *l, struct open_log *o, const struct log_extent *x,
    struct err *e)
{
	const struct catalog_log *log = x->log;
	char name[STREAM_NAME_MAX + LOG_NAME_MAX + 1];
	char sealed[SEAL_NAME_MAX];
	uint64_t at;

	(void)snprintf(name, sizeof(name), "%s/%s", log->stream, log->file);
	(void)snprintf(sealed, sizeof(sealed), "%s/%s/%016" PRIX64, log->source, log->stream,
	    log->start);
	if ((o->object = repo_get(l->repo, REPO_LOG, log->source, name, e)) == NULL)
		return -1;
	o->extent = x;
	o->seal = seal_open(repo_object_source(o->object), SEAL_LOG, repo_id(l->repo), sealed,
	    l->key, &at, e);
	if (o->seal == NULL || check_preamble(o, at, e) < 0 || open_log_map(o, at, e) < 0) {
		open_log_close(l, o);
		return err_context(e, "log %s/%s", log->source, name);
	}
	return 0;
}

/* The open file for extent x; the one that was not used longest makes room. */
static struct open_log *
find_open(struct log_reader *l, const struct log_extent *x, struct err *e)
{
	struct open_log *o = &l->files[0];
	int i;

	for (i = 0; i < READER_FILES; i++) {
		if (l->files[i].extent == x) {
			l->files[i].used = ++l->clock;
			return &l->files[i];
		}
		if (l->files[i].used < o->used)
			o = &l->files[i];
	}
	if (o->extent != NULL)
		open_log_close(l, o);
	if (open_log_open(l, o, x, e) < 0)
		return NULL;
	o->used = ++l->clock;
	return o;
}

/*
 * The file that counts for lsn: of those that hold it the one opened last.
 * *limit: up to where it counts, since a later file may begin inside it.
 */
static const struct log_extent *
find_extent(const struct log_stream *st, uint64_t lsn, uint64_t *limit)
{
	const struct log_extent *best = NULL, *x;
	size_t i;

	for (i = 0; i < st->nextents; i++) {
		x = &st->extents[i];
		if (x->start <= lsn && lsn < x->end &&
		    (best == NULL || x->log->seq > best->log->seq))
			best = x;
	}
	if (best == NULL)
		return NULL;
	*limit = best->end;
	for (i = 0; i < st->nextents; i++) {
		x = &st->extents[i];
		if (x->log->seq > best->log->seq && x->start > lsn && x->end > x->start &&
		    x->start < *limit)
			*limit = x->start;
	}
	return best;
}

static size_t
find_frame(const struct open_log *o, uint64_t lsn)
{
	size_t lo = 0, hi = o->nframes, mid;

	while (hi - lo > 1) {
		mid = lo + (hi - lo) / 2;
		if (o->frames[mid].lsn <= lsn)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* Make l->raw hold frame i of o. */
static int
load_frame(struct log_reader *l, struct open_log *o, size_t i, struct err *e)
{
	const struct io_source *src = repo_object_source(o->object);
	uint8_t hdr[SEAL_FRAME_HEADER];
	struct seal_frame f = { .number = o->frames[i].number };
	size_t got;

	if (l->raw_of == o && l->raw_frame == i)
		return 0;
	l->raw_of = NULL;
	buf_reset(&l->ciphertext);
	if (src->pread(src->ctx, hdr, sizeof(hdr), o->frames[i].at, &got, e) < 0)
		return -1;
	if (got != sizeof(hdr))
		return err_set(e, ERR_CORRUPT, "frame %" PRIu64 " is cut off", f.number);
	if (seal_frame_parse(hdr, &f, e) < 0)
		return -1;
	if (buf_reserve(&l->ciphertext, f.stored) < 0)
		return buf_check(&l->ciphertext, e);
	if (src->pread(src->ctx, l->ciphertext.data, f.stored, o->frames[i].at + sizeof(hdr),
		&got, e) < 0)
		return -1;
	if (got != f.stored)
		return err_set(e, ERR_CORRUPT, "frame %" PRIu64 " is cut off", f.number);
	if (seal_frame_open(o->seal, l->ctx, &f, hdr, l->ciphertext.data, &l->raw, e) < 0)
		return -1;
	l->raw_of = o;
	l->raw_frame = i;
	return 0;
}

/* As many bytes from lsn as one frame gives, at most n and not beyond limit. */
static int
read_piece(struct log_reader *l, const struct log_extent *x, uint64_t lsn, uint64_t limit,
    void *p, size_t n, size_t *got, struct err *e)
{
	const struct frame_at *f;
	struct open_log *o;
	uint64_t end;
	size_t i;

	if ((o = find_open(l, x, e)) == NULL)
		return -1;
	i = find_frame(o, lsn);
	f = &o->frames[i];
	if (o->nframes == 0 || lsn < f->lsn || lsn >= f->lsn + f->raw)
		return err_set(e, ERR_CORRUPT, "log %s/%s: lost since it was indexed",
		    x->log->stream, x->log->file);
	if (load_frame(l, o, i, e) < 0)
		return err_context(e, "log %s/%s", x->log->stream, x->log->file);
	end = f->lsn + f->raw < limit ? f->lsn + f->raw : limit;
	*got = end - lsn < n ? (size_t)(end - lsn) : n;
	memcpy(p, l->raw.data + (lsn - f->lsn), *got);
	return 0;
}

/* The step of the path that holds lsn, or -1. */
static int
find_step(const struct log_path *path, uint64_t lsn)
{
	int i;

	for (i = 0; i < path->n; i++)
		if (path->at[i].from <= lsn && lsn < path->at[i].to)
			return i;
	return -1;
}

static int
read_locked(struct log_reader *l, uint64_t lsn, uint8_t *p, size_t n, size_t *got,
    struct err *e)
{
	const struct log_extent *x;
	char text[LSN_TEXT];
	uint64_t limit;
	size_t k = 0;
	int i;

	for (*got = 0; *got < n && lsn < l->path->end; *got += k, lsn += k) {
		x = NULL;
		if ((i = find_step(l->path, lsn)) >= 0)
			x = find_extent(l->path->at[i].stream, lsn, &limit);
		if (x == NULL)
			return err_set(e, ERR_CORRUPT, "the log has no bytes at %s",
			    lsn_format(text, lsn));
		if (limit > l->path->at[i].to)
			limit = l->path->at[i].to;
		if (read_piece(l, x, lsn, limit, p + *got, n - *got, &k, e) < 0)
			return -1;
	}
	return 0;
}

int
log_read(struct log_reader *l, uint64_t lsn, void *p, size_t n, size_t *got, struct err *e)
{
	int rc;

	pthread_mutex_lock(&l->mutex);
	rc = read_locked(l, lsn, p, n, got, e);
	pthread_mutex_unlock(&l->mutex);
	return rc;
}

struct log_reader *
log_reader_new(struct repo *r, const struct log_path *path, const struct key_secret *key,
    struct err *e)
{
	struct log_reader *l;

	if ((l = calloc(1, sizeof(*l))) == NULL) {
		err_sys(e, ERR_SYSTEM, "log reader");
		return NULL;
	}
	*l = (struct log_reader){ .repo = r, .path = path, .key = key };
	if ((l->ctx = seal_ctx_new(1, e)) == NULL) {
		free(l);
		return NULL;
	}
	pthread_mutex_init(&l->mutex, NULL);
	return l;
}

void
log_reader_free(struct log_reader *l)
{
	int i;

	if (l == NULL)
		return;
	for (i = 0; i < READER_FILES; i++)
		open_log_close(l, &l->files[i]);
	buf_free(&l->ciphertext);
	buf_free(&l->raw);
	seal_ctx_free(l->ctx);
	pthread_mutex_destroy(&l->mutex);
	free(l);
}
