/*
 * Tests of seal/walk.
 */
#include <string.h>

#include "sealed_forge.h"
#include "suites.h"

#define FRAMES 4

static const uint8_t *const repo = (const uint8_t *)FORGE_REPO;
static const char *const contents[FRAMES] = { "", "first", "second", "third" };
static struct key_secret *dba;
static struct seal_ctx *ctx;
static struct seal *s;
static struct err e;
static struct buf file;
static struct io_source src;
static uint64_t begins[FRAMES + 1]; /* where each frame begins, and where the last one ends */

/* A log of four frames, the first one META, that was not closed. */
static void
set_up(void)
{
	struct seal_frame f;
	size_t i;

	dba = key_new(KEY_RESTORE, "dba", &e);
	ctx = seal_ctx_new(1, &e);
	ck_assert(dba != NULL && ctx != NULL);
	s = seal_new(SEAL_LOG, repo, "shop/1", key_public(dba), 1, &e);
	ck_assert_ptr_nonnull(s);
	buf_add(&file, seal_preamble(s)->data, seal_preamble(s)->len);
	for (i = 0; i < FRAMES; i++) {
		begins[i] = file.len;
		f = (struct seal_frame){ .number = i, .raw = (uint32_t)strlen(contents[i]),
			.flags = i == 0 ? SEAL_META : 0, .position = 100 * i };
		ck_assert_int_eq(seal_frame(s, ctx, &f, contents[i], &file, &e), 0);
	}
	begins[FRAMES] = file.len;
	src = forge_source(&file, "log");
}

static void
tear_down(void)
{
	buf_free(&file);
	seal_free(s);
	seal_ctx_free(ctx);
	key_free(dba);
}

static void
close_log(void)
{
	struct seal_frame f = { .number = FRAMES, .flags = SEAL_LAST };

	ck_assert_int_eq(seal_frame(s, ctx, &f, NULL, &file, &e), 0);
	src = forge_source(&file, "log");
}

/* Walk to the end; how many frames, or -1. */
static int
count(struct seal_walk *w, int checked)
{
	struct seal_frame f;
	int n, r;

	seal_walk_begin(w, &src, begins[0], checked);
	for (n = 0; (r = seal_walk_next(w, &f, &e)) == 1; n++)
		ck_assert_uint_eq(f.number, (uint64_t)n);
	seal_walk_end(w);
	return r == 0 ? n : -1;
}

START_TEST(visits_every_frame_in_order)
{
	struct buf out = BUF_INIT;
	struct seal_walk w;
	struct seal_frame f;
	int checked, i;

	for (checked = 0; checked < 2; checked++) {
		seal_walk_begin(&w, &src, begins[0], checked);
		for (i = 0; i < FRAMES; i++) {
			ck_assert_int_eq(seal_walk_next(&w, &f, &e), 1);
			ck_assert_uint_eq(f.number, (uint64_t)i);
			ck_assert_uint_eq(f.position, 100 * (uint64_t)i);
			ck_assert_uint_eq(w.frame_at, begins[i]);
			ck_assert_uint_eq(w.at, begins[i + 1]);
			if (!checked)
				ck_assert_int_eq(seal_walk_read(&w, &f, &e), 0);
			ck_assert_uint_eq(w.ciphertext.len, f.stored);
			ck_assert_int_eq(
			    seal_frame_open(s, ctx, &f, w.hdr, w.ciphertext.data, &out, &e),
			    0);
			ck_assert_str_eq(buf_cstr(&out), contents[i]);
		}
		ck_assert_int_eq(seal_walk_next(&w, &f, &e), 0);
		ck_assert_uint_eq(w.torn, 0);
		ck_assert_int_eq(w.last, 0);
		seal_walk_end(&w);
	}
	buf_free(&out);
}
END_TEST

START_TEST(a_walk_may_begin_at_any_frame)
{
	struct seal_walk w;
	struct seal_frame f;

	seal_walk_begin(&w, &src, begins[2], 1);
	w.number = 2;
	ck_assert_int_eq(seal_walk_next(&w, &f, &e), 1);
	ck_assert_uint_eq(f.number, 2);
	ck_assert_uint_eq(f.position, 200);
	seal_walk_end(&w);
}
END_TEST

START_TEST(the_last_frame_ends_the_file)
{
	struct seal_walk w;

	close_log();
	ck_assert_int_eq(count(&w, 1), FRAMES + 1);
	ck_assert_int_eq(w.last, 1);
	buf_u8(&file, 0);
	src = forge_source(&file, "log");
	ck_assert_int_eq(count(&w, 0), -1);
	ck_assert_str_eq(e.msg, "log: 1 bytes after the last frame");
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
}
END_TEST

START_TEST(a_file_cut_anywhere_tells_what_is_torn)
{
	struct seal_walk w;
	int checked, whole;

	for (checked = 0; checked < 2; checked++)
		for (file.len = begins[FRAMES]; file.len >= begins[0]; file.len--) {
			src = forge_source(&file, "log");
			for (whole = 0; whole < FRAMES && begins[whole + 1] <= file.len;
			     whole++)
				continue;
			ck_assert_int_eq(count(&w, checked), whole);
			ck_assert_uint_eq(w.at, begins[whole]);
			ck_assert_uint_eq(w.torn, file.len - begins[whole]);
		}
}
END_TEST

START_TEST(nothing_behind_the_end_is_no_damage)
{
	struct seal_walk w;
	struct seal_frame f;

	seal_walk_begin(&w, &src, file.len + 10, 1);
	ck_assert_int_eq(seal_walk_next(&w, &f, &e), 0);
	ck_assert_uint_eq(w.torn, 0);
	seal_walk_end(&w);
}
END_TEST

/* A power cut may leave the file's length, but not what was written. */
START_TEST(a_tail_of_zeros_is_torn)
{
	struct seal_walk w;

	memset(file.data + begins[2], 0, file.len - begins[2]);
	ck_assert_int_eq(count(&w, 0), 2);
	ck_assert_uint_eq(w.torn, file.len - begins[2]);
}
END_TEST

START_TEST(damage_is_torn_from_there_on_when_checked)
{
	struct seal_walk w;

	file.data[begins[2] + SEAL_FRAME_HEADER] ^= 1;
	ck_assert_int_eq(count(&w, 1), 2);
	ck_assert_uint_eq(w.torn, file.len - begins[2]);
	ck_assert_int_eq(count(&w, 0), FRAMES); /* headers only: not noticed */
	ck_assert_uint_eq(w.torn, 0);
}
END_TEST

START_TEST(an_end_stays_the_end)
{
	struct seal_walk w;
	struct seal_frame f;

	file.len = begins[1] + 3;
	src = forge_source(&file, "log");
	seal_walk_begin(&w, &src, begins[0], 1);
	ck_assert_int_eq(seal_walk_next(&w, &f, &e), 1);
	ck_assert_int_eq(seal_walk_next(&w, &f, &e), 0);
	ck_assert_int_eq(seal_walk_next(&w, &f, &e), 0);
	ck_assert_uint_eq(w.torn, 3);
	seal_walk_end(&w);
}
END_TEST

START_TEST(a_file_that_shrinks_meanwhile_is_an_error)
{
	struct seal_walk w;

	file.len = begins[2] + 10;
	ck_assert_int_eq(count(&w, 0), -1);
	ck_assert_str_eq(e.msg, "log: became shorter while it was read");
	ck_assert_int_eq(e.kind, ERR_IO);
	file.len = begins[2] + SEAL_FRAME_HEADER + 1;
	ck_assert_int_eq(count(&w, 1), -1);
	ck_assert_int_eq(e.kind, ERR_IO);
}
END_TEST

static int
failing_pread(void *with, void *p, size_t n, uint64_t off, size_t *got, struct err *err)
{
	(void)with;
	(void)p;
	(void)n;
	(void)off;
	*got = 0;
	return err_set(err, ERR_IO, "log: read: Input/output error");
}

START_TEST(a_failed_read_is_passed_on)
{
	struct seal_walk w;
	uint64_t at;

	src.pread = failing_pread;
	ck_assert_int_eq(count(&w, 0), -1);
	ck_assert_str_eq(e.msg, "log: read: Input/output error");
	ck_assert_ptr_null(seal_open(&src, SEAL_LOG, repo, NULL, NULL, &at, &e));
	ck_assert_int_eq(e.kind, ERR_IO);
}
END_TEST

Suite *
walk_suite(void)
{
	Suite *suite = suite_create("walk");
	TCase *t = tcase_create("walk");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, visits_every_frame_in_order);
	tcase_add_test(t, a_walk_may_begin_at_any_frame);
	tcase_add_test(t, the_last_frame_ends_the_file);
	tcase_add_test(t, a_file_cut_anywhere_tells_what_is_torn);
	tcase_add_test(t, nothing_behind_the_end_is_no_damage);
	tcase_add_test(t, a_tail_of_zeros_is_torn);
	tcase_add_test(t, damage_is_torn_from_there_on_when_checked);
	tcase_add_test(t, an_end_stays_the_end);
	tcase_add_test(t, a_file_that_shrinks_meanwhile_is_an_error);
	tcase_add_test(t, a_failed_read_is_passed_on);
	suite_add_tcase(suite, t);
	return suite;
}
