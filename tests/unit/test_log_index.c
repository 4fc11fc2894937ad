/*
 * Tests of log/index: files become spans, and each is held against what was signed.
 */
#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "logs.h"
#include "seal/sealed.h"
#include "suites.h"

#define SEG LOGS_SEGMENT
#define STREAM "7574210418334529345-00000001"

static struct logs l;
static struct log_stream_info info;
static struct err e;

static void
setup(void)
{
	logs_setup(&l);
	info = logs_info("1", 0, NULL);
}

static void
teardown(void)
{
	logs_teardown(&l);
}

/* ---- spans ------------------------------------------------------------------ */

static void
expect_spans(struct log_index *ix, size_t n, const uint64_t (*want)[2])
{
	const struct log_stream *st = log_index_stream(ix, STREAM);
	size_t i;

	ck_assert_ptr_nonnull(st);
	ck_assert_uint_eq(st->nspans, n);
	for (i = 0; i < n; i++) {
		ck_assert_uint_eq(st->spans[i].from, want[i][0]);
		ck_assert_uint_eq(st->spans[i].to, want[i][1]);
	}
}

START_TEST(files_that_follow_each_other_are_one_span)
{
	static const uint64_t want[][2] = { { SEG, SEG + 300 } };
	struct log_after a = logs_file(&l, &info, SEG, 100, NULL);
	struct log_index *ix;
	int checked;

	logs_file(&l, &info, SEG + 100, 200, &a);
	for (checked = 0; checked < 2; checked++) {
		ix = logs_index(&l, checked);
		expect_spans(ix, 1, want);
		ck_assert_uint_eq(ix->nstreams, 1);
		ck_assert_uint_eq(ix->streams[0].nextents, 2);
		ck_assert_uint_eq(ix->streams[0].extents[0].frames, 3);
		ck_assert_uint_eq(ix->streams[0].extents[0].bytes, a.bytes);
		ck_assert_str_eq(ix->streams[0].extents[0].damage, "");
		ck_assert_str_eq(ix->streams[0].extents[1].damage, "");
		log_index_free(ix);
	}
}
END_TEST

START_TEST(overlapping_files_are_one_span)
{
	static const uint64_t want[][2] = { { 0, SEG + 500 } };
	struct log_after a = logs_file(&l, &info, 0, SEG + 500, NULL);
	struct log_index *ix;

	logs_file(&l, &info, SEG, 20, &a);	/* ends inside the one before */
	ix = logs_index(&l, 1);
	expect_spans(ix, 1, want);
	log_index_free(ix);
}
END_TEST

START_TEST(a_gap_parts_two_spans)
{
	static const uint64_t want[][2] = { { 0, 100 }, { SEG, SEG + 10 },
		{ 2 * SEG, 2 * SEG } };
	struct log_after a = logs_file(&l, &info, 0, 100, NULL);
	struct log_index *ix;

	a = logs_file(&l, &info, SEG, 10, &a);
	logs_leave(logs_open(&l, &info, 2 * SEG, &a), 0);
	ix = logs_index(&l, 1);
	expect_spans(ix, 3, want);
	log_index_free(ix);
}
END_TEST

START_TEST(times_are_those_of_the_promises)
{
	struct log_writer *w = logs_open(&l, &info, 0, NULL);
	struct log_index *ix;
	const struct log_extent *x;

	logs_append(w, 0, 100, 5000);
	fixture_ok(log_writer_heartbeat(w, 9000, &e));
	logs_leave(w, 0);
	ix = logs_index(&l, 0);
	x = &ix->streams[0].extents[0];
	ck_assert_int_eq(x->last, 9000);
	ck_assert_int_gt(x->first, 1000000);	/* META's: now */
	ck_assert_int_eq(ix->streams[0].spans[0].last, 9000);
	ck_assert_int_eq(x->closed, 0);
	log_index_free(ix);
}
END_TEST

START_TEST(streams_keep_what_they_are)
{
	struct log_stream_info two = logs_info("2 1:0/100000", 0, NULL);
	struct log_stream_info fork = logs_info("1", 2, STREAM);
	struct log_index *ix;

	logs_file(&l, &info, 0, SEG, NULL);
	logs_file(&l, &two, SEG, 10, NULL);
	logs_file(&l, &fork, 0, 10, NULL);
	ix = logs_index(&l, 0);
	ck_assert_uint_eq(ix->nstreams, 3);
	ck_assert_uint_eq(ix->streams[1].timeline, 2);
	ck_assert_uint_eq(ix->streams[1].history.at[0].end, SEG);
	ck_assert_uint_eq(ix->streams[1].segment_size, SEG);
	ck_assert_str_eq(ix->streams[2].parent, STREAM);
	ck_assert_uint_lt(ix->streams[0].last_seq, ix->streams[1].first_seq);
	ck_assert_ptr_null(log_index_stream(ix, "nothing"));
	log_index_free(ix);
}
END_TEST

/* ---- damage ------------------------------------------------------------------- */

/*
 * The log to mutilate: two closed files, and one that was marked and abandoned with
 * more behind its mark.  The intact one passes first.
 */
static struct log_after ends[3];
static uint64_t marked;

static void
build(void)
{
	static const struct tail_mark unknown;
	struct log_writer *w;

	ends[0] = logs_file(&l, &info, 0, 5000, NULL);
	ends[1] = logs_file(&l, &info, 5000, 5000, &ends[0]);
	w = logs_open(&l, &info, 10000, &ends[1]);
	logs_append(w, 0, 4000, 7000);
	fixture_ok(log_writer_mark(w, &unknown, &e));
	marked = log_writer_size(w);
	logs_append(w, 0, 1000, 8000);
	ends[2] = logs_leave(w, 0);
}

static void
flip(const char *path, uint64_t at)
{
	uint8_t byte;
	int fd = open(path, O_RDWR);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= 0x10;
	ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
	close(fd);
}

static void
cut(const char *path, uint64_t size)
{
	ck_assert_int_eq(truncate(path, (off_t)size), 0);
}

static void
append(const char *path, size_t n)
{
	static const char junk[100];
	int fd = open(path, O_WRONLY | O_APPEND);

	ck_assert_int_eq(write(fd, junk, n), (ssize_t)n);
	close(fd);
}

static void
remove_file(const char *path, uint64_t at)
{
	(void)at;
	ck_assert_int_eq(unlink(path), 0);
}

static void
lengthen(const char *path, uint64_t at)
{
	append(path, (size_t)at);
}

static void
cut_mark(const char *path, uint64_t at)
{
	(void)at;
	cut(path, marked - 1);
}

static const struct mutilation {
	const char *name;
	int file;
	void (*change)(const char *path, uint64_t at);
	int64_t at;		/* below 0: before the end */
	const char *fast, *checked;	/* damage found; "" none */
	uint64_t end;		/* checked: how far the stream is whole */
} table[] = {
	{ "missing", 0, remove_file, 0, "missing", "missing", 0 },
	{ "a bit of the preamble", 0, flip, 20, "preamble damaged", "preamble damaged", 0 },
	{ "a closed file, one byte short", 0, cut, -1, "bytes, and", "bytes, and", 15000 },
	{ "a closed file, cut in its data", 1, cut, -60, "bytes, and", "bytes, and", 5000 },
	{ "a closed file, cut in its preamble", 1, cut, 300, "preamble damaged",
	    "preamble damaged", 5000 },
	{ "bytes behind the last frame", 1, lengthen, 1, "bytes, and", "bytes", 15000 },
	{ "a bit of a frame", 1, flip, -100, "", "bytes, and", 5000 },
	{ "a bit of the last frame's check", 1, flip, -20, "", "bytes, and", 15000 },
	{ "an open file, cut before its mark", 2, cut_mark, 0, "bytes, and", "bytes, and",
	    10000 },
};
#define NTABLE (sizeof(table) / sizeof(table[0]))

static const struct log_extent *
extent(const struct log_index *ix, const char *file)
{
	const struct log_stream *st = log_index_stream(ix, STREAM);
	size_t i;

	for (i = 0; i < st->nextents; i++)
		if (strcmp(st->extents[i].log->file, file) == 0)
			return &st->extents[i];
	ck_abort_msg("no extent %s", file);
}

static void
expect_damage(const struct mutilation *m, int checked)
{
	struct log_index *ix = logs_index(&l, checked);
	const char *want = checked ? m->checked : m->fast;
	const struct log_extent *x = extent(ix, ends[m->file].file);

	if (*want == '\0')
		ck_assert_msg(x->damage[0] == '\0', "%s: %s", m->name, x->damage);
	else
		ck_assert_msg(strstr(x->damage, want) != NULL, "%s: \"%s\" is not \"%s\"",
		    m->name, x->damage, want);
	log_index_free(ix);
}

static uint64_t
whole_from_0(const struct log_index *ix)
{
	const struct log_stream *st = log_index_stream(ix, STREAM);

	return st->nspans > 0 && st->spans[0].from == 0 ? st->spans[0].to : 0;
}

START_TEST(damage_is_named)
{
	const struct mutilation *m = &table[_i];
	struct log_index *ix;
	struct stat sb;
	const char *path;
	int i;

	build();
	ix = logs_index(&l, 1);
	for (i = 0; i < 3; i++)
		ck_assert_str_eq(extent(ix, ends[i].file)->damage, "");
	ck_assert_uint_eq(whole_from_0(ix), 15000);
	log_index_free(ix);

	path = logs_path(&l, STREAM, ends[m->file].file);
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_eq(stat(path, &sb), 0);
	m->change(path, (uint64_t)(m->at < 0 ? sb.st_size + m->at : m->at));
	expect_damage(m, 0);
	expect_damage(m, 1);
	ix = logs_index(&l, 1);
	ck_assert_msg(whole_from_0(ix) == m->end, "%s: whole up to %llu", m->name,
	    (unsigned long long)whole_from_0(ix));
	log_index_free(ix);
}
END_TEST

START_TEST(a_torn_tail_is_told_and_no_damage)
{
	struct log_index *ix;
	const char *path;
	int checked;

	build();
	path = logs_path(&l, STREAM, ends[2].file);
	cut(path, ends[2].bytes - 1);
	for (checked = 0; checked < 2; checked++) {
		ix = logs_index(&l, checked);
		ck_assert_str_eq(extent(ix, ends[2].file)->damage, "");
		ck_assert_uint_eq(extent(ix, ends[2].file)->torn, ends[2].bytes - 1 - marked);
		ck_assert_uint_eq(whole_from_0(ix), 14000);
		log_index_free(ix);
	}
}
END_TEST

START_TEST(what_a_successor_signed_is_not_only_a_torn_tail)
{
	struct log_index *ix;

	build();
	logs_file(&l, &info, 15000, 10, &ends[2]);
	cut(logs_path(&l, STREAM, ends[2].file), ends[2].bytes - 1);
	ix = logs_index(&l, 0);
	ck_assert_msg(strstr(extent(ix, ends[2].file)->damage, "were signed") != NULL, "%s",
	    extent(ix, ends[2].file)->damage);
	log_index_free(ix);
}
END_TEST

START_TEST(every_flipped_byte_of_a_closed_file_shows)
{
	struct log_after a = logs_file(&l, &info, 0, 300, NULL);
	const char *path = logs_path(&l, STREAM, a.file);
	struct log_index *ix;
	uint64_t at;

	ck_assert_int_eq(chmod(path, 0644), 0);
	for (at = 0; at < a.bytes; at++) {
		flip(path, at);
		ix = logs_index(&l, 1);
		ck_assert_msg(extent(ix, a.file)->damage[0] != '\0', "byte %llu",
		    (unsigned long long)at);
		log_index_free(ix);
		flip(path, at);
	}
	ix = logs_index(&l, 1);
	ck_assert_str_eq(extent(ix, a.file)->damage, "");
	log_index_free(ix);
}
END_TEST

/* A check holds for a frame wherever it stands: only the digest tells a swap. */
START_TEST(swapped_frames_show_by_the_digest)
{
	struct log_writer *w = logs_open(&l, &info, 0, NULL);
	const size_t n = SEAL_FRAME_HEADER + 16;
	struct log_after a;
	struct log_index *ix;
	uint8_t two[2 * (SEAL_FRAME_HEADER + 16)];
	const char *path;
	int fd;

	fixture_ok(log_writer_heartbeat(w, 100, &e));
	fixture_ok(log_writer_heartbeat(w, 200, &e));
	a = logs_leave(w, 1);
	path = logs_path(&l, STREAM, a.file);
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_ge(fd = open(path, O_RDWR), 0);
	ck_assert_int_eq(pread(fd, two, 2 * n, (off_t)(a.bytes - 3 * n)), (ssize_t)(2 * n));
	ck_assert_int_eq(pwrite(fd, two + n, n, (off_t)(a.bytes - 3 * n)), (ssize_t)n);
	ck_assert_int_eq(pwrite(fd, two, n, (off_t)(a.bytes - 2 * n)), (ssize_t)n);
	close(fd);
	ix = logs_index(&l, 1);
	ck_assert_str_eq(extent(ix, a.file)->damage,
	    "its bytes are not those that were signed");
	log_index_free(ix);
}
END_TEST

/* Valid frames under a valid preamble, but not those of the journal: a swapped file. */
START_TEST(another_file_under_the_name_is_found)
{
	struct log_after a = logs_file(&l, &info, 0, 300, NULL), b;
	struct log_index *ix;
	const char *path;
	char other[1024];

	b = logs_file(&l, &info, 0, 300, &a);
	ck_assert_str_ne(a.file, b.file);
	snprintf(other, sizeof(other), "%s", logs_path(&l, STREAM, b.file));
	path = logs_path(&l, STREAM, a.file);
	ck_assert_int_eq(rename(other, path), 0);
	ix = logs_index(&l, 0);
	ck_assert_str_eq(extent(ix, a.file)->damage,
	    "its preamble is not the one that was signed");
	ck_assert_str_eq(extent(ix, b.file)->damage, "missing");
	log_index_free(ix);
}
END_TEST

Suite *
log_index_suite(void)
{
	Suite *s = suite_create("log_index");
	TCase *t = tcase_create("log_index");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, files_that_follow_each_other_are_one_span);
	tcase_add_test(t, overlapping_files_are_one_span);
	tcase_add_test(t, a_gap_parts_two_spans);
	tcase_add_test(t, times_are_those_of_the_promises);
	tcase_add_test(t, streams_keep_what_they_are);
	tcase_add_loop_test(t, damage_is_named, 0, (int)NTABLE);
	tcase_add_test(t, a_torn_tail_is_told_and_no_damage);
	tcase_add_test(t, what_a_successor_signed_is_not_only_a_torn_tail);
	tcase_add_test(t, every_flipped_byte_of_a_closed_file_shows);
	tcase_add_test(t, swapped_frames_show_by_the_digest);
	tcase_add_test(t, another_file_under_the_name_is_found);
	suite_add_tcase(s, t);
	return s;
}
