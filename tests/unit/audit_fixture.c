/*
 * A graph made by hand; see audit_fixture.h.
 */
#include "audit_fixture.h"

#include <check.h>
#include <string.h>

#include "audit/policy_private.h"

struct graph *ag;
struct policy *ap;
struct verdict av;
uint32_t ag_public, ag_anyone;

static struct err e;

void
audit_begin(void)
{
	ag = graph_new();
	ag_public = graph_node(ag, NODE_PUBLIC, "PUBLIC", "PUBLIC");
	ag_anyone = graph_node(ag, NODE_ANYONE, "anyone", "");
	ap = NULL;
	memset(&av, 0, sizeof(av));
}

void
audit_end(void)
{
	verdict_free(&av);
	policy_free(ap);
	graph_free(ag);
}

uint32_t
ag_role(const char *name)
{
	return graph_node(ag, NODE_ACCOUNT, name, name);
}

uint32_t
ag_login(const char *name)
{
	uint32_t id = ag_role(name);

	ag->node[id].login = 1;
	return id;
}

static void
step(uint32_t from, uint32_t to, enum step_how gives, const char *check, int breach,
    const char *why, const char *fix, const char *undo)
{
	struct graph_basis b = { .why = why, .row = "row", .fix = fix, .undo = undo,
		.advice = fix == NULL ? "edit a file" : NULL };
	struct graph_step s = { .from = from, .to = to, .needs = STEP_USE, .gives = gives,
		.breach = breach != 0, .check = check_find(check) };

	s.basis = graph_basis(ag, &b);
	graph_step(ag, &s);
}

void
ag_member(uint32_t member, uint32_t role, enum step_how gives)
{
	const char *m = ag->node[member].name, *r = ag->node[role].name;

	step(member, role, gives, "R3", 0, graph_printf(ag, "member of %s", r),
	    graph_printf(ag, "REVOKE %s FROM %s;\n", r, m),
	    graph_printf(ag, "GRANT %s TO %s;\n", r, m));
}

void
ag_breach(uint32_t from, uint32_t to, const char *check, const char *fix)
{
	const char *undo = fix == NULL ? NULL : graph_printf(ag, "UNDO %s", fix);

	step(from, to, STEP_BECOME, check, 1,
	    graph_printf(ag, "can pose as %s", ag->node[to].name), fix, undo);
}

struct graph_set *
ag_table(const char *schema, const char *table)
{
	struct graph_set *set = graph_set(ag, schema, "table", "shop", schema);
	const char *object = graph_printf(ag, "%s.%s", schema, table);
	uint32_t i;

	for (i = 0; i < set->n; i++)
		if (set->object[i] == object)
			return set;
	graph_set_add(ag, set, object);
	return set;
}

static struct graph_power *
power(const struct graph_power *p, const struct graph_basis *b)
{
	struct graph_power w = *p;

	w.gate[0] = w.gate[1] = GRAPH_NO_GATE;
	w.severity = SEVERITY_HIGH;
	w.basis = graph_basis(ag, b);
	graph_power(ag, &w);
	return &ag->power[ag->powers - 1];
}

struct graph_power *
ag_power(uint32_t from, const char *priv, enum sink sink, const struct graph_set *set)
{
	const char *name = ag->node[from].name;
	struct graph_power w = { .from = from, .needs = STEP_USE, .sink = sink, .priv = priv,
		.act = priv, .set = set, .check = check_find("A1") };
	struct graph_basis b = { .row = "row" };

	b.why = graph_printf(ag, "%s on %s", priv, set->schema);
	b.fix = graph_printf(ag, "REVOKE %s ON TABLE %%o FROM %s;\n", priv, name);
	b.undo = graph_printf(ag, "GRANT %s ON TABLE %%o TO %s;\n", priv, name);
	return power(&w, &b);
}

struct graph_power *
ag_attribute(uint32_t from, const char *priv, enum sink sink)
{
	const char *name = ag->node[from].name;
	struct graph_power w = { .from = from, .needs = STEP_BECOME, .sink = sink, .priv = priv,
		.act = priv, .check = check_find("R5") };
	struct graph_basis b = { .row = "row" };

	w.set = graph_set(ag, "", "", "", "");
	b.why = priv;
	b.fix = graph_printf(ag, "ALTER ROLE %s NO%s;\n", name, priv);
	b.undo = graph_printf(ag, "ALTER ROLE %s %s;\n", name, priv);
	return power(&w, &b);
}

static void
run(const struct judge_options *o)
{
	verdict_free(&av);
	ck_assert_msg(judge(ag, ap, o, &av, &e) == 0, "%s", e.msg);
}

void
audit_judge(const char *policy)
{
	struct judge_options o = { .account = UINT32_MAX };

	ck_assert_msg(graph_finish(ag, &e) == 0, "%s", e.msg);
	policy_free(ap);
	ap = policy_parse("policy.ini", policy, policy == NULL ? 0 : strlen(policy),
	    "2026-11-22", &e);
	ck_assert_msg(ap != NULL, "%s", e.msg);
	run(&o);
}

void
audit_why(uint32_t account)
{
	struct judge_options o = { .account = account, .why = 1 };

	run(&o);
}

const struct finding *
av_find(uint32_t account, const char *check, enum sink sink)
{
	const struct finding *f, *found = NULL;

	for (f = av.finding; f < av.finding + av.n; f++)
		if (f->account == account && strcmp(f->check->id, check) == 0 && f->sink == sink) {
			ck_assert_msg(found == NULL, "%s %s is there twice", check,
			    sink_name(sink));
			found = f;
		}
	return found;
}
