/*
 * Fixes of faults: what is wrong whoever it is has its own statement, or none.
 */
#include <stdlib.h>

#include "audit/fix_private.h"

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "fix: out of memory");
}

/* Faults may share a statement: is it in the script? */
static int
is_there(const struct fix_script *s, const struct fix_item *item)
{
	uint32_t i;

	for (i = 0; i < s->n; i++)
		if (s->item[i].fix == item->fix && s->item[i].db == item->db)
			return 1;
	return 0;
}

/* The fault's statement, behind n gifts.  -1: no memory. */
static int
write_fault(struct planner *pl, struct finding_fix *x, const struct graph_basis *b,
    uint32_t gift, uint32_t n)
{
	const struct fix_item item = { .fix = b->fix, .undo = b->undo, .db = b->db, .grant = "" };
	struct fix_script own = { .item = NULL }, *all = &pl->faults;
	struct buf sql = BUF_INIT, undo = BUF_INIT;
	int r;

	r = fix_add_gifts(pl, &own, gift, n) == -1 || fix_add_item(&own, &item) == -1;
	if (r == 0) {
		fix_items(own.item, own.n, pl->cuts.owner, 0, &sql);
		fix_items(own.item, own.n, pl->cuts.owner, 1, &undo);
		if (b->fix != NULL && !is_there(all, &item))
			r = fix_add_gifts(pl, all, gift, n) == -1 || fix_add_item(all, &item) == -1;
	}
	free(own.item);
	x->sql = fix_keep(pl, &sql);
	x->undo = fix_keep(pl, &undo);
	return r || x->sql == NULL || x->undo == NULL ? -1 : 0;
}

int
fix_fault(struct planner *pl, struct finding *f, struct err *e)
{
	static const struct graph_basis none = { .fix = NULL };
	const struct graph_basis *b = f->fault != NULL ? f->fault->basis : &none;
	uint32_t gift = pl->need.gifts, who = f->account;
	int open = f->fault == NULL;

	if (f->fault != NULL && f->fault->gate != GRAPH_NO_GATE) {
		switch (need_close(&pl->need, f->fault->gate, &who, e)) {
		case -1:
			return -1;
		case 0:
			open = 1;
			b = &none;
		}
	}
	pl->advice = b->advice;
	if (open && fix_advise_unnamed(pl, who) == -1)
		return no_memory(e);
	if (b->fix == NULL && pl->advice == NULL)
		pl->advice = "no SQL takes this away";
	f->fix->remaining = b->fix == NULL;
	f->fix->advice = pl->advice;
	if (write_fault(pl, f->fix, b, gift, pl->need.gifts - gift) == -1)
		return no_memory(e);
	return 0;
}
