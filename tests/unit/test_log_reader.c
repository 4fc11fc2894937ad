/*
 * Tests of log/reader: the bytes of the log by position, over files that overlap.
 */
#include "log/reader.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "logs.h"
#include "suites.h"

#define BASE UINT64_C(0x3000000)
#define KIB  (1u << 10)
#define MIB  (1u << 20)

static struct logs l;
static struct log_index *ix;
static struct log_path path;
static struct log_reader *reader;
static struct log_stream_info info;
static struct err e;

static void
setup(void)
{
	logs_setup(&l);
	info = logs_info("1", 0, NULL);
	ix = NULL;
	reader = NULL;
}

static void
teardown(void)
{
	log_reader_free(reader);
	log_index_free(ix);
	logs_teardown(&l);
}

static void
open_with(const struct key_secret *key)
{
	ix = logs_index(&l, 0);
	path = (struct log_path){ .n = 1, .timeline = 1 };
	path.at[0].stream = &ix->streams[0];
	path.at[0].from = ix->streams[0].spans[0].from;
	path.at[0].to = path.end = ix->streams[0].spans[0].to;
	reader = log_reader_new(l.f.repo, &path, key, &e);
	ck_assert_ptr_nonnull(reader);
}

static void
open_log(void)
{
	open_with(l.f.restore);
}

/* [at, at + n) is what history `seed` had there. */
static void
holds(unsigned seed, uint64_t at, size_t n)
{
	uint8_t *got = malloc(n), *want = malloc(n);
	size_t k;

	ck_assert(got != NULL && want != NULL);
	logs_bytes(want, seed, at, n);
	fixture_ok(log_read(reader, at, got, n, &k, &e));
	ck_assert_uint_eq(k, n);
	ck_assert_msg(memcmp(got, want, n) == 0, "at %lx", at);
	free(got);
	free(want);
}

static void
fails(uint64_t at, enum err_kind kind, const char *text)
{
	uint8_t p[16];
	size_t k;

	ck_assert_int_lt(log_read(reader, at, p, sizeof(p), &k, &e), 0);
	ck_assert_msg(e.kind == kind, "%s", e.msg);
	ck_assert_msg(strstr(e.msg, text) != NULL, "%s", e.msg);
}

START_TEST(any_piece_of_one_file_can_be_read)
{
	struct log_writer *w = logs_open(&l, &info, BASE, NULL);
	size_t i;

	logs_append(w, 0, 2 * MIB + 100, 1);
	logs_append(w, 0, 8, 2);
	fixture_ok(log_writer_heartbeat(w, 3, &e));
	logs_append(w, 0, 300 * KIB, 4);
	(void)logs_leave(w, 0);
	open_log();
	holds(0, BASE, 2 * MIB + 108 + 300 * KIB);
	for (i = 0; i < 20; i++)
		holds(0, BASE + i * 117000, 1 + i * 1000);
	holds(0, BASE + 2 * MIB + 99, 10);
}
END_TEST

START_TEST(the_end_of_the_path_is_the_end)
{
	uint8_t p[64];
	size_t k;

	(void)logs_file(&l, &info, BASE, 1000, NULL);
	open_log();
	fixture_ok(log_read(reader, BASE + 990, p, sizeof(p), &k, &e));
	ck_assert_uint_eq(k, 10);
	fixture_ok(log_read(reader, BASE + 1000, p, sizeof(p), &k, &e));
	ck_assert_uint_eq(k, 0);
}
END_TEST

START_TEST(files_are_joined_however_many_there_are)
{
	struct log_after after = logs_file(&l, &info, BASE, 5000, NULL);
	int i;

	for (i = 1; i < 12; i++)
		after = logs_file(&l, &info, BASE + 5000 * (uint64_t)i, 5000, &after);
	open_log();
	holds(0, BASE, 60000);
	for (i = 11; i > 0; i--)
		holds(0, BASE + 5000 * (uint64_t)i - 100, 200);
}
END_TEST

START_TEST(where_files_overlap_the_later_one_counts)
{
	struct log_writer *w = logs_open(&l, &info, BASE, NULL);
	struct log_after after;

	logs_append(w, 1, 3000, 1);
	after = logs_leave(w, 0);
	w = logs_open(&l, &info, BASE + 1000, &after);	/* the state was lost: from here again */
	logs_append(w, 2, 500, 2);
	(void)logs_leave(w, 0);
	open_log();
	holds(1, BASE, 1000);
	holds(2, BASE + 1000, 500);
	holds(1, BASE + 1500, 1500);
}
END_TEST

START_TEST(a_torn_tail_is_not_there)
{
	struct log_writer *w = logs_open(&l, &info, BASE, NULL);
	struct log_after first;
	char file[LOG_NAME_MAX];
	uint64_t frames;

	logs_append(w, 0, 4000, 1);
	log_writer_after(w, &first);
	frames = first.bytes;
	logs_append(w, 0, 4000, 2);
	(void)logs_leave(w, 0);
	snprintf(file, sizeof(file), "%s", first.file);
	ck_assert_int_eq(chmod(logs_path(&l, info.stream, file), 0600), 0);
	ck_assert_int_eq(truncate(logs_path(&l, info.stream, file), (off_t)frames + 100), 0);
	open_log();
	ck_assert_uint_eq(path.end, BASE + 4000);
	holds(0, BASE, 4000);
}
END_TEST

START_TEST(what_is_not_held_is_an_error)
{
	(void)logs_file(&l, &info, BASE, 1000, NULL);
	open_log();
	path.end = path.at[0].to = BASE + 2000;	/* a path that promises too much */
	holds(0, BASE + 990, 10);
	fails(BASE + 995, ERR_CORRUPT, "no bytes at 0/30003E8");
	fails(BASE - 8, ERR_CORRUPT, "no bytes at");
}
END_TEST

START_TEST(another_key_is_refused)
{
	(void)logs_file(&l, &info, BASE, 1000, NULL);
	open_with(l.f.approver[0]);
	fails(BASE, ERR_REFUSED, info.stream);
}
END_TEST

START_TEST(the_spare_key_opens_it_too)
{
	(void)logs_file(&l, &info, BASE, 1000, NULL);
	open_with(l.f.spare);
	holds(0, BASE, 1000);
}
END_TEST

static void
flip(const char *file, off_t at)
{
	const char *name = logs_path(&l, info.stream, file);
	uint8_t c;
	int fd;

	ck_assert_int_eq(chmod(name, 0600), 0);
	fd = open(name, O_RDWR);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &c, 1, at), 1);
	c ^= 0x10;
	ck_assert_int_eq(pwrite(fd, &c, 1, at), 1);
	close(fd);
}

START_TEST(a_flipped_bit_is_found)
{
	struct log_after after = logs_file(&l, &info, BASE, 1000, NULL);

	open_log();
	flip(after.file, (off_t)after.bytes - 100);	/* in the data: LAST is shorter */
	fails(BASE, ERR_CORRUPT, after.file);
}
END_TEST

/* The attacker on the repository's host has the public keys, and can seal what he likes. */
START_TEST(a_file_that_the_writer_did_not_make_is_found)
{
	struct log_after after = logs_file(&l, &info, BASE, 1000, NULL);
	struct key_public to[2] = { *key_public(l.f.restore), *key_public(l.f.spare) };
	struct seal_frame f = { .number = 0, .raw = 16, .position = BASE, .time = 1 };
	struct seal_ctx *ctx = seal_ctx_new(1, &e);
	struct buf out = BUF_INIT;
	const char *name = logs_path(&l, info.stream, after.file);
	char sealed[SEAL_NAME_MAX];
	struct seal *s;
	int fd;

	open_log();
	snprintf(sealed, sizeof(sealed), "shop/%s/%016llX", info.stream,
	    (unsigned long long)BASE);
	s = seal_new(SEAL_LOG, repo_id(l.f.repo), sealed, to, 2, &e);
	ck_assert(s != NULL && ctx != NULL);
	buf_add(&out, seal_preamble(s)->data, seal_preamble(s)->len);
	fixture_ok(seal_frame(s, ctx, &f, "DROP TABLE orders", &out, &e));
	ck_assert_int_eq(chmod(name, 0600), 0);
	fd = open(name, O_WRONLY | O_TRUNC);
	ck_assert_int_eq(write(fd, out.data, out.len), (ssize_t)out.len);
	close(fd);
	fails(BASE, ERR_CORRUPT, "not the one that was signed");
	fails(BASE, ERR_CORRUPT, "not the one that was signed");
	buf_free(&out);
	seal_free(s);
	seal_ctx_free(ctx);
}
END_TEST

START_TEST(a_file_that_is_gone_is_said_each_time)
{
	struct log_after after = logs_file(&l, &info, BASE, 1000, NULL);

	open_log();
	ck_assert_int_eq(unlink(logs_path(&l, info.stream, after.file)), 0);
	fails(BASE, ERR_NOTFOUND, after.file);
	fails(BASE, ERR_NOTFOUND, after.file);
}
END_TEST

Suite *
log_reader_suite(void)
{
	Suite *s = suite_create("log/reader");
	TCase *t = tcase_create("reader");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, any_piece_of_one_file_can_be_read);
	tcase_add_test(t, the_end_of_the_path_is_the_end);
	tcase_add_test(t, files_are_joined_however_many_there_are);
	tcase_add_test(t, where_files_overlap_the_later_one_counts);
	tcase_add_test(t, a_torn_tail_is_not_there);
	tcase_add_test(t, what_is_not_held_is_an_error);
	tcase_add_test(t, another_key_is_refused);
	tcase_add_test(t, the_spare_key_opens_it_too);
	tcase_add_test(t, a_flipped_bit_is_found);
	tcase_add_test(t, a_file_that_the_writer_did_not_make_is_found);
	tcase_add_test(t, a_file_that_is_gone_is_said_each_time);
	suite_add_tcase(s, t);
	return s;
}
