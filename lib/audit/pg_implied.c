/*
 * What superusers, pg_read_all_data and pg_write_all_data do without any grant.
 *
 * That they can is R1's and R4's finding.  But the part of it that the class of an account
 * may is what it lives on: who takes the rest away has to grant that first.
 */
#include "audit/acl.h"
#include "audit/pg_private.h"

#define READS  ACL_SELECT
#define WRITES (ACL_INSERT | ACL_UPDATE | ACL_DELETE)

static void
add(struct audit_pg *a, uint32_t node, uint32_t rights)
{
	a->implied[a->implieds].node = node;
	a->implied[a->implieds++].rights = rights;
}

static int
has_members(const struct audit_pg *a, const struct audit_pg_role *r)
{
	uint32_t i;

	for (i = 0; r != NULL && i < a->g->steps; i++)
		if (a->g->step[i].to == r->node)
			return 1;
	return 0;
}

/* By that without a login none of its members enters a database. */
static uint32_t
hub_of(struct audit_pg *a, int login)
{
	const char *name = login ? "what superusers need no grant for" :
	    "what superusers need no grant for in a database";
	uint32_t known = a->g->nodes, node = graph_node(a->g, NODE_HUB, name, "");

	if (node >= known)
		add(a, node, READS | WRITES | ACL_USAGE | ACL_EXECUTE | (login ? ACL_CONNECT : 0u));
	return node;
}

/* The bootstrap superuser stays one, so nothing of that is ever missed. */
static void
add_superusers(struct audit_pg *a)
{
	const struct audit_pg_role *r;
	struct graph_basis b = { .row = "pg_authid.rolsuper" };
	struct graph_step s = { .needs = STEP_BECOME, .gives = STEP_USE,
		.check = check_find("R1") };

	for (r = a->role; r < a->role + a->roles; r++) {
		if (!r->super || r->oid == PG_BOOTSTRAP_OID)
			continue;
		b.why = graph_printf(a->g, "%s is a superuser", r->name);
		b.fix = graph_printf(a->g, "ALTER ROLE %s NOSUPERUSER", r->sql);
		b.undo = graph_printf(a->g, "ALTER ROLE %s SUPERUSER", r->sql);
		s.from = r->node;
		s.to = hub_of(a, r->login);
		s.basis = graph_basis(a->g, &b);
		graph_step(a->g, &s);
	}
}

int
audit_pg_implied(struct audit_pg *a, struct err *e)
{
	const struct audit_pg_role *reads = audit_pg_role_named(a, "pg_read_all_data");
	const struct audit_pg_role *writes = audit_pg_role_named(a, "pg_write_all_data");

	(void)e;	/* this cannot fail */
	add_superusers(a);
	if (has_members(a, reads))
		add(a, reads->node, READS);
	if (has_members(a, writes))
		add(a, writes->node, WRITES);
	return 0;
}

void
audit_pg_implied_pass(struct audit_pg *a, uint32_t right, uint32_t gate)
{
	uint32_t i;

	for (i = 0; i < a->implieds; i++)
		if (a->implied[i].rights & right)
			graph_pass(a->g, a->implied[i].node, gate);
}
