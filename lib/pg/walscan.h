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
	uint64_t start;	/* its first byte: what recovery_target_lsn takes to stop before it */
	uint64_t end;	/* the first byte behind it, as pg_last_wal_replay_lsn() tells it */
	int64_t time;	/* µs since 1970; commit, abort, prepare, restore point; else 0 */
	/* Of the transaction (for prepared ones theirs), else 0; an abort may be a
	 * subtransaction's, and has its xid then. */
	uint32_t xid;
	int prepared;
	char name[200];		/* restore point's name, or the gid (a commit or abort of a
				   prepared transaction has it with wal_level=logical only) */
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
 * Scan from lsn on (a record's start, or a segment's or page's start: then the first
 * record that begins there).  system_id is checked against long page headers (0:
 * not checked).  calls is copied; NULL: nobody is told.  Returns NULL: ERR_CORRUPT (no
 * such segment size; no record can start at lsn), ERR_SYSTEM.  Needs less than 2 KiB,
 * however large records are.
 */
struct walscan *walscan_new(uint64_t lsn, uint32_t segment_size, uint64_t system_id,
    const struct walscan_calls *calls, struct err *e);
void walscan_free(struct walscan *s);

/* From now on record() is told every whole record, in order, and before its event. */
void walscan_on_record(struct walscan *s,
    void (*record)(void *ctx, uint64_t start, uint64_t end));

/*
 * Feed the bytes that follow in order (any sizes; first call at walscan's lsn rounded
 * down to its page).  All that the server checks when it replays is checked here.
 * 0: wants more; 1: the event call stopped it, or the end of valid WAL is reached:
 * zeros, a recycled page, a record or page that does not fit or whose CRC is wrong
 * (walscan_stop_reason says which).  Damage cannot be told apart from the end here:
 * the caller knows how many bytes of log exist behind walscan_end.  -1: the event
 * call's error, or ERR_CORRUPT: a record whose CRC is right is not what this version
 * of the server writes.  After 1 or -1 there is nothing more to feed.
 */
int walscan_feed(struct walscan *s, const void *p, size_t n, struct err *e);

/*
 * The end of the last whole record: all before it is proven.  Behind an XLOG switch it is
 * the next segment's start, which may lie behind what was fed.
 */
uint64_t walscan_end(const struct walscan *s);

/*
 * Why the scan stopped there, or "": "zeros at 0/3000128", "record at 0/3000128: wrong
 * CRC", "page at 0/4000000: page address 0/2000000", ...
 */
const char *walscan_stop_reason(const struct walscan *s);
uint64_t walscan_records(const struct walscan *s);

#endif
