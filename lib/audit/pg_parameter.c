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
	const char *name;
	const struct audit_pg_items *items;
	int system;		/* does ALTER SYSTEM work at all? */
};

static void
add_power(struct audit_pg *a, const char *name, const struct audit_pg_item *it,
    uint32_t right, size_t kind)
{
	const char *verb = acl_right_name(right), *to = it->to->sql;
	const char *sql = audit_pg_ident(a, name);
	const char *option = it->options & right ? " WITH GRANT OPTION" : "";
	struct graph_basis b = {
		.why = graph_printf(a->g, "%s %s on parameter %s",
		    it->to->oid == 0 ? "PUBLIC has" : "granted", verb, name),
		.row = graph_printf(a->g, "pg_parameter_acl: %s on %s to %s by %s", verb, name,
		    it->to->sql, it->by->name) };
	struct graph_power p = { .from = it->to->node, .needs = STEP_USE,
		.sink = settings[kind].sink, .severity = settings[kind].severity, .priv = verb,
		.act = graph_printf(a->g, "%s %s", verb, name),
		.gate = { GRAPH_NO_GATE, GRAPH_NO_GATE },
		.set = graph_set(a->g, graph_printf(a->g, "parameter\1%s", name), "parameter", "",
		    ""),
		.check = check_find(settings[kind].check) };

	if (p.set->n == 0)
		graph_set_add(a->g, graph_set(a->g, graph_printf(a->g, "parameter\1%s", name),
		    "parameter", "", ""), sql);
	/* As in pg_grant.c: who is not the bootstrap superuser granted it by an option. */
	if (it->by->super) {
		b.fix = graph_printf(a->g, "REVOKE %s ON PARAMETER %s FROM %s CASCADE", verb, sql,
		    to);
		b.undo = graph_printf(a->g, "GRANT %s ON PARAMETER %s TO %s%s", verb, sql, to,
		    option);
	} else {
		b.fix = graph_printf(a->g, "SET ROLE %s; REVOKE %s ON PARAMETER %s FROM %s; "
		    "RESET ROLE", it->by->sql, verb, sql, to);
		b.undo = graph_printf(a->g, "SET ROLE %s; GRANT %s ON PARAMETER %s TO %s%s; "
		    "RESET ROLE", it->by->sql, verb, sql, to, option);
	}
	b.proof = right == ACL_SET ? graph_printf(a->g, "SET LOCAL %s TO DEFAULT", sql)
	    : graph_printf(a->g, "ALTER SYSTEM RESET %s", sql);
	p.basis = graph_basis(a->g, &b);
	graph_power(a->g, &p);
}

static void
add_parameter(struct audit_pg *a, const struct parameter *s)
{
	const struct audit_pg_item *it;
	size_t i, kind = 0;

	while (fnmatch(settings[kind].pattern, s->name, 0) != 0)
		kind++;
	for (i = 0; i < s->items->n; i++) {
		it = &s->items->item[i];
		if (it->to->super)
			continue;
		if ((it->rights & ACL_SET) && settings[kind].set)
			add_power(a, s->name, it, ACL_SET, kind);
		if ((it->rights & ACL_ALTER_SYSTEM) && s->system)
			add_power(a, s->name, it, ACL_ALTER_SYSTEM, kind);
	}
}

static int
read_parameter(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct audit_pg_items items;
	struct parameter s = { pg_query_text(q, 0), &items, pg_query_true(q, 2) };

	(void)ctx;
	if (audit_pg_items(a, pg_query_text(q, 1), &items, e) != 0)
		return -1;
	add_parameter(a, &s);
	audit_pg_items_free(&items);
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
