/*
 * Tests of base/clock.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "suites.h"

#define S INT64_C(1000000)

START_TEST(formats_in_utc_with_microseconds)
{
	static const struct {
		int64_t us;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000000Z" },
		{ 1, "1970-01-01T00:00:00.000001Z" },
		{ -1, "1969-12-31T23:59:59.999999Z" },
		{ -S, "1969-12-31T23:59:59.000000Z" },
		{ 1795341600123456, "2026-11-22T10:00:00.123456Z" },
		{ 951782400 * S, "2000-02-29T00:00:00.000000Z" },
		{ 253402300799 * S + 999999, "9999-12-31T23:59:59.999999Z" },
		{ -62167219200 * S, "0000-01-01T00:00:00.000000Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.999999Z" },
		{ INT64_MIN, "0000-01-01T00:00:00.000000Z" },
	};
	char text[CLOCK_TEXT];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_str_eq(clock_format(text, rows[i].us), rows[i].text);
}
END_TEST

START_TEST(parses_a_time_with_its_zone)
{
	static const struct {
		const char *text, *utc;
	} rows[] = {
		{ "2026-11-22T10:00:00Z", "2026-11-22T10:00:00.000000Z" },
		{ "2026-11-22T10:00:00.5Z", "2026-11-22T10:00:00.500000Z" },
		{ "2026-11-22T10:00:00.123456Z", "2026-11-22T10:00:00.123456Z" },
		{ "2026-11-22T10:00:00.000001Z", "2026-11-22T10:00:00.000001Z" },
		{ "2026-11-22 10:00Z", "2026-11-22T10:00:00.000000Z" },
		{ "2026-11-22 10:00:00 UTC", "2026-11-22T10:00:00.000000Z" },
		{ "2026-11-22 10:00:00UTC", "2026-11-22T10:00:00.000000Z" },
		{ "2026-11-22 10:00:00+01", "2026-11-22T09:00:00.000000Z" },
		{ "2026-11-22 10:00:00 +01:00", "2026-11-22T09:00:00.000000Z" },
		{ "2026-11-22 10:00:00+0530", "2026-11-22T04:30:00.000000Z" },
		{ "2026-11-22 10:00:00.25-03:30", "2026-11-22T13:30:00.250000Z" },
		{ "2026-11-22 10:00-00", "2026-11-22T10:00:00.000000Z" },
		{ "2026-12-31 23:30-01", "2027-01-01T00:30:00.000000Z" },
		{ "2024-02-29 00:00Z", "2024-02-29T00:00:00.000000Z" },
		{ "2000-02-29 23:59:59Z", "2000-02-29T23:59:59.000000Z" },
		{ "1969-12-31 23:59:59.999999Z", "1969-12-31T23:59:59.999999Z" },
		{ "0001-01-01 00:00Z", "0001-01-01T00:00:00.000000Z" },
		{ "9999-12-31 23:59:59.999999Z", "9999-12-31T23:59:59.999999Z" },
	};
	char text[CLOCK_TEXT];
	struct err e = ERR_INIT;
	int64_t us;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_msg(clock_parse(rows[i].text, &us, &e) == 0, "\"%s\": %s",
		    rows[i].text, e.msg);
		ck_assert_str_eq(clock_format(text, us), rows[i].utc);
	}
}
END_TEST

START_TEST(refuses_what_is_no_time)
{
	static const char *const bad[] = { "", "now", "2026-11-22", "2026-11-22T10Z",
		"2026-13-01 10:00Z", "2026-00-01 10:00Z", "2026-01-00 10:00Z",
		"2026-01-32 10:00Z", "2026-04-31 10:00Z", "2026-02-29 10:00Z",
		"1900-02-29 10:00Z", "2024-02-30 10:00Z", "0000-01-01 10:00Z",
		"2026-11-22 24:00Z", "2026-11-22 10:60Z",
		"2026-11-22 10:00:60Z", "2026-11-22 10:00:Z", "2026-11-22 10:00:00.Z",
		"2026-11-22 10:00:00.1234567Z", "2026-11-22 10:00:00,5Z", "2026-11-22  10:00Z",
		"2026-11-22t10:00Z", "2026-11-22_10:00Z", " 2026-11-22 10:00Z",
		"2026-11-22 10:00Z ", "2026-11-22 10:00ZZ", "2026-11-22 10:00 ",
		"2026-11-22 10:00  UTC", "2026-11-22 10:00 UT", "2026-11-22 10:00 CET",
		"2026-11-22 10:00 utc", "2026-11-22 10:00+1", "2026-11-22 10:00+01:",
		"2026-11-22 10:00+01:0", "2026-11-22 10:00+010", "2026-11-22 10:00+01:60",
		"2026-11-22 10:00+16", "2026-11-22 10:00+01:00:00", "2026-11-22 10:00UTC+1",
		"26-11-22 10:00Z", "2026-1-22 10:00Z", "+026-11-22 10:00Z",
		"2026-11-22 +1:00Z", "12026-11-22 10:00Z", "2026/11/22 10:00Z", "1795341600" };
	struct err e = ERR_INIT;
	int64_t us = 42;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(clock_parse(bad[i], &us, &e) == -1, "\"%s\" passed", bad[i]);
		ck_assert_int_eq(e.kind, ERR_USAGE);
		ck_assert_ptr_nonnull(strstr(e.msg, "is not a time"));
		ck_assert_str_ne(e.hint, "");
	}
	ck_assert_int_eq(us, 42);
}
END_TEST

START_TEST(a_time_without_zone_is_refused_with_the_zone_to_add)
{
	struct err e = ERR_INIT;
	int64_t us;

	ck_assert_int_eq(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1), 0);
	tzset();
	ck_assert_int_eq(clock_parse("2026-11-22 10:00:00", &us, &e), -1);
	ck_assert_int_eq(e.kind, ERR_USAGE);
	ck_assert_str_eq(e.msg, "time \"2026-11-22 10:00:00\" has no zone");
	ck_assert_str_eq(e.hint,
	    "add the zone: \"2026-11-22 10:00:00+01:00\" as on this machine, or "
	    "\"2026-11-22 10:00:00Z\" for UTC");
	ck_assert_int_eq(clock_parse("2026-07-01T10:00", &us, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.hint, "\"2026-07-01T10:00+02:00\""));

	ck_assert_int_eq(setenv("TZ", "NST3:30", 1), 0);
	tzset();
	ck_assert_int_eq(clock_parse("2026-07-01 10:00", &us, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.hint, "\"2026-07-01 10:00-03:30\""));
}
END_TEST

START_TEST(parses_spans)
{
	static const struct {
		const char *text;
		int64_t us;
	} rows[] = {
		{ "0s", 0 },
		{ "7us", 7 },
		{ "500ms", 500000 },
		{ "90s", 90 * S },
		{ "15m", 900 * S },
		{ "15min", 900 * S },
		{ "26h", 26 * 3600 * S },
		{ "7d", 7 * 86400 * S },
		{ "2w", 14 * 86400 * S },
		{ "106751991d", 106751991LL * 86400 * S },
	};
	struct err e = ERR_INIT;
	int64_t us;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(clock_parse_span(rows[i].text, &us, &e), 0);
		ck_assert_int_eq(us, rows[i].us);
	}
}
END_TEST

START_TEST(refuses_what_is_no_span)
{
	static const char *const bad[] = { "", "s", "90", "-1s", "+1s", " 1s", "1 s", "1s ",
		"1.5h", "1h30m", "1S", "1y", "106751992d", "99999999999999999999s",
		"9223372036854775808us", "0x1s" };
	struct err e = ERR_INIT;
	int64_t us = 42;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(clock_parse_span(bad[i], &us, &e) == -1, "\"%s\" passed",
		    bad[i]);
		ck_assert_int_eq(e.kind, ERR_USAGE);
		ck_assert_str_ne(e.hint, "");
	}
	ck_assert_int_eq(us, 42);
}
END_TEST

START_TEST(formats_spans_for_people)
{
	static const struct {
		int64_t us;
		const char *text;
	} rows[] = {
		{ 0, "0 ms" },
		{ 12999, "12 ms" },
		{ 99999, "99 ms" },
		{ 100000, "0.1 s" },
		{ 345678, "0.3 s" },
		{ 9999999, "9.9 s" },
		{ 10 * S, "10 s" },
		{ 42 * S + 999999, "42 s" },
		{ 60 * S, "1 min 0 s" },
		{ 192 * S, "3 min 12 s" },
		{ 3600 * S, "1 h 0 min" },
		{ (26 * 3600 + 5 * 60 + 59) * S, "26 h 5 min" },
		{ (48 * 3600 - 1) * S, "47 h 59 min" },
		{ (8 * 24 + 2) * 3600 * S, "8 d 2 h" },
		{ -90 * S, "-1 min 30 s" },
		{ INT64_MIN, "-106751991 d 4 h" },
	};
	char text[32];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_str_eq(clock_format_span(text, rows[i].us), rows[i].text);
}
END_TEST

START_TEST(the_clocks_run)
{
	struct timespec ts;
	int64_t mono = clock_mono(), now = clock_now();
	const char *boot = clock_boot_id();

	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &ts), 0);
	ck_assert_int_le(llabs(now - (int64_t)ts.tv_sec * S), 10 * S);
	while (clock_mono() == mono)
		;
	ck_assert_int_gt(clock_mono(), mono);
	ck_assert_int_gt(clock_uptime(), 0);
	ck_assert_int_lt(clock_uptime(), 100 * 366 * 86400LL);
	ck_assert_str_eq(boot, clock_boot_id());
	ck_assert(strlen(boot) == CLOCK_BOOT - 1 || strcmp(boot, "unknown") == 0);
}
END_TEST

Suite *
clock_suite(void)
{
	Suite *s = suite_create("clock");
	TCase *t = tcase_create("clock");

	tcase_add_test(t, formats_in_utc_with_microseconds);
	tcase_add_test(t, parses_a_time_with_its_zone);
	tcase_add_test(t, refuses_what_is_no_time);
	tcase_add_test(t, a_time_without_zone_is_refused_with_the_zone_to_add);
	tcase_add_test(t, parses_spans);
	tcase_add_test(t, refuses_what_is_no_span);
	tcase_add_test(t, formats_spans_for_people);
	tcase_add_test(t, the_clocks_run);
	suite_add_tcase(s, t);
	return s;
}
