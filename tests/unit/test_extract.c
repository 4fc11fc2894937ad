/*
 * Tests of image/extract: a hostile image stays inside of its target.
 */
#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/extract.h"
#include "suites.h"
#include "scratch.h"

static struct err e;
static struct extract *x;
static struct extract_tablespace space;
static char outside[512];

static void
setup(void)
{
	struct extract_options o = { .tablespaces = &space, .ntablespaces = 1 };

	scratch_setup();
	ck_assert_int_eq(mkdir(scratch_path("target"), 0700), 0);
	ck_assert_int_eq(mkdir(scratch_path("target/bulkhead"), 0700), 0);
	ck_assert_int_eq(mkdir(scratch_path("space"), 0700), 0);
	ck_assert_int_eq(mkdir(scratch_path("outside"), 0700), 0);
	strcpy(outside, scratch_path("outside"));
	space = (struct extract_tablespace){ 16385, strdup(scratch_path("space")) };
	o.target = scratch_path("target");
	x = extract_new(&o, &e);
	ck_assert_msg(x != NULL, "%s", e.msg);
}

static void
teardown(void)
{
	extract_free(x);
	free(space.path);
	scratch_teardown();
}

/* One member through the visitor, its bytes in `pieces` pieces. */
static int
put(enum pg_file_type type, const char *path, const char *text, size_t pieces)
{
	struct image_visitor v = extract_visitor(x);
	struct image_file f = { .f = { .type = type, .mode = 0640, .mtime = 1700000000000000,
		.size = strlen(text) }, .nruns = pieces };
	size_t n = strlen(text) / (pieces == 0 ? 1 : pieces), i;
	void *handle = NULL;
	int r;

	strcpy(f.f.path, path);
	if (type == PG_FILE_LINK)
		strcpy(f.f.target, outside);
	if ((r = v.file(v.ctx, &f, &handle, &e)) != 0)
		return -1;
	for (i = pieces; r == 0 && type == PG_FILE_REGULAR && i-- > 0;)
		r = v.bytes(v.ctx, handle, i * n, (const uint8_t *)text + i * n, n, &e);
	if (r == 0)
		r = v.end(v.ctx, handle, &e);
	v.drop(v.ctx, handle);
	return r;
}

static void
assert_nothing_outside(void)
{
	ck_assert_int_eq(rmdir(outside), 0); /* only when it is empty */
	ck_assert_int_eq(mkdir(outside, 0700), 0);
}

START_TEST(files_of_any_number_of_pieces_are_written)
{
	struct stat st;

	ck_assert_int_eq(put(PG_FILE_REGULAR, "empty", "", 0), 0);
	ck_assert_int_eq(put(PG_FILE_REGULAR, "base/5/one", "abcdef", 1), 0);
	ck_assert_int_eq(put(PG_FILE_REGULAR, "base/5/three", "abcdef", 3), 0);
	ck_assert_str_eq(scratch_text("target/empty"), "");
	ck_assert_str_eq(scratch_text("target/base/5/one"), "abcdef");
	ck_assert_str_eq(scratch_text("target/base/5/three"), "abcdef");
	ck_assert_int_eq(stat(scratch_path("target/base/5/three"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(st.st_mtime, 1700000000);
	ck_assert_int_eq(stat(scratch_path("target/base/5"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
}
END_TEST

START_TEST(a_tablespace_is_a_link_and_its_files_lie_there)
{
	char to[512];
	ssize_t n;

	ck_assert_int_eq(put(PG_FILE_REGULAR, "pg_tblspc/16385/PG_15/5/1", "in", 1), 0);
	ck_assert_int_eq(put(PG_FILE_LINK, "pg_tblspc/16385", "", 0), 0);
	ck_assert_str_eq(scratch_text("space/PG_15/5/1"), "in");
	n = readlink(scratch_path("target/pg_tblspc/16385"), to, sizeof(to) - 1);
	ck_assert_int_gt(n, 0);
	to[n] = '\0';
	ck_assert_str_eq(to, space.path); /* where we say, not where the image says */
}
END_TEST

START_TEST(links_that_are_no_known_tablespaces_are_not_made)
{
	ck_assert_int_eq(put(PG_FILE_LINK, "pg_tblspc/99999", "", 0), 0);
	ck_assert_int_eq(put(PG_FILE_LINK, "evil", "", 0), 0);
	ck_assert_int_eq(put(PG_FILE_LINK, "pg_tblspc/16385/evil", "", 0), 0);
	ck_assert_int_ne(access(scratch_path("target/evil"), F_OK), 0);
	ck_assert_int_ne(access(scratch_path("target/pg_tblspc/99999"), F_OK), 0);
	ck_assert_int_ne(access(scratch_path("space/evil"), F_OK), 0);
}
END_TEST

/* Should a link be there all the same, nobody follows it. */
START_TEST(links_in_the_way_are_not_followed)
{
	ck_assert_int_eq(symlink(outside, scratch_path("target/base")), 0);
	ck_assert_int_eq(symlink(outside, scratch_path("space/PG_15")), 0);
	ck_assert_int_eq(symlink(scratch_path("outside/file"), scratch_path("target/file")),
	    0);
	ck_assert_int_eq(put(PG_FILE_REGULAR, "base/5", "x", 1), -1);
	ck_assert_int_eq(put(PG_FILE_REGULAR, "base/5/1", "x", 1), -1);
	ck_assert_int_eq(put(PG_FILE_DIR, "base", "", 0), -1);
	ck_assert_int_eq(put(PG_FILE_REGULAR, "pg_tblspc/16385/PG_15/1", "x", 1), -1);
	ck_assert_int_eq(put(PG_FILE_REGULAR, "file", "x", 1), -1);
	ck_assert_int_eq(put(PG_FILE_REGULAR, "file", "xy", 2), -1);
	assert_nothing_outside();
}
END_TEST

START_TEST(a_file_of_the_same_name_twice_is_refused)
{
	ck_assert_int_eq(put(PG_FILE_REGULAR, "base/5/1", "first", 1), 0);
	ck_assert_int_eq(put(PG_FILE_REGULAR, "base/5/1", "other", 1), -1);
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
	ck_assert_str_eq(e.msg, "base/5/1: twice in the snapshot");
	ck_assert_int_eq(put(PG_FILE_REGULAR, "base/5/1", "", 0), -1);
	ck_assert_str_eq(scratch_text("target/base/5/1"), "first");
}
END_TEST

START_TEST(a_folder_of_ours_in_the_image_is_left_out)
{
	ck_assert_int_eq(put(PG_FILE_DIR, "bulkhead", "", 0), 0);
	ck_assert_int_eq(put(PG_FILE_REGULAR, "bulkhead/stamp", "complete 1\n", 1), 0);
	ck_assert_int_ne(access(scratch_path("target/bulkhead/stamp"), F_OK), 0);
	ck_assert_int_eq(put(PG_FILE_REGULAR, "bulkheads", "x", 1), 0);
	ck_assert_str_eq(scratch_text("target/bulkheads"), "x");
}
END_TEST

START_TEST(what_would_make_it_act_is_set_aside)
{
	ck_assert_int_eq(put(PG_FILE_REGULAR, "postgresql.auto.conf", "work_mem = '7MB'", 1),
	    0);
	ck_assert_int_eq(put(PG_FILE_REGULAR, "standby.signal", "", 0), 0);
	ck_assert_int_eq(put(PG_FILE_REGULAR, "recovery.signal", "", 0), 0);
	ck_assert_str_eq(scratch_text("target/bulkhead/postgresql.auto.conf.original"),
	    "work_mem = '7MB'");
	ck_assert_str_eq(scratch_text("target/bulkhead/standby.signal.original"), "");
	ck_assert_int_ne(access(scratch_path("target/postgresql.auto.conf"), F_OK), 0);
	ck_assert_int_ne(access(scratch_path("target/standby.signal"), F_OK), 0);
	ck_assert_int_ne(access(scratch_path("target/recovery.signal"), F_OK), 0);
}
END_TEST

START_TEST(pg_control_comes_last)
{
	ck_assert_int_eq(put(PG_FILE_REGULAR, "global/pg_control", "control", 1), 0);
	ck_assert_int_ne(access(scratch_path("target/global/pg_control"), F_OK), 0);
	ck_assert_int_eq(extract_seal(x, &e), 0);
	ck_assert_str_eq(scratch_text("target/global/pg_control"), "control");
	ck_assert_int_eq(extract_seal(x, &e), -1);
}
END_TEST

Suite *
extract_suite(void)
{
	Suite *s = suite_create("extract");
	TCase *t = tcase_create("extract");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, files_of_any_number_of_pieces_are_written);
	tcase_add_test(t, a_tablespace_is_a_link_and_its_files_lie_there);
	tcase_add_test(t, links_that_are_no_known_tablespaces_are_not_made);
	tcase_add_test(t, links_in_the_way_are_not_followed);
	tcase_add_test(t, a_file_of_the_same_name_twice_is_refused);
	tcase_add_test(t, a_folder_of_ours_in_the_image_is_left_out);
	tcase_add_test(t, what_would_make_it_act_is_set_aside);
	tcase_add_test(t, pg_control_comes_last);
	suite_add_tcase(s, t);
	return s;
}
