/*
 * The schemas of a database, and their gates: to name an object, one needs USAGE.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/acl.h"
#include "audit/pg_private.h"

static const struct audit_pg_kind schema_kind = { PG_SCHEMA, "schema", "schemas", "SCHEMA",
	"SCHEMA", "DROP SCHEMA with everybody's objects in it", "DROP SCHEMA %o CASCADE",
	"pg_namespace", "nspowner", "nspacl", SEVERITY_CRITICAL };

static int
read_schema(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct audit_pg_schema *more, s = {
		.oid = pg_query_u32(q, 0),
		.owner = pg_query_u32(q, 1),
		.name = graph_string(a->g, pg_query_text(q, 2)),
		.acl = graph_string(a->g, pg_query_text(q, 3)),
	};
	struct graph_gift usage = { .part = NULL };
	uint32_t *cap = ctx;

	s.sql = audit_pg_ident(a, s.name);
	s.gate = graph_gate(a->g, graph_printf(a->g, "USAGE on %s.%s", a->db_sql, s.sql));
	usage.give = graph_printf(a->g, "GRANT USAGE ON SCHEMA %s TO %%a", s.sql);
	usage.ungive = graph_printf(a->g, "REVOKE USAGE ON SCHEMA %s FROM %%a", s.sql);
	graph_gate_gift(a->g, s.gate, NULL, a->db, &usage);
	if (a->schemas == *cap) {
		*cap = *cap == 0 ? 64 : *cap * 2;
		if ((more = realloc(a->schema, *cap * sizeof(*more))) == NULL)
			return err_set(e, ERR_SYSTEM, "out of memory");
		a->schema = more;
	}
	a->schema[a->schemas++] = s;
	return 0;
}

/* These two see into every schema, and write there. */
static void
pass_predefined(struct audit_pg *a, uint32_t gate)
{
	static const char *const names[] = { "pg_read_all_data", "pg_write_all_data" };
	const struct audit_pg_role *r;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((r = audit_pg_role_named(a, names[i])) != NULL)
			graph_pass(a->g, r->node, gate);
}

/* pg_catalog and what else initdb made belong to the superuser, and everyone looks into it. */
static int
add_schema(struct audit_pg *a, const struct audit_pg_schema *s, const char *quoted,
    struct err *e)
{
	struct audit_pg_object o = { .kind = &schema_kind, .db = a->db, .schema = s->name,
		.gate = { a->db_gate, s->gate }, .owner = s->owner, .acl = s->acl,
		.name = quoted };

	o.owned = s->oid >= PG_FIRST_USER_OID || s->owner != PG_BOOTSTRAP_OID ||
	    strcmp(s->name, "public") == 0;
	pass_predefined(a, s->gate);
	audit_pg_implied_pass(a, ACL_USAGE, s->gate);
	return audit_pg_add(a, &o, e);
}

static int
read_object(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	const struct audit_pg_schema *s = audit_pg_schema(a, pg_query_u32(q, 0));

	(void)ctx;
	return s == NULL ? 0 : add_schema(a, s, pg_query_text(q, 1), e);
}

int
audit_pg_schemas(struct audit_pg *a, struct err *e)
{
	uint32_t cap = 0;

	free(a->schema);
	a->schema = NULL;
	a->schemas = 0;
	if (audit_pg_ask(a, "A1", "pg_namespace", NULL,
	    "SELECT oid, nspowner, nspname, coalesce(nspacl, acldefault('n', nspowner))::text "
	    "FROM pg_namespace ORDER BY oid",
	    read_schema, &cap, e) < 0)
		return -1;
	return audit_pg_ask(a, "A1", "pg_namespace", NULL,
	    "SELECT oid, quote_ident(nspname) FROM pg_namespace WHERE nspname !~ "
	    "'^pg_(temp|toast)' ORDER BY nspname",
	    read_object, NULL, e) < 0 ? -1 : 0;
}
