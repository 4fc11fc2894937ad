/*
 * Tests of log/coverage, on indexes and catalogs made by hand.
 */
#include "log/coverage.h"

#include <stdio.h>
#include <string.h>

#include "suites.h"
#include "told.h"

#define S   INT64_C(1000000)
#define NOW (INT64_C(1000000) * S)

static struct wal_history tl1, tl2;
static struct catalog_snapshot snapshots[4];
static struct catalog_log logs[4];
static struct catalog_gap gaps[2];
static struct log_extent extents[4];
static struct log_span spans[2][3];
static struct log_stream streams[2];
static struct catalog c;
static struct log_index ix;
static struct coverage cov;
static struct told told;

static void
setup(void)
{
	memset(&c, 0, sizeof(c));
	memset(&ix, 0, sizeof(ix));
	memset(streams, 0, sizeof(streams));
	memset(spans, 0, sizeof(spans));
	memset(extents, 0, sizeof(extents));
	memset(logs, 0, sizeof(logs));
	memset(gaps, 0, sizeof(gaps));
	memset(snapshots, 0, sizeof(snapshots));
	tl1 = (struct wal_history){ .timeline = 1 };
	tl2 = (struct wal_history){ .timeline = 2, .n = 1, .at = { { 1, 5000 } } };
	c.snapshots = snapshots;
	c.logs = logs;
	c.gaps = gaps;
	ix.streams = streams;
	told_begin(&told);
}

static void
teardown(void)
{
	coverage_free(&cov);
	told_end(&told);
}

/* A snapshot that stopped `ago` seconds before now, and was committed 3 s later. */
static struct catalog_snapshot *
snapshot(uint64_t stop, int64_t ago)
{
	struct catalog_snapshot *s = &snapshots[c.nsnapshots++];

	snprintf(s->source, sizeof(s->source), "shop");
	snprintf(s->id, sizeof(s->id), "s%zu", c.nsnapshots);
	s->system_id = 1;
	s->timeline = 1;
	s->segment_size = 1 << 20;
	s->start = stop - 10;
	s->stop = stop;
	s->stopped = NOW - ago * S;
	s->committed = s->stopped + 3 * S;
	s->history = &tl1;
	s->seq = 100 + c.nsnapshots;
	return s;
}

/* A file of stream i; its promise was made `ago` seconds before now. */
static struct log_extent *
file(size_t i, uint64_t from, uint64_t to, int64_t ago)
{
	static const char *const names[] = { "one", "two" };
	struct log_stream *st = &streams[i];
	struct catalog_log *l = &logs[c.nlogs++];
	struct log_extent *x;
	struct log_span *p;

	if (st->nextents == 0) {
		snprintf(st->name, sizeof(st->name), "%s", names[i]);
		*st = (struct log_stream){ .system_id = 1, .timeline = 1 + (uint32_t)i,
			.segment_size = 1 << 20, .history = i == 0 ? tl1 : tl2,
			.extents = &extents[2 * i], .spans = spans[i], .first_seq = c.nlogs };
		snprintf(st->name, sizeof(st->name), "%s", names[i]);
		ix.nstreams++;
	}
	st->last_seq = c.nlogs;
	x = &st->extents[st->nextents++];
	snprintf(l->source, sizeof(l->source), "shop");
	snprintf(l->stream, sizeof(l->stream), "%s", st->name);
	l->seq = c.nlogs;
	l->start = from;
	l->opened = NOW - 1000 * S;
	l->marked = NOW - (ago + 20) * S;
	*x = (struct log_extent){ .log = l, .start = from, .end = to, .frames = 2,
		.bytes = 100, .first = l->opened, .last = NOW - ago * S };
	if (st->nspans > 0 && st->spans[st->nspans - 1].to == from) {
		st->spans[st->nspans - 1].to = to;
		st->spans[st->nspans - 1].last = x->last;
		return x;
	}
	p = &st->spans[st->nspans++];
	*p = (struct log_span){ from, to, x->first, x->last };
	return x;
}

static void
judge(void)
{
	struct err e;

	if (coverage_of(&ix, &c, "shop", NOW, &cov, &e) != 0)
		ck_abort_msg("%s", e.msg);
}

/* ---- ages and states ------------------------------------------------------------ */

START_TEST(nothing_is_nothing)
{
	struct buf b = BUF_INIT;

	judge();
	ck_assert_ptr_null(cov.newest);
	ck_assert_int_eq(cov.state, COVERAGE_NONE);
	ck_assert_uint_eq(cov.nwindows, 0);
	coverage_text(&cov, &b);
	ck_assert_str_eq(buf_cstr(&b), "    snapshots    0\n"
				       "    log          none\n"
				       "    recoverable  nothing\n");
	buf_free(&b);
}
END_TEST

START_TEST(the_newest_good_snapshot_counts)
{
	snapshot(1000, 500);
	snapshot(2000, 400);
	snapshot(3000, 300)->broken_pages = 1;
	snprintf(snapshot(4000, 200)->source, SOURCE_NAME_MAX, "other");
	judge();
	ck_assert_str_eq(cov.newest->id, "s2");
	ck_assert_int_eq(cov.age, 400 * S);
	ck_assert_uint_eq(cov.snapshots, 2);
	ck_assert_uint_eq(cov.broken, 1);
}
END_TEST

START_TEST(a_clock_ahead_does_not_make_a_snapshot_fresh)
{
	struct catalog_snapshot *s = snapshot(1000, 500);

	s->stopped = NOW + 3600 * S;
	judge();
	ck_assert_int_eq(cov.age, 497 * S);	/* by the keeper's clock */
}
END_TEST

START_TEST(a_log_that_is_heard_is_alive)
{
	file(0, 1000, 2000, 31);
	judge();
	ck_assert_int_eq(cov.state, COVERAGE_ALIVE);
	ck_assert_int_eq(cov.lag, 31 * S);
	ck_assert_int_eq(cov.heard, NOW - 31 * S);
}
END_TEST

START_TEST(a_silent_log_is_dead)
{
	file(0, 1000, 2000, 91);
	judge();
	ck_assert_int_eq(cov.state, COVERAGE_DEAD);
	coverage_limits(&cov, "shop", 0, 0, &told.f);
	ck_assert_str_eq(told_text(&told),
	    "note: - of shop: no good snapshot: nothing can be recovered\n"
	    "note: - of shop: logship is dead or cut off: nothing was heard of it since"
	    " 1970-01-12T13:45:09.000000Z\n");
}
END_TEST

START_TEST(a_log_that_catches_up_is_behind)
{
	struct log_extent *x = file(0, 1000, 2000, 600);

	logs[0].marked = NOW - 30 * S;
	judge();
	ck_assert_int_eq(cov.state, COVERAGE_BEHIND);
	ck_assert_int_eq(cov.lag, 600 * S);
	x->last = 0;	/* it has never caught up yet */
	judge();
	ck_assert_int_eq(cov.state, COVERAGE_BEHIND);
	ck_assert_int_eq(cov.lag, 1000 * S);
}
END_TEST

START_TEST(a_closed_log_is_stopped)
{
	file(0, 1000, 2000, 10)->closed = 1;
	judge();
	ck_assert_int_eq(cov.state, COVERAGE_STOPPED);
	file(0, 2000, 2000, 5);
	judge();
	ck_assert_int_eq(cov.state, COVERAGE_ALIVE);
}
END_TEST

START_TEST(a_clock_ahead_does_not_keep_a_log_alive)
{
	file(0, 1000, 2000, 31)->last = NOW + 3600 * S;
	logs[0].marked = NOW - 200 * S;
	judge();
	ck_assert_int_eq(cov.state, COVERAGE_DEAD);
	ck_assert_int_eq(cov.lag, 200 * S);
}
END_TEST

START_TEST(limits_are_bad_when_exceeded)
{
	snapshot(1000, 500);
	file(0, 900, 2000, 31);
	judge();
	coverage_limits(&cov, "shop", 500 * S, 31 * S, &told.f);
	ck_assert_str_eq(told_text(&told), "");
	coverage_limits(&cov, "shop", 499 * S, 30 * S, &told.f);
	ck_assert_str_eq(told_text(&told),
	    "bad: - of shop: the newest good snapshot, s1, is 8 min 20 s old; the limit is"
	    " 8 min 19 s\n"
	    "bad: - of shop: the log is 31 s behind; the limit is 30 s\n");
}
END_TEST

START_TEST(limits_without_anything_are_exceeded)
{
	judge();
	coverage_limits(&cov, "shop", 1 * S, 1 * S, &told.f);
	ck_assert_str_eq(told_text(&told),
	    "bad: - of shop: no good snapshot: nothing can be recovered\n"
	    "bad: - of shop: there is no log\n");
}
END_TEST

/* ---- gaps -------------------------------------------------------------------------- */

START_TEST(a_hole_is_open_until_a_snapshot_lies_behind_it)
{
	snapshot(1000, 500);
	file(0, 900, 2000, 400);
	file(0, 2500, 4000, 10);
	judge();
	ck_assert_uint_eq(cov.ngaps, 1);
	ck_assert_uint_eq(cov.open_gaps, 1);
	coverage_tell(&cov, &ix, "shop", &told.f);
	ck_assert_str_eq(told_text(&told),
	    "bad: log one of shop: nothing is held from 0/7D0 to 0/9C4;"
	    " only a new snapshot closes it\n");
	coverage_free(&cov);
	snapshot(2400, 300);	/* it ends within the hole */
	judge();
	ck_assert_uint_eq(cov.open_gaps, 1);
	coverage_free(&cov);
	snapshot(2500, 300);
	judge();
	ck_assert_uint_eq(cov.ngaps, 1);
	ck_assert_uint_eq(cov.open_gaps, 0);
	coverage_tell(&cov, &ix, "shop", &told.f);
	ck_assert_str_eq(told_text(&told),
	    "note: log one of shop: nothing is held from 0/7D0 to 0/9C4;"
	    " a later snapshot closes it\n");
}
END_TEST

START_TEST(a_broken_snapshot_closes_nothing)
{
	snapshot(1000, 500);
	file(0, 900, 2000, 400);
	file(0, 2500, 4000, 10);
	snapshot(3000, 300)->broken_pages = 1;
	judge();
	ck_assert_uint_eq(cov.open_gaps, 1);
}
END_TEST

START_TEST(a_snapshot_of_another_history_closes_nothing)
{
	struct wal_history third = { .timeline = 3 };
	struct catalog_snapshot *s;

	snapshot(1000, 500);
	file(0, 900, 2000, 400);
	file(0, 2500, 4000, 10);
	s = snapshot(3000, 300);
	s->system_id = 2;
	judge();
	ck_assert_uint_eq(cov.open_gaps, 1);
	coverage_free(&cov);
	s->system_id = 1;
	s->timeline = 3;	/* that never was timeline 1 */
	s->history = &third;
	judge();
	ck_assert_uint_eq(cov.open_gaps, 1);
	coverage_free(&cov);
	s->timeline = 2;	/* it was, up to 5000 */
	s->history = &tl2;
	judge();
	ck_assert_uint_eq(cov.open_gaps, 0);
}
END_TEST

START_TEST(a_stated_gap_gives_its_reason)
{
	snapshot(1000, 500);
	file(0, 900, 2000, 400);
	file(0, 2500, 4000, 10);
	gaps[0] = (struct catalog_gap){ .source = "shop", .stream = "one",
		.reason = "slot lost", .from = 2000, .to = 2500 };
	gaps[1] = (struct catalog_gap){ .source = "shop", .stream = "one", .reason = "late",
		.from = 500, .to = 900 };
	c.ngaps = 2;
	judge();
	coverage_tell(&cov, &ix, "shop", &told.f);
	ck_assert_str_eq(told_text(&told),
	    "bad: log one of shop: nothing is held from 0/7D0 to 0/9C4 (slot lost);"
	    " only a new snapshot closes it\n"
	    "note: log one of shop: nothing is held from 0/1F4 to 0/384 (late);"
	    " a later snapshot closes it\n");
}
END_TEST

START_TEST(a_log_that_begins_behind_the_snapshot_leaves_a_gap)
{
	snapshot(1000, 500);
	file(0, 1500, 2000, 10);
	judge();
	ck_assert_uint_eq(cov.open_gaps, 1);
	ck_assert_uint_eq(cov.gaps[0].from, 1000);
	ck_assert_uint_eq(cov.gaps[0].to, 1500);
}
END_TEST

START_TEST(a_log_that_ends_before_the_snapshot_only_lags)
{
	snapshot(3000, 5);
	file(0, 900, 2000, 10);
	judge();
	ck_assert_uint_eq(cov.ngaps, 0);
}
END_TEST

START_TEST(a_hole_between_two_timelines_is_a_gap)
{
	snapshot(1000, 500);
	file(0, 900, 4000, 400);
	file(1, 5000, 6000, 10);	/* timeline 1 ended at 5000 */
	judge();
	ck_assert_uint_eq(cov.open_gaps, 1);
	ck_assert_uint_eq(cov.gaps[0].from, 4000);
	ck_assert_uint_eq(cov.gaps[0].to, 5000);
}
END_TEST

START_TEST(windows_and_forks_are_shown)
{
	struct buf b = BUF_INIT;

	snapshot(1000, 500);
	file(0, 900, 2000, 10);
	snprintf(streams[0].parent, STREAM_NAME_MAX, "zero");
	judge();
	coverage_tell(&cov, &ix, "shop", &told.f);
	ck_assert_str_eq(told_text(&told),
	    "note: log one of shop: forked from zero at 0/384: the server was set back\n");
	streams[0].parent[0] = '\0';
	coverage_free(&cov);
	judge();
	coverage_text(&cov, &b);
	ck_assert_str_eq(buf_cstr(&b),
	    "    snapshots    1, the newest s1, 8 min 20 s old\n"
	    "    log          alive, lag 10 s\n"
	    "    recoverable  from 1970-01-12T13:38:20.000000Z"
	    " to 1970-01-12T13:46:30.000000Z\n"
	    "                 timeline 1, 0/3E8 to 0/7D0, 1 snapshot\n");
	buf_free(&b);
}
END_TEST

/* What the metrics of this one source are. */
static const char *
metrics_of(const struct coverage *of, struct metrics *m)
{
	int i;

	for (i = 0; i < COVERAGE_METRICS; i++)
		coverage_metric(of, i, "shop", m);
	return buf_cstr(&m->out);
}

#define SAMPLE(name, value) "bulkhead_verify_" name "{source=\"shop\"} " value "\n"

START_TEST(metrics_are_those_that_it_has)
{
	struct metrics m = METRICS_INIT;
	const char *text;

	ck_assert_str_eq(metrics_of(NULL, &m), "");
	judge();
	text = metrics_of(&cov, &m);
	ck_assert_ptr_nonnull(strstr(text, SAMPLE("snapshots", "0")));
	ck_assert_ptr_nonnull(strstr(text, SAMPLE("log_alive", "0")));
	ck_assert_ptr_nonnull(strstr(text, SAMPLE("open_gaps", "0")));
	ck_assert_ptr_null(strstr(text, "age"));
	ck_assert_ptr_null(strstr(text, "lag_"));
	ck_assert_ptr_null(strstr(text, "recoverable"));
	metrics_free(&m);
	coverage_free(&cov);
	snapshot(1000, 500);
	file(0, 900, 2000, 10);
	judge();
	m = (struct metrics)METRICS_INIT;
	text = metrics_of(&cov, &m);
	ck_assert_ptr_nonnull(strstr(text, SAMPLE("snapshots", "1")));
	ck_assert_ptr_nonnull(strstr(text, SAMPLE("snapshot_age_seconds", "500")));
	ck_assert_ptr_nonnull(strstr(text, SAMPLE("log_lag_seconds", "10")));
	ck_assert_ptr_nonnull(strstr(text, SAMPLE("log_alive", "1")));
	ck_assert_ptr_nonnull(strstr(text, SAMPLE("recoverable_from_seconds", "999500")));
	ck_assert_ptr_nonnull(strstr(text, SAMPLE("recoverable_to_seconds", "999990")));
	metrics_free(&m);
}
END_TEST

START_TEST(a_single_moment_is_no_span)
{
	struct buf b = BUF_INIT;

	snapshot(1000, 500);
	judge();
	coverage_text(&cov, &b);
	ck_assert_str_eq(buf_cstr(&b), "    snapshots    1, the newest s1, 8 min 20 s old\n"
	    "    log          none\n"
	    "    recoverable  only at 1970-01-12T13:38:20.000000Z\n"
	    "                 timeline 1, 0/3E8, 1 snapshot\n");
	buf_free(&b);
}
END_TEST

Suite *
coverage_suite(void)
{
	Suite *s = suite_create("coverage");
	TCase *t = tcase_create("coverage");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, nothing_is_nothing);
	tcase_add_test(t, the_newest_good_snapshot_counts);
	tcase_add_test(t, a_clock_ahead_does_not_make_a_snapshot_fresh);
	tcase_add_test(t, a_log_that_is_heard_is_alive);
	tcase_add_test(t, a_silent_log_is_dead);
	tcase_add_test(t, a_log_that_catches_up_is_behind);
	tcase_add_test(t, a_closed_log_is_stopped);
	tcase_add_test(t, a_clock_ahead_does_not_keep_a_log_alive);
	tcase_add_test(t, limits_are_bad_when_exceeded);
	tcase_add_test(t, limits_without_anything_are_exceeded);
	tcase_add_test(t, a_hole_is_open_until_a_snapshot_lies_behind_it);
	tcase_add_test(t, a_broken_snapshot_closes_nothing);
	tcase_add_test(t, a_snapshot_of_another_history_closes_nothing);
	tcase_add_test(t, a_stated_gap_gives_its_reason);
	tcase_add_test(t, a_log_that_begins_behind_the_snapshot_leaves_a_gap);
	tcase_add_test(t, a_log_that_ends_before_the_snapshot_only_lags);
	tcase_add_test(t, a_hole_between_two_timelines_is_a_gap);
	tcase_add_test(t, windows_and_forks_are_shown);
	tcase_add_test(t, metrics_are_those_that_it_has);
	tcase_add_test(t, a_single_moment_is_no_span);
	suite_add_tcase(s, t);
	return s;
}
