/*
 * What a source's snapshots and log amount to: how old the newest snapshot is, how far
 * the log lags, whether anybody still writes it, what is missing, and from when to
 * when the database can be recovered.  Needs no key.
 *
 * Nothing here believes a clock that is ahead of the keeper's: neither a database host that
 * is wrong nor one in wrong hands can make its backups look fresher than they are.
 */
#ifndef LOG_COVERAGE_H
#define LOG_COVERAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/metrics.h"
#include "log/index.h"
#include "repo/finding.h"

#define COVERAGE_SILENCE 90000000	/* µs; logship gives a sign of life every 30 s */

enum coverage_state {
	COVERAGE_NONE,	 /* there is no log */
	COVERAGE_ALIVE,
	COVERAGE_BEHIND, /* something is heard, but its lag is more than the silence above */
	COVERAGE_DEAD,   /* nothing was heard for so long */
	COVERAGE_STOPPED /* closed in good order */
};

const char *coverage_state_name(enum coverage_state state);	/* "none", "alive", ... */

/* Positions that the log does not hold, with data or a snapshot on both sides. */
struct coverage_gap {
	char stream[STREAM_NAME_MAX], reason[200];	/* reason: as stated, or "" */
	uint64_t from, to;
	int closed;		/* a good snapshot lies behind it */
};

struct coverage {
	const struct catalog_snapshot *newest;	/* the good one committed last, or NULL */
	size_t snapshots, broken;	/* good ones, and those with broken pages */
	size_t files;			/* of the log */
	int64_t age;			/* of newest, µs */
	enum coverage_state state;
	int64_t heard;			/* when anything was last heard of the log, µs */
	int64_t lag; /* since all that the server had flushed was held, µs */
	struct coverage_gap *gaps;
	struct log_window *windows;		/* newest first */
	size_t ngaps, nwindows, open_gaps, forks;
};

/* ix and c must outlive it.  Of the source's snapshots and streams; now: µs. */
int coverage_of(const struct log_index *ix, const struct catalog *c, const char *source,
    int64_t now, struct coverage *out, struct err *e);
void coverage_free(struct coverage *cov);

/* Its gaps (an open one is bad) and forks, as findings. */
void coverage_tell(const struct coverage *cov, const struct log_index *ix, const char *source,
    struct findings *f);

/*
 * Is the newest snapshot at most max_age old, the log at most max_lag behind (µs; 0: no
 * limit)?  What exceeds its limit is bad; without limits what is missing is a note.
 */
void coverage_limits(const struct coverage *cov, const char *source, int64_t max_age,
    int64_t max_lag, struct findings *f);

/* For people: indented lines; and as keys of an object.  cov NULL: it could not be told. */
void coverage_text(const struct coverage *cov, struct buf *out);
void coverage_json(const struct coverage *cov, struct json *j);

/*
 * For Prometheus: sample i, 0 to COVERAGE_METRICS - 1, of a source, where it has one; cov
 * as above.  Of several sources first the samples 0, then the samples 1 and so on.
 */
#define COVERAGE_METRICS 7
void coverage_metric(const struct coverage *cov, int i, const char *source,
    struct metrics *m);

#endif
