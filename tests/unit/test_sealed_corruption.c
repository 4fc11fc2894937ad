/*
 * The corruption table of sealed files: what is noticed without a key, what with it.
 *
 * Each row is tried on a whole file, which first passes, and then says what a check
 * without a key, and what reading with the key, must tell of it.
 */
#include <stdio.h>
#include <string.h>

#include "sealed_forge.h"
#include "suites.h"

#define FRAMES 4

static const uint8_t *const repo = (const uint8_t *)FORGE_REPO;
static struct key_secret *dba, *spare;
static struct key_public to[2];
static struct seal_ctx *ctx;
static struct err e;
static struct buf good, other; /* two packs of the same name and contents */
static size_t begins[FRAMES + 1];

static void
make(struct buf *out)
{
	static const char *const contents[FRAMES] = { "first",
		"second: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"second: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "" };
	struct seal *s = seal_new(SEAL_PACK, repo, FORGE_NAME, to, 2, &e);
	struct seal_frame f;
	size_t i;

	ck_assert_msg(s != NULL, "%s", e.msg);
	buf_add(out, seal_preamble(s)->data, seal_preamble(s)->len);
	for (i = 0; i < FRAMES; i++) {
		begins[i] = out->len;
		f = (struct seal_frame){ .number = i, .raw = (uint32_t)strlen(contents[i]),
			.flags = i == FRAMES - 1 ? SEAL_LAST : 0 };
		ck_assert_int_eq(seal_frame(s, ctx, &f, contents[i], out, &e), 0);
	}
	begins[FRAMES] = out->len;
	seal_free(s);
}

static void
set_up(void)
{
	dba = key_new(KEY_RESTORE, "dba", &e);
	spare = key_new(KEY_RESTORE, "spare", &e);
	ctx = seal_ctx_new(1, &e);
	ck_assert(dba != NULL && spare != NULL && ctx != NULL);
	to[0] = *key_public(dba);
	to[1] = *key_public(spare);
	make(&other);
	make(&good);
	ck_assert_uint_eq(good.len, other.len);
}

static void
tear_down(void)
{
	buf_free(&good);
	buf_free(&other);
	key_free(dba);
	key_free(spare);
	seal_ctx_free(ctx);
}

/* The frame's content, added to contents. */
static int
read_frame(const struct seal *s, struct seal_walk *w, const struct seal_frame *f,
    struct buf *contents)
{
	struct buf out = BUF_INIT;
	int r;

	r = seal_walk_read(w, f, &e);
	if (r == 0)
		r = seal_frame_open(s, ctx, f, w->hdr, w->ciphertext.data, &out, &e);
	if (r == 0)
		buf_add(contents, out.data, out.len);
	buf_free(&out);
	return r;
}

/*
 * Read the whole pack: 0 when all is well, else -1.  With a key every frame is opened,
 * and its content added to contents; without one every check must hold.
 */
static int
read_pack(struct buf *file, const struct key_secret *key, struct buf *contents)
{
	struct io_source src = forge_source(file, "pack");
	struct seal_walk w;
	struct seal_frame f;
	uint64_t at;
	struct seal *s;
	int r;

	err_clear(&e);
	if ((s = seal_open(&src, SEAL_PACK, repo, FORGE_NAME, key, &at, &e)) == NULL)
		return -1;
	seal_walk_begin(&w, &src, at, key == NULL);
	while ((r = seal_walk_next(&w, &f, &e)) == 1)
		if (key != NULL && read_frame(s, &w, &f, contents) != 0) {
			r = -1;
			break;
		}
	if (r == 0 && w.torn > 0)
		r = err_set(&e, ERR_CORRUPT, "pack: damaged at frame %llu",
		    (unsigned long long)w.number);
	else if (r == 0 && !w.last)
		r = err_set(&e, ERR_CORRUPT, "pack: cut off after frame %llu",
		    (unsigned long long)w.number - 1);
	seal_walk_end(&w);
	seal_free(s);
	return r;
}

static void
splice(struct buf *b, size_t from, size_t to_end, const struct buf *by, size_t at, size_t n)
{
	struct buf new = BUF_INIT;

	buf_add(&new, b->data, from);
	buf_add(&new, by->data + at, n);
	buf_add(&new, b->data + to_end, b->len - to_end);
	buf_free(b);
	*b = new;
}

static void
flip_magic(struct buf *b)
{
	b->data[0] ^= 1;
}

static void
flip_version(struct buf *b)
{
	b->data[8] ^= 2;
}

static void
flip_kind(struct buf *b)
{
	b->data[12] ^= 2;
}

static void
flip_repository(struct buf *b)
{
	b->data[16] ^= 0x20;
}

static void
flip_name(struct buf *b)
{
	b->data[50] ^= 1;
}

static void
flip_salt(struct buf *b)
{
	b->data[begins[0] - 8 - 2 * 88 - 32 - 16] ^= 1;
}

static void
flip_commitment(struct buf *b)
{
	b->data[begins[0] - 8 - 2 * 88 - 32] ^= 1;
}

static void
flip_own_box(struct buf *b)
{
	b->data[begins[0] - 8 - 2 * 88 + 40] ^= 1;
}

static void
flip_other_box(struct buf *b)
{
	b->data[begins[0] - 8 - 88 + 40] ^= 1;
}

static void
take_preamble_of_other(struct buf *b)
{
	splice(b, 0, begins[0], &other, 0, begins[0]);
}

static void
take_recipients_of_other(struct buf *b)
{
	splice(
	    b, begins[0] - 8 - 2 * 88, begins[0], &other, begins[0] - 8 - 2 * 88, 8 + 2 * 88);
}

static void
flip_content(struct buf *b)
{
	b->data[begins[1] + SEAL_FRAME_HEADER + 3] ^= 1;
}

static void
flip_check(struct buf *b)
{
	b->data[begins[1] + 28] ^= 1;
}

static void
mark_first_as_last(struct buf *b)
{
	b->data[begins[0] + 8] |= SEAL_LAST;
}

static void
swap_frames(struct buf *b)
{
	splice(b, begins[1], begins[3], &good, begins[2], begins[3] - begins[2]);
	splice(b, begins[1] + begins[3] - begins[2], begins[1] + begins[3] - begins[2], &good,
	    begins[1], begins[2] - begins[1]);
}

static void
repeat_frame(struct buf *b)
{
	splice(b, begins[1], begins[1], &good, begins[1], begins[2] - begins[1]);
}

static void
drop_frame(struct buf *b)
{
	splice(b, begins[1], begins[2], &good, 0, 0);
}

static void
take_frame_of_other(struct buf *b)
{
	splice(b, begins[1], begins[2], &other, begins[1], begins[2] - begins[1]);
}

static void
cut_in_a_frame(struct buf *b)
{
	b->len = begins[2] + 10;
}

static void
cut_between_frames(struct buf *b)
{
	b->len = begins[2];
}

static void
cut_in_the_preamble(struct buf *b)
{
	b->len = begins[0] - 1;
}

static void
empty(struct buf *b)
{
	b->len = 0;
}

static void
append(struct buf *b)
{
	buf_str(b, "junk");
}

static void
zero_a_block(struct buf *b)
{
	memset(b->data + begins[1], 0, begins[2] - begins[1]);
}

static const struct row {
	const char *name;
	void (*mutilate)(struct buf *b);
	const char *keyless, *keyed; /* what is told; NULL: passes, for the reason given */
} rows[] = {
	{ "magic", flip_magic, "pack: not a sealed file", "pack: not a sealed file" },
	{ "version", flip_version, "pack: format version 3; only 1 is known here",
	    "pack: format version 3; only 1 is known here" },
	{ "kind", flip_kind, "pack: preamble damaged: its check does not hold",
	    "pack: a log, not a pack" },
	{ "repository", flip_repository, "pack: preamble damaged: its check does not hold",
	    "pack: belongs to repository 41207265706f7369..., not to 61207265706f7369..." },
	{ "name", flip_name, "pack: preamble damaged: its check does not hold",
	    "pack: holds \"rhop/20261122T100000Z\", not \"" FORGE_NAME "\"" },
	{ "salt", flip_salt, "pack: preamble damaged: its check does not hold",
	    "pack: header damaged or forged: not of its data key" },
	{ "commitment", flip_commitment, "pack: preamble damaged: its check does not hold",
	    "pack: header damaged or forged: not of its data key" },
	{ "own recipient", flip_own_box, "pack: preamble damaged: its check does not hold",
	    "pack: preamble damaged: its check does not hold" },
	/* does not keep the other key from opening */
	{ "other recipient", flip_other_box, "pack: preamble damaged: its check does not hold",
	    NULL },
	/* whole frames of whole files: the journal's hash tells */
	{ "preamble of another file", take_preamble_of_other, NULL,
	    "frame 0: damaged, or not of this place" },
	{ "recipients of another file", take_recipients_of_other,
	    "pack: preamble damaged: its check does not hold",
	    "pack: header damaged or forged: not of its data key" },
	{ "content", flip_content, "pack: damaged at frame 1",
	    "frame 1: damaged, or not of this place" },
	/* the check is for those without a key */
	{ "frame's check", flip_check, "pack: damaged at frame 1", NULL },
	{ "last frame too early", mark_first_as_last, "pack: damaged at frame 0",
	    "frame 0: damaged, or not of this place" },
	{ "frames swapped", swap_frames, NULL, "frame 1: damaged, or not of this place" },
	{ "frame repeated", repeat_frame, NULL, "frame 2: damaged, or not of this place" },
	{ "frame missing", drop_frame, NULL, "frame 1: damaged, or not of this place" },
	{ "frame of another file", take_frame_of_other, NULL,
	    "frame 1: damaged, or not of this place" },
	{ "cut in a frame", cut_in_a_frame, "pack: damaged at frame 2",
	    "pack: damaged at frame 2" },
	{ "cut between frames", cut_between_frames, "pack: cut off after frame 1",
	    "pack: cut off after frame 1" },
	{ "cut in the preamble", cut_in_the_preamble, "pack: preamble damaged or cut off",
	    "pack: preamble damaged or cut off" },
	{ "empty", empty, "pack: not a sealed file", "pack: not a sealed file" },
	{ "bytes appended", append, "pack: 4 bytes after the last frame",
	    "pack: 4 bytes after the last frame" },
	{ "a frame of zeros", zero_a_block, "pack: damaged at frame 1",
	    "pack: damaged at frame 1" },
};

static void
expect(const char *row, const char *with, int r, const char *text)
{
	ck_assert_msg((r == 0) == (text == NULL), "%s, %s: %s", row, with,
	    r == 0 ? "passed" : e.msg);
	if (text != NULL)
		ck_assert_msg(strcmp(e.msg, text) == 0 && e.kind == ERR_CORRUPT,
		    "%s, %s: \"%s\" instead of \"%s\"", row, with, e.msg, text);
}

START_TEST(corruption_table)
{
	const struct row *row = &rows[_i];
	struct buf file = BUF_INIT, contents = BUF_INIT;

	buf_add(&file, good.data, good.len);
	ck_assert_msg(read_pack(&file, NULL, NULL) == 0, "%s", e.msg);
	ck_assert_msg(read_pack(&file, dba, &contents) == 0, "%s", e.msg);
	row->mutilate(&file);
	ck_assert_msg(file.len != good.len || memcmp(file.data, good.data, good.len) != 0,
	    "%s: nothing changed", row->name);
	expect(row->name, "without a key", read_pack(&file, NULL, NULL), row->keyless);
	expect(row->name, "with the key", read_pack(&file, dba, &contents), row->keyed);
	buf_free(&file);
	buf_free(&contents);
}
END_TEST

START_TEST(every_flipped_bit_is_noticed_without_a_key)
{
	size_t i;
	int bit;

	ck_assert_int_eq(read_pack(&good, NULL, NULL), 0);
	for (i = 0; i < good.len; i++)
		for (bit = 0; bit < 8; bit++) {
			good.data[i] ^= (uint8_t)(1 << bit);
			ck_assert_msg(read_pack(&good, NULL, NULL) == -1,
			    "byte %zu, bit %d passed", i, bit);
			ck_assert_int_eq(e.kind, ERR_CORRUPT);
			good.data[i] ^= (uint8_t)(1 << bit);
		}
}
END_TEST

/* Where a flip does no harm to whoever has dba's key: hints, spare's box, checks. */
static int
is_harmless(size_t i)
{
	const size_t recipients = begins[0] - 8 - 2 * 88;
	size_t n;

	if (i >= recipients && i < begins[0])
		return i < recipients + KEY_ID || i >= recipients + 88;
	for (n = 0; n < FRAMES; n++)
		if (i >= begins[n] + 28 && i < begins[n] + SEAL_FRAME_HEADER)
			return 1;
	return 0;
}

START_TEST(every_flipped_byte_is_noticed_with_the_key_or_does_no_harm)
{
	struct buf want = BUF_INIT, got = BUF_INIT;
	size_t i;
	int r;

	ck_assert_int_eq(read_pack(&good, dba, &want), 0);
	for (i = 0; i < good.len; i++) {
		good.data[i] ^= (uint8_t)(1 << i % 8);
		buf_reset(&got);
		r = read_pack(&good, dba, &got);
		ck_assert_msg(r == (is_harmless(i) ? 0 : -1), "byte %zu: %s", i,
		    r == 0 ? "passed" : e.msg);
		if (r == 0) {
			ck_assert_uint_eq(got.len, want.len);
			ck_assert_mem_eq(got.data, want.data, want.len);
		} else
			ck_assert_int_eq(e.kind, ERR_CORRUPT);
		good.data[i] ^= (uint8_t)(1 << i % 8);
	}
	buf_free(&want);
	buf_free(&got);
}
END_TEST

START_TEST(a_file_cut_anywhere_is_noticed)
{
	struct buf contents = BUF_INIT;
	size_t len;

	for (len = good.len, good.len = 0; good.len < len; good.len++) {
		ck_assert_int_eq(read_pack(&good, NULL, NULL), -1);
		ck_assert_int_eq(e.kind, ERR_CORRUPT);
		buf_reset(&contents);
		ck_assert_int_eq(read_pack(&good, dba, &contents), -1);
		ck_assert_int_eq(e.kind, ERR_CORRUPT);
	}
	buf_free(&contents);
}
END_TEST

Suite *
sealed_corruption_suite(void)
{
	Suite *suite = suite_create("sealed_corruption");
	TCase *t = tcase_create("corruption");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, corruption_table, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(t, every_flipped_bit_is_noticed_without_a_key);
	tcase_add_test(t, every_flipped_byte_is_noticed_with_the_key_or_does_no_harm);
	tcase_add_test(t, a_file_cut_anywhere_is_noticed);
	suite_add_tcase(suite, t);
	return suite;
}
