/*
 * Tests of base/err.
 */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "suites.h"

START_TEST(set_replaces_all)
{
	struct err e = { ERR_IO, ENOSPC, "old", "old hint" };

	ck_assert_int_eq(err_set(&e, ERR_CORRUPT, "pack %s: frame %d", "9f3a", 7), -1);
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
	ck_assert_int_eq(e.sys, 0);
	ck_assert_str_eq(e.msg, "pack 9f3a: frame 7");
	ck_assert_str_eq(e.hint, "");
}
END_TEST

START_TEST(set_may_quote_the_old_message)
{
	struct err e = ERR_INIT;

	err_set(&e, ERR_IO, "inner");
	err_set(&e, ERR_BUG, "outer (%s)", e.msg);
	ck_assert_str_eq(e.msg, "outer (inner)");
}
END_TEST

START_TEST(sys_appends_the_text_of_errno)
{
	struct err e = ERR_INIT;

	errno = ENOSPC;
	ck_assert_int_eq(err_sys(&e, ERR_IO, "%s: fsync", "journal"), -1);
	ck_assert_int_eq(e.kind, ERR_IO);
	ck_assert_int_eq(e.sys, ENOSPC);
	ck_assert_str_eq(e.msg, "journal: fsync: No space left on device");
}
END_TEST

START_TEST(context_goes_in_front_and_keeps_the_rest)
{
	struct err e = ERR_INIT;

	errno = EIO;
	err_sys(&e, ERR_IO, "pack 9f3a: read");
	err_hint(&e, "try %s", "again");
	ck_assert_int_eq(err_context(&e, "repository %s", "/srv/v"), -1);
	ck_assert_str_eq(e.msg, "repository /srv/v: pack 9f3a: read: Input/output error");
	ck_assert_int_eq(e.kind, ERR_IO);
	ck_assert_int_eq(e.sys, EIO);
	ck_assert_str_eq(e.hint, "try again");
}
END_TEST

START_TEST(a_long_context_does_not_push_out_the_reason)
{
	struct err e = ERR_INIT;
	char path[3000];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	errno = ENOSPC;
	err_sys(&e, ERR_IO, "%s: write", path);
	ck_assert_uint_eq(strlen(e.msg), sizeof(e.msg) - 1);
	ck_assert_ptr_nonnull(strstr(e.msg, "x: No space left on device"));
	err_set(&e, ERR_IO, "the reason");
	err_context(&e, "%s", path);
	ck_assert_uint_eq(strlen(e.msg), sizeof(e.msg) - 1);
	ck_assert_ptr_nonnull(strstr(e.msg, "xthe reason"));
	err_set(&e, ERR_IO, "%s", path);
	err_context(&e, "no room for this");
	ck_assert_uint_eq(strlen(e.msg), sizeof(e.msg) - 1);
	ck_assert_int_eq(e.msg[0], 'x');
}
END_TEST

START_TEST(messages_are_one_printable_line)
{
	struct err e = ERR_INIT;

	err_set(&e, ERR_CONFIG, "%s", "FATAL:  no such user\nDETAIL:\t\x1b[2Jgone\x7f\r\n\n");
	ck_assert_str_eq(e.msg, "FATAL:  no such user DETAIL:  [2Jgone");
	err_context(&e, "a\nb");
	ck_assert_str_eq(e.msg, "a b: FATAL:  no such user DETAIL:  [2Jgone");
	err_hint(&e, "one\ntwo\n");
	ck_assert_str_eq(e.hint, "one two");
	err_set(&e, ERR_CONFIG, "na\xc3\xafve \xe2\x82\xac");
	ck_assert_str_eq(e.msg, "na\xc3\xafve \xe2\x82\xac");
	err_set(&e, ERR_CONFIG, "\n");
	ck_assert_str_eq(e.msg, "");
}
END_TEST

START_TEST(every_kind_has_its_status_and_word)
{
	static const struct {
		enum err_kind kind;
		int status;
		const char *name;
	} rows[] = {
		{ ERR_NONE, 0, "none" },
		{ ERR_NEGATIVE, 1, "negative" },
		{ ERR_INCOMPLETE, 3, "incomplete" },
		{ ERR_USAGE, 64, "usage" },
		{ ERR_CORRUPT, 65, "corrupt" },
		{ ERR_NOTFOUND, 66, "notfound" },
		{ ERR_UNREACHABLE, 69, "unreachable" },
		{ ERR_BUG, 70, "bug" },
		{ ERR_SYSTEM, 71, "system" },
		{ ERR_IO, 74, "io" },
		{ ERR_BUSY, 75, "busy" },
		{ ERR_REFUSED, 77, "refused" },
		{ ERR_CONFIG, 78, "config" },
		{ ERR_CONFLICT, 74, "conflict" },
		{ ERR_CANCELLED, 71, "cancelled" },
		{ (enum err_kind)99, 70, "bug" },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(err_exit_status(rows[i].kind), rows[i].status);
		ck_assert_str_eq(err_kind_name(rows[i].kind), rows[i].name);
	}
}
END_TEST

START_TEST(clear_forgets_all)
{
	struct err e = { ERR_IO, EIO, "message", "hint" };

	err_clear(&e);
	ck_assert_int_eq(e.kind, ERR_NONE);
	ck_assert_int_eq(e.sys, 0);
	ck_assert_str_eq(e.msg, "");
	ck_assert_str_eq(e.hint, "");
}
END_TEST

Suite *
err_suite(void)
{
	Suite *s = suite_create("err");
	TCase *t = tcase_create("err");

	tcase_add_test(t, set_replaces_all);
	tcase_add_test(t, set_may_quote_the_old_message);
	tcase_add_test(t, sys_appends_the_text_of_errno);
	tcase_add_test(t, context_goes_in_front_and_keeps_the_rest);
	tcase_add_test(t, a_long_context_does_not_push_out_the_reason);
	tcase_add_test(t, messages_are_one_printable_line);
	tcase_add_test(t, every_kind_has_its_status_and_word);
	tcase_add_test(t, clear_forgets_all);
	suite_add_tcase(s, t);
	return s;
}
