/*
 * Tests of audit/baseline and audit/jsonline: what an earlier run found, read again.
 */
#include <stdio.h>
#include <string.h>

#include "audit/jsonline.h"
#include "audit/tell_private.h"
#include "base/io.h"
#include "scratch.h"
#include "suites.h"

#define FINDING "{\"v\":1,\"type\":\"finding\",\"fingerprint\":\"%s\",\"check\":\"O1\"," \
	"\"severity\":\"high\",\"account\":\"a \\\"b\\\"\\n\",\"sink\":\"DROP\",\"text\":\"path\"," \
	"\"path\":[\"x\",{\"fingerprint\":\"no\"}],\"objects\":12}\n"
#define RESULT "{\"v\":1,\"type\":\"result\",\"status\":1,\"findings\":2}\n"

static struct err e;

static struct baseline *
read_text(const char *text)
{
	ck_assert_int_eq(io_write_file(scratch_path("b"), text, strlen(text), 0600, &e), 0);
	return baseline_read(scratch_path("b"), &e);
}

START_TEST(it_knows_what_was_found)
{
	char text[2048];
	struct baseline *b;
	const struct baseline_entry *was;

	snprintf(text, sizeof(text), FINDING FINDING
	    "{\"v\":1,\"type\":\"fault\",\"fingerprint\":\"0c\",\"check\":\"B4\",\"severity\":"
	    "\"critical\",\"subject\":\"archive_mode\",\"sink\":\"LOGKILL\",\"text\":\"off\"}\n"
	    "{\"v\":1,\"type\":\"unknown\",\"check\":\"H1\"}\n" RESULT, "0b", "0a");
	b = read_text(text);
	ck_assert_msg(b != NULL, "%s", e.msg);
	ck_assert_uint_eq(b->n, 3);
	was = baseline_find(b, "0a");
	ck_assert_ptr_nonnull(was);
	ck_assert_str_eq(was->subject, "a \"b\"\n");
	ck_assert_str_eq(was->sink, "DROP");
	ck_assert_str_eq(was->path, "path");
	ck_assert_int_eq(was->severity, SEVERITY_HIGH);
	ck_assert_uint_eq(was->objects, 12);
	ck_assert_str_eq(baseline_find(b, "0c")->subject, "archive_mode");
	ck_assert_uint_eq(baseline_find(b, "0c")->objects, 0);
	ck_assert_ptr_null(baseline_find(b, "0d"));
	ck_assert_ptr_null(baseline_find(b, "no"));
	baseline_free(b);
}
END_TEST

START_TEST(a_clean_run_is_a_baseline)
{
	struct baseline *b = read_text("{\"v\":1,\"type\":\"result\",\"status\":0}");

	ck_assert_ptr_nonnull(b);
	ck_assert_ptr_null(baseline_find(b, "0a"));
	baseline_free(b);
}
END_TEST

static const struct {
	const char *text, *message;
} wrong[] = {
	{ "", ":0: cut off: there is no result" },
	{ "{\"v\":1,\"type\":\"unknown\"}\n", ":1: cut off: there is no result" },
	{ "hello\n" RESULT, ":1: not a line of privaudit --json" },
	{ "{\"v\":2,\"type\":\"result\",\"status\":0}\n",
	    ":1: not a line of privaudit --json" },
	{ "{\"v\":1}\n" RESULT, ":1: not a line of privaudit --json" },
	{ "{\"v\":1,\"type\":\"finding\"}\n" RESULT, ":1: a finding is not whole" },
	{ RESULT RESULT, ":2: something stands behind the result" },
	{ "{\"v\":1,\"type\":\"result\",\"status\":69,\"error\":\"x\"}\n",
	    ":1: that run failed, so it is no baseline" },
	{ "{\"v\":1,\"type\":\"result\"}\n", ":1: that run failed, so it is no baseline" },
	{ "{\"v\":1,\"type\":\"result\",\"status\":0", ":1: not a line of privaudit --json" },
};

START_TEST(what_is_no_baseline_is_refused)
{
	ck_assert_ptr_null(read_text(wrong[_i].text));
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
	ck_assert_msg(strstr(e.msg, wrong[_i].message) != NULL, "%s", e.msg);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_told)
{
	ck_assert_ptr_null(baseline_read(scratch_path("none"), &e));
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
}
END_TEST

/* The members of a line as "key=value" each, or "bad" at the end. */
static const char *
members(const char *text)
{
	static char out[512];
	struct jsonline_member m;
	struct jsonline l;
	char line[256];
	size_t n = 0;
	int r;

	snprintf(line, sizeof(line), "%s", text);
	jsonline_begin(&l, line, strlen(line));
	out[0] = '\0';
	while ((r = jsonline_next(&l, &m)) > 0)
		n += (size_t)(m.kind == JSONLINE_STRING ?
		    snprintf(out + n, sizeof(out) - n, "%s='%s' ", m.key, m.text) :
		    m.kind == JSONLINE_NUMBER ?
		    snprintf(out + n, sizeof(out) - n, "%s=%llu ", m.key,
			(unsigned long long)m.number) :
		    snprintf(out + n, sizeof(out) - n, "%s ", m.key));
	snprintf(out + n, sizeof(out) - n, "%s", r == 0 ? "end" : "bad");
	return out;
}

static const struct {
	const char *text, *members;
} lines[] = {
	{ "{}", "end" },
	{ " { \"a\" : 1 , \"b\" : \"x\" } ", "a=1 b='x' end" },
	{ "{\"a\":\"\\\"\\\\\\/\\n\\t\\u00fc\\u20ac\\ud83d\\ude00\"}",
	    "a='\"\\/\n\t\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80' end" },
	{ "{\"a\":[1,[\"]\\\"\"],{\"b\":2}],\"c\":null,\"d\":-1,\"e\":1.5,\"f\":true}",
	    "a c d e f end" },
	{ "{\"a\":18446744073709551615}", "a end" },
	{ "{\"a\":99999999999999999999999}", "a end" },
	{ "{\"a\":1844674407370955161}", "a=1844674407370955161 end" },
	{ "", "bad" }, { "[]", "bad" }, { "{", "bad" }, { "{\"a\"}", "bad" },
	{ "{\"a\":}", "bad" }, { "{\"a\":1", "a=1 bad" }, { "{\"a\":1,}", "a=1 bad" },
	{ "{\"a\":1}x", "a=1 bad" }, { "{\"a\":\"x}", "bad" }, { "{\"a\":\"\\x\"}", "bad" },
	{ "{\"a\":\"\\u12\"}", "bad" }, { "{\"a\":\"\\ud800x\"}", "bad" },
	{ "{\"a\":\"\\u0000\"}", "bad" }, { "{\"a\":[1}", "a bad" }, { "{\"a\":[", "bad" },
	{ "{\"a\":1 \"b\":2}", "a=1 bad" }, { "{\"a\":\"\\", "bad" },
};

START_TEST(a_line_is_read_member_by_member)
{
	ck_assert_str_eq(members(lines[_i].text), lines[_i].members);
}
END_TEST

Suite *
baseline_suite(void)
{
	Suite *s = suite_create("baseline");
	TCase *t = tcase_create("baseline");

	tcase_add_checked_fixture(t, scratch_setup, scratch_teardown);
	tcase_add_test(t, it_knows_what_was_found);
	tcase_add_test(t, a_clean_run_is_a_baseline);
	tcase_add_loop_test(t, what_is_no_baseline_is_refused, 0,
	    sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(t, a_file_that_is_not_there_is_told);
	tcase_add_loop_test(t, a_line_is_read_member_by_member, 0,
	    sizeof(lines) / sizeof(lines[0]));
	suite_add_tcase(s, t);
	return s;
}
