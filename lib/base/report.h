/*
 * What a tool tells: messages and progress on stderr, results and JSON Lines on
 * stdout, metrics in a file.  One struct report a process; all calls are
 * thread-safe.  Library code gets it handed in and uses it only for notes,
 * warnings and progress; errors travel in struct err.  A NULL report is silent.
 */
#ifndef BASE_REPORT_H
#define BASE_REPORT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct report;

/* quiet drops notes and progress, never warnings and errors. */
struct report *report_new(const char *tool, int quiet, int verbose, struct err *e);
void report_free(struct report *r);

/* One line "tool: ..." on stderr; the progress line is cleared before it. */
void report_note(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void report_detail(struct report *r, const char *fmt, ...) /* with -v only */
    __attribute__((format(printf, 2, 3)));
void report_warn(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The error line, and the hint line if there is one.  Returns the exit status. */
int report_error(struct report *r, const struct err *e);

/*
 * Progress of one step, in bytes (total 0: unknown).  Call it as often as you
 * like: it prints at most four times a second, only on a terminal; SIGUSR1
 * (report_signals) prints one line anywhere.  report_done clears the line.
 */
void report_progress(struct report *r, const char *step, uint64_t done, uint64_t total);
void report_done(struct report *r);
int report_signals(struct report *r, struct err *e);

/*
 * SIGTERM and SIGINT as a flag and a descriptor that becomes readable, for
 * poll().  SIGPIPE is ignored.  report_stopping() is async-signal-safe to read.
 */
int report_stop_install(struct err *e);
int report_stopping(void);
int report_stop_fd(void);

/*
 * JSON, one object a line: json_begin writes {"v":1,"type":type; keys are added;
 * nested objects and arrays with json_open/json_close ('{' or '['; key NULL
 * inside an array); json_print ends the line, writes it to stdout and resets.
 */
struct json {
	struct buf out;
	int depth, first;
};
#define JSON_INIT { BUF_INIT, 0, 0 }
void json_begin(struct json *j, const char *type);
void json_str(struct json *j, const char *key, const char *value);	/* NULL: null */
void json_int(struct json *j, const char *key, int64_t value);
void json_uint(struct json *j, const char *key, uint64_t value);
void json_bool(struct json *j, const char *key, int value);
void json_time(struct json *j, const char *key, int64_t us);	/* ISO 8601 */
void json_open(struct json *j, const char *key, char bracket);
void json_close(struct json *j, char bracket);
int json_print(struct json *j, struct err *e);

/*
 * Metrics in Prometheus' text format: gather, then write the file atomically
 * (no fsync: it is a report, not a record).  Names without the "bulkhead_" prefix.
 * labels: "source=\"shop\"" or NULL.
 */
struct metrics {
	struct buf out;
};
#define METRICS_INIT { BUF_INIT }
void metrics_add(struct metrics *m, const char *name, const char *help, const char *labels,
    double value);
int metrics_write(struct metrics *m, const char *path, struct err *e);

#endif
