/*
 * What a power cut would leave of a folder: the records.  See durable.h.
 * The files of the log are outside of FAULT_DIR, so that the calls on them pass
 * through faultfs.c untouched; those inside are opened by syscall, uncounted.
 */
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "count.h"
#include "durable.h"

#define ID_TEXT 40
#define MARKS	4096

static const char *root_dir, *log_dir;	/* log_dir NULL: nothing is recorded */

/*
 * From which offset on a file has changed since this process recorded it last.  A
 * small cache: what is not in it is copied whole.
 */
static struct mark {
	uint64_t ino, low;
	struct statx_timestamp born;
} marks[MARKS];
static pthread_mutex_t marks_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t record_lock = PTHREAD_MUTEX_INITIALIZER;

int
durable_init(const char *root, const char *log)
{
	char real[PATH_MAX];
	size_t n = strlen(root);

	if (realpath(log, real) == NULL)
		return -1;
	if (strncmp(real, root, n) == 0 && (real[n] == '/' || real[n] == '\0')) {
		errno = EINVAL;
		return -1;
	}
	root_dir = root;
	log_dir = log;
	return 0;
}

static int
look(int dirfd, const char *name, struct statx *st)
{
	return statx(dirfd, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
	    STATX_BASIC_STATS | STATX_BTIME, st);
}

static const char *
id_text(const struct statx *st, char out[ID_TEXT])
{
	(void)snprintf(out, ID_TEXT, "%llx.%llx.%x", (unsigned long long)st->stx_ino,
	    (unsigned long long)st->stx_btime.tv_sec, st->stx_btime.tv_nsec); /* fits */
	return out;
}

static void
log_path(char out[PATH_MAX], const char *kind, const char *id)
{
	if (snprintf(out, PATH_MAX, "%s/%s.%s", log_dir, kind, id) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		fault_die(log_dir);
	}
}

static int
mark_is(const struct mark *m, const struct statx *st)
{
	return m->ino == st->stx_ino && m->born.tv_sec == st->stx_btime.tv_sec &&
	    m->born.tv_nsec == st->stx_btime.tv_nsec;
}

void
durable_changed(int fd, off_t low)
{
	int saved = errno;
	struct statx st;
	struct mark *m;

	if (log_dir == NULL)
		return;
	if (look(fd, "", &st) != 0)
		fault_die("statx");
	m = &marks[st.stx_ino % MARKS];
	(void)pthread_mutex_lock(&marks_lock);
	if (mark_is(m, &st) && (uint64_t)low < m->low)
		m->low = (uint64_t)low;
	(void)pthread_mutex_unlock(&marks_lock);
	errno = saved;
}

static uint64_t
take_mark(const struct statx *st)
{
	struct mark *m = &marks[st->stx_ino % MARKS];
	uint64_t low;

	(void)pthread_mutex_lock(&marks_lock);
	low = mark_is(m, st) ? m->low : 0;
	m->ino = st->stx_ino;
	m->born = st->stx_btime;
	m->low = UINT64_MAX;
	(void)pthread_mutex_unlock(&marks_lock);
	return low;
}

static void
copy(int from, int to, uint64_t at, uint64_t end, const char *name)
{
	static char buf[1 << 16];	/* under record_lock */
	size_t want;
	ssize_t n;

	while (at < end) {
		want = end - at < sizeof(buf) ? (size_t)(end - at) : sizeof(buf);
		n = syscall(SYS_pread64, from, buf, want, at);
		if (n == 0)
			return;		/* it became shorter just now */
		if (n < 0 || pwrite(to, buf, (size_t)n, (off_t)at) != n)
			fault_die(name);
		at += (uint64_t)n;
	}
}

/* fd may be write-only, so the file is opened anew. */
static void
record_file(int fd)
{
	char id[ID_TEXT], path[PATH_MAX], self[40];
	struct statx st, old;
	uint64_t low;
	int from, to;

	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);	/* fits */
	from = (int)syscall(SYS_openat, AT_FDCWD, self, O_RDONLY | O_CLOEXEC);
	/* The mark first, then the size: what comes in between is only copied twice. */
	if (from < 0 || look(from, "", &st) != 0)
		fault_die(self);
	low = take_mark(&st);
	log_path(path, "file", id_text(&st, id));
	to = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (to < 0 || look(from, "", &st) != 0 || look(to, "", &old) != 0)
		fault_die(path);
	copy(from, to, low < old.stx_size ? low : old.stx_size, st.stx_size, path);
	if (ftruncate(to, (off_t)st.stx_size) != 0 || close(to) != 0)
		fault_die(path);
	(void)syscall(SYS_close, from);		/* only read */
}

/* A symbolic link is durable with its name; the record holds where it points. */
static void
record_link(int dirfd, const char *name, const char *id)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n = readlinkat(dirfd, name, target, sizeof(target));
	int fd;

	log_path(path, "file", id);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (n < 0 || fd < 0 || write(fd, target, (size_t)n) != n || close(fd) != 0)
		fault_die(path);
}

static void
record_name(int dirfd, const char *name, FILE *out)
{
	char id[ID_TEXT];
	struct statx st;
	char type;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return;
	if (look(dirfd, name, &st) != 0) {
		if (errno == ENOENT)
			return;		/* removed just now */
		fault_die(name);
	}
	id_text(&st, id);
	type = S_ISDIR(st.stx_mode) ? 'd' : S_ISLNK(st.stx_mode) ? 'l' : 'f';
	if (type == 'l')
		record_link(dirfd, name, id);
	(void)fprintf(out, "%c %o %u %u %s %s\n", type, st.stx_mode & 07777u, st.stx_uid,
	    st.stx_gid, id, name);	/* fclose tells */
}

static void
record_dir(int fd, const struct statx *st)
{
	char id[ID_TEXT], path[PATH_MAX], tmp[PATH_MAX];
	int copy_fd = (int)syscall(SYS_openat, fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy_fd < 0 ? NULL : fdopendir(copy_fd);
	struct dirent *entry;
	FILE *out;

	log_path(path, "dir", id_text(st, id));
	log_path(tmp, "tmp", id);
	out = fopen(tmp, "we");
	if (dir == NULL || out == NULL)
		fault_die(path);
	while ((entry = readdir(dir)) != NULL)
		record_name(dirfd(dir), entry->d_name, out);
	(void)closedir(dir);	/* only read */
	if (ferror(out) || fclose(out) != 0 || rename(tmp, path) != 0)
		fault_die(path);
}

/* One record at a time, over threads (the mutex) and processes (flock). */
void
durable_record(int fd)
{
	int saved = errno, lock;
	char path[PATH_MAX];
	struct statx st;

	if (log_dir == NULL)
		return;
	(void)pthread_mutex_lock(&record_lock);
	log_path(path, "lock", "file");
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (lock < 0 || flock(lock, LOCK_EX) != 0 || look(fd, "", &st) != 0)
		fault_die(path);
	if (S_ISDIR(st.stx_mode))
		record_dir(fd, &st);
	else if (S_ISREG(st.stx_mode))
		record_file(fd);
	(void)close(lock);	/* lets the lock go */
	(void)pthread_mutex_unlock(&record_lock);
	errno = saved;
}

static int
record_path(const char *path, const struct stat *st, int type, struct FTW *where)
{
	int fd;

	(void)where;
	if (type == FTW_SL || !(S_ISDIR(st->st_mode) || S_ISREG(st->st_mode)))
		return 0;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fault_die(path);
	durable_record(fd);
	(void)syscall(SYS_close, fd);	/* only read */
	return 0;
}

void
durable_record_all(void)
{
	if (log_dir != NULL && nftw(root_dir, record_path, 16, FTW_PHYS) != 0)
		fault_die(root_dir);
}
