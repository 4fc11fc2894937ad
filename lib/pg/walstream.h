/*
 * START_REPLICATION PHYSICAL as events.  One poll-driven connection; nothing here
 * blocks longer than its timeout.  A position is confirmed to the server only when
 * the caller says so.
 */
#ifndef PG_WALSTREAM_H
#define PG_WALSTREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "pg/conn.h"

enum pg_wal_kind {
	PG_WAL_NONE,		/* nothing within the timeout */
	PG_WAL_DATA,		/* len bytes at position */
	PG_WAL_KEEPALIVE,	/* the server's end; `reply`: it wants an answer now */
	PG_WAL_TIMELINE_END,	/* this timeline ended: next_timeline begins at position */
	PG_WAL_CLOSED		/* the server ended the stream (shutdown) */
};

struct pg_wal_event {
	enum pg_wal_kind kind;
	uint64_t position;
	const uint8_t *data;	/* lent until the next call */
	size_t len;
	uint64_t server_end;	/* the server's flushed end, when told */
	int64_t server_time;	/* µs since 1970, when told */
	int reply;
	uint32_t next_timeline;
};

/*
 * From lsn, on timeline; slot may be NULL.  The WAL of that position is gone, or the
 * slot was invalidated: ERR_NOTFOUND.  Past the server's end, or a timeline the server
 * does not know: ERR_CONFLICT.  Both may come from the first pg_wal_next instead: the
 * server looks when streaming has begun.  Slot in use: ERR_BUSY; no such slot: ERR_CONFIG.
 * After these the connection takes commands again.
 */
int pg_wal_start(struct pg *pg, const char *slot, uint32_t timeline, uint64_t lsn,
    struct err *e);

/*
 * The next event, waiting at most timeout_ms; returns PG_WAL_NONE when that is over, wake_fd
 * (>= 0) is readable, or a signal came.  What the server has sent goes first: timeout 0 in a
 * loop drains it.  After PG_WAL_TIMELINE_END the connection is ready for pg_wal_start;
 * after PG_WAL_CLOSED it is of no more use.
 */
int pg_wal_next(struct pg *pg, int wake_fd, int timeout_ms, struct pg_wal_event *ev,
    struct err *e);

/* Standby status: write = flush = durable, apply 0.  Flushed out before it returns. */
int pg_wal_confirm(struct pg *pg, uint64_t durable, int ask_reply, struct err *e);

/* End the stream in good order so that the connection can run commands again. */
int pg_wal_stop(struct pg *pg, struct err *e);

#endif
