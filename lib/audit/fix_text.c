/*
 * What a fix says: its SQL, what it leaves, and why.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/fix_private.h"

char *
fix_keep(struct planner *pl, struct buf *b)
{
	char *s = b->failed ? NULL : arena_take(&pl->j->arena, b->len + 1);

	if (s != NULL && b->len > 0)
		memcpy(s, b->data, b->len);
	buf_free(b);
	return s;
}

/* ---- advice --------------------------------------------------------------------- */

int
fix_advise_refused(struct planner *pl, const struct cut *c)
{
	const struct graph_power *w = c->why.power;
	struct buf b = BUF_INIT;

	if (pl->advice != NULL)
		return 0;
	if (w == NULL) {
		buf_str(&b, "too many accounts reach this to try what they would lose");
	} else if (!pl->j->named[c->why.account]) {
		buf_fmt(&b, "%s, which no line of the policy names, would lose %s",
		    pl->g->node[c->why.account].name, w->priv);
	} else {
		buf_fmt(&b, "%s needs %s", pl->g->node[c->why.account].name, w->priv);
		if (w->set->n > 0)
			buf_fmt(&b, " on %s", w->set->object[0]);
		buf_str(&b, ", which it would lose: give it that in another way first");
	}
	return (pl->advice = fix_keep(pl, &b)) == NULL ? -1 : 0;
}

int
fix_advise_unnamed(struct planner *pl, uint32_t account)
{
	const struct graph_node *n = &pl->g->node[account];
	struct buf b = BUF_INIT;

	if (n->kind != NODE_ACCOUNT)
		return 0;
	buf_fmt(&b, "say in the policy what %s is ([role %s] class=...), or drop it; until then "
	    "nobody knows what it needs", n->name, n->name);
	return (pl->advice = fix_keep(pl, &b)) == NULL ? -1 : 0;
}

void
fix_advise_basis(struct planner *pl, const struct graph_basis *b)
{
	if (pl->advice != NULL)
		return;
	if (b->advice != NULL)
		pl->advice = b->advice;
	else if (b->fix != NULL && fix_uses(b->fix, 'n') && pl->cuts.owner == NULL)
		pl->advice = "name in the policy the role that owns instead: [target] owner=, "
		    "a role of this server that nobody logs in as";
	else
		pl->advice = b->fix != NULL ? "there is nothing that SQL could take away"
		                            : "no SQL takes this away";
}

/* ---- a fix as text ------------------------------------------------------------------ */

/* What the class of that power's holder may have on such an object: %g. */
static const char *
granted(struct planner *pl, const struct graph_power *w)
{
	const char *const *priv = fix_grantable(w->set->kind);
	struct graph_power want = *w;
	struct buf b = BUF_INIT;

	for (; *priv != NULL; priv++) {
		/* To call what does no harm is as good as USAGE. */
		want.priv = strcmp(*priv, "EXECUTE") == 0 ? "USAGE" : *priv;
		if (need_may(&pl->need, w->from, &want))
			buf_fmt(&b, "%s%s", b.len > 0 ? ", " : "", *priv);
	}
	return fix_keep(pl, &b);
}

int
fix_add_item(struct fix_script *s, const struct fix_item *item)
{
	uint32_t cap = s->cap == 0 ? 16 : s->cap * 2;
	struct fix_item *more;

	if (s->n == s->cap) {
		if ((more = realloc(s->item, cap * sizeof(*more))) == NULL)
			return -1;
		s->item = more;
		s->cap = cap;
	}
	s->item[s->n++] = *item;
	return 0;
}

/* Where what is done with that set must run. */
static const char *
db_of(const char *db, const struct graph_set *set)
{
	return db == NULL && set != NULL && set->db[0] != '\0' ? set->db : db;
}

/* Rights on one set that one statement can give. */
static int
same_statement(const struct need_gift *a, const struct need_gift *b)
{
	return a->to == b->to && a->power->set == b->power->set
	    && a->power->basis->gift == b->power->basis->gift
	    && a->power->basis->gift->part == NULL;
}

/* The gates, and then what lies behind them. */
int
fix_add_gifts(struct planner *pl, struct fix_script *s, uint32_t first, uint32_t n)
{
	const struct need_gift *gift = &pl->need.gift[first];
	const struct graph *g = pl->g;
	const struct graph_gate *gate;
	struct fix_item item = { .gift = 1, .grant = "" };
	struct buf rights = BUF_INIT;
	uint32_t i;
	int r = 0;

	for (i = 0; i < n && r == 0; i++) {
		if (gift[i].power != NULL)
			continue;
		gate = &g->gate[gift[i].gate];
		item.fix = gate->gift->give;
		item.undo = gate->gift->ungive;
		item.db = gate->db;
		item.account = g->node[gift[i].to].sql;
		r = fix_add_item(s, &item);
	}
	for (i = 0; i < n && r == 0; i++) {
		if (gift[i].power == NULL)
			continue;
		buf_fmt(&rights, "%s%s", rights.len > 0 ? ", " : "", gift[i].power->priv);
		if (i + 1 < n && gift[i + 1].power != NULL && same_statement(&gift[i], &gift[i + 1]))
			continue;
		item.fix = gift[i].power->basis->gift->give;
		item.undo = gift[i].power->basis->gift->ungive;
		item.set = gift[i].power->set;
		item.db = db_of(NULL, item.set);
		item.account = g->node[gift[i].to].sql;
		if ((item.grant = fix_keep(pl, &rights)) == NULL)
			r = -1;
		else
			r = fix_add_item(s, &item);
	}
	buf_free(&rights);
	return r;
}

int
fix_add_cut(struct planner *pl, struct fix_script *s, const struct cut *c)
{
	uint32_t element = pl->cuts.element[c->first];
	const struct graph_basis *b = cuts_basis(&pl->cuts, element);
	struct fix_item item = { .fix = b->fix, .undo = b->undo, .grant = "",
		.part = b->part };

	if (fix_add_gifts(pl, s, c->gift, c->gifts) == -1)
		return -1;
	item.set = element < pl->g->steps ? pl->g->step[element].set
	                                  : pl->g->power[element - pl->g->steps].set;
	item.db = db_of(b->db, item.set);
	if (element >= pl->g->steps
	    && (fix_uses(b->fix, 'g') || (b->undo != NULL && fix_uses(b->undo, 'g')))
	    && (item.grant = granted(pl, &pl->g->power[element - pl->g->steps])) == NULL)
		return -1;
	return fix_add_item(s, &item);
}

/* The finding's cuts as text. */
int
fix_write(struct planner *pl, struct finding_fix *x)
{
	struct fix_script s = { .item = NULL };
	struct buf sql = BUF_INIT, undo = BUF_INIT;
	uint32_t i;
	int r = 0;

	for (i = 0; i < pl->n && r == 0; i++)
		r = fix_add_cut(pl, &s, &pl->cuts.cut[pl->used[i]]);
	if (r == 0) {
		fix_order(s.item, s.n);
		fix_items(s.item, s.n, pl->cuts.owner, 0, &sql);
		fix_items(s.item, s.n, pl->cuts.owner, 1, &undo);
	}
	free(s.item);
	x->sql = fix_keep(pl, &sql);
	x->undo = fix_keep(pl, &undo);
	return r == -1 || x->sql == NULL || x->undo == NULL ? -1 : 0;
}

/* The way that stays, as a line. */
const char *
fix_draw(struct planner *pl, const struct finding *f, const struct lead *l, uint32_t power)
{
	struct finding left = { .account = f->account, .power = &pl->g->power[power],
		.step = pl->path };
	struct buf b = BUF_INIT;

	left.steps = reach_path(&pl->j->reach, l->state, pl->path);
	fix_path(pl->g, &left, &b);
	return fix_keep(pl, &b);
}

