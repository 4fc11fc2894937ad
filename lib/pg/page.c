/*
 * The checksum of PostgreSQL's data pages, and which files and pages carry one.
 */
#include "pg/page.h"

#include <string.h>

#include "base/buf.h"

#define LANES	       32
#define ROW	       (LANES * sizeof(uint32_t))
#define PRIME	       16777619u
#define SEGMENT_BLOCKS 131072u	/* blocks of a 1 GB segment file */

/* Offsets in the page header; at 0 is the LSN, its high half first. */
#define PD_CHECKSUM 8
#define PD_UPPER    14

/* Where each lane begins; part of the format (src/include/storage/checksum_impl.h). */
static const uint32_t lane_start[LANES] = {
	0x5b1f36e9, 0xb8525960, 0x02ab50aa, 0x1de66d2a, 0x79ff467a, 0x9bb9f8a3, 0x217e7cd2,
	0x83e13d2c, 0xf8d4474f, 0xe39eb970, 0x42c6ae16, 0x993216fa, 0x7b093b5d, 0x98daff3c,
	0xf718902a, 0x0b1c9cdb, 0xe58f764b, 0x187636bc, 0x5d7b3bb1, 0xe73de7de, 0x92bec979,
	0xcca6c0b2, 0x304a0979, 0x85aa43d4, 0x783125bb, 0x6ca8eaa2, 0xe407eac6, 0x4b5cfc3e,
	0x9fbf8c76, 0x15ca20be, 0xf2ca9fd3, 0x959bd756
};

/* One round of all lanes over the 128 bytes at p; laid out for the compiler to vectorize. */
static inline void
mix(uint32_t lane[LANES], const uint8_t *p)
{
	uint32_t word[LANES], t;
	int i;

	memcpy(word, p, ROW);
	for (i = 0; i < LANES; i++) {
		t = lane[i] ^ word[i];
		lane[i] = t * PRIME ^ t >> 17;
	}
}

static uint32_t
hash_page(const uint8_t *page)
{
	static const uint8_t zeros[ROW];
	uint32_t lane[LANES], folded = 0;
	uint8_t first[ROW];
	size_t off;
	int i;

	memcpy(lane, lane_start, sizeof(lane));
	memcpy(first, page, ROW);
	first[PD_CHECKSUM] = first[PD_CHECKSUM + 1] = 0;
	mix(lane, first);
	for (off = ROW; off < PG_PAGE_SIZE; off += ROW)
		mix(lane, page + off);
	mix(lane, zeros);
	mix(lane, zeros);
	for (i = 0; i < LANES; i++)
		folded ^= lane[i];
	return folded;
}

uint16_t
pg_page_checksum(const uint8_t *page, uint32_t blkno)
{
	/* Never 0, which would say "no checksum". */
	return (uint16_t)((hash_page(page) ^ blkno) % 65535 + 1);
}

int
pg_page_ok(const uint8_t *page, uint32_t blkno, uint64_t backup_start)
{
	uint64_t lsn = (uint64_t)le32_get(page) << 32 | le32_get(page + 4);

	if (le16_get(page + PD_UPPER) == 0 || lsn >= backup_start)
		return 1;
	return le16_get(page + PD_CHECKSUM) == pg_page_checksum(page, blkno);
}

/* Pass over a number as the server writes one: no sign, no leading zero.  NULL: none. */
static const char *
skip_number(const char *s, uint32_t max, uint32_t *out)
{
	uint64_t v = 0;

	if (*s < '1' || *s > '9')
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++) {
		v = v * 10 + (uint64_t)(*s - '0');
		if (v > max)
			return NULL;
	}
	*out = (uint32_t)v;
	return s;
}

/* "16384", "16384_fsm", "16384.2", "16384_fsm.2" */
static int
relation_name(const char *s, uint32_t *first_block)
{
	static const char *const forks[] = { "_fsm", "_vm", "_init" };
	uint32_t n, segment = 0;
	size_t i;

	if ((s = skip_number(s, UINT32_MAX, &n)) == NULL)
		return 0;
	for (i = 0; i < sizeof(forks) / sizeof(forks[0]); i++) {
		if (strncmp(s, forks[i], strlen(forks[i])) == 0) {
			s += strlen(forks[i]);
			break;
		}
	}
	if (*s == '.' &&
	    (s = skip_number(s + 1, UINT32_MAX / SEGMENT_BLOCKS, &segment)) == NULL)
		return 0;
	*first_block = segment * SEGMENT_BLOCKS;
	return *s == '\0';
}

/* "DATABASE/RELATION" */
static int
database_path(const char *s, uint32_t *first_block)
{
	uint32_t n;

	s = skip_number(s, UINT32_MAX, &n);
	return s != NULL && *s == '/' && relation_name(s + 1, first_block);
}

int
pg_page_path(const char *path, uint32_t *first_block)
{
	uint32_t n;

	if (strncmp(path, "global/", 7) == 0)
		return relation_name(path + 7, first_block);
	if (strncmp(path, "base/", 5) == 0)
		return database_path(path + 5, first_block);
	if (strncmp(path, "pg_tblspc/", 10) != 0)
		return 0;
	path = skip_number(path + 10, UINT32_MAX, &n);
	if (path == NULL || strncmp(path, "/PG_", 4) != 0)
		return 0;
	path = strchr(path + 1, '/');
	return path != NULL && database_path(path + 1, first_block);
}
