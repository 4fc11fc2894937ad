/*
 * Tests of base/buf: the buffer, the view, fixed-place integers.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "suites.h"

START_TEST(integers_are_little_endian)
{
	static const uint8_t expected[] = { 0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f,
		0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x88 };
	struct buf b = BUF_INIT;
	struct view v;

	buf_u8(&b, 0x01);
	buf_u16(&b, 0x0203);
	buf_u32(&b, 0x04050607);
	buf_u64(&b, 0x88090a0b0c0d0e0f);
	ck_assert_uint_eq(b.len, sizeof(expected));
	ck_assert_mem_eq(b.data, expected, sizeof(expected));

	view_init(&v, b.data, b.len);
	ck_assert_uint_eq(view_u8(&v), 0x01);
	ck_assert_uint_eq(view_u16(&v), 0x0203);
	ck_assert_uint_eq(view_u32(&v), 0x04050607);
	ck_assert_uint_eq(view_u64(&v), 0x88090a0b0c0d0e0f);
	ck_assert_uint_eq(view_left(&v), 0);
	ck_assert_int_eq(v.bad, 0);
	buf_free(&b);
}
END_TEST

START_TEST(fixed_places_are_little_endian)
{
	uint8_t p[9] = { 0 };

	le16_put(p + 1, 0x0102);
	ck_assert_mem_eq(p + 1, "\x02\x01", 2);
	ck_assert_uint_eq(le16_get(p + 1), 0x0102);
	le32_put(p + 1, 0x81020304);
	ck_assert_mem_eq(p + 1, "\x04\x03\x02\x81", 4);
	ck_assert_uint_eq(le32_get(p + 1), 0x81020304);
	le64_put(p + 1, 0x8102030405060708);
	ck_assert_mem_eq(p + 1, "\x08\x07\x06\x05\x04\x03\x02\x81", 8);
	ck_assert_uint_eq(le64_get(p + 1), 0x8102030405060708);
}
END_TEST

START_TEST(grows_and_keeps_what_it_has)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	int i;

	for (i = 0; i < 100000; i++)
		buf_u8(&b, (uint8_t)i);
	ck_assert_int_eq(buf_check(&b, &e), 0);
	ck_assert_uint_eq(b.len, 100000);
	for (i = 0; i < 100000; i++)
		if (b.data[i] != (uint8_t)i)
			ck_abort_msg("byte %d changed", i);
	buf_reset(&b);
	ck_assert_uint_eq(b.len, 0);
	ck_assert_uint_ge(b.cap, 100000);
	buf_free(&b);
	ck_assert_ptr_null(b.data);
	ck_assert_uint_eq(b.cap, 0);
}
END_TEST

START_TEST(a_reserved_buffer_does_not_move)
{
	struct buf b = BUF_INIT;
	const uint8_t *data;
	int i;

	ck_assert_int_eq(buf_reserve(&b, 1000), 0);
	data = b.data;
	for (i = 0; i < 1000; i++)
		buf_u8(&b, 'x');
	ck_assert_uint_eq(strlen(buf_cstr(&b)), 1000);
	ck_assert_ptr_eq(b.data, data);
	buf_wipe(&b);
	ck_assert_ptr_null(b.data);
}
END_TEST

START_TEST(text_is_appended)
{
	struct buf b = BUF_INIT;

	ck_assert_str_eq(buf_cstr(&b), "");
	buf_str(&b, "one");
	buf_fmt(&b, " %d%s", 2, " three");
	buf_fmt(&b, "%s", "");
	buf_add(&b, NULL, 0);
	ck_assert_str_eq(buf_cstr(&b), "one 2 three");
	ck_assert_uint_eq(b.len, 11);
	buf_fmt(&b, "%2000d", 4);
	ck_assert_uint_eq(strlen(buf_cstr(&b)), 2011);
	buf_free(&b);
}
END_TEST

START_TEST(failure_is_sticky_and_told_once)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	buf_str(&b, "good");
	ck_assert_int_eq(buf_reserve(&b, SIZE_MAX - 2), -1);
	buf_str(&b, "more");
	buf_fmt(&b, "%d", 1);
	buf_str16(&b, "more");
	ck_assert_int_eq(buf_reserve(&b, 1), -1);
	ck_assert_str_eq(buf_cstr(&b), "");
	ck_assert_int_eq(buf_check(&b, &e), -1);
	ck_assert_int_eq(e.kind, ERR_SYSTEM);
	ck_assert_str_eq(e.msg, "out of memory");
	buf_free(&b);
	ck_assert_int_eq(buf_check(&b, &e), 0);
}
END_TEST

START_TEST(an_impossible_allocation_fails_cleanly)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	buf_str(&b, "good");
	ck_assert_int_eq(buf_reserve(&b, SIZE_MAX / 4 - 100), -1);
	ck_assert_int_eq(buf_check(&b, &e), -1);
	ck_assert_str_eq(e.msg, "out of memory");
	buf_free(&b);
}
END_TEST

START_TEST(str16_carries_any_string_up_to_its_limit)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct view v;
	char *text = malloc(65537), *out = malloc(65536);

	memset(text, 'y', 65536);
	text[65535] = '\0';
	buf_str16(&b, text);
	buf_str16(&b, "");
	buf_str16(&b, "next");
	ck_assert_int_eq(buf_check(&b, &e), 0);
	view_init(&v, b.data, b.len);
	view_str16(&v, out, 65536);
	ck_assert_str_eq(out, text);
	view_str16(&v, out, 1);
	ck_assert_str_eq(out, "");
	view_str16(&v, out, 5);
	ck_assert_str_eq(out, "next");
	ck_assert_int_eq(v.bad, 0);

	text[65535] = 'y';
	text[65536] = '\0';
	buf_str16(&b, text);
	ck_assert_int_eq(buf_check(&b, &e), -1);
	ck_assert_int_eq(e.kind, ERR_BUG);
	buf_free(&b);
	free(text);
	free(out);
}
END_TEST

START_TEST(a_short_view_is_bad_and_stays_so)
{
	static const uint8_t bytes[] = { 1, 2, 3 };
	struct view v;
	char text[8] = "old";

	view_init(&v, bytes, sizeof(bytes));
	ck_assert_uint_eq(view_u32(&v), 0);
	ck_assert_int_eq(v.bad, 1);
	ck_assert_uint_eq(view_left(&v), 0);
	ck_assert_uint_eq(view_u8(&v), 0);
	ck_assert_uint_eq(view_u16(&v), 0);
	ck_assert_uint_eq(view_u64(&v), 0);
	ck_assert_ptr_null(view_bytes(&v, 1));
	ck_assert_ptr_null(view_bytes(&v, 0));
	view_str16(&v, text, sizeof(text));
	ck_assert_str_eq(text, "");
	ck_assert_int_eq(v.bad, 1);
}
END_TEST

START_TEST(a_view_ends_where_it_ends)
{
	static const uint8_t bytes[] = { 1, 2, 3 };
	struct view v;

	view_init(&v, bytes, sizeof(bytes));
	ck_assert_ptr_eq(view_bytes(&v, 3), bytes);
	ck_assert_int_eq(v.bad, 0);
	ck_assert_ptr_null(view_bytes(&v, 1));
	ck_assert_int_eq(v.bad, 1);
	view_init(&v, bytes, sizeof(bytes));
	ck_assert_ptr_null(view_bytes(&v, SIZE_MAX));
	ck_assert_int_eq(v.bad, 1);
	view_init(&v, NULL, 0);
	ck_assert_uint_eq(view_left(&v), 0);
	ck_assert_uint_eq(view_u8(&v), 0);
	ck_assert_int_eq(v.bad, 1);
}
END_TEST

START_TEST(str16_refuses_lies)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {
		{ "\x05", 1 },		    /* half a length */
		{ "\x05\x00house", 6 },	    /* one byte is missing */
		{ "\x05\x00ho\0se", 7 },    /* a NUL inside */
		{ "\x08\x00mountain", 10 }, /* no room for its NUL */
		{ "\xff\xffhouse", 7 },
	};
	struct view v;
	char text[8];
	size_t i;

	view_init(&v, "\x07\x00seaside", 9);
	view_str16(&v, text, sizeof(text));
	ck_assert_str_eq(text, "seaside");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		view_init(&v, bad[i].bytes, bad[i].n);
		view_str16(&v, text, sizeof(text));
		ck_assert_msg(v.bad == 1, "row %zu passed", i);
		ck_assert_str_eq(text, "");
	}
}
END_TEST

Suite *
buf_suite(void)
{
	Suite *s = suite_create("buf");
	TCase *t = tcase_create("buf");

	tcase_add_test(t, integers_are_little_endian);
	tcase_add_test(t, fixed_places_are_little_endian);
	tcase_add_test(t, grows_and_keeps_what_it_has);
	tcase_add_test(t, a_reserved_buffer_does_not_move);
	tcase_add_test(t, text_is_appended);
	tcase_add_test(t, failure_is_sticky_and_told_once);
	tcase_add_test(t, an_impossible_allocation_fails_cleanly);
	tcase_add_test(t, str16_carries_any_string_up_to_its_limit);
	tcase_add_test(t, a_short_view_is_bad_and_stays_so);
	tcase_add_test(t, a_view_ends_where_it_ends);
	tcase_add_test(t, str16_refuses_lies);
	suite_add_tcase(s, t);
	return s;
}
