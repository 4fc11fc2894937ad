/*
 * The schemas of a database, and their gates: to name an object, one needs USAGE.
 */
#include <stdlib.h>

#include "audit/pg_private.h"

static int
read_schema(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct audit_pg_schema *more, s = {
		.oid = pg_query_u32(q, 0),
		.owner = pg_query_u32(q, 1),
		.name = graph_string(a->g, pg_query_text(q, 2)),
		.acl = graph_string(a->g, pg_query_text(q, 3)),
	};
	uint32_t *cap = ctx;

	s.sql = audit_pg_ident(a, s.name);
	s.gate = graph_gate(a->g, graph_printf(a->g, "USAGE on %s.%s", a->db_sql, s.sql));
	if (a->schemas == *cap) {
		*cap = *cap == 0 ? 64 : *cap * 2;
		if ((more = realloc(a->schema, *cap * sizeof(*more))) == NULL)
			return err_set(e, ERR_SYSTEM, "out of memory");
		a->schema = more;
	}
	a->schema[a->schemas++] = s;
	return 0;
}

int
audit_pg_schemas(struct audit_pg *a, struct err *e)
{
	uint32_t cap = 0;

	free(a->schema);
	a->schema = NULL;
	a->schemas = 0;
	return audit_pg_ask(a, "A1", "pg_namespace", NULL,
	    "SELECT oid, nspowner, nspname, coalesce(nspacl, acldefault('n', nspowner))::text "
	    "FROM pg_namespace ORDER BY oid",
	    read_schema, &cap, e) < 0 ? -1 : 0;
}
