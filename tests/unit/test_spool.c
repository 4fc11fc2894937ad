/*
 * Tests of pg/spool: what goes in comes out, from memory and from the file.
 */
#include <stdlib.h>
#include <string.h>

#include "pg/spool.h"
#include "suites.h"

struct reader {
	uint64_t got;
	int fail;
};

/* The byte at a position: a pattern that no piece size divides. */
static uint8_t
byte_at(uint64_t at)
{
	return (uint8_t)(at % 251);
}

static int
check(void *ctx, const void *p, size_t n, struct err *e)
{
	struct reader *r = ctx;
	const uint8_t *b = p;
	size_t i;

	if (r->fail)
		return err_set(e, ERR_IO, "the reader fails");
	for (i = 0; i < n; i++)
		if (b[i] != byte_at(r->got + i))
			ck_abort_msg("byte %llu differs", (unsigned long long)(r->got + i));
	r->got += n;
	return 0;
}

static void
fill(struct spool *s, uint64_t size, size_t piece)
{
	struct err e = ERR_INIT;
	uint8_t *p = malloc(piece);
	size_t n, i;

	while (s->size < size) {
		n = size - s->size < piece ? (size_t)(size - s->size) : piece;
		for (i = 0; i < n; i++)
			p[i] = byte_at(s->size + i);
		ck_assert_int_eq(spool_add(s, p, n, &e), 0);
	}
	free(p);
}

static const struct {
	uint64_t size;
	size_t piece;
	int in_file;
} sizes[] = {
	{ 0, 1, 0 },
	{ 1, 1, 0 },
	{ 100000, 700, 0 },
	{ (8u << 20) - 1, 32768, 0 },
	{ 8u << 20, 32768, 1 },
	{ (20u << 20) + 17, 32768, 1 },
	{ (20u << 20) + 17, 3u << 20, 1 },
};

START_TEST(what_goes_in_comes_out)
{
	struct spool s = SPOOL_INIT;
	struct reader r = { 0, 0 };
	struct err e = ERR_INIT;

	fill(&s, sizes[_i].size, sizes[_i].piece);
	ck_assert_int_eq(s.fd >= 0, sizes[_i].in_file);
	ck_assert_int_eq(spool_replay(&s, check, &r, &e), 0);
	ck_assert_uint_eq(r.got, sizes[_i].size);
	spool_free(&s);
}
END_TEST

START_TEST(a_failing_reader_ends_it)
{
	struct spool s = SPOOL_INIT;
	struct reader r = { 0, 1 };
	struct err e = ERR_INIT;

	fill(&s, sizes[_i].size, sizes[_i].piece);
	ck_assert_int_eq(spool_replay(&s, check, &r, &e), -1);
	ck_assert_str_eq(e.msg, "the reader fails");
	spool_free(&s);
}
END_TEST

START_TEST(no_folder_for_the_file_is_an_error)
{
	struct spool s = SPOOL_INIT;
	struct err e = ERR_INIT;
	char *piece = calloc(1, 5u << 20);

	ck_assert_int_eq(setenv("TMPDIR", "/nonexistent", 1), 0);
	ck_assert_int_eq(spool_add(&s, piece, 5u << 20, &e), 0);
	ck_assert_int_eq(spool_add(&s, piece, 5u << 20, &e), -1);
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
	ck_assert_msg(strstr(e.msg, "/nonexistent") != NULL, "%s", e.msg);
	ck_assert_int_eq(unsetenv("TMPDIR"), 0);
	spool_free(&s);
	free(piece);
}
END_TEST

Suite *
spool_suite(void)
{
	Suite *s = suite_create("spool");
	TCase *t = tcase_create("spool");
	int n = (int)(sizeof(sizes) / sizeof(sizes[0]));

	tcase_add_loop_test(t, what_goes_in_comes_out, 0, n);
	tcase_add_loop_test(t, a_failing_reader_ends_it, 1, n);
	tcase_add_test(t, no_folder_for_the_file_is_an_error);
	suite_add_tcase(s, t);
	return s;
}
