/*
 * The system calls that make bytes durable, watched and made to fail.
 */
#include <sys/stat.h>

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"

static int watching, count, fail_nth, fail_errno;
static char seen[4096];

void
calls_watch(void)
{
	watching = 1;
	count = fail_nth = 0;
	seen[0] = '\0';
}

const char *
calls_seen(void)
{
	watching = 0;
	return seen;
}

void
calls_fail(int nth, int sys)
{
	fail_nth = nth;
	fail_errno = sys;
}

/* Note the call; 1 when it is to fail. */
static int
note(const char *name)
{
	size_t n = strlen(seen);

	if (!watching)
		return 0;
	snprintf(seen + n, sizeof(seen) - n, "%s%s", n > 0 ? " " : "", name);
	if (++count != fail_nth)
		return 0;
	errno = fail_errno;
	return 1;
}

/* libc's own function.  (C has no cast from a data pointer to one of a function.) */
#define REAL(name, ...)							\
	static int (*real)(__VA_ARGS__);				\
	if (real == NULL)						\
		*(void **)&real = dlsym(RTLD_NEXT, name)

#define REAL_SIZE(name, ...)						\
	static ssize_t (*real)(__VA_ARGS__);				\
	if (real == NULL)						\
		*(void **)&real = dlsym(RTLD_NEXT, name)

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
