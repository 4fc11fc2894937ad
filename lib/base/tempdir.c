/*
 * A temporary folder, and the child process that removes it when we are gone.
 */
#include "base/tempdir.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"

#define OPEN_FOLDERS 32		/* that removing may keep open */
#define REMOVE_TRIES 50		/* who still ends there may make files meanwhile */
#define REMOVE_PAUSE 20000	/* microseconds */

struct tempdir {
	char *path;
	int alive;	/* our end of the pipe: closing it is the word */
	pid_t child;
};

/* ---- removing -------------------------------------------------------------- */

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)where;
	(void)type;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int
tempdir_remove(const char *path, struct err *e)
{
	int i;

	for (i = 0; i < REMOVE_TRIES; i++) {
		if (nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS) == 0 ||
		    (errno == ENOENT && access(path, F_OK) < 0 && errno == ENOENT))
			return 0;
		if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT)
			break;
		(void)usleep(REMOVE_PAUSE);	/* a signal may cut it short */
	}
	return err_sys(e, ERR_IO, "%s: remove", path);
}

/* ---- the child ------------------------------------------------------------- */

/* It must outlive us: out of the terminal's reach, and deaf to what ends us. */
static void
stand_apart(void)
{
	static const int deaf[] = { SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGPIPE };
	size_t i;

	(void)setsid();	/* fails only for a leader, which a new child is not */
	for (i = 0; i < sizeof(deaf) / sizeof(deaf[0]); i++)
		(void)signal(deaf[i], SIG_IGN);	/* cannot fail for these */
	if (chdir("/") < 0)
		return;	/* then it keeps a file system busy for a while, no more */
}

/* Our results are not its business, only that stderr may have to say what remains. */
static void
drop_output(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(null, STDOUT_FILENO);
	(void)close(null);	/* nothing written */
}

static void
wait_for_end(int alive)
{
	char c;
	ssize_t n;

	do
		n = read(alive, &c, 1);
	while (n > 0 || (n < 0 && errno == EINTR));
}

__attribute__((noreturn)) static void
keep(const struct tempdir *t, int alive, int (*end)(const char *, struct err *))
{
	struct err e = ERR_INIT;

	stand_apart();
	drop_output();
	wait_for_end(alive);
	if ((end != NULL && end(t->path, &e) < 0) || tempdir_remove(t->path, &e) < 0) {
		fprintf(stderr, "%s: %s\n", program_invocation_short_name, e.msg);
		_exit(1);
	}
	_exit(0);
}

/* ---- ours ------------------------------------------------------------------ */

static int
start_child(struct tempdir *t, int (*end)(const char *, struct err *), struct err *e)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) < 0)
		return err_sys(e, ERR_SYSTEM, "pipe");
	if ((t->child = fork()) == 0) {
		(void)close(fd[1]);	/* else it would wait for itself */
		keep(t, fd[0], end);
	}
	(void)close(fd[0]);	/* the child's */
	t->alive = fd[1];
	if (t->child < 0) {
		(void)close(fd[1]);	/* nobody listens */
		return err_sys(e, ERR_SYSTEM, "fork");
	}
	return 0;
}

static void
tempdir_free(struct tempdir *t)
{
	free(t->path);
	free(t);
}

/* The folder, and its absolute path. */
static int
make(struct tempdir *t, const char *dir, const char *name, mode_t mode, struct err *e)
{
	char *real = realpath(dir, NULL);
	int n;

	if (real == NULL)
		return err_sys(e, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s", dir);
	n = asprintf(&t->path, "%s/%s-XXXXXX", real, name);
	free(real);
	if (n < 0) {
		t->path = NULL;
		return err_set(e, ERR_SYSTEM, "out of memory");
	}
	if (mkdtemp(t->path) == NULL)
		return err_sys(e, errno == EACCES ? ERR_REFUSED : ERR_IO, "%s: make a folder", dir);
	if (chmod(t->path, mode) == 0)
		return 0;
	(void)err_sys(e, ERR_IO, "%s: chmod", t->path);
	(void)rmdir(t->path);	/* empty; the failure before it is the one to tell */
	return -1;
}

struct tempdir *
tempdir_new(const char *dir, const char *name, mode_t mode,
    int (*end)(const char *path, struct err *e), struct err *e)
{
	struct tempdir *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		(void)err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	if (make(t, dir, name, mode, e) < 0) {
		tempdir_free(t);
		return NULL;
	}
	if (start_child(t, end, e) == 0)
		return t;
	(void)rmdir(t->path);	/* as above */
	tempdir_free(t);
	return NULL;
}

const char *
tempdir_path(const struct tempdir *t)
{
	return t->path;
}

/* Should somebody have killed the child, its work is ours, as far as the folder goes. */
int
tempdir_end(struct tempdir *t, struct err *e)
{
	int status = 0, rc = 0;
	pid_t pid;

	if (t == NULL)
		return 0;
	(void)close(t->alive);	/* the word to end */
	do
		pid = waitpid(t->child, &status, 0);
	while (pid < 0 && errno == EINTR);
	if (pid < 0 || !WIFEXITED(status))
		rc = tempdir_remove(t->path, e);
	else if (WEXITSTATUS(status) != 0)
		rc = err_set(e, ERR_IO, "%s: could not be removed", t->path);
	tempdir_free(t);
	return rc;
}
