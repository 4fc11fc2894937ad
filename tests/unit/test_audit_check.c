/*
 * Tests of audit/check.
 */
#include "audit/check.h"

#include <string.h>

#include "suites.h"

START_TEST(every_check_is_found_by_its_id)
{
	const struct check *c;
	unsigned n = 0;

	for (c = check_all; c->id != NULL; c++, n++) {
		ck_assert_ptr_eq(check_find(c->id), c);
		ck_assert_msg(c->name[0] != '\0' && c->means[0] != '\0', "%s says nothing",
		    c->id);
		ck_assert_msg(c->engines != 0, "%s is for no engine", c->id);
	}
	ck_assert_uint_ge(n, 40);
	ck_assert_ptr_null(check_find("B3"));
	ck_assert_ptr_null(check_find("r1"));
	ck_assert_ptr_null(check_find(""));
}
END_TEST

START_TEST(severities_have_names)
{
	enum severity s = SEVERITY_LOW;

	ck_assert_int_eq(severity_of(severity_name(SEVERITY_CRITICAL), &s), 0);
	ck_assert_int_eq(s, SEVERITY_CRITICAL);
	ck_assert_str_eq(severity_name(SEVERITY_MEDIUM), "medium");
	ck_assert_int_eq(severity_of("High", &s), -1);
	ck_assert_int_eq(severity_of("", &s), -1);
	ck_assert_int_eq(s, SEVERITY_CRITICAL);
}
END_TEST

Suite *
audit_check_suite(void)
{
	Suite *s = suite_create("audit_check");
	TCase *t = tcase_create("audit_check");

	tcase_add_test(t, every_check_is_found_by_its_id);
	tcase_add_test(t, severities_have_names);
	suite_add_tcase(s, t);
	return s;
}
