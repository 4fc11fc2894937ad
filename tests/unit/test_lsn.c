/*
 * Tests of pg/lsn: positions, file names, timeline histories.
 */
#include "pg/lsn.h"

#include <stdio.h>
#include <string.h>

#include "suites.h"

#define MIB (1u << 20)

START_TEST(positions_print_as_the_server_prints_them)
{
	char text[LSN_TEXT];

	ck_assert_str_eq(lsn_format(text, 0), "0/0");
	ck_assert_str_eq(lsn_format(text, UINT64_C(0x1a0000028)), "1/A0000028");
	ck_assert_str_eq(lsn_format(text, UINT64_MAX), "FFFFFFFF/FFFFFFFF");
}
END_TEST

START_TEST(in_json_they_are_strings)
{
	struct json j = JSON_INIT;

	json_begin(&j, "x");
	lsn_json(&j, "at", UINT64_C(0x1a0000028));
	ck_assert_str_eq(buf_cstr(&j.out), "{\"v\":1,\"type\":\"x\",\"at\":\"1/A0000028\"");
	json_free(&j);
}
END_TEST

START_TEST(both_forms_of_a_position_are_read)
{
	uint64_t lsn = 1;

	ck_assert_int_eq(lsn_parse("0/0", &lsn), 0);
	ck_assert_uint_eq(lsn, 0);
	ck_assert_int_eq(lsn_parse("1/A0000028", &lsn), 0);
	ck_assert_uint_eq(lsn, UINT64_C(0x1a0000028));
	ck_assert_int_eq(lsn_parse("2/0000ab", &lsn), 0);
	ck_assert_uint_eq(lsn, UINT64_C(0x2000000ab));
	ck_assert_int_eq(lsn_parse("FFFFFFFF/FFFFFFFF", &lsn), 0);
	ck_assert_uint_eq(lsn, UINT64_MAX);
}
END_TEST

START_TEST(what_is_not_wholly_a_position_is_refused)
{
	static const char *const bad[] = { "", "/", "1/", "/1", "1", "1/2/3", "1/2 ", " 1/2",
		"-1/2", "1/-2", "0x1/2", "1/100000000", "123456789/0", "g/0", "0/g", "1\\2" };
	uint64_t lsn = 7;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(lsn_parse(bad[i], &lsn) == -1, "\"%s\" passed", bad[i]);
	ck_assert_uint_eq(lsn, 7);
}
END_TEST

START_TEST(segment_sizes_are_powers_of_two_up_to_1_GiB)
{
	ck_assert(wal_segment_size_ok(MIB));
	ck_assert(wal_segment_size_ok(16 * MIB));
	ck_assert(wal_segment_size_ok(1024 * MIB));
	ck_assert(!wal_segment_size_ok(0));
	ck_assert(!wal_segment_size_ok(MIB / 2));
	ck_assert(!wal_segment_size_ok(3 * MIB));
	ck_assert(!wal_segment_size_ok(2048 * MIB));
}
END_TEST

START_TEST(segment_names_and_positions_are_one_to_one)
{
	static const struct {
		uint32_t size, timeline;
		uint64_t start;
		const char *name;
	} t[] = {
		{ 16 * MIB, 1, 0x3000000, "000000010000000000000003" },
		{ 16 * MIB, 0x1f, UINT64_C(0x2ff000000), "0000001F00000002000000FF" },
		{ MIB, 1, UINT64_C(0xfff00000), "000000010000000000000FFF" },
		{ MIB, 1, UINT64_C(0x100000000), "000000010000000100000000" },
		{ 1024 * MIB, 2, UINT64_C(0x5c0000000), "000000020000000500000003" },
	};
	char name[WAL_NAME];
	uint64_t start;
	uint32_t timeline;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		ck_assert_str_eq(wal_segment_name(name, t[i].timeline, t[i].start + 4711,
		    t[i].size), t[i].name);
		ck_assert_int_eq(wal_segment_parse(t[i].name, t[i].size, &timeline, &start),
		    0);
		ck_assert_uint_eq(timeline, t[i].timeline);
		ck_assert_uint_eq(start, t[i].start);
		ck_assert_uint_eq(wal_segment_start(t[i].start + 4711, t[i].size), t[i].start);
	}
}
END_TEST

START_TEST(other_files_of_pg_wal_are_no_segments)
{
	static const char *const bad[] = { "", "00000002.history",
		"000000010000000000000003.partial", "00000001000000000000000",
		"0000000100000000000000030", "00000001000000000000000g",
		"00000001000000000000000a", "000000000000000000000003",
		"000000010000000000000100", "000000010000000000000003.00000028.backup",
		"archive_status" };
	uint64_t start;
	uint32_t timeline;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(wal_segment_parse(bad[i], 16 * MIB, &timeline, &start) == -1,
		    "\"%s\" passed", bad[i]);
}
END_TEST

START_TEST(history_names_are_read_strictly)
{
	static const char *const bad[] = { "", "00000000.history", "0000002.history",
		"00000002.history.gz", "00000002.histor", "0000000a.history",
		"000000020.history" };
	uint32_t timeline;
	size_t i;

	ck_assert_int_eq(wal_history_parse("0000002A.history", &timeline), 0);
	ck_assert_uint_eq(timeline, 0x2a);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(wal_history_parse(bad[i], &timeline) == -1, "\"%s\" passed",
		    bad[i]);
}
END_TEST

static const char history3[] = "1\t0/3000110\tno recovery target specified\n"
			       "\n"
			       "# a comment\n"
			       " 2\t0/5000000\tafter LSN 0/5000000\n";

START_TEST(a_history_tells_whose_a_position_is)
{
	struct wal_history h;
	uint64_t end;

	ck_assert_int_eq(wal_history_read(&h, 3, history3, strlen(history3)), 0);
	ck_assert_int_eq(h.n, 2);
	ck_assert_uint_eq(wal_history_timeline_at(&h, 0), 1);
	ck_assert_uint_eq(wal_history_timeline_at(&h, 0x300010f), 1);
	ck_assert_uint_eq(wal_history_timeline_at(&h, 0x3000110), 2);
	ck_assert_uint_eq(wal_history_timeline_at(&h, 0x4ffffff), 2);
	ck_assert_uint_eq(wal_history_timeline_at(&h, 0x5000000), 3);
	ck_assert_int_eq(wal_history_has(&h, 2, &end), 1);
	ck_assert_uint_eq(end, 0x5000000);
	ck_assert_int_eq(wal_history_has(&h, 3, &end), 1);
	ck_assert_uint_eq(end, UINT64_MAX);
	ck_assert_int_eq(wal_history_has(&h, 4, &end), 0);
}
END_TEST

START_TEST(a_history_survives_encode_and_decode)
{
	struct wal_history h, back;
	char text[64];

	ck_assert_int_eq(wal_history_read(&h, 3, history3, strlen(history3)), 0);
	ck_assert_int_eq(wal_history_encode(&h, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "1:0/3000110,2:0/5000000");
	ck_assert_int_eq(wal_history_decode(&back, 3, text), 0);
	ck_assert_int_eq(back.n, 2);
	ck_assert_uint_eq(back.at[1].timeline, 2);
	ck_assert_uint_eq(back.at[1].end, 0x5000000);
	ck_assert_int_eq(wal_history_encode(&h, text, strlen("1:0/3000110,2:0/5000000")), -1);
}
END_TEST

START_TEST(timeline_1_has_the_empty_history)
{
	struct wal_history h;
	char text[2];

	ck_assert_int_eq(wal_history_read(&h, 1, "", 0), 0);
	ck_assert_uint_eq(wal_history_timeline_at(&h, 12345), 1);
	ck_assert_int_eq(wal_history_encode(&h, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "-");
	ck_assert_int_eq(wal_history_decode(&h, 1, "-"), 0);
	ck_assert_int_eq(h.n, 0);
}
END_TEST

START_TEST(a_history_that_cannot_be_is_refused)
{
	static const char *const files[] = { "x\t0/1\n", "1\n", "1\t\n", "1\t0/1/2\n",
		"0\t0/1\n", "1 0/1x\n", "1\t0/1\n1\t0/2\n", "2\t0/1\n1\t0/2\n",
		"1\t0/2\n2\t0/1\n", "3\t0/1\n", "9\t0/1\n", "4294967297\t0/1\n" };
	static const char *const statements[] = { "", "1", "1:", ":0/1", "1:0/1,", "1:0/1 ",
		"1:0/1;2:0/2", "2:0/2,1:0/1", "1:0/2,2:0/1", "3:0/1", "-,1:0/1" };
	struct wal_history h;
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		ck_assert_msg(wal_history_read(&h, 3, files[i], strlen(files[i])) == -1,
		    "file %zu passed", i);
	for (i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		ck_assert_msg(wal_history_decode(&h, 3, statements[i]) == -1, "\"%s\" passed",
		    statements[i]);
}
END_TEST

START_TEST(a_history_of_too_many_timelines_is_refused)
{
	static char text[WAL_HISTORY_MAX * 24];
	struct wal_history h;
	size_t len = 0;
	int i;

	for (i = 1; i <= WAL_HISTORY_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%d\t0/%X\tx\n", i, i);
	ck_assert_int_eq(wal_history_read(&h, 1000, text, len), 0);
	ck_assert_int_eq(h.n, WAL_HISTORY_MAX);
	len += (size_t)snprintf(text + len, sizeof(text) - len, "%d\t0/%X\tx\n", i, i);
	ck_assert_int_eq(wal_history_read(&h, 1000, text, len), -1);
}
END_TEST

Suite *
lsn_suite(void)
{
	Suite *s = suite_create("lsn");
	TCase *t = tcase_create("lsn");

	tcase_add_test(t, positions_print_as_the_server_prints_them);
	tcase_add_test(t, in_json_they_are_strings);
	tcase_add_test(t, both_forms_of_a_position_are_read);
	tcase_add_test(t, what_is_not_wholly_a_position_is_refused);
	tcase_add_test(t, segment_sizes_are_powers_of_two_up_to_1_GiB);
	tcase_add_test(t, segment_names_and_positions_are_one_to_one);
	tcase_add_test(t, other_files_of_pg_wal_are_no_segments);
	tcase_add_test(t, history_names_are_read_strictly);
	tcase_add_test(t, a_history_tells_whose_a_position_is);
	tcase_add_test(t, a_history_survives_encode_and_decode);
	tcase_add_test(t, timeline_1_has_the_empty_history);
	tcase_add_test(t, a_history_that_cannot_be_is_refused);
	tcase_add_test(t, a_history_of_too_many_timelines_is_refused);
	suite_add_tcase(s, t);
	return s;
}
