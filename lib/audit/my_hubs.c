/*
 * Who may call a routine, or write to a table with a trigger.  A hub stands for all of them:
 * one for each such object, above it one for its schema, and one for everything.  A grant
 * on what has no such code makes no step, so many grants cost nothing here.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/my_private.h"

struct audit_my_coded {
	int writes;		/* a table with a trigger; else a routine */
	const char *schema;
	const char *object;	/* "" for the schema itself */
};

/* The grant tables write the names of routines in small letters. */
static const char *
routine_name(struct audit_my *a, const char *name)
{
	char *text = strdup(name), *p;
	const char *s;

	for (p = text; p != NULL && *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	s = graph_string(a->g, text != NULL ? text : name);
	free(text);
	return s;
}

static uint32_t
hub(struct audit_my *a, const struct audit_my_coded *x)
{
	const char *does = x->writes ? "write" : "call";

	return graph_node(a->g, NODE_HUB, x->schema == NULL ?
	    graph_printf(a->g, "whoever may %s everywhere", does) : *x->object == '\0' ?
	    graph_printf(a->g, "whoever may %s in %s", does, x->schema) :
	    graph_printf(a->g, "whoever may %s %s.%s", does, audit_my_ident(a, x->schema),
	    audit_my_ident(a, x->object)), "");
}

static int
compare(const void *a, const void *b)
{
	const struct audit_my_coded *x = a, *y = b;
	int d = x->writes - y->writes;

	if (d == 0)
		d = strcmp(x->schema, y->schema);
	return d != 0 ? d : strcmp(x->object, y->object);
}

static void
keep(struct audit_my *a, const struct audit_my_coded *x)
{
	struct audit_my_coded *more;

	if ((a->codes & (a->codes - 1)) == 0) {
		more = realloc(a->code, (a->codes == 0 ? 1 : (size_t)a->codes * 2) * sizeof(*more));
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

uint32_t
audit_my_hub(struct audit_my *a, int writes, const char *schema, const char *object)
{
	struct audit_my_coded x = { writes, graph_string(a->g, schema), writes ?
		graph_string(a->g, object) : routine_name(a, object) };
	struct audit_my_coded above = { writes, x.schema, "" }, all = { writes, NULL, "" };
	uint32_t to = hub(a, &x), schema_hub;

	keep(a, &x);
	schema_hub = link_to(a, &above, to, writes ? "sets it off" : "calls it");
	/* They come sorted by schema. */
	if (a->linked[writes] != x.schema) {
		a->linked[writes] = x.schema;
		keep(a, &above);
		link_to(a, &all, schema_hub, graph_printf(a->g, "so in %s", schema));
	}
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

int
audit_my_is_coded(struct audit_my *a, int writes, const char *schema, const char *object)
{
	struct audit_my_coded x = { writes, schema, writes ? object : routine_name(a, object) };

	return a->codes > 0 && bsearch(&x, a->code, a->codes, sizeof(x), compare) != NULL;
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

/*
 * For writes no SQL is told: the same REVOKE would take the right to write itself, which
 * an application needs.
 */
static void
step_to(struct audit_my *a, const struct audit_my_right *r, uint32_t to)
{
	struct graph_basis b = { .why = graph_printf(a->g, r->level == MY_COLUMN ?
	    "holds %s on columns of %s" : "holds %s on %s", r->priv, r->on), .row = r->row };
	struct graph_step s = { .from = r->holder, .to = to, .needs = STEP_USE,
		.gives = STEP_USE, .check = check_find("A1") };

	if (strcmp(r->priv, "EXECUTE") == 0) {
		b.fix = audit_my_template(a, "REVOKE EXECUTE ON %s FROM %s", r->on, r->grantee);
		b.undo = audit_my_template(a, "GRANT EXECUTE ON %s TO %s", r->on, r->grantee);
	}
	s.basis = graph_basis(a->g, &b);
	graph_step(a->g, &s);
}

void
audit_my_may_call(struct audit_my *a, const struct audit_my_right *r)
{
	struct audit_my_coded x = { strcmp(r->priv, "EXECUTE") != 0, NULL, "" };
	const char *schema;
	uint32_t i;

	if (r->level == MY_GLOBAL) {
		step_to(a, r, hub(a, &x));
	} else if (audit_my_pattern(a, r->schema, &schema)) {
		x.schema = schema;
		if (r->object != NULL)
			x.object = x.writes ? r->object : routine_name(a, r->object);
		if (audit_my_is_coded(a, x.writes, x.schema, x.object))
			step_to(a, r, hub(a, &x));
	} else {
		for (i = 0; i < a->codes; i++)
			if (a->code[i].writes == x.writes && *a->code[i].object == '\0' &&
			    audit_my_matches(r->schema, a->code[i].schema))
				step_to(a, r, hub(a, &a->code[i]));
	}
}
