/*
 * Bytes: a growing buffer, and a bounded view to parse foreign bytes from.
 *
 * Both are sticky: after a failed allocation (buf) or a read past the end
 * (view) every further call is harmless, and one check at the end tells.
 * So an encoder or a decoder is straight code with one check.
 * Integers are little-endian, as everywhere in our formats.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf {
	uint8_t *data;
	size_t len, cap;
	int failed;	/* 0, or BUF_..: contents are not to be used */
};

enum { BUF_NO_MEMORY = 1, BUF_TOO_LONG };

#define BUF_INIT { NULL, 0, 0, 0 }

void buf_free(struct buf *b);			/* also after failure; leaves BUF_INIT */
void buf_reset(struct buf *b);			/* len = 0, keeps the memory */
/* Zero the memory, then free.  Growing may have left copies: reserve ahead for a secret. */
void buf_wipe(struct buf *b);
int buf_reserve(struct buf *b, size_t more);	/* room for more bytes; 0, or -1 and failed */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_u8(struct buf *b, uint8_t v);
void buf_u16(struct buf *b, uint16_t v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);
void buf_str(struct buf *b, const char *s);	/* the bytes of s, without the NUL */
void buf_str16(struct buf *b, const char *s);	/* u16 length, then the bytes */
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The contents as a C string (a NUL is kept behind them, outside len). "" after failure. */
const char *buf_cstr(struct buf *b);

/* 0, or -1 with *e set: ERR_SYSTEM, out of memory; ERR_BUG, a str16 beyond its 65535 bytes. */
int buf_check(const struct buf *b, struct err *e);

struct view {
	const uint8_t *p, *end;
	int bad;	/* something was read past the end, or refused */
};

void view_init(struct view *v, const void *p, size_t n);
size_t view_left(const struct view *v);
const uint8_t *view_bytes(struct view *v, size_t n);	/* NULL and bad when short */
uint8_t view_u8(struct view *v);			/* 0 and bad when short */
uint16_t view_u16(struct view *v);
uint32_t view_u32(struct view *v);
uint64_t view_u64(struct view *v);

/* A buf_str16 string into out (size cap), NUL-terminated; bad: too long, or a NUL inside. */
void view_str16(struct view *v, char *out, size_t cap);

/* Fixed-place integers, for headers at known offsets. */
void le16_put(uint8_t *p, uint16_t v);
void le32_put(uint8_t *p, uint32_t v);
void le64_put(uint8_t *p, uint64_t v);
uint16_t le16_get(const uint8_t *p);
uint32_t le32_get(const uint8_t *p);
uint64_t le64_get(const uint8_t *p);

#endif
