/*
 * The way from our process to the server's: no descriptors, no network, no rights,
 * no environment of ours.
 */
#include "pg/server_spawn.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/isolate.h"
#include "pg/server_jail.h"
#include "pg/server_private.h"

/* All that the child needs, made before the fork: after it, only simple system calls. */
struct plan {
	uid_t uid;
	gid_t gid;
	int root;
	int log, null;
	int say;		/* to the parent; closed by exec */
	const char *datadir, *program;
	char *const *argv;
	const struct jail *jail;	/* NULL: only the network is left */
};

/* What the child has to say, if anything. */
struct word {
	enum { NETWORKED = 1, FAILED } what;
	int sys;		/* errno */
	char step[24];
};

/* ---- in the child ---- */

static void
tell(const struct plan *p, int what, const char *step)
{
	struct word w;
	ssize_t n;

	memset(&w, 0, sizeof(w));
	w.what = what == FAILED ? FAILED : NETWORKED;
	w.sys = errno;
	(void)stpncpy(w.step, step, sizeof(w.step) - 1);
	do
		n = write(p->say, &w, sizeof(w));	/* below PIPE_BUF: all or nothing */
	while (n < 0 && errno == EINTR);
}

__attribute__((noreturn)) static void
die(const struct plan *p, const char *step)
{
	tell(p, FAILED, step);
	_exit(127);
}

/* PostgreSQL 14 counts its statistics over the loopback; the server runs without it as well. */
static void
leave_network(const struct plan *p)
{
	if (!p->root && !isolate_can_leave(CLONE_NEWNET))
		tell(p, NETWORKED, "user namespace");	/* half in one we would be nobody */
	else if (isolate_leave(CLONE_NEWNET) == 0)
		(void)isolate_loopback();
	else if (p->root)
		tell(p, NETWORKED, "unshare");
	else
		die(p, "user namespace");	/* it went well just before */
}

static void
leave_host(const struct plan *p)
{
	const char *step;

	if (jail_enter(p->jail, &step) < 0)
		die(p, step);
}

static void
drop_rights(const struct plan *p)
{
	if (p->root && (setgroups(0, NULL) < 0 || setresgid(p->gid, p->gid, p->gid) < 0 ||
			   setresuid(p->uid, p->uid, p->uid) < 0))
		die(p, "change of user");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die(p, "no_new_privs");
	(void)umask(077);
}

/* The server must not inherit what we ignore or block. */
static void
reset_signals(void)
{
	sigset_t none;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);	/* fails for those that cannot be caught */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
reset_files(struct plan *p)
{
	int fd;

	/* Out of the way first, should our own stdin, stdout or stderr have been closed. */
	if ((p->say = fcntl(p->say, F_DUPFD_CLOEXEC, 3)) < 0 ||
	    (p->log = fcntl(p->log, F_DUPFD_CLOEXEC, 3)) < 0 ||
	    (p->null = fcntl(p->null, F_DUPFD_CLOEXEC, 3)) < 0)
		die(p, "descriptors");
	if (dup2(p->null, STDIN_FILENO) < 0 || dup2(p->log, STDOUT_FILENO) < 0 ||
	    dup2(p->log, STDERR_FILENO) < 0)
		die(p, "redirection");
	if (close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	for (fd = 3; fd < 65536; fd++)	/* kernels before 5.11 */
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

__attribute__((noreturn)) static void
child(struct plan *p)
{
	char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
	char locale[] = "LC_ALL=C", zone[] = "TZ=UTC";
	char *const environment[] = { path, locale, zone, NULL };

	reset_signals();
	if (setsid() < 0)
		die(p, "setsid");
	reset_files(p);
	if (p->jail != NULL)
		leave_host(p);
	else
		leave_network(p);
	drop_rights(p);
	if (chdir(p->datadir) < 0)
		die(p, "chdir to the data");
	(void)execve(p->program, p->argv, environment);
	die(p, "exec");
}

/* ---- in the parent ---- */

/* What the child says before it becomes the server: 0, or -1 when it did not get there. */
static int
listen_to(int fd, const struct plan *p, int *networked, struct err *e)
{
	struct word w;
	size_t got;

	*networked = 0;
	for (;;) {
		if (io_read_full(fd, &w, sizeof(w), &got, "server", e) < 0)
			return -1;
		if (got < sizeof(w))
			return 0;
		if (w.what == FAILED) {
			errno = w.sys;
			w.step[sizeof(w.step) - 1] = '\0';
			return err_sys(e, ERR_SYSTEM, "%s: %s", p->program, w.step);
		}
		*networked = 1;
	}
}

static pid_t
fork_child(struct plan *p, int *networked, struct err *e)
{
	int fd[2], rc;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return err_sys(e, ERR_SYSTEM, "pipe");
	p->say = fd[1];
	if ((pid = p->jail != NULL ? jail_fork(p->jail) : fork()) == 0)
		child(p);
	(void)close(fd[1]);	/* the child's */
	rc = pid < 0 ? err_sys(e, p->jail != NULL ? ERR_REFUSED : ERR_SYSTEM, "fork") : listen_to(fd[0], p, networked, e);
	(void)close(fd[0]);	/* only read */
	if (rc < 0 && pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	return rc < 0 ? -1 : pid;
}

/* name=WORK/file, as postgres takes it behind -c. */
static int
file_option(char out[PG_SERVER_PATH], const char *name, const struct pg_server *s,
    const char *file, struct err *e)
{
	int n = snprintf(out, PG_SERVER_PATH, "%s=%s/%s", name, s->work, file);

	if (n < 0 || n >= PG_SERVER_PATH)
		return err_set(e, ERR_CONFIG, "%s: path too long", s->work);
	return 0;
}

pid_t
pg_server_spawn(const struct pg_server *s, int log, int *networked, struct err *e)
{
	char program[PG_BIN_MAX + 16], base[PG_BIN_MAX], datadir[sizeof(s->datadir)];
	char config[PG_SERVER_PATH], hba[PG_SERVER_PATH], ident[PG_SERVER_PATH];
	char d[] = "-D", c[] = "-c";
	/* By its whole path: it finds its other files by that. */
	char *const argv[] = { program, d, datadir, c, config, c, hba, c, ident, NULL };
	struct plan p = { .uid = s->uid, .gid = s->gid, .root = geteuid() == 0, .log = log,
		.datadir = datadir, .program = program, .argv = argv };
	struct jail jail;
	pid_t pid;

	(void)snprintf(program, sizeof(program), "%s/postgres", s->bin);	/* fits */
	(void)snprintf(datadir, sizeof(datadir), "%s", s->datadir);
	if (file_option(config, "config_file", s, "postgresql.conf", e) < 0 ||
	    file_option(hba, "hba_file", s, "pg_hba.conf", e) < 0 ||
	    file_option(ident, "ident_file", s, "pg_ident.conf", e) < 0)
		return -1;
	(void)snprintf(base, sizeof(base), "%s", s->bin);
	*strrchr(base, '/') = '\0';	/* it is absolute */
	jail_init(&jail, s, base);
	if (s->alone)
		p.jail = &jail;
	if ((p.null = io_open("/dev/null", O_RDONLY, 0, e)) < 0)
		return -1;
	pid = fork_child(&p, networked, e);
	(void)close(p.null);	/* only lent to the child */
	return pid;
}
