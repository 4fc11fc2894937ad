/*
 * Writing one log file: frames of WAL sealed and appended; what is durable is told.
 *
 * Frame 0 is META: text lines "word value" that say what the stream is, with the
 * timeline's history file (see bulkhead-repository(5)).  Then data frames (position
 * = LSN of the first byte, up to 1 MiB each) and heartbeats (no bytes, position =
 * end of the log).  LAST, empty, ends a closed file.
 *
 * The `time` of data and heartbeat frames is a promise, by the database server's
 * clock: all that the server had flushed by then is held up to the frame's end.
 * While logship catches up it stays at the last one, so it never tells too much.
 * META's time is when the file was opened.
 *
 * One thread drives a writer.
 */
#ifndef LOG_WRITER_H
#define LOG_WRITER_H

#include <stdint.h>

#include "base/err.h"
#include "log/tail.h"
#include "pg/lsn.h"
#include "repo/repo.h"
#include "repo/source.h"

struct log_stream_info {
	char stream[STREAM_NAME_MAX], parent[STREAM_NAME_MAX];
	uint64_t system_id;
	uint32_t timeline, segment_size;
	int version;
	struct wal_history history;
	struct buf history_file;	/* TIMELINE_HISTORY's bytes, as they are */
};

/* Where a file ends: what the next one of its stream signs about it.  file "": none. */
struct log_after {
	char file[LOG_NAME_MAX];
	uint64_t frames, bytes, position;
};

struct log_writer;

/*
 * Makes the file, commits log-open (which signs the preamble and `after`), appends META.
 * time: the last promise made for this stream, 0 for none.  All is borrowed; repo, session
 * and src must outlive the writer.
 */
struct log_writer *log_writer_begin(struct repo *r, struct repo_session *s,
    const struct source *src, const struct log_stream_info *info, uint64_t start,
    const struct log_after *after, int64_t time, int level, struct err *e);

/*
 * Seal and append n bytes of WAL that follow position(); several frames, one sync.
 * Durable when 0; after a failure free the writer and begin another.  time: the
 * promise for the end of them (never back: an older one keeps the last).
 */
int log_writer_append(struct log_writer *w, const void *p, size_t n, int64_t time,
    struct err *e);
int log_writer_heartbeat(struct log_writer *w, int64_t time, struct err *e);

/*
 * Commit log-mark, with the stream's tail at position() when known.  Without new frames
 * there is nothing to say.
 */
int log_writer_mark(struct log_writer *w, const struct tail_mark *tail, struct err *e);
/* LAST frame, log-close. */
int log_writer_close(struct log_writer *w, const struct tail_mark *tail, struct err *e);
void log_writer_free(struct log_writer *w);			/* without close: abandoned */

uint64_t log_writer_position(const struct log_writer *w);	/* end of what is durable */
uint64_t log_writer_size(const struct log_writer *w);		/* bytes of the file */
int64_t log_writer_opened(const struct log_writer *w);		/* clock_mono */
int64_t log_writer_time(const struct log_writer *w);		/* the last promise */
void log_writer_after(const struct log_writer *w, struct log_after *out);

#endif
