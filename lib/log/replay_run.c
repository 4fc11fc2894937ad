/*
 * Replaying the log onto a restored copy: driving its server to the planned position.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "log/fetch.h"
#include "log/replay.h"

#define POLL_MS 50

/* ---- the copy's own WAL ---------------------------------------------------- */

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
 * Set the snapshot's WAL aside, once: the server takes every segment through us, merged
 * with the log.  A prefix from us would beat a complete copy of its own, and it recycles
 * what it finds.  bulkhead/wal appears by rename when all of it has been moved.
 */
static int
set_wal_aside(const struct replay *rp, char *wal, size_t cap, struct err *e)
{
	char from[1100], part[1100], work[1100];

	(void)snprintf(work, sizeof(work), "%s/bulkhead", rp->o.target);
	(void)snprintf(from, sizeof(from), "%s/pg_wal", rp->o.target);
	(void)snprintf(part, sizeof(part), "%s/bulkhead/wal.part", rp->o.target);
	(void)snprintf(wal, cap, "%s/bulkhead/wal", rp->o.target);
	if (access(wal, F_OK) == 0)
		return 0;
	if (io_mkdirs(part, 0700, e) < 0 ||
	    move_segments(from, part, rp->snapshot->segment_size, e) < 0 ||
	    io_fsync_dir(part, e) < 0 || io_fsync_dir(from, e) < 0)
		return -1;
	if (rename(part, wal) < 0)
		return err_sys(e, ERR_IO, "%s: rename", part);
	return io_fsync_dir(work, e);
}

/* ---- the server ------------------------------------------------------------ */

static int
plain_path(const char *what, const char *path, struct err *e)
{
	if (strpbrk(path, "'\"\\%\n") != NULL)
		return err_set(e, ERR_CONFIG, "%s %s: quotes, backslashes and %% cannot be used in it",
		    what, path);
	return 0;
}

/* Can the server's user run the helper?  Else it would fail later, and less clearly. */
static int
check_helper(const char *path, uid_t uid, struct err *e)
{
	char part[1100];
	struct stat st;
	size_t i;

	for (i = 1; i <= strlen(path); i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		(void)snprintf(part, sizeof(part), "%.*s", (int)i, path);
		if (stat(part, &st) < 0)
			return err_sys(e, ERR_CONFIG, "%s", part);
		if ((st.st_mode & S_IXOTH) == 0 && (st.st_uid != uid || (st.st_mode & S_IXUSR) == 0)) {
			err_set(e, ERR_CONFIG, "%s: the server's user (uid %u) cannot run it", path,
			    (unsigned)uid);
			return err_hint(e, "install pitr-replay where that user may reach it: %s is closed",
			    part);
		}
	}
	return 0;
}

static int
configure(struct replay *rp, const char *socket, struct err *e)
{
	struct pg_server_settings set = { .standby = 1, .minima = rp->control };
	const struct wal_event *seen = &rp->plan.minima;
	char command[2400], timeline[16];

	if (plain_path("program", rp->o.helper, e) < 0 || plain_path("socket", socket, e) < 0 ||
	    check_helper(rp->o.helper, rp->server.uid, e) < 0)
		return -1;
	(void)snprintf(command, sizeof(command), "\"%s\" --fetch \"%s\" %%f \"%%p\"", rp->o.helper,
	    socket);
	(void)snprintf(timeline, sizeof(timeline), "%" PRIu32,
	    rp->path.n > 0 ? rp->path.timeline : rp->snapshot->timeline);
	set.restore_command = command;
	set.timeline = timeline;
	set.target_lsn = rp->plan.at_end ? 0 : rp->plan.stop;
#define RAISE(f) do { if (seen->f > set.minima.f) set.minima.f = seen->f; } while (0)
	RAISE(max_connections);
	RAISE(max_worker_processes);
	RAISE(max_wal_senders);
	RAISE(max_prepared_xacts);
	RAISE(max_locks_per_xact);
#undef RAISE
	return pg_server_configure(&rp->server, &set, e);
}

/* The server's failure, or ours that made it fail: ours says more. */
static int
server_failed(struct fetch *f, const struct err *server, struct err *e)
{
	if (fetch_failed(f, e))
		return err_context(e, "replay");
	*e = *server;
	return err_context(e, "replay");
}

/* Where the server is.  0: it does not answer yet. */
static int
ask_position(struct replay *rp, uint64_t *lsn, int *paused)
{
	struct err e = ERR_INIT;	/* it is still starting, or it died: pg_server_alive tells */
	char row[128], *tab;

	if (pg_server_query(&rp->server,
		"SELECT coalesce(pg_last_wal_replay_lsn(), '0/0'), pg_get_wal_replay_pause_state()",
		row, sizeof(row), &e) < 0 || (tab = strchr(row, '\t')) == NULL)
		return 0;
	*tab = '\0';
	*paused = strcmp(tab + 1, "paused") == 0;
	return lsn_parse(row, lsn) == 0;
}

static int
ask_pause(struct replay *rp, struct err *e)
{
	char row[64];

	return pg_server_query(&rp->server, "SELECT pg_wal_replay_pause()", row, sizeof(row), e);
}

/* Until the server pauses at the planned position; at the log's end it is we who tell it to. */
static int
wait_for_pause(struct replay *rp, struct fetch *f, struct err *e)
{
	struct err why = ERR_INIT;
	uint64_t lsn;
	int paused, asked = 0;

	for (;;) {
		if (report_stopping())
			return err_set(e, ERR_CANCELLED, "replay: stopped by a signal");
		if (fetch_failed(f, e))
			return err_context(e, "replay");
		if (pg_server_alive(&rp->server, &why) == 0)
			return server_failed(f, &why, e);
		if (ask_position(rp, &lsn, &paused)) {
			rp->reached = lsn;
			if (paused)
				break;
			if (rp->plan.at_end && lsn >= rp->plan.stop && !asked) {
				if (ask_pause(rp, e) < 0)
					return err_context(e, "replay");
				asked = 1;
			}
			report_progress(rp->o.report, "replaying",
			    lsn > rp->from ? lsn - rp->from : 0, rp->plan.stop - rp->from);
		}
		(void)poll(NULL, 0, POLL_MS);
	}
	report_done(rp->o.report);
	return 0;
}

/* The server says that it paused: is that where it should be? */
static int
check_position(const struct replay *rp, struct err *e)
{
	char at[LSN_TEXT], want[LSN_TEXT];

	if (rp->plan.at_end ? rp->reached >= rp->plan.stop : rp->reached <= rp->plan.stop)
		return 0;
	return err_set(e, ERR_BUG, "replay: the server stopped at %s instead of %s",
	    lsn_format(at, rp->reached), lsn_format(want, rp->plan.stop));
}

static int
run_server(struct replay *rp, struct fetch *f, struct err *e)
{
	struct err ignored = ERR_INIT;	/* the failure before it is the one to tell */

	if (pg_server_start(&rp->server, rp->o.report, e) < 0)
		return server_failed(f, e, e);
	if (wait_for_pause(rp, f, e) < 0 || check_position(rp, e) < 0) {
		report_done(rp->o.report);
		(void)pg_server_stop(&rp->server, &ignored);
		return -1;
	}
	return 0;
}

static struct fetch *
begin_fetch(struct replay *rp, const char *socket, const char *wal, struct err *e)
{
	struct fetch_options o = { .repo = rp->repo, .source = rp->stamp.source, .index = rp->index,
		.path = &rp->path, .key = rp->key, .wal_dir = wal,
		.segment_size = rp->snapshot->segment_size, .socket = socket,
		.uid = rp->server.uid, .ahead = 4 };

	return fetch_new(&o, e);
}

/* Server and socket ready to go; the earlier call's server is stopped first. */
static struct fetch *
prepare(struct replay *rp, char *wal, size_t cap, struct err *e)
{
	char work[1100], socket[160];
	struct fetch *f;
	int running;

	(void)snprintf(work, sizeof(work), "%s/bulkhead", rp->o.target);
	if (pg_server_init(&rp->server, rp->o.target, work, e) < 0 ||
	    (running = pg_server_attach(&rp->server, e)) < 0 ||
	    (running && pg_server_stop(&rp->server, e) < 0) ||
	    set_wal_aside(rp, wal, cap, e) < 0)
		return NULL;
	(void)snprintf(socket, sizeof(socket), "%s/fetch", rp->server.run);
	if (configure(rp, socket, e) < 0 || (f = begin_fetch(rp, socket, wal, e)) == NULL)
		return NULL;
	return f;
}

static int
keep_position(struct replay *rp, struct err *e)
{
	rp->stamp.replayed = rp->reached > rp->from ? rp->reached : rp->from;
	rp->stamp.replayed_timeline = rp->path.n > 0 ? rp->path.timeline : rp->snapshot->timeline;
	return stamp_write(rp->o.target, &rp->stamp, e);
}

int
replay_run(struct replay *rp, struct err *e)
{
	struct fetch *f;
	char wal[1100];
	int rc;

	if ((f = prepare(rp, wal, sizeof(wal), e)) == NULL)
		return -1;
	rc = run_server(rp, f, e);
	rp->segments = fetch_segments(f);
	fetch_free(f);
	return rc < 0 ? -1 : keep_position(rp, e);
}

/* ---- release --------------------------------------------------------------- */

static int
wait_for_promotion(struct replay *rp, struct fetch *f, struct err *e)
{
	struct err why = ERR_INIT;
	char row[64];

	for (;;) {
		if (report_stopping())
			return err_set(e, ERR_CANCELLED, "release: stopped by a signal");
		if (fetch_failed(f, e))
			return err_context(e, "release");
		if (pg_server_alive(&rp->server, &why) == 0)
			return server_failed(f, &why, e);
		if (pg_server_query(&rp->server, "SELECT pg_is_in_recovery()", row, sizeof(row), &why) == 0 &&
		    strcmp(row, "f") == 0)
			return 0;
		(void)poll(NULL, 0, POLL_MS);
	}
}

static int
promote(struct replay *rp, struct fetch *f, struct err *e)
{
	char row[64];

	if (pg_server_query(&rp->server, "SELECT pg_promote(false)", row, sizeof(row), e) < 0 ||
	    wait_for_promotion(rp, f, e) < 0 ||
	    pg_server_query(&rp->server, "CHECKPOINT", row, sizeof(row), e) < 0 ||
	    pg_server_stop(&rp->server, e) < 0)
		return err_context(e, "release");
	return 0;
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

/* From here on the copy starts like any other data directory. */
static int
disarm(struct replay *rp, struct err *e)
{
	if (drop_file(rp->o.target, "standby.signal", e) < 0 ||
	    drop_file(rp->o.target, "recovery.signal", e) < 0 ||
	    drop_file(rp->o.target, "postgresql.auto.conf", e) < 0 ||
	    io_fsync_dir(rp->o.target, e) < 0)
		return -1;
	rp->stamp.released = 1;
	return stamp_write(rp->o.target, &rp->stamp, e);
}

int
replay_release(struct replay *rp, struct err *e)
{
	struct fetch *f;
	char socket[160], wal[1100];
	int rc;

	(void)snprintf(socket, sizeof(socket), "%s/fetch", rp->server.run);
	(void)snprintf(wal, sizeof(wal), "%s/bulkhead/wal", rp->o.target);
	if ((f = begin_fetch(rp, socket, wal, e)) == NULL)
		return -1;
	rc = promote(rp, f, e);
	fetch_free(f);
	return rc < 0 ? -1 : disarm(rp, e);
}

int
replay_stop(const char *target, struct err *e)
{
	struct pg_server s;
	struct stamp stamp;
	char work[1100];
	int running;

	(void)snprintf(work, sizeof(work), "%s/bulkhead", target);
	if (stamp_read(target, &stamp, e) < 0 || pg_server_init(&s, target, work, e) < 0 ||
	    (running = pg_server_attach(&s, e)) < 0)
		return -1;
	if (running && pg_server_stop(&s, e) < 0)
		return -1;
	return running;
}
