/*
 * Tests of seal/hash.  The expected values come from Python's hashlib.
 */
#include <string.h>

#include "base/hex.h"
#include "seal/sealed.h"
#include "suites.h"

static void
expect(const uint8_t *p, size_t n, const char *hex)
{
	char text[65];

	ck_assert_str_eq(hex_encode(text, p, n), hex);
}

START_TEST(hashes_as_blake2b_256)
{
	uint8_t out[32];

	seal_hash_of(out, "abc", 3);
	expect(out, 32, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
	seal_hash_of(out, NULL, 0);
	expect(out, 32, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
}
END_TEST

START_TEST(pieces_give_the_hash_of_the_whole)
{
	uint8_t all[1000], one[32], other[32];
	struct seal_hash h;
	size_t at, n;

	memset(all, 'x', sizeof(all));
	seal_hash_of(one, all, sizeof(all));
	seal_hash_begin(&h);
	for (at = 0; at < sizeof(all); at += n) {
		n = at + at / 3 + 1 > sizeof(all) ? sizeof(all) - at : at / 3 + 1;
		seal_hash_add(&h, all + at, n);
	}
	seal_hash_end(&h, other);
	ck_assert_mem_eq(one, other, 32);
}
END_TEST

START_TEST(a_copy_goes_on_where_the_other_ended)
{
	uint8_t ab[32], abc[32], want[32];
	struct seal_hash h, copy;

	seal_hash_begin(&h);
	seal_hash_add(&h, "ab", 2);
	copy = h;
	seal_hash_end(&copy, ab);
	seal_hash_of(want, "ab", 2);
	ck_assert_mem_eq(ab, want, 32);
	seal_hash_add(&h, "c", 1);
	seal_hash_end(&h, abc);
	seal_hash_of(want, "abc", 3);
	ck_assert_mem_eq(abc, want, 32);
}
END_TEST

START_TEST(keyed_hashes_depend_on_the_key)
{
	uint8_t key[32], page[8192], out[32];
	struct seal_hash h;
	size_t i;

	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	for (i = 0; i < sizeof(page); i++)
		page[i] = (uint8_t)(i % 251);
	seal_hash_begin_keyed(&h, key);
	seal_hash_add(&h, "abc", 3);
	seal_hash_end(&h, out);
	expect(out, 32, "d63a32d3e44738d7907f964316c241adaba0abfeabc32349677578a15a203f7f");
	seal_page_digest(out, key, page, sizeof(page));
	expect(out, SEAL_PAGE_DIGEST, "c9bc2fc2d9b7c5497021a92a3fec3067");
	key[31] ^= 1;
	seal_page_digest(out, key, page, sizeof(page));
	ck_assert_mem_ne(out, "\xc9\xbc\x2f\xc2", 4);
}
END_TEST

Suite *
hash_suite(void)
{
	Suite *s = suite_create("hash");
	TCase *t = tcase_create("hash");

	tcase_add_test(t, hashes_as_blake2b_256);
	tcase_add_test(t, pieces_give_the_hash_of_the_whole);
	tcase_add_test(t, a_copy_goes_on_where_the_other_ended);
	tcase_add_test(t, keyed_hashes_depend_on_the_key);
	suite_add_tcase(s, t);
	return s;
}
