/*
 * Tests of log/path: ways along timelines and forks, holes, and windows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/index.h"
#include "suites.h"

#define SYSTEM 42
#define SEG    0x100u	/* positions here are small: easy to read */

/* An index made by hand: each file is a stream's extent, in order of journal line. */
static struct log_index ix;
static struct catalog_log logs[32];
static struct catalog catalog;
static struct catalog_snapshot snapshots[8];
static struct wal_history histories[8];
static uint64_t seq;
static struct err e;

static void
setup(void)
{
	memset(&ix, 0, sizeof(ix));
	memset(&catalog, 0, sizeof(catalog));
	seq = 0;
	ix.streams = calloc(8, sizeof(*ix.streams));
}

static void
teardown(void)
{
	size_t i;

	for (i = 0; i < ix.nstreams; i++) {
		free(ix.streams[i].extents);
		free(ix.streams[i].spans);
	}
	free(ix.streams);
}

/* timeline: "2 1:0/300"; up to two spans, 0 0 for none.  Times are LSNs. */
static void
stream(const char *name, const char *timeline, const char *parent, uint64_t from, uint64_t to,
    uint64_t from2, uint64_t to2)
{
	struct log_stream *st = &ix.streams[ix.nstreams++];
	uint64_t at[2][2] = { { from, to }, { from2, to2 } };
	char history[200] = "-";

	ck_assert_int_ge(sscanf(timeline, "%u %199s", &st->timeline, history), 1);
	ck_assert_int_eq(wal_history_decode(&st->history, st->timeline, history), 0);
	snprintf(st->name, sizeof(st->name), "%s", name);
	snprintf(st->parent, sizeof(st->parent), "%s", parent);
	st->system_id = SYSTEM;
	st->segment_size = SEG;
	st->extents = calloc(2, sizeof(*st->extents));
	st->spans = calloc(2, sizeof(*st->spans));
	st->first_seq = seq + 1;
	for (; st->nspans < 2 && at[st->nspans][1] != 0; st->nspans++) {
		logs[seq].seq = seq + 1;
		st->extents[st->nspans].log = &logs[seq++];
		st->extents[st->nspans].start = at[st->nspans][0];
		st->extents[st->nspans].end = at[st->nspans][1];
		st->spans[st->nspans].from = at[st->nspans][0];
		st->spans[st->nspans].to = at[st->nspans][1];
		st->spans[st->nspans].last = (int64_t)at[st->nspans][1];
	}
	st->nextents = st->nspans;
	st->last_seq = seq;
}

static const struct catalog_snapshot *
snapshot(const char *timeline, uint64_t stop)
{
	struct catalog_snapshot *s = &snapshots[catalog.nsnapshots];
	struct wal_history *h = &histories[catalog.nsnapshots++];
	char history[200] = "-";

	memset(s, 0, sizeof(*s));
	ck_assert_int_ge(sscanf(timeline, "%u %199s", &s->timeline, history), 1);
	ck_assert_int_eq(wal_history_decode(h, s->timeline, history), 0);
	s->history = h;
	snprintf(s->source, sizeof(s->source), "shop");
	s->system_id = SYSTEM;
	s->segment_size = SEG;
	s->start = stop - 0x10;
	s->stop = stop;
	s->stopped = (int64_t)stop;
	s->seq = ++seq;
	catalog.snapshots = snapshots;
	return s;
}

/* The way as text: "a 100-300, b 300-400 end 400". */
static const char *
way(const struct catalog_snapshot *s, const char *name)
{
	static char text[400];
	struct log_path p;
	size_t n = 0;
	int i;

	ck_assert_msg(log_path_find(&ix, s, name, &p, &e) == 0, "%s", e.msg);
	text[0] = '\0';
	for (i = 0; i < p.n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s %llx-%llx, ",
		    p.at[i].stream->name, (unsigned long long)p.at[i].from,
		    (unsigned long long)p.at[i].to);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "end %llx tli %u time %llx",
	    (unsigned long long)p.end, p.timeline, (unsigned long long)p.end_time);
	if (p.hole != 0)
		snprintf(text + n, sizeof(text) - n, " hole to %llx",
		    (unsigned long long)p.hole);
	return text;
}

START_TEST(one_stream_from_the_segment_of_the_stop)
{
	stream("a", "1", "", 0x100, 0x480, 0, 0);
	ck_assert_str_eq(way(snapshot("1", 0x250), NULL), "a 200-480, end 480 tli 1 time 480");
	ck_assert_str_eq(way(snapshot("1", 0x480), NULL), "a 400-480, end 480 tli 1 time 480");
}
END_TEST

START_TEST(a_log_that_begins_in_a_segment_is_entered_there)
{
	stream("a", "1", "", 0x220, 0x480, 0, 0);
	ck_assert_str_eq(way(snapshot("1", 0x250), NULL), "a 220-480, end 480 tli 1 time 480");
}
END_TEST

START_TEST(a_log_that_does_not_reach_the_stop_does_not_join)
{
	stream("a", "1", "", 0x100, 0x200, 0x300, 0x400);
	ck_assert_str_eq(way(snapshot("1", 0x250), NULL), "end 250 tli 1 time 250");
	ck_assert_str_eq(way(snapshot("1", 0x450), NULL), "end 450 tli 1 time 450");
	ck_assert_str_eq(way(snapshot("1", 0x80), NULL), "end 80 tli 1 time 80");
}
END_TEST

START_TEST(a_hole_ends_the_way_and_is_told)
{
	stream("a", "1", "", 0x100, 0x280, 0x400, 0x500);
	ck_assert_str_eq(way(snapshot("1", 0x210), NULL),
	    "a 200-280, end 280 tli 1 time 280 hole to 400");
	ck_assert_str_eq(way(snapshot("1", 0x410), NULL), "a 400-500, end 500 tli 1 time 500");
}
END_TEST

START_TEST(a_timeline_switch_is_followed)
{
	stream("a", "1", "", 0x100, 0x350, 0, 0);
	stream("b", "2 1:0/320", "", 0x300, 0x500, 0, 0);
	ck_assert_str_eq(way(snapshot("1", 0x210), NULL),
	    "a 200-320, b 320-500, end 500 tli 2 time 500");
	ck_assert_str_eq(way(snapshot("1", 0x210), "a"), "a 200-350, end 350 tli 1 time 350");
	ck_assert_str_eq(way(snapshot("2 1:0/320", 0x420), NULL),
	    "b 400-500, end 500 tli 2 time 500");
	ck_assert_str_eq(way(snapshot("1", 0x340), NULL), "a 300-350, end 350 tli 1 time 350");
}
END_TEST

START_TEST(three_timelines_are_followed)
{
	stream("a", "1", "", 0x100, 0x320, 0, 0);
	stream("b", "2 1:0/320", "", 0x300, 0x410, 0, 0);
	stream("c", "3 1:0/320,2:0/410", "", 0x400, 0x600, 0, 0);
	ck_assert_str_eq(way(snapshot("1", 0x110), NULL),
	    "a 100-320, b 320-410, c 410-600, end 600 tli 3 time 600");
}
END_TEST

START_TEST(a_timeline_that_is_not_held_to_its_end_leaves_a_hole)
{
	stream("a", "1", "", 0x100, 0x280, 0, 0);
	stream("b", "2 1:0/320", "", 0x300, 0x500, 0, 0);
	ck_assert_str_eq(way(snapshot("1", 0x210), NULL),
	    "a 200-280, end 280 tli 1 time 280 hole to 320");
}
END_TEST

START_TEST(a_new_timeline_not_yet_past_the_switch_adds_nothing)
{
	stream("a", "1", "", 0x100, 0x320, 0, 0);
	stream("b", "2 1:0/320", "", 0x300, 0x310, 0, 0);
	ck_assert_str_eq(way(snapshot("1", 0x210), NULL), "a 200-320, end 320 tli 1 time 320");
}
END_TEST

START_TEST(another_branch_of_the_same_number_is_not_followed)
{
	stream("a", "1", "", 0x100, 0x500, 0, 0);
	stream("b", "2 1:0/320", "", 0x300, 0x400, 0, 0);
	stream("b2", "2 1:0/480", "", 0x400, 0x600, 0, 0);
	ck_assert_str_eq(way(snapshot("1", 0x210), NULL),
	    "a 200-480, b2 480-600, end 600 tli 2 time 600");
	ck_assert_str_eq(way(snapshot("2 1:0/320", 0x390), NULL),
	    "b 300-400, end 400 tli 2 time 400");
	ck_assert_str_eq(way(snapshot("2 1:0/320", 0x390), "b2"), "end 390 tli 2 time 390");
}
END_TEST

START_TEST(a_fork_is_joined_where_it_begins)
{
	const struct catalog_snapshot *before, *old, *after;

	stream("a", "1", "", 0x100, 0x500, 0, 0);
	before = snapshot("1", 0x210);
	old = snapshot("1", 0x440);	/* of the history that was lost */
	stream("a-2", "1", "a", 0x400, 0x700, 0, 0);
	after = snapshot("1", 0x480);	/* of the new one */
	ck_assert_str_eq(way(before, NULL), "a 200-400, a-2 400-700, end 700 tli 1 time 700");
	ck_assert_str_eq(way(before, "a"), "a 200-500, end 500 tli 1 time 500");
	ck_assert_str_eq(way(old, NULL), "a 400-500, end 500 tli 1 time 500");
	ck_assert_str_eq(way(old, "a-2"), "end 440 tli 1 time 440");
	ck_assert_str_eq(way(after, NULL), "a-2 400-700, end 700 tli 1 time 700");
	ck_assert_str_eq(way(after, "a"), "end 480 tli 1 time 480");
}
END_TEST

START_TEST(a_fork_without_a_parent_is_joined_by_later_snapshots_only)
{
	const struct catalog_snapshot *before, *after;

	stream("a", "1", "", 0x100, 0x500, 0, 0);
	before = snapshot("1", 0x210);
	stream("a-2", "1", "", 0x200, 0x700, 0, 0);
	after = snapshot("1", 0x300);
	ck_assert_str_eq(way(before, NULL), "a 200-500, end 500 tli 1 time 500");
	ck_assert_str_eq(way(after, NULL), "a-2 300-700, end 700 tli 1 time 700");
}
END_TEST

START_TEST(a_switch_behind_a_fork_goes_on_from_the_fork)
{
	stream("a", "1", "", 0x100, 0x500, 0, 0);
	stream("a-2", "1", "a", 0x400, 0x700, 0, 0);
	stream("b", "2 1:0/680", "", 0x600, 0x900, 0, 0);
	ck_assert_str_eq(way(snapshot("1", 0x210), NULL),
	    "a 200-400, a-2 400-680, b 680-900, end 900 tli 2 time 900");
}
END_TEST

START_TEST(an_unknown_stream_is_not_found)
{
	struct log_path p;

	stream("a", "1", "", 0x100, 0x500, 0, 0);
	ck_assert_int_eq(log_path_find(&ix, snapshot("1", 0x200), "x", &p, &e), -1);
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
}
END_TEST

/* ---- windows ------------------------------------------------------------------ */

static const char *
windows(void)
{
	static char text[600];
	struct log_window *w;
	size_t i, n, k = 0;

	ck_assert_msg(log_windows(&ix, &catalog, "shop", &w, &n, &e) == 0, "%s", e.msg);
	text[0] = '\0';
	for (i = 0; i < n; i++)
		k += (size_t)snprintf(text + k, sizeof(text) - k,
		    "%s%s %llx-%llx lsn %llx-%llx x%d", i == 0 ? "" : "; ", w[i].stream,
		    (unsigned long long)w[i].from,
		    (unsigned long long)w[i].to, (unsigned long long)w[i].from_lsn,
		    (unsigned long long)w[i].to_lsn, w[i].snapshots);
	free(w);
	return text;
}

START_TEST(snapshots_on_one_way_are_one_window)
{
	stream("a", "1", "", 0x100, 0x320, 0, 0);
	snapshot("1", 0x210);
	snapshot("1", 0x300);
	stream("b", "2 1:0/320", "", 0x300, 0x500, 0, 0);
	snapshot("2 1:0/320", 0x400);
	ck_assert_str_eq(windows(), "b 210-500 lsn 210-500 x3");
}
END_TEST

START_TEST(a_hole_parts_windows)
{
	stream("a", "1", "", 0x100, 0x280, 0x400, 0x600);
	snapshot("1", 0x210);
	snapshot("1", 0x410);
	snapshot("1", 0x500);
	ck_assert_str_eq(windows(), "a 410-600 lsn 410-600 x2; a 210-280 lsn 210-280 x1");
}
END_TEST

START_TEST(what_was_lost_on_the_server_is_a_window_of_its_own)
{
	stream("a", "1", "", 0x100, 0x500, 0, 0);
	snapshot("1", 0x210);
	stream("a-2", "1", "a", 0x400, 0x700, 0, 0);
	ck_assert_str_eq(windows(), "a-2 210-700 lsn 210-700 x1; a 210-500 lsn 210-500 x1");
}
END_TEST

START_TEST(a_snapshot_without_log_is_a_window_of_a_moment)
{
	snapshot("1", 0x210);
	ck_assert_str_eq(windows(), " 210-210 lsn 210-210 x1");
}
END_TEST

START_TEST(broken_snapshots_open_no_window)
{
	stream("a", "1", "", 0x100, 0x500, 0, 0);
	snapshot("1", 0x210);
	snapshots[0].broken_pages = 1;
	snapshot("1", 0x310);
	ck_assert_str_eq(windows(), "a 310-500 lsn 310-500 x1");
}
END_TEST

START_TEST(nothing_gives_no_window)
{
	ck_assert_str_eq(windows(), "");
}
END_TEST

Suite *
log_path_suite(void)
{
	Suite *s = suite_create("log_path");
	TCase *t = tcase_create("log_path");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, one_stream_from_the_segment_of_the_stop);
	tcase_add_test(t, a_log_that_begins_in_a_segment_is_entered_there);
	tcase_add_test(t, a_log_that_does_not_reach_the_stop_does_not_join);
	tcase_add_test(t, a_hole_ends_the_way_and_is_told);
	tcase_add_test(t, a_timeline_switch_is_followed);
	tcase_add_test(t, three_timelines_are_followed);
	tcase_add_test(t, a_timeline_that_is_not_held_to_its_end_leaves_a_hole);
	tcase_add_test(t, a_new_timeline_not_yet_past_the_switch_adds_nothing);
	tcase_add_test(t, another_branch_of_the_same_number_is_not_followed);
	tcase_add_test(t, a_fork_is_joined_where_it_begins);
	tcase_add_test(t, a_fork_without_a_parent_is_joined_by_later_snapshots_only);
	tcase_add_test(t, a_switch_behind_a_fork_goes_on_from_the_fork);
	tcase_add_test(t, an_unknown_stream_is_not_found);
	tcase_add_test(t, snapshots_on_one_way_are_one_window);
	tcase_add_test(t, a_hole_parts_windows);
	tcase_add_test(t, what_was_lost_on_the_server_is_a_window_of_its_own);
	tcase_add_test(t, a_snapshot_without_log_is_a_window_of_a_moment);
	tcase_add_test(t, broken_snapshots_open_no_window);
	tcase_add_test(t, nothing_gives_no_window);
	suite_add_tcase(s, t);
	return s;
}
