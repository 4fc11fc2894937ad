/*
 * Tests of audit/suggest: a first policy, which policy_read takes again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/policy_private.h"
#include "audit_fixture.h"
#include "suites.h"

static struct err e;
static char *text;

/* The policy for the graph, and the graph judged by it. */
static void
suggest(void)
{
	size_t len;
	FILE *f = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(graph_finish(ag, &e), 0);
	ck_assert_msg(policy_suggest(ag, f, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(fclose(f), 0);
	audit_judge(text);
}

static void
teardown(void)
{
	free(text);
	text = NULL;
	audit_end();
}

static void
has(const char *line)
{
	ck_assert_msg(strstr(text, line) != NULL, "no \"%s\" in\n%s", line, text);
}

START_TEST(each_login_has_a_line_that_fits)
{
	struct graph_set *orders = ag_table("sales", "orders");
	uint32_t app = ag_login("shop_app"), look = ag_login("reports");
	uint32_t boss = ag_login("postgres"), ship = ag_login("backup"),
	    owner = ag_role("owner");

	ag->node[boss].bootstrap = 1;
	ag_attribute(boss, "SUPERUSER", SINK_SUPER);
	ag_power(app, "SELECT", SINK_READ_ALL, orders);
	ag_power(app, "UPDATE", SINK_WRITE, orders);
	ag_power(look, "SELECT", SINK_READ_ALL, orders);
	ag_attribute(ship, "REPLICATION", SINK_LOGKILL);
	ag_power(owner, "OWNER", SINK_DROP, orders);
	suggest();
	has("\n[role shop_app]  class=app  db=shop  schema=sales\n");
	has("\n[role reports]  class=readonly  db=shop  schema=sales\n");
	has("\n[role postgres]  class=admin\n");
	has("\n[role backup]  class=ship\n");
	ck_assert_ptr_null(strstr(text, "[role owner]"));
	ck_assert_ptr_null(strstr(text, "can do more"));
	ck_assert_uint_eq(av.n, 0);
}
END_TEST

START_TEST(what_is_too_much_is_a_comment_and_a_finding)
{
	uint32_t app = ag_login("shop_app"), deploy = ag_role("deploy"), ann = ag_login("ann");

	ag_power(app, "UPDATE", SINK_WRITE, ag_table("sales", "orders"));
	ag_table("sales", "items");
	ag_member(app, deploy, STEP_USE);
	ag_power(deploy, "OWNER", SINK_DROP, ag_table("sales", "carts"));
	ag_attribute(ann, "SUPERUSER", SINK_SUPER);
	suggest();
	has("# can do more than app may: OWNER (table sales.orders and 2 more)\n"
	    "[role shop_app]  class=app  db=shop  schema=sales\n");
	has("# can do more than app may: SUPERUSER; class=admin, if it is a person who "
	    "administers\n"
	    "[role ann]  class=app\n");
	ck_assert_ptr_nonnull(av_find(app, "A1", SINK_DROP));
	ck_assert_ptr_nonnull(av_find(ann, "R5", SINK_SUPER));
	ck_assert_uint_eq(av.n, 2);
}
END_TEST

START_TEST(a_migrator_is_one_by_name_and_by_rights)
{
	uint32_t one = ag_login("shop_migrate"), two = ag_login("deploy_bot");
	uint32_t three = ag_login("deploy_admin");

	ag_power(one, "OWNER", SINK_DROP, ag_table("sales", "orders"));
	ag_power(two, "SELECT", SINK_READ_ALL, ag_table("sales", "orders"));
	ag_attribute(three, "SUPERUSER", SINK_SUPER);
	suggest();
	has("[role shop_migrate]  class=migrator");
	has("[role deploy_bot]  class=readonly");
	has("[role deploy_admin]  class=app");
	ck_assert_uint_eq(av.n, 1);
	ck_assert_ptr_nonnull(av_find(three, "R5", SINK_SUPER));
}
END_TEST

START_TEST(a_line_lists_a_few_schemas_or_none)
{
	uint32_t few = ag_login("few"), many = ag_login("many");
	char schema[] = "a";

	for (; schema[0] <= 'i'; schema[0]++) {
		ag_power(many, "SELECT", SINK_READ_ALL, ag_table(schema, "t"));
		if (schema[0] < 'i')
			ag_power(few, "SELECT", SINK_READ_ALL, ag_table(schema, "t"));
	}
	suggest();
	has("\n[role few]  class=readonly  db=shop  schema=a,b,c,d,e,f,g,h\n");
	has("\n[role many]  class=readonly  db=shop\n");
	ck_assert_uint_eq(av.n, 0);
}
END_TEST

START_TEST(any_name_can_be_read_again)
{
	uint32_t odd = ag_login("a \"b\"\\\n\t\x01]=,#"), star = ag_login("*");

	ag_login("m\xc3\xbcller");
	ag_login("'shop'@'%'");
	suggest();
	has("[role \"a \\\"b\\\"\\\\\\n\\x09\\x01]=,#\"]  class=readonly\n");
	has("[role m\xc3\xbcller]  class=readonly\n");
	has("[role 'shop'@'%']  class=readonly\n");
	ck_assert_ptr_nonnull(policy_role(ap, ag, odd));
	ck_assert_ptr_null(policy_role(ap, ag, star));
	ck_assert_uint_eq(av.n, 1); /* of the one that no line can name */
}
END_TEST

START_TEST(what_a_breach_gives_is_no_reason_for_a_class)
{
	uint32_t app = ag_login("app"), owner = ag_role("owner");

	ag_power(owner, "SELECT", SINK_READ_ALL, ag_table("sales", "orders"));
	ag_breach(app, owner, "F1", NULL);
	suggest();
	has("\n[role app]  class=readonly\n");
}
END_TEST

START_TEST(the_classes_are_told_as_they_are)
{
	const char *s = policy_builtin, *end;
	char line[128];

	suggest();
	for (; *s != '\0'; s = end + 1) {
		end = strchr(s, '\n');
		snprintf(line, sizeof(line), "\n# %.*s\n", (int)(end - s), s);
		has(line);
	}
}
END_TEST

Suite *
suggest_suite(void)
{
	Suite *s = suite_create("suggest");
	TCase *t = tcase_create("suggest");

	tcase_add_checked_fixture(t, audit_begin, teardown);
	tcase_add_test(t, each_login_has_a_line_that_fits);
	tcase_add_test(t, what_is_too_much_is_a_comment_and_a_finding);
	tcase_add_test(t, a_migrator_is_one_by_name_and_by_rights);
	tcase_add_test(t, a_line_lists_a_few_schemas_or_none);
	tcase_add_test(t, any_name_can_be_read_again);
	tcase_add_test(t, what_a_breach_gives_is_no_reason_for_a_class);
	tcase_add_test(t, the_classes_are_told_as_they_are);
	suite_add_tcase(s, t);
	return s;
}
