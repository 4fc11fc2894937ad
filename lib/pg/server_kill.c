/*
 * Ends the server of a copy that is about to be removed, whatever state it is in.
 */
#include <sys/stat.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
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

#define POLL_MS	     20
#define QUIT_SECONDS 10	/* for an immediate shutdown, which gives back its shared memory */
#define KILL_SECONDS 20

/* Does that process of the server's user work in the data directory? */
static int
works_there(const struct pg_server *s, const char *pid)
{
	char path[64], cwd[PATH_MAX];
	struct stat st;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%.16s", pid);
	if (stat(path, &st) < 0 || st.st_uid != s->uid)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/%.16s/cwd", pid);
	if ((n = readlink(path, cwd, sizeof(cwd) - 1)) < 0)
		return 0;	/* it has ended meanwhile, or is a zombie */
	cwd[n] = '\0';
	return strcmp(cwd, s->datadir) == 0;
}

/* Send the signal to all that work there; how many, or -1. */
static int
signal_all(const struct pg_server *s, int sig, struct err *e)
{
	struct dirent *d;
	DIR *proc;
	int n = 0;

	if (pg_server_become(s, e) < 0)
		return -1;
	proc = opendir("/proc");
	while (proc != NULL && (d = readdir(proc)) != NULL)
		if (isdigit((unsigned char)d->d_name[0]) && works_there(s, d->d_name)) {
			/* gone meanwhile: then it is not counted the next time */
			(void)kill((pid_t)strtol(d->d_name, NULL, 10), sig);
			n++;
		}
	pg_server_become_self();
	if (proc == NULL)
		return err_sys(e, ERR_SYSTEM, "/proc");
	(void)closedir(proc);	/* only read from */
	return n;
}

/* 1: nobody works there any more; 0 after these seconds; -1. */
static int
signal_until_gone(const struct pg_server *s, int sig, int seconds, struct err *e)
{
	int64_t deadline = clock_mono() + seconds * INT64_C(1000000);
	int n;

	while ((n = signal_all(s, sig, e)) > 0) {
		if (clock_mono() > deadline)
			return 0;
		(void)poll(NULL, 0, POLL_MS);	/* a signal may cut it short */
	}
	return n < 0 ? -1 : 1;
}

/* The socket's folder in /tmp, when WORK/run was too long a path: noted in WORK/run-dir. */
static int
remove_short_run(struct pg_server *s, const char *work, struct err *e)
{
	static const char prefix[] = "/tmp/bulkhead-";
	char note[PG_SERVER_PATH];
	struct buf b = BUF_INIT;
	struct stat st;
	int rc = 0;

	if (pg_server_path(note, work, "run-dir", e) < 0)
		return -1;
	if (access(note, F_OK) < 0)
		return 0;
	if (io_read_file(note, sizeof(s->run) - 1, &b, e) == 0) {
		(void)snprintf(s->run, sizeof(s->run), "%s", buf_cstr(&b));
		if (strncmp(s->run, prefix, strlen(prefix)) == 0 && lstat(s->run, &st) == 0 &&
		    S_ISDIR(st.st_mode) && st.st_uid == s->uid)
			rc = pg_server_clear_run(s, e) < 0 || rmdir(s->run) < 0 ? -1 : 0;
	} else
		rc = -1;
	if (rc < 0 && e->kind == ERR_NONE)
		(void)err_sys(e, ERR_IO, "%s: rmdir", s->run);
	buf_free(&b);
	return rc;
}

int
pg_server_kill(const char *datadir, const char *work, struct err *e)
{
	struct pg_server s;
	char real[PATH_MAX];
	struct stat st;
	int rc;

	memset(&s, 0, sizeof(s));
	if (realpath(datadir, real) == NULL || stat(real, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(e, ERR_IO, "%s", datadir);
	if (strlen(real) >= sizeof(s.datadir) || st.st_uid == 0)
		return 0;	/* no server of ours was ever started there */
	memcpy(s.datadir, real, strlen(real) + 1);
	s.uid = st.st_uid;
	s.gid = st.st_gid;
	if ((rc = signal_until_gone(&s, SIGQUIT, QUIT_SECONDS, e)) == 0)
		rc = signal_until_gone(&s, SIGKILL, KILL_SECONDS, e);
	if (rc == 0)
		return err_set(e, ERR_BUSY, "%s: its server does not end", datadir);
	return rc < 0 ? -1 : remove_short_run(&s, work, e);
}
