/*
 * The thread that stores: seals what was received, appends it, syncs, and only then
 * tells.  It owns the repository while it works.
 *
 *	appender_new
 *	  appender_begin			a stream, from a position
 *	    appender_put, appender_heartbeat	as often as you like
 *	  appender_finish			then wait until appender_look says idle
 *	  ...
 *	appender_free
 *
 * What gathers while one batch is stored becomes the next batch, with one sync: group
 * commit without a timer.  A file is opened when there is something for it.  When the
 * repository fails, the file is given up and a new one is tried until that
 * works; what was received waits.
 *
 * The caller is one other thread; it may touch the repository only while idle.
 */
#ifndef LOG_APPENDER_H
#define LOG_APPENDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/report.h"
#include "log/tail.h"
#include "log/writer.h"
#include "repo/repo.h"
#include "repo/source.h"
#include "repo/state.h"

#define APPENDER_GATHER (8u << 20)	/* bytes received ahead, about */
#define APPENDER_PUT_MAX (1u << 20)	/* bytes in one appender_put */

struct appender;

struct appender_options {
	struct repo *repo;
	struct repo_session *session;
	const struct source *source;
	struct state *state;
	struct report *report;
	int level;
	int patient;		/* wait for a repository that fails, if that may help */
	int64_t mark, roll_age;	/* µs */
	uint64_t roll_size;
};

/* All is borrowed, and must outlive the appender.  NULL: ERR_SYSTEM. */
struct appender *appender_new(const struct appender_options *o, struct err *e);
void appender_free(struct appender *a);	/* drops what was not stored */

/* Readable when appender_look has something new to say. */
int appender_fd(const struct appender *a);

/* Only while idle.  tail: at start.  info's history_file is copied. */
int appender_begin(struct appender *a, const struct log_stream_info *info, uint64_t start,
    const struct log_after *after, const struct tail *tail, int64_t time, struct err *e);

/* Is there room for APPENDER_PUT_MAX more bytes? */
int appender_has_room(struct appender *a);

/* The n bytes that follow.  promise: for their end, as in writer.h; 0: none. */
void appender_put(struct appender *a, const void *p, size_t n, int64_t promise);

/* There is nothing to ship, and the server said so at `time`. */
void appender_heartbeat(struct appender *a, int64_t time);

/* Store all, close the file.  A failing repository gets one more attempt. */
void appender_finish(struct appender *a);

struct appender_view {
	uint64_t durable;	/* up to here it may be confirmed */
	int64_t stored;		/* when something was stored last (clock_now), 0: never */
	int64_t waiting;	/* since when the oldest byte waits (clock_mono), 0: none */
	int64_t failing;	/* since when the repository fails (clock_mono), 0: it works */
	uint64_t bytes;		/* stored so far */
	int idle;
	int failed;		/* ended with an error, and is idle: */
	struct err e;
};
void appender_look(struct appender *a, struct appender_view *v);

#endif
