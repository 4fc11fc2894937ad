/*
 * pitr-replay: what it says, as text and JSON Lines.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "pitr-replay.h"

static void
print_transaction(const char *side, const struct wal_event *ev)
{
	char at[LSN_TEXT], time[CLOCK_TEXT];

	if (ev->kind == 0)
		printf("%-9s no transaction\n", side);
	else
		printf("%-9s transaction %" PRIu32 ", committed %s, at %s\n", side, ev->xid,
		    clock_format(time, ev->time), lsn_format(at, ev->start));
}

static void
print_sides(const struct replay *rp)
{
	print_transaction("before it", &rp->plan.before);
	print_transaction("after it", &rp->plan.after);
}

void
say_plan(const struct replay *rp)
{
	const struct target_result *p = &rp->plan;
	char from[LSN_TEXT], stop[LSN_TEXT], span[32];
	uint64_t bytes = p->stop > rp->from ? p->stop - rp->from : 0;
	int i;

	printf("snapshot  %s of %s\n", rp->snapshot->id, rp->stamp.source);
	for (i = 0; i < rp->path.n; i++)
		printf("stream    %s, %s to %s\n", rp->path.at[i].stream->name,
		    lsn_format(from, rp->path.at[i].from),
		    lsn_format(stop, rp->path.at[i].to));
	printf("replay    %s to %s%s: %" PRIu64 " transactions, %.1f MiB, about %s\n",
	    lsn_format(from, rp->from), lsn_format(stop, p->stop),
	    p->at_end ? ", the end of the log" : "", p->commits, (double)bytes / 1048576,
	    clock_format_span(span, 1000000 + (int64_t)(bytes / 30)));	/* 30 MB a second */
	print_sides(rp);
}

static void
json_transaction(struct json *j, const char *key, const struct wal_event *ev)
{
	if (ev->kind == 0) {
		json_str(j, key, NULL);
		return;
	}
	json_open(j, key, '{');
	json_uint(j, "xid", ev->xid);
	json_time(j, "time", ev->time);
	lsn_json(j, "lsn", ev->start);
	json_close(j, '}');
}

int
say_json(const struct replay *rp, const char *did, struct err *e)
{
	struct json j = JSON_INIT;
	int rc;

	json_begin(&j, "result");
	json_int(&j, "status", rp->plan.reached ? 0 : 1);
	json_str(&j, "did", did);
	json_str(&j, "source", rp->stamp.source);
	json_str(&j, "snapshot", rp->snapshot->id);
	if (rp->path.n > 0)
		json_str(&j, "stream", rp->path.at[rp->path.n - 1].stream->name);
	lsn_json(&j, "from", rp->from);
	lsn_json(&j, "stop", rp->plan.stop);
	json_bool(&j, "at_end", rp->plan.at_end);
	json_bool(&j, "reached", rp->plan.reached);
	json_uint(&j, "transactions", rp->plan.commits);
	json_transaction(&j, "before", &rp->plan.before);
	json_transaction(&j, "after", &rp->plan.after);
	json_int(&j, "locked", rp->locked);
	json_str(&j, "socket", rp->readable ? rp->server.run : NULL);
	rc = json_print(&j, e);
	json_free(&j);
	return rc;
}

/* How the copy was left. */
static void
print_left(const struct replay *rp, const char *did)
{
	if (strcmp(did, "release") == 0) {
		printf("released  %s is a database of its own, on a new timeline, and "
		    "stopped\n", rp->o.target);
		return;
	}
	if (!rp->readable) {
		printf("stopped   it cannot be read here, since transactions with very many "
		    "subtransactions\n"
		    "          were open: replay it further, or release it\n");
		return;
	}
	if (rp->locked > 0)
		printf("locked    %d tables and indexes, by transactions that were open here: "
		    "--release frees them\n", rp->locked);
	printf("paused    read it with: psql -h %s -p 5432 -U postgres\n"
	    "          stop it with: pitr-replay --stop %s\n", rp->server.run, rp->o.target);
}

void
say_done(const struct replay *rp, const char *did)
{
	char at[LSN_TEXT];

	if (rp->plan.reached)
		printf("reached   %s, at %s\n", rp->goal.text, lsn_format(at, rp->plan.stop));
	print_sides(rp);
	print_left(rp, did);
}
