/*
 * What the repository holds of a source's log, without a key: which positions, in
 * which files, with which times; gaps, forks, and from when to when the database
 * can be recovered.
 */
#ifndef LOG_INDEX_H
#define LOG_INDEX_H

#include <stdint.h>

#include "base/err.h"
#include "repo/repo.h"

struct log_extent {			/* one file */
	const struct catalog_log *log;
	uint64_t start, end;		/* positions of whole frames; equal: no bytes */
	int64_t first;			/* when it was opened, µs; 0 without frames */
	int64_t last;			/* the last promise (writer.h); 0: none */
	uint64_t frames, bytes;		/* whole ones, preamble included in bytes */
	uint64_t torn;			/* bytes behind them that are no whole frame */
	int closed;
	char damage[300];		/* "" or what is wrong with it: missing, ... */
};

struct log_span {			/* a run of positions without a hole */
	uint64_t from, to;
	int64_t first, last;		/* of its files: the earliest and the latest */
};

struct log_stream {
	char name[STREAM_NAME_MAX], parent[STREAM_NAME_MAX];
	uint64_t system_id;
	uint32_t timeline, segment_size;
	struct wal_history history;
	struct log_extent *extents;	/* in order of start, then of opening */
	struct log_span *spans;
	size_t nextents, nspans;
	uint64_t first_seq, last_seq;	/* journal lines of the files opened first and last */
};

struct log_index {
	struct log_stream *streams;	/* in order of first opening */
	size_t nstreams;
};

/*
 * checked 0 (fast): the lengths of closed files, frame headers of the others; 1: every
 * frame's check, and every file against the digest that its last mark or close signed.
 * Both hold each file against its preamble's hash, and against what its own statements
 * and the file that follows it signed.
 */
struct log_index *log_index_build(struct repo *r, const char *source, int checked,
    struct err *e);
void log_index_free(struct log_index *ix);
const struct log_stream *log_index_stream(const struct log_index *ix, const char *name);

/*
 * The way from a snapshot to the end of a stream: which stream to read for which
 * positions, following timeline history and forks.  stream NULL: of those that can be
 * reached from the snapshot the one opened last.  Ends before the first hole
 * (`hole` tells).  n = 0: the log does not join the snapshot; recovery ends at its stop.
 */
#define LOG_PATH_MAX 64
struct log_path {
	int n;
	struct {
		const struct log_stream *stream;
		uint64_t from, to;
	} at[LOG_PATH_MAX];
	uint32_t timeline;		/* of the last step */
	uint64_t end;			/* first position not held */
	int64_t end_time;		/* what was flushed by then is held; 0: unknown */
	uint64_t hole;			/* up to here nothing is held, but behind it; or 0 */
};
int log_path_find(const struct log_index *ix, const struct catalog_snapshot *s,
    const char *stream, struct log_path *out, struct err *e);

/*
 * From when to when a source can be recovered, newest first; one window a run of
 * snapshots on one path without a hole.  The answer of verify and of --plan.
 */
struct log_window {
	int64_t from, to;		/* stop of the oldest snapshot; the last promise */
	uint64_t from_lsn, to_lsn;
	uint32_t timeline;
	char stream[STREAM_NAME_MAX];
	int snapshots;
};
int log_windows(const struct log_index *ix, const struct catalog *c, const char *source,
    struct log_window **out, size_t *n, struct err *e);

#endif
