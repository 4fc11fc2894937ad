/*
 * snapshot: take one complete snapshot of a running server.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tool.h"
#include "image/pgsnapshot.h"

enum { OPT_FAST = 256, OPT_LABEL, OPT_LEVEL, OPT_MAX_RATE };

static const struct opt opts[] = {
	OPT_REPO,
	OPT_SOURCE,
	OPT_JOBS,
	{ OPT_FAST, "fast", NULL, "an immediate checkpoint (default: a spread one)" },
	{ OPT_LABEL, "label", "TEXT", "the backup's label (default: bulkhead ID)" },
	{ OPT_LEVEL, "level", "N", "zstd's level, 1 to 19 (default: 1)" },
	{ OPT_MAX_RATE, "max-rate", "KBPS", "read at most so many kB a second" },
	{ 'o', "output", "-", "a pax tar to standard output instead, unsealed" },
	OPT_METRICS,
	OPT_STATE,
	OPT_JSON,
	OPT_GENERAL,
	OPT_END
};

static const char *const synopsis[] = {
	"snapshot [-r REPO] [-s SOURCEFILE] [options] CONNINFO",
	"snapshot -o - [options] CONNINFO",
	NULL
};

struct args {
	struct opt_common common;
	struct pgsnapshot_options o;
	int tar;
};

static int
take_option(void *args, int letter, const char *arg, struct err *e)
{
	struct args *a = args;
	long long n = 0;

	switch (letter) {
	case OPT_FAST:
		a->o.fast = 1;
		return 0;
	case OPT_LABEL:
		a->o.label = arg;
		return 0;
	case OPT_LEVEL:
		if (opt_number("--level", arg, 1, 19, &n, e) != 0)
			return -1;
		a->o.level = (int)n;
		return 0;
	case OPT_MAX_RATE:
		if (opt_number("--max-rate", arg, 32, 1048576, &n, e) != 0)
			return -1;
		a->o.max_rate = (uint32_t)n;
		return 0;
	case 'o':
		a->tar = 1;
		return strcmp(arg, "-") == 0 ? 0 :
		    err_set(e, ERR_USAGE, "option --output takes only -, standard output");
	}
	return err_set(e, ERR_BUG, "option %d", letter);
}

static int
check_args(const struct args *a, struct err *e)
{
	if (a->o.conninfo == NULL)
		return err_set(e, ERR_USAGE, "which server? give a connection string");
	if (a->tar && (a->common.json || a->common.metrics != NULL))
		return err_set(e, ERR_USAGE, "--json and --metrics do not go with -o");
	if (a->tar && isatty(STDOUT_FILENO))
		return err_set(e, ERR_USAGE, "-o - writes a tar: not to a terminal");
	return a->tar ? 0 : opt_need(&a->common, "rs", e);
}

static int
take_operands(void *args, int n, char **operand, struct err *e)
{
	struct args *a = args;

	if (n > 1)
		return err_set(e, ERR_USAGE, "one server at a time, not also %s", operand[1]);
	a->o.conninfo = operand[0];
	a->o.jobs = a->common.jobs;
	return check_args(a, e);
}

/* ---- what it says ---------------------------------------------------------- */

struct outcome {
	struct image_meta meta;
	struct image_summary sum;
	int64_t took; /* µs */
};

static int
write_metrics(const struct args *a, const struct outcome *out, struct err *e)
{
	struct metrics m = METRICS_INIT;
	struct buf label = BUF_INIT;
	const char *l;
	int r;

	if (a->common.metrics == NULL)
		return 0;
	metrics_label(&label, "source", out->meta.source);
	l = buf_cstr(&label);
	metrics_add(&m, "snapshot_stop_time_seconds", "When the newest snapshot ended.", l,
	    (double)out->meta.stopped / 1e6);
	metrics_add(&m, "snapshot_duration_seconds", "How long it took.", l,
	    (double)out->took / 1e6);
	metrics_add(&m, "snapshot_bytes", "Bytes of the database's files.", l,
	    (double)out->sum.bytes);
	metrics_add(&m, "snapshot_stored_bytes", "Bytes stored for it.", l,
	    (double)out->sum.stored);
	metrics_add(&m, "snapshot_broken", "The server found broken pages.", l,
	    out->meta.broken_pages != 0);
	r = metrics_write(&m, a->common.metrics, e);
	metrics_free(&m);
	buf_free(&label);
	return r;
}

static int
print_json(const struct outcome *out, struct err *e)
{
	const struct image_meta *m = &out->meta;
	struct json j = JSON_INIT;
	int r;

	json_begin(&j, "result");
	json_int(&j, "status", m->broken_pages ? 1 : 0);
	json_str(&j, "source", m->source);
	json_str(&j, "id", m->id);
	json_int(&j, "version", m->version);
	json_uint(&j, "timeline", m->timeline);
	lsn_json(&j, "start", m->start);
	lsn_json(&j, "stop", m->stop);
	json_time(&j, "started", m->started);
	json_time(&j, "stopped", m->stopped);
	json_uint(&j, "files", out->sum.files);
	json_uint(&j, "bytes", out->sum.bytes);
	json_uint(&j, "stored", out->sum.stored);
	json_uint(&j, "packs", out->sum.packs);
	json_str(&j, "broken", m->broken_pages ? m->broken_text : NULL);
	r = json_print(&j, e);
	json_free(&j);
	return r;
}

static int
tell(const struct args *a, const struct outcome *out, struct err *e)
{
	char span[32];

	report_note(a->o.report, "%s: %.1f MiB in %" PRIu64 " files, stored %.1f MiB, in %s",
	    out->meta.id, (double)out->sum.bytes / 1048576, out->sum.files,
	    (double)out->sum.stored / 1048576, clock_format_span(span, out->took));
	if (a->common.json)
		return print_json(out, e);
	return printf("%s\n", out->meta.id) < 0 ? err_sys(e, ERR_IO, "standard output") : 0;
}

static int
broken(const struct image_meta *m, struct err *e)
{
	if (!m->broken_pages)
		return 0;
	err_set(e, ERR_NEGATIVE, "the server found broken pages: %s", m->broken_text);
	return err_hint(e,
	    "the snapshot is complete apart from them, but does not count as a good one: "
	    "find the cause, and repair these tables from an older snapshot");
}

/* ---- what it does ---------------------------------------------------------- */

static int
store(const struct args *a, struct state *state, const struct source *src, struct err *e)
{
	struct outcome out;
	struct repo *r;
	int64_t began = clock_mono();
	int ret;

	if ((r = repo_open(a->common.repo, src->repo, state, a->o.report, e)) == NULL)
		return -1;
	ret = pgsnapshot_store(&a->o, r, src, &out.meta, &out.sum, e);
	out.took = clock_mono() - began;
	if (ret == 0 && (ret = tell(a, &out, e)) == 0 &&
	    (ret = write_metrics(a, &out, e)) == 0)
		ret = broken(&out.meta, e);
	else if (ret != 0)
		err_context(e, "source %s", src->name);
	image_meta_free(&out.meta);
	repo_free(r);
	return ret;
}

static int
write_tar(const struct args *a, struct err *e)
{
	struct image_meta meta;
	int ret = pgsnapshot_tar(&a->o, STDOUT_FILENO, &meta, e);

	if (ret == 0)
		ret = broken(&meta, e);
	image_meta_free(&meta);
	return ret;
}

static int
run(void *args, struct report *report, struct err *e)
{
	struct args *a = args;
	char id[SNAPSHOT_ID_MAX];
	struct source *src;
	struct state *state = NULL;
	int ret = -1;

	if (key_guard_process(e) != 0 || report_stop_install(e) != 0 ||
	    report_signals(report, e) != 0)
		return -1;
	a->o.report = report;
	pgsnapshot_id(id);
	a->o.id = id;
	if (a->tar)
		return write_tar(a, e);
	if ((src = source_read(a->common.source, e)) == NULL)
		return -1;
	if ((state = state_open(a->common.state, e)) != NULL)
		ret = store(a, state, src, e);
	state_free(state);
	source_free(src);
	return ret;
}

static const struct tool tool = {
	{ "snapshot", "take one complete snapshot of a running database server", synopsis,
	    opts,
	    "CONNINFO is a libpq connection string or URI: \"host=db1 user=backup\".\n"
	    "Prints the snapshot's id.  Exit status: 0 committed, 1 committed with pages\n"
	    "that the server found broken.  See snapshot(1)." },
	take_option, take_operands, run
};

int
main(int argc, char **argv)
{
	struct args a = { .o = { .level = 1 } };

	return tool_main(&tool, &a.common, &a, argc, argv);
}
