/*
 * What one account reaches: a breadth-first search that forgets its last run in no time,
 * since there is one for each account.
 */
#include "audit/reach.h"

#include <stdlib.h>

int
bitmap_get(const uint8_t *map, uint32_t i)
{
	return map != NULL && (map[i / 8] >> i % 8 & 1) != 0;
}

void
bitmap_set(uint8_t *map, uint32_t i, int on)
{
	if (on)
		map[i / 8] = (uint8_t)(map[i / 8] | 1 << i % 8);
	else
		map[i / 8] = (uint8_t)(map[i / 8] & ~(1 << i % 8));
}

/* ---- labels ------------------------------------------------------------------------ */

/* One label for each check that has a breach; the catalogue is far below 255. */
static int
number_labels(struct reach *r, struct err *e)
{
	const struct graph *g = r->g;
	uint32_t i, k, checks = 0;

	while (check_all[checks].id != NULL)
		checks++;
	r->label = calloc((size_t)checks + 1, sizeof(*r->label));
	r->step_label = calloc((size_t)g->steps + 1, 1);
	if (r->label == NULL || r->step_label == NULL)
		return err_set(e, ERR_SYSTEM, "graph: out of memory");
	r->labels = 1;
	for (i = 0; i < g->steps; i++) {
		if (!g->step[i].breach)
			continue;
		for (k = 1; k < r->labels; k++)
			if (r->label[k] == g->step[i].check)
				break;
		if (k == r->labels)
			r->label[r->labels++] = g->step[i].check;
		r->step_label[i] = (uint8_t)k;
	}
	return 0;
}

static int
index_passes(struct reach *r, struct err *e)
{
	const struct graph *g = r->g;
	uint32_t i, node = 0;

	r->pass_from = calloc((size_t)g->nodes + 1, sizeof(*r->pass_from));
	if (r->pass_from == NULL)
		return err_set(e, ERR_SYSTEM, "graph: out of memory");
	for (i = 0; i < g->passes; i++)
		while (node < g->pass[i] >> 32)
			r->pass_from[++node] = i;
	while (node < g->nodes)
		r->pass_from[++node] = g->passes;
	return 0;
}

int
reach_init(struct reach *r, const struct graph *g, struct err *e)
{
	size_t states;
	uint32_t i;

	*r = (struct reach){ .g = g, .public = REACH_NONE };
	if (number_labels(r, e) == -1 || index_passes(r, e) == -1)
		return -1;
	states = (size_t)g->nodes * r->labels * 2;
	if (states >= REACH_NONE)
		return err_set(e, ERR_SYSTEM, "graph: %u accounts are too many", g->nodes);
	r->state = calloc(states, sizeof(*r->state));
	r->queue = calloc(states, sizeof(*r->queue));
	r->gate_clean = calloc((size_t)g->gates + 1, sizeof(*r->gate_clean));
	r->gate_any = calloc((size_t)g->gates + 1, sizeof(*r->gate_any));
	if (r->state == NULL || r->queue == NULL || r->gate_clean == NULL
	    || r->gate_any == NULL)
		return err_set(e, ERR_SYSTEM, "graph: out of memory");
	for (i = 0; i < g->nodes; i++)
		if (g->node[i].kind == NODE_PUBLIC)
			r->public = i;
	return 0;
}

void
reach_free(struct reach *r)
{
	free(r->label);
	free(r->step_label);
	free(r->pass_from);
	free(r->state);
	free(r->queue);
	free(r->gate_clean);
	free(r->gate_any);
}

/* ---- the search ---------------------------------------------------------------------- */

static uint32_t
state_of(const struct reach *r, uint32_t label, uint32_t node, enum step_how how)
{
	return (label * r->g->nodes + node) * 2 + (how == STEP_BECOME);
}

uint32_t
reach_node(const struct reach *r, uint32_t state)
{
	return state / 2 % r->g->nodes;
}

enum step_how
reach_how(uint32_t state)
{
	return state % 2 == 1 ? STEP_BECOME : STEP_USE;
}

uint32_t
reach_label(const struct reach *r, uint32_t state)
{
	return state / 2 / r->g->nodes;
}

static void
meet(struct reach *r, uint32_t state, uint32_t before, uint32_t step)
{
	struct reach_state *s = &r->state[state];

	if (s->seen == r->run)
		return;
	*s = (struct reach_state){ step, before, r->run };
	r->queue[r->n++] = state;
	if (reach_how(state) == STEP_BECOME)
		meet(r, state - 1, before, step);
}

static void
open_gates(struct reach *r, uint32_t node, int clean)
{
	uint32_t i, gate;

	for (i = r->pass_from[node]; i < r->pass_from[node + 1]; i++) {
		gate = (uint32_t)r->g->pass[i];
		r->gate_any[gate] = r->run;
		if (clean)
			r->gate_clean[gate] = r->run;
	}
}

void
reach_run(struct reach *r, uint32_t from, const uint8_t *removed, int clean)
{
	const struct graph *g = r->g;
	const struct graph_step *s;
	uint32_t at, state, node, label, i;

	r->run++;
	r->n = 0;
	meet(r, state_of(r, 0, from, STEP_BECOME), REACH_NONE, REACH_NONE);
	if (r->public != REACH_NONE && g->node[from].kind == NODE_ACCOUNT)
		meet(r, state_of(r, 0, r->public, STEP_USE), REACH_NONE, REACH_NONE);
	for (at = 0; at < r->n; at++) {
		state = r->queue[at];
		node = reach_node(r, state);
		label = reach_label(r, state);
		open_gates(r, node, label == 0);
		for (i = g->step_from[node]; i < g->step_from[node + 1]; i++) {
			s = &g->step[i];
			if (s->needs != reach_how(state) || bitmap_get(removed, i)
			    || (clean && (s->breach || s->regrant)))
				continue;
			meet(r, state_of(r, label != 0 ? label : r->step_label[i], s->to,
			    s->gives), state, i);
		}
	}
}

int
reach_holds(const struct reach *r, uint32_t node, enum step_how how)
{
	return r->state[state_of(r, 0, node, how)].seen == r->run;
}

int
reach_open(const struct reach *r, const uint32_t gate[2], uint32_t label)
{
	const uint32_t *opened = label == 0 ? r->gate_clean : r->gate_any;

	return (gate[0] == GRAPH_NO_GATE || opened[gate[0]] == r->run)
	    && (gate[1] == GRAPH_NO_GATE || opened[gate[1]] == r->run);
}

uint32_t
reach_path(const struct reach *r, uint32_t state, const struct graph_step **step)
{
	uint32_t n = 0, s, i;

	for (s = state; r->state[s].step != REACH_NONE; s = r->state[s].before)
		n++;
	if (step == NULL)
		return n;
	for (s = state, i = n; i > 0; s = r->state[s].before)
		step[--i] = &r->g->step[r->state[s].step];
	return n;
}
