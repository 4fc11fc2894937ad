/*
 * From a connection to a plan: settings, the slot, what to begin with; and what to
 * do when the server no longer has that.
 */
#include "log/ship_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define APPNAME	     "bulkhead"
#define STATUS_EVERY INT64_C(10000000)	/* µs; sooner if the server's patience is short */
#define STATUS_LEAST INT64_C(100000)
#define PROBE_TIME   10000		/* ms for the first bytes, or a no */

/* ---- settings ----------------------------------------------------------------- */

/* A size as SHOW writes it ("-1", "512MB") in bytes; SHIP_NO_LIMIT for -1 and what is none. */
static uint64_t
parse_size(const char *text)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	unsigned long long n;
	char unit[4];
	unsigned i;

	if (sscanf(text, "%14llu%3s", &n, unit) != 2)
		return SHIP_NO_LIMIT;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(unit, units[i]) == 0)
			return (uint64_t)n << (10 * i);
	return SHIP_NO_LIMIT;
}

static int
read_settings(struct ship *s, struct err *e)
{
	char text[64];
	int64_t patience;

	if (pg_show(s->pg, "wal_sender_timeout", text, sizeof(text), e) < 0)
		return -1;
	s->status_every = STATUS_EVERY;
	if (clock_parse_span(text, &patience, e) == 0 && patience > 0 &&
	    patience / 4 < s->status_every)
		s->status_every = patience / 4 < STATUS_LEAST ? STATUS_LEAST : patience / 4;
	err_clear(e);	/* "0": no timeout */
	if (pg_show(s->pg, "max_slot_wal_keep_size", text, sizeof(text), e) < 0)
		return -1;
	s->keep_limit = parse_size(text);
	if (pg_show(s->pg, "synchronous_commit", text, sizeof(text), e) < 0)
		return -1;
	if (strcmp(text, "remote_apply") == 0 && !s->reached)
		report_warn(s->o->report, "%s: synchronous_commit is remote_apply: nothing is"
		    " ever applied here, so with a synchronous standby like this commits"
		    " would wait forever", s->pg->what);
	if (pg_show(s->pg, "in_hot_standby", text, sizeof(text), e) < 0)
		return -1;
	s->sv.standby = strcmp(text, "on") == 0;
	return 0;
}

/* A slot that the server has given up keeps nothing, and never will: make it anew. */
static int
renew_slot(struct ship *s, struct pg *pg, struct err *e)
{
	if (pg_slot_drop(pg, s->o->slot, e) < 0 || pg_slot_create(pg, s->o->slot, 0, e) < 0)
		return -1;
	report_warn(s->o->report, "%s: the slot %s kept nothing; it was made anew", pg->what,
	    s->o->slot);
	return 0;
}

/* Find or make the slot. */
static int
take_slot(struct ship *s, struct err *e)
{
	struct pg_slot slot;
	int found = pg_slot_read(s->pg, s->o->slot, &slot, e), made = 0;

	if (found < 0)
		return -1;
	if (found && s->pg->version >= 150000 && slot.restart == 0) {
		if (renew_slot(s, s->pg, e) < 0)
			return -1;
		made = 1;
	}
	/* A server 14 does not say whether it is there: making it does. */
	if (!found || s->pg->version < 150000) {
		made = pg_slot_create(s->pg, s->o->slot, 0, e) == 0;
		if (!made && e->kind != ERR_CONFLICT)
			return -1;
		err_clear(e);
		if (made)
			report_note(s->o->report, "%s: made the slot %s", s->pg->what,
			    s->o->slot);
	}
	if (made && pg_slot_read(s->pg, s->o->slot, &slot, e) < 0)
		return -1;
	s->sv.restart = slot.restart;
	if (made)
		s->sv.slot = RESUME_SLOT_NEW;
	else
		s->sv.slot = s->pg->version < 150000 ? RESUME_SLOT_UNKNOWN : RESUME_SLOT_KNOWN;
	return 0;
}

/* ---- the plan ----------------------------------------------------------------- */

static int
read_history(struct ship *s, uint32_t timeline, struct buf *file, struct wal_history *h,
    struct err *e)
{
	if (pg_timeline_history(s->pg, timeline, file, e) < 0)
		return -1;
	if (wal_history_read(h, timeline, (const char *)file->data, file->len) < 0)
		return err_set(e, ERR_CORRUPT, "%s: the history of timeline %" PRIu32
		    " is damaged", s->pg->what, timeline);
	return 0;
}

static int
identify(struct ship *s, struct err *e)
{
	struct buf file = BUF_INIT;
	struct pg_system sys;
	int rc;

	if (pg_identify(s->pg, &sys, e) < 0)
		return -1;
	s->sv.system_id = sys.system_id;
	s->sv.timeline = sys.timeline;
	s->sv.segment_size = sys.segment_size;
	s->sv.version = s->pg->version;
	s->sv.flushed = s->server_end = sys.flushed;
	if (s->goal_timeline == 0) {
		s->goal = sys.flushed;
		s->goal_timeline = sys.timeline;
	}
	rc = read_history(s, sys.timeline, &file, &s->sv.history, e);
	buf_free(&file);
	return rc;
}

/* What this machine remembers: 1, 0 or -1. */
static int
recall(struct ship *s, struct tail_record *r, struct err *e)
{
	struct buf text = BUF_INIT;
	int rc;

	rc = state_get(s->o->state, repo_id(s->o->repo), s->o->source->name, "log", &text, e);
	if (rc > 0 && tail_record_decode(r, text.data, text.len, e) < 0)
		rc = err_context(e, "state folder %s: %s.log", state_dir(s->o->state),
		    s->o->source->name);
	buf_free(&text);
	return rc;
}

static int
decide(struct ship *s, struct err *e)
{
	struct resume_held held;
	struct tail_record state;
	int known, rc;

	s->side = SHIP_REPO;
	if (repo_refresh(s->o->repo, e) < 0 || (known = recall(s, &state, e)) < 0 ||
	    resume_load(s->o->repo, s->o->source->name, s->o->report, &held, e) < 0)
		return -1;
	s->side = SHIP_PLAN;
	buf_free(&s->plan.info.history_file);
	rc = resume_decide(&held, &s->sv, known ? &state : NULL,
	    s->differs[0] != '\0' ? s->differs : NULL, &s->plan, e);
	resume_held_free(&held);
	if (rc < 0)
		return err_context(e, "%s", s->pg->what);
	s->side = SHIP_SERVER;
	return 0;
}

static int search(struct ship *s, uint64_t lo, uint64_t hi, uint64_t *out, struct err *e);

/* A plan that wants the oldest WAL that there is of its timeline, at or before its start. */
static int
begin_earlier(struct ship *s, struct err *e)
{
	struct resume_plan *p = &s->plan;
	const struct wal_history *h = &p->info.history;
	uint64_t first = h->n == 0 ? 0 : h->at[h->n - 1].end;
	int rc;

	if (!p->earliest)
		return 0;
	rc = search(s, wal_segment_start(first, s->sv.segment_size), p->start, &p->start, e);
	p->from = p->start;
	return rc < 0 ? -1 : 0;	/* 0: not even that is there; ship_mend() will see */
}

static int
commit_gap(struct ship *s, struct err *e)
{
	const struct resume_plan *p = &s->plan;
	const struct key_secret *keys[1] = { s->o->source->writer };
	struct statement *st;
	char from[LSN_TEXT], to[LSN_TEXT];
	int rc;

	if ((st = statement_new(ST_LOG_GAP, e)) == NULL)
		return -1;
	statement_add(st, "source", s->o->source->name);
	statement_add(st, "stream", p->info.stream);
	statement_add(st, "from", lsn_format(from, p->gap));
	statement_add(st, "to", lsn_format(to, p->start));
	statement_add(st, "reason", "the server had removed it before it was shipped");
	s->side = SHIP_REPO;
	rc = repo_commit(s->o->repo, st, keys, 1, e);
	statement_free(st);
	if (rc < 0)
		return -1;
	s->side = SHIP_SERVER;
	s->res->gaps++;
	report_warn(s->o->report, "%s no longer has the log from %s to %s: that is a gap; take"
	    " a snapshot, without it nothing behind the gap can be recovered", s->pg->what,
	    from, to);
	return 0;
}

int
ship_plan(struct ship *s, struct err *e)
{
	struct wal_history h;

	if (identify(s, e) < 0 || decide(s, e) < 0 || begin_earlier(s, e) < 0)
		return -1;
	if (read_history(s, s->plan.info.timeline, &s->plan.info.history_file, &h, e) < 0)
		return -1;
	if (s->plan.text[0] != '\0')
		report_warn(s->o->report, "%s: %s", s->pg->what, s->plan.text);
	if (s->plan.alarm)
		s->res->forks++;
	return s->plan.gap != 0 ? commit_gap(s, e) : 0;
}

int
ship_connect(struct ship *s, struct err *e)
{
	s->side = SHIP_SERVER;
	if ((s->pg = pg_connect(s->o->conninfo, APPNAME, e)) == NULL)
		return -1;
	if (read_settings(s, e) < 0 || take_slot(s, e) < 0)
		return -1;
	return ship_plan(s, e);
}

void
ship_disconnect(struct ship *s)
{
	pg_free(s->pg);
	s->pg = NULL;
}

/* ---- WAL that is gone ------------------------------------------------------------ */

/* Does the server still have this segment?  1, 0, -1. */
static int
probe(struct ship *s, uint64_t at, struct err *e)
{
	struct pg *pg = pg_connect(s->o->conninfo, APPNAME " probe", e);
	struct pg_wal_event ev = { .kind = PG_WAL_NONE };
	int rc;

	if (pg == NULL)
		return -1;
	rc = pg_wal_start(pg, NULL, wal_history_timeline_at(&s->sv.history, at), at, e);
	if (rc == 0)
		rc = pg_wal_next(pg, -1, PROBE_TIME, &ev, e);
	if (rc == 0 && ev.kind == PG_WAL_NONE)
		rc = err_set(e, ERR_UNREACHABLE, "%s: it does not send WAL", pg->what);
	pg_free(pg);
	if (rc == 0)
		return 1;
	if (e->kind != ERR_NOTFOUND)
		return -1;
	err_clear(e);
	return 0;
}

/*
 * The first segment in lo..hi (both starts of segments) that the server has: it removes
 * the oldest ones, so what it has has no holes.  1, 0 (not even hi), -1.
 */
static int
search(struct ship *s, uint64_t lo, uint64_t hi, uint64_t *out, struct err *e)
{
	uint32_t size = s->sv.segment_size;
	uint64_t mid;
	int rc = probe(s, hi, e);

	if (rc <= 0)
		return rc;
	while (lo < hi) {
		mid = wal_segment_start(lo + (hi - lo) / 2, size);
		if ((rc = probe(s, mid, e)) < 0)
			return -1;
		if (rc > 0)
			hi = mid;
		else
			lo = mid + size;
	}
	*out = hi;
	return 1;
}

int
ship_mend(struct ship *s, struct err *e)
{
	uint64_t from = s->plan.from, end;
	struct pg *pg;
	int rc;

	if ((rc = probe(s, from, e)) < 0)
		return -1;
	if (rc > 0) {	/* so it is the slot that was invalidated */
		if ((pg = pg_connect(s->o->conninfo, APPNAME, e)) == NULL)
			return -1;
		rc = renew_slot(s, pg, e);
		pg_free(pg);
		return rc;
	}
	end = wal_segment_start(s->sv.flushed, s->sv.segment_size);
	if ((rc = search(s, from, end, &s->sv.oldest, e)) == 0)
		rc = err_set(e, ERR_UNREACHABLE, "the server has no WAL at its own end");
	return rc < 0 ? -1 : 0;
}
