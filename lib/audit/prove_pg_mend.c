/*
 * What proofs do to the throwaway server that no rollback undoes, and how it is put right.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/prove_pg_private.h"

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "out of memory");
}

/* ---- as ourselves ---------------------------------------------------------- */

PGconn *
prove_pg_ours(const struct prove_pg *p, struct err *e)
{
	PGconn *c = NULL;
	int i;

	for (i = 0; i < p->n; i++) {
		if ((c = prove_pg_dial(p, p->superuser, p->db[i].name, 1, e)) == NULL)
			return NULL;
		if (PQstatus(c) == CONNECTION_OK)
			return c;
		if (i == p->n - 1 || prove_pg_fatal(c) == NULL)
			break;
		PQfinish(c);
	}
	if (c == NULL)
		(void)err_set(e, ERR_CONFIG, "the copy has no database that lets us in");
	else
		(void)prove_pg_gone(p, c, e);
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
		(void)prove_pg_gone(p, c, e);
	else
		(void)err_set(e, ERR_CONFIG, "server of %s: %.*s", p->server->datadir,
		    (int)strcspn(PQresultErrorMessage(res), "\n"), PQresultErrorMessage(res));
	PQclear(res);
	return NULL;
}

int
prove_pg_command(const struct prove_pg *p, PGconn *c, const char *sql, struct err *e)
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
	struct prove_database *d = &p->db[p->n++];

	if ((d->name = strdup(PQgetvalue(res, row, 0))) == NULL ||
	    asprintf(&d->again, "%s;\n%s", PQgetvalue(res, row, 1),
		PQgetvalue(res, row, 2)) < 0) {
		d->again = NULL;
		return no_memory(e);
	}
	return 0;
}

int
prove_pg_keep(struct prove_pg *p, const char *home, struct err *e)
{
	PGconn *c = prove_pg_dial(p, p->superuser, home, 1, e);
	PGresult *res = NULL;
	int i, rc = -1;

	if (c != NULL && PQstatus(c) != CONNECTION_OK)
		(void)prove_pg_gone(p, c, e);
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

void
prove_pg_forget(struct prove_pg *p)
{
	int i;

	for (i = 0; i < p->n; i++) {
		free(p->db[i].name);
		free(p->db[i].again);
	}
	free(p->db);
}

/* ---- putting right --------------------------------------------------------- */

static struct prove_database *
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
		rc = prove_pg_command(p, c, sql, e);
		free(sql);
	}
	PQfreemem(quoted);
	return rc;
}

static int
make_database(const struct prove_pg *p, PGconn *c, const struct prove_database *d,
    struct err *e)
{
	const char *acl = strstr(d->again, ";\n");
	char *make = strndup(d->again, (size_t)(acl - d->again));
	int rc;

	if (make == NULL)
		return no_memory(e);
	rc = prove_pg_command(p, c, make, e) < 0 ||
		prove_pg_command(p, c, "SET allow_system_table_mods = on", e) < 0 ||
		prove_pg_command(p, c, acl + 2, e) < 0 ? -1 : 0;
	free(make);
	return rc;
}

/* What was not there goes, what is not there any more is made. */
static int
mend_databases(struct prove_pg *p, PGconn *c, struct err *e)
{
	PGresult *res = ask(p, c, "SELECT datname FROM pg_database WHERE datallowconn", e);
	struct prove_database *d;
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
	if (res == NULL || (set && (prove_pg_command(p, c, "ALTER SYSTEM RESET ALL", e) < 0 ||
			       prove_pg_command(p, c, "SELECT pg_reload_conf()", e) < 0)))
		return -1;
	return prove_pg_command(p, c, "SELECT pg_drop_replication_slot(slot_name) "
	    "FROM pg_replication_slots WHERE NOT active", e);
}

static int
mend_victim(struct prove_pg *p, PGconn *c, struct err *e)
{
	if (p->victim == NULL)
		return 0;
	PQfinish(p->victim);
	p->victim = NULL;
	return prove_pg_command(p, c, "DROP ROLE IF EXISTS bulkhead_victim", e);
}

int
prove_pg_mend(struct prove_pg *p, struct err *e)
{
	PGconn *c = prove_pg_ours(p, e);
	int rc;

	if (c == NULL)
		return -1;
	rc = mend_victim(p, c, e) < 0 || mend_databases(p, c, e) < 0 ||
		mend_settings(p, c, e) < 0 ? -1 : 0;
	PQfinish(c);
	return rc < 0 ? err_context(e, "putting the copy right") : 0;
}
