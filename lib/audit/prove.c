/*
 * Proving findings: walks the paths over a way to the throwaway server, which it does not
 * know, and judges the answers.
 */
#include "audit/prove.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define OBJECTS_TRIED 3
#define ELSE "\nELSE\n"

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

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "out of memory");
}

const char *
proof_word(enum proof_outcome o)
{
	return o == PROOF_CONFIRMED ? "confirmed" : o == PROOF_REFUTED ? "refuted" : "not tried";
}

/* ---- results --------------------------------------------------------------- */

static void
forget(struct proof *p)
{
	free(p->statement);
	free(p->words);
	memset(p, 0, sizeof(*p));
}

/* words NULL: none; statement NULL: none was run. */
static int
settle(struct proof *p, enum proof_outcome outcome, const char *statement, const char *words,
    struct err *e)
{
	forget(p);
	p->outcome = outcome;
	if (statement != NULL && (p->statement = strdup(statement)) == NULL)
		return no_memory(e);
	if (words != NULL && (p->words = strdup(words)) == NULL)
		return no_memory(e);
	return 0;
}

/* A no, or an obstacle: 0, so that the walk ends there, or -1. */
static int
settle_answer(struct walk *w, const char *statement, const struct prove_answer *a, struct err *e)
{
	return settle(w->out, a->what == PROVE_DENIED ? PROOF_REFUTED : PROOF_UNTRIED, statement,
	    a->words, e);
}

/* ---- statements ------------------------------------------------------------ */

/* The proof behind this one; NULL: it was the last. */
static const char *
alternative(const char *template)
{
	const char *p = template != NULL ? strstr(template, ELSE) : NULL;

	return p != NULL ? p + strlen(ELSE) : NULL;
}

static int
ends(const char *p)
{
	return *p == '\0' || strncmp(p, ELSE, strlen(ELSE)) == 0;
}

/* The statement at *template (up to ";\n") with its object in; NULL: no more, or no memory (b). */
static const char *
next_statement(const char **template, const char *object, struct buf *b)
{
	const char *p = *template;

	buf_reset(b);
	for (; !ends(p) && strncmp(p, ";\n", 2) != 0; p++) {
		if (*p == '%' && p[1] != '\0') {
			if (*++p == 'o')
				buf_str(b, object != NULL ? object : "");
			else
				buf_u8(b, (uint8_t)*p);
		} else
			buf_u8(b, (uint8_t)*p);
	}
	*template = ends(p) ? p : p + 2;
	while (b->len > 0 && (b->data[b->len - 1] == ';' || b->data[b->len - 1] == '\n'))
		b->len--;
	return b->len > 0 && !b->failed ? buf_cstr(b) : NULL;
}

/*
 * Run a template in the session: 1 all went through; 0 not, and *a says how and b which
 * statement; -1.  b ends with the last one run.
 */
static int
run_template(struct walk *w, const char *template, struct buf *b, struct prove_answer *a,
    struct err *e)
{
	struct buf next = BUF_INIT;
	const char *sql;
	int rc = 1;

	while (rc > 0 && (sql = next_statement(&template, w->object, &next)) != NULL) {
		buf_reset(b);
		buf_str(b, sql);
		if (w->p->way->run(w->session, sql, a, e) < 0)
			rc = -1;
		else if (a->what != PROVE_DONE)
			rc = 0;
	}
	if (rc >= 0 && (buf_check(&next, e) < 0 || buf_check(b, e) < 0))
		rc = -1;
	buf_free(&next);
	return rc;
}

/* ---- sessions -------------------------------------------------------------- */

static void
leave(struct walk *w)
{
	if (w->session != NULL)
		w->p->way->end(w->session);
	w->session = NULL;
}

/* Does a step grant itself something?  Then a database that is shut now need not stay so. */
static int
may_grant(const struct finding *f)
{
	const char *proof;
	uint32_t i;

	for (i = 0; i < f->steps; i++)
		if ((proof = f->step[i]->basis->proof) != NULL && strncmp(proof, "GRANT ", 6) == 0)
			return 1;
	return 0;
}

/* A session as node in db: 1; 0, and the result says why not; -1. */
static int
enter(struct walk *w, uint32_t node, const char *db, struct err *e)
{
	const struct prove_way *way = w->p->way;
	struct prove_answer a = { PROVE_DONE, "" };

	leave(w);
	w->holder = node;
	w->db = db;
	w->session = way->open(way->ctx, &w->p->g->node[node], db, NULL, &a, e);
	if (a.what == PROVE_DENIED && may_grant(w->f))
		a.what = PROVE_FAILED;
	if (w->session == NULL)
		return e->kind != ERR_NONE ? -1 : settle_answer(w, NULL, &a, e);
	return way->begin(w->session, e) < 0 ? -1 : 1;
}

/* The database that this basis and set call for; "": any. */
static const char *
database_of(const struct graph_basis *b, const struct graph_set *set)
{
	if (b->db != NULL)
		return b->db;
	return set != NULL ? set->db : "";
}

static int take_step(struct walk *w, const struct graph_step *s, struct err *e);

/*
 * The holder's session in another database: as enter.  Who was let in without being asked must
 * be let in there, too.
 */
static int
enter_again(struct walk *w, const char *db, struct err *e)
{
	const struct finding *f = w->f;
	int rc;

	if (w->p->g->node[f->account].kind != NODE_ANYONE || f->steps == 0 ||
	    f->step[0]->to != w->holder)
		return enter(w, w->holder, db, e);
	rc = enter(w, f->account, db, e);
	return rc > 0 ? take_step(w, f->step[0], e) : rc;
}

/* Into the database where the next proof must run, when the session is in another: as enter. */
static int
move(struct walk *w, const struct graph_basis *b, const struct graph_set *set, struct err *e)
{
	const char *db = database_of(b, set);

	if (b->proof == NULL || db[0] == '\0' || (w->session != NULL && strcmp(db, w->db) == 0))
		return 1;
	return enter_again(w, db, e);
}

/* ---- the way --------------------------------------------------------------- */

/*
 * Has the step's proof made the session the account that it leads to?  Else a new one is; also
 * behind a breach, where the code that was planted is still there.
 */
static int
follow(struct walk *w, const struct graph_step *s, struct err *e)
{
	const struct graph_node *to = &w->p->g->node[s->to];
	const char *who;

	if (s->gives != STEP_BECOME || to->kind != NODE_ACCOUNT)
		return 1;
	if (s->breach || (who = w->p->way->who(w->session)) == NULL ||
	    strcmp(who, to->name) != 0)
		return enter(w, s->to, w->db, e);
	w->holder = s->to;
	return 1;
}

static int
without_proof(struct walk *w, const struct graph_basis *b, struct err *e)
{
	char words[256];

	(void)snprintf(words, sizeof(words), "nothing is known that would try \"%s\"", b->why);
	return settle(w->out, PROOF_UNTRIED, NULL, words, e);
}

/* A step that gives less than another identity, or leads to nobody, works by itself. */
static int
needs_proof(const struct walk *w, const struct graph_step *s)
{
	return s->gives == STEP_BECOME && w->p->g->node[s->to].kind != NODE_HUB;
}

/* The first step that nobody knows how to try; NULL: there is none. */
static const struct graph_step *
unknown_step(const struct walk *w)
{
	uint32_t i;

	for (i = 0; i < w->f->steps; i++)
		if (w->f->step[i]->basis->proof == NULL && needs_proof(w, w->f->step[i]))
			return w->f->step[i];
	return NULL;
}

/* 1: taken; 0: the result says why not; -1. */
static int
take_step(struct walk *w, const struct graph_step *s, struct err *e)
{
	struct prove_answer a = { PROVE_DONE, "" };
	struct buf b = BUF_INIT;
	int rc;

	if (s->basis->proof == NULL)
		return 1;
	if ((rc = move(w, s->basis, s->set, e)) <= 0)
		return rc;
	if ((rc = run_template(w, s->basis->proof, &b, &a, e)) == 0)
		rc = settle_answer(w, buf_cstr(&b), &a, e);
	else if (rc > 0)
		rc = follow(w, s, e);
	buf_free(&b);
	return rc;
}

static int
put_off(struct walk *w, const char *statement, struct err *e)
{
	struct prover *p = w->p;
	struct later *more, l = { (uint32_t)(w->f - p->v->finding), w->holder, w->object,
		w->template, strdup(statement) };

	if (l.statement == NULL)
		return no_memory(e);
	if (p->laters == p->cap) {
		p->cap = p->cap == 0 ? 16 : p->cap * 2;
		if ((more = realloc(p->later, p->cap * sizeof(*more))) == NULL) {
			free(l.statement);
			return no_memory(e);
		}
		p->later = more;
	}
	p->later[p->laters++] = l;
	return 0;
}

/* The end of the path.  1: tried, or put off; the result is there but for the latter. */
static int
take_power(struct walk *w, const struct graph_power *power, struct err *e)
{
	struct prove_answer a = { PROVE_DONE, "" };
	struct buf b = BUF_INIT;
	int rc;

	if (power->basis->proof == NULL)
		return without_proof(w, power->basis, e);
	if ((rc = move(w, power->basis, power->set, e)) <= 0)
		return rc;
	rc = run_template(w, w->template, &b, &a, e);
	if (rc > 0)
		rc = settle(w->out, PROOF_CONFIRMED, buf_cstr(&b), NULL, e);
	else if (rc == 0 && a.what == PROVE_NO_BLOCK)
		rc = put_off(w, buf_cstr(&b), e);
	else if (rc == 0)
		rc = settle_answer(w, buf_cstr(&b), &a, e);
	buf_free(&b);
	return rc;
}

/* Where the first SQL of the path must run. */
static const char *
first_database(const struct finding *f)
{
	const char *db;
	uint32_t i;

	for (i = 0; i < f->steps; i++)
		if (f->step[i]->basis->proof != NULL &&
		    *(db = database_of(f->step[i]->basis, f->step[i]->set)) != '\0')
			return db;
	return database_of(f->power->basis, f->power->set);
}

static int
walk(struct walk *w, struct err *e)
{
	const struct graph_step *unknown = unknown_step(w);
	uint32_t i;
	int rc;

	if (unknown != NULL)
		return without_proof(w, unknown->basis, e);
	rc = enter(w, w->f->account, first_database(w->f), e);
	for (i = 0; rc > 0 && i < w->taken; i++)
		rc = take_step(w, w->f->step[i], e);
	w->arrived = rc > 0;
	if (w->arrived)
		rc = take_power(w, w->f->power, e);
	leave(w);
	return rc < 0 ? -1 : 0;
}

/* ---- findings -------------------------------------------------------------- */

/* Why a finding is none of those that can be tried; NULL: it is. */
static const char *
cannot_try(const struct graph *g, const struct finding *f, int *moot)
{
	*moot = 1;
	if (f->fault != NULL)
		return "a state of the server, not what an account could do";
	if (f->power == NULL)
		return "there is nothing at its end to try";
	*moot = 0;
	if (g->node[f->account].kind != NODE_ACCOUNT && g->node[f->account].kind != NODE_ANYONE)
		return "it is no account's";
	return NULL;
}

/* The i-th object to try: the one that the finding names, then the others. */
static const char *
object_of(const struct finding *f, uint32_t i)
{
	const struct graph_set *set = f->power->set;

	if (i == 0)
		return f->object != NULL ? f->object : set != NULL && set->n > 0 ? set->object[0] : NULL;
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
	rc = walk(w, e);
	if (rc == 0 && (first || now.outcome == PROOF_CONFIRMED ||
		(now.outcome == PROOF_UNTRIED && best->outcome == PROOF_REFUTED))) {
		forget(best);
		*best = now;
	} else
		forget(&now);
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

	for (i = 0; i < OBJECTS_TRIED && ((w.object = object_of(f, i)) != NULL || i == 0); i++) {
		w.template = f->power->basis->proof;
		do {
			if ((rc = try_roles(&w, out, first, e)) != 0)
				return rc < 0 ? -1 : 0;
			first = 0;
		} while ((w.template = alternative(w.template)) != NULL);
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
	rc = settle(out, PROOF_UNTRIED, NULL, why, e);
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
	const char *db = is_drop(l) ? "" : database_of(f->power->basis, f->power->set);
	int rc;

	w.session = p->way->open(p->way->ctx, &p->g->node[l->holder], db, l->object, &a, e);
	if (w.session == NULL)
		return e->kind != ERR_NONE ? -1 : settle_answer(&w, NULL, &a, e);
	rc = run_template(&w, l->template, &b, &a, e);
	leave(&w);
	if (rc > 0)
		rc = settle(w.out, PROOF_CONFIRMED, buf_cstr(&b), NULL, e);
	else if (rc == 0)
		rc = settle_answer(&w, buf_cstr(&b), &a, e);
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
	return strcmp(c->id, "B4") == 0 || strcmp(c->id, "H1") == 0 || strcmp(c->id, "S1") == 0;
}

static int
is_ours(const struct graph_step *s, const char *our_line)
{
	const char *row = s->basis->row;
	size_t n = strlen(our_line), len = row != NULL ? strlen(row) : 0;

	return strcmp(s->check->id, "H1") == 0 && len >= n && strcmp(row + len - n, our_line) == 0;
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
		forget(&p->proof[i]);
	free(p->proof);
	p->proof = NULL;
	p->n = 0;
}
