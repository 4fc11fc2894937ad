/*
 * verify: prove that what a repository holds can be restored.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/tool.h"
#include "verify.h"

enum { OPT_READ_DATA = 256, OPT_SEED, OPT_DEEP, OPT_MAX_AGE, OPT_MAX_LAG };

static const struct opt opts[] = {
	OPT_REPO,
	OPT_NAME,
	OPT_JOBS,
	{ OPT_READ_DATA, "read-data", "[PERCENT]", "read the contents, or of so many packs" },
	{ OPT_SEED, "seed", "N", "choose the same packs again" },
	{ OPT_DEEP, "deep", NULL, "open everything with the restore key" },
	OPT_KEY,
	{ OPT_MAX_AGE, "max-snapshot-age", "SPAN", "the newest good snapshot is no older" },
	{ OPT_MAX_LAG, "max-log-lag", "SPAN", "the log lags no further behind" },
	OPT_METRICS,
	OPT_STATE,
	OPT_PIN,
	OPT_JSON,
	OPT_GENERAL,
	OPT_END
};

static const char *const synopsis[] = {
	"verify [-r REPO] [-n SOURCE] [--read-data[=PERCENT]] [options]",
	"verify [-r REPO] [-n SOURCE] --deep -k KEY [options]",
	NULL
};

/* ---- the command line --------------------------------------------------------- */

static int
take_option(void *args, int letter, const char *arg, struct err *e)
{
	struct verify *v = args;
	long long n = 100;

	switch (letter) {
	case OPT_READ_DATA:
		if (arg != NULL && opt_number("--read-data", arg, 1, 100, &n, e) != 0)
			return -1;
		v->percent = (int)n;
		return 0;
	case OPT_SEED:
		v->has_seed = 1;
		if (opt_number("--seed", arg, 0, UINT32_MAX, &n, e) != 0)
			return -1;
		v->seed = (uint64_t)n;
		return 0;
	case OPT_DEEP:
		v->deep = 1;
		return 0;
	case OPT_MAX_AGE:
		return clock_parse_span(arg, &v->max_age, e) == 0 ? 0 :
		    err_context(e, "option --max-snapshot-age");
	case OPT_MAX_LAG:
		return clock_parse_span(arg, &v->max_lag, e) == 0 ? 0 :
		    err_context(e, "option --max-log-lag");
	}
	return err_set(e, ERR_BUG, "option %d", letter);
}

static int
check_args(struct verify *v, struct err *e)
{
	if (opt_need(&v->common, "r", e) != 0)
		return -1;
	if (v->deep && v->common.key == NULL)
		return err_set(e, ERR_USAGE, "--deep needs the restore key: -k KEY");
	if (!v->deep && v->common.key != NULL)
		return err_set(e, ERR_USAGE, "-k is for --deep: without it no key is needed");
	if (v->has_seed && (v->percent == 0 || v->percent == 100))
		return err_set(e, ERR_USAGE, "--seed goes with --read-data=PERCENT");
	if (!v->has_seed)
		v->seed = randombytes_random();
	return 0;
}

static int
take_operands(void *args, int n, char **operand, struct err *e)
{
	if (n > 0)
		return err_set(e, ERR_USAGE, "no operand is taken: %s", operand[0]);
	return check_args(args, e);
}

/* ---- what it does ------------------------------------------------------------------- */

static int
check_journal(struct verify *v, struct err *e)
{
	uint64_t torn;

	/* Opening it has hashed all of it, and verified what is new here. */
	if ((v->percent > 0 || v->deep) && repo_check_journal(v->repo, e) != 0)
		return -1;
	if ((torn = journal_torn(repo_journal(v->repo))) > 0)
		finding(&v->f, FINDING_NOTE, NULL, "journal",
		    "the last line is cut off (%" PRIu64 " bytes): an append was interrupted;"
		    " the next commit takes it away", torn);
	return 0;
}

static int
read_key(struct verify *v, struct err *e)
{
	const struct key_public *k;

	if (!v->deep)
		return 0;
	if ((v->key = key_read_secret(v->common.key, KEY_RESTORE, e)) == NULL)
		return -1;
	k = key_public(v->key);
	if (journal_find_key(repo_journal(v->repo), k->id) != NULL)
		return 0;
	err_set(e, ERR_REFUSED, "key %s is not a restore key of repository %s", k->name,
	    repo_name(v->repo));
	return err_hint(e, "strongbox list shows the repository's keys");
}

static int
verify(struct verify *v, struct state *state, struct err *e)
{
	char known[1100];
	int r;

	v->repo = repo_open(v->common.repo, v->common.pin, state, v->report, e);
	if (v->repo == NULL)
		return -1;
	/* When it is cut off, messages only repeat it. */
	(void)snprintf(known, sizeof(known), "repository %s: ", repo_name(v->repo));
	v->f.known = known;
	if (check_journal(v, e) != 0 || read_key(v, e) != 0)
		return -1;
	if (v->percent > 0 && v->percent < 100)
		report_note(v->report, "reading %d %% of the packs, seed %" PRIu64, v->percent,
		    v->seed);
	if (verify_sources(v, e) != 0)
		return -1;
	if (v->common.metrics != NULL && verify_write_metrics(v, e) != 0)
		return -1;
	r = findings_judge(&v->f, e);
	verify_conclude(v, e);
	return r;
}

/* A verdict that nobody could read is none. */
static int
check_printed(struct verify *v, int r, struct err *e)
{
	if ((fflush(stdout) != 0 || v->printing_failed) && (r == 0 || e->kind == ERR_NEGATIVE))
		return err_sys(e, ERR_IO, "standard output");
	return r;
}

static int
run(void *args, struct report *report, struct err *e)
{
	struct verify *v = args;
	struct state *state;
	size_t i;
	int r = -1;

	if (key_guard_process(e) != 0 || report_signals(report, e) != 0)
		return -1;
	v->report = report;
	v->now = clock_now();
	v->began = clock_mono();
	findings_init(&v->f, verify_tell, v, NULL);
	if ((state = state_open(v->common.state, e)) != NULL)
		r = verify(v, state, e);
	for (i = 0; i < v->nsources; i++)
		coverage_free(&v->sources[i].cov);
	free(v->sources);
	repo_free(v->repo);
	key_free(v->key);
	state_free(state);
	findings_free(&v->f);
	json_free(&v->json);
	return check_printed(v, r, e);
}

static const struct tool tool = {
	{ "verify", "prove that what a repository holds can be restored", synopsis, opts,
	    "Exit status: 0 all is well, 1 something is bad, 3 not everything could be read.\n"
	    "From cron: verify -q --max-snapshot-age 26h --max-log-lag 60s || page-the-dba\n"
	    "See verify(1)." },
	take_option, take_operands, run
};

int
main(int argc, char **argv)
{
	struct verify v = { .json = JSON_INIT };

	return tool_main(&tool, &v.common, &v, argc, argv);
}
