/*
 * Who needs what: no cut may take what an account's class lets it do, and what it can do now.
 *
 * An account loses a power only when it has no other way to the same: the same privilege
 * on the same set, or its ownership.  A superuser of a class that may be one needs nothing
 * else.  A login that no line names needs all it has, as far as anybody knows.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/fix_private.h"

/* After so many comparisons everything counts as needed: a fix less, but in time. */
#define WORK_MAX UINT64_C(400000000)

struct allowed {
	uint32_t key, n;	/* the scope; or one account; or UINT32_MAX: everything */
	const uint32_t *power;
	struct allowed *next;
};

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "fix: out of memory");
}

void
need_take(struct need *n, uint32_t element)
{
	if (element < n->g->steps) {
		bitmap_set(n->cut_step, element, 1);
		bitmap_set(n->not_inherited, element, 1);
	} else {
		bitmap_set(n->cut_power, element - n->g->steps, 1);
	}
}

/* ---- what an account may ------------------------------------------------------------ */

/* Does an exception in force let that account do so, at least with one object? */
static int
is_excepted(const struct need *n, uint32_t account, const struct graph_power *w)
{
	const struct policy_except *x;
	uint32_t i;

	for (i = 0; i < w->set->n || (i == 0 && w->set->n == 0); i++) {
		x = policy_except(n->j->p, &n->g->node[account], w->check, w,
		    w->set->n > 0 ? w->set->object[i] : NULL);
		if (x != NULL && !x->expired)
			return 1;
	}
	return 0;
}

static int
may(const struct need *n, uint32_t account, const struct graph_power *w)
{
	if (!n->j->named[account] || policy_may(n->j->scope_role[n->j->scope[account]], w))
		return 1;
	return n->j->excepts[account] && is_excepted(n, account, w);
}

/* The powers of that node, held so, that the account may have; shared within its scope. */
static const struct allowed *
allowed_of(struct need *n, uint32_t node, enum step_how how, uint32_t account)
{
	struct allowed **head = &n->allowed[node * 2 + (how == STEP_BECOME)], *a;
	const struct graph *g = n->g;
	uint32_t key = n->j->scope[account], i, m = 0, *power;

	if (!n->j->named[account])
		key = UINT32_MAX;
	else if (n->j->excepts[account])
		key = UINT32_MAX - 1 - account;
	for (a = *head; a != NULL; a = a->next)
		if (a->key == key)
			return a;
	for (i = g->power_from[node]; i < g->power_from[node + 1]; i++)
		if (g->power[i].needs == how && may(n, account, &g->power[i]))
			n->j->sorting[m++] = i;
	a = arena_take(&n->j->arena, sizeof(*a));
	power = arena_take(&n->j->arena, m * sizeof(*power));
	if (a == NULL || power == NULL)
		return NULL;
	if (m > 0)
		memcpy(power, n->j->sorting, m * sizeof(*power));
	*a = (struct allowed){ key, m, power, *head };
	*head = a;
	return a;
}

int
need_may(const struct need *n, uint32_t node, const struct graph_power *power)
{
	const struct profile *f;
	uint32_t i;
	int any = 0;

	if (n->j->named[node]) {
		any = 1;
		if (!policy_may(n->j->scope_role[n->j->scope[node]], power))
			return 0;
	}
	for (i = n->at_from[node]; i < n->at_from[node + 1];) {
		f = &n->profile[n->at[i]];
		if (!f->super && !may(n, f->account, power))
			return 0;
		any |= !f->super;
		i = f->super ? i + 1 : n->at_end[i];
	}
	return any;
}

/* ---- trials ------------------------------------------------------------------------- */

static int
is_in(const uint32_t *element, uint32_t elements, uint32_t x)
{
	uint32_t low = 0, high = elements, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (element[mid] == x)
			return 1;
		if (element[mid] < x)
			low = mid + 1;
		else
			high = mid;
	}
	return 0;
}

/* An owner's fix gives back what all who hold it may have: %g. */
static int
is_given_back(const struct need *n, const struct graph_power *w)
{
	const char *const *priv = fix_grantable(w->set->kind);

	if (w->basis->fix == NULL || !fix_uses(w->basis->fix, 'g'))
		return 0;
	for (; *priv != NULL; priv++)
		if (strcmp(*priv, w->priv) == 0)
			return need_may(n, w->from, w);
	return 0;
}

/* Is that power gone, or going? */
static int
is_gone(const struct need *n, uint32_t power, const uint32_t *element, uint32_t elements)
{
	return (bitmap_get(n->cut_power, power)
	    || is_in(element, elements, n->g->steps + power))
	    && !is_given_back(n, &n->g->power[power]);
}

/*
 * Another way to the same, in what n->reach holds: that privilege on the same set, or its
 * ownership where the account may own it.  (With the elements gone that are tried.)
 */
int
need_other(struct need *n, uint32_t account, const struct graph_power *w, int gated,
    const uint32_t *element, uint32_t elements)
{
	const struct graph *g = n->g;
	const struct graph_power *o;
	uint32_t i, k, end = n->of_set_from[w->set->id + 1];

	for (i = n->of_set_from[w->set->id]; i < end; i++) {
		n->work++;
		k = n->of_set[i];
		o = &g->power[k];
		if (!need_covers(o, w)
		    && (strcmp(o->priv, "OWNER") != 0 || !may(n, account, o)))
			continue;
		if (!is_gone(n, k, element, elements)
		    && reach_holds(&n->reach, o->from, o->needs)
		    && (!gated || reach_open(&n->reach, o->gate, 0)))
			return 1;
	}
	for (k = n->right_of_set[w->set->id]; k > 0; k = n->gift[k - 1].of_set) {
		n->work++;
		o = n->gift[k - 1].power;
		if (need_covers(o, w) && reach_holds(&n->reach, n->gift[k - 1].to, STEP_USE)
		    && (!gated || reach_open(&n->reach, o->gate, 0)))
			return 1;
	}
	return 0;
}

/* That account loses a power: the end of the trial, unless it is given.  1, 0, -1. */
static int
lose(struct need *n, uint32_t account, const struct graph_power *w, const uint32_t *element,
    uint32_t elements, struct need_reason *why)
{
	*why = (struct need_reason){ account, w };
	return n->giving.on ? need_lost(n, account, w, element, elements) : 1;
}

/* Does that account have this power, as n->reach has it, and lose it for good? */
static int
loses(struct need *n, uint32_t account, uint32_t power, const uint32_t *element,
    uint32_t elements, struct need_reason *why)
{
	const struct graph_power *w = &n->g->power[power];

	int r = 0;

	for (n->inherits = 0; n->inherits < 2 && r == 0; n->inherits++) {
		need_run(n, account);
		n->work += n->reach.n;
		if (reach_holds(&n->reach, w->from, w->needs)
		    && reach_open(&n->reach, w->gate, 0) && may(n, account, w) && !need_other(n, account, w, 1, element, elements))
			r = lose(n, account, w, element, elements, why);
	}
	n->inherits = 0;
	return r;
}

/* Would some account lose that power, were it revoked? */
static int
power_harm(struct need *n, uint32_t power, const uint32_t *element, uint32_t elements,
    struct need_reason *why)
{
	const struct graph_power *w = &n->g->power[power];
	const struct profile *f;
	uint32_t i, end = n->at_from[w->from + 1];
	int r = 0;

	if (is_given_back(n, w))
		return 0;
	for (i = n->at_from[w->from]; r == 0 && i < end; i++) {
		f = n->giving.profile = &n->profile[n->at[i]];
		if (!f->excepts && !may(n, f->account, w)) {
			i = n->at_end[i] - 1;
			continue;
		}
		if (!f->super || w->sink == SINK_SUPER)
			r = loses(n, f->account, power, element, elements, why);
	}
	n->giving.profile = NULL;
	for (i = 0; r == 0 && i < n->specials; i++)
		r = loses(n, n->special[i], power, element, elements, why);
	return r;
}

static void
toggle_steps(struct need *n, const uint32_t *element, uint32_t elements, int on)
{
	uint32_t i;

	uint8_t *map = n->inherits ? n->not_inherited : n->cut_step;

	for (i = 0; i < elements && element[i] < n->g->steps; i++)
		if (!n->inherits || !need_by_set(n->g, element[i]))
			bitmap_set(map, element[i], on);
}

/* Was that gate open before the trial? */
static int
was_open(const struct need *n, const uint32_t gate[2])
{
	return (gate[0] == GRAPH_NO_GATE || n->gate_before[gate[0]] == n->trial)
	    && (gate[1] == GRAPH_NO_GATE || n->gate_before[gate[1]] == n->trial);
}

/* A power that it held by that node: does the account lose it? */
static int
held_harm(struct need *n, uint32_t account, const struct graph_power *w, uint32_t by,
    const uint32_t *element, uint32_t elements, struct need_reason *why)
{
	n->work++;
	/* What will be made is worth a gift, but no reason to keep the way. */
	if (!n->giving.on && w->sink == SINK_NONE && w->set->n == 0)
		return 0;
	if (!was_open(n, w->gate)
	    || (reach_holds(&n->reach, by, by == w->from ? w->needs : STEP_USE)
	    && reach_open(&n->reach, w->gate, 0))
	    || need_other(n, account, w, 1, element, elements))
		return 0;
	return lose(n, account, w, element, elements, why);
}

/* Of one state that it held: does the account lose a power by losing it, or its gates? */
static int
state_harm(struct need *n, uint32_t account, uint32_t state, const uint32_t *element,
    uint32_t elements, struct need_reason *why)
{
	const struct allowed *a = allowed_of(n, state / 2, reach_how(state), account);
	uint32_t i;
	int r = 0;

	if (a == NULL)
		return -1;
	for (i = 0; i < a->n && r == 0; i++)
		if (!is_gone(n, a->power[i], NULL, 0))
			r = held_harm(n, account, &n->g->power[a->power[i]],
			    n->g->power[a->power[i]].from, element, elements, why);
	if (reach_how(state) == STEP_USE)
		for (i = n->right_of_node[state / 2]; i > 0 && r == 0; i = n->gift[i - 1].of_node)
			r = held_harm(n, account, n->gift[i - 1].power, state / 2, element, elements,
			    why);
	return r;
}

static void
remember(struct need *n)
{
	uint32_t i;

	n->trial++;
	memcpy(n->before, n->reach.queue, n->reach.n * sizeof(*n->before));
	for (i = 0; i < n->g->gates; i++)
		if (n->reach.gate_clean[i] == n->reach.run)
			n->gate_before[i] = n->trial;
}

/* Would that account lose what it needs without these steps?  -2: it needs nothing else. */
static int
way_harm(struct need *n, uint32_t account, const uint32_t *element, uint32_t elements,
    struct need_reason *why)
{
	const struct policy_role *role = n->j->scope_role[n->j->scope[account]];
	uint32_t i, held, gates = 0;
	int super, r = 0;

	need_run(n, account);
	super = need_everything(n, role);
	held = n->reach.n;
	remember(n);
	toggle_steps(n, element, elements, 1);
	need_run(n, account);
	n->work += held + n->reach.n + n->g->gates;
	if (super && need_everything(n, role)) {
		r = -2;
	} else {
		for (i = 0; i < n->g->gates; i++)
			gates += n->gate_before[i] == n->trial
			    && n->reach.gate_clean[i] != n->reach.run;
		for (i = 0; i < held && r == 0; i++)
			if (gates > 0 || n->reach.state[n->before[i]].seen != n->reach.run)
				r = state_harm(n, account, n->before[i], element, elements, why);
	}
	toggle_steps(n, element, elements, 0);
	return r;
}

/* What it has without SET ROLE, it needs without: applications do not say that. */
static int
account_harm(struct need *n, uint32_t account, const uint32_t *element, uint32_t elements,
    struct need_reason *why)
{
	int r = way_harm(n, account, element, elements, why);

	if (r == -2)
		return 0;
	if (r == 0) {
		n->inherits = 1;
		r = way_harm(n, account, element, elements, why);
		n->inherits = 0;
	}
	return r == -2 ? 0 : r;
}

static int
step_harm(struct need *n, uint32_t step, const uint32_t *element, uint32_t elements,
    struct need_reason *why)
{
	uint32_t from = n->g->step[step].from, i, last = REACH_NONE;
	int r = 0;

	/* Nobody needs a breach, or to grant itself what it could have. */
	if (n->g->step[step].breach || n->g->step[step].regrant)
		return 0;
	n->giving.profile = NULL;
	if (n->g->node[from].kind == NODE_ACCOUNT && judge_is_account(n->j, from))
		r = account_harm(n, from, element, elements, why);
	for (i = n->at_from[from]; r == 0 && i < n->at_from[from + 1]; i++) {
		n->giving.profile = &n->profile[n->at[i]];
		if (n->at[i] != last)
			r = account_harm(n, n->giving.profile->account, element, elements, why);
		last = n->at[i];
	}
	n->giving.profile = NULL;
	for (i = 0; r == 0 && i < n->specials; i++)
		r = account_harm(n, n->special[i], element, elements, why);
	return r;
}

int
need_harm(struct need *n, const uint32_t *element, uint32_t elements, struct need_reason *why,
    struct err *e)
{
	uint32_t i, x;
	int r = 0;

	*why = (struct need_reason){ UINT32_MAX, NULL };
	for (i = 0; i < elements && r == 0; i++) {
		x = element[i];
		if (n->work > WORK_MAX)
			return 1;
		r = x < n->g->steps ? step_harm(n, x, element, elements, why)
		                    : power_harm(n, x - n->g->steps, element, elements, why);
	}
	return r == -1 ? no_memory(e) : r;
}
