/*
 * Sessions on a throwaway PostgreSQL server: as any account, and what they are asked.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/prove_pg_private.h"
#include "base/clock.h"

#define POLL_MS	      20
#define UP_SECONDS    60
#define SETTLE_ROUNDS 20

#define NO_LOGIN "is not permitted to log in"	/* the server's words */

struct prove_session {
	struct prove_pg *p;
	const char *db;		/* lent by who opened it */
	PGconn *c;		/* NULL: of nobody */
	char who[NAME_ROOM];
};

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "out of memory");
}

/* ---- connections ----------------------------------------------------------- */

static void
drop_notice(void *ctx, const PGresult *res)
{
	(void)ctx;
	(void)res;
}

/* Not in, but not turned away either: it may be coming up, or just about to go down. */
static int
is_between(const struct prove_pg *p, const PGconn *c)
{
	const char *why = prove_pg_fatal(c);
	struct err ignored = ERR_INIT;	/* prove_pg_gone tells */

	if (PQstatus(c) == CONNECTION_OK)
		return 0;
	if (why == NULL)
		return pg_server_alive(p->server, &ignored);
	return strncmp(why, "the database system is", 22) == 0;
}

/* Proofs run code that may bring the server down; it comes back by itself. */
static PGconn *
connect_when_up(const struct prove_pg *p, const char *conninfo)
{
	int64_t deadline = clock_mono() + UP_SECONDS * INT64_C(1000000);
	PGconn *c;

	while ((c = PQconnectdb(conninfo)) != NULL && is_between(p, c) &&
	    clock_mono() < deadline) {
		PQfinish(c);
		(void)poll(NULL, 0, POLL_MS);	/* a signal may cut it short */
	}
	return c;
}

PGconn *
prove_pg_dial(const struct prove_pg *p, const char *user, const char *db, int ours,
    struct err *e)
{
	struct buf b = BUF_INIT;
	PGconn *c = NULL;

	pg_server_conninfo(p->server, user, db, ours, &b);
	if (buf_check(&b, e) == 0 && (c = connect_when_up(p, buf_cstr(&b))) == NULL)
		(void)no_memory(e);
	buf_free(&b);
	if (c != NULL)
		(void)PQsetNoticeReceiver(c, drop_notice, NULL);
	return c;
}

const char *
prove_pg_fatal(const PGconn *c)
{
	const char *text = strstr(PQerrorMessage(c), "FATAL:  ");

	return text != NULL ? text + strlen("FATAL:  ") : NULL;
}

void
prove_pg_words(struct prove_answer *a, const char *text)
{
	(void)snprintf(a->words, sizeof(a->words), "%.*s", (int)strcspn(text, "\n"),
	    text);	/* cut when very long */
	err_flatten(a->words);
}

int
prove_pg_gone(const struct prove_pg *p, const PGconn *c, struct err *e)
{
	if (!pg_server_alive(p->server, e))
		return -1;
	return err_set(e, ERR_UNREACHABLE, "server of %s: %.*s", p->server->datadir,
	    (int)strcspn(PQerrorMessage(c), "\n"), PQerrorMessage(c));
}

/* ---- as somebody ----------------------------------------------------------- */

static const char session_settings[] =
    "SET statement_timeout = '60s'; SET lock_timeout = '10s'; "
    "SET idle_in_transaction_session_timeout = 0";

/* The superuser's session becomes the account's; `who` tells whether it did. */
static int
take_on(const struct prove_pg *p, PGconn *c, const char *account, struct err *e)
{
	char *quoted = PQescapeIdentifier(c, account, strlen(account)), *sql = NULL;
	int rc = 0;

	if (quoted == NULL || asprintf(&sql, "SET SESSION AUTHORIZATION %s", quoted) < 0)
		rc = no_memory(e);
	else {
		if (p->server->major >= 17)
			PQclear(PQexec(c, "SET event_triggers = on"));
		PQclear(PQexec(c, sql));
		free(sql);
	}
	PQfreemem(quoted);
	return rc;
}

/*
 * In one database: the connection, good or bad; NULL with *e set.  The account itself must be
 * let in, unless it is one that nobody logs in as.
 */
static PGconn *
enter(const struct prove_pg *p, const char *account, const char *db, struct err *e)
{
	PGconn *c = prove_pg_dial(p, account, db, 0, e);
	const char *why;

	if (c == NULL)
		return NULL;
	if (PQstatus(c) != CONNECTION_OK &&
	    ((why = prove_pg_fatal(c)) == NULL || strstr(why, NO_LOGIN) == NULL))
		return c;
	PQfinish(c);
	c = prove_pg_dial(p, p->superuser, db, 1, e);
	if (c != NULL && PQstatus(c) == CONNECTION_OK && take_on(p, c, account, e) != 0) {
		PQfinish(c);
		c = NULL;
	}
	return c;
}

/* The next byte of a name as SQL has it: doubled quotes, and \000A after U&. */
static char
next_byte(const char **sql)
{
	const char *s = *sql;

	if (s[0] == '\\' && s[1] == '0' && strlen(s) >= 5) {
		*sql += 5;
		return (char)strtol(s + 3, NULL, 16);
	}
	*sql += s[1] == s[0] && (s[0] == '"' || s[0] == '\\') ? 2 : 1;
	return s[0];
}

/* Does that SQL name it, quoted or not? */
static int
is_name(const char *name, const char *sql)
{
	int escaped = strncmp(sql, "U&", 2) == 0;

	sql += escaped ? 2 : 0;
	if (*sql != '"')
		return strcmp(sql, name) == 0;
	for (sql++; *sql != '\0' && *name != '\0'; name++)
		if (*name != (escaped || *sql == '"' ? next_byte(&sql) : *sql++))
			return 0;
	return *name == '\0' && strcmp(sql, "\"") == 0;
}

/* In that database, or in the first that opens. */
static PGconn *
enter_any(const struct prove_pg *p, const char *account, const char *db, const char *not_in,
    struct err *e)
{
	PGconn *c = NULL;
	int i;

	if (db[0] != '\0')
		return enter(p, account, db, e);
	for (i = 0; i < p->n; i++) {
		if (not_in != NULL && is_name(p->db[i].name, not_in))
			continue;
		PQfinish(c);
		c = enter(p, account, p->db[i].name, e);
		if (c == NULL || PQstatus(c) == CONNECTION_OK || prove_pg_fatal(c) == NULL)
			return c;
	}
	if (c == NULL)
		(void)err_set(e, ERR_CONFIG, "the copy has no other database");
	return c;
}

/* One that has c, which it takes; NULL: no memory. */
static struct prove_session *
new_session(struct prove_pg *p, PGconn *c, const char *db, struct err *e)
{
	struct prove_session *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		PQfinish(c);
		(void)no_memory(e);
	} else
		*s = (struct prove_session){ .p = p, .c = c, .db = db };
	return s;
}

static struct prove_session *
open_session(void *ctx, const struct graph_node *account, const char *db, const char *not_in,
    struct prove_answer *a, struct err *e)
{
	struct prove_pg *p = ctx;
	PGconn *c;

	if (account->kind == NODE_ANYONE)
		return new_session(p, NULL, db, e);
	c = enter_any(p, account->name, db, not_in, e);
	if (c != NULL && PQstatus(c) == CONNECTION_OK)
		PQclear(PQexec(c, session_settings));	/* a limit that fails is no failure */
	if (c != NULL && PQstatus(c) == CONNECTION_OK)
		return new_session(p, c, db, e);
	if (c != NULL && prove_pg_fatal(c) == NULL)
		(void)prove_pg_gone(p, c, e);
	else if (c != NULL) {
		a->what = strstr(prove_pg_fatal(c), "permission denied for database") != NULL ?
		    PROVE_DENIED : PROVE_FAILED;
		prove_pg_words(a, prove_pg_fatal(c));
	}
	PQfinish(c);
	return NULL;
}

static void
end_session(struct prove_session *s)
{
	if (s->c != NULL && PQtransactionStatus(s->c) != PQTRANS_IDLE)
		PQclear(PQexec(s->c, "ROLLBACK"));	/* closing would do it, later */
	PQfinish(s->c);
	free(s);
}

static int
begin_transaction(struct prove_session *s, struct err *e)
{
	PGresult *res;
	int rc = 0;

	if (s->c == NULL)
		return 0;
	res = PQexec(s->c, "BEGIN READ WRITE");
	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		rc = err_set(e, ERR_UNREACHABLE, "BEGIN: %.*s",
		    (int)strcspn(PQerrorMessage(s->c), "\n"), PQerrorMessage(s->c));
	PQclear(res);
	return rc;
}

static const char *
who_is(struct prove_session *s)
{
	PGresult *res = PQexec(s->c, "SELECT current_user");
	const char *who = NULL;

	if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == 1) {
		(void)snprintf(s->who, sizeof(s->who), "%s", PQgetvalue(res, 0, 0));
		who = s->who;
	}
	PQclear(res);
	return who;
}

/* ---- statements ------------------------------------------------------------ */

/* The rows that COPY sends or wants are of no interest. */
static void
end_copy(PGconn *c, ExecStatusType status)
{
	char *row;

	if (status == PGRES_COPY_IN)
		(void)PQputCopyEnd(c, NULL);	/* its result tells */
	if (status == PGRES_COPY_OUT)
		while (PQgetCopyData(c, &row, 0) > 0)
			PQfreemem(row);
}

static void
judge_failure(const PGconn *c, const PGresult *res, struct prove_answer *a)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

	a->what = PROVE_FAILED;
	if (state != NULL && (strcmp(state, "42501") == 0 || strcmp(state, "P0001") == 0 ||
			 strcmp(state, "2F003") == 0))
		a->what = PROVE_DENIED;
	else if (state != NULL && strcmp(state, "25001") == 0)
		a->what = PROVE_NO_BLOCK;
	prove_pg_words(a, text != NULL ? text : PQerrorMessage(c));
}

/*
 * A session was lost, maybe by a crash: then the server ends all others a moment later.  So
 * wait until one lasts.
 */
static void
settle_down(const struct prove_pg *p)
{
	struct err ignored = ERR_INIT;	/* the next session tells */
	PGconn *c;
	int lasts = 0, round;

	for (round = 0; round < SETTLE_ROUNDS && !lasts; round++) {
		if ((c = prove_pg_ours(p, &ignored)) == NULL)
			return;
		PQclear(PQexec(c, "SELECT pg_catalog.pg_sleep(0.3)"));
		lasts = PQstatus(c) == CONNECTION_OK;
		PQfinish(c);
	}
}

/* Row by row, so that a large answer takes no memory. */
static int
run_statement(struct prove_session *s, const char *sql, struct prove_answer *a, struct err *e)
{
	ExecStatusType status;
	PGresult *res;

	a->what = PROVE_DONE;
	a->words[0] = '\0';
	if (strncmp(sql, "\\connect ", strlen("\\connect ")) == 0)
		return prove_pg_knock(s->p, sql + strlen("\\connect "), s->db, a, e);
	if (strcmp(sql, "\\victim") == 0)
		return prove_pg_victim(s->p, a, e);
	/* When the connection is lost, the statement has failed: the next open tells. */
	if (!PQsendQuery(s->c, sql)) {
		a->what = PROVE_FAILED;
		prove_pg_words(a, PQerrorMessage(s->c));
		return 0;
	}
	(void)PQsetSingleRowMode(s->c);	/* else it takes memory, no more */
	while ((res = PQgetResult(s->c)) != NULL) {
		status = PQresultStatus(res);
		if (status == PGRES_FATAL_ERROR && a->what == PROVE_DONE)
			judge_failure(s->c, res, a);
		end_copy(s->c, status);
		PQclear(res);
		if (PQstatus(s->c) != CONNECTION_OK)
			break;
	}
	if (PQstatus(s->c) != CONNECTION_OK)
		settle_down(s->p);
	return 0;
}

static int
mend(void *ctx, struct err *e)
{
	return prove_pg_mend(ctx, e);
}

/* ---- all ------------------------------------------------------------------- */

struct prove_pg *
prove_pg_new(struct pg_server *s, struct prove_way *way, struct err *e)
{
	struct prove_pg *p = calloc(1, sizeof(*p));
	char home[NAME_ROOM];

	if (p == NULL) {
		(void)no_memory(e);
		return NULL;
	}
	p->server = s;
	if (pg_server_query(s, "SELECT current_user", p->superuser, NAME_ROOM, e) < 0 ||
	    pg_server_query(s, "SELECT current_database()", home, sizeof(home), e) < 0 ||
	    prove_pg_keep(p, home, e) < 0) {
		prove_pg_free(p);
		return NULL;
	}
	pg_server_conninfo(s, p->superuser, home, 1, &p->conninfo);
	if (buf_check(&p->conninfo, e) < 0) {
		prove_pg_free(p);
		return NULL;
	}
	*way = (struct prove_way){ open_session, begin_transaction, run_statement, who_is,
		end_session, mend, p };
	return p;
}

void
prove_pg_free(struct prove_pg *p)
{
	if (p == NULL)
		return;
	PQfinish(p->victim);
	prove_pg_forget(p);
	buf_free(&p->conninfo);
	free(p);
}

const char *
prove_pg_conninfo(struct prove_pg *p)
{
	return buf_cstr(&p->conninfo);
}
