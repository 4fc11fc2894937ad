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

#include "audit/graph.h"
#include "audit/pg.h"
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
	const char *auditor;	/* our role, quoted: for what an unknown says to grant */

	uint32_t db_oid, db_owner, db_gate; /* the owner's oid; the gate: CONNECT */
	const char *db, *db_sql;	/* plain, quoted */

	struct audit_pg_role *role;	/* by oid; audit_pg_roles fills it */
	uint32_t roles;
	struct audit_pg_schema *schema; /* of this database, by oid; pg_schema.c fills it */
	uint32_t schemas;
	uint32_t db_owner_node;		/* pg_database_owner in this database */
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

/* The schema of that oid in this database; NULL: there is none. */
const struct audit_pg_schema *audit_pg_schema(const struct audit_pg *a, uint32_t oid);

/* Quoted for SQL, and interned: an identifier (always in double quotes), a literal; %
   doubled as templates want it. */
const char *audit_pg_ident(struct audit_pg *a, const char *name);
const char *audit_pg_literal(struct audit_pg *a, const char *text);
/* s, which is SQL already, with % doubled. */
const char *audit_pg_template(struct audit_pg *a, const char *s);

/* The readers. */
int audit_pg_roles(struct audit_pg *a, struct err *e);		/* pg_roles.c; first of all */
int audit_pg_databases(struct audit_pg *a, struct err *e);	/* pg.c: the list, their gates */
int audit_pg_schemas(struct audit_pg *a, struct err *e);	/* pg_schema.c; first per database */
int audit_pg_code(struct audit_pg *a, struct err *e);		/* pg_code.c: F1 to F4 */

#endif
