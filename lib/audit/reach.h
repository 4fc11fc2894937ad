/*
 * What one account reaches in the graph: breadth-first over (node, how it is held), apart
 * for each check whose breach came first on the way.
 *
 * A state is such a triple.  Its label is 0 when the way has no breach, and else stands for
 * the check of its first one.  Since a finding bears that check, taking steps away can
 * only take findings away: none is hidden behind a shorter way of another check.
 * BECOME holds what USED holds, so a state of BECOME comes with that of USED.
 */
#ifndef AUDIT_REACH_H
#define AUDIT_REACH_H

#include <stdint.h>

#include "audit/graph.h"
#include "base/err.h"

#define REACH_NONE UINT32_MAX

struct reach_state {
	uint32_t step;		/* that led here; REACH_NONE: the beginning, or PUBLIC */
	uint32_t before;	/* the state from which it did */
	uint32_t seen;		/* the run that met it */
};

struct reach {
	const struct graph *g;
	const struct check **label;	/* [0] is NULL */
	uint8_t *step_label;	/* the label that a step gives: 0 for a membership */
	uint32_t *pass_from;	/* node i's passes are [x[i], x[i + 1]) */
	uint32_t labels, public, run;
	struct reach_state *state;
	uint32_t *queue, n;	/* the states met, the nearest first */
	uint32_t *gate_clean, *gate_any; /* the run that opened a gate; without a breach */
};

/* ERR_SYSTEM.  g must outlive it. */
int reach_init(struct reach *r, const struct graph *g, struct err *e);
void reach_free(struct reach *r);

/*
 * What that node reaches without the removed steps (a bitmap, or NULL); clean: without any
 * breach, so all states have label 0, and without regrants.  It fills queue and n.
 */
void reach_run(struct reach *r, uint32_t from, const uint8_t *removed, int clean);

uint32_t reach_node(const struct reach *r, uint32_t state);
enum step_how reach_how(uint32_t state);
uint32_t reach_label(const struct reach *r, uint32_t state);

/* Was that node met, held so (or as BECOME), on a way without a breach? */
int reach_holds(const struct reach *r, uint32_t node, enum step_how how);

/* Are these gates passed?  Without a breach only gates count that were opened without. */
int reach_open(const struct reach *r, const uint32_t gate[2], uint32_t label);

/* How many steps lead to that state; into step (when not NULL) in their order. */
uint32_t reach_path(const struct reach *r, uint32_t state, const struct graph_step **step);

int bitmap_get(const uint8_t *map, uint32_t i);	/* map NULL: 0 */
void bitmap_set(uint8_t *map, uint32_t i, int on);

#endif
