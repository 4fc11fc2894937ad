/*
 * Replaying the log onto a restored copy: or else its WAL is written out.
 */
#include "log/replay_private.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
check_empty(const char *dir, struct err *e)
{
	struct dirent *d;
	DIR *dp;
	int n = 0;

	if ((dp = opendir(dir)) == NULL)
		return err_sys(e, ERR_IO, "%s", dir);
	while ((d = readdir(dp)) != NULL)
		n += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
	(void)closedir(dp);	/* only read from */
	if (n > 0)
		return err_set(e, ERR_REFUSED, "%s: is not empty", dir);
	return 0;
}

/* The segment into `part`, durably; 0 when there is nothing of it. */
static int
write_part(const struct walfile_source *w, uint32_t timeline, uint64_t at, const char *part,
    struct err *e)
{
	int rc, fd;

	if ((fd = io_open(part, O_WRONLY | O_CREAT | O_EXCL, 0600, e)) < 0)
		return -1;
	rc = walfile_segment(w, timeline, at, fd, part, e);
	if (rc <= 0 || io_fsync(fd, part, e) < 0) {
		(void)close(fd);	/* it is not wanted, or the failure is told already */
		return rc <= 0 ? rc : -1;
	}
	return io_close(fd, part, e) < 0 ? -1 : 1;
}

static int
write_segment(const struct walfile_source *w, uint32_t timeline, uint64_t at, const char *dir,
    struct err *e)
{
	char name[WAL_NAME], *part, *path;
	int rc = -1;

	wal_segment_name(name, timeline, at, w->snapshot->segment_size);
	path = io_path(dir, name, e);
	part = io_path(dir, "part", e);
	if (path != NULL && part != NULL) {
		if ((rc = write_part(w, timeline, at, part, e)) > 0)
			rc = io_link_new(part, path, e);
		(void)unlink(part);	/* gone already, or not whole */
	}
	free(part);
	free(path);
	return rc;
}

int
replay_write(struct replay *rp, uint64_t from, const char *dir, uint64_t *segments,
    struct err *e)
{
	struct walfile_source w = { .snapshot = rp->snapshot, .wal_dir = rp->wal,
		.path = &rp->cut, .reader = rp->reader };
	uint32_t size = rp->snapshot->segment_size;
	uint64_t first = wal_segment_start(from, size), at, end = walfile_end(&w);
	int rc = 0;

	if (io_mkdirs(dir, 0700, e) < 0 || check_empty(dir, e) < 0)
		return -1;
	for (at = first, *segments = 0; rc == 0 && at < end; at += size, ++*segments) {
		report_progress(rp->o.report, "writing WAL", at - first, end - first);
		rc = write_segment(&w, walfile_timeline(&w, at), at, dir, e);
	}
	report_done(rp->o.report);
	return rc;
}
