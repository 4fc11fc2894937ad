/*
 * Questions to the throwaway server over its private socket.
 */
#include <libpq-fe.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pg/server_private.h"

#define OPTIONS                                                                    \
	"-c search_path=pg_catalog -c session_preload_libraries= -c local_preload_libraries="

/* PGHOSTADDR or PGSERVICE would make us ask, or promote, the production server. */
int
pg_server_forget_others(struct err *e)
{
	static const char *const more[] = { "PGTZ", "PGDATESTYLE", "PGGEQO" };
	PQconninfoOption *all = PQconndefaults(), *o;
	size_t i;

	if (all == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (o = all; o->keyword != NULL; o++)
		if (o->envvar != NULL)
			(void)unsetenv(o->envvar);	/* fails only for impossible names */
	for (i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		(void)unsetenv(more[i]);
	PQconninfoFree(all);
	return 0;
}

/* One parameter of a connection string. */
static void
parameter(struct buf *b, const char *name, const char *value)
{
	buf_fmt(b, "%s%s='", b->len > 0 ? " " : "", name);
	for (; *value != '\0'; value++) {
		if (*value == '\'' || *value == '\\')
			buf_u8(b, '\\');
		buf_u8(b, (uint8_t)*value);
	}
	buf_u8(b, '\'');
}

/*
 * The environment no longer says anything, and what the copy's ALTER ROLE or ALTER
 * DATABASE would load or run for a session of ours is off.
 */
void
pg_server_conninfo(const struct pg_server *s, const char *user, const char *database,
    int ours, struct buf *out)
{
	static const char *const fixed_keys[] = { "connect_timeout", "sslmode", "gssencmode",
		"application_name", "target_session_attrs", "client_encoding", "passfile" };
	static const char *const fixed_values[] = { "10", "disable", "disable", "bulkhead", "any",
		"UTF8", "/dev/null/none" };
	char port[12];
	size_t i;

	(void)snprintf(port, sizeof(port), "%d", PG_SERVER_PORT);
	parameter(out, "host", s->alone ? PG_SERVER_DOOR : s->run);
	parameter(out, "port", port);
	parameter(out, "user", user);
	parameter(out, "dbname", database);
	for (i = 0; i < sizeof(fixed_keys) / sizeof(fixed_keys[0]); i++)
		parameter(out, fixed_keys[i], fixed_values[i]);
	if (ours)
		parameter(out, "options", s->major >= 17 ? OPTIONS " -c event_triggers=off" : OPTIONS);
}

/* One attempt. */
static PGconn *
connect_as(const struct pg_server *s, const char *user, const char *database)
{
	struct buf b = BUF_INIT;
	PGconn *c = NULL;

	pg_server_conninfo(s, user, database, 1, &b);
	if (!b.failed)
		c = PQconnectdb(buf_cstr(&b));
	buf_free(&b);
	return c;
}

/* Does the failed connection's message say so?  (It has no SQLSTATE; lc_messages is C.) */
static int
says(const PGconn *c, const char *text)
{
	return strstr(PQerrorMessage(c), text) != NULL;
}

/* The first line of what libpq says, without the dull words about the socket. */
static int
connect_error(const struct pg_server *s, const PGconn *c, struct err *e)
{
	const char *text = PQerrorMessage(c), *fatal = strstr(text, "FATAL:  ");
	enum err_kind kind = ERR_UNREACHABLE;

	if (says(c, "the database system is"))
		kind = ERR_BUSY;	/* starting up, not yet accepting, shutting down */
	else if (fatal != NULL)
		kind = ERR_CONFIG;
	if (fatal != NULL)
		text = fatal + strlen("FATAL:  ");
	return err_set(e, kind, "server of %s: %.*s", s->datadir, (int)strcspn(text, "\n"),
	    text);
}

/* As user, in the first database that exists.  NULL: *e, and *missing when it is the role. */
static PGconn *
connect_user(const struct pg_server *s, const char *user, int *missing, struct err *e)
{
	static const char *const databases[] = { "postgres", "template1" };
	PGconn *c;
	size_t i;

	*missing = 0;
	for (i = 0; i < sizeof(databases) / sizeof(databases[0]); i++) {
		if ((c = connect_as(s, user, databases[i])) == NULL) {
			(void)err_set(e, ERR_SYSTEM, "out of memory");
			return NULL;
		}
		if (PQstatus(c) == CONNECTION_OK)
			return c;
		(void)connect_error(s, c, e);
		*missing = says(c, "role \"") && says(c, "does not exist");
		if (*missing || !says(c, "database \"")) {
			PQfinish(c);
			return NULL;
		}
		PQfinish(c);
	}
	return NULL;
}

/* The copy's superuser may have any name; these are the likely ones. */
static PGconn *
connect_any(const struct pg_server *s, struct err *e)
{
	const char *ordered = getenv("BULKHEAD_PG_USER");
	struct passwd *pw = getpwuid(s->uid);
	const char *users[3] = { "postgres", pw != NULL ? pw->pw_name : NULL, NULL };
	PGconn *c = NULL;
	int i, missing = 1;

	if (ordered != NULL && ordered[0] != '\0') {
		users[0] = ordered;
		users[1] = NULL;
	}
	for (i = 0; users[i] != NULL && missing && c == NULL; i++)
		c = connect_user(s, users[i], &missing, e);
	if (c == NULL && missing)
		(void)err_hint(e, "name a superuser of the copy in BULKHEAD_PG_USER");
	return c;
}

/* The first row, its columns split by tabs. */
static int
first_row(const PGresult *res, char *out, size_t cap, struct err *e)
{
	size_t used = 0, n;
	int col;

	out[0] = '\0';
	if (PQntuples(res) == 0)
		return 0;
	for (col = 0; col < PQnfields(res); col++) {
		n = (size_t)PQgetlength(res, 0, col);
		if (used + n + 2 > cap)
			return err_set(e, ERR_CORRUPT, "the answer is longer than %zu bytes",
			    cap);
		if (col > 0)
			out[used++] = '\t';
		memcpy(out + used, PQgetvalue(res, 0, col), n);
		used += n;
		out[used] = '\0';
	}
	return 0;
}

static int
query_error(const struct pg_server *s, const PGconn *c, const PGresult *res, struct err *e)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	enum err_kind kind = ERR_CONFIG;

	if (PQstatus(c) != CONNECTION_OK || (state != NULL && strncmp(state, "57P", 3) == 0))
		kind = ERR_UNREACHABLE;
	else if (state != NULL && strncmp(state, "XX", 2) == 0)
		kind = ERR_CORRUPT;
	if (text == NULL)
		text = PQerrorMessage(c);
	return err_set(e, kind, "server of %s: %.*s", s->datadir, (int)strcspn(text, "\n"),
	    text);
}

int
pg_server_query(struct pg_server *s, const char *sql, char *out, size_t cap, struct err *e)
{
	ExecStatusType status;
	PGresult *res;
	PGconn *c;
	int rc;

	if ((c = connect_any(s, e)) == NULL)
		return -1;
	res = PQexec(c, sql);
	status = PQresultStatus(res);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		rc = first_row(res, out, cap, e);
	else
		rc = query_error(s, c, res, e);
	PQclear(res);
	PQfinish(c);
	return rc;
}
