/*
 * Code that runs with its definer's rights: routines, and triggers, which whoever writes to
 * the table sets off.  Definers who do not exist: whoever makes that account owns the code.
 *
 * What the code does is not read: nobody can tell what a body or a statement that it puts
 * together comes to.  A view lends its definer for the one query that it is, and an event
 * is started by the server alone; of these only an orphan is told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/my_private.h"

#define OWN_SCHEMAS "('mysql', 'sys', 'information_schema', 'performance_schema', " \
	"'" AUDIT_MY_SCHEMA "')"

/* ---- hubs: who may call, who may write ---------------------------------------------- */

/* All who may call routines, or write to tables, of that schema, or of all of them. */
static uint32_t
schema_hub(struct audit_my *a, int writes, const char *schema)
{
	return graph_node(a->g, NODE_HUB, schema == NULL ?
	    graph_printf(a->g, "whoever may %s everywhere", writes ? "write" : "call") :
	    graph_printf(a->g, "whoever may %s in %s", writes ? "write" : "call", schema), "");
}

static uint32_t
object_hub(struct audit_my *a, int writes, const char *schema, const char *object)
{
	return graph_node(a->g, NODE_HUB, graph_printf(a->g, "%s %s.%s",
	    writes ? "writes to" : "calls", audit_my_ident(a, schema),
	    audit_my_ident(a, object)), "");
}

static void
link_hubs(struct audit_my *a, uint32_t from, uint32_t to, const char *why)
{
	struct graph_basis b = { .why = why, .row = "" };
	struct graph_step s = { .from = from, .to = to, .needs = STEP_USE, .gives = STEP_USE,
		.check = check_find("M4"), .basis = graph_basis(a->g, &b) };

	graph_step(a->g, &s);
}

/* LIKE, as the server matches a grant's pattern with a database. */
static int
matches(const char *pattern, const char *name)
{
	for (; *pattern != '\0'; pattern++) {
		if (*pattern == '%') {
			do
				if (matches(pattern + 1, name))
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

/* A grant on a pattern is kept, until the schemas with code are known. */
static void
keep_pattern(struct audit_my *a, const char *pattern)
{
	const char **more;
	uint32_t i;

	for (i = 0; i < a->patterns; i++)
		if (strcmp(a->pattern[i], pattern) == 0)
			return;
	if ((more = realloc(a->pattern, (a->patterns + 1) * sizeof(*more))) == NULL) {
		a->no_memory = 1;
		return;
	}
	a->pattern = more;
	a->pattern[a->patterns++] = pattern;
}

/*
 * For writes no SQL is told: the same REVOKE would take the right to write itself, which
 * an application needs.
 */
void
audit_my_may_call(struct audit_my *a, const struct audit_my_right *r)
{
	int writes = strcmp(r->priv, "EXECUTE") != 0;
	const char *schema = NULL;
	struct graph_basis b = {
		.why = graph_printf(a->g, "holds %s on %s", r->priv, r->on), .row = r->row };
	struct graph_step s = { .from = r->holder, .needs = STEP_USE, .gives = STEP_USE,
		.check = check_find("A1") };

	if (r->level == MY_COLUMN)
		b.why = graph_printf(a->g, "writes to columns of %s", r->on);
	if (!writes) {
		b.fix = audit_my_template(a, "REVOKE EXECUTE ON %s FROM %s", r->on, r->grantee);
		b.undo = audit_my_template(a, "GRANT EXECUTE ON %s TO %s", r->on, r->grantee);
	}
	if (r->level != MY_GLOBAL && !audit_my_pattern(a, r->schema, &schema)) {
		schema = r->schema;
		keep_pattern(a, schema);
	}
	s.to = r->object != NULL ? object_hub(a, writes, schema, r->object) :
	    schema_hub(a, writes, schema);
	s.basis = graph_basis(a->g, &b);
	graph_step(a->g, &s);
}

/* Who may call or write in that schema without being named for it. */
static uint32_t
hub_of_schema(struct audit_my *a, int writes, const char *schema)
{
	uint32_t before = a->g->nodes, i;
	uint32_t hub = schema_hub(a, writes, graph_string(a->g, schema));
	const char **linked = &a->linked[writes];

	if (hub < before && *linked != NULL && strcmp(*linked, schema) == 0)
		return hub;
	*linked = graph_string(a->g, schema);
	link_hubs(a, schema_hub(a, writes, NULL), hub, graph_printf(a->g, "so in %s", schema));
	for (i = 0; i < a->patterns; i++)
		if (matches(a->pattern[i], schema))
			link_hubs(a, schema_hub(a, writes, a->pattern[i]), hub,
			    graph_printf(a->g, "so in %s", schema));
	return hub;
}

/* ---- code --------------------------------------------------------------------------- */

/* user@host, where the user may hold an @, too. */
static struct audit_my_account *
definer_of(struct audit_my *a, const char *definer)
{
	const char *at = strrchr(definer, '@');
	struct audit_my_account *x;

	if (at == NULL)
		return audit_my_account(a, definer, "");
	x = audit_my_account(a, graph_printf(a->g, "%.*s", (int)(at - definer), definer), at + 1);
	return x;
}

static void
orphan(struct audit_my *a, const char *what, const char *row, const char *definer)
{
	struct graph_basis b = {
		.why = graph_printf(a->g, "%s has the definer %s, who does not exist: whoever is "
		    "given that name owns it", what, definer),
		.row = row, .advice = "create it anew with a definer who exists, or drop it" };

	graph_fault(a->g, "M4", SEVERITY_HIGH, SINK_WRITE, what, &b);
}

static void
lend(struct audit_my *a, uint32_t hub, const struct audit_my_account *definer,
    struct graph_basis *b)
{
	struct graph_step s = { .from = hub, .to = definer->node, .needs = STEP_USE,
		.gives = STEP_BECOME, .breach = 1, .check = check_find("M4") };

	s.basis = graph_basis(a->g, b);
	graph_step(a->g, &s);
}

/* schema, name, type, definer, security type */
static int
routine(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	const char *schema = audit_my_text(row, 0), *name = audit_my_text(row, 1);
	const char *type = audit_my_text(row, 2), *definer = audit_my_text(row, 3);
	const char *on = graph_printf(a->g, "%s.%s", audit_my_ident(a, schema),
	    audit_my_ident(a, name));
	const char *what = graph_printf(a->g, "%s %s", type, on);
	struct audit_my_account *x = definer_of(a, definer);
	struct graph_basis b = { .row = graph_printf(a->g,
	    "information_schema.routines(%s)", on) };
	uint32_t hub;

	(void)ctx;	/* none */
	(void)e;	/* this cannot fail */
	if (strcmp(audit_my_text(row, 4), "DEFINER") != 0)
		return 0;
	if (x == NULL) {
		orphan(a, what, b.row, definer);
		return 0;
	}
	hub = object_hub(a, 0, schema, name);
	b.why = graph_printf(a->g, "%s runs as %s", what, a->g->node[x->node].name);
	b.fix = audit_my_template(a, "ALTER %s %s SQL SECURITY INVOKER", type, on);
	b.undo = audit_my_template(a, "ALTER %s %s SQL SECURITY DEFINER", type, on);
	lend(a, hub, x, &b);
	link_hubs(a, hub_of_schema(a, 0, schema), hub, "calls it");
	return 0;
}

/* schema, name, table, definer */
static int
trigger(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	const char *schema = audit_my_text(row, 0), *table = audit_my_text(row, 2);
	const char *definer = audit_my_text(row, 3);
	const char *what = graph_printf(a->g, "trigger %s.%s", audit_my_ident(a, schema),
	    audit_my_ident(a, audit_my_text(row, 1)));
	struct audit_my_account *x = definer_of(a, definer);
	struct graph_basis b = { .row = graph_printf(a->g, "information_schema.triggers(%s)",
	    what), .advice = "create the trigger anew with a definer who may only what it does" };
	uint32_t hub;

	(void)ctx;	/* none */
	(void)e;	/* this cannot fail */
	if (x == NULL) {
		orphan(a, what, b.row, definer);
		return 0;
	}
	hub = object_hub(a, 1, schema, table);
	b.why = graph_printf(a->g, "%s runs as %s", what, a->g->node[x->node].name);
	lend(a, hub, x, &b);
	link_hubs(a, hub_of_schema(a, 1, schema), hub, "sets it off");
	return 0;
}

/* schema, name, definer */
static int
view_or_event(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	const char *what = graph_printf(a->g, "%s %s.%s", (const char *)ctx,
	    audit_my_ident(a, audit_my_text(row, 0)), audit_my_ident(a, audit_my_text(row, 1)));

	(void)e;	/* this cannot fail */
	if (definer_of(a, audit_my_text(row, 2)) == NULL)
		orphan(a, what, graph_printf(a->g, "information_schema.%ss(%s)",
		    (const char *)ctx, what), audit_my_text(row, 2));
	return 0;
}

/* ---- may we see them all ------------------------------------------------------------ */

static int
held(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	int *n = ctx;

	(void)a;	/* only counted */
	(void)e;	/* this cannot fail */
	*n = atoi(audit_my_text(row, 0));
	return 0;
}

/*
 * information_schema shows what we have a right on, and is silent about the rest.
 * MariaDB's view with a definer shows that one's; MySQL's cannot.
 */
static int
sees_all(struct audit_my *a, const char *what, const char *privileges, const char *grant,
    const char **from, struct err *e)
{
	int n = 0, rc;

	rc = audit_my_ask(a, NULL, NULL, NULL, graph_printf(a->g,
	    "SELECT COUNT(*) FROM information_schema.user_privileges WHERE privilege_type IN "
	    "(%s) AND grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')",
	    privileges), held, &n, e);
	if (rc < 0 || n > 0) {
		*from = graph_printf(a->g, "information_schema.%s", what);
		return rc;
	}
	*from = graph_printf(a->g, AUDIT_MY_SCHEMA ".%s", what);
	rc = audit_my_ask(a, NULL, NULL, NULL, graph_printf(a->g, "SELECT COUNT(*) FROM %s",
	    *from), held, &n, e);
	if (rc != 0)
		return rc;
	graph_unknown(a->g, "M4", what, graph_printf(a->g,
	    "without %s on *.* the server hides what is not ours", privileges), a->my->mariadb ?
	    graph_printf(a->g, "CREATE SQL SECURITY DEFINER VIEW " AUDIT_MY_SCHEMA ".%s AS "
	    "SELECT * FROM information_schema.%s;\nGRANT SELECT ON " AUDIT_MY_SCHEMA ".%s TO %s;\n",
	    what, what, what, a->auditor) : graph_printf(a->g, "GRANT %s ON *.* TO %s;\n", grant,
	    a->auditor));
	return 0;
}

int
audit_my_code(struct audit_my *a, struct err *e)
{
	static char view[] = "view", event[] = "event";
	const struct {
		const char *table, *privileges, *grant, *columns;
		audit_my_row *row;
		void *ctx;
	} all[] = {
		{ "routines", a->my->mariadb ? "'SELECT'" : "'SELECT', 'SHOW_ROUTINE'", "SHOW_ROUTINE",
		    "routine_schema, routine_name, routine_type, definer, security_type",
		    routine, NULL },
		{ "triggers", "'TRIGGER'", "TRIGGER", "trigger_schema, trigger_name, event_object_table, "
		    "definer", trigger, NULL },
		{ "views", "'SELECT', 'SHOW VIEW'", "SHOW VIEW", "table_schema, table_name, definer",
		    view_or_event, view },
		{ "events", "'EVENT'", "EVENT", "event_schema, event_name, definer", view_or_event, event },
	};
	const char *from;
	size_t i;
	int rc;

	if (a->no_memory)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if ((rc = sees_all(a, all[i].table, all[i].privileges, all[i].grant,
		    &from, e)) < 0)
			return -1;
		if (rc > 0 && audit_my_ask(a, "M4", all[i].table, NULL, graph_printf(a->g,
		    "SELECT %s FROM %s WHERE %.*s NOT IN " OWN_SCHEMAS " ORDER BY 1, 2",
		    all[i].columns, from, (int)strcspn(all[i].columns, ","), all[i].columns),
		    all[i].row, all[i].ctx, e) < 0)
			return -1;
	}
	return 0;
}
