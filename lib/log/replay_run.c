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
#include <unistd.h>

#define WAIT_LONGEST  500	/* ms */
#define STUCK_REPEATS 8		/* it asks for a segment up to three times when it starts */

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
		return err_set(e, ERR_CONFIG,
		    "%s %s: quotes, backslashes, %%, $ and ` cannot be used in it", what,
		    path);
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
		return err_hint(e, "install it where that user may reach it: %s is closed",
		    part);
	}
	return 0;
}

static int
set_command(struct replay *rp, char *out, size_t cap, struct err *e)
{
	char socket[160];

	socket_path(rp, socket, sizeof(socket));
	if (check_plain("program", rp->o.helper, e) < 0 ||
	    check_plain("socket", socket, e) < 0 ||
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

int
replay_serve(struct replay *rp, struct err *e)
{
	char socket[160];
	struct fetch_options o = { .repo = rp->repo, .snapshot = rp->snapshot,
		.path = &rp->cut, .key = rp->key, .wal_dir = rp->wal, .socket = socket,
		.spool = rp->server.work,
		.uid = rp->server.uid, .gid = rp->server.gid, .ahead = 4 };

	socket_path(rp, socket, sizeof(socket));
	return (rp->fetch = fetch_new(&o, e)) == NULL ? -1 : 0;
}

int
replay_unserve(struct replay *rp, struct err *e)
{
	char socket[160];

	fetch_free(rp->fetch);
	rp->fetch = NULL;
	socket_path(rp, socket, sizeof(socket));
	if (unlink(socket) < 0 && errno != ENOENT)
		return err_sys(e, ERR_IO, "%s: unlink", socket);
	return 0;
}

/* ---- waiting --------------------------------------------------------------- */

/* Our failure, or the server's when there is none: ours is what made it fail. */
static int
tell_failure(struct replay *rp, const struct err *server, struct err *e)
{
	if (rp->fetch == NULL || !fetch_failed(rp->fetch, e))
		*e = *server;
	return err_context(e, "replay");
}

int
replay_watch(struct replay *rp, int *wait, struct err *e)
{
	struct err why = ERR_INIT;

	if (report_stopping())
		return err_set(e, ERR_CANCELLED, "replay: stopped by a signal");
	if ((rp->fetch != NULL && fetch_failed(rp->fetch, &why)) ||
	    pg_server_alive(&rp->server, &why) == 0)
		return tell_failure(rp, &why, e);
	(void)poll(NULL, 0, *wait);	/* a signal cuts it short */
	*wait += *wait / 4 + 1;
	if (*wait > WAIT_LONGEST)
		*wait = WAIT_LONGEST;
	return 0;
}

/* Where the server is.  0: it does not answer yet. */
static int
ask_position(struct replay *rp, uint64_t *lsn, int *paused)
{
	struct err e = ERR_INIT;	/* it still starts, or it died: replay_watch tells */
	char row[128], *tab;

	if (pg_server_query(&rp->server,
		"SELECT coalesce(pg_last_wal_replay_lsn(), '0/0'),"
		" pg_get_wal_replay_pause_state()",
		row, sizeof(row), &e) < 0 || (tab = strchr(row, '\t')) == NULL)
		return 0;
	*tab = '\0';
	*paused = strcmp(tab + 1, "paused") == 0;
	return lsn_parse(row, lsn) == 0;
}

/* What open transactions of the source have locked for themselves, the copy keeps locked. */
static int
ask_locks(struct replay *rp, struct err *e)
{
	char row[64];

	if (pg_server_query(&rp->server, "SELECT count(*) FROM pg_locks WHERE "
		"locktype = 'relation' AND mode = 'AccessExclusiveLock' AND granted",
		row, sizeof(row), e) < 0)
		return -1;
	rp->locked = (int)strtol(row, NULL, 10);
	return 0;
}

/* There is nothing behind the stop that it could replay, so it may be told to pause there. */
static int
pause_server(struct replay *rp, struct err *e)
{
	char row[64];

	return pg_server_query(&rp->server, "SELECT pg_wal_replay_pause()", row, sizeof(row),
	    e);
}

static int
check_position(const struct replay *rp, uint64_t lsn, struct err *e)
{
	char at[LSN_TEXT], want[LSN_TEXT];

	if (lsn == rp->plan.stop)
		return 0;
	return err_set(e, ERR_BUG, "the server stopped at %s instead of %s",
	    lsn_format(at, lsn), lsn_format(want, rp->plan.stop));
}

enum place { AT_START, ON_THE_WAY, AT_END };	/* AT_START: it takes no queries yet */

/* Where is it?  Once it is at the end it is told to pause, and AT_END when it does. */
static int
push(struct replay *rp, int *told, enum place *place, struct err *e)
{
	uint64_t lsn;
	int paused;

	*place = AT_START;
	if (!ask_position(rp, &lsn, &paused))
		return 0;
	*place = paused ? AT_END : ON_THE_WAY;
	if (paused)
		return check_position(rp, lsn, e);
	if (lsn >= rp->plan.stop && !*told) {
		*told = 1;
		return pause_server(rp, e);
	}
	report_progress(rp->o.report, "replaying", lsn > rp->from ? lsn - rp->from : 0,
	    rp->plan.stop - rp->from);
	return 0;
}

/*
 * Has it asked for the same segment so often that it can
 * replay no further?  For the last one?
 */
static int
is_stuck(struct replay *rp, int *last)
{
	uint64_t start;
	int n = fetch_repeats(rp->fetch, &start);

	*last = start + rp->snapshot->segment_size >= rp->plan.stop;
	return n >= STUCK_REPEATS;
}

/*
 * Until the server has replayed all that it is given, and pauses there: 1.  0: it has all, but
 * takes no queries, so it cannot be told to pause.
 */
static int
wait_for_end(struct replay *rp, struct err *e)
{
	enum place place;
	int told = 0, wait = REPLAY_WAIT, last;

	while (replay_watch(rp, &wait, e) == 0) {
		if (push(rp, &told, &place, e) < 0)
			return err_context(e, "replay");
		if (place == AT_END)
			return ask_locks(rp, e) < 0 ? err_context(e, "replay") : 1;
		if (!is_stuck(rp, &last) || told)
			continue;
		if (place == AT_START && last)
			return 0;
		err_set(e, ERR_CORRUPT, "replay: the server cannot read all of the WAL");
		return err_hint(e, "its log is %s", rp->server.log);
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
	return err_set(e, ERR_REFUSED,
	    "target %s lies at %s, before %s, up to where the copy has come", rp->goal.text,
	    lsn_format(stop, rp->plan.stop), lsn_format(at, rp->control.min_recovery));
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
run_server(struct replay *rp, struct err *e)
{
	struct err other = ERR_INIT;	/* the failure before it is the one to tell */
	int rc;

	if (pg_server_start(&rp->server, rp->o.report, e) < 0) {
		other = *e;
		return tell_failure(rp, &other, e);
	}
	rc = wait_for_end(rp, e);
	report_done(rp->o.report);
	rp->readable = rc > 0;
	if (rc < 0)
		(void)pg_server_stop(&rp->server, &other);
	else if (rc == 0 && !rp->o.release)
		rc = pg_server_stop(&rp->server, e);
	return rc < 0 ? -1 : 0;
}

int
replay_run(struct replay *rp, struct err *e)
{
	if (rp->promoted)	/* it was there before its release began */
		return 0;
	if (stop_earlier(rp, e) < 0 || replay_set_wal_aside(rp, e) < 0 ||
	    replay_configure(rp, 1, e) < 0 || replay_serve(rp, e) < 0 || run_server(rp, e) < 0)
		return -1;
	return keep_position(rp, e);
}
