/*
 * Tests of repo/finding.
 */
#include <string.h>

#include "suites.h"
#include "told.h"

static struct told t;

static void
setup(void)
{
	told_begin(&t);
}

static void
teardown(void)
{
	told_end(&t);
}

START_TEST(what_is_told_is_counted)
{
	finding(&t.f, FINDING_BAD, "shop", "snapshot X", "pack %d is %s", 7, "gone");
	finding(&t.f, FINDING_NOTE, NULL, NULL, "two\nlines\033");
	finding(&t.f, FINDING_BAD, "shop", NULL, "old");
	ck_assert_str_eq(told_text(&t), "bad: snapshot X of shop: pack 7 is gone\n"
	    "note: - of -: two lines\n"
	    "bad: - of shop: old\n");
	ck_assert_uint_eq(t.f.count[FINDING_BAD], 2);
	ck_assert_uint_eq(t.f.count[FINDING_UNREAD], 0);
	ck_assert_uint_eq(t.f.count[FINDING_NOTE], 1);
}
END_TEST

START_TEST(a_failure_is_damage_or_unread_or_our_own)
{
	static const struct {
		enum err_kind kind;
		const char *word;	/* "": not told */
	} rows[] = {
		{ ERR_CORRUPT, "bad" }, { ERR_NOTFOUND, "bad" }, { ERR_CONFLICT, "bad" },
		{ ERR_IO, "unread" }, { ERR_REFUSED, "unread" }, { ERR_UNREACHABLE, "unread" },
		{ ERR_SYSTEM, "" }, { ERR_BUG, "" }, { ERR_CANCELLED, "" },
	};
	struct err e, out;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		err_set(&e, rows[i].kind, "it failed");
		ck_assert_int_eq(finding_is(&e), rows[i].word[0] != '\0');
		err_clear(&out);
		ck_assert_int_eq(finding_of(&t.f, "shop", "log L", &e, &out),
		    rows[i].word[0] != '\0' ? 0 : -1);
		ck_assert_int_eq(out.kind, rows[i].word[0] != '\0' ? ERR_NONE : rows[i].kind);
		ck_assert(strncmp(told_text(&t), rows[i].word, strlen(rows[i].word)) == 0);
	}
	ck_assert_uint_eq(t.f.count[FINDING_BAD], 3);
	ck_assert_uint_eq(t.f.count[FINDING_UNREAD], 3);
	ck_assert_uint_eq(t.f.count[FINDING_NOTE], 0);
}
END_TEST

START_TEST(one_bad_thing_outweighs_all)
{
	struct err e = ERR_INIT;

	t.f.known = "repository /r: ";
	finding(&t.f, FINDING_NOTE, "shop", NULL, "a fork");
	ck_assert_int_eq(findings_judge(&t.f, &e), 0);
	finding(&t.f, FINDING_UNREAD, "shop", NULL, "a disk");
	ck_assert_int_eq(findings_judge(&t.f, &e), -1);
	ck_assert_int_eq(e.kind, ERR_INCOMPLETE);
	ck_assert_str_eq(e.msg, "repository /r: no verdict, since 1 could not be read");
	finding(&t.f, FINDING_BAD, "shop", NULL, "a bit");
	ck_assert_int_eq(findings_judge(&t.f, &e), -1);
	ck_assert_int_eq(e.kind, ERR_NEGATIVE);
	ck_assert_str_eq(e.msg, "repository /r: 1 bad, 1 unread");
}
END_TEST

START_TEST(what_the_line_says_anyway_is_left_out)
{
	struct err e, out;

	t.f.known = "repository /r: ";
	err_set(&e, ERR_CORRUPT,
	    "repository /r: snapshot X: base/1: repository /r: pack P: cut off");
	ck_assert_int_eq(finding_of(&t.f, "shop", "snapshot X", &e, &out), 0);
	ck_assert_str_eq(told_text(&t), "bad: snapshot X of shop: base/1: pack P: cut off\n");
	ck_assert_int_eq(finding_of(&t.f, "shop", NULL, &e, &out), 0);
	ck_assert_str_eq(told_text(&t),
	    "bad: - of shop: snapshot X: base/1: pack P: cut off\n");
}
END_TEST

Suite *
finding_suite(void)
{
	Suite *s = suite_create("finding");
	TCase *c = tcase_create("finding");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, what_is_told_is_counted);
	tcase_add_test(c, a_failure_is_damage_or_unread_or_our_own);
	tcase_add_test(c, one_bad_thing_outweighs_all);
	tcase_add_test(c, what_the_line_says_anyway_is_left_out);
	suite_add_tcase(s, c);
	return s;
}
