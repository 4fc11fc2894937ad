/*
 * Who may call a routine, or put another in its place.  A hub stands for all of them: one for
 * each such routine, above it one for its schema, and one for everything.  A grant on what
 * has no such code makes no step, so many grants cost nothing here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/my_private.h"

struct audit_my_coded {
	enum my_use use;
	const char *schema;
	const char *object;	/* "" for the schema itself */
};

static uint32_t
hub(struct audit_my *a, const struct audit_my_coded *x)
{
	const char *does = x->use == MY_CALL ? "call" : "exchange";

	return graph_node(a->g, NODE_HUB, x->schema == NULL ?
	    graph_printf(a->g, "whoever may %s routines", does) : *x->object == '\0' ?
	    graph_printf(a->g, "whoever may %s routines of %s", does, x->schema) :
	    graph_printf(a->g, "whoever may %s %s.%s", does, audit_my_ident(a, x->schema),
	    audit_my_ident(a, x->object)), "");
}

static int
compare(const void *a, const void *b)
{
	const struct audit_my_coded *x = a, *y = b;
	int d = (int)x->use - (int)y->use;

	if (d == 0)
		d = strcmp(x->schema, y->schema);
	return d != 0 ? d : strcmp(x->object, y->object);
}

static void
keep(struct audit_my *a, const struct audit_my_coded *x)
{
	struct audit_my_coded *more;

	if ((a->codes & (a->codes - 1)) == 0) {
		more = realloc(a->code,
		    (a->codes == 0 ? 1 : (size_t)a->codes * 2) * sizeof(*more));
		if (more == NULL) {
			a->no_memory = 1;
			return;
		}
		a->code = more;
	}
	a->code[a->codes++] = *x;
}

static uint32_t
link_to(struct audit_my *a, const struct audit_my_coded *from, uint32_t to, const char *why)
{
	struct graph_basis b = { .why = why, .row = "" };
	struct graph_step s = { .from = hub(a, from), .to = to, .needs = STEP_USE,
		.gives = STEP_USE, .check = check_find("M4"), .basis = graph_basis(a->g, &b) };

	graph_step(a->g, &s);
	return s.from;
}

/* Few are exchanged, and not in their order. */
static int
is_linked(const struct audit_my *a, const struct audit_my_coded *x)
{
	uint32_t i;

	if (x->use == MY_CALL)
		return *x->object == '\0' && a->called == x->schema;
	for (i = 0; i < a->codes; i++)
		if (compare(&a->code[i], x) == 0)
			return 1;
	return 0;
}

uint32_t
audit_my_hub(struct audit_my *a, enum my_use use, const char *schema, const char *object)
{
	struct audit_my_coded x = { use, graph_string(a->g, schema), audit_my_lower(a, object) };
	struct audit_my_coded above = { use, x.schema, "" }, all = { use, NULL, "" };
	uint32_t to = hub(a, &x), schema_hub;

	if (is_linked(a, &x))
		return to;
	keep(a, &x);
	schema_hub = link_to(a, &above, to, use == MY_CALL ? "calls it" : "exchanges it");
	if (is_linked(a, &above))
		return to;
	keep(a, &above);
	link_to(a, &all, schema_hub, graph_printf(a->g, "so in %s", schema));
	if (use == MY_CALL)
		a->called = x.schema;
	return to;
}

int
audit_my_hubs_end(struct audit_my *a, struct err *e)
{
	if (a->no_memory)
		return err_set(e, ERR_SYSTEM, "out of memory");
	if (a->codes > 0)
		qsort(a->code, a->codes, sizeof(*a->code), compare);
	return 0;
}

static int
is_coded(const struct audit_my *a, const struct audit_my_coded *x)
{
	return a->codes > 0 && bsearch(x, a->code, a->codes, sizeof(*x), compare) != NULL;
}

int
audit_my_is_coded(struct audit_my *a, const char *schema, const char *object)
{
	struct audit_my_coded x = { MY_CALL, schema, audit_my_lower(a, object) };

	if (is_coded(a, &x))
		return 1;
	x.use = MY_EXCHANGE;
	return is_coded(a, &x);
}

/* LIKE, as the server does it. */
int
audit_my_matches(const char *pattern, const char *name)
{
	for (; *pattern != '\0'; pattern++) {
		if (*pattern == '%') {
			do
				if (audit_my_matches(pattern + 1, name))
					return 1;
			while (*name++ != '\0');
			return 0;
		}
		if (*pattern == '\\' && pattern[1] != '\0')
			pattern++;
		else if (*pattern == '_' && *name != '\0') {
			name++;
			continue;
		}
		if (*pattern != *name++)
			return 0;
	}
	return *name == '\0';
}

/* The statement is that of the right itself, which may be a power, too. */
static void
step_to(struct audit_my *a, const struct audit_my_right *r, uint32_t to)
{
	struct graph_step s = { .from = r->holder, .to = to, .needs = STEP_USE,
		.gives = STEP_USE, .check = check_find("A1"), .basis = audit_my_basis(a, r),
		.set = audit_my_set(a, r) };

	graph_step(a->g, &s);
}

void
audit_my_may_call(struct audit_my *a, const struct audit_my_right *r)
{
	struct audit_my_coded x = { strcmp(r->priv, "EXECUTE") == 0 ? MY_CALL : MY_EXCHANGE,
		NULL, "" };
	uint32_t i;

	if (r->level == MY_GLOBAL) {
		step_to(a, r, hub(a, &x));
	} else if (audit_my_pattern(a, r->schema, &x.schema)) {
		if (r->object != NULL)
			x.object = audit_my_lower(a, r->object);
		if (is_coded(a, &x))
			step_to(a, r, hub(a, &x));
	} else {
		for (i = 0; i < a->codes; i++)
			if (a->code[i].use == x.use && *a->code[i].object == '\0' &&
			    audit_my_matches(r->schema, a->code[i].schema))
				step_to(a, r, hub(a, &a->code[i]));
	}
}
