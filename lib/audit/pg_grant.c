/*
 * Owners and grants of one set of objects: what the owner and each grantee could do, the
 * SQL that takes it away, and the SQL that brings the very same grants back.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/acl.h"
#include "audit/pg_private.h"

#define ON(x) (1u << PG_##x)

/*
 * What is not here leads nowhere by itself: USAGE and CONNECT are gates, EXECUTE of what may
 * do harm is the business of pg_code.c.  LOCK TABLE is allowed to whom may UPDATE, DELETE or TRUNCATE, and
 * needs neither a column's name nor SELECT.
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

/* ---- the SQL of grants ---------------------------------------------------------- */

/* One set of objects under work. */
struct work {
	struct audit_pg *a;
	const struct audit_pg_object *o;
	const struct audit_pg_role *owner;
	struct graph_set *set;
	struct audit_pg_items items;
	const char *column;	/* of a column's grants, as a template wants it; NULL */
	const char *column_name; /* the same for people */
};

/* "SELECT, UPDATE", with the column behind each. */
static void
add_rights(struct buf *b, uint32_t mask, const char *column)
{
	uint32_t right;
	int first = 1;

	for (right = 1; right < UINT32_C(1) << ACL_RIGHTS; right <<= 1)
		if (mask & right) {
			buf_fmt(b, "%s%s", first ? "" : ", ", acl_right_name(right));
			if (column != NULL)
				buf_fmt(b, " (%s)", column);
			first = 0;
		}
}

/* A grant or revoke acts as the owner's, unless another role does it. */
static void
as_grantor(struct buf *b, const struct work *w, const struct audit_pg_role *by, int begin)
{
	if (by == w->owner)
		return;
	if (begin)
		buf_fmt(b, "SET ROLE %s; ", by->sql);
	else
		buf_str(b, "; RESET ROLE");
}

static void
add_grant(struct buf *b, const struct work *w, uint32_t mask, const char *column,
    const struct audit_pg_role *to, const struct audit_pg_role *by, int option)
{
	if (mask == 0)
		return;
	if (b->len > 0)
		buf_str(b, ";\n");
	as_grantor(b, w, by, 1);
	buf_str(b, "GRANT ");
	add_rights(b, mask, column);
	buf_fmt(b, " ON %s %%o TO %s%s", w->o->kind->grant, to->sql,
	    option ? " WITH GRANT OPTION" : "");
	as_grantor(b, w, by, 0);
}

static void
add_revoke(struct buf *b, const struct work *w, uint32_t mask, const struct audit_pg_item *it,
    int option_only, int cascade)
{
	if (b->len > 0)
		buf_str(b, ";\n");
	as_grantor(b, w, it->by, 1);
	buf_str(b, option_only ? "REVOKE GRANT OPTION FOR " : "REVOKE ");
	add_rights(b, mask, w->column);
	buf_fmt(b, " ON %s %%o FROM %s%s", w->o->kind->grant, it->to->sql,
	    cascade ? " CASCADE" : "");
	as_grantor(b, w, it->by, 0);
}

/* Does somebody hold that right by a grant of the owner? */
static int
owner_granted(const struct work *w, const struct audit_pg_role *to, uint32_t right)
{
	size_t i;

	for (i = 0; i < w->items.n; i++)
		if (w->items.item[i].to == to && w->items.item[i].by == w->owner
		    && (w->items.item[i].rights & right))
			return 1;
	return 0;
}

/*
 * The grants of that right that hang on the item's grant option: their indexes into *hang,
 * which has room for all.  Returns their number.  What hangs on those in turn stays: they
 * get an option of their own.
 */
static size_t
dependents(const struct work *w, size_t item, uint32_t right, size_t *hang)
{
	const struct audit_pg_item *all = w->items.item;
	size_t n = 0, i;

	for (i = 0; (all[item].options & right) && i < w->items.n; i++)
		if (all[i].by == all[item].to && (all[i].rights & right))
			hang[n++] = i;
	return n;
}

/*
 * The grants that fall with this one belong to others, who may need them: they get them
 * from the owner first, and on undo from whom they had them.
 */
static void
fix_grant(struct work *w, size_t item, uint32_t right, int option_only,
    struct graph_basis *basis)
{
	const struct audit_pg_item *all = w->items.item, *it = &all[item];
	size_t *hang = calloc(w->items.n + 1, sizeof(*hang)), n, i;
	struct buf fix = BUF_INIT, undo = BUF_INIT;

	if (hang == NULL) {
		w->a->failed = 1;
		return;
	}
	n = dependents(w, item, right, hang);
	for (i = 0; i < n; i++)
		if (!owner_granted(w, all[hang[i]].to, right))
			add_grant(&fix, w, right, w->column, all[hang[i]].to, w->owner,
			    (all[hang[i]].options & right) != 0);
	add_revoke(&fix, w, right, it, option_only, n > 0);
	add_grant(&undo, w, right, w->column, it->to, it->by, (it->options & right) != 0);
	for (i = 0; i < n; i++)
		add_grant(&undo, w, right, w->column, all[hang[i]].to, all[hang[i]].by,
		    (all[hang[i]].options & right) != 0);
	for (i = 0; i < n; i++) {
		struct audit_pg_item own = { all[hang[i]].to, w->owner, 0, 0 };

		if (!owner_granted(w, own.to, right))
			add_revoke(&undo, w, right, &own, 0, 0);
	}
	free(hang);
	basis->fix = audit_pg_take(w->a, &fix);
	basis->undo = audit_pg_take(w->a, &undo);
}

/* A superuser acts as the owner, whatever he was when he made the grant. */
static int
cannot_act(const struct work *w, const struct audit_pg_role *by)
{
	return by != w->owner && by->super;
}

/* REVOKE on a table takes the columns' grants of the same grantor along. */
static const char *
with_columns(struct work *w, const char *undo, const struct audit_pg_item *it, uint32_t right,
    struct err *e)
{
	struct audit_pg_items items;
	struct buf b = BUF_INIT;
	char **part;
	int i, n;
	size_t k;

	if (w->o->columns == NULL || w->column != NULL)
		return undo;
	if ((n = acl_array(w->o->columns, &part, e)) < 0)
		return undo;	/* told by the caller's walk over the columns */
	buf_str(&b, undo);
	for (i = 0; i + 1 < n; i += 2) {
		if (audit_pg_items(w->a, part[i + 1], &items, e) != 0) {
			w->a->failed = 1;
			break;
		}
		for (k = 0; k < items.n; k++)
			if (items.item[k].to == it->to && items.item[k].by == it->by
			    && (items.item[k].rights & right))
				add_grant(&b, w, right, audit_pg_template(w->a, part[i]), it->to,
				    it->by, (items.item[k].options & right) != 0);
		audit_pg_items_free(&items);
	}
	free(part);
	return audit_pg_take(w->a, &b);
}

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

/* ---- powers ------------------------------------------------------------------------ */

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

/* How an account gets a right of this set as its own; what shows secrets is given to nobody. */
static const struct graph_gift *
gift_of(const struct work *w, const char *right)
{
	struct graph *g = w->a->g;
	int literal = w->column != NULL || w->o->kind->class == PG_ROUTINE;
	const char *what = w->column == NULL ? right : graph_printf(g, "%s (%s)", right, w->column);
	struct graph_gift gift = { .part = w->column == NULL && literal ? right : w->column_name };

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
column_proof(struct work *w, uint32_t right)
{
	struct graph *g = w->a->g;

	switch (right) {
	case ACL_SELECT:
		return graph_printf(g, "SELECT count(*) FROM (SELECT %s FROM %%o LIMIT 1) AS one",
		    w->column);
	case ACL_INSERT:
		return graph_printf(g, "INSERT INTO %%o (%s) SELECT NULL WHERE false", w->column);
	case ACL_UPDATE:
		return graph_printf(g, "UPDATE %%o SET %s = NULL WHERE false", w->column);
	}
	return NULL;
}

/*
 * A grantee's right, and the right to grant it on.  PUBLIC's are A2: every account has
 * them, the next one to be made, too.
 */
static void
add_right(struct work *w, size_t item, const struct audit_pg_right *r, struct err *e)
{
	const struct audit_pg_item *it = &w->items.item[item];
	struct graph *g = w->a->g;
	const char *name = acl_right_name(r->right), *at = place(w);
	const char *check = it->to->oid == 0 ? "A2"
	    : w->column != NULL && r->sink == SINK_WRITE ? "A4" : r->check;
	struct graph_power p = power_of(w, it->to, check);
	struct graph_basis b = { .gift = gift_of(w, name), .proof = w->column == NULL ? r->proof :
		column_proof(w, r->right) };

	b.why = graph_printf(g, "%s%s%s%s%s on %s", it->to->oid == 0 ? "PUBLIC has " : "granted ",
	    name, w->column != NULL ? " (" : "", w->column != NULL ? w->column_name : "",
	    w->column != NULL ? ")" : "", at);
	b.row = graph_printf(g, "%s.%s: %s to %s by %s", w->column != NULL ? "pg_attribute" :
	    w->o->kind->catalog, w->column != NULL ? "attacl" : w->o->kind->acl, name,
	    it->to->oid == 0 ? "PUBLIC" : it->to->name, it->by->name);
	p.sink = r->sink;
	p.severity = r->severity;
	p.priv = priv_of(w, r->right);
	p.act = name;
	if (r->sink == SINK_NONE) {
		p.basis = graph_basis(g, &b);
		graph_power(g, &p);
		return;
	}
	if (cannot_act(w, it->by))
		b.advice = graph_printf(g, "%s, who granted it, became a superuser, and acts as "
		    "the owner now: take that from him, REVOKE, and give it back", it->by->name);
	else
		fix_grant(w, item, r->right, 0, &b);
	if (b.undo != NULL)
		b.undo = with_columns(w, b.undo, it, r->right, e);
	p.basis = graph_basis(g, &b);
	graph_power(g, &p);
	if (!(it->options & r->right))
		return;
	b.why = graph_printf(g, "may grant %s on %s", name, at);
	b.gift = NULL;
	b.proof = w->column != NULL
	    ? graph_printf(g, "GRANT %s (%s) ON %%o TO PUBLIC", name, w->column)
	    : graph_printf(g, "GRANT %s ON %s %%o TO PUBLIC", name, w->o->kind->grant);
	if (b.fix != NULL) {
		fix_grant(w, item, r->right, 1, &b);
		b.undo = with_columns(w, b.undo, it, r->right, e);
	}
	p.check = check_find("A1");
	p.severity = SEVERITY_HIGH;
	p.priv = "GRANT";
	p.act = graph_printf(g, "GRANT %s to others", name);
	p.basis = graph_basis(g, &b);
	graph_power(g, &p);
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
add_grants(struct work *w, struct err *e)
{
	const struct audit_pg_right *r;
	struct audit_pg_item *it;
	size_t i;
	uint32_t right;

	for (i = 0; i < w->items.n; i++) {
		it = &w->items.item[i];
		if (it->to == w->owner)
			continue;
		pass_gate(w, it->to, it->rights);
		for (right = 1; right < UINT32_C(1) << ACL_RIGHTS; right <<= 1)
			if ((it->rights & right)
			    && (r = audit_pg_right(w->o->kind->class, right)) != NULL)
				add_right(w, i, r, e);
	}
}

/* All grants as they are, the owner's first: an heir may have held some himself. */
static void
restore_grants(struct work *w, struct buf *b)
{
	const struct audit_pg_item *it;
	size_t i;
	int by_owner;

	for (by_owner = 1; by_owner >= 0; by_owner--)
		for (i = 0; i < w->items.n; i++) {
			it = &w->items.item[i];
			if (it->to == w->owner || (it->by == w->owner) != by_owner
			    || cannot_act(w, it->by))
				continue;
			add_grant(b, w, it->rights & ~it->options, NULL, it->to, it->by, 0);
			add_grant(b, w, it->options, NULL, it->to, it->by, 1);
		}
}

/* An heir who held a grant option hands it back with the rest, and an owner needs none. */
static int
may_leave_options(const struct work *w)
{
	uint32_t owners = 0, others = 0;
	size_t i;

	for (i = 0; i < w->items.n; i++)
		*(w->items.item[i].to == w->owner ? &owners : &others) |= w->items.item[i].options;
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
		buf_fmt(&undo, ";\nREVOKE GRANT OPTION FOR ALL ON %s %%o FROM %s", k->grant,
		    w->owner->sql);
	restore_grants(w, &undo);
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

	for (i = 0; i < w->items.n; i++)
		if (w->items.item[i].to == w->owner)
			held |= w->items.item[i].rights;
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
		b.gift = gift_of(w, p.act);
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
			b.gift = gift_of(w, p.act);
			p.basis = graph_basis(w->a->g, &b);
			graph_power(w->a->g, &p);
		}
}

static int
add_columns(struct work *w, struct err *e)
{
	char **part;
	int i, n;

	if ((n = acl_array(w->o->columns, &part, e)) < 0)
		return -1;
	for (i = 0; i + 1 < n; i += 2) {
		if (audit_pg_items(w->a, part[i + 1], &w->items, e) != 0) {
			free(part);
			return -1;
		}
		w->column = audit_pg_template(w->a, part[i]);
		w->column_name = part[i];
		add_grants(w, e);
		audit_pg_items_free(&w->items);
	}
	free(part);
	return 0;
}

static int
add_powers(struct work *w, struct err *e)
{
	const struct audit_pg_object *o = w->o;

	if (o->acl != NULL && audit_pg_items(w->a, o->acl, &w->items, e) != 0)
		return -1;
	add_owner(w);
	add_implied(w);
	if (o->kind->grant != NULL)
		add_grants(w, e);
	audit_pg_items_free(&w->items);
	return o->columns != NULL ? add_columns(w, e) : 0;
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
	    (int)o->kind->class, o->owner, o->owned, o->db, single ? o->name : "", o->schema, o->acl != NULL ? o->acl : "",
	    o->columns != NULL ? o->columns : "");
	if (buf_check(&key, e) != 0)
		return -1;
	w.set = graph_set(a->g, buf_cstr(&key), o->kind->name, o->db, o->schema);
	buf_free(&key);
	if (w.set->n == 0)
		rc = add_powers(&w, e);
	graph_set_add(a->g, w.set, audit_pg_sql(a, o->name));
	return rc == 0 && o->sequences != NULL ? add_followers(&w, e) : rc;
}
