/*
 * The judge: which accounts can reach a sink that their class forbids, and the shortest way.
 *
 * A finding is one account, one check, one sink: the shortest path there, and how many
 * objects lie at its end.  Its check is that of the first breach on the path, else that of the
 * power at the end.  An account that no policy line names is judged as a class that may
 * nothing, under a finding of its own (check U1).  Faults and expired exceptions are
 * findings, too.  The order: accounts with the worst finding first, then by name; within an
 * account the worst first.
 */
#ifndef AUDIT_JUDGE_H
#define AUDIT_JUDGE_H

#include <stdint.h>

#include "audit/graph.h"
#include "audit/policy.h"
#include "base/err.h"

#define FINGERPRINT_MAX 17

struct finding {
	char fingerprint[FINGERPRINT_MAX]; /* of account, check, sink: the same in each run */
	const struct check *check;
	enum severity severity;
	enum sink sink;
	uint32_t account;	/* node; for a fault the server's node */
	const struct graph_step **step;	/* the path; steps of them, may be 0 */
	uint32_t steps;
	const struct graph_power *power; /* its end; NULL for a fault and for U1 */
	const struct graph_fault *fault;
	const char *object;	/* the first object at its end, or NULL */
	uint64_t objects;	/* that this account reaches so, under this check and sink */
	struct policy_except *expired;	/* an exception that has run out raised it, or NULL */
	struct finding_fix *fix; /* audit/fix.h; NULL before */
};

struct verdict {
	struct finding *finding;
	uint32_t n;
	uint32_t excepted;	/* powers that an exception in force covers */
	uint32_t accounts;	/* that were judged */
	struct judge_private *priv;
};

/* What to look at.  removed_*: bitmaps over the graph's steps and powers, or NULL. */
struct judge_options {
	const uint8_t *removed_step, *removed_power;
	uint32_t account;	/* only this node, UINT32_MAX: all */
	int why;		/* as if every class may nothing: what `why` shows */
};

/* 0, or -1: ERR_SYSTEM.  The verdict borrows graph and policy. */
int judge(const struct graph *g, const struct policy *p, const struct judge_options *o,
    struct verdict *v, struct err *e);
void verdict_free(struct verdict *v);

#endif
