/*
 * What a tool tells: messages and progress on stderr.
 */
#include <sys/ioctl.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/report.h"

#define REDRAW	250000 /* microseconds between two progress lines */
#define LINE	1536   /* a message of struct err, and the words before it */

struct report {
	const char *tool;
	int quiet, verbose, tty;
	int64_t started;

	pthread_mutex_t lock; /* guards what follows, and stderr */
	char step[64];	      /* "" between steps */
	uint64_t first, done, total;
	int64_t step_started, drawn; /* when */
	int shown;		     /* columns of the progress line, 0: there is none */

	int signals; /* the thread runs that prints the line for SIGUSR1 */
	atomic_int ending;
	pthread_t thread;
};

/* Through it the handler of SIGUSR1 wakes the thread that prints the line. */
static int wake_pipe[2] = { -1, -1 };

struct report *
report_new(const char *tool, int quiet, int verbose, struct err *e)
{
	struct report *r;

	if ((r = calloc(1, sizeof(*r))) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	r->tool = tool;
	r->quiet = quiet;
	r->verbose = verbose;
	r->tty = isatty(STDERR_FILENO);
	r->started = clock_mono();
	pthread_mutex_init(&r->lock, NULL);
	return r;
}

/* What cannot be told on stderr cannot be told anywhere: stderr's errors are not looked at. */
static void
clear_line(struct report *r)
{
	if (r->shown > 0)
		fprintf(stderr, "\r%*s\r", r->shown, "");
	r->shown = 0;
}

static void
print_line(struct report *r, const char *prefix, char *text)
{
	err_flatten(text);
	clear_line(r);
	fprintf(stderr, "%s: %s%s\n", r->tool, prefix, text);
}

static void __attribute__((format(printf, 3, 0)))
print_message(struct report *r, const char *prefix, const char *fmt, va_list ap)
{
	char text[LINE];

	vsnprintf(text, sizeof(text), fmt, ap);
	pthread_mutex_lock(&r->lock);
	print_line(r, prefix, text);
	pthread_mutex_unlock(&r->lock);
}

void
report_note(struct report *r, const char *fmt, ...)
{
	va_list ap;

	if (r == NULL || r->quiet)
		return;
	va_start(ap, fmt);
	print_message(r, "", fmt, ap);
	va_end(ap);
}

void
report_detail(struct report *r, const char *fmt, ...)
{
	va_list ap;

	if (r == NULL || r->quiet || !r->verbose)
		return;
	va_start(ap, fmt);
	print_message(r, "", fmt, ap);
	va_end(ap);
}

void
report_warn(struct report *r, const char *fmt, ...)
{
	va_list ap;

	if (r == NULL)
		return;
	va_start(ap, fmt);
	print_message(r, "warning: ", fmt, ap);
	va_end(ap);
}

int
report_error(struct report *r, const struct err *e)
{
	struct err copy = *e;

	if (r == NULL || e->kind == ERR_NONE)
		return err_exit_status(e->kind);
	if (e->kind == ERR_USAGE && e->hint[0] == '\0')
		err_hint(&copy, "%s --help lists the options", r->tool);
	pthread_mutex_lock(&r->lock);
	print_line(r, "", copy.msg);
	if (copy.hint[0] != '\0')
		print_line(r, "hint: ", copy.hint);
	pthread_mutex_unlock(&r->lock);
	return err_exit_status(e->kind);
}

/* "12.3 MiB". */
static const char *
format_bytes(char out[32], double n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	size_t i = 0;

	for (; n >= 1024 && i + 1 < sizeof(units) / sizeof(units[0]); i++)
		n /= 1024;
	snprintf(out, 32, i == 0 || n >= 99.95 ? "%.0f %s" : "%.1f %s", n, units[i]);
	return out;
}

/* "tool: step: 1.2 GiB of 3.4 GiB (35 %), 120 MiB/s, 18 s left" */
static void
describe(const struct report *r, int64_t now, char line[LINE])
{
	char done[32], total[32], rate[32], span[32];
	double seconds = (double)(now - r->step_started) / 1e6, speed = 0, left;
	size_t n;

	if (r->step[0] == '\0') {
		snprintf(line, LINE, "%s: between steps, running for %s", r->tool,
		    clock_format_span(span, now - r->started));
		return;
	}
	if (r->done > r->first && seconds > 0)
		speed = (double)(r->done - r->first) / seconds;
	n = (size_t)snprintf(line, LINE, "%s: %s: %s", r->tool, r->step,
	    format_bytes(done, (double)r->done));
	if (r->total > 0)
		n += (size_t)snprintf(line + n, LINE - n, " of %s (%d %%)",
		    format_bytes(total, (double)r->total),
		    (int)(100.0 * (double)r->done / (double)r->total));
	n += (size_t)snprintf(line + n, LINE - n, ", %s/s", format_bytes(rate, speed));
	left = r->total > r->done && speed > 0 ? (double)(r->total - r->done) / speed : 0;
	if (left > 0 && left < 1e9)
		snprintf(line + n, LINE - n, ", %s left",
		    clock_format_span(span, (int64_t)(left * 1e6)));
	else
		snprintf(line + n, LINE - n, ", %s so far",
		    clock_format_span(span, now - r->step_started));
}

/* The line that stays in place, within the terminal's width. */
static void
draw(struct report *r, int64_t now)
{
	char line[LINE];
	struct winsize ws;
	size_t width = 80;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0)
		width = ws.ws_col;
	describe(r, now, line);
	err_flatten(line);
	if (width <= sizeof(line) && strlen(line) >= width)
		line[width - 1] = '\0';
	clear_line(r);
	fputs(line, stderr);
	fflush(stderr);
	r->shown = (int)strlen(line);
	r->drawn = now;
}

void
report_progress(struct report *r, const char *step, uint64_t done, uint64_t total)
{
	int64_t now = clock_mono();

	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	if (strncmp(r->step, step, sizeof(r->step) - 1) != 0) {
		snprintf(r->step, sizeof(r->step), "%s", step);
		r->step_started = now;
		r->first = done;
	}
	r->done = done;
	r->total = total;
	if (r->tty && !r->quiet && (r->drawn == 0 || now - r->drawn >= REDRAW))
		draw(r, now);
	pthread_mutex_unlock(&r->lock);
}

void
report_done(struct report *r)
{
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	clear_line(r);
	r->step[0] = '\0';
	pthread_mutex_unlock(&r->lock);
}

/* The status line of the moment, for SIGUSR1, on a terminal or not. */
static void
print_status(struct report *r)
{
	char line[LINE];

	pthread_mutex_lock(&r->lock);
	describe(r, clock_mono(), line);
	err_flatten(line);
	clear_line(r);
	fprintf(stderr, "%s\n", line);
	pthread_mutex_unlock(&r->lock);
}

static void
on_usr1(int sig)
{
	int saved = errno;

	(void)sig;
	if (write(wake_pipe[1], "", 1) != 1)
		errno = 0; /* full of such wishes: the thread is awake */
	errno = saved;
}

static void *
signal_main(void *arg)
{
	struct report *r = arg;
	ssize_t n;
	char c;

	while ((n = read(wake_pipe[0], &c, 1)) == 1 || (n < 0 && errno == EINTR)) {
		if (atomic_load(&r->ending))
			break;
		if (n == 1)
			print_status(r);
	}
	return NULL;
}

/* The pipe is made once and never closed, since a handler may be about to write to it. */
static int
open_wake_pipe(struct err *e)
{
	if (wake_pipe[0] < 0 && pipe2(wake_pipe, O_CLOEXEC) != 0)
		return err_sys(e, ERR_SYSTEM, "pipe");
	if (fcntl(wake_pipe[1], F_SETFL, O_NONBLOCK) != 0)
		return err_sys(e, ERR_SYSTEM, "pipe");
	return 0;
}

static int
set_usr1(void (*handler)(int))
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = handler;
	sa.sa_flags = SA_RESTART;
	return sigaction(SIGUSR1, &sa, NULL);
}

int
report_signals(struct report *r, struct err *e)
{
	sigset_t all, before;

	if (open_wake_pipe(e) != 0)
		return -1;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	errno = pthread_create(&r->thread, NULL, signal_main, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (errno != 0)
		return err_sys(e, ERR_SYSTEM, "start a thread");
	r->signals = 1;
	if (set_usr1(on_usr1) != 0)
		return err_sys(e, ERR_SYSTEM, "catch SIGUSR1");
	return 0;
}

void
report_free(struct report *r)
{
	if (r == NULL)
		return;
	if (r->signals) {
		(void)set_usr1(SIG_IGN); /* cannot fail: it was set before */
		atomic_store(&r->ending, 1);
		on_usr1(SIGUSR1);
		pthread_join(r->thread, NULL);
	}
	clear_line(r);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
