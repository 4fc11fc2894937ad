/*
 * Tests of pg/control on made files; tests/servers/pgfiles.t compares with real ones.
 */
#include "pg/control.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/io.h"
#include "pg/page.h"
#include "scratch.h"
#include "suites.h"

#define FILE_SIZE 8192

static void
control_make(uint8_t p[FILE_SIZE], uint32_t version)
{
	memset(p, 0, FILE_SIZE);
	le64_put(p, UINT64_C(7710940306813217714));
	le32_put(p + 8, version);
	le32_put(p + 12, 202209061);
	le32_put(p + 16, 6);
	le64_put(p + 32, UINT64_C(0x1017529b0));
	le64_put(p + 40, UINT64_C(0x101752978));
	le32_put(p + 48, 3);
	le64_put(p + 136, UINT64_C(0x101800000));
	le32_put(p + 144, 2);
	le32_put(p + 172, 1);
	le32_put(p + 180, 100);
	le32_put(p + 184, 8);
	le32_put(p + 188, 10);
	le32_put(p + 192, 20);
	le32_put(p + 196, 64);
	le32_put(p + 216, 8192);
	le32_put(p + 224, 8192);
	le32_put(p + 228, 16u << 20);
	le32_put(p + 252, 1);
}

static void
control_seal(uint8_t p[FILE_SIZE], uint32_t version)
{
	size_t at = version == 1800 ? 292 : 288;

	le32_put(p + at, pg_crc32c(0, p, at));
}

START_TEST(every_field_of_every_version_is_read)
{
	static const uint32_t versions[] = { 1300, 1700, 1800 };
	uint8_t p[FILE_SIZE];
	struct pg_control c;
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < 3; i++) {
		control_make(p, versions[i]);
		control_seal(p, versions[i]);
		ck_assert_msg(pg_control_parse(p, FILE_SIZE, &c, &e) == 0, "%s", e.msg);
		ck_assert_uint_eq(c.system_id, UINT64_C(7710940306813217714));
		ck_assert_uint_eq(c.control_version, versions[i]);
		ck_assert_uint_eq(c.catalog_version, 202209061);
		ck_assert_uint_eq(c.state, 6);
		ck_assert_uint_eq(c.checkpoint, UINT64_C(0x1017529b0));
		ck_assert_uint_eq(c.redo, UINT64_C(0x101752978));
		ck_assert_uint_eq(c.timeline, 3);
		ck_assert_uint_eq(c.min_recovery, UINT64_C(0x101800000));
		ck_assert_uint_eq(c.min_recovery_timeline, 2);
		ck_assert_int_eq(c.wal_level, 1);
		ck_assert_int_eq(c.max_connections, 100);
		ck_assert_int_eq(c.max_worker_processes, 8);
		ck_assert_int_eq(c.max_wal_senders, 10);
		ck_assert_int_eq(c.max_prepared_xacts, 20);
		ck_assert_int_eq(c.max_locks_per_xact, 64);
		ck_assert_uint_eq(c.segment_size, 16u << 20);
		ck_assert_uint_eq(c.block_size, 8192);
		ck_assert_uint_eq(c.data_checksums, 1);
	}
}
END_TEST

START_TEST(every_flipped_bit_is_noticed)
{
	uint8_t p[FILE_SIZE];
	struct pg_control c;
	struct err e = ERR_INIT;
	size_t bit;

	control_make(p, 1700);
	control_seal(p, 1700);
	for (bit = 0; bit < 292 * 8; bit++) {
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_msg(pg_control_parse(p, FILE_SIZE, &c, &e) == -1, "bit %zu", bit);
		ck_assert(e.kind == (bit / 32 == 2 ? ERR_CONFIG : ERR_CORRUPT));
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	ck_assert_int_eq(pg_control_parse(p, FILE_SIZE, &c, &e), 0);
}
END_TEST

START_TEST(a_short_file_is_corrupt)
{
	uint8_t p[FILE_SIZE];
	struct pg_control c;
	struct err e = ERR_INIT;
	size_t n;

	control_make(p, 1800);
	control_seal(p, 1800);
	ck_assert_int_eq(pg_control_parse(p, 296, &c, &e), 0);
	for (n = 0; n < 296; n++) {
		ck_assert_int_eq(pg_control_parse(p, n, &c, &e), -1);
		ck_assert(e.kind == ERR_CORRUPT);
	}
	ck_assert_str_eq(e.msg, "pg_control: only 295 bytes");
}
END_TEST

START_TEST(what_we_cannot_work_with_is_a_matter_of_configuration)
{
	uint8_t p[FILE_SIZE];
	struct pg_control c;
	struct err e = ERR_INIT;

	control_make(p, 1902);
	control_seal(p, 1902);
	ck_assert_int_eq(pg_control_parse(p, FILE_SIZE, &c, &e), -1);
	ck_assert(e.kind == ERR_CONFIG);
	ck_assert_str_eq(e.msg, "pg_control: unknown version 1902");
	ck_assert_str_eq(e.hint, "PostgreSQL 14 to 18 are supported");

	control_make(p, 1300);
	le32_put(p + 216, 32768);
	control_seal(p, 1300);
	ck_assert_int_eq(pg_control_parse(p, FILE_SIZE, &c, &e), -1);
	ck_assert(e.kind == ERR_CONFIG);
}
END_TEST

/* Make the scratch folder a data directory. */
static void
datadir_make(const uint8_t *control, const char *version)
{
	struct err e = ERR_INIT;

	(void)mkdir(scratch_path("global"), 0700);	/* there already the second time */
	ck_assert_int_eq(io_write_file(scratch_path("global/pg_control"), control, FILE_SIZE,
	    0600, &e), 0);
	ck_assert_int_eq(io_write_file(scratch_path("PG_VERSION"), version, strlen(version),
	    0600, &e), 0);
}

START_TEST(a_data_directory_is_read)
{
	uint8_t p[FILE_SIZE];
	struct pg_control c;
	struct err e = ERR_INIT;
	char want[512];
	int major = 0;

	ck_assert_int_eq(pg_control_read(scratch_path(""), &c, &e), -1);
	ck_assert(e.kind == ERR_NOTFOUND);
	ck_assert_int_eq(pg_version_read(scratch_path(""), &major, &e), -1);
	ck_assert(e.kind == ERR_NOTFOUND);

	control_make(p, 1700);
	control_seal(p, 1700);
	datadir_make(p, "17\n");
	ck_assert_int_eq(pg_control_read(scratch_path(""), &c, &e), 0);
	ck_assert_uint_eq(c.timeline, 3);
	ck_assert_int_eq(pg_version_read(scratch_path(""), &major, &e), 0);
	ck_assert_int_eq(major, 17);

	p[100] ^= 1;
	datadir_make(p, "17");
	ck_assert_int_eq(pg_control_read(scratch_path(""), &c, &e), -1);
	ck_assert(e.kind == ERR_CORRUPT);
	(void)snprintf(want, sizeof(want), "%s: pg_control: wrong CRC", scratch_path(""));
	ck_assert_str_eq(e.msg, want);
	ck_assert_int_eq(pg_version_read(scratch_path(""), &major, &e), -1);
	ck_assert(e.kind == ERR_CORRUPT);
}
END_TEST

Suite *
control_suite(void)
{
	Suite *s = suite_create("control");
	TCase *t = tcase_create("control");

	tcase_add_checked_fixture(t, scratch_setup, scratch_teardown);
	tcase_add_test(t, every_field_of_every_version_is_read);
	tcase_add_test(t, every_flipped_bit_is_noticed);
	tcase_add_test(t, a_short_file_is_corrupt);
	tcase_add_test(t, what_we_cannot_work_with_is_a_matter_of_configuration);
	tcase_add_test(t, a_data_directory_is_read);
	suite_add_tcase(s, t);
	return s;
}
