/*
 * Tests of base/tempdir.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/tempdir.h"
#include "scratch.h"
#include "suites.h"

static struct err e = ERR_INIT;

/* A file in a folder in it, and a link to what must stay. */
static void
fill(const char *path)
{
	char name[1200];

	snprintf(name, sizeof(name), "%s/a", path);
	ck_assert_int_eq(mkdir(name, 0700), 0);
	snprintf(name, sizeof(name), "%s/a/file", path);
	ck_assert_int_eq(io_write_file(name, "x", 1, 0600, &e), 0);
	snprintf(name, sizeof(name), "%s/link", path);
	ck_assert_int_eq(symlink(scratch_path("kept"), name), 0);
}

static void
keep_something(void)
{
	char name[1200];

	snprintf(name, sizeof(name), "%s", scratch_path("kept"));
	ck_assert_int_eq(mkdir(name, 0700), 0);
	ck_assert_int_eq(io_write_file(scratch_path("kept/file"), "y", 1, 0600, &e), 0);
}

/* What `end` did shows beside the folder. */
static int
leave_word(const char *path, struct err *err)
{
	char name[1200], *slash;

	snprintf(name, sizeof(name), "%s", path);
	slash = strrchr(name, '/');
	snprintf(slash, sizeof(name) - (size_t)(slash - name), "/word");
	return io_write_file(name, "ended\n", 6, 0600, err);
}

START_TEST(it_is_removed_with_all_in_it_and_nothing_else)
{
	struct tempdir *t;
	struct stat st;

	keep_something();
	t = tempdir_new(scratch_path(""), "try", 0711, leave_word, &e);
	ck_assert_ptr_nonnull(t);
	ck_assert_int_eq(stat(tempdir_path(t), &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0711);
	fill(tempdir_path(t));
	ck_assert_int_eq(tempdir_end(t, &e), 0);
	ck_assert_str_eq(scratch_text("word"), "ended\n");
	ck_assert_str_eq(scratch_text("kept/file"), "y");
	ck_assert_int_eq(scratch_count(), 2);	/* kept, word */
	ck_assert_int_eq(tempdir_end(NULL, &e), 0);
}
END_TEST

START_TEST(who_is_killed_leaves_no_folder)
{
	int64_t deadline = clock_mono() + 20 * INT64_C(1000000);
	struct tempdir *t;
	pid_t pid;

	if ((pid = fork()) == 0) {
		if ((t = tempdir_new(scratch_path(""), "try", 0700, leave_word, &e)) == NULL)
			_exit(1);
		fill(tempdir_path(t));
		(void)raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	while ((strcmp(scratch_text("word"), "ended\n") != 0 || scratch_count() != 1) &&
	    clock_mono() < deadline)
		(void)usleep(10000);
	ck_assert_str_eq(scratch_text("word"), "ended\n");
	ck_assert_int_eq(scratch_count(), 1);
}
END_TEST

static int
fail_to_end(const char *path, struct err *err)
{
	return err_set(err, ERR_BUSY, "%s: somebody is in there", path);
}

START_TEST(what_cannot_be_ended_stays_and_is_told)
{
	struct tempdir *t;
	int rc;

	scratch_capture(STDERR_FILENO);
	t = tempdir_new(scratch_path(""), "try", 0700, fail_to_end, &e);
	rc = t != NULL ? tempdir_end(t, &e) : 0;
	ck_assert_ptr_nonnull(strstr(scratch_captured(), ": somebody is in there\n"));
	ck_assert_int_eq(rc, -1);
	ck_assert_int_eq(e.kind, ERR_IO);
	ck_assert_int_ge(scratch_count(), 1);
}
END_TEST

START_TEST(no_folder_to_make_it_in)
{
	ck_assert_ptr_null(tempdir_new(scratch_path("none"), "try", 0700, NULL, &e));
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
	ck_assert_int_eq(tempdir_remove(scratch_path("none"), &e), 0);
}
END_TEST

Suite *
tempdir_suite(void)
{
	Suite *s = suite_create("tempdir");
	TCase *t = tcase_create("tempdir");

	tcase_add_checked_fixture(t, scratch_setup, scratch_teardown);
	tcase_add_test(t, it_is_removed_with_all_in_it_and_nothing_else);
	tcase_add_test(t, who_is_killed_leaves_no_folder);
	tcase_add_test(t, what_cannot_be_ended_stays_and_is_told);
	tcase_add_test(t, no_folder_to_make_it_in);
	suite_add_tcase(s, t);
	return s;
}
