/*
 * Tests of audit/fix: what is cut and what must not be, undo, scripts, paths, speed.  Each
 * fix is tried: its finding goes, and none appears.
 */
#include "audit/fix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/fix_private.h"
#include "audit_fixture.h"
#include "base/clock.h"
#include "suites.h"

static struct err e;

/* Does that SQL take away what stands on these objects? */
static int
takes(const char *sql, const struct graph_basis *b, const struct graph_set *set)
{
	struct fix_words w = { set, "new_owner", "SELECT", "", NULL, 0 };
	struct buf text = BUF_INIT;
	int r;

	if (b->fix == NULL)
		return 0;
	fix_expand(&text, b->fix, &w);
	r = text.len > 0 && strstr(sql, buf_cstr(&text)) != NULL;
	buf_free(&text);
	return r;
}

static int
has(const struct verdict *v, const char *fingerprint)
{
	uint32_t i;

	for (i = 0; i < v->n; i++)
		if (strcmp(v->finding[i].fingerprint, fingerprint) == 0)
			return 1;
	return 0;
}

/* Judge without what that SQL takes away. */
static void
judge_without(const char *sql, struct verdict *after)
{
	uint8_t *step = calloc(ag->steps / 8 + 1, 1), *power = calloc(ag->powers / 8 + 1, 1);
	struct judge_options o = { step, power, UINT32_MAX, 0 };
	uint32_t i;

	for (i = 0; i < ag->steps; i++)
		if (takes(sql, ag->step[i].basis, NULL))
			bitmap_set(step, i, 1);
	for (i = 0; i < ag->powers; i++)
		if (takes(sql, ag->power[i].basis, ag->power[i].set))
			bitmap_set(power, i, 1);
	ck_assert_int_eq(judge(ag, ap, &o, after, &e), 0);
	free(step);
	free(power);
}

/* Run every fix alone, and the script. */
static void
try_fixes(void)
{
	const struct finding *f;
	struct verdict after;
	struct buf script = BUF_INIT;
	uint32_t i, left = 0;

	for (f = av.finding; f < av.finding + av.n; f++) {
		judge_without(f->fix->sql, &after);
		ck_assert_msg(has(&after, f->fingerprint) == (f->fix->remaining > 0),
		    "%s %s: %s", f->check->id, sink_name(f->sink), f->fix->sql);
		ck_assert((f->fix->remaining > 0) == (f->fix->advice != NULL) || f->fault != NULL);
		for (i = 0; i < after.n; i++)
			ck_assert(has(&av, after.finding[i].fingerprint));
		verdict_free(&after);
		left += f->fix->remaining > 0;
	}
	ck_assert_int_eq(fix_script(ag, &av, 0, &script, &e), 0);
	judge_without(buf_cstr(&script), &after);
	ck_assert_uint_eq(after.n, left);
	verdict_free(&after);
	buf_free(&script);
}

static void
fix(const char *policy)
{
	audit_judge(policy);
	ck_assert_msg(fix_all(ag, ap, &av, &e) == 0, "%s", e.msg);
	try_fixes();
}

static const char *
script(int undo)
{
	static char text[4096];
	struct buf b = BUF_INIT;

	ck_assert_int_eq(fix_script(ag, &av, undo, &b, &e), 0);
	snprintf(text, sizeof(text), "%s", buf_cstr(&b));
	buf_free(&b);
	return text;
}

START_TEST(a_membership_is_cut_when_the_account_needs_nothing_of_it)
{
	uint32_t app = ag_login("app"), a = ag_role("a"), b = ag_role("b"), c = ag_role("c");
	uint32_t owner = ag_role("owner");
	const struct finding_fix *x;

	ag_member(app, a, STEP_USE);
	ag_member(a, b, STEP_USE);
	ag_member(b, c, STEP_USE);
	ag_member(c, owner, STEP_USE);
	ag_power(owner, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	ag_power(app, "SELECT", SINK_READ_ALL, ag_table("s", "t"));
	fix("[role app] class=app\n");
	x = av_find(app, "A1", SINK_DROP)->fix;
	ck_assert_str_eq(x->sql, "REVOKE a FROM app;\n");
	ck_assert_str_eq(x->undo, "GRANT a TO app;\n");
	ck_assert_uint_eq(x->remaining, 0);
	ck_assert_ptr_null(x->advice);
	ck_assert_ptr_null(x->remains);
}
END_TEST

START_TEST(a_membership_that_the_class_needs_is_kept_and_the_power_goes)
{
	uint32_t app = ag_login("app"), group = ag_role("group");
	struct graph_set *set = ag_table("s", "t1");

	ag_table("s", "t2");
	ag_member(app, group, STEP_USE);
	ag_power(group, "SELECT", SINK_READ_ALL, set);
	ag_power(group, "TRUNCATE", SINK_DROP, set);
	fix("[role app] class=app\n");
	ck_assert_uint_eq(av.n, 1);
	ck_assert_str_eq(av.finding[0].fix->sql,
	    "\\connect \"shop\"\n"
	    "REVOKE TRUNCATE ON TABLE s.t1 FROM group;\nREVOKE TRUNCATE ON TABLE s.t2 FROM group;\n");
	ck_assert_str_eq(av.finding[0].fix->undo,
	    "\\connect \"shop\"\n"
	    "GRANT TRUNCATE ON TABLE s.t1 TO group;\nGRANT TRUNCATE ON TABLE s.t2 TO group;\n");
}
END_TEST

/* A gate may be what is needed, and nothing else. */
START_TEST(a_membership_that_opens_a_needed_gate_is_kept)
{
	uint32_t app = ag_login("app"), group = ag_role("group");
	uint32_t gate = graph_gate(ag, "USAGE on s");

	ag_member(app, group, STEP_USE);
	graph_pass(ag, group, gate);
	ag_power(app, "SELECT", SINK_READ_ALL, ag_table("s", "t"))->gate[0] = gate;
	ag_power(group, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	fix("[role app] class=app\n");
	ck_assert_ptr_nonnull(strstr(av.finding[0].fix->sql, "REVOKE TRUNCATE"));
	ck_assert_ptr_null(strstr(av.finding[0].fix->sql, "REVOKE group"));
}
END_TEST

START_TEST(what_another_class_needs_is_not_taken)
{
	uint32_t app = ag_login("app"), deploy = ag_login("deploy"), group = ag_role("group");
	const struct finding_fix *x;

	ag_member(app, group, STEP_USE);
	ag_member(deploy, group, STEP_USE);
	ag_power(group, "SELECT", SINK_READ_ALL, ag_table("s", "t"));
	ag_power(group, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	fix("[role app] class=app\n[role deploy] class=migrator\n");
	ck_assert_uint_eq(av.n, 1);
	x = av.finding[0].fix;
	ck_assert_str_eq(x->sql, "");
	ck_assert_str_eq(x->undo, "");
	ck_assert_uint_eq(x->remaining, 1);
	ck_assert_str_eq(x->remains, "app -> member of group -> TRUNCATE on s -> TRUNCATE");
	ck_assert_ptr_nonnull(strstr(x->advice, "app needs SELECT on s.t"));
}
END_TEST

START_TEST(what_another_has_elsewhere_may_be_taken)
{
	uint32_t app = ag_login("app"), deploy = ag_login("deploy"), group = ag_role("group");

	ag_member(app, group, STEP_USE);
	ag_member(deploy, group, STEP_USE);
	ag_power(group, "SELECT", SINK_READ_ALL, ag_table("s", "t"));
	ag_power(group, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	ag_power(deploy, "OWNER", SINK_DROP, ag_table("s", "t"));
	fix("[role app] class=app\n[role deploy] class=migrator\n");
	ck_assert_uint_eq(av.n, 1);
	ck_assert_str_eq(av.finding[0].fix->sql,
	    "\\connect \"shop\"\nREVOKE TRUNCATE ON TABLE s.t FROM group;\n");
}
END_TEST

/* Each of the two could go alone; together they are all that the account has. */
START_TEST(two_cuts_do_not_take_together_what_each_leaves)
{
	uint32_t app = ag_login("app"), a = ag_role("a"), b = ag_role("b");

	ag_member(app, a, STEP_USE);
	ag_member(app, b, STEP_USE);
	ag_power(a, "SELECT", SINK_READ_ALL, ag_table("s", "t"));
	ag_power(b, "SELECT", SINK_READ_ALL, ag_table("s", "t"));
	ag_power(a, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	ag_attribute(b, "CREATEDB", SINK_DROP)->needs = STEP_USE;
	fix("[role app] class=app\n");
	ck_assert_uint_eq(av.n, 2);
	ck_assert_str_eq(script(0), "\\connect \"shop\"\nREVOKE TRUNCATE ON TABLE s.t FROM a;\n"
	    "REVOKE b FROM app;\n");
	ck_assert_str_eq(script(1), "GRANT b TO app;\n"
	    "\\connect \"shop\"\nGRANT TRUNCATE ON TABLE s.t TO a;\n");
}
END_TEST

/* The same with powers: the migrator has it twice, and keeps one. */
START_TEST(two_revokes_do_not_take_together_what_each_leaves)
{
	uint32_t a = ag_login("a"), b = ag_login("b"), deploy = ag_login("deploy");
	uint32_t x = ag_role("x"), y = ag_role("y");
	struct graph_set *t = ag_table("s", "t");

	ag_member(a, x, STEP_USE);
	ag_member(b, y, STEP_USE);
	ag_member(deploy, x, STEP_USE);
	ag_member(deploy, y, STEP_USE);
	ag_power(x, "TRUNCATE", SINK_DROP, t);
	ag_power(y, "TRUNCATE", SINK_DROP, t);
	ag_power(x, "SELECT", SINK_READ_ALL, t);
	ag_power(y, "SELECT", SINK_READ_ALL, t);
	fix("[role *] class=app\n[role deploy] class=migrator\n");
	ck_assert_uint_eq(av.n, 2);
	ck_assert_str_eq(script(0),
	    "\\connect \"shop\"\nREVOKE TRUNCATE ON TABLE s.t FROM x;\n");
	ck_assert_uint_eq(av_find(b, "A1", SINK_DROP)->fix->remaining, 1);
	ck_assert_ptr_nonnull(strstr(av_find(b, "A1", SINK_DROP)->fix->advice, "b needs SELECT"));
}
END_TEST

/* ---- gifts -------------------------------------------------------------------------- */

/* A right that can be given: GRANT %g ON TABLE %o TO %a. */
static struct graph_power *
right(uint32_t from, const char *priv, enum sink sink, const struct graph_set *set,
    const char *column)
{
	struct graph_power *w = ag_power(from, priv, sink, set);
	struct graph_basis b = *w->basis;
	struct graph_gift gift = { .part = column };
	const char *what = column == NULL ? "%g" : graph_printf(ag, "%s (%s)", priv, column);

	gift.give = graph_printf(ag, "GRANT %s ON TABLE %%o TO %%a", what);
	gift.ungive = graph_printf(ag, "REVOKE %s ON TABLE %%o FROM %%a", what);
	b.gift = graph_gift(ag, &gift);
	w->basis = graph_basis(ag, &b);
	return w;
}

/* deploy owns the tables of s, and so may all; migrate, who is in it, needs that. */
static uint32_t
owner_of_tables(void)
{
	uint32_t deploy = ag_role("deploy");
	struct graph_set *set = ag_table("s", "t");

	ag_member(ag_login("migrate"), deploy, STEP_USE);
	ag_power(deploy, "OWNER", SINK_DROP, set);
	right(deploy, "SELECT", SINK_READ_ALL, set, NULL);
	right(deploy, "INSERT", SINK_WRITE, set, NULL);
	return deploy;
}

START_TEST(a_membership_goes_once_the_account_has_what_its_class_may)
{
	uint32_t app = ag_login("app"), deploy = owner_of_tables();
	const struct finding_fix *x;

	ag_member(app, deploy, STEP_USE);
	fix("[role app] class=app\n[role migrate] class=migrator\n");
	ck_assert_uint_eq(av.n, 1);
	x = av.finding[0].fix;
	ck_assert_str_eq(x->sql, "\\connect \"shop\"\nGRANT SELECT, INSERT ON TABLE s.t TO app;\n"
	    "REVOKE deploy FROM app;\n");
	ck_assert_str_eq(x->undo, "GRANT deploy TO app;\n"
	    "\\connect \"shop\"\nREVOKE SELECT, INSERT ON TABLE s.t FROM app;\n");
	ck_assert_uint_eq(x->remaining, 0);
	ck_assert_ptr_null(x->advice);
	ck_assert_str_eq(script(0), x->sql);
	ck_assert_str_eq(script(1), x->undo);
}
END_TEST

START_TEST(a_gift_is_only_what_the_class_may)
{
	uint32_t report = ag_login("report"), deploy = owner_of_tables();

	ag_member(report, deploy, STEP_USE);
	fix("[role report] class=readonly\n[role migrate] class=migrator\n");
	ck_assert_str_eq(av_find(report, "A1", SINK_DROP)->fix->sql,
	    "\\connect \"shop\"\nGRANT SELECT ON TABLE s.t TO report;\n"
	    "REVOKE deploy FROM report;\n");
}
END_TEST

START_TEST(gates_are_given_too_and_first)
{
	struct graph_gift usage = { "GRANT USAGE ON SCHEMA s TO %a",
		"REVOKE USAGE ON SCHEMA s FROM %a", NULL };
	uint32_t app = ag_login("app"), deploy = owner_of_tables(), i;
	uint32_t gate = graph_gate(ag, "USAGE on s");

	graph_gate_gift(ag, gate, NULL, "shop", &usage);
	graph_pass(ag, deploy, gate);
	ag_member(app, deploy, STEP_USE);
	for (i = 0; i < ag->powers; i++)
		ag->power[i].gate[1] = gate;
	/* This one it has, and the way to it is not its own. */
	right(app, "UPDATE", SINK_WRITE, ag_table("s", "t"), NULL)->gate[1] = gate;
	fix("[role app] class=app\n[role migrate] class=migrator\n");
	ck_assert_str_eq(script(0), "\\connect \"shop\"\nGRANT USAGE ON SCHEMA s TO app;\n"
	    "GRANT SELECT, INSERT ON TABLE s.t TO app;\nREVOKE deploy FROM app;\n");
}
END_TEST

START_TEST(a_group_gets_what_all_its_members_may)
{
	uint32_t a = ag_login("a"), b = ag_login("b"), team = ag_role("team");

	ag_member(a, team, STEP_USE);
	ag_member(b, team, STEP_USE);
	ag_member(team, owner_of_tables(), STEP_USE);
	fix("[role *] class=app\n[role migrate] class=migrator\n");
	ck_assert_uint_eq(av.n, 2);
	ck_assert_str_eq(script(0), "\\connect \"shop\"\nGRANT SELECT, INSERT ON TABLE s.t TO team;\n"
	    "REVOKE deploy FROM team;\n");
	ck_assert_str_eq(av_find(a, "A1", SINK_DROP)->fix->sql, script(0));
	ck_assert_str_eq(av_find(b, "A1", SINK_DROP)->fix->sql, script(0));
}
END_TEST

START_TEST(where_members_differ_each_gets_its_own)
{
	uint32_t a = ag_login("a"), b = ag_login("b"), team = ag_role("team");

	ag_member(a, team, STEP_USE);
	ag_member(b, team, STEP_USE);
	ag_member(team, owner_of_tables(), STEP_USE);
	fix("[role a] class=app\n[role b] class=readonly\n[role migrate] class=migrator\n");
	ck_assert_uint_eq(av.n, 3);
	ck_assert_str_eq(script(0), "\\connect \"shop\"\nGRANT SELECT ON TABLE s.t TO team;\n"
	    "GRANT INSERT ON TABLE s.t TO a;\nREVOKE deploy FROM team;\n");
}
END_TEST

/* The one behind the group needs to own: then only the other one leaves. */
START_TEST(who_needs_what_cannot_be_given_stays_in_the_group)
{
	uint32_t app = ag_login("app"), migrate2 = ag_login("migrate2"), team = ag_role("team");

	ag_member(app, team, STEP_USE);
	ag_member(migrate2, team, STEP_USE);
	ag_member(team, owner_of_tables(), STEP_USE);
	fix("[role *] class=migrator\n[role app] class=app\n");
	ck_assert_uint_eq(av.n, 1);
	ck_assert_str_eq(script(0), "\\connect \"shop\"\nGRANT SELECT, INSERT ON TABLE s.t TO app;\n"
	    "REVOKE team FROM app;\n");
}
END_TEST

START_TEST(what_everyone_had_those_get_who_need_it)
{
	uint32_t app = ag_login("app"), report = ag_login("report"), other = ag_login("other");

	right(ag_public, "INSERT", SINK_WRITE, ag_table("s", "t"), NULL);
	right(ag_role("nobody"), "INSERT", SINK_WRITE, ag_table("s", "t"), NULL);
	fix("[role *] class=app\n[role report] class=readonly\n");
	ck_assert_uint_eq(av.n, 1);
	ck_assert_ptr_nonnull(av_find(report, "A1", SINK_WRITE));
	ck_assert_ptr_null(av_find(other, "A1", SINK_WRITE));
	ck_assert_ptr_null(av_find(app, "A1", SINK_WRITE));
	ck_assert_ptr_nonnull(strstr(script(0), "GRANT INSERT ON TABLE s.t TO app;\n"));
	ck_assert_ptr_nonnull(strstr(script(0), "GRANT INSERT ON TABLE s.t TO other;\n"));
	ck_assert_ptr_null(strstr(script(0), "TO report"));
	ck_assert_ptr_nonnull(strstr(script(0), "REVOKE INSERT ON TABLE s.t FROM PUBLIC;\n"));
}
END_TEST

/* Alike at first, they get theirs one after the other; each is tried as it is by then. */
START_TEST(accounts_that_were_alike_each_keep_what_they_need)
{
	uint32_t a = ag_login("a"), b = ag_login("b"), deploy = owner_of_tables();
	uint32_t readers = ag_role("readers");
	struct graph_set *set = ag_table("s", "t");

	ag_member(a, deploy, STEP_USE);
	ag_member(b, deploy, STEP_USE);
	ag_member(a, readers, STEP_USE);
	ag_member(b, readers, STEP_USE);
	right(readers, "SELECT", SINK_READ_ALL, set, NULL);
	right(readers, "TRUNCATE", SINK_DROP, set, NULL)->check = check_find("A4");
	fix("[role *] class=app\n[role migrate] class=migrator\n");
	ck_assert_uint_eq(av.n, 4);
	ck_assert_str_eq(script(0), "\\connect \"shop\"\n"
	    "GRANT INSERT ON TABLE s.t TO a;\nGRANT INSERT ON TABLE s.t TO b;\n"
	    "REVOKE TRUNCATE ON TABLE s.t FROM readers;\n"
	    "REVOKE deploy FROM a;\nREVOKE deploy FROM b;\n");
}
END_TEST

/* A column is not the table; and the inverse of a gift on the table would take the column. */
START_TEST(a_column_of_its_own_is_no_other_way)
{
	uint32_t app = ag_login("app"), deploy = owner_of_tables();

	ag_member(app, deploy, STEP_USE);
	right(app, "SELECT", SINK_READ_ALL, ag_table("s", "t"), "id");
	fix("[role app] class=app\n[role migrate] class=migrator\n");
	ck_assert_uint_eq(av.n, 1);
	ck_assert_str_eq(av.finding[0].fix->sql, "");
	ck_assert_ptr_nonnull(strstr(av.finding[0].fix->advice, "app needs SELECT on s.t"));
}
END_TEST

START_TEST(a_column_is_given_as_a_column)
{
	uint32_t app = ag_login("app"), group = ag_role("group"), boss = ag_login("boss");
	struct graph_set *set = ag_table("s", "t");

	ag_member(app, group, STEP_USE);
	ag_member(boss, group, STEP_USE);
	right(group, "SELECT", SINK_READ_ALL, set, "id");
	ag_power(group, "OWNER", SINK_DROP, set);
	fix("[role app] class=app\n[role boss] class=migrator\n");
	ck_assert_str_eq(script(0), "\\connect \"shop\"\nGRANT SELECT (id) ON TABLE s.t TO app;\n"
	    "REVOKE group FROM app;\n");
}
END_TEST

/* Harmless by itself, and no finding; but it is missed. */
START_TEST(a_right_without_a_sink_is_kept_as_well)
{
	uint32_t app = ag_login("app"), deploy = owner_of_tables();

	ag_member(app, deploy, STEP_USE);
	right(deploy, "USAGE", SINK_NONE, ag_table("s", "t"), NULL);
	fix("[role app] class=app\n[role migrate] class=migrator\n");
	ck_assert_uint_eq(av.n, 1);
	ck_assert_str_eq(script(0), "\\connect \"shop\"\n"
	    "GRANT SELECT, INSERT, USAGE ON TABLE s.t TO app;\nREVOKE deploy FROM app;\n");
}
END_TEST

/* What is not made yet is given with the rest, but keeps no membership. */
START_TEST(what_will_be_made_is_only_worth_a_gift)
{
	uint32_t app = ag_login("app"), deploy = owner_of_tables(), other = ag_role("other");
	struct graph_set *later = graph_set(ag, "later", "future tables", "shop", "s");
	struct graph_power *w;
	struct graph_basis b;

	ag_member(app, deploy, STEP_USE);
	ag_member(app, other, STEP_USE);
	w = right(deploy, "SELECT", SINK_NONE, later, NULL);
	b = *w->basis;
	b.gift = graph_gift(ag, &(struct graph_gift){ "GIVE %g TO %a", "TAKE %g FROM %a", NULL });
	w->basis = graph_basis(ag, &b);
	right(other, "SELECT", SINK_NONE, graph_set(ag, "2", "future tables", "shop", "s"), NULL);
	ag_attribute(other, "CREATEDB", SINK_DROP)->needs = STEP_USE;
	fix("[role app] class=app\n[role migrate] class=migrator\n");
	ck_assert_uint_eq(av.n, 2);
	ck_assert_str_eq(script(0), "\\connect \"shop\"\n"
	    "GRANT SELECT, INSERT ON TABLE s.t TO app;\nGIVE SELECT TO app;\n"
	    "REVOKE other FROM app;\nREVOKE deploy FROM app;\n");
}
END_TEST

/* What was given lets it through the same hole as before. */
START_TEST(gifts_end_no_way_through_a_breach)
{
	uint32_t app = ag_login("app"), deploy = owner_of_tables(), boss = ag_login("boss");

	ag_member(app, deploy, STEP_USE);
	ag_breach(deploy, boss, "F1", NULL);
	ag_attribute(boss, "SUPERUSER", SINK_SUPER);
	audit_judge("[role app] class=app\n[role migrate] class=migrator\n[role boss] class=admin\n");
	ck_assert_int_eq(fix_all(ag, ap, &av, &e), 0);
	ck_assert_uint_eq(av_find(app, "A1", SINK_DROP)->fix->remaining, 0);
	ck_assert_uint_eq(av_find(app, "F1", SINK_SUPER)->fix->remaining, 1);
	ck_assert_str_eq(av_find(app, "F1", SINK_SUPER)->fix->sql, "");
}
END_TEST

/* CONNECT on shop, which PUBLIC has. */
static uint32_t
open_to_everyone(void)
{
	struct graph_gift connect = { "GRANT CONNECT TO %a", "REVOKE CONNECT FROM %a", NULL };
	struct graph_basis b = { .why = "everyone may connect", .fix = "REVOKE CONNECT FROM PUBLIC",
		.undo = "GRANT CONNECT TO PUBLIC" };
	uint32_t gate = graph_gate(ag, "CONNECT on shop");

	graph_gate_gift(ag, gate, "shop", NULL, &connect);
	graph_pass(ag, ag_public, gate);
	graph_fault(ag, "A2", SEVERITY_MEDIUM, SINK_READ_ALL, "CONNECT", &b);
	graph_fault_gate(ag, gate);
	return gate;
}

START_TEST(who_must_connect_is_let_in_before_everyone_is_shut_out)
{
	uint32_t gate = open_to_everyone(), group = ag_role("group");

	ag_login("app");
	ag_login("bank");
	ag_member(ag_login("report"), group, STEP_USE);
	graph_pass(ag, group, gate);
	audit_judge("[role app] class=app db=shop\n[role bank] class=app db=bank\n"
	    "[role report] class=readonly\n");
	ck_assert_int_eq(fix_all(ag, ap, &av, &e), 0);
	ck_assert_uint_eq(av.n, 1);
	ck_assert_str_eq(av.finding[0].fix->sql,
	    "GRANT CONNECT TO app;\nREVOKE CONNECT FROM PUBLIC;\n");
	ck_assert_str_eq(av.finding[0].fix->undo,
	    "GRANT CONNECT TO PUBLIC;\nREVOKE CONNECT FROM app;\n");
	ck_assert_str_eq(script(0), av.finding[0].fix->sql);
	ck_assert_str_eq(script(1), av.finding[0].fix->undo);
}
END_TEST

START_TEST(nobody_is_shut_out_of_whom_nothing_is_known)
{
	open_to_everyone();
	ag_login("app");
	ag_login("stranger");
	fix("[role app] class=app db=shop\n");
	ck_assert_uint_eq(av.n, 2);
	ck_assert_str_eq(script(0), "");
	ck_assert_ptr_nonnull(strstr(av.finding[0].fix->advice, "[role stranger]"));
	ck_assert_ptr_nonnull(strstr(av.finding[1].fix->advice, "[role stranger]"));
}
END_TEST

/* The other way in of the account was PUBLIC's, and that is shut. */
START_TEST(a_gate_that_is_shut_is_no_other_way)
{
	uint32_t gate = open_to_everyone(), app = ag_login("app"), deploy = owner_of_tables(), i;

	graph_pass(ag, deploy, gate);
	ag_member(app, deploy, STEP_USE);
	for (i = 0; i < ag->powers; i++)
		ag->power[i].gate[0] = gate;
	for (i = 0; i < ag->powers; i++)	/* worse ones first: so is the fault the first */
		ag->power[i].severity = SEVERITY_LOW;
	audit_judge("[role app] class=app db=shop\n[role migrate] class=migrator db=bank,shop\n");
	ck_assert_int_eq(fix_all(ag, ap, &av, &e), 0);
	ck_assert_ptr_nonnull(av.finding[0].fault);
	ck_assert_ptr_null(strstr(av.finding[0].fix->sql, "TO app"));
	ck_assert_ptr_nonnull(strstr(av_find(app, "A1", SINK_DROP)->fix->sql,
	    "GRANT CONNECT TO app;\n"));
}
END_TEST

/* SET ROLE alone lent nothing to those who only inherit from the group. */
START_TEST(a_gift_is_not_for_those_who_had_nothing)
{
	uint32_t app = ag_login("app"), team = ag_role("team"), deploy = owner_of_tables();

	ag_member(app, team, STEP_USE);
	ag_member(team, deploy, STEP_BECOME);
	ag->step[ag->steps - 1].needs = STEP_BECOME;
	ag_member(ag_login("b"), team, STEP_BECOME);
	audit_judge("[role *] class=app\n[role migrate] class=migrator\n");
	ck_assert_int_eq(fix_all(ag, ap, &av, &e), 0);
	ck_assert_uint_eq(av.n, 1);
	ck_assert_ptr_null(strstr(script(0), "TO team"));
}
END_TEST

START_TEST(an_ownership_that_must_go_is_no_other_way)
{
	uint32_t app = ag_login("app"), group = ag_role("group");
	struct graph_set *t = ag_table("s", "t");

	ag_member(app, group, STEP_USE);
	ag_power(group, "SELECT", SINK_READ_ALL, t);
	ag_power(group, "TRUNCATE", SINK_DROP, t);
	ag_power(app, "OWNER", SINK_DROP, t);
	fix("[role app] class=app\n");
	ck_assert_ptr_null(strstr(script(0), "REVOKE group"));
	ck_assert_ptr_nonnull(strstr(script(0), "REVOKE TRUNCATE"));
	ck_assert_ptr_nonnull(strstr(script(0), "REVOKE OWNER"));
}
END_TEST

/* To inherit is needed; without SET the way would be the same. */
START_TEST(a_step_beside_one_that_must_stay_is_not_cut)
{
	uint32_t app = ag_login("app"), group = ag_role("group");
	struct graph_basis b = { .why = "may SET ROLE group", .row = "row",
		.fix = "REVOKE SET OPTION FOR group FROM app", .undo = "GRANT it" };
	struct graph_step s = { .from = app, .to = group, .needs = STEP_BECOME,
		.gives = STEP_BECOME, .check = check_find("R3") };

	ag_member(app, group, STEP_USE);
	s.basis = graph_basis(ag, &b);
	graph_step(ag, &s);
	ag_power(group, "SELECT", SINK_READ_ALL, ag_table("s", "t"));
	ag_power(group, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	fix("[role app] class=app\n");
	ck_assert_uint_eq(av.n, 1);
	ck_assert_str_eq(script(0), "\\connect \"shop\"\nREVOKE TRUNCATE ON TABLE s.t FROM group;\n");
}
END_TEST

START_TEST(a_thief_takes_nothing_from_its_victim)
{
	uint32_t app = ag_login("app"), boss = ag_login("boss");

	ag_power(boss, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	ag_breach(app, boss, "F1", NULL);
	audit_judge("[role *] class=app\n");
	ck_assert_int_eq(fix_all(ag, ap, &av, &e), 0);
	ck_assert_str_eq(av_find(app, "F1", SINK_DROP)->fix->sql, "");
	ck_assert_ptr_nonnull(strstr(av_find(boss, "A1", SINK_DROP)->fix->sql, "REVOKE TRUNCATE"));
}
END_TEST

START_TEST(an_admin_of_its_class_needs_nothing_else)
{
	uint32_t app = ag_login("app"), root = ag_login("root"), group = ag_role("group");

	ag_attribute(root, "SUPERUSER", SINK_SUPER);
	ag_member(root, group, STEP_USE);
	ag_member(app, group, STEP_USE);
	ag_power(group, "SELECT", SINK_READ_ALL, ag_table("s", "t"));
	ag_power(group, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	fix("[role app] class=app\n[role root] class=admin\n");
	ck_assert_uint_eq(av.n, 1);
	ck_assert_ptr_nonnull(strstr(av.finding[0].fix->sql, "REVOKE TRUNCATE"));
}
END_TEST

START_TEST(the_power_of_an_admin_is_not_taken_because_of_a_thief)
{
	uint32_t app = ag_login("app"), root = ag_login("root");
	const struct finding_fix *x;

	ag_attribute(root, "SUPERUSER", SINK_SUPER);
	ag_breach(app, root, "F1", NULL);
	fix("[role app] class=app\n[role root] class=admin\n");
	x = av.finding[0].fix;
	ck_assert_str_eq(x->sql, "");
	ck_assert_str_eq(x->advice, "edit a file");
	ck_assert_uint_eq(x->remaining, 1);
	ck_assert_str_eq(x->remains, "app -> can pose as root -> SUPERUSER -> SUPERUSER");
}
END_TEST

START_TEST(behind_a_breach_that_stays_nothing_is_cut)
{
	uint32_t app = ag_login("app"), root = ag_login("root"), dba = ag_role("dba");
	const struct finding *f;

	ag_attribute(root, "SUPERUSER", SINK_SUPER);
	ag_member(root, dba, STEP_USE);
	ag_power(dba, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	ag_breach(app, root, "F1", NULL);
	fix("[role app] class=app\n[role root] class=admin\n");
	f = av_find(app, "F1", SINK_DROP);
	ck_assert_str_eq(f->fix->sql, "");
	ck_assert_str_eq(f->fix->advice, "edit a file");
}
END_TEST

START_TEST(a_breach_is_cut_before_a_membership)
{
	uint32_t app = ag_login("app"), dev = ag_role("dev"), root = ag_login("root");

	ag_attribute(root, "SUPERUSER", SINK_SUPER);
	ag_member(app, dev, STEP_USE);
	ag_breach(dev, root, "F1", "ALTER FUNCTION f() SET search_path = pg_catalog;\n");
	fix("[role app] class=app\n[role root] class=admin\n");
	ck_assert_str_eq(av.finding[0].fix->sql, "ALTER FUNCTION f() SET search_path = pg_catalog;\n");
}
END_TEST

START_TEST(several_ways_are_all_cut)
{
	uint32_t app = ag_login("app"), a = ag_role("a"), b = ag_role("b"), c = ag_role("c");

	ag_member(app, a, STEP_USE);
	ag_member(app, b, STEP_USE);
	ag_member(a, c, STEP_USE);
	ag_member(b, c, STEP_USE);
	ag_power(c, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	ag_power(app, "TRIGGER", SINK_DROP, ag_table("s", "t"));
	fix("[role app] class=app\n");
	ck_assert_uint_eq(av.n, 1);
	ck_assert_str_eq(av.finding[0].fix->sql,
	    "\\connect \"shop\"\nREVOKE TRIGGER ON TABLE s.t FROM app;\n"
	    "REVOKE a FROM app;\nREVOKE b FROM app;\n");
	ck_assert_str_eq(av.finding[0].fix->undo, "GRANT b TO app;\nGRANT a TO app;\n"
	    "\\connect \"shop\"\nGRANT TRIGGER ON TABLE s.t TO app;\n");
}
END_TEST

/* One statement takes both, so it takes neither when one of them is needed. */
START_TEST(what_one_statement_takes_goes_together)
{
	uint32_t app = ag_login("app"), hub = graph_node(ag, NODE_HUB, "all roles", "");
	uint32_t root = ag_role("root");
	struct graph_basis b = { .why = "may create roles", .row = "row",
		.fix = "ALTER ROLE app NOCREATEROLE;\n", .undo = "ALTER ROLE app CREATEROLE;\n" };
	struct graph_step s = { .from = app, .to = hub, .needs = STEP_BECOME,
		.gives = STEP_BECOME, .check = check_find("R2") };

	s.basis = graph_basis(ag, &b);
	graph_step(ag, &s);
	ag_attribute(app, "CREATEROLE", SINK_DROP);
	ag_member(hub, root, STEP_BECOME);
	ag_attribute(root, "REPLICATION", SINK_LOGKILL);
	fix("[role app] class=app\n");
	ck_assert_uint_eq(av.n, 2);
	ck_assert_str_eq(av_find(app, "R5", SINK_LOGKILL)->fix->sql,
	    "ALTER ROLE app NOCREATEROLE;\n");
	ck_assert_str_eq(script(0), "ALTER ROLE app NOCREATEROLE;\n");
	/* The class may it: the power is none of the findings, and the step cannot go either. */
	audit_judge("[class boss] may=+CREATEROLE\n[role app] class=boss\n");
	ck_assert_int_eq(fix_all(ag, ap, &av, &e), 0);
	ck_assert_uint_eq(av.n, 1);
	ck_assert_str_ne(av.finding[0].fix->sql, "ALTER ROLE app NOCREATEROLE;\n");
}
END_TEST

START_TEST(an_owner_changes_and_keeps_what_its_class_may)
{
	uint32_t app = ag_login("app"), owner = ag_role("shop_owner");
	struct graph_basis b = { .why = "owns s.t", .row = "pg_class",
		.fix = "ALTER TABLE %o OWNER TO %n;\nGRANT %g ON TABLE %o TO app;\n",
		.undo = "ALTER TABLE %o OWNER TO app;\n" };

	ag->node[owner].sql = graph_string(ag, "\"shop owner\"");
	ag_power(app, "OWNER", SINK_DROP, ag_table("s", "t"))->basis = graph_basis(ag, &b);
	audit_judge("[target] owner=shop_owner\n[role app] class=readonly\n");
	ck_assert_int_eq(fix_all(ag, ap, &av, &e), 0);
	ck_assert_str_eq(av.finding[0].fix->sql, "\\connect \"shop\"\n"
	    "ALTER TABLE s.t OWNER TO \"shop owner\";\nGRANT SELECT ON TABLE s.t TO app;\n");
	ck_assert_str_eq(av.finding[0].fix->undo, "\\connect \"shop\"\n"
	    "ALTER TABLE s.t OWNER TO app;\n");
	/* A class that may nothing there gets nothing. */
	audit_judge("[target] owner=shop_owner\n[role app] class=readonly schema=z\n");
	ck_assert_int_eq(fix_all(ag, ap, &av, &e), 0);
	ck_assert_str_eq(av.finding[0].fix->sql, "\\connect \"shop\"\n"
	    "ALTER TABLE s.t OWNER TO \"shop owner\";\n");
	/* Nobody to give it to. */
	audit_judge("[role app] class=readonly\n");
	ck_assert_int_eq(fix_all(ag, ap, &av, &e), 0);
	ck_assert_str_eq(av.finding[0].fix->sql, "");
	ck_assert_ptr_nonnull(strstr(av.finding[0].fix->advice, "owner="));
}
END_TEST

START_TEST(nothing_is_taken_from_a_login_that_nobody_named)
{
	uint32_t app = ag_login("app"), other = ag_login("other"), group = ag_role("group");

	ag_member(app, group, STEP_USE);
	ag_member(other, group, STEP_USE);
	ag_power(group, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	fix("[role app] class=app\n");
	ck_assert_uint_eq(av.n, 3);
	ck_assert_str_eq(av_find(app, "A1", SINK_DROP)->fix->sql, "REVOKE group FROM app;\n");
	ck_assert_str_eq(av_find(other, "A1", SINK_DROP)->fix->sql, "");
	ck_assert_ptr_nonnull(strstr(av_find(other, "A1", SINK_DROP)->fix->advice, "[role other]"));
	ck_assert_ptr_nonnull(strstr(av_find(other, "U1", SINK_NONE)->fix->advice, "[role other]"));
	ck_assert_str_eq(script(0), "REVOKE group FROM app;\n");
}
END_TEST

START_TEST(what_an_exception_accepts_is_not_taken)
{
	uint32_t app = ag_login("app"), etl = ag_login("etl"), group = ag_role("group");

	ag_member(app, group, STEP_USE);
	ag_member(etl, group, STEP_USE);
	ag_power(group, "SELECT", SINK_READ_ALL, ag_table("s", "t"));
	ag_power(group, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	fix("[role *] class=app\n[except] id=A1 role=etl priv=TRUNCATE reason=\"nightly\" owner=ops "
	    "until=2027-01-01\n");
	ck_assert_uint_eq(av.n, 1);
	ck_assert_str_eq(av.finding[0].fix->sql, "");
	ck_assert_uint_eq(av.finding[0].fix->remaining, 1);
}
END_TEST

/* `why` shows what a class may, too; that is not cut, for nobody. */
START_TEST(why_cuts_only_what_no_class_needs)
{
	uint32_t app = ag_login("app"), root = ag_login("root"), group = ag_role("group");

	ag_attribute(root, "SUPERUSER", SINK_SUPER);
	ag_member(app, group, STEP_USE);
	ag_power(group, "SELECT", SINK_READ_ALL, ag_table("s", "t"));
	ag_power(group, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	audit_judge("[role app] class=app\n[role root] class=admin\n");
	audit_why(root);
	ck_assert_int_eq(fix_all(ag, ap, &av, &e), 0);
	ck_assert_uint_eq(av.n, 1);
	ck_assert_str_eq(av.finding[0].fix->sql, "");
	ck_assert_ptr_nonnull(strstr(av.finding[0].fix->advice, "root needs SUPERUSER"));
	audit_why(app);
	ck_assert_int_eq(fix_all(ag, ap, &av, &e), 0);
	ck_assert_uint_eq(av.n, 2);
	ck_assert_str_eq(av_find(app, "A1", SINK_READ_ALL)->fix->sql, "");
	ck_assert_ptr_nonnull(strstr(av_find(app, "A1", SINK_DROP)->fix->sql, "REVOKE TRUNCATE"));
}
END_TEST

START_TEST(a_fault_has_its_own_statement)
{
	struct graph_basis b = { .why = "fsync is off: a crash loses data",
		.fix = "ALTER SYSTEM SET fsync = on;\n", .undo = "ALTER SYSTEM SET fsync = off;\n" };
	struct graph_basis file = { .why = "line 4 of pg_hba.conf lets everyone in",
		.advice = "remove line 4 of pg_hba.conf" };

	graph_fault(ag, "S1", SEVERITY_HIGH, SINK_WRITE, "fsync", &b);
	graph_fault(ag, "H1", SEVERITY_CRITICAL, SINK_SUPER, "pg_hba.conf line 4", &file);
	audit_judge("");
	ck_assert_int_eq(fix_all(ag, ap, &av, &e), 0);
	ck_assert_str_eq(av.finding[1].fix->sql, "ALTER SYSTEM SET fsync = on;\n");
	ck_assert_str_eq(av.finding[1].fix->undo, "ALTER SYSTEM SET fsync = off;\n");
	ck_assert_str_eq(av.finding[0].fix->sql, "");
	ck_assert_str_eq(av.finding[0].fix->advice, "remove line 4 of pg_hba.conf");
	ck_assert_str_eq(script(0), "ALTER SYSTEM SET fsync = on;\n");
	ck_assert_str_eq(script(1), "ALTER SYSTEM SET fsync = off;\n");
}
END_TEST

START_TEST(a_script_has_each_statement_once_and_each_database_together)
{
	uint32_t a = ag_login("a"), b = ag_login("b"), group = ag_role("group");
	struct graph_set *x, *y;

	x = graph_set(ag, "x", "table", "bank", "s");
	graph_set_add(ag, x, "s.x");
	y = graph_set(ag, "y", "table", "shop", "s");
	graph_set_add(ag, y, "s.y");
	ag_member(a, group, STEP_USE);
	ag_member(b, group, STEP_USE);
	ag_power(group, "SELECT", SINK_READ_ALL, y);
	ag_power(group, "TRUNCATE", SINK_DROP, y);
	ag_power(group, "TRUNCATE", SINK_DROP, x);
	ag_power(group, "TRIGGER", SINK_DROP, y);
	ag_attribute(a, "CREATEDB", SINK_DROP);
	fix("[role *] class=app\n");
	ck_assert_uint_eq(av.n, 3);
	ck_assert_ptr_eq(av_find(a, "A1", SINK_DROP)->fix->sql, av_find(b, "A1", SINK_DROP)->fix->sql);
	ck_assert_str_eq(script(0), "\\connect \"bank\"\nREVOKE TRUNCATE ON TABLE s.x FROM group;\n"
	    "\\connect \"shop\"\nREVOKE TRUNCATE ON TABLE s.y FROM group;\n"
	    "REVOKE TRIGGER ON TABLE s.y FROM group;\nALTER ROLE a NOCREATEDB;\n");
	ck_assert_str_eq(script(1), "ALTER ROLE a CREATEDB;\n"
	    "\\connect \"shop\"\nGRANT TRIGGER ON TABLE s.y TO group;\n"
	    "GRANT TRUNCATE ON TABLE s.y TO group;\n"
	    "\\connect \"bank\"\nGRANT TRUNCATE ON TABLE s.x TO group;\n");
}
END_TEST

START_TEST(paths_are_drawn_in_one_line)
{
	uint32_t app = ag_login("app\nle"), group = ag_role("deploy");
	struct buf b = BUF_INIT;

	ag_member(app, group, STEP_USE);
	ag_power(group, "TRUNCATE", SINK_DROP, ag_table("sales", "t"));
	ag_power(ag_public, "CREATE", SINK_WRITE, ag_table("public", "t"));
	audit_judge("[role \"app\\nle\"] class=app\n");
	fix_path(ag, av_find(app, "A1", SINK_DROP), &b);
	ck_assert_str_eq(buf_cstr(&b),
	    "app le -> member of deploy -> TRUNCATE on sales -> TRUNCATE");
	buf_reset(&b);
	fix_path(ag, av_find(app, "A1", SINK_WRITE), &b);
	ck_assert_str_eq(buf_cstr(&b), "app le -> PUBLIC -> CREATE on public -> CREATE");
	buf_reset(&b);
	audit_judge("");
	fix_path(ag, av_find(app, "U1", SINK_NONE), &b);
	ck_assert_str_eq(buf_cstr(&b), "app le -> no line of the policy names it");
	buf_free(&b);
}
END_TEST

/* The script of the first n of four items, with these parts. */
static void
ck_script(const uint64_t *part, uint32_t n, const char *fix, const char *undo)
{
	static const struct graph_basis b[4] = { { .fix = "A", .undo = "a" },
		{ .fix = "%{6}%{!4}B;\nREVOKE B", .undo = "b;\n%{6 4}c" },
		{ .fix = "%{5}C", .undo = NULL }, { .fix = "ALTER TO %n", .undo = "n" } };
	struct fix_item item[4];
	struct buf text = BUF_INIT;
	uint32_t i;

	for (i = 0; i < n; i++) {
		item[i] = (struct fix_item){ .fix = b[i].fix, .undo = b[i].undo, .grant = "",
			.part = part[i] };
	}
	fix_order(item, n);
	fix_items(item, n, "o", 0, &text);
	ck_assert_str_eq(buf_cstr(&text), fix);
	buf_reset(&text);
	fix_items(item, n, "o", 1, &text);
	ck_assert_str_eq(buf_cstr(&text), undo);
	buf_free(&text);
}

START_TEST(statements_depend_on_what_else_goes)
{
	ck_script((const uint64_t[]){ 0, 2 }, 2, "REVOKE B;\nA;\n", "a;\nb;\n");
	ck_script((const uint64_t[]){ 6, 2 }, 2, "A;\nB;\nREVOKE B;\n", "b;\na;\n");
	ck_script((const uint64_t[]){ 2, 6 }, 2, "B;\nREVOKE B;\nA;\n", "a;\nb;\n");
	ck_script((const uint64_t[]){ 6, 2, 4 }, 3, "A;\nC;\nREVOKE B;\n", "b;\nc;\na;\n");
	ck_script((const uint64_t[]){ 0, 6, 5, 0 }, 4, "B;\nREVOKE B;\nC;\nA;\nALTER TO o;\n",
	    "n;\na;\nb;\n");
}
END_TEST

START_TEST(templates_know_quotes_and_percent_signs)
{
	const char *object[] = { "s.\"a;\nb\"", "s.t" };
	struct graph_set set = { .kind = "table", .object = object, .n = 2, .follower = object,
		.followers = 1 };
	struct fix_words w = { &set, "o", "", "\"y%%u\"", NULL, 0 };
	struct buf b = BUF_INIT;

	fix_expand(&b, "REVOKE x ON %o FROM \"r;\n%%\"", &w);
	ck_assert_str_eq(buf_cstr(&b), "REVOKE x ON s.\"a;\nb\" FROM \"r;\n%\";\n"
	    "REVOKE x ON s.t FROM \"r;\n%\";\n");
	buf_reset(&b);
	fix_expand(&b, "ALTER %o TO %n;\nGRANT %g ON %o;\nDONE;\n", &w);
	ck_assert_str_eq(buf_cstr(&b), "ALTER s.\"a;\nb\" TO o;\nALTER s.t TO o;\nDONE;\n");
	buf_reset(&b);
	fix_expand(&b, "GRANT x TO %a;\nGRANT x ON %f", &w);
	ck_assert_str_eq(buf_cstr(&b), "GRANT x TO \"y%u\";\n");
	w.grant = "SELECT";
	fix_expand(&b, "GRANT y ON %f", &w);
	ck_assert_str_eq(buf_cstr(&b), "GRANT x TO \"y%u\";\nGRANT y ON s.\"a;\nb\";\n");
	buf_reset(&b);
	fix_connect(&b, "sh\"op");
	fix_connect(&b, "a=b'\\\nc");
	ck_assert_str_eq(buf_cstr(&b), "\\connect \"sh\"\"op\"\n"
	    "\\connect -reuse-previous=on '\"dbname=\\'a=b\\\\\\'\\\\\\\\\\nc\\'\"'\n");
	buf_free(&b);
}
END_TEST

/*
 * 5,000 logins: members of a group that may truncate 100,000 tables, which a class needs to
 * read; each of them with a right of its own that must go.
 */
START_TEST(a_big_server_is_fixed_in_time)
{
	uint32_t group = ag_role("group"), i, id;
	struct graph_set *set;
	struct graph_power *w;
	char name[32], schema[32];
	int64_t start;

	for (i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "app%u", i);
		id = ag_login(name);
		ag_member(id, group, STEP_USE);
		ag_attribute(id, "CREATEDB", SINK_DROP);
	}
	for (i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		snprintf(schema, sizeof(schema), "s%u", i % 100);
		set = graph_set(ag, name, "table", "shop", schema);
		graph_set_add(ag, set, name);
		w = ag_power(group, "SELECT", SINK_READ_ALL, set);
		w->gate[0] = graph_gate(ag, schema);
		w = ag_power(group, "TRUNCATE", SINK_DROP, set);
		w->gate[0] = graph_gate(ag, schema);
		if (i < 100)
			graph_pass(ag, ag_public, w->gate[0]);
	}
	audit_judge("[role *] class=app\n");
	start = clock_mono();
	ck_assert_int_eq(fix_all(ag, ap, &av, &e), 0);
	start = clock_mono() - start;
	ck_assert_uint_eq(av.n, 10000);
	for (i = 0; i < av.n; i++)
		ck_assert_uint_eq(av.finding[i].fix->remaining, 0);
	ck_assert_ptr_eq(av.finding[1].fix->sql, av.finding[3].fix->sql);
	ck_assert_msg(start < 60 * 1000000, "%lld us", (long long)start);
}
END_TEST

Suite *
fix_suite(void)
{
	Suite *s = suite_create("fix");
	TCase *t = tcase_create("fix"), *big = tcase_create("fix_big");

	tcase_add_checked_fixture(t, audit_begin, audit_end);
	tcase_add_test(t, a_membership_is_cut_when_the_account_needs_nothing_of_it);
	tcase_add_test(t, a_membership_that_the_class_needs_is_kept_and_the_power_goes);
	tcase_add_test(t, a_membership_that_opens_a_needed_gate_is_kept);
	tcase_add_test(t, what_another_class_needs_is_not_taken);
	tcase_add_test(t, what_another_has_elsewhere_may_be_taken);
	tcase_add_test(t, two_cuts_do_not_take_together_what_each_leaves);
	tcase_add_test(t, two_revokes_do_not_take_together_what_each_leaves);
	tcase_add_test(t, a_membership_goes_once_the_account_has_what_its_class_may);
	tcase_add_test(t, a_gift_is_only_what_the_class_may);
	tcase_add_test(t, gates_are_given_too_and_first);
	tcase_add_test(t, a_group_gets_what_all_its_members_may);
	tcase_add_test(t, where_members_differ_each_gets_its_own);
	tcase_add_test(t, who_needs_what_cannot_be_given_stays_in_the_group);
	tcase_add_test(t, what_everyone_had_those_get_who_need_it);
	tcase_add_test(t, accounts_that_were_alike_each_keep_what_they_need);
	tcase_add_test(t, a_column_of_its_own_is_no_other_way);
	tcase_add_test(t, a_column_is_given_as_a_column);
	tcase_add_test(t, a_right_without_a_sink_is_kept_as_well);
	tcase_add_test(t, what_will_be_made_is_only_worth_a_gift);
	tcase_add_test(t, gifts_end_no_way_through_a_breach);
	tcase_add_test(t, who_must_connect_is_let_in_before_everyone_is_shut_out);
	tcase_add_test(t, nobody_is_shut_out_of_whom_nothing_is_known);
	tcase_add_test(t, a_gate_that_is_shut_is_no_other_way);
	tcase_add_test(t, a_gift_is_not_for_those_who_had_nothing);
	tcase_add_test(t, an_ownership_that_must_go_is_no_other_way);
	tcase_add_test(t, a_step_beside_one_that_must_stay_is_not_cut);
	tcase_add_test(t, a_thief_takes_nothing_from_its_victim);
	tcase_add_test(t, an_admin_of_its_class_needs_nothing_else);
	tcase_add_test(t, the_power_of_an_admin_is_not_taken_because_of_a_thief);
	tcase_add_test(t, behind_a_breach_that_stays_nothing_is_cut);
	tcase_add_test(t, a_breach_is_cut_before_a_membership);
	tcase_add_test(t, several_ways_are_all_cut);
	tcase_add_test(t, what_one_statement_takes_goes_together);
	tcase_add_test(t, an_owner_changes_and_keeps_what_its_class_may);
	tcase_add_test(t, nothing_is_taken_from_a_login_that_nobody_named);
	tcase_add_test(t, what_an_exception_accepts_is_not_taken);
	tcase_add_test(t, why_cuts_only_what_no_class_needs);
	tcase_add_test(t, a_fault_has_its_own_statement);
	tcase_add_test(t, a_script_has_each_statement_once_and_each_database_together);
	tcase_add_test(t, paths_are_drawn_in_one_line);
	tcase_add_test(t, statements_depend_on_what_else_goes);
	tcase_add_test(t, templates_know_quotes_and_percent_signs);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(big, audit_begin, audit_end);
	tcase_add_test(big, a_big_server_is_fixed_in_time);
	tcase_set_timeout(big, 180);
	suite_add_tcase(s, big);
	return s;
}
