/*
 * pitr-replay: replay the log onto a restored copy, up to an exact point.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tool.h"
#include "log/fetch.h"
#include "pitr-replay.h"

enum { OPT_BEFORE = 256, OPT_TO, OPT_STREAM, OPT_PLAN, OPT_RELEASE, OPT_STOP, OPT_FROM };

static const struct opt opts[] = {
	OPT_KEY,
	OPT_REPO,
	{ OPT_BEFORE, "before", "X",
	    "end before the first transaction whose commit is at or after X" },
	{ OPT_TO, "to", "X",
	    "end behind the last transaction whose commit is at or before X" },
	{ OPT_STREAM, "stream", "NAME",
	    "follow this stream (default: the newest within reach)" },
	{ OPT_PLAN, "plan", NULL, "say what would be done, and touch nothing" },
	{ OPT_RELEASE, "release", NULL,
	    "then promote the copy, and stop it: it is a database again" },
	{ OPT_STOP, "stop", NULL, "stop the paused copy's server" },
	{ 'o', "output", "DIR", "write the WAL as segment files into DIR instead" },
	{ OPT_FROM, "from", "LSN", "with -o: begin there (default: at the snapshot's start)" },
	OPT_STATE,
	OPT_JSON,
	OPT_GENERAL,
	OPT_END
};

static const char *const synopsis[] = {
	"pitr-replay -k KEY [--before X | --to X] [--plan | --release] [options] TARGET",
	"pitr-replay -k KEY [--before X | --to X] -o DIR [--from LSN] [options] TARGET",
	"pitr-replay --stop TARGET",
	NULL
};

struct args {
	struct opt_common common;
	const char *point, *stream, *output, *from, *target;
	int inclusive, plan, release, stop;
};

static int
take_point(struct args *a, const char *x, int inclusive, struct err *e)
{
	if (a->point != NULL)
		return err_set(e, ERR_USAGE, "only one of --before and --to");
	a->point = x;
	a->inclusive = inclusive;
	return 0;
}

static int
take_option(void *args, int letter, const char *arg, struct err *e)
{
	struct args *a = args;

	switch (letter) {
	case OPT_BEFORE:
		return take_point(a, arg, 0, e);
	case OPT_TO:
		return take_point(a, arg, 1, e);
	case OPT_STREAM:
		a->stream = arg;
		return 0;
	case OPT_PLAN:
		a->plan = 1;
		return 0;
	case OPT_RELEASE:
		a->release = 1;
		return 0;
	case OPT_STOP:
		a->stop = 1;
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	case OPT_FROM:
		a->from = arg;
		return 0;
	}
	return err_set(e, ERR_BUG, "option %d", letter);
}

static int
check_args(const struct args *a, struct err *e)
{
	if (a->target == NULL)
		return err_set(e, ERR_USAGE, "which restored copy? name its directory");
	if (!a->stop && opt_need(&a->common, "k", e) != 0)
		return -1;
	if (a->plan + a->release + a->stop + (a->output != NULL) > 1)
		return err_set(e, ERR_USAGE, "only one of --plan, --release, --stop and -o");
	if (a->from != NULL && a->output == NULL)
		return err_set(e, ERR_USAGE, "--from goes with -o");
	return 0;
}

static int
take_operands(void *args, int n, char **operand, struct err *e)
{
	struct args *a = args;

	if (n > 1)
		return err_set(e, ERR_USAGE, "one directory at a time, not also %s",
		    operand[1]);
	a->target = operand[0];
	return check_args(a, e);
}

/* ---- what it does ---------------------------------------------------------- */

/* What was done: nothing, when a transaction or restore point is not there. */
static const char *
did(const struct replay *rp, const struct args *a)
{
	if (a->plan || !replay_is_worthwhile(rp))
		return "plan";
	if (a->output != NULL)
		return "write";
	return a->release && rp->plan.reached ? "release" : "replay";
}

/* A target that the log does not reach: said in words, and by the exit status. */
static int
not_reached(const struct replay *rp, struct err *e)
{
	char at[LSN_TEXT], last[CLOCK_TEXT];

	if (rp->plan.reached)
		return 0;
	return err_set(e, ERR_NEGATIVE,
	    "target %s not reached: the log ends at %s, heard last at %s", rp->goal.text,
	    lsn_format(at, rp->plan.end),
	    clock_format(last, rp->path.n > 0 ? rp->path.end_time : rp->snapshot->stopped));
}

static int
write_wal(struct replay *rp, const struct args *a, struct err *e)
{
	uint64_t from = rp->snapshot->start, n;

	if (a->from != NULL && lsn_parse(a->from, &from) < 0)
		return err_set(e, ERR_USAGE, "--from %s: not an LSN", a->from);
	if (replay_write(rp, from, a->output, &n, e) < 0)
		return -1;
	if (!a->common.json)
		printf("%" PRIu64 " segments in %s\n", n, a->output);
	return 0;
}

static int
replay(struct replay *rp, const struct args *a, struct err *e)
{
	if (!replay_is_worthwhile(rp))
		return 0;
	if (replay_run(rp, e) < 0 ||
	    (a->release && rp->plan.reached && replay_release(rp, e) < 0))
		return -1;
	if (!a->common.json)
		say_done(rp, did(rp, a));
	return 0;
}

static int
work(struct replay *rp, const struct args *a, struct report *report, struct err *e)
{
	struct target t;
	char utc[CLOCK_TEXT];

	if (replay_goal(rp, a->point, a->inclusive, &t, e) < 0)
		return -1;
	if (t.kind == TARGET_TIME && strcmp(t.text, clock_format(utc, t.time)) != 0)
		report_note(report, "target %s is %s", t.text, utc);
	if (replay_plan(rp, &t, e) < 0)
		return -1;
	if (a->plan && !a->common.json)
		say_plan(rp);
	if (a->output != NULL ? write_wal(rp, a, e) < 0 : !a->plan && replay(rp, a, e) < 0)
		return -1;
	if (a->common.json && say_json(rp, did(rp, a), e) < 0)
		return -1;
	return not_reached(rp, e);
}

static int
run(void *args, struct report *report, struct err *e)
{
	const struct args *a = args;
	char self[PATH_MAX];
	struct replay rp;
	struct replay_options o = { .target = a->target, .url = a->common.repo,
		.key = a->common.key, .stream = a->stream, .helper = self,
		.look = a->plan || a->output != NULL, .release = a->release,
		.report = report };
	ssize_t n;
	int rc;

	if (a->stop)
		return replay_stop(a->target, e) < 0 ? -1 : 0;
	if ((n = readlink("/proc/self/exe", self, sizeof(self) - 1)) < 0)
		return err_sys(e, ERR_SYSTEM, "/proc/self/exe");
	self[n] = '\0';
	if (key_guard_process(e) < 0 || report_stop_install(e) < 0 ||
	    report_signals(report, e) < 0 ||
	    (o.state = state_open(a->common.state, e)) == NULL)
		return -1;
	rc = replay_open(&rp, &o, e);
	if (rc == 0) {
		rc = work(&rp, a, report, e);
		replay_close(&rp);
	}
	state_free(o.state);
	return rc;
}

/* restore_command: pitr-replay --fetch SOCKET NAME PATH, as the server's user. */
static int
fetch_main(char **argv)
{
	struct err e = ERR_INIT;
	int status = fetch_client(argv[2], argv[3], argv[4], &e);

	if (status > 1)
		fprintf(stderr, "pitr-replay: %s: %s\n", argv[3], e.msg);
	return status;
}

static const struct tool tool = {
	{ "pitr-replay", "replay the log onto a restored copy, up to an exact point", synopsis,
	    opts,
	    "X is a time with its zone (2026-11-22T14:03:00Z), an LSN (0/3000060),\n"
	    "xid:N or name:RESTORE-POINT.  Without a target: the end of the log.\n"
	    "Exit status: 0 reached, 1 not reached.  See pitr-replay(1)." },
	take_option, take_operands, run
};

int
main(int argc, char **argv)
{
	struct args a = { .inclusive = 0 };

	if (argc == 5 && strcmp(argv[1], "--fetch") == 0)
		return fetch_main(argv);
	return tool_main(&tool, &a.common, &a, argc, argv);
}
