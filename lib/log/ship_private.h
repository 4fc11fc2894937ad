/*
 * What the parts of logship share: ship.c (the whole), ship_plan.c (from a
 * connection to a plan), ship_stream.c (streaming by a plan), ship_metrics.c.
 * All of it belongs to the thread that talks to the server.
 */
#ifndef LOG_SHIP_PRIVATE_H
#define LOG_SHIP_PRIVATE_H

#include "log/appender.h"
#include "log/backoff.h"
#include "log/promise.h"
#include "log/resume.h"
#include "log/ship.h"
#include "pg/conn.h"
#include "pg/walstream.h"

#define SHIP_NO_LIMIT UINT64_MAX

/* Who failed: it depends on that whether trying again may help. */
enum ship_side { SHIP_SERVER, SHIP_REPO, SHIP_PLAN };

struct ship {
	const struct ship_options *o;
	struct ship_result *res;
	struct repo_session *session;
	struct appender *appender;
	struct appender_view view;	/* the last look at it */
	int wake;			/* epoll: the appender has news, or a signal came */
	enum ship_side side;

	/* the server */
	struct pg *pg;			/* NULL: not connected */
	struct resume_server sv;
	uint64_t server_end;		/* as far as we heard */
	int64_t status_every;		/* µs between two reports to the server */
	uint64_t keep_limit;		/* max_slot_wal_keep_size, or SHIP_NO_LIMIT */
	int reached;			/* it has let us stream before */
	int missing, mended;		/* it has not the WAL of the plan; times in a row */
	int64_t lost;			/* since then nothing streams (clock_mono); or 0 */

	struct resume_plan plan;
	char differs[STREAM_NAME_MAX];	/* the server has another history than this stream */

	/* the stream */
	struct tail tail;		/* while comparing */
	int comparing;
	uint64_t received;		/* up to here */
	uint64_t confirmed;		/* to the server, on this connection */
	struct promise promise;
	int64_t reported, sent;		/* clock_mono: last report; last byte or heartbeat */
	int asked;			/* the server, whether there is nothing to ship */
	uint64_t goal;			/* with once: this position ... */
	uint32_t goal_timeline;		/* ... on this timeline; 0: not known yet */

	int64_t metrics_written, probed;	/* clock_mono */
	int metrics_failed;		/* told */
};

/* ---- ship_plan.c -------------------------------------------------------------- */

/* Connect and prepare: settings, slot, plan, with all of its warnings given. */
int ship_connect(struct ship *s, struct err *e);
/* Plan again on this connection, after a timeline's end. */
int ship_plan(struct ship *s, struct err *e);
/* The WAL that the plan begins with is gone: see to it that the next plan knows. */
int ship_mend(struct ship *s, struct err *e);
void ship_disconnect(struct ship *s);

/* ---- ship_stream.c ------------------------------------------------------------ */

enum ship_outcome {
	SHIP_STOPPED,		/* by a signal, in good order */
	SHIP_DONE,		/* once: the goal is reached */
	SHIP_TIMELINE,		/* the timeline has ended */
	SHIP_DIFFERS		/* the server's bytes are not those that were shipped */
};

/* Stream by the plan; when it returns, all received is stored, and the file closed. */
int ship_stream(struct ship *s, enum ship_outcome *outcome, struct err *e);

/* ---- ship_metrics.c ------------------------------------------------------------- */

/* Write them when it is time (or `now` says so).  Failures are told once. */
void ship_metrics(struct ship *s, int now);

#endif
