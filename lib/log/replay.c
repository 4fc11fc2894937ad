/*
 * Replaying the log onto a restored copy: opening it, and planning.
 */
#include "log/replay.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "log/fetch.h"

static int
check_stamp(const struct stamp *s, const char *target, struct err *e)
{
	if (s->released)
		return err_set(e, ERR_REFUSED, "%s: was released: it is a database of its own now", target);
	if (!s->complete) {
		err_set(e, ERR_REFUSED, "%s: restore did not finish it", target);
		return err_hint(e, "remove it and restore again");
	}
	return 0;
}

static int
find_snapshot(struct replay *rp, struct err *e)
{
	const struct catalog *c = repo_catalog(rp->repo);

	rp->snapshot = catalog_snapshot(c, rp->stamp.source, rp->stamp.snapshot);
	if (rp->snapshot == NULL)
		return err_set(e, ERR_NOTFOUND, "repository %s: no snapshot %s of %s", repo_name(rp->repo),
		    rp->stamp.snapshot, rp->stamp.source);
	return 0;
}

/* How far the copy is: the server's own word, and ours. */
static void
set_from(struct replay *rp)
{
	rp->from = rp->snapshot->stop;
	if (rp->stamp.replayed > rp->from)
		rp->from = rp->stamp.replayed;
	if (rp->control.min_recovery > rp->from)
		rp->from = rp->control.min_recovery;
}

int
replay_open(struct replay *rp, const struct replay_options *o, struct err *e)
{
	const char *url;

	memset(rp, 0, sizeof(*rp));
	rp->o = *o;
	if (stamp_read(o->target, &rp->stamp, e) < 0 || check_stamp(&rp->stamp, o->target, e) < 0 ||
	    pg_control_read(o->target, &rp->control, e) < 0)
		return -1;
	url = o->url != NULL ? o->url : rp->stamp.url;
	if ((rp->key = key_read_secret(o->key, KEY_RESTORE, e)) == NULL ||
	    (rp->repo = repo_open(url, rp->stamp.repo, o->state, o->report, e)) == NULL ||
	    find_snapshot(rp, e) < 0 ||
	    (rp->index = log_index_build(rp->repo, rp->stamp.source, 0, e)) == NULL ||
	    log_path_find(rp->index, rp->snapshot, o->stream, &rp->path, e) < 0 ||
	    (rp->reader = log_reader_new(rp->repo, rp->index, &rp->path, rp->key, e)) == NULL) {
		replay_close(rp);
		return -1;
	}
	set_from(rp);
	return 0;
}

void
replay_close(struct replay *rp)
{
	log_reader_free(rp->reader);
	log_index_free(rp->index);
	repo_free(rp->repo);
	key_free(rp->key);
	rp->reader = NULL;
	rp->index = NULL;
	rp->repo = NULL;
	rp->key = NULL;
}

/* A time before the snapshot began: its own WAL need not show a commit in between. */
static int
check_window(const struct replay *rp, const struct target *t, struct err *e)
{
	char began[CLOCK_TEXT];

	if (t->kind != TARGET_TIME || t->time >= rp->snapshot->started)
		return 0;
	err_set(e, ERR_REFUSED, "target %s lies before snapshot %s, which began at %s", t->text,
	    rp->snapshot->id, clock_format(began, rp->snapshot->started));
	return err_hint(e, "restore an older snapshot: restore --before %s", t->text);
}

/* What lies behind a hole cannot be replayed, and "the end" is not the end. */
static int
check_hole(struct replay *rp, struct err *e)
{
	char from[LSN_TEXT], to[LSN_TEXT];

	if (rp->path.hole == 0)
		return 0;
	if (rp->plan.reached && rp->goal.kind != TARGET_END) {
		rp->path.hole = 0;	/* the target lies before it: there it ends for us */
		return 0;
	}
	lsn_format(from, rp->path.end);
	err_set(e, ERR_CORRUPT, "source %s: the log has a hole from %s to %s", rp->stamp.source, from,
	    lsn_format(to, rp->path.hole));
	return err_hint(e, "--to %s ends before it; what lies behind needs a later snapshot", from);
}

int
replay_plan(struct replay *rp, const struct target *t, struct err *e)
{
	uint64_t scan = rp->snapshot->start;

	rp->goal = *t;
	if (rp->path.n > 0 && rp->path.at[0].from > scan)
		scan = rp->path.at[0].from;
	if (check_window(rp, t, e) < 0)
		return -1;
	if (target_resolve(rp->reader, &rp->path, scan, rp->from, rp->snapshot->segment_size,
		rp->snapshot->system_id, t, &rp->plan, rp->o.report, e) < 0)
		return err_context(e, "source %s", rp->stamp.source);
	return check_hole(rp, e);
}

/* ---- -o DIR ---------------------------------------------------------------- */

static int
write_segment(const char *dir, const char *name, const struct buf *data, struct err *e)
{
	char *path;
	int rc;

	if ((path = io_path(dir, name, e)) == NULL)
		return -1;
	rc = io_create_file(path, data->data, data->len, 0600, e);
	free(path);
	return rc;
}

/* The timeline whose segment holds lsn: the newest one on the path that writes into it. */
static uint32_t
timeline_of(const struct replay *rp, uint64_t start, uint64_t end)
{
	uint32_t t = rp->snapshot->timeline;
	int i;

	for (i = 0; i < rp->path.n; i++)
		if (rp->path.at[i].from < end && rp->path.at[i].to > start)
			t = rp->path.at[i].stream->timeline;
	return t;
}

int
replay_write(struct replay *rp, uint64_t from, const char *dir, uint64_t *segments, struct err *e)
{
	uint32_t size = rp->snapshot->segment_size, timeline;
	uint64_t at = wal_segment_start(from, size), valid;
	char name[WAL_NAME], wal[1100];
	struct buf data = BUF_INIT;
	int rc = 0;

	(void)snprintf(wal, sizeof(wal), "%s/bulkhead/wal", rp->o.target);
	if (access(wal, X_OK) < 0)	/* not replayed yet: its own WAL is where it was restored to */
		(void)snprintf(wal, sizeof(wal), "%s/pg_wal", rp->o.target);
	for (*segments = 0; rc == 0 && at < rp->plan.stop; at += size, ++*segments) {
		report_progress(rp->o.report, "writing WAL", at - from, rp->plan.stop - from);
		timeline = timeline_of(rp, at, at + size);
		rc = fetch_segment(rp->reader, &rp->path, wal, timeline, at, size, &data, &valid, e);
		wal_segment_name(name, timeline, at, size);
		if (rc == 0)
			rc = err_set(e, ERR_NOTFOUND, "WAL segment %s is not held", name);
		else if (rc > 0)
			rc = write_segment(dir, name, &data, e);
	}
	report_done(rp->o.report);
	buf_free(&data);
	return rc;
}
