/*
 * For the PostgreSQL readers alone (lib/audit/pg*.c): what a reader gets, and how it asks.
 *
 * A reader is a function `int audit_pg_x(struct audit_pg *a, struct err *e)` in the table of
 * pg.c, called once (in the database that we came in by: roles, parameters and other things
 * of the whole server) or once per database.  It asks through audit_pg_ask, fills
 * a->g, and returns 0, or -1 only for what ends the audit (connection lost, no memory).
 * What it may not read becomes an unknown, and it returns 0.
 */
#ifndef AUDIT_PG_PRIVATE_H
#define AUDIT_PG_PRIVATE_H

#include "audit/acl.h"
#include "audit/graph.h"
#include "audit/pg.h"
#include "base/buf.h"
#include "pg/query.h"

#define PG_FIRST_USER_OID    16384	/* objects from initdb lie below */
#define PG_BOOTSTRAP_OID     10		/* the superuser that initdb made */
#define PG_DATABASE_OWNER    6171	/* pg_database_owner */

struct audit_pg_role {
	uint32_t oid;		/* 0: PUBLIC, as in ACLs */
	uint32_t node;
	const char *name;	/* as in the catalog */
	const char *sql;	/* quoted; PUBLIC for PUBLIC */
	uint8_t super, login, inherit, createrole, createdb, replication, bypassrls;
	uint8_t predefined;	/* pg_... */
	const char *until;	/* rolvaliduntil, NULL: never */
};

struct audit_pg_schema {
	uint32_t oid, gate;	/* gate: USAGE on it */
	uint32_t owner;		/* oid */
	const char *name, *sql; /* plain, quoted */
	const char *acl;	/* nspacl, its default worked in */
};

struct audit_pg {
	struct pg *pg;		/* connected to db */
	struct graph *g;
	struct report *report;
	int major;		/* 14 to 18 */
	int failed;		/* out of memory, told by pg.c when the reader is back */
	const char *auditor;	/* our role, quoted: for what an unknown says to grant */

	uint32_t db_oid, db_owner, db_gate; /* the owner's oid; the gate: CONNECT */
	const char *db, *db_sql;	/* plain, quoted */

	struct audit_pg_role *role;	/* by oid; audit_pg_roles fills it */
	const struct audit_pg_role **by_name;	/* the same */
	uint32_t roles;
	struct audit_pg_schema *schema; /* of this database, by oid; pg_schema.c fills it */
	uint32_t schemas;
	uint32_t db_owner_node;		/* pg_database_owner in this database */
	struct {
		uint32_t node, rights;	/* ACL_... */
	} implied[4];			/* who needs no grant for these; pg_implied.c fills it */
	uint32_t implieds;
	struct audit_pg_server *server; /* pg.c's own: the list of databases */
};

/* One row; 0 to go on, -1 with *e set. */
typedef int audit_pg_row(struct audit_pg *a, const struct pg_query *q, void *ctx,
    struct err *e);

/*
 * Ask, and call row for each row.  1: all rows were seen.  0: the server refused (no right,
 * no time, no such thing): noted as an unknown of that check, `what` says what it was,
 * `grant` is SQL that would let it be read, or NULL; rows may have been seen.  -1: the
 * connection is lost, no memory, or row said so.
 */
int audit_pg_ask(struct audit_pg *a, const char *check, const char *what, const char *grant,
    const char *sql, audit_pg_row *row, void *ctx, struct err *e);

/* The role of that oid (0: PUBLIC); in this database pg_database_owner's node is its own.
   NULL: there is none (dropped, or made while we read). */
const struct audit_pg_role *audit_pg_role(const struct audit_pg *a, uint32_t oid);
uint32_t audit_pg_role_node(const struct audit_pg *a, const struct audit_pg_role *r);

/* By name, as ACLs have it: "" is PUBLIC. */
const struct audit_pg_role *audit_pg_role_named(const struct audit_pg *a, const char *name);

/* The schema of that oid in this database; NULL: there is none. */
const struct audit_pg_schema *audit_pg_schema(const struct audit_pg *a, uint32_t oid);

/*
 * Quoted for SQL, and interned: an identifier (always in double quotes), a literal; % is
 * doubled, as templates want it.  A name with a newline becomes U&"...", so that
 * every statement stays on one line.
 */
const char *audit_pg_ident(struct audit_pg *a, const char *name);
const char *audit_pg_literal(struct audit_pg *a, const char *text);
/* s, which is SQL already (quote_ident and the like), on one line, % as it is: for a set. */
const char *audit_pg_sql(struct audit_pg *a, const char *s);
/* The same with % doubled: for a template. */
const char *audit_pg_template(struct audit_pg *a, const char *s);
/* keyword='value', as in a connection string, behind what is there. */
void audit_pg_word(struct buf *b, const char *keyword, const char *value);
/* What b holds, interned; b is freed. */
const char *audit_pg_take(struct audit_pg *a, struct buf *b);

/* ---- objects, their owners and grants: pg_grant.c ---- */

/* What an object is; pg_grant.c knows which rights on it lead where. */
enum audit_pg_class {
	PG_RELATION, PG_CATALOG, PG_SEQUENCE, PG_SCHEMA, PG_DATABASE, PG_LARGE_OBJECT,
	PG_TABLESPACE,
	PG_ROUTINE,	/* in a trusted language: to call it does no harm by itself */
	PG_OTHER
};

struct audit_pg_kind {
	enum audit_pg_class class;
	const char *name, *many;	/* "foreign table", "foreign tables" */
	const char *grant;	/* as GRANT writes it: "TABLE"; NULL: it has no grants */
	const char *alter;	/* as ALTER ... OWNER TO writes it: "FOREIGN TABLE"; NULL: cannot */
	const char *act;	/* what its owner can do: "DROP FOREIGN TABLE" */
	const char *proof;	/* how that is tried: "DROP FOREIGN TABLE %o CASCADE", or NULL */
	const char *catalog;	/* "pg_class"; */
	const char *owner;	/* "relowner" */
	const char *acl;	/* "relacl", or NULL */
	enum severity severity; /* of owning it */
};

struct audit_pg_object {
	const struct audit_pg_kind *kind;
	const char *db;		/* its name; "": an object of the whole server */
	const char *schema;	/* its name, or "" */
	uint32_t gate[2];	/* CONNECT on the database, USAGE on the schema, or GRAPH_NO_GATE */
	uint32_t owner;		/* oid */
	int owned;		/* 0: ownership follows another object's */
	const char *acl;	/* aclitem[], its default worked in; NULL: none */
	const char *columns;	/* text[]: column (quoted), its aclitem[], ...; NULL: none */
	const char *sequences;	/* text[]: of its serial columns, as name; NULL: none */
	const char *name;	/* quoted and qualified, as the server's quote_ident does */
};

/* Puts it into its set, and makes the set's powers when it is new. 0, or -1: ERR_SYSTEM. */
int audit_pg_add(struct audit_pg *a, const struct audit_pg_object *o, struct err *e);

/* An ACL with its roles looked up.  n = 0 and an unknown noted, when it cannot be read. */
struct audit_pg_item {
	const struct audit_pg_role *to, *by;
	uint32_t rights, options; /* ACL_..., of audit/acl.h */
};
struct audit_pg_items {
	struct audit_pg_item *item;
	size_t n;
};
int audit_pg_items(struct audit_pg *a, const char *acl, struct audit_pg_items *out,
    struct err *e);
void audit_pg_items_free(struct audit_pg_items *items);

/* ---- the SQL of grants: pg_revoke.c ---- */

/* One grant: of several rights, on an object or on a column of it. */
struct audit_pg_grant {
	const struct audit_pg_role *to, *by;
	uint32_t rights, options;
	const char *column, *column_name; /* as a template wants it, as people do; NULL: none */
	uint64_t part[ACL_RIGHTS];	/* of each right; 0: nothing hangs on it, nor it on others */
};

/* All grants on one set of objects. */
struct audit_pg_acl {
	struct audit_pg *a;
	const char *on;			/* "TABLE %o" */
	const char *schema;		/* in which they are; NULL: in none */
	const struct audit_pg_role *owner;
	struct audit_pg_grant *grant;
	size_t n;
};

/* Add an ACL's; column (quoted, interned) NULL: of the objects themselves.  0 or -1. */
int audit_pg_acl_add(struct audit_pg_acl *acl, const char *text, const char *column,
    struct err *e);
/* Once all are there: what hangs on what. */
void audit_pg_acl_order(struct audit_pg_acl *acl);
void audit_pg_acl_free(struct audit_pg_acl *acl);

/*
 * Takes away a right, or its grant option alone: basis->fix, undo, part; or basis->advice,
 * when nobody can act as who granted it.
 */
void audit_pg_revoke(const struct audit_pg_acl *acl, size_t grant, uint32_t right,
    int option_only, struct graph_basis *basis);
/* Append what makes the grants on the objects themselves as they are, when a new owner held some. */
void audit_pg_restore(const struct audit_pg_acl *acl, struct buf *b);

/* What a right on an object of that class leads to; NULL: nowhere by itself. */
struct audit_pg_right {
	unsigned classes;	/* 1 << PG_... */
	uint32_t right;		/* ACL_... */
	enum sink sink;
	enum severity severity;
	const char *check;
	const char *proof;	/* template, or NULL */
};
const struct audit_pg_right *audit_pg_right(enum audit_pg_class class, uint32_t right);

/* The readers. */
int audit_pg_roles(struct audit_pg *a, struct err *e);	/* pg_roles.c; first of all */
int audit_pg_members(struct audit_pg *a, struct err *e);	/* pg_members.c: R3 */
int audit_pg_implied(struct audit_pg *a, struct err *e); /* pg_implied.c; behind members */
/* Those who need no grant for that right pass that gate. */
void audit_pg_implied_pass(struct audit_pg *a, uint32_t right, uint32_t gate);
int audit_pg_databases(struct audit_pg *a, struct err *e);	/* pg_database.c: O1, A2, gates */
uint32_t audit_pg_connect_gate(struct audit_pg *a, const char *db);
int audit_pg_parameters(struct audit_pg *a, struct err *e);	/* pg_parameter.c: A5, B1 */
int audit_pg_passwords(struct audit_pg *a, struct err *e);	/* pg_login.c: P1, B7 */
int audit_pg_schemas(struct audit_pg *a, struct err *e); /* pg_schema.c; first per database */
int audit_pg_objects(struct audit_pg *a, struct err *e); /* pg_objects.c: O1, A1, A2, A4 */
int audit_pg_defaults(struct audit_pg *a, struct err *e); /* pg_default.c: A3 */
int audit_pg_database(struct audit_pg *a, struct err *e); /* pg_database.c: R4, R3 of owners */
int audit_pg_net(struct audit_pg *a, struct err *e);	/* pg_net.c: H1 */
int audit_pg_settings(struct audit_pg *a, struct err *e); /* pg_settings.c: S1, B4 */
int audit_pg_place(struct audit_pg *a, struct err *e);	/* pg_place.c: for B5 */
int audit_pg_unlogged(struct audit_pg *a, struct err *e); /* pg_settings.c: S1 */
int audit_pg_code(struct audit_pg *a, struct err *e);	/* pg_code.c: F1 to F4, F6, F7 */
int audit_pg_danger(struct audit_pg *a, struct err *e);	/* pg_danger.c: F5 */
int audit_pg_backup(struct audit_pg *a, struct err *e);	/* pg_login.c: B2; last of all */

/* For audit_pg_roles: what each role is (pg_power.c: R1, R2, R5, B1; pg_login.c: B7), and
   what CREATEROLE up to 15 and the predefined roles give (pg_power.c: R2, R4). */
void audit_pg_attributes(struct audit_pg *a, const struct audit_pg_role *r);
void audit_pg_elevation(struct audit_pg *a, const struct audit_pg_role *r);
void audit_pg_createrole(struct audit_pg *a);
void audit_pg_predefined(struct audit_pg *a);

#endif
