/*
 * F3: the TRIGGER privilege on tables that others write: a trigger's code runs as them.
 */
#include "audit/pg_code.h"

#include <string.h>

/*
 * Tables of one schema, owner and ACL together, as in the sets of pg_grant.c, then who holds
 * TRIGGER on them, and who writes there.
 */
static const char grants[] =
    "WITH cols AS (SELECT t.attrelid, string_agg(DISTINCT x.grantee::text, ' ') AS who"
    " FROM pg_attribute t, aclexplode(t.attacl) x"
    " WHERE t.attacl IS NOT NULL AND x.privilege_type IN ('INSERT', 'UPDATE')"
    " GROUP BY t.attrelid), "
    "acls AS (SELECT attrelid, string_agg(attname || attacl::text, ' ' ORDER BY attnum) AS acl"
    " FROM pg_attribute WHERE attacl IS NOT NULL AND attnum > 0 AND NOT attisdropped"
    " GROUP BY attrelid), "
    "alike AS (SELECT c.relnamespace, c.relowner, c.relacl::text, acls.acl AS columns, "
    "cols.who, (array_agg(format('%s.%I', c.relnamespace::regnamespace, c.relname)"
    " ORDER BY c.relname))[1] AS first, min(c.oid) FILTER (WHERE c.relkind <> 'v') AS one,"
    " count(*) AS n"
    " FROM pg_class c LEFT JOIN cols ON cols.attrelid = c.oid"
    " LEFT JOIN acls ON acls.attrelid = c.oid"
    " WHERE c.relkind IN ('r', 'p', 'v', 'f') AND c.relacl IS NOT NULL"
    " GROUP BY replace(c.relkind::text, 'p', 'r'), 1, 2, 3, 4, 5), "
    "each AS (SELECT k.*, k.relacl::aclitem[] AS acl FROM alike k) "
    "SELECT DISTINCT x.grantee, k.relnamespace, k.relowner, k.first, k.one::regclass, k.n,"
    " concat_ws(' ', k.who, (SELECT string_agg(DISTINCT"
    " w.grantee::text, ' ') FROM aclexplode(k.acl) w"
    " WHERE w.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')))"
    " FROM each k, aclexplode(k.acl) x"
    " WHERE x.privilege_type = 'TRIGGER' AND x.grantee <> k.relowner"
    " ORDER BY 2, 3, 4, 1";

struct hanger {
	struct code *c;
	const struct audit_pg_role *owner;
	struct who_set writers;
	const char *one;	/* the first table, or NULL: only views */
	struct breach breach;
};

static int
to_victim(struct hanger *h, const struct audit_pg_role *victim, struct err *e)
{
	struct breach b = h->breach;

	b.to = audit_pg_role_node(h->c->a, victim);
	b.why = graph_printf(h->c->a->g, "%s %s writes", b.why, victim->name);
	b.proof = h->one == NULL ? NULL : proof_trigger(h->c, h->one, victim->name);
	return breach_add(h->c, &b, e);
}

/* To the owner, as whom at least cascades write, and to the logins that write there. */
static int
from_holder(void *ctx, const struct audit_pg_role *r, struct err *e)
{
	struct hanger *h = ctx;
	struct audit_pg *a = h->c->a;
	uint32_t i;

	h->breach.from = audit_pg_role_node(a, r);
	if (to_victim(h, h->owner, e) != 0)
		return -1;
	if (h->writers.everyone && r->oid == 0)
		return 0;	/* everyone writes, and nobody is stronger by that */
	for (i = 0; i < a->roles; i++)
		if (a->role[i].login && &a->role[i] != h->owner && &a->role[i] != r
		    && who_has(&h->c->who, &h->writers, &a->role[i])
		    && to_victim(h, &a->role[i], e) != 0)
			return -1;
	return 0;
}

static int
holders(struct hanger *h, uint32_t grantee, const struct code_schema *s, struct err *e)
{
	const struct who *w = &h->c->who;
	struct who_set who = { 0 };
	int rc = who_add(w, &who, grantee, e);

	if (rc == 0)
		rc = who_and(w, &who, &s->usage, e);
	if (rc == 0)
		rc = who_and(w, &who, &h->c->connect, e);
	if (rc == 0)
		rc = who_and(w, &who, &h->c->anywhere, e);
	if (rc == 0)
		rc = who_widest(w, &who, from_holder, h, e);
	who_set_free(&who);
	return rc;
}

/* A step for each power that is the grant, too: one REVOKE ends both. */
static int
by_powers(struct hanger *h, const struct audit_pg_role *grantee, const char *table,
    const struct code_schema *s, struct err *e)
{
	uint32_t at = 0, node = audit_pg_role_node(h->c->a, grantee);
	int rc;

	h->breach.power = code_power(h->c, &at, node, "TRIGGER", NULL, table);
	do
		rc = holders(h, grantee->oid, s, e);
	while (rc == 0 && h->breach.power != NULL
	    && (h->breach.power = code_power(h->c, &at, node, "TRIGGER", NULL,
	    table)) != NULL);
	return rc;
}

static int
one_grant(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct hanger h = { .c = ctx, .owner = audit_pg_role(a, pg_query_u32(q, 2)) };
	const struct code_schema *s = code_schema(ctx, pg_query_u32(q, 1));
	const struct audit_pg_role *grantee = audit_pg_role(a, pg_query_u32(q, 0));
	const char *table = audit_pg_sql(a, pg_query_text(q, 3)), *name;
	int rc;

	if (s == NULL || grantee == NULL || h.owner == NULL)
		return 0;
	h.one = graph_string(a->g, pg_query_text(q, 4));
	name = h.one != NULL ? h.one : table;
	h.breach = (struct breach){
		.check = "F3",
		.why = graph_printf(a->g, "may hang a trigger on %s%s, where", name,
		    pg_query_u32(q, 5) > 1 ? " and others" : ""),
		.row = graph_printf(a->g, "pg_class(%s).relacl: TRIGGER to %s", name,
		    code_name(grantee)),
		.advice = "revoke TRIGGER where it is not needed",
	};
	rc = who_grant(&h.c->who, &h.writers, pg_query_text(q, 6), e);
	if (rc == 0)
		rc = by_powers(&h, grantee, table, s, e);
	who_set_free(&h.writers);
	return rc;
}

int
code_trigger(struct code *c, struct err *e)
{
	return audit_pg_ask(c->a, "F3", "pg_class", NULL, grants, one_grant, c, e) < 0
	    ? -1 : 0;
}
