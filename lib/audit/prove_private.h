/*
 * Shared by prove.c and prove_walk.c only.
 */
#ifndef AUDIT_PROVE_PRIVATE_H
#define AUDIT_PROVE_PRIVATE_H

#include "audit/prove.h"
#include "base/buf.h"

/* A proof whose end cannot run in a transaction: for the second round. */
struct later {
	uint32_t finding, holder;
	const char *object, *template;
	char *statement;	/* that could not; owned */
};

struct prover {
	const struct graph *g;
	const struct verdict *v;
	const struct prove_way *way;
	struct proof *proof;
	struct later *later;
	uint32_t laters, cap;
};

/* One attempt: a finding with one of its objects and one of its end's proofs. */
struct walk {
	struct prover *p;
	const struct finding *f;
	const char *object;
	const char *template;	/* the power's proof, or one of its alternatives */
	uint32_t taken;		/* so many steps are; on those behind it stays who it is */
	int arrived;		/* at the power: what is refused is not the way */
	struct proof *out;
	struct prove_session *session;
	const char *db;		/* the session's, "" any */
	uint32_t holder;	/* who the session is */
};

/* ---- results ---- */

void prove_forget(struct proof *p);

/* words NULL: none; statement NULL: none was run.  0, or -1: ERR_SYSTEM. */
int prove_settle(struct proof *p, enum proof_outcome outcome, const char *statement,
    const char *words, struct err *e);

/* A no, or an obstacle: 0, so that the walk ends there, or -1. */
int prove_settle_answer(struct walk *w, const char *statement, const struct prove_answer *a,
    struct err *e);

/* ---- templates ---- */

/* The proof behind this one; NULL: it was the last. */
const char *prove_alternative(const char *template);

/*
 * Run a template in the session: 1 all went through; 0 not, and *a says how and b which
 * statement; -1.  b ends with the last one run.
 */
int prove_template(struct walk *w, const char *template, struct buf *b,
    struct prove_answer *a, struct err *e);

/* ---- the walk ---- */

/* The database that this basis and set call for; "": any. */
const char *prove_database_of(const struct graph_basis *b, const struct graph_set *set);

void prove_leave(struct walk *w);

/*
 * From p, f, object, template and taken: w->out, or, for what has no transaction, one more in
 * p->later.  0, or -1.
 */
int prove_walk(struct walk *w, struct err *e);

#endif
