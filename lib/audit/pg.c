/*
 * Reads a PostgreSQL server: a connection per database, and the readers in their order.
 */
#include "audit/pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/pg_private.h"

/* Once per server, and once per database; the first ones fill what the others look up. */
static int (*const server_reader[])(struct audit_pg *, struct err *) = {
	audit_pg_roles,
	audit_pg_members,
	audit_pg_implied,
	audit_pg_databases,
	audit_pg_parameters,
	audit_pg_passwords,
	audit_pg_net,
	audit_pg_settings,
	audit_pg_place,
};
static int (*const database_reader[])(struct audit_pg *, struct err *) = {
	audit_pg_schemas,
	audit_pg_objects,
	audit_pg_defaults,
	audit_pg_database,
	audit_pg_code,
	audit_pg_danger,
	audit_pg_unlogged,
};

#define COUNT(x) (sizeof(x) / sizeof((x)[0]))

struct database {
	uint32_t oid, owner;
	const char *name;
	int connect;		/* may we? */
};

struct audit_pg_server {
	struct database *db;
	size_t n;
};

/* ---- asking ---------------------------------------------------------- */

int
audit_pg_ask(struct audit_pg *a, const char *check, const char *what, const char *grant,
    const char *sql, audit_pg_row *row, void *ctx, struct err *e)
{
	struct pg_query q;
	int rc, ours = 0;

	rc = pg_query_begin(&q, a->pg, sql, e);
	while (rc == 0 && (rc = pg_query_row(&q, e)) > 0)
		if ((rc = row(a, &q, ctx, e)) != 0)
			ours = 1;
	pg_query_end(&q);
	if (rc == 0)
		return 1;
	if (ours || e->kind == ERR_UNREACHABLE || e->kind == ERR_SYSTEM)
		return -1;
	graph_unknown(a->g, check, what, e->msg, grant);
	err_clear(e);
	return 0;
}

const struct audit_pg_role *
audit_pg_role(const struct audit_pg *a, uint32_t oid)
{
	uint32_t low = 0, high = a->roles, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (a->role[mid].oid == oid)
			return &a->role[mid];
		if (a->role[mid].oid < oid)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

uint32_t
audit_pg_role_node(const struct audit_pg *a, const struct audit_pg_role *r)
{
	return r->oid == PG_DATABASE_OWNER ? a->db_owner_node : r->node;
}

const struct audit_pg_role *
audit_pg_role_named(const struct audit_pg *a, const char *name)
{
	uint32_t low = 0, high = a->roles, mid;
	int order;

	while (low < high) {
		mid = low + (high - low) / 2;
		if ((order = strcmp(name, a->by_name[mid]->name)) == 0)
			return a->by_name[mid];
		if (order > 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

const struct audit_pg_schema *
audit_pg_schema(const struct audit_pg *a, uint32_t oid)
{
	uint32_t low = 0, high = a->schemas, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (a->schema[mid].oid == oid)
			return &a->schema[mid];
		if (a->schema[mid].oid < oid)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* ---- databases ------------------------------------------------------- */

static int
add_database(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct audit_pg_server *s = ctx;
	struct database *more, d = { pg_query_u32(q, 0), pg_query_u32(q, 1), NULL,
		pg_query_true(q, 3) };

	d.name = graph_string(a->g, pg_query_text(q, 2));
	if (!pg_query_true(q, 4)) {	/* nobody can connect: nothing in it is reached */
		if (strcmp(d.name, "template0") != 0)
			graph_unknown(a->g, "A1",
			    graph_printf(a->g, "database %s", audit_pg_ident(a, d.name)),
			    "it takes no connections (datallowconn)", NULL);
		return 0;
	}
	if ((more = realloc(s->db, (s->n + 1) * sizeof(*more))) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	s->db = more;
	s->db[s->n++] = d;
	return 0;
}

static int
list_databases(struct audit_pg *a, struct audit_pg_server *s, struct err *e)
{
	return audit_pg_ask(a, "A1", "the list of databases", NULL,
	    "SELECT oid, datdba, datname, has_database_privilege(oid, 'CONNECT'), "
	    "datallowconn FROM pg_database ORDER BY datname",
	    add_database, s, e) < 0 ? -1 : 0;
}

static int
run(struct audit_pg *a, int (*reader)(struct audit_pg *, struct err *), struct err *e)
{
	if (reader(a, e) != 0)
		return -1;
	return a->failed ? err_set(e, ERR_SYSTEM, "out of memory") : 0;
}

/* The readers of a database, over the connection that a->pg is. */
static int
read_database(struct audit_pg *a, const struct database *d, struct err *e)
{
	size_t i;

	a->db = d->name;
	a->db_oid = d->oid;
	a->db_owner = d->owner;
	a->db_sql = audit_pg_ident(a, d->name);
	a->db_gate = audit_pg_connect_gate(a, d->name);
	a->db_owner_node = graph_node(a->g, NODE_HUB,
	    graph_printf(a->g, "pg_database_owner of %s", d->name), "");
	report_detail(a->report, "reading database %s", d->name);
	for (i = 0; i < COUNT(database_reader); i++)
		if (run(a, database_reader[i], e) != 0)
			return err_context(e, "database %s", d->name);
	return 0;
}

/* Another database: it may go away, or refuse us, and the rest is read all the same. */
static int
visit(struct audit_pg *a, const char *conninfo, const struct database *d, struct err *e)
{
	const char *what = graph_printf(a->g, "database %s",
	    a->db_sql = audit_pg_ident(a, d->name));
	struct pg *home = a->pg;
	int rc;

	if (!d->connect) {
		graph_unknown(a->g, "A1", what, "no right to connect to it",
		    graph_printf(a->g, "GRANT CONNECT ON DATABASE %s TO %s", a->db_sql,
		    a->auditor));
		return 0;
	}
	if ((a->pg = pg_query_connect(conninfo, d->name, "privaudit", e)) == NULL) {
		a->pg = home;
		graph_unknown(a->g, "A1", what, e->msg, NULL);
		err_clear(e);
		return 0;
	}
	rc = read_database(a, d, e);
	pg_free(a->pg);
	a->pg = home;
	return rc;
}

/* The database that we came in by first, over its connection, then the others. */
static int
read_databases(struct audit_pg *a, const char *conninfo, struct audit_pg_server *s,
    struct err *e)
{
	const char *home = PQdb(a->pg->c);
	size_t i;

	for (i = 0; i < s->n; i++)
		if (strcmp(s->db[i].name, home) == 0 && read_database(a, &s->db[i], e) != 0)
			return -1;
	for (i = 0; i < s->n; i++)
		if (strcmp(s->db[i].name, home) != 0 && visit(a, conninfo, &s->db[i], e) != 0)
			return -1;
	return 0;
}

/* ---- the server ------------------------------------------------------ */

/* Without a database in conninfo libpq takes the user's name, which often is none. */
static struct pg *
connect_somewhere(const char *conninfo, struct err *e)
{
	struct pg *pg = pg_query_connect(conninfo, NULL, "privaudit", e);
	struct err again = ERR_INIT;

	if (pg != NULL || e->kind != ERR_NOTFOUND || strstr(conninfo, "dbname") != NULL)
		return pg;
	return pg_query_connect(conninfo, "postgres", "privaudit", &again);
}

static int
read_server(struct audit_pg *a, const char *conninfo, struct err *e)
{
	struct audit_pg_server s = { NULL, 0 };
	size_t i;
	int rc;

	a->server = &s;
	rc = list_databases(a, &s, e);
	for (i = 0; rc == 0 && i < COUNT(server_reader); i++)
		rc = run(a, server_reader[i], e);
	if (rc == 0)
		rc = read_databases(a, conninfo, &s, e);
	if (rc == 0)
		rc = audit_pg_backup(a, e);
	free(s.db);
	return rc;
}

int
audit_pg(struct graph *g, const char *conninfo, struct report *report, char *server,
    size_t cap, struct err *e)
{
	struct audit_pg a;
	int rc;

	memset(&a, 0, sizeof(a));
	a.g = g;
	a.report = report;
	if ((a.pg = connect_somewhere(conninfo, e)) == NULL)
		return -1;
	a.major = a.pg->version / 10000;
	a.auditor = audit_pg_ident(&a, PQuser(a.pg->c));
	(void)snprintf(server, cap, "PostgreSQL %d.%d, %s", a.major, a.pg->version % 10000,
	    a.pg->what);	/* a cut name still tells enough */
	rc = read_server(&a, conninfo, e);
	free(a.by_name);
	free(a.role);
	free(a.schema);
	pg_free(a.pg);
	return rc;
}

const char *
audit_pg_grants(void)
{
	return
	    "-- What privaudit needs to read all of a PostgreSQL server; as a superuser,\n"
	    "-- in the database that privaudit comes in by.\n"
	    "-- In the policy: [role privaudit] class=monitor\n"
	    "CREATE ROLE privaudit LOGIN;\n"
	    "-- Settings and statistics that say whether the log leaves the host.\n"
	    "GRANT pg_read_all_settings, pg_read_all_stats TO privaudit;\n"
	    "-- Who is let in.\n"
	    "GRANT SELECT ON pg_catalog.pg_hba_file_rules TO privaudit;\n"
	    "GRANT EXECUTE ON FUNCTION pg_catalog.pg_hba_file_rules() TO privaudit;\n"
	    "DO $$ BEGIN\n"
	    "\tIF current_setting('server_version_num')::int >= 150000 THEN\n"
	    "\t\tGRANT SELECT ON pg_catalog.pg_ident_file_mappings TO privaudit;\n"
	    "\t\tGRANT EXECUTE ON FUNCTION pg_catalog.pg_ident_file_mappings() TO privaudit;\n"
	    "\tEND IF;\n"
	    "END $$;\n"
	    "-- How passwords are kept, without the hashes.\n"
	    "CREATE SCHEMA privaudit;\n"
	    "CREATE VIEW privaudit.password AS\n"
	    "\tSELECT oid AS role, CASE WHEN rolpassword IS NULL THEN 'none'\n"
	    "\t    WHEN rolpassword LIKE 'md5%' THEN 'md5' ELSE 'other' END AS kind\n"
	    "\tFROM pg_catalog.pg_authid;\n"
	    "GRANT USAGE ON SCHEMA privaudit TO privaudit;\n"
	    "GRANT SELECT ON privaudit.password TO privaudit;\n"
	    "-- Who is let in; settings and where they come from; who follows the log.\n"
	    "GRANT pg_read_all_settings, pg_read_all_stats TO privaudit;\n"
	    "GRANT SELECT ON pg_catalog.pg_hba_file_rules TO privaudit;\n"
	    "GRANT EXECUTE ON FUNCTION pg_catalog.pg_hba_file_rules() TO privaudit;\n"
	    "DO $$ BEGIN IF current_setting('server_version_num')::int >= 150000 THEN\n"
	    "\tGRANT SELECT ON pg_catalog.pg_ident_file_mappings TO privaudit;\n"
	    "\tGRANT EXECUTE ON FUNCTION pg_catalog.pg_ident_file_mappings() TO privaudit;\n"
	    "END IF; END $$;\n"
	    "-- In each database with user mappings or subscriptions; it shows their "
	    "passwords:\n"
	    "-- GRANT SELECT ON pg_catalog.pg_user_mapping TO privaudit;\n"
	    "-- GRANT SELECT (subconninfo) ON pg_catalog.pg_subscription TO privaudit;\n"
	    "-- In each database that PUBLIC may not connect to:\n"
	    "-- GRANT CONNECT ON DATABASE ... TO privaudit;\n";
}
