/*
 * Tests of base/lock.
 */
#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/lock.h"
#include "scratch.h"
#include "suites.h"

static struct err e = ERR_INIT;

START_TEST(the_file_names_the_holder)
{
	struct lock *l = lock_take(scratch_path("lock"), &e);
	char pid[32];

	ck_assert_ptr_nonnull(l);
	snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	ck_assert_str_eq(scratch_text("lock"), pid);
	lock_free(l);
	ck_assert_str_eq(scratch_text("lock"), "");
	lock_free(NULL);
}
END_TEST

START_TEST(a_held_lock_is_busy_and_names_the_holder)
{
	const char *path = scratch_path("lock");
	struct lock *l = lock_take(path, &e);
	char expected[1024];

	ck_assert_ptr_null(lock_take(path, &e));
	ck_assert_int_eq(e.kind, ERR_BUSY);
	snprintf(expected, sizeof(expected), "%s: locked by process %ld", path,
	    (long)getpid());
	ck_assert_str_eq(e.msg, expected);
	lock_free(l);
	l = lock_take(path, &e);
	ck_assert_ptr_nonnull(l);
	lock_free(l);
}
END_TEST

/* A child that takes the lock, tells so, and waits for its end. */
static pid_t
start_holder(const char *path)
{
	int ready[2];
	pid_t pid;
	char c;

	ck_assert_int_eq(pipe(ready), 0);
	if ((pid = fork()) == 0) {
		if (lock_take(path, &e) == NULL || write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ck_assert_int_eq(close(ready[1]), 0);
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	ck_assert_int_eq(close(ready[0]), 0);
	return pid;
}

START_TEST(a_lock_dies_with_its_process)
{
	const char *path = scratch_path("lock");
	pid_t pid = start_holder(path);
	struct lock *l;

	ck_assert_ptr_null(lock_take(path, &e));
	ck_assert_int_eq(e.kind, ERR_BUSY);
	ck_assert(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
	l = lock_take(path, &e);
	ck_assert_ptr_nonnull(l);
	lock_free(l);
}
END_TEST

/* The state of a process as the kernel tells it: R, S (sleeps), Z (has ended), ... */
static char
state_of(pid_t pid)
{
	char path[64], state = '?';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	if ((f = fopen(path, "re")) != NULL) {
		ck_assert_int_eq(fscanf(f, "%*d (%*[^)]) %c", &state), 1);
		ck_assert_int_eq(fclose(f), 0);
	}
	return state;
}

START_TEST(wait_gets_the_lock_when_it_is_free)
{
	const char *path = scratch_path("lock");
	pid_t holder = start_holder(path), waiter;
	int status;

	if ((waiter = fork()) == 0)
		_exit(lock_wait(path, &e) != NULL ? 0 : 1);
	while (state_of(waiter) == 'R' || state_of(waiter) == 'D')
		;
	ck_assert_int_eq(state_of(waiter), 'S');
	ck_assert(kill(holder, SIGKILL) == 0 && waitpid(holder, NULL, 0) == holder);
	ck_assert_int_eq(waitpid(waiter, &status, 0), waiter);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(a_lock_needs_its_folder)
{
	ck_assert_ptr_null(lock_take(scratch_path("none/lock"), &e));
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
}
END_TEST

Suite *
lock_suite(void)
{
	Suite *s = suite_create("lock");
	TCase *t = tcase_create("lock");

	tcase_add_checked_fixture(t, scratch_setup, scratch_teardown);
	tcase_add_test(t, the_file_names_the_holder);
	tcase_add_test(t, a_held_lock_is_busy_and_names_the_holder);
	tcase_add_test(t, a_lock_dies_with_its_process);
	tcase_add_test(t, wait_gets_the_lock_when_it_is_free);
	tcase_add_test(t, a_lock_needs_its_folder);
	suite_add_tcase(s, t);
	return s;
}
