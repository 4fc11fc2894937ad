/*
 * The fetch helper of restore_command: WAL segments and history files (walfile.h) for a
 * recovering server.
 *
 * The server side (in pitr-replay, which holds the key) listens on a Unix socket;
 * the client side is the command that PostgreSQL runs.  Protocol: one
 * line "NAME\n" up; down "ok\n" and with it the descriptor of the file, which is
 * ready and has no name yet, "absent\n", or "fail TEXT\n".
 * The client gives that file its name, or copies it where that cannot be done.  Its exit
 * status: 0 there, 1 only for "absent", 200 for everything else (above 125, so that
 * the server stops instead of believing in the log's end).
 */
#ifndef LOG_FETCH_H
#define LOG_FETCH_H

#include <sys/types.h>

#include "base/err.h"
#include "log/walfile.h"
#include "repo/repo.h"

struct fetch;

struct fetch_options {
	struct repo *repo;
	const struct catalog_snapshot *snapshot;
	const struct log_path *path;	/* cut where the replay is to end */
	const struct key_secret *key;
	const char *wal_dir;		/* the snapshot's own segments; NULL: not there */
	const char *socket;		/* path to listen on, at most 107 bytes */
	const char *spool;		/* folder of ours, best on the server's file system */
	uid_t uid;			/* only this user (and ours) is answered; socket and */
	gid_t gid;			/* files are made his, when we are root */
	int ahead;			/* segments to read ahead; 0: none */
};

/*
 * Listens, and serves on threads of its own until freed.  Everything in *o but
 * `socket` must outlive it; repo may be used for reading meanwhile.  What is read ahead lies
 * in the spool, nameless, so memory does not grow with it.
 */
struct fetch *fetch_new(const struct fetch_options *o, struct err *e);
void fetch_free(struct fetch *f);

/* The first failure that was answered "fail", for the caller's own error: 1 and *e, or 0. */
int fetch_failed(struct fetch *f, struct err *e);
uint64_t fetch_segments(struct fetch *f);	/* served so far */

/*
 * How many times in a row the server has asked for the segment that it asked for last, or
 * found absent: a server that can replay no further asks again and again.  *start: that
 * segment's.
 */
int fetch_repeats(struct fetch *f, uint64_t *start);

/*
 * The client: `name` from the socket becomes the file `path`.  The exit status; *e says why
 * when it is 200.
 */
int fetch_client(const char *socket, const char *name, const char *path, struct err *e);

#endif
