/*
 * The system calls that make bytes durable, watched and made to fail.
 */
#include <sys/stat.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static int watching, count, fail_nth, fail_errno;
static char seen[4096];
static atomic_int no_tmpfile;

void
calls_watch(void)
{
	pthread_mutex_lock(&lock);
	watching = 1;
	count = fail_nth = 0;
	seen[0] = '\0';
	pthread_mutex_unlock(&lock);
}

const char *
calls_seen(void)
{
	pthread_mutex_lock(&lock);
	watching = 0;
	pthread_mutex_unlock(&lock);
	return seen;
}

void
calls_fail(int nth, int sys)
{
	pthread_mutex_lock(&lock);
	fail_nth = nth;
	fail_errno = sys;
	pthread_mutex_unlock(&lock);
}

void
calls_refuse_tmpfile(int on)
{
	atomic_store(&no_tmpfile, on);
}

/* Note the call; 1 when it is to fail. */
static int
note(const char *name)
{
	size_t n;
	int fail = 0;

	pthread_mutex_lock(&lock);
	if (watching) {
		n = strlen(seen);
		snprintf(seen + n, sizeof(seen) - n, "%s%s", n > 0 ? " " : "", name);
		if ((fail = ++count == fail_nth) != 0)
			errno = fail_errno;
	}
	pthread_mutex_unlock(&lock);
	return fail;
}

/* libc's own function.  (C has no cast from a data pointer to one of a function.) */
#define REAL_AS(type, name, ...)					\
	static void *symbol;						\
	type (*real)(__VA_ARGS__);					\
	if (__atomic_load_n(&symbol, __ATOMIC_RELAXED) == NULL)		\
		__atomic_store_n(&symbol, dlsym(RTLD_NEXT, name), __ATOMIC_RELAXED); \
	*(void **)&real = __atomic_load_n(&symbol, __ATOMIC_RELAXED)

#define REAL(...)      REAL_AS(int, __VA_ARGS__)
#define REAL_SIZE(...) REAL_AS(ssize_t, __VA_ARGS__)

ssize_t
write(int fd, const void *p, size_t n)
{
	REAL_SIZE("write", int, const void *, size_t);
	return note("write") ? -1 : real(fd, p, n);
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t off)
{
	REAL_SIZE("pwrite", int, const void *, size_t, off_t);
	return note("pwrite") ? -1 : real(fd, p, n, off);
}

int
open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	REAL("open", const char *, int, ...);
	if ((flags & (O_CREAT | __O_TMPFILE)) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	if ((flags & __O_TMPFILE) != 0 && atomic_load(&no_tmpfile)) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return real(path, flags, mode);
}

int
fsync(int fd)
{
	struct stat st;

	REAL("fsync", int);
	return note(fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? "fsync-dir" : "fsync") ? -1
	    : real(fd);
}

int
fdatasync(int fd)
{
	REAL("fdatasync", int);
	return note("fdatasync") ? -1 : real(fd);
}

int
rename(const char *from, const char *to)
{
	REAL("rename", const char *, const char *);
	return note("rename") ? -1 : real(from, to);
}

int
link(const char *from, const char *to)
{
	REAL("link", const char *, const char *);
	return note("link") ? -1 : real(from, to);
}

int
unlink(const char *path)
{
	REAL("unlink", const char *);
	return note("unlink") ? -1 : real(path);
}

int
mkdir(const char *path, mode_t mode)
{
	REAL("mkdir", const char *, mode_t);
	return note("mkdir") ? -1 : real(path, mode);
}
