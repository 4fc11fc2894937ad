/*
 * Tests of audit/tell: the words for people and programs, and what a run comes to.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/tell.h"
#include "audit_fixture.h"
#include "base/io.h"
#include "scratch.h"
#include "suites.h"

#define POLICY	"[target] env=production\n[role shop_app] class=app\n[role ann] class=admin\n"

static struct err e;
static struct telling t;
static struct baseline *baseline;
static char *text;
static struct finding_fix fix;

/* shop_app can empty two tables through deploy, and change the settings of its role. */
static void
read_server(void)
{
	uint32_t app, deploy;

	audit_begin();
	app = ag_login("shop_app");
	deploy = ag_role("deploy\n#1");
	ag_login("ann");
	ag_member(app, deploy, STEP_BECOME);
	ag_power(deploy, "TRUNCATE", SINK_DROP, ag_table("sales", "orders"));
	ag_table("sales", "items");
	ag_attribute(deploy, "CREATEDB", SINK_WRITE)->severity = SEVERITY_MEDIUM;
	t = (struct telling){ .g = ag, .v = &av, .policy_file = "p.ini", .server = "Server 15",
		.engine = CHECK_POSTGRESQL, .fail_on = SEVERITY_HIGH };
}

static void
setup(void)
{
	scratch_setup();
	read_server();
}

static void
teardown(void)
{
	uint32_t i;

	for (i = 0; i < av.n; i++)
		if (av.finding[i].fix == &fix)
			av.finding[i].fix = NULL;
	free(text);
	text = NULL;
	baseline_free(baseline);
	baseline = NULL;
	audit_end();
	scratch_teardown();
}

static void
judged(const char *policy)
{
	audit_judge(policy);
	t.policy = ap;
}

static const char *
told(enum tell_format format)
{
	size_t len;
	FILE *f;

	free(text);
	f = open_memstream(&text, &len);
	ck_assert_ptr_nonnull(f);
	ck_assert_msg(tell(&t, format, f, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(fclose(f), 0);
	return text;
}

static void
has(const char *line)
{
	ck_assert_msg(strstr(text, line) != NULL, "no \"%s\" in\n%.2000s", line, text);
}

/* What the graph's findings were, as --json tells them; the tests change the graph then. */
static void
remember(void)
{
	told(TELL_JSON);
	ck_assert_int_eq(io_write_file(scratch_path("b"), text, strlen(text), 0600, &e), 0);
	baseline = baseline_read(scratch_path("b"), &e);
	ck_assert_msg(baseline != NULL, "%s", e.msg);
	t.baseline = baseline;
}

START_TEST(people_read_one_path_a_line)
{
	char want[1024];

	judged(POLICY);
	snprintf(want, sizeof(want), "Server 15, by the policy p.ini\n"
	    "\n"
	    "shop_app (app)\n"
	    "  high     A1  DROP       shop_app -> member of deploy #1 -> TRUNCATE on sales "
	    "-> "
	    "TRUNCATE\n"
	    "                         table sales.orders in shop, and 1 more; %s\n"
	    "  medium   R5  WRITE      shop_app -> member of deploy #1 -> CREATEDB -> "
	    "CREATEDB\n"
	    "                         %s\n"
	    "\n"
	    "2 accounts, 2 findings: 1 high, 1 medium; 0 unknown, 0 excepted\n",
	    av.finding[0].fingerprint, av.finding[1].fingerprint);
	ck_assert_str_eq(told(TELL_TEXT), want);
	ck_assert_int_eq(tell_outcome(&t), ERR_NEGATIVE);
	t.fail_on = SEVERITY_CRITICAL;
	ck_assert_int_eq(tell_outcome(&t), ERR_NONE);
}
END_TEST

START_TEST(it_is_said_that_there_is_no_policy)
{
	judged(NULL);
	told(TELL_TEXT);
	has("Server 15, by the defaults: there is no policy (-p); --suggest writes a first "
	    "one\n");
}
END_TEST

START_TEST(a_fix_stands_below_with_its_inverse)
{
	judged(POLICY);
	fix = (struct finding_fix){ .sql = strdup("\\connect \"shop\"\nREVOKE a FROM "
	    "\"x\ny\";\nREVOKE b FROM "
	    "\x1b;\n"),
		.undo = strdup("GRANT a;\n"), .advice = NULL, .remaining = 1,
		.remains = "shop_app -> else" };
	av.finding[0].fix = &fix;
	told(TELL_TEXT);
	ck_assert_ptr_null(strstr(text, "REVOKE"));
	t.fixes = 1;
	told(TELL_TEXT);
	has("                         fix:\n"
	    "                             \\connect \"shop\"\n"
	    "                             REVOKE a FROM \"x\ny\";\n"
	    "                             REVOKE b FROM ?;\n"
	    "                         undo:\n"
	    "                             GRANT a;\n"
	    "                         the fix leaves 1 path\n"
	    "                         of them: shop_app -> else\n");
	told(TELL_JSON);
	has("\"fix\":\"\\\\connect \\\"shop\\\"\\nREVOKE a FROM \\\"x\\ny\\\";\\nREVOKE b "
	    "FROM \\u001b;\\n\","
	    "\"undo\":\"GRANT a;\\n\",\"fix_of\":null,\"advice\":null,\"remaining\":1,"
	    "\"remains\":\"shop_app -> else\"");
	free(fix.sql);
	free(fix.undo);
}
END_TEST

START_TEST(a_fix_of_several_is_told_once)
{
	char sql[] = "REVOKE a;\n", undo[] = "GRANT a;\n", want[128];

	judged(POLICY);
	fix = (struct finding_fix){ .sql = sql, .undo = undo };
	av.finding[0].fix = av.finding[1].fix = &fix;
	t.fixes = 1;
	told(TELL_TEXT);
	has("fix:\n                             REVOKE a;\n");
	snprintf(want, sizeof(want), "                         fix: as for %s\n\n",
	    av.finding[0].fingerprint);
	has(want);
	told(TELL_JSON);
	has("\"fix\":\"REVOKE a;\\n\",\"undo\":\"GRANT a;\\n\",\"fix_of\":null,");
	snprintf(want, sizeof(want), "\"fix\":null,\"undo\":null,\"fix_of\":\"%s\",",
	    av.finding[0].fingerprint);
	has(want);
	told(TELL_SARIF);
	snprintf(want, sizeof(want), "\"fixOf\":\"%s\"", av.finding[0].fingerprint);
	has(want);
	remember();	/* as a baseline it is whole */
	ck_assert_int_eq(tell_outcome(&t), ERR_NONE);
}
END_TEST

START_TEST(an_advice_stands_alone)
{
	char none[] = "", advice[] = "talk to them";

	judged(POLICY);
	fix = (struct finding_fix){ .sql = none, .undo = none, .advice = advice,
		.remaining = 3, .remains = "shop_app -> else" };
	av.finding[0].fix = av.finding[1].fix = &fix;
	t.fixes = 1;
	told(TELL_TEXT);
	has("                         advice: talk to them\n");
	ck_assert_ptr_null(strstr(text, "leaves"));
	ck_assert_ptr_null(strstr(text, "as for"));
	told(TELL_JSON);
	has("\"fix\":null,\"undo\":null,\"fix_of\":null,\"advice\":\"talk to them\","
	    "\"remaining\":null,\"remains\":null");
}
END_TEST

START_TEST(what_is_unknown_is_never_a_pass)
{
	graph_unknown(ag, "H1", "pg_hba_file_rules", "permission denied", "GRANT x;");
	judged("[role *] class=admin\n");
	ck_assert_int_eq(tell_outcome(&t), ERR_INCOMPLETE);
	told(TELL_TEXT);
	has("\nunknown, so not passed\n"
	    "  H1  pg_hba_file_rules: permission denied\n"
	    "                         it needs: GRANT x;\n");
	has("0 findings; 1 unknown");
	told(TELL_JSON);
	has("{\"v\":1,\"type\":\"unknown\",\"check\":\"H1\",\"what\":\"pg_hba_file_rules\","
	    "\"why\":\"permission denied\",\"grant\":\"GRANT x;\"}\n");
	has("\"type\":\"result\",\"status\":3,");
	told(TELL_TAP);
	has(" - H1 unknown: pg_hba_file_rules\n# permission denied\n");
	ck_assert_ptr_null(strstr(text, "- H1 ann"));
	told(TELL_SARIF);
	has("\"executionSuccessful\":false,\"exitCode\":3,\"toolExecutionNotifications\":"
	    "[{\"associatedRule\":{\"id\":\"H1\",\"index\":");
}
END_TEST

START_TEST(findings_count_more_than_unknowns)
{
	graph_unknown(ag, "H1", "pg_hba_file_rules", "permission denied", NULL);
	judged(POLICY);
	ck_assert_int_eq(tell_outcome(&t), ERR_NEGATIVE);
}
END_TEST

START_TEST(a_fault_is_told_under_its_subject)
{
	struct graph_basis b = { .why = "archive_command does nothing" };

	graph_fault(ag, "B4", SEVERITY_CRITICAL, SINK_LOGKILL, "archive_command",
	    graph_basis(ag, &b));
	judged("[role *] class=admin\n");
	told(TELL_TEXT);
	has("\nthe server\n  critical B4  LOGKILL    archive_command does nothing\n");
	told(TELL_JSON);
	has("\"type\":\"fault\",");
	has("\"severity\":\"critical\",\"subject\":\"archive_command\",\"sink\":\"LOGKILL\","
	    "\"text\":\"archive_command does nothing\",\"expired\":null");
	told(TELL_TAP);
	has("not ok 1 - B4 archive_command: critical LOGKILL: archive_command does nothing\n");
}
END_TEST

START_TEST(json_has_all_that_a_program_wants)
{
	char want[1024];

	judged(POLICY);
	snprintf(want, sizeof(want), "{\"v\":1,\"type\":\"finding\",\"fingerprint\":\"%s\","
	    "\"check\":\"A1\",\"severity\":\"high\",\"account\":\"shop_app\",\"class\":\"app\","
	    "\"sink\":\"DROP\",\"text\":\"shop_app -> member of deploy #1 -> TRUNCATE on "
	    "sales -> "
	    "TRUNCATE\",\"path\":[\"shop_app\",\"member of deploy\\n#1\",\"TRUNCATE on "
	    "sales\","
	    "\"TRUNCATE\"],\"rows\":[\"row\",\"row\"],\"privilege\":\"TRUNCATE\","
	    "\"database\":\"shop\",\"schema\":\"sales\",\"kind\":\"table\","
	    "\"object\":\"sales.orders\",\"objects\":2,\"expired\":null,\"fix\":null,"
	    "\"undo\":null,\"fix_of\":null,\"advice\":null,\"remaining\":null,"
	    "\"remains\":null,\"fails\":true}\n",
	    av.finding[0].fingerprint);
	told(TELL_JSON);
	has(want);
	ck_assert_ptr_null(strstr(text, "\"type\":\"account\""));
	t.accounts = 1;
	told(TELL_JSON);
	has("{\"v\":1,\"type\":\"account\",\"account\":\"shop_app\",\"class\":\"app\"}\n"
	    "{\"v\":1,\"type\":\"account\",\"account\":\"ann\",\"class\":\"admin\"}\n");
	has("{\"v\":1,\"type\":\"result\",\"status\":1,\"server\":\"Server "
	    "15\",\"policy\":\"p.ini\","
	    "\"environment\":\"production\",\"fail_on\":\"high\",\"accounts\":2,\"findings\":2,"
	    "\"critical\":0,\"high\":1,\"medium\":1,\"low\":0,\"failing\":1,\"unknown\":0,"
	    "\"excepted\":0}\n");
}
END_TEST

START_TEST(tap_has_a_line_for_each_account_and_check)
{
	const struct check *c;
	const char *line;
	char want[64];
	int n = 0;

	judged(POLICY);
	told(TELL_TAP);
	ck_assert_int_eq(strncmp(text, "TAP version 13\n", 15), 0);
	has(" - A1 shop_app: high DROP: shop_app -> member of deploy \\#1 -> TRUNCATE on "
	    "sales -> "
	    "TRUNCATE\n");
	has(" - R5 shop_app: medium WRITE: shop_app -> member of deploy \\#1 -> CREATEDB -> "
	    "CREATEDB # TODO below --fail-on\n");
	has(" - A1 ann\n");
	for (c = check_all; c->id != NULL; c++)
		n += (c->engines & CHECK_POSTGRESQL) != 0;
	snprintf(want, sizeof(want), "\n1..%d\n", 2 * n);
	has(want);
	for (n = 0, line = text; (line = strstr(line, "\nnot ok ")) != NULL; line++)
		n++;
	ck_assert_int_eq(n, 2);
}
END_TEST

START_TEST(sarif_names_rule_place_and_fingerprint)
{
	char want[512];

	judged(POLICY);
	told(TELL_SARIF);
	has("/sarif-schema-2.1.0.json\",\"version\":\"2.1.0\"");
	snprintf(want, sizeof(want),
	    "\"locations\":[{\"physicalLocation\":{\"artifactLocation\":"
	    "{\"uri\":\"p.ini\",\"uriBaseId\":\"SRCROOT\"},\"region\":{\"startLine\":2}},"
	    "\"logicalLocations\":[{\"name\":\"shop_app\",\"fullyQualifiedName\":\"shop_app\"}]"
	    "}],\"partialFingerprints\":"
	    "{\"privaudit/v1\":\"%s\"},\"properties\":{\"severity\":\"high\"",
	    av.finding[0].fingerprint);
	has(want);
	has("{\"ruleId\":\"A1\",\"ruleIndex\":");
	has("\"level\":\"warning\",\"message\":{\"text\":\"shop_app -> member of deploy #1 -> "
	    "CREATEDB -> CREATEDB\"}");
	has("\"executionSuccessful\":true,\"exitCode\":1");
}
END_TEST

static void
sarif_place(const char *policy_file, const char *want)
{
	t.policy_file = policy_file;
	told(TELL_SARIF);
	has(want);
}

START_TEST(sarif_has_uris)
{
	judged(POLICY);
	sarif_place("my policies/p#1.ini",
	    "{\"uri\":\"my%20policies/p%231.ini\",\"uriBaseId\":\"SRCROOT\"}");
	sarif_place("././p.ini", "{\"uri\":\"p.ini\",\"uriBaseId\":\"SRCROOT\"}");
	sarif_place("/etc/p.ini", "{\"uri\":\"file:///etc/p.ini\"}");
	sarif_place("/usr/./../etc//passwd", "{\"uri\":\"file:///etc/passwd\"}");
	has("\"originalUriBaseIds\":{\"SRCROOT\":{\"description\":{\"text\":");
}
END_TEST

START_TEST(sarif_takes_no_brace_for_an_argument)
{
	graph_fault(ag, "B4", SEVERITY_HIGH, SINK_LOGKILL, "archive_command",
	    &(struct graph_basis){ .why = "\"cp {0}\" fails", .row = "row" });
	judged(POLICY);
	told(TELL_SARIF);
	has("{\"text\":\"\\\"cp {{0}}\\\" fails\"}");
}
END_TEST

START_TEST(the_same_again_is_not_new)
{
	judged(POLICY);
	remember();
	ck_assert_int_eq(tell_outcome(&t), ERR_NONE);
	told(TELL_TEXT);
	has("\ngood: 2 accounts, 2 findings: 1 high, 1 medium; 0 unknown, 0 excepted; "
	    "since the baseline 0 new, 0 changed, 0 gone\n");
	ck_assert_ptr_null(strstr(text, "; new"));
	told(TELL_TAP);
	has("TRUNCATE on sales -> TRUNCATE # TODO in the baseline\n");
	told(TELL_SARIF);
	has("\"baselineState\":\"unchanged\"");
}
END_TEST

START_TEST(new_and_worse_are_told)
{
	judged(POLICY);
	remember();
	audit_end();
	read_server();
	t.baseline = baseline;
	graph_set_add(ag, ag_table("sales", "more"), "sales.most");
	ag_power(graph_node(ag, NODE_ACCOUNT, "shop_app", "shop_app"), "DELETE", SINK_DROP,
	    ag_table("cart", "items"))->check = check_find("O1");
	ag_attribute(1, "CREATEROLE", SINK_SUPER);
	judged("[role shop_app] class=readonly\n[role ann] class=app\n");
	told(TELL_TEXT);
	ck_assert_int_eq(tell_outcome(&t), ERR_NEGATIVE);
	has("; was high, 2 objects\n");
	has("; new\n");
	told(TELL_JSON);
	has("\"state\":\"changed\",\"was_severity\":\"high\",\"was_objects\":2,\"fails\":true}");
	has("\"state\":\"new\",\"fails\":true}");
	has("\"state\":\"same\"");
}
END_TEST

START_TEST(what_is_gone_is_told)
{
	judged(POLICY);
	remember();
	judged("[role *] class=admin\n");
	ck_assert_int_eq(tell_outcome(&t), ERR_NONE);
	told(TELL_TEXT);
	has("\ngone since the baseline\n");
	has("  high     A1  DROP       shop_app -> member of deploy #1 -> TRUNCATE on sales "
	    "-> "
	    "TRUNCATE\n");
	has("0 new, 0 changed, 2 gone\n");
	told(TELL_JSON);
	has("{\"v\":1,\"type\":\"gone\",\"fingerprint\":");
	told(TELL_SARIF);
	has("\"baselineState\":\"absent\"");
}
END_TEST

START_TEST(a_policy_that_does_not_fit_is_noted)
{
	judged(POLICY "[role shop_ap] class=app\n"
	    "[except] id=A1 role=shop_app object=gone.t reason=r owner=o until=2027-01-01\n");
	told(TELL_TEXT);
	has("\nnote: p.ini:4: there is no account shop_ap on this server\n");
	has("\nnote: p.ini:5: this exception covers nothing; take it away\n");
	told(TELL_JSON);
	has("{\"v\":1,\"type\":\"note\",\"text\":\"p.ini:4: there is no account shop_ap on "
	    "this "
	    "server\"}\n");
}
END_TEST

START_TEST(an_exception_that_ran_out_is_named)
{
	judged(POLICY
	    "[except] id=A1 role=shop_app reason=r owner=ops until=2026-11-21\n");
	told(TELL_TEXT);
	has("  critical A1  DROP ");
	has("; the exception in line 4 ran out on 2026-11-21\n");
	told(TELL_JSON);
	has("\"expired\":{\"line\":4,\"until\":\"2026-11-21\",\"owner\":\"ops\",\"reason\":\"r\"}");
}
END_TEST

START_TEST(why_names_the_rows)
{
	size_t len;
	FILE *f;

	judged(POLICY);
	f = open_memstream(&text, &len);
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(tell_why(&t, f, &e), 0);
	ck_assert_int_eq(fclose(f), 0);
	has("shop_app -> member of deploy #1 -> TRUNCATE on sales -> TRUNCATE\n"
	    "    member of deploy #1: row\n"
	    "    TRUNCATE on sales: row\n"
	    "    check A1: rights beyond the class; table sales.orders in shop, and 1 more\n");
}
END_TEST

START_TEST(a_full_disk_is_told)
{
	FILE *f = fopen("/dev/full", "we");

	judged(POLICY);
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(tell(&t, TELL_TEXT, f, &e), -1);
	ck_assert_int_eq(e.kind, ERR_IO);
	(void)fclose(f);	/* it fails, too */
}
END_TEST

Suite *
tell_suite(void)
{
	Suite *s = suite_create("tell");
	TCase *c = tcase_create("tell");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, people_read_one_path_a_line);
	tcase_add_test(c, it_is_said_that_there_is_no_policy);
	tcase_add_test(c, a_fix_stands_below_with_its_inverse);
	tcase_add_test(c, a_fix_of_several_is_told_once);
	tcase_add_test(c, an_advice_stands_alone);
	tcase_add_test(c, what_is_unknown_is_never_a_pass);
	tcase_add_test(c, findings_count_more_than_unknowns);
	tcase_add_test(c, a_fault_is_told_under_its_subject);
	tcase_add_test(c, json_has_all_that_a_program_wants);
	tcase_add_test(c, tap_has_a_line_for_each_account_and_check);
	tcase_add_test(c, sarif_names_rule_place_and_fingerprint);
	tcase_add_test(c, sarif_has_uris);
	tcase_add_test(c, sarif_takes_no_brace_for_an_argument);
	tcase_add_test(c, the_same_again_is_not_new);
	tcase_add_test(c, new_and_worse_are_told);
	tcase_add_test(c, what_is_gone_is_told);
	tcase_add_test(c, a_policy_that_does_not_fit_is_noted);
	tcase_add_test(c, an_exception_that_ran_out_is_named);
	tcase_add_test(c, why_names_the_rows);
	tcase_add_test(c, a_full_disk_is_told);
	suite_add_tcase(s, c);
	return s;
}
