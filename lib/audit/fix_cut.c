/*
 * Cuts: which steps and powers one statement takes away.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/fix_private.h"

static const struct graph_set *
set_of(const struct cuts *c, uint32_t element)
{
	return element < c->g->steps ? c->g->step[element].set
	                             : c->g->power[element - c->g->steps].set;
}

const struct graph_basis *
cuts_basis(const struct cuts *c, uint32_t element)
{
	return element < c->g->steps ? c->g->step[element].basis
	                             : c->g->power[element - c->g->steps].basis;
}

/* Is there SQL for it?  A new owner must be known, and be another one. */
static int
is_cuttable(const struct cuts *c, uint32_t element)
{
	const struct graph_basis *b = cuts_basis(c, element);
	const struct graph_set *set = set_of(c, element);
	uint32_t from;

	if (b->fix == NULL)
		return 0;
	if (fix_uses(b->fix, 'o') && (set == NULL || set->n == 0))
		return 0;
	if (!fix_uses(b->fix, 'n'))
		return 1;
	from = element < c->g->steps ? c->g->step[element].from
	                             : c->g->power[element - c->g->steps].from;
	return c->owner != NULL && from != c->owner_node;
}

/* The set that a template speaks of; one without objects is the same wherever it stands. */
static const struct graph_set *
spoken_of(const struct cuts *c, uint32_t element)
{
	return fix_uses(cuts_basis(c, element)->fix, 'o') ? set_of(c, element) : NULL;
}

static int
by_statement(const struct cuts *c, uint32_t x, uint32_t y)
{
	const struct graph_basis *a = cuts_basis(c, x), *b = cuts_basis(c, y);
	const struct graph_set *s, *t;

	/* Strings are interned: equal ones are one pointer. */
	if (a->fix != b->fix)
		return a->fix < b->fix ? -1 : 1;
	if (a->db != b->db)
		return a->db < b->db ? -1 : 1;
	s = spoken_of(c, x);
	t = spoken_of(c, y);
	if (s == t)
		return 0;
	return s == NULL ? -1 : t == NULL ? 1 : s->id < t->id ? -1 : 1;
}

static int
by_statement_and_place(const void *a, const void *b, void *cuts)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int r = by_statement(cuts, x, y);

	return r != 0 ? r : x < y ? -1 : x > y;
}

static void
find_owner(struct cuts *c)
{
	const struct graph_node *n;
	uint32_t i;

	c->owner_node = REACH_NONE;
	for (i = 0; c->p->owner != NULL && i < c->g->nodes; i++) {
		n = &c->g->node[i];
		if (n->kind == NODE_ACCOUNT && strcmp(n->name, c->p->owner) == 0) {
			c->owner = n->sql;
			c->owner_node = i;
		}
	}
}

static uint64_t
part_of(const struct cuts *c, uint32_t cut)
{
	return cuts_basis(c, c->element[c->cut[cut].first])->part;
}

static int
by_cut_part(const void *a, const void *b, void *cuts)
{
	uint64_t x = part_of(cuts, *(const uint32_t *)a), y = part_of(cuts, *(const uint32_t *)b);

	return (x > y) - (x < y);
}

/* An odd part falls with the even one in front of it: see graph.h. */
static int
find_falls(struct cuts *c)
{
	uint32_t *by_part = calloc((size_t)c->n + 1, sizeof(*by_part)), i;

	if (by_part == NULL)
		return -1;
	for (i = 0; i < c->n; i++) {
		by_part[i] = i;
		c->cut[i].falls = REACH_NONE;
	}
	if (c->n > 0)
		qsort_r(by_part, c->n, sizeof(*by_part), by_cut_part, c);
	for (i = 1; i < c->n; i++)
		if (part_of(c, by_part[i]) % 2 == 1
		    && part_of(c, by_part[i - 1]) == part_of(c, by_part[i]) - 1)
			c->cut[by_part[i - 1]].falls = by_part[i];
	free(by_part);
	return 0;
}

uint32_t
cuts_elements(const struct cuts *c, uint32_t cut, const uint32_t **element)
{
	const struct cut *a = &c->cut[cut], *b = a->falls == REACH_NONE ? a : &c->cut[a->falls];
	const uint32_t *x = &c->element[a->first], *y = &c->element[b->first];
	uint32_t i = 0, k = 0, n = 0;

	*element = x;
	if (b == a)
		return a->n;
	while (i < a->n || k < b->n)
		c->both[n++] = k == b->n || (i < a->n && x[i] < y[k]) ? x[i++] : y[k++];
	*element = c->both;
	return n;
}

int
cuts_init(struct cuts *c, const struct graph *g, const struct policy *p, struct err *e)
{
	uint32_t elements = g->steps + g->powers, i, n = 0;

	*c = (struct cuts){ .g = g, .p = p };
	c->of = calloc((size_t)elements + 1, sizeof(*c->of));
	c->element = calloc((size_t)elements + 1, sizeof(*c->element));
	c->both = calloc((size_t)elements + 1, sizeof(*c->both));
	if (c->of == NULL || c->element == NULL || c->both == NULL)
		return err_set(e, ERR_SYSTEM, "fix: out of memory");
	find_owner(c);
	for (i = 0; i < elements; i++) {
		c->of[i] = REACH_NONE;
		if (is_cuttable(c, i))
			c->element[n++] = i;
	}
	if (n > 0)
		qsort_r(c->element, n, sizeof(*c->element), by_statement_and_place, c);
	for (i = 0; i < n; i++)
		c->n += i == 0 || by_statement(c, c->element[i - 1], c->element[i]) != 0;
	if ((c->cut = calloc((size_t)c->n + 1, sizeof(*c->cut))) == NULL)
		return err_set(e, ERR_SYSTEM, "fix: out of memory");
	for (c->n = 0, i = 0; i < n; i++) {
		if (i == 0 || by_statement(c, c->element[i - 1], c->element[i]) != 0)
			c->cut[c->n++].first = i;
		c->cut[c->n - 1].n++;
		c->of[c->element[i]] = c->n - 1;
	}
	return find_falls(c) == -1 ? err_set(e, ERR_SYSTEM, "fix: out of memory") : 0;
}

void
cuts_free(struct cuts *c)
{
	free(c->cut);
	free(c->of);
	free(c->element);
	free(c->both);
}

/* ---- as text ----------------------------------------------------------------------- */

static int
same_db(const char *a, const char *b)
{
	return a == NULL ? b == NULL : b != NULL && strcmp(a, b) == 0;
}

static int
by_part(const void *a, const void *b)
{
	const struct fix_item *x = a, *y = b;
	int heir_x, heir_y;

	if (x->part != y->part)
		return x->part > y->part ? -1 : 1;
	heir_x = x->fix != NULL && fix_uses(x->fix, 'n');
	heir_y = y->fix != NULL && fix_uses(y->fix, 'n');
	if (heir_x != heir_y)
		return heir_x - heir_y;
	return x->place < y->place ? -1 : x->place > y->place;
}

void
fix_order(struct fix_item *item, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		item[i].place = i;
	if (n > 0)
		qsort(item, n, sizeof(*item), by_part);
}

int
fix_takes(const struct fix_item *item, uint32_t n, uint64_t part)
{
	uint32_t low = 0, high = n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (item[mid].part > part)
			low = mid + 1;
		else
			high = mid;
	}
	/* An odd one falls with the even one in front of it, which is the next lower. */
	return low < n && (item[low].part == part
	    || ((part & 1) && item[low].part == part - 1));
}

/* A script that is being written, and the database that it is in. */
struct writing {
	struct buf *b;
	const struct fix_item *item; /* all of it */
	uint32_t n;
	const char *owner, *at;
	int undo;
};

/* What runs anywhere stays where the script is. */
static void
add_item(struct writing *x, const struct fix_item *item)
{
	struct fix_words w = { item->set, x->owner, item->grant, item->account, x->item, x->n };
	const char *template = x->undo ? item->undo : item->fix;

	if (template == NULL || !fix_says(template, &w))
		return;
	if (item->db != NULL && !same_db(item->db, x->at)) {
		fix_connect(x->b, item->db);
		x->at = item->db;
	}
	fix_expand(x->b, template, &w);
}

/* All gifts, or all else, of that database, in their order or backwards. */
static void
add_items(struct writing *x, int gift, const char *db)
{
	uint32_t i, k;

	for (i = 0; i < x->n; i++) {
		k = x->undo ? x->n - 1 - i : i;
		if (x->item[k].gift == gift && same_db(x->item[k].db, db))
			add_item(x, &x->item[k]);
	}
}

/* The next database behind `before`, in the order of names; NULL: the last has been. */
static const char *
next_db(const struct fix_item *item, uint32_t n, int gift, const char *before, int undo)
{
	const char *next = NULL;
	uint32_t i;
	int c;

	for (i = 0; i < n; i++) {
		if (item[i].db == NULL || item[i].gift != gift)
			continue;
		c = before == NULL ? 1 : strcmp(item[i].db, before);
		if (before != NULL && (undo ? c >= 0 : c <= 0))
			continue;
		if (next == NULL || (undo ? strcmp(item[i].db, next) > 0
		                          : strcmp(item[i].db, next) < 0))
			next = item[i].db;
	}
	return next;
}

/*
 * Gifts begin with what runs anywhere (roles).  All else ends with it: while a grantor acts in
 * a database he must still have the roles by which he comes to the schema.
 */
static void
add_half(struct writing *x, int gift)
{
	const char *db = NULL;
	int roles_first = gift != x->undo;

	if (roles_first)
		add_items(x, gift, NULL);
	while ((db = next_db(x->item, x->n, gift, db, x->undo)) != NULL)
		add_items(x, gift, db);
	if (!roles_first)
		add_items(x, gift, NULL);
}

void
fix_items(const struct fix_item *item, uint32_t n, const char *owner, int undo, struct buf *b)
{
	struct writing x = { b, item, n, owner, NULL, undo };

	add_half(&x, !undo);
	add_half(&x, undo);
}
