/*
 * Starts, watches and stops the throwaway server on a restored copy.
 */
#include "pg/server.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "pg/server_private.h"
#include "pg/server_spawn.h"

#define POLL_MS	      20
#define START_SECONDS 60	/* until it listens on its socket; recovery comes after that */
#define FAST_SECONDS  300	/* for a fast shutdown, which writes a restart point */
#define QUIT_SECONDS  60	/* for an immediate one */

/* ---- is it alive? ---- */

/* What a process is to us. */
enum who {
	GONE,	  /* or a zombie */
	SERVER,	  /* the server on our data directory */
	STRANGER, /* another process */
	UNCLEAR	  /* cannot be told; also while it ends */
};

/* Dead, and only its parent has not taken note yet?  (In some containers nobody ever does.) */
static int
is_zombie(pid_t pid)
{
	char path[64], text[256], *p;
	struct err ignored = ERR_INIT;	/* gone altogether: no zombie */
	size_t got;
	int fd, rc;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if ((fd = io_open(path, O_RDONLY, 0, &ignored)) < 0)
		return 0;
	rc = io_read_full(fd, text, sizeof(text) - 1, &got, path, &ignored);
	(void)close(fd);	/* only read */
	if (rc < 0)
		return 0;
	text[got] = '\0';
	p = strrchr(text, ')');	/* the name before it may hold anything */
	return p != NULL && strncmp(p, ") Z", 3) == 0;
}

/*
 * The number comes from a file that the server's user can write, and may be another
 * process's by now.  A postmaster's working directory is its data directory, as
 * long as it lives.
 */
static enum who
who_is(const struct pg_server *s, pid_t pid)
{
	char proc[64], cwd[PATH_MAX];
	struct err ignored = ERR_INIT;	/* then it cannot be told */
	struct stat st;
	ssize_t n;

	if (pid <= 1)
		return STRANGER;
	(void)snprintf(proc, sizeof(proc), "/proc/%d", (int)pid);
	if (stat(proc, &st) < 0 || is_zombie(pid))
		return GONE;
	if (st.st_uid != s->uid)
		return STRANGER;
	if (pg_server_become(s, &ignored) < 0)
		return UNCLEAR;
	(void)snprintf(proc, sizeof(proc), "/proc/%d/cwd", (int)pid);
	n = readlink(proc, cwd, sizeof(cwd) - 1);
	pg_server_become_self();
	if (n < 0)
		return UNCLEAR;
	cwd[n] = '\0';
	return strcmp(cwd, s->datadir) == 0 ? SERVER : STRANGER;
}

/* Has the process ended?  Takes note of it when it is our child. */
static int
has_ended(const struct pg_server *s)
{
	enum who who;
	pid_t r;

	do
		r = waitpid(s->pid, NULL, WNOHANG);
	while (r < 0 && errno == EINTR);
	if (r >= 0)
		return r == s->pid;
	who = who_is(s, s->pid);	/* another call's child */
	return who == GONE || who == STRANGER;
}

int
pg_server_alive(struct pg_server *s, struct err *e)
{
	if (s->pid > 0 && !has_ended(s))
		return 1;
	s->pid = 0;
	(void)pg_server_last_words(s, e);
	return 0;
}

/* ---- attach ---- */

/* Line n (from 1) of text into out; 0, or -1 when there is none or it is too long. */
static int
line_of(const char *text, int n, char *out, size_t cap)
{
	size_t len;

	while (--n > 0) {
		if ((text = strchr(text, '\n')) == NULL)
			return -1;
		text++;
	}
	len = strcspn(text, "\n");
	if (len == 0 || len >= cap)
		return -1;
	memcpy(out, text, len);
	out[len] = '\0';
	return 0;
}

/* postmaster.pid: the process, the data directory, ..., on line 5 the folder of its socket. */
int
pg_server_attach(struct pg_server *s, struct err *e)
{
	char pid[16], run[PATH_MAX];
	struct buf b = BUF_INIT;
	int rc;

	if ((rc = pg_server_read(s, "postmaster.pid", &b, e)) < 0) {
		buf_free(&b);
		return -1;
	}
	s->pid = 0;
	if (rc > 0 && line_of(buf_cstr(&b), 1, pid, sizeof(pid)) == 0)
		s->pid = (pid_t)strtol(pid, NULL, 10);
	if (who_is(s, s->pid) != SERVER)
		s->pid = 0;
	rc = s->pid > 0;
	if (rc &&
	    (line_of(buf_cstr(&b), 5, run, sizeof(run)) < 0 || strcmp(run, s->run) != 0)) {
		rc = err_set(e, ERR_BUSY, "%s: another PostgreSQL (pid %d) runs on it",
		    s->datadir, (int)s->pid);
		s->pid = 0;
	}
	buf_free(&b);
	return rc;
}

/* Is the path that a lock file names another directory than ours? */
static int
is_foreign(const struct pg_server *s, const char *dir)
{
	struct stat theirs, ours;

	if (strcmp(dir, s->datadir) == 0 || stat(s->datadir, &ours) < 0)
		return 0;
	return stat(dir, &theirs) < 0 || theirs.st_dev != ours.st_dev ||
	    theirs.st_ino != ours.st_ino;
}

/*
 * A lock file that came here with a copy, or whose server is a zombie, would keep ours
 * from starting, since its pid is in use.  It gets a pid that cannot be; all else in it
 * stays, so that the server can still find shared memory that is in use.
 */
static int
defuse_lock(const struct pg_server *s, struct err *e)
{
	char pid[16], dir[PATH_MAX];
	struct buf b = BUF_INIT, defused = BUF_INIT;
	const char *text;
	int rc;

	rc = pg_server_read(s, "postmaster.pid", &b, e);
	text = buf_cstr(&b);
	if (rc > 0 && line_of(text, 1, pid, sizeof(pid)) == 0 &&
	    line_of(text, 2, dir, sizeof(dir)) == 0 &&
	    (is_foreign(s, dir) || is_zombie((pid_t)strtol(pid, NULL, 10)))) {
		buf_fmt(&defused, "%d%s", INT_MAX - 1, strchr(text, '\n'));
		rc = pg_server_write(s, "postmaster.pid", buf_cstr(&defused), e);
	}
	buf_free(&b);
	buf_free(&defused);
	return rc < 0 ? -1 : 0;
}

/* ---- start ---- */

/* Open for appending, and remember where this start's words begin. */
static int
open_log(struct pg_server *s, struct err *e)
{
	struct stat st;
	int fd;

	fd = io_open(s->log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600, e);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0) {
		(void)close(fd);	/* nothing written */
		return err_sys(e, ERR_IO, "%s", s->log);
	}
	s->log_from = (uint64_t)st.st_size;
	return fd;
}

/* Does anybody answer on the socket, if only to say "starting up"? */
static int
answers(const struct pg_server *s)
{
	char port[12];
	const char *const keys[] = { "host", "port", "user", "dbname", "connect_timeout",
		NULL };
	const char *const values[] = { s->run, port, "postgres", "postgres", "5", NULL };
	PGPing p;

	(void)snprintf(port, sizeof(port), "%d", PG_SERVER_PORT);
	p = PQpingParams(keys, values, 0);
	return p == PQPING_OK || p == PQPING_REJECT;
}

static int
wait_for_answer(struct pg_server *s, struct err *e)
{
	int64_t deadline = clock_mono() + START_SECONDS * INT64_C(1000000);
	struct err ignored = ERR_INIT;	/* the reason to stop it is the one to tell */

	for (;;) {
		if (!pg_server_alive(s, e))
			return -1;
		if (answers(s))
			return 0;
		if (report_stopping() || clock_mono() > deadline)
			break;
		(void)poll(NULL, 0, POLL_MS);	/* a signal may cut it short */
	}
	(void)pg_server_stop(s, &ignored);
	if (report_stopping())
		return err_set(e, ERR_CANCELLED, "stopped by a signal");
	(void)err_set(e, ERR_UNREACHABLE, "server of %s: no answer on its socket in %d s",
	    s->datadir, START_SECONDS);
	return err_hint(e, "its log is %s", s->log);
}

int
pg_server_start(struct pg_server *s, struct report *r, struct err *e)
{
	int fd, running, networked = 0;

	if ((running = pg_server_attach(s, e)) < 0)
		return -1;
	if (running)
		return err_set(e, ERR_BUSY, "server of %s: runs already (pid %d)", s->datadir,
		    (int)s->pid);
	if (defuse_lock(s, e) < 0 || pg_server_clear_run(s, e) < 0 ||
	    (fd = open_log(s, e)) < 0)
		return -1;
	s->pid = pg_server_spawn(s, fd, &networked, e);
	(void)close(fd);	/* we wrote nothing */
	if (s->pid < 0) {
		s->pid = 0;
		return -1;
	}
	if (networked)
		report_warn(r, "the server of %s could not be cut off from the network: "
			       "no network namespace", s->datadir);
	return wait_for_answer(s, e);
}

/* ---- promote ---- */

/* As pg_ctl does it: pg_promote() needs a server that takes queries. */
int
pg_server_promote(struct pg_server *s, struct err *e)
{
	if (pg_server_write(s, "promote", "", e) < 0)
		return -1;
	if (kill(s->pid, SIGUSR1) < 0)
		return err_sys(e, ERR_UNREACHABLE, "server of %s: signal to pid %d",
		    s->datadir, (int)s->pid);
	return 0;
}

/* ---- stop ---- */

/* Send the signal and wait: 1 it has ended, 0 not within these seconds, -1. */
static int
signal_and_wait(const struct pg_server *s, int sig, int seconds, struct err *e)
{
	int64_t deadline = clock_mono() + seconds * INT64_C(1000000);

	if (kill(s->pid, sig) < 0 && errno != ESRCH)
		return err_sys(e, ERR_REFUSED, "server of %s: signal to pid %d", s->datadir,
		    (int)s->pid);
	while (!has_ended(s)) {
		if (clock_mono() > deadline)
			return 0;
		(void)poll(NULL, 0, POLL_MS);	/* a signal may cut it short */
	}
	return 1;
}

int
pg_server_stop(struct pg_server *s, struct err *e)
{
	int rc;

	if (s->pid == 0 && pg_server_attach(s, e) <= 0)
		return e->kind == ERR_NONE ? 0 : -1;
	rc = signal_and_wait(s, SIGINT, FAST_SECONDS, e);
	if (rc == 0)
		rc = signal_and_wait(s, SIGQUIT, QUIT_SECONDS, e);
	if (rc == 0)
		return err_set(e, ERR_BUSY, "server of %s (pid %d) does not end", s->datadir,
		    (int)s->pid);
	if (rc < 0)
		return -1;
	s->pid = 0;
	return 0;
}
