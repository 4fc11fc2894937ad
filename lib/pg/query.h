/*
 * A plain connection for questions to a PostgreSQL server (14 to 18): it reads, and
 * cannot write.
 *
 * The session is one READ ONLY, REPEATABLE READ transaction, with search_path=pg_catalog,
 * UTF-8, ISO dates in UTC, and a time limit for each question and for each lock.  Names and
 * passwords are found, errors told, and notices dropped as pg/conn.h says; further, a
 * question: ERR_REFUSED (no right to read it), ERR_BUSY (it took too long),
 * ERR_CONFIG (no such table, column or function: not the server we know).
 *
 *	struct pg_query q;
 *
 *	if (pg_query_begin(&q, pg, "SELECT oid, rolname FROM pg_authid", e) == 0)
 *		while ((rc = pg_query_row(&q, e)) > 0)
 *			use(pg_query_text(&q, 1));
 *	pg_query_end(&q);
 *
 * The rows are streamed: memory does not grow with their number.
 */
#ifndef PG_QUERY_H
#define PG_QUERY_H

#include <stdint.h>

#include "base/err.h"
#include "pg/conn.h"

struct pg_query {
	struct pg *pg;
	PGresult *res;		/* the present row */
	int running;
};

/* database: instead of the one that conninfo names, or NULL.  To be freed by pg_free. */
struct pg *pg_query_connect(const char *conninfo, const char *database, const char *appname,
    struct err *e);

/*
 * Ask; one question at a time on a connection.  A question that the server refuses does
 * not end the transaction.  0, or -1; after both pg_query_end is due.
 */
int pg_query_begin(struct pg_query *q, struct pg *pg, const char *sql, struct err *e);

/* 1 the next row, 0 the end, -1. */
int pg_query_row(struct pg_query *q, struct err *e);

/* A column of the row, as text; NULL for NULL.  Lent until the next row. */
const char *pg_query_text(const struct pg_query *q, int column);

/* The same as an oid or another number below 2^32; 0 for NULL, or when it is none. */
uint32_t pg_query_u32(const struct pg_query *q, int column);

/* Is it the boolean true? */
int pg_query_true(const struct pg_query *q, int column);

/* What was not read is dropped.  May be called twice. */
void pg_query_end(struct pg_query *q);

#endif
