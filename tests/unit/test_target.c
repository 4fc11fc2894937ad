/*
 * Tests of log/target: words to targets, and targets to positions in a log.
 */
#include "log/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "logs.h"
#include "suites.h"
#include "wal_make.h"

#define BASE  UINT64_C(0x3000000)
#define MAGIC 0xd110	/* PostgreSQL 15 */
#define SEC   INT64_C(1000000)
#define DAY   (INT64_C(1763805600) * SEC)	/* 2025-11-22T10:00:00Z */
#define EPOCH INT64_C(946684800000000)

static struct err e;

/* ---- words ----------------------------------------------------------------- */

START_TEST(every_kind_of_target_is_understood)
{
	struct target t;

	fixture_ok(target_parse("2025-11-22 11:00:00.5+01", 1, &t, &e));
	ck_assert_int_eq(t.kind, TARGET_TIME);
	ck_assert_int_eq(t.time, DAY + SEC / 2);
	ck_assert_int_eq(t.inclusive, 1);
	fixture_ok(target_parse("1/A0000028", 0, &t, &e));
	ck_assert_int_eq(t.kind, TARGET_LSN);
	ck_assert_uint_eq(t.lsn, UINT64_C(0x1A0000028));
	ck_assert_int_eq(t.inclusive, 0);
	fixture_ok(target_parse("xid:7412", 0, &t, &e));
	ck_assert_int_eq(t.kind, TARGET_XID);
	ck_assert_uint_eq(t.xid, 7412);
	fixture_ok(target_parse("name:before lunch", 0, &t, &e));
	ck_assert_int_eq(t.kind, TARGET_NAME);
	ck_assert_str_eq(t.name, "before lunch");
	ck_assert_str_eq(t.text, "name:before lunch");
}
END_TEST

START_TEST(what_is_no_target_is_misuse)
{
	static const char *const bad[] = { "", "yesterday", "0/", "0/3000060x", "xid:", "xid:2",
		"xid:-5", "xid: 5", "xid:4294967296", "xid:5x", "name:",
		"name:0123456789012345678901234567890123456789012345678901234567890123" };
	struct target t;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(target_parse(bad[i], 0, &t, &e) < 0, "\"%s\"", bad[i]);
		ck_assert_int_eq(e.kind, ERR_USAGE);
	}
}
END_TEST

START_TEST(a_time_without_a_zone_is_refused_with_a_hint)
{
	struct target t;

	ck_assert_int_lt(target_parse("2025-11-22 10:00:00", 0, &t, &e), 0);
	ck_assert_int_eq(e.kind, ERR_USAGE);
	ck_assert_str_ne(e.hint, "");
}
END_TEST

/* ---- a log ----------------------------------------------------------------- */

/* Where things are, in order. */
enum { C100, C101, C102, POINT, C103, C104, FILLER, PREPARED, C105, NPLACES };

static struct {
	struct logs l;
	struct wal_make w;
	struct log_index *ix;
	struct log_path path;
	struct log_reader *reader;
	uint64_t at[NPLACES], past[NPLACES], end;
	int64_t promise;
} world;

static void
put_commit(int place, uint32_t xid, int64_t seconds)
{
	uint8_t body[8];

	le64_put(body, (uint64_t)(DAY + seconds * SEC - EPOCH));
	world.at[place] = wal_make_data(&world.w, 1, 0x00, xid, body, sizeof(body));
	world.past[place] = wal_make_at(&world.w);
}

static void
put_point(const char *name)
{
	uint8_t body[72] = { 0 };

	memcpy(body + 8, name, strlen(name));
	world.at[POINT] = wal_make_data(&world.w, 0, 0x70, 0, body, sizeof(body));
	world.past[POINT] = wal_make_at(&world.w);
}

static void
put_prepare(const char *gid)
{
	uint8_t body[96] = { 0 };	/* a head of 72 bytes, and the name */

	le32_put(body + 8, 900);
	le16_put(body + 54, (uint16_t)(strlen(gid) + 1));
	memcpy(body + 72, gid, strlen(gid) + 1);
	(void)wal_make_data(&world.w, 1, 0x10, 900, body, sizeof(body));
	world.past[PREPARED] = wal_make_at(&world.w);
}

static void
put_parameters(uint32_t connections)
{
	uint8_t body[28] = { 0 };

	le32_put(body, connections);
	(void)wal_make_data(&world.w, 0, 0x60, 0, body, sizeof(body));
}

static void
fill(size_t n)
{
	static const uint8_t body[20000] = { 1 };

	world.at[FILLER] = wal_make_record(&world.w, 10, 0, 1, body, n);
}

/* Commit times do not rise: 100 at 0 s, 101 at 10 s, 102 at 5 s, 103 at 30 s, 104 at 40 s. */
static void
make_wal(void)
{
	wal_make_begin(&world.w, MAGIC, BASE, LOGS_SEGMENT);
	fill(100);
	put_commit(C100, 100, 0);
	put_parameters(250);
	fill(20000);
	put_commit(C101, 101, 10);
	put_commit(C102, 102, 5);
	put_point("migration");
	put_parameters(90);
	fill(50);
	put_commit(C103, 103, 30);
	fill(9000);
	put_commit(C104, 104, 40);
	fill(16);
	world.end = wal_make_at(&world.w);
	world.promise = DAY + 60 * SEC;
}

/* The log as it was made so far, in two files. */
static void
ship(void)
{
	struct log_stream_info info = logs_info("1", 0, NULL);
	size_t half = world.w.out.len / 2 / 8 * 8;
	struct log_writer *w = logs_open(&world.l, &info, BASE, NULL);
	struct log_after after;

	fixture_ok(log_writer_append(w, world.w.out.data, half, DAY, &e));
	after = logs_leave(w, 1);
	w = logs_open(&world.l, &info, BASE + half, &after);
	fixture_ok(log_writer_append(w, world.w.out.data + half, world.w.out.len - half,
	    world.promise, &e));
	(void)logs_leave(w, 0);
	world.ix = logs_index(&world.l, 1);
	world.path = (struct log_path){ .n = 1, .timeline = 1, .end = BASE + world.w.out.len,
		.end_time = world.promise };
	world.path.at[0].stream = &world.ix->streams[0];
	world.path.at[0].from = BASE;
	world.path.at[0].to = world.path.end;
	world.reader = log_reader_new(world.l.f.repo, &world.path, world.l.f.restore, &e);
	ck_assert_ptr_nonnull(world.reader);
}

static void
setup(void)
{
	memset(&world, 0, sizeof(world));
	logs_setup(&world.l);
	make_wal();
}

static void
teardown(void)
{
	log_reader_free(world.reader);
	log_index_free(world.ix);
	buf_free(&world.w.out);
	logs_teardown(&world.l);
}

static int
resolve(const char *text, int inclusive, uint64_t from, struct target_result *r)
{
	struct target t = { .kind = TARGET_END, .inclusive = 1, .text = "the end" };

	if (text != NULL)
		fixture_ok(target_parse(text, inclusive, &t, &e));
	return target_resolve(world.reader, &world.path, BASE, from, LOGS_SEGMENT,
	    WAL_MAKE_SYSTEM, &t, r, NULL, &e);
}

static const char *
lsn(int place, int add)
{
	static char text[4][LSN_TEXT];
	static unsigned n;

	return lsn_format(text[n++ % 4], world.at[place] + (uint64_t)add);
}

static void
check(const char *text, int inclusive, uint64_t stop, uint32_t before, uint32_t after,
    uint64_t commits)
{
	struct target_result r;

	fixture_ok(resolve(text, inclusive, BASE, &r));
	ck_assert_msg(r.reached, "%s", text);
	ck_assert_msg(r.stop == stop, "%s: %lx, not %lx", text, r.stop, stop);
	ck_assert_msg(r.before.xid == before, "%s: before %u", text, r.before.xid);
	ck_assert_msg(r.after.xid == after, "%s: after %u", text, r.after.xid);
	ck_assert_msg(r.commits == commits, "%s: %lu commits", text, r.commits);
}

/* ---- positions ------------------------------------------------------------- */

START_TEST(a_time_ends_with_the_last_commit_before_it_in_log_order)
{
	ship();
	check("2025-11-22T10:00:30Z", 0, world.past[C102], 102, 103, 3);
	check("2025-11-22T10:00:30Z", 1, world.past[C103], 103, 104, 4);
	/* 102 committed at 5 s, but behind 101, which committed at 10 s. */
	check("2025-11-22T10:00:07Z", 0, world.past[C100], 100, 101, 1);
	check("2025-11-22T10:00:05Z", 1, world.past[C100], 100, 101, 1);
	check("2025-11-22T10:00:10Z", 1, world.past[C102], 102, 103, 3);
	check("2025-11-22T09:00:00Z", 0, BASE, 0, 100, 0);
}
END_TEST

START_TEST(a_transaction_is_left_out_or_the_last)
{
	ship();
	check("xid:101", 0, world.past[C100], 100, 101, 1);
	check("xid:101", 1, world.past[C101], 101, 102, 2);
	check("xid:102", 1, world.past[C102], 102, 103, 3);
	check("xid:100", 0, BASE, 0, 100, 0);
}
END_TEST

START_TEST(a_restore_point_ends_with_the_last_commit_before_it)
{
	ship();
	check("name:migration", 0, world.past[C102], 102, 103, 3);
	check("name:migration", 1, world.past[C102], 102, 103, 3);
}
END_TEST

START_TEST(an_lsn_leaves_out_what_begins_at_or_behind_it)
{
	ship();
	check(lsn(C101, 0), 0, world.past[C100], 100, 101, 1);
	check(lsn(C101, 0), 1, world.past[C101], 101, 102, 2);
	/* in the middle of a record that has begun */
	check(lsn(C101, 8), 0, world.past[C101], 101, 102, 2);
	check(lsn(C101, 8), 1, world.past[C101], 101, 102, 2);
}
END_TEST

START_TEST(a_transaction_prepared_before_the_target_belongs_in)
{
	put_prepare("two-phase");
	put_commit(C105, 105, 50);
	ship();
	check("xid:105", 0, world.past[PREPARED], 104, 105, 5);
	check("xid:105", 1, world.past[C105], 105, 0, 6);
}
END_TEST

START_TEST(the_end_is_that_of_the_last_whole_record)
{
	static const uint8_t half[16] = { 200, 0, 0, 0, 1 };
	struct target_result r;
	uint64_t end = world.end;

	buf_add(&world.w.out, half, sizeof(half));
	ship();
	fixture_ok(resolve(NULL, 1, BASE, &r));
	ck_assert(r.reached && r.at_end);
	ck_assert_uint_eq(r.stop, end);
	ck_assert_uint_eq(r.before.xid, 104);
	ck_assert_int_eq(r.after.kind, 0);
	ck_assert_uint_eq(r.commits, 5);
}
END_TEST

START_TEST(behind_the_last_transaction_only_the_end_goes_on)
{
	ship();
	check("xid:104", 1, world.past[C104], 104, 0, 5);
	check(lsn(FILLER, 0), 1, world.past[C104], 104, 0, 5);
	check("2025-11-22T10:00:59Z", 1, world.past[C104], 104, 0, 5);
}
END_TEST

START_TEST(parameters_grow_to_the_largest_seen)
{
	struct target_result r;

	ship();
	fixture_ok(resolve(NULL, 1, BASE, &r));
	ck_assert_int_eq(r.minima.max_connections, 250);
	fixture_ok(resolve("xid:100", 0, BASE, &r));
	ck_assert_int_eq(r.minima.max_connections, 0);
}
END_TEST

/* ---- reached or not -------------------------------------------------------- */

START_TEST(a_time_is_reached_when_the_log_was_followed_past_it)
{
	struct target_result r;

	ship();
	fixture_ok(resolve("2025-11-22T10:00:59Z", 1, BASE, &r));
	ck_assert(r.reached);
	fixture_ok(resolve("2025-11-22T10:01:00Z", 0, BASE, &r));
	ck_assert(r.reached);
	/* one that commits at just this time may still be missing */
	fixture_ok(resolve("2025-11-22T10:01:00Z", 1, BASE, &r));
	ck_assert(!r.reached && r.at_end);
	ck_assert_uint_eq(r.stop, world.end);
}
END_TEST

START_TEST(a_time_is_not_reached_before_a_hole)
{
	struct target_result r;

	ship();
	world.path.hole = world.path.end + LOGS_SEGMENT;
	fixture_ok(resolve("2025-11-22T10:00:59Z", 1, BASE, &r));
	ck_assert(!r.reached);
	fixture_ok(resolve("2025-11-22T10:00:30Z", 1, BASE, &r));
	ck_assert(r.reached);
}
END_TEST

START_TEST(an_lsn_is_reached_up_to_the_end)
{
	struct target_result r;
	char text[LSN_TEXT];

	ship();
	fixture_ok(resolve(lsn_format(text, world.end), 1, BASE, &r));
	ck_assert(r.reached);
	fixture_ok(resolve(lsn_format(text, world.end + 8), 0, BASE, &r));
	ck_assert(!r.reached);
	ck_assert_uint_eq(r.stop, world.end);
}
END_TEST

START_TEST(what_is_not_in_the_log_is_not_reached)
{
	struct target_result r;

	ship();
	fixture_ok(resolve("xid:99", 1, BASE, &r));
	ck_assert(!r.reached);
	fixture_ok(resolve("name:Migration", 1, BASE, &r));
	ck_assert(!r.reached);
	ck_assert_uint_eq(r.stop, world.end);
}
END_TEST

/* ---- the copy is further already ------------------------------------------- */

START_TEST(a_target_that_the_copy_is_beyond_is_refused)
{
	const char *const passed[] = { "2025-11-22T10:00:07Z", "xid:101", "xid:102",
		lsn(C101, 0), lsn(C102, 0), "0/1000028" };
	struct target_result r;
	uint64_t from = world.at[POINT];
	size_t i;

	ship();
	for (i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
		ck_assert_msg(resolve(passed[i], 0, from, &r) < 0, "%s", passed[i]);
		ck_assert_int_eq(e.kind, ERR_REFUSED);
		ck_assert_uint_ne(r.passed, 0);
		ck_assert_uint_lt(r.passed, from);
	}
	ck_assert_int_lt(resolve("xid:101", 1, from, &r), 0);
	ck_assert_int_lt(resolve("2025-11-22T10:00:06Z", 1, from, &r), 0);
}
END_TEST

START_TEST(the_same_target_again_changes_nothing)
{
	const char *const targets[] = { "2025-11-22T10:00:30Z", "xid:101", "xid:104",
		"name:migration", lsn(C102, 0), lsn(C102, 8), NULL };
	struct target_result r, again;
	size_t i;
	int inclusive;

	ship();
	for (i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		for (inclusive = 0; inclusive < 2; inclusive++) {
			fixture_ok(resolve(targets[i], inclusive, BASE, &r));
			fixture_ok(resolve(targets[i], inclusive, r.stop, &again));
			ck_assert_uint_eq(again.stop, r.stop);
			ck_assert_uint_eq(again.before.xid, r.before.xid);
			ck_assert_uint_eq(again.after.xid, r.after.xid);
			ck_assert_uint_eq(again.commits, 0);
		}
	}
}
END_TEST

START_TEST(forward_only_new_commits_count)
{
	struct target_result r;

	ship();
	fixture_ok(resolve("xid:103", 1, world.at[POINT], &r));
	ck_assert_uint_eq(r.commits, 1);
	ck_assert_uint_eq(r.before.xid, 103);
}
END_TEST

START_TEST(without_a_log_there_is_only_the_copy)
{
	struct target_result r;

	ship();
	world.path.n = 0;
	world.path.end = world.at[C102];
	fixture_ok(resolve(NULL, 1, world.at[C102], &r));
	ck_assert(r.reached && r.at_end);
	ck_assert_uint_eq(r.stop, world.at[C102]);
	ck_assert_int_lt(resolve(lsn(C101, 0), 0, world.at[C102], &r), 0);
	ck_assert_int_eq(e.kind, ERR_REFUSED);
	fixture_ok(resolve("xid:104", 1, world.at[C102], &r));
	ck_assert(!r.reached);
}
END_TEST

/* ---- a log that cannot be read --------------------------------------------- */

START_TEST(damage_before_the_target_is_an_error)
{
	struct target_result r;

	world.w.out.data[world.at[C103] - BASE + 4] ^= 1;	/* the writer's server was broken */
	ship();
	ck_assert_int_lt(resolve("xid:104", 0, BASE, &r), 0);
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
	ck_assert_ptr_nonnull(strstr(e.msg, "cannot be read"));
	ck_assert_int_lt(resolve(NULL, 0, BASE, &r), 0);
	check("xid:102", 0, world.at[C102], 101, 102, 2);
}
END_TEST

Suite *
target_suite(void)
{
	Suite *s = suite_create("log/target");
	TCase *t = tcase_create("words");

	tcase_add_test(t, every_kind_of_target_is_understood);
	tcase_add_test(t, what_is_no_target_is_misuse);
	tcase_add_test(t, a_time_without_a_zone_is_refused_with_a_hint);
	suite_add_tcase(s, t);
	t = tcase_create("positions");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_time_ends_with_the_last_commit_before_it_in_log_order);
	tcase_add_test(t, a_transaction_is_left_out_or_the_last);
	tcase_add_test(t, a_restore_point_ends_with_the_last_commit_before_it);
	tcase_add_test(t, an_lsn_leaves_out_what_begins_at_or_behind_it);
	tcase_add_test(t, a_transaction_prepared_before_the_target_belongs_in);
	tcase_add_test(t, the_end_is_that_of_the_last_whole_record);
	tcase_add_test(t, behind_the_last_transaction_only_the_end_goes_on);
	tcase_add_test(t, parameters_grow_to_the_largest_seen);
	tcase_add_test(t, a_time_is_reached_when_the_log_was_followed_past_it);
	tcase_add_test(t, a_time_is_not_reached_before_a_hole);
	tcase_add_test(t, an_lsn_is_reached_up_to_the_end);
	tcase_add_test(t, what_is_not_in_the_log_is_not_reached);
	tcase_add_test(t, a_target_that_the_copy_is_beyond_is_refused);
	tcase_add_test(t, the_same_target_again_changes_nothing);
	tcase_add_test(t, forward_only_new_commits_count);
	tcase_add_test(t, without_a_log_there_is_only_the_copy);
	tcase_add_test(t, damage_before_the_target_is_an_error);
	suite_add_tcase(s, t);
	return s;
}
