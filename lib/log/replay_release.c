/*
 * Replaying the log onto a restored copy: making it a database of its own, and stopping it.
 */
#include "log/replay_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
wait_for_promotion(struct replay *rp, struct err *e)
{
	struct err starting = ERR_INIT;	/* replay_watch tells when it died */
	char row[64];
	int wait = REPLAY_WAIT;

	while (replay_watch(rp, &wait, e) == 0)
		if (pg_server_query(&rp->server, "SELECT pg_is_in_recovery()", row,
			sizeof(row), &starting) == 0 && strcmp(row, "f") == 0)
			return 0;
	return -1;
}

/*
 * A server that was promoted before runs on, or is
 * started again: then it recovers by itself.
 */
static int
resume_promoted(struct replay *rp, struct err *e)
{
	int running = replay_attach(rp, e);

	if (running != 0)
		return running < 0 ? -1 : 0;
	if (replay_configure(rp, 0, e) < 0)
		return -1;
	return pg_server_start(&rp->server, rp->o.report, e);
}

static int
promote(struct replay *rp, struct err *e)
{
	char row[64];

	if (rp->promoted ? resume_promoted(rp, e) < 0 : pg_server_promote(&rp->server, e) < 0)
		return -1;
	if (wait_for_promotion(rp, e) < 0 ||
	    pg_server_query(&rp->server, "CHECKPOINT", row, sizeof(row), e) < 0)
		return -1;
	return pg_server_stop(&rp->server, e);
}

static int
drop_file(const char *target, const char *name, struct err *e)
{
	char *path;
	int rc = 0;

	if ((path = io_path(target, name, e)) == NULL)
		return -1;
	if (unlink(path) < 0 && errno != ENOENT)
		rc = err_sys(e, ERR_IO, "%s: unlink", path);
	free(path);
	return rc;
}

/*
 * bulkhead/ decides nothing any more: it goes to the server's user, who must be able to
 * read it for a base backup.
 */
static int
hand_over(const struct pg_server *s, struct err *e)
{
	struct dirent *d;
	DIR *dir;
	int fd, rc = 0;

	if (geteuid() != 0)
		return 0;
	if ((dir = opendir(s->work)) == NULL)
		return err_sys(e, ERR_IO, "%s", s->work);
	fd = dirfd(dir);
	while (rc == 0 && (errno = 0, d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, "..") != 0 &&
		    fchownat(fd, d->d_name, s->uid, s->gid, AT_SYMLINK_NOFOLLOW) < 0)
			rc = err_sys(e, ERR_IO, "%s/%s: chown", s->work, d->d_name);
	if (rc == 0 && errno != 0)
		rc = err_sys(e, ERR_IO, "%s", s->work);
	(void)closedir(dir);	/* only read from */
	return rc;
}

/* From here on the copy starts like any other data directory. */
static int
disarm(struct replay *rp, struct err *e)
{
	if (replay_unserve(rp, e) < 0 || pg_server_tidy(&rp->server, e) < 0)
		return -1;
	if (drop_file(rp->o.target, "standby.signal", e) < 0 ||
	    drop_file(rp->o.target, "recovery.signal", e) < 0 ||
	    drop_file(rp->o.target, "postgresql.auto.conf", e) < 0 ||
	    io_fsync_dir(rp->o.target, e) < 0)
		return -1;
	rp->stamp.released = 1;
	if (stamp_write(rp->o.target, &rp->stamp, e) < 0)
		return -1;
	return hand_over(&rp->server, e);
}

int
replay_release(struct replay *rp, struct err *e)
{
	if (promote(rp, e) < 0)
		return err_context(e, "release");
	rp->readable = 0;
	return disarm(rp, e);
}

int
replay_stop(const char *target, struct err *e)
{
	struct replay rp = { .o = { .target = target } };
	char path[1100];
	int running;

	if (stamp_read(target, &rp.stamp, e) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/bulkhead/lock", target);
	if ((rp.lock = lock_take(path, e)) == NULL)
		return -1;
	running = replay_attach(&rp, e);
	if (running > 0 && pg_server_stop(&rp.server, e) < 0)
		running = -1;
	lock_free(rp.lock);
	return running;
}
