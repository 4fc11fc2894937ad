/*
 * The graph of power: who can become whom on a server, and who can do what.
 *
 * Nodes are accounts, PUBLIC, anyone who reaches the server, and hubs (a hub stands for
 * many: "every role but superusers").  A *step* leads from one node to another; a *power*
 * leads from a node to a *sink*, what it could do in the end.  Each carries the catalog row
 * that makes it, the SQL that would take it away, the SQL that would bring it back, and
 * the SQL that tries it out.  A reader (audit/pg.h, audit/my.h) fills the graph from one
 * server; audit/judge.h finds paths in it; nothing in here knows a server family.
 *
 * A node can be held in two ways: USED (its grants count: an inherited membership) or
 * BECOME (also what is its own: attributes, SET ROLE onwards).  Whoever has BECOME has USED.
 * An account has BECOME of itself, and USED of PUBLIC.
 *
 * A power on objects in a database or schema counts only for whom holds the passes of its
 * gates: CONNECT on the database, USAGE on the schema.  Any node reached may hold them.
 *
 * Strings are interned: equal strings are one pointer, and live as long as the graph.
 * Sets of objects are shared: all tables of a schema with the same owner and ACL are one.
 * So a server with 5,000 roles and 100,000 tables takes tens of MiB, not GiB.
 *
 * SQL templates: %o becomes each object of the set (as the set has it, quoted), %f each of
 * its followers, %n the policy's owner for such objects, %g the privileges that the account's
 * class may have on such an object ("SELECT, INSERT"; a statement with %g or %f is left out
 * when there are none), %a the account that gets something,
 * %% a percent sign.  Statements are separated by ";\n".  NULL: there is none.
 *
 * What a fix takes away may hang on what another one takes away, such as a grant on the grant
 * option that it was made by.  So such a thing has a number, its *part* (graph_part), and a
 * statement may begin with conditions: %{4 6} it is left out unless all of these
 * parts go by the same script; %{!4 6} it is left out when all of them go.  The odd number
 * behind a part is what falls with it and may also go alone: the grant option of a grant.
 * %{once} it is left out when the script says it already in that database.  %{n} it is left
 * out unless the new owner is named elsewhere in the template.  In a script the higher parts
 * come first, so a part that hangs on another has the higher number; a new owner comes last.
 */
#ifndef AUDIT_GRAPH_H
#define AUDIT_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "audit/check.h"
#include "base/err.h"

enum sink {
	SINK_SUPER,	 /* everything: superuser, or as good as that */
	SINK_OS,	 /* commands or files of the server's host */
	SINK_READ_ALL,	 /* read what is not its own */
	SINK_WRITE,	 /* change rows */
	SINK_DROP,	 /* drop, truncate or alter objects */
	SINK_SECRETS,	 /* password hashes, stored credentials */
	SINK_LOGKILL,	 /* end or erase the log, or keep changes out of it */
	SINK_BACKUPKILL, /* delete from the repository */
	SINK_AUDITOFF,	 /* silence the server's own log of who did what */
	SINK_NONE,	 /* nowhere by itself: U1; a harmless right that may be needed */
	SINK_COUNT
};

/* "SUPER", "OS", "READ_ALL", ...; and back: SINK_COUNT when it is none. */
const char *sink_name(enum sink s);
enum sink sink_of(const char *name);

enum node_kind { NODE_ACCOUNT, NODE_PUBLIC, NODE_ANYONE, NODE_HUB, NODE_SERVER };

struct graph_node {
	const char *name;	/* as people write it: shop_app, 'app'@'%' */
	const char *sql;	/* quoted, as a template; "" for hubs, anyone and the server */
	const char *until;	/* when its elevation ends, ISO 8601, or NULL: never */
	enum node_kind kind;
	uint8_t login;		/* can log in */
	uint8_t builtin;	/* comes with the server, and nobody logs in as it */
	uint8_t bootstrap;	/* the superuser that the server was made with */
};

/* Objects of one kind in one place that share owner and ACL. */
struct graph_set {
	const char *kind;	/* "table", "schema", "function", ...; "" for the server as such */
	const char *db, *schema; /* for people, unquoted; "" where there is none */
	const char **object;	/* each quoted and qualified, as SQL wants it */
	const char **follower;	/* its owner follows theirs: sequences of serial columns */
	uint32_t n, cap, followers, follower_cap;
	uint32_t id;		/* its place in graph.set */
};

/*
 * How an account gets the same right or gate as its own, before the way to it is cut; both
 * templates.  Two powers on one set with the same priv and part are the same right.
 */
struct graph_gift {
	const char *give, *ungive; /* "GRANT %g ON TABLE %o TO %a", and its inverse */
	const char *part;	/* the column, when it is none on the whole object; NULL */
};

#define GRAPH_NO_GATE UINT32_MAX

/* CONNECT on a database, USAGE on a schema. */
struct graph_gate {
	const char *name;	/* "CONNECT on shop" */
	const char *into;	/* the database of CONNECT, else NULL */
	const char *db;		/* where its gift must run; NULL: anywhere */
	const struct graph_gift *gift; /* without %o and %g; NULL: it cannot be given */
};

enum step_how { STEP_USE, STEP_BECOME };

/* What a step or a power is made of. All strings interned; see above for templates. */
struct graph_basis {
	const char *why;	/* for the path: "member of deploy", "owns schema sales" */
	const char *row;	/* the catalog row: "pg_auth_members(deploy, shop_app)" */
	const char *fix, *undo;	/* templates, or NULL: no SQL takes it away; see advice */
	const char *advice;	/* what to do instead, in words, or NULL */
	const char *proof;	/* template: what `prove` runs as the holder, or NULL */
	const char *db;		/* where all of these must run; NULL: where the set is, or anywhere */
	const struct graph_gift *gift;	/* of a power, graph_gift made it; NULL: there is none */
	uint64_t part;		/* what the fix takes away; 0: nothing hangs on it */
};

struct graph_step {
	uint32_t from, to;
	enum step_how needs, gives;
	/* A breach is a fault by itself (a trust line, a hijackable function), whoever takes
	   it: findings through it bear its check.  A membership is none. */
	uint8_t breach;
	/* Who takes it grants itself something first (ADMIN on a role): nobody needs that. */
	uint8_t regrant;
	const struct check *check;
	const struct graph_basis *basis;
	/* What %o in the basis stands for, or NULL.  With the basis and the set of a power it
	   says that the same statements take both away. */
	const struct graph_set *set;
};

struct graph_power {
	uint32_t from;
	enum step_how needs;
	enum sink sink;
	enum severity severity;
	const char *priv;	/* what a policy calls it: "TRUNCATE", "OWNER", "SUPERUSER" */
	const char *act;	/* what could be done, for the path's end: "DROP TABLE" */
	uint32_t gate[2];	/* all must be passed; GRAPH_NO_GATE */
	const struct graph_set *set;
	const struct check *check;
	const struct graph_basis *basis;
};

/* What could not be read: never a pass. */
struct graph_unknown {
	const struct check *check;
	const char *what;	/* "pg_hba_file_rules", "database shop2" */
	const char *why;	/* the server's words */
	const char *grant;	/* SQL that would let it be read, or NULL */
};

/* A state of the server that is wrong whoever it is: no path leads there. */
struct graph_fault {
	const struct check *check;
	enum severity severity;
	enum sink sink;
	const char *subject;	/* "archive_command", "pg_hba.conf line 4", an account's name */
	uint32_t gate;		/* CONNECT, shut for PUBLIC by its fix; or GRAPH_NO_GATE */
	const struct graph_basis *basis; /* why: the whole sentence */
};

struct graph {
	struct graph_node *node;
	struct graph_step *step;
	struct graph_power *power;
	struct graph_set **set;
	struct graph_unknown *unknown;
	struct graph_fault *fault;
	struct graph_gate *gate;
	const char **directory;	/* of this very host, that hold the server's data */
	uint64_t *pass;		/* node << 32 | gate, sorted by graph_finish */
	uint32_t nodes, steps, powers, sets, unknowns, faults, gates, passes, directories;
	uint32_t *step_from, *power_from; /* after graph_finish: node i's are [x[i], x[i + 1]) */
	uint64_t parts;			/* how many graph_part gave */
	struct graph_private *priv;	/* memory, the strings, capacities */
};

/* The node of the server itself, which every graph has: faults are findings of it. */
#define GRAPH_SERVER 0

/* NULL: out of memory. */
struct graph *graph_new(void);
void graph_free(struct graph *g);

/*
 * All of these are sticky: after a failed allocation they are harmless (they return
 * something that may be passed on), and graph_finish tells.
 */
const char *graph_string(struct graph *g, const char *s);
const char *graph_printf(struct graph *g, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The node of that kind and name, made when new; its other fields are the reader's to set. */
uint32_t graph_node(struct graph *g, enum node_kind kind, const char *name, const char *sql);
/* The gate of that name, made when new. */
uint32_t graph_gate(struct graph *g, const char *name);
/* Where it leads, and how to let somebody through it. */
void graph_gate_gift(struct graph *g, uint32_t gate, const char *into, const char *db,
    const struct graph_gift *gift);
void graph_pass(struct graph *g, uint32_t node, uint32_t gate);
/* A directory with the server's data; only when the server is known to run on this host. */
void graph_directory(struct graph *g, const char *path);
/* The set of this key, made when new; key is the reader's own, and says all that they share. */
struct graph_set *graph_set(struct graph *g, const char *key, const char *kind, const char *db,
    const char *schema);
void graph_set_add(struct graph *g, struct graph_set *set, const char *object);
void graph_set_follow(struct graph *g, struct graph_set *set, const char *follower);
/* A new part: an even number, lower than all before, so what hangs on others comes first. */
uint64_t graph_part(struct graph *g);
/* These copy what is given, its strings interned; equal ones are one pointer. */
const struct graph_gift *graph_gift(struct graph *g, const struct graph_gift *gift);
const struct graph_basis *graph_basis(struct graph *g, const struct graph_basis *b);
void graph_step(struct graph *g, const struct graph_step *s);
void graph_power(struct graph *g, const struct graph_power *p);
void graph_unknown(struct graph *g, const char *check, const char *what, const char *why,
    const char *grant);
void graph_fault(struct graph *g, const char *check, enum severity severity, enum sink sink,
    const char *subject, const struct graph_basis *b);
/* The fix of the fault that was added last closes that gate for PUBLIC. */
void graph_fault_gate(struct graph *g, uint32_t gate);

/*
 * Sort and index; nothing is added behind it but unknowns and faults.  0, or -1: ERR_SYSTEM;
 * ERR_BUG: a reader made a step or power of no node, behind no gate, or without check, basis
 * or set.
 */
int graph_finish(struct graph *g, struct err *e);

/* Has memory sufficed so far?  0, or -1: ERR_SYSTEM. */
int graph_check(const struct graph *g, struct err *e);

#endif
