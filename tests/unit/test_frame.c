/*
 * Tests of seal/frame.
 */
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "sealed_forge.h"
#include "suites.h"

#define TAG 16

static const uint8_t *const repo = (const uint8_t *)FORGE_REPO;
static struct key_secret *dba;
static struct seal_ctx *ctx;
static struct seal *s;
static struct err e;
static uint8_t *raw;

static void
set_up(void)
{
	dba = key_new(KEY_RESTORE, "dba", &e);
	ctx = seal_ctx_new(3, &e);
	ck_assert(dba != NULL && ctx != NULL);
	s = seal_new(SEAL_PACK, repo, FORGE_NAME, key_public(dba), 1, &e);
	raw = calloc(1, SEAL_RAW_MAX);
	ck_assert(s != NULL && raw != NULL);
}

static void
tear_down(void)
{
	free(raw);
	seal_free(s);
	seal_ctx_free(ctx);
	key_free(dba);
}

static void
expect(enum err_kind kind, const char *text)
{
	ck_assert_str_eq(e.msg, text);
	ck_assert_int_eq(e.kind, kind);
}

static void
seal_it(struct seal_frame *f, const void *p, struct buf *out)
{
	ck_assert_msg(seal_frame(s, ctx, f, p, out, &e) == 0, "%s", e.msg);
}

/* 0 and the contents, or -1: the frame at the beginning of bytes. */
static int
open_it(const struct seal *by, const uint8_t *bytes, uint64_t number, struct buf *out)
{
	struct seal_frame f = { .number = number };

	if (seal_frame_parse(bytes, &f, &e) != 0)
		return -1;
	return seal_frame_open(by, ctx, &f, bytes, bytes + SEAL_FRAME_HEADER, out, &e);
}

START_TEST(what_was_sealed_opens)
{
	static const uint32_t sizes[] = { 0, 1, 2, 15, 16, 17, 255, 8192, 65537,
		SEAL_RAW_MAX - 1, SEAL_RAW_MAX };
	struct buf file = BUF_INIT, out = BUF_INIT;
	struct seal_frame f;
	size_t i, at;
	int noise;

	for (noise = 0; noise < 2; noise++) {
		if (noise)
			randombytes_buf(raw, SEAL_RAW_MAX);
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			f = (struct seal_frame){ .number = i, .raw = sizes[i], .position = 7 };
			at = file.len;
			seal_it(&f, raw, &file);
			ck_assert_uint_eq(file.len - at, SEAL_FRAME_HEADER + f.stored);
			ck_assert_int_eq(seal_frame_check(file.data + at,
					     file.data + at + SEAL_FRAME_HEADER, f.stored), 1);
			ck_assert_msg(open_it(s, file.data + at, i, &out) == 0, "%s", e.msg);
			ck_assert_uint_eq(out.len, sizes[i]);
			ck_assert(sizes[i] == 0 || memcmp(out.data, raw, sizes[i]) == 0);
		}
	}
	buf_free(&file);
	buf_free(&out);
}
END_TEST

START_TEST(zstd_is_used_when_it_pays)
{
	struct buf file = BUF_INIT;
	struct seal_frame f = { .raw = 8192 };

	seal_it(&f, raw, &file);
	ck_assert_uint_eq(f.flags, SEAL_ZSTD);
	ck_assert_uint_lt(f.stored, 100);
	randombytes_buf(raw, 8192);
	f.number = 1;
	seal_it(&f, raw, &file); /* f still has the flag: it is ours to set */
	ck_assert_uint_eq(f.flags, 0);
	ck_assert_uint_eq(f.stored, 8192 + TAG);
	buf_free(&file);
}
END_TEST

/* Neither more nor as much: a compressed frame of its content's length is not one. */
START_TEST(zstd_that_gains_nothing_is_not_used)
{
	struct buf file = BUF_INIT, out = BUF_INIT;
	struct seal_frame f = { .number = 0 }; /* always: to none but this test */
	uint32_t noise, zeros;

	for (noise = 1; noise < 60; noise++)
		for (zeros = 0; zeros < 60; zeros++) {
			randombytes_buf(raw, noise);
			memset(raw + noise, 0, zeros);
			f.raw = noise + zeros;
			buf_reset(&file);
			seal_it(&f, raw, &file);
			ck_assert_msg(open_it(s, file.data, 0, &out) == 0, "%s", e.msg);
		}
	buf_free(&file);
	buf_free(&out);
}
END_TEST

START_TEST(a_frame_never_grows_beyond_the_limit)
{
	struct buf file = BUF_INIT;
	struct seal_frame f = { .raw = SEAL_RAW_MAX };

	randombytes_buf(raw, SEAL_RAW_MAX);
	seal_it(&f, raw, &file);
	ck_assert_uint_eq(f.stored, SEAL_STORED_MAX);
	buf_free(&file);
}
END_TEST

START_TEST(the_header_comes_back)
{
	static const uint32_t all = SEAL_LAST | SEAL_HEARTBEAT | SEAL_META;
	struct seal_frame f = { .flags = all, .position = 0x0102030405060708, .time = 42 };
	struct seal_frame back = { .number = 9 };
	struct buf file = BUF_INIT;

	seal_it(&f, NULL, &file);
	ck_assert_int_eq(seal_frame_parse(file.data, &back, &e), 0);
	ck_assert_uint_eq(back.number, 9);
	ck_assert_uint_eq(back.stored, TAG);
	ck_assert_uint_eq(back.raw, 0);
	ck_assert_uint_eq(back.flags, all);
	ck_assert_uint_eq(back.position, f.position);
	ck_assert_uint_eq(back.time, 42);
	ck_assert_uint_eq(back.check, f.check);
	ck_assert_uint_eq(file.data[12], 8); /* little-endian */
	buf_free(&file);
}
END_TEST

START_TEST(frames_out_of_bounds_are_not_sealed)
{
	static const struct {
		struct seal_frame f;
		const char *text;
	} rows[] = {
		{ { .raw = SEAL_RAW_MAX + 1 },
		    FORGE_NAME ": no frame: 1048577 bytes, flags 0" },
		{ { .flags = 16 }, FORGE_NAME ": no frame: 0 bytes, flags 0x10" },
		{ { .raw = 1, .flags = SEAL_HEARTBEAT },
		    FORGE_NAME ": no frame: 1 bytes, flags 0x4" },
	};
	struct buf file = BUF_INIT;
	struct seal_frame f;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f = rows[i].f;
		ck_assert_int_eq(seal_frame(s, ctx, &f, raw, &file, &e), -1);
		expect(ERR_BUG, rows[i].text);
		ck_assert_uint_eq(file.len, 0);
	}
	buf_free(&file);
}
END_TEST

START_TEST(headers_out_of_bounds_are_corrupt)
{
	static const struct {
		uint32_t stored, raw, flags;
		int good;
	} rows[] = {
		{ TAG, 0, 0, 1 },
		{ 0, 0, 0, 0 },
		{ TAG - 1, 0, 0, 0 },
		{ TAG + 1, 0, 0, 0 },
		{ 100 + TAG, 100, 0, 1 },
		{ 99 + TAG, 100, 0, 0 },
		{ 101 + TAG, 100, 0, 0 },
		{ SEAL_STORED_MAX, SEAL_RAW_MAX, 0, 1 },
		{ SEAL_STORED_MAX + 1, SEAL_RAW_MAX + 1, 0, 0 },
		{ 99 + TAG, 100, SEAL_ZSTD, 1 },
		{ 100 + TAG, 100, SEAL_ZSTD, 0 },
		{ 1 + TAG, 100, SEAL_ZSTD, 1 },
		{ TAG, 100, SEAL_ZSTD, 0 },
		{ TAG, 0, SEAL_ZSTD, 0 },
		{ 1 + TAG, SEAL_RAW_MAX + 1, SEAL_ZSTD, 0 },
		{ 15, 0xffffffff, 0, 0 },
		{ 17, 0xfffffff1, SEAL_ZSTD, 0 },
		{ TAG, 0, SEAL_LAST, 1 },
		{ TAG, 0, SEAL_HEARTBEAT, 1 },
		{ 1 + TAG, 1, SEAL_HEARTBEAT, 0 },
		{ 1 + TAG, 1, SEAL_META | SEAL_LAST, 1 },
		{ TAG, 0, 16, 0 },
		{ TAG, 0, 0x80000000, 0 },
	};
	uint8_t hdr[SEAL_FRAME_HEADER] = { 0 };
	struct seal_frame f;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		le32_put(hdr, rows[i].stored);
		le32_put(hdr + 4, rows[i].raw);
		le32_put(hdr + 8, rows[i].flags);
		ck_assert_msg(
		    seal_frame_parse(hdr, &f, &e) == (rows[i].good ? 0 : -1), "row %zu", i);
	}
	expect(ERR_CORRUPT, "frame header damaged: 16 bytes stored, 0 raw, flags 0x80000000");
}
END_TEST

START_TEST(the_check_covers_every_bit_of_header_and_ciphertext)
{
	struct buf file = BUF_INIT;
	struct seal_frame f = { .raw = 40, .position = 1, .time = 2 };
	size_t i;
	int bit;

	randombytes_buf(raw, 40);
	seal_it(&f, raw, &file);
	for (i = 0; i < file.len; i++)
		for (bit = 0; bit < 8; bit++) {
			file.data[i] ^= (uint8_t)(1 << bit);
			ck_assert_msg(!seal_frame_check(
					  file.data, file.data + SEAL_FRAME_HEADER, f.stored),
			    "byte %zu, bit %d", i, bit);
			file.data[i] ^= (uint8_t)(1 << bit);
		}
	ck_assert_int_eq(
	    seal_frame_check(file.data, file.data + SEAL_FRAME_HEADER, f.stored), 1);
	ck_assert_int_eq(
	    seal_frame_check(file.data, file.data + SEAL_FRAME_HEADER, f.stored - 1), 0);
	buf_free(&file);
}
END_TEST

/* But for the check, which is for those without a key. */
START_TEST(the_key_authenticates_every_bit_of_header_and_ciphertext)
{
	struct buf file = BUF_INIT, out = BUF_INIT;
	struct seal_frame f = { .raw = 40, .position = 1, .time = 2 };
	size_t i;
	int bit;

	randombytes_buf(raw, 40);
	seal_it(&f, raw, &file);
	for (i = 0; i < file.len; i++)
		for (bit = 0; bit < 8 && !(i >= 28 && i < SEAL_FRAME_HEADER); bit++) {
			file.data[i] ^= (uint8_t)(1 << bit);
			ck_assert_msg(
			    open_it(s, file.data, 0, &out) == -1, "byte %zu, bit %d", i, bit);
			ck_assert_int_eq(e.kind, ERR_CORRUPT);
			file.data[i] ^= (uint8_t)(1 << bit);
		}
	ck_assert_int_eq(open_it(s, file.data, 0, &out), 0);
	buf_free(&file);
	buf_free(&out);
}
END_TEST

START_TEST(a_frame_opens_in_its_place_only)
{
	struct seal *other = seal_new(SEAL_PACK, repo, FORGE_NAME, key_public(dba), 1, &e);
	struct buf file = BUF_INIT, out = BUF_INIT;
	struct seal_frame f = { .number = 5, .raw = 40 };

	ck_assert_ptr_nonnull(other);
	seal_it(&f, raw, &file);
	ck_assert_int_eq(open_it(s, file.data, 5, &out), 0);
	ck_assert_int_eq(open_it(s, file.data, 4, &out), -1);
	expect(ERR_CORRUPT, "frame 4: damaged, or not of this place");
	ck_assert_int_eq(open_it(other, file.data, 5, &out), -1);
	expect(ERR_CORRUPT, "frame 5: damaged, or not of this place");
	seal_free(other);
	buf_free(&file);
	buf_free(&out);
}
END_TEST

/* The frame is authentic, but who sealed it was hostile: restore keys are public. */
START_TEST(hostile_zstd_is_corrupt)
{
	uint8_t packed[1000], zstd[100];
	const size_t n = ZSTD_compress(zstd, sizeof(zstd), raw, 8192, 1);
	const size_t half = ZSTD_compress(packed, sizeof(packed), raw, 4096, 1);
	const size_t bomb = ZSTD_compress(packed + 200, 700, raw, SEAL_RAW_MAX, 1);
	const struct {
		const void *plain;
		size_t n;
		uint32_t claim;
		const char *text;
	} rows[] = {
		{ zstd, n, 8192, NULL },
		{ zstd, n, 8191, "frame 0: zstd: Destination buffer is too small" },
		{ zstd, n, 8193, "frame 0: gives 8192 bytes, not 8193" },
		{ zstd, n - 1, 8192, "frame 0: zstd: Src size is incorrect" },
		{ packed, half, 8192, "frame 0: gives 4096 bytes, not 8192" },
		{ packed + 200, bomb, 8192, "frame 0: zstd: Destination buffer is too small" },
		{ "no zstd at all", 14, 8192, "frame 0: zstd: Unknown frame descriptor" },
	};
	struct buf out = BUF_INIT;
	struct forge g;
	struct io_source src;
	struct seal *by;
	uint64_t at;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		forge_begin(&g, &(struct forge_header){ 0 }, key_public(dba), 1);
		at = g.out.len;
		forge_frame(&g,
		    &(struct seal_frame){ .raw = rows[i].claim, .flags = SEAL_ZSTD },
		    rows[i].plain, rows[i].n);
		src = forge_source(&g.out, "file");
		by = seal_open(&src, SEAL_PACK, repo, FORGE_NAME, dba, &at, &e);
		ck_assert_ptr_nonnull(by);
		if (rows[i].text == NULL)
			ck_assert_msg(open_it(by, g.out.data + at, 0, &out) == 0, "%s", e.msg);
		else {
			ck_assert_int_eq(open_it(by, g.out.data + at, 0, &out), -1);
			expect(ERR_CORRUPT, rows[i].text);
			ck_assert_uint_eq(out.len, 0);
		}
		seal_free(by);
		forge_end(&g);
	}
	buf_free(&out);
}
END_TEST

START_TEST(a_frame_that_was_not_parsed_is_our_bug)
{
	struct seal_frame f = { .raw = 40 };
	struct buf file = BUF_INIT, out = BUF_INIT;

	seal_it(&f, raw, &file);
	ck_assert_int_eq(
	    seal_frame_open(s, ctx, &(struct seal_frame){ .raw = 9, .stored = 4000 },
		file.data, file.data + SEAL_FRAME_HEADER, &out, &e),
	    -1);
	expect(ERR_BUG, "frame 0: not as seal_frame_parse gives it");
	buf_free(&file);
	buf_free(&out);
}
END_TEST

START_TEST(levels_are_1_to_19)
{
	struct buf file = BUF_INIT;
	struct seal_frame f = { .raw = SEAL_RAW_MAX };
	struct seal_ctx *high = seal_ctx_new(19, &e);

	ck_assert_ptr_nonnull(high);
	ck_assert_int_eq(seal_frame(s, high, &f, raw, &file, &e), 0);
	seal_ctx_free(high);
	ck_assert_ptr_null(seal_ctx_new(0, &e));
	expect(ERR_BUG, "zstd level 0: not 1 to 19");
	ck_assert_ptr_null(seal_ctx_new(20, &e));
	seal_ctx_free(NULL);
	buf_free(&file);
}
END_TEST

#define THREADS 4
#define FRAMES	50

struct sealer {
	pthread_t thread;
	uint64_t first;
	struct buf out;
	int failed;
};

/* Seals frames first, first + 1, ...; each holds its number 1000 times. */
static void *
seal_many(void *arg)
{
	struct sealer *w = arg;
	struct err mine;
	struct seal_ctx *own = seal_ctx_new(1, &mine);
	struct seal_frame f = { .raw = 8000 };
	uint8_t text[8000];
	int i, k;

	for (i = 0; i < FRAMES && own != NULL; i++) {
		f.number = w->first + (uint64_t)i;
		for (k = 0; k < 1000; k++)
			le64_put(text + 8 * k, f.number);
		w->failed |= seal_frame(s, own, &f, text, &w->out, &mine);
	}
	w->failed |= own == NULL;
	seal_ctx_free(own);
	return NULL;
}

START_TEST(threads_share_a_seal)
{
	struct sealer workers[THREADS] = { 0 };
	struct buf out = BUF_INIT;
	struct seal_frame f;
	size_t at;
	int i, n;

	for (i = 0; i < THREADS; i++) {
		workers[i].first = (uint64_t)i * FRAMES;
		ck_assert_int_eq(
		    pthread_create(&workers[i].thread, NULL, seal_many, &workers[i]), 0);
	}
	for (i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
		ck_assert_int_eq(workers[i].failed, 0);
		for (at = 0, n = 0; at < workers[i].out.len; n++) {
			ck_assert_int_eq(
			    seal_frame_parse(workers[i].out.data + at, &f, &e), 0);
			ck_assert_int_eq(open_it(s, workers[i].out.data + at,
					     workers[i].first + (uint64_t)n, &out), 0);
			ck_assert_uint_eq(
			    le64_get(out.data + 7992), workers[i].first + (uint64_t)n);
			at += SEAL_FRAME_HEADER + f.stored;
		}
		ck_assert_int_eq(n, FRAMES);
		buf_free(&workers[i].out);
	}
	buf_free(&out);
}
END_TEST

Suite *
frame_suite(void)
{
	Suite *suite = suite_create("frame");
	TCase *t = tcase_create("frame");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, what_was_sealed_opens);
	tcase_add_test(t, zstd_is_used_when_it_pays);
	tcase_add_test(t, zstd_that_gains_nothing_is_not_used);
	tcase_add_test(t, a_frame_never_grows_beyond_the_limit);
	tcase_add_test(t, the_header_comes_back);
	tcase_add_test(t, frames_out_of_bounds_are_not_sealed);
	tcase_add_test(t, headers_out_of_bounds_are_corrupt);
	tcase_add_test(t, the_check_covers_every_bit_of_header_and_ciphertext);
	tcase_add_test(t, the_key_authenticates_every_bit_of_header_and_ciphertext);
	tcase_add_test(t, a_frame_opens_in_its_place_only);
	tcase_add_test(t, hostile_zstd_is_corrupt);
	tcase_add_test(t, a_frame_that_was_not_parsed_is_our_bug);
	tcase_add_test(t, levels_are_1_to_19);
	tcase_add_test(t, threads_share_a_seal);
	suite_add_tcase(suite, t);
	return suite;
}
