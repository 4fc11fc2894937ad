/*
 * Owners and grants of one set of objects: what the owner and each grantee could do, and the
 * SQL that takes it away.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/acl.h"
#include "audit/pg_private.h"

#define ON(x) (1u << PG_##x)

/*
 * What is not here leads nowhere by itself: USAGE and CONNECT are gates, EXECUTE of what may
 * do harm is the business of pg_code.c.  LOCK TABLE is allowed to whom may UPDATE, DELETE or
 * TRUNCATE, and needs neither a column's name nor SELECT.
 */
static const struct audit_pg_right rights[] = {
	{ ON(RELATION), ACL_SELECT, SINK_READ_ALL, SEVERITY_MEDIUM, "A1",
	    "SELECT count(*) FROM (SELECT FROM %o LIMIT 1) AS one" },
	{ ON(CATALOG), ACL_SELECT, SINK_SECRETS, SEVERITY_HIGH, "A1",
	    "SELECT count(*) FROM (SELECT FROM %o LIMIT 1) AS one" },	/* see priv_of */
	{ ON(RELATION), ACL_INSERT, SINK_WRITE, SEVERITY_HIGH, "A1",
	    "INSERT INTO %o SELECT WHERE false" },
	{ ON(RELATION), ACL_UPDATE, SINK_WRITE, SEVERITY_HIGH, "A1",
	    "LOCK TABLE %o IN ROW EXCLUSIVE MODE" },
	{ ON(RELATION), ACL_DELETE, SINK_WRITE, SEVERITY_HIGH, "A1", "DELETE FROM %o" },
	{ ON(RELATION), ACL_TRUNCATE, SINK_DROP, SEVERITY_HIGH, "A1", "TRUNCATE %o" },
	{ ON(RELATION), ACL_REFERENCES, SINK_WRITE, SEVERITY_MEDIUM, "A1", NULL },
	{ ON(RELATION), ACL_TRIGGER, SINK_WRITE, SEVERITY_HIGH, "A1",
	    "CREATE TRIGGER bulkhead_proof BEFORE INSERT ON %o FOR EACH ROW "
	    "EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()" },
	{ ON(RELATION), ACL_MAINTAIN, SINK_DROP, SEVERITY_MEDIUM, "A1",
	    "LOCK TABLE %o IN ACCESS EXCLUSIVE MODE" },
	{ ON(SEQUENCE), ACL_SELECT, SINK_READ_ALL, SEVERITY_LOW, "A1",
	    "SELECT last_value FROM %o" },
	{ ON(SEQUENCE), ACL_UPDATE, SINK_WRITE, SEVERITY_HIGH, "A4",
	    "SELECT pg_catalog.setval($bulkhead$%o$bulkhead$, 1)" },
	{ ON(SEQUENCE), ACL_USAGE, SINK_WRITE, SEVERITY_LOW, "A4",
	    "SELECT pg_catalog.nextval($bulkhead$%o$bulkhead$)" },
	{ ON(SCHEMA), ACL_CREATE, SINK_WRITE, SEVERITY_HIGH, "A1",
	    "CREATE TABLE %o.bulkhead_proof ()" },
	{ ON(DATABASE), ACL_CREATE, SINK_WRITE, SEVERITY_HIGH, "A1",
	    "CREATE SCHEMA bulkhead_proof" },
	{ ON(LARGE_OBJECT), ACL_SELECT, SINK_READ_ALL, SEVERITY_MEDIUM, "A1",
	    "SELECT pg_catalog.lo_get(%o)" },
	{ ON(LARGE_OBJECT), ACL_UPDATE, SINK_WRITE, SEVERITY_HIGH, "A4",
	    "SELECT pg_catalog.lo_put(%o, 0, '')" },
	{ ON(ROUTINE), ACL_EXECUTE, SINK_NONE, SEVERITY_LOW, "A1", NULL },
	{ ON(TABLESPACE), ACL_CREATE, SINK_WRITE, SEVERITY_MEDIUM, "A1",
	    "CREATE TEMP TABLE bulkhead_proof () TABLESPACE %o" },
};

const struct audit_pg_right *
audit_pg_right(enum audit_pg_class class, uint32_t right)
{
	size_t i;

	for (i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
		if ((rights[i].classes & 1u << class) && rights[i].right == right)
			return &rights[i];
	return NULL;
}

/* ---- ACLs ------------------------------------------------------------------- */

int
audit_pg_items(struct audit_pg *a, const char *text, struct audit_pg_items *out,
    struct err *e)
{
	struct audit_pg_item *it;
	struct acl acl;
	size_t i;

	memset(out, 0, sizeof(*out));
	if (acl_parse(text, &acl, e) != 0) {
		if (e->kind == ERR_SYSTEM)
			return -1;
		graph_unknown(a->g, "A1", "an access control list", e->msg, NULL);
		err_clear(e);
		return 0;
	}
	if ((out->item = calloc(acl.n + 1, sizeof(*out->item))) == NULL) {
		acl_free(&acl);
		return err_set(e, ERR_SYSTEM, "out of memory");
	}
	for (i = 0; i < acl.n; i++) {
		it = &out->item[out->n];
		it->to = audit_pg_role_named(a, acl.item[i].grantee);
		it->by = audit_pg_role_named(a, acl.item[i].grantor);
		it->rights = acl.item[i].rights;
		it->options = acl.item[i].options;
		if (it->to == NULL || it->by == NULL)
			graph_unknown(a->g, "A1", graph_printf(a->g, "a grant to %s by %s",
			    acl.item[i].grantee, acl.item[i].grantor),
			    "the role was made while we read", NULL);
		else
			out->n++;
	}
	acl_free(&acl);
	return 0;
}

void
audit_pg_items_free(struct audit_pg_items *items)
{
	free(items->item);
	items->item = NULL;
	items->n = 0;
}

/* ---- powers ------------------------------------------------------------------------ */

/* One set of objects under work. */
struct work {
	struct audit_pg *a;
	const struct audit_pg_object *o;
	const struct audit_pg_role *owner;
	struct graph_set *set;
	struct audit_pg_acl acl;
};

/*
 * What a policy calls it: SELECT of secrets is none of the SELECTs that a class may do, and
 * to call what does no harm is as good as USAGE.
 */
static const char *
priv_of(const struct work *w, uint32_t right)
{
	if (w->o->kind->class == PG_ROUTINE)
		return "USAGE";
	return w->o->kind->class == PG_CATALOG ? "pg_read_all_data" : acl_right_name(right);
}

static const char *
place(const struct work *w)
{
	const struct audit_pg_object *o = w->o;

	if (o->kind->class == PG_SCHEMA || o->kind->class == PG_DATABASE)
		return graph_printf(w->a->g, "%s %s", o->kind->name, o->name);
	if (o->schema[0] != '\0')
		return graph_printf(w->a->g, "%s of schema %s", o->kind->many, o->schema);
	return o->kind->many;
}

/* What a power has in common with the others of its set. */
static struct graph_power
power_of(const struct work *w, const struct audit_pg_role *from, const char *check)
{
	struct graph_power p = { .from = audit_pg_role_node(w->a, from), .needs = STEP_USE,
		.gate = { w->o->gate[0], w->o->gate[1] }, .set = w->set,
		.check = check_find(check) };

	return p;
}

/*
 * How an account gets a right of this set, or on that column, as its own; what shows secrets is
 * given to nobody.
 */
static const struct graph_gift *
gift_of(const struct work *w, const char *right, const struct audit_pg_grant *on)
{
	struct graph *g = w->a->g;
	const char *column = on != NULL ? on->column : NULL;
	int literal = column != NULL || w->o->kind->class == PG_ROUTINE;
	const char *what = column == NULL ? right : graph_printf(g, "%s (%s)", right, column);
	struct graph_gift gift = { .part = column != NULL ? on->column_name :
		literal ? right : NULL };

	if (w->o->kind->grant == NULL || w->o->kind->class == PG_CATALOG)
		return NULL;
	gift.give = graph_printf(g, "GRANT %s ON %s %%o TO %%a", literal ? what : "%g",
	    w->o->kind->grant);
	gift.ungive = graph_printf(g, "REVOKE %s ON %s %%o FROM %%a", literal ? what : "%g",
	    w->o->kind->grant);
	return graph_gift(g, &gift);
}

/* The same for a column. */
static const char *
column_proof(struct graph *g, uint32_t right, const char *column)
{
	switch (right) {
	case ACL_SELECT:
		return graph_printf(g, "SELECT count(*) FROM (SELECT %s FROM %%o LIMIT 1) AS one",
		    column);
	case ACL_INSERT:
		return graph_printf(g, "INSERT INTO %%o (%s) SELECT NULL WHERE false", column);
	case ACL_UPDATE:
		return graph_printf(g, "UPDATE %%o SET %s = NULL WHERE false", column);
	}
	return NULL;
}

/* The right to grant it on. */
static void
add_option(struct work *w, size_t at, const struct audit_pg_right *r, struct graph_power *p,
    struct graph_basis *b)
{
	const struct audit_pg_grant *x = &w->acl.grant[at];
	const char *name = acl_right_name(r->right);
	struct graph *g = w->a->g;

	b->why = graph_printf(g, "may grant %s on %s", name, place(w));
	b->gift = NULL;
	b->proof = x->column != NULL
	    ? graph_printf(g, "GRANT %s (%s) ON %%o TO PUBLIC", name, x->column)
	    : graph_printf(g, "GRANT %s ON %s %%o TO PUBLIC", name, w->o->kind->grant);
	audit_pg_revoke(&w->acl, at, r->right, 1, b);
	p->check = check_find("A1");
	p->severity = SEVERITY_HIGH;
	p->priv = "GRANT";
	p->act = graph_printf(g, "GRANT %s to others", name);
	p->basis = graph_basis(g, b);
	graph_power(g, p);
}

/*
 * A grantee's right, and the right to grant it on.  PUBLIC's are A2: every account has
 * them, the next one to be made, too.
 */
static void
add_right(struct work *w, size_t at, const struct audit_pg_right *r)
{
	const struct audit_pg_grant *x = &w->acl.grant[at];
	struct graph *g = w->a->g;
	const char *name = acl_right_name(r->right), *column = x->column_name;
	const char *check = x->to->oid == 0 ? "A2"
	    : column != NULL && r->sink == SINK_WRITE ? "A4" : r->check;
	struct graph_power p = power_of(w, x->to, check);
	struct graph_basis b = { .gift = gift_of(w, name, x), .proof = column == NULL ? r->proof :
		column_proof(g, r->right, x->column) };

	b.why = graph_printf(g, "%s%s%s%s%s on %s", x->to->oid == 0 ? "PUBLIC has " : "granted ",
	    name, column != NULL ? " (" : "", column != NULL ? column : "",
	    column != NULL ? ")" : "", place(w));
	b.row = graph_printf(g, "%s.%s: %s to %s by %s", column != NULL ? "pg_attribute" :
	    w->o->kind->catalog, column != NULL ? "attacl" : w->o->kind->acl, name,
	    x->to->oid == 0 ? "PUBLIC" : x->to->name, x->by->name);
	p.sink = r->sink;
	p.severity = r->severity;
	p.priv = priv_of(w, r->right);
	p.act = name;
	if (r->sink != SINK_NONE)
		audit_pg_revoke(&w->acl, at, r->right, 0, &b);
	p.basis = graph_basis(g, &b);
	graph_power(g, &p);
	if (r->sink != SINK_NONE && (x->options & r->right))
		add_option(w, at, r, &p, &b);
}

/* CONNECT and USAGE open the gates to what lies within. */
static void
pass_gate(const struct work *w, const struct audit_pg_role *r, uint32_t held)
{
	if (w->o->kind->class == PG_DATABASE && (held & ACL_CONNECT))
		graph_pass(w->a->g, r->node, w->o->gate[0]);
	if (w->o->kind->class == PG_SCHEMA && (held & ACL_USAGE))
		graph_pass(w->a->g, audit_pg_role_node(w->a, r), w->o->gate[1]);
}

static void
add_grants(struct work *w)
{
	const struct audit_pg_right *r;
	const struct audit_pg_grant *x;
	size_t i;
	uint32_t right;

	for (i = 0; i < w->acl.n; i++) {
		x = &w->acl.grant[i];
		if (x->to == w->owner)
			continue;
		pass_gate(w, x->to, x->rights);
		for (right = 1; right < UINT32_C(1) << ACL_RIGHTS; right <<= 1)
			if ((x->rights & right)
			    && (r = audit_pg_right(w->o->kind->class, right)) != NULL)
				add_right(w, i, r);
	}
}

/* An heir who held a grant option hands it back with the rest, and an owner needs none. */
static int
may_leave_options(const struct work *w)
{
	uint32_t owners = 0, others = 0;
	size_t i;

	for (i = 0; i < w->acl.n; i++)
		if (w->acl.grant[i].column == NULL)
			*(w->acl.grant[i].to == w->owner ? &owners : &others) |=
			    w->acl.grant[i].options;
	return w->o->kind->grant != NULL && owners == 0 && others != 0;
}

static void
fix_owner(struct work *w, struct graph_basis *basis)
{
	const struct audit_pg_kind *k = w->o->kind;
	struct buf fix = BUF_INIT, undo = BUF_INIT;

	if (k->alter == NULL) {
		basis->advice = graph_printf(w->a->g, "the owner of %s cannot be changed: DROP and "
		    "make them again as another role", k->many);
		return;
	}
	buf_fmt(&fix, "ALTER %s %%o OWNER TO %%n", k->alter);
	if (k->grant != NULL) {
		buf_fmt(&fix, ";\nGRANT %%g ON %s %%o TO %s", k->grant, w->owner->sql);
		if (k->class == PG_RELATION)
			buf_fmt(&fix, ";\nGRANT USAGE, SELECT ON SEQUENCE %%f TO %s", w->owner->sql);
		buf_fmt(&undo, "REVOKE ALL ON %s %%o FROM %s;\n", k->grant, w->owner->sql);
	}
	buf_fmt(&undo, "ALTER %s %%o OWNER TO %s", k->alter, w->owner->sql);
	if (may_leave_options(w))
		buf_fmt(&undo, ";\n%%{n}REVOKE GRANT OPTION FOR ALL ON %s %%o FROM %s", k->grant,
		    w->owner->sql);
	if (k->grant != NULL)
		audit_pg_restore(&w->acl, &undo);
	basis->fix = audit_pg_take(w->a, &fix);
	basis->undo = audit_pg_take(w->a, &undo);
}

/* What is in no database is not among what DROP OWNED drops. */
static const char *
owner_proof(struct work *w)
{
	const struct audit_pg_kind *k = w->o->kind;

	if (k->proof == NULL || k->class == PG_DATABASE || k->class == PG_TABLESPACE)
		return k->proof;
	return graph_printf(w->a->g, "%s\nELSE\nDROP OWNED BY %s CASCADE", k->proof, w->owner->sql);
}

/*
 * What is left of an owner's own ordinary rights counts, too, so that a fix does not take
 * from members what their class needs.  A sequence whose owner follows a table's is used
 * with that: no finding of its own.
 */
static void
add_ordinary(struct work *w, const struct graph_basis *owner)
{
	static const uint32_t ordinary[] = { ACL_SELECT, ACL_INSERT, ACL_UPDATE, ACL_DELETE,
		ACL_USAGE, ACL_EXECUTE };
	const struct audit_pg_right *r;
	struct graph_power p = power_of(w, w->owner, "O1");
	struct graph_basis b = *owner;
	uint32_t held = 0;
	size_t i;

	for (i = 0; i < w->acl.n; i++)
		if (w->acl.grant[i].to == w->owner && w->acl.grant[i].column == NULL)
			held |= w->acl.grant[i].rights;
	pass_gate(w, w->owner, held);
	for (i = 0; i < sizeof(ordinary) / sizeof(ordinary[0]); i++) {
		r = audit_pg_right(w->o->kind->class, ordinary[i]);
		if (!(held & ordinary[i]) || r == NULL)
			continue;
		p.sink = w->o->owned ? r->sink : SINK_NONE;
		p.severity = r->severity;
		p.act = acl_right_name(ordinary[i]);
		p.priv = priv_of(w, ordinary[i]);
		b.proof = r->proof;
		b.gift = gift_of(w, p.act, NULL);
		if (p.sink == SINK_NONE)
			b.fix = b.undo = NULL;
		p.basis = graph_basis(w->a->g, &b);
		graph_power(w->a->g, &p);
	}
}

/* To drop is the worst; DROP OWNED asks for no USAGE on the schema, so it has no such gate. */
static void
add_owner(struct work *w)
{
	const struct audit_pg_kind *k = w->o->kind;
	struct graph_power p = power_of(w, w->owner, "O1");
	struct graph_basis b = { .why = graph_printf(w->a->g, "owns %s", place(w)),
		.row = graph_printf(w->a->g, "%s.%s: %s", k->catalog, k->owner, w->owner->name),
		.proof = owner_proof(w) };

	if (w->o->owned) {
		fix_owner(w, &b);
		p.gate[1] = GRAPH_NO_GATE;
		if (k->class == PG_DATABASE)
			p.gate[0] = GRAPH_NO_GATE;
		p.sink = SINK_DROP;
		p.severity = k->severity;
		p.priv = "OWNER";
		p.act = k->act;
		p.basis = graph_basis(w->a->g, &b);
		graph_power(w->a->g, &p);
	}
	add_ordinary(w, &b);
}

/* What can be done to it without a grant. */
static void
add_implied(struct work *w)
{
	const struct audit_pg_kind *k = w->o->kind;
	struct graph_power p = power_of(w, w->owner, "A1");
	struct graph_basis b = { .why = "no grant needed", .row = "rolsuper, or a predefined role" };
	const struct audit_pg_right *r;
	uint32_t i, right;

	if (k->class != PG_RELATION && k->class != PG_SEQUENCE && k->class != PG_ROUTINE)
		return;
	p.sink = SINK_NONE;
	for (i = 0; i < w->a->implieds; i++)
		for (right = 1; right < UINT32_C(1) << ACL_RIGHTS; right <<= 1) {
			r = audit_pg_right(k->class, right);
			if (!(w->a->implied[i].rights & right) || r == NULL)
				continue;
			p.from = w->a->implied[i].node;
			p.severity = r->severity;
			p.act = acl_right_name(right);
			p.priv = priv_of(w, right);
			b.gift = gift_of(w, p.act, NULL);
			p.basis = graph_basis(w->a->g, &b);
			graph_power(w->a->g, &p);
		}
}

static int
read_columns(struct work *w, struct err *e)
{
	char **part;
	int i, n, rc = 0;

	if ((n = acl_array(w->o->columns, &part, e)) < 0)
		return -1;
	for (i = 0; rc == 0 && i + 1 < n; i += 2)
		rc = audit_pg_acl_add(&w->acl, part[i + 1], part[i], e);
	free(part);
	return rc;
}

static int
add_powers(struct work *w, struct err *e)
{
	const struct audit_pg_object *o = w->o;
	int rc = 0;

	if (o->acl != NULL)
		rc = audit_pg_acl_add(&w->acl, o->acl, NULL, e);
	if (rc == 0 && o->columns != NULL)
		rc = read_columns(w, e);
	if (rc == 0) {
		audit_pg_acl_order(&w->acl);
		add_owner(w);
		add_implied(w);
		if (o->kind->grant != NULL)
			add_grants(w);
	}
	audit_pg_acl_free(&w->acl);
	return rc;
}

/* The sequences of serial columns change hands with the table. */
static int
add_followers(struct work *w, struct err *e)
{
	char **name;
	int i, n;

	if ((n = acl_array(w->o->sequences, &name, e)) < 0)
		return -1;
	for (i = 0; i < n; i++)
		graph_set_follow(w->a->g, w->set, audit_pg_sql(w->a, name[i]));
	free(name);
	return 0;
}

int
audit_pg_add(struct audit_pg *a, const struct audit_pg_object *o, struct err *e)
{
	struct work w = { .a = a, .o = o, .owner = audit_pg_role(a, o->owner) };
	int single = o->kind->class == PG_SCHEMA || o->kind->class == PG_DATABASE;
	struct buf key = BUF_INIT;
	int rc = 0;

	if (w.owner == NULL) {
		graph_unknown(a->g, "O1", o->name, "its owner was made while we read", NULL);
		return 0;
	}
	buf_fmt(&key, "%s\1%d\1%" PRIu32 "\1%d\1%s\1%s\1%s\1%s\1%s", o->kind->name,
	    (int)o->kind->class, o->owner, o->owned, o->db, single ? o->name : "", o->schema,
	    o->acl != NULL ? o->acl : "", o->columns != NULL ? o->columns : "");
	if (buf_check(&key, e) != 0)
		return -1;
	w.set = graph_set(a->g, buf_cstr(&key), o->kind->name, o->db, o->schema);
	buf_free(&key);
	if (w.set->n == 0) {
		w.acl = (struct audit_pg_acl){ .a = a, .owner = w.owner,
			.schema = o->kind->class == PG_SCHEMA || o->schema[0] == '\0' ? NULL : o->schema,
			.on = graph_printf(a->g, "%s %%o", o->kind->grant != NULL ? o->kind->grant : "") };
		rc = add_powers(&w, e);
	}
	graph_set_add(a->g, w.set, audit_pg_sql(a, o->name));
	return rc == 0 && o->sequences != NULL ? add_followers(&w, e) : rc;
}
