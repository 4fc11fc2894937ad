/*
 * Roles: the accounts of the graph.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/pg_private.h"

struct roles {
	uint32_t cap;
};

static int
add_role(struct audit_pg *a, const struct audit_pg_role *r, struct roles *all, struct err *e)
{
	struct audit_pg_role *more;
	struct graph_node *n;

	if (a->roles == all->cap) {
		all->cap = all->cap == 0 ? 64 : all->cap * 2;
		if ((more = realloc(a->role, all->cap * sizeof(*more))) == NULL)
			return err_set(e, ERR_SYSTEM, "out of memory");
		a->role = more;
	}
	a->role[a->roles++] = *r;
	n = &a->g->node[r->node];
	n->until = r->until;
	n->login = r->login;
	n->builtin = r->predefined;
	n->bootstrap = r->oid == PG_BOOTSTRAP_OID;
	return 0;
}

static int
read_role(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct audit_pg_role r = {
		.oid = pg_query_u32(q, 0),
		.name = graph_string(a->g, pg_query_text(q, 1)),
		.super = (uint8_t)pg_query_true(q, 2),
		.inherit = (uint8_t)pg_query_true(q, 3),
		.createrole = (uint8_t)pg_query_true(q, 4),
		.createdb = (uint8_t)pg_query_true(q, 5),
		.login = (uint8_t)pg_query_true(q, 6),
		.replication = (uint8_t)pg_query_true(q, 7),
		.bypassrls = (uint8_t)pg_query_true(q, 8),
		.until = graph_string(a->g, pg_query_text(q, 9)),
	};

	r.predefined = r.oid < PG_FIRST_USER_OID && strncmp(r.name, "pg_", 3) == 0;
	r.sql = audit_pg_ident(a, r.name);
	r.node = graph_node(a->g, NODE_ACCOUNT, r.name, r.sql);
	return add_role(a, &r, ctx, e);
}

static int
order_by_name(const void *x, const void *y)
{
	const struct audit_pg_role *const *r = x, *const *s = y;

	return strcmp((*r)->name, (*s)->name);
}

/* ACLs name roles; PUBLIC has no name there, and no role may be called so. */
static int
index_names(struct audit_pg *a, struct err *e)
{
	uint32_t i;

	if ((a->by_name = calloc(a->roles, sizeof(const struct audit_pg_role *))) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (i = 0; i < a->roles; i++)
		a->by_name[i] = &a->role[i];
	qsort(a->by_name, a->roles, sizeof(a->by_name[0]), order_by_name);
	return 0;
}

int
audit_pg_roles(struct audit_pg *a, struct err *e)
{
	struct roles all = { 0 };
	struct audit_pg_role everyone = { .name = "", .sql = "PUBLIC",
		.node = graph_node(a->g, NODE_PUBLIC, "PUBLIC", "PUBLIC") };
	uint32_t i;

	if (add_role(a, &everyone, &all, e) != 0)
		return -1;
	if (audit_pg_ask(a, "R1", "pg_roles", NULL,
	    "SELECT oid, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, "
	    "rolcanlogin, rolreplication, rolbypassrls, "
	    "CASE WHEN isfinite(rolvaliduntil) "
	    "THEN to_char(rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') "
	    "END FROM pg_roles ORDER BY oid",
	    read_role, &all, e) < 0)
		return -1;
	if (index_names(a, e) != 0)
		return -1;
	for (i = 0; i < a->roles; i++) {
		audit_pg_attributes(a, &a->role[i]);
		audit_pg_elevation(a, &a->role[i]);
	}
	audit_pg_createrole(a);
	audit_pg_predefined(a);
	return 0;
}
