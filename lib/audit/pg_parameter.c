/*
 * Rights on settings (A5, from 15): who may SET or ALTER SYSTEM what only superusers may.
 */
#include <fnmatch.h>
#include <string.h>

#include "audit/acl.h"
#include "audit/pg_private.h"

/* Which settings lead where; the first pattern that matches.  set: SET alone is enough. */
static const struct {
	const char *pattern;
	enum sink sink;
	enum severity severity;
	int set;
	const char *check;
} settings[] = {
	{ "archive_command", SINK_OS, SEVERITY_CRITICAL, 0, "A5" },
	{ "archive_cleanup_command", SINK_OS, SEVERITY_CRITICAL, 0, "A5" },
	{ "restore_command", SINK_OS, SEVERITY_CRITICAL, 0, "A5" },
	{ "recovery_end_command", SINK_OS, SEVERITY_CRITICAL, 0, "A5" },
	{ "ssl_passphrase_command", SINK_OS, SEVERITY_CRITICAL, 0, "A5" },
	{ "*_preload_libraries", SINK_OS, SEVERITY_CRITICAL, 1, "A5" },
	{ "dynamic_library_path", SINK_OS, SEVERITY_CRITICAL, 1, "A5" },
	{ "extension_control_path", SINK_OS, SEVERITY_CRITICAL, 1, "A5" },
	{ "jit_provider", SINK_OS, SEVERITY_CRITICAL, 0, "A5" },
	{ "*_file", SINK_OS, SEVERITY_CRITICAL, 0, "A5" },
	{ "archive_*", SINK_LOGKILL, SEVERITY_CRITICAL, 0, "B1" },
	{ "*wal*", SINK_LOGKILL, SEVERITY_CRITICAL, 0, "B1" },
	{ "*replication_slot*", SINK_LOGKILL, SEVERITY_CRITICAL, 0, "B1" },
	{ "synchronous_*", SINK_LOGKILL, SEVERITY_HIGH, 0, "B1" },
	{ "primary_*", SINK_LOGKILL, SEVERITY_HIGH, 0, "B1" },
	{ "fsync", SINK_LOGKILL, SEVERITY_CRITICAL, 0, "B1" },
	{ "full_page_writes", SINK_LOGKILL, SEVERITY_CRITICAL, 0, "B1" },
	{ "session_replication_role", SINK_WRITE, SEVERITY_HIGH, 1, "A5" },
	{ "allow_system_table_mods", SINK_SUPER, SEVERITY_CRITICAL, 1, "A5" },
	{ "lo_compat_privileges", SINK_WRITE, SEVERITY_HIGH, 1, "A5" },
	{ "zero_damaged_pages", SINK_DROP, SEVERITY_HIGH, 1, "A5" },
	{ "ignore_*", SINK_DROP, SEVERITY_HIGH, 1, "A5" },
	{ "log*", SINK_AUDITOFF, SEVERITY_CRITICAL, 1, "A5" },
	{ "pgaudit.*", SINK_AUDITOFF, SEVERITY_CRITICAL, 1, "A5" },
	{ "event_triggers", SINK_AUDITOFF, SEVERITY_HIGH, 1, "A5" },
	{ "*", SINK_AUDITOFF, SEVERITY_MEDIUM, 1, "A5" },
};

struct parameter {
	const char *name, *sql;	/* plain, quoted */
	struct audit_pg_acl acl;
	int system;		/* does ALTER SYSTEM work at all? */
};

static void
add_power(const struct parameter *s, size_t at, uint32_t right, size_t kind)
{
	struct graph *g = s->acl.a->g;
	const struct audit_pg_grant *x = &s->acl.grant[at];
	const char *verb = acl_right_name(right);
	struct graph_set *set = graph_set(g, graph_printf(g, "parameter\1%s", s->name),
	    "parameter", "", "");
	struct graph_basis b = {
		.why = graph_printf(g, "%s %s on parameter %s",
		    x->to->oid == 0 ? "PUBLIC has" : "granted", verb, s->name),
		.row = graph_printf(g, "pg_parameter_acl: %s on %s to %s by %s", verb, s->name,
		    x->to->sql, x->by->name),
		.proof = right == ACL_SET ? graph_printf(g, "SET LOCAL %s TO DEFAULT", s->sql)
		    : graph_printf(g, "ALTER SYSTEM RESET %s", s->sql) };
	struct graph_power p = { .from = x->to->node, .needs = STEP_USE,
		.sink = settings[kind].sink, .severity = settings[kind].severity, .priv = verb,
		.act = graph_printf(g, "%s %s", verb, s->name),
		.gate = { GRAPH_NO_GATE, GRAPH_NO_GATE }, .set = set,
		.check = check_find(settings[kind].check) };

	if (set->n == 0)
		graph_set_add(g, set, s->sql);
	audit_pg_revoke(&s->acl, at, right, 0, &b);
	p.basis = graph_basis(g, &b);
	graph_power(g, &p);
}

static void
add_parameter(const struct parameter *s)
{
	const struct audit_pg_grant *x;
	size_t i, kind = 0;

	while (fnmatch(settings[kind].pattern, s->name, 0) != 0)
		kind++;
	for (i = 0; i < s->acl.n; i++) {
		x = &s->acl.grant[i];
		if (x->to->super)
			continue;
		if ((x->rights & ACL_SET) && settings[kind].set)
			add_power(s, i, ACL_SET, kind);
		if ((x->rights & ACL_ALTER_SYSTEM) && s->system)
			add_power(s, i, ACL_ALTER_SYSTEM, kind);
	}
}

/* All superusers grant as the one that the server was made with. */
static int
read_parameter(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct parameter s = { .name = pg_query_text(q, 0), .system = pg_query_true(q, 2),
		.sql = audit_pg_ident(a, pg_query_text(q, 0)),
		.acl = { .a = a, .on = "PARAMETER %o",
			.owner = audit_pg_role(a, PG_BOOTSTRAP_OID) } };

	(void)ctx;
	if (audit_pg_acl_add(&s.acl, pg_query_text(q, 1), NULL, e) != 0)
		return -1;
	audit_pg_acl_order(&s.acl);
	add_parameter(&s);
	audit_pg_acl_free(&s.acl);
	return 0;
}

/* allow_alter_system (17): off, and ALTER SYSTEM works for nobody. */
int
audit_pg_parameters(struct audit_pg *a, struct err *e)
{
	if (a->major < 15)
		return 0;
	return audit_pg_ask(a, "A5", "pg_parameter_acl", NULL,
	    "SELECT parname, paracl::text, "
	    "coalesce(current_setting('allow_alter_system', true), 'on') = 'on' "
	    "FROM pg_parameter_acl ORDER BY parname",
	    read_parameter, NULL, e) < 0 ? -1 : 0;
}
