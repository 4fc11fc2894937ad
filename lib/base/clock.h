/*
 * Time: microseconds since 1970-01-01 UTC (int64), the form in which all our
 * formats hold it, and its text.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#include "base/err.h"

#define CLOCK_TEXT 28	/* "2026-11-22T10:00:00.123456Z" and a NUL */
#define CLOCK_BOOT 37	/* the kernel's boot id and a NUL */

int64_t clock_now(void);	/* CLOCK_REALTIME */
int64_t clock_mono(void);	/* CLOCK_MONOTONIC, in microseconds: for intervals */
int64_t clock_uptime(void);	/* CLOCK_BOOTTIME, in seconds */
const char *clock_boot_id(void);	/* "unknown" where the kernel tells none */

/* ISO 8601 in UTC, microseconds; beyond the years 0000 to 9999, their ends.  Returns out. */
char *clock_format(char out[CLOCK_TEXT], int64_t us);

/*
 * A point in time with its zone: "2026-11-22T10:00:00.5Z", "2026-11-22 10:00:00+01",
 * "... +01:00", "... UTC"; date and time to the minute at least.  A time without a
 * zone is refused (ERR_USAGE), with a hint that names the zone to add.
 */
int clock_parse(const char *text, int64_t *us, struct err *e);

/* A span such as "90s", "7d" (us, ms, s, m or min, h, d, w) in microseconds.  ERR_USAGE. */
int clock_parse_span(const char *text, int64_t *us, struct err *e);

/* For people: "12 ms", "0.3 s", "42 s", "3 min 12 s", "26 h 5 min", "8 d 2 h". */
char *clock_format_span(char out[32], int64_t us);

#endif
