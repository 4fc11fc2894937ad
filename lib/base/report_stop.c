/*
 * SIGTERM and SIGINT as a flag and a descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/report.h"

static atomic_int stopping;
static int stop_pipe[2] = { -1, -1 };

static void
on_stop(int sig)
{
	int saved = errno;

	(void)sig;
	atomic_store(&stopping, 1);
	/* Nobody reads the pipe, so it stays readable; and when it is full, it is readable. */
	if (write(stop_pipe[1], "", 1) != 1)
		errno = 0;
	errno = saved;
}

int
report_stop_install(struct err *e)
{
	struct sigaction sa, old;

	if (stop_pipe[0] < 0 && pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
		return err_sys(e, ERR_SYSTEM, "pipe");
	memset(&sa, 0, sizeof(sa));
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = SIG_IGN;
	if (sigaction(SIGPIPE, &sa, NULL) != 0)
		return err_sys(e, ERR_SYSTEM, "ignore SIGPIPE");
	sa.sa_handler = on_stop;
	sa.sa_flags = SA_RESTART;
	if (sigaction(SIGTERM, &sa, NULL) != 0 || sigaction(SIGINT, NULL, &old) != 0)
		return err_sys(e, ERR_SYSTEM, "catch SIGTERM");
	/* A shell that starts a job in the background ignores SIGINT for it: leave it so. */
	if (old.sa_handler != SIG_IGN && sigaction(SIGINT, &sa, NULL) != 0)
		return err_sys(e, ERR_SYSTEM, "catch SIGINT");
	return 0;
}

int
report_stopping(void)
{
	return atomic_load(&stopping);
}

int
report_stop_fd(void)
{
	return stop_pipe[0];
}
