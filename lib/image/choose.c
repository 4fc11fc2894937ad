/*
 * Which snapshot to restore: by name, the newest, or the newest before a moment.
 */
#include <string.h>

#include "base/clock.h"
#include "image/choose.h"

int
image_choice_before(struct image_choice *w, const char *text, struct err *e)
{
	w->before = text;
	if (lsn_parse(text, &w->before_lsn) == 0 && w->before_lsn != 0)
		return 0;
	if (clock_parse(text, &w->before_time, e) == 0)
		return 0;
	if (e->hint[0] == '\0')
		err_hint(e,
		    "give a time with its zone, 2026-11-22T14:03:00Z, or a position, "
		    "0/3000060");
	return err_context(e, "option --before");
}

/* The history that counts: that of the source's newest snapshot or log. */
struct line {
	const struct wal_history *history;
	uint64_t seq;
};

static struct line
newest_line(const struct catalog *c, const char *source)
{
	struct line l = { NULL, 0 };
	size_t i;

	for (i = 0; i < c->nsnapshots; i++)
		if (strcmp(c->snapshots[i].source, source) == 0 &&
		    c->snapshots[i].seq >= l.seq)
			l = (struct line){ c->snapshots[i].history, c->snapshots[i].seq };
	for (i = 0; i < c->nlogs; i++)
		if (strcmp(c->logs[i].source, source) == 0 && c->logs[i].seq >= l.seq)
			l = (struct line){ c->logs[i].history, c->logs[i].seq };
	return l;
}

/*
 * A server that was set back goes another way on the same timeline: a log that forked
 * later, before the snapshot's stop, has left the snapshot behind.
 */
static int
forked_away(const struct catalog *c, const struct catalog_snapshot *s)
{
	size_t i;

	for (i = 0; i < c->nlogs; i++)
		if (strcmp(c->logs[i].source, s->source) == 0 &&
		    c->logs[i].parent[0] != '\0' && c->logs[i].timeline == s->timeline &&
		    c->logs[i].seq > s->seq && c->logs[i].start < s->stop)
			return 1;
	return 0;
}

static int
on_line(const struct catalog *c, const struct line *l, const struct catalog_snapshot *s)
{
	uint64_t end;

	if (l->history == NULL || !wal_history_has(l->history, s->timeline, &end) ||
	    s->stop > end)
		return 0;
	return !forked_away(c, s);
}

static int
in_time(const struct image_choice *w, const struct catalog_snapshot *s)
{
	if (w->before_time != 0)
		return s->stopped <= w->before_time;
	return w->before_lsn == 0 || s->stop <= w->before_lsn;
}

static int
newer(const struct image_choice *w, const struct catalog_snapshot *a,
    const struct catalog_snapshot *b)
{
	if (b == NULL)
		return 1;
	return w->before == NULL ? a->seq > b->seq : a->stop > b->stop;
}

static int
none(const struct image_choice *w, const char *source, const struct catalog_snapshot *broken,
    const struct catalog_snapshot *off, struct err *e)
{
	if (w->before != NULL)
		err_set(e, ERR_NOTFOUND, "no snapshot of %s that ended before %s", source,
		    w->before);
	else
		err_set(e, ERR_NOTFOUND, "no snapshot of %s", source);
	if (broken != NULL)
		return err_hint(e,
		    "%s has pages that the server itself found broken; it can be named",
		    broken->id);
	if (off != NULL)
		return err_hint(e, "%s is of a history that was abandoned; it can be named",
		    off->id);
	return err_hint(e, "strongbox list shows the snapshots");
}

static const struct catalog_snapshot *
named(const struct catalog *c, const char *source, const char *id, struct err *e)
{
	const struct catalog_snapshot *s = catalog_snapshot(c, source, id);

	if (s == NULL) {
		err_set(e, ERR_NOTFOUND, "no snapshot %s of %s, or more than one", id, source);
		err_hint(e, "strongbox list shows the snapshots");
	}
	return s;
}

const struct catalog_snapshot *
image_choose(const struct catalog *c, const char *source, const struct image_choice *w,
    struct report *report, struct err *e)
{
	const struct catalog_snapshot *s, *best = NULL, *broken = NULL, *off = NULL;
	struct line l = newest_line(c, source);
	size_t i;

	if (w->id != NULL)
		return named(c, source, w->id, e);
	for (i = 0; i < c->nsnapshots; i++) {
		s = &c->snapshots[i];
		if (strcmp(s->source, source) != 0 || !in_time(w, s))
			continue;
		if (s->broken_pages)
			broken = newer(w, s, broken) ? s : broken;
		else if (w->before != NULL && !on_line(c, &l, s))
			off = newer(w, s, off) ? s : off;
		else if (newer(w, s, best))
			best = s;
	}
	if (best == NULL)
		none(w, source, broken, off, e);
	else if (off != NULL && newer(w, off, best))
		report_note(report, "passed over %s: it is of a history that was abandoned",
		    off->id);
	if (best != NULL && broken != NULL && newer(w, broken, best))
		report_warn(report, "passed over %s: the server found broken pages in it",
		    broken->id);
	return best;
}
