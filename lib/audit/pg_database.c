/*
 * The databases themselves: their owners and grants, who may connect, and what PUBLIC may.
 */
#include <string.h>

#include "audit/acl.h"
#include "audit/pg_private.h"

static const struct audit_pg_kind database_kind = { PG_DATABASE, "database", "databases",
	"DATABASE", "DATABASE", "DROP DATABASE", "DROP DATABASE %o",
	"pg_database", "datdba", "datacl", SEVERITY_CRITICAL };

static const struct audit_pg_kind tablespace_kind = { PG_TABLESPACE, "tablespace",
	"tablespaces", "TABLESPACE", "TABLESPACE", "DROP TABLESPACE",
	"ALTER TABLESPACE %o SET (seq_page_cost = 1)", "pg_tablespace", "spcowner", "spcacl",
	SEVERITY_HIGH };

/* CONNECT on that database. */
uint32_t
audit_pg_connect_gate(struct audit_pg *a, const char *db)
{
	const char *sql = audit_pg_ident(a, db);
	uint32_t gate = graph_gate(a->g, graph_printf(a->g, "CONNECT on %s", sql));
	const struct graph_gift gift = {
		.give = graph_printf(a->g, "GRANT CONNECT ON DATABASE %s TO %%a", sql),
		.ungive = graph_printf(a->g, "REVOKE CONNECT ON DATABASE %s FROM %%a", sql) };

	graph_gate_gift(a->g, gate, db, NULL, &gift);
	audit_pg_implied_pass(a, ACL_CONNECT, gate);
	return gate;
}

/* Everyone may, so everyone passes: that is a state of the server, and no one's power. */
static void
public_may(struct audit_pg *a, const char *db, uint32_t held)
{
	const char *sql = audit_pg_ident(a, db);
	struct graph_basis b = { .row = graph_printf(a->g, "pg_database.datacl of %s", db) };

	if (held & ACL_CONNECT) {
		b.why = graph_printf(a->g, "PUBLIC may CONNECT to database \"%s\": every account "
		    "can, the next one to be made, too", db);
		b.fix = graph_printf(a->g, "REVOKE CONNECT ON DATABASE %s FROM PUBLIC", sql);
		b.undo = graph_printf(a->g, "GRANT CONNECT ON DATABASE %s TO PUBLIC", sql);
		graph_fault(a->g, "A2", SEVERITY_MEDIUM, SINK_READ_ALL,
		    graph_printf(a->g, "CONNECT on database \"%s\"", db), &b);
		graph_fault_gate(a->g, audit_pg_connect_gate(a, db));
	}
	if (held & ACL_TEMPORARY) {
		b.why = graph_printf(a->g, "PUBLIC may make temporary tables in database \"%s\": "
		    "any account can fill the disk", db);
		b.fix = graph_printf(a->g, "REVOKE TEMPORARY ON DATABASE %s FROM PUBLIC", sql);
		b.undo = graph_printf(a->g, "GRANT TEMPORARY ON DATABASE %s TO PUBLIC", sql);
		graph_fault(a->g, "A2", SEVERITY_LOW, SINK_WRITE,
		    graph_printf(a->g, "TEMPORARY on database \"%s\"", db), &b);
	}
}

/* CREATE on a database is a gate, too: to what a subscription can do there. */
static uint32_t
create_gate(struct audit_pg *a, const char *db)
{
	return graph_gate(a->g, graph_printf(a->g, "CREATE on %s", audit_pg_ident(a, db)));
}

static int
read_grants(struct audit_pg *a, const char *db, const char *acl, struct err *e)
{
	struct audit_pg_items items;
	size_t i;

	if (audit_pg_items(a, acl, &items, e) != 0)
		return -1;
	for (i = 0; i < items.n; i++) {
		if (items.item[i].to->oid == 0)
			public_may(a, db, items.item[i].rights);
		if (items.item[i].rights & ACL_CREATE)
			graph_pass(a->g, items.item[i].to->node, create_gate(a, db));
	}
	audit_pg_items_free(&items);
	return 0;
}

static int
read_database(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct audit_pg_object o = { .kind = &database_kind, .schema = "",
		.gate = { GRAPH_NO_GATE, GRAPH_NO_GATE }, .owner = pg_query_u32(q, 2), .owned = 1,
		.acl = pg_query_text(q, 3), .name = pg_query_text(q, 1) };

	(void)ctx;
	o.db = graph_string(a->g, pg_query_text(q, 0));
	o.gate[0] = audit_pg_connect_gate(a, o.db);
	if (audit_pg_add(a, &o, e) != 0)
		return -1;
	return pg_query_true(q, 4) ? read_grants(a, o.db, o.acl, e) : 0;
}

static int
read_tablespace(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct audit_pg_object o = { .kind = &tablespace_kind, .db = "", .schema = "",
		.gate = { GRAPH_NO_GATE, GRAPH_NO_GATE }, .owner = pg_query_u32(q, 1), .owned = 1,
		.acl = pg_query_text(q, 2), .name = pg_query_text(q, 0) };

	(void)ctx;
	return audit_pg_add(a, &o, e);
}

int
audit_pg_databases(struct audit_pg *a, struct err *e)
{
	if (audit_pg_ask(a, "A2", "pg_database", NULL,
	    "SELECT datname, quote_ident(datname), datdba, "
	    "coalesce(datacl, acldefault('d', datdba))::text, datallowconn "
	    "FROM pg_database ORDER BY datname",
	    read_database, NULL, e) < 0)
		return -1;
	return audit_pg_ask(a, "O1", "pg_tablespace", NULL,
	    "SELECT quote_ident(spcname), spcowner, "
	    "coalesce(spcacl, acldefault('t', spcowner))::text FROM pg_tablespace "
	    "WHERE oid >= 16384 OR spcowner <> 10 OR spcacl IS NOT NULL ORDER BY spcname",
	    read_tablespace, NULL, e) < 0 ? -1 : 0;
}

/* ---- in each database ------------------------------------------------------ */

/* The power of owning this database: the same SQL takes away what comes of it. */
static const struct graph_power *
owning(const struct audit_pg *a, uint32_t owner)
{
	const struct graph_power *w;

	for (w = a->g->power; w < a->g->power + a->g->powers; w++)
		if (w->from == owner && strcmp(w->priv, "OWNER") == 0
		    && strcmp(w->set->kind, "database") == 0 && strcmp(w->set->db, a->db) == 0)
			return w;
	return NULL;
}

/* Its owner is pg_database_owner here, for what that role owns and is granted. */
static void
owner_is_owner(struct audit_pg *a)
{
	const struct audit_pg_role *r = audit_pg_role(a, a->db_owner);
	struct graph_basis b = {
		.why = graph_printf(a->g, "owner of database %s, so pg_database_owner there",
		    a->db),
		.row = graph_printf(a->g, "pg_database.datdba of %s", a->db) };
	struct graph_step s = { .to = a->db_owner_node, .check = check_find("R4") };
	const struct graph_power *w;

	if (r == NULL)
		return;
	if ((w = owning(a, r->node)) != NULL) {
		b.fix = w->basis->fix;
		b.undo = w->basis->undo;
		s.set = w->set;
	}
	s.from = r->node;
	s.basis = graph_basis(a->g, &b);
	graph_step(a->g, &s);
}

/* A subscription applies whatever the other server sends; it takes CREATE here, too. */
static void
subscriber(struct audit_pg *a)
{
	const struct audit_pg_role *r = audit_pg_role_named(a, "pg_create_subscription");
	const struct graph_basis b = { .why = "may make subscriptions",
		.row = "the predefined role pg_create_subscription",
		.proof = "CREATE SUBSCRIPTION bulkhead_proof CONNECTION 'host=127.0.0.1 user=x "
		    "password=x dbname=x' PUBLICATION x WITH (connect = false)" };
	struct graph_power p = { .needs = STEP_USE, .sink = SINK_WRITE,
		.severity = SEVERITY_MEDIUM, .priv = "pg_create_subscription",
		.act = "CREATE SUBSCRIPTION", .gate = { a->db_gate, create_gate(a, a->db) },
		.check = check_find("R4") };

	if (r == NULL)	/* it came with 16 */
		return;
	p.from = r->node;
	p.set = graph_set(a->g, graph_printf(a->g, "in\1%s", a->db), "database", a->db, "");
	p.basis = graph_basis(a->g, &b);
	graph_power(a->g, &p);
}

static int
read_replaceable(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	const struct audit_pg_role *r = audit_pg_role(a, pg_query_u32(q, 0));
	struct graph_basis b = { .db = a->db, .advice = "grant the rights that are needed, and "
	    "not the role" };
	struct graph_step s = { .needs = STEP_USE, .gives = STEP_BECOME,
		.check = check_find("R3") };

	(void)ctx;
	(void)e;
	if (r == NULL)
		return 0;
	b.why = graph_printf(a->g, "replaces a function that runs as %s", r->name);
	b.row = graph_printf(a->g, "pg_proc.proowner of %s", pg_query_text(q, 1));
	b.proof = graph_printf(a->g, "ALTER ROUTINE %s SECURITY DEFINER",
	    audit_pg_template(a, pg_query_text(q, 1)));
	s.from = s.to = r->node;
	s.basis = graph_basis(a->g, &b);
	graph_step(a->g, &s);
	return 0;
}

/*
 * From 16 a membership may inherit without SET.  But who has a role's rights, and it owns
 * a function and the schema around it, gives that function another body and SECURITY DEFINER,
 * and has become the role.  The bootstrap superuser owns such ones in information_schema;
 * what is built in cannot be replaced.
 */
static int
become_owners(struct audit_pg *a, struct err *e)
{
	if (a->major < 16)
		return 0;
	return audit_pg_ask(a, "R3", "pg_proc", NULL,
	    "SELECT DISTINCT ON (p.proowner) p.proowner, format('%I.%I(%s)', n.nspname, "
	    "p.proname, pg_get_function_identity_arguments(p.oid)) FROM pg_proc AS p "
	    "JOIN pg_namespace AS n ON n.oid = p.pronamespace AND n.nspowner = p.proowner "
	    "JOIN pg_language AS l ON l.oid = p.prolang "
	    "WHERE p.prokind IN ('f', 'p') AND l.lanname <> 'internal' ORDER BY 1, 2",
	    read_replaceable, NULL, e) < 0 ? -1 : 0;
}

int
audit_pg_database(struct audit_pg *a, struct err *e)
{
	owner_is_owner(a);
	subscriber(a);
	return become_owners(a, e);
}
