/*
 * Makes WAL for tests.
 */
#include "wal_make.h"

#include <stdlib.h>
#include <string.h>

#include "pg/page.h"
#include "pg/walrecord.h"

#define PAGE 8192u

void
wal_make_begin(struct wal_make *w, uint16_t magic, uint64_t base, uint32_t segment_size)
{
	static const struct buf empty = BUF_INIT;

	memset(w, 0, sizeof(*w));
	w->out = empty;
	w->base = base;
	w->segment_size = segment_size;
	w->magic = magic;
	w->timeline = 1;
	w->prev = base - 8;
}

uint64_t
wal_make_at(const struct wal_make *w)
{
	return w->base + w->out.len;
}

static void
page_header(struct wal_make *w, size_t remaining)
{
	int first = wal_make_at(w) % w->segment_size == 0;

	buf_u16(&w->out, w->magic);
	buf_u16(&w->out, (uint16_t)(w->next_flags | (first ? 2 : 0) |
	    (remaining > 0 && !(w->next_flags & 8) ? 1 : 0)));
	buf_u32(&w->out, w->timeline);
	buf_u64(&w->out, wal_make_at(w) - 8);
	buf_u32(&w->out, (uint32_t)remaining);
	buf_u32(&w->out, 0);
	if (first) {
		buf_u64(&w->out, WAL_MAKE_SYSTEM);
		buf_u32(&w->out, w->segment_size);
		buf_u32(&w->out, PAGE);
	}
	w->next_flags = 0;
}

/* Bytes of a record, over as many pages as it takes; `behind` more follow. */
static void
put(struct wal_make *w, const uint8_t *p, size_t n, size_t behind)
{
	size_t k;

	while (n > 0) {
		if (wal_make_at(w) % PAGE == 0)
			page_header(w, n + behind);
		k = PAGE - wal_make_at(w) % PAGE;
		if (k > n)
			k = n;
		buf_add(&w->out, p, k);
		p += k;
		n -= k;
	}
}

uint64_t
wal_make_record(struct wal_make *w, uint8_t rmid, uint8_t info, uint32_t xid, const void *body,
    size_t n)
{
	uint8_t head[WALRECORD_HEAD] = { 0 };
	uint64_t start;

	if (wal_make_at(w) % PAGE == 0)
		page_header(w, 0);
	start = wal_make_at(w);
	le32_put(head, (uint32_t)(sizeof(head) + n));
	le32_put(head + 4, xid);
	le64_put(head + 8, w->prev);
	head[16] = info;
	head[17] = rmid;
	le32_put(head + 20, pg_crc32c(pg_crc32c(0, body, n), head, WALRECORD_HEAD_CRC));
	put(w, head, sizeof(head), n);
	put(w, body, n, 0);
	wal_make_zeros(w, (wal_make_at(w) + 7) & ~UINT64_C(7));
	w->prev = start;
	return start;
}

uint64_t
wal_make_data(struct wal_make *w, uint8_t rmid, uint8_t info, uint32_t xid, const void *data,
    size_t n)
{
	struct buf body = BUF_INIT;
	uint64_t start;

	if (n < 256) {
		buf_u8(&body, 255);
		buf_u8(&body, (uint8_t)n);
	} else {
		buf_u8(&body, 254);
		buf_u32(&body, (uint32_t)n);
	}
	buf_add(&body, data, n);
	start = wal_make_record(w, rmid, info, xid, body.data, body.len);
	buf_free(&body);
	return start;
}

void
wal_make_fill(struct wal_make *w, uint32_t left)
{
	static const uint8_t body[PAGE] = { 1 };
	size_t room = PAGE - wal_make_at(w) % PAGE;

	if (room == PAGE || room < left + WALRECORD_HEAD) { /* on a page with enough room */
		(void)wal_make_record(w, 10, 0, 1, body, PAGE / 2);
		room = PAGE - wal_make_at(w) % PAGE;
	}
	if (room > left)
		(void)wal_make_record(w, 10, 0, 1, body, room - left - WALRECORD_HEAD);
}

void
wal_make_zeros(struct wal_make *w, uint64_t lsn)
{
	while (wal_make_at(w) < lsn)
		buf_u8(&w->out, 0);
}
