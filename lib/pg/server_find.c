/*
 * Finds the PostgreSQL of a major version on this machine.
 */
#include "pg/server.h"

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"

#define VERSION_PREFIX "postgres (PostgreSQL) "

/* Run "program --version" with its stdout on fd.  0, or an errno. */
static int
spawn_version(const char *program, int fd, pid_t *pid)
{
	char name[] = "postgres", option[] = "--version";
	char *argv[] = { name, option, NULL };
	posix_spawn_file_actions_t fa;
	int rc;

	if ((rc = posix_spawn_file_actions_init(&fa)) != 0)
		return rc;
	if ((rc = posix_spawn_file_actions_adddup2(&fa, fd, STDOUT_FILENO)) == 0 &&
	    (rc = posix_spawn_file_actions_addopen(&fa, STDERR_FILENO, "/dev/null", O_WRONLY,
		 0)) == 0)
		rc = posix_spawn(pid, program, &fa, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&fa);	/* cannot fail */
	return rc;
}

/* What the program in folder dir says of itself: its major version, 0 when it is none, -1. */
static int
ask_version(const char *dir, struct err *e)
{
	char program[PG_BIN_MAX + 16], text[256];
	size_t got = 0;
	pid_t pid = 0;
	int fd[2], rc = 0;

	(void)snprintf(program, sizeof(program), "%s/postgres",
	    dir); /* fits: dir is shorter */
	if (access(program, X_OK) < 0)
		return 0;
	if (pipe2(fd, O_CLOEXEC) < 0)
		return err_sys(e, ERR_SYSTEM, "%s: pipe", program);
	if ((errno = spawn_version(program, fd[1], &pid)) != 0)
		rc = err_sys(e, ERR_SYSTEM, "%s: run", program);
	(void)close(fd[1]);	/* only the child writes */
	if (rc == 0)
		rc = io_read_full(fd[0], text, sizeof(text) - 1, &got, program, e);
	(void)close(fd[0]);	/* only read */
	if (pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	text[got] = '\0';
	if (rc < 0)
		return -1;
	if (strncmp(text, VERSION_PREFIX, strlen(VERSION_PREFIX)) != 0)
		return 0;
	return (int)strtol(text + strlen(VERSION_PREFIX), NULL, 10);
}

/* Is dir (n bytes) a folder with the server of this version?  1 and bin, 0, or -1. */
static int
try_folder(const char *dir, size_t n, int major, char bin[PG_BIN_MAX], struct err *e)
{
	int found;

	if (n == 0 || n >= PG_BIN_MAX || dir[0] != '/')
		return 0;
	memcpy(bin, dir, n);
	bin[n] = '\0';
	found = ask_version(bin, e);
	return found < 0 ? -1 : found == major;
}

/* $BULKHEAD_PG_BIN is an order: what it names must fit. */
static int
try_ordered(const char *dir, int major, char bin[PG_BIN_MAX], struct err *e)
{
	int found;

	if (dir[0] != '/' || strlen(dir) >= PG_BIN_MAX)
		return err_set(e, ERR_CONFIG, "BULKHEAD_PG_BIN: not an absolute path: %s",
		    dir);
	(void)snprintf(bin, PG_BIN_MAX, "%s", dir);	/* fits, just checked */
	if ((found = ask_version(dir, e)) < 0)
		return -1;
	if (found == 0)
		return err_set(e, ERR_NOTFOUND, "BULKHEAD_PG_BIN: no postgres in %s", dir);
	if (found != major)
		return err_set(e, ERR_CONFIG,
		    "BULKHEAD_PG_BIN: %s has PostgreSQL %d, and the data needs %d", dir, found,
		    major);
	return 0;
}

/* Where packages put it.  1, 0 or -1. */
static int
try_usual(int major, char bin[PG_BIN_MAX], struct err *e)
{
	char debian[64], redhat[64];
	const char *const usual[] = { debian, redhat, "/usr/local/pgsql/bin" };
	size_t i;
	int rc = 0;

	(void)snprintf(debian, sizeof(debian), "/usr/lib/postgresql/%d/bin", major);
	(void)snprintf(redhat, sizeof(redhat), "/usr/pgsql-%d/bin", major);
	for (i = 0; i < sizeof(usual) / sizeof(usual[0]) && rc == 0; i++)
		rc = try_folder(usual[i], strlen(usual[i]), major, bin, e);
	return rc;
}

static int
try_path(const char *path, int major, char bin[PG_BIN_MAX], struct err *e)
{
	size_t n;
	int rc = 0;

	for (; rc == 0 && *path != '\0'; path += n + (path[n] == ':')) {
		n = strcspn(path, ":");
		rc = try_folder(path, n, major, bin, e);
	}
	return rc;
}

int
pg_server_find(int major, char bin[PG_BIN_MAX], struct err *e)
{
	const char *ordered = getenv("BULKHEAD_PG_BIN"), *path = getenv("PATH");
	int rc;

	if (ordered != NULL && ordered[0] != '\0')
		return try_ordered(ordered, major, bin, e);
	rc = try_usual(major, bin, e);
	if (rc == 0 && path != NULL)
		rc = try_path(path, major, bin, e);
	if (rc == 0) {
		(void)err_set(e, ERR_NOTFOUND, "no PostgreSQL %d on this machine", major);
		return err_hint(e,
		    "install it, or name the folder of its programs in BULKHEAD_PG_BIN");
	}
	return rc < 0 ? -1 : 0;
}
