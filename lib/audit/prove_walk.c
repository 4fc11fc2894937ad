/*
 * Walking one path over a way to the throwaway server, and trying what stands at its end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/prove_private.h"

#define ELSE "\nELSE\n"

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "out of memory");
}

/* ---- results --------------------------------------------------------------- */

void
prove_forget(struct proof *p)
{
	free(p->statement);
	free(p->words);
	memset(p, 0, sizeof(*p));
}

int
prove_settle(struct proof *p, enum proof_outcome outcome, const char *statement,
    const char *words, struct err *e)
{
	prove_forget(p);
	p->outcome = outcome;
	if (statement != NULL && (p->statement = strdup(statement)) == NULL)
		return no_memory(e);
	if (words != NULL && (p->words = strdup(words)) == NULL)
		return no_memory(e);
	return 0;
}

int
prove_settle_answer(struct walk *w, const char *statement, const struct prove_answer *a,
    struct err *e)
{
	return prove_settle(w->out, a->what == PROVE_DENIED ? PROOF_REFUTED : PROOF_UNTRIED,
	    statement, a->words, e);
}

/* ---- statements ------------------------------------------------------------ */

const char *
prove_alternative(const char *template)
{
	const char *p = template != NULL ? strstr(template, ELSE) : NULL;

	return p != NULL ? p + strlen(ELSE) : NULL;
}

static int
ends(const char *p)
{
	return *p == '\0' || strncmp(p, ELSE, strlen(ELSE)) == 0;
}

/* The statement at *template (up to ";\n") with its object in; NULL: no more, or no memory. */
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

int
prove_template(struct walk *w, const char *template, struct buf *b, struct prove_answer *a,
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

void
prove_leave(struct walk *w)
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
		if ((proof = f->step[i]->basis->proof) != NULL &&
		    strncmp(proof, "GRANT ", 6) == 0)
			return 1;
	return 0;
}

/* A session as node in db: 1; 0, and the result says why not; -1. */
static int
enter(struct walk *w, uint32_t node, const char *db, struct err *e)
{
	const struct prove_way *way = w->p->way;
	struct prove_answer a = { PROVE_DONE, "" };

	prove_leave(w);
	w->holder = node;
	w->db = db;
	w->session = way->open(way->ctx, &w->p->g->node[node], db, NULL, &a, e);
	if (a.what == PROVE_DENIED && may_grant(w->f))
		a.what = PROVE_FAILED;
	if (w->session == NULL)
		return e->kind != ERR_NONE ? -1 : prove_settle_answer(w, NULL, &a, e);
	return way->begin(w->session, e) < 0 ? -1 : 1;
}

const char *
prove_database_of(const struct graph_basis *b, const struct graph_set *set)
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

/* Into the database where the next proof must run, if the session is in another: as enter. */
static int
move(struct walk *w, const struct graph_basis *b, const struct graph_set *set, struct err *e)
{
	const char *db = prove_database_of(b, set);

	if (b->proof == NULL || db[0] == '\0' ||
	    (w->session != NULL && strcmp(db, w->db) == 0))
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
	return prove_settle(w->out, PROOF_UNTRIED, NULL, words, e);
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
	if ((rc = prove_template(w, s->basis->proof, &b, &a, e)) == 0)
		rc = prove_settle_answer(w, buf_cstr(&b), &a, e);
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
	rc = prove_template(w, w->template, &b, &a, e);
	if (rc > 0)
		rc = prove_settle(w->out, PROOF_CONFIRMED, buf_cstr(&b), NULL, e);
	else if (rc == 0 && a.what == PROVE_NO_BLOCK)
		rc = put_off(w, buf_cstr(&b), e);
	else if (rc == 0)
		rc = prove_settle_answer(w, buf_cstr(&b), &a, e);
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
		    *(db = prove_database_of(f->step[i]->basis, f->step[i]->set)) != '\0')
			return db;
	return prove_database_of(f->power->basis, f->power->set);
}

int
prove_walk(struct walk *w, struct err *e)
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
	prove_leave(w);
	return rc < 0 ? -1 : 0;
}

