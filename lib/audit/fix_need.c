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

/* ---- profiles ----------------------------------------------------------------------- */

/* Does that state tell accounts apart?  Their own node does not, when only they go through. */
static int
is_telling(const struct graph *g, const struct reach *r, uint32_t account, uint32_t state)
{
	uint32_t node = reach_node(r, state);

	return node != account || g->power_from[node] < g->power_from[node + 1]
	    || r->pass_from[node] < r->pass_from[node + 1];
}

static int
add_state(struct need *n, uint32_t state)
{
	uint32_t cap = n->state_cap == 0 ? 1024 : n->state_cap * 2, *more;

	if (n->states == n->state_cap) {
		if (cap > UINT32_MAX / 8 || (more = realloc(n->state, cap * sizeof(*more))) == NULL)
			return -1;
		n->state = more;
		n->state_cap = cap;
	}
	n->state[n->states++] = state;
	return 0;
}

/* In what n->reach holds: is there a power over everything that its class may have? */
static int
can_everything(const struct need *n, const struct policy_role *role)
{
	const struct graph *g = n->g;
	const struct reach *r = &n->reach;
	const struct graph_power *w;
	uint32_t i, k, node;

	for (i = 0; role != NULL && i < r->n; i++) {
		node = reach_node(r, r->queue[i]);
		if (!bitmap_get(n->super_node, node))
			continue;
		for (k = g->power_from[node]; k < g->power_from[node + 1]; k++) {
			w = &g->power[k];
			if (w->sink == SINK_SUPER && w->needs == reach_how(r->queue[i])
			    && !bitmap_get(n->cut_power, k) && policy_may(role, w))
				return 1;
		}
	}
	return 0;
}

static int
by_state(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

struct profile_key {
	uint64_t hash;
	uint32_t profile;
};

static int
same_profile(const void *have, const void *thing)
{
	return ((const struct profile_key *)have)->hash == *(const uint64_t *)thing;
}

/* The account's own steps tell it apart, and its line, exceptions, and whether it has one. */
static uint64_t
profile_hash(const struct need *n, const struct intern *t, const struct profile *f)
{
	const struct graph *g = n->g;
	const struct graph_step *s;
	uint64_t sum[2] = { 0, 0 };
	uint32_t i, key[5];

	key[0] = f->scope;
	key[1] = f->unnamed;
	key[2] = f->excepts ? f->account : UINT32_MAX;
	sum[0] = intern_hash(t, key, 3 * sizeof(key[0]));
	for (i = g->step_from[f->account]; i < g->step_from[f->account + 1]; i++) {
		s = &g->step[i];
		key[0] = s->to;
		key[1] = s->gives == STEP_BECOME;
		key[2] = s->needs == STEP_BECOME;
		key[3] = s->breach;
		sum[1] += intern_hash(t, key, 4 * sizeof(key[0]));
	}
	sum[0] += intern_hash(t, sum, sizeof(sum));
	sum[1] = f->n == 0 ? 0 : intern_hash(t, &n->state[f->first], f->n * sizeof(*n->state));
	return intern_hash(t, sum, sizeof(sum));
}

/* The profile of one account, when none of the same is there. */
static int
add_profile(struct need *n, struct intern *t, uint32_t account)
{
	struct profile *f = &n->profile[n->profiles];
	struct profile_key *key;
	uint64_t hash;
	uint32_t i;
	void **slot;

	*f = (struct profile){ .account = account, .scope = n->j->scope[account],
		.unnamed = !n->j->named[account], .excepts = n->j->excepts[account],
		.first = n->states };
	reach_run(&n->reach, account, NULL, 1);
	for (i = 0; i < n->reach.n; i++)
		if (is_telling(n->g, &n->reach, account, n->reach.queue[i])
		    && add_state(n, n->reach.queue[i]) == -1)
			return -1;
	f->n = n->states - f->first;
	if (f->n > 0)
		qsort(&n->state[f->first], f->n, sizeof(*n->state), by_state);
	f->super = can_everything(n, n->j->scope_role[f->scope]) != 0;
	hash = profile_hash(n, t, f);
	if ((slot = intern_find(t, hash, &hash, same_profile)) == NULL)
		return -1;
	if (*slot != NULL) {
		n->states = f->first;
		return 0;
	}
	if ((key = arena_take(&n->j->arena, sizeof(*key))) == NULL)
		return -1;
	*key = (struct profile_key){ hash, n->profiles++ };
	*slot = key;
	t->n++;
	return 0;
}

static int
add_profiles(struct need *n)
{
	struct intern t;
	uint32_t i;
	int r = 0;

	intern_init(&t);
	for (i = 0; i < n->g->nodes && r == 0; i++)
		if (n->g->node[i].kind == NODE_ACCOUNT && judge_is_account(n->j, i))
			r = add_profile(n, &t, i);
	intern_free(&t);
	return r;
}

/* ---- indexes ---------------------------------------------------------------------- */

static int
by_scope(const void *a, const void *b, void *needing)
{
	const struct need *n = needing;
	const struct profile *x = &n->profile[*(const uint32_t *)a];
	const struct profile *y = &n->profile[*(const uint32_t *)b];

	if (x->scope != y->scope)
		return x->scope < y->scope ? -1 : 1;
	if (x->excepts != y->excepts)
		return x->excepts < y->excepts ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Profiles by the nodes that they hold, those of a scope together. */
static int
index_profiles(struct need *n)
{
	uint32_t nodes = n->g->nodes, i, k, node, last;
	struct profile *a, *b;

	n->at = calloc((size_t)n->states + 1, sizeof(*n->at));
	n->at_end = calloc((size_t)n->states + 1, sizeof(*n->at_end));
	n->at_from = calloc((size_t)nodes + 2, sizeof(*n->at_from));
	if (n->at == NULL || n->at_end == NULL || n->at_from == NULL)
		return -1;
	for (i = 0; i < n->states; i++)
		n->at_from[n->state[i] / 2 + 2]++;
	for (i = 2; i < nodes + 2; i++)
		n->at_from[i] += n->at_from[i - 1];
	for (i = 0; i < n->profiles; i++)
		for (k = n->profile[i].first; k < n->profile[i].first + n->profile[i].n; k++)
			n->at[n->at_from[n->state[k] / 2 + 1]++] = i;
	for (node = 0; node < nodes; node++) {
		last = n->at_from[node + 1];
		if (last - n->at_from[node] > 1)
			qsort_r(&n->at[n->at_from[node]], last - n->at_from[node], sizeof(*n->at),
			    by_scope, n);
		for (i = last; i-- > n->at_from[node];) {
			a = &n->profile[n->at[i]];
			b = i + 1 < last ? &n->profile[n->at[i + 1]] : NULL;
			n->at_end[i] = b != NULL && a->scope == b->scope && a->excepts == b->excepts
			    ? n->at_end[i + 1] : i + 1;
		}
	}
	return 0;
}

static int
index_sets(struct need *n)
{
	const struct graph *g = n->g;
	uint32_t i;

	n->of_set = calloc((size_t)g->powers + 1, sizeof(*n->of_set));
	n->of_set_from = calloc((size_t)g->sets + 2, sizeof(*n->of_set_from));
	if (n->of_set == NULL || n->of_set_from == NULL)
		return -1;
	for (i = 0; i < g->powers; i++)
		n->of_set_from[g->power[i].set->id + 2]++;
	for (i = 2; i < g->sets + 2; i++)
		n->of_set_from[i] += n->of_set_from[i - 1];
	for (i = 0; i < g->powers; i++)
		n->of_set[n->of_set_from[g->power[i].set->id + 1]++] = i;
	return 0;
}

int
need_init(struct need *n, struct judge_private *j, struct err *e)
{
	const struct graph *g = j->g;
	uint32_t i;

	*n = (struct need){ .g = g, .j = j };
	if (reach_init(&n->reach, g, e) == -1)
		return -1;
	n->profile = calloc((size_t)g->nodes + 1, sizeof(*n->profile));
	n->allowed = calloc((size_t)g->nodes * 2, sizeof(*n->allowed));
	n->cut_step = calloc(g->steps / 8 + 1, 1);
	n->cut_power = calloc(g->powers / 8 + 1, 1);
	n->super_node = calloc(g->nodes / 8 + 1, 1);
	n->before = calloc((size_t)g->nodes * 2, sizeof(*n->before));
	n->gate_before = calloc((size_t)g->gates + 1, sizeof(*n->gate_before));
	if (n->profile == NULL || n->allowed == NULL || n->cut_step == NULL
	    || n->cut_power == NULL || n->super_node == NULL || n->before == NULL
	    || n->gate_before == NULL)
		return no_memory(e);
	for (i = 0; i < g->powers; i++)
		if (g->power[i].sink == SINK_SUPER)
			bitmap_set(n->super_node, g->power[i].from, 1);
	if (add_profiles(n) == -1 || index_profiles(n) == -1 || index_sets(n) == -1)
		return no_memory(e);
	return 0;
}

void
need_free(struct need *n)
{
	reach_free(&n->reach);
	free(n->profile);
	free(n->state);
	free(n->at);
	free(n->at_from);
	free(n->at_end);
	free(n->of_set);
	free(n->of_set_from);
	free(n->allowed);
	free(n->cut_step);
	free(n->cut_power);
	free(n->super_node);
	free(n->before);
	free(n->gate_before);
}

void
need_take(struct need *n, uint32_t element)
{
	if (element < n->g->steps)
		bitmap_set(n->cut_step, element, 1);
	else
		bitmap_set(n->cut_power, element - n->g->steps, 1);
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
	uint32_t i;

	if (n->j->named[node])
		return policy_may(n->j->scope_role[n->j->scope[node]], power);
	for (i = n->at_from[node]; i < n->at_from[node + 1]; i = n->at_end[i])
		if (!n->profile[n->at[i]].super && may(n, n->profile[n->at[i]].account, power))
			return 1;
	return 0;
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

/*
 * Another way to the same, in what n->reach holds: that privilege on the same set, or its
 * ownership where the account may own it.  (With the elements gone that are tried.)
 */
static int
has_other(struct need *n, uint32_t account, uint32_t power, const uint32_t *element,
    uint32_t elements)
{
	const struct graph *g = n->g;
	const struct graph_power *w = &g->power[power], *o;
	uint32_t i, k, end = n->of_set_from[w->set->id + 1];

	for (i = n->of_set_from[w->set->id]; i < end; i++) {
		n->work++;
		k = n->of_set[i];
		o = &g->power[k];
		if (k == power || (strcmp(o->priv, w->priv) != 0
		    && (strcmp(o->priv, "OWNER") != 0 || !may(n, account, o))))
			continue;
		if (!bitmap_get(n->cut_power, k) && !is_in(element, elements, g->steps + k)
		    && reach_holds(&n->reach, o->from, o->needs)
		    && reach_open(&n->reach, o->gate, 0))
			return 1;
	}
	return 0;
}

/* Does that account have this power, as n->reach has it, and lose it for good? */
static int
loses(struct need *n, uint32_t account, uint32_t power, const uint32_t *element,
    uint32_t elements, struct need_reason *why)
{
	const struct graph_power *w = &n->g->power[power];

	n->work++;
	if (!reach_holds(&n->reach, w->from, w->needs) || !reach_open(&n->reach, w->gate, 0)
	    || !may(n, account, w) || has_other(n, account, power, element, elements))
		return 0;
	*why = (struct need_reason){ account, w };
	return 1;
}

/* An owner's fix gives back what the class may have of it: %g. */
static int
is_given_back(const struct graph_power *w)
{
	const char *const *priv = fix_grantable(w->set->kind);

	if (w->basis->fix == NULL || !fix_uses(w->basis->fix, 'g'))
		return 0;
	for (; *priv != NULL; priv++)
		if (strcmp(*priv, w->priv) == 0)
			return 1;
	return 0;
}

/* Would some account lose that power, were it revoked? */
static int
power_harm(struct need *n, uint32_t power, const uint32_t *element, uint32_t elements,
    struct need_reason *why)
{
	const struct graph_power *w = &n->g->power[power];
	const struct profile *f;
	uint32_t i, end = n->at_from[w->from + 1];

	if (is_given_back(w))
		return 0;
	for (i = n->at_from[w->from]; i < end; i++) {
		f = &n->profile[n->at[i]];
		if (!f->excepts && !may(n, f->account, w)) {
			i = n->at_end[i] - 1;
			continue;
		}
		if (f->super && w->sink != SINK_SUPER)
			continue;
		reach_run(&n->reach, f->account, n->cut_step, 1);
		n->work += n->reach.n;
		if (loses(n, f->account, power, element, elements, why))
			return 1;
	}
	return 0;
}

static void
toggle_steps(struct need *n, const uint32_t *element, uint32_t elements, int on)
{
	uint32_t i;

	for (i = 0; i < elements && element[i] < n->g->steps; i++)
		bitmap_set(n->cut_step, element[i], on);
}

/* Was that gate open before the trial? */
static int
was_open(const struct need *n, const uint32_t gate[2])
{
	return (gate[0] == GRAPH_NO_GATE || n->gate_before[gate[0]] == n->trial)
	    && (gate[1] == GRAPH_NO_GATE || n->gate_before[gate[1]] == n->trial);
}

/* Of one state that it held: does the account lose a power by losing it, or its gates? */
static int
state_harm(struct need *n, uint32_t account, uint32_t state, const uint32_t *element,
    uint32_t elements, struct need_reason *why)
{
	const struct graph *g = n->g;
	const struct allowed *a = allowed_of(n, state / 2, reach_how(state), account);
	const struct graph_power *w;
	uint32_t i;

	if (a == NULL)
		return -1;
	for (i = 0; i < a->n; i++) {
		w = &g->power[a->power[i]];
		n->work++;
		if (bitmap_get(n->cut_power, a->power[i]) || !was_open(n, w->gate))
			continue;
		if (reach_holds(&n->reach, w->from, w->needs)
		    && reach_open(&n->reach, w->gate, 0))
			continue;
		if (!has_other(n, account, a->power[i], element, elements)) {
			*why = (struct need_reason){ account, w };
			return 1;
		}
	}
	return 0;
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

/* Would that account lose what it needs without these steps? */
static int
account_harm(struct need *n, uint32_t account, const uint32_t *element, uint32_t elements,
    struct need_reason *why)
{
	const struct policy_role *role = n->j->scope_role[n->j->scope[account]];
	uint32_t i, held, gates = 0;
	int super, r = 0;

	reach_run(&n->reach, account, n->cut_step, 1);
	super = can_everything(n, role);
	held = n->reach.n;
	remember(n);
	toggle_steps(n, element, elements, 1);
	reach_run(&n->reach, account, n->cut_step, 1);
	n->work += held + n->reach.n + n->g->gates;
	if (!super || !can_everything(n, role)) {
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

static int
step_harm(struct need *n, uint32_t step, const uint32_t *element, uint32_t elements,
    struct need_reason *why)
{
	uint32_t from = n->g->step[step].from, i, last = REACH_NONE;
	int r = 0;

	/* Nobody needs a breach. */
	if (n->g->step[step].breach)
		return 0;
	if (n->g->node[from].kind == NODE_ACCOUNT && judge_is_account(n->j, from))
		r = account_harm(n, from, element, elements, why);
	for (i = n->at_from[from]; r == 0 && i < n->at_from[from + 1]; i++) {
		if (n->at[i] != last)
			r = account_harm(n, n->profile[n->at[i]].account, element, elements, why);
		last = n->at[i];
	}
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
