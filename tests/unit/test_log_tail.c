/*
 * Tests of log/tail: the digest of the last segment, and its record.
 */
#include <stdlib.h>
#include <string.h>

#include "log/tail.h"
#include "seal/key.h"
#include "suites.h"

#define SEG (1u << 20)

static const uint8_t key[32] = "a digest key", other_key[32] = "another";
static uint8_t bytes[3 * SEG];
static struct err e;

static void
setup(void)
{
	size_t i;

	ck_assert_int_eq(key_guard_process(&e), 0);
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * i >> 8);
}

static struct tail_mark
digest(const uint8_t k[32], uint64_t from, size_t n, size_t piece)
{
	struct tail t;
	struct tail_mark m;
	size_t at, part;

	tail_begin(&t, k, SEG, from);
	for (at = 0; at < n; at += part) {
		part = n - at < piece ? n - at : piece;
		tail_add(&t, bytes + from + at, part);
	}
	ck_assert_uint_eq(t.position, from + n);
	tail_mark(&t, &m);
	return m;
}

START_TEST(pieces_do_not_matter)
{
	struct tail_mark a = digest(key, 0, 2 * SEG + 999, sizeof(bytes)), b;
	static const size_t pieces[] = { 777, 4096, SEG - 1, SEG, SEG + 1 };
	size_t i;

	ck_assert_uint_eq(a.from, 2 * SEG);
	ck_assert_uint_eq(a.position, 2 * SEG + 999);
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		b = digest(key, 0, 2 * SEG + 999, pieces[i]);
		ck_assert_mem_eq(a.digest, b.digest, 32);
	}
}
END_TEST

START_TEST(only_the_segment_counts)
{
	struct tail_mark a = digest(key, 0, SEG + 999, SEG), b = digest(key, SEG, 999, 10);

	ck_assert_uint_eq(a.from, b.from);
	ck_assert_mem_eq(a.digest, b.digest, 32);
	bytes[5] ^= 1;		/* of the segment before */
	b = digest(key, 0, SEG + 999, SEG);
	ck_assert_mem_eq(a.digest, b.digest, 32);
}
END_TEST

START_TEST(every_byte_of_the_segment_counts)
{
	struct tail_mark a = digest(key, 0, SEG + 999, SEG), b;
	static const size_t at[] = { SEG, SEG + 500, SEG + 998 };
	size_t i;

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		bytes[at[i]] ^= 1;
		b = digest(key, 0, SEG + 999, SEG);
		ck_assert_mem_ne(a.digest, b.digest, 32);
		bytes[at[i]] ^= 1;
	}
	b = digest(other_key, 0, SEG + 999, SEG);
	ck_assert_mem_ne(a.digest, b.digest, 32);
	memmove(bytes + 2 * SEG, bytes + SEG, SEG);	/* the same bytes elsewhere */
	b = digest(key, 2 * SEG, 999, SEG);
	ck_assert_mem_ne(a.digest, b.digest, 32);
}
END_TEST

START_TEST(at_a_boundary_it_covers_the_segment_before)
{
	struct tail_mark a = digest(key, 0, 2 * SEG, 4096);

	ck_assert_uint_eq(a.from, SEG);
	ck_assert_uint_eq(a.position, 2 * SEG);
	bytes[2 * SEG - 1] ^= 1;
	ck_assert_mem_ne(a.digest, digest(key, 0, 2 * SEG, 4096).digest, 32);
	ck_assert_uint_eq(tail_from(2 * SEG, SEG), SEG);
	ck_assert_uint_eq(tail_from(2 * SEG + 1, SEG), 2 * SEG);
	ck_assert_uint_eq(tail_from(0, SEG), 0);
}
END_TEST

START_TEST(without_the_segment_s_start_nothing_is_known)
{
	ck_assert_uint_eq(digest(key, SEG + 5, 100, 10).position, 0);
	ck_assert_uint_eq(digest(key, SEG, 0, 10).position, 0);
	/* but once the next segment began, its digest is */
	ck_assert_uint_eq(digest(key, SEG + 5, SEG, 4096).position, 2 * SEG + 5);
}
END_TEST

START_TEST(a_record_comes_back)
{
	struct tail_record r = { "7574210418334529345-00000001-2",
		{ 0x16000000, 0x1600ABCD, { 1, 2, 0xff } } }, back;
	struct buf b = BUF_INIT;

	tail_record_encode(&r, &b);
	ck_assert_int_eq(tail_record_decode(&back, b.data, b.len, &e), 0);
	ck_assert_str_eq(back.stream, r.stream);
	ck_assert_uint_eq(back.mark.from, r.mark.from);
	ck_assert_uint_eq(back.mark.position, r.mark.position);
	ck_assert_mem_eq(back.mark.digest, r.mark.digest, 32);
	buf_free(&b);
}
END_TEST

#define DIGEST "0102030405060708090a0b0c0d0e0f100102030405060708090a0b0c0d0e0f10"

START_TEST(a_bad_record_is_refused)
{
	static const char *const bad[] = { "", "\n", "stream a\n",
		"stream a\nfrom 0/1\nposition 0/2\ndigest " DIGEST,
		"stream a\nfrom 0/1\nposition 0/2\ndigest " DIGEST "\n\n",
		"stream a\nfrom 0/2\nposition 0/2\ndigest " DIGEST "\n",
		"stream a\nfrom 0/x\nposition 0/2\ndigest " DIGEST "\n",
		"stream a\nfrom 0/1\nposition 0/2\ndigest 00\n",
		"stream a\nposition 0/2\nfrom 0/1\ndigest " DIGEST "\n",
		"stream 123456789012345678901234567890123456789012345678901234567890123456\n"
		"from 0/1\nposition 0/2\ndigest " DIGEST "\n" };
	static const char good[] = "stream a\nfrom 0/1\nposition 0/2\ndigest " DIGEST "\n";
	struct tail_record r;
	size_t i;

	ck_assert_int_eq(tail_record_decode(&r, good, strlen(good), &e), 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(tail_record_decode(&r, bad[i], strlen(bad[i]), &e) == -1, "%s",
		    bad[i]);
		ck_assert_int_eq(e.kind, ERR_CORRUPT);
	}
	ck_assert_int_eq(tail_record_decode(&r, good, sizeof(good), &e), -1);	/* a NUL */
}
END_TEST

Suite *
log_tail_suite(void)
{
	Suite *s = suite_create("log_tail");
	TCase *t = tcase_create("log_tail");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, pieces_do_not_matter);
	tcase_add_test(t, only_the_segment_counts);
	tcase_add_test(t, every_byte_of_the_segment_counts);
	tcase_add_test(t, at_a_boundary_it_covers_the_segment_before);
	tcase_add_test(t, without_the_segment_s_start_nothing_is_known);
	tcase_add_test(t, a_record_comes_back);
	tcase_add_test(t, a_bad_record_is_refused);
	suite_add_tcase(s, t);
	return s;
}
