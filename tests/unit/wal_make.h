/*
 * Makes WAL for tests: records laid onto pages as a server does it.
 */
#ifndef WAL_MAKE_H
#define WAL_MAKE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define WAL_MAKE_SYSTEM UINT64_C(7710940306813217714)

struct wal_make {
	struct buf out;		/* from `base` on, a segment's start */
	uint64_t base;
	uint32_t segment_size;
	uint16_t magic;
	uint32_t timeline;
	uint64_t prev;		/* where the last record starts */
	uint16_t next_flags;	/* more flags for the next page that begins */
};

void wal_make_begin(struct wal_make *w, uint16_t magic, uint64_t base, uint32_t segment_size);
uint64_t wal_make_at(const struct wal_make *w);		/* where the next byte goes */

/* A record of n bytes of body; where it starts. */
uint64_t wal_make_record(struct wal_make *w, uint8_t rmid, uint8_t info, uint32_t xid,
    const void *body, size_t n);

/* The same with the header of main data put before it. */
uint64_t wal_make_data(struct wal_make *w, uint8_t rmid, uint8_t info, uint32_t xid,
    const void *data, size_t n);

/* Records of no interest until just `left` (0, 8, ... 96) bytes of the page are free. */
void wal_make_fill(struct wal_make *w, uint32_t left);

/* Zeros until lsn. */
void wal_make_zeros(struct wal_make *w, uint64_t lsn);

#endif
