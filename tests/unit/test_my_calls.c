/*
 * Which routines a body calls, as MariaDB shows bodies and as MySQL does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/my_private.h"
#include "suites.h"

static struct audit_my a;
static struct my server;
static struct err e;
static char seen[256];

static void
begin(void)
{
	memset(&a, 0, sizeof(a));
	server.mariadb = 1;
	a.my = &server;
	a.g = graph_new();
	ck_assert_ptr_nonnull(a.g);
	ck_assert_int_eq(audit_my_routine_add(&a, "shop", "Price", &e), 0);
	ck_assert_int_eq(audit_my_routine_add(&a, "shop", "price list", &e), 0);
	ck_assert_int_eq(audit_my_routine_add(&a, "jobs", "nightly", &e), 0);
	ck_assert_int_eq(audit_my_routine_add(&a, "odd `one", "f", &e), 0);
	audit_my_routines_end(&a);
}

static void
end(void)
{
	graph_free(a.g);
	free(a.routine);
}

static int
called(struct audit_my *x, const char *schema, const char *name, void *ctx, struct err *err)
{
	size_t n = strlen(seen);

	ck_assert_ptr_eq(x, &a);
	ck_assert_ptr_null(ctx);
	(void)err;	/* this cannot fail */
	(void)snprintf(seen + n, sizeof(seen) - n, "%s.%s;", schema, name);
	return 0;
}

static const char *
calls(const char *body)
{
	seen[0] = '\0';
	ck_assert_int_eq(audit_my_calls(&a, "shop", body, called, NULL, &e), 0);
	return seen;
}

START_TEST(a_name_before_a_bracket_is_called)
{
	ck_assert_str_eq(calls("set new.b = price(1) + PRICE (2)"), "shop.price;shop.price;");
	ck_assert_str_eq(calls("set new.price = other(1)"), "");
	ck_assert_str_eq(calls("set new.b = `Price List`(1)"), "shop.price list;");
}
END_TEST

START_TEST(call_needs_no_bracket)
{
	ck_assert_str_eq(calls("begin call jobs.nightly; end"), "jobs.nightly;");
	ck_assert_str_eq(calls("CALL price"), "shop.price;");
	ck_assert_str_eq(calls("call `odd ``one`.f"), "odd `one.f;");
	ck_assert_str_eq(calls("select nightly from price"), "");
}
END_TEST

START_TEST(text_and_comments_call_nothing)
{
	ck_assert_str_eq(calls("set @a = 'price(1)', @b = \"it''s price(2)\""), "");
	ck_assert_str_eq(calls("-- price(1)\n# price(2)\n/* price(3) */ select 'a\\'price(4)'"), "");
	ck_assert_str_eq(calls("select 'it''s', price(1)"), "shop.price;");
	ck_assert_str_eq(calls("select 5--price(1)"), "shop.price;");
}
END_TEST

START_TEST(a_comment_for_versions_runs)
{
	ck_assert_str_eq(calls("/*!50000 call price */"), "shop.price;");
	ck_assert_str_eq(calls("/*M! select price(1) */"), "shop.price;");
}
END_TEST

START_TEST(mysql_shows_text_that_cannot_be_told)
{
	server.mariadb = 0;
	ck_assert_str_eq(calls("set @a = 'it's', @b = price(1)"), "shop.price;");
}
END_TEST

START_TEST(what_never_ends_is_read_to_the_end)
{
	ck_assert_str_eq(calls("price(1) '"), "shop.price;");
	ck_assert_str_eq(calls("price(1) 'a\\"), "shop.price;");
	ck_assert_str_eq(calls("price(1) /* "), "shop.price;");
	ck_assert_str_eq(calls("price(1) `jobs`."), "shop.price;");
	ck_assert_str_eq(calls("price(1) `jobs"), "shop.price;");
	ck_assert_str_eq(calls("call"), "");
}
END_TEST

Suite *
my_calls_suite(void)
{
	Suite *s = suite_create("my_calls");
	TCase *t = tcase_create("my_calls");

	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, a_name_before_a_bracket_is_called);
	tcase_add_test(t, call_needs_no_bracket);
	tcase_add_test(t, text_and_comments_call_nothing);
	tcase_add_test(t, a_comment_for_versions_runs);
	tcase_add_test(t, mysql_shows_text_that_cannot_be_told);
	tcase_add_test(t, what_never_ends_is_read_to_the_end);
	suite_add_tcase(s, t);
	return s;
}
