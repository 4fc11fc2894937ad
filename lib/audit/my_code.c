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
	hub = audit_my_hub(a, 0, schema, name);
	b.why = graph_printf(a->g, "%s runs as %s", what, a->g->node[x->node].name);
	b.fix = audit_my_template(a, "ALTER %s %s SQL SECURITY INVOKER", type, on);
	b.undo = audit_my_template(a, "ALTER %s %s SQL SECURITY DEFINER", type, on);
	lend(a, hub, x, &b);
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
	hub = audit_my_hub(a, 1, schema, table);
	b.why = graph_printf(a->g, "%s runs as %s", what, a->g->node[x->node].name);
	lend(a, hub, x, &b);
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
int
audit_my_sees_all(struct audit_my *a, const char *check, const char *what,
    const char *privileges, const char *grant, const char **from, struct err *e)
{
	int n = 0, rc;

	rc = audit_my_ask(a, NULL, NULL, NULL, graph_printf(a->g,
	    "SELECT COUNT(*) FROM information_schema.user_privileges WHERE privilege_type IN "
	    "(%s) AND grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')",
	    privileges), held, &n, e);
	if (rc < 0 || n > 0) {
		*from = graph_printf(a->g, "information_schema.%s", what);
		return rc < 0 ? -1 : 1;
	}
	*from = graph_printf(a->g, AUDIT_MY_SCHEMA ".%s", what);
	rc = audit_my_ask(a, NULL, NULL, NULL, graph_printf(a->g, "SELECT COUNT(*) FROM %s",
	    *from), held, &n, e);
	if (rc != 0)
		return rc;
	graph_unknown(a->g, check, what, graph_printf(a->g,
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

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if ((rc = audit_my_sees_all(a, "M4", all[i].table, all[i].privileges, all[i].grant,
		    &from, e)) < 0)
			return -1;
		if (rc > 0 && audit_my_ask(a, "M4", all[i].table, NULL, graph_printf(a->g,
		    "SELECT %s FROM %s WHERE %.*s NOT IN " AUDIT_MY_OWN_SCHEMAS " ORDER BY 1, 2",
		    all[i].columns, from, (int)strcspn(all[i].columns, ","), all[i].columns),
		    all[i].row, all[i].ctx, e) < 0)
			return -1;
	}
	return audit_my_hubs_end(a, e);
}
