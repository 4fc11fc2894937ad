/*
 * The throwaway copy of privaudit prove: its folder, the process that restores it, its
 * server.
 */
#include "privaudit_copy.h"

#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/isolate.h"
#include "base/tempdir.h"
#include "image/restore.h"
#include "pg/control.h"

#define ROOM_SEGMENTS 16	/* WAL that the copy writes while it recovers and runs */

/* ---- its folder -------------------------------------------------------------- */

/* Runs in the child that outlives us: TEMP/copy and its bulkhead folder are all we make. */
static int
end_server(const char *path, struct err *e)
{
	char copy[1024], work[1100];

	(void)snprintf(copy, sizeof(copy), "%s/copy", path);	/* as when it was made */
	(void)snprintf(work, sizeof(work), "%s/bulkhead", copy);
	return pg_server_kill(copy, work, e);
}

static int
make_place(struct copy *c, struct err *e)
{
	/* The server's user must get through, when that is another than ours. */
	mode_t mode = geteuid() == 0 ? 0711 : 0700;
	int n;

	c->temp = tempdir_new(c->o->work, "privaudit", mode, end_server, e);
	if (c->temp == NULL)
		return err_context(e, "--work");
	n = snprintf(c->path, sizeof(c->path), "%s/copy", tempdir_path(c->temp));
	if (n < 0 || (size_t)n >= sizeof(c->path))
		return err_set(e, ERR_CONFIG, "--work: %s: path too long", c->o->work);
	return 0;
}

/* Not every file system tells, or what it tells is shared with others; then it shows later. */
static int
check_room(const struct copy *c, const struct catalog_snapshot *s, struct err *e)
{
	uint64_t need = s->bytes + (uint64_t)ROOM_SEGMENTS * s->segment_size, room;
	struct statvfs fs;

	if (statvfs(tempdir_path(c->temp), &fs) != 0 || fs.f_blocks == 0)
		return 0;
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (room >= need)
		return 0;
	err_set(e, ERR_IO, "%s: %.1f MiB are free, and the copy needs %.1f MiB", c->o->work,
	    (double)room / 1048576, (double)need / 1048576);
	return err_hint(e, "name another folder with --work");
}

/* ---- restored by a process of its own ------------------------------------------- */

/* What that process has to say at its end. */
struct word {
	int rc;
	struct err e;
	char what[256];
};

static int
restore_snapshot(struct copy *c, struct restore_options *o, struct err *e)
{
	const struct catalog *all = repo_catalog(o->repo);
	const struct catalog_source *src = catalog_pick(all, c->o->common->name, e);
	char *target;

	if (src == NULL ||
	    (o->snapshot = image_choose(all, src->name, &c->o->choice, c->report, e)) == NULL)
		return err_context(e, "repository %s", repo_name(o->repo));
	if (strcmp(o->snapshot->engine, "postgresql") != 0)
		return err_set(e, ERR_CONFIG, "snapshot %s is of %s: prove can do PostgreSQL "
		    "only", o->snapshot->id, o->snapshot->engine);
	if (check_room(c, o->snapshot, e) != 0 || restore_directory(o, &target, e) != 0)
		return -1;
	free(target);
	(void)snprintf(c->what, sizeof(c->what), "a copy of %s, snapshot %s", src->name,
	    o->snapshot->id);	/* fits */
	report_note(c->report, "%s, of %.1f MiB, in %s", c->what,
	    (double)o->snapshot->bytes / 1048576, tempdir_path(c->temp));
	return 0;
}

static int
restore(struct copy *c, struct err *e)
{
	const struct opt_common *common = c->o->common;
	struct restore_options o = { .url = common->repo, .target = c->path,
		.jobs = common->jobs, .report = c->report };
	struct key_secret *key = NULL;
	struct state *state;
	int rc = -1;

	if (key_guard_process(e) != 0 || report_signals(c->report, e) != 0 ||
	    (state = state_open(common->state, e)) == NULL)
		return -1;
	if ((key = key_read_secret(common->key, KEY_RESTORE, e)) != NULL &&
	    (o.repo = repo_open(common->repo, common->pin, state, c->report, e)) != NULL) {
		o.key = key;
		rc = restore_snapshot(c, &o, e);
	}
	repo_free(o.repo);
	key_free(key);
	state_free(state);
	return rc;
}

__attribute__((noreturn)) static void
restorer(struct copy *c, int say, pid_t parent)
{
	struct err ignored = ERR_INIT;	/* nobody is left to be told */
	struct word w;

	(void)signal(SIGUSR1, SIG_DFL);	/* cannot fail */
	/* What was begun is nobody's when we are killed. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(1);
	memset(&w, 0, sizeof(w));
	w.rc = restore(c, &w.e);
	memcpy(w.what, c->what, sizeof(w.what));
	_exit(io_write_all(say, &w, sizeof(w), "pipe", &ignored) < 0);
}

static volatile sig_atomic_t restoring;	/* its pid */

/* The question how far it is goes to who knows. */
static void
pass_on(int sig)
{
	(void)kill((pid_t)restoring, sig);	/* it may have ended just now */
}

static int
listen_to(struct copy *c, int fd, pid_t pid, struct err *e)
{
	struct word w;
	size_t got;
	int rc = io_read_full(fd, &w, sizeof(w), &got, "restore", e);

	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	if (rc < 0)
		return -1;
	if (got < sizeof(w))
		return err_set(e, ERR_SYSTEM, "the process that restores was killed");
	memcpy(c->what, w.what, sizeof(c->what));
	if (w.rc < 0)
		*e = w.e;
	return w.rc;
}

static int
restore_apart(struct copy *c, struct err *e)
{
	struct sigaction ask = { .sa_handler = pass_on, .sa_flags = SA_RESTART }, before;
	pid_t parent = getpid(), pid;
	int fd[2], rc;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return err_sys(e, ERR_SYSTEM, "pipe");
	if ((pid = fork()) == 0)
		restorer(c, fd[1], parent);
	(void)close(fd[1]);	/* the child's */
	if (pid < 0)
		rc = err_sys(e, ERR_SYSTEM, "fork");
	else {
		restoring = pid;
		(void)sigaction(SIGUSR1, &ask, &before);	/* cannot fail for this one */
		rc = listen_to(c, fd[0], pid, e);
		(void)sigaction(SIGUSR1, &before, NULL);
	}
	(void)close(fd[0]);	/* only read */
	return rc;
}

/* ---- all -------------------------------------------------------------------------- */

/* Told before there is any work, since a copy can take hours. */
static int
check_isolation(const struct copy_options *o, struct err *e)
{
	if (o->with_network || isolate_possible(e) == 0)
		return 0;
	err_context(e, "the copy cannot be cut off from this host");
	return err_hint(e, "run prove as root, or where user namespaces are allowed, or see "
	    "--with-network in privaudit(1)");
}

/*
 * Signals are not caught: they end us at once, at any point, and the child of tempdir_new
 * does what there is to do.
 */
int
copy_make(struct copy *c, const struct copy_options *o, struct report *r, struct err *e)
{
	c->o = o;
	c->report = r;
	if (check_isolation(o, e) != 0 || make_place(c, e) != 0)
		return -1;
	return restore_apart(c, e);
}

int
copy_start(struct copy *c, struct err *e)
{
	struct pg_server_settings set = { .event_triggers = 1, .alone = !c->o->with_network };
	char work[1100];

	(void)snprintf(work, sizeof(work), "%s/bulkhead", c->path);
	if ((set.alone &&
		(isolate_network(e) != 0 || isolate_address(PG_SERVER_DOOR, e) != 0)) ||
	    pg_server_init(&c->server, c->path, work, e) != 0 ||
	    pg_control_read(c->path, &set.minima, e) != 0)
		return -1;
	if (pg_server_recover(&c->server, &set, c->report, e) != 0)
		return -1;
	return set.alone && pg_server_doors(&c->server, c->report, e) < 0 ? -1 : 0;
}

int
copy_end(struct copy *c, struct err *e)
{
	return tempdir_end(c->temp, e);
}
