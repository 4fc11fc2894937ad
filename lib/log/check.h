/*
 * Checking a source's log: what its index found; and with the key every frame and every
 * WAL record.
 *
 * What is wrong is told as findings, all of it; -1 is a failure of this process alone.
 */
#ifndef LOG_CHECK_H
#define LOG_CHECK_H

#include <stdint.h>

#include "base/err.h"
#include "base/report.h"
#include "log/index.h"
#include "log/reader.h"
#include "repo/finding.h"

/*
 * Tell what the index found: damage, and torn ends.  The end of an open file
 * that nothing follows may be a frame that is being written: it is waited for, up
 * to patience (µs) in all.
 */
int log_check(struct repo *r, const struct log_index *ix, int64_t patience, struct findings *f,
    struct err *e);

/*
 * Open every whole frame of every file, and scan the WAL in them through all files that
 * follow each other: page headers, record CRCs, and that each record follows the one before.
 * A place that cannot be read is told, and the scan goes on behind it.
 */
int log_check_deep(struct repo *r, const struct log_index *ix, const struct key_secret *key,
    struct findings *f, struct report *report, struct err *e);

/*
 * Is the log of the same history as a snapshot's own WAL?  Give log_compare_wal the
 * snapshot's bytes in order; a difference where the log joins it is told once.
 */
struct log_compare {
	const struct catalog_snapshot *s;
	struct findings *f;
	struct log_path *path;		/* n = 0: the log does not join it */
	struct log_reader *reader;
	struct buf bytes;
	int done;
};
int log_compare_begin(struct log_compare *c, struct repo *r, const struct log_index *ix,
    const struct catalog_snapshot *s, const struct key_secret *key, struct findings *f,
    struct err *e);
int log_compare_wal(void *ctx, uint64_t lsn, const uint8_t *p, size_t n, struct err *e);
void log_compare_end(struct log_compare *c);

#endif
