/*
 * Tests of base/text.
 */
#include <string.h>

#include "base/text.h"
#include "suites.h"

START_TEST(numbers_have_one_spelling)
{
	static const char *const bad[] = { "", "00", "01", "-1", "+1", " 1", "1 ", "0x1",
		"18446744073709551616", "99999999999999999999", "100000000000000000000" };
	uint64_t n;
	size_t i;

	ck_assert_int_eq(text_u64("0", 1, &n), 0);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(text_u64("18446744073709551615", 20, &n), 0);
	ck_assert_uint_eq(n, UINT64_MAX);
	ck_assert_int_eq(text_u64("123", 2, &n), 0);
	ck_assert_uint_eq(n, 12);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(text_u64(bad[i], strlen(bad[i]), &n) == -1, "\"%s\" passed",
		    bad[i]);
}
END_TEST

START_TEST(times_have_one_spelling)
{
	static const char *const bad[] = { "", "2026-11-22T10:00:00Z",
	    "2026-11-22 10:00:00.000000Z",
		"2026-11-22T10:00:00.000000+", "2026-13-22T10:00:00.000000Z",
		"2026-11-22T10:00:00.00000UTC", "2026-11-22T10:00:00,000000Z" };
	int64_t us;
	size_t i;

	ck_assert_int_eq(text_time("1970-01-01T00:00:01.000002Z", &us), 0);
	ck_assert_int_eq(us, 1000002);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(text_time(bad[i], &us) == -1, "\"%s\" passed", bad[i]);
}
END_TEST

START_TEST(any_text_survives_encoding)
{
	struct buf b = BUF_INIT;
	char all[256], back[256];
	int i;

	for (i = 1; i < 256; i++)
		all[i - 1] = (char)i;
	all[255] = '\0';
	text_encode(&b, all);
	for (i = 0; i < (int)b.len; i++)
		ck_assert(b.data[i] > ' ' && b.data[i] < 127);
	ck_assert_int_eq(text_decode(back, (char *)b.data, b.len), 0);
	ck_assert_str_eq(back, all);
	buf_free(&b);
}
END_TEST

START_TEST(words_have_one_spelling)
{
	static const char *const bad[] = { "a b", "%41", "%", "%2", "%2g", "%c3", "%00",
	    "a\nb",
		"\x7f", "\xc3" };
	char out[64];
	size_t i;

	ck_assert_int_eq(text_decode(out, "a%20b%25=%C3%A9", 15), 0);
	ck_assert_str_eq(out, "a b%=\xc3\xa9");
	ck_assert_int_eq(text_decode(out, "", 0), 0);
	ck_assert_str_eq(out, "");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(text_decode(out, bad[i], strlen(bad[i])) == -1, "\"%s\" passed",
		    bad[i]);
}
END_TEST

START_TEST(names_are_safe_as_names_of_files)
{
	static const char *const bad[] = { "", ".", "..", ".a", "-a", "_a", "a/b", "a b",
	    "a\n", "12345" };
	size_t i;

	ck_assert(text_name_ok("aZ.9", 5));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!text_name_ok(bad[i], 5), "\"%s\" passed", bad[i]);
}
END_TEST

/* What is wrong with these lines, read as "one VALUE" and "two 2 hex digits". */
static const char *
read_two(const char *text)
{
	static struct err e;
	struct text_lines t;
	char one[4];
	uint8_t two[1];

	err_clear(&e);
	text_begin(&t, text, strlen(text), "FILE");
	if (text_line(&t, "one", one, sizeof(one), &e) == 0 &&
	    text_line_hex(&t, "two", two, 1, &e) == 0)
		(void)text_end(&t, &e);
	return e.msg;
}

START_TEST(lines_are_exact)
{
	ck_assert_str_eq(read_two("one a\ntwo 0f\n"), "");
	ck_assert_str_eq(read_two("one \ntwo 0f\n"), "");
	ck_assert_str_eq(read_two(""), "FILE: line 1: not \"one\" and its value");
	ck_assert_str_eq(read_two("one a"), "FILE: line 1: not \"one\" and its value");
	ck_assert_str_eq(read_two("one\ntwo 0f\n"), "FILE: line 1: not \"one\" and its value");
	ck_assert_str_eq(read_two("two 0f\none a\n"),
	    "FILE: line 1: not \"one\" and its value");
	ck_assert_str_eq(read_two("one abcd\n"), "FILE: line 1: not a value of \"one\"");
	ck_assert_str_eq(read_two("one a\ntwo 0F\n"),
	    "FILE: line 2: not 2 hexadecimal digits");
	ck_assert_str_eq(read_two("one a\ntwo 0f\n\n"),
	    "FILE: more than was expected after line 2");
}
END_TEST

Suite *
text_suite(void)
{
	Suite *s = suite_create("text");
	TCase *t = tcase_create("text");

	tcase_add_test(t, numbers_have_one_spelling);
	tcase_add_test(t, times_have_one_spelling);
	tcase_add_test(t, any_text_survives_encoding);
	tcase_add_test(t, words_have_one_spelling);
	tcase_add_test(t, names_are_safe_as_names_of_files);
	tcase_add_test(t, lines_are_exact);
	suite_add_tcase(s, t);
	return s;
}
