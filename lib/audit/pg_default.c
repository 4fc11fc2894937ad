/*
 * Default privileges (A3): what objects that do not exist yet will give away.
 */
#include <inttypes.h>
#include <string.h>

#include "audit/acl.h"
#include "audit/pg_private.h"

/* pg_default_acl.defaclobjtype */
static const struct kind {
	const char *letter;
	enum audit_pg_class class;
	const char *many, *word;
} kinds[] = {
	{ "r", PG_RELATION, "future tables", "TABLES" },
	{ "S", PG_SEQUENCE, "future sequences", "SEQUENCES" },
	{ "n", PG_SCHEMA, "future schemas", "SCHEMAS" },
	{ "L", PG_LARGE_OBJECT, "future large objects", "LARGE OBJECTS" },
};

/*
 * The maker makes such an object, for which a superuser gives it a schema, or the right to
 * where one is named; then the holder does to it what it may.  NULL: that is not tried.
 */
static const char *
future_proof(struct audit_pg *a, const struct kind *k, const struct audit_pg_role *maker,
    const struct audit_pg_schema *schema, const struct audit_pg_right *r)
{
	const char *in = schema != NULL ? schema->sql : "bulkhead_proof", *p;
	struct buf b = BUF_INIT;

	if (r->proof == NULL || (k->class != PG_RELATION && k->class != PG_SEQUENCE))
		return NULL;
	buf_str(&b, "SELECT set_config('bulkhead.holder', current_user, true);\n"
	    "SET LOCAL SESSION AUTHORIZATION DEFAULT;\n");
	if (schema != NULL)
		buf_fmt(&b, "GRANT USAGE, CREATE ON SCHEMA %s TO %s;\n", in, maker->sql);
	else
		buf_fmt(&b, "CREATE SCHEMA bulkhead_proof AUTHORIZATION %s;\n"
		    "GRANT USAGE ON SCHEMA bulkhead_proof TO PUBLIC;\n", maker->sql);
	buf_fmt(&b, "SET LOCAL SESSION AUTHORIZATION %s;\nCREATE %s %s.bulkhead_proof%s;\n",
	    maker->sql, k->class == PG_RELATION ? "TABLE" : "SEQUENCE", in,
	    k->class == PG_RELATION ? " ()" : "");
	buf_str(&b, "DO $bulkhead$ BEGIN EXECUTE format('SET LOCAL SESSION AUTHORIZATION %%I', "
	    "current_setting('bulkhead.holder')); END $bulkhead$;\n");
	for (p = r->proof; *p != '\0'; p++)
		if (p[0] == '%' && p[1] == 'o') {
			buf_fmt(&b, "%s.bulkhead_proof", in);
			p++;
		} else
			buf_u8(&b, (uint8_t)*p);
	return audit_pg_take(a, &b);
}

struct entry {
	const struct kind *kind;
	const struct audit_pg_role *maker;
	const struct audit_pg_schema *schema; /* NULL: everywhere */
};

/* "ALTER DEFAULT PRIVILEGES FOR ROLE deploy IN SCHEMA sales " */
static const char *
head_of(struct audit_pg *a, const struct entry *d)
{
	return graph_printf(a->g, "ALTER DEFAULT PRIVILEGES FOR ROLE %s%s%s ", d->maker->sql,
	    d->schema != NULL ? " IN SCHEMA " : "", d->schema != NULL ? d->schema->sql : "");
}

/* "future tables of deploy in schema sales" */
static const char *
text_of(struct audit_pg *a, const struct entry *d)
{
	return graph_printf(a->g, "%s of %s%s%s", d->kind->many, d->maker->name,
	    d->schema != NULL ? " in schema " : "", d->schema != NULL ? d->schema->name : "");
}

/* A right on what that maker will make; its set has no objects yet. */
static struct graph_power
power_of(struct audit_pg *a, const struct entry *d, const struct audit_pg_right *r)
{
	struct graph_power p = { .needs = STEP_USE, .severity = SEVERITY_MEDIUM,
		.priv = acl_right_name(r->right), .act = acl_right_name(r->right),
		.gate = { a->db_gate, d->schema != NULL ? d->schema->gate : GRAPH_NO_GATE },
		.set = graph_set(a->g, graph_printf(a->g, "future\1%s\1%s", a->db, text_of(a, d)),
		d->kind->many, a->db, d->schema != NULL ? d->schema->name : ""),
		.check = check_find("A3") };

	return p;
}

static const struct graph_gift *
gift_of(struct audit_pg *a, const struct entry *d)
{
	const char *head = head_of(a, d);
	struct graph_gift gift = {
		.give = graph_printf(a->g, "%sGRANT %%g ON %s TO %%a", head, d->kind->word),
		.ungive = graph_printf(a->g, "%sREVOKE %%g ON %s FROM %%a", head, d->kind->word) };

	return graph_gift(a->g, &gift);
}

static void
add_power(struct audit_pg *a, const struct entry *d, const struct audit_pg_item *it,
    const struct audit_pg_right *r)
{
	const char *name = acl_right_name(r->right), *head = head_of(a, d), *of = text_of(a, d);
	const char *only;
	int option = (it->options & r->right) != 0;
	struct graph_power p = power_of(a, d, r);
	struct graph_basis b = {
		.why = graph_printf(a->g, "%s%s on %s", it->to->oid == 0 ? "PUBLIC will have "
		    : "will have ", name, of),
		.row = graph_printf(a->g, "pg_default_acl.defaclacl of %s", d->maker->name),
		.fix = graph_printf(a->g, "%sREVOKE %s ON %s FROM %s", head, name, d->kind->word,
		    it->to->sql),
		.undo = graph_printf(a->g, "%sGRANT %s ON %s TO %s%s", head, name, d->kind->word,
		    it->to->sql, option ? " WITH GRANT OPTION" : ""),
		.part = option ? graph_part(a->g) : 0, .gift = gift_of(a, d),
		.proof = future_proof(a, d->kind, d->maker, d->schema, r) };

	p.from = audit_pg_role_node(a, it->to);
	p.sink = r->sink;
	p.basis = graph_basis(a->g, &b);
	graph_power(a->g, &p);
	if (!option)
		return;
	/* The whole grant takes its option along. */
	only = graph_printf(a->g, "%%{!%" PRIu64 "}", b.part++);
	b.why = graph_printf(a->g, "may grant %s on %s", name, of);
	b.proof = NULL;
	b.gift = NULL;
	b.fix = graph_printf(a->g, "%s%sREVOKE GRANT OPTION FOR %s ON %s FROM %s", only, head,
	    name, d->kind->word, it->to->sql);
	b.undo = graph_printf(a->g, "%s%s", only, b.undo);
	p.priv = "GRANT";
	p.act = graph_printf(a->g, "GRANT %s to others", name);
	p.basis = graph_basis(a->g, &b);
	graph_power(a->g, &p);
}

static void
add_items(struct audit_pg *a, const struct entry *d, const struct audit_pg_items *items)
{
	const struct audit_pg_right *r;
	uint32_t right;
	size_t i;

	for (i = 0; i < items->n; i++)
		for (right = 1; right < UINT32_C(1) << ACL_RIGHTS; right <<= 1)
			if (items->item[i].to != d->maker && (items->item[i].rights & right)
			    && (r = audit_pg_right(d->kind->class, right)) != NULL)
				add_power(a, d, &items->item[i], r);
}

static int
read_default(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct entry d = { NULL, audit_pg_role(a, pg_query_u32(q, 0)),
		audit_pg_schema(a, pg_query_u32(q, 1)) };
	struct audit_pg_items items;
	size_t i;

	(void)ctx;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(pg_query_text(q, 2), kinds[i].letter) == 0)
			d.kind = &kinds[i];
	if (d.kind == NULL || d.maker == NULL)	/* functions and types lead nowhere */
		return 0;
	if (audit_pg_items(a, pg_query_text(q, 3), &items, e) != 0)
		return -1;
	add_items(a, &d, &items);
	audit_pg_items_free(&items);
	return 0;
}

static void
add_future(struct audit_pg *a, const struct entry *d, uint32_t from, uint32_t rights,
    const char *why)
{
	struct graph_basis b = { .why = why, .row = "pg_class.relowner", .gift = gift_of(a, d) };
	const struct audit_pg_right *r;
	struct graph_power p;
	uint32_t right;

	for (right = 1; right < UINT32_C(1) << ACL_RIGHTS; right <<= 1) {
		if (!(rights & right) || (r = audit_pg_right(d->kind->class, right)) == NULL)
			continue;
		p = power_of(a, d, r);
		p.from = from;
		p.sink = SINK_NONE;
		p.basis = graph_basis(a->g, &b);
		graph_power(a->g, &p);
	}
}

/*
 * Who makes tables there can use the next ones, too, and so can its members and those who
 * need no grant: when that goes, the class may need it.
 */
static int
read_maker(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct entry d = { &kinds[pg_query_true(q, 2)], audit_pg_role(a, pg_query_u32(q, 0)),
		audit_pg_schema(a, pg_query_u32(q, 1)) };
	uint32_t i;

	(void)ctx;
	(void)e;
	if (d.maker == NULL || d.schema == NULL)	/* made while we read */
		return 0;
	add_future(a, &d, audit_pg_role_node(a, d.maker), ACL_SELECT | ACL_INSERT | ACL_UPDATE |
	    ACL_DELETE | ACL_USAGE, text_of(a, &d));
	for (i = 0; i < a->implieds; i++)
		add_future(a, &d, a->implied[i].node, a->implied[i].rights, text_of(a, &d));
	return 0;
}

/* ---- functions: everyone may execute them from the start ------------------------------- */

static int
read_definer(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	const struct audit_pg_role *r = audit_pg_role(a, pg_query_u32(q, 0));
	struct graph_basis b = { .db = a->db };

	(void)ctx;
	(void)e;
	if (r == NULL)
		return 0;
	b.row = graph_printf(a->g, "no pg_default_acl for functions of %s in %s", r->name,
	    a->db);
	b.why = graph_printf(a->g, "%s has SECURITY DEFINER functions in database %s, and PUBLIC "
	    "may execute the next one from the moment that it is made", r->name, a->db);
	b.fix = graph_printf(a->g, "ALTER DEFAULT PRIVILEGES FOR ROLE %s REVOKE EXECUTE ON "
	    "FUNCTIONS FROM PUBLIC", r->sql);
	b.undo = graph_printf(a->g, "ALTER DEFAULT PRIVILEGES FOR ROLE %s GRANT EXECUTE ON "
	    "FUNCTIONS TO PUBLIC", r->sql);
	graph_fault(a->g, "A3", SEVERITY_MEDIUM, SINK_SUPER,
	    graph_printf(a->g, "functions of %s in database %s", r->name, a->db), &b);
	return 0;
}

int
audit_pg_defaults(struct audit_pg *a, struct err *e)
{
	if (audit_pg_ask(a, "A3", "pg_default_acl", NULL,
	    "SELECT defaclrole, defaclnamespace, defaclobjtype, defaclacl::text "
	    "FROM pg_default_acl ORDER BY 1, 2, 3",
	    read_default, NULL, e) < 0)
		return -1;
	if (audit_pg_ask(a, "A3", "pg_class", NULL,
	    "SELECT DISTINCT relowner, relnamespace, relkind = 'S' FROM pg_class "
	    "WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND oid >= 16384 "
	    "AND relpersistence <> 't' ORDER BY 1, 2, 3",
	    read_maker, NULL, e) < 0)
		return -1;
	/* Those of extensions come with their own grants. */
	return audit_pg_ask(a, "A3", "pg_proc", NULL,
	    "SELECT DISTINCT proowner FROM pg_proc WHERE prosecdef AND oid >= 16384 "
	    "AND NOT EXISTS (SELECT FROM pg_default_acl WHERE defaclrole = proowner "
	    "AND defaclnamespace = 0 AND defaclobjtype = 'f' "
	    "AND NOT EXISTS (SELECT FROM aclexplode(defaclacl) AS x WHERE x.grantee = 0)) "
	    "AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass "
	    "AND objid = pg_proc.oid AND deptype = 'e') ORDER BY 1",
	    read_definer, NULL, e) < 0 ? -1 : 0;
}
