/*
 * discard DIR LOG: the power cut.  Turns DIR into what is durable of it by the records
 * that faultfs.so kept in LOG (see durable.h), and empties LOG: `sync -f DIR` under
 * faultfs.so begins anew.  Nothing may have DIR open.  LOG is on DIR's file system.
 * Prints what was there and what is left.
 */
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *root, *log_dir;
static unsigned long long files, bytes;

static int
count_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)path;
	(void)where;
	if (type == FTW_F) {
		files++;
		bytes += (unsigned long long)st->st_size;
	}
	return 0;
}

static void
count(const char *label)
{
	files = bytes = 0;
	if (nftw(root, count_one, 16, FTW_PHYS) != 0)
		err(71, "%s", root);
	printf("%s %llu files, %llu bytes\n", label, files, bytes);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	if (where->level > 0 && remove(path) != 0)
		err(71, "%s", path);
	return 0;
}

static void
empty(const char *dir)
{
	if (nftw(dir, remove_one, 16, FTW_PHYS | FTW_DEPTH) != 0)
		err(71, "%s", dir);
}

static void
join(char out[PATH_MAX], const char *dir, const char *kind, const char *name)
{
	if (snprintf(out, PATH_MAX, "%s/%s%s", dir, kind, name) >= PATH_MAX)
		errx(71, "%s/%s%s: too long", dir, kind, name);
}

/* The record's bytes become the file itself; a second name becomes a second link. */
static void
make_file(const char *path, const char *id, mode_t mode, uid_t uid, gid_t gid)
{
	char kept[PATH_MAX];
	int fd;

	join(kept, log_dir, "file.", id);
	fd = open(kept, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || fchown(fd, uid, gid) != 0 || fchmod(fd, mode) != 0 || close(fd) != 0)
		err(71, "%s", kept);
	if (link(kept, path) != 0)
		err(71, "%s", path);
}

static void
make_link(const char *path, const char *id)
{
	char kept[PATH_MAX], target[PATH_MAX];
	FILE *f;
	size_t n;

	join(kept, log_dir, "file.", id);
	f = fopen(kept, "re");
	if (f == NULL)
		err(71, "%s", kept);
	n = fread(target, 1, sizeof(target) - 1, f);
	target[n] = '\0';
	(void)fclose(f);	/* only read */
	if (symlink(target, path) != 0)
		err(71, "%s", path);
}

/* Puts the durable names into the empty folder `dir`; one never synced has none. */
static void
fill(const char *dir, const char *dir_id)
{
	char record[PATH_MAX], path[PATH_MAX], *line = NULL, id[40], type;
	unsigned mode, uid, gid;
	size_t cap = 0;
	ssize_t n;
	int at;
	FILE *f;

	join(record, log_dir, "dir.", dir_id);
	f = fopen(record, "re");
	if (f == NULL && errno == ENOENT)
		return;
	if (f == NULL)
		err(71, "%s", record);
	while ((n = getline(&line, &cap, f)) > 0) {
		line[n - 1] = '\0';
		if (sscanf(line, "%c %o %u %u %39s %n", &type, &mode, &uid, &gid, id, &at) != 5)
			errx(65, "%s: not a record: %s", record, line);
		join(path, dir, "", line + at);
		if (type == 'f') {
			make_file(path, id, mode, uid, gid);
		} else if (type == 'l') {
			make_link(path, id);
		} else {
			if (mkdir(path, 0700) != 0)
				err(71, "%s", path);
			fill(path, id);
			if (chown(path, uid, gid) != 0 || chmod(path, mode) != 0)
				err(71, "%s", path);
		}
	}
	free(line);
	(void)fclose(f);	/* only read */
}

int
main(int argc, char **argv)
{
	struct statx st;
	char id[40];

	if (argc != 3)
		errx(64, "usage: discard DIR LOG");
	root = argv[1];
	log_dir = argv[2];
	if (statx(AT_FDCWD, root, 0, STATX_BASIC_STATS | STATX_BTIME, &st) != 0)
		err(66, "%s", root);
	(void)snprintf(id, sizeof(id), "%llx.%llx.%x", (unsigned long long)st.stx_ino,
	    (unsigned long long)st.stx_btime.tv_sec, st.stx_btime.tv_nsec);	/* fits */
	count("before");
	empty(root);
	fill(root, id);
	count("after ");
	empty(log_dir);
	return fflush(stdout) == 0 ? 0 : 74;
}
