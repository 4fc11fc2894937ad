/*
 * Everything in a database that has an owner or grants, by catalog.
 *
 * What initdb made is passed over as long as it is as initdb left it: owned by the
 * bootstrap superuser, with the grants of pg_init_privs.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/pg_private.h"

#define KIND(class, name, grant, alter, catalog, owner, acl)                                 \
	{ class, name, name "s", grant, alter, "DROP " alter, "DROP " alter " %o CASCADE",   \
	    catalog, owner, acl, SEVERITY_CRITICAL }
#define RELATION(name, alter)                                                                \
	KIND(PG_RELATION, name, "TABLE", alter, "pg_class", "relowner", "relacl")

/* ---- relations --------------------------------------------------------------- */

static const struct {
	const char *relkind;
	struct audit_pg_kind kind;
} relations[] = {
	{ "r", RELATION("table", "TABLE") },
	{ "p", RELATION("table", "TABLE") },
	{ "v", RELATION("view", "VIEW") },
	{ "m", RELATION("materialized view", "MATERIALIZED VIEW") },
	{ "f", RELATION("foreign table", "FOREIGN TABLE") },
	{ "S", KIND(PG_SEQUENCE, "sequence", "SEQUENCE", "SEQUENCE", "pg_class", "relowner",
	    "relacl") },
};

static const struct audit_pg_kind secret_table = { PG_CATALOG, "system table",
	"system tables", "TABLE", NULL, "ALTER system tables", NULL, "pg_class", "relowner",
	"relacl", SEVERITY_CRITICAL };

/* System tables with secrets; grants on the others show what everyone may see anyway. */
static int
has_secrets(const char *name)
{
	static const char *const names[] = { "pg_catalog.pg_authid", "pg_catalog.pg_shadow",
		"pg_catalog.pg_user_mapping", "pg_catalog.pg_subscription",
		"pg_catalog.pg_statistic", "pg_catalog.pg_statistic_ext_data",
		"pg_catalog.pg_largeobject" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return 1;
	return 0;
}

/* A sequence of an identity or serial column changes hands with its table. */
static const char relations_sql[] =
    "SELECT c.relkind, c.relnamespace, c.relowner, format('%I.%I', n.nspname, c.relname), "
    "CASE WHEN c.oid >= 16384 "
    "THEN coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' "
    "END::\"char\", c.relowner))::text "
    "ELSE (SELECT array_agg(x) FROM unnest(c.relacl) AS x "
    "WHERE NOT x = ANY (coalesce(i.initprivs, '{}')))::text END, "
    "col.acls::text, d.objid IS NULL, c.oid < 16384, s.names::text "
    "FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
    "LEFT JOIN pg_init_privs AS i ON i.objoid = c.oid "
    "AND i.classoid = 'pg_class'::regclass AND i.objsubid = 0 AND c.oid < 16384 "
    "LEFT JOIN (SELECT attrelid, array_agg(e ORDER BY attnum, o) AS acls "
    "FROM pg_attribute LEFT JOIN pg_init_privs AS p ON p.objoid = attrelid "
    "AND p.classoid = 'pg_class'::regclass AND p.objsubid = attnum AND attrelid < 16384, "
    "LATERAL (SELECT array_agg(x)::text AS acl FROM unnest(attacl) AS x "
    "WHERE NOT x = ANY (coalesce(p.initprivs, '{}'))) AS s, "
    "unnest(ARRAY[quote_ident(attname), s.acl]) WITH ORDINALITY AS u (e, o) "
    "WHERE attacl IS NOT NULL AND s.acl IS NOT NULL AND attnum > 0 AND NOT attisdropped "
    "GROUP BY attrelid) AS col ON col.attrelid = c.oid "
    "LEFT JOIN (SELECT refobjid, array_agg(format('%I.%I', nspname, relname) ORDER BY 1) "
    "AS names FROM pg_depend AS d JOIN pg_class AS c ON c.oid = d.objid AND relkind = 'S' "
    "JOIN pg_namespace AS n ON n.oid = relnamespace WHERE classid = 'pg_class'::regclass "
    "AND refclassid = 'pg_class'::regclass AND refobjsubid > 0 AND deptype = 'a' "
    "GROUP BY refobjid) AS s ON s.refobjid = c.oid "
    "LEFT JOIN (SELECT DISTINCT objid FROM pg_depend WHERE classid = 'pg_class'::regclass "
    "AND refclassid = 'pg_class'::regclass AND refobjsubid > 0 "
    "AND deptype IN ('a', 'i')) AS d ON d.objid = c.oid AND c.relkind = 'S' "
    "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^pg_(temp|toast)' "
    "AND (c.oid >= 16384 OR c.relowner <> 10 OR c.relacl IS DISTINCT FROM i.initprivs "
    "OR col.acls IS NOT NULL) "
    "ORDER BY n.nspname, c.relname";

static const struct audit_pg_kind *
relation_kind(const char *relkind)
{
	size_t i;

	for (i = 0; i < sizeof(relations) / sizeof(relations[0]); i++)
		if (strcmp(relations[i].relkind, relkind) == 0)
			return &relations[i].kind;
	return NULL;
}

/* The view of audit_pg_grants: who may read it audits, and sees nobody's rows. */
static int
is_ours(const struct audit_pg *a, const struct audit_pg_object *o)
{
	const struct audit_pg_role *r = audit_pg_role(a, o->owner);

	return strcmp(o->name, "privaudit.password") == 0 && r != NULL && r->super;
}

static int
read_relation(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	const struct audit_pg_schema *s = audit_pg_schema(a, pg_query_u32(q, 1));
	struct audit_pg_object o = { .kind = relation_kind(pg_query_text(q, 0)), .db = a->db,
		.owner = pg_query_u32(q, 2), .owned = pg_query_true(q, 6),
		.acl = pg_query_text(q, 4), .columns = pg_query_text(q, 5),
		.sequences = pg_query_text(q, 8), .name = pg_query_text(q, 3) };

	(void)ctx;
	if (s == NULL || o.kind == NULL || is_ours(a, &o))
		return 0;
	o.schema = s->name;
	o.gate[0] = a->db_gate;
	o.gate[1] = s->gate;
	if (pg_query_true(q, 7)) {
		if (!has_secrets(o.name))
			return 0;
		o.kind = &secret_table;
		o.owned = 0;
	}
	return audit_pg_add(a, &o, e);
}

/* ---- other objects ------------------------------------------------------------- */

/* name: SQL that gives the object as ALTER and DROP want it. */
struct catalog {
	struct audit_pg_kind kind;
	const char *schema;	/* its column with the schema, or NULL */
	const char *letter;	/* acldefault's, or NULL */
	const char *name;
	const char *where;	/* more conditions, or "" */
	int since;		/* the version that has it */
};

#define QUALIFIED(column) "format('%I.%I', n.nspname, o." column ")"

/* Functions of languages that are trusted, or not. */
#define FUNCTION(class, name, not)                                                           \
	{ { class, name, name "s", "ROUTINE", "ROUTINE", "DROP FUNCTION",           \
	      "DROP ROUTINE %o CASCADE", "pg_proc", "proowner", "proacl", SEVERITY_HIGH },   \
	    "pronamespace", "f",                                                             \
	    "format('%I.%I(%s)', n.nspname, o.proname, "                                     \
	    "pg_get_function_identity_arguments(o.oid))",                                    \
	    "AND o.prolang " not "IN (SELECT oid FROM pg_language WHERE lanpltrusted)", 14 }

static const struct catalog catalogs[] = {
	FUNCTION(PG_ROUTINE, "function", ""),
	FUNCTION(PG_OTHER, "untrusted function", "NOT "),
	{ { PG_OTHER, "type", "types", "TYPE", "TYPE", "DROP TYPE", "DROP TYPE %o CASCADE",
	      "pg_type", "typowner", "typacl", SEVERITY_HIGH },
	    "typnamespace", "T", QUALIFIED("typname"),
	    "AND o.typelem = 0 AND (o.typrelid = 0 OR EXISTS (SELECT FROM pg_class AS r "
	    "WHERE r.oid = o.typrelid AND r.relkind = 'c')) AND o.typtype <> 'm'", 14 },
	{ { PG_OTHER, "collation", "collations", NULL, "COLLATION", "DROP COLLATION",
	      "DROP COLLATION %o CASCADE", "pg_collation", "collowner", NULL, SEVERITY_MEDIUM },
	    "collnamespace", NULL, QUALIFIED("collname"), "", 14 },
	{ { PG_OTHER, "conversion", "conversions", NULL, "CONVERSION", "DROP CONVERSION",
	      "DROP CONVERSION %o CASCADE", "pg_conversion", "conowner", NULL, SEVERITY_MEDIUM },
	    "connamespace", NULL, QUALIFIED("conname"), "", 14 },
	{ { PG_OTHER, "operator", "operators", NULL, "OPERATOR", "DROP OPERATOR",
	      "DROP OPERATOR %o CASCADE", "pg_operator", "oprowner", NULL, SEVERITY_MEDIUM },
	    "oprnamespace", NULL,
	    "format('%I.%s (%s, %s)', n.nspname, o.oprname, CASE o.oprleft WHEN 0 THEN 'NONE' "
	    "ELSE format_type(o.oprleft, NULL) END, format_type(o.oprright, NULL))", "", 14 },
	{ { PG_OTHER, "operator class", "operator classes", NULL, "OPERATOR CLASS",
	      "DROP OPERATOR CLASS", "DROP OPERATOR CLASS %o CASCADE", "pg_opclass", "opcowner",
	      NULL, SEVERITY_MEDIUM },
	    "opcnamespace", NULL,
	    "format('%I.%I USING %I', n.nspname, o.opcname, (SELECT amname FROM pg_am "
	    "WHERE pg_am.oid = o.opcmethod))", "", 14 },
	{ { PG_OTHER, "operator family", "operator families", NULL, "OPERATOR FAMILY",
	      "DROP OPERATOR FAMILY", "DROP OPERATOR FAMILY %o CASCADE", "pg_opfamily",
	      "opfowner", NULL, SEVERITY_MEDIUM },
	    "opfnamespace", NULL,
	    "format('%I.%I USING %I', n.nspname, o.opfname, (SELECT amname FROM pg_am "
	    "WHERE pg_am.oid = o.opfmethod))", "", 14 },
	{ { PG_OTHER, "text search configuration", "text search configurations", NULL,
	      "TEXT SEARCH CONFIGURATION", "DROP TEXT SEARCH CONFIGURATION",
	      "DROP TEXT SEARCH CONFIGURATION %o CASCADE", "pg_ts_config", "cfgowner", NULL,
	      SEVERITY_MEDIUM },
	    "cfgnamespace", NULL, QUALIFIED("cfgname"), "", 14 },
	{ { PG_OTHER, "text search dictionary", "text search dictionaries", NULL,
	      "TEXT SEARCH DICTIONARY", "DROP TEXT SEARCH DICTIONARY",
	      "DROP TEXT SEARCH DICTIONARY %o CASCADE", "pg_ts_dict", "dictowner", NULL,
	      SEVERITY_MEDIUM },
	    "dictnamespace", NULL, QUALIFIED("dictname"), "", 14 },
	{ { PG_OTHER, "statistics object", "statistics objects", NULL, "STATISTICS",
	      "DROP STATISTICS", "DROP STATISTICS %o CASCADE", "pg_statistic_ext", "stxowner",
	      NULL, SEVERITY_MEDIUM },
	    "stxnamespace", NULL, QUALIFIED("stxname"), "", 14 },
	{ { PG_OTHER, "language", "languages", "LANGUAGE", "LANGUAGE", "DROP LANGUAGE",
	      "DROP LANGUAGE %o CASCADE", "pg_language", "lanowner", "lanacl", SEVERITY_HIGH },
	    NULL, "l", "quote_ident(o.lanname)", "", 14 },
	{ { PG_OTHER, "foreign data wrapper", "foreign data wrappers", "FOREIGN DATA WRAPPER",
	      "FOREIGN DATA WRAPPER", "DROP FOREIGN DATA WRAPPER",
	      "DROP FOREIGN DATA WRAPPER %o CASCADE", "pg_foreign_data_wrapper", "fdwowner",
	      "fdwacl", SEVERITY_HIGH },
	    NULL, "F", "quote_ident(o.fdwname)", "", 14 },
	{ { PG_OTHER, "foreign server", "foreign servers", "FOREIGN SERVER", "SERVER",
	      "DROP SERVER", "DROP SERVER %o CASCADE", "pg_foreign_server", "srvowner", "srvacl",
	      SEVERITY_HIGH },
	    NULL, "S", "quote_ident(o.srvname)", "", 14 },
	{ { PG_OTHER, "event trigger", "event triggers", NULL, "EVENT TRIGGER",
	      "DROP EVENT TRIGGER", "DROP EVENT TRIGGER %o CASCADE", "pg_event_trigger",
	      "evtowner", NULL, SEVERITY_HIGH },
	    NULL, NULL, "quote_ident(o.evtname)", "", 14 },
	{ { PG_OTHER, "publication", "publications", NULL, "PUBLICATION", "DROP PUBLICATION",
	      "DROP PUBLICATION %o", "pg_publication", "pubowner", NULL, SEVERITY_HIGH },
	    NULL, NULL, "quote_ident(o.pubname)", "", 14 },
	{ { PG_OTHER, "subscription", "subscriptions", NULL, "SUBSCRIPTION",
	      "DROP SUBSCRIPTION", "ALTER SUBSCRIPTION %o DISABLE", "pg_subscription", "subowner",
	      NULL, SEVERITY_HIGH },
	    NULL, NULL, "quote_ident(o.subname)",
	    "AND o.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
	    14 },
	{ { PG_OTHER, "extension", "extensions", NULL, NULL, "DROP EXTENSION",
	      "DROP EXTENSION %o CASCADE", "pg_extension", "extowner", NULL, SEVERITY_HIGH },
	    NULL, NULL, "quote_ident(o.extname)", "", 14 },
	{ { PG_LARGE_OBJECT, "large object", "large objects", "LARGE OBJECT", "LARGE OBJECT",
	      "lo_unlink", "SELECT pg_catalog.lo_unlink(%o)", "pg_largeobject_metadata",
	      "lomowner", "lomacl", SEVERITY_HIGH },
	    NULL, "L", "o.oid::text", "", 14 },
};

static int
read_object(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	const struct catalog *c = ctx;
	const struct audit_pg_schema *s = audit_pg_schema(a, pg_query_u32(q, 0));
	struct audit_pg_object o = { .kind = &c->kind, .db = a->db,
		.schema = s != NULL ? s->name : "",
		.gate = { a->db_gate, s != NULL ? s->gate : GRAPH_NO_GATE },
		.owner = pg_query_u32(q, 1), .owned = 1, .name = pg_query_text(q, 2),
		.acl = pg_query_text(q, 3) };

	return audit_pg_add(a, &o, e);
}

static int
read_catalog(struct audit_pg *a, const struct catalog *c, struct err *e)
{
	const struct audit_pg_kind *k = &c->kind;
	struct buf sql = BUF_INIT;
	struct catalog lent = *c;
	int rc;

	buf_fmt(&sql, "SELECT %s%s, o.%s, %s, ", c->schema != NULL ? "o." : "",
	    c->schema != NULL ? c->schema : "0", k->owner, c->name);
	if (k->acl != NULL)
		buf_fmt(&sql, "coalesce(o.%s, acldefault('%s', o.%s))::text", k->acl, c->letter,
		    k->owner);
	else
		buf_str(&sql, "NULL");
	buf_fmt(&sql, " FROM %s AS o", k->catalog);
	if (c->schema != NULL)
		buf_fmt(&sql, " JOIN pg_namespace AS n ON n.oid = o.%s", c->schema);
	if (k->class == PG_LARGE_OBJECT)	/* people choose their oids */
		buf_str(&sql, " ORDER BY o.oid");
	else
		buf_fmt(&sql, " WHERE (o.oid >= 16384 OR o.%s <> 10) %s ORDER BY 3", k->owner,
		    c->where);
	if (buf_check(&sql, e) != 0)
		return -1;
	rc = audit_pg_ask(a, "O1", k->catalog, NULL, buf_cstr(&sql), read_object, &lent, e);
	buf_free(&sql);
	return rc < 0 ? -1 : 0;
}

int
audit_pg_objects(struct audit_pg *a, struct err *e)
{
	size_t i;

	if (audit_pg_ask(a, "A1", "pg_class", NULL, relations_sql, read_relation, NULL, e) < 0)
		return -1;
	for (i = 0; i < sizeof(catalogs) / sizeof(catalogs[0]); i++)
		if (read_catalog(a, &catalogs[i], e) != 0)
			return -1;
	return 0;
}
