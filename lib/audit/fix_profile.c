/*
 * Profiles: accounts of which the same may be said when something is cut are tried once.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/fix_private.h"

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

int
need_everything(const struct need *n, const struct policy_role *role)
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
		key[3] = s->breach || s->regrant;
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
	f->super = need_everything(n, n->j->scope_role[f->scope]) != 0;
	hash = profile_hash(n, t, f);
	if ((slot = intern_find(t, hash, &hash, same_profile)) == NULL)
		return -1;
	if (*slot != NULL) {
		n->states = f->first;
		f = &n->profile[((const struct profile_key *)*slot)->profile];
		n->profile_of[account] = (uint32_t)(f - n->profile);
		n->same[account] = n->same[f->account];
		n->same[f->account] = account;
		return 0;
	}
	n->profile_of[account] = n->profiles;
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
need_by_set(const struct graph *g, uint32_t step)
{
	return g->step[step].gives == STEP_BECOME
	    && g->node[g->step[step].to].kind == NODE_ACCOUNT;
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
	n->not_inherited = calloc(g->steps / 8 + 1, 1);
	n->cut_power = calloc(g->powers / 8 + 1, 1);
	n->super_node = calloc(g->nodes / 8 + 1, 1);
	n->before = calloc((size_t)g->nodes * 2, sizeof(*n->before));
	n->profile_of = calloc(g->nodes, sizeof(*n->profile_of));
	n->same = calloc(g->nodes, sizeof(*n->same));
	n->special = calloc(g->nodes, sizeof(*n->special));
	n->right_of_node = calloc(g->nodes, sizeof(*n->right_of_node));
	n->gate_of_node = calloc(g->nodes, sizeof(*n->gate_of_node));
	n->right_of_set = calloc((size_t)g->sets + 1, sizeof(*n->right_of_set));
	n->met = calloc(g->nodes, sizeof(*n->met));
	n->queue = calloc((size_t)g->nodes + 1, sizeof(*n->queue));
	n->closed = calloc((size_t)g->gates + 1, sizeof(*n->closed));
	n->gate_before = calloc((size_t)g->gates + 1, sizeof(*n->gate_before));
	if (n->profile == NULL || n->allowed == NULL || n->cut_step == NULL
	    || n->not_inherited == NULL
	    || n->cut_power == NULL || n->super_node == NULL || n->before == NULL
	    || n->profile_of == NULL || n->same == NULL || n->special == NULL
	    || n->right_of_node == NULL || n->gate_of_node == NULL || n->right_of_set == NULL
	    || n->closed == NULL || n->met == NULL || n->queue == NULL
	    || n->gate_before == NULL)
		return no_memory(e);
	for (i = 0; i < g->nodes; i++)
		n->profile_of[i] = n->same[i] = REACH_NONE;
	for (i = 0; i < g->steps; i++)
		if (need_by_set(g, i))
			bitmap_set(n->not_inherited, i, 1);
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
	free(n->not_inherited);
	free(n->cut_power);
	free(n->super_node);
	free(n->profile_of);
	free(n->same);
	free(n->special);
	free(n->gift);
	free(n->closed);
	free(n->met);
	free(n->queue);
	free(n->right_of_node);
	free(n->gate_of_node);
	free(n->right_of_set);
	free(n->before);
	free(n->gate_before);
}
