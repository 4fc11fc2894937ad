/*
 * What snapshots and log amount to: ages, lag, gaps, windows.
 */
#include "log/coverage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- snapshots ---------------------------------------------------------------- */

static void
count_snapshots(struct coverage *cov, const struct catalog *c, const char *source, int64_t now)
{
	const struct catalog_snapshot *s;
	size_t i;

	for (i = 0; i < c->nsnapshots; i++) {
		s = &c->snapshots[i];
		if (strcmp(s->source, source) != 0)
			continue;
		cov->broken += s->broken_pages != 0;
		cov->snapshots += s->broken_pages == 0;
		if (!s->broken_pages)
			cov->newest = s;	/* they are in order of commit */
	}
	if ((s = cov->newest) == NULL)
		return;
	cov->age = now - (s->stopped < s->committed ? s->stopped : s->committed);
	if (cov->age < 0)
		cov->age = 0;
}

/* ---- the state of the log ------------------------------------------------------- */

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* The file opened last, and its stream. */
static const struct log_extent *
newest_file(const struct log_index *ix, const struct log_stream **stream)
{
	const struct log_extent *x, *newest = NULL;
	size_t i, k;

	for (i = 0; i < ix->nstreams; i++)
		for (k = 0; k < ix->streams[i].nextents; k++) {
			x = &ix->streams[i].extents[k];
			if (newest != NULL && x->log->seq < newest->log->seq)
				continue;
			newest = x;
			*stream = &ix->streams[i];
		}
	return newest;
}

static void
judge_log(struct coverage *cov, const struct log_index *ix, int64_t now)
{
	const struct log_stream *st = NULL;
	const struct log_extent *x = newest_file(ix, &st);
	int64_t promise = 0, since = now;
	size_t i;

	if (x == NULL)
		return;
	for (i = 0; i < st->nextents; i++) {
		promise = later(promise, st->extents[i].last);
		if (st->extents[i].log->opened < since)
			since = st->extents[i].log->opened;
	}
	cov->heard = later(x->log->marked, x->log->opened);
	if (promise > now)
		promise = cov->heard;
	cov->heard = later(cov->heard, promise);
	cov->lag = now - (promise > 0 ? promise : since);
	if (cov->lag < 0)
		cov->lag = 0;
	if (x->closed)
		cov->state = COVERAGE_STOPPED;
	else if (now - cov->heard > COVERAGE_SILENCE)
		cov->state = COVERAGE_DEAD;
	else
		cov->state = cov->lag > COVERAGE_SILENCE ? COVERAGE_BEHIND : COVERAGE_ALIVE;
}

/* ---- gaps ------------------------------------------------------------------------- */

/* Does a good snapshot lie behind that place of the stream's history? */
static int
is_closed(const struct catalog *c, const char *source, const struct log_stream *st,
    uint64_t to)
{
	const struct catalog_snapshot *s;
	uint64_t end;
	size_t i;

	for (i = 0; i < c->nsnapshots; i++) {
		s = &c->snapshots[i];
		if (strcmp(s->source, source) == 0 && !s->broken_pages && s->stop >= to &&
		    s->system_id == st->system_id &&
		    wal_history_has(s->history, st->timeline, &end))
			return 1;
	}
	return 0;
}

static struct coverage_gap *
find_gap(const struct coverage *cov, const char *stream, uint64_t from, uint64_t to)
{
	struct coverage_gap *g;
	size_t i;

	for (i = 0; i < cov->ngaps; i++) {
		g = &cov->gaps[i];
		if (strcmp(g->stream, stream) == 0 && from < g->to && g->from < to)
			return g;
	}
	return NULL;
}

static int
add_gap(struct coverage *cov, const struct log_stream *st, uint64_t from, uint64_t to,
    int closed, struct err *e)
{
	struct coverage_gap *g;

	if (find_gap(cov, st->name, from, to) != NULL)
		return 0;
	if ((g = reallocarray(cov->gaps, cov->ngaps + 1, sizeof(*g))) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	cov->gaps = g;
	g += cov->ngaps++;
	memset(g, 0, sizeof(*g));
	memcpy(g->stream, st->name, sizeof(g->stream));
	g->from = from;
	g->to = to;
	g->closed = closed;
	cov->open_gaps += !closed;
	return 0;
}

/* Between the spans of each stream. */
static int
add_holes(struct coverage *cov, const struct log_index *ix, const struct catalog *c,
    const char *source, struct err *e)
{
	const struct log_stream *st;
	size_t i, k;

	for (i = 0; i < ix->nstreams; i++)
		for (st = &ix->streams[i], k = 1; k < st->nspans; k++)
			if (add_gap(cov, st, st->spans[k - 1].to, st->spans[k].from,
			    is_closed(c, source, st, st->spans[k].from), e) != 0)
				return -1;
	return 0;
}

/* What logship stated: the reason for a hole, or one at the beginning of a stream. */
static int
add_stated(struct coverage *cov, const struct log_index *ix, const struct catalog *c,
    const char *source, struct err *e)
{
	const struct log_stream *st;
	const struct catalog_gap *cg;
	struct coverage_gap *g;
	size_t i;
	int closed;

	for (i = 0; i < c->ngaps; i++) {
		cg = &c->gaps[i];
		if (strcmp(cg->source, source) != 0 || cg->from >= cg->to ||
		    (st = log_index_stream(ix, cg->stream)) == NULL)
			continue;
		closed = is_closed(c, source, st, cg->to);
		if (add_gap(cov, st, cg->from, cg->to, closed, e) != 0)
			return -1;
		g = find_gap(cov, st->name, cg->from, cg->to);
		memcpy(g->reason, cg->reason, sizeof(g->reason));
	}
	return 0;
}

/* The first position that the log holds behind the snapshot, on its way on; NULL: none. */
static const struct log_stream *
first_behind(const struct log_index *ix, const struct catalog_snapshot *s, uint64_t *from)
{
	const struct log_stream *st, *best = NULL;
	uint64_t end;
	size_t i, k;

	for (i = 0; i < ix->nstreams; i++) {
		st = &ix->streams[i];
		if (st->system_id != s->system_id ||
		    !wal_history_has(&st->history, s->timeline, &end) || s->stop > end)
			continue;
		for (k = 0; k < st->nspans; k++)
			if (st->spans[k].from > s->stop &&
			    (best == NULL || st->spans[k].from < *from)) {
				best = st;
				*from = st->spans[k].from;
			}
	}
	return best;
}

/* From the newest snapshot on there must be a way to the end of the log. */
static int
add_ahead(struct coverage *cov, const struct log_index *ix, struct err *e)
{
	const struct log_stream *st;
	struct log_path *path;
	uint64_t from = 0;
	int r;

	if (cov->newest == NULL)
		return 0;
	if ((path = malloc(sizeof(*path))) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	if ((r = log_path_find(ix, cov->newest, NULL, path, e)) == 0) {
		if (path->n > 0 && path->hole != 0)
			r = add_gap(
			    cov, path->at[path->n - 1].stream, path->end, path->hole, 0, e);
		else if (path->n == 0 && (st = first_behind(ix, cov->newest, &from)) != NULL)
			r = add_gap(cov, st, cov->newest->stop, from, 0, e);
	}
	free(path);
	return r;
}

/* ---- all together ------------------------------------------------------------------- */

int
coverage_of(const struct log_index *ix, const struct catalog *c, const char *source,
    int64_t now, struct coverage *out, struct err *e)
{
	size_t i;

	memset(out, 0, sizeof(*out));
	count_snapshots(out, c, source, now);
	judge_log(out, ix, now);
	for (i = 0; i < ix->nstreams; i++) {
		out->files += ix->streams[i].nextents;
		out->forks += ix->streams[i].parent[0] != '\0';
	}
	if (add_holes(out, ix, c, source, e) == 0 && add_stated(out, ix, c, source, e) == 0 &&
	    add_ahead(out, ix, e) == 0 &&
	    log_windows(ix, c, source, &out->windows, &out->nwindows, e) == 0)
		return 0;
	coverage_free(out);
	return -1;
}

void
coverage_free(struct coverage *cov)
{
	free(cov->gaps);
	free(cov->windows);
	memset(cov, 0, sizeof(*cov));
}
