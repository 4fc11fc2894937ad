/*
 * What a tool tells: messages and progress on stderr, results and JSON Lines on
 * stdout, metrics in a file.  One struct report a process; all calls are
 * thread-safe.  Library code gets it handed in and uses it only for notes,
 * warnings and progress; errors travel in struct err.  A NULL report is silent.
 */
#ifndef BASE_REPORT_H
#define BASE_REPORT_H

#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/metrics.h"

struct report;

/* quiet drops notes and progress, never warnings and errors. */
struct report *report_new(const char *tool, int quiet, int verbose, struct err *e);
void report_free(struct report *r);

/* One line "tool: ..." on stderr; the progress line is cleared before it. */
void report_note(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void report_detail(struct report *r, const char *fmt, ...) /* with -v only */
    __attribute__((format(printf, 2, 3)));
void report_warn(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * The error line, and the hint line if there is one (for ERR_USAGE without one: to try
 * --help).  Returns the exit status; a NULL report prints nothing.
 */
int report_error(struct report *r, const struct err *e);

/*
 * Progress of one step, in bytes (total 0: unknown).  Call it as often as you
 * like: it prints at most four times a second, only on a terminal.  report_done
 * ends the step and clears the line.  After report_signals, SIGUSR1 prints one
 * line at any time and anywhere, even while the step hangs.
 */
void report_progress(struct report *r, const char *step, uint64_t done, uint64_t total);
void report_done(struct report *r);
int report_signals(struct report *r, struct err *e);

/*
 * SIGTERM and SIGINT as a flag and a descriptor that becomes and stays readable,
 * for poll().  SIGPIPE is ignored (reset it in a child before exec).
 * report_stopping() is async-signal-safe to read; the descriptor is -1 before
 * report_stop_install().
 */
int report_stop_install(struct err *e);
int report_stopping(void);
int report_stop_fd(void);

#endif
