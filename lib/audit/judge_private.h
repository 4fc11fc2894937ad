/*
 * What judge*.c and fix*.c share: what is forbidden, worked out once, and the leads of one
 * account.
 *
 * A *scope* is what a policy line allows: class, databases, schemas; accounts whose lines say
 * the same share one, and scope 0 may nothing.  A *cell* holds the powers of a node, held
 * in one way, that a scope forbids, as *entries*: those of one check and sink behind the same
 * gates.  So 5,000 members of a group share the work on its 100,000 tables.  A *lead* is an
 * entry that an account reaches.
 */
#ifndef AUDIT_JUDGE_PRIVATE_H
#define AUDIT_JUDGE_PRIVATE_H

#include "audit/intern.h"
#include "audit/judge.h"
#include "audit/reach.h"

struct entry {
	const struct check *check;
	enum sink sink;
	uint32_t gate[2];
	enum severity severity;		/* the worst of them */
	uint32_t worst;			/* the first power with it */
	const char *object;		/* the first of that one's, or NULL */
	uint64_t objects;		/* of all their sets, each set once */
	struct policy_except *expired;	/* that has run out for one of them, or NULL */
	const uint32_t *power;		/* all of them, in the graph's order */
	uint32_t n;
	int own;			/* one account's, after its exceptions */
};

struct cell {
	uint32_t scope, n;
	const struct entry *entry;
	struct cell *next;		/* of another scope */
};

struct lead {
	const struct check *check;	/* of the finding: the first breach's, or the power's */
	uint32_t state;			/* where the way ends */
	const struct entry *entry;
};

struct judge_private {
	const struct graph *g;
	const struct policy *p;
	struct judge_options o;
	struct arena arena, run;	/* run: for one account */
	struct reach reach;
	const struct policy_role **scope_role;	/* [0] is NULL */
	uint32_t scopes;
	uint32_t *scope;		/* of each node */
	uint8_t *named;			/* has a line in the policy */
	uint8_t *excepts;		/* has exceptions */
	struct cell **cell;		/* node * 2 + how it is held */
	uint32_t *sorting;		/* room for all powers of a node */
	uint32_t *set_seen, sets_run;
	struct lead *lead;		/* of the account that was searched last */
	uint32_t leads, lead_cap;
	struct intern unions;
	struct fix_script *script;	/* fix.c's: what all fixes come to */
};

int judge_cells_init(struct judge_private *j, struct err *e);
void judge_cells_free(struct judge_private *j);

/* Is that node judged when all are? */
int judge_is_account(const struct judge_private *j, uint32_t node);

/*
 * Search what that account reaches without the removed steps; j->lead holds what its class
 * forbids of it, the nearest first, without what exceptions in force cover (*excepted, when
 * not NULL, counts these).  0, or -1: ERR_SYSTEM.
 */
int judge_leads(struct judge_private *j, uint32_t account, const uint8_t *removed_step,
    uint32_t *excepted, struct err *e);

/* Start counting sets anew; is that the first time that this one comes? */
void judge_sets_begin(struct judge_private *j);
int judge_set_is_new(struct judge_private *j, const struct graph_set *set);

/* Fingerprints and the order. */
void judge_fingerprint(const struct graph *g, struct finding *f);
int judge_order(const struct graph *g, struct verdict *v, struct err *e);

#endif
