/*
 * Streaming: what comes is compared or handed to the appender, what is durable is
 * confirmed at once, and the server always gets its answer in time.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "log/ship_private.h"

#define WAIT_LONGEST INT64_C(5000000)	/* µs between two looks at the clock */
/*
 * A keepalive tells how far the server has sent, which may be a moment behind what it
 * has flushed: what it promises is for a second before.
 */
#define KEEPALIVE_SLACK INT64_C(1000000)

/* ---- telling the server -------------------------------------------------------- */

/* What may be confirmed: nothing as long as the server may have another history. */
static uint64_t
confirmable(const struct ship *s)
{
	return s->comparing ? 0 : s->view.durable;
}

static int
report_position(struct ship *s, int ask, struct err *e)
{
	s->confirmed = confirmable(s);
	s->reported = clock_mono();
	return pg_wal_confirm(s->pg, s->confirmed, ask, e);
}

/* Look what the appender has done, and tell the server.  -1 with s->side set. */
static int
look(struct ship *s, struct err *e)
{
	appender_look(s->appender, &s->view);
	if (s->view.failed) {
		s->side = SHIP_REPO;
		*e = s->view.e;
		return -1;
	}
	s->res->bytes = s->view.bytes;
	if (confirmable(s) != 0 && confirmable(s) != s->confirmed)
		return report_position(s, 0, e);
	return 0;
}

/* What is due by the clock. */
static int
tend(struct ship *s, struct err *e)
{
	int64_t now = clock_mono();

	ship_metrics(s, 0);
	report_progress(s->o->report, "shipping", s->res->bytes, 0);
	/* Ask whether there really is nothing; the answer makes the heartbeat. */
	if (!s->comparing && now - s->sent >= s->o->heartbeat && !s->asked) {
		s->asked = 1;
		return report_position(s, 1, e);
	}
	if (now - s->reported >= s->status_every) {
		s->asked = 0;
		return report_position(s, 0, e);
	}
	return 0;
}

/* How long to wait for something to happen, in ms. */
static int
patience(const struct ship *s)
{
	int64_t now = clock_mono(), due = now + WAIT_LONGEST;

	if (s->reported + s->status_every < due)
		due = s->reported + s->status_every;
	if (!s->asked && s->sent + s->o->heartbeat < due)
		due = s->sent + s->o->heartbeat;
	return due <= now ? 0 : (int)((due - now + 999) / 1000);
}

/* ---- what comes ------------------------------------------------------------------ */

/* Hand the bytes at s->received to the appender. */
static void
gather(struct ship *s, const uint8_t *p, size_t n)
{
	int64_t promise = promise_keep(&s->promise, s->received + n);
	size_t part;

	s->received += n;
	for (; n > 0; p += part, n -= part) {
		part = n < APPENDER_PUT_MAX ? n : APPENDER_PUT_MAX;
		appender_put(s->appender, p, part, part == n ? promise : 0);
	}
	s->sent = clock_mono();
	s->asked = 0;
}

/* The stream goes on from here: a file may begin. */
static int
begin_file(struct ship *s, struct err *e)
{
	const struct resume_plan *p = &s->plan;
	char lsn[LSN_TEXT];

	if (appender_begin(s->appender, &p->info, p->start, &p->after, &s->tail, p->time,
		e) < 0)
		return -1;
	s->comparing = 0;
	appender_look(s->appender, &s->view);	/* the old one may be of another history */
	report_note(s->o->report, "%s: shipping timeline %" PRIu32 " from %s to stream %s",
	    s->pg->what, p->info.timeline, lsn_format(lsn, p->start), p->info.stream);
	if (!s->reached)
		s->res->from = p->start;
	else if (s->lost != 0)
		s->res->reconnects++;
	s->reached = 1;
	s->lost = 0;
	return 0;
}

/* The last byte to compare is here.  1: it is the same history. */
static int
is_same(const struct ship *s)
{
	struct tail_mark m;

	tail_mark(&s->tail, &m);
	return m.position == s->plan.compare.position &&
	    memcmp(m.digest, s->plan.compare.digest, sizeof(m.digest)) == 0;
}

/* 1: go on; 0: the bytes differ; -1. */
static int
take_data(struct ship *s, const struct pg_wal_event *ev, struct err *e)
{
	const uint8_t *p = ev->data;
	size_t n = ev->len, part = n;
	char a[LSN_TEXT], b[LSN_TEXT];

	if (ev->position != s->received)
		return err_set(e, ERR_UNREACHABLE, "%s: it sent WAL from %s, not %s",
		    s->pg->what, lsn_format(a, ev->position), lsn_format(b, s->received));
	if (s->comparing) {
		if (part > s->plan.start - s->received)
			part = (size_t)(s->plan.start - s->received);
		tail_add(&s->tail, p, part);
		s->received += part;
		if (s->received < s->plan.start)
			return 1;
		if (!is_same(s))
			return 0;
		if (begin_file(s, e) < 0)
			return -1;
		p += part;
		n -= part;
	}
	s->mended = 0;
	if (n > 0)
		gather(s, p, n);
	return 1;
}

static int
take_keepalive(struct ship *s, const struct pg_wal_event *ev, struct err *e)
{
	int64_t promise;

	promise_hear(&s->promise, ev->server_end, ev->server_time - KEEPALIVE_SLACK);
	if (!s->comparing && (promise = promise_keep(&s->promise, s->received)) != 0 &&
	    clock_mono() - s->sent >= s->o->heartbeat) {
		appender_heartbeat(s->appender, promise);
		s->sent = clock_mono();
		s->asked = 0;
	}
	return ev->reply ? report_position(s, 0, e) : 0;
}

/* 1: go on; 0: *outcome; -1. */
static int
take_event(struct ship *s, const struct pg_wal_event *ev, enum ship_outcome *outcome,
    struct err *e)
{
	int rc;

	if (ev->server_end > s->server_end)
		s->server_end = ev->server_end;
	switch (ev->kind) {
	case PG_WAL_NONE:
		return 1;
	case PG_WAL_DATA:
		promise_hear(&s->promise, ev->server_end, ev->server_time);
		if ((rc = take_data(s, ev, e)) == 0)
			*outcome = SHIP_DIFFERS;
		return rc;
	case PG_WAL_KEEPALIVE:
		return take_keepalive(s, ev, e) < 0 ? -1 : 1;
	case PG_WAL_TIMELINE_END:
		*outcome = SHIP_TIMELINE;
		return 0;
	case PG_WAL_CLOSED:
		return err_set(e, ERR_UNREACHABLE, "%s: it ended the stream: shut down",
		    s->pg->what);
	}
	return err_set(e, ERR_BUG, "%s: unknown event", s->pg->what);
}

/* ---- the loop ---------------------------------------------------------------------- */

/* Nothing more can be received now: wait for the appender. */
static int
wait_room(struct ship *s, struct err *e)
{
	struct pollfd fd = { .fd = s->wake, .events = POLLIN };

	if (poll(&fd, 1, patience(s)) < 0 && errno != EINTR)
		return err_sys(e, ERR_SYSTEM, "poll");
	return 0;
}

static int
is_done(const struct ship *s)
{
	uint32_t timeline = s->plan.info.timeline;

	if (!s->o->once || s->comparing)
		return 0;
	return timeline > s->goal_timeline ||
	    (timeline == s->goal_timeline && s->received >= s->goal);
}

static int
pump(struct ship *s, enum ship_outcome *outcome, struct err *e)
{
	struct pg_wal_event ev;
	int rc = 1;

	while (rc > 0) {
		if (report_stopping() || is_done(s)) {
			*outcome = report_stopping() ? SHIP_STOPPED : SHIP_DONE;
			return 0;
		}
		if (look(s, e) < 0 || tend(s, e) < 0)
			return -1;
		if (!s->comparing && !appender_has_room(s->appender))
			rc = wait_room(s, e) < 0 ? -1 : 1;
		else if (pg_wal_next(s->pg, s->wake, patience(s), &ev, e) < 0)
			rc = -1;
		else
			rc = take_event(s, &ev, outcome, e);
	}
	return rc;
}

/*
 * Have all stored that was received, and the file closed.  The server, as long as it is
 * there, hears of it; that it may go away meanwhile does not matter.
 */
static int
drain(struct ship *s, int alive, struct err *e)
{
	struct pollfd fd = { .fd = appender_fd(s->appender), .events = POLLIN };
	struct err gone = ERR_INIT;

	appender_finish(s->appender);
	for (;;) {
		appender_look(s->appender, &s->view);
		s->res->bytes = s->view.bytes;
		if (alive && (s->confirmed != confirmable(s) ||
			clock_mono() - s->reported >= s->status_every))
			alive = report_position(s, 0, &gone) == 0;
		if (s->view.idle)
			break;
		if (poll(&fd, 1, alive ? patience(s) : -1) < 0 && errno != EINTR)
			return err_sys(e, ERR_SYSTEM, "poll");
	}
	if (!s->view.failed)
		return 0;
	*e = s->view.e;
	return -1;
}

static int
begin(struct ship *s, struct err *e)
{
	const struct resume_plan *p = &s->plan;

	if (pg_wal_start(s->pg, s->o->slot, p->info.timeline, p->from, e) < 0)
		return -1;
	s->received = p->from;
	s->confirmed = 0;
	memset(&s->promise, 0, sizeof(s->promise));
	s->reported = s->sent = clock_mono();
	s->asked = 0;
	tail_begin(&s->tail, s->o->source->digest_key, s->sv.segment_size, p->from);
	s->comparing = 1;
	return p->compare.position == 0 ? begin_file(s, e) : 0;
}

int
ship_stream(struct ship *s, enum ship_outcome *outcome, struct err *e)
{
	struct err more = ERR_INIT;
	int rc, stored;

	s->side = SHIP_SERVER;
	if ((rc = begin(s, e)) == 0)
		rc = pump(s, outcome, e);
	if (rc < 0) {
		s->missing = s->side == SHIP_SERVER && e->kind == ERR_NOTFOUND;
		/* If that fails, too, it will show again. */
		(void)drain(s, 0, &more);
		return -1;
	}
	stored = drain(s, *outcome != SHIP_TIMELINE, e);
	if (!s->comparing && s->view.durable > s->res->to)
		s->res->to = s->view.durable;
	if (stored < 0) {
		s->side = SHIP_REPO;
		return -1;
	}
	/* That the server hears of the end is a courtesy: all is stored. */
	if (*outcome != SHIP_TIMELINE && pg_wal_stop(s->pg, &more) < 0)
		report_detail(s->o->report, "%s", more.msg);
	return 0;
}
