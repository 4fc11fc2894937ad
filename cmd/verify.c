/*
 * verify: prove that what a repository holds can be restored.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/tool.h"
#include "image/check.h"
#include "log/check.h"
#include "log/coverage.h"

enum { OPT_READ_DATA = 256, OPT_SEED, OPT_DEEP, OPT_MAX_AGE, OPT_MAX_LAG };

#define PATIENCE 5000000	/* µs for a frame that is being written */

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

struct source_report {
	const struct catalog_source *source;
	struct coverage cov;
	int has_log;		/* its log could be indexed */
};

struct verify {
	struct opt_common common;
	int percent, deep, has_seed;
	uint64_t seed;
	int64_t max_age, max_lag;	/* µs; 0: no limit */
	struct report *report;
	struct repo *repo;
	struct key_secret *key;
	struct findings f;
	struct json json;
	int64_t now, began;		/* clock_now; clock_mono */
	struct source_report *sources;
	size_t nsources;
	int printing_failed;
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

/* ---- what it says --------------------------------------------------------------- */

static void
print_json(struct verify *v)
{
	struct err e;

	if (json_print(&v->json, &e) != 0)
		v->printing_failed = 1;
}

static void
tell(void *ctx, enum finding_level level, const char *source, const char *object,
    const char *text)
{
	struct verify *v = ctx;

	if (v->common.json) {
		json_begin(&v->json, "finding");
		json_str(&v->json, "level", finding_level_name(level));
		json_str(&v->json, "source", source);
		json_str(&v->json, "object", object);
		json_str(&v->json, "text", text);
		print_json(v);
	} else if (level != FINDING_NOTE || !v->common.quiet) {
		report_done(v->report);
		printf("%s: %s%s%s: %s\n", finding_level_name(level),
		    object != NULL ? object : "",
		    object != NULL && source != NULL ? " of " : "",
		    source != NULL ? source : "", text);
	}
}

static void
print_source(struct verify *v, const struct source_report *sr)
{
	struct buf text = BUF_INIT;

	if (v->common.json) {
		json_begin(&v->json, "source");
		json_str(&v->json, "source", sr->source->name);
		json_str(&v->json, "environment", sr->source->environment);
		coverage_json(sr->has_log ? &sr->cov : NULL, &v->json);
		print_json(v);
	} else if (!v->common.quiet) {
		coverage_text(sr->has_log ? &sr->cov : NULL, &text);
		report_done(v->report);
		printf("%s (%s)\n%s", sr->source->name, sr->source->environment,
		    buf_cstr(&text));
		buf_free(&text);
	}
}

/* ---- metrics ---------------------------------------------------------------------- */

enum metric {
	METRIC_SNAPSHOTS, METRIC_AGE, METRIC_LAG, METRIC_ALIVE, METRIC_FROM, METRIC_TO,
	METRIC_GAPS, METRICS
};

static const struct {
	const char *name, *text;
} metrics[METRICS] = {
	{ "verify_snapshots", "Good snapshots." },
	{ "verify_snapshot_age_seconds", "Age of the newest good snapshot." },
	{ "verify_log_lag_seconds", "How far the log lags." },
	{ "verify_log_alive", "Something was heard of the log, and it does not lag." },
	{ "verify_recoverable_from_seconds", "Begin of the newest window." },
	{ "verify_recoverable_to_seconds", "End of the newest window." },
	{ "verify_open_gaps", "Holes that no snapshot closes." }
};

/* 0 when the source has no such value. */
static int
metric_of(const struct source_report *sr, enum metric which, double *out)
{
	const struct coverage *cov = &sr->cov;
	const struct log_window none = { .from = 0 };
	const struct log_window *w = cov->nwindows > 0 ? cov->windows : &none;
	const struct {
		int has;
		double value;
	} values[METRICS] = {
		[METRIC_SNAPSHOTS] = { sr->has_log, (double)cov->snapshots },
		[METRIC_AGE] = { cov->newest != NULL, (double)cov->age / 1e6 },
		[METRIC_LAG] = { cov->state != COVERAGE_NONE, (double)cov->lag / 1e6 },
		[METRIC_ALIVE] = { sr->has_log, cov->state == COVERAGE_ALIVE },
		[METRIC_FROM] = { w != &none, (double)w->from / 1e6 },
		[METRIC_TO] = { w != &none, (double)w->to / 1e6 },
		[METRIC_GAPS] = { sr->has_log, (double)cov->open_gaps }
	};

	*out = values[which].value;
	return values[which].has;
}

static void
add_source_metrics(const struct verify *v, struct metrics *m)
{
	struct buf label = BUF_INIT;
	double x;
	size_t i;
	int which;

	for (which = 0; which < METRICS; which++)
		for (i = 0; i < v->nsources; i++) {
			if (!metric_of(&v->sources[i], (enum metric)which, &x))
				continue;
			buf_reset(&label);
			metrics_label(&label, "source", v->sources[i].source->name);
			metrics_add(m, metrics[which].name, metrics[which].text,
			    buf_cstr(&label), x);
		}
	buf_free(&label);
}

static int
write_metrics(const struct verify *v, struct err *e)
{
	struct metrics m = METRICS_INIT;
	char label[32];
	int i, r;

	add_source_metrics(v, &m);
	for (i = 0; i < FINDING_LEVELS; i++) {
		(void)snprintf(label, sizeof(label), "level=\"%s\"",
		    finding_level_name((enum finding_level)i));	/* fits */
		metrics_add(&m, "verify_findings", "Findings of the last run.", label,
		    (double)v->f.count[i]);
	}
	metrics_add(&m, "verify_time_seconds", "When it ran.", NULL, (double)v->now / 1e6);
	metrics_add(&m, "verify_duration_seconds", "How long it took.", NULL,
	    (double)(clock_mono() - v->began) / 1e6);
	r = metrics_write(&m, v->common.metrics, e);
	metrics_free(&m);
	return r;
}

/* ---- what it does ------------------------------------------------------------------- */

static int
check_deep(struct verify *v, const struct image_check *o, const struct log_index *ix,
    struct err *e)
{
	const struct catalog *c = repo_catalog(v->repo);
	struct log_compare cmp;
	size_t i;
	int r = 0;

	for (i = 0; i < c->nsnapshots && r == 0; i++) {
		if (strcmp(c->snapshots[i].source, o->source) != 0)
			continue;
		if (ix == NULL) {
			r = image_check_deep(o, &c->snapshots[i], v->key, NULL, NULL, e);
			continue;
		}
		r = log_compare_begin(&cmp, v->repo, ix, &c->snapshots[i], v->key, &v->f, e);
		if (r != 0)
			break;
		r = image_check_deep(o, &c->snapshots[i], v->key, log_compare_wal, &cmp, e);
		log_compare_end(&cmp);
	}
	if (r == 0 && ix != NULL)
		r = log_check_deep(v->repo, ix, v->key, &v->f, v->report, e);
	return r;
}

static int
check_log(struct verify *v, struct source_report *sr, const struct log_index *ix,
    struct err *e)
{
	const char *name = sr->source->name;

	if (ix == NULL || log_check(v->repo, ix, PATIENCE, &v->f, e) != 0 ||
	    coverage_of(ix, repo_catalog(v->repo), name, v->now, &sr->cov, e) != 0)
		return -1;
	sr->has_log = 1;
	coverage_tell(&sr->cov, ix, name, &v->f);
	return 0;
}

static int
check_source(struct verify *v, struct source_report *sr, struct err *e)
{
	const struct image_check o = { .repo = v->repo, .source = sr->source->name,
		.jobs = v->common.jobs, .percent = v->percent, .seed = v->seed,
		.findings = &v->f, .report = v->report };
	struct err what = ERR_INIT;
	struct log_index *ix;
	int r;

	if (image_check_stored(&o, e) != 0)
		return -1;
	ix = log_index_build(v->repo, o.source, v->percent > 0, &what);
	r = check_log(v, sr, ix, &what) == 0 ? 0 : finding_of(&v->f, o.source, "log", &what, e);
	if (r == 0 && v->deep)
		r = check_deep(v, &o, ix, e);
	log_index_free(ix);
	if (r != 0)
		return -1;
	if (sr->has_log)
		coverage_limits(&sr->cov, o.source, v->max_age, v->max_lag, &v->f);
	print_source(v, sr);
	return 0;
}

static int
check_sources(struct verify *v, struct err *e)
{
	const struct catalog *c = repo_catalog(v->repo);
	size_t i;

	if (v->common.name != NULL && catalog_pick(c, v->common.name, e) == NULL)
		return -1;
	if ((v->sources = calloc(c->nsources + 1, sizeof(*v->sources))) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (i = 0; i < c->nsources; i++) {
		if (v->common.name != NULL && strcmp(c->sources[i].name, v->common.name) != 0)
			continue;
		v->sources[v->nsources].source = &c->sources[i];
		if (check_source(v, &v->sources[v->nsources++], e) != 0)
			return -1;
	}
	if (c->nsources == 0)
		finding(&v->f, FINDING_NOTE, NULL, "journal", "no source is enrolled");
	return 0;
}

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

/* The verdict: 0, or ERR_NEGATIVE or ERR_INCOMPLETE. */
static int
judge(const struct verify *v, struct err *e)
{
	uint64_t bad = v->f.count[FINDING_BAD], unread = v->f.count[FINDING_UNREAD];

	if (bad > 0)
		return err_set(e, ERR_NEGATIVE,
		    "repository %s: %" PRIu64 " bad, %" PRIu64 " unread", repo_name(v->repo),
		    bad, unread);
	if (unread > 0)
		return err_set(e, ERR_INCOMPLETE,
		    "repository %s: no verdict, since %" PRIu64 " could not be read",
		    repo_name(v->repo), unread);
	return 0;
}

static const char *
plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void
conclude(struct verify *v, const struct err *verdict)
{
	size_t i, snapshots = 0, files = 0;
	char id[65];

	for (i = 0; i < v->nsources; i++) {
		snapshots += v->sources[i].cov.snapshots + v->sources[i].cov.broken;
		files += v->sources[i].cov.files;
	}
	if (v->common.json) {
		json_begin(&v->json, "result");
		json_int(&v->json, "status", err_exit_status(verdict->kind));
		json_str(&v->json, "repository", repo_name(v->repo));
		json_str(&v->json, "id", hex_encode(id, repo_id(v->repo), 32));
		json_uint(&v->json, "sources", v->nsources);
		json_uint(&v->json, "snapshots", snapshots);
		json_uint(&v->json, "log_files", files);
		json_uint(&v->json, "bad", v->f.count[FINDING_BAD]);
		json_uint(&v->json, "unread", v->f.count[FINDING_UNREAD]);
		json_uint(&v->json, "notes", v->f.count[FINDING_NOTE]);
		json_str(&v->json, "error", verdict->kind != ERR_NONE ? verdict->msg : NULL);
		print_json(v);
	} else if (verdict->kind == ERR_NONE && !v->common.quiet) {
		printf("good: repository %s: %zu source%s, %zu snapshot%s, %zu log file%s\n",
		    repo_name(v->repo), v->nsources, plural(v->nsources), snapshots,
		    plural(snapshots), files, plural(files));
	}
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
	if (check_sources(v, e) != 0)
		return -1;
	if (v->common.metrics != NULL && write_metrics(v, e) != 0)
		return -1;
	r = judge(v, e);
	conclude(v, e);
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
	findings_init(&v->f, tell, v, NULL);
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
