/*
 * What a role's attributes give it (R1, R2, R5, B1), and the predefined roles (R4).
 */
#include <string.h>

#include "audit/pg_private.h"

/* The set of the server as such. */
static struct graph_set *
whole(struct audit_pg *a)
{
	return graph_set(a->g, "the server", "", "", "");
}

/* Attributes are the role's own: whoever only inherits from it does not have them. */
static void
add_attribute(struct audit_pg *a, const struct audit_pg_role *r, const char *check,
    const char *attribute, enum sink sink, enum severity severity, const char *act,
    const char *proof)
{
	struct graph_basis b = { .why = attribute, .proof = proof,
		.row = graph_printf(a->g, "pg_authid: %s is %s", r->name, attribute) };
	struct graph_power p = { .from = r->node, .needs = STEP_BECOME, .sink = sink,
		.severity = severity, .priv = attribute, .act = act,
		.gate = { GRAPH_NO_GATE, GRAPH_NO_GATE }, .set = whole(a),
		.check = check_find(check) };

	if (r->oid == PG_BOOTSTRAP_OID) {
		b.advice = "it is the superuser that initdb made: let nobody and nothing log "
		    "in as it but people at work on the server";
	} else {
		b.fix = graph_printf(a->g, "ALTER ROLE %s NO%s", r->sql, attribute);
		b.undo = graph_printf(a->g, "ALTER ROLE %s %s", r->sql, attribute);
	}
	p.basis = graph_basis(a->g, &b);
	graph_power(a->g, &p);
}

#define TRY_ROLE "CREATE ROLE bulkhead_proof"

static void
add_createrole(struct audit_pg *a, const struct audit_pg_role *r)
{
	if (a->major >= 16)
		add_attribute(a, r, "R2", "CREATEROLE", SINK_DROP, SEVERITY_HIGH,
		    "CREATE ROLE, and DROP ROLE what it made", TRY_ROLE);
	else
		add_attribute(a, r, "R2", "CREATEROLE", SINK_SUPER, SEVERITY_CRITICAL,
		    "GRANT pg_execute_server_program TO itself",
		    "GRANT pg_execute_server_program TO CURRENT_USER");
}

void
audit_pg_attributes(struct audit_pg *a, const struct audit_pg_role *r)
{
	/* A copy has no slots; to make one takes the same right as to drop anybody's. */
	static const char make_slot[] =
	    "SELECT pg_catalog.pg_create_physical_replication_slot('bulkhead_proof')";
	static const char drop_slot[] =
	    "SELECT pg_catalog.pg_create_physical_replication_slot('bulkhead_proof');\n"
	    "SELECT pg_catalog.pg_drop_replication_slot('bulkhead_proof')";
	/* To a table that shows its owner nothing, but for this attribute. */
	static const char bypass[] = "CREATE TEMP TABLE bulkhead_proof ();\n"
	    "ALTER TABLE pg_temp.bulkhead_proof ENABLE ROW LEVEL SECURITY, "
	    "FORCE ROW LEVEL SECURITY;\n"
	    "SET LOCAL row_security = off;\nSELECT FROM pg_temp.bulkhead_proof";

	if (r->super) {
		add_attribute(a, r, "R1", "SUPERUSER", SINK_SUPER, SEVERITY_CRITICAL,
		    "everything",
		    "CREATE ROLE bulkhead_proof SUPERUSER");
		add_attribute(a, r, "B1", "SUPERUSER", SINK_LOGKILL, SEVERITY_CRITICAL,
		    "ALTER SYSTEM, and drop the log's slot",
		    "ALTER SYSTEM SET archive_command = 'true'");
	}
	if (r->createrole && !r->super)
		add_createrole(a, r);
	if (r->createdb && !r->super)
		add_attribute(a, r, "R5", "CREATEDB", SINK_WRITE, SEVERITY_HIGH,
		    "CREATE DATABASE",
		    "CREATE DATABASE bulkhead_proof");
	if (r->replication && !r->super) {
		add_attribute(a, r, "R5", "REPLICATION", SINK_READ_ALL, SEVERITY_HIGH,
		    "read the whole cluster by BASE_BACKUP", make_slot);
		add_attribute(a, r, "B1", "REPLICATION", SINK_LOGKILL, SEVERITY_CRITICAL,
		    "drop any replication slot", drop_slot);
	}
	if (r->bypassrls && !r->super)
		add_attribute(a, r, "R5", "BYPASSRLS", SINK_READ_ALL, SEVERITY_HIGH,
		    "read past row security", bypass);
}

/* ---- CREATEROLE up to 15 ----------------------------------------------------------- */

/*
 * It grants itself any role but superusers, and becomes it.  The hub keeps that from being
 * a step for each pair.
 */
void
audit_pg_createrole(struct audit_pg *a)
{
	uint32_t hub, i;
	const struct audit_pg_role *r;
	struct graph_basis b = { .row = "CREATEROLE, up to PostgreSQL 15" };
	struct graph_step s = { .needs = STEP_BECOME, .gives = STEP_BECOME,
		.check = check_find("R2") };

	if (a->major >= 16)
		return;
	hub = graph_node(a->g, NODE_HUB, "every role but superusers", "");
	for (i = 0; i < a->roles; i++) {
		r = &a->role[i];
		if (r->oid == 0 || r->super || r->oid == PG_DATABASE_OWNER)
			continue;
		b.why = graph_printf(a->g, "such as %s", r->name);
		b.proof = graph_printf(a->g, "GRANT %s TO CURRENT_USER;\nSET ROLE %s", r->sql,
		    r->sql);
		b.fix = b.undo = NULL;
		s.from = hub;
		s.to = r->node;
		s.breach = 0;
		s.basis = graph_basis(a->g, &b);
		graph_step(a->g, &s);
		if (!r->createrole)
			continue;
		b.why = "CREATEROLE: grants itself every role but superusers";
		b.proof = NULL;
		b.fix = graph_printf(a->g, "ALTER ROLE %s NOCREATEROLE", r->sql);
		b.undo = graph_printf(a->g, "ALTER ROLE %s CREATEROLE", r->sql);
		s.from = r->node;
		s.to = hub;
		s.breach = 1;
		s.basis = graph_basis(a->g, &b);
		graph_step(a->g, &s);
	}
}

/* ---- predefined roles ---------------------------------------------------------------- */

/*
 * What each gives.  Not here: pg_monitor (it is a member of others here), pg_checkpoint,
 * pg_stat_scan_tables, pg_use_reserved_connections, pg_signal_autovacuum_worker (they slow
 * a server down, and lead nowhere), pg_create_subscription (pg_database.c).  A proof needs
 * a table of the superuser's that is no system catalog: every database has sql_parts.
 */
static const struct {
	const char *role;
	int since;
	enum sink sink;
	enum severity severity;
	const char *act, *proof;
} predefined[] = {
	{ "pg_execute_server_program", 14, SINK_OS, SEVERITY_CRITICAL,
	    "COPY ... TO PROGRAM: run commands on the host",
	    "COPY (SELECT 1) TO PROGRAM 'cat >/dev/null'" },
	{ "pg_write_server_files", 14, SINK_OS, SEVERITY_CRITICAL,
	    "COPY ... TO: write files of the server", "COPY (SELECT 1) TO '/dev/null'" },
	{ "pg_read_server_files", 14, SINK_OS, SEVERITY_HIGH,
	    "COPY ... FROM: read files of the server",
	    "CREATE TEMP TABLE bulkhead_proof (line text);\n"
	    "COPY pg_temp.bulkhead_proof FROM 'PG_VERSION'" },
	/* The statistics hold values of every column. */
	{ "pg_read_all_data", 14, SINK_READ_ALL, SEVERITY_HIGH, "SELECT everywhere",
	    "SELECT count(*) FROM pg_catalog.pg_statistic" },
	{ "pg_read_all_data", 14, SINK_SECRETS, SEVERITY_HIGH, "SELECT password hashes",
	    "SELECT rolpassword FROM pg_catalog.pg_authid" },
	{ "pg_write_all_data", 14, SINK_WRITE, SEVERITY_CRITICAL,
	    "INSERT, UPDATE and DELETE everywhere",
	    "DELETE FROM information_schema.sql_parts" },
	{ "pg_maintain", 17, SINK_DROP, SEVERITY_MEDIUM,
	    "LOCK, CLUSTER and REINDEX everywhere",
	    "LOCK TABLE information_schema.sql_parts IN ACCESS EXCLUSIVE MODE" },
	{ "pg_signal_backend", 14, SINK_LOGKILL, SEVERITY_MEDIUM,
	    "end sessions, the log's sender among them",
	    "\\victim;\nSELECT 1 / count(*) FILTER (WHERE pg_catalog.pg_terminate_backend(pid)) "
	    "FROM pg_catalog.pg_stat_activity WHERE usename = 'bulkhead_victim'" },
	{ "pg_read_all_settings", 14, SINK_SECRETS, SEVERITY_MEDIUM,
	    "read primary_conninfo and other settings", "SHOW primary_conninfo" },
	{ "pg_read_all_stats", 14, SINK_SECRETS, SEVERITY_MEDIUM,
	    "read the statements of other sessions",
	    "SELECT query FROM pg_catalog.pg_stat_activity" },
};

void
audit_pg_predefined(struct audit_pg *a)
{
	const struct audit_pg_role *r;
	struct graph_basis b = { .advice = "REVOKE the role from who needs it not" };
	struct graph_power p = { .needs = STEP_USE, .check = check_find("R4"),
		.gate = { GRAPH_NO_GATE, GRAPH_NO_GATE }, .set = whole(a) };
	size_t i;

	for (i = 0; i < sizeof(predefined) / sizeof(predefined[0]); i++) {
		r = audit_pg_role_named(a, predefined[i].role);
		if (a->major < predefined[i].since || r == NULL)
			continue;
		b.why = predefined[i].role;
		b.row = graph_printf(a->g, "the predefined role %s", predefined[i].role);
		b.proof = predefined[i].proof;
		p.from = r->node;
		p.sink = predefined[i].sink;
		p.severity = predefined[i].severity;
		p.priv = predefined[i].role;
		p.act = predefined[i].act;
		p.basis = graph_basis(a->g, &b);
		graph_power(a->g, &p);
	}
}
