/*
 * Replaying the log onto a restored copy: the copy's own WAL is set aside.
 */
#include "log/replay_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int
move_file(const char *from, const char *to, const char *name, struct err *e)
{
	char *a, *b;
	int rc = -1;

	a = io_path(from, name, e);
	b = a == NULL ? NULL : io_path(to, name, e);
	if (b != NULL && (rc = rename(a, b)) < 0)
		err_sys(e, ERR_IO, "%s: rename to %s", a, b);
	free(a);
	free(b);
	return rc;
}

static int
move_segments(const char *from, const char *to, uint32_t segment_size, struct err *e)
{
	struct dirent *d;
	uint32_t timeline;
	uint64_t start;
	DIR *dir;
	int rc = 0;

	if ((dir = opendir(from)) == NULL)
		return err_sys(e, ERR_IO, "%s", from);
	while (rc == 0 && (errno = 0, d = readdir(dir)) != NULL)
		if (wal_segment_parse(d->d_name, segment_size, &timeline, &start) == 0)
			rc = move_file(from, to, d->d_name, e);
	if (rc == 0 && errno != 0)
		rc = err_sys(e, ERR_IO, "%s", from);
	(void)closedir(dir);	/* only read from */
	return rc;
}

/*
 * The server takes every segment through us, merged with the log: a prefix from us would
 * beat a complete copy of its own, and it recycles what it finds.  bulkhead/wal
 * appears by rename when all of it has been moved.
 */
int
replay_set_wal_aside(struct replay *rp, struct err *e)
{
	char from[1100], part[1100], work[1100];

	(void)snprintf(work, sizeof(work), "%s/bulkhead", rp->o.target);
	(void)snprintf(from, sizeof(from), "%s/pg_wal", rp->o.target);
	(void)snprintf(part, sizeof(part), "%s/bulkhead/wal.part", rp->o.target);
	(void)snprintf(rp->wal, sizeof(rp->wal), "%s/bulkhead/wal", rp->o.target);
	if (access(rp->wal, F_OK) == 0)
		return 0;
	if (io_mkdirs(part, 0700, e) < 0 ||
	    move_segments(from, part, rp->snapshot->segment_size, e) < 0 ||
	    io_fsync_dir(part, e) < 0 || io_fsync_dir(from, e) < 0)
		return -1;
	if (rename(part, rp->wal) < 0)
		return err_sys(e, ERR_IO, "%s: rename", part);
	return io_fsync_dir(work, e);
}
