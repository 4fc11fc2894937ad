/*
 * F2: code of a weak owner that stronger sessions run: whoever owns a function can replace
 * it, and then it runs as whoever writes to the table, or reads the view, that uses it.
 *
 * A table's owner can always hang code of its own on it: no other owner of a function mends
 * that, so for its own functions there is only advice.
 */
#include "audit/pg_code.h"

#include <stdlib.h>
#include <string.h>

/*
 * Functions of weak owners, what uses them (by themselves, or through an operator, an
 * operator class or an aggregate), the table behind that, and who has what reaches it.
 */
static const char reached[] =
    "WITH weak AS MATERIALIZED ("
    " SELECT p.oid, p.proowner, p.prosecdef FROM pg_proc p"
    " JOIN pg_roles r ON r.oid = p.proowner WHERE NOT r.rolsuper), "
    "uses(fn, classid, objid) AS ("
    " SELECT w.oid, d.classid, d.objid FROM weak w"
    " JOIN pg_depend d ON d.refclassid = 'pg_proc'::regclass AND d.refobjid = w.oid"
    " UNION SELECT w.oid, d.classid, d.objid FROM weak w"
    " JOIN pg_operator o ON w.oid IN (o.oprcode, o.oprrest, o.oprjoin)"
    " JOIN pg_depend d ON d.refclassid = 'pg_operator'::regclass AND d.refobjid = o.oid"
    " UNION SELECT w.oid, d.classid, d.objid FROM weak w"
    " JOIN pg_amproc m ON m.amproc = w.oid JOIN pg_opclass k ON k.opcfamily = m.amprocfamily"
    " JOIN pg_depend d ON d.refclassid = 'pg_opclass'::regclass AND d.refobjid = k.oid"
    " UNION SELECT w.oid, d.classid, d.objid FROM weak w"
    " JOIN pg_aggregate g ON w.oid IN (g.aggtransfn, g.aggfinalfn, g.aggcombinefn)"
    " JOIN pg_depend d ON d.refclassid = 'pg_proc'::regclass AND d.refobjid = g.aggfnoid), "
    "code(fn, rel, privs, what, spares_owner) AS ("
    " SELECT u.fn, t.tgrelid, array_remove(ARRAY["
    "  CASE WHEN t.tgtype & 4 <> 0 THEN 'INSERT' END,"
    "  CASE WHEN t.tgtype & 8 <> 0 THEN 'DELETE' END,"
    "  CASE WHEN t.tgtype & 16 <> 0 THEN 'UPDATE' END,"
    "  CASE WHEN t.tgtype & 32 <> 0 THEN 'TRUNCATE' END], NULL), 'trigger ' || t.tgname, false"
    " FROM uses u JOIN pg_trigger t ON u.classid = 'pg_trigger'::regclass AND t.oid = u.objid"
    " WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'"
    " UNION ALL SELECT u.fn, p.polrelid, CASE p.polcmd WHEN 'r' THEN ARRAY['SELECT']"
    "  WHEN 'a' THEN ARRAY['INSERT'] WHEN 'w' THEN ARRAY['UPDATE'] WHEN 'd' THEN"
    "  ARRAY['DELETE'] ELSE ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'] END,"
    "  'policy ' || p.polname, NOT c.relforcerowsecurity"
    " FROM uses u JOIN pg_policy p ON u.classid = 'pg_policy'::regclass AND p.oid = u.objid"
    " JOIN pg_class c ON c.oid = p.polrelid WHERE c.relrowsecurity"
    " UNION ALL SELECT u.fn, d.adrelid, CASE WHEN t.attgenerated = '' THEN ARRAY['INSERT']"
    "  ELSE ARRAY['INSERT', 'UPDATE'] END, 'default of ' || t.attname, false"
    " FROM uses u JOIN pg_attrdef d ON u.classid = 'pg_attrdef'::regclass AND d.oid = u.objid"
    " JOIN pg_attribute t ON t.attrelid = d.adrelid AND t.attnum = d.adnum"
    " UNION ALL SELECT u.fn, i.indrelid, ARRAY['INSERT', 'UPDATE'], 'index ' || c.relname,"
    "  false FROM uses u JOIN pg_index i ON u.classid = 'pg_class'::regclass"
    " AND i.indexrelid = u.objid JOIN pg_class c ON c.oid = u.objid"
    /* the key of a partitioned table; up to 14 a generated column */
    " UNION ALL SELECT u.fn, c.oid, ARRAY['INSERT', 'UPDATE'], 'an expression', false"
    " FROM uses u JOIN pg_class c ON u.classid = 'pg_class'::regclass AND c.oid = u.objid"
    " WHERE c.relkind IN ('r', 'p')"
    " UNION ALL SELECT u.fn, k.conrelid, ARRAY['INSERT', 'UPDATE'],"
    "  'constraint ' || k.conname, false FROM uses u JOIN pg_constraint k"
    " ON u.classid = 'pg_constraint'::regclass AND k.oid = u.objid WHERE k.conrelid <> 0"
    " UNION ALL SELECT u.fn, t.attrelid, ARRAY['INSERT', 'UPDATE'],"
    "  'constraint ' || k.conname || ' of domain ' || format_type(k.contypid, NULL), false"
    " FROM uses u JOIN pg_constraint k ON u.classid = 'pg_constraint'::regclass"
    " AND k.oid = u.objid JOIN pg_attribute t ON t.atttypid = k.contypid"
    " WHERE k.contypid <> 0"
    " UNION ALL SELECT u.fn, r.ev_class, CASE r.ev_type"
    "  WHEN '1' THEN ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']"
    "  WHEN '2' THEN ARRAY['UPDATE'] WHEN '3' THEN ARRAY['INSERT'] ELSE ARRAY['DELETE'] END,"
    "  CASE WHEN r.ev_type = '1' THEN 'query' ELSE 'rule ' || r.rulename END, false"
    " FROM uses u JOIN pg_rewrite r ON u.classid = 'pg_rewrite'::regclass AND r.oid = u.objid"
    " UNION ALL SELECT u.fn, t.attrelid, ARRAY['SELECT', 'INSERT', 'UPDATE'], 'cast of '"
    "  || format_type(k.castsource, NULL) || ' to ' || format_type(k.casttarget, NULL), false"
    " FROM uses u JOIN pg_cast k ON u.classid = 'pg_cast'::regclass AND k.oid = u.objid"
    " JOIN pg_attribute t ON t.atttypid IN (k.castsource, k.casttarget)"
    " AND t.atttypid >= 16384), "
    "reached AS ("
    " SELECT w.oid AS fn, w.proowner, w.prosecdef, c.oid AS rel, c.relowner, k.what,"
    "  k.spares_owner, array_to_string(array("
    "  SELECT x.grantee FROM aclexplode(c.relacl) x WHERE x.privilege_type = ANY (k.privs)"
    "  UNION SELECT x.grantee FROM pg_attribute t, aclexplode(t.attacl) x"
    "  WHERE t.attrelid = c.oid AND x.privilege_type = ANY (k.privs) ORDER BY 1), ' ') AS who"
    " FROM code k JOIN weak w ON w.oid = k.fn JOIN pg_class c ON c.oid = k.rel"
    " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')) "
    "SELECT r.proowner, r.fn::regprocedure, (array_agg(r.rel::regclass ORDER BY r.rel))[1],"
    " r.relowner, (array_agg(r.what ORDER BY r.rel))[1], r.who, r.prosecdef,"
    " min(r.relowner::bigint) OVER f = max(r.relowner::bigint) OVER f,"
    " bool_and(r.spares_owner)"
    " FROM reached r GROUP BY r.fn, r.proowner, r.prosecdef, r.relowner, r.who"
    " WINDOW f AS (PARTITION BY r.fn) ORDER BY r.fn, r.relowner, r.who";

/* Event triggers run in the sessions of superusers, too. */
static const char events[] =
    "SELECT p.proowner, p.oid::regprocedure, t.evtname, t.evtevent, t.evtowner"
    " FROM pg_event_trigger t JOIN pg_proc p ON p.oid = t.evtfoid"
    " WHERE t.evtenabled <> 'D' ORDER BY t.evtname";

struct hijacks {
	struct code *c;
	uint8_t **told;		/* by owner: NULL, or by role whether it was told */
};

struct hijack {
	struct code *c;
	uint8_t **told;
	const struct audit_pg_role *owner, *table_owner;
	const char *function;	/* as regprocedure writes it */
	const char *relation;
	struct breach breach;	/* all but to */
};

static int
reaches(struct hijack *h, const struct audit_pg_role *victim, struct err *e)
{
	struct breach b = h->breach;

	b.to = audit_pg_role_node(h->c->a, victim);
	b.why = graph_printf(h->c->a->g, "%s, in sessions of %s", b.why, victim->name);
	b.proof = proof_replaced(h->c, h->function, h->relation, victim->name);
	return breach_add(h->c, &b, e);
}

/* On its own tables an owner has each victim once: any of its functions will do. */
static int
reaches_once(struct hijack *h, const struct audit_pg_role *victim, struct err *e)
{
	const struct audit_pg *a = h->c->a;
	uint8_t **told = &h->told[h->owner - a->role];

	if (*told == NULL && (*told = calloc(a->roles, 1)) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	if ((*told)[victim - a->role])
		return 0;
	(*told)[victim - a->role] = 1;
	return reaches(h, victim, e);
}

/* The sessions that have the right: those of logins.  PUBLIC has it: of all of them. */
static int
sessions(struct hijack *h, const char *grantees, struct err *e)
{
	struct audit_pg *a = h->c->a;
	struct who_set who = { 0 };
	uint32_t i;
	int rc = who_grant(&h->c->who, &who, grantees, e);

	for (i = 0; rc == 0 && i < a->roles; i++) {
		const struct audit_pg_role *r = &a->role[i];

		if (r->login && r != h->table_owner && who_has(&h->c->who, &who, r))
			rc = (h->owner == h->table_owner ? reaches_once : reaches)(h, r, e);
	}
	who_set_free(&who);
	return rc;
}

/* To whom the function should belong: its table's owner, unless tables differ in that. */
static void
give_away(struct hijack *h, uint32_t to, int definer)
{
	struct audit_pg *a = h->c->a;
	const char *function = audit_pg_template(a, h->function);
	const struct audit_pg_role *r = audit_pg_role(a, to);

	if (h->owner == h->table_owner) {
		h->breach.advice = graph_printf(a->g,
		    "who can do more than %s should not use %s, which it owns", h->owner->name,
		    h->relation);
		return;
	}
	if (r == NULL || r == h->owner || definer) {
		h->breach.advice = graph_printf(a->g,
		    "give %s to an owner as strong as those who use it, or use it no more",
		    h->function);
		return;
	}
	h->breach.fix = graph_printf(a->g, "ALTER ROUTINE %s OWNER TO %s", function, r->sql);
	h->breach.undo = graph_printf(a->g, "%%{once}ALTER ROUTINE %s OWNER TO %s", function,
	    h->owner->sql);
}

static int
one_use(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	const struct hijacks *all = ctx;
	struct hijack h = { .c = all->c, .told = all->told };
	int one_owner = pg_query_true(q, 7);

	h.owner = audit_pg_role(a, pg_query_u32(q, 0));
	h.table_owner = audit_pg_role(a, pg_query_u32(q, 3));
	if (h.owner == NULL || h.table_owner == NULL)
		return 0;
	h.function = graph_string(a->g, pg_query_text(q, 1));
	h.relation = graph_string(a->g, pg_query_text(q, 2));
	h.breach = (struct breach){
		.check = "F2", .from = audit_pg_role_node(a, h.owner),
		.why = graph_printf(a->g, "owns %s, the code of %s on %s", h.function,
		    pg_query_text(q, 4), h.relation),
		.row = graph_printf(a->g, "pg_proc(%s): owner %s; %s of %s", h.function,
		    h.owner->name, pg_query_text(q, 4), h.relation),
	};
	give_away(&h, one_owner ? h.table_owner->oid : PG_BOOTSTRAP_OID,
	    pg_query_true(q, 6) && !one_owner);
	if (h.owner != h.table_owner && !pg_query_true(q, 8)
	    && reaches(&h, h.table_owner, e) != 0)
		return -1;
	return sessions(&h, pg_query_text(q, 5), e);
}

static int
one_event(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	const struct hijacks *all = ctx;
	struct hijack h = { .c = all->c };
	const struct audit_pg_role *super = audit_pg_role(a, PG_BOOTSTRAP_OID);

	h.owner = audit_pg_role(a, pg_query_u32(q, 0));
	if (h.owner == NULL || h.owner->super || super == NULL)
		return 0;
	h.function = graph_string(a->g, pg_query_text(q, 1));
	h.breach = (struct breach){
		.check = "F2", .from = audit_pg_role_node(a, h.owner),
		.why = graph_printf(a->g, "owns %s, the code of event trigger %s",
		    h.function, pg_query_text(q, 2)),
		.row = graph_printf(a->g, "pg_event_trigger(%s): %s; pg_proc(%s): owner %s",
		    pg_query_text(q, 2), pg_query_text(q, 3), h.function, h.owner->name),
	};
	give_away(&h, pg_query_u32(q, 4), 0);
	return reaches(&h, super, e);
}

int
code_hijack(struct code *c, struct err *e)
{
	struct hijacks h = { .c = c,
		.told = calloc((size_t)c->a->roles + 1, sizeof(*h.told)) };
	uint32_t i;
	int rc;

	if (h.told == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	rc = audit_pg_ask(c->a, "F2", "what uses functions", NULL, reached, one_use, &h, e);
	if (rc >= 0)
		rc = audit_pg_ask(c->a, "F2", "pg_event_trigger", NULL, events, one_event,
		    &h, e);
	for (i = 0; i < c->a->roles; i++)
		free(h.told[i]);
	free(h.told);
	return rc < 0 ? -1 : 0;
}
