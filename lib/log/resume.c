/*
 * Where logship begins: the decision.
 */
#include "log/resume.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static uint64_t
min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t
max64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void
tell(struct resume_plan *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Add to what is to be warned of. */
static void
tell(struct resume_plan *p, const char *fmt, ...)
{
	size_t n = strlen(p->text);
	va_list ap;

	va_start(ap, fmt);
	if (n > 0)
		(void)snprintf(p->text + n, sizeof(p->text) - n, "; ");	/* cut, if too long */
	n = strlen(p->text);
	(void)vsnprintf(p->text + n, sizeof(p->text) - n, fmt, ap);
	va_end(ap);
}

/* Timelines of the server's path: 0..history.n, the last one its own. */
static uint32_t
path_timeline(const struct resume_server *sv, int step)
{
	return step < sv->history.n ? sv->history.at[step].timeline : sv->timeline;
}

static uint64_t
path_end(const struct resume_server *sv, int step)
{
	return step < sv->history.n ? sv->history.at[step].end : UINT64_MAX;
}

/* Is s the log of this step: the same timeline, come about in the same way? */
static int
is_step(const struct resume_stream *s, const struct resume_server *sv, int step)
{
	int i;

	if (s->timeline != path_timeline(sv, step) || s->history.n != step)
		return 0;
	for (i = 0; i < step; i++)
		if (s->history.at[i].timeline != sv->history.at[i].timeline ||
		    s->history.at[i].end != sv->history.at[i].end)
			return 0;
	return 1;
}

/* The stream to go on with: of the last step that has any, the one opened last. */
static const struct resume_stream *
find_step(const struct resume_held *h, const struct resume_server *sv, int *step)
{
	const struct resume_stream *best = NULL;
	size_t i;

	for (*step = sv->history.n; *step >= 0; (*step)--) {
		for (i = 0; i < h->n; i++)
			if (is_step(&h->streams[i], sv, *step) &&
			    (best == NULL || h->streams[i].opened > best->opened))
				best = &h->streams[i];
		if (best != NULL)
			return best;
	}
	return NULL;
}

/* The stream that was shipped last. */
static const struct resume_stream *
find_current(const struct resume_held *h)
{
	const struct resume_stream *best = NULL;
	size_t i;

	for (i = 0; i < h->n; i++)
		if (best == NULL || h->streams[i].opened > best->opened)
			best = &h->streams[i];
	return best;
}

static int
name_taken(const struct resume_held *h, const char *name)
{
	size_t i;

	for (i = 0; i < h->n; i++)
		if (strcmp(h->streams[i].name, name) == 0)
			return 1;
	return 0;
}

/* What a stream of this step is, under a name of its own. */
static void
describe(const struct resume_held *h, const struct resume_server *sv, int step,
    struct log_stream_info *info)
{
	int n, fork = 1;

	info->system_id = sv->system_id;
	info->timeline = path_timeline(sv, step);
	info->segment_size = sv->segment_size;
	info->version = sv->version;
	info->history = sv->history;
	info->history.timeline = info->timeline;
	info->history.n = step;
	n = snprintf(info->stream, sizeof(info->stream), "%" PRIu64 "-%08" PRIX32,
	    sv->system_id, info->timeline);	/* 20 + 1 + 8: fits */
	while (name_taken(h, info->stream))
		(void)snprintf(info->stream + n, sizeof(info->stream) - (size_t)n, "-%d",
		    ++fork);
}

static void
begin_at(struct resume_plan *p, uint64_t lsn)
{
	p->from = p->start = wal_segment_start(lsn, p->info.segment_size);
}

/* Nothing on the server's path is held. */
static void
plan_first(const struct resume_held *h, const struct resume_server *sv, struct resume_plan *p)
{
	uint64_t at = sv->restart != 0 ? min64(sv->restart, sv->flushed) : sv->flushed;
	int step = 0;

	at = max64(at, sv->oldest);
	while (at >= path_end(sv, step))
		step++;
	describe(h, sv, step, &p->info);
	begin_at(p, at);
	if (h->n > 0) {
		p->alarm = 1;
		tell(p, "the server is on timeline %" PRIu32 ", which does not descend from"
		    " any that was shipped: its log becomes stream %s, and the old ones are"
		    " kept", sv->timeline, p->info.stream);
	}
}

/* s was shipped to its timeline's end, or as far as ever possible: the next one begins. */
static void
plan_next(const struct resume_held *h, const struct resume_server *sv, int step,
    const struct resume_stream *s, struct resume_plan *p)
{
	char a[LSN_TEXT], b[LSN_TEXT];
	uint64_t end = path_end(sv, step), at = end;

	for (step++; path_end(sv, step) <= sv->oldest; step++)
		at = path_end(sv, step);
	describe(h, sv, step, &p->info);
	begin_at(p, max64(at, sv->oldest));
	p->time = s->time;
	if (s->end < end || p->start > end)
		p->gap = min64(s->end, end);
	if (s->end > end) {
		p->alarm = 1;
		tell(p, "timeline %" PRIu32 " was shipped up to %s, and timeline %" PRIu32
		    " began at %s: the last %" PRIu64 " bytes are only in stream %s; both are"
		    " kept", s->timeline, lsn_format(a, s->end), p->info.timeline,
		    lsn_format(b, end), s->end - end, s->name);
	}
}

/* The best proof there is that the server has what was shipped: the later known tail. */
static void
choose_tail(const struct resume_stream *s, const struct tail_record *state,
    struct resume_plan *p)
{
	char a[LSN_TEXT], b[LSN_TEXT];

	if (s->mark.position <= s->end)
		p->compare = s->mark;
	if (state == NULL || strcmp(state->stream, s->name) != 0)
		return;
	if (state->mark.position > s->end)
		tell(p, "stream %s ends at %s in the repository, but %s was stored there",
		    s->name, lsn_format(a, s->end), lsn_format(b, state->mark.position));
	else if (state->mark.position > p->compare.position)
		p->compare = state->mark;
}

/* Go on in s. */
static void
plan_continue(const struct resume_server *sv, const struct resume_stream *s,
    const struct tail_record *state, struct resume_plan *p)
{
	uint64_t at = s->end;

	p->after = s->last;
	p->time = s->time;
	choose_tail(s, state, p);
	if (p->compare.position != 0 && p->compare.from >= sv->oldest) {
		p->from = p->compare.from;
		p->start = p->compare.position;
		return;
	}
	memset(&p->compare, 0, sizeof(p->compare));
	/* Unproven: no later than the slot, but not before the stream's own start. */
	if (sv->slot == RESUME_SLOT_KNOWN && sv->restart != 0)
		at = min64(at, sv->restart);
	at = max64(wal_segment_start(at, sv->segment_size), s->start);
	begin_at(p, max64(at, sv->oldest));
	if (p->start > s->end)
		p->gap = s->end;
}

/*
 * Up to where s and the server's log are the same for certain.  Whatever set the server
 * back set its slot back, too, and only we move it, to what we have stored.
 */
static uint64_t
common_end(const struct resume_server *sv, const struct resume_stream *s,
    const struct tail_record *state, int differs)
{
	uint64_t at = min64(s->end, sv->flushed);

	if (sv->restart != 0)
		at = min64(at, sv->restart);
	if (differs && s->mark.position != 0)
		at = min64(at, s->mark.from);
	if (differs && state != NULL && strcmp(state->stream, s->name) == 0)
		at = min64(at, state->mark.from);
	return at;
}

/* The server has another history than s. */
static void
plan_fork(const struct resume_held *h, const struct resume_server *sv, int step,
    const struct resume_stream *s, const struct tail_record *state, int differs,
    struct resume_plan *p)
{
	uint64_t first = step == 0 ? 0 : path_end(sv, step - 1);
	char a[LSN_TEXT], b[LSN_TEXT];

	describe(h, sv, step, &p->info);
	begin_at(p, common_end(sv, s, state, differs));
	if (p->start < wal_segment_start(first, sv->segment_size))
		begin_at(p, first);
	/* A slot that does not tell its position holds the WAL from there on, at least. */
	p->earliest = sv->slot == RESUME_SLOT_UNKNOWN;
	/* A new slot knows nothing of the past: where the histories part cannot be told. */
	if (sv->slot != RESUME_SLOT_NEW && p->start >= s->start && p->start >= sv->oldest)
		memcpy(p->info.parent, s->name, sizeof(p->info.parent));
	if (p->start < sv->oldest) {
		begin_at(p, sv->oldest);
		p->earliest = 0;
	}
	p->alarm = 1;
	if (differs)
		tell(p, "the server's WAL differs from what was shipped as stream %s up to %s",
		    s->name, lsn_format(a, s->end));
	else
		tell(p, "the server's log ends at %s, before that of stream %s, at %s",
		    lsn_format(a, sv->flushed), s->name, lsn_format(b, s->end));
	tell(p, "the server was set back: its log becomes stream %s, and the old one is kept",
	    p->info.stream);
}

int
resume_decide(const struct resume_held *h, const struct resume_server *sv,
    const struct tail_record *state, const char *differs, struct resume_plan *p,
    struct err *e)
{
	const struct resume_stream *s, *current = find_current(h);
	char a[LSN_TEXT], b[LSN_TEXT];
	int step, differ, own;

	memset(p, 0, sizeof(*p));
	if (h->system_id != 0 && h->system_id != sv->system_id) {
		(void)err_set(e, ERR_REFUSED, "the server's system identifier is %" PRIu64
		    ", and this source's %" PRIu64, sv->system_id, h->system_id);
		return err_hint(e, "another server, or one after pg_upgrade: enrol it as a "
		    "source of its own");
	}
	if ((s = find_step(h, sv, &step)) == NULL) {
		plan_first(h, sv, p);
		return 0;
	}
	differ = differs != NULL && strcmp(differs, s->name) == 0;
	own = step == sv->history.n;
	if (!differ && own && sv->flushed < s->end && sv->standby)
		return err_set(e, ERR_BUSY, "the standby has the log up to %s only, and %s was"
		    " shipped", lsn_format(a, sv->flushed), lsn_format(b, s->end));
	if (!differ && max64(s->end, sv->oldest) >= path_end(sv, step))
		plan_next(h, sv, step, s, p);
	else if (differ || (own && sv->flushed < s->end))
		plan_fork(h, sv, step, s, state, differ, p);
	else {
		describe(h, sv, step, &p->info);
		memcpy(p->info.stream, s->name, sizeof(p->info.stream));
		memcpy(p->info.parent, s->parent, sizeof(p->info.parent));
		plan_continue(sv, s, state, p);
	}
	if (s != current && !p->alarm) {
		p->alarm = 1;
		tell(p, "the server is on timeline %" PRIu32 ", which does not include stream"
		    " %s, shipped last: its log goes to stream %s, and the other is kept",
		    sv->timeline, current->name, p->info.stream);
	}
	return 0;
}
