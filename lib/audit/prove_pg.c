/*
 * Sessions on a throwaway PostgreSQL server: as any account, and what puts right the
 * things that no rollback undoes.
 */
#include "audit/prove_pg.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_ROOM 256	/* 64 in servers as they are built everywhere */

/* A database as it was: when a proof drops it, an empty one with the same rights stands in. */
struct database {
	char *name;
	char *again;	/* the SQL that makes the other one, two statements */
	int seen;
};

struct prove_pg {
	struct pg_server *server;
	char superuser[NAME_ROOM];
	struct buf conninfo;
	struct database *db;
	int n;
};

struct prove_session {
	PGconn *c;
	char who[NAME_ROOM];
};

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "out of memory");
}

/* ---- as ourselves ---------------------------------------------------------- */

static void
drop_notice(void *ctx, const PGresult *res)
{
	(void)ctx;
	(void)res;
}

/* As user in a database; NULL: no memory. */
static PGconn *
dial(const struct prove_pg *p, const char *user, const char *db, int ours, struct err *e)
{
	struct buf b = BUF_INIT;
	PGconn *c = NULL;

	pg_server_conninfo(p->server, user, db, ours, &b);
	if (buf_check(&b, e) == 0 && (c = PQconnectdb(buf_cstr(&b))) == NULL)
		(void)no_memory(e);
	buf_free(&b);
	if (c != NULL)
		(void)PQsetNoticeReceiver(c, drop_notice, NULL);
	return c;
}

/* Why it did not let us in: from the server's own words on, one line. */
static const char *
fatal(const PGconn *c)
{
	const char *text = strstr(PQerrorMessage(c), "FATAL:  ");

	return text != NULL ? text + strlen("FATAL:  ") : NULL;
}

static void
keep_words(struct prove_answer *a, const char *text)
{
	(void)snprintf(a->words, sizeof(a->words), "%.*s", (int)strcspn(text, "\n"),
	    text);	/* cut when very long */
	err_flatten(a->words);
}

/* The server is gone, or so it seems: its last words, if it has any. */
static int
is_gone(const struct prove_pg *p, const PGconn *c, struct err *e)
{
	if (!pg_server_alive(p->server, e))
		return -1;
	return err_set(e, ERR_UNREACHABLE, "server of %s: %.*s", p->server->datadir,
	    (int)strcspn(PQerrorMessage(c), "\n"), PQerrorMessage(c));
}

/* As the superuser, in a database that is still there. */
static PGconn *
dial_ours(const struct prove_pg *p, struct err *e)
{
	PGconn *c = NULL;
	int i;

	for (i = 0; i < p->n; i++) {
		if ((c = dial(p, p->superuser, p->db[i].name, 1, e)) == NULL)
			return NULL;
		if (PQstatus(c) == CONNECTION_OK)
			return c;
		if (i == p->n - 1 || fatal(c) == NULL)
			break;
		PQfinish(c);
	}
	if (c == NULL)
		(void)err_set(e, ERR_CONFIG, "the copy has no database that lets us in");
	else
		(void)is_gone(p, c, e);
	PQfinish(c);
	return NULL;
}

/* A question or command of ours; NULL with *e set. */
static PGresult *
ask(const struct prove_pg *p, PGconn *c, const char *sql, struct err *e)
{
	PGresult *res = PQexec(c, sql);
	ExecStatusType status = PQresultStatus(res);

	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return res;
	if (PQstatus(c) != CONNECTION_OK)
		(void)is_gone(p, c, e);
	else
		(void)err_set(e, ERR_CONFIG, "server of %s: %.*s", p->server->datadir,
		    (int)strcspn(PQresultErrorMessage(res), "\n"), PQresultErrorMessage(res));
	PQclear(res);
	return NULL;
}

static int
command(const struct prove_pg *p, PGconn *c, const char *sql, struct err *e)
{
	PGresult *res = ask(p, c, sql, e);

	PQclear(res);
	return res != NULL ? 0 : -1;
}

/* ---- what was there -------------------------------------------------------- */

/* postgres first, then template1: people leave these as they are. */
static const char databases[] =
    "SELECT datname, format('CREATE DATABASE %I TEMPLATE template0 OWNER %I', datname, "
    "pg_get_userbyid(datdba)), "
    "format('UPDATE pg_database SET datacl = %L WHERE datname = %L', datacl, datname) "
    "FROM pg_database WHERE datallowconn "
    "ORDER BY datname <> 'postgres', datname <> 'template1', datname";

static int
keep_database(struct prove_pg *p, const PGresult *res, int row, struct err *e)
{
	struct database *d = &p->db[p->n++];

	if ((d->name = strdup(PQgetvalue(res, row, 0))) == NULL ||
	    asprintf(&d->again, "%s;\n%s", PQgetvalue(res, row, 1), PQgetvalue(res, row, 2)) < 0) {
		d->again = NULL;
		return no_memory(e);
	}
	return 0;
}

static int
keep_databases(struct prove_pg *p, const char *home, struct err *e)
{
	PGconn *c = dial(p, p->superuser, home, 1, e);
	PGresult *res = NULL;
	int i, rc = -1;

	if (c != NULL && PQstatus(c) != CONNECTION_OK)
		(void)is_gone(p, c, e);
	else if (c != NULL && (res = ask(p, c, databases, e)) != NULL) {
		rc = 0;
		p->db = calloc((size_t)PQntuples(res) + 1, sizeof(*p->db));
		if (p->db == NULL)
			rc = no_memory(e);
		for (i = 0; rc == 0 && i < PQntuples(res); i++)
			rc = keep_database(p, res, i, e);
	}
	PQclear(res);
	PQfinish(c);
	return rc;
}

/* ---- putting right --------------------------------------------------------- */

static struct database *
find_database(struct prove_pg *p, const char *name)
{
	int i;

	for (i = 0; i < p->n; i++)
		if (strcmp(p->db[i].name, name) == 0)
			return &p->db[i];
	return NULL;
}

static int
drop_database(const struct prove_pg *p, PGconn *c, const char *name, struct err *e)
{
	char *quoted = PQescapeIdentifier(c, name, strlen(name)), *sql = NULL;
	int rc;

	if (quoted == NULL || asprintf(&sql, "DROP DATABASE %s WITH (FORCE)", quoted) < 0)
		rc = no_memory(e);
	else {
		rc = command(p, c, sql, e);
		free(sql);
	}
	PQfreemem(quoted);
	return rc;
}

static int
make_database(const struct prove_pg *p, PGconn *c, const struct database *d, struct err *e)
{
	const char *acl = strstr(d->again, ";\n");
	char *make = strndup(d->again, (size_t)(acl - d->again));
	int rc;

	if (make == NULL)
		return no_memory(e);
	rc = command(p, c, make, e) < 0 ||
		command(p, c, "SET allow_system_table_mods = on", e) < 0 ||
		command(p, c, acl + 2, e) < 0 ? -1 : 0;
	free(make);
	return rc;
}

/* What was not there goes, what is not there any more is made. */
static int
mend_databases(struct prove_pg *p, PGconn *c, struct err *e)
{
	PGresult *res = ask(p, c, "SELECT datname FROM pg_database WHERE datallowconn", e);
	struct database *d;
	int i, rc = res != NULL ? 0 : -1;

	for (i = 0; i < p->n; i++)
		p->db[i].seen = 0;
	for (i = 0; rc == 0 && i < PQntuples(res); i++)
		if ((d = find_database(p, PQgetvalue(res, i, 0))) != NULL)
			d->seen = 1;
		else
			rc = drop_database(p, c, PQgetvalue(res, i, 0), e);
	PQclear(res);
	for (i = 0; rc == 0 && i < p->n; i++)
		if (!p->db[i].seen)
			rc = make_database(p, c, &p->db[i], e);
	return rc;
}

/* Settings of ALTER SYSTEM, and slots. */
static int
mend_settings(const struct prove_pg *p, PGconn *c, struct err *e)
{
	PGresult *res = ask(p, c, "SELECT count(*) FROM pg_file_settings "
		"WHERE sourcefile LIKE '%/postgresql.auto.conf'", e);
	int set = res != NULL && strcmp(PQgetvalue(res, 0, 0), "0") != 0;

	PQclear(res);
	if (res == NULL || (set && (command(p, c, "ALTER SYSTEM RESET ALL", e) < 0 ||
			       command(p, c, "SELECT pg_reload_conf()", e) < 0)))
		return -1;
	return command(p, c, "SELECT pg_drop_replication_slot(slot_name) "
	    "FROM pg_replication_slots WHERE NOT active", e);
}

static int
mend(void *ctx, struct err *e)
{
	struct prove_pg *p = ctx;
	PGconn *c = dial_ours(p, e);
	int rc;

	if (c == NULL)
		return -1;
	rc = mend_databases(p, c, e) < 0 || mend_settings(p, c, e) < 0 ? -1 : 0;
	PQfinish(c);
	return rc < 0 ? err_context(e, "putting the copy right") : 0;
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
	PGconn *c = dial(p, account, db, 0, e);

	if (c == NULL || (PQstatus(c) != CONNECTION_OK && (fatal(c) == NULL ||
			      strstr(fatal(c), "is not permitted to log in") == NULL)))
		return c;
	PQfinish(c);
	c = dial(p, p->superuser, db, 1, e);
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
		if (c == NULL || PQstatus(c) == CONNECTION_OK || fatal(c) == NULL)
			return c;
	}
	if (c == NULL)
		(void)err_set(e, ERR_CONFIG, "the copy has no other database");
	return c;
}

static struct prove_session *
open_session(void *ctx, const struct graph_node *account, const char *db, const char *not_in,
    struct prove_answer *a, struct err *e)
{
	struct prove_pg *p = ctx;
	PGconn *c = enter_any(p, account->name, db, not_in, e);
	struct prove_session *s = NULL;

	if (c != NULL && PQstatus(c) == CONNECTION_OK)
		PQclear(PQexec(c, session_settings));	/* a limit that fails is no failure */
	if (c != NULL && PQstatus(c) == CONNECTION_OK) {
		if ((s = calloc(1, sizeof(*s))) != NULL) {
			s->c = c;
			return s;
		}
		(void)no_memory(e);
	} else if (c != NULL && fatal(c) == NULL)
		(void)is_gone(p, c, e);
	else if (c != NULL) {
		a->what = strstr(fatal(c), "permission denied for database") != NULL ?
		    PROVE_DENIED : PROVE_FAILED;
		keep_words(a, fatal(c));
	}
	PQfinish(c);
	return NULL;
}

static void
end_session(struct prove_session *s)
{
	if (PQtransactionStatus(s->c) != PQTRANS_IDLE)
		PQclear(PQexec(s->c, "ROLLBACK"));	/* closing would do it as well, later */
	PQfinish(s->c);
	free(s);
}

static int
begin_transaction(struct prove_session *s, struct err *e)
{
	PGresult *res = PQexec(s->c, "BEGIN READ WRITE");
	int rc = 0;

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
	if (state != NULL && (strcmp(state, "42501") == 0 || strcmp(state, "P0001") == 0))
		a->what = PROVE_DENIED;
	else if (state != NULL && strcmp(state, "25001") == 0)
		a->what = PROVE_NO_BLOCK;
	keep_words(a, text != NULL ? text : PQerrorMessage(c));
}

/* Row by row, so that a large answer takes no memory. */
static int
run_statement(struct prove_session *s, const char *sql, struct prove_answer *a, struct err *e)
{
	ExecStatusType status;
	PGresult *res;

	(void)e;	/* when the connection is lost, the statement has failed: the next open tells */
	a->what = PROVE_DONE;
	a->words[0] = '\0';
	if (!PQsendQuery(s->c, sql)) {
		a->what = PROVE_FAILED;
		keep_words(a, PQerrorMessage(s->c));
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
	return 0;
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
	if (pg_server_query(s, "SELECT current_user", p->superuser, sizeof(p->superuser), e) < 0 ||
	    pg_server_query(s, "SELECT current_database()", home, sizeof(home), e) < 0 ||
	    keep_databases(p, home, e) < 0) {
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
	int i;

	if (p == NULL)
		return;
	for (i = 0; i < p->n; i++) {
		free(p->db[i].name);
		free(p->db[i].again);
	}
	free(p->db);
	buf_free(&p->conninfo);
	free(p);
}

const char *
prove_pg_conninfo(struct prove_pg *p)
{
	return buf_cstr(&p->conninfo);
}
