/*
 * Proving findings: on a throwaway copy of the server, become the account, walk the path,
 * and really try what stands at its end.
 *
 * How a path is walked.  A session is opened as the account, in the database of the power
 * (else of the first basis that names one), and a transaction begun, which is rolled
 * back at the end.
 *
 *	step	Its `proof` statements are run in the session.  They may leave the session
 *		as the account that the step leads to (SET ROLE), or only show that the holder
 *		could get there (code that ran as the other account).  Where a step gives
 *		BECOME and the session is not that account then, a new session as that account
 *		goes on.  A hub is nobody: the session stays who it was.  Without a proof: a
 *		step that gives USE needs none, it works by itself; another one is not tried.
 *	power	Its `proof` statements are run.  A statement that cannot run in a
 *		transaction block (DROP DATABASE, ALTER SYSTEM) is tried at the very end, as
 *		whoever the session was, without one; what it did is put right.
 *
 * So proofs are written for one session, each statement by itself (they are separated by
 * ";\n"), and need not clean up what a rollback undoes.  A copy has no replication slots.
 * In a proof %o is the object and %% a percent sign; %n and %g mean nothing here.
 *
 * Confirmed: all went through.  Refuted: the server said no for want of a right (SQLSTATE
 * 42501).  All else is not tried: no proof, another error, a path that begins with
 * anyone who reaches the server, a fault.  Of several objects the first few are tried, until one
 * is confirmed.
 */
#ifndef AUDIT_PROVE_H
#define AUDIT_PROVE_H

#include "audit/judge.h"
#include "base/report.h"

enum proof_outcome { PROOF_UNTRIED, PROOF_CONFIRMED, PROOF_REFUTED };

struct proof {
	enum proof_outcome outcome;
	char *statement;	/* that worked, or was refused; NULL: none was run */
	char *words;		/* why not: the server's words, or ours; NULL: confirmed */
};

/* What came of one statement, or of opening a session. */
struct prove_answer {
	enum { PROVE_DONE, PROVE_DENIED, PROVE_NO_BLOCK, PROVE_FAILED } what;
	char words[256];	/* the server's, when not PROVE_DONE */
};

/*
 * A way to the throwaway server; prove_pg.h makes one.  open: a session as that
 * account, in database db (NULL or "": any that lets it in); NULL with *a set, or with *e set
 * when the server is gone.  run: one statement.  who: who the session is now, valid until the next call;
 * NULL: not known.  mend: put right what was left by statements that no rollback undoes.
 * -1 with *e set: the server is gone.
 */
struct prove_session;
struct prove_way {
	struct prove_session *(*open)(void *ctx, const struct graph_node *account,
	    const char *db, struct prove_answer *a, struct err *e);
	int (*run)(struct prove_session *s, const char *sql, struct prove_answer *a,
	    struct err *e);
	const char *(*who)(struct prove_session *s);
	void (*close)(struct prove_session *s);
	int (*mend)(void *ctx, struct err *e);
	void *ctx;
};

struct proofs {
	struct proof *proof;	/* one for each finding of the verdict */
	uint32_t n;
};

/* 0, or -1: ERR_SYSTEM, what the way said, ERR_CANCELLED.  proofs_free in any case. */
int prove_all(const struct graph *g, const struct verdict *v, const struct prove_way *way,
    struct report *report, struct proofs *out, struct err *e);
void proofs_free(struct proofs *p);

/* "confirmed", "refuted", "not tried". */
const char *proof_word(enum proof_outcome o);

#endif
