/*
 * A root of its own for the throwaway server: a small file system in memory, on which hang
 * the folders that it may see.
 */
#include "pg/server_jail.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/isolate.h"

#define OLD "/old"	/* the host's root, until all hangs in its place */

/* Where systems keep programs, libraries and what these read. */
static const char *const programs[] = { "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64",
	"/libx32", "/etc", "/opt", "/nix", "/gnu" };
static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/full", "/dev/random",
	"/dev/urandom" };
/* For everyone: shared memory, and where programs put their files and sockets. */
static const char *const open_folders[] = { "/tmp", "/dev/shm", "/var/run/postgresql" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void
jail_init(struct jail *j, const struct pg_server *s, const char *program_base)
{
	*j = (struct jail){ .paths = { program_base, s->datadir, s->work, s->run },
		.hold = s->work, .uid = geteuid(), .gid = getegid(), .root = geteuid() == 0 };
}

/* The network is the caller's affair. */
pid_t
jail_fork(const struct jail *j)
{
	unsigned long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | SIGCHLD;

	if (!j->root)
		flags |= CLONE_NEWUSER;
	return (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
}

/* path with all folders above it, as far as they are not there. */
static int
make_folders(const char *path)
{
	char part[PATH_MAX];
	size_t i, n = strlen(path);

	if (n >= sizeof(part)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}

static int
old_path(char old[PATH_MAX], const char *path)
{
	int n = snprintf(old, PATH_MAX, OLD "%s", path);

	if (n >= 0 && n < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

static int
show_folder(const char *path)
{
	char old[PATH_MAX];

	if (old_path(old, path) < 0 || make_folders(path) < 0)
		return -1;
	return mount(old, path, NULL, MS_BIND | MS_REC, NULL);
}

/* A folder that not every system has, or a link to one. */
static int
show_programs(const char *path)
{
	char old[PATH_MAX], target[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (old_path(old, path) < 0)
		return -1;
	if (lstat(old, &st) < 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISLNK(st.st_mode))
		return show_folder(path);
	if ((n = readlink(old, target, sizeof(target) - 1)) < 0)
		return -1;
	target[n] = '\0';
	return symlink(target, path);
}

static int
show_device(const char *path)
{
	char old[PATH_MAX];
	int fd;

	if (old_path(old, path) < 0 ||
	    (fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) < 0)
		return -1;
	(void)close(fd);	/* empty: only something to hang it on */
	return mount(old, path, NULL, MS_BIND, NULL);
}

/* A new root in memory, with the old one at OLD. */
static int
change_root(const struct jail *j)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("bulkhead", j->hold, "tmpfs", MS_NOSUID, "mode=755") < 0 ||
	    chdir(j->hold) < 0 || mkdir("." OLD, 0700) < 0 ||
	    syscall(SYS_pivot_root, ".", "." OLD) < 0)
		return -1;
	return chdir("/");
}

static int
show_all(const struct jail *j)
{
	size_t i;

	for (i = 0; i < COUNT(programs); i++)
		if (show_programs(programs[i]) < 0)
			return -1;
	for (i = 0; i < COUNT(open_folders); i++)
		if (make_folders(open_folders[i]) < 0 || chmod(open_folders[i], 01777) < 0)
			return -1;
	for (i = 0; i < COUNT(devices); i++)
		if (show_device(devices[i]) < 0)
			return -1;
	for (i = 0; i < COUNT(j->paths); i++)
		if (j->paths[i][0] != '\0' && show_folder(j->paths[i]) < 0)
			return -1;
	return 0;
}

/*
 * Its own: through the host's one would get to the roots of the same user's processes.  In a
 * user namespace those are shut anyway, and a container may allow no other.
 */
static int
show_processes(const struct jail *j)
{
	if (mkdir("/proc", 0755) < 0)
		return -1;
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0)
		return 0;
	return j->root ? -1 : mount(OLD "/proc", "/proc", NULL, MS_BIND | MS_REC, NULL);
}

int
jail_enter(const struct jail *j, const char **step)
{
	*step = "user namespace";
	if (!j->root && isolate_map(j->uid, j->gid) < 0)
		return -1;
	*step = "root of its own";
	if (change_root(j) < 0)
		return -1;
	*step = "folders";
	if (show_all(j) < 0)
		return -1;
	*step = "/proc";
	if (show_processes(j) < 0)
		return -1;
	*step = "the host's root";
	return umount2(OLD, MNT_DETACH) < 0 || rmdir(OLD) < 0 ? -1 : 0;
}
