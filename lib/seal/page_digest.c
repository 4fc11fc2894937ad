/*
 * Digests of pages, four at a time: BLAKE2b (RFC 7693) keeps one core busy with one
 * page, and its vector units three quarters idle.  Each lane of a vector is one
 * page; without such units it is libsodium's, page by page.
 */
#include <endian.h>
#include <string.h>

#include "seal/sealed.h"

#define LANES 4
#define BLOCK 128
#define KEY   32

#if defined(__x86_64__) && defined(__GNUC__)

typedef uint64_t lanes __attribute__((vector_size(8 * LANES)));

static const uint64_t iv[8] = { 0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
	0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b,
	0x5be0cd19137e2179 };

static const uint8_t sigma[10][16] = {
	{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	{ 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
	{ 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 },
	{ 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
	{ 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 },
	{ 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
	{ 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 },
	{ 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
	{ 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 },
	{ 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 },
};

/* Macros and inlining, so that each caller's instruction set is used, and no vector is passed. */
#define INLINE	     static inline __attribute__((always_inline))
#define ROTATE(x, n) ((x) >> (n) | (x) << (64 - (n)))

#define MIX(a, b, c, d, x, y)					\
	do {							\
		v[a] += v[b] + m[s[x]];				\
		v[d] = ROTATE(v[d] ^ v[a], 32);			\
		v[c] += v[d];					\
		v[b] = ROTATE(v[b] ^ v[c], 24);			\
		v[a] += v[b] + m[s[y]];				\
		v[d] = ROTATE(v[d] ^ v[a], 16);			\
		v[c] += v[d];					\
		v[b] = ROTATE(v[b] ^ v[c], 63);			\
	} while (0)

INLINE uint64_t
word(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return le64toh(w);
}

/* One block of each lane; t: bytes so far, with this block; last: all ones for the last one. */
INLINE void
compress(lanes h[8], const uint8_t *p, size_t stride, uint64_t t, uint64_t last)
{
	lanes v[16], m[16];
	const uint8_t *s;
	int i, round;

	for (i = 0; i < 16; i++)
		m[i] = (lanes){ word(p + 8 * i), word(p + stride + 8 * i),
			word(p + 2 * stride + 8 * i), word(p + 3 * stride + 8 * i) };
	for (i = 0; i < 8; i++) {
		v[i] = h[i];
		v[i + 8] = (lanes){ 0 } + iv[i];
	}
	v[12] ^= t;
	v[14] ^= last;
	for (round = 0; round < 12; round++) {
		s = sigma[round % 10];
		MIX(0, 4, 8, 12, 0, 1);
		MIX(1, 5, 9, 13, 2, 3);
		MIX(2, 6, 10, 14, 4, 5);
		MIX(3, 7, 11, 15, 6, 7);
		MIX(0, 5, 10, 15, 8, 9);
		MIX(1, 6, 11, 12, 10, 11);
		MIX(2, 7, 8, 13, 12, 13);
		MIX(3, 4, 9, 14, 14, 15);
	}
	for (i = 0; i < 8; i++)
		h[i] ^= v[i] ^ v[i + 8];
}

INLINE void
four_pages(uint8_t (*out)[SEAL_PAGE_DIGEST], const uint8_t key[KEY], const uint8_t *p)
{
	uint8_t keys[BLOCK] = { 0 };
	uint64_t t;
	lanes h[8];
	int i, j;

	memcpy(keys, key, KEY);
	for (i = 0; i < 8; i++)
		h[i] = (lanes){ 0 } + iv[i];
	h[0] ^= UINT64_C(0x01010000) ^ KEY << 8 ^ SEAL_PAGE_DIGEST;
	compress(h, keys, 0, BLOCK, 0);
	for (t = BLOCK; t <= SEAL_PAGE; t += BLOCK)
		compress(h, p + t - BLOCK, SEAL_PAGE, t + BLOCK, t == SEAL_PAGE ? UINT64_MAX : 0);
	for (i = 0; i < LANES; i++)
		for (j = 0; j < SEAL_PAGE_DIGEST / 8; j++)
			le64_put(out[i] + 8 * j, h[j][i]);
}

__attribute__((target("avx2"))) static void
four_avx2(uint8_t (*out)[SEAL_PAGE_DIGEST], const uint8_t key[KEY], const uint8_t *p)
{
	four_pages(out, key, p);
}

__attribute__((target("avx512f,avx512vl"))) static void
four_avx512(uint8_t (*out)[SEAL_PAGE_DIGEST], const uint8_t key[KEY], const uint8_t *p)
{
	four_pages(out, key, p);
}

/* How many of n whole pages were digested: a multiple of LANES, or 0. */
static size_t
in_lanes(uint8_t (*out)[SEAL_PAGE_DIGEST], const uint8_t key[KEY], const uint8_t *p, size_t n)
{
	void (*four)(uint8_t (*)[SEAL_PAGE_DIGEST], const uint8_t *, const uint8_t *);
	size_t i;

	if (__builtin_cpu_supports("avx512vl"))
		four = four_avx512;
	else if (__builtin_cpu_supports("avx2"))
		four = four_avx2;
	else
		return 0;
	for (i = 0; i + LANES <= n; i += LANES)
		four(out + i, key, p + i * SEAL_PAGE);
	return i;
}

#else

static size_t
in_lanes(uint8_t (*out)[SEAL_PAGE_DIGEST], const uint8_t key[KEY], const uint8_t *p, size_t n)
{
	(void)out, (void)key, (void)p, (void)n;
	return 0;
}

#endif

void
seal_page_digests(uint8_t (*out)[SEAL_PAGE_DIGEST], const uint8_t key[32], const void *p,
    size_t n)
{
	const uint8_t *page = p;
	size_t i = in_lanes(out, key, page, n / SEAL_PAGE), at, len;

	for (at = i * SEAL_PAGE; at < n; at += len) {
		len = n - at < SEAL_PAGE ? n - at : SEAL_PAGE;
		seal_page_digest(out[i++], key, page + at, len);
	}
}
