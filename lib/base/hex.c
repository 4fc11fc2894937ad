/*
 * Hexadecimal text of bytes.
 */
#include "base/hex.h"

char *
hex_encode(char *out, const uint8_t *p, size_t n)
{
	static const char digit[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		out[2 * i] = digit[p[i] >> 4];
		out[2 * i + 1] = digit[p[i] & 15];
	}
	out[2 * n] = '\0';
	return out;
}

/* A digit's value and 1; 0: not a digit.  A table, since journals are full of digests. */
static const uint8_t digits[256] = {
	['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6, ['6'] = 7, ['7'] = 8,
	['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15,
	['f'] = 16
};

int
hex_decode(uint8_t *out, size_t n, const char *s)
{
	const uint8_t *p = (const uint8_t *)s;
	unsigned hi, lo;
	size_t i;

	for (i = 0; i < n; i++) {
		if ((hi = digits[p[2 * i]]) == 0 || (lo = digits[p[2 * i + 1]]) == 0)
			return -1;
		out[i] = (uint8_t)((hi - 1) << 4 | (lo - 1));
	}
	return s[2 * n] == '\0' ? 0 : -1;
}
