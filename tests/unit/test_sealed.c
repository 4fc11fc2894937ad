/*
 * Tests of seal/sealed: the preamble.
 */
#include <stdlib.h>
#include <string.h>

#include "sealed_forge.h"
#include "suites.h"

static const uint8_t *const repo = (const uint8_t *)FORGE_REPO;
static struct key_secret *dba, *spare, *stranger;
static struct key_public to[2];
static struct seal_ctx *ctx;
static struct err e;

static void
set_up(void)
{
	dba = key_new(KEY_RESTORE, "dba", &e);
	spare = key_new(KEY_RESTORE, "spare", &e);
	stranger = key_new(KEY_RESTORE, "stranger", &e);
	ctx = seal_ctx_new(1, &e);
	ck_assert(dba != NULL && spare != NULL && stranger != NULL && ctx != NULL);
	to[0] = *key_public(dba);
	to[1] = *key_public(spare);
}

static void
tear_down(void)
{
	key_free(dba);
	key_free(spare);
	key_free(stranger);
	seal_ctx_free(ctx);
}

static void
expect(enum err_kind kind, const char *text)
{
	ck_assert_str_eq(e.msg, text);
	ck_assert_int_eq(e.kind, kind);
}

/* A pack of one frame that holds "hello". */
static void
make(struct buf *out)
{
	struct seal_frame f = { .raw = 5, .flags = SEAL_LAST };
	struct seal *s = seal_new(SEAL_PACK, repo, FORGE_NAME, to, 2, &e);

	ck_assert_msg(s != NULL, "%s", e.msg);
	buf_add(out, seal_preamble(s)->data, seal_preamble(s)->len);
	ck_assert_int_eq(seal_frame(s, ctx, &f, "hello", out, &e), 0);
	seal_free(s);
}

static struct seal *
open_with(struct buf *file, const struct key_secret *key, uint64_t *at)
{
	struct io_source src = forge_source(file, "file");

	return seal_open(&src, SEAL_PACK, repo, FORGE_NAME, key, at, &e);
}

/* Opens with key, and each of its frames holds "hello". */
static void
expect_hello(struct buf *file, const struct key_secret *key)
{
	struct io_source src = forge_source(file, "file");
	struct buf out = BUF_INIT;
	struct seal_walk w;
	struct seal_frame f;
	uint64_t at = 0;
	struct seal *s = open_with(file, key, &at);
	int r;

	ck_assert_msg(s != NULL, "%s", e.msg);
	seal_walk_begin(&w, &src, at, 1);
	while ((r = seal_walk_next(&w, &f, &e)) == 1) {
		ck_assert_msg(
		    seal_frame_open(s, ctx, &f, w.hdr, w.ciphertext.data, &out, &e) == 0, "%s",
		    e.msg);
		ck_assert_uint_eq(out.len, 5);
		ck_assert_mem_eq(out.data, "hello", 5);
	}
	ck_assert_int_eq(r, 0);
	ck_assert_uint_gt(w.number, 0);
	ck_assert_uint_eq(w.torn, 0);
	seal_walk_end(&w);
	seal_free(s);
	buf_free(&out);
}

START_TEST(every_recipient_opens_what_was_sealed)
{
	struct buf file = BUF_INIT;

	make(&file);
	expect_hello(&file, dba);
	expect_hello(&file, spare);
	buf_free(&file);
}
END_TEST

START_TEST(a_file_by_the_book_opens)
{
	struct seal_frame f = { .raw = 5, .position = 1, .time = 2 };
	struct forge g;

	forge_begin(&g, &(struct forge_header){ 0 }, to, 2);
	forge_frame(&g, &f, "hello", 5);
	forge_frame(&g, &f, "hello", 5);
	f.flags = SEAL_LAST;
	forge_frame(&g, &f, "hello", 5);
	expect_hello(&g.out, dba);
	expect_hello(&g.out, spare);
	forge_end(&g);
}
END_TEST

START_TEST(opening_tells_kind_and_name_and_keeps_the_preamble)
{
	struct buf file = BUF_INIT;
	uint64_t at;
	struct seal *s;

	make(&file);
	s = open_with(&file, NULL, &at);
	ck_assert_ptr_nonnull(s);
	ck_assert_str_eq(seal_name(s), FORGE_NAME);
	ck_assert_int_eq(seal_kind(s), SEAL_PACK);
	ck_assert_uint_eq(seal_preamble(s)->len, at);
	ck_assert_mem_eq(seal_preamble(s)->data, file.data, at);
	seal_free(s);
	buf_free(&file);
}
END_TEST

START_TEST(a_stranger_is_refused)
{
	struct buf file = BUF_INIT;
	uint64_t at;

	make(&file);
	ck_assert_ptr_null(open_with(&file, stranger, &at));
	expect(ERR_REFUSED, "file: not sealed to key stranger");
	buf_free(&file);
}
END_TEST

START_TEST(without_a_key_frames_do_not_open)
{
	struct buf file = BUF_INIT, out = BUF_INIT;
	struct seal_frame f = { .number = 0 };
	uint64_t at;
	struct seal *s;

	make(&file);
	s = open_with(&file, NULL, &at);
	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(seal_frame_parse(file.data + at, &f, &e), 0);
	ck_assert_int_eq(seal_frame_open(s, ctx, &f, file.data + at,
			     file.data + at + SEAL_FRAME_HEADER, &out, &e), -1);
	expect(ERR_BUG, FORGE_NAME ": opened without a key");
	seal_free(s);
	buf_free(&file);
	buf_free(&out);
}
END_TEST

START_TEST(a_hint_is_only_a_hint)
{
	const struct seal_frame f = { .raw = 5 };
	struct forge g;

	forge_begin(&g, &(struct forge_header){ .bad_hints = 1 }, to, 2);
	forge_frame(&g, &f, "hello", 5);
	expect_hello(&g.out, spare);
	forge_end(&g);
}
END_TEST

/* Other keys' entries may rot: whoever can still open it gets the contents. */
START_TEST(damage_to_another_recipient_does_not_cost_the_file)
{
	struct buf file = BUF_INIT;
	uint64_t at;
	struct seal *s;

	make(&file);
	s = open_with(&file, NULL, &at);
	ck_assert_ptr_nonnull(s);
	seal_free(s);
	file.data[at - 20] ^= 1; /* the spare key's box, before the check */
	expect_hello(&file, dba);
	ck_assert_ptr_null(open_with(&file, spare, &at));
	expect(ERR_CORRUPT, "file: preamble damaged: its check does not hold");
	ck_assert_ptr_null(open_with(&file, NULL, &at));
	expect(ERR_CORRUPT, "file: preamble damaged: its check does not hold");
	buf_free(&file);
}
END_TEST

START_TEST(another_object_is_told_apart)
{
	static const struct {
		struct forge_header h;
		const char *text;
	} rows[] = {
		{ { .kind = 3 }, "file: a log, not a pack" },
		{ { .kind = 7 }, "file: a file of an unknown kind, not a pack" },
		{ { .repo = "AB repository's id of 32 letters." },
		    "file: belongs to repository 4142207265706f73..., not to "
		    "61207265706f7369..." },
		{ { .name = "shop/other" },
		    "file: holds \"shop/other\", not \"" FORGE_NAME "\"" },
		{ { .version = 2 }, "file: format version 2; only 1 is known here" },
		{ { .name = "shop/\033[31m" }, "file: preamble damaged or cut off" },
		{ { .name = "" }, "file: preamble damaged or cut off" },
		{ { .nto = 17 }, "file: preamble damaged: 17 recipients" },
		{ { .bad_check = 1 }, NULL }, /* opens: only what others need is in doubt */
		{ { .bad_commitment = 1 },
		    "file: header damaged or forged: not of its data key" },
	};
	struct forge g;
	struct seal *s;
	uint64_t at;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		forge_begin(&g, &rows[i].h, to, 2);
		s = open_with(&g.out, dba, &at);
		ck_assert_msg((s != NULL) == (rows[i].text == NULL), "row %zu: %s", i, e.msg);
		if (s == NULL)
			expect(ERR_CORRUPT, rows[i].text);
		seal_free(s);
		forge_end(&g);
	}
}
END_TEST

START_TEST(any_name_will_do_when_none_is_asked_for)
{
	struct forge g;
	struct io_source src;
	struct seal *s;
	uint64_t at;

	forge_begin(&g, &(struct forge_header){ .name = "shop/other" }, to, 1);
	src = forge_source(&g.out, "file");
	s = seal_open(&src, SEAL_PACK, repo, NULL, NULL, &at, &e);
	ck_assert_ptr_nonnull(s);
	ck_assert_str_eq(seal_name(s), "shop/other");
	seal_free(s);
	forge_end(&g);
}
END_TEST

START_TEST(a_preamble_cut_anywhere_is_corrupt)
{
	struct buf file = BUF_INIT;
	uint64_t at = 0, none;
	size_t whole;

	make(&file);
	seal_free(open_with(&file, NULL, &at));
	ck_assert_uint_gt(at, 0);
	for (whole = at, file.len = 0; file.len < whole; file.len++) {
		ck_assert_ptr_null(open_with(&file, dba, &none));
		expect(ERR_CORRUPT, file.len < 12 ? "file: not a sealed file"
						  : "file: preamble damaged or cut off");
	}
	buf_free(&file);
}
END_TEST

START_TEST(the_longest_preamble_opens)
{
	struct key_public many[SEAL_RECIPIENTS_MAX];
	char name[SEAL_NAME_MAX + 2];
	struct buf file = BUF_INIT;
	struct io_source src;
	struct seal *s, *back;
	uint64_t at;
	size_t i;

	for (i = 0; i < SEAL_RECIPIENTS_MAX; i++)
		many[i] = to[i == SEAL_RECIPIENTS_MAX - 1];
	memset(name, 'x', sizeof(name));
	name[SEAL_NAME_MAX] = '\0';
	s = seal_new(SEAL_LOG, repo, name, many, SEAL_RECIPIENTS_MAX, &e);
	ck_assert_msg(s != NULL, "%s", e.msg);
	buf_add(&file, seal_preamble(s)->data, seal_preamble(s)->len);
	ck_assert_uint_eq(file.len, SEAL_PREAMBLE_MAX);
	src = forge_source(&file, "file");
	back = seal_open(&src, SEAL_LOG, repo, name, spare, &at, &e);
	ck_assert_msg(back != NULL, "%s", e.msg);
	seal_free(back);
	seal_free(s);

	name[SEAL_NAME_MAX] = 'x';
	name[SEAL_NAME_MAX + 1] = '\0';
	ck_assert_ptr_null(seal_new(SEAL_LOG, repo, name, many, 1, &e));
	ck_assert_int_eq(e.kind, ERR_BUG);
	buf_free(&file);
}
END_TEST

START_TEST(refuses_to_seal_to_nobody_or_too_many)
{
	struct key_public many[SEAL_RECIPIENTS_MAX + 1] = { 0 };

	ck_assert_ptr_null(seal_new(SEAL_PACK, repo, "shop/1", to, 0, &e));
	expect(ERR_CONFIG, "shop/1: 0 restore keys to seal to; 1 to 16 are possible");
	ck_assert_ptr_null(
	    seal_new(SEAL_PACK, repo, "shop/1", many, SEAL_RECIPIENTS_MAX + 1, &e));
	expect(ERR_CONFIG, "shop/1: 17 restore keys to seal to; 1 to 16 are possible");
}
END_TEST

START_TEST(refuses_to_seal_to_a_key_that_opens_nothing)
{
	struct key_secret *writer = key_new(KEY_WRITER, "db1", &e);
	struct key_public zero = to[0];

	ck_assert_ptr_nonnull(writer);
	ck_assert_ptr_null(seal_new(SEAL_PACK, repo, "shop/1", key_public(writer), 1, &e));
	expect(ERR_BUG, "key db1: nothing can be sealed to a writer key");
	memset(zero.pk, 0, sizeof(zero.pk));
	ck_assert_ptr_null(seal_new(SEAL_PACK, repo, "shop/1", &zero, 1, &e));
	expect(ERR_CORRUPT, "key dba: not a point of X25519");
	key_free(writer);
}
END_TEST

START_TEST(the_same_content_seals_to_other_bytes)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	size_t header = 8 + 4 + 4 + 32 + 2 + strlen(FORGE_NAME) + 2;

	make(&a);
	make(&b);
	ck_assert_uint_eq(a.len, b.len);
	ck_assert_mem_eq(a.data, b.data, header);
	ck_assert_mem_ne(a.data + header, b.data + header, 16);	    /* salt */
	ck_assert_mem_ne(a.data + a.len - 21, b.data + b.len - 21, 21); /* ciphertext */
	buf_free(&a);
	buf_free(&b);
}
END_TEST

/* A second ciphertext under a number that was used would give both away. */
START_TEST(a_file_that_was_opened_takes_no_frames)
{
	struct buf file = BUF_INIT, out = BUF_INIT;
	struct seal_frame f = { .number = 1, .raw = 5 };
	struct seal *s;
	uint64_t at;

	make(&file);
	s = open_with(&file, dba, &at);
	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(seal_frame(s, ctx, &f, "hello", &out, &e), -1);
	expect(ERR_BUG, FORGE_NAME ": sealing into a file that was opened");
	seal_free(s);
	buf_free(&file);
	buf_free(&out);
}
END_TEST

Suite *
sealed_suite(void)
{
	Suite *s = suite_create("sealed");
	TCase *t = tcase_create("preamble");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, every_recipient_opens_what_was_sealed);
	tcase_add_test(t, a_file_by_the_book_opens);
	tcase_add_test(t, opening_tells_kind_and_name_and_keeps_the_preamble);
	tcase_add_test(t, a_stranger_is_refused);
	tcase_add_test(t, without_a_key_frames_do_not_open);
	tcase_add_test(t, a_hint_is_only_a_hint);
	tcase_add_test(t, damage_to_another_recipient_does_not_cost_the_file);
	tcase_add_test(t, another_object_is_told_apart);
	tcase_add_test(t, any_name_will_do_when_none_is_asked_for);
	tcase_add_test(t, a_preamble_cut_anywhere_is_corrupt);
	tcase_add_test(t, the_longest_preamble_opens);
	tcase_add_test(t, refuses_to_seal_to_nobody_or_too_many);
	tcase_add_test(t, refuses_to_seal_to_a_key_that_opens_nothing);
	tcase_add_test(t, the_same_content_seals_to_other_bytes);
	tcase_add_test(t, a_file_that_was_opened_takes_no_frames);
	suite_add_tcase(s, t);
	return s;
}
