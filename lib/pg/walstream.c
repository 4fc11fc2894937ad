/*
 * Streaming WAL: the messages of START_REPLICATION, and how a timeline ends.
 */
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "pg/walstream.h"
#include "pg/wire.h"

#define EPOCH_2000    INT64_C(946684800000000)	/* the protocol's, in ours */
#define DATA_HEADER   25	/* 'w', start, end, time */
#define KEEPALIVE_LEN 18	/* 'k', end, time, reply */
#define STATUS_LEN    34	/* 'r', write, flush, apply, time, reply */
#define END_TIME      10000000	/* µs for the exchange that ends a stream */

enum state { IDLE, STREAMING, TIMELINE_ENDED };

static uint64_t
be64_get(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

static void
be64_put(char *p, uint64_t v)
{
	v = htobe64(v);
	memcpy(p, &v, sizeof(v));
}

static struct pg_patience
until_end(void)
{
	return (struct pg_patience){ NULL, clock_mono() + END_TIME };
}

static int
unexpected(struct pg *pg, const char *what, struct err *e)
{
	return err_set(e, ERR_CONFIG, "%s: START_REPLICATION: unexpected %s", pg->what, what);
}

/*
 * What the command's own failures mean; some come only when streaming has begun.  The
 * server's function names them better than its few SQLSTATEs do.
 */
static void
refine_kind(const PGresult *res, struct err *e)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *where = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);

	if (state == NULL || where == NULL)
		return;
	if (strcmp(state, "42704") == 0)	/* no such slot */
		e->kind = ERR_CONFIG;
	else if (strcmp(state, "55000") == 0 && strcmp(where, "ReplicationSlotAcquire") == 0)
		e->kind = ERR_NOTFOUND;		/* the slot was invalidated (18) */
	else if (strcmp(state, "XX000") == 0 &&
	    (strcmp(where, "StartReplication") == 0 || strcmp(where, "tliSwitchPoint") == 0))
		e->kind = ERR_CONFLICT;	/* not in the history, or ahead of the server */
}

/* The row that names the next timeline and where it begins. */
static int
read_next(struct pg *pg, const PGresult *res, struct err *e)
{
	if (PQntuples(res) != 1 || PQnfields(res) < 2 ||
	    pg_parse_u32(PQgetvalue(res, 0, 0), &pg->wal.next_timeline) != 0 ||
	    lsn_parse(PQgetvalue(res, 0, 1), &pg->wal.next_position) != 0)
		return unexpected(pg, "end of timeline", e);
	pg->wal.state = TIMELINE_ENDED;
	return 0;
}

/* End our side of the stream. */
static int
send_end(struct pg *pg, struct err *e)
{
	if (PQputCopyEnd(pg->c, NULL) != 1 || PQflush(pg->c) != 0)
		return pg_error(pg, NULL, "send", e);
	return 0;
}

static int
read_result(struct pg *pg, const PGresult *res, struct err *e)
{
	if (PQresultStatus(res) == PGRES_TUPLES_OK)
		return read_next(pg, res, e);
	if (PQresultStatus(res) == PGRES_COMMAND_OK)
		return 0;
	pg_error(pg, res, "START_REPLICATION", e);
	refine_kind(res, e);
	return -1;
}

/*
 * What follows a stream, or stands in its place: a timeline's end is noted, a failure told.
 * All of it is read, so that the connection can go on, also after a failure.  A server
 * that shuts down completes the command and is gone.
 */
static int
read_results(struct pg *pg, PGresult *res, const struct pg_patience *w, struct err *e)
{
	struct err lost = ERR_INIT;
	int r = 0, complete = 0;

	do {
		if (res != NULL && PQresultStatus(res) == PGRES_COPY_IN) {
			PQclear(res);
			if (send_end(pg, e) != 0)
				return -1;
		} else if (res != NULL) {
			if (r == 0)
				r = read_result(pg, res, e);
			complete |= PQresultStatus(res) == PGRES_COMMAND_OK;
			PQclear(res);
		}
		if (pg_await_result(pg, w, &res, &lost) != 0) {
			res = NULL;
			if (r == 0 && !complete) {
				*e = lost;
				r = -1;
			}
		}
	} while (res != NULL);
	if (pg->wal.state == STREAMING)
		pg->wal.state = IDLE;
	return r;
}

int
pg_wal_start(struct pg *pg, const char *slot, uint32_t timeline, uint64_t lsn, struct err *e)
{
	char command[160], at[LSN_TEXT], with[80] = "";
	struct pg_patience w = { NULL, 0 };
	PGresult *res;

	if (slot != NULL && !pg_slot_name_ok(slot))
		return err_set(e, ERR_USAGE, "\"%s\" is no slot's name", slot);
	if (slot != NULL)
		(void)snprintf(with, sizeof(with), "SLOT \"%s\" ", slot);	/* fits */
	(void)snprintf(command, sizeof(command),				/* fits */
	    "START_REPLICATION %sPHYSICAL %s TIMELINE %" PRIu32, with, lsn_format(at, lsn),
	    timeline);
	/* Not PQexec: it tells the last of several results only. */
	if (!PQsendQuery(pg->c, command))
		return pg_error(pg, NULL, "START_REPLICATION", e);
	if (pg_await_result(pg, &w, &res, e) != 0)
		return -1;
	pg->wal.state = PQresultStatus(res) == PGRES_COPY_BOTH ? STREAMING : IDLE;
	if (pg->wal.state != STREAMING)	/* failed, or lsn is where the timeline ended */
		return read_results(pg, res, &w, e);
	PQclear(res);
	return 0;
}

static int
decode(struct pg *pg, size_t len, struct pg_wal_event *ev, struct err *e)
{
	const char *p = pg->wal.lent;

	if (p[0] == 'w' && len >= DATA_HEADER) {
		ev->kind = PG_WAL_DATA;
		ev->position = be64_get(p + 1);
		ev->server_end = be64_get(p + 9);
		ev->server_time = (int64_t)(be64_get(p + 17) + (uint64_t)EPOCH_2000);
		ev->data = (const uint8_t *)p + DATA_HEADER;
		ev->len = len - DATA_HEADER;
		return 0;
	}
	if (p[0] == 'k' && len >= KEEPALIVE_LEN) {
		ev->kind = PG_WAL_KEEPALIVE;
		ev->server_end = be64_get(p + 1);
		ev->server_time = (int64_t)(be64_get(p + 9) + (uint64_t)EPOCH_2000);
		ev->reply = p[17] != 0;
		return 0;
	}
	return unexpected(pg, "message", e);
}

static int
timeline_event(struct pg *pg, struct pg_wal_event *ev)
{
	ev->kind = PG_WAL_TIMELINE_END;
	ev->next_timeline = pg->wal.next_timeline;
	ev->position = pg->wal.next_position;
	pg->wal.state = IDLE;
	return 0;
}

static int
stream_ended(struct pg *pg, struct pg_wal_event *ev, struct err *e)
{
	struct pg_patience w = until_end();

	if (read_results(pg, NULL, &w, e) != 0)
		return -1;
	if (pg->wal.state == TIMELINE_ENDED)
		return timeline_event(pg, ev);
	ev->kind = PG_WAL_CLOSED;
	return 0;
}

int
pg_wal_next(struct pg *pg, int wake_fd, int timeout_ms, struct pg_wal_event *ev, struct err *e)
{
	int64_t end = clock_mono() + (int64_t)timeout_ms * 1000, left;
	size_t len;
	int r;

	memset(ev, 0, sizeof(*ev));
	PQfreemem(pg->wal.lent);
	pg->wal.lent = NULL;
	if (pg->wal.state == TIMELINE_ENDED)
		return timeline_event(pg, ev);
	if (pg->wal.state != STREAMING)
		return err_set(e, ERR_BUG, "%s: no WAL is being streamed", pg->what);
	while ((r = pg_copy_try(pg, &pg->wal.lent, &len, e)) == 0) {
		left = (end - clock_mono() + 999) / 1000;
		if (left <= 0 || (r = pg_await(pg, wake_fd, (int)left, e)) == 0)
			return 0;
		if (r < 0)
			return -1;
	}
	if (r < 0)
		return -1;
	return r == 1 ? decode(pg, len, ev, e) : stream_ended(pg, ev, e);
}

int
pg_wal_confirm(struct pg *pg, uint64_t durable, int ask_reply, struct err *e)
{
	char m[STATUS_LEN] = { 'r' };

	be64_put(m + 1, durable);
	be64_put(m + 9, durable);
	be64_put(m + 17, 0);
	be64_put(m + 25, (uint64_t)(clock_now() - EPOCH_2000));
	m[33] = ask_reply != 0;
	if (PQputCopyData(pg->c, m, sizeof(m)) != 1 || PQflush(pg->c) != 0)
		return pg_error(pg, NULL, "send", e);
	return 0;
}

int
pg_wal_stop(struct pg *pg, struct err *e)
{
	struct pg_patience w = until_end();
	size_t len;
	int r = 1;

	if (pg->wal.state == STREAMING) {
		if (send_end(pg, e) != 0)
			return -1;
		while (r == 1) {
			PQfreemem(pg->wal.lent);
			pg->wal.lent = NULL;
			r = pg_copy_next(pg, &w, &pg->wal.lent, &len, e);
		}
		if (r != 0 || read_results(pg, NULL, &w, e) != 0)
			return -1;
	}
	pg->wal.state = IDLE;
	return 0;
}
