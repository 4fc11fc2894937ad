/*
 * What restore_command runs: ask the socket for one file and put it there.  Every fault
 * is 200, above 125, so that PostgreSQL stops instead of taking it for the log's end.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log/fetch.h"

#define FETCH_FAULT 200
#define COPY_BYTES  (256u << 10)

static int
dial(const char *path, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(sa.sun_path))
		return err_set(e, ERR_USAGE, "socket %s: the name is too long", path);
	strcpy(sa.sun_path, path);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return err_sys(e, ERR_SYSTEM, "socket %s", path);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		err_sys(e, ERR_UNREACHABLE, "socket %s: pitr-replay does not answer", path);
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* The next byte; *file becomes the descriptor that came along with it. */
static int
read_byte(int fd, char *c, int *file, struct err *e)
{
	struct iovec v = { c, 1 };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} with;
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &with,
		.msg_controllen = sizeof(with) };
	struct cmsghdr *h;
	ssize_t n;

	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, ERR_IO, "socket: read");
	if (n == 0)
		return err_set(e, ERR_UNREACHABLE, "pitr-replay went away");
	h = CMSG_FIRSTHDR(&m);
	if (h != NULL && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS && *file < 0)
		memcpy(file, CMSG_DATA(h), sizeof(*file));
	return 0;
}

static int
read_line(int fd, char *line, size_t cap, int *file, struct err *e)
{
	size_t n;

	for (n = 0; n < cap; n++) {
		if (read_byte(fd, line + n, file, e) < 0)
			return -1;
		if (line[n] == '\n') {
			line[n] = '\0';
			return 0;
		}
	}
	return err_set(e, ERR_CORRUPT, "socket: no reply that can be understood");
}

static int
copy_bytes(int from, int to, const char *path, struct err *e)
{
	uint64_t at = 0;
	size_t got;
	char *p;
	int rc;

	if ((p = malloc(COPY_BYTES)) == NULL)
		return err_sys(e, ERR_SYSTEM, "%s", path);
	do {
		if ((rc = io_pread_full(from, p, COPY_BYTES, at, &got, "segment", e)) == 0)
			rc = io_write_all(to, p, got, path, e);
		at += got;
	} while (rc == 0 && got == COPY_BYTES);
	free(p);
	return rc;
}

static int
copy_file(int from, const char *path, struct err *e)
{
	int out;

	if ((out = io_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600, e)) < 0)
		return -1;
	if (copy_bytes(from, out, path, e) < 0) {
		(void)close(out);	/* the copy failed already */
		return -1;
	}
	return io_close(out, path, e);
}

/*
 * The file gets its name without a byte being moved.  That needs one file system, which can
 * do so, and a name that is free; else the bytes are copied.
 */
static int
place(int file, const char *path, struct err *e)
{
	char self[32];

	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", file);
	if (linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	return copy_file(file, path, e);
}

static int
talk(int fd, const char *name, const char *path, int *file, struct err *e)
{
	char line[1200];

	(void)snprintf(line, sizeof(line), "%s\n", name);
	if (io_write_all(fd, line, strlen(line), "socket", e) < 0 ||
	    read_line(fd, line, sizeof(line), file, e) < 0)
		return FETCH_FAULT;
	if (strcmp(line, "absent") == 0)
		return 1;
	if (strcmp(line, "ok") == 0 && *file >= 0)
		return place(*file, path, e) < 0 ? FETCH_FAULT : 0;
	if (strncmp(line, "fail ", 5) == 0)
		err_set(e, ERR_IO, "%s", line + 5);
	else
		err_set(e, ERR_CORRUPT, "socket: no reply that can be understood");
	return FETCH_FAULT;
}

int
fetch_client(const char *socket, const char *name, const char *path, struct err *e)
{
	int fd, file = -1, status;

	if ((fd = dial(socket, e)) < 0)
		return FETCH_FAULT;
	status = talk(fd, name, path, &file, e);
	if (file >= 0)
		(void)close(file);	/* only read from */
	(void)close(fd);	/* nothing is owed to it */
	return status;
}
