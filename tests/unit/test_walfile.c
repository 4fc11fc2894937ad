/*
 * Tests of log/walfile: segments merged from the snapshot's WAL and the log, and histories.
 */
#include "log/walfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "logs.h"
#include "suites.h"

#define SEG  LOGS_SEGMENT
#define BASE (UINT64_C(48) * SEG)	/* 0/3000000 */

static struct logs l;
static struct log_index *ix;
static struct log_path path, cut;
static struct catalog_snapshot snapshot;
static struct walfile_source src;
static struct buf out;
static char wal_dir[512];
static struct err e;

static void
setup(void)
{
	static const struct wal_history none = { .timeline = 1 };

	logs_setup(&l);
	ix = NULL;
	out = (struct buf)BUF_INIT;
	snapshot = (struct catalog_snapshot){ .system_id = LOGS_SYSTEM, .timeline = 1,
		.segment_size = SEG, .start = BASE + 40, .stop = BASE + 5000, .history = &none };
	snprintf(snapshot.source, sizeof(snapshot.source), "shop");
	memset(&path, 0, sizeof(path));
	src = (struct walfile_source){ .snapshot = &snapshot, .path = &path };
}

static void
teardown(void)
{
	log_reader_free(src.reader);
	log_index_free(ix);
	buf_free(&out);
	logs_teardown(&l);
}

/* The snapshot's own segment of its timeline, of this history, n bytes of it. */
static void
keep_segment(unsigned seed, size_t n)
{
	char name[WAL_NAME], place[64];
	uint8_t *p = calloc(1, SEG);

	ck_assert_ptr_nonnull(p);
	logs_bytes(p, seed, BASE, n);
	wal_segment_name(name, 1, BASE, SEG);
	snprintf(place, sizeof(place), "wal/%s", name);
	fixture_ok(io_mkdirs(scratch_path("wal"), 0700, &e));
	fixture_ok(io_write_file(scratch_path(place), p, SEG, 0600, &e));
	free(p);
	snprintf(wal_dir, sizeof(wal_dir), "%s", scratch_path("wal"));
	src.wal_dir = wal_dir;
}

/* A file of the log with n bytes of this history. */
static void
ship(const char *timeline, unsigned seed, uint64_t start, size_t n)
{
	struct log_stream_info info = logs_info(timeline, 0, NULL);
	struct log_writer *w = logs_open(&l, &info, start, NULL);

	logs_append(w, seed, n, 1);
	(void)logs_leave(w, 1);
}

static void
follow(void)
{
	ix = logs_index(&l, 0);
	fixture_ok(log_path_find(ix, &snapshot, NULL, &path, &e));
	if ((src.reader = log_reader_new(l.f.repo, &path, l.f.restore, &e)) == NULL)
		ck_abort_msg("%s", e.msg);
}

/* From now on all ends at `stop`. */
static void
cut_at(uint64_t stop)
{
	walfile_cut(&cut, &path, &snapshot, stop);
	src.path = &cut;
}

/* out[from..to) is history `seed`'s of the segment at `start`. */
static void
holds(unsigned seed, uint64_t start, size_t from, size_t to)
{
	uint8_t *want = malloc(to - from);

	ck_assert_ptr_nonnull(want);
	ck_assert_uint_eq(out.len, SEG);
	logs_bytes(want, seed, start + from, to - from);
	ck_assert_msg(memcmp(out.data + from, want, to - from) == 0, "%zu to %zu", from, to);
	free(want);
}

static void
zeros(size_t from)
{
	while (from < out.len && out.data[from] == 0)
		from++;
	ck_assert_uint_eq(from, out.len);
}

/* walfile_segment's answer, and the file that it made. */
static int
get(uint32_t timeline, uint64_t start)
{
	const char *file = scratch_path("segment");
	int rc, fd = io_open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600, &e);

	ck_assert_int_ge(fd, 0);
	rc = walfile_segment(&src, timeline, start, fd, file, &e);
	close(fd);
	if (rc < 0)
		ck_assert_msg(e.kind == ERR_CORRUPT, "%s", e.msg);
	buf_reset(&out);
	fixture_ok(io_read_file(file, SEG, &out, &e));
	return rc;
}

START_TEST(without_a_log_there_is_the_snapshots_wal)
{
	keep_segment(1, SEG);	/* what is behind the stop does not count */
	follow();
	ck_assert_int_eq(path.n, 0);
	ck_assert_int_eq(get(1, BASE), 1);
	holds(1, BASE, 0, 5000);
	zeros(5000);
	ck_assert_int_eq(get(1, BASE + SEG), 0);
	ck_assert_int_eq(get(2, BASE), 0);
}
END_TEST

START_TEST(the_longest_wins)
{
	keep_segment(0, 5000);
	ship("1", 0, BASE, SEG + 3000);
	follow();
	ck_assert_int_eq(get(1, BASE), 1);
	holds(0, BASE, 0, SEG);
	ck_assert_int_eq(get(1, BASE + SEG), 1);
	holds(0, BASE + SEG, 0, 3000);
	zeros(3000);
	ck_assert_int_eq(get(1, BASE + 2 * SEG), 0);
}
END_TEST

START_TEST(a_log_that_begins_inside_is_joined_to_the_snapshots_wal)
{
	keep_segment(1, 5000);
	ship("1", 2, BASE + 4000, 3000);
	follow();
	ck_assert_int_eq(get(1, BASE), 1);
	holds(1, BASE, 0, 4000);
	holds(2, BASE, 4000, 7000);
	zeros(7000);
}
END_TEST

START_TEST(a_cut_is_the_end_of_everything)
{
	keep_segment(0, 5000);
	ship("1", 0, BASE, 3 * SEG);
	follow();
	path.hole = BASE + 8 * SEG;
	cut_at(BASE + SEG + 800);
	ck_assert_uint_eq(cut.hole, 0);
	ck_assert_uint_eq(walfile_end(&src), BASE + SEG + 800);
	ck_assert_int_eq(get(1, BASE + SEG), 1);
	holds(0, BASE + SEG, 0, 800);
	zeros(800);
	ck_assert_int_eq(get(1, BASE + 2 * SEG), 0);
	cut_at(snapshot.stop);
	ck_assert_int_eq(get(1, BASE), 1);
	zeros(5000);
}
END_TEST

START_TEST(a_cut_at_a_segments_end_leaves_nothing_of_the_next)
{
	ship("1", 0, BASE, 2 * SEG);
	follow();
	cut_at(BASE + SEG);
	ck_assert_int_eq(get(1, BASE), 1);
	holds(0, BASE, 0, SEG);
	ck_assert_int_eq(get(1, BASE + SEG), 0);
}
END_TEST

START_TEST(wal_that_is_missing_before_the_end_is_an_error)
{
	keep_segment(0, 5000);
	ship("1", 0, BASE + SEG, SEG);	/* a logship that began too late */
	follow();
	ck_assert_int_eq(path.n, 0);
	path = (struct log_path){ .n = 1, .timeline = 1, .end = BASE + 2 * SEG };
	path.at[0].stream = &ix->streams[0];
	path.at[0].from = BASE + SEG;
	path.at[0].to = path.end;
	ck_assert_int_eq(get(1, BASE), -1);
	ck_assert_ptr_nonnull(
	    strstr(e.msg, "000000010000000000000030: no WAL is held from 0/3001388 on"));
	ck_assert_int_eq(get(1, BASE + SEG), 1);
}
END_TEST

START_TEST(a_snapshots_file_that_is_gone_or_short_is_an_error)
{
	keep_segment(0, 5000);
	follow();
	fixture_ok(
	    io_write_file(scratch_path("wal/000000010000000000000030"), "x", 1, 0600, &e));
	ck_assert_int_eq(get(1, BASE), -1);
	src.wal_dir = scratch_path("none");
	ck_assert_int_eq(get(1, BASE), -1);
	src.wal_dir = NULL;
	ck_assert_int_eq(get(1, BASE), -1);
}
END_TEST

/* ---- timelines ------------------------------------------------------------- */

#define SWITCH (BASE + SEG + 6000)

/* Timeline 1 goes on for a while behind the place where 2 left it. */
static void
two_timelines(void)
{
	keep_segment(1, 5000);
	ship("1", 1, BASE, SEG + 9000);
	ship("2 1:0/3101770", 2, BASE + SEG, SEG + 700);
	ck_assert_uint_eq(SWITCH, 0x3101770);
	follow();
	ck_assert_int_eq(path.n, 2);
	ck_assert_uint_eq(path.timeline, 2);
}

START_TEST(the_new_timelines_segment_begins_with_the_olds_bytes)
{
	two_timelines();
	ck_assert_int_eq(get(2, BASE + SEG), 1);
	holds(1, BASE + SEG, 0, 6000);
	holds(2, BASE + SEG, 6000, SEG);
	ck_assert_int_eq(get(2, BASE + 2 * SEG), 1);
	holds(2, BASE + 2 * SEG, 0, 700);
	zeros(700);
}
END_TEST

START_TEST(a_timeline_has_only_its_own_segments)
{
	two_timelines();
	ck_assert_int_eq(get(2, BASE), 0);
	ck_assert_int_eq(get(1, BASE), 1);
	ck_assert_int_eq(get(1, BASE + SEG), 1);
	holds(1, BASE + SEG, 0, 6000);
	zeros(6000);	/* the 3000 bytes behind the switch are another history */
	ck_assert_int_eq(get(1, BASE + 2 * SEG), 0);
	ck_assert_int_eq(get(3, BASE + SEG), 0);
	ck_assert_uint_eq(walfile_timeline(&src, BASE), 1);
	ck_assert_uint_eq(walfile_timeline(&src, BASE + SEG), 2);
}
END_TEST

START_TEST(a_cut_before_the_switch_stays_on_the_old_timeline)
{
	two_timelines();
	cut_at(SWITCH - 8);
	ck_assert_uint_eq(cut.timeline, 1);
	ck_assert_int_eq(get(1, BASE + SEG), 1);
	zeros(6000 - 8);
	ck_assert_int_eq(get(2, BASE + SEG), 0);
	cut_at(SWITCH);
	ck_assert_uint_eq(cut.timeline, 1);
	cut_at(SWITCH + 8);
	ck_assert_uint_eq(cut.timeline, 2);
}
END_TEST

START_TEST(a_switch_in_the_snapshots_last_segment_is_joined)
{
	snapshot.stop = BASE + 5000;
	keep_segment(1, 5000);
	ship("1", 1, BASE, 5500);
	ship("2 1:0/300157C", 2, BASE, 9000);
	follow();
	ck_assert_int_eq(get(2, BASE), 1);
	holds(1, BASE, 0, 5500);
	holds(2, BASE, 5500, 9000);
	zeros(9000);
}
END_TEST

START_TEST(histories_are_as_the_path_sees_them)
{
	struct wal_history h;

	ship("1", 1, BASE, 2 * SEG);
	ship("2 1:0/3100000", 2, BASE + SEG, SEG);
	ship("4 1:0/3100000,2:0/3180000", 3, BASE + SEG, SEG);
	follow();
	ck_assert_int_eq(walfile_history(&src, repo_catalog(l.f.repo), 1, &out, &e), 0);
	ck_assert_int_eq(walfile_history(&src, repo_catalog(l.f.repo), 2, &out, &e), 1);
	fixture_ok(wal_history_read(&h, 2, buf_cstr(&out), out.len));
	ck_assert_int_eq(h.n, 1);
	ck_assert_uint_eq(h.at[0].end, 0x3100000);
	ck_assert_int_eq(walfile_history(&src, repo_catalog(l.f.repo), 4, &out, &e), 1);
	fixture_ok(wal_history_read(&h, 4, buf_cstr(&out), out.len));
	ck_assert_int_eq(h.n, 2);
	ck_assert_uint_eq(h.at[1].timeline, 2);
	ck_assert_int_eq(walfile_history(&src, repo_catalog(l.f.repo), 3, &out, &e), 0);
}
END_TEST

/* A promotion must not take the number of a timeline that this path does not even have. */
START_TEST(histories_of_other_ways_are_known_too)
{
	ship("1", 1, BASE, 2 * SEG);
	ship("2 1:0/3100000", 2, BASE + SEG, SEG);
	follow();
	cut_at(BASE + 9000);
	ck_assert_uint_eq(cut.timeline, 1);
	ck_assert_int_eq(walfile_history(&src, repo_catalog(l.f.repo), 2, &out, &e), 1);
	ck_assert_int_eq(walfile_history(&src, repo_catalog(l.f.repo), 3, &out, &e), 0);
}
END_TEST

Suite *
walfile_suite(void)
{
	Suite *s = suite_create("log/walfile");
	TCase *t = tcase_create("walfile");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, without_a_log_there_is_the_snapshots_wal);
	tcase_add_test(t, the_longest_wins);
	tcase_add_test(t, a_log_that_begins_inside_is_joined_to_the_snapshots_wal);
	tcase_add_test(t, a_cut_is_the_end_of_everything);
	tcase_add_test(t, a_cut_at_a_segments_end_leaves_nothing_of_the_next);
	tcase_add_test(t, wal_that_is_missing_before_the_end_is_an_error);
	tcase_add_test(t, a_snapshots_file_that_is_gone_or_short_is_an_error);
	tcase_add_test(t, the_new_timelines_segment_begins_with_the_olds_bytes);
	tcase_add_test(t, a_timeline_has_only_its_own_segments);
	tcase_add_test(t, a_cut_before_the_switch_stays_on_the_old_timeline);
	tcase_add_test(t, a_switch_in_the_snapshots_last_segment_is_joined);
	tcase_add_test(t, histories_are_as_the_path_sees_them);
	tcase_add_test(t, histories_of_other_ways_are_known_too);
	suite_add_tcase(s, t);
	return s;
}
