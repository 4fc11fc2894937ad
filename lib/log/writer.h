/*
 * Writing one log file: frames of WAL sealed and appended; what is durable is told.
 *
 * Frame 0 is META: text lines "word value" that say what the stream is, with the
 * timeline's history file (see bulkhead-repository(5)).  Then data frames (position
 * = LSN of the first byte, up to 1 MiB each) and heartbeats (no bytes, position =
 * end of the log).  LAST, empty, ends a closed file.
 * One thread drives a writer.
 */
#ifndef LOG_WRITER_H
#define LOG_WRITER_H

#include <stdint.h>

#include "base/err.h"
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

struct log_writer;

/* Makes the file, commits log-open (which signs the preamble and where `after` ended). */
struct log_writer *log_writer_begin(struct repo *r, struct repo_session *s,
    const struct source *src, const struct log_stream_info *info, uint64_t start,
    const struct catalog_log *after, uint64_t after_frames, uint64_t after_bytes,
    uint64_t after_position, int level, struct err *e);

/* Seal and append n bytes of WAL that follow position(); several frames, one sync. Durable when 0. */
int log_writer_append(struct log_writer *w, const void *p, size_t n, struct err *e);
int log_writer_heartbeat(struct log_writer *w, struct err *e);
int log_writer_mark(struct log_writer *w, struct err *e);	/* commits log-mark */
int log_writer_close(struct log_writer *w, struct err *e);	/* LAST frame, log-close */
void log_writer_free(struct log_writer *w);			/* without close: abandoned */

uint64_t log_writer_position(const struct log_writer *w);	/* end of what is durable */
uint64_t log_writer_size(const struct log_writer *w);		/* bytes of the file */
int64_t log_writer_opened(const struct log_writer *w);		/* clock_mono */

#endif
