/*
 * For lib/pg alone: waiting for a server without blocking, so that a stop is heard
 * and a deadline holds, and what the server's error codes mean to us.
 */
#ifndef PG_WIRE_H
#define PG_WIRE_H

#include <stdint.h>

#include "base/err.h"
#include "pg/conn.h"

/* How long to wait: until stop() != 0 (ERR_CANCELLED), or a clock_mono() (ERR_UNREACHABLE). */
struct pg_patience {
	int (*stop)(void);	/* NULL: never */
	int64_t deadline;	/* 0: none */
};

/*
 * Wait until the server has sent something, and take it in: 1.  0 when timeout_ms (< 0:
 * none) is over, a signal came, or wake_fd (>= 0) is readable; -1 the connection is lost.
 */
int pg_await(struct pg *pg, int wake_fd, int timeout_ms, struct err *e);

/* The next result of the command under way, to be PQclear'ed; NULL at its end. 0, or -1. */
int pg_await_result(struct pg *pg, const struct pg_patience *w, PGresult **res, struct err *e);

/*
 * What of a COPY has arrived: 1 and a message, to be PQfreemem'ed; 0 nothing (yet);
 * 2 the COPY ended, pg_await_result tells how; -1.
 */
int pg_copy_try(struct pg *pg, char **row, size_t *len, struct err *e);

/* As pg_copy_try, but waits: 1 a message, 0 the end, -1. */
int pg_copy_next(struct pg *pg, const struct pg_patience *w, char **row, size_t *len,
    struct err *e);

/* What a connection is for. */
struct pg_purpose {
	int replication;
	const char *database;	/* for a plain one, instead of conninfo's; NULL: that one */
};

/* As pg_connect (pg/conn.h), for either purpose. */
struct pg *pg_connect_for(const char *conninfo, const char *appname,
    const struct pg_purpose *p, struct err *e);

enum err_kind pg_state_kind(const char *sqlstate);

/* A number in an answer, 1 to 2^32 - 1: a timeline, an oid.  0, or -1. */
int pg_parse_u32(const char *s, uint32_t *timeline);

#endif
