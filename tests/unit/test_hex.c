/*
 * Tests of base/hex.
 */
#include "base/hex.h"
#include "suites.h"

START_TEST(encodes_in_lower_case)
{
	static const uint8_t bytes[] = { 0x00, 0x9f, 0xAB, 0xff };
	char text[9];

	ck_assert_str_eq(hex_encode(text, bytes, sizeof(bytes)), "009fabff");
	ck_assert_str_eq(hex_encode(text, bytes, 0), "");
}
END_TEST

START_TEST(decodes_what_it_encodes)
{
	uint8_t all[256], back[256];
	char text[513];
	int i;

	for (i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	ck_assert_int_eq(hex_decode(back, 256, hex_encode(text, all, 256)), 0);
	ck_assert_mem_eq(back, all, 256);
}
END_TEST

START_TEST(refuses_all_but_the_exact_text)
{
	static const char *const bad[] = { "", "0", "00a", "00a ", "00ab1", "00AB", "0g00",
		"00ag", "+1ab", "0x1a", "00a:", "00a/", "00a`", "00a@" };
	uint8_t out[2];
	size_t i;

	ck_assert_int_eq(hex_decode(out, 2, "00ab"), 0);
	ck_assert_int_eq(hex_decode(out, 0, ""), 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(hex_decode(out, 2, bad[i]) == -1, "\"%s\" passed", bad[i]);
}
END_TEST

Suite *
hex_suite(void)
{
	Suite *s = suite_create("hex");
	TCase *t = tcase_create("hex");

	tcase_add_test(t, encodes_in_lower_case);
	tcase_add_test(t, decodes_what_it_encodes);
	tcase_add_test(t, refuses_all_but_the_exact_text);
	suite_add_tcase(s, t);
	return s;
}
