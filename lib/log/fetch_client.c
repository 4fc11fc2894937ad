/*
 * What restore_command runs: ask the socket for one file and write it.  Every fault
 * is 200, above 125, so that PostgreSQL stops instead of taking it for the log's end.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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

/* One reply line, byte by byte: what follows it belongs to the file. */
static int
read_line(int fd, char *line, size_t cap, struct err *e)
{
	size_t n = 0, got;

	while (n + 1 < cap) {
		if (io_read_full(fd, line + n, 1, &got, "socket", e) < 0)
			return -1;
		if (got == 0)
			return err_set(e, ERR_UNREACHABLE, "pitr-replay went away");
		if (line[n] == '\n') {
			line[n] = '\0';
			return 0;
		}
		n++;
	}
	return err_set(e, ERR_CORRUPT, "socket: no reply that can be understood");
}

static int
copy_bytes(int from, int to, uint64_t left, const char *path, struct err *e)
{
	char *p;
	size_t got, n;
	int rc = 0;

	if ((p = malloc(COPY_BYTES)) == NULL)
		return err_sys(e, ERR_SYSTEM, "%s", path);
	while (rc == 0 && left > 0) {
		n = left < COPY_BYTES ? (size_t)left : COPY_BYTES;
		if ((rc = io_read_full(from, p, n, &got, "socket", e)) < 0)
			break;
		if (got < n)
			rc = err_set(e, ERR_UNREACHABLE, "pitr-replay went away");
		else
			rc = io_write_all(to, p, n, path, e);
		left -= n;
	}
	free(p);
	return rc;
}

static int
write_file(int fd, uint64_t size, const char *path, struct err *e)
{
	int out, rc;

	if ((out = io_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600, e)) < 0)
		return -1;
	rc = copy_bytes(fd, out, size, path, e);
	if (rc < 0) {
		(void)close(out);	/* the copy failed already */
		return -1;
	}
	return io_close(out, path, e);
}

static int
talk(int fd, const char *name, const char *path, struct err *e)
{
	char line[1200], *end;
	uint64_t size;

	(void)snprintf(line, sizeof(line), "%s\n", name);
	if (io_write_all(fd, line, strlen(line), "socket", e) < 0 ||
	    read_line(fd, line, sizeof(line), e) < 0)
		return FETCH_FAULT;
	if (strcmp(line, "absent") == 0)
		return 1;
	if (strncmp(line, "fail ", 5) == 0) {
		err_set(e, ERR_IO, "%s", line + 5);
		return FETCH_FAULT;
	}
	if (strncmp(line, "ok ", 3) == 0) {
		size = strtoull(line + 3, &end, 10);
		if (end != line + 3 && *end == '\0')
			return write_file(fd, size, path, e) < 0 ? FETCH_FAULT : 0;
	}
	err_set(e, ERR_CORRUPT, "socket: no reply that can be understood");
	return FETCH_FAULT;
}

int
fetch_client(const char *socket, const char *name, const char *path, struct err *e)
{
	int fd, status;

	if ((fd = dial(socket, e)) < 0)
		return FETCH_FAULT;
	status = talk(fd, name, path, e);
	(void)close(fd);	/* nothing is owed to it */
	return status;
}
