/*
 * Namespaces: leaving the host's, with and without root.
 */
#include "base/isolate.h"

#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ALL (CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC)

/* ---- simple system calls --------------------------------------------------- */

static int
write_proc(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	(void)close(fd);	/* /proc takes it at once or not at all */
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

int
isolate_map(uid_t uid, gid_t gid)
{
	char uid_map[64], gid_map[64];

	(void)snprintf(uid_map, sizeof(uid_map), "%u %u 1", (unsigned)uid, (unsigned)uid);
	(void)snprintf(gid_map, sizeof(gid_map), "%u %u 1", (unsigned)gid, (unsigned)gid);
	return write_proc("/proc/self/setgroups", "deny") < 0 ||
		write_proc("/proc/self/uid_map", uid_map) < 0 ||
		write_proc("/proc/self/gid_map", gid_map) < 0 ? -1 : 0;
}

int
isolate_leave(int namespaces)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (uid == 0)
		return unshare(namespaces);
	return unshare(CLONE_NEWUSER | namespaces) < 0 ? -1 : isolate_map(uid, gid);
}

/* As a request of the loopback: 0, or -1 with errno. */
static int
ask_loopback(unsigned long request, struct ifreq *r)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc, saved;

	if (fd < 0)
		return -1;
	rc = ioctl(fd, request, r);
	saved = errno;
	(void)close(fd);	/* nothing was sent */
	errno = saved;
	return rc;
}

int
isolate_loopback(void)
{
	struct ifreq r;

	memset(&r, 0, sizeof(r));
	memcpy(r.ifr_name, "lo", 3);
	r.ifr_flags = IFF_UP | IFF_RUNNING;
	return ask_loopback(SIOCSIFFLAGS, &r);
}

int
isolate_can_leave(int namespaces)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(isolate_leave(namespaces) < 0 ? errno & 127 : 0);
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 0;
	if (pid < 0 || !WIFEXITED(status))
		return 0;
	errno = WEXITSTATUS(status);
	return errno == 0;
}

/* ---- for the process itself --------------------------------------------------- */

static int
refused(struct err *e)
{
	return err_sys(e, ERR_REFUSED, "this system lets us make no namespaces");
}

int
isolate_possible(struct err *e)
{
	return isolate_can_leave(ALL) ? 0 : refused(e);
}

int
isolate_network(struct err *e)
{
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 || isolate_leave(CLONE_NEWNET) < 0)
		return refused(e);
	if (isolate_loopback() < 0)
		return err_sys(e, ERR_SYSTEM, "loopback");
	return 0;
}

int
isolate_address(const char *address, struct err *e)
{
	static unsigned alias;
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct ifreq r;

	if (inet_pton(AF_INET, address, &in.sin_addr) != 1)
		return err_set(e, ERR_CONFIG, "%s: no address of IPv4", address);
	memset(&r, 0, sizeof(r));
	(void)snprintf(r.ifr_name, sizeof(r.ifr_name), "lo:%u", ++alias);	/* fits */
	memcpy(&r.ifr_addr, &in, sizeof(in));
	if (ask_loopback(SIOCSIFADDR, &r) < 0)
		return errno == EEXIST ? 0 :
		    err_sys(e, ERR_SYSTEM, "%s on the loopback", address);
	/* Of its own network: else who connects to it comes from that network's first one. */
	in.sin_addr.s_addr = INADDR_NONE;
	memcpy(&r.ifr_netmask, &in, sizeof(in));
	if (ask_loopback(SIOCSIFNETMASK, &r) < 0)
		return err_sys(e, ERR_SYSTEM, "%s on the loopback", address);
	return 0;
}
