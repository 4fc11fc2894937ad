/*
 * What the repository holds of a source's log: each file measured, and held
 * against what was signed about it; the positions of a stream as spans.
 */
#include "log/index.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seal/sealed.h"

/*
 * What a statement says of a file: so many frames in so many bytes, up to a position.
 * Said by the file's own last mark or close, and by the opener of the file behind it.
 */
struct claim {
	size_t file;			/* the extent that it is about, in order of opening */
	uint64_t frames, bytes, position;
	const uint8_t *digest;		/* or NULL */
};

struct measure {
	struct log_extent *x;
	const struct claim *claims;	/* by ascending bytes */
	size_t n, next;
	int checked;
	struct seal_hash hash;
};

static void
damage(struct log_extent *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The first damage found is what is told. */
static void
damage(struct log_extent *x, const char *fmt, ...)
{
	va_list ap;

	if (x->damage[0] != '\0')
		return;
	va_start(ap, fmt);
	(void)vsnprintf(x->damage, sizeof(x->damage), fmt, ap);	/* cut, if too long */
	va_end(ap);
}

/* The file has grown to x->bytes: are the claims about this length true? */
static void
check_claims(struct measure *m)
{
	struct log_extent *x = m->x;
	struct seal_hash copy;
	const struct claim *c;
	uint8_t digest[32];

	for (; m->next < m->n && m->claims[m->next].bytes <= x->bytes; m->next++) {
		c = &m->claims[m->next];
		if (c->bytes != x->bytes || c->frames != x->frames || c->position != x->end)
			damage(x, "its frames are not those that were signed");
		if (!m->checked || c->digest == NULL || c->bytes != x->bytes)
			continue;
		copy = m->hash;
		seal_hash_end(&copy, digest);
		if (memcmp(digest, c->digest, sizeof(digest)) != 0)
			damage(x, "its bytes are not those that were signed");
	}
}

/* Enter the frame that the walk is at. */
static int
enter_frame(struct measure *m, const struct seal_walk *w, const struct seal_frame *f)
{
	struct log_extent *x = m->x;
	int meta = (f->flags & SEAL_META) != 0;

	if (f->position != x->end || meta != (f->number == 0)) {
		damage(x, "frame %" PRIu64 " does not follow the one before", f->number);
		return -1;
	}
	if (f->number == 0)
		x->first = (int64_t)f->time;
	else if ((int64_t)f->time > x->last)
		x->last = (int64_t)f->time;
	if (!meta)
		x->end += f->raw;
	x->frames++;
	x->bytes = w->at;
	if (m->checked) {
		seal_hash_add(&m->hash, w->hdr, sizeof(w->hdr));
		seal_hash_add(&m->hash, w->ciphertext.data, f->stored);
	}
	check_claims(m);
	return 0;
}

static int
walk_file(struct measure *m, const struct io_source *src, uint64_t at, struct err *e)
{
	struct seal_walk w;
	struct seal_frame f;
	struct err bad = ERR_INIT;
	int rc;

	seal_walk_begin(&w, src, at, m->checked);
	while ((rc = seal_walk_next(&w, &f, &bad)) > 0)
		if (enter_frame(m, &w, &f) < 0)
			break;
	if (rc == 0)
		m->x->torn = w.torn;
	seal_walk_end(&w);
	if (rc < 0 && bad.kind == ERR_CORRUPT)
		damage(m->x, "%.250s", bad.msg);
	if (rc < 0 && bad.kind != ERR_CORRUPT) {
		*e = bad;
		return -1;
	}
	if (m->next < m->n)
		damage(m->x, "%" PRIu64 " bytes, and %" PRIu64 " were signed",
		    m->x->bytes, m->claims[m->n - 1].bytes);
	return 0;
}

/* Without reading it all: a closed file is what its log-close says, if it is that long. */
static int
trust_close(struct measure *m, const struct io_source *src, uint64_t at, struct err *e)
{
	struct log_extent *x = m->x;
	struct seal_walk w;
	struct seal_frame f;
	int rc;

	if (src->size != x->log->bytes)
		damage(x, "%" PRIu64 " bytes, and %" PRIu64 " were signed", src->size,
		    x->log->bytes);
	if (src->size < x->log->bytes)
		return walk_file(m, src, at, e);
	seal_walk_begin(&w, src, at, 0);
	rc = seal_walk_next(&w, &f, e);
	seal_walk_end(&w);
	if (rc < 0)
		return -1;
	x->first = rc > 0 ? (int64_t)f.time : 0;
	x->last = x->log->time;
	x->end = x->log->position;
	x->frames = x->log->frames;
	x->bytes = x->log->bytes;
	check_claims(m);
	return 0;
}

/* The preamble, kept as the repository signed it: at bytes of it.  0, or -1. */
static int
check_preamble(struct measure *m, const struct io_source *src, uint64_t at, struct err *e)
{
	uint8_t bytes[SEAL_PREAMBLE_MAX], hash[32];
	size_t got;

	if (src->pread(src->ctx, bytes, (size_t)at, 0, &got, e) < 0)
		return -1;
	seal_hash_of(hash, bytes, got);
	if (memcmp(hash, m->x->log->preamble, sizeof(hash)) != 0)
		damage(m->x, "its preamble is not the one that was signed");
	seal_hash_begin(&m->hash);
	seal_hash_add(&m->hash, bytes, got);
	m->x->bytes = at;
	return 0;
}

static int
measure_object(struct repo *r, struct measure *m, const struct io_source *src, struct err *e)
{
	const struct catalog_log *log = m->x->log;
	struct seal *seal;
	char name[SEAL_NAME_MAX];
	uint64_t at;

	(void)snprintf(name, sizeof(name), "%s/%s/%016" PRIX64, log->source, log->stream,
	    log->start);	/* fits: 64 + 64 + 16 + 2 */
	if ((seal = seal_open(src, SEAL_LOG, repo_id(r), name, NULL, &at, e)) == NULL)
		return -1;
	seal_free(seal);
	if (check_preamble(m, src, at, e) < 0)
		return -1;
	if (log->closed && !m->checked)
		return trust_close(m, src, at, e);
	return walk_file(m, src, at, e);
}

static int
measure_file(struct repo *r, struct log_extent *x, const struct claim *claims, size_t n,
    int checked, struct err *e)
{
	char name[STREAM_NAME_MAX + LOG_NAME_MAX];
	struct measure m = { .x = x, .claims = claims, .n = n, .checked = checked };
	struct repo_object *o;
	struct err bad = ERR_INIT;
	int rc;

	x->start = x->end = x->log->start;
	x->closed = x->log->closed;
	(void)snprintf(name, sizeof(name), "%s/%s", x->log->stream,
	    x->log->file);	/* fits: 64 + 40 */
	if ((o = repo_get(r, REPO_LOG, x->log->source, name, &bad)) == NULL)
		rc = -1;
	else
		rc = measure_object(r, &m, repo_object_source(o), &bad);
	repo_object_free(o);
	if (rc == 0)
		return 0;
	if (bad.kind == ERR_NOTFOUND)
		damage(x, "missing");
	else if (bad.kind == ERR_CORRUPT)
		damage(x, "%.250s", bad.msg);
	else {
		*e = bad;
		return err_context(e, "log %s", name);
	}
	return 0;
}

/* ---- claims ---------------------------------------------------------------- */

static int
by_file(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

/* The extent that the i-th one follows, by name: nearly always the one before it. */
static int
find_before(const struct log_stream *st, size_t i, size_t *out)
{
	const char *name = st->extents[i].log->after_file;

	for (*out = i; *out > 0;)
		if (strcmp(st->extents[--*out].log->file, name) == 0)
			return 1;
	return 0;
}

/* All that is said about the stream's files, sorted; to free(). */
static struct claim *
gather_claims(const struct log_stream *st, size_t *n, struct err *e)
{
	struct claim *claims = calloc(2 * st->nextents, sizeof(*claims));
	const struct catalog_log *l;
	size_t i, before;

	*n = 0;
	if (claims == NULL) {
		(void)err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	for (i = 0; i < st->nextents; i++) {
		l = st->extents[i].log;
		if (l->frames > 0)
			claims[(*n)++] = (struct claim){ i, l->frames, l->bytes,
				l->position, l->digest };
		if (l->after_frames > 0 && find_before(st, i, &before))
			claims[(*n)++] = (struct claim){ before, l->after_frames,
				l->after_bytes, l->after_position, NULL };
	}
	qsort(claims, *n, sizeof(*claims), by_file);
	return claims;
}

/* ---- streams ---------------------------------------------------------------- */

static struct log_stream *
find_stream(const struct log_index *ix, const char *name)
{
	size_t i;

	for (i = 0; i < ix->nstreams; i++)
		if (strcmp(ix->streams[i].name, name) == 0)
			return &ix->streams[i];
	return NULL;
}

static struct log_stream *
add_stream(struct log_index *ix, const struct catalog_log *log, struct err *e)
{
	struct log_stream *st = find_stream(ix, log->stream), *grown;

	if (st != NULL)
		return st;
	if ((grown = realloc(ix->streams, (ix->nstreams + 1) * sizeof(*grown))) == NULL) {
		(void)err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	ix->streams = grown;
	st = &ix->streams[ix->nstreams++];
	memset(st, 0, sizeof(*st));
	memcpy(st->name, log->stream, sizeof(st->name));
	memcpy(st->parent, log->parent, sizeof(st->parent));
	st->system_id = log->system_id;
	st->timeline = log->timeline;
	st->segment_size = log->segment_size;
	st->history = *log->history;
	st->first_seq = log->seq;
	return st;
}

/* Room for one more in an array of n; it grows when n is a power of two. */
static void *
room(void *array, size_t n, size_t size, struct err *e)
{
	void *p = array;

	if ((n & (n - 1)) == 0)
		p = realloc(array, (n == 0 ? 1 : 2 * n) * size);
	if (p == NULL)
		(void)err_set(e, ERR_SYSTEM, "out of memory");
	return p;
}

static int
add_extent(struct log_index *ix, const struct catalog_log *log, struct err *e)
{
	struct log_stream *st = add_stream(ix, log, e);
	struct log_extent *x;

	if (st == NULL || (x = room(st->extents, st->nextents, sizeof(*x), e)) == NULL)
		return -1;
	st->extents = x;
	x += st->nextents++;
	memset(x, 0, sizeof(*x));
	x->log = log;
	st->last_seq = log->seq;
	return 0;
}

static int
by_start(const void *a, const void *b)
{
	const struct log_extent *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->log->seq < y->log->seq ? -1 : x->log->seq > y->log->seq;
}

/* Join what touches. */
static int
make_spans(struct log_stream *st, struct err *e)
{
	const struct log_extent *x;
	struct log_span *s;
	size_t i;

	for (i = 0; i < st->nextents; i++) {
		x = &st->extents[i];
		if (x->frames == 0)
			continue;
		s = st->nspans > 0 ? &st->spans[st->nspans - 1] : NULL;
		if (s == NULL || x->start > s->to) {
			if ((s = room(st->spans, st->nspans, sizeof(*s), e)) == NULL)
				return -1;
			st->spans = s;
			s += st->nspans++;
			*s = (struct log_span){ x->start, x->end, x->first, x->last };
			continue;
		}
		if (x->end > s->to)
			s->to = x->end;
		if (x->first < s->first)
			s->first = x->first;
		if (x->last > s->last)
			s->last = x->last;
	}
	return 0;
}

static int
build_stream(struct repo *r, struct log_stream *st, int checked, struct err *e)
{
	struct claim *claims;
	size_t i, n, at = 0, mine;
	int rc = 0;

	if ((claims = gather_claims(st, &n, e)) == NULL)
		return -1;
	for (i = 0; i < st->nextents && rc == 0; i++) {
		for (mine = 0; at + mine < n && claims[at + mine].file == i;)
			mine++;
		rc = measure_file(r, &st->extents[i], claims + at, mine, checked, e);
		at += mine;
	}
	free(claims);
	if (rc < 0)
		return -1;
	qsort(st->extents, st->nextents, sizeof(*st->extents), by_start);
	return make_spans(st, e);
}

struct log_index *
log_index_build(struct repo *r, const char *source, int checked, struct err *e)
{
	const struct catalog *c = repo_catalog(r);
	struct log_index *ix = calloc(1, sizeof(*ix));
	size_t i;

	if (ix == NULL) {
		(void)err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	for (i = 0; i < c->nlogs; i++)
		if (strcmp(c->logs[i].source, source) == 0 &&
		    add_extent(ix, &c->logs[i], e) < 0)
			goto fail;
	for (i = 0; i < ix->nstreams; i++)
		if (build_stream(r, &ix->streams[i], checked, e) < 0)
			goto fail;
	return ix;
fail:
	log_index_free(ix);
	return NULL;
}

void
log_index_free(struct log_index *ix)
{
	size_t i;

	if (ix == NULL)
		return;
	for (i = 0; i < ix->nstreams; i++) {
		free(ix->streams[i].extents);
		free(ix->streams[i].spans);
	}
	free(ix->streams);
	free(ix);
}

const struct log_stream *
log_index_stream(const struct log_index *ix, const char *name)
{
	return find_stream(ix, name);
}
