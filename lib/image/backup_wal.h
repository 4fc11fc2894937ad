/*
 * The WAL of a backup: streamed from a slot into whole segments "pg_wal/...", from
 * the segment of the backup's start up to its stop, which may become known meanwhile.
 * What lies behind the stop in the last segment is zeros.
 */
#ifndef IMAGE_BACKUP_WAL_H
#define IMAGE_BACKUP_WAL_H

#include <stdint.h>

#include "base/err.h"
#include "base/report.h"
#include "pg/basebackup.h"
#include "pg/conn.h"

struct backup_wal;

struct backup_wal_options {
	struct pg *pg; /* with the slot made, and not used otherwise until the end */
	const char *slot;
	uint32_t timeline, segment_size;
	uint64_t start; /* the backup's */
	struct pg_sink sink;
	/*
	 * Called now and then: store what is gathered, tell how many of the sink's bytes are
	 * durable, so that the slot can move on.  NULL: the slot stays until the end.
	 */
	int (*settle)(void *ctx, uint64_t *durable, struct err *e);
	void *ctx;
	struct report *report;
};

struct backup_wal *backup_wal_new(const struct backup_wal_options *o, struct err *e);
void backup_wal_free(struct backup_wal *w);

/* Stream until the stop is reached.  On a thread of its own, or after backup_wal_stop_at. */
int backup_wal_run(struct backup_wal *w, struct err *e);

/* From any thread: the backup's stop is known; or give up (ERR_CANCELLED). */
void backup_wal_stop_at(struct backup_wal *w, uint64_t stop);
void backup_wal_cancel(struct backup_wal *w);

/* After backup_wal_run: the server's clock when the stop was reached, µs; 0: not told. */
int64_t backup_wal_stop_time(const struct backup_wal *w);

#endif
