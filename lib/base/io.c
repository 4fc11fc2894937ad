/*
 * Files: whole reads and writes, durability, and names that never clobber.
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"

/* Names tried for a temporary file, when killed processes left some behind. */
#define TMP_TRIES 100

static int
fail(struct err *e, const char *name, const char *step)
{
	enum err_kind kind = ERR_IO;

	switch (errno) {
	case ENOENT:
		kind = ERR_NOTFOUND;
		break;
	case EACCES:
	case EPERM:
	case EROFS:
		kind = ERR_REFUSED;
		break;
	case EEXIST:
		kind = ERR_CONFLICT;
		break;
	case ENOMEM:
		kind = ERR_SYSTEM;
		break;
	}
	return err_sys(e, kind, "%s: %s", name, step);
}

int
io_open(const char *path, int flags, mode_t mode, struct err *e)
{
	int fd;

	do
		fd = open(path, flags | O_CLOEXEC, mode);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? fail(e, path, "open") : fd;
}

/* Where there is no O_TMPFILE: a file that loses its name at once. */
static int
open_unlinked(const char *dir, mode_t mode, struct err *e)
{
	char *path = io_path(dir, "bulkhead-XXXXXX", e);
	int fd;

	if (path == NULL)
		return -1;
	if ((fd = mkostemp(path, O_CLOEXEC)) < 0) {
		fail(e, path, "make a temporary file");
	} else if (unlink(path) != 0 || fchmod(fd, mode) != 0) {
		fail(e, path, "unlink");
		(void)close(fd);	/* the failure is told already */
		fd = -1;
	}
	free(path);
	return fd;
}

int
io_open_nameless(const char *dir, mode_t mode, struct err *e)
{
	int fd = io_open(dir, O_TMPFILE | O_RDWR, mode, e);

	if (fd >= 0 || (e->sys != EOPNOTSUPP && e->sys != EISDIR))
		return fd;
	err_clear(e);
	return open_unlinked(dir, mode, e);
}

int
io_close(int fd, const char *name, struct err *e)
{
	/* EINTR: Linux has closed it, and trying again could close a stranger's. */
	if (close(fd) != 0 && errno != EINTR)
		return fail(e, name, "close");
	return 0;
}

/* For the way out of a failure, whose error is the one to report. */
static void
close_quietly(int fd)
{
	(void)close(fd);
}

/* pread at off, or read where off is negative. */
static int
read_full(int fd, uint8_t *p, size_t n, off_t off, size_t *got, const char *name,
    struct err *e)
{
	ssize_t r;

	for (*got = 0; *got < n; *got += (size_t)r) {
		if (off < 0)
			r = read(fd, p + *got, n - *got);
		else
			r = pread(fd, p + *got, n - *got, off + (off_t)*got);
		if (r < 0 && errno == EINTR)
			r = 0;
		else if (r < 0)
			return fail(e, name, "read");
		else if (r == 0)
			break;
	}
	return 0;
}

int
io_read_full(int fd, void *p, size_t n, size_t *got, const char *name, struct err *e)
{
	return read_full(fd, p, n, -1, got, name, e);
}

int
io_pread_full(int fd, void *p, size_t n, uint64_t off, size_t *got, const char *name,
    struct err *e)
{
	*got = 0;
	if (off > (uint64_t)INT64_MAX - n) {
		errno = EOVERFLOW;
		return fail(e, name, "read");
	}
	return read_full(fd, p, n, (off_t)off, got, name, e);
}

static int
write_all(int fd, const uint8_t *p, size_t n, off_t off, const char *name, struct err *e)
{
	size_t put;
	ssize_t r;

	for (put = 0; put < n; put += (size_t)r) {
		if (off < 0)
			r = write(fd, p + put, n - put);
		else
			r = pwrite(fd, p + put, n - put, off + (off_t)put);
		if (r < 0 && errno == EINTR)
			r = 0;
		else if (r < 0)
			return fail(e, name, "write");
	}
	return 0;
}

int
io_write_all(int fd, const void *p, size_t n, const char *name, struct err *e)
{
	return write_all(fd, p, n, -1, name, e);
}

int
io_pwrite_all(int fd, const void *p, size_t n, uint64_t off, const char *name, struct err *e)
{
	if (off > (uint64_t)INT64_MAX - n) {
		errno = EOVERFLOW;
		return fail(e, name, "write");
	}
	return write_all(fd, p, n, (off_t)off, name, e);
}

int
io_fsync(int fd, const char *name, struct err *e)
{
	int r;

	do
		r = fsync(fd);
	while (r != 0 && errno == EINTR);
	return r != 0 ? fail(e, name, "fsync") : 0;
}

int
io_fdatasync(int fd, const char *name, struct err *e)
{
	int r;

	do
		r = fdatasync(fd);
	while (r != 0 && errno == EINTR);
	return r != 0 ? fail(e, name, "fdatasync") : 0;
}

int
io_fsync_dir(const char *path, struct err *e)
{
	int fd;

	if ((fd = io_open(path, O_RDONLY | O_DIRECTORY, 0, e)) < 0)
		return -1;
	if (io_fsync(fd, path, e) != 0) {
		close_quietly(fd);
		return -1;
	}
	return io_close(fd, path, e);
}

/* The folder that holds path, in memory that the caller frees. */
static char *
parent(const char *path, struct err *e)
{
	char *copy = strdup(path), *dir = copy == NULL ? NULL : strdup(dirname(copy));

	free(copy);
	if (dir == NULL)
		err_set(e, ERR_SYSTEM, "out of memory");
	return dir;
}

static int
fsync_parent(const char *path, struct err *e)
{
	char *dir = parent(path, e);
	int r;

	if (dir == NULL)
		return -1;
	r = io_fsync_dir(dir, e);
	free(dir);
	return r;
}

static int
read_whole(int fd, const char *path, size_t max, struct buf *out, struct err *e)
{
	struct stat st;
	size_t before = out->len, room, got;

	if (fstat(fd, &st) != 0)
		return fail(e, path, "stat");
	room = st.st_size > 0 ? (size_t)st.st_size + 1 : 4096;
	do {
		if (room > max + 1 - (out->len - before))
			room = max + 1 - (out->len - before);
		if (buf_reserve(out, room) != 0)
			return buf_check(out, e);
		if (io_read_full(fd, out->data + out->len, room, &got, path, e) != 0)
			return -1;
		out->len += got;
		if (out->len - before > max)
			return err_set(e, ERR_CORRUPT, "%s: larger than %zu bytes", path, max);
	} while (got == room);
	return 0;
}

int
io_read_file(const char *path, size_t max, struct buf *out, struct err *e)
{
	size_t before = out->len;
	int fd;

	if ((fd = io_open(path, O_RDONLY, 0, e)) < 0)
		return -1;
	if (read_whole(fd, path, max, out, e) != 0) {
		out->len = before;
		close_quietly(fd);
		return -1;
	}
	return io_close(fd, path, e);
}

/*
 * A temporary file stays locked until it has its name, so that one that is not locked was
 * left by a killed process.  0: it was swept away in the moment before.
 */
static int
claim(int fd)
{
	struct stat st;

	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return errno != EWOULDBLOCK;	/* without locks nobody sweeps here, either */
	return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

/* Is name a temporary file for base, as open_tmp calls it? */
static int
is_tmp(const char *name, const char *base)
{
	static const char digits[] = "0123456789";
	size_t n = strlen(base);

	if (strncmp(name, base, n) != 0 || name[n] != '.')
		return 0;
	name += n + 1;
	name += strspn(name, digits);
	if (*name != '-')
		return 0;
	name += 1 + strspn(name + 1, digits);
	return strcmp(name, ".tmp") == 0;
}

void
io_sweep(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
	struct err ignored;
	struct dirent *d;
	char *folder = parent(path, &ignored);
	DIR *dir = folder != NULL ? opendir(folder) : NULL;
	int fd;

	free(folder);
	while (dir != NULL && (d = readdir(dir)) != NULL) {
		if (!is_tmp(d->d_name, base))
			continue;
		fd = openat(dirfd(dir), d->d_name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			(void)unlinkat(dirfd(dir), d->d_name, 0);	/* see io.h */
		close_quietly(fd);
	}
	if (dir != NULL)
		(void)closedir(dir);	/* was only read */
}

/* A new file beside path for writing; its name into *tmp, which the caller frees. */
static int
open_tmp(const char *path, mode_t mode, char **tmp, struct err *e)
{
	static atomic_uint count;
	int i, fd = -1;

	for (i = 0; i < TMP_TRIES && fd < 0; i++) {
		if (asprintf(tmp, "%s.%ld-%u.tmp", path, (long)getpid(),
			atomic_fetch_add(&count, 1)) < 0)
			return err_set(e, ERR_SYSTEM, "out of memory");
		if ((fd = io_open(*tmp, O_WRONLY | O_CREAT | O_EXCL, mode, e)) >= 0 &&
		    claim(fd))
			return fd;
		free(*tmp);
		if (fd >= 0)
			close_quietly(fd);
		else if (e->sys != EEXIST)
			return -1;
		else
			err_clear(e);
	}
	return err_set(e, ERR_CONFLICT, "%s: no name is free for a temporary file", path);
}

/* A temporary file, until it has its name. */
struct tmp {
	char *name;
	int held;	/* its descriptor, for the lock */
};

static void
end_tmp(struct tmp *t)
{
	if (t->held >= 0)
		close_quietly(t->held);
	free(t->name);
}

/* The bytes in a new file beside path. */
static int
write_tmp(const char *path, const void *p, size_t n, mode_t mode, int durable, struct tmp *t,
    struct err *e)
{
	int fd;

	if ((fd = open_tmp(path, mode, &t->name, e)) < 0)
		return -1;
	/* Closing tells of failures, too, and has to come before the name. */
	if ((t->held = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0) {
		fail(e, path, "dup");
	} else if (io_write_all(fd, p, n, path, e) == 0 &&
	    (!durable || io_fsync(fd, path, e) == 0)) {
		if (io_close(fd, path, e) == 0)
			return 0;
		fd = -1;
	}
	if (fd >= 0)
		close_quietly(fd);
	(void)unlink(t->name); /* what failed is told already */
	end_tmp(t);
	return -1;
}

static int
replace(const char *path, const void *p, size_t n, mode_t mode, int durable, struct err *e)
{
	struct tmp tmp;
	int r = 0;

	if (write_tmp(path, p, n, mode, durable, &tmp, e) != 0)
		return -1;
	if (rename(tmp.name, path) != 0) {
		r = fail(e, path, "rename");
		(void)unlink(tmp.name); /* what failed is told already */
	} else if (durable)
		r = fsync_parent(path, e);
	end_tmp(&tmp);
	if (r == 0)
		io_sweep(path);
	return r;
}

int
io_write_file(const char *path, const void *p, size_t n, mode_t mode, struct err *e)
{
	return replace(path, p, n, mode, 1, e);
}

int
io_write_volatile(const char *path, const void *p, size_t n, mode_t mode, struct err *e)
{
	return replace(path, p, n, mode, 0, e);
}

int
io_create_file(const char *path, const void *p, size_t n, mode_t mode, struct err *e)
{
	struct tmp tmp;
	int r;

	if (write_tmp(path, p, n, mode, 1, &tmp, e) != 0)
		return -1;
	if ((r = io_link_new(tmp.name, path, e)) != 0)
		(void)unlink(tmp.name); /* what failed is told already */
	end_tmp(&tmp);
	return r;
}

int
io_link_new(const char *from, const char *to, struct err *e)
{
	if (link(from, to) != 0)
		return fail(e, to, "link");
	if (fsync_parent(to, e) != 0)
		return -1;
	(void)unlink(from); /* `to` is durable, that counts; see io.h */
	return 0;
}

/* Something has the name already: fine if it is a folder. */
static int
existing_dir(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return fail(e, path, "stat");
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_CONFLICT, "%s: exists and is not a folder", path);
	/* A parent that we may not even open is none in which we made something. */
	if (fsync_parent(path, e) != 0 && e->kind != ERR_REFUSED)
		return -1;
	err_clear(e);
	return 0;
}

static int
make_dir(const char *path, mode_t mode, struct err *e)
{
	if (mkdir(path, mode) == 0)
		return fsync_parent(path, e);
	if (errno == EEXIST)
		return existing_dir(path, e);
	return fail(e, path, "mkdir");
}

int
io_mkdirs(const char *path, mode_t mode, struct err *e)
{
	char *dir;
	int r;

	if (make_dir(path, mode, e) == 0)
		return 0;
	if (e->sys != ENOENT || strchr(path, '/') == NULL || strcmp(path, "/") == 0)
		return -1;
	if ((dir = parent(path, e)) == NULL)
		return -1;
	r = io_mkdirs(dir, mode, e);
	free(dir);
	return r == 0 ? make_dir(path, mode, e) : -1;
}

char *
io_path(const char *a, const char *b, struct err *e)
{
	char *path;

	if (asprintf(&path, "%s/%s", a, b) < 0) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	return path;
}
