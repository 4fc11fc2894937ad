/*
 * Gifts: what an account's class may have, and it holds by a way that must go, it gets as its
 * own first: GRANT SELECT ON sales.orders TO shop_app, and then REVOKE deploy FROM shop_app.
 *
 * A membership is replaced by gifts to its member, when all who are behind it may have them;
 * else, and where a right of a group or of PUBLIC goes, each account gets its own.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/fix_private.h"

/* So many objects can be given one by one; with more, somebody should make a role. */
#define OBJECTS_MAX 200000

int
need_covers(const struct graph_power *have, const struct graph_power *want)
{
	const struct graph_gift *h = have->basis->gift, *w = want->basis->gift;

	return strcmp(have->priv, want->priv) == 0
	    && (h == NULL || h->part == NULL || (w != NULL && w->part == h->part));
}

static int
has_pass(const struct need *n, uint32_t node, uint32_t gate)
{
	uint32_t k;

	for (k = n->reach.pass_from[node]; k < n->reach.pass_from[node + 1]; k++)
		if ((uint32_t)n->g->pass[k] == gate)
			return 1;
	return 0;
}

/*
 * Does that account pass the gate when it connects, but for PUBLIC's pass?  Then it has only
 * what it inherits: roles are set later.
 */
static int
passes(struct need *n, uint32_t account, uint32_t gate)
{
	const struct graph *g = n->g;
	const struct graph_step *s;
	uint32_t at = 0, met = 0, i, node;

	n->met_run++;
	n->queue[met++] = account;
	while (at < met) {
		node = n->queue[at++];
		if (has_pass(n, node, gate))
			return 1;
		for (i = g->step_from[node]; i < g->step_from[node + 1]; i++) {
			s = &g->step[i];
			if (s->needs != STEP_USE || s->gives != STEP_USE || s->breach
			    || bitmap_get(n->cut_step, i) || n->met[s->to] == n->met_run)
				continue;
			n->met[s->to] = n->met_run;
			n->queue[met++] = s->to;
		}
	}
	return 0;
}

void
need_run(struct need *n, uint32_t account)
{
	uint32_t i, k;

	reach_run(&n->reach, account, n->inherits ? n->not_inherited : n->cut_step, 1);
	for (i = 0; i < n->closeds; i++)
		if (!passes(n, account, n->closed[i]))
			n->reach.gate_clean[n->closed[i]] = 0;	/* runs count from 1 */
	for (i = 0; i < n->reach.n; i++)
		for (k = n->gate_of_node[reach_node(&n->reach, n->reach.queue[i])]; k > 0;
		    k = n->gift[k - 1].of_node)
			n->reach.gate_clean[n->gift[k - 1].gate] = n->reach.run;
}

/* ---- who may get it ------------------------------------------------------------------- */

static int
line_may(const struct need *n, uint32_t account, const struct graph_power *w)
{
	return n->j->named[account] && policy_may(n->j->scope_role[n->j->scope[account]], w);
}

/* May everyone have this who has what is that node's? */
static int
all_may(const struct need *n, uint32_t node, const struct graph_power *w)
{
	uint32_t i;

	if (n->g->node[node].kind != NODE_ACCOUNT
	    || (judge_is_account(n->j, node) && !line_may(n, node, w)))
		return 0;
	for (i = n->at_from[node]; i < n->at_from[node + 1]; i++)
		if (!line_may(n, n->profile[n->at[i]].account, w))
			return 0;
	return 1;
}

/* Has somebody its rights who could not become it, and so had not what it could become? */
static int
is_inherited(const struct need *n, uint32_t node)
{
	uint32_t i;

	for (i = 0; i < n->g->steps; i++)
		if (n->g->step[i].to == node && n->g->step[i].gives == STEP_USE)
			return 1;
	return 0;
}

/* Are these the same right, or one a part of the other? */
static int
overlaps(const struct graph_power *a, const struct graph_power *b)
{
	return need_covers(a, b) || need_covers(b, a);
}

/*
 * Has that node something like it of its own?  Then it was cut, or is of one column: a gift
 * would not last, or its inverse would take too much.
 */
static int
has_own(const struct need *n, uint32_t node, const struct graph_power *w)
{
	const struct graph_power *o;
	uint32_t i;

	for (i = n->of_set_from[w->set->id]; i < n->of_set_from[w->set->id + 1]; i++) {
		o = &n->g->power[n->of_set[i]];
		if (o->from == node && overlaps(o, w) && (o != w || w->sink != SINK_NONE))
			return 1;
	}
	return 0;
}

/* ---- giving --------------------------------------------------------------------------- */

/* -1: no memory. */
static int
add_gift(struct need *n, const struct need_gift *gift)
{
	uint32_t cap = n->gift_cap == 0 ? 64 : n->gift_cap * 2;
	struct need_gift *more, *own;

	if (n->gifts == n->gift_cap) {
		if ((more = realloc(n->gift, cap * sizeof(*more))) == NULL)
			return -1;
		n->gift = more;
		n->gift_cap = cap;
	}
	own = &n->gift[n->gifts++];
	*own = *gift;
	if (own->power == NULL) {
		own->of_node = n->gate_of_node[own->to];
		n->gate_of_node[own->to] = n->gifts;
		n->given++;
		return 0;
	}
	own->of_node = n->right_of_node[own->to];
	n->right_of_node[own->to] = n->gifts;
	own->of_set = n->right_of_set[own->power->set->id];
	n->right_of_set[own->power->set->id] = n->gifts;
	n->given += own->power->set->n;
	return 0;
}

static void
take_back(struct need *n, uint32_t first)
{
	const struct need_gift *gift;

	while (n->gifts > first) {
		gift = &n->gift[--n->gifts];
		if (gift->power == NULL) {
			n->gate_of_node[gift->to] = gift->of_node;
			n->given--;
			continue;
		}
		n->right_of_node[gift->to] = gift->of_node;
		n->right_of_set[gift->power->set->id] = gift->of_set;
		n->given -= gift->power->set->n;
	}
}

static int
has_gate(const struct need *n, uint32_t node, uint32_t gate)
{
	uint32_t k;

	for (k = n->gate_of_node[node]; k > 0; k = n->gift[k - 1].of_node)
		if (n->gift[k - 1].gate == gate)
			return 1;
	return 0;
}

/* Give the power to that node, or only its gates.  0: done, 1: it cannot be; -1: no memory. */
static int
give(struct need *n, uint32_t to, const struct graph_power *w, int right)
{
	uint32_t i, gate;

	if (right && (w->basis->gift == NULL || has_own(n, to, w)))
		return 1;
	for (i = 0; i < 2; i++) {
		gate = w->gate[i];
		if (gate == GRAPH_NO_GATE || n->reach.gate_clean[gate] == n->reach.run
		    || has_gate(n, to, gate))
			continue;
		if (n->g->gate[gate].gift == NULL)
			return 1;
		if (add_gift(n, &(struct need_gift){ .to = to, .gate = gate }) == -1)
			return -1;
	}
	if (right && add_gift(n, &(struct need_gift){ .to = to, .power = w }) == -1)
		return -1;
	return n->given > OBJECTS_MAX;
}

/* To each account of the profile that is tried. */
static int
give_each(struct need *n, const struct graph_power *w, int right)
{
	uint32_t account;
	int r = n->giving.profile == NULL;

	for (account = r == 0 ? n->giving.profile->account : REACH_NONE;
	    account != REACH_NONE && r == 0; account = n->same[account])
		r = all_may(n, account, w) && !is_inherited(n, account)
		    ? give(n, account, w, right) : 1;
	return r;
}

int
need_lost(struct need *n, uint32_t account, const struct graph_power *w,
    const uint32_t *element, uint32_t elements)
{
	int right = !need_other(n, account, w, 0, element, elements), r;
	uint32_t i, from = n->giving.from;

	if (!line_may(n, account, w))
		return 1;
	r = from != REACH_NONE && all_may(n, from, w) ? give(n, from, w, right)
	    : give_each(n, w, right);
	for (i = 0; i < 2 && r == 0; i++)
		if (w->gate[i] != GRAPH_NO_GATE)
			n->reach.gate_clean[w->gate[i]] = n->reach.run;
	return r;
}

/*
 * Whose memberships or attributes these are; REACH_NONE: nobody's, or somebody must get
 * nothing for them.
 */
static uint32_t
member_of(const struct need *n, const uint32_t *element, uint32_t elements)
{
	const struct graph *g = n->g;
	uint32_t i, x, from = REACH_NONE, node;
	int inherits = 0;

	for (i = 0; i < elements; i++) {
		x = element[i];
		if (x < g->steps ? g->step[x].breach : g->power[x - g->steps].basis->gift != NULL)
			return REACH_NONE;
		node = x < g->steps ? g->step[x].from : g->power[x - g->steps].from;
		if (i > 0 && node != from)
			return REACH_NONE;
		from = node;
		inherits |= x < g->steps && g->step[x].needs == STEP_USE;
	}
	return !inherits && is_inherited(n, from) ? REACH_NONE : from;
}

/* It is like others of its profile no more. */
static void
part(struct need *n, uint32_t account)
{
	struct profile *f;
	uint32_t *p;

	if (n->profile_of[account] == REACH_NONE)
		return;
	f = &n->profile[n->profile_of[account]];
	if (f->account == account && n->same[account] == REACH_NONE)
		return;
	for (p = &f->account; *p != account; p = &n->same[*p])
		;
	*p = n->same[account];
	n->same[account] = n->profile_of[account] = REACH_NONE;
	n->special[n->specials++] = account;
}

int
need_give(struct need *n, const uint32_t *element, uint32_t elements, struct need_reason *why,
    struct err *e)
{
	uint32_t first = n->gifts;
	int r;

	if (n->given > OBJECTS_MAX)
		return 0;
	n->giving = (struct giving){ 1, member_of(n, element, elements), NULL };
	r = need_harm(n, element, elements, why, e);
	n->giving.on = 0;
	if (r != 0)
		take_back(n, first);
	else if (n->giving.from != REACH_NONE)
		part(n, n->giving.from);
	return r == -1 ? -1 : r == 0;
}

/* ---- CONNECT ---------------------------------------------------------------------------- */

/* Does that account come in by PUBLIC's pass alone, and must it?  -1: nobody knows. */
static int
comes_in(struct need *n, uint32_t account, uint32_t gate)
{
	const struct policy_role *role = n->j->scope_role[n->j->scope[account]];
	const struct graph_set db = { .kind = "database", .db = n->g->gate[gate].into,
		.schema = "" };
	const struct graph_power connect = { .priv = "CONNECT", .set = &db };

	if (passes(n, account, gate) || has_gate(n, account, gate))
		return 0;
	need_run(n, account);
	if (need_everything(n, role))
		return 0;
	if (!n->j->named[account])
		return -1;
	return policy_may(role, &connect);
}

int
need_close(struct need *n, uint32_t gate, uint32_t *who, struct err *e)
{
	uint32_t first = n->gifts, i;
	int r = 0;

	for (i = 0; i < n->g->nodes && r >= 0; i++) {
		if (n->g->node[i].kind != NODE_ACCOUNT || !n->g->node[i].login)
			continue;
		if ((r = comes_in(n, i, gate)) == 1
		    && add_gift(n, &(struct need_gift){ .to = i, .gate = gate }) == -1)
			return err_set(e, ERR_SYSTEM, "fix: out of memory");
		*who = i;
	}
	if (r == -1) {
		take_back(n, first);
		return 0;
	}
	n->closed[n->closeds++] = gate;
	return 1;
}
