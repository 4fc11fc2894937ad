/*
 * The fix of a finding: a small cut of the graph as SQL, and its inverse.
 *
 * A cut takes away steps and powers so that the account reaches the sink no more under
 * that check.  It is tried on the graph first: no finding may appear, and no account may
 * lose what its class needs.  Small, not the smallest: that problem is NP-hard.
 */
#ifndef AUDIT_FIX_H
#define AUDIT_FIX_H

#include "audit/judge.h"
#include "base/buf.h"

struct finding_fix {
	/* The statements, each ending in ";\n"; a line "\connect db" where one is needed. */
	char *sql, *undo;
	const char *advice;	/* in words: what SQL cannot cut, or NULL; may be the graph's */
	uint32_t remaining;	/* paths that the cut leaves, 0: none */
	const char *remains;	/* the shortest of them, as fix_path draws it, or NULL */
};

/*
 * Fill v->finding[..].fix; it belongs to the verdict.  A finding without SQL has sql "" and
 * an advice.  Findings with the same cut share sql, undo and advice (one pointer): 5,000
 * members of a group may have one fix of 100,000 statements.  v is judge's, with nothing
 * removed.  0, or -1: ERR_SYSTEM.
 */
int fix_all(const struct graph *g, const struct policy *p, struct verdict *v, struct err *e);

/*
 * All fixes as one script for review, each statement once, in an order that works; undo:
 * the script that takes it back.  After fix_all.  0, or -1: ERR_SYSTEM.
 */
int fix_script(const struct graph *g, const struct verdict *v, int undo, struct buf *b,
    struct err *e);

/*
 * A path in one line: "shop_app -> member of deploy -> owns schema sales -> DROP TABLE".
 * Appended to b.
 */
void fix_path(const struct graph *g, const struct finding *f, struct buf *b);

#endif
