/*
 * Code that runs with its definer's rights.  Routines lend them to whoever may call them.
 * Triggers and events are run as they were written, whoever sets them off: they lend only
 * to whoever may exchange a routine that they call; that they run as a strong account is
 * told once for each such one.  Definers who do not exist: whoever makes that account owns the
 * code.
 *
 * What else the code does is not read: nobody can tell what a body or a statement that it
 * puts together comes to.  A view lends its definer for the one query that it is.
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

/* What runs, as whom, and how SQL ends that. */
struct lender {
	const struct audit_my_account *definer;
	struct graph_basis b;
};

static int
exchanged(struct audit_my *a, const char *schema, const char *name, void *ctx, struct err *e)
{
	struct lender *l = ctx;

	(void)e;	/* this cannot fail */
	lend(a, audit_my_hub(a, MY_EXCHANGE, schema, name), l->definer, &l->b);
	return 0;
}

/* schema, name */
static int
known(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	(void)ctx;	/* none */
	return audit_my_routine_add(a, audit_my_text(row, 0), audit_my_text(row, 1), e);
}

/* schema, name, type, definer, security type, body */
static int
routine(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	const char *schema = audit_my_text(row, 0), *called = audit_my_text(row, 1);
	const char *type = audit_my_text(row, 2), *definer = audit_my_text(row, 3);
	const char *on = graph_printf(a->g, "%s.%s", audit_my_ident(a, schema),
	    audit_my_ident(a, called));
	const char *what = graph_printf(a->g, "%s %s", type, on);
	struct lender l = { .definer = definer_of(a, definer), .b = { .row = graph_printf(a->g,
	    "information_schema.routines(%s)", on) } };

	(void)ctx;	/* none */
	if (strcmp(audit_my_text(row, 4), "DEFINER") != 0)
		return 0;
	if (l.definer == NULL) {
		orphan(a, what, l.b.row, definer);
		return 0;
	}
	l.b.why = graph_printf(a->g, "%s runs as %s", what, a->g->node[l.definer->node].name);
	l.b.fix = audit_my_template(a, "ALTER %s %s SQL SECURITY INVOKER", type, on);
	l.b.undo = audit_my_template(a, "ALTER %s %s SQL SECURITY DEFINER", type, on);
	lend(a, audit_my_hub(a, MY_CALL, schema, called), l.definer, &l.b);
	return audit_my_calls(a, schema, audit_my_text(row, 5), exchanged, &l, e);
}

/* Triggers, or events: what runs as each of the accounts, in their order. */
struct by_definer {
	const char *kind;
	uint32_t *n;
	const char **first;
};

/* The statement that gives it another definer; a trigger is made anew. */
static const char *
advice_of(struct audit_my *a, const char *kind, const char *on)
{
	if (strcmp(kind, "event") == 0)
		return graph_printf(a->g, "ALTER DEFINER = ... EVENT %s COMMENT '...', with an "
		    "account that may only what it does", on);
	return graph_printf(a->g, "SHOW CREATE TRIGGER %s, then %s, with an account that may "
	    "only what it does", on, a->my->mariadb ? "CREATE OR REPLACE DEFINER = ... TRIGGER" :
	    "DROP TRIGGER and CREATE DEFINER = ... TRIGGER");
}

/* schema, name, definer, body */
static int
trigger_or_event(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	struct by_definer *all = ctx;
	const char *schema = audit_my_text(row, 0);
	const char *on = graph_printf(a->g, "%s.%s", audit_my_ident(a, schema),
	    audit_my_ident(a, audit_my_text(row, 1)));
	const char *what = graph_printf(a->g, "%s %s", all->kind, on);
	struct lender l = { .definer = definer_of(a, audit_my_text(row, 2)),
		.b = { .row = graph_printf(a->g, "information_schema.%ss(%s)", all->kind, on),
		.advice = advice_of(a, all->kind, on) } };

	if (l.definer == NULL) {
		orphan(a, what, l.b.row, audit_my_text(row, 2));
		return 0;
	}
	if (all->n[l.definer - a->account]++ == 0)
		all->first[l.definer - a->account] = on;
	l.b.why = graph_printf(a->g, "%s, which calls it, runs as %s", what,
	    a->g->node[l.definer->node].name);
	return audit_my_calls(a, schema, audit_my_text(row, 3), exchanged, &l, e);
}

/* Triggers, once for each strong definer.  An event is started by the server alone. */
static void
tell_strong(struct audit_my *a, const struct by_definer *all)
{
	const struct audit_my_account *x;
	const char *name;
	struct graph_basis b = { .fix = NULL };
	uint32_t i;

	for (i = 0; i < a->accounts; i++) {
		x = &a->account[i];
		if (all->n[i] == 0 || (!x->elevated && !x->bootstrap))
			continue;
		name = a->g->node[x->node].name;
		b.why = all->n[i] == 1 ? graph_printf(a->g, "trigger %s runs as %s, whoever "
		    "writes to its table", all->first[i], name) : graph_printf(a->g, "trigger "
		    "%s and %u more run as %s, whoever writes to their tables", all->first[i],
		    all->n[i] - 1, name);
		b.row = graph_printf(a->g, "information_schema.triggers(%s)", all->first[i]);
		b.advice = advice_of(a, all->kind, all->first[i]);
		graph_fault(a->g, "M4", SEVERITY_MEDIUM, SINK_SUPER,
		    graph_printf(a->g, "triggers of %s", name), &b);
	}
}

/* schema, name, definer */
static int
view(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	const char *what = graph_printf(a->g, "view %s.%s", audit_my_ident(a,
	    audit_my_text(row, 0)), audit_my_ident(a, audit_my_text(row, 1)));

	(void)ctx;	/* none */
	(void)e;	/* this cannot fail */
	if (definer_of(a, audit_my_text(row, 2)) == NULL)
		orphan(a, what, graph_printf(a->g, "information_schema.views(%s)", what),
		    audit_my_text(row, 2));
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
	const char *p;
	int n, rc;

	for (p = privileges; *p != '\0'; p += strcspn(p, ","), p += strspn(p, ", "))
		if (audit_my_holds(a, graph_printf(a->g, "%.*s", (int)strcspn(p, ","), p))) {
			*from = graph_printf(a->g, "information_schema.%s", what);
			return 1;
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

/* The rows of one of its tables, when we see all of them.  Returns as audit_my_ask. */
static int
ask(struct audit_my *a, const char *from, const char *table, const char *columns,
    audit_my_row *row, void *ctx, struct err *e)
{
	return audit_my_ask(a, "M4", table, NULL, graph_printf(a->g,
	    "SELECT %s FROM %s WHERE %.*s NOT IN " AUDIT_MY_OWN_SCHEMAS " ORDER BY 1, 2",
	    columns, from, (int)strcspn(columns, ","), columns), row, ctx, e);
}

static int
routines(struct audit_my *a, struct err *e)
{
	static const char table[] = "routines";
	const char *from;
	int rc = audit_my_sees_all(a, "M4", table, a->my->mariadb ? "SELECT" :
	    "SELECT, SHOW_ROUTINE", "SHOW_ROUTINE", &from, e);

	if (rc > 0)
		rc = ask(a, from, table, "routine_schema, routine_name", known, NULL, e);
	audit_my_routines_end(a);
	return rc <= 0 ? rc : ask(a, from, table, "routine_schema, routine_name, routine_type, "
	    "definer, security_type, routine_definition", routine, NULL, e);
}

static int
triggers_and_events(struct audit_my *a, struct err *e)
{
	struct by_definer all = { .n = calloc((size_t)a->accounts + 1, sizeof(*all.n)),
		.first = calloc((size_t)a->accounts + 1, sizeof(*all.first)) };
	const char *from;
	int rc;

	if (all.n == NULL || all.first == NULL) {
		rc = err_set(e, ERR_SYSTEM, "out of memory");
		goto end;
	}
	all.kind = "event";
	rc = audit_my_sees_all(a, "M4", "events", "EVENT", "EVENT", &from, e);
	if (rc > 0)
		rc = ask(a, from, "events", "event_schema, event_name, definer, event_definition",
		    trigger_or_event, &all, e);
	if (rc < 0)
		goto end;
	memset(all.n, 0, a->accounts * sizeof(*all.n));
	all.kind = "trigger";
	rc = audit_my_sees_all(a, "M4", "triggers", "TRIGGER", "TRIGGER", &from, e);
	if (rc > 0)
		rc = ask(a, from, "triggers", "trigger_schema, trigger_name, definer, "
		    "action_statement", trigger_or_event, &all, e);
	if (rc > 0)
		tell_strong(a, &all);
end:
	free(all.n);
	free(all.first);
	return rc;
}

int
audit_my_code(struct audit_my *a, struct err *e)
{
	const char *from;
	int rc = routines(a, e);

	if (rc >= 0)
		rc = triggers_and_events(a, e);
	if (rc >= 0)
		rc = audit_my_sees_all(a, "M4", "views", "SELECT, SHOW VIEW", "SHOW VIEW", &from,
		    e);
	if (rc > 0)
		rc = ask(a, from, "views", "table_schema, table_name, definer", view, NULL, e);
	return rc < 0 ? -1 : audit_my_hubs_end(a, e);
}
