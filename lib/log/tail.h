/*
 * The tail of a log: a keyed digest of what was shipped of its last segment.
 *
 * With it a restarted logship proves that the server still has the history that
 * was shipped: it streams the segment again and compares.  The digest is
 * BLAKE2b-256, keyed with the source's digest key, over a label, `from` and the
 * bytes from `from` up to `position`; so it can stand in the journal and tells nothing.
 */
#ifndef LOG_TAIL_H
#define LOG_TAIL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "repo/catalog.h"
#include "seal/sealed.h"

/* The running digest.  At a segment's end it still covers that segment. */
struct tail {
	uint64_t from, position;
	uint32_t segment_size;
	const uint8_t *key;
	struct seal_hash hash;
};

/* A known one.  position 0: none. */
struct tail_mark {
	uint64_t from, position;
	uint8_t digest[32];
};

/* Nothing yet; at must be a segment's start for it ever to be known.  key is borrowed. */
void tail_begin(struct tail *t, const uint8_t key[32], uint32_t segment_size, uint64_t at);
void tail_add(struct tail *t, const void *p, size_t n);	/* the bytes that follow position */
/* What it is now; position 0 when it covers nothing. */
void tail_mark(const struct tail *t, struct tail_mark *m);

/* Where the segment begins that holds the last byte before position. */
uint64_t tail_from(uint64_t position, uint32_t segment_size);

/* The record in the state folder (bulkhead-repository(5)).  ERR_CORRUPT. */
struct tail_record {
	char stream[STREAM_NAME_MAX];
	struct tail_mark mark;
};
void tail_record_encode(const struct tail_record *r, struct buf *out);
int tail_record_decode(struct tail_record *r, const void *p, size_t n, struct err *e);

#endif
