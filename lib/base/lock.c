/*
 * A lock that dies with its process.
 */
#include <sys/file.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/lock.h"

struct lock {
	int fd;
};

/* The text is for people only: callers need not care whether the disk had room for it. */
static int
write_text(int fd, const char *text)
{
	size_t n = strlen(text);

	return ftruncate(fd, 0) == 0 && pwrite(fd, text, n, 0) == (ssize_t)n ? 0 : -1;
}

static int
busy(int fd, const char *path, struct err *e)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid;

	text[n > 0 ? n : 0] = '\0';
	pid = strtol(text, NULL, 10);
	if (pid <= 0)
		return err_set(e, ERR_BUSY, "%s: locked by another process", path);
	return err_set(e, ERR_BUSY, "%s: locked by process %ld", path, pid);
}

static struct lock *
take(const char *path, int how, struct err *e)
{
	char pid[32];
	struct lock *l;
	int r;

	if ((l = malloc(sizeof(*l))) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	if ((l->fd = io_open(path, O_RDWR | O_CREAT, 0644, e)) < 0) {
		free(l);
		return NULL;
	}
	do
		r = flock(l->fd, how);
	while (r != 0 && errno == EINTR);
	if (r == 0) {
		snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
		(void)write_text(l->fd, pid); /* for people only */
		return l;
	}
	if (errno == EWOULDBLOCK)
		busy(l->fd, path, e);
	else
		err_sys(e, ERR_IO, "%s: lock", path);
	(void)close(l->fd); /* nothing was written to it */
	free(l);
	return NULL;
}

struct lock *
lock_take(const char *path, struct err *e)
{
	return take(path, LOCK_EX | LOCK_NB, e);
}

struct lock *
lock_wait(const char *path, struct err *e)
{
	return take(path, LOCK_EX, e);
}

void
lock_free(struct lock *l)
{
	if (l == NULL)
		return;
	(void)write_text(l->fd, ""); /* for people only */
	(void)close(l->fd);
	free(l);
}
