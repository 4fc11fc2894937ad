/*
 * Replaying the log onto a restored copy, up to a target: pitr-replay's work.
 *
 *	replay_open	the stamp names repository, source and snapshot; nothing is changed
 *	replay_plan	the target becomes a position; refused here, if at all
 *	replay_run	the copy's own server replays to it and pauses, readable
 *	replay_release	promotes the copy and stops its server
 *
 * The server gets its WAL only through us, and only up to that position (walfile.h): it
 * comes to the end of the log there, waits, and is told to pause.  So it needs no recovery
 * target, and cannot go beyond, whoever starts it.  A server that an earlier call left
 * paused is stopped and started again; replay goes forward only.  If this process is
 * killed at any moment, the next call takes over.
 */
#ifndef LOG_REPLAY_H
#define LOG_REPLAY_H

#include <stdint.h>

#include "base/err.h"
#include "base/lock.h"
#include "base/report.h"
#include "log/fetch.h"
#include "log/target.h"
#include "pg/server.h"
#include "repo/repo.h"
#include "repo/stamp.h"

struct replay_options {
	const char *target;		/* the restored directory */
	const char *url;		/* the repository; NULL: as the stamp says */
	const char *key;		/* path of the restore key */
	const char *stream;		/* NULL: the newest that the copy can follow */
	const char *helper;		/* absolute path of the program that takes --fetch */
	int look;			/* only replay_plan and replay_write: take no lock */
	int release;			/* a copy that was promoted already may be opened */
	struct state *state;
	struct report *report;
};

struct replay {
	struct replay_options o;
	struct stamp stamp;
	struct lock *lock;
	struct repo *repo;
	struct key_secret *key;
	const struct catalog_snapshot *snapshot;
	struct log_index *index;
	struct log_path path;
	struct log_reader *reader;	/* of path */
	struct pg_control control;
	int promoted;			/* an earlier --release came so far, and no further */
	uint64_t from;			/* how far the copy is, at least the snapshot's stop */
	struct target goal;
	struct target_result plan;	/* after replay_plan */
	struct log_path cut;		/* path up to plan.stop */
	char wal[1100];			/* the folder of the snapshot's own WAL */
	struct pg_server server;	/* after replay_run */
	struct fetch *fetch;		/* from replay_run to replay_close */
	int readable;			/* after replay_run: the server runs, paused */
	int locked;			/* relations, by transactions that are open there */
};

/*
 * ERR_NOTFOUND: not a restored copy; ERR_REFUSED: not
 * complete, released, or a wrong key; ERR_BUSY.
 */
int replay_open(struct replay *rp, const struct replay_options *o, struct err *e);
void replay_close(struct replay *rp);	/* leaves a paused server running */

/*
 * The target that point means (--to: inclusive), NULL: the end of the log; but to release a
 * copy that was replayed before means to take it as it stands.  ERR_USAGE.
 */
int replay_goal(const struct replay *rp, const char *point, int inclusive, struct target *t,
    struct err *e);

/*
 * Fills rp->plan.  ERR_REFUSED: before what the copy holds;
 * ERR_CORRUPT: a hole or damage before the target.
 */
int replay_plan(struct replay *rp, const struct target *t, struct err *e);

/* A transaction or restore point that is not there may be a slip of the pen: 0 then. */
int replay_is_worthwhile(const struct replay *rp);

/*
 * Replay to rp->plan.stop, then pause.  The stamp says so when it returns 0.  A server that
 * takes no queries there (transactions with very many subtransactions were open) is
 * stopped, and rp->readable is 0: it can go forward, and be released.
 */
int replay_run(struct replay *rp, struct err *e);

/*
 * After replay_run: promote the copy, checkpoint, stop
 * the server, mark the copy as released.
 */
int replay_release(struct replay *rp, struct err *e);

/* Stop the paused server of a copy; 1 when one ran, 0 when not. */
int replay_stop(const char *target, struct err *e);

/*
 * Write the WAL from `from` (rounded down to a segment) to the plan's stop as segment files
 * into dir, which is made unless it is there, and empty (else ERR_REFUSED).
 */
int replay_write(struct replay *rp, uint64_t from, const char *dir, uint64_t *segments,
    struct err *e);

#endif
