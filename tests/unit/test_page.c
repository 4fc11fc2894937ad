/*
 * Tests of pg/page: CRC-32C, the checksum of data pages, and who carries one.
 */
#include "pg/page.h"

#include <string.h>

#include "base/buf.h"
#include "suites.h"

/* A page whose checksums PostgreSQL 15 itself computed (pageinspect's page_checksum). */
static void
sample_page(uint8_t page[PG_PAGE_SIZE])
{
	uint32_t i;

	for (i = 0; i < PG_PAGE_SIZE; i++)
		page[i] = (uint8_t)(i * i * 7 + i / 256 * 13 + 3);
}

START_TEST(crc_of_the_check_value)
{
	ck_assert_uint_eq(pg_crc32c(0, "123456789", 9), 0xe3069283);
	ck_assert_uint_eq(pg_crc32c_portable(0, "123456789", 9), 0xe3069283);
	ck_assert_uint_eq(pg_crc32c(0, "", 0), 0);
}
END_TEST

START_TEST(crc_goes_on_where_it_stopped)
{
	uint8_t page[PG_PAGE_SIZE];
	uint32_t whole, parts;
	size_t cut;

	sample_page(page);
	whole = pg_crc32c(0, page, 100);
	for (cut = 0; cut <= 100; cut++) {
		parts = pg_crc32c(pg_crc32c(0, page, cut), page + cut, 100 - cut);
		ck_assert_uint_eq(parts, whole);
	}
}
END_TEST

START_TEST(crc_is_the_same_with_and_without_the_instruction)
{
	uint8_t page[PG_PAGE_SIZE];
	size_t at, n;

	sample_page(page);
	for (at = 0; at < 9; at++)
		for (n = 0; n < 300; n++)
			ck_assert_uint_eq(pg_crc32c(0xdeadbeef, page + at, n),
			    pg_crc32c_portable(0xdeadbeef, page + at, n));
}
END_TEST

START_TEST(page_checksum_is_the_servers)
{
	uint8_t page[PG_PAGE_SIZE];

	sample_page(page);
	ck_assert_uint_eq(pg_page_checksum(page, 5), 43360);
	ck_assert_uint_eq(pg_page_checksum(page, 4294967290u), 22177);
}
END_TEST

START_TEST(page_checksum_leaves_out_only_its_own_place)
{
	uint8_t page[PG_PAGE_SIZE];
	uint16_t sum;
	size_t i;

	sample_page(page);
	sum = pg_page_checksum(page, 5);
	for (i = 0; i < PG_PAGE_SIZE; i++) {
		page[i] ^= 0x10;
		ck_assert_msg((pg_page_checksum(page, 5) == sum) == (i == 8 || i == 9),
		    "byte %zu", i);
		page[i] ^= 0x10;
	}
}
END_TEST

START_TEST(a_damaged_page_is_not_ok)
{
	uint8_t page[PG_PAGE_SIZE];

	sample_page(page);
	le32_put(page, 2);		/* LSN 2/10000000 */
	le32_put(page + 4, 0x10000000);
	le16_put(page + 8, pg_page_checksum(page, 9));
	ck_assert_int_eq(pg_page_ok(page, 9, UINT64_MAX), 1);
	ck_assert_int_eq(pg_page_ok(page, 8, UINT64_MAX), 0);
	page[5000] ^= 1;
	ck_assert_int_eq(pg_page_ok(page, 9, UINT64_MAX), 0);
	ck_assert_int_eq(pg_page_ok(page, 9, UINT64_C(0x210000001)), 0);
}
END_TEST

START_TEST(pages_that_wal_repairs_and_new_pages_are_not_judged)
{
	uint8_t page[PG_PAGE_SIZE];

	sample_page(page);
	le32_put(page, 2);
	le32_put(page + 4, 0x10000000);
	ck_assert_int_eq(pg_page_ok(page, 9, UINT64_C(0x210000000)), 1);
	ck_assert_int_eq(pg_page_ok(page, 9, UINT64_C(0x200000000)), 1);
	memset(page, 0, sizeof(page));
	ck_assert_int_eq(pg_page_ok(page, 9, UINT64_MAX), 1);
}
END_TEST

START_TEST(relation_files_are_told_by_their_path)
{
	static const struct {
		const char *path;
		uint32_t first_block;
	} t[] = {
		{ "base/5/1259", 0 },
		{ "base/16384/16385_fsm", 0 },
		{ "base/16384/16385_vm", 0 },
		{ "base/16384/16385_init", 0 },
		{ "base/16384/16385.1", 131072 },
		{ "base/16384/4294967295.32767", 32767u * 131072u },
		{ "base/16384/16385_fsm.2", 262144 },
		{ "global/1262", 0 },
		{ "global/1262_vm", 0 },
		{ "pg_tblspc/16400/PG_15_202209061/16384/16401.3", 3 * 131072 },
	};
	uint32_t first;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		first = 1;
		ck_assert_msg(pg_page_path(t[i].path, &first) == 1, "%s", t[i].path);
		ck_assert_uint_eq(first, t[i].first_block);
	}
}
END_TEST

START_TEST(other_files_carry_no_checksums)
{
	static const char *const t[] = { "", "base", "base/", "base/5", "base/5/",
		"base/5/PG_VERSION", "base/5/pg_filenode.map", "base/5/pg_internal.init",
		"base/5/t3_16384", "base/5/16384_x", "base/5/16384.", "base/5/16384.0",
		"base/5/16384.01", "base/5/16384.32768", "base/5/16384.1.2", "base/5/16384/1",
		"base/5/016384", "base/5/4294967296", "base/x/1", "base/pgsql_tmp/1",
		"base/pgsql_tmp/pgsql_tmp1234.0", "global/pg_control",
		"global/pg_filenode.map", "global/pg_internal.init", "global/1/2",
		"pg_xact/0000", "pg_wal/000000010000000000000001", "pg_tblspc/16400",
		"pg_tblspc/16400/5/1", "pg_tblspc/16400/PG_15_202209061",
		"pg_tblspc/16400/PG_15_202209061/PG_VERSION",
		"pg_tblspc/x/PG_15_202209061/5/1", "PG_VERSION", "/base/5/1" };
	uint32_t first;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		ck_assert_msg(pg_page_path(t[i], &first) == 0, "%s", t[i]);
}
END_TEST

Suite *
page_suite(void)
{
	Suite *s = suite_create("page");
	TCase *t = tcase_create("page");

	tcase_add_test(t, crc_of_the_check_value);
	tcase_add_test(t, crc_goes_on_where_it_stopped);
	tcase_add_test(t, crc_is_the_same_with_and_without_the_instruction);
	tcase_add_test(t, page_checksum_is_the_servers);
	tcase_add_test(t, page_checksum_leaves_out_only_its_own_place);
	tcase_add_test(t, a_damaged_page_is_not_ok);
	tcase_add_test(t, pages_that_wal_repairs_and_new_pages_are_not_judged);
	tcase_add_test(t, relation_files_are_told_by_their_path);
	tcase_add_test(t, other_files_carry_no_checksums);
	suite_add_tcase(s, t);
	return s;
}
