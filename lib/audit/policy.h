/*
 * The policy: who is what, and what that may do.  Format: bulkhead-policy(5).
 *
 * A class names privileges (the words of struct graph_power.priv: SELECT, TRUNCATE,
 * OWNER, REPLICATION, ...; ALL is all of them, DDL those that make, alter and drop
 * objects).  A role line gives an account its class, and where: databases and schemas.
 * An exception accepts one power, for a time, with a reason and an owner.
 */
#ifndef AUDIT_POLICY_H
#define AUDIT_POLICY_H

#include <stdint.h>
#include <stdio.h>

#include "audit/graph.h"
#include "base/err.h"

struct policy_class {
	const char *name;
	const char **may;	/* upper case, sorted; what "+X" and DDL mean is worked out */
	uint32_t n;
	int all;
	int builtin;		/* no section of the file makes it */
};

struct policy_role {
	const char *name;	/* the account, as graph_node.name has it; * for the rest */
	const struct policy_class *class;
	const char **db, **schema;	/* NULL-terminated; NULL: everywhere */
	unsigned line;
};

struct policy_except {
	const char *id, *role, *object, *priv;	/* object, priv: NULL for any */
	const char *reason, *owner, *ticket;	/* ticket may be NULL */
	const char *until;	/* YYYY-MM-DD, the last day */
	int expired;
	unsigned line;
	int used;		/* the judge met it */
};

/* The lines of a policy without a file, whose name is "*". */
enum { POLICY_USUAL_ADMIN, POLICY_USUAL_SHIP, POLICY_USUAL_APP, POLICY_USUALS };

struct policy {
	int given;		/* 0: there was no file, these are the defaults */
	const char *env, *owner; /* [target] env=, owner=; or NULL */
	const char **file;	/* [target] files=: where to search for B9; NULL-terminated */
	struct policy_class *class;
	struct policy_role *role;
	struct policy_except *except;
	uint32_t classes, roles, excepts;
	struct policy_private *priv;
};

/*
 * Read a policy; path NULL: the defaults (the bootstrap superuser is admin, a login whose
 * only power is REPLICATION is ship, all other logins are app, everywhere).  today
 * (YYYY-MM-DD) decides what has expired.  ERR_CONFIG names file, line and what is wrong:
 * a word, class or date that does not exist, an exception without reason, owner or until,
 * a role named twice.  ERR_NOTFOUND, ERR_IO.
 */
struct policy *policy_read(const char *path, const char *today, struct err *e);
void policy_free(struct policy *p);

/* The class of that name; NULL: there is none. */
struct policy_class *policy_class(const struct policy *p, const char *name);

/*
 * What that node is.  NULL: no line names it (with a policy given: a finding, when it can
 * log in).  Roles that cannot log in are judged only when a line names them.
 */
const struct policy_role *policy_role(const struct policy *p, const struct graph *g,
    uint32_t node);

/*
 * May such a role do this?  By class, database and schema; r NULL: nothing.  In a line with
 * databases or schemas, a right on objects that holds for the whole server is too much.
 */
int policy_may(const struct policy_role *r, const struct graph_power *power);

/*
 * The exception that covers this power of that account, with that object; NULL: none.  One
 * in force comes before one that has run out.  power NULL, for a finding that has none
 * (U1, a fault: its account is the server's node, its object the subject), object NULL:
 * only exceptions that name none.
 */
struct policy_except *policy_except(const struct policy *p, const struct graph_node *account,
    const struct check *check, const struct graph_power *power, const char *object);

/*
 * A first policy for this server, on f: a line for each login, with the class that fits
 * what it can do now, and a comment where that is more than the class may.
 * 0, or -1 (ERR_IO).
 */
int policy_suggest(const struct graph *g, FILE *f, struct err *e);

#endif
