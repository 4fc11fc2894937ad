/*
 * Code that runs with other people's rights, for the PostgreSQL readers alone: what
 * pg_code.c collects of a database, and the checks that use it.
 *
 * Their findings are breaches: steps from who can plant code to whom it runs as.  Many
 * functions and tables lead from one role to the same other one; they make one step
 * together, so that its fix cuts all of them.
 */
#ifndef AUDIT_PG_CODE_H
#define AUDIT_PG_CODE_H

#include "audit/pg_who.h"
#include "base/buf.h"

#define PG_NAME_CAP 256		/* NAMEDATALEN is 64, but a build may raise it */

/* Why one role can become another; strings are templates where graph.h says so. */
struct breach {
	const char *check;
	uint32_t from, to;	/* nodes */
	const char *why, *row, *fix, *undo, *advice, *proof;
	const struct graph_power *power; /* its SQL takes the breach away, too; or NULL */
};

struct breaches {
	struct breach *b;	/* its strings interned */
	size_t n, cap;
};

/* A schema of the database, and who may use it and create in it. */
struct code_schema {
	uint32_t oid, owner;
	const char *name, *sql;
	struct who_set usage, create;
	struct who_set admits;	/* may grant USAGE on it */
};

struct code {
	struct audit_pg *a;
	struct who who;
	struct breaches breaches;
	struct code_schema *schema; /* by oid */
	uint32_t schemas;
	uint32_t *power, powers; /* those to CREATE and of TRIGGER */
	/* On this database; anywhere: a place in it to create something, be it temporary. */
	struct who_set connect, temp, create, anywhere;
};

/* SQL: the oids that hold such a privilege by that ACL, as who_grant reads them. */
#define GRANTEES(acl, which)							\
	"array_to_string(array(SELECT DISTINCT grantee FROM aclexplode(" acl ")"	\
	" WHERE privilege_type " which "), ' ')"
/* The ACL of a row, its default worked in. */
#define WITH_DEFAULT(acl, kind, owner) "coalesce(" acl ", acldefault('" kind "', " owner "))"

const struct code_schema *code_schema(const struct code *c, uint32_t oid);
const struct code_schema *code_schema_named(const struct code *c, const char *name);

/* Where role r can be trusted with what is in the schema: only it and superusers create. */
int code_schema_safe(const struct code *c, const struct code_schema *s,
    const struct audit_pg_role *r);

/*
 * The next name of a search_path as the catalogs and settings write it: 1, and *path moves
 * on; 0 at the end.  A name longer than the server's can be is cut.
 */
int search_path_next(const char **path, char name[PG_NAME_CAP]);

/* Add a breach; one from a node to itself, or from a superuser's, is none.  0 or -1. */
int breach_add(struct code *c, const struct breach *b, struct err *e);

/* For people: PUBLIC's too. */
const char *code_name(const struct audit_pg_role *r);

/*
 * The next power by which that node has that right on that object (as sets have it) of this
 * database, and *at moves on: one for each who granted it.  kind NULL: any.  NULL: no more.
 */
const struct graph_power *code_power(const struct code *c, uint32_t *at, uint32_t from,
    const char *priv, const char *kind, const char *object);

/*
 * What tries a breach out (pg_proof.c), as a template, interned.  All names come as the
 * catalogs have them, unquoted, but for functions and relations, which are as regprocedure
 * and regclass write them.  relation NULL: an event trigger.  own_path: the function sets
 * one.  make_schema: the schema is not there yet.
 */
const char *proof_definer(struct code *c, const char *function, const char *owner,
    const char *trap_schema, int own_path);
const char *proof_replaced(struct code *c, const char *function, const char *relation,
    const char *victim);
const char *proof_trigger(struct code *c, const char *relation, const char *victim);
const char *proof_path(struct code *c, const char *schema, int make_schema, const char *victim,
    const char *search_path);
const char *proof_called(struct audit_pg *a, const char *function);
/* The table that a subscription writes to, and whose that is. */
const char *proof_applied(struct audit_pg *a, const char *relation, const char *owner);
/* The foreign server's unquoted name, and as whom it must log in. */
const char *proof_logged_in(struct audit_pg *a, const char *server, const char *target);

/* The checks, each over one database.  0, or -1 for what ends the audit. */
int code_definer(struct code *c, struct err *e);	/* F1: pg_definer.c */
int code_hijack(struct code *c, struct err *e);		/* F2: pg_hijack.c */
int code_trigger(struct code *c, struct err *e);	/* F3: pg_trigger.c */
int code_path(struct code *c, struct err *e);		/* F4: pg_path.c */
int code_foreign(struct code *c, struct err *e);	/* F6, F7: pg_foreign.c */

#endif
