/*
 * Proving findings: which paths are walked, over which of their objects, in which order, and
 * what it comes to.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/prove_private.h"

#define OBJECTS_TRIED 3

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "out of memory");
}

const char *
proof_word(enum proof_outcome o)
{
	return o == PROOF_CONFIRMED ? "confirmed" :
	    o == PROOF_REFUTED ? "refuted" : "not tried";
}

/* ---- findings -------------------------------------------------------------- */

/* Why a finding is none of those that can be tried; NULL: it is. */
static const char *
cannot_try(const struct graph *g, const struct finding *f, int *moot)
{
	enum node_kind kind = g->node[f->account].kind;

	*moot = 1;
	if (f->fault != NULL)
		return "a state of the server, not what an account could do";
	if (f->power == NULL)
		return "there is nothing at its end to try";
	*moot = 0;
	if (kind != NODE_ACCOUNT && kind != NODE_ANYONE)
		return "it is no account's";
	return NULL;
}

/* The i-th object to try: the one that the finding names, then the others. */
static const char *
object_of(const struct finding *f, uint32_t i)
{
	const struct graph_set *set = f->power->set;

	if (i == 0 && f->object != NULL)
		return f->object;
	if (set == NULL || i >= set->n)
		return NULL;
	return f->object != NULL && strcmp(set->object[i], f->object) == 0 ? set->object[0] :
	    set->object[i];
}

/*
 * One attempt; better: it did more than what came of those before.  The first answer counts
 * when none is confirmed, but a refusal less than an obstacle: that one may be the only
 * way out.
 */
static int
attempt(struct walk *w, struct proof *best, int first, struct err *e)
{
	struct proof now = { .outcome = PROOF_UNTRIED };
	int rc;

	w->out = &now;
	rc = prove_walk(w, e);
	if (rc == 0 && (first || now.outcome == PROOF_CONFIRMED ||
		(now.outcome == PROOF_UNTRIED && best->outcome == PROOF_REFUTED))) {
		prove_forget(best);
		*best = now;
	} else
		prove_forget(&now);
	return rc;
}

/* Is the last step that was taken one that could be left out, for who inherits? */
static int
may_stay(const struct walk *w)
{
	const struct graph_step *s = w->taken > 0 ? w->f->step[w->taken - 1] : NULL;

	return s != NULL && !s->breach && s->basis->proof != NULL &&
	    strncmp(s->basis->proof, "SET ROLE ", 9) == 0;
}

/*
 * SET ROLE leaves behind what one had before: a right that the path needs besides (USAGE on
 * a schema, say).  So who is refused as the role tries it again as a member of it.  1: there
 * is nothing more to try; 0; -1.
 */
static int
try_roles(struct walk *w, struct proof *best, int first, struct err *e)
{
	uint32_t before = w->p->laters;

	w->taken = w->f->steps;
	for (;;) {
		if (attempt(w, best, first, e) != 0)
			return -1;
		if (best->outcome == PROOF_CONFIRMED || w->p->laters != before)
			return 1;
		if (best->outcome != PROOF_REFUTED || !w->arrived || !may_stay(w))
			return 0;
		w->taken--;
		first = 0;
	}
}

/* Another object, or another way to the same end, may do where the first one did not. */
static int
try_finding(struct prover *p, const struct finding *f, struct proof *out, struct err *e)
{
	struct walk w = { .p = p, .f = f };
	uint32_t i;
	int rc, first = 1;

	for (i = 0; i < OBJECTS_TRIED; i++) {
		if ((w.object = object_of(f, i)) == NULL && i > 0)
			break;
		w.template = f->power->basis->proof;
		do {
			if ((rc = try_roles(&w, out, first, e)) != 0)
				return rc < 0 ? -1 : 0;
			first = 0;
		} while ((w.template = prove_alternative(w.template)) != NULL);
	}
	return 0;
}

static int
prove_finding(struct prover *p, const struct finding *f, struct proof *out, struct err *e)
{
	int moot, rc;
	const char *why = cannot_try(p->g, f, &moot);

	if (why == NULL)
		return try_finding(p, f, out, e);
	rc = prove_settle(out, PROOF_UNTRIED, NULL, why, e);
	out->moot = moot;
	return rc;
}

/* ---- what has no transaction ----------------------------------------------- */

/* What takes an object away comes behind what may still need it. */
static int
is_drop(const struct later *l)
{
	return strncmp(l->statement, "DROP ", 5) == 0;
}

static int
prove_later(struct prover *p, const struct later *l, struct err *e)
{
	const struct finding *f = &p->v->finding[l->finding];
	struct walk w = { .p = p, .f = f, .object = l->object, .out = &p->proof[l->finding],
		.holder = l->holder };
	struct prove_answer a = { PROVE_DONE, "" };
	struct buf b = BUF_INIT;
	const char *db = is_drop(l) ? "" : prove_database_of(f->power->basis, f->power->set);
	int rc;

	w.session = p->way->open(p->way->ctx, &p->g->node[l->holder], db, l->object, &a, e);
	if (w.session == NULL)
		return e->kind != ERR_NONE ? -1 : prove_settle_answer(&w, NULL, &a, e);
	rc = prove_template(&w, l->template, &b, &a, e);
	prove_leave(&w);
	if (rc > 0)
		rc = prove_settle(w.out, PROOF_CONFIRMED, buf_cstr(&b), NULL, e);
	else if (rc == 0)
		rc = prove_settle_answer(&w, buf_cstr(&b), &a, e);
	buf_free(&b);
	return rc < 0 ? -1 : p->way->mend(p->way->ctx, e);
}

static int
prove_laters(struct prover *p, struct err *e)
{
	uint32_t i;
	int drop, rc = 0;

	for (drop = 0; drop <= 1; drop++)
		for (i = 0; rc == 0 && i < p->laters; i++)
			if (is_drop(&p->later[i]) == drop)
				rc = prove_later(p, &p->later[i], e);
	return rc;
}

/* ---- what is not the database's -------------------------------------------- */

static int
is_setting(const struct check *c)
{
	return strcmp(c->id, "B4") == 0 || strcmp(c->id, "H1") == 0 ||
	    strcmp(c->id, "S1") == 0;
}

static int
is_ours(const struct graph_step *s, const char *our_line)
{
	const char *row = s->basis->row;
	size_t n = strlen(our_line), len = row != NULL ? strlen(row) : 0;

	return strcmp(s->check->id, "H1") == 0 && len >= n &&
	    strcmp(row + len - n, our_line) == 0;
}

void
prove_forget_settings(struct graph *g, const char *our_line)
{
	uint32_t i, n;

#define FORGET(array, count, which)					\
	for (i = n = 0; i < g->count; i++)				\
		if (!(which))						\
			g->array[n++] = g->array[i];			\
	g->count = n

	FORGET(fault, faults, is_setting(g->fault[i].check));
	FORGET(unknown, unknowns, is_setting(g->unknown[i].check));
	FORGET(step, steps, is_ours(&g->step[i], our_line));
#undef FORGET
}

enum err_kind
proofs_outcome(const struct graph *g, const struct verdict *v, const struct proofs *p,
    enum severity fail_on)
{
	enum err_kind kind = g->unknowns > 0 ? ERR_INCOMPLETE : ERR_NONE;
	uint32_t i;

	for (i = 0; i < p->n; i++) {
		if (v->finding[i].severity < fail_on || p->proof[i].moot)
			continue;
		if (p->proof[i].outcome == PROOF_CONFIRMED)
			return ERR_NEGATIVE;
		if (p->proof[i].outcome == PROOF_UNTRIED)
			kind = ERR_INCOMPLETE;
	}
	return kind;
}

/* ---- all ------------------------------------------------------------------- */

int
prove_all(const struct graph *g, const struct verdict *v, const struct prove_way *way,
    struct proofs *out, struct err *e)
{
	struct prover p = { .g = g, .v = v, .way = way };
	uint32_t i;
	int rc = 0;

	out->n = v->n;
	if ((out->proof = calloc((size_t)v->n + 1, sizeof(*out->proof))) == NULL)
		return no_memory(e);
	p.proof = out->proof;
	for (i = 0; rc == 0 && i < v->n; i++) {
		rc = prove_finding(&p, &v->finding[i], &out->proof[i], e);
		if (rc == 0 && out->proof[i].statement != NULL)
			rc = way->mend(way->ctx, e);
	}
	if (rc == 0)
		rc = prove_laters(&p, e);
	for (i = 0; i < p.laters; i++)
		free(p.later[i].statement);
	free(p.later);
	return rc;
}

void
proofs_free(struct proofs *p)
{
	uint32_t i;

	for (i = 0; p->proof != NULL && i < p->n; i++)
		prove_forget(&p->proof[i]);
	free(p->proof);
	p->proof = NULL;
	p->n = 0;
}
