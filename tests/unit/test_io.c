/*
 * Tests of base/io.
 */
#include <sys/resource.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "calls.h"
#include "scratch.h"
#include "suites.h"

static struct err e = ERR_INIT;

static void
assert_message(const char *path, const char *rest)
{
	char expected[sizeof(e.msg)];

	snprintf(expected, sizeof(expected), "%s: %s", path, rest);
	ck_assert_str_eq(e.msg, expected);
}

static void
put(const char *name, const char *text)
{
	ck_assert_msg(io_write_file(scratch_path(name), text, strlen(text), 0644, &e) == 0,
	    "%s", e.msg);
}

START_TEST(open_fails_with_name_kind_and_reason)
{
	const char *path = scratch_path("a");
	int fd;

	ck_assert_int_eq(io_open(path, O_RDONLY, 0, &e), -1);
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
	ck_assert_int_eq(e.sys, ENOENT);
	assert_message(path, "open: No such file or directory");
	fd = io_open(path, O_WRONLY | O_CREAT | O_EXCL, 0600, &e);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(io_close(fd, path, &e), 0);
	ck_assert_int_eq(io_open(path, O_WRONLY | O_CREAT | O_EXCL, 0600, &e), -1);
	ck_assert_int_eq(e.kind, ERR_CONFLICT);
	ck_assert_int_eq(io_open(scratch_path("."), O_WRONLY, 0, &e), -1);
	ck_assert_int_eq(e.kind, ERR_IO);
}
END_TEST

START_TEST(a_nameless_file_is_in_no_folder)
{
	char text[8] = "";
	struct stat st;
	size_t got;
	int fd;

	calls_refuse_tmpfile(_i);
	fd = io_open_nameless(scratch_path(""), 0640, &e);
	calls_refuse_tmpfile(0);
	ck_assert_msg(fd >= 0, "%s", e.msg);
	ck_assert_int_eq(scratch_count(), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_nlink, 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(io_write_all(fd, "seven", 5, "file", &e), 0);
	ck_assert_int_eq(io_pread_full(fd, text, sizeof(text), 0, &got, "file", &e), 0);
	ck_assert_str_eq(text, "seven");
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(a_nameless_file_needs_a_folder)
{
	calls_refuse_tmpfile(_i);
	ck_assert_int_eq(io_open_nameless(scratch_path("none"), 0600, &e), -1);
	calls_refuse_tmpfile(0);
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(e.msg, scratch_path("none")));
}
END_TEST

START_TEST(a_missing_right_is_refused)
{
	const char *path = scratch_path("secret");

	put("secret", "x");
	ck_assert_int_eq(chmod(path, 0), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_int_eq(io_open(path, O_RDONLY, 0, &e), -1);
	ck_assert_int_eq(e.kind, ERR_REFUSED);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(a_bad_descriptor_is_told)
{
	size_t got;
	char c;

	ck_assert_int_eq(io_close(-1, "it", &e), -1);
	ck_assert_str_eq(e.msg, "it: close: Bad file descriptor");
	ck_assert_int_eq(io_read_full(-1, &c, 1, &got, "it", &e), -1);
	ck_assert_str_eq(e.msg, "it: read: Bad file descriptor");
	ck_assert_int_eq(io_write_all(-1, &c, 1, "it", &e), -1);
	ck_assert_str_eq(e.msg, "it: write: Bad file descriptor");
	ck_assert_int_eq(io_fdatasync(-1, "it", &e), -1);
	ck_assert_str_eq(e.msg, "it: fdatasync: Bad file descriptor");
}
END_TEST

/* A child that copies n bytes from one pipe to another, in pieces of at most step. */
static pid_t
start_copier(int from, int to, size_t n, size_t step)
{
	char piece[4096];
	pid_t pid = fork();
	ssize_t r;

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	for (; n > 0; n -= (size_t)r) {
		r = read(from, piece, n < step ? n : step);
		if (r <= 0 || write(to, piece, (size_t)r) != r)
			_exit(1);
	}
	_exit(0);
}

START_TEST(whole_transfers_through_pipes)
{
	const size_t n = 300000;
	uint8_t *out = malloc(n), *in = malloc(n + 1);
	int to[2], from[2], status;
	pid_t copier, writer;
	size_t i, got;

	for (i = 0; i < n; i++)
		out[i] = (uint8_t)(i * 7 + i / 256);
	ck_assert(pipe(to) == 0 && pipe(from) == 0);
	copier = start_copier(to[0], from[1], n, 777);
	ck_assert_int_eq(close(from[1]), 0);
	if ((writer = fork()) == 0)
		_exit(io_write_all(to[1], out, n, "pipe", &e) == 0 ? 0 : 1);
	ck_assert_int_eq(io_read_full(from[0], in, n + 1, &got, "pipe", &e), 0);
	ck_assert_uint_eq(got, n);
	ck_assert_mem_eq(in, out, n);
	ck_assert_int_eq(waitpid(copier, &status, 0), copier);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(waitpid(writer, &status, 0), writer);
	ck_assert_int_eq(status, 0);
	free(in);
	free(out);
}
END_TEST

static int alarm_pipe[2], alarms;

/* Interrupts the read four times, then gives it what it waits for. */
static void
on_alarm(int sig)
{
	(void)sig;
	if (++alarms == 5 && write(alarm_pipe[1], "ab", 2) != 2)
		_exit(1);
}

START_TEST(an_interrupted_read_goes_on)
{
	struct itimerval timer = { { 0, 5000 }, { 0, 5000 } }, off = { { 0, 0 }, { 0, 0 } };
	struct sigaction sa;
	size_t got;
	char p[2];

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_alarm;
	ck_assert(pipe(alarm_pipe) == 0 && sigaction(SIGALRM, &sa, NULL) == 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
	ck_assert_int_eq(io_read_full(alarm_pipe[0], p, 2, &got, "pipe", &e), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &off, NULL), 0);
	ck_assert_uint_eq(got, 2);
	ck_assert_mem_eq(p, "ab", 2);
}
END_TEST

START_TEST(reads_and_writes_at_offsets)
{
	const char *path = scratch_path("f");
	char p[8];
	size_t got;
	int fd = io_open(path, O_RDWR | O_CREAT, 0600, &e);

	ck_assert_int_eq(io_pwrite_all(fd, "world", 5, 6, path, &e), 0);
	ck_assert_int_eq(io_pwrite_all(fd, "hello ", 6, 0, path, &e), 0);
	ck_assert_int_eq(io_pread_full(fd, p, 8, 4, &got, path, &e), 0);
	ck_assert_uint_eq(got, 7);
	ck_assert_mem_eq(p, "o world", 7);
	ck_assert_int_eq(io_pread_full(fd, p, 8, 11, &got, path, &e), 0);
	ck_assert_uint_eq(got, 0);
	ck_assert_int_eq(io_pread_full(fd, p, 8, UINT64_MAX - 4, &got, path, &e), -1);
	ck_assert_int_eq(e.kind, ERR_IO);
	ck_assert_uint_eq(got, 0);
	ck_assert_int_eq(io_pwrite_all(fd, p, 8, INT64_MAX, path, &e), -1);
	ck_assert_int_eq(e.kind, ERR_IO);
	ck_assert_int_eq(io_fsync(fd, path, &e), 0);
	ck_assert_int_eq(io_fdatasync(fd, path, &e), 0);
	ck_assert_int_eq(io_close(fd, path, &e), 0);
	ck_assert_str_eq(scratch_text("f"), "hello world");
}
END_TEST

START_TEST(a_full_disk_is_an_io_error)
{
	int fd = io_open("/dev/full", O_WRONLY, 0, &e);

	ck_assert_int_eq(io_write_all(fd, "x", 1, "/dev/full", &e), -1);
	ck_assert_int_eq(e.kind, ERR_IO);
	ck_assert_int_eq(e.sys, ENOSPC);
	ck_assert_str_eq(e.msg, "/dev/full: write: No space left on device");
	ck_assert_int_eq(io_close(fd, "/dev/full", &e), 0);
}
END_TEST

START_TEST(read_file_appends_the_whole)
{
	struct buf b = BUF_INIT;

	put("f", "0123456789");
	buf_str(&b, "> ");
	ck_assert_int_eq(io_read_file(scratch_path("f"), 10, &b, &e), 0);
	ck_assert_str_eq(buf_cstr(&b), "> 0123456789");
	put("empty", "");
	ck_assert_int_eq(io_read_file(scratch_path("empty"), 0, &b, &e), 0);
	ck_assert_str_eq(buf_cstr(&b), "> 0123456789");
	buf_free(&b);
}
END_TEST

START_TEST(read_file_takes_files_that_tell_no_size)
{
	struct buf b = BUF_INIT;

	ck_assert_int_eq(io_read_file("/proc/self/smaps", 1 << 20, &b, &e), 0);
	ck_assert_uint_gt(b.len, 4096);
	buf_reset(&b);
	ck_assert_int_eq(io_read_file("/proc/self/smaps", 1000, &b, &e), -1);
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
	buf_free(&b);
}
END_TEST

START_TEST(read_file_fails_and_adds_nothing)
{
	const char *path = scratch_path("f");
	struct buf b = BUF_INIT;

	put("f", "0123456789");
	buf_str(&b, "> ");
	ck_assert_int_eq(io_read_file(path, 9, &b, &e), -1);
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
	assert_message(path, "larger than 9 bytes");
	ck_assert_int_eq(io_read_file(scratch_path("none"), 9, &b, &e), -1);
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
	ck_assert_int_eq(io_read_file(scratch_path("."), 9, &b, &e), -1);
	ck_assert_int_eq(e.kind, ERR_IO);
	ck_assert_str_eq(buf_cstr(&b), "> ");
	buf_free(&b);
}
END_TEST

START_TEST(write_file_replaces_and_leaves_nothing_beside)
{
	struct stat st;

	put("f", "old and long");
	ck_assert_int_eq(io_write_file(scratch_path("f"), "new", 3, 0600, &e), 0);
	ck_assert_str_eq(scratch_text("f"), "new");
	ck_assert_int_eq(stat(scratch_path("f"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(io_write_file(scratch_path("empty"), "", 0, 0600, &e), 0);
	ck_assert_str_eq(scratch_text("empty"), "");
	ck_assert_int_eq(scratch_count(), 2);
}
END_TEST

START_TEST(create_file_passes_over_what_killed_processes_left)
{
	char name[64];
	int i;

	for (i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "f.%ld-%d.tmp", (long)getpid(), i);
		ck_assert_int_eq(close(creat(scratch_path(name), 0600)), 0);
	}
	ck_assert_int_eq(io_create_file(scratch_path("f"), "new", 3, 0600, &e), 0);
	ck_assert_str_eq(scratch_text("f"), "new");
	ck_assert_int_eq(scratch_count(), 6);
}
END_TEST

START_TEST(write_file_removes_what_killed_processes_left)
{
	static const char *const left[] = { "f.1-0.tmp", "f.12345-678.tmp" };
	static const char *const others[] = { "f.tmp", "f.1.tmp", "f.1-0.tmp2", "ff.1-0.tmp",
		"g.1-0.tmp", "f.a-0.tmp", "f.1-0.2-0.tmp" };
	size_t i;
	int fd;

	for (i = 0; i < 2; i++)
		ck_assert_int_eq(close(creat(scratch_path(left[i]), 0600)), 0);
	for (i = 0; i < 7; i++)
		ck_assert_int_eq(close(creat(scratch_path(others[i]), 0600)), 0);
	/* One whose process still lives. */
	ck_assert_int_ge(fd = creat(scratch_path("f.2-0.tmp"), 0600), 0);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	ck_assert_int_eq(io_write_volatile(scratch_path("f"), "new", 3, 0600, &e), 0);
	ck_assert_int_eq(scratch_count(), 9);
	for (i = 0; i < 7; i++)
		ck_assert_int_eq(access(scratch_path(others[i]), F_OK), 0);
	ck_assert_int_eq(access(scratch_path("f.2-0.tmp"), F_OK), 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(io_write_file(scratch_path("f"), "new", 3, 0600, &e), 0);
	ck_assert_int_eq(scratch_count(), 8);
}
END_TEST

START_TEST(files_are_synced_before_they_get_their_name)
{
	calls_watch();
	ck_assert_int_eq(io_write_file(scratch_path("a"), "x", 1, 0600, &e), 0);
	ck_assert_str_eq(calls_seen(), "write fsync rename fsync-dir");
	calls_watch();
	ck_assert_int_eq(io_create_file(scratch_path("b"), "x", 1, 0600, &e), 0);
	ck_assert_str_eq(calls_seen(), "write fsync link fsync-dir unlink");
	calls_watch();
	ck_assert_int_eq(io_write_volatile(scratch_path("c"), "x", 1, 0600, &e), 0);
	ck_assert_str_eq(calls_seen(), "write rename");
	ck_assert_str_eq(scratch_text("a"), "x");
	ck_assert_str_eq(scratch_text("b"), "x");
	ck_assert_str_eq(scratch_text("c"), "x");
	ck_assert_int_eq(scratch_count(), 3);
}
END_TEST

/* _i is the call that fails. */
START_TEST(write_file_survives_any_failing_call)
{
	static const struct {
		const char *rest, *left;
	} rows[] = {
		{ "write: No space left on device", "old" },
		{ "fsync: No space left on device", "old" },
		{ "rename: No space left on device", "old" },
		{ "fsync: No space left on device", "new" },
	};
	const char *path = scratch_path("f");

	put("f", "old");
	calls_watch();
	calls_fail(_i + 1, ENOSPC);
	ck_assert_int_eq(io_write_file(path, "new", 3, 0600, &e), -1);
	(void)calls_seen(); /* to stop it */
	ck_assert_int_eq(e.kind, ERR_IO);
	assert_message(_i == 3 ? scratch_path("") : path, rows[_i].rest);
	ck_assert_str_eq(scratch_text("f"), rows[_i].left);
	ck_assert_int_eq(scratch_count(), 1);
}
END_TEST

START_TEST(an_interrupted_fsync_is_called_again)
{
	calls_watch();
	calls_fail(2, EINTR);
	ck_assert_int_eq(io_write_file(scratch_path("f"), "x", 1, 0600, &e), 0);
	ck_assert_str_eq(calls_seen(), "write fsync fsync rename fsync-dir");
}
END_TEST

START_TEST(a_failed_fsync_is_not_called_again)
{
	calls_watch();
	calls_fail(2, EIO);
	ck_assert_int_eq(io_write_file(scratch_path("f"), "x", 1, 0600, &e), -1);
	ck_assert_str_eq(calls_seen(), "write fsync unlink");
}
END_TEST

START_TEST(write_file_needs_the_folder)
{
	const char *path = scratch_path("none/f");

	ck_assert_int_eq(io_write_file(path, "x", 1, 0600, &e), -1);
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
}
END_TEST

START_TEST(create_file_never_replaces)
{
	const char *path = scratch_path("f");

	ck_assert_int_eq(io_create_file(path, "first", 5, 0600, &e), 0);
	ck_assert_int_eq(io_create_file(path, "second", 6, 0600, &e), -1);
	ck_assert_int_eq(e.kind, ERR_CONFLICT);
	assert_message(path, "link: File exists");
	ck_assert_str_eq(scratch_text("f"), "first");
	ck_assert_int_eq(scratch_count(), 1);
}
END_TEST

START_TEST(link_new_moves_but_never_replaces)
{
	put("from", "first");
	ck_assert_int_eq(io_link_new(scratch_path("from"), scratch_path("to"), &e), 0);
	ck_assert_str_eq(scratch_text("to"), "first");
	ck_assert_int_eq(scratch_count(), 1);
	put("from", "second");
	ck_assert_int_eq(io_link_new(scratch_path("from"), scratch_path("to"), &e), -1);
	ck_assert_int_eq(e.kind, ERR_CONFLICT);
	ck_assert_str_eq(scratch_text("to"), "first");
	ck_assert_str_eq(scratch_text("from"), "second");
}
END_TEST

START_TEST(link_new_succeeds_once_the_name_is_durable)
{
	put("from", "x");
	calls_watch();
	calls_fail(3, EIO);
	ck_assert_int_eq(io_link_new(scratch_path("from"), scratch_path("to"), &e), 0);
	ck_assert_str_eq(calls_seen(), "link fsync-dir unlink");
	put("from", "x");
	calls_watch();
	calls_fail(2, EIO);
	ck_assert_int_eq(io_link_new(scratch_path("from"), scratch_path("other"), &e), -1);
	ck_assert_str_eq(calls_seen(), "link fsync-dir");
	ck_assert_int_eq(e.kind, ERR_IO);
}
END_TEST

START_TEST(mkdirs_makes_all_and_syncs_each)
{
	struct stat st;

	calls_watch();
	ck_assert_int_eq(io_mkdirs(scratch_path("a/b/c"), 0700, &e), 0);
	ck_assert_str_eq(calls_seen(),
	    "mkdir mkdir mkdir fsync-dir mkdir fsync-dir mkdir fsync-dir");
	ck_assert_int_eq(stat(scratch_path("a/b/c"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	ck_assert_int_eq(io_mkdirs(scratch_path("a//d/"), 0700, &e), 0);
	ck_assert_int_eq(access(scratch_path("a/d"), F_OK), 0);
}
END_TEST

START_TEST(mkdirs_finds_an_existing_folder_fine)
{
	ck_assert_int_eq(mkdir(scratch_path("a"), 0700), 0);
	calls_watch();
	ck_assert_int_eq(io_mkdirs(scratch_path("a"), 0700, &e), 0);
	ck_assert_str_eq(calls_seen(), "mkdir fsync-dir");
	ck_assert_int_eq(symlink("a", scratch_path("to-a")), 0);
	ck_assert_int_eq(io_mkdirs(scratch_path("to-a/b"), 0700, &e), 0);
	ck_assert_int_eq(access(scratch_path("a/b"), F_OK), 0);
	ck_assert_int_eq(io_mkdirs("/", 0700, &e), 0);
	ck_assert_int_eq(io_mkdirs(".", 0700, &e), 0);
	ck_assert_int_eq(chdir(scratch_path(".")), 0);
	ck_assert_int_eq(io_mkdirs("relative/b", 0700, &e), 0);
	ck_assert_int_eq(access(scratch_path("relative/b"), F_OK), 0);
}
END_TEST

START_TEST(mkdirs_fails_where_it_cannot)
{
	const char *path = scratch_path("f");

	put("f", "x");
	ck_assert_int_eq(io_mkdirs(path, 0700, &e), -1);
	ck_assert_int_eq(e.kind, ERR_CONFLICT);
	assert_message(path, "exists and is not a folder");
	ck_assert_int_eq(io_mkdirs(scratch_path("f/a"), 0700, &e), -1);
	ck_assert_int_eq(e.kind, ERR_IO);
	ck_assert_int_eq(symlink("nowhere", scratch_path("dangling")), 0);
	ck_assert_int_eq(io_mkdirs(scratch_path("dangling"), 0700, &e), -1);
	ck_assert_int_eq(io_mkdirs("/proc/none/a", 0700, &e), -1);
	ck_assert_int_eq(io_mkdirs("", 0700, &e), -1);
	calls_watch();
	calls_fail(2, EIO);
	ck_assert_int_eq(io_mkdirs(scratch_path("a"), 0700, &e), -1);
	ck_assert_str_eq(calls_seen(), "mkdir fsync-dir");
}
END_TEST

START_TEST(path_joins)
{
	char *path = io_path("/srv/v", "packs/a", &e);

	ck_assert_str_eq(path, "/srv/v/packs/a");
	free(path);
}
END_TEST

Suite *
io_suite(void)
{
	Suite *s = suite_create("io");
	TCase *t = tcase_create("io");

	tcase_add_checked_fixture(t, scratch_setup, scratch_teardown);
	tcase_add_test(t, open_fails_with_name_kind_and_reason);
	tcase_add_loop_test(t, a_nameless_file_is_in_no_folder, 0, 2);
	tcase_add_loop_test(t, a_nameless_file_needs_a_folder, 0, 2);
	tcase_add_test(t, a_missing_right_is_refused);
	tcase_add_test(t, a_bad_descriptor_is_told);
	tcase_add_test(t, whole_transfers_through_pipes);
	tcase_add_test(t, an_interrupted_read_goes_on);
	tcase_add_test(t, reads_and_writes_at_offsets);
	tcase_add_test(t, a_full_disk_is_an_io_error);
	tcase_add_test(t, read_file_appends_the_whole);
	tcase_add_test(t, read_file_takes_files_that_tell_no_size);
	tcase_add_test(t, read_file_fails_and_adds_nothing);
	tcase_add_test(t, write_file_replaces_and_leaves_nothing_beside);
	tcase_add_test(t, create_file_passes_over_what_killed_processes_left);
	tcase_add_test(t, write_file_removes_what_killed_processes_left);
	tcase_add_test(t, files_are_synced_before_they_get_their_name);
	tcase_add_loop_test(t, write_file_survives_any_failing_call, 0, 4);
	tcase_add_test(t, an_interrupted_fsync_is_called_again);
	tcase_add_test(t, a_failed_fsync_is_not_called_again);
	tcase_add_test(t, write_file_needs_the_folder);
	tcase_add_test(t, create_file_never_replaces);
	tcase_add_test(t, link_new_moves_but_never_replaces);
	tcase_add_test(t, link_new_succeeds_once_the_name_is_durable);
	tcase_add_test(t, mkdirs_makes_all_and_syncs_each);
	tcase_add_test(t, mkdirs_finds_an_existing_folder_fine);
	tcase_add_test(t, mkdirs_fails_where_it_cannot);
	tcase_add_test(t, path_joins);
	suite_add_tcase(s, t);
	return s;
}
