/*
 * Tests of audit/policy: what a policy file says, and what is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/policy.h"
#include "audit/policy_private.h"
#include "scratch.h"
#include "suites.h"

#define TODAY "2026-11-22"

static struct err e;
static struct policy *p;

static void
parse(const char *text)
{
	policy_free(p);
	p = policy_parse("p.ini", text, strlen(text), TODAY, &e);
	ck_assert_msg(p != NULL, "%s", e.msg);
}

static void
teardown(void)
{
	policy_free(p);
	p = NULL;
}

/* The words of a class, with commas. */
static const char *
may(const char *class)
{
	static char text[1024];
	uint32_t i, k;

	text[0] = '\0';
	for (i = 0; i < p->classes; i++)
		if (strcmp(p->class[i].name, class) == 0) {
			for (k = 0; k < p->class[i].n; k++) {
				strcat(text, k > 0 ? "," : "");
				strcat(text, p->class[i].may[k]);
			}
			return p->class[i].all ? strcat(text, "+all") : text;
		}
	return "(none)";
}

START_TEST(a_policy_says_who_is_what)
{
	parse("# who may do what\n"
	    "[target]         env=production  owner=shop_owner\n"
	    "                 files=/srv/shop/.env,\n"
	    "                       \"/srv/other shop/.pgpass\"   # two\n"
	    "[class app]      may=SELECT,INSERT,UPDATE,DELETE,USAGE\n"
	    "[class readonly] may = select , usage\n"
	    "[role shop_app]\n"
	    "class=app\n"
	    "db=shop\n"
	    "schema=sales,cart\n"
	    "[role *] class=readonly\n");
	ck_assert_int_eq(p->given, 1);
	ck_assert_str_eq(p->env, "production");
	ck_assert_str_eq(p->owner, "shop_owner");
	ck_assert_str_eq(p->file[0], "/srv/shop/.env");
	ck_assert_str_eq(p->file[1], "/srv/other shop/.pgpass");
	ck_assert_ptr_null(p->file[2]);
	ck_assert_str_eq(may("app"), "DELETE,INSERT,SELECT,UPDATE,USAGE");
	ck_assert_str_eq(may("readonly"), "SELECT,USAGE");
	ck_assert_uint_eq(p->roles, 2);
	ck_assert_str_eq(p->role[0].name, "shop_app");
	ck_assert_uint_eq(p->role[0].line, 7);
	ck_assert_str_eq(p->role[0].class->name, "app");
	ck_assert_str_eq(p->role[0].db[0], "shop");
	ck_assert_ptr_null(p->role[0].db[1]);
	ck_assert_str_eq(p->role[0].schema[1], "cart");
	ck_assert_str_eq(p->role[1].name, "*");
	ck_assert_ptr_null(p->role[1].db);
}
END_TEST

START_TEST(names_may_hold_any_byte_in_quotes)
{
	parse("[role \"a \\\"b\\\"\\\\\\n\\t\\x01]\"] class=app\n"
	    "[role 'shop'@'10.0.0.%'] class=app schema=\"a,b\",c\r\n"
	    "[role m\xc3\xbcller] class=app\n"
	    "[role \xff] class=app");
	ck_assert_str_eq(p->role[0].name, "a \"b\"\\\n\t\x01]");
	ck_assert_str_eq(p->role[1].name, "'shop'@'10.0.0.%'");
	ck_assert_str_eq(p->role[1].schema[0], "a,b");
	ck_assert_str_eq(p->role[1].schema[1], "c");
	ck_assert_str_eq(p->role[2].name, "m\xc3\xbcller");
	ck_assert_str_eq(p->role[3].name, "\xff");
}
END_TEST

START_TEST(classes_are_there_without_a_file)
{
	policy_free(p);
	p = policy_read(NULL, TODAY, &e);
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(p->given, 0);
	ck_assert_uint_eq(p->roles, POLICY_USUALS);
	ck_assert_str_eq(may("app"), "CONNECT,DELETE,INSERT,SELECT,UPDATE,USAGE");
	ck_assert_str_eq(may("readonly"), "CONNECT,SELECT,USAGE");
	ck_assert_str_eq(may("admin"), "+all");
	ck_assert_str_eq(may("migrator"), "ALTER,ALTER ROUTINE,CONNECT,CREATE,CREATE ROUTINE,"
	    "CREATE VIEW,DELETE,DROP,EVENT,INDEX,INSERT,MAINTAIN,OWNER,REFERENCES,SELECT,"
	    "TRIGGER,TRUNCATE,UPDATE,USAGE");
	ck_assert_str_ne(may("backup"), "(none)");
	ck_assert_str_ne(may("ship"), "(none)");
	ck_assert_str_ne(may("monitor"), "(none)");
	for (uint32_t i = 0; i < p->classes; i++)
		ck_assert(policy_is_builtin(p->class[i].name));
}
END_TEST

START_TEST(a_plus_adds_to_what_app_may)
{
	parse("[class etl] may=+TRUNCATE,\"create user\"\n"
	    "[class app] may=SELECT\n"
	    "[role a] class=etl");
	ck_assert_str_eq(may("etl"), "CREATE USER,SELECT,TRUNCATE");
	parse("[class app] may=+TRUNCATE,+truncate");
	ck_assert_str_eq(may("app"), "CONNECT,DELETE,INSERT,SELECT,TRUNCATE,UPDATE,USAGE");
	ck_assert_str_eq(may("readonly"), "CONNECT,SELECT,USAGE");
	parse("[class app] may=ALL\n[class migrator] may=+DDL");
	ck_assert_ptr_nonnull(strstr(may("migrator"), "+all"));
}
END_TEST

START_TEST(an_exception_ends_after_its_last_day)
{
	parse("[except] id=A1 role=old_etl object=sales.tmp priv=truncate\n"
	    "  reason=\"nightly rewrite\" owner=ops ticket=OPS-71 until=2026-11-22\n"
	    "[except] id=O1 role=x reason=r owner=o until=2026-11-21\n");
	ck_assert_uint_eq(p->excepts, 2);
	ck_assert_str_eq(p->except[0].id, "A1");
	ck_assert_str_eq(p->except[0].role, "old_etl");
	ck_assert_str_eq(p->except[0].object, "sales.tmp");
	ck_assert_str_eq(p->except[0].priv, "TRUNCATE");
	ck_assert_str_eq(p->except[0].reason, "nightly rewrite");
	ck_assert_str_eq(p->except[0].owner, "ops");
	ck_assert_str_eq(p->except[0].ticket, "OPS-71");
	ck_assert_int_eq(p->except[0].expired, 0);
	ck_assert_int_eq(p->except[1].expired, 1);
	ck_assert_uint_eq(p->except[1].line, 3);
	ck_assert_ptr_null(p->except[1].object);
	ck_assert_ptr_null(p->except[1].priv);
	ck_assert_ptr_null(p->except[1].ticket);
}
END_TEST

static const struct {
	const char *text, *message;
} wrong[] = {
	{ "x=1", "p.ini:1: a setting stands below a header such as [role shop_app]" },
	{ "[roel a] class=app", "p.ini:1: there is no section [roel]; there are [target], "
	    "[class NAME], [role NAME] and [except]" },
	{ "[role] class=app", "p.ini:1: [role NAME] needs a name" },
	{ "[target x] env=production", "p.ini:1: [target] has no name" },
	{ "[role a b] class=app",
	    "p.ini:1: a header is [KIND NAME] or [KIND]; a name with blanks "
	    "stands in double quotes" },
	{ "[role a",
	    "p.ini:1: a header is [KIND NAME] or [KIND]; a name with blanks stands in "
	    "double quotes" },
	{ "[role a]class=app", "p.ini:1: a blank or a new line is missing before \"c\"" },
	{ "[role a] class=app#x", "p.ini:1: a blank or a new line is missing before \"#\"" },
	{ "[\"role\" a]", "p.ini:1: the section's kind stands without quotes" },
	{ "[role a] \" class\"=app", "p.ini:1: a key stands without quotes" },
	{ "[role a] class", "p.ini:1: class: a setting is key=value" },
	{ "[role a] class=", "p.ini:1: a value of class is missing" },
	{ "[role a] class=app schema=a,", "p.ini:1: a value of schema is missing" },
	{ "[role a] class=app schema=\"\"", "p.ini:1: a value of schema is missing" },
	{ "[role a] class=app\\",
	    "p.ini:1: a value of class app: what holds quotes, blanks or "
	    "backslashes stands in double quotes" },
	{ "[role \"a\n\"]", "p.ini:1: a quoted text has no end in its line" },
	{ "\n[role \"a\\q\"]",
	    "p.ini:2: in quotes a backslash stands before \", \\, n, t, or x and "
	    "two digits" },
	{ "[role \"a\\x00\"]",
	    "p.ini:1: in quotes a backslash stands before \", \\, n, t, or x and "
	    "two digits" },
	{ "\n[role a] clas=app", "p.ini:2: [role] has no clas=; it has: class db schema" },
	{ "[role a] class=app class=app", "p.ini:1: class= is there twice" },
	{ "[role a] db=shop", "p.ini:1: [role] without class=" },
	{ "[role a] class=ap", "p.ini:1: there is no class ap" },
	{ "[role a] class=app,app", "p.ini:1: class= takes one value, not a list" },
	{ "[role \"*\"] class=app",
	    "p.ini:1: an account named * cannot have a line of its own" },
	{ "[role b] class=app\n[role a] class=app\n[role b] class=ship",
	    "p.ini:3: [role b] is there twice, first in line 1" },
	{ "[class app]", "p.ini:1: [class app] without may=" },
	{ "[class app] may=SELECT\n[class app] may=SELECT",
	    "p.ini:2: [class app] is there twice" },
	{ "[class mine] may=SELECT", "p.ini:1: no role is of the class mine" },
	{ "[class app] may=SELEKT",
	    "p.ini:1: there is no privilege SELEKT; is SELECT meant?" },
	{ "[class app] may=EVERYTHING", "p.ini:1: there is no privilege EVERYTHING; "
	    "bulkhead-policy(5) lists them" },
	{ "[class app] may=SELECT,+DDL",
	    "p.ini:1: may= adds to app with a + before its first word, "
	    "or before none" },
	{ "[target] env=prod", "p.ini:1: env=prod: an environment is production, staging or "
	    "development" },
	{ "[target] owner=a\n[target] owner=a", "p.ini:2: [target] is there twice" },
	{ "[except] role=a reason=r owner=o until=2027-01-01",
	    "p.ini:1: [except] without id=" },
	{ "[except] id=A1 reason=r owner=o until=2027-01-01",
	    "p.ini:1: [except] without role=" },
	{ "[except] id=A1 role=a owner=o until=2027-01-01",
	    "p.ini:1: [except] without reason=" },
	{ "[except] id=A1 role=a reason=r until=2027-01-01",
	    "p.ini:1: [except] without owner=" },
	{ "[except] id=A1 role=a reason=r owner=o", "p.ini:1: [except] without until=" },
	{ "[except] id=A1 role=a reason=r owner=o until=2027-02-29",
	    "p.ini:1: until=2027-02-29 is no date such as 2027-03-01" },
	{ "[except] id=A1 role=a reason=r owner=o until=soon",
	    "p.ini:1: until=soon is no date such as 2027-03-01" },
	{ "[except] id=Z9 role=a reason=r owner=o until=2027-01-01",
	    "p.ini:1: there is no check Z9; privaudit(1) lists them" },
	{ "[except] id=A1 role=a priv=X reason=r owner=o until=2027-01-01",
	    "p.ini:1: there is no privilege X" },
};

START_TEST(what_is_not_right_is_refused_with_its_line)
{
	const char *text = wrong[_i].text;

	ck_assert_ptr_null(policy_parse("p.ini", text, strlen(text), TODAY, &e));
	ck_assert_str_eq(e.msg, wrong[_i].message);
	ck_assert_int_eq(e.kind, ERR_CONFIG);
}
END_TEST

START_TEST(a_nul_byte_is_refused)
{
	ck_assert_ptr_null(policy_parse("p.ini", "[role a] class=app\0", 19, TODAY, &e));
	ck_assert_int_eq(e.kind, ERR_CONFIG);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_named)
{
	ck_assert_ptr_null(policy_read(scratch_path("none"), TODAY, &e));
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(e.msg, "none"));
}
END_TEST

START_TEST(an_empty_file_names_nobody)
{
	parse("");
	ck_assert_int_eq(p->given, 1);
	ck_assert_uint_eq(p->roles, 0);
	ck_assert_str_ne(may("app"), "(none)");
}
END_TEST

Suite *
policy_suite(void)
{
	Suite *s = suite_create("policy");
	TCase *t = tcase_create("policy");

	tcase_add_checked_fixture(t, scratch_setup, scratch_teardown);
	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, a_policy_says_who_is_what);
	tcase_add_test(t, names_may_hold_any_byte_in_quotes);
	tcase_add_test(t, classes_are_there_without_a_file);
	tcase_add_test(t, a_plus_adds_to_what_app_may);
	tcase_add_test(t, an_exception_ends_after_its_last_day);
	tcase_add_loop_test(t, what_is_not_right_is_refused_with_its_line, 0,
	    sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(t, a_nul_byte_is_refused);
	tcase_add_test(t, a_file_that_is_not_there_is_named);
	tcase_add_test(t, an_empty_file_names_nobody);
	suite_add_tcase(s, t);
	return s;
}
