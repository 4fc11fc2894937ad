/*
 * Which call is to fail: counting, over all processes of a run, in a mapped file.
 * See count.h.
 */
#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "count.h"

#define BY_KILL	   (-1)
#define COUNT_NAME 24

static const char *fault_call;
static uint64_t fault_n;
static int fault_errno;
static struct count {
	_Atomic uint64_t seen;
	char failed[COUNT_NAME];	/* the call that failed */
} *count;				/* NULL: nothing is counted */

void
fault_die(const char *what)
{
	dprintf(STDERR_FILENO, "faultfs: %s: %s\n", what, strerror(errno));
	_exit(98);
}

static int
errno_parse(const char *s)
{
	static const struct {
		const char *name;
		int value;
	} known[] = { { "KILL", BY_KILL }, { "EACCES", EACCES }, { "EDQUOT", EDQUOT },
	    { "EINTR", EINTR }, { "EIO", EIO }, { "EMFILE", EMFILE }, { "ENOENT", ENOENT },
	    { "ENOMEM", ENOMEM }, { "ENOSPC", ENOSPC }, { "EROFS", EROFS } };
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(s, known[i].name) == 0)
			return known[i].value;
	if (atoi(s) <= 0) {
		errno = EINVAL;
		fault_die(s);
	}
	return atoi(s);
}

void
fault_count_init(void)
{
	const char *call = getenv("FAULT_CALL"), *n = getenv("FAULT_N");
	const char *how = getenv("FAULT_ERRNO"), *path = getenv("FAULT_COUNT_FILE");
	int fd = -1, flags = MAP_SHARED;
	void *p;

	if (call == NULL || *call == '\0')
		return;
	fault_call = call;
	fault_n = n != NULL ? strtoull(n, NULL, 10) : 0;
	fault_errno = errno_parse(how != NULL ? how : "EIO");
	if (path == NULL)
		flags |= MAP_ANONYMOUS;
	else if ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666)) < 0 ||
	    ftruncate(fd, sizeof(*count)) != 0)
		fault_die(path);
	p = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, flags, fd, 0);
	if (p == MAP_FAILED)
		fault_die("mmap");
	if (fd >= 0)
		(void)close(fd);	/* the map stays */
	count = p;
}

int
fault_now(const char *call)
{
	if (count == NULL ||
	    (strcmp(fault_call, call) != 0 && strcmp(fault_call, "all") != 0))
		return 0;
	if (atomic_fetch_add(&count->seen, 1) + 1 != fault_n)
		return 0;
	(void)snprintf(count->failed, sizeof(count->failed), "%s", call);	/* fits */
	if (fault_errno == BY_KILL)
		for (;;)
			(void)kill(getpid(), SIGKILL);	/* until it has worked */
	errno = fault_errno;
	return 1;
}
