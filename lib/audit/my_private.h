/*
 * For the readers of MySQL and MariaDB alone (lib/audit/my*.c): what a reader gets, how it
 * asks, and how it says that an account holds a right.
 *
 * A reader is a function `int audit_my_x(struct audit_my *a, struct err *e)`; it asks
 * through audit_my_ask, fills a->g, and returns 0, or -1 only for what ends the audit
 * (connection lost, no memory).  What it may not read becomes an unknown, and it returns 0.
 *
 * What MySQL calls a database is a schema of the graph; its sets have no db.
 */
#ifndef AUDIT_MY_PRIVATE_H
#define AUDIT_MY_PRIVATE_H

#include "audit/graph.h"
#include "audit/my.h"
#include "my/conn.h"

enum { MY_READS = 1, MY_LOCKS = 2, MY_ADMINISTERS = 4 };

struct audit_my_account {
	const char *user, *host;	/* a MariaDB role has host "" */
	const char *sql;		/* `user`@`host`, as SQL, % as it is */
	uint32_t node;
	uint8_t role;			/* MariaDB: a role; PUBLIC among them */
	uint8_t login;
	uint8_t bootstrap;
	uint8_t open;			/* it lets in without a password */
	uint8_t branches;		/* and in other ways, too: auth_or */
	uint8_t elevated;		/* holds a critical right of the whole server */
	uint8_t copies;			/* bits of MY_...: what tells a backup's account */
	const char *beyond;		/* what such a one does not need, with commas, or NULL */
	uint8_t native, dual, tls;	/* weak plugin, a second password, TLS required */
	int lifetime;			/* days; 0: never expires, -1: the server's default */
	const char *plugin;
	const char *global;		/* MySQL: the static rights on *.*, with commas */
	const char *withheld;		/* MySQL's partial revokes: lines "SELECT\tmysql" */
	const char *default_role;	/* MariaDB: its name; MySQL: all, as SQL; or NULL */
	unsigned long long access;	/* MariaDB: the rights on *.*, as bits */
	unsigned long version;		/* MariaDB: of the server that wrote them */
};

struct audit_my {
	struct my *my;
	struct graph *g;
	struct report *report;
	struct audit_my_account *account;	/* sorted by user and host */
	uint32_t accounts, cap;
	uint32_t everyone;		/* node PUBLIC: MariaDB's role, and grants to nobody */
	uint32_t anyone;		/* node of whoever reaches the server */
	const char *auditor;		/* our own account, as SQL */
	const char *held;		/* its rights on *.*, each with ", " behind it */
	char hostname[256];		/* the server's own */
	char secure_file_priv[512];	/* "": anywhere; "NULL": nowhere */
	const char *socket_plugin;	/* that asks who is at the socket; "": not there */
	int partial_revokes;		/* then a wildcard in a grant is none */
	int tls_required;		/* of everyone, by a setting */
	int default_lifetime;		/* days, 0: never */
	struct audit_my_name *routine;	/* my_calls.c's: all that there are */
	uint32_t routines;
	struct audit_my_coded *code;	/* my_hubs.c's: what has code, sorted, */
	uint32_t codes;
	int no_memory;			/* for one of them, */
	const char *called;		/* and the schema whose routines came last */
	const char **schema;		/* my_gift.c's: all schemas but the server's own */
	uint32_t schemas, schema_cap;
};

/* One row; 0 to go on, -1 with *e set. */
typedef int audit_my_row(struct audit_my *a, const struct my_row *row, void *ctx,
    struct err *e);

/*
 * Ask, and call row for each row.  1: all rows were seen.  0: the server refused, or has no
 * such thing: noted as an unknown of that check (NULL: not noted), `what` says what it
 * was, `grant` is SQL that would let it be read, or NULL.  -1: the audit ends.
 */
int audit_my_ask(struct audit_my *a, const char *check, const char *what, const char *grant,
    const char *sql, audit_my_row *row, void *ctx, struct err *e);
const char *audit_my_text(const struct my_row *row, unsigned i);	/* NULL is "" */

/* Do we hold that right on *.*, by ourselves or through an active role? */
int audit_my_holds(const struct audit_my *a, const char *priv);

/* A new account, not sorted in yet; its node is made.  NULL: no memory. */
struct audit_my_account *audit_my_account_new(struct audit_my *a, const char *user,
    const char *host, int role);
void audit_my_accounts_sort(struct audit_my *a);
/* NULL: there is none. A MySQL role is an account; a MariaDB role has host "". */
struct audit_my_account *audit_my_account(const struct audit_my *a, const char *user,
    const char *host);

/* Interned: `name` quoted; 'text' quoted; a database's name as a GRANT's pattern; in small
   letters; a format with % doubled afterwards, as templates want it. */
const char *audit_my_ident(struct audit_my *a, const char *name);
const char *audit_my_literal(struct audit_my *a, const char *text);
const char *audit_my_escaped(struct audit_my *a, const char *database);
const char *audit_my_lower(struct audit_my *a, const char *name);
const char *audit_my_template(struct audit_my *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Does such a pattern of a grant name just one database?  Its name without escapes. */
int audit_my_pattern(struct audit_my *a, const char *pattern, const char **name);

/* ---- a right that is held ---------------------------------------------------------- */

enum my_level { MY_GLOBAL, MY_SCHEMA, MY_TABLE, MY_COLUMN, MY_ROUTINE };

struct audit_my_right {
	uint32_t holder;		/* node */
	struct audit_my_account *account; /* or NULL: PUBLIC */
	const char *grantee;		/* as SQL */
	enum my_level level;
	const char *priv;		/* "SELECT", as SHOW GRANTS writes it */
	const char *column;		/* or NULL */
	const char *schema;		/* the database's name or pattern; NULL on MY_GLOBAL */
	const char *object;		/* table or routine; NULL above them */
	const char *on;			/* what stands behind ON, or "single tables" for a set */
	struct graph_set *set;		/* of objects with the same ACL; NULL: of `on` alone */
	const char *row;		/* the catalog row */
	int grantable;			/* a dynamic privilege WITH GRANT OPTION */
	const char *fix, *undo;		/* NULL: REVOKE and GRANT of each in the set; else templates */
};

/* Powers for all that it lets do; an unknown when nobody told us about that word. */
void audit_my_give(struct audit_my *a, const struct audit_my_right *r);
/* r once for each word of a list with commas, written in any case. */
void audit_my_give_list(struct audit_my *a, const struct audit_my_right *r, const char *list);
/* What SUPER includes on a MariaDB up to 10.11; from 11.0 on each is granted by itself. */
const char *const *audit_my_super_words(void);

/* What it is made of, and on what: for a step that the same statement takes away. */
const struct graph_basis *audit_my_basis(struct audit_my *a, const struct audit_my_right *r);
struct graph_set *audit_my_set(struct audit_my *a, const struct audit_my_right *r);

enum my_use { MY_CALL, MY_EXCHANGE };

/* The node of all who may call that routine, or put another in its place; before the grants
   on objects are read, and those that are called in the order of their schemas. */
uint32_t audit_my_hub(struct audit_my *a, enum my_use use, const char *schema,
    const char *object);
int audit_my_hubs_end(struct audit_my *a, struct err *e);	/* there are no more */
/* Has the routine such a hub? */
int audit_my_is_coded(struct audit_my *a, const char *schema, const char *object);
/* The holder may call routines there (EXECUTE), or exchange them (ALTER ROUTINE). */
void audit_my_may_call(struct audit_my *a, const struct audit_my_right *r);

/* How that right is given to somebody; NULL: it is of no single object, or none of rows. */
const struct graph_gift *audit_my_gift(struct audit_my *a, const struct audit_my_right *r);
/*
 * What is missed when that right goes, and is no finding: what does no harm by itself, and
 * what a wide one gives in each schema, which goes with it by fix (or NULL).
 */
void audit_my_missed(struct audit_my *a, const struct audit_my_right *r, const char *fix,
    const char *undo);
/* Is that right on *.* revoked there?  (MySQL's partial revokes) */
int audit_my_is_withheld(const struct audit_my_right *r, const char *schema);
/* Does a grant's pattern match that schema? */
int audit_my_matches(const char *pattern, const char *name);

/* ---- code (my_calls.c) ------------------------------------------------------------- */

/* All routines; -1: ERR_SYSTEM.  Then the end, before bodies are read. */
int audit_my_routine_add(struct audit_my *a, const char *schema, const char *name,
    struct err *e);
void audit_my_routines_end(struct audit_my *a);

/* 0 to go on; -1 with *e set is what audit_my_calls returns. */
typedef int audit_my_called(struct audit_my *a, const char *schema, const char *name, void *ctx,
    struct err *e);

/* For each of them that this body in that schema calls, as often as it does. */
int audit_my_calls(struct audit_my *a, const char *schema, const char *body,
    audit_my_called *called, void *ctx, struct err *e);

/* ---- accounts behind a view --------------------------------------------------------- */

#define AUDIT_MY_SCHEMA "bulkhead_audit"

/* The SELECTs that read the accounts without a hash, and the grants that make views of them. */
extern const char audit_my_mysql_accounts[], audit_my_mariadb_accounts[];
extern const char audit_my_mysql_grants[], audit_my_mariadb_grants[];

/*
 * Read the accounts by that SELECT, or from the view when it is refused; *from: what to put
 * behind FROM to read them again.  Returns as audit_my_ask.
 */
int audit_my_ask_accounts(struct audit_my *a, const char *select, audit_my_row *row,
    const char **from, struct err *e);

/*
 * May we see all of that table of information_schema, by one of these privileges (with commas)
 * or through a view?  1: *from is where to read; 0: an unknown was noted; -1.
 */
int audit_my_sees_all(struct audit_my *a, const char *check, const char *what,
    const char *privileges, const char *grant, const char **from, struct err *e);

/* What the servers made themselves. */
#define AUDIT_MY_OWN_SCHEMAS "('mysql', 'sys', 'information_schema', 'performance_schema', " \
	"'" AUDIT_MY_SCHEMA "')"

/* ---- the readers, in their order --------------------------------------------------- */

int audit_my_place(struct audit_my *a, struct err *e);	/* my_place.c: for B5 */
int audit_my_settings(struct audit_my *a, struct err *e);	/* my_settings.c: B4, and ours */
int audit_my_schemas(struct audit_my *a, struct err *e);	/* my_gift.c */
int audit_my_mysql(struct audit_my *a, struct err *e);		/* accounts, global rights */
int audit_my_mariadb(struct audit_my *a, struct err *e);
int audit_my_roles(struct audit_my *a, struct err *e);		/* role edges, PROXY */
int audit_my_code(struct audit_my *a, struct err *e);		/* definers */
int audit_my_objects(struct audit_my *a, struct err *e);	/* databases, tables, ... */
int audit_my_logins(struct audit_my *a, struct err *e);		/* M1, M11, B7 */

#endif
