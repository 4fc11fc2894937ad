/*
 * Questions to a server: a read-only transaction on a plain connection, row by row.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pg/query.h"
#include "pg/wire.h"

/*
 * What ALTER ROLE, ALTER DATABASE or the environment set for the session may not change
 * what we read.  The transaction is open before the first question, so that all of them
 * see the same state.
 */
static const char session[] =
    "SET search_path = pg_catalog; SET client_encoding = 'UTF8'; "
    "SET statement_timeout = '120s'; SET lock_timeout = '10s'; "
    "SET idle_in_transaction_session_timeout = 0; SET datestyle = 'ISO'; "
    "SET timezone = 'UTC'; SET standard_conforming_strings = on; "
    "SET quote_all_identifiers = off; SET jit = off; SET bytea_output = 'hex'";
static const char transaction[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

static int
command(struct pg *pg, const char *sql, struct err *e)
{
	PGresult *res = pg_exec(pg, sql, PGRES_COMMAND_OK, e);

	PQclear(res);
	return res != NULL ? 0 : -1;
}

struct pg *
pg_query_connect(const char *conninfo, const char *database, const char *appname,
    struct err *e)
{
	const struct pg_purpose p = { 0, database };
	struct pg *pg = pg_connect_for(conninfo, appname, &p, e);

	if (pg == NULL)
		return NULL;
	if (command(pg, session, e) == 0 && command(pg, transaction, e) == 0)
		return pg;
	pg_free(pg);
	return NULL;
}

/* The savepoint: an error in a transaction would otherwise end all further questions. */
int
pg_query_begin(struct pg_query *q, struct pg *pg, const char *sql, struct err *e)
{
	memset(q, 0, sizeof(*q));
	q->pg = pg;
	if (command(pg, "SAVEPOINT question", e) != 0)
		return -1;
	q->running = 1;
	if (!PQsendQuery(pg->c, sql) || !PQsetSingleRowMode(pg->c))
		return pg_error(pg, NULL, "query", e);
	return 0;
}

int
pg_query_row(struct pg_query *q, struct err *e)
{
	static const struct pg_patience patience = { NULL, 0 };

	PQclear(q->res);
	q->res = NULL;
	if (pg_await_result(q->pg, &patience, &q->res, e) != 0)
		return -1;
	switch (PQresultStatus(q->res)) {
	case PGRES_SINGLE_TUPLE:
		return 1;
	case PGRES_TUPLES_OK:
		return 0;
	default:
		return pg_error(q->pg, q->res, "query", e);
	}
}

const char *
pg_query_text(const struct pg_query *q, int column)
{
	return PQgetisnull(q->res, 0, column) ? NULL : PQgetvalue(q->res, 0, column);
}

uint32_t
pg_query_u32(const struct pg_query *q, int column)
{
	const char *s = pg_query_text(q, column);
	char *end;
	unsigned long long n;

	if (s == NULL || *s < '0' || *s > '9')
		return 0;
	errno = 0;
	n = strtoull(s, &end, 10);
	return *end == '\0' && errno == 0 && n <= UINT32_MAX ? (uint32_t)n : 0;
}

int
pg_query_true(const struct pg_query *q, int column)
{
	const char *s = pg_query_text(q, column);

	return s != NULL && strcmp(s, "t") == 0;
}

void
pg_query_end(struct pg_query *q)
{
	static const char back[] = "ROLLBACK TO question; RELEASE question";
	PGresult *res;

	PQclear(q->res);
	q->res = NULL;
	if (!q->running)
		return;
	q->running = 0;
	while ((res = PQgetResult(q->pg->c)) != NULL)
		PQclear(res);
	PQclear(PQexec(q->pg->c, back));	/* a lost connection shows at the next question */
}
