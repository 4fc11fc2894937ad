/*
 * verify: what it says, as text, JSON Lines and metrics.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/metrics.h"
#include "verify.h"

/* What is known of a source's log, or NULL. */
static const struct coverage *
told(const struct verify_source *sr)
{
	return sr->has_log ? &sr->cov : NULL;
}

static void
print_json(struct verify *v)
{
	struct err e;

	if (json_print(&v->json, &e) != 0)
		v->printing_failed = 1;
}

void
verify_tell(void *ctx, enum finding_level level, const char *source, const char *object,
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

void
verify_print_source(struct verify *v, const struct verify_source *sr)
{
	struct buf text = BUF_INIT;

	if (v->common.json) {
		json_begin(&v->json, "source");
		json_str(&v->json, "source", sr->source->name);
		json_str(&v->json, "environment", sr->source->environment);
		coverage_json(told(sr), &v->json);
		print_json(v);
	} else if (!v->common.quiet) {
		coverage_text(told(sr), &text);
		report_done(v->report);
		printf("%s (%s)\n%s", sr->source->name, sr->source->environment,
		    buf_cstr(&text));
		buf_free(&text);
	}
}

static const char *
plural(size_t n)
{
	return n == 1 ? "" : "s";
}

void
verify_conclude(struct verify *v, const struct err *verdict)
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

int
verify_write_metrics(const struct verify *v, struct err *e)
{
	struct metrics m = METRICS_INIT;
	char label[32];
	size_t n;
	int i, r;

	for (i = 0; i < COVERAGE_METRICS; i++)
		for (n = 0; n < v->nsources; n++)
			coverage_metric(told(&v->sources[n]), i, v->sources[n].source->name,
			    &m);
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
