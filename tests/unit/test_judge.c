/*
 * Tests of audit/judge: who reaches what, which check names it, exceptions, order, speed.
 */
#include <stdio.h>
#include <string.h>

#include "audit_fixture.h"
#include "base/clock.h"
#include "suites.h"

#define APP "[role app] class=app\n"

START_TEST(a_path_of_four_steps_is_found)
{
	uint32_t app = ag_login("app"), a = ag_role("a"), b = ag_role("b"), c = ag_role("c");
	uint32_t owner = ag_role("owner");
	const struct finding *f;

	ag_member(app, a, STEP_BECOME);
	ag_member(a, b, STEP_USE);
	ag_member(b, c, STEP_USE);
	ag_member(c, owner, STEP_USE);
	ag_power(owner, "TRUNCATE", SINK_DROP, ag_table("sales", "orders"));
	audit_judge(APP);
	ck_assert_uint_eq(av.n, 1);
	f = av_find(app, "A1", SINK_DROP);
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(f->steps, 4);
	ck_assert_uint_eq(f->step[0]->to, a);
	ck_assert_uint_eq(f->step[3]->to, owner);
	ck_assert_str_eq(f->power->priv, "TRUNCATE");
	ck_assert_str_eq(f->object, "sales.orders");
	ck_assert_uint_eq(f->objects, 1);
	ck_assert_uint_eq(av.accounts, 1);
}
END_TEST

START_TEST(the_shortest_path_is_shown)
{
	uint32_t app = ag_login("app"), a = ag_role("a"), b = ag_role("b");

	ag_member(app, a, STEP_USE);
	ag_member(a, b, STEP_USE);
	ag_member(app, b, STEP_USE);
	ag_power(b, "TRUNCATE", SINK_DROP, ag_table("sales", "orders"));
	audit_judge(APP);
	ck_assert_uint_eq(av_find(app, "A1", SINK_DROP)->steps, 1);
}
END_TEST

START_TEST(what_the_class_may_is_no_finding)
{
	uint32_t app = ag_login("app");
	struct graph_set *set = ag_table("sales", "orders");

	ag_power(app, "SELECT", SINK_READ_ALL, set);
	ag_power(app, "DELETE", SINK_WRITE, set);
	audit_judge("[role app] class=app db=shop schema=sales\n");
	ck_assert_uint_eq(av.n, 0);
	audit_judge("[role app] class=readonly db=shop schema=sales\n");
	ck_assert_uint_eq(av.n, 1);
	ck_assert_ptr_nonnull(av_find(app, "A1", SINK_WRITE));
	audit_judge("[role app] class=app db=shop schema=cart\n");
	ck_assert_uint_eq(av.n, 2);
}
END_TEST

START_TEST(an_inherited_membership_gives_no_attributes)
{
	uint32_t app = ag_login("app"), boss = ag_role("boss");

	ag_member(app, boss, STEP_USE);
	ag_attribute(boss, "CREATEDB", SINK_DROP);
	ag_power(boss, "TRUNCATE", SINK_DROP, ag_table("sales", "orders"));
	audit_judge(APP);
	ck_assert_uint_eq(av.n, 1);
	ck_assert_ptr_nonnull(av_find(app, "A1", SINK_DROP));
}
END_TEST

START_TEST(set_role_gives_attributes_and_grants)
{
	uint32_t app = ag_login("app"), boss = ag_role("boss");

	ag_member(app, boss, STEP_BECOME);
	ag_attribute(boss, "CREATEDB", SINK_DROP);
	ag_power(boss, "TRUNCATE", SINK_DROP, ag_table("sales", "orders"));
	audit_judge(APP);
	ck_assert_uint_eq(av.n, 2);
	ck_assert_ptr_nonnull(av_find(app, "A1", SINK_DROP));
	ck_assert_ptr_nonnull(av_find(app, "R5", SINK_DROP));
}
END_TEST

/* Whoever only uses a role cannot SET ROLE onwards from it. */
START_TEST(a_chain_of_set_ends_at_a_use)
{
	uint32_t app = ag_login("app"), mid = ag_role("mid"), boss = ag_role("boss");
	struct graph_step s = { .from = mid, .to = boss, .needs = STEP_BECOME,
		.gives = STEP_BECOME, .check = check_find("R3") };

	ag_member(app, mid, STEP_USE);
	s.basis = ag->step[0].basis;
	graph_step(ag, &s);
	ag_attribute(boss, "CREATEDB", SINK_DROP);
	audit_judge(APP);
	ck_assert_uint_eq(av.n, 0);
}
END_TEST

START_TEST(public_is_everybodys)
{
	uint32_t app = ag_login("app"), other = ag_login("other");
	const struct finding *f;

	ag_power(ag_public, "CREATE", SINK_DROP, ag_table("public", "t"));
	audit_judge("[role *] class=app\n");
	ck_assert_uint_eq(av.n, 2);
	f = av_find(app, "A1", SINK_DROP);
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(f->steps, 0);
	ck_assert_uint_eq(f->power->from, ag_public);
	ck_assert_ptr_nonnull(av_find(other, "A1", SINK_DROP));
}
END_TEST

START_TEST(a_hub_stands_for_many)
{
	uint32_t app = ag_login("app"), hub = graph_node(ag, NODE_HUB, "every role", "");
	uint32_t i, role[20];
	char name[16];

	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "role%u", i);
		role[i] = ag_role(name);
		ag_member(hub, role[i], STEP_BECOME);
	}
	ag_member(app, hub, STEP_USE);
	ag_attribute(role[19], "REPLICATION", SINK_LOGKILL);
	audit_judge(APP);
	ck_assert_uint_eq(av.n, 1);
	ck_assert_uint_eq(av_find(app, "R5", SINK_LOGKILL)->steps, 2);
}
END_TEST

START_TEST(a_power_counts_behind_open_gates_only)
{
	uint32_t app = ag_login("app"), group = ag_role("group");
	uint32_t connect = graph_gate(ag, "CONNECT on shop"), usage = graph_gate(ag, "USAGE on s");
	struct graph_power *w = ag_power(app, "TRUNCATE", SINK_DROP, ag_table("s", "t"));

	w->gate[0] = connect;
	w->gate[1] = usage;
	graph_pass(ag, ag_public, connect);
	audit_judge(APP);
	ck_assert_uint_eq(av.n, 0);
	/* Any node reached may hold the pass. */
	audit_end();
	audit_begin();
	app = ag_login("app");
	group = ag_role("group");
	connect = graph_gate(ag, "CONNECT on shop");
	usage = graph_gate(ag, "USAGE on s");
	w = ag_power(app, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	w->gate[0] = connect;
	w->gate[1] = usage;
	graph_pass(ag, ag_public, connect);
	graph_pass(ag, group, usage);
	ag_member(app, group, STEP_USE);
	audit_judge(APP);
	ck_assert_uint_eq(av.n, 1);
}
END_TEST

START_TEST(the_first_breach_names_the_finding)
{
	uint32_t app = ag_login("app"), dev = ag_role("dev"), boss = ag_login("boss");
	uint32_t root = ag_login("root");
	const struct finding *f;

	ag_member(app, dev, STEP_USE);
	ag_breach(dev, boss, "F1", "ALTER FUNCTION f SET search_path = pg_catalog;\n");
	ag_breach(boss, root, "F4", NULL);
	ag_attribute(root, "SUPERUSER", SINK_SUPER);
	audit_judge(APP "[role boss] class=app\n[role root] class=admin\n");
	ck_assert_uint_eq(av.n, 2);
	f = av_find(app, "F1", SINK_SUPER);
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(f->steps, 3);
	/* The power is high; a breach is as bad as its check. */
	ck_assert_int_eq(f->severity, SEVERITY_CRITICAL);
	ck_assert_ptr_nonnull(av_find(boss, "F4", SINK_SUPER));
}
END_TEST

/* A short way through a breach does not hide the longer one that is no breach. */
START_TEST(a_breach_hides_no_other_check)
{
	uint32_t app = ag_login("app"), a = ag_role("a"), b = ag_role("b");

	ag_breach(app, b, "F4", NULL);
	ag_member(app, a, STEP_USE);
	ag_member(a, b, STEP_BECOME);
	ag_attribute(b, "SUPERUSER", SINK_SUPER);
	audit_judge(APP);
	ck_assert_uint_eq(av.n, 2);
	ck_assert_uint_eq(av_find(app, "F4", SINK_SUPER)->steps, 1);
	ck_assert_uint_eq(av_find(app, "R5", SINK_SUPER)->steps, 2);
}
END_TEST

START_TEST(a_gate_that_only_a_breach_opens_belongs_to_the_breach)
{
	uint32_t app = ag_login("app"), b = ag_role("b"), gate = graph_gate(ag, "USAGE on s");

	ag_breach(app, b, "F4", NULL);
	graph_pass(ag, b, gate);
	ag_power(app, "TRUNCATE", SINK_DROP, ag_table("s", "t"))->gate[0] = gate;
	ag_power(b, "TRUNCATE", SINK_DROP, ag_table("s", "t"))->gate[0] = gate;
	audit_judge(APP);
	ck_assert_uint_eq(av.n, 1);
	ck_assert_ptr_nonnull(av_find(app, "F4", SINK_DROP));
}
END_TEST

START_TEST(anyone_is_judged_too)
{
	uint32_t root = ag_login("postgres");
	const struct finding *f;

	ag->node[root].bootstrap = 1;
	ag_breach(ag_anyone, root, "H1", NULL);
	ag_attribute(root, "SUPERUSER", SINK_SUPER);
	audit_judge(NULL);
	ck_assert_uint_eq(av.n, 1);
	f = av_find(ag_anyone, "H1", SINK_SUPER);
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(f->severity, SEVERITY_CRITICAL);
	ck_assert_uint_eq(av.accounts, 1);
}
END_TEST

START_TEST(a_login_without_a_line_is_a_finding_and_may_nothing)
{
	uint32_t app = ag_login("app"), group = ag_role("group");
	const struct finding *f;

	ag_power(app, "SELECT", SINK_READ_ALL, ag_table("s", "t"));
	ag_power(group, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	audit_judge("[role someone] class=app\n");
	ck_assert_uint_eq(av.n, 2);
	f = av_find(app, "U1", SINK_NONE);
	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_null(f->power);
	ck_assert_ptr_nonnull(av_find(app, "A1", SINK_READ_ALL));
	/* A role that nobody logs in as is judged only when a line names it. */
	audit_judge("[role *] class=app\n[role group] class=app\n");
	ck_assert_uint_eq(av.n, 1);
	ck_assert_ptr_nonnull(av_find(group, "A1", SINK_DROP));
}
END_TEST

START_TEST(objects_are_counted_once)
{
	uint32_t app = ag_login("app"), a = ag_role("a");
	struct graph_set *set = ag_table("s", "t1");

	ag_table("s", "t2");
	ag_power(app, "DELETE", SINK_WRITE, set);
	ag_power(app, "UPDATE", SINK_WRITE, set);
	ag_power(app, "UPDATE", SINK_WRITE, ag_table("z", "t3"));
	ag_power(a, "INSERT", SINK_WRITE, set);
	ag_power(a, "INSERT", SINK_WRITE, ag_table("y", "t4"));
	ag_member(app, a, STEP_USE);
	audit_judge("[role app] class=readonly\n");
	ck_assert_uint_eq(av.n, 1);
	ck_assert_uint_eq(av_find(app, "A1", SINK_WRITE)->objects, 4);
}
END_TEST

START_TEST(the_worst_power_is_shown)
{
	uint32_t app = ag_login("app"), a = ag_role("a");
	const struct finding *f;

	ag_power(app, "TRUNCATE", SINK_DROP, ag_table("s", "t"))->severity = SEVERITY_MEDIUM;
	ag_power(a, "OWNER", SINK_DROP, ag_table("s", "t"))->severity = SEVERITY_CRITICAL;
	ag_member(app, a, STEP_USE);
	audit_judge(APP);
	ck_assert_uint_eq(av.n, 1);
	f = &av.finding[0];
	ck_assert_int_eq(f->severity, SEVERITY_CRITICAL);
	ck_assert_str_eq(f->power->priv, "OWNER");
	ck_assert_uint_eq(f->steps, 1);
}
END_TEST

START_TEST(the_worst_power_of_one_node_is_shown)
{
	uint32_t app = ag_login("app");
	struct graph_set *set = ag_table("s", "t");

	ag_power(app, "TRIGGER", SINK_DROP, set)->severity = SEVERITY_MEDIUM;
	ag_power(app, "OWNER", SINK_DROP, set)->severity = SEVERITY_CRITICAL;
	ag_power(app, "TRUNCATE", SINK_DROP, set);
	audit_judge(APP);
	ck_assert_uint_eq(av.n, 1);
	ck_assert_int_eq(av.finding[0].severity, SEVERITY_CRITICAL);
	ck_assert_str_eq(av.finding[0].power->priv, "OWNER");
}
END_TEST

#define WHY " reason=\"nightly\" owner=ops "

START_TEST(an_exception_in_force_covers_its_power)
{
	uint32_t app = ag_login("app");
	struct graph_set *set = ag_table("s", "t1");

	ag_table("s", "t2");
	ag_power(app, "TRUNCATE", SINK_DROP, set);
	ag_power(app, "TRIGGER", SINK_DROP, set);
	audit_judge(APP "[except] id=A1 role=app" WHY "until=2026-11-22\n");
	ck_assert_uint_eq(av.n, 0);
	ck_assert_uint_eq(av.excepted, 2);
	ck_assert_int_eq(ap->except[0].used, 1);
	audit_judge(APP "[except] id=A1 role=app priv=TRUNCATE" WHY "until=2027-01-01\n");
	ck_assert_uint_eq(av.n, 1);
	ck_assert_str_eq(av.finding[0].power->priv, "TRIGGER");
	ck_assert_uint_eq(av.finding[0].objects, 2);
	audit_judge(APP "[except] id=A1 role=app object=s.t1" WHY "until=2027-01-01\n");
	ck_assert_uint_eq(av.n, 1);
	ck_assert_str_eq(av.finding[0].object, "s.t2");
	ck_assert_uint_eq(av.finding[0].objects, 1);
	audit_judge(APP "[except] id=O1 role=app" WHY "until=2027-01-01\n");
	ck_assert_uint_eq(av.n, 1);
	ck_assert_int_eq(ap->except[0].used, 0);
}
END_TEST

START_TEST(an_expired_exception_raises_the_severity)
{
	uint32_t app = ag_login("app");

	ag_power(app, "TRUNCATE", SINK_DROP, ag_table("s", "t1"));
	ag_power(app, "SELECT", SINK_READ_ALL, ag_table("z", "t1"));
	audit_judge("[role app] class=app schema=s\n[except] id=A1 role=app priv=TRUNCATE" WHY
	    "until=2026-11-21\n");
	ck_assert_uint_eq(av.n, 2);
	ck_assert_int_eq(av_find(app, "A1", SINK_DROP)->severity, SEVERITY_CRITICAL);
	ck_assert_ptr_eq(av_find(app, "A1", SINK_DROP)->expired, &ap->except[0]);
	ck_assert_int_eq(av_find(app, "A1", SINK_READ_ALL)->severity, SEVERITY_HIGH);
	ck_assert_ptr_null(av_find(app, "A1", SINK_READ_ALL)->expired);
}
END_TEST

START_TEST(faults_are_findings_of_the_server)
{
	struct graph_basis b = { .why = "fsync is off" };

	graph_fault(ag, "S1", SEVERITY_MEDIUM, SINK_WRITE, "fsync", &b);
	graph_fault(ag, "S1", SEVERITY_MEDIUM, SINK_WRITE, "full_page_writes", &b);
	graph_fault(ag, "S1", SEVERITY_MEDIUM, SINK_WRITE, "ssl", &b);
	audit_judge("[except] id=S1 role=server object=fsync" WHY "until=2027-01-01\n"
	            "[except] id=S1 role=server object=ssl" WHY "until=2020-01-01\n");
	ck_assert_uint_eq(av.n, 2);
	ck_assert_uint_eq(av.excepted, 1);
	ck_assert_str_eq(av.finding[0].fault->subject, "ssl");
	ck_assert_int_eq(av.finding[0].severity, SEVERITY_HIGH);
	ck_assert_str_eq(av.finding[1].fault->subject, "full_page_writes");
	ck_assert_uint_eq(av.finding[1].account, GRAPH_SERVER);
	ck_assert_str_ne(av.finding[0].fingerprint, av.finding[1].fingerprint);
}
END_TEST

START_TEST(the_worst_come_first)
{
	uint32_t b = ag_login("b"), a = ag_login("a"), z = ag_login("z");

	ag_power(a, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	ag_power(b, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	ag_power(z, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	ag_attribute(z, "SUPERUSER", SINK_SUPER)->severity = SEVERITY_CRITICAL;
	audit_judge("[role *] class=app\n");
	ck_assert_uint_eq(av.n, 4);
	ck_assert_uint_eq(av.finding[0].account, z);
	ck_assert_int_eq(av.finding[0].sink, SINK_SUPER);
	ck_assert_uint_eq(av.finding[1].account, z);
	ck_assert_uint_eq(av.finding[2].account, a);
	ck_assert_uint_eq(av.finding[3].account, b);
}
END_TEST

START_TEST(a_fingerprint_is_of_account_check_and_sink)
{
	uint32_t app = ag_login("app"), other = ag_login("other");
	char first[FINGERPRINT_MAX];

	ag_power(app, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	ag_power(other, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	audit_judge("[role *] class=app\n");
	memcpy(first, av_find(app, "A1", SINK_DROP)->fingerprint, sizeof(first));
	ck_assert_uint_eq(strlen(first), FINGERPRINT_MAX - 1);
	ck_assert_str_ne(first, av_find(other, "A1", SINK_DROP)->fingerprint);
	/* Another server, another path, the same finding. */
	audit_end();
	audit_begin();
	other = ag_role("group");
	app = ag_login("app");
	ag_member(app, other, STEP_USE);
	ag_power(other, "OWNER", SINK_DROP, ag_table("x", "y"));
	audit_judge("[role *] class=app\n");
	ck_assert_str_eq(first, av_find(app, "A1", SINK_DROP)->fingerprint);
}
END_TEST

START_TEST(why_shows_what_an_account_can_do_allowed_or_not)
{
	uint32_t app = ag_login("app"), root = ag_login("root");

	ag_attribute(root, "SUPERUSER", SINK_SUPER);
	ag_power(app, "SELECT", SINK_READ_ALL, ag_table("s", "t"));
	audit_judge(APP "[role root] class=admin\n");
	ck_assert_uint_eq(av.n, 0);
	audit_why(root);
	ck_assert_uint_eq(av.n, 1);
	ck_assert_ptr_nonnull(av_find(root, "R5", SINK_SUPER));
	audit_why(app);
	ck_assert_uint_eq(av.n, 1);
	ck_assert_ptr_nonnull(av_find(app, "A1", SINK_READ_ALL));
}
END_TEST

START_TEST(what_is_removed_does_not_count)
{
	uint32_t app = ag_login("app"), a = ag_role("a");
	uint8_t step = 1, power = 2;
	struct judge_options o = { .account = UINT32_MAX };
	struct verdict v;
	struct err e;

	ag_member(app, a, STEP_USE);
	ag_power(app, "SELECT", SINK_READ_ALL, ag_table("s", "t"));
	ag_power(a, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	audit_judge(APP);
	ck_assert_uint_eq(av.n, 1);
	o.removed_step = &step;
	ck_assert_int_eq(judge(ag, ap, &o, &v, &e), 0);
	ck_assert_uint_eq(v.n, 0);
	verdict_free(&v);
	o.removed_step = NULL;
	o.removed_power = &power;
	ck_assert_int_eq(judge(ag, ap, &o, &v, &e), 0);
	ck_assert_uint_eq(v.n, 0);
	verdict_free(&v);
}
END_TEST

/* 5,000 members of one group, which may drop 100,000 tables in 100 schemas. */
START_TEST(a_big_server_is_judged_in_time)
{
	uint32_t group = ag_role("group"), i;
	struct graph_set *set;
	struct graph_power *w;
	char name[32], schema[32];
	int64_t start;

	for (i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "app%u", i);
		ag_member(ag_login(name), group, STEP_USE);
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
	start = clock_mono();
	audit_judge("[role *] class=app\n");
	start = clock_mono() - start;
	ck_assert_uint_eq(av.n, 5000);
	ck_assert_uint_eq(av.finding[0].objects, 100000);
	ck_assert_uint_eq(av.accounts, 5000);
	ck_assert_msg(start < 20 * 1000000, "%lld us", (long long)start);
}
END_TEST

Suite *
judge_suite(void)
{
	Suite *s = suite_create("judge");
	TCase *t = tcase_create("judge"), *big = tcase_create("judge_big");

	tcase_add_checked_fixture(t, audit_begin, audit_end);
	tcase_add_test(t, a_path_of_four_steps_is_found);
	tcase_add_test(t, the_shortest_path_is_shown);
	tcase_add_test(t, what_the_class_may_is_no_finding);
	tcase_add_test(t, an_inherited_membership_gives_no_attributes);
	tcase_add_test(t, set_role_gives_attributes_and_grants);
	tcase_add_test(t, a_chain_of_set_ends_at_a_use);
	tcase_add_test(t, public_is_everybodys);
	tcase_add_test(t, a_hub_stands_for_many);
	tcase_add_test(t, a_power_counts_behind_open_gates_only);
	tcase_add_test(t, the_first_breach_names_the_finding);
	tcase_add_test(t, a_breach_hides_no_other_check);
	tcase_add_test(t, a_gate_that_only_a_breach_opens_belongs_to_the_breach);
	tcase_add_test(t, anyone_is_judged_too);
	tcase_add_test(t, a_login_without_a_line_is_a_finding_and_may_nothing);
	tcase_add_test(t, objects_are_counted_once);
	tcase_add_test(t, the_worst_power_is_shown);
	tcase_add_test(t, the_worst_power_of_one_node_is_shown);
	tcase_add_test(t, an_exception_in_force_covers_its_power);
	tcase_add_test(t, an_expired_exception_raises_the_severity);
	tcase_add_test(t, faults_are_findings_of_the_server);
	tcase_add_test(t, the_worst_come_first);
	tcase_add_test(t, a_fingerprint_is_of_account_check_and_sink);
	tcase_add_test(t, why_shows_what_an_account_can_do_allowed_or_not);
	tcase_add_test(t, what_is_removed_does_not_count);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(big, audit_begin, audit_end);
	tcase_add_test(big, a_big_server_is_judged_in_time);
	tcase_set_timeout(big, 120);
	suite_add_tcase(s, big);
	return s;
}
