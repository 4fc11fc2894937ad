/*
 * Replaying the log onto a restored copy: opening it, and planning.
 */
#include "log/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* ---- the copy -------------------------------------------------------------- */

static int
exists(const char *target, const char *name)
{
	char path[1200];

	(void)snprintf(path, sizeof(path), "%s/%s", target, name);
	return access(path, F_OK) == 0;
}

/* The server removes standby.signal when it is promoted; we make it before each start. */
static int
was_promoted(const struct stamp *s, const char *target)
{
	return s->replayed != 0 && !exists(target, "standby.signal");
}

static int
check_stamp(const struct replay *rp, struct err *e)
{
	const char *target = rp->o.target;

	if (rp->stamp.released)
		return err_set(e, ERR_REFUSED,
		    "%s: was released: it is a database of its own now", target);
	if (!rp->stamp.complete) {
		err_set(e, ERR_REFUSED, "%s: restore did not finish it", target);
		return err_hint(e, "remove it and restore again");
	}
	if (rp->promoted && !rp->o.release) {
		err_set(e, ERR_REFUSED,
		    "%s: its release has begun, it cannot be replayed any more", target);
		return err_hint(e, "finish it with --release");
	}
	return 0;
}

static int
take_lock(struct replay *rp, struct err *e)
{
	char path[1100];

	if (rp->o.look)
		return 0;
	(void)snprintf(path, sizeof(path), "%s/bulkhead/lock", rp->o.target);
	return (rp->lock = lock_take(path, e)) == NULL ? -1 : 0;
}

/* The snapshot's own WAL is where it was restored to, until it is set aside. */
static void
find_wal(struct replay *rp)
{
	(void)snprintf(rp->wal, sizeof(rp->wal), "%s/%s", rp->o.target,
	    exists(rp->o.target, "bulkhead/wal") ? "bulkhead/wal" : "pg_wal");
}

static int
open_copy(struct replay *rp, struct err *e)
{
	if (strlen(rp->o.target) > 1000)
		return err_set(e, ERR_USAGE, "%.60s...: the name is too long", rp->o.target);
	if (stamp_read(rp->o.target, &rp->stamp, e) < 0 || take_lock(rp, e) < 0 ||
	    stamp_read(rp->o.target, &rp->stamp, e) < 0)	/* nobody writes it now */
		return -1;
	rp->promoted = was_promoted(&rp->stamp, rp->o.target);
	if (check_stamp(rp, e) < 0)
		return -1;
	find_wal(rp);
	return pg_control_read(rp->o.target, &rp->control, e);
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

/* ---- the log --------------------------------------------------------------- */

static int
find_snapshot(struct replay *rp, struct err *e)
{
	const struct catalog *c = repo_catalog(rp->repo);

	rp->snapshot = catalog_snapshot(c, rp->stamp.source, rp->stamp.snapshot);
	if (rp->snapshot == NULL)
		return err_set(e, ERR_NOTFOUND, "repository %s: no snapshot %s of %s",
		    repo_name(rp->repo), rp->stamp.snapshot, rp->stamp.source);
	return 0;
}

/* Is `path` the way that the copy has come, as far as it has come? */
static int
goes_on(const struct log_path *path, const struct log_path *come, uint64_t from)
{
	uint64_t to;
	int i;

	for (i = 0; i < come->n && come->at[i].from < from; i++) {
		to = come->at[i].to < from ? come->at[i].to : from;
		if (i >= path->n || path->at[i].stream != come->at[i].stream ||
		    path->at[i].to < to)
			return 0;
	}
	return 1;
}

/*
 * The stream that was asked for, else the newest; but never another history than the copy's.
 */
static int
find_path(struct replay *rp, struct err *e)
{
	struct log_path come;
	char at[LSN_TEXT];

	if (log_path_find(rp->index, rp->snapshot, rp->o.stream, &rp->path, e) < 0)
		return -1;
	if (rp->o.stream != NULL && rp->path.n == 0)
		return err_set(e, ERR_REFUSED, "stream %s cannot be reached from snapshot %s",
		    rp->o.stream, rp->snapshot->id);
	if (rp->stamp.stream[0] == '\0')
		return 0;
	if (log_path_find(rp->index, rp->snapshot, rp->stamp.stream, &come, e) < 0)
		return -1;
	if (goes_on(&rp->path, &come, rp->from))
		return 0;
	if (rp->o.stream == NULL) {
		rp->path = come;
		return 0;
	}
	err_set(e, ERR_REFUSED,
	    "the copy was replayed along stream %s up to %s, and %s is not its continuation",
	    rp->stamp.stream, lsn_format(at, rp->from), rp->o.stream);
	return err_hint(e, "restore the snapshot anew");
}

static int
open_log(struct replay *rp, struct err *e)
{
	const char *url = rp->o.url != NULL ? rp->o.url : rp->stamp.url;

	if ((rp->key = key_read_secret(rp->o.key, KEY_RESTORE, e)) == NULL ||
	    (rp->repo = repo_open(url, rp->stamp.repo, rp->o.state, rp->o.report,
		e)) == NULL ||
	    find_snapshot(rp, e) < 0)
		return -1;
	set_from(rp);
	if ((rp->index = log_index_build(rp->repo, rp->stamp.source, 0, e)) == NULL ||
	    find_path(rp, e) < 0)
		return err_context(e, "source %s", rp->stamp.source);
	rp->reader = log_reader_new(rp->repo, &rp->path, rp->key, e);
	return rp->reader == NULL ? -1 : 0;
}

int
replay_open(struct replay *rp, const struct replay_options *o, struct err *e)
{
	memset(rp, 0, sizeof(*rp));
	rp->o = *o;
	if (open_copy(rp, e) == 0 && open_log(rp, e) == 0)
		return 0;
	replay_close(rp);
	return -1;
}

void
replay_close(struct replay *rp)
{
	fetch_free(rp->fetch);
	log_reader_free(rp->reader);
	log_index_free(rp->index);
	repo_free(rp->repo);
	key_free(rp->key);
	lock_free(rp->lock);
	rp->fetch = NULL;
	rp->reader = NULL;
	rp->index = NULL;
	rp->repo = NULL;
	rp->key = NULL;
	rp->lock = NULL;
}

/* ---- planning -------------------------------------------------------------- */

/* The newest snapshot on the same way that ends before a position, or before a time (at 0). */
static const struct catalog_snapshot *
older_snapshot(const struct replay *rp, uint64_t at, int64_t time)
{
	const struct catalog *c = repo_catalog(rp->repo);
	const struct catalog_snapshot *s, *best = NULL;
	struct err ignored = ERR_INIT;	/* a hint is not worth an error */
	struct log_path way;
	size_t i;

	for (i = 0; i < c->nsnapshots; i++) {
		s = &c->snapshots[i];
		if (strcmp(s->source, rp->stamp.source) != 0 || s->broken_pages ||
		    (at != 0 ? s->stop > at : s->stopped > time) ||
		    (best != NULL && s->stopped < best->stopped))
			continue;
		if (rp->path.n == 0 ||
		    (log_path_find(rp->index, s, rp->path.at[rp->path.n - 1].stream->name,
			&way, &ignored) == 0 && way.n > 0))
			best = s;
	}
	return best;
}

/* *e refuses a target that the copy is beyond: which snapshot would do? */
static int
hint_older(const struct replay *rp, uint64_t at, int64_t time, struct err *e)
{
	const struct catalog_snapshot *s = older_snapshot(rp, at, time);

	if (s == NULL)
		return err_hint(e, "no older snapshot is held from which it could be reached");
	return err_hint(e, "restore snapshot %s into another directory", s->id);
}

/*
 * Times before the snapshot's end: what it holds of the log is scanned only from `scan` on, so
 * a later commit in the rest would not show.
 */
static int
check_window(const struct replay *rp, const struct target *t, uint64_t scan, struct err *e)
{
	const struct catalog_snapshot *s = rp->snapshot;
	int64_t known = rp->path.n > 0 && scan <= s->start ? s->started : s->stopped;
	char text[CLOCK_TEXT];

	if (t->kind != TARGET_TIME || t->time >= known)
		return 0;
	err_set(e, ERR_REFUSED, "target %s lies before the end of snapshot %s, at %s", t->text,
	    s->id, clock_format(text, s->stopped));
	return hint_older(rp, 0, t->time, e);
}

/* What lies behind a hole cannot be replayed, and "the end" is not the end. */
static int
check_hole(const struct replay *rp, struct err *e)
{
	char from[LSN_TEXT], to[LSN_TEXT];

	if (rp->path.hole == 0 || (rp->plan.reached && rp->goal.kind != TARGET_END))
		return 0;
	lsn_format(from, rp->path.end);
	err_set(e, ERR_CORRUPT, "the log has a hole from %s to %s", from,
	    lsn_format(to, rp->path.hole));
	return err_hint(e, "--to %s ends before it; what lies behind needs a later snapshot",
	    from);
}

static int
plan(struct replay *rp, const struct target *t, uint64_t scan, struct err *e)
{
	if (check_window(rp, t, scan, e) < 0)
		return -1;
	if (target_resolve(rp->reader, &rp->path, scan, rp->from, rp->snapshot->segment_size,
		rp->snapshot->system_id, t, &rp->plan, rp->o.report, e) < 0)
		return rp->plan.passed != 0 ? hint_older(rp, rp->plan.passed, 0, e) : -1;
	if (rp->promoted && rp->plan.stop > rp->from)
		return err_set(e, ERR_REFUSED,
		    "its release has begun: it cannot be replayed further");
	return check_hole(rp, e);
}

int
replay_plan(struct replay *rp, const struct target *t, struct err *e)
{
	uint64_t scan = rp->snapshot->start;

	rp->goal = *t;
	if (rp->path.n > 0 && rp->path.at[0].from > scan)
		scan = rp->path.at[0].from;
	if (plan(rp, t, scan, e) < 0)
		return err_context(e, "source %s", rp->stamp.source);
	walfile_cut(&rp->cut, &rp->path, rp->snapshot, rp->plan.stop);
	return 0;
}

int
replay_goal(const struct replay *rp, const char *point, int inclusive, struct target *t,
    struct err *e)
{
	char at[LSN_TEXT];

	if (point != NULL)
		return target_parse(point, inclusive, t, e);
	if (rp->o.release && rp->stamp.replayed != 0)
		return target_parse(lsn_format(at, rp->from), 0, t, e);
	*t = (struct target){ .kind = TARGET_END, .inclusive = 1,
		.text = "the end of the log" };
	return 0;
}

int
replay_is_worthwhile(const struct replay *rp)
{
	return rp->plan.reached ||
	    (rp->goal.kind != TARGET_XID && rp->goal.kind != TARGET_NAME);
}
