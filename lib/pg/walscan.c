/*
 * Takes a stream of WAL pages apart into records, checks them as the server does
 * when it replays them, and hands the interesting ones to walrecord.
 */
#include "pg/walscan.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "pg/lsn.h"
#include "pg/page.h"
#include "pg/walrecord.h"

#define WAL_PAGE     8192u
#define SHORT_HEADER 24u	/* bytes of a page's header */
#define LONG_HEADER  40u	/* of a segment's first page */
#define RECORD_MAX   0x3fffffffu	/* the server's own limit for one allocation */

/* Page flags. */
enum { FIRST_IS_CONTRECORD = 1, HAS_LONG_HEADER = 2, FIRST_IS_OVERWRITE = 8, ALL_FLAGS = 15 };

struct page_header {
	uint16_t magic, flags;
	uint32_t timeline;
	uint64_t address;
	uint32_t remaining;	/* bytes of the record that began on an earlier page */
};

struct walscan {
	struct walscan_calls calls;
	void (*record)(void *ctx, uint64_t start, uint64_t end);
	uint32_t segment_size;
	uint64_t system_id;
	uint64_t from;		/* where the caller wants to begin */

	uint64_t pos;		/* of the next byte that will be fed */
	uint64_t until;		/* bytes before this position are passed over */

	/* This page's header; complete when got == need. */
	uint8_t page[LONG_HEADER];
	size_t page_got, page_need;
	uint16_t magic;		/* of the first page: all others have it too */
	int major;
	uint32_t timeline;

	/* The record in progress: head_got is 0 when there is none. */
	uint64_t start;
	uint8_t head[WALRECORD_HEAD];
	size_t head_got;
	struct walrecord_head h;
	uint32_t left;		/* bytes of it still to come */
	uint32_t crc;
	int wanted;
	struct walrecord body;

	int begun;		/* the first record was found */
	uint64_t prev, end;	/* of the last whole record; end is behind it */
	uint64_t given_up;	/* start of a record that was overwritten, or 0 */
	uint64_t records;
	int stopped;
	char reason[192];
};

/* The end of what can be read.  Always 1. */
__attribute__((format(printf, 2, 3))) static int
stop(struct walscan *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(s->reason, sizeof(s->reason), fmt, ap);	/* cut off when too long */
	va_end(ap);
	s->stopped = 1;
	return 1;
}

static uint64_t
align8(uint64_t n)
{
	return (n + 7) & ~UINT64_C(7);
}

static uint32_t
page_offset(uint64_t lsn)
{
	return (uint32_t)(lsn % WAL_PAGE);
}

struct walscan *
walscan_new(uint64_t lsn, uint32_t segment_size, uint64_t system_id,
    const struct walscan_calls *calls, struct err *e)
{
	struct walscan *s;
	char text[LSN_TEXT];

	if (!wal_segment_size_ok(segment_size)) {
		(void)err_set(e, ERR_CORRUPT, "WAL segments of %" PRIu32 " bytes",
		    segment_size);
		return NULL;
	}
	if (lsn % 8 != 0) {
		(void)err_set(e, ERR_CORRUPT, "no WAL record can start at %s",
		    lsn_format(text, lsn));
		return NULL;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL) {
		(void)err_sys(e, ERR_SYSTEM, "WAL scan");
		return NULL;
	}
	if (calls != NULL)
		s->calls = *calls;
	s->segment_size = segment_size;
	s->system_id = system_id;
	s->from = s->end = lsn;
	s->pos = lsn - page_offset(lsn);
	s->page_need = SHORT_HEADER;
	return s;
}

void
walscan_free(struct walscan *s)
{
	free(s);
}

void
walscan_on_record(struct walscan *s, void (*record)(void *ctx, uint64_t start, uint64_t end))
{
	s->record = record;
}

/* ---- pages ---- */

/* The server's version by the magic of its pages, or 0. */
static int
major_of(uint16_t magic)
{
	switch (magic) {
	case 0xd10d:
		return 14;
	case 0xd110:
		return 15;
	case 0xd113:
		return 16;
	case 0xd116:
		return 17;
	case 0xd118:
		return 18;
	}
	return 0;
}

static int
check_magic(struct walscan *s, const struct page_header *p, const char *at)
{
	static const uint8_t zeros[SHORT_HEADER];

	if (memcmp(s->page, zeros, SHORT_HEADER) == 0)
		return stop(s, "zeros at %s", at);
	if (s->magic == 0 && major_of(p->magic) != 0) {
		s->magic = p->magic;
		s->major = major_of(p->magic);
	}
	if (p->magic != s->magic || s->magic == 0)
		return stop(s, "page at %s: magic %04X is not WAL of %s", at, p->magic,
		    s->magic == 0 ? "PostgreSQL 14 to 18" : "the same server");
	return 0;
}

/* What only the first page of a segment tells. */
static int
check_long(struct walscan *s, const char *at)
{
	uint64_t system_id = le64_get(s->page + 24);
	uint32_t segment_size = le32_get(s->page + 32), block = le32_get(s->page + 36);

	if (s->system_id != 0 && system_id != s->system_id)
		return stop(s, "page at %s: system id %" PRIu64 ", not %" PRIu64, at,
		    system_id, s->system_id);
	if (segment_size != s->segment_size)
		return stop(s, "page at %s: segment size %" PRIu32 ", not %" PRIu32, at,
		    segment_size, s->segment_size);
	if (block != WAL_PAGE)
		return stop(s, "page at %s: WAL block size %" PRIu32, at, block);
	return 0;
}

/* The header by itself.  0, or 1: stopped. */
static int
check_page(struct walscan *s, const struct page_header *p, uint64_t page_start)
{
	char at[LSN_TEXT], other[LSN_TEXT];

	(void)lsn_format(at, page_start);
	if (check_magic(s, p, at))
		return 1;
	if ((p->flags & ~ALL_FLAGS) != 0 ||
	    (page_start % s->segment_size == 0 && !(p->flags & HAS_LONG_HEADER)))
		return stop(s, "page at %s: flags %04X", at, p->flags);
	if ((p->flags & HAS_LONG_HEADER) && check_long(s, at))
		return 1;
	if (p->address != page_start)
		return stop(s, "page at %s: page address %s", at,
		    lsn_format(other, p->address));
	if (p->timeline < s->timeline)
		return stop(s, "page at %s: timeline %" PRIu32 " after %" PRIu32, at,
		    p->timeline, s->timeline);
	s->timeline = p->timeline;
	return 0;
}

/* A page in the middle of a record must continue it, or say that it was given up. */
static int
check_continues(struct walscan *s, const struct page_header *p, uint64_t page_start)
{
	char at[LSN_TEXT], record[LSN_TEXT];

	if (p->flags & FIRST_IS_OVERWRITE) {
		s->given_up = s->start;
		s->head_got = 0;
		return 0;
	}
	(void)lsn_format(at, page_start);
	(void)lsn_format(record, s->start);
	if (!(p->flags & FIRST_IS_CONTRECORD))
		return stop(s, "page at %s: does not continue the record at %s", at, record);
	if (p->remaining != s->left)
		return stop(s,
		    "page at %s: %" PRIu32 " bytes of the record at %s to come, not %" PRIu32,
		    at, p->remaining, record, s->left);
	return 0;
}

/* Where does the first record begin, when the scan begins on this page? */
static void
find_first(struct walscan *s, const struct page_header *p, uint64_t page_start)
{
	uint64_t page_end = page_start + WAL_PAGE;

	if (s->from > s->pos) {
		s->until = s->from;
	} else if (p->flags & FIRST_IS_CONTRECORD) {
		s->until = s->pos + align8(p->remaining);
		if (s->until > page_end)
			s->until = page_end;
	}
}

/* The page's header is complete. */
static int
page_begin(struct walscan *s)
{
	uint64_t page_start = s->pos - s->page_need;
	struct page_header p = { le16_get(s->page), le16_get(s->page + 2),
		le32_get(s->page + 4), le64_get(s->page + 8), le32_get(s->page + 16) };
	char at[LSN_TEXT];

	if (check_page(s, &p, page_start))
		return 1;
	if (s->head_got > 0)
		return check_continues(s, &p, page_start);
	if (!s->begun)
		find_first(s, &p, page_start);
	else if (p.flags & FIRST_IS_CONTRECORD)
		return stop(s, "page at %s: continues a record that never began",
		    lsn_format(at, page_start));
	return 0;
}

/* ---- records ---- */

/* The first bytes of a record's header: is there a record at all? */
static int
check_length(struct walscan *s)
{
	uint32_t length = le32_get(s->head);
	char at[LSN_TEXT];

	(void)lsn_format(at, s->start);
	if (length == 0)
		return stop(s, "zeros at %s", at);
	if (length < WALRECORD_HEAD)
		return stop(s, "record at %s: length %" PRIu32 " is too small", at, length);
	if (length > RECORD_MAX)
		return stop(s, "record at %s: length %" PRIu32 " is too large", at, length);
	s->left = length;
	return 0;
}

/* The whole header is there. */
static int
record_begin(struct walscan *s)
{
	char at[LSN_TEXT], prev[LSN_TEXT], last[LSN_TEXT];

	walrecord_head(&s->h, s->head);
	(void)lsn_format(at, s->start);
	/* 22 to 127 are nobody's; from 128 on they belong to extensions. */
	if (s->h.rmid > 21 && s->h.rmid < 128)
		return stop(s, "record at %s: resource manager %u", at, s->h.rmid);
	(void)lsn_format(prev, s->h.prev);
	if (s->prev == 0 && s->h.prev >= s->start)
		return stop(s, "record at %s: previous record at %s, not before it", at, prev);
	if (s->prev != 0 && s->h.prev != s->prev)
		return stop(s, "record at %s: previous record at %s, not at %s", at, prev,
		    lsn_format(last, s->prev));
	s->crc = 0;
	s->wanted = walrecord_wanted(&s->h);
	if (s->wanted)
		walrecord_begin(&s->body, &s->h, s->major);
	return 0;
}

/* An OVERWRITE_CONTRECORD names the record whose rest it replaces. */
static int
check_overwritten(struct walscan *s)
{
	char at[LSN_TEXT], a[LSN_TEXT], b[LSN_TEXT];

	if (s->body.overwritten == 0 || s->given_up == 0 || s->body.overwritten == s->given_up)
		return 0;
	return stop(s, "record at %s: overwrites the record at %s, not at %s",
	    lsn_format(at, s->start), lsn_format(a, s->body.overwritten),
	    lsn_format(b, s->given_up));
}

/* Tell the caller of the record.  0, 1: stopped, or -1. */
static int
record_event(struct walscan *s, struct err *e)
{
	char at[LSN_TEXT];
	int rc = walrecord_end(&s->body);

	if (rc < 0)
		return err_set(e, ERR_CORRUPT,
		    "WAL record at %s: resource manager %u, info %02X: not understood",
		    lsn_format(at, s->start), s->h.rmid, s->h.info);
	if (rc == 0 || s->calls.event == NULL)
		return 0;
	s->body.ev.start = s->start;
	s->body.ev.end = s->end;
	rc = s->calls.event(s->calls.ctx, &s->body.ev, e);
	if (rc > 0)
		return stop(s, "the record at %s is where to stop", lsn_format(at, s->start));
	return rc;
}

/* All of the record is there. */
static int
record_end(struct walscan *s, struct err *e)
{
	char at[LSN_TEXT];

	if (pg_crc32c(s->crc, s->head, WALRECORD_HEAD_CRC) != s->h.crc)
		return stop(s, "record at %s: wrong CRC", lsn_format(at, s->start));
	if (s->wanted && check_overwritten(s))
		return 1;
	s->head_got = 0;
	s->prev = s->start;
	s->given_up = 0;
	s->records++;
	s->until = align8(s->pos);
	if (s->h.rmid == WAL_RM_XLOG && (s->h.info & 0xf0) == WAL_XLOG_SWITCH)
		s->until = wal_segment_start(s->until + s->segment_size - 1, s->segment_size);
	s->end = s->until;
	if (s->record != NULL)
		s->record(s->calls.ctx, s->start, s->end);
	return s->wanted ? record_event(s, e) : 0;
}

/* ---- bytes ---- */

static size_t
lesser(uint64_t a, size_t b)
{
	return a < b ? (size_t)a : b;
}

/* Each takes some of the n bytes at p and tells how many; s->stopped when it was the end. */
static size_t
take_page_header(struct walscan *s, const uint8_t *p, size_t n)
{
	size_t k = lesser(s->page_need - s->page_got, n);

	memcpy(s->page + s->page_got, p, k);
	s->page_got += k;
	s->pos += k;
	if (s->page_got == SHORT_HEADER && (le16_get(s->page + 2) & HAS_LONG_HEADER))
		s->page_need = LONG_HEADER;
	if (s->page_got == s->page_need)
		(void)page_begin(s);	/* s->stopped tells */
	return k;
}

static size_t
take_record_header(struct walscan *s, const uint8_t *p, size_t n)
{
	size_t had = s->head_got, k = lesser(WALRECORD_HEAD - had, n);

	if (had == 0) {
		s->start = s->pos;
		s->begun = 1;
	}
	memcpy(s->head + had, p, k);
	s->head_got += k;
	s->pos += k;
	if (had < 4) {
		if (s->head_got < 4 || check_length(s))
			return k;
		s->left -= (uint32_t)had;
	}
	s->left -= (uint32_t)k;
	if (s->head_got == WALRECORD_HEAD)
		(void)record_begin(s);	/* s->stopped tells */
	return k;
}

static size_t
take_body(struct walscan *s, const uint8_t *p, size_t n)
{
	size_t k = lesser(s->left, n);

	s->crc = pg_crc32c(s->crc, p, k);
	if (s->wanted)
		walrecord_feed(&s->body, p, k);
	s->left -= (uint32_t)k;
	s->pos += k;
	return k;
}

/* Bytes of one page, behind its header.  Like the takers; *rc is record_end's. */
static size_t
take_records(struct walscan *s, const uint8_t *p, size_t n, int *rc, struct err *e)
{
	size_t k;

	n = lesser(WAL_PAGE - page_offset(s->pos), n);
	k = s->head_got < WALRECORD_HEAD ? take_record_header(s, p, n) : take_body(s, p, n);
	if (!s->stopped && s->head_got == WALRECORD_HEAD && s->left == 0)
		*rc = record_end(s, e);
	return k;
}

int
walscan_feed(struct walscan *s, const void *data, size_t n, struct err *e)
{
	const uint8_t *p = data;
	size_t k;
	int rc = 0;

	while (n > 0 && rc == 0 && !s->stopped) {
		if (s->pos < s->until) {
			k = lesser(s->until - s->pos, n);
			s->pos += k;
		} else if (s->page_got < s->page_need) {
			k = take_page_header(s, p, n);
		} else {
			k = take_records(s, p, n, &rc, e);
		}
		p += k;
		n -= k;
		if (page_offset(s->pos) == 0) {
			s->page_got = 0;
			s->page_need = SHORT_HEADER;
		}
	}
	if (rc < 0) {
		s->stopped = 1;
		return -1;
	}
	return s->stopped;
}

uint64_t
walscan_end(const struct walscan *s)
{
	return s->end;
}

const char *
walscan_stop_reason(const struct walscan *s)
{
	return s->reason;
}

uint64_t
walscan_records(const struct walscan *s)
{
	return s->records;
}
