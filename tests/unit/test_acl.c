/*
 * Access control lists as PostgreSQL prints them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/acl.h"
#include "suites.h"

static struct acl
parse(const char *text)
{
	struct acl acl;
	struct err e = ERR_INIT;

	ck_assert_msg(acl_parse(text, &acl, &e) == 0, "%s", e.msg);
	return acl;
}

START_TEST(an_item_is_grantee_rights_grantor)
{
	struct acl acl = parse("{postgres=arwdDxtm/postgres,shop=r*w/postgres}");

	ck_assert_uint_eq(acl.n, 2);
	ck_assert_str_eq(acl.item[0].grantee, "postgres");
	ck_assert_uint_eq(acl.item[0].rights, ACL_INSERT | ACL_SELECT | ACL_UPDATE | ACL_DELETE |
	    ACL_TRUNCATE | ACL_REFERENCES | ACL_TRIGGER | ACL_MAINTAIN);
	ck_assert_uint_eq(acl.item[0].options, 0);
	ck_assert_str_eq(acl.item[1].grantee, "shop");
	ck_assert_str_eq(acl.item[1].grantor, "postgres");
	ck_assert_uint_eq(acl.item[1].rights, ACL_SELECT | ACL_UPDATE);
	ck_assert_uint_eq(acl.item[1].options, ACL_SELECT);
	acl_free(&acl);
}
END_TEST

START_TEST(public_has_no_name)
{
	struct acl acl = parse("{=Tc/postgres}");

	ck_assert_str_eq(acl.item[0].grantee, "");
	ck_assert_uint_eq(acl.item[0].rights, ACL_TEMPORARY | ACL_CONNECT);
	acl_free(&acl);
}
END_TEST

START_TEST(names_are_unquoted_twice)
{
	/* The roles  we"ird =x/,y  and  back\slash\nline  */
	struct acl acl = parse("{\"\\\"we\\\"\\\"ird =x/,y\\\"=r/\\\"back\\\\slash\nline\\\"\","
	    "\"\xc3\xbcmlaut=U/\\\"\xc3\xbcmlaut\\\"\"}");

	ck_assert_uint_eq(acl.n, 2);
	ck_assert_str_eq(acl.item[0].grantee, "we\"ird =x/,y");
	ck_assert_str_eq(acl.item[0].grantor, "back\\slash\nline");
	ck_assert_str_eq(acl.item[1].grantee, "\xc3\xbcmlaut");
	acl_free(&acl);
}
END_TEST

START_TEST(an_empty_list_gives_nothing)
{
	struct acl acl = parse("{}");

	ck_assert_uint_eq(acl.n, 0);
	acl_free(&acl);
	acl = parse("{shop=/postgres}");	/* all revoked, the item stayed */
	ck_assert_uint_eq(acl.item[0].rights, 0);
	acl_free(&acl);
}
END_TEST

START_TEST(anything_else_is_refused)
{
	static const char *const wrong[] = { "", "{", "}", "{a=r/b", "a=r/b", "{a=r/b}}",
		"{a=r/b},", "{a=r/b,}", "{,a=r/b}", "{a=r}", "{a=r/}", "{=r/}", "{ar/b}",
		"{a=z/b}", "{a=*r/b}", "{a=r**/b}", "{a=rr/b}", "{a=r/b/c}", "{NULL}", "{\"a=r/b}",
		"{\"a=r/b\\", "{\"\\\"a=r/b\"}", "{{a=r/b}}", "{a b=r/c}", "{a-b=r/c}" };
	struct acl acl;
	struct err e;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		err_clear(&e);
		ck_assert_msg(acl_parse(wrong[i], &acl, &e) != 0, "%s", wrong[i]);
		ck_assert_int_eq(e.kind, ERR_CORRUPT);
		ck_assert_msg(strstr(e.msg, "access control list") != NULL, "%s", e.msg);
	}
}
END_TEST

START_TEST(an_array_gives_its_elements)
{
	struct err e = ERR_INIT;
	char **part;

	ck_assert_int_eq(acl_array("{price,\"{a=r/b}\",\"a \\\"b\\\" \\\\c\",\"\",\"NULL\"}",
	    &part, &e), 5);
	ck_assert_str_eq(part[0], "price");
	ck_assert_str_eq(part[1], "{a=r/b}");
	ck_assert_str_eq(part[2], "a \"b\" \\c");
	ck_assert_str_eq(part[3], "");
	ck_assert_str_eq(part[4], "NULL");
	free(part);
}
END_TEST

START_TEST(a_right_has_its_sql_name)
{
	ck_assert_str_eq(acl_right_name(ACL_TRUNCATE), "TRUNCATE");
	ck_assert_str_eq(acl_right_name(ACL_ALTER_SYSTEM), "ALTER SYSTEM");
	ck_assert_str_eq(acl_right_name(ACL_MAINTAIN), "MAINTAIN");
}
END_TEST

Suite *
acl_suite(void)
{
	Suite *s = suite_create("acl");
	TCase *t = tcase_create("acl");

	tcase_add_test(t, an_item_is_grantee_rights_grantor);
	tcase_add_test(t, public_has_no_name);
	tcase_add_test(t, names_are_unquoted_twice);
	tcase_add_test(t, an_empty_list_gives_nothing);
	tcase_add_test(t, anything_else_is_refused);
	tcase_add_test(t, an_array_gives_its_elements);
	tcase_add_test(t, a_right_has_its_sql_name);
	suite_add_tcase(s, t);
	return s;
}
