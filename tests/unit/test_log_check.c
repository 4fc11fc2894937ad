/*
 * Tests of log/check: damage and torn ends; with the key, WAL that cannot be read, and
 * logs of another history than a snapshot's.
 */
#include "log/check.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "logs.h"
#include "suites.h"
#include "told.h"
#include "wal_make.h"

#define SEG ((uint64_t)LOGS_SEGMENT)
#define STREAM "7574210418334529345-00000001"
#define FILE1  "0000000000100000.1"

static struct logs l;
static struct log_stream_info info;
static struct told told;
static struct err e;

static void
setup(void)
{
	logs_setup(&l);
	info = logs_info("1", 0, NULL);
	told_begin(&told);
}

static void
teardown(void)
{
	told_end(&told);
	logs_teardown(&l);
}

static const char *
checked(void)
{
	struct log_index *ix = logs_index(&l, 1);

	fixture_ok(log_check(l.f.repo, ix, 0, &told.f, &e));
	log_index_free(ix);
	return told_text(&told);
}

static void
append(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_APPEND);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, p, n), (ssize_t)n);
	close(fd);
}

/* ---- without a key ----------------------------------------------------------------- */

START_TEST(a_sound_log_is_not_told)
{
	struct log_after a = logs_file(&l, &info, SEG, 1000, NULL);
	struct log_writer *w = logs_open(&l, &info, SEG + 1000, &a);

	logs_append(w, 0, 1000, 2000);
	ck_assert_str_eq(checked(), "");
	log_writer_free(w);
}
END_TEST

START_TEST(damage_is_told_for_each_file)
{
	struct log_after a = logs_file(&l, &info, SEG, 1000, NULL);

	logs_file(&l, &info, SEG + 1000, 1000, &a);
	ck_assert_int_eq(chmod(logs_path(&l, STREAM, FILE1), 0600), 0);
	ck_assert_int_eq(truncate(logs_path(&l, STREAM, FILE1), 500), 0);
	ck_assert_int_eq(unlink(logs_path(&l, STREAM, "00000000001003E8.1")), 0);
	checked();
	ck_assert_uint_eq(told.f.count[FINDING_BAD], 2);
}
END_TEST

START_TEST(a_torn_end_that_nothing_follows_is_bad)
{
	struct log_writer *w = logs_open(&l, &info, SEG, NULL);

	logs_append(w, 0, 1000, 2000);
	logs_leave(w, 0);
	append(logs_path(&l, STREAM, FILE1), "torn", 4);
	ck_assert_str_eq(checked(),
	    "bad: log " STREAM "/" FILE1 " of shop: torn or damaged: 4 bytes"
	    " at its end are no whole frame, and no file follows\n");
}
END_TEST

START_TEST(a_torn_end_that_a_file_follows_is_a_note)
{
	struct log_writer *w = logs_open(&l, &info, SEG, NULL);
	struct log_after a;

	logs_append(w, 0, 1000, 2000);
	a = logs_leave(w, 0);
	append(logs_path(&l, STREAM, FILE1), "torn", 4);
	logs_file(&l, &info, SEG + 1000, 1000, &a);
	ck_assert_str_eq(checked(),
	    "note: log " STREAM "/" FILE1 " of shop: 4 bytes behind its last"
	    " whole frame: left by an interrupted logship\n");
}
END_TEST

START_TEST(a_file_behind_a_gap_does_not_follow)
{
	struct log_writer *w = logs_open(&l, &info, SEG, NULL);

	logs_append(w, 0, 1000, 2000);
	logs_leave(w, 0);
	append(logs_path(&l, STREAM, FILE1), "torn", 4);
	logs_file(&l, &info, 2 * SEG, 1000, NULL);
	ck_assert(strncmp(checked(), "bad: ", 5) == 0);
}
END_TEST

/* A frame that was half written when the index was built. */
static uint8_t late[4096];
static size_t nlate;

static void *
write_the_rest(void *arg)
{
	append(arg, late, nlate);
	return NULL;
}

START_TEST(a_frame_that_is_being_written_is_waited_for)
{
	struct log_writer *w = logs_open(&l, &info, SEG, NULL);
	const char *path = logs_path(&l, STREAM, FILE1);
	struct log_index *ix;
	pthread_t t;
	off_t cut;
	int fd;

	logs_append(w, 0, 1000, 2000);
	cut = (off_t)log_writer_size(w) + 20;
	logs_append(w, 0, 1000, 2000);
	logs_leave(w, 0);
	fd = open(path, O_RDONLY);
	nlate = (size_t)pread(fd, late, sizeof(late), cut);
	close(fd);
	ck_assert_int_eq(truncate(path, cut), 0);
	ix = logs_index(&l, 1);
	ck_assert_uint_eq(ix->streams[0].extents[0].torn, 20);
	ck_assert_int_eq(pthread_create(&t, NULL, write_the_rest, (void *)(uintptr_t)path), 0);
	fixture_ok(log_check(l.f.repo, ix, 60000000, &told.f, &e));
	ck_assert_str_eq(told_text(&told), "");
	pthread_join(t, NULL);
	log_index_free(ix);
}
END_TEST

/* ---- with the key --------------------------------------------------------------------- */

/* A server's WAL from SEG on, and the log of it in frames of at most `piece` bytes. */
static struct wal_make wal;

static void
make_wal(size_t n)
{
	static uint8_t body[3000];

	info.system_id = WAL_MAKE_SYSTEM;
	wal_make_begin(&wal, 0xd110, SEG, LOGS_SEGMENT);
	while (wal.out.len < n)
		(void)wal_make_record(&wal, 10, 0, 700, body, sizeof(body));
}

static void
ship(struct log_writer *w, size_t to, size_t piece)
{
	size_t at = (size_t)(log_writer_position(w) - SEG), n;

	for (; at < to; at += n) {
		n = to - at < piece ? to - at : piece;
		fixture_ok(log_writer_append(w, wal.out.data + at, n, 1000, &e));
	}
}

static const char *
deep(const struct key_secret *key)
{
	struct log_index *ix = logs_index(&l, 0);

	fixture_ok(log_check_deep(l.f.repo, ix, key, &told.f, NULL, &e));
	log_index_free(ix);
	return told_text(&told);
}

START_TEST(wal_over_several_files_is_scanned_as_one)
{
	struct log_after a;
	struct log_writer *w;

	make_wal(100000);
	w = logs_open(&l, &info, SEG, NULL);
	ship(w, 50001, 7000);	/* in the middle of a record */
	a = logs_leave(w, 0);
	w = logs_open(&l, &info, SEG + 50001, &a);
	ship(w, 100000, 7000);
	logs_leave(w, 1);
	ck_assert_str_eq(deep(l.f.restore), "");
	ck_assert_str_eq(deep(l.f.spare), "");
	buf_free(&wal.out);
}
END_TEST

START_TEST(a_file_that_overlaps_is_scanned_by_itself)
{
	struct log_after a;
	struct log_writer *w;

	make_wal(100000);
	w = logs_open(&l, &info, SEG, NULL);
	ship(w, 50001, 7000);
	a = logs_leave(w, 0);
	w = logs_open(&l, &info, SEG, &a);
	ship(w, 100000, 7000);
	logs_leave(w, 1);
	ck_assert_str_eq(deep(l.f.restore), "");
	buf_free(&wal.out);
}
END_TEST

/* The server wrote it wrongly, or somebody who may seal: all frames are sound. */
START_TEST(each_record_with_a_wrong_crc_is_told)
{
	struct log_writer *w;
	const char *text;

	make_wal(100000);
	wal.out.data[20000] ^= 1;
	wal.out.data[80000] ^= 1;
	w = logs_open(&l, &info, SEG, NULL);
	ship(w, 100000, 7000);
	logs_leave(w, 1);
	text = deep(l.f.restore);
	ck_assert_uint_eq(told.f.count[FINDING_BAD], 2);
	ck_assert(strncmp(text,
		      "bad: log " STREAM "/" FILE1 " of shop: its WAL cannot be read behind"
		      " 0/10",
		      88) == 0);
	ck_assert_ptr_nonnull(strstr(text, ": wrong CRC\n"));
	buf_free(&wal.out);
}
END_TEST

START_TEST(zeros_inside_of_the_log_are_told)
{
	struct log_writer *w;

	make_wal(100000);
	memset(wal.out.data + 40960, 0, 8192);
	w = logs_open(&l, &info, SEG, NULL);
	ship(w, 100000, 7000);
	logs_leave(w, 1);
	deep(l.f.restore);
	ck_assert_uint_ge(told.f.count[FINDING_BAD], 1);
	buf_free(&wal.out);
}
END_TEST

START_TEST(a_damaged_frame_is_told_and_the_next_ones_are_opened)
{
	struct log_writer *w;
	const char *path;
	uint8_t byte;
	uint64_t at[2];
	int i, fd;

	make_wal(100000);
	w = logs_open(&l, &info, SEG, NULL);
	ship(w, 30000, 7000);
	at[0] = log_writer_size(w) + 100;
	ship(w, 60000, 7000);
	at[1] = log_writer_size(w) + 100;
	ship(w, 100000, 7000);
	logs_leave(w, 1);
	path = logs_path(&l, STREAM, FILE1);
	ck_assert_int_eq(chmod(path, 0600), 0);
	fd = open(path, O_RDWR);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(pread(fd, &byte, 1, (off_t)at[i]), 1);
		byte ^= 4;
		ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)at[i]), 1);
	}
	close(fd);
	deep(l.f.restore);
	ck_assert_uint_eq(told.f.count[FINDING_BAD], 2);
	buf_free(&wal.out);
}
END_TEST

START_TEST(a_key_that_does_not_open_it_leaves_it_unread)
{
	struct key_secret *k = key_new(KEY_RESTORE, "stranger", &e);

	ck_assert_ptr_nonnull(k);
	logs_file(&l, &info, SEG, 1000, NULL);
	ck_assert_str_eq(
	    deep(k), "unread: log " STREAM "/" FILE1 " of shop: not sealed to key stranger\n");
	key_free(k);
}
END_TEST

/* ---- against a snapshot ------------------------------------------------------------------
 */

static struct wal_history first_timeline = { .timeline = 1 };

/* Compare the log with the WAL at p, of a snapshot from SEG + 8192 to SEG + 20000. */
static const char *
compared(const uint8_t *p, uint64_t system_id)
{
	struct catalog_snapshot s = {.source = "shop",
	    .id = "S",
	    .system_id = system_id,
	    .timeline = 1,
	    .segment_size = LOGS_SEGMENT,
	    .start = SEG + 8200,
	    .stop = SEG + 20000,
	    .history = &first_timeline,
	    .seq = UINT64_MAX};
	struct log_index *ix = logs_index(&l, 0);
	struct log_compare c;
	size_t at, n;

	fixture_ok(log_compare_begin(&c, l.f.repo, ix, &s, l.f.restore, &told.f, &e));
	for (at = 8192; at < 20000; at += n) {
		n = 20000 - at < 3000 ? 20000 - at : 3000;
		fixture_ok(log_compare_wal(&c, SEG + at, p + at, n, &e));
	}
	log_compare_end(&c);
	log_index_free(ix);
	return told_text(&told);
}

START_TEST(a_log_of_another_history_is_told_once)
{
	struct log_writer *w;

	make_wal(100000);
	w = logs_open(&l, &info, SEG, NULL);
	ship(w, 100000, 7000);
	logs_leave(w, 1);
	ck_assert_str_eq(compared(wal.out.data, WAL_MAKE_SYSTEM), "");
	wal.out.data[15000] ^= 1;
	wal.out.data[19000] ^= 1;
	ck_assert_str_eq(compared(wal.out.data, WAL_MAKE_SYSTEM),
	    "bad: snapshot S of shop: the log differs from its WAL at 0/103A98:"
	    " they are not of one history\n");
	buf_free(&wal.out);
}
END_TEST

START_TEST(a_log_that_does_not_join_is_not_compared)
{
	struct log_writer *w;

	make_wal(100000);
	w = logs_open(&l, &info, SEG, NULL);
	ship(w, 15000, 7000);
	logs_leave(w, 1);
	wal.out.data[9000] ^= 1;
	ck_assert_str_eq(compared(wal.out.data, WAL_MAKE_SYSTEM), "");
	buf_free(&wal.out);
}
END_TEST

Suite *
log_check_suite(void)
{
	Suite *s = suite_create("log_check");
	TCase *t = tcase_create("keyless");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_sound_log_is_not_told);
	tcase_add_test(t, damage_is_told_for_each_file);
	tcase_add_test(t, a_torn_end_that_nothing_follows_is_bad);
	tcase_add_test(t, a_torn_end_that_a_file_follows_is_a_note);
	tcase_add_test(t, a_file_behind_a_gap_does_not_follow);
	tcase_add_test(t, a_frame_that_is_being_written_is_waited_for);
	suite_add_tcase(s, t);
	t = tcase_create("deep");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, wal_over_several_files_is_scanned_as_one);
	tcase_add_test(t, a_file_that_overlaps_is_scanned_by_itself);
	tcase_add_test(t, each_record_with_a_wrong_crc_is_told);
	tcase_add_test(t, zeros_inside_of_the_log_are_told);
	tcase_add_test(t, a_damaged_frame_is_told_and_the_next_ones_are_opened);
	tcase_add_test(t, a_key_that_does_not_open_it_leaves_it_unread);
	tcase_add_test(t, a_log_of_another_history_is_told_once);
	tcase_add_test(t, a_log_that_does_not_join_is_not_compared);
	suite_add_tcase(s, t);
	return s;
}
