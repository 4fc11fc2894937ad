/*
 * How an account gets a right as its own, and what rights on *.*, or on a pattern, are worth
 * in each single schema: who takes these away has to grant that first.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/my_private.h"

/* Rights that do no harm by themselves, and are missed: to a policy they are USAGE. */
static int
is_harmless(const char *priv)
{
	static const char *const words[] = { "EXECUTE", "LOCK TABLES", "SHOW VIEW",
		"CREATE TEMPORARY TABLES" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], priv) == 0)
			return 1;
	return 0;
}

static int
is_of_rows(const char *priv)
{
	return strcmp(priv, "SELECT") == 0 || strcmp(priv, "INSERT") == 0 ||
	    strcmp(priv, "UPDATE") == 0 || strcmp(priv, "DELETE") == 0;
}

static int
is_wide(struct audit_my *a, const struct audit_my_right *r)
{
	const char *name;

	return r->level == MY_GLOBAL ||
	    (r->level == MY_SCHEMA && !audit_my_pattern(a, r->schema, &name));
}

static const struct graph_gift *
gift(struct audit_my *a, const char *priv, const char *column)
{
	const char *what = is_harmless(priv) ? priv : "%g";
	struct graph_gift x = { .part = is_harmless(priv) ? priv : column };

	if (column != NULL)
		what = audit_my_template(a, "%s (%s)", priv, audit_my_ident(a, column));
	x.give = graph_printf(a->g, "GRANT %s ON %%o TO %%a", what);
	x.ungive = graph_printf(a->g, "REVOKE %s ON %%o FROM %%a", what);
	return graph_gift(a->g, &x);
}

const struct graph_gift *
audit_my_gift(struct audit_my *a, const struct audit_my_right *r)
{
	return is_of_rows(r->priv) && !is_wide(a, r) ? gift(a, r->priv, r->column) : NULL;
}

/* ---- wide rights --------------------------------------------------------------------- */

static int
schema(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	const char **more;

	(void)ctx;	/* none */
	if (a->schemas == a->schema_cap) {
		a->schema_cap = a->schema_cap == 0 ? 64 : a->schema_cap * 2;
		if ((more = realloc(a->schema, a->schema_cap * sizeof(*more))) == NULL)
			return err_set(e, ERR_SYSTEM, "out of memory");
		a->schema = more;
	}
	a->schema[a->schemas++] = graph_string(a->g, audit_my_text(row, 0));
	return 0;
}

int
audit_my_schemas(struct audit_my *a, struct err *e)
{
	const char *from;
	int rc = audit_my_sees_all(a, "A1", "schemata", "SHOW DATABASES, SELECT, TRIGGER",
	    "SHOW DATABASES", &from, e);

	if (rc <= 0)
		return rc;
	return audit_my_ask(a, "A1", "schemata", NULL, graph_printf(a->g,
	    "SELECT schema_name FROM %s WHERE schema_name NOT IN " AUDIT_MY_OWN_SCHEMAS
	    " ORDER BY 1", from), schema, NULL, e) < 0 ? -1 : 0;
}

/* The set of a right on that schema alone. */
static struct graph_set *
set_of(struct audit_my *a, const char *name)
{
	const char *on = graph_printf(a->g, "%s.*", audit_my_ident(a, audit_my_escaped(a, name)));
	struct graph_set *set = graph_set(a->g, on, "database", "", name);

	if (set->n == 0)
		graph_set_add(a->g, set, on);
	return set;
}

void
audit_my_missed(struct audit_my *a, const struct audit_my_right *r, const char *fix,
    const char *undo)
{
	struct graph_basis b = { .why = graph_printf(a->g, "holds %s on %s", r->priv, r->on),
		.row = r->row, .fix = fix, .undo = undo };
	struct graph_power p = { .from = r->holder, .needs = STEP_USE, .sink = SINK_NONE,
		.severity = SEVERITY_LOW, .priv = is_harmless(r->priv) ? "USAGE" : r->priv,
		.act = r->priv, .gate = { GRAPH_NO_GATE, GRAPH_NO_GATE },
		.check = check_find("A1") };
	const char *name;
	uint32_t i;

	if (!is_harmless(r->priv) && !is_of_rows(r->priv))
		return;
	b.gift = gift(a, r->priv, r->column);
	p.basis = graph_basis(a->g, &b);
	if (!is_wide(a, r)) {
		if (!is_harmless(r->priv))
			return;
		(void)audit_my_pattern(a, r->schema, &name);	/* it is one name */
		p.set = r->set != NULL ? r->set : set_of(a, name);
		graph_power(a->g, &p);
		return;
	}
	for (i = 0; i < a->schemas; i++) {
		if (r->level == MY_GLOBAL ? audit_my_is_withheld(r, a->schema[i])
		    : !audit_my_matches(r->schema, a->schema[i]))
			continue;
		p.set = set_of(a, a->schema[i]);
		graph_power(a->g, &p);
	}
}
