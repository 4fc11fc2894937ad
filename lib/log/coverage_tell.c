/*
 * Coverage as findings, as text for people, and as JSON.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "log/coverage.h"

const char *
coverage_state_name(enum coverage_state state)
{
	static const char *const names[] = { "none", "alive", "behind", "dead", "stopped" };

	return names[state];
}

/* ---- findings -------------------------------------------------------------------- */

static void
tell_gap(const struct coverage_gap *g, const char *source, struct findings *f)
{
	char object[STREAM_NAME_MAX + 8], from[LSN_TEXT], to[LSN_TEXT], reason[210] = "";

	(void)snprintf(object, sizeof(object), "log %s", g->stream);	/* fits */
	if (g->reason[0] != '\0')
		(void)snprintf(reason, sizeof(reason), " (%s)", g->reason);	/* fits */
	finding(f, g->closed ? FINDING_NOTE : FINDING_BAD, source, object,
	    "nothing is held from %s to %s%s%s", lsn_format(from, g->from),
	    lsn_format(to, g->to), reason,
	    g->closed ? "; a later snapshot closes it" : "; only a new snapshot closes it");
}

void
coverage_tell(const struct coverage *cov, const struct log_index *ix, const char *source,
    struct findings *f)
{
	const struct log_stream *st;
	char object[STREAM_NAME_MAX + 8], at[LSN_TEXT];
	size_t i;

	for (i = 0; i < cov->ngaps; i++)
		tell_gap(&cov->gaps[i], source, f);
	for (i = 0; i < ix->nstreams; i++) {
		st = &ix->streams[i];
		if (st->parent[0] == '\0')
			continue;
		(void)snprintf(object, sizeof(object), "log %s", st->name);	/* fits */
		finding(f, FINDING_NOTE, source, object,
		    "forked from %s at %s: the server was set back", st->parent,
		    lsn_format(at, st->extents[0].start));
	}
}

static void
limit_age(const struct coverage *cov, const char *source, int64_t max, struct findings *f)
{
	char is[32], limit[32];

	if (cov->newest == NULL)
		finding(f, max > 0 ? FINDING_BAD : FINDING_NOTE, source, NULL,
		    "no good snapshot: nothing can be recovered");
	else if (max > 0 && cov->age > max)
		finding(f, FINDING_BAD, source, NULL,
		    "the newest good snapshot, %s, is %s old; the limit is %s",
		    cov->newest->id, clock_format_span(is, cov->age),
		    clock_format_span(limit, max));
}

static void
limit_lag(const struct coverage *cov, const char *source, int64_t max, struct findings *f)
{
	char is[32], limit[32], since[CLOCK_TEXT];

	if (max > 0 && cov->state == COVERAGE_NONE)
		finding(f, FINDING_BAD, source, NULL, "there is no log");
	else if (max > 0 && cov->lag > max)
		finding(f, FINDING_BAD, source, NULL, "the log is %s behind; the limit is %s",
		    clock_format_span(is, cov->lag), clock_format_span(limit, max));
	if (cov->state == COVERAGE_DEAD)
		finding(f, FINDING_NOTE, source, NULL,
		    "logship is dead or cut off: nothing was heard of it since %s",
		    clock_format(since, cov->heard));
}

void
coverage_limits(const struct coverage *cov, const char *source, int64_t max_age,
    int64_t max_lag, struct findings *f)
{
	limit_age(cov, source, max_age, f);
	limit_lag(cov, source, max_lag, f);
}

/* ---- text -------------------------------------------------------------------------- */

static void
text_snapshots(const struct coverage *cov, struct buf *out)
{
	char span[32];

	buf_fmt(out, "    snapshots    %zu", cov->snapshots);
	if (cov->newest != NULL)
		buf_fmt(out, ", the newest %s, %s old", cov->newest->id,
		    clock_format_span(span, cov->age));
	if (cov->broken > 0)
		buf_fmt(out, "; %zu with broken pages", cov->broken);
	buf_str(out, "\n");
}

static void
text_log(const struct coverage *cov, struct buf *out)
{
	char span[32], heard[CLOCK_TEXT];

	buf_fmt(out, "    log          %s", coverage_state_name(cov->state));
	if (cov->state == COVERAGE_DEAD || cov->state == COVERAGE_STOPPED)
		buf_fmt(out, " since %s", clock_format(heard, cov->heard));
	if (cov->state != COVERAGE_NONE)
		buf_fmt(out, ", lag %s", clock_format_span(span, cov->lag));
	buf_str(out, "\n");
}

static void
text_window(const struct log_window *w, const char *word, struct buf *out)
{
	char from[CLOCK_TEXT], to[CLOCK_TEXT], a[LSN_TEXT], b[LSN_TEXT];
	int moment = w->from == w->to && w->from_lsn == w->to_lsn;

	buf_fmt(out, "    %-11s  %s %s", word, moment ? "only at" : "from",
	    clock_format(from, w->from));
	if (!moment)
		buf_fmt(out, " to %s", clock_format(to, w->to));
	buf_fmt(out, "\n                 timeline %" PRIu32 ", %s", w->timeline,
	    lsn_format(a, w->from_lsn));
	if (!moment)
		buf_fmt(out, " to %s", lsn_format(b, w->to_lsn));
	buf_fmt(out, ", %d snapshot%s\n", w->snapshots, w->snapshots == 1 ? "" : "s");
}

void
coverage_text(const struct coverage *cov, struct buf *out)
{
	size_t i;

	if (cov == NULL) {
		buf_str(out, "    log          could not be read\n");
		return;
	}
	text_snapshots(cov, out);
	text_log(cov, out);
	for (i = 0; i < cov->nwindows; i++)
		text_window(&cov->windows[i], i == 0 ? "recoverable" : "and", out);
	if (cov->nwindows == 0)
		buf_str(out, "    recoverable  nothing\n");
}

/* ---- JSON ---------------------------------------------------------------------------- */

static void
json_windows(const struct coverage *cov, struct json *j)
{
	const struct log_window *w;
	size_t i;

	json_open(j, "windows", '[');
	for (i = 0; i < cov->nwindows; i++) {
		w = &cov->windows[i];
		json_open(j, NULL, '{');
		json_time(j, "from", w->from);
		json_time(j, "to", w->to);
		lsn_json(j, "from_lsn", w->from_lsn);
		lsn_json(j, "to_lsn", w->to_lsn);
		json_uint(j, "timeline", w->timeline);
		json_str(j, "stream", w->stream[0] != '\0' ? w->stream : NULL);
		json_int(j, "snapshots", w->snapshots);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void
json_gaps(const struct coverage *cov, struct json *j)
{
	size_t i;

	json_open(j, "gaps", '[');
	for (i = 0; i < cov->ngaps; i++) {
		json_open(j, NULL, '{');
		json_str(j, "stream", cov->gaps[i].stream);
		lsn_json(j, "from", cov->gaps[i].from);
		lsn_json(j, "to", cov->gaps[i].to);
		json_bool(j, "closed", cov->gaps[i].closed);
		json_close(j, '}');
	}
	json_close(j, ']');
}

void
coverage_json(const struct coverage *cov, struct json *j)
{
	json_str(j, "log", cov != NULL ? coverage_state_name(cov->state) : NULL);
	if (cov == NULL)
		return;
	if (cov->state != COVERAGE_NONE) {
		json_uint(j, "log_files", cov->files);
		json_int(j, "lag_seconds", cov->lag / 1000000);
		json_time(j, "heard", cov->heard);
	}
	json_uint(j, "snapshots", cov->snapshots);
	json_uint(j, "broken_snapshots", cov->broken);
	json_str(j, "newest", cov->newest != NULL ? cov->newest->id : NULL);
	if (cov->newest != NULL)
		json_int(j, "age_seconds", cov->age / 1000000);
	json_windows(cov, j);
	json_gaps(cov, j);
	json_uint(j, "forks", cov->forks);
}

/* ---- metrics ------------------------------------------------------------------------- */

void
coverage_metric(const struct coverage *cov, int i, const char *source, struct metrics *m)
{
	static const struct coverage nothing;
	static const struct log_window none;
	const struct coverage *c = cov != NULL ? cov : &nothing;
	const struct log_window *w = c->nwindows > 0 ? c->windows : &none;
	struct buf label = BUF_INIT;
	const struct {
		const char *name, *text;
		int has;
		double value;
	} all[COVERAGE_METRICS] = {
		{ "verify_snapshots", "Good snapshots.", cov != NULL, (double)c->snapshots },
		{ "verify_snapshot_age_seconds", "Age of the newest good snapshot.",
		    c->newest != NULL, (double)c->age / 1e6 },
		{ "verify_log_lag_seconds", "How far the log lags.",
		    c->state != COVERAGE_NONE, (double)c->lag / 1e6 },
		{ "verify_log_alive", "Something was heard of the log, and it does not lag.",
		    cov != NULL, c->state == COVERAGE_ALIVE },
		{ "verify_recoverable_from_seconds", "Begin of the newest window.", w != &none,
		    (double)w->from / 1e6 },
		{ "verify_recoverable_to_seconds", "End of the newest window.", w != &none,
		    (double)w->to / 1e6 },
		{ "verify_open_gaps", "Holes that no snapshot closes.", cov != NULL,
		    (double)c->open_gaps },
	};

	if (!all[i].has)
		return;
	metrics_label(&label, "source", source);
	metrics_add(m, all[i].name, all[i].text, buf_cstr(&label), all[i].value);
	buf_free(&label);
}
