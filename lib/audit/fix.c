/*
 * All fixes: those of findings (fix_plan.c), those of faults, which have their own statements,
 * and all of them as one script.
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

/* What is wrong whoever it is has its own statement, or none. */
static int
fix_fault(struct planner *pl, struct finding *f)
{
	const struct graph_basis *b = f->fault != NULL ? f->fault->basis : NULL;
	struct buf sql = BUF_INIT, undo = BUF_INIT;
	struct fix_item i = { .grant = "" };

	pl->advice = NULL;
	if (b == NULL) {
		if (fix_advise_unnamed(pl, f->account) == -1)
			return -1;
	} else {
		i.fix = b->fix;
		i.undo = b->undo;
		i.db = b->db;
		fix_items(&i, 1, pl->cuts.owner, 0, &sql);
		fix_items(&i, 1, pl->cuts.owner, 1, &undo);
		pl->advice = b->advice;
		if (b->fix == NULL && pl->advice == NULL)
			pl->advice = "no SQL takes this away";
	}
	f->fix->remaining = sql.len == 0;
	f->fix->sql = fix_keep(pl, &sql);
	f->fix->undo = fix_keep(pl, &undo);
	if (pl->advice != NULL
	    && (f->fix->advice = arena_take(&pl->j->arena, strlen(pl->advice) + 1)) != NULL)
		memcpy(f->fix->advice, pl->advice, strlen(pl->advice));
	return f->fix->sql == NULL || f->fix->undo == NULL
	    || (pl->advice != NULL && f->fix->advice == NULL) ? -1 : 0;
}

/* ---- all ------------------------------------------------------------------------ */

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
}

/* The statements of a fault, unless another one has the same. */
static int
add_fault(struct fix_script *s, const struct graph_basis *b)
{
	struct fix_item *more;
	uint32_t i;

	for (i = 0; i < s->n; i++)
		if (s->item[i].fix == b->fix && s->item[i].db == b->db)
			return 0;
	if ((more = realloc(s->item, ((size_t)s->n + 1) * sizeof(*more))) == NULL)
		return -1;
	s->item = more;
	s->item[s->n++] = (struct fix_item){ .fix = b->fix, .undo = b->undo, .db = b->db,
		.grant = "" };
	return 0;
}

/* All that was chosen, kept with the verdict. */
static int
keep_script(struct planner *pl, const struct verdict *v)
{
	struct fix_script s = { .item = NULL, .owner = pl->cuts.owner }, *kept;
	struct fix_item *item;
	uint32_t i;
	int r = 0;

	for (i = 0; i < v->n && r == 0; i++)
		if (v->finding[i].fault != NULL && v->finding[i].fault->basis->fix != NULL)
			r = add_fault(&s, v->finding[i].fault->basis);
	s.cap = s.n;
	for (i = 0; i < pl->chosens && r == 0; i++)
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
		else if (fix_fault(&pl, f) == -1)
			r = no_memory(e);
	}
	if (r == 0 && keep_script(&pl, v) == -1)
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
