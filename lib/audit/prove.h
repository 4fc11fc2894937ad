/*
 * Proving findings: on a throwaway copy of the server, become the account, walk the path,
 * and really try what stands at its end.
 *
 * How a path is walked.  A session is opened as the account, in the database where the
 * first SQL of the path must run, and a transaction begun, which is rolled back at the end.
 *
 *	step	Its `proof` statements are run.  They may leave the session as the account that
 *		the step leads to (SET ROLE), or only show that the holder could get there
 *		(code that ran as the other account).  Where a step gives BECOME and the
 *		session is not that account then, or where the database changes, a new
 *		session as that account goes on.  A hub is nobody: the session stays who it
 *		was.  Without a proof a step that gives USE works by itself; a path with
 *		another one is not tried.
 *		SET ROLE gives up what one had before.  So where the end is refused, the path
 *		is walked again without the last SET ROLE, as a member; and again.
 *	power	Its `proof` statements are run.  One that cannot run in a transaction block
 *		(DROP DATABASE, ALTER SYSTEM) is tried without one when all others have been,
 *		as whoever the session was; what it did is put right.  There may be several
 *		proofs, "\nELSE\n" between them: where one fails the next is tried.
 *
 * So proofs are written for one session, statement by statement (";\n" between them), and
 * need not undo what a rollback undoes.  %o is the object and %% a percent sign; %n and
 * %g mean nothing here.  A copy has no replication slots, and its settings are our own.
 *
 * Two statements are the way's own:
 *
 *	\connect host='h' user='u'	a session as that one by way of the network or
 *		(without host) the socket, let in by pg_hba.conf as the server had it,
 *		without a password; in the database where the first SQL of the path must
 *		run.  Only to see that it is possible: what follows runs as after any breach
 *	\victim	there is a session of a role bulkhead_victim, which is no superuser's
 *
 * Confirmed: all went through.  Refuted: the server said no, for want of a right (SQLSTATE
 * 42501) or of a password that was asked for (2F003, or at the door), or because the
 * database's own code did (P0001).  All else is not tried: no proof, another error, a
 * fault.  Of several objects the first few are tried, until one is confirmed.
 */
#ifndef AUDIT_PROVE_H
#define AUDIT_PROVE_H

#include "audit/judge.h"

enum proof_outcome { PROOF_UNTRIED, PROOF_CONFIRMED, PROOF_REFUTED };

struct proof {
	enum proof_outcome outcome;
	char *statement;	/* that worked, or was refused; NULL: none was run */
	char *words;		/* why not: the server's words, or ours; NULL: confirmed */
	int moot;		/* a fault, or no path: there is nothing that could be tried */
};

/* What came of one statement, or of opening a session. */
enum prove_what { PROVE_DONE, PROVE_DENIED, PROVE_NO_BLOCK, PROVE_FAILED };
struct prove_answer {
	enum prove_what what;
	char words[256];	/* the server's, when not PROVE_DONE */
};

/*
 * A way to the throwaway server; audit/prove_pg.h makes one.
 *
 *	open	a session as that account, in database db; "": in any that lets it in, but
 *		not in the one whose quoted name is not_in (may be NULL).  NULL: *a says why.
 *		As anyone who reaches the server: it can only \connect
 *	begin	a transaction; end: roll it back
 *	run	one statement
 *	who	who the session is now, valid until the next call; NULL: not known
 *	mend	put right what statements did that no rollback undoes
 *
 * NULL and -1 with *e set: the server is gone.
 */
struct prove_session;
struct prove_way {
	struct prove_session *(*open)(void *ctx, const struct graph_node *account,
	    const char *db, const char *not_in, struct prove_answer *a, struct err *e);
	int (*begin)(struct prove_session *s, struct err *e);
	int (*run)(struct prove_session *s, const char *sql, struct prove_answer *a,
	    struct err *e);
	const char *(*who)(struct prove_session *s);
	void (*end)(struct prove_session *s);	/* and close */
	int (*mend)(void *ctx, struct err *e);
	void *ctx;
};

struct proofs {
	struct proof *proof;	/* one for each finding of the verdict */
	uint32_t n;
};

/*
 * A copy's settings are ours, and so is this line of its pg_hba.conf: take what a reader
 * found in them (checks B4, H1 and S1: faults, unknowns, steps by that line) out of the
 * graph, before it is finished.
 */
void prove_forget_settings(struct graph *g, const char *our_line);

/* 0, or -1: ERR_SYSTEM, or what the way said.  proofs_free in any case. */
int prove_all(const struct graph *g, const struct verdict *v, const struct prove_way *way,
    struct proofs *out, struct err *e);
void proofs_free(struct proofs *p);

/*
 * ERR_NEGATIVE: something at or above fail_on is confirmed; ERR_INCOMPLETE: not that, but
 * something there could not be tried (and is not moot), or read; else ERR_NONE.
 */
enum err_kind proofs_outcome(const struct graph *g, const struct verdict *v,
    const struct proofs *p, enum severity fail_on);

/* "confirmed", "refuted", "not tried". */
const char *proof_word(enum proof_outcome o);

#endif
