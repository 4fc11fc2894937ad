/*
 * The fetch helper of restore_command: WAL segments and history files for a
 * recovering server, merged from the snapshot's own WAL (a folder) and the log,
 * where the longest wins, padded with zeros to the segment size, prefetched.
 *
 * The server side (in pitr-replay, which holds the key) listens on a Unix socket;
 * the client side is the command that PostgreSQL runs.  Protocol: one
 * line "NAME\n" up; down "ok SIZE\n" and the bytes, "absent\n", or "fail TEXT\n".
 * The client's exit status: 0 written, 1 only for "absent", 200 for everything else
 * (above 125, so that the server stops instead of believing in the log's end).
 */
#ifndef LOG_FETCH_H
#define LOG_FETCH_H

#include <sys/types.h>

#include <stdint.h>

#include "base/err.h"
#include "log/reader.h"

struct fetch;

struct fetch_options {
	struct repo *repo;
	const char *source;
	const struct log_index *index;
	const struct log_path *path;	/* n may be 0: only the folder */
	const struct key_secret *key;
	const char *wal_dir;		/* the snapshot's own segments; may be NULL */
	uint32_t segment_size;
	const char *socket;		/* path to listen on, at most 107 bytes */
	uid_t uid;			/* only this user is answered; the socket is made his */
	int ahead;			/* segments to prefetch; 0: none */
};

/*
 * Listens, and serves on threads of its own until freed.  Everything in *o but
 * the strings must outlive it; repo may be used for reading meanwhile.
 */
struct fetch *fetch_new(const struct fetch_options *o, struct err *e);
void fetch_free(struct fetch *f);

/* The first failure that was answered "fail", for the caller's own error: 1 and *e, or 0. */
int fetch_failed(struct fetch *f, struct err *e);
uint64_t fetch_segments(struct fetch *f);	/* served so far */

/*
 * One segment, merged: 1 and out holds segment_size bytes, of which the first *valid are
 * real; 0: nothing is held of it; -1 ERR_CORRUPT, ERR_IO.  wal_dir may be NULL.
 */
int fetch_segment(struct log_reader *l, const struct log_path *path, const char *wal_dir,
    uint32_t timeline, uint64_t start, uint32_t segment_size, struct buf *out, uint64_t *valid,
    struct err *e);

/*
 * The .history file of a timeline that the repository knows for this source, from what the
 * statements say: 1, 0 (no such timeline, or it has no ancestor), -1.
 */
int fetch_history(const struct catalog *c, const char *source, uint32_t timeline,
    struct buf *out, struct err *e);

/* The client: `name` from the socket into the file path.  The exit status; *e says why when it is 200. */
int fetch_client(const char *socket, const char *name, const char *path, struct err *e);

#endif
