/*
 * Fixes: finding by finding, the worst first, the ways to it are cut until none is left, or
 * those that are left cannot be cut.
 *
 * First steps are tried: breaches, which nobody needs, then memberships from the account
 * outwards, since the first takes most with it.  What no step can take away loses the
 * powers themselves.  What is left then is tried once more behind gifts (fix_give.c).  A cut
 * that serves one finding serves all: so the whole script is small, and has been tried
 * together.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/fix_private.h"

/* What findings with the same cut have in common. */
struct same_cut {
	uint64_t hash;
	struct finding_fix fix;
	const struct entry *left;
	uint32_t left_power;
};

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "fix: out of memory");
}

/* ---- choosing --------------------------------------------------------------------- */

static void
choose(struct planner *pl, uint32_t cut)
{
	struct cut *c = &pl->cuts.cut[cut];
	const uint32_t *element;
	uint32_t n = cuts_elements(&pl->cuts, cut, &element), i;

	c->state = CUT_CHOSEN;
	if (c->falls != REACH_NONE)
		pl->cuts.cut[c->falls].state = CUT_CHOSEN;
	pl->chosen[pl->chosens++] = cut;
	for (i = 0; i < n; i++)
		need_take(&pl->need, element[i]);
}

/* Is that cut to be had, as it is?  1: yes, 0: no, -1. */
static int
is_good(struct planner *pl, uint32_t cut, struct err *e)
{
	struct cut *c;
	const uint32_t *element;
	uint32_t n;
	int harm;

	if (cut == REACH_NONE)
		return 0;
	c = &pl->cuts.cut[cut];
	if (c->state == CUT_UNKNOWN) {
		n = cuts_elements(&pl->cuts, cut, &element);
		harm = need_harm(&pl->need, element, n, &c->why, e);
		if (harm == -1)
			return -1;
		c->state = CUT_REFUSED;
		if (!harm)
			choose(pl, cut);
	}
	return c->state == CUT_CHOSEN;
}

/* Is it to be had behind gifts?  1: yes, 0: no, -1. */
static int
is_given(struct planner *pl, uint32_t cut, struct err *e)
{
	struct cut *c;
	const uint32_t *element;
	uint32_t n;
	int r = is_good(pl, cut, e);

	if (r != 0 || cut == REACH_NONE)
		return r;
	c = &pl->cuts.cut[cut];
	if (c->state == CUT_REFUSED && c->why.power != NULL) {
		c->gift = pl->need.gifts;
		n = cuts_elements(&pl->cuts, cut, &element);
		r = need_give(&pl->need, element, n, &c->why, e);
		if (r == -1)
			return -1;
		c->gifts = pl->need.gifts - c->gift;
		c->state = CUT_KEPT;
		if (r)
			choose(pl, cut);
	}
	return c->state == CUT_CHOSEN;
}

/* All steps that the cut takes are gone, or there again. */
static void
mark_steps(struct planner *pl, uint32_t cut, int gone)
{
	const uint32_t *element;
	uint32_t n = cuts_elements(&pl->cuts, cut, &element), i;

	for (i = 0; i < n && element[i] < pl->g->steps; i++)
		bitmap_set(pl->gone, element[i], gone);
}

/* The finding at hand uses that cut. */
static void
use(struct planner *pl, uint32_t cut)
{
	struct cut *c = &pl->cuts.cut[cut];

	if (c->finding == pl->run)
		return;
	c->finding = pl->run;
	if (c->falls != REACH_NONE)
		pl->cuts.cut[c->falls].finding = pl->run;
	pl->used[pl->n++] = cut;
	mark_steps(pl, cut, 1);
}

static int
is_used(const struct planner *pl, uint32_t element)
{
	uint32_t cut = pl->cuts.of[element];

	return cut != REACH_NONE && pl->cuts.cut[cut].finding == pl->run;
}

static uint32_t
step_cut(const struct planner *pl, const struct graph_step *s)
{
	return pl->cuts.of[s - pl->g->step];
}

static int
is_chosen(const struct planner *pl, const struct graph_step *s)
{
	uint32_t cut = step_cut(pl, s);

	return cut != REACH_NONE && pl->cuts.cut[cut].state == CUT_CHOSEN;
}

static int
is_behind_gifts(const struct planner *pl, const struct graph_step *s)
{
	uint32_t cut = step_cut(pl, s);

	return cut != REACH_NONE && pl->cuts.cut[cut].gifts > 0;
}

enum { PASS_CHOSEN, PASS_BREACH, PASS_OTHER, PASSES };

/* Is that step to be tried in that pass?  From accounts of no class only breaches are taken. */
static int
is_of_pass(const struct planner *pl, const struct graph_step *s, int pass, int named)
{
	if (pass == PASS_CHOSEN)
		return is_chosen(pl, s);
	return s->breach ? pass == PASS_BREACH : pass == PASS_OTHER && named;
}

/*
 * How many steps of the path lead to no account by a breach that stays: no SQL ends it, or
 * in the last pass somebody needs what ends it.  Behind it could only be cut what that
 * account has, and whoever takes the breach would still be it.
 */
static uint32_t
until_posing(const struct planner *pl, uint32_t n, int pass)
{
	uint32_t i;
	int posing = 0;

	for (i = 0; i < n; i++) {
		if (posing && pl->g->node[pl->path[i]->from].kind == NODE_ACCOUNT)
			return i;
		if (pl->path[i]->breach
		    && (pass == PASS_OTHER || step_cut(pl, pl->path[i]) == REACH_NONE))
			posing = 1;
	}
	return n;
}

/*
 * Does another step lead the same way, that must stay?  (From PostgreSQL 16 one may inherit
 * from a role, and set it.)  Then nothing is won by cutting this one.  1, 0, -1.
 */
static int
is_doubled(struct planner *pl, const struct graph_step *s, enum step_how required,
    struct err *e)
{
	const struct graph *g = pl->g;
	const struct graph_step *t;
	uint32_t i;
	int good;

	for (i = g->step_from[s->from]; i < g->step_from[s->from + 1]; i++) {
		t = &g->step[i];
		if (t == s || t->to != s->to || t->breach || bitmap_get(pl->gone, i)
		    || (required == STEP_BECOME && t->gives == STEP_USE)
		    || step_cut(pl, t) == step_cut(pl, s))
			continue;
		if ((good = is_good(pl, step_cut(pl, t), e)) != 1)
			return good == -1 ? -1 : 1;
	}
	return 0;
}

/*
 * Cut the way to that state at one of its steps.  1: done, or it was; 0: no step can be.
 * A gift may be what leads to a breach: cuts behind gifts end no way through one.
 */
static int
cut_way(struct planner *pl, uint32_t state, int named, struct err *e)
{
	int breach = reach_label(&pl->j->reach, state) != 0;
	uint32_t n = reach_path(&pl->j->reach, state, pl->path), i;
	int pass, good;

	for (i = 0; i < n; i++)
		if (bitmap_get(pl->gone, (uint32_t)(pl->path[i] - pl->g->step)))
			return 1;
	for (pass = 0; pass < PASSES; pass++)
		for (i = 0; i < until_posing(pl, n, pass); i++) {
			if (!is_of_pass(pl, pl->path[i], pass, named)
			    || (breach && is_behind_gifts(pl, pl->path[i])))
				continue;
			if (!pl->path[i]->breach
			    && (good = is_doubled(pl, pl->path[i], reach_how(state), e)) != 0) {
				if (good == -1)
					return -1;
				continue;
			}
			good = is_good(pl, step_cut(pl, pl->path[i]), e);
			if (good == -1)
				return -1;
			if (good) {
				use(pl, step_cut(pl, pl->path[i]));
				return 1;
			}
		}
	return 0;
}

static int
is_of(const struct finding *f, const struct lead *l)
{
	return l->check == f->check && l->entry->sink == f->sink;
}

/* Cut steps until no more ways can be; j->lead is what is left then. */
static int
cut_steps(struct planner *pl, const struct finding *f, struct err *e)
{
	int named = pl->j->named[f->account], cut, r;
	uint32_t i, state, before;

	do {
		if (judge_leads(pl->j, f->account, pl->gone, NULL, e) == -1)
			return -1;
		cut = 0;
		state = REACH_NONE;
		before = pl->n;
		for (i = 0; i < pl->j->leads; i++) {
			if (!is_of(f, &pl->j->lead[i]) || pl->j->lead[i].state == state)
				continue;
			state = pl->j->lead[i].state;
			if ((r = cut_way(pl, state, named, e)) == -1)
				return -1;
			cut |= r;
		}
	} while (cut && pl->n > before);
	return 0;
}

/* Why the way to that lead stays. */
static int
advise_way(struct planner *pl, const struct lead *l)
{
	uint32_t n = reach_path(&pl->j->reach, l->state, pl->path), i, cut;
	const struct cut *c;

	for (i = 0; i < n && pl->advice == NULL; i++) {
		cut = step_cut(pl, pl->path[i]);
		c = cut == REACH_NONE ? NULL : &pl->cuts.cut[cut];
		if (pl->path[i]->breach && c == NULL)
			fix_advise_basis(pl, pl->path[i]->basis);
		else if (c != NULL && c->state != CUT_CHOSEN && fix_advise_refused(pl, c) == -1)
			return -1;
	}
	return 0;
}

/* Take away the powers at the end of that lead, as far as can be. */
static int
cut_powers(struct planner *pl, const struct lead *l, struct err *e)
{
	uint32_t i, element;
	int good;

	for (i = 0; i < l->entry->n; i++) {
		element = pl->g->steps + l->entry->power[i];
		if (is_used(pl, element))
			continue;
		if ((good = is_good(pl, pl->cuts.of[element], e)) == -1)
			return -1;
		if (good)
			use(pl, pl->cuts.of[element]);
		else if (pl->cuts.of[element] == REACH_NONE)
			fix_advise_basis(pl, pl->g->power[l->entry->power[i]].basis);
		else if (fix_advise_refused(pl, &pl->cuts.cut[pl->cuts.of[element]]) == -1)
			return no_memory(e);
	}
	return 0;
}

/* How many powers of that lead stay; *power (when not NULL) is the first. */
static uint32_t
remaining(const struct planner *pl, const struct lead *l, uint32_t *power)
{
	uint32_t i, n = 0;

	for (i = 0; i < l->entry->n; i++)
		if (!is_used(pl, pl->g->steps + l->entry->power[i]) && n++ == 0 && power != NULL)
			*power = l->entry->power[i];
	return n;
}

static int
same_hash(const void *have, const void *thing)
{
	return ((const struct same_cut *)have)->hash == *(const uint64_t *)thing;
}

/* Hash what the rest of a fix depends on: the steps cut, and which leads stay. */
static uint64_t
leads_hash(struct planner *pl, const struct finding *f)
{
	uint64_t hash = intern_hash(&pl->shared, pl->used, pl->n * sizeof(*pl->used));
	const struct lead *l;
	struct {
		uint64_t hash, entry, label;
	} key;
	uint32_t i;

	for (i = 0; i < pl->j->leads; i++) {
		l = &pl->j->lead[i];
		if (!is_of(f, l))
			continue;
		key.hash = hash;
		key.entry = (uintptr_t)l->entry;
		key.label = reach_label(&pl->j->reach, l->state);
		hash = intern_hash(&pl->shared, &key, sizeof(key));
	}
	return hash;
}

/* ---- one finding ------------------------------------------------------------------- */

/* Behind a breach the powers are others', who may have them. */
static int
cut_rest(struct planner *pl, const struct finding *f, struct finding_fix *x, struct err *e)
{
	int named = pl->j->named[f->account];
	const struct lead *l;
	uint32_t i, n;

	for (i = 0; i < pl->j->leads; i++) {
		l = &pl->j->lead[i];
		if (!is_of(f, l))
			continue;
		if (advise_way(pl, l) == -1)
			return no_memory(e);
		if (named && reach_label(&pl->j->reach, l->state) == 0
		    && cut_powers(pl, l, e) == -1)
			return -1;
	}
	/* A power's statement may take steps, too. */
	if (judge_leads(pl->j, f->account, pl->gone, NULL, e) == -1)
		return -1;
	pl->left = NULL;
	for (i = 0; i < pl->j->leads; i++) {
		l = &pl->j->lead[i];
		if (!is_of(f, l))
			continue;
		n = remaining(pl, l, pl->left == NULL ? &pl->left_power : NULL);
		if (n == 0)
			continue;
		x->remaining += n;
		if (pl->left == NULL)
			pl->left = l->entry;
	}
	if (x->remaining == 0)
		pl->advice = NULL;
	else if (pl->advice == NULL)
		pl->advice = "no SQL takes this away";
	x->advice = pl->advice;
	return fix_write(pl, x) == -1 ? no_memory(e) : 0;
}

/* The rest of a fix behind the steps that were cut, shared with findings like this one. */
static int
share_rest(struct planner *pl, const struct finding *f, struct finding_fix *x, struct err *e)
{
	uint64_t hash = leads_hash(pl, f);
	struct same_cut *s;
	void **slot;

	if (pl->j->excepts[f->account] || !pl->j->named[f->account])
		return cut_rest(pl, f, x, e);
	if ((slot = intern_find(&pl->shared, hash, &hash, same_hash)) == NULL)
		return no_memory(e);
	if (*slot == NULL) {
		if ((s = arena_take(&pl->j->arena, sizeof(*s))) == NULL)
			return no_memory(e);
		if (cut_rest(pl, f, x, e) == -1)
			return -1;
		*s = (struct same_cut){ hash, *x, pl->left, pl->left_power };
		*slot = s;
		pl->shared.n++;
	}
	s = *slot;
	*x = s->fix;
	pl->left = s->left;
	pl->left_power = s->left_power;
	return 0;
}

static int
draw_remains(struct planner *pl, const struct finding *f, struct finding_fix *x)
{
	uint32_t i;

	for (i = 0; x->remaining > 0 && i < pl->j->leads; i++)
		if (is_of(f, &pl->j->lead[i]) && pl->j->lead[i].entry == pl->left) {
			x->remains = fix_draw(pl, f, &pl->j->lead[i], pl->left_power);
			return x->remains == NULL ? -1 : 0;
		}
	return 0;
}

/* The finding at hand uses only its first n cuts. */
static void
use_first(struct planner *pl, uint32_t n)
{
	struct cut *c;
	uint32_t i;

	for (i = n; i < pl->n; i++) {
		c = &pl->cuts.cut[pl->used[i]];
		c->finding = 0;
		if (c->falls != REACH_NONE)
			pl->cuts.cut[c->falls].finding = 0;
		mark_steps(pl, pl->used[i], 0);
	}
	pl->n = n;
	for (i = 0; i < n; i++)		/* what falls with several */
		mark_steps(pl, pl->used[i], 1);
}

/* The membership next to the power, since one gift then serves all who have it by that. */
static int
give_way(struct planner *pl, uint32_t state, struct err *e)
{
	uint32_t i = reach_path(&pl->j->reach, state, pl->path);
	int good;

	while (i-- > 0) {
		if ((good = is_given(pl, step_cut(pl, pl->path[i]), e)) == -1)
			return -1;
		if (good) {
			use(pl, step_cut(pl, pl->path[i]));
			return 1;
		}
	}
	return 0;
}

/* Can all powers at that lead's end be taken away, if those who need them get their own? */
static int
give_powers(struct planner *pl, const struct lead *l, struct err *e)
{
	uint32_t i, cut;
	int good = 1;

	for (i = 0; i < l->entry->n; i++)	/* nobody else can be given an ownership */
		if (pl->cuts.of[pl->g->steps + l->entry->power[i]] == REACH_NONE
		    || strcmp(pl->g->power[l->entry->power[i]].priv, "OWNER") == 0)
			return 0;
	for (i = 0; i < l->entry->n && good == 1; i++) {
		cut = pl->cuts.of[pl->g->steps + l->entry->power[i]];
		if ((good = is_given(pl, cut, e)) == 1)
			use(pl, cut);
	}
	return good;
}

/* Take away behind gifts what is left. */
static int
give(struct planner *pl, const struct finding *f, struct err *e)
{
	uint32_t before, i;
	const struct lead *l;
	int r;

	do {
		before = pl->n;
		if (judge_leads(pl->j, f->account, pl->gone, NULL, e) == -1)
			return -1;
		for (i = 0; i < pl->j->leads; i++) {
			l = &pl->j->lead[i];
			if (!is_of(f, l) || reach_label(&pl->j->reach, l->state) != 0)
				continue;
			r = give_powers(pl, l, e);
			if (r == 0)
				r = give_way(pl, l->state, e);
			if (r == -1)
				return -1;
		}
	} while (pl->n > before);
	return 0;
}

/* What no cut alone can end may end behind gifts. */
static int
fix_rest(struct planner *pl, const struct finding *f, struct err *e)
{
	uint32_t steps = pl->n;

	if (share_rest(pl, f, f->fix, e) == -1)
		return -1;
	if (f->fix->remaining == 0 || !pl->j->named[f->account])
		return 0;
	use_first(pl, steps);
	if (give(pl, f, e) == -1)
		return -1;
	pl->advice = NULL;
	*f->fix = (struct finding_fix){ .sql = NULL };
	return share_rest(pl, f, f->fix, e);
}

int
fix_finding(struct planner *pl, struct finding *f, struct err *e)
{
	int r;

	pl->run++;
	pl->n = 0;
	pl->advice = NULL;
	r = cut_steps(pl, f, e);
	if (r == 0 && !pl->j->named[f->account] && fix_advise_unnamed(pl, f->account) == -1)
		r = no_memory(e);
	if (r == 0)
		r = fix_rest(pl, f, e);
	if (r == 0 && draw_remains(pl, f, f->fix) == -1)
		r = no_memory(e);
	use_first(pl, 0);
	return r;
}
