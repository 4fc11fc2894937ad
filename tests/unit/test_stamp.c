/*
 * Tests of repo/stamp.
 */
#include <sys/stat.h>

#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "repo/stamp.h"
#include "scratch.h"
#include "suites.h"

static struct err e;

static const struct stamp some = {
	.repo = { 1, 2 }, .url = "/srv/the vault%1", .source = "shop",
	    .snapshot = "20261122T100000Z-1f2e3d4c",
	.environment_id = "0123456789abcdef0123456789abcdef", .restored = 1763805600000001,
	.complete = 1, .replayed = 0x3000100, .stream = "7710940306813217714-00000001", .released = 0,
};

static void
setup(void)
{
	scratch_setup();
	ck_assert_int_eq(mkdir(scratch_path("bulkhead"), 0700), 0);
}

START_TEST(what_is_written_can_be_read)
{
	struct stamp s;

	ck_assert_int_eq(stamp_write(scratch_path(""), &some, &e), 0);
	ck_assert_msg(stamp_read(scratch_path(""), &s, &e) == 0, "%s", e.msg);
	ck_assert_mem_eq(s.repo, some.repo, 32);
	ck_assert_str_eq(s.url, some.url);
	ck_assert_str_eq(s.source, some.source);
	ck_assert_str_eq(s.snapshot, some.snapshot);
	ck_assert_str_eq(s.environment_id, some.environment_id);
	ck_assert_int_eq(s.restored, some.restored);
	ck_assert_int_eq(s.complete, 1);
	ck_assert_uint_eq(s.replayed, some.replayed);
	ck_assert_str_eq(s.stream, some.stream);
	ck_assert_int_eq(s.released, 0);
}
END_TEST

START_TEST(before_the_first_replay_there_is_no_stream)
{
	struct stamp s = some;

	s.stream[0] = '\0';
	ck_assert_int_eq(stamp_write(scratch_path(""), &s, &e), 0);
	memcpy(s.stream, "x", 2);
	ck_assert_msg(stamp_read(scratch_path(""), &s, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(s.stream, "");
}
END_TEST

START_TEST(it_is_replaced)
{
	struct stamp s = some;

	ck_assert_int_eq(stamp_write(scratch_path(""), &some, &e), 0);
	s.released = 1;
	ck_assert_int_eq(stamp_write(scratch_path(""), &s, &e), 0);
	memset(&s, 0, sizeof(s));
	ck_assert_int_eq(stamp_read(scratch_path(""), &s, &e), 0);
	ck_assert_int_eq(s.released, 1);
}
END_TEST

START_TEST(a_folder_without_one_is_no_restored_copy)
{
	struct stamp s;

	ck_assert_int_eq(stamp_read(scratch_path(""), &s, &e), -1);
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(e.msg, ": not a restored copy"));
}
END_TEST

/* Each row: a line's beginning, the line in its place, and what is said. */
static const struct {
	const char *line, *other, *said;
} bad[] = {
	{ "bulkhead", "bulkhead stamp 2\n", "not a stamp" },
	{ "bulkhead", "", "not a stamp" },
	{ "repository", "repository 01\n", "line 2: not 64 hexadecimal digits" },
	{ "url", "url /srv/the vault\n", "line 3: bad value" },
	{ "source", "source ../x\n", "line 4: bad value" },
	{ "snapshot", "snapshot a/b\n", "line 5: bad value" },
	{ "environment", "environment 0\n", "line 6: not 32 hexadecimal digits" },
	{ "restored", "restored yesterday\n", "line 7: bad value" },
	{ "complete", "complete 2\n", "line 8: not a number for \"complete\"" },
	{ "replayed", "replayed 17\n", "line 9: bad value" },
	{ "stream", "stream a/b\n", "line 10: bad value" },
	{ "stream", "stream \n", "line 10" },
	{ "released", "released yes\n", "line 11: not a number for \"released\"" },
	{ "released", "released 0\nmore 1\n", "more than was expected after line 11" },
	{ "complete", "", "line 8: not \"complete\" and its value" },
};

START_TEST(a_damaged_one_is_refused)
{
	char text[4096], file[4096];
	struct stamp s;
	const char *at, *end;
	FILE *f;

	ck_assert_int_eq(stamp_write(scratch_path(""), &some, &e), 0);
	snprintf(text, sizeof(text), "%s", scratch_text("bulkhead/stamp"));
	at = strcmp(bad[_i].line, "bulkhead") == 0 ? text : strstr(text, bad[_i].line);
	end = strchr(at, '\n') + 1;
	snprintf(file, sizeof(file), "%.*s%s%s", (int)(at - text), text, bad[_i].other, end);
	f = fopen(scratch_path("bulkhead/stamp"), "we");
	ck_assert(f != NULL && fputs(file, f) >= 0 && fclose(f) == 0);
	ck_assert_int_eq(stamp_read(scratch_path(""), &s, &e), -1);
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
	ck_assert_msg(strstr(e.msg, bad[_i].said) != NULL, "\"%s\", not \"%s\"", e.msg,
	    bad[_i].said);
}
END_TEST

Suite *
stamp_suite(void)
{
	Suite *s = suite_create("stamp");
	TCase *t = tcase_create("stamp");

	tcase_add_checked_fixture(t, setup, scratch_teardown);
	tcase_add_test(t, what_is_written_can_be_read);
	tcase_add_test(t, before_the_first_replay_there_is_no_stream);
	tcase_add_test(t, it_is_replaced);
	tcase_add_test(t, a_folder_without_one_is_no_restored_copy);
	tcase_add_loop_test(t, a_damaged_one_is_refused, 0,
	    (int)(sizeof(bad) / sizeof(bad[0])));
	suite_add_tcase(s, t);
	return s;
}
