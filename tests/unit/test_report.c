/*
 * Tests of base/report: messages, progress on a terminal, SIGUSR1, the stop signals.
 */
#include <sys/ioctl.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/report.h"
#include "scratch.h"
#include "suites.h"

static struct err e = ERR_INIT;

static struct report *
new_report(int quiet, int verbose)
{
	struct report *r = report_new("tool", quiet, verbose, &e);

	ck_assert_ptr_nonnull(r);
	return r;
}

static void
say_all(struct report *r)
{
	report_note(r, "note %d", 1);
	report_detail(r, "detail");
	report_warn(r, "careful: %s", "thin ice");
}

/* _i: 1 quiet, 2 verbose */
START_TEST(messages_by_quiet_and_verbose)
{
	static const char *const expected[] = {
		"tool: note 1\ntool: warning: careful: thin ice\n",
		"tool: warning: careful: thin ice\n",
		"tool: note 1\ntool: detail\ntool: warning: careful: thin ice\n",
		"tool: warning: careful: thin ice\n",
	};
	struct report *r;

	scratch_capture(STDERR_FILENO);
	r = new_report(_i & 1, _i >> 1);
	say_all(r);
	ck_assert_str_eq(scratch_captured(), expected[_i]);
	report_free(r);
}
END_TEST

START_TEST(a_null_report_is_silent)
{
	struct err bad = ERR_INIT;

	err_set(&bad, ERR_CORRUPT, "bad");
	scratch_capture(STDERR_FILENO);
	say_all(NULL);
	report_progress(NULL, "step", 1, 2);
	report_done(NULL);
	ck_assert_int_eq(report_error(NULL, &bad), 65);
	report_free(NULL);
	ck_assert_str_eq(scratch_captured(), "");
}
END_TEST

START_TEST(messages_are_one_printable_line)
{
	struct report *r;

	scratch_capture(STDERR_FILENO);
	r = new_report(0, 0);
	report_note(r, "%s", "NOTICE: a\n\x1b[31mb\n");
	ck_assert_str_eq(scratch_captured(), "tool: NOTICE: a  [31mb\n");
	report_free(r);
}
END_TEST

START_TEST(an_error_is_one_line_and_at_most_one_hint)
{
	struct err bad = ERR_INIT;
	struct report *r;

	scratch_capture(STDERR_FILENO);
	r = new_report(1, 0);
	ck_assert_int_eq(report_error(r, &bad), 0);
	err_set(&bad, ERR_IO, "pack 9f3a: fsync: No space left on device");
	ck_assert_int_eq(report_error(r, &bad), 74);
	err_hint(&bad, "make room");
	ck_assert_int_eq(report_error(r, &bad), 74);
	err_set(&bad, ERR_USAGE, "unknown option --foo");
	ck_assert_int_eq(report_error(r, &bad), 64);
	err_hint(&bad, "write it so");
	ck_assert_int_eq(report_error(r, &bad), 64);
	ck_assert_str_eq(scratch_captured(),
	    "tool: pack 9f3a: fsync: No space left on device\n"
	    "tool: pack 9f3a: fsync: No space left on device\n"
	    "tool: hint: make room\n"
	    "tool: unknown option --foo\n"
	    "tool: hint: tool --help lists the options\n"
	    "tool: unknown option --foo\n"
	    "tool: hint: write it so\n");
	report_free(r);
}
END_TEST

START_TEST(progress_is_for_terminals_only)
{
	struct report *r;

	scratch_capture(STDERR_FILENO);
	r = new_report(0, 0);
	report_progress(r, "copying", 1, 2);
	report_done(r);
	ck_assert_str_eq(scratch_captured(), "");
	report_free(r);
}
END_TEST

static int master, real_stderr;

/* Make stderr a terminal of that many columns; what it gets is read from master. */
static void
open_terminal(unsigned short columns)
{
	struct winsize ws = { 24, columns, 0, 0 };
	int slave;

	master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	ck_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	ck_assert_int_eq(ioctl(master, TIOCSWINSZ, &ws), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(slave, 0);
	real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	ck_assert_int_eq(dup2(slave, STDERR_FILENO), STDERR_FILENO);
	ck_assert_int_eq(close(slave), 0);
}

/*
 * What the terminal got since the last call, as it came.  The kernel takes its time to
 * pass it on, so wait for a mark behind it.
 */
static const char *
terminal_got(void)
{
	static char text[65536];
	struct pollfd p = { master, POLLIN, 0 };
	size_t n = 0;
	ssize_t r;

	ck_assert_int_eq(write(STDERR_FILENO, "\a", 1), 1);
	do {
		ck_assert_int_eq(poll(&p, 1, 10000), 1);
		r = read(master, text + n, sizeof(text) - 1 - n);
		ck_assert_int_gt(r, 0);
		n += (size_t)r;
	} while (text[n - 1] != '\a');
	text[n - 1] = '\0';
	return text;
}

/* The same as a person sees it: without what was written over, and without blanks at ends. */
static const char *
terminal_shows(void)
{
	static char shown[65536];
	const char *p;
	size_t line = 0, at = 0, end = 0;

	for (p = terminal_got(); *p != '\0'; p++) {
		if (*p == '\r') {
			at = line;
		} else if (*p == '\n') {
			while (end > line && shown[end - 1] == ' ')
				end--;
			shown[end++] = '\n';
			line = at = end;
		} else {
			shown[at++] = *p;
			end = at > end ? at : end;
		}
	}
	while (end > line && shown[end - 1] == ' ')
		end--;
	shown[end] = '\0';
	return shown;
}

static void
close_terminal(void)
{
	ck_assert_int_eq(dup2(real_stderr, STDERR_FILENO), STDERR_FILENO);
	ck_assert(close(real_stderr) == 0 && close(master) == 0);
}

START_TEST(progress_tells_bytes_and_share)
{
	struct report *r;

	open_terminal(100);
	r = new_report(0, 0);
	report_progress(r, "copying", 3 << 19, 3 << 20);
	ck_assert_str_eq(terminal_shows(),
	    "tool: copying: 1.5 MiB of 3.0 MiB (50 %), 0 B/s, 0 ms so far");
	report_done(r);
	ck_assert_str_eq(terminal_shows(), "");
	report_free(r);
	close_terminal();
}
END_TEST

START_TEST(a_message_clears_the_progress_line)
{
	struct report *r;

	open_terminal(100);
	r = new_report(0, 0);
	report_progress(r, "copying", 1000, 0);
	report_note(r, "n");
	ck_assert_str_eq(terminal_shows(), "tool: n\n");
	report_done(r);
	ck_assert_str_eq(terminal_got(), "");
	report_free(r);
	close_terminal();
}
END_TEST

START_TEST(progress_keeps_within_the_width)
{
	struct report *r;

	open_terminal(20);
	r = new_report(0, 0);
	report_progress(r, "copying the data", 1000, 0);
	ck_assert_str_eq(terminal_shows(), "tool: copying the d");
	report_free(r);
	ck_assert_str_eq(terminal_shows(), "");
	close_terminal();
}
END_TEST

START_TEST(progress_is_drawn_four_times_a_second_at_most)
{
	int64_t start = clock_mono();
	struct report *r;
	const char *p;
	int draws = 0;

	open_terminal(100);
	r = new_report(0, 0);
	while (clock_mono() < start + 600000)
		report_progress(r, "copying", (uint64_t)(clock_mono() - start), 600000);
	for (p = terminal_got(); (p = strstr(p, "copying")) != NULL; p++)
		draws++;
	ck_assert_int_ge(draws, 1);
	ck_assert_int_le(draws, 1 + (int)((clock_mono() - start) / 250000));
	report_free(r);
	close_terminal();
}
END_TEST

START_TEST(quiet_shows_no_progress)
{
	struct report *r;

	open_terminal(100);
	r = new_report(1, 0);
	report_progress(r, "copying", 1, 2);
	report_free(r);
	ck_assert_str_eq(terminal_got(), "");
	close_terminal();
}
END_TEST

/* Wait until text stands in what is captured, ten seconds at most. */
static void
await_captured(const char *text)
{
	int64_t deadline = clock_mono() + 10000000;

	while (strstr(scratch_text("captured"), text) == NULL)
		ck_assert_msg(clock_mono() < deadline, "no \"%s\" in \"%s\"", text,
		    scratch_text("captured"));
}

START_TEST(sigusr1_prints_one_line_anywhere)
{
	struct report *r;
	const char *text;

	scratch_capture(STDERR_FILENO);
	r = new_report(1, 0);
	ck_assert_int_eq(report_signals(r, &e), 0);
	ck_assert_int_eq(raise(SIGUSR1), 0);
	await_captured("between steps");
	report_progress(r, "copying", 512, 1024);
	ck_assert_int_eq(raise(SIGUSR1), 0);
	await_captured(" so far\n");
	report_free(r);
	ck_assert_int_eq(raise(SIGUSR1), 0); /* comes too late, and does no harm */
	text = scratch_captured();
	ck_assert_ptr_nonnull(strstr(text, "tool: between steps, running for "));
	ck_assert_ptr_nonnull(
	    strstr(text, "\ntool: copying: 512 B of 1.0 KiB (50 %), 0 B/s, "));
}
END_TEST

static void *
talk(void *arg)
{
	struct report *r = arg;
	int i;

	for (i = 0; i < 200; i++) {
		report_note(r, "a line that should stay whole");
		report_progress(r, "talking", (uint64_t)i, 200);
	}
	return NULL;
}

START_TEST(threads_do_not_mix_their_lines)
{
	static const char line[] = "tool: a line that should stay whole\n";
	pthread_t threads[3];
	struct report *r;
	const char *p;
	int i, lines = 0;

	scratch_capture(STDERR_FILENO);
	r = new_report(0, 0);
	ck_assert_int_eq(report_signals(r, &e), 0);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, talk, r), 0);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	report_done(r);
	report_free(r);
	for (p = scratch_captured(); *p != '\0'; p += sizeof(line) - 1, lines++)
		ck_assert_int_eq(strncmp(p, line, sizeof(line) - 1), 0);
	ck_assert_int_eq(lines, 600);
}
END_TEST

static int
readable(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, 0);
}

START_TEST(sigterm_sets_the_flag_and_the_descriptor)
{
	ck_assert_int_eq(report_stop_fd(), -1);
	ck_assert_int_eq(report_stop_install(&e), 0);
	ck_assert_int_eq(report_stopping(), 0);
	ck_assert_int_eq(readable(report_stop_fd()), 0);
	ck_assert_int_eq(raise(_i == 0 ? SIGTERM : SIGINT), 0);
	ck_assert_int_eq(report_stopping(), 1);
	ck_assert_int_eq(readable(report_stop_fd()), 1);
	ck_assert_int_eq(raise(SIGTERM), 0);
	ck_assert_int_eq(readable(report_stop_fd()), 1);
	ck_assert_int_eq(fcntl(report_stop_fd(), F_GETFD), FD_CLOEXEC);
}
END_TEST

START_TEST(a_broken_pipe_does_not_kill)
{
	int p[2];

	ck_assert_int_eq(report_stop_install(&e), 0);
	ck_assert(pipe(p) == 0 && close(p[0]) == 0);
	ck_assert_int_eq(write(p[1], "x", 1), -1);
	ck_assert_int_eq(errno, EPIPE);
	ck_assert_int_eq(close(p[1]), 0);
}
END_TEST

START_TEST(an_ignored_sigint_stays_ignored)
{
	ck_assert(signal(SIGINT, SIG_IGN) != SIG_ERR);
	ck_assert_int_eq(report_stop_install(&e), 0);
	ck_assert_int_eq(raise(SIGINT), 0);
	ck_assert_int_eq(report_stopping(), 0);
}
END_TEST

Suite *
report_suite(void)
{
	Suite *s = suite_create("report");
	TCase *t = tcase_create("report");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, scratch_setup, scratch_teardown);
	tcase_add_loop_test(t, messages_by_quiet_and_verbose, 0, 4);
	tcase_add_test(t, a_null_report_is_silent);
	tcase_add_test(t, messages_are_one_printable_line);
	tcase_add_test(t, an_error_is_one_line_and_at_most_one_hint);
	tcase_add_test(t, progress_is_for_terminals_only);
	tcase_add_test(t, progress_tells_bytes_and_share);
	tcase_add_test(t, a_message_clears_the_progress_line);
	tcase_add_test(t, progress_keeps_within_the_width);
	tcase_add_test(t, progress_is_drawn_four_times_a_second_at_most);
	tcase_add_test(t, quiet_shows_no_progress);
	tcase_add_test(t, sigusr1_prints_one_line_anywhere);
	tcase_add_test(t, threads_do_not_mix_their_lines);
	tcase_add_loop_test(t, sigterm_sets_the_flag_and_the_descriptor, 0, 2);
	tcase_add_test(t, a_broken_pipe_does_not_kill);
	tcase_add_test(t, an_ignored_sigint_stays_ignored);
	suite_add_tcase(s, t);
	return s;
}
