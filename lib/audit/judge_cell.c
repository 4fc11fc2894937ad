/*
 * What each scope forbids of each node, worked out when the first account comes there, and
 * what of it one account reaches.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/judge_private.h"

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "judge: out of memory");
}

/* ---- scopes ------------------------------------------------------------------------- */

static int
same_list(const char *const *a, const char *const *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	while (*a != NULL && *b != NULL && strcmp(*a, *b) == 0) {
		a++;
		b++;
	}
	return *a == *b;
}

static uint32_t
scope_of(struct judge_private *j, const struct policy_role *r)
{
	const struct policy_role *s;
	uint32_t i;

	if (r == NULL)
		return 0;
	for (i = 1; i < j->scopes; i++) {
		s = j->scope_role[i];
		if (s->class == r->class
		    && same_list((const char *const *)s->db, (const char *const *)r->db)
		    && same_list((const char *const *)s->schema,
		    (const char *const *)r->schema))
			return i;
	}
	j->scope_role[j->scopes] = r;
	return j->scopes++;
}

static int
has_excepts(const struct policy *p, const char *name)
{
	uint32_t i;

	for (i = 0; i < p->excepts; i++)
		if (strcmp(p->except[i].role, name) == 0)
			return 1;
	return 0;
}

int
judge_cells_init(struct judge_private *j, struct err *e)
{
	const struct graph *g = j->g;
	const struct policy_role *r;
	uint32_t i;

	intern_init(&j->unions);
	if (reach_init(&j->reach, g, e) == -1)
		return -1;
	j->scope_role = calloc((size_t)j->p->roles + 1, sizeof(*j->scope_role));
	j->scope = calloc(g->nodes, sizeof(*j->scope));
	j->named = calloc(g->nodes, 1);
	j->excepts = calloc(g->nodes, 1);
	j->cell = calloc((size_t)g->nodes * 2, sizeof(*j->cell));
	j->sorting = calloc((size_t)g->powers + 1, sizeof(*j->sorting));
	j->set_seen = calloc((size_t)g->sets + 1, sizeof(*j->set_seen));
	if (j->scope_role == NULL || j->scope == NULL || j->named == NULL || j->excepts == NULL
	    || j->cell == NULL || j->sorting == NULL || j->set_seen == NULL)
		return no_memory(e);
	j->scopes = 1;
	for (i = 0; i < g->nodes; i++) {
		r = policy_role(j->p, g, i);
		j->named[i] = r != NULL;
		j->scope[i] = scope_of(j, r);
		j->excepts[i] = has_excepts(j->p, g->node[i].name) != 0;
	}
	return 0;
}

void
judge_cells_free(struct judge_private *j)
{
	reach_free(&j->reach);
	intern_free(&j->unions);
	arena_free(&j->arena);
	arena_free(&j->run);
	free(j->scope_role);
	free(j->scope);
	free(j->named);
	free(j->excepts);
	free(j->cell);
	free(j->sorting);
	free(j->set_seen);
	free(j->lead);
}

int
judge_is_account(const struct judge_private *j, uint32_t node)
{
	const struct graph_node *n = &j->g->node[node];

	if (n->kind == NODE_ANYONE)
		return 1;
	return n->kind == NODE_ACCOUNT && (n->login || j->named[node]);
}

void
judge_sets_begin(struct judge_private *j)
{
	j->sets_run++;
}

int
judge_set_is_new(struct judge_private *j, const struct graph_set *set)
{
	if (j->set_seen[set->id] == j->sets_run)
		return 0;
	j->set_seen[set->id] = j->sets_run;
	return 1;
}

/* ---- cells -------------------------------------------------------------------------- */

/* Do these two belong to one entry?  Their order: <0, 0, >0. */
static int
by_entry(const struct graph_power *a, const struct graph_power *b)
{
	int i;

	if (a->check != b->check)
		return a->check < b->check ? -1 : 1;
	if (a->sink != b->sink)
		return a->sink < b->sink ? -1 : 1;
	for (i = 0; i < 2; i++)
		if (a->gate[i] != b->gate[i])
			return a->gate[i] < b->gate[i] ? -1 : 1;
	return 0;
}

static int
by_entry_and_place(const void *a, const void *b, void *judging)
{
	const struct graph *g = ((const struct judge_private *)judging)->g;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int c = by_entry(&g->power[x], &g->power[y]);

	return c != 0 ? c : x < y ? -1 : x > y;
}

/* Fill in what follows from the entry's powers. */
static void
sum_up(struct judge_private *j, struct entry *en)
{
	const struct graph_power *w;
	uint32_t i;

	judge_sets_begin(j);
	for (i = 0; i < en->n; i++) {
		w = &j->g->power[en->power[i]];
		if (i == 0 || w->severity > en->severity) {
			en->severity = w->severity;
			en->worst = en->power[i];
			en->object = w->set->n > 0 ? w->set->object[0] : NULL;
		}
		if (judge_set_is_new(j, w->set))
			en->objects += w->set->n;
	}
}

/* Cut n sorted powers into entries. */
static int
make_entries(struct judge_private *j, struct cell *c, const uint32_t *power, uint32_t n)
{
	const struct graph_power *w;
	struct entry *en;
	uint32_t i;

	for (i = 0; i < n; i++)
		if (i == 0 || by_entry(&j->g->power[power[i - 1]],
		    &j->g->power[power[i]]) != 0)
			c->n++;
	if ((en = arena_take(&j->arena, c->n * sizeof(*en))) == NULL)
		return -1;
	c->entry = en;
	for (i = 0; i < n; i++) {
		w = &j->g->power[power[i]];
		if (i > 0 && by_entry(&j->g->power[power[i - 1]], w) == 0) {
			en[-1].n++;
			continue;
		}
		*en++ = (struct entry){ .check = w->check, .sink = w->sink,
			.gate = { w->gate[0], w->gate[1] }, .power = &power[i], .n = 1 };
	}
	for (en -= c->n, i = 0; i < c->n; i++)
		sum_up(j, &en[i]);
	return 0;
}

static struct cell *
make_cell(struct judge_private *j, uint32_t node, enum step_how how, uint32_t scope)
{
	const struct graph *g = j->g;
	const struct policy_role *r = j->scope_role[scope];
	struct cell *c = arena_take(&j->arena, sizeof(*c));
	uint32_t i, n = 0, *power;

	if (c == NULL)
		return NULL;
	for (i = g->power_from[node]; i < g->power_from[node + 1]; i++)
		if (g->power[i].needs == how && g->power[i].sink != SINK_NONE
		    && !bitmap_get(j->o.removed_power, i) && !policy_may(r, &g->power[i]))
			j->sorting[n++] = i;
	c->scope = scope;
	if (n == 0)
		return c;
	qsort_r(j->sorting, n, sizeof(*j->sorting), by_entry_and_place, j);
	if ((power = arena_take(&j->arena, n * sizeof(*power))) == NULL)
		return NULL;
	memcpy(power, j->sorting, n * sizeof(*power));
	return make_entries(j, c, power, n) == 0 ? c : NULL;
}

static const struct cell *
cell_of(struct judge_private *j, uint32_t node, enum step_how how, uint32_t scope)
{
	struct cell **head = &j->cell[node * 2 + (how == STEP_BECOME)], *c;

	for (c = *head; c != NULL; c = c->next)
		if (c->scope == scope)
			return c;
	if ((c = make_cell(j, node, how, scope)) == NULL)
		return NULL;
	c->next = *head;
	*head = c;
	return c;
}

/* ---- exceptions --------------------------------------------------------------------- */

/* How many objects of that power no exception in force covers; the first of them. */
static uint32_t
left_of(const struct judge_private *j, uint32_t account, const struct check *check,
    const struct graph_power *w, const char **first, struct policy_except **expired)
{
	struct policy_except *x;
	uint32_t i, left = 0;

	*first = NULL;
	for (i = 0; i < w->set->n || (i == 0 && w->set->n == 0); i++) {
		const char *object = w->set->n > 0 ? w->set->object[i] : NULL;

		x = policy_except(j->p, &j->g->node[account], check, w, object);
		if (x != NULL)
			x->used = 1;
		if (x != NULL && !x->expired)
			continue;
		if (left++ == 0)
			*first = object;
		if (x != NULL && *expired == NULL)
			*expired = x;
	}
	return left;
}

/* The entry without what exceptions of that account cover: n is 0 when nothing is left. */
static struct entry *
except(struct judge_private *j, uint32_t account, const struct check *check,
    const struct entry *from, uint32_t *excepted)
{
	struct entry *en = arena_take(&j->run, sizeof(*en));
	uint32_t *power = arena_take(&j->run, from->n * sizeof(*power)), i, left;
	const struct graph_power *w;
	const char *first;

	if (en == NULL || power == NULL)
		return NULL;
	*en = (struct entry){ .check = from->check, .sink = from->sink,
		.gate = { from->gate[0], from->gate[1] }, .power = power, .own = 1 };
	judge_sets_begin(j);
	for (i = 0; i < from->n; i++) {
		w = &j->g->power[from->power[i]];
		left = left_of(j, account, check, w, &first, &en->expired);
		if (excepted != NULL && left < w->set->n + (w->set->n == 0))
			++*excepted;
		if (left == 0)
			continue;
		if (en->n == 0 || w->severity > en->severity) {
			en->severity = w->severity;
			en->worst = from->power[i];
			en->object = first;
		}
		if (w->set->n > 0 && judge_set_is_new(j, w->set))
			en->objects += left;
		power[en->n++] = from->power[i];
	}
	return en;
}

/* ---- leads -------------------------------------------------------------------------- */

static int
add_lead(struct judge_private *j, const struct check *check, uint32_t state,
    const struct entry *en)
{
	uint32_t cap = j->lead_cap == 0 ? 64 : j->lead_cap * 2;
	struct lead *more;

	if (j->leads == j->lead_cap) {
		if ((more = realloc(j->lead, cap * sizeof(*more))) == NULL)
			return -1;
		j->lead = more;
		j->lead_cap = cap;
	}
	j->lead[j->leads++] = (struct lead){ check, state, en };
	return 0;
}

/* The leads of one state. */
static int
follow(struct judge_private *j, uint32_t account, uint32_t state, uint32_t *excepted)
{
	const struct reach *r = &j->reach;
	uint32_t label = reach_label(r, state), i;
	const struct cell *c = cell_of(j, reach_node(r, state), reach_how(state),
	    j->o.why ? 0 : j->scope[account]);
	const struct check *check;
	const struct entry *en;

	if (c == NULL)
		return -1;
	for (i = 0; i < c->n; i++) {
		en = &c->entry[i];
		if (!reach_open(r, en->gate, label))
			continue;
		check = label != 0 ? r->label[label] : en->check;
		if (j->excepts[account] && !j->o.why
		    && (en = except(j, account, check, en, excepted)) == NULL)
			return -1;
		if (en->n > 0 && add_lead(j, check, state, en) == -1)
			return -1;
	}
	return 0;
}

int
judge_leads(struct judge_private *j, uint32_t account, const uint8_t *removed_step,
    uint32_t *excepted, struct err *e)
{
	uint32_t i;

	arena_free(&j->run);
	j->leads = 0;
	reach_run(&j->reach, account, removed_step, 0);
	for (i = 0; i < j->reach.n; i++)
		if (follow(j, account, j->reach.queue[i], excepted) == -1)
			return no_memory(e);
	return 0;
}
