/*
 * What privaudit prints of a verdict: for people, as JSON Lines, as TAP, as SARIF 2.1.0;
 * and the baseline, which says what is new, gone and changed since then.
 */
#ifndef AUDIT_TELL_H
#define AUDIT_TELL_H

#include <stdio.h>

#include "audit/fix.h"
#include "audit/prove.h"

enum tell_format { TELL_TEXT, TELL_JSON, TELL_TAP, TELL_SARIF };

struct baseline;

/*
 * Read what --json wrote earlier.  ERR_NOTFOUND, ERR_IO, ERR_CORRUPT (not such a file;
 * an incomplete one: it has no result line).
 */
struct baseline *baseline_read(const char *path, struct err *e);
void baseline_free(struct baseline *b);

struct telling {
	const struct graph *g;
	const struct policy *policy;
	const char *policy_file;	/* or NULL */
	const struct verdict *v;
	const struct proofs *proofs;	/* what came of trying them; NULL: nobody tried */
	const struct baseline *baseline; /* or NULL */
	const char *server;		/* its name and version */
	unsigned engine;		/* CHECK_...: which checks there are on it */
	enum severity fail_on;
	int fixes;			/* with SQL and inverse; --json has them anyway */
	int accounts;			/* --json lists those that can log in, too */
};

/*
 * What the run comes to: 0 clean, ERR_NEGATIVE: findings at or above fail_on (with a
 * baseline: new or worse ones), ERR_INCOMPLETE: none of these, but unknowns.  With proofs:
 * as proofs_outcome says.
 */
enum err_kind tell_outcome(const struct telling *t);

/* Each path with the rows that make it, for people. As tell. */
int tell_why(const struct telling *t, FILE *f, struct err *e);

/* Print it on f.  0, or -1: ERR_IO, ERR_SYSTEM. */
int tell(const struct telling *t, enum tell_format format, FILE *f, struct err *e);

#endif
