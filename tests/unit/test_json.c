/*
 * Tests of base/json.
 */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "scratch.h"
#include "suites.h"

static struct err e = ERR_INIT;

/* What json_print writes. */
static const char *
printed(struct json *j)
{
	scratch_capture(STDOUT_FILENO);
	ck_assert_int_eq(json_print(j, &e), 0);
	return scratch_captured();
}

START_TEST(an_object_is_one_line)
{
	struct json j = JSON_INIT;

	json_begin(&j, "snapshot");
	json_str(&j, "id", "9f3a");
	json_str(&j, "base", NULL);
	json_int(&j, "low", INT64_MIN);
	json_uint(&j, "high", UINT64_MAX);
	json_bool(&j, "flagged", 0);
	json_bool(&j, "done", 2);
	json_time(&j, "at", 1795341600123456);
	ck_assert_str_eq(printed(&j),
	    "{\"v\":1,\"type\":\"snapshot\",\"id\":\"9f3a\",\"base\":null,"
	    "\"low\":-9223372036854775808,\"high\":18446744073709551615,"
	    "\"flagged\":false,\"done\":true,\"at\":\"2026-11-22T10:00:00.123456Z\"}\n");
	json_free(&j);
}
END_TEST

START_TEST(objects_and_arrays_nest)
{
	struct json j = JSON_INIT;

	json_begin(&j, "source");
	json_open(&j, "streams", '[');
	json_open(&j, NULL, '{');
	json_str(&j, "name", "a");
	json_open(&j, "gaps", '[');
	json_close(&j, ']');
	json_close(&j, '}');
	json_open(&j, NULL, '{');
	json_close(&j, '}');
	json_int(&j, NULL, 1);
	json_str(&j, NULL, NULL);
	json_close(&j, ']');
	json_int(&j, "n", 2);
	ck_assert_str_eq(printed(&j),
	    "{\"v\":1,\"type\":\"source\",\"streams\":"
	    "[{\"name\":\"a\",\"gaps\":[]},{},1,null],\"n\":2}\n");
	json_free(&j);
}
END_TEST

START_TEST(each_line_begins_anew)
{
	struct json j = JSON_INIT;

	json_begin(&j, "one");
	json_int(&j, "n", 1);
	ck_assert_str_eq(printed(&j), "{\"v\":1,\"type\":\"one\",\"n\":1}\n");
	json_begin(&j, "two");
	ck_assert_str_eq(printed(&j), "{\"v\":1,\"type\":\"two\"}\n");
	json_begin(&j, "dropped");
	json_open(&j, "a", '[');
	json_begin(&j, "three");
	ck_assert_str_eq(printed(&j), "{\"v\":1,\"type\":\"three\"}\n");
	json_free(&j);
}
END_TEST

START_TEST(any_text_gives_valid_json)
{
	static const struct {
		const char *text, *json;
	} rows[] = {
		{ "", "" },
		{ "a\"b\\c/", "a\\\"b\\\\c/" },
		{ "\n\t\r\x1b\x01\x7f", "\\n\\u0009\\u000d\\u001b\\u0001\\u007f" },
		{ "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\xa2",
		    "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\xa2" },
		{ "\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf", /* the first and last ones */
		    "\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf" },
		{ "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
		{ "\xe9t\xe9", "?t?" },			   /* Latin-1 */
		{ "\x80", "?" },			   /* a continuation alone */
		{ "\xc3", "?" },			   /* cut off */
		{ "\xe2\x82", "??" },			   /* cut off */
		{ "\xf0\x9f\x9a", "???" },		   /* cut off */
		{ "\xe2\x82x", "??x" },			   /* cut off inside */
		{ "\xc0\xaf", "??" },			   /* overlong */
		{ "\xe0\x9f\xbf", "???" },		   /* overlong */
		{ "\xf0\x8f\xbf\xbf", "????" },		   /* overlong */
		{ "\xed\xa0\x80", "???" },		   /* a surrogate */
		{ "\xf4\x90\x80\x80", "????" },		   /* beyond U+10FFFF */
		{ "\xf5\x80\x80\x80\xff", "?????" },	   /* never in UTF-8 */
	};
	struct json j = JSON_INIT;
	struct buf expected = BUF_INIT;
	const char *p;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&expected);
		buf_str(&expected, "{\"v\":1,\"type\":\"t\",\"k\":\"");
		for (p = rows[i].json; *p != '\0'; p++)
			buf_add(&expected, *p == '?' ? "\xef\xbf\xbd" : p, *p == '?' ? 3 : 1);
		buf_str(&expected, "\"}\n");
		json_begin(&j, "t");
		json_str(&j, "k", rows[i].text);
		ck_assert_str_eq(printed(&j), buf_cstr(&expected));
	}
	buf_free(&expected);
	json_free(&j);
}
END_TEST

START_TEST(what_is_open_is_not_printed)
{
	struct json j = JSON_INIT;

	json_begin(&j, "t");
	json_open(&j, "a", '[');
	scratch_capture(STDOUT_FILENO);
	ck_assert_int_eq(json_print(&j, &e), -1);
	ck_assert_str_eq(scratch_captured(), "");
	ck_assert_int_eq(e.kind, ERR_BUG);
	json_free(&j);
}
END_TEST

START_TEST(a_full_stdout_is_told)
{
	struct json j = JSON_INIT;

	ck_assert_ptr_nonnull(freopen("/dev/full", "w", stdout));
	json_begin(&j, "t");
	ck_assert_int_eq(json_print(&j, &e), -1);
	ck_assert_int_eq(e.kind, ERR_IO);
	ck_assert_str_eq(e.msg, "standard output: write: No space left on device");
	json_free(&j);
}
END_TEST

START_TEST(a_document_of_another_format_goes_into_any_file)
{
	struct json j = JSON_INIT;
	char text[64] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");

	ck_assert_ptr_nonnull(f);
	json_document(&j);
	json_str(&j, "version", "2.1.0");
	json_open(&j, "runs", '[');
	ck_assert_int_eq(json_write(&j, f, &e), -1);
	ck_assert_int_eq(e.kind, ERR_BUG);
	json_close(&j, ']');
	ck_assert_int_eq(json_write(&j, f, &e), 0);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_str_eq(text, "{\"version\":\"2.1.0\",\"runs\":[]}\n");
	json_free(&j);
}
END_TEST

Suite *
json_suite(void)
{
	Suite *s = suite_create("json");
	TCase *t = tcase_create("json");

	tcase_add_checked_fixture(t, scratch_setup, scratch_teardown);
	tcase_add_test(t, an_object_is_one_line);
	tcase_add_test(t, objects_and_arrays_nest);
	tcase_add_test(t, each_line_begins_anew);
	tcase_add_test(t, any_text_gives_valid_json);
	tcase_add_test(t, what_is_open_is_not_printed);
	tcase_add_test(t, a_full_stdout_is_told);
	tcase_add_test(t, a_document_of_another_format_goes_into_any_file);
	suite_add_tcase(s, t);
	return s;
}
