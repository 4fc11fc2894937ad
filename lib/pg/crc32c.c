/*
 * CRC-32C: by the processor's instruction where it has one, else by tables.
 */
#include "pg/page.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

#define POLYNOMIAL 0x82f63b78u	/* reflected */
#define SLICES	   8

static uint32_t table[SLICES][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

/* table[k][b]: the effect of byte b with k bytes behind it. */
static void
table_fill(void)
{
	uint32_t crc;
	int k, b, bit;

	for (b = 0; b < 256; b++) {
		crc = (uint32_t)b;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		table[0][b] = crc;
	}
	for (k = 1; k < SLICES; k++)
		for (b = 0; b < 256; b++)
			table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 0xff];
}

static uint32_t
load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

uint32_t
pg_crc32c_portable(uint32_t crc, const void *data, size_t n)
{
	const uint8_t *p = data;
	uint32_t lo, hi;

	(void)pthread_once(&table_once, table_fill);	/* fails only when misused */
	crc = ~crc;
	for (; n >= 8; n -= 8, p += 8) {
		lo = crc ^ load32(p);
		hi = load32(p + 4);
		crc = table[7][lo & 0xff] ^ table[6][lo >> 8 & 0xff] ^
		    table[5][lo >> 16 & 0xff] ^ table[4][lo >> 24] ^
		    table[3][hi & 0xff] ^ table[2][hi >> 8 & 0xff] ^
		    table[1][hi >> 16 & 0xff] ^ table[0][hi >> 24];
	}
	for (; n > 0; n--, p++)
		crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xff];
	return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t
crc_sse42(uint32_t crc, const void *data, size_t n)
{
	const uint8_t *p = data;
	uint64_t word, wide = ~crc;
	uint32_t narrow;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&word, p, 8);
		wide = _mm_crc32_u64(wide, word);
	}
	narrow = (uint32_t)wide;
	for (; n > 0; n--, p++)
		narrow = _mm_crc32_u8(narrow, *p);
	return ~narrow;
}
#endif

uint32_t
pg_crc32c(uint32_t crc, const void *p, size_t n)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		return crc_sse42(crc, p, n);
#endif
	return pg_crc32c_portable(crc, p, n);
}
