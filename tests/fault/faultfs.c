/*
 * The fault layer for files, preloaded into a program under test.  It looks only at
 * what lies below FAULT_DIR, so that pipes, sockets and libraries are never hit.
 *
 * (a) It fails call n, or kills the program there: see count.h.  The calls: open
 * close read pread write pwrite writev ftruncate fallocate fsync fdatasync rename
 * link unlink mkdir; the variants of a call (openat, open64, creat) count as it.
 *
 * (b) With FAULT_LOG it records what a power cut would leave: see durable.h.
 *
 * (c) With FAULT_SLOW_MS every fsync and fdatasync takes that much longer.
 *
 * (d) With FAULT_LIE=fsync, fdatasync or all that call does nothing and says that it
 * did, as a disk that lies: so a test proves that it would notice.
 *
 * (e) With FAULT_LEAKS a program that ends by itself names on stderr what it still has
 * open.
 */
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "count.h"
#include "durable.h"

#define FDS 1024	/* that are looked at for (e) */

static char root[PATH_MAX];	/* FAULT_DIR, canonical */
static size_t root_len;		/* 0: the layer sleeps */
static long slow_ms;
static const char *lie;		/* FAULT_LIE or NULL */

__attribute__((constructor)) static void
init(void)
{
	const char *dir = getenv("FAULT_DIR"), *slow = getenv("FAULT_SLOW_MS");
	const char *log = getenv("FAULT_LOG");

	if (dir == NULL)
		return;
	/* One that the program makes itself is taken as it is written. */
	if (realpath(dir, root) == NULL &&
	    (errno != ENOENT || dir[0] != '/' || strlen(dir) >= sizeof(root)))
		fault_die(dir);
	if (access(dir, F_OK) != 0)
		memcpy(root, dir, strlen(dir) + 1);
	fault_count_init();
	if (log != NULL && durable_init(root, log) != 0)
		fault_die(log);
	slow_ms = slow != NULL ? atol(slow) : 0;
	lie = getenv("FAULT_LIE");
	root_len = strlen(root);
}

/* ---- what lies below FAULT_DIR -------------------------------------------- */

static int
below(const char *path)
{
	return root_len > 0 && strncmp(path, root, root_len) == 0 &&
	    (path[root_len] == '/' || path[root_len] == '\0');
}

/* The path behind fd (AT_FDCWD too) into out; 0 when there is none. */
static size_t
fd_path(int fd, char out[PATH_MAX])
{
	char link[40] = "/proc/self/cwd";
	ssize_t n;

	if (fd != AT_FDCWD)
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);	/* fits */
	n = readlink(link, out, PATH_MAX - 1);
	out[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static int
below_fd(int fd)
{
	int saved = errno, r;
	char path[PATH_MAX];

	if (root_len == 0)
		return 0;
	r = fd_path(fd, path) > 0 && below(path);
	errno = saved;
	return r;
}

static int
below_at(int dirfd, const char *path)
{
	int saved = errno;
	char full[PATH_MAX];
	size_t n;

	if (root_len == 0 || path == NULL)
		return 0;
	if (path[0] == '/')
		return below(path);
	n = fd_path(dirfd, full);
	errno = saved;
	if (n == 0 || n + 1 + strlen(path) >= sizeof(full))
		return 0;
	full[n] = '/';
	memcpy(full + n + 1, path, strlen(path) + 1);
	return below(full);
}

__attribute__((destructor)) static void
tell_leaks(void)
{
	char path[PATH_MAX];
	int fd;

	if (root_len == 0 || getenv("FAULT_LEAKS") == NULL)
		return;
	for (fd = 0; fd < FDS; fd++)
		if (fd_path(fd, path) > 0 && below(path))
			dprintf(STDERR_FILENO, "faultfs: left open: %s\n", path);
}

/* ---- calls on descriptors ------------------------------------------------- */

static int
lies(const char *call)
{
	return lie != NULL && (strcmp(lie, call) == 0 || strcmp(lie, "all") == 0);
}

static int
sync_call(const char *call, int fd, long number)
{
	struct timespec t = { slow_ms / 1000, slow_ms % 1000 * 1000000 };

	if (below_fd(fd)) {
		if (slow_ms > 0)
			(void)nanosleep(&t, NULL);	/* a signal may cut it short */
		if (fault_now(call))
			return -1;
		if (lies(call))
			return 0;
		durable_record(fd);
	}
	return (int)syscall(number, fd);
}

int
fsync(int fd)
{
	return sync_call("fsync", fd, SYS_fsync);
}

int
fdatasync(int fd)
{
	return sync_call("fdatasync", fd, SYS_fdatasync);
}

int
syncfs(int fd)
{
	if (!below_fd(fd))
		return (int)syscall(SYS_syncfs, fd);
	if (fault_now("fsync"))
		return -1;
	if (lies("fsync"))
		return 0;
	durable_record_all();
	return 0;	/* the real one would wait for all that this machine does */
}

ssize_t
write(int fd, const void *p, size_t n)
{
	int in = below_fd(fd);
	ssize_t r;

	if (in && fault_now("write"))
		return -1;
	r = syscall(SYS_write, fd, p, n);
	if (in && r > 0)
		durable_changed(fd, lseek(fd, 0, SEEK_CUR) - r);
	return r;
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	int in = below_fd(fd);
	ssize_t r;

	if (in && fault_now("writev"))
		return -1;
	r = syscall(SYS_writev, fd, v, n);
	if (in && r > 0)
		durable_changed(fd, lseek(fd, 0, SEEK_CUR) - r);
	return r;
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t off)
{
	int in = below_fd(fd);
	ssize_t r;

	if (in && fault_now("pwrite"))
		return -1;
	r = syscall(SYS_pwrite64, fd, p, n, off);
	if (in && r > 0)
		durable_changed(fd, off);
	return r;
}

ssize_t
pwritev(int fd, const struct iovec *v, int n, off_t off)
{
	int in = below_fd(fd);
	ssize_t r;

	if (in && fault_now("pwrite"))
		return -1;
	r = syscall(SYS_pwritev, fd, v, n, off, 0);
	if (in && r > 0)
		durable_changed(fd, off);
	return r;
}

int
ftruncate(int fd, off_t len)
{
	int in = below_fd(fd), r;

	if (in && fault_now("ftruncate"))
		return -1;
	r = (int)syscall(SYS_ftruncate, fd, len);
	if (in && r == 0)
		durable_changed(fd, len);
	return r;
}

int
fallocate(int fd, int mode, off_t off, off_t len)
{
	int in = below_fd(fd), r;

	if (in && fault_now("fallocate"))
		return -1;
	r = (int)syscall(SYS_fallocate, fd, mode, off, len);
	if (in && r == 0)
		durable_changed(fd, off);
	return r;
}

int
posix_fallocate(int fd, off_t off, off_t len)
{
	int saved = errno, r;

	r = fallocate(fd, 0, off, len) == 0 ? 0 : errno;
	errno = saved;
	return r;
}

ssize_t
read(int fd, void *p, size_t n)
{
	return below_fd(fd) && fault_now("read") ? -1 : syscall(SYS_read, fd, p, n);
}

ssize_t
pread(int fd, void *p, size_t n, off_t off)
{
	return below_fd(fd) && fault_now("pread") ? -1 : syscall(SYS_pread64, fd, p, n, off);
}

/* As in Linux the descriptor is gone, also when close fails. */
int
close(int fd)
{
	int failed = below_fd(fd) && fault_now("close"), why = errno;
	int r = (int)syscall(SYS_close, fd);

	if (!failed)
		return r;
	errno = why;
	return -1;
}

/* ---- calls on names ------------------------------------------------------- */

static int
open_call(int dirfd, const char *path, int flags, mode_t mode)
{
	int in = below_at(dirfd, path), fd;

	if (in && fault_now("open"))
		return -1;
	fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
	if (in && fd >= 0 && (flags & O_TRUNC) != 0)
		durable_changed(fd, 0);
	return fd;
}

static mode_t
open_mode(int flags, va_list ap)
{
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(ap, mode_t) : 0;
}

int
open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = open_mode(flags, ap);
	va_end(ap);
	return open_call(AT_FDCWD, path, flags, mode);
}

int
openat(int dirfd, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = open_mode(flags, ap);
	va_end(ap);
	return open_call(dirfd, path, flags, mode);
}

int
creat(const char *path, mode_t mode)
{
	return open_call(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

int
renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	if ((below_at(from_dir, from) || below_at(to_dir, to)) && fault_now("rename"))
		return -1;
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return renameat2(from_dir, from, to_dir, to, 0);
}

int
rename(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	if (below_at(to_dir, to) && fault_now("link"))
		return -1;
	return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

int
link(const char *from, const char *to)
{
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
unlinkat(int dirfd, const char *path, int flags)
{
	if (below_at(dirfd, path) && fault_now("unlink"))
		return -1;
	return (int)syscall(SYS_unlinkat, dirfd, path, flags);
}

int
unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int
mkdirat(int dirfd, const char *path, mode_t mode)
{
	if (below_at(dirfd, path) && fault_now("mkdir"))
		return -1;
	return (int)syscall(SYS_mkdirat, dirfd, path, mode);
}

int
mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

/* ---- other names of the same calls ---------------------------------------- */

/* off_t has 64 bits here, so the 64 variants are the same calls. */
_Static_assert(sizeof(off_t) == sizeof(off64_t), "a 64-bit system");

int open64(const char *, int, ...) __attribute__((alias("open")));
int openat64(int, const char *, int, ...) __attribute__((alias("openat")));
int creat64(const char *, mode_t) __attribute__((alias("creat")));
ssize_t pread64(int, void *, size_t, off64_t) __attribute__((alias("pread")));
ssize_t pwrite64(int, const void *, size_t, off64_t) __attribute__((alias("pwrite")));
ssize_t pwritev64(int, const struct iovec *, int, off64_t) __attribute__((alias("pwritev")));
int ftruncate64(int, off64_t) __attribute__((alias("ftruncate")));
int fallocate64(int, int, off64_t, off64_t) __attribute__((alias("fallocate")));
int posix_fallocate64(int, off64_t, off64_t) __attribute__((alias("posix_fallocate")));

/* What _FORTIFY_SOURCE calls in their place. */
int __open_2(const char *, int) __attribute__((alias("fortified_open")));
int __open64_2(const char *, int) __attribute__((alias("fortified_open")));
int __openat_2(int, const char *, int) __attribute__((alias("fortified_openat")));
int __openat64_2(int, const char *, int) __attribute__((alias("fortified_openat")));
ssize_t __read_chk(int, void *, size_t, size_t);
ssize_t __pread_chk(int, void *, size_t, off_t, size_t);
ssize_t __pread64_chk(int, void *, size_t, off_t, size_t)
    __attribute__((alias("__pread_chk")));
int fortified_open(const char *path, int flags);
int fortified_openat(int dirfd, const char *path, int flags);

int
fortified_open(const char *path, int flags)
{
	return open_call(AT_FDCWD, path, flags, 0);
}

int
fortified_openat(int dirfd, const char *path, int flags)
{
	return open_call(dirfd, path, flags, 0);
}

ssize_t
__read_chk(int fd, void *p, size_t n, size_t room)
{
	if (n > room)
		abort();
	return read(fd, p, n);
}

ssize_t
__pread_chk(int fd, void *p, size_t n, off_t off, size_t room)
{
	if (n > room)
		abort();
	return pread(fd, p, n, off);
}
