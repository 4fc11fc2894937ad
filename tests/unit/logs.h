/*
 * Logs for unit tests: synthetic WAL in a repository of fixture.h, with segments of
 * 1 MiB.  The byte at a position depends on the position and on a seed, the history.
 */
#ifndef LOGS_H
#define LOGS_H

#include "fixture.h"
#include "log/index.h"
#include "log/writer.h"

#define LOGS_SEGMENT (1u << 20)
#define LOGS_SYSTEM  UINT64_C(7574210418334529345)

struct logs {
	struct fixture f;
	struct repo_session *session;
};

void logs_setup(struct logs *l);	/* makes the scratch folder, too */
void logs_teardown(struct logs *l);

/* "1" is timeline 1; "2 1:0/300000" timeline 2 with that history; fork 0: none. */
struct log_stream_info logs_info(const char *timeline, int fork, const char *parent);

/* The end of w as the next file's `after`, and its time; then w is freed, closed or not. */
struct log_after logs_leave(struct log_writer *w, int close);

struct log_writer *logs_open(struct logs *l, const struct log_stream_info *info,
    uint64_t start, const struct log_after *after);

/* Append n bytes of this history, with this promise. */
void logs_append(struct log_writer *w, unsigned seed, size_t n, int64_t time);
void logs_bytes(uint8_t *out, unsigned seed, uint64_t at, size_t n);

/* One closed file; returns its end for the next one. */
struct log_after logs_file(struct logs *l, const struct log_stream_info *info, uint64_t start,
    size_t n, const struct log_after *after);

struct log_index *logs_index(struct logs *l, int checked);

/* The path of a log file in the repository. */
const char *logs_path(const struct logs *l, const char *stream, const char *file);

#endif
