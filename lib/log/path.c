/*
 * Ways through the log: from a snapshot along timelines and forks to the end of a
 * stream, and from when to when a source can be recovered.
 */
#include <stdlib.h>
#include <string.h>

#include "log/index.h"

/* ---- how streams descend ---------------------------------------------------- */

/* The first n ancestors are the same. */
static int
same_history(const struct wal_history *a, const struct wal_history *b, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (a->at[i].timeline != b->at[i].timeline || a->at[i].end != b->at[i].end)
			return 0;
	return 1;
}

/* The same timeline of the same server, come about in the same way: one line, or its forks. */
static int
same_line(const struct log_stream *a, uint64_t system_id, uint32_t timeline,
    const struct wal_history *history)
{
	return a->system_id == system_id && a->timeline == timeline &&
	    a->history.n == history->n && same_history(&a->history, history, history->n);
}

/* The span that holds lsn, or ends there; NULL. */
static const struct log_span *
span_at(const struct log_stream *st, uint64_t lsn)
{
	size_t i;

	for (i = st->nspans; i > 0; i--)
		if (st->spans[i - 1].from <= lsn)
			return lsn <= st->spans[i - 1].to ? &st->spans[i - 1] : NULL;
	return NULL;
}

/* The stream that st goes on from, and where; NULL: st has no ancestor here. */
static const struct log_stream *
ancestor(const struct log_index *ix, const struct log_stream *st, uint64_t *at)
{
	const struct log_stream *best = NULL, *c;
	struct wal_history h = st->history;
	uint32_t timeline;
	size_t i;

	if (st->parent[0] != '\0') {
		*at = st->extents[0].start;
		return log_index_stream(ix, st->parent);
	}
	if (h.n == 0)
		return NULL;
	h.n--;
	timeline = h.at[h.n].timeline;
	*at = h.at[h.n].end;
	/* Of forks there: the last one begun before st, but rather one that reaches *at. */
	for (i = 0; i < ix->nstreams && &ix->streams[i] != st; i++) {
		c = &ix->streams[i];
		if (same_line(c, st->system_id, timeline, &h) &&
		    (best == NULL || span_at(c, *at) != NULL || span_at(best, *at) == NULL))
			best = c;
	}
	return best;
}

/* A stream and its ancestors, and where each is left for the one before it in this list. */
struct line {
	int n;
	struct {
		const struct log_stream *stream;
		uint64_t leave;
	} at[LOG_PATH_MAX];
};

static void
descend(const struct log_index *ix, const struct log_stream *st, struct line *l)
{
	uint64_t leave = UINT64_MAX;

	for (l->n = 0; st != NULL && l->n < LOG_PATH_MAX; l->n++) {
		l->at[l->n].stream = st;
		l->at[l->n].leave = leave;
		st = ancestor(ix, st, &leave);
	}
}

/* ---- paths ------------------------------------------------------------------ */

/*
 * Was the snapshot taken of st's history?  Of several streams of one timeline it is the
 * one that was shipped when the snapshot was committed; before the place where a
 * fork begins both are the same.
 */
static int
belongs(const struct log_index *ix, const struct catalog_snapshot *s,
    const struct log_stream *st)
{
	const struct log_stream *o;
	size_t i;

	if (!same_line(st, s->system_id, s->timeline, s->history))
		return 0;
	for (i = 0; i < ix->nstreams; i++) {
		o = &ix->streams[i];
		if (o == st || !same_line(o, s->system_id, s->timeline, s->history))
			continue;
		if (st->first_seq < o->first_seq && o->first_seq < s->seq &&
		    s->stop > o->extents[0].start)
			return 0;	/* it had given way to o */
		if (o->first_seq < st->first_seq && s->seq < st->first_seq &&
		    s->stop > st->extents[0].start)
			return 0;	/* it did not exist yet, and o did */
	}
	return 1;
}

/* Where the line is entered from the snapshot: the place in it, or -1. */
static int
entry(const struct log_index *ix, const struct line *l, const struct catalog_snapshot *s)
{
	int i;

	for (i = 0; i < l->n; i++)
		if (s->stop <= l->at[i].leave && span_at(l->at[i].stream, s->stop) != NULL &&
		    belongs(ix, s, l->at[i].stream))
			return i;
	return -1;
}

/* The first position behind `end` that the line's streams i, i-1, .. 0 hold; 0: none. */
static uint64_t
find_behind(const struct line *l, int i, uint64_t end)
{
	const struct log_stream *st;
	uint64_t from = end;
	size_t k;

	for (; i >= 0; i--) {
		st = l->at[i].stream;
		for (k = 0; k < st->nspans; k++) {
			if (st->spans[k].to <= from)
				continue;
			if (st->spans[k].from >= l->at[i].leave)
				break;
			return st->spans[k].from > from ? st->spans[k].from : from;
		}
		if (l->at[i].leave > from)
			from = l->at[i].leave;
	}
	return 0;
}

/* Follow the line from its entry i to its end, or to the first hole. */
static void
follow(const struct line *l, int i, const struct catalog_snapshot *s, struct log_path *out)
{
	const struct log_span *span = span_at(l->at[i].stream, s->stop);
	uint64_t pos = wal_segment_start(s->stop, s->segment_size);

	if (pos < span->from)
		pos = span->from;
	for (;; i--) {
		out->at[out->n].stream = l->at[i].stream;
		out->at[out->n].from = pos;
		pos = span->to < l->at[i].leave ? span->to : l->at[i].leave;
		out->at[out->n++].to = pos;
		out->timeline = l->at[i].stream->timeline;
		out->end = pos;
		out->end_time = span->last;
		if (pos < l->at[i].leave)
			break;
		if (i == 0)
			return;
		if ((span = span_at(l->at[i - 1].stream, pos)) == NULL) {
			i--;
			break;
		}
	}
	out->hole = find_behind(l, i, pos);
}

/* The way to the end of st.  n = 0: there is none. */
static void
find_to(const struct log_index *ix, const struct catalog_snapshot *s,
    const struct log_stream *st, struct log_path *out)
{
	struct line l;
	int i;

	memset(out, 0, sizeof(*out));
	out->timeline = s->timeline;
	out->end = s->stop;
	out->end_time = s->stopped;
	descend(ix, st, &l);
	if ((i = entry(ix, &l, s)) >= 0)
		follow(&l, i, s, out);
}

int
log_path_find(const struct log_index *ix, const struct catalog_snapshot *s,
    const char *stream, struct log_path *out, struct err *e)
{
	const struct log_stream *st;
	struct log_path *way;
	uint64_t best = 0;
	size_t i;

	if (stream != NULL) {
		if ((st = log_index_stream(ix, stream)) == NULL)
			return err_set(e, ERR_NOTFOUND, "no stream %s", stream);
		find_to(ix, s, st, out);
		return 0;
	}
	memset(out, 0, sizeof(*out));
	out->timeline = s->timeline;
	out->end = s->stop;
	out->end_time = s->stopped;
	if ((way = malloc(sizeof(*way))) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (i = 0; i < ix->nstreams; i++) {
		find_to(ix, s, &ix->streams[i], way);
		if (way->n > 0 && ix->streams[i].last_seq >= best) {
			best = ix->streams[i].last_seq;
			*out = *way;
		}
	}
	free(way);
	return 0;
}

/* ---- windows ---------------------------------------------------------------- */

struct windows {
	struct log_window *list;
	size_t n;
};

/* Does another way of the same snapshot pass through where this one ends, and go on? */
static int
is_passed(const struct log_path *ways, size_t n, size_t which)
{
	const struct log_path *a = &ways[which], *b;
	const struct log_stream *last = a->at[a->n - 1].stream;
	size_t i;
	int k;

	for (i = 0; i < n; i++) {
		b = &ways[i];
		for (k = 0; i != which && k < b->n; k++) {
			if (b->at[k].stream != last)
				continue;
			if (k < b->n - 1 && b->at[k].to >= a->end)
				return 1;
			if (k == b->n - 1 && b->end == a->end && i < which)
				return 1;	/* the very same */
		}
	}
	return 0;
}

/* Enter one snapshot's way into the window that it belongs to. */
static int
add_window(struct windows *ws, const struct catalog_snapshot *s, const struct log_path *way,
    struct err *e)
{
	const char *name = way->n > 0 ? way->at[way->n - 1].stream->name : "";
	struct log_window *w;
	int64_t to = way->end_time > s->stopped ? way->end_time : s->stopped;
	size_t i;

	for (i = 0; i < ws->n && way->n > 0; i++) {
		w = &ws->list[i];
		if (strcmp(w->stream, name) != 0 || w->to_lsn != way->end)
			continue;
		w->snapshots++;
		if (s->stopped < w->from) {
			w->from = s->stopped;
			w->from_lsn = s->stop;
		}
		if (to > w->to)
			w->to = to;
		return 0;
	}
	if ((w = realloc(ws->list, (ws->n + 1) * sizeof(*w))) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	ws->list = w;
	w += ws->n++;
	memset(w, 0, sizeof(*w));
	memcpy(w->stream, name, strlen(name) + 1);
	w->from = s->stopped;
	w->to = to;
	w->from_lsn = s->stop;
	w->to_lsn = way->end;
	w->timeline = way->timeline;
	w->snapshots = 1;
	return 0;
}

/* All windows that one snapshot opens; ways has room for one a stream, and one. */
static int
add_snapshot(struct windows *ws, const struct log_index *ix, const struct catalog_snapshot *s,
    struct log_path *ways, struct err *e)
{
	size_t i, n = 0;

	for (i = 0; i < ix->nstreams; i++) {
		find_to(ix, s, &ix->streams[i], &ways[n]);
		n += ways[n].n > 0;
	}
	if (n == 0) {
		memset(&ways[0], 0, sizeof(ways[0]));
		ways[0].timeline = s->timeline;
		ways[0].end = s->stop;
		return add_window(ws, s, &ways[0], e);
	}
	for (i = 0; i < n; i++)
		if (!is_passed(ways, n, i) && add_window(ws, s, &ways[i], e) < 0)
			return -1;
	return 0;
}

static int
newest_first(const void *a, const void *b)
{
	const struct log_window *x = a, *y = b;

	if (x->to != y->to)
		return x->to > y->to ? -1 : 1;
	return x->from > y->from ? -1 : x->from < y->from;
}

int
log_windows(const struct log_index *ix, const struct catalog *c, const char *source,
    struct log_window **out, size_t *n, struct err *e)
{
	struct windows ws = { NULL, 0 };
	struct log_path *ways = malloc((ix->nstreams + 1) * sizeof(*ways));
	size_t i;

	if (ways == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (i = 0; i < c->nsnapshots; i++) {
		/* One with broken pages does not count as good. */
		if (strcmp(c->snapshots[i].source, source) != 0 ||
		    c->snapshots[i].broken_pages)
			continue;
		if (add_snapshot(&ws, ix, &c->snapshots[i], ways, e) < 0) {
			free(ways);
			free(ws.list);
			return -1;
		}
	}
	free(ways);
	if (ws.n > 0)
		qsort(ws.list, ws.n, sizeof(*ws.list), newest_first);
	*out = ws.list;
	*n = ws.n;
	return 0;
}
