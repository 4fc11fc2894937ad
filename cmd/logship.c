/*
 * logship: follow a server's log into the repository, without end.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/tool.h"
#include "log/ship.h"
#include "pg/conn.h"

enum {
	OPT_SLOT = 256, OPT_ONCE, OPT_LEVEL, OPT_HEARTBEAT, OPT_MARK, OPT_ROLL_SIZE,
	OPT_ROLL_AGE
};

static const struct opt opts[] = {
	OPT_REPO,
	OPT_SOURCE,
	{ OPT_SLOT, "slot", "NAME", "the replication slot (default: bulkhead_SOURCE)" },
	{ OPT_ONCE, "once", NULL, "ship what the server has flushed by now, and end" },
	{ OPT_LEVEL, "level", "N", "zstd's level, 1 to 19 (default: 1)" },
	{ OPT_HEARTBEAT, "heartbeat", "SPAN", "a sign of life when idle for so long (30s)" },
	{ OPT_MARK, "mark", "SPAN", "tell the journal so often (60s)" },
	{ OPT_ROLL_SIZE, "roll-size", "BYTES", "a new file from this size on (268435456)" },
	{ OPT_ROLL_AGE, "roll-age", "SPAN", "a new file from this age on (1h)" },
	OPT_METRICS,
	OPT_STATE,
	OPT_JSON,
	OPT_GENERAL,
	OPT_END
};

static const char *const synopsis[] = {
	"logship [-r REPO] [-s SOURCEFILE] [options] CONNINFO",
	NULL
};

struct args {
	struct opt_common common;
	struct ship_options o;
	char slot[SHIP_SLOT_MAX];
};

/* A span that is not zero. */
static int
take_span(const char *arg, int64_t *us, struct err *e)
{
	if (clock_parse_span(arg, us, e) != 0)
		return -1;
	return *us > 0 ? 0 : err_set(e, ERR_USAGE, "a span of 0 makes no sense here");
}

static int
take_option(void *args, int letter, const char *arg, struct err *e)
{
	struct args *a = args;
	long long n = 0;

	switch (letter) {
	case OPT_SLOT:
		a->o.slot = arg;
		return 0;
	case OPT_ONCE:
		a->o.once = 1;
		return 0;
	case OPT_LEVEL:
		if (opt_number("--level", arg, 1, 19, &n, e) != 0)
			return -1;
		a->o.level = (int)n;
		return 0;
	case OPT_ROLL_SIZE:
		if (opt_number("--roll-size", arg, 1, INT64_MAX, &n, e) != 0)
			return -1;
		a->o.roll_size = (uint64_t)n;
		return 0;
	case OPT_HEARTBEAT:
		return take_span(arg, &a->o.heartbeat, e);
	case OPT_MARK:
		return take_span(arg, &a->o.mark, e);
	case OPT_ROLL_AGE:
		return take_span(arg, &a->o.roll_age, e);
	}
	return err_set(e, ERR_BUG, "option %d", letter);
}

static int
check_args(const struct args *a, struct err *e)
{
	if (a->o.conninfo == NULL)
		return err_set(e, ERR_USAGE, "which server? give a connection string");
	if (opt_need(&a->common, "rs", e) != 0)
		return -1;
	if (a->o.slot != NULL && !pg_slot_name_ok(a->o.slot)) {
		(void)err_set(e, ERR_USAGE, "option --slot: \"%s\" is no slot's name",
		    a->o.slot);
		return err_hint(e, "1 to 63 of the characters a-z, 0-9 and _");
	}
	return 0;
}

static int
take_operands(void *args, int n, char **operand, struct err *e)
{
	struct args *a = args;

	if (n > 1)
		return err_set(e, ERR_USAGE, "one server at a time, not also %s", operand[1]);
	a->o.conninfo = operand[0];
	return check_args(a, e);
}

/* ---- what it says ---------------------------------------------------------- */

static int
print_json(const struct ship_result *res, struct err *e)
{
	struct json j = JSON_INIT;
	int r;

	json_begin(&j, "result");
	json_int(&j, "status", 0);
	json_str(&j, "stream", res->stream);
	lsn_json(&j, "from", res->from);
	lsn_json(&j, "to", res->to);
	json_uint(&j, "bytes", res->bytes);
	json_int(&j, "reconnects", res->reconnects);
	json_int(&j, "gaps", res->gaps);
	json_int(&j, "forks", res->forks);
	r = json_print(&j, e);
	json_free(&j);
	return r;
}

static int
tell(const struct args *a, const struct ship_result *res, struct err *e)
{
	char from[LSN_TEXT], to[LSN_TEXT];

	if (a->common.json)
		return print_json(res, e);
	(void)lsn_format(from, res->from);
	(void)lsn_format(to, res->to);
	if (!a->o.once)
		report_note(a->o.report, "ended in good order at %s", to);
	else if (printf("%s %s %" PRIu64 "\n", from, to, res->bytes) < 0)
		return err_sys(e, ERR_IO, "standard output");
	return 0;
}

/* ---- what it does ---------------------------------------------------------- */

static int
ship(struct args *a, struct err *e)
{
	struct ship_result res;
	int rc;

	a->o.repo = repo_open(a->common.repo, a->o.source->repo, a->o.state, a->o.report, e);
	if (a->o.repo == NULL)
		return -1;
	rc = source_check(a->o.source, repo_journal(a->o.repo), e);
	if (rc == 0 && (rc = ship_run(&a->o, &res, e)) == 0)
		rc = tell(a, &res, e);
	repo_free(a->o.repo);
	return rc;
}

static int
run(void *args, struct report *report, struct err *e)
{
	struct args *a = args;
	struct source *source;
	int rc = -1;

	if (key_guard_process(e) != 0 || report_stop_install(e) != 0 ||
	    report_signals(report, e) != 0)
		return -1;
	a->o.report = report;
	if ((source = source_read(a->common.source, e)) == NULL)
		return -1;
	if (a->o.slot == NULL) {
		ship_slot_name(source->name, a->slot);
		a->o.slot = a->slot;
	}
	a->o.source = source;
	a->o.metrics = a->common.metrics;
	if ((a->o.state = state_open(a->common.state, e)) != NULL)
		rc = ship(a, e);
	state_free(a->o.state);
	if (rc != 0)
		(void)err_context(e, "source %s", source->name);
	source_free(source);
	return rc;
}

static const struct tool tool = {
	{ "logship", "follow a database server's log into a repository, without end", synopsis,
	    opts,
	    "CONNINFO is a libpq connection string or URI: \"host=db1 user=backup\".\n"
	    "Runs until SIGTERM.  See logship(1)." },
	take_option, take_operands, run
};

int
main(int argc, char **argv)
{
	struct args a = { .o = { .level = 1, .heartbeat = INT64_C(30000000),
		.mark = INT64_C(60000000), .roll_age = INT64_C(3600000000),
		.roll_size = 256u << 20 } };

	return tool_main(&tool, &a.common, &a, argc, argv);
}
