/*
 * Following one server: connect, stream, and begin again when something ends.
 */
#include "log/ship.h"

#include <sys/epoll.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "log/ship_private.h"

#define ONCE_BUSY  INT64_C(10000000)	/* µs that --once waits for a slot to become free */
#define METRICS_MS 5000
#define MENDS	   3

void
ship_slot_name(const char *source, char out[SHIP_SLOT_MAX])
{
	char *p;

	(void)snprintf(out, SHIP_SLOT_MAX, "bulkhead_%s", source);	/* cut, if too long */
	for (p = out; *p != '\0'; p++)
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789", *p) == NULL)
			*p = '_';
}

/* ---- one connection ------------------------------------------------------------ */

/* Stream by one plan after the other.  0: the end; 1: connect again at once; -1. */
static int
follow(struct ship *s, struct err *e)
{
	enum ship_outcome outcome;

	for (;;) {
		if (ship_stream(s, &outcome, e) < 0)
			return -1;
		memcpy(s->res->stream, s->plan.info.stream, sizeof(s->res->stream));
		s->sv.oldest = 0;
		switch (outcome) {
		case SHIP_STOPPED:
		case SHIP_DONE:
			return 0;
		case SHIP_DIFFERS:
			memcpy(s->differs, s->plan.info.stream, sizeof(s->differs));
			return 1;
		case SHIP_TIMELINE:
			s->differs[0] = '\0';
			if (ship_plan(s, e) < 0)
				return -1;
		}
	}
}

/* Connect, and follow until the connection ends.  As follow(). */
static int
attend(struct ship *s, struct err *e)
{
	int rc;

	s->missing = 0;
	rc = ship_connect(s, e);
	if (rc == 0)
		rc = follow(s, e);
	ship_disconnect(s);
	if (rc >= 0 || !s->missing)
		return rc;
	report_detail(s->o->report, "%s", e->msg);
	if (++s->mended > MENDS)
		e->kind = ERR_UNREACHABLE;	/* it contradicts itself: not at once again */
	else if (ship_mend(s, e) == 0)
		rc = 1;
	return rc;
}

/* ---- again and again -------------------------------------------------------------- */

/* Does it help to try again? */
static int
is_passing(const struct ship *s, const struct err *e, int64_t since)
{
	if (s->side == SHIP_REPO)
		return !s->o->once && backoff_may_help(e);
	if (s->o->once)
		return e->kind == ERR_BUSY && clock_mono() - since < ONCE_BUSY;
	switch (e->kind) {
	case ERR_UNREACHABLE:
	case ERR_BUSY:
	case ERR_CONFLICT:	/* it went another way since it was asked */
		return 1;
	case ERR_REFUSED:	/* it let us in before: perhaps it is being rebuilt */
		return s->reached && s->side == SHIP_SERVER;
	default:
		return 0;
	}
}

static int
wait_for(struct ship *s, int64_t wait, struct err *e)
{
	struct pollfd fd = { .fd = report_stop_fd(), .events = POLLIN };
	int64_t end = clock_mono() + wait, left;

	while (!report_stopping() && (left = (end - clock_mono() + 999) / 1000) > 0) {
		ship_metrics(s, 0);
		if (poll(&fd, 1, left < METRICS_MS ? (int)left : METRICS_MS) < 0 &&
		    errno != EINTR)
			return err_sys(e, ERR_SYSTEM, "poll");
	}
	return 0;
}

static int
run(struct ship *s, struct err *e)
{
	struct backoff pause = { 0 };
	int64_t since = clock_mono();
	int rc, told = 0;

	while ((rc = attend(s, e)) != 0) {
		if (rc > 0)
			continue;
		/* Stopped meanwhile: a server that is away is no failure then. */
		if (report_stopping() && s->side == SHIP_SERVER)
			return 0;
		if (s->lost == 0) {	/* it streamed, or this is the first try */
			s->lost = since = clock_mono();
			pause.tries = 0;
			told = 0;
		}
		if (report_stopping() || !is_passing(s, e, since))
			return -1;
		ship_metrics(s, 1);
		if (!told)
			report_warn(s->o->report, "%s; trying again until it works", e->msg);
		told = 1;
		if (wait_for(s, backoff_next(&pause), e) < 0)
			return -1;
		if (report_stopping())
			return 0;
		err_clear(e);
	}
	return 0;
}

/* ---- setting up -------------------------------------------------------------------- */

static int
watch(int epoll, int fd, struct err *e)
{
	struct epoll_event ev = { .events = EPOLLIN };

	if (fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		return err_sys(e, ERR_SYSTEM, "epoll_ctl");
	return 0;
}

static int
set_up(struct ship *s, struct err *e)
{
	const struct ship_options *o = s->o;
	struct appender_options a = { o->repo, NULL, o->source, o->state, o->report, o->level,
		!o->once, o->mark, o->roll_age, o->roll_size };

	if ((s->session = repo_session_begin(o->repo, o->source->name, "log", e)) == NULL)
		return -1;
	a.session = s->session;
	if ((s->appender = appender_new(&a, e)) == NULL)
		return -1;
	if ((s->wake = epoll_create1(EPOLL_CLOEXEC)) < 0)
		return err_sys(e, ERR_SYSTEM, "epoll_create1");
	if (watch(s->wake, appender_fd(s->appender), e) < 0 ||
	    watch(s->wake, report_stop_fd(), e) < 0)
		return -1;
	return 0;
}

static void
clear_up(struct ship *s)
{
	appender_free(s->appender);
	repo_session_free(s->session);
	buf_free(&s->plan.info.history_file);
	if (s->wake >= 0)
		(void)close(s->wake);	/* holds nothing that could be lost */
}

int
ship_run(const struct ship_options *o, struct ship_result *res, struct err *e)
{
	struct ship s;
	int rc;

	memset(&s, 0, sizeof(s));
	memset(res, 0, sizeof(*res));
	s.o = o;
	s.res = res;
	s.wake = -1;
	s.keep_limit = SHIP_NO_LIMIT;
	s.side = SHIP_REPO;
	rc = set_up(&s, e);
	if (rc == 0)
		rc = run(&s, e);
	if (s.lost == 0)
		s.lost = clock_mono();	/* from now on nobody is connected */
	ship_metrics(&s, 1);
	report_done(o->report);
	clear_up(&s);
	return rc;
}
