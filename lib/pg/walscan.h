/*
 * The WAL scanner: reads a stream of WAL pages record by record, checks every CRC,
 * and tells the few records that recovery targets are made of.
 *
 * Formats: src/include/access/{xlogrecord,xlog_internal,xact,rmgrlist}.h of 14 to 18.
 */
#ifndef PG_WALSCAN_H
#define PG_WALSCAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum wal_event_kind {
	WAL_COMMIT = 1,		/* also commit prepared */
	WAL_ABORT,		/* also abort prepared */
	WAL_PREPARE,
	WAL_RESTORE_POINT,
	WAL_CHECKPOINT,		/* online or shutdown */
	WAL_PARAMETERS,		/* max_connections etc. changed */
	WAL_END_OF_RECOVERY	/* a timeline began here */
};

struct wal_event {
	enum wal_event_kind kind;
	uint64_t start, end;	/* the record's first byte, and the first byte behind it (aligned as the server reports it) */
	int64_t time;		/* µs since 1970; commit, abort, prepare, restore point; else 0 */
	uint32_t xid;		/* the top-level transaction; for prepared ones the prepared xid */
	int prepared;
	char name[200];		/* restore point's name, or the gid */
	/* WAL_PARAMETERS: */
	int max_connections, max_worker_processes, max_wal_senders, max_prepared_xacts,
	    max_locks_per_xact;
	uint32_t nrels;		/* commit: relations dropped or truncated with it */
};

/* Return 0 to go on, 1 to stop the scan (not an error), -1 with *e set. */
struct walscan_calls {
	int (*event)(void *ctx, const struct wal_event *ev, struct err *e);
	void *ctx;
};

struct walscan;

/*
 * Scan from lsn on (a record's start, or a segment's start: then the first
 * record that begins there).  system_id is checked against long page headers
 * (0: not checked).
 */
struct walscan *walscan_new(uint64_t lsn, uint32_t segment_size, uint64_t system_id,
    const struct walscan_calls *calls, struct err *e);
void walscan_free(struct walscan *s);

/*
 * Feed the bytes that follow in order (any sizes; first call at walscan's lsn rounded
 * down to its page).  0: wants more; 1: the event call stopped it, or the end of
 * valid WAL is reached (zeros, or a record whose header does not fit: see
 * walscan_end); -1: ERR_CORRUPT (a whole record with a wrong CRC that is followed
 * by valid WAL cannot be told apart from the end here: the caller knows how many
 * bytes of log exist behind walscan_end).
 */
int walscan_feed(struct walscan *s, const void *p, size_t n, struct err *e);

/* The end of the last whole record: all before it is proven.  And why the scan stopped there. */
uint64_t walscan_end(const struct walscan *s);
const char *walscan_stop_reason(const struct walscan *s);
uint64_t walscan_records(const struct walscan *s);

#endif
