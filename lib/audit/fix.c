/*
 * All fixes: those of findings (fix_plan.c), those of faults (fix_fault.c), and all of them as
 * one script.
 */
#include "audit/fix.h"

#include <stdlib.h>
#include <string.h>

#include "audit/fix_private.h"

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "fix: out of memory");
}

static int
planner_init(struct planner *pl, const struct graph *g, const struct policy *p,
    struct verdict *v, struct err *e)
{
	*pl = (struct planner){ .g = g, .p = p, .j = v->priv };
	intern_init(&pl->shared);
	if (cuts_init(&pl->cuts, g, p, e) == -1 || need_init(&pl->need, v->priv, e) == -1)
		return -1;
	pl->gone = calloc(g->steps / 8 + 1, 1);
	pl->used = calloc((size_t)pl->cuts.n + 1, sizeof(*pl->used));
	pl->chosen = calloc((size_t)pl->cuts.n + 1, sizeof(*pl->chosen));
	pl->path = calloc((size_t)g->nodes * 2 * v->priv->reach.labels + 1,
	    sizeof(const struct graph_step *));
	return pl->gone == NULL || pl->used == NULL || pl->chosen == NULL || pl->path == NULL
	    ? no_memory(e) : 0;
}

static void
planner_free(struct planner *pl)
{
	cuts_free(&pl->cuts);
	need_free(&pl->need);
	intern_free(&pl->shared);
	free(pl->gone);
	free(pl->used);
	free(pl->chosen);
	free(pl->path);
	free(pl->faults.item);
}

/* Does a fault come with the same statement?  An open account is a fault and a way in. */
static int
is_of_fault(const struct planner *pl, const struct cut *c, const struct fix_item *item,
    uint32_t faults)
{
	uint32_t element = pl->cuts.element[c->first], i;
	const struct graph_basis *b;

	if (element >= pl->g->steps || pl->g->step[element].set != NULL)
		return 0;
	b = pl->g->step[element].basis;
	for (i = 0; i < faults; i++)
		if (item[i].fix == b->fix && item[i].db == b->db)
			return 1;
	return 0;
}

/* All that was chosen, kept with the verdict. */
static int
keep_script(struct planner *pl)
{
	struct fix_script s = pl->faults, *kept;
	uint32_t faults = s.n, i;
	struct fix_item *item;
	int r = 0;

	pl->faults = (struct fix_script){ .item = NULL };
	s.owner = pl->cuts.owner;
	for (i = 0; i < pl->chosens && r == 0; i++)
		if (!is_of_fault(pl, &pl->cuts.cut[pl->chosen[i]], s.item, faults))
			r = fix_add_cut(pl, &s, &pl->cuts.cut[pl->chosen[i]]);
	fix_order(s.item, s.n);
	kept = arena_take(&pl->j->arena, sizeof(*kept));
	item = arena_take(&pl->j->arena, s.n * sizeof(*item));
	if (r == 0 && kept != NULL && item != NULL) {
		if (s.n > 0)
			memcpy(item, s.item, s.n * sizeof(*item));
		*kept = s;
		kept->item = item;
		pl->j->script = kept;
	}
	free(s.item);
	return pl->j->script == NULL ? -1 : 0;
}

int
fix_all(const struct graph *g, const struct policy *p, struct verdict *v, struct err *e)
{
	struct planner pl;
	struct finding *f;
	int r = planner_init(&pl, g, p, v, e);

	for (f = v->finding; r == 0 && f < v->finding + v->n; f++) {
		if ((f->fix = arena_take(&v->priv->arena, sizeof(*f->fix))) == NULL)
			r = no_memory(e);
		else if (f->power != NULL)
			r = fix_finding(&pl, f, e);
		else
			r = fix_fault(&pl, f, e);
	}
	if (r == 0 && keep_script(&pl) == -1)
		r = no_memory(e);
	planner_free(&pl);
	return r;
}

int
fix_script(const struct graph *g, const struct verdict *v, int undo, struct buf *b,
    struct err *e)
{
	const struct fix_script *s = v->priv->script;

	if (s == NULL || v->priv->g != g)
		return err_set(e, ERR_BUG, "fix: a script before fix_all");
	fix_items(s->item, s->n, s->owner, undo, b);
	return buf_check(b, e);
}
