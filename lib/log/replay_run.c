/*
 * Replaying the log onto a restored copy: driving its server to the planned position.
 */
#include "log/replay_private.h"

#include <sys/stat.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS 50

/* ---- the server ------------------------------------------------------------ */

int
replay_attach(struct replay *rp, struct err *e)
{
	char work[1100];

	(void)snprintf(work, sizeof(work), "%s/bulkhead", rp->o.target);
	if (pg_server_init(&rp->server, rp->o.target, work, e) < 0)
		return -1;
	return pg_server_attach(&rp->server, e);
}

static void
socket_path(const struct replay *rp, char *out, size_t cap)
{
	(void)snprintf(out, cap, "%s/fetch", rp->server.run);
}

static int
check_plain(const char *what, const char *path, struct err *e)
{
	if (strpbrk(path, "'\"\\%$`\n") != NULL)
		return err_set(e, ERR_CONFIG, "%s %s: quotes, backslashes, %%, $ and ` cannot be "
		    "used in it", what, path);
	return 0;
}

static int
may_pass(const struct stat *st, uid_t uid)
{
	if (uid == 0)
		return 1;
	return (st->st_mode & (st->st_uid == uid ? S_IXUSR : S_IXOTH)) != 0;
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
		if (may_pass(&st, uid))
			continue;
		err_set(e, ERR_CONFIG, "%s: the server's user (uid %u) cannot run it", path,
		    (unsigned)uid);
		return err_hint(e, "install it where that user may reach it: %s is closed", part);
	}
	return 0;
}

static int
set_command(struct replay *rp, char *out, size_t cap, struct err *e)
{
	char socket[160];

	socket_path(rp, socket, sizeof(socket));
	if (check_plain("program", rp->o.helper, e) < 0 || check_plain("socket", socket, e) < 0 ||
	    check_helper(rp->o.helper, rp->server.uid, e) < 0)
		return -1;
	(void)snprintf(out, cap, "\"%s\" --fetch \"%s\" %%f \"%%p\"", rp->o.helper, socket);
	return 0;
}

int
replay_configure(struct replay *rp, int standby, struct err *e)
{
	struct pg_server_settings set = { .standby = standby, .minima = rp->control };
	const struct wal_event *seen = &rp->plan.minima;
	char command[2400], timeline[16];

	if (standby) {
		if (set_command(rp, command, sizeof(command), e) < 0)
			return -1;
		(void)snprintf(timeline, sizeof(timeline), "%" PRIu32, rp->cut.timeline);
		set.restore_command = command;
		set.timeline = timeline;
	}
#define RAISE(f) do { if (seen->f > set.minima.f) set.minima.f = seen->f; } while (0)
	RAISE(max_connections);
	RAISE(max_worker_processes);
	RAISE(max_wal_senders);
	RAISE(max_prepared_xacts);
	RAISE(max_locks_per_xact);
#undef RAISE
	return pg_server_configure(&rp->server, &set, e);
}

struct fetch *
replay_serve(struct replay *rp, struct err *e)
{
	char socket[160];
	struct fetch_options o = { .repo = rp->repo, .snapshot = rp->snapshot, .path = &rp->cut,
		.key = rp->key, .wal_dir = rp->wal, .socket = socket, .uid = rp->server.uid,
		.ahead = 4 };

	socket_path(rp, socket, sizeof(socket));
	return fetch_new(&o, e);
}

/* ---- waiting --------------------------------------------------------------- */

/* Our failure, or the server's when there is none: ours is what made it fail. */
static int
tell_failure(struct fetch *f, const struct err *server, struct err *e)
{
	if (!fetch_failed(f, e))
		*e = *server;
	return err_context(e, "replay");
}

int
replay_watch(struct replay *rp, struct fetch *f, struct err *e)
{
	struct err why = ERR_INIT;

	if (report_stopping())
		return err_set(e, ERR_CANCELLED, "replay: stopped by a signal");
	if (fetch_failed(f, &why))
		return tell_failure(f, &why, e);
	if (pg_server_alive(&rp->server, &why) == 0)
		return tell_failure(f, &why, e);
	(void)poll(NULL, 0, POLL_MS);
	return 0;
}

/* Where the server is.  0: it does not answer yet. */
static int
ask_position(struct replay *rp, uint64_t *lsn, int *paused)
{
	struct err e = ERR_INIT;	/* it is still starting, or it died: replay_watch tells */
	char row[128], *tab;

	if (pg_server_query(&rp->server,
		"SELECT coalesce(pg_last_wal_replay_lsn(), '0/0'), pg_get_wal_replay_pause_state()",
		row, sizeof(row), &e) < 0 || (tab = strchr(row, '\t')) == NULL)
		return 0;
	*tab = '\0';
	*paused = strcmp(tab + 1, "paused") == 0;
	return lsn_parse(row, lsn) == 0;
}

/* There is nothing behind the stop that it could replay, so it may be told to pause there. */
static int
pause_server(struct replay *rp, struct err *e)
{
	char row[64];

	return pg_server_query(&rp->server, "SELECT pg_wal_replay_pause()", row, sizeof(row), e);
}

static int
check_position(const struct replay *rp, uint64_t lsn, struct err *e)
{
	char at[LSN_TEXT], want[LSN_TEXT];

	if (lsn == rp->plan.stop)
		return 0;
	return err_set(e, ERR_BUG, "replay: the server stopped at %s instead of %s",
	    lsn_format(at, lsn), lsn_format(want, rp->plan.stop));
}

/* Until the server has replayed all that it is given, and pauses. */
static int
wait_for_pause(struct replay *rp, struct fetch *f, struct err *e)
{
	uint64_t lsn;
	int paused, asked = 0;

	while (replay_watch(rp, f, e) == 0) {
		if (!ask_position(rp, &lsn, &paused))
			continue;
		if (paused)
			return check_position(rp, lsn, e);
		if (lsn >= rp->plan.stop && !asked) {
			if (pause_server(rp, e) < 0)
				return err_context(e, "replay");
			asked = 1;
		}
		report_progress(rp->o.report, "replaying", lsn > rp->from ? lsn - rp->from : 0,
		    rp->plan.stop - rp->from);
	}
	return -1;
}

/* ---- the run --------------------------------------------------------------- */

/* The server of an earlier call ends; only then it says for good how far it has come. */
static int
stop_earlier(struct replay *rp, struct err *e)
{
	char at[LSN_TEXT], stop[LSN_TEXT];
	int running = replay_attach(rp, e);

	if (running < 0 || (running > 0 && pg_server_stop(&rp->server, e) < 0) ||
	    pg_control_read(rp->o.target, &rp->control, e) < 0)
		return -1;
	if (rp->control.min_recovery <= rp->plan.stop)
		return 0;
	return err_set(e, ERR_REFUSED, "target %s lies at %s, before %s, up to where the copy has come",
	    rp->goal.text, lsn_format(stop, rp->plan.stop),
	    lsn_format(at, rp->control.min_recovery));
}

static int
keep_position(struct replay *rp, struct err *e)
{
	const struct log_path *p = &rp->path;

	rp->stamp.replayed = rp->plan.stop;
	if (p->n > 0)
		(void)snprintf(rp->stamp.stream, sizeof(rp->stamp.stream), "%s",
		    p->at[p->n - 1].stream->name);
	return stamp_write(rp->o.target, &rp->stamp, e);
}

static int
run_server(struct replay *rp, struct fetch *f, struct err *e)
{
	struct err ignored = ERR_INIT;	/* the failure before it is the one to tell */
	int rc;

	if (pg_server_start(&rp->server, rp->o.report, e) < 0) {
		ignored = *e;
		return tell_failure(f, &ignored, e);
	}
	rc = wait_for_pause(rp, f, e);
	report_done(rp->o.report);
	if (rc < 0)
		(void)pg_server_stop(&rp->server, &ignored);
	rp->readable = rc == 0;
	return rc;
}

int
replay_run(struct replay *rp, struct err *e)
{
	struct fetch *f;
	int rc;

	if (rp->promoted)	/* it was there before its release began */
		return 0;
	if (stop_earlier(rp, e) < 0 || replay_set_wal_aside(rp, e) < 0 ||
	    replay_configure(rp, 1, e) < 0 || (f = replay_serve(rp, e)) == NULL)
		return -1;
	rc = run_server(rp, f, e);
	rp->segments = fetch_segments(f);
	fetch_free(f);
	return rc < 0 ? -1 : keep_position(rp, e);
}
