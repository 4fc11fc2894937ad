/*
 * Bytes: a growing buffer, and a bounded view to parse foreign bytes from.
 */
#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

void
buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT;
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
}

void
buf_wipe(struct buf *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}

int
buf_reserve(struct buf *b, size_t more)
{
	size_t need, cap;
	uint8_t *data;

	if (b->failed)
		return -1;
	if (more >= SIZE_MAX / 4 - b->len) {
		b->failed = BUF_NO_MEMORY;
		return -1;
	}
	need = b->len + more + 1; /* and the NUL of buf_cstr */
	if (need <= b->cap)
		return 0;
	cap = b->cap < 32 ? 64 : 2 * b->cap;
	if (cap < need)
		cap = need;
	if ((data = realloc(b->data, cap)) == NULL) {
		b->failed = BUF_NO_MEMORY;
		return -1;
	}
	b->data = data;
	b->cap = cap;
	return 0;
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0 || buf_reserve(b, n) != 0)
		return;
	memcpy(b->data + b->len, p, n);
	b->len += n;
}

void
buf_u8(struct buf *b, uint8_t v)
{
	buf_add(b, &v, 1);
}

void
buf_u16(struct buf *b, uint16_t v)
{
	v = htole16(v);
	buf_add(b, &v, sizeof(v));
}

void
buf_u32(struct buf *b, uint32_t v)
{
	v = htole32(v);
	buf_add(b, &v, sizeof(v));
}

void
buf_u64(struct buf *b, uint64_t v)
{
	v = htole64(v);
	buf_add(b, &v, sizeof(v));
}

void
buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_str16(struct buf *b, const char *s)
{
	size_t n = strlen(s);

	if (n > UINT16_MAX) {
		if (!b->failed)
			b->failed = BUF_TOO_LONG;
		return;
	}
	buf_u16(b, (uint16_t)n);
	buf_add(b, s, n);
}

void
buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		if (!b->failed)
			b->failed = BUF_TOO_LONG;
		return;
	}
	if (buf_reserve(b, (size_t)n) != 0)
		return;
	va_start(ap, fmt);
	vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

const char *
buf_cstr(struct buf *b)
{
	if (buf_reserve(b, 0) != 0)
		return "";
	b->data[b->len] = '\0';
	return (const char *)b->data;
}

int
buf_check(const struct buf *b, struct err *e)
{
	switch (b->failed) {
	case 0:
		return 0;
	case BUF_NO_MEMORY:
		return err_set(e, ERR_SYSTEM, "out of memory");
	default:
		return err_set(e, ERR_BUG, "a text is too long for its field");
	}
}

void
view_init(struct view *v, const void *p, size_t n)
{
	v->p = p;
	v->end = n > 0 ? v->p + n : v->p;
	v->bad = 0;
}

size_t
view_left(const struct view *v)
{
	return (size_t)(v->end - v->p);
}

static const uint8_t *
refuse(struct view *v)
{
	v->bad = 1;
	v->p = v->end;
	return NULL;
}

const uint8_t *
view_bytes(struct view *v, size_t n)
{
	const uint8_t *p = v->p;

	if (v->bad || n > view_left(v))
		return refuse(v);
	if (n > 0)
		v->p += n;
	return p;
}

uint8_t
view_u8(struct view *v)
{
	const uint8_t *p = view_bytes(v, 1);

	return p == NULL ? 0 : *p;
}

uint16_t
view_u16(struct view *v)
{
	const uint8_t *p = view_bytes(v, 2);

	return p == NULL ? 0 : le16_get(p);
}

uint32_t
view_u32(struct view *v)
{
	const uint8_t *p = view_bytes(v, 4);

	return p == NULL ? 0 : le32_get(p);
}

uint64_t
view_u64(struct view *v)
{
	const uint8_t *p = view_bytes(v, 8);

	return p == NULL ? 0 : le64_get(p);
}

void
view_str16(struct view *v, char *out, size_t cap)
{
	size_t n = view_u16(v);
	const uint8_t *p = view_bytes(v, n);

	out[0] = '\0';
	if (v->bad || n == 0)
		return;
	if (n >= cap || memchr(p, '\0', n) != NULL) {
		refuse(v);
		return;
	}
	memcpy(out, p, n);
	out[n] = '\0';
}

void
le16_put(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

void
le32_put(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

void
le64_put(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

uint16_t
le16_get(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

uint32_t
le32_get(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

uint64_t
le64_get(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}
