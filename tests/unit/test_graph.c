/*
 * Tests of audit/graph: what is held once, the order, what a reader may not do, and memory.
 */
#include "audit/graph.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "suites.h"

static struct err e;

static const struct graph_basis membership = { .why = "member of deploy",
	.row = "pg_auth_members(deploy, app)" };

static struct graph_power
power_of(struct graph *g, uint32_t from, const char *priv, const struct graph_set *set)
{
	return (struct graph_power){ .from = from, .needs = STEP_USE, .sink = SINK_DROP,
		.severity = SEVERITY_HIGH, .priv = priv, .act = "TRUNCATE",
		.gate = { GRAPH_NO_GATE, GRAPH_NO_GATE }, .set = set, .check = check_find("A1"),
		.basis = graph_basis(g, &membership) };
}

START_TEST(equal_things_are_held_once)
{
	struct graph *g = graph_new();
	char name[] = "shop_app";
	const char *s = graph_string(g, "shop_app");
	struct graph_set *set = graph_set(g, "sales/app", "table", "shop", "sales");
	struct graph_basis b = membership;

	ck_assert_ptr_eq(graph_string(g, name), s);
	ck_assert_ptr_ne(graph_string(g, "shop_ap"), s);
	ck_assert_ptr_eq(graph_printf(g, "%s_%s", "shop", "app"), s);
	ck_assert_ptr_null(graph_string(g, NULL));
	ck_assert_str_eq(graph_string(g, ""), "");
	ck_assert_ptr_eq(graph_set(g, "sales/app", "table", "shop", "sales"), set);
	ck_assert_ptr_ne(graph_set(g, "sales/bob", "table", "shop", "sales"), set);
	ck_assert_ptr_eq(graph_basis(g, &b), graph_basis(g, &membership));
	b.fix = "REVOKE deploy FROM app";
	ck_assert_ptr_ne(graph_basis(g, &b), graph_basis(g, &membership));
	graph_free(g);
}
END_TEST

START_TEST(a_node_is_its_kind_and_name)
{
	struct graph *g = graph_new();
	uint32_t a = graph_node(g, NODE_ACCOUNT, "public", "\"public\"");
	uint32_t b = graph_node(g, NODE_PUBLIC, "public", "PUBLIC");

	ck_assert_uint_ne(a, b);
	ck_assert_uint_ne(a, GRAPH_SERVER);
	ck_assert_uint_eq(graph_node(g, NODE_ACCOUNT, "public", "x"), a);
	ck_assert_str_eq(g->node[a].sql, "\"public\"");
	ck_assert_str_eq(g->node[b].sql, "PUBLIC");
	ck_assert_int_eq(g->node[GRAPH_SERVER].kind, NODE_SERVER);
	ck_assert_uint_eq(g->nodes, 3);
	/* A gate of a node's name is another thing. */
	ck_assert_uint_eq(graph_gate(g, "public"), 0);
	ck_assert_uint_eq(graph_gate(g, "USAGE on sales"), 1);
	ck_assert_uint_eq(graph_gate(g, "public"), 0);
	graph_free(g);
}
END_TEST

START_TEST(finish_sorts_by_node_and_keeps_the_order_within)
{
	static const uint32_t from[] = { 3, 1, 3, 2, 1, 3, 1 };
	struct graph *g = graph_new();
	struct graph_set *set = graph_set(g, "t", "table", "d", "s");
	struct graph_power p;
	char name[2] = "a", priv[2] = "0";
	unsigned i;

	for (i = 0; i < 4; i++, name[0]++)
		graph_node(g, NODE_ACCOUNT, name, name);
	for (i = 0; i < 7; i++, priv[0]++) {
		p = power_of(g, from[i], priv, set);
		graph_power(g, &p);
	}
	graph_gate(g, "CONNECT");
	graph_gate(g, "USAGE");
	graph_pass(g, 2, 1);
	graph_pass(g, 1, 0);
	graph_pass(g, 2, 1);
	ck_assert_int_eq(graph_finish(g, &e), 0);
	ck_assert_uint_eq(g->power_from[0], 0);
	ck_assert_uint_eq(g->power_from[1], 0);
	ck_assert_uint_eq(g->power_from[2], 3);
	ck_assert_uint_eq(g->power_from[3], 4);
	ck_assert_uint_eq(g->power_from[4], 7);
	ck_assert_uint_eq(g->power_from[5], 7);
	for (i = 0; i < 7; i++)
		ck_assert_int_eq(g->power[i].priv[0], "1463025"[i]);
	for (i = 0; i <= g->nodes; i++)
		ck_assert_uint_eq(g->step_from[i], 0);
	ck_assert_uint_eq(g->passes, 2);
	ck_assert(g->pass[0] == (uint64_t)1 << 32 && g->pass[1] == ((uint64_t)2 << 32 | 1));
	graph_free(g);
}
END_TEST

/* Each is a reader's mistake that would be followed out of bounds. */
START_TEST(a_readers_mistakes_are_refused)
{
	static const char *const says[] = { "no node", "no node", "behind no gate",
		"without check", "no check", "of no node or gate" };
	struct graph_step step = { .check = check_find("R3") };
	struct graph_power p;
	struct graph *g;

	g = graph_new();
	p = power_of(g, 0, "DROP", graph_set(g, "k", "table", "", ""));
	step.basis = graph_basis(g, &membership);
	switch (_i) {
	case 0:
		step.to = 7;
		graph_step(g, &step);
		break;
	case 1:
		p.from = 1;
		break;
	case 2:
		p.gate[1] = 0;
		break;
	case 3:
		p.check = check_find("B3");
		break;
	case 4:
		graph_unknown(g, "H9", "pg_hba_file_rules", "permission denied", NULL);
		break;
	case 5:
		graph_pass(g, 0, 0);
		break;
	default:
		break;
	}
	graph_power(g, &p);
	if (_i == 6) {
		ck_assert_int_eq(graph_finish(g, &e), 0);
	} else {
		ck_assert_int_eq(graph_finish(g, &e), -1);
		ck_assert_int_eq(e.kind, ERR_BUG);
		ck_assert_msg(strstr(e.msg, says[_i]) != NULL, "%s", e.msg);
	}
	graph_free(g);
}
END_TEST

START_TEST(unknowns_and_faults_are_kept)
{
	struct graph *g = graph_new();
	struct graph_basis b = { .why = "fsync is off: a crash loses data",
		.fix = "ALTER SYSTEM SET fsync = on" };

	graph_unknown(g, "H1", "pg_hba_file_rules", "permission denied", NULL);
	graph_fault(g, "S1", SEVERITY_CRITICAL, SINK_WRITE, "fsync", &b);
	ck_assert_int_eq(graph_finish(g, &e), 0);
	ck_assert_str_eq(g->unknown[0].what, "pg_hba_file_rules");
	ck_assert_str_eq(g->fault[0].subject, "fsync");
	ck_assert_str_eq(g->fault[0].basis->fix, "ALTER SYSTEM SET fsync = on");
	ck_assert_str_eq(g->fault[0].check->id, "S1");
	graph_free(g);
}
END_TEST

START_TEST(sinks_have_names)
{
	ck_assert_str_eq(sink_name(SINK_READ_ALL), "READ_ALL");
	ck_assert_int_eq(sink_of("BACKUPKILL"), SINK_BACKUPKILL);
	ck_assert_int_eq(sink_of("DROPPED"), SINK_COUNT);
}
END_TEST

/* 100,000 tables, each with an owner and an ACL of its own, and 500,000 powers on them. */
START_TEST(a_big_server_takes_little_memory)
{
	struct graph *g = graph_new();
	struct graph_set *set;
	struct graph_power p = power_of(g, 0, "SELECT", graph_set(g, "", "table", "", ""));
	char name[96];
	uint32_t i, k;

	for (i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "role_%u", i);
		graph_node(g, NODE_ACCOUNT, name, name);
	}
	for (i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "shop.s%u/{role_%u=arwd,role_%u=r}", i % 100, i, i + 1);
		set = graph_set(g, name, "table", "shop", "s");
		snprintf(name, sizeof(name), "\"s%u\".\"table number %u\"", i % 100, i);
		graph_set_add(g, set, name);
		for (k = 0; k < 5; k++) {
			p.from = 1 + (i * 5 + k) * 7 % 5000;
			p.set = set;
			graph_power(g, &p);
		}
	}
	ck_assert_int_eq(graph_finish(g, &e), 0);
	ck_assert_uint_eq(g->powers, 500000);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	struct mallinfo2 m = mallinfo2();

	ck_assert_msg(m.uordblks + m.hblkhd < 100 << 20, "%zu MiB", (m.uordblks + m.hblkhd) >> 20);
#endif
	graph_free(g);
}
END_TEST

Suite *
graph_suite(void)
{
	Suite *s = suite_create("graph");
	TCase *t = tcase_create("graph");

	tcase_add_test(t, equal_things_are_held_once);
	tcase_add_test(t, a_node_is_its_kind_and_name);
	tcase_add_test(t, finish_sorts_by_node_and_keeps_the_order_within);
	tcase_add_loop_test(t, a_readers_mistakes_are_refused, 0, 7);
	tcase_add_test(t, unknowns_and_faults_are_kept);
	tcase_add_test(t, sinks_have_names);
	tcase_add_test(t, a_big_server_takes_little_memory);
	suite_add_tcase(s, t);
	return s;
}
