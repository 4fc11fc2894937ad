/*
 * Tests of pg/walscan and pg/walrecord on made WAL: cuts, splits, ends, damage.
 * tests/servers/walscan.t compares with real servers.
 */
#include "pg/walscan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg/lsn.h"
#include "pg/page.h"
#include "suites.h"
#include "wal_make.h"

#define MIB   (1u << 20)
#define BASE  (UINT64_C(0x100000000) + 3 * MIB)
#define PAGE  8192u
#define MAGIC 0xd110	/* PostgreSQL 15 */
#define EPOCH INT64_C(946684800000000)

enum { XLOG = 0, XACT = 1 };

/* ---- what a scan told ---- */

struct told {
	int n, rc;
	struct wal_event ev[64];
	uint64_t end, records;
	char reason[200];
	struct err e;
	int answer;	/* of the event call */
};

static int
keep_event(void *ctx, const struct wal_event *ev, struct err *e)
{
	struct told *t = ctx;

	ck_assert_int_lt(t->n, 64);
	t->ev[t->n++] = *ev;
	return t->answer < 0 ? err_set(e, ERR_IO, "no room for the event") : t->answer;
}

/* Scan n bytes at p, from the page of lsn on, in pieces. */
static void
scan_bytes(struct told *t, const uint8_t *p, size_t n, uint64_t lsn, size_t piece)
{
	struct walscan_calls calls = { keep_event, t };
	struct walscan *s;
	size_t k;

	s = walscan_new(lsn, MIB, WAL_MAKE_SYSTEM, &calls, &t->e);
	ck_assert_ptr_nonnull(s);
	for (; n > 0 && t->rc == 0; p += k, n -= k) {
		k = n < piece ? n : piece;
		t->rc = walscan_feed(s, p, k, &t->e);
	}
	t->end = walscan_end(s);
	t->records = walscan_records(s);
	(void)snprintf(t->reason, sizeof(t->reason), "%s", walscan_stop_reason(s));
	walscan_free(s);
}

static struct told
scan(const struct wal_make *w, uint64_t lsn, size_t piece)
{
	struct told t;
	size_t skip = (size_t)(lsn - lsn % PAGE - w->base);

	memset(&t, 0, sizeof(t));
	scan_bytes(&t, w->out.data + skip, w->out.len - skip, lsn, piece);
	return t;
}

/* ---- bodies ---- */

struct sections {
	uint32_t nsubxacts, nrels, nstats, nmsgs;
	uint32_t prepared;	/* its xid, or 0 */
	const char *gid;
	int origin;
};

static uint32_t
sections_xinfo(const struct sections *s)
{
	return 1u | (s->nsubxacts ? 2u : 0) | (s->nrels ? 4u : 0) | (s->nstats ? 256u : 0) |
	    (s->nmsgs ? 8u : 0) | (s->prepared ? 16u : 0) | (s->gid ? 128u : 0) |
	    (s->origin ? 32u : 0);
}

static void
repeat(struct buf *b, uint32_t n, size_t size)
{
	size_t i;

	if (n == 0)
		return;
	buf_u32(b, n);
	for (i = 0; i < n * size; i++)
		buf_u8(b, (uint8_t)(i | 1));
}

/* The main data of a commit or abort at `time` µs, with all the sections asked for. */
static struct buf
xact_body(int64_t time, const struct sections *s, size_t stats_size)
{
	struct buf b = BUF_INIT;

	buf_u64(&b, (uint64_t)(time - EPOCH));
	buf_u32(&b, sections_xinfo(s));
	buf_u64(&b, 0x500000005);	/* database, tablespace */
	repeat(&b, s->nsubxacts, 4);
	repeat(&b, s->nrels, 12);
	repeat(&b, s->nstats, stats_size);
	repeat(&b, s->nmsgs, 16);
	if (s->prepared != 0)
		buf_u32(&b, s->prepared);
	if (s->gid != NULL)
		buf_add(&b, s->gid, strlen(s->gid) + 1);
	if (s->origin)
		repeat(&b, 3, 4);
	return b;
}

static uint64_t
put_commit(struct wal_make *w, uint32_t xid, int64_t time)
{
	struct buf b = BUF_INIT;
	uint64_t at;

	buf_u64(&b, (uint64_t)(time - EPOCH));
	at = wal_make_data(w, XACT, 0x00, xid, b.data, b.len);
	buf_free(&b);
	return at;
}

static uint64_t
put_sections(struct wal_make *w, uint8_t info, const struct sections *s, size_t stats_size)
{
	struct buf b = xact_body(EPOCH + 5, s, stats_size);
	uint64_t at = wal_make_data(w, XACT, info | 0x80, 700, b.data, b.len);

	buf_free(&b);
	return at;
}

static uint64_t
put_point(struct wal_make *w, const char *name)
{
	uint8_t body[72] = { 0 };

	le64_put(body, 77);
	memcpy(body + 8, name, strlen(name));
	return wal_make_data(w, XLOG, 0x70, 0, body, sizeof(body));
}

static void
put_prepare(struct wal_make *w, int major, const char *gid)
{
	struct buf b = BUF_INIT;
	size_t head = major >= 15 ? 72 : 64, gid_at = major >= 15 ? 54 : 46;

	(void)buf_reserve(&b, head);
	memset(b.data, 0, head);
	b.len = head;
	le32_put(b.data + 8, 900);
	le64_put(b.data + 16, 33);
	le16_put(b.data + gid_at, (uint16_t)(strlen(gid) + 1));
	buf_add(&b, gid, strlen(gid) + 1);
	repeat(&b, 3, 12);	/* subtransactions, files: not looked at */
	(void)wal_make_data(w, XACT, 0x10, 900, b.data, b.len);
	buf_free(&b);
}

static void
put_parameters(struct wal_make *w)
{
	uint8_t body[28] = { 0 };
	uint32_t i;

	for (i = 0; i < 5; i++)
		le32_put(body + 4 * i, 100 + i);
	(void)wal_make_data(w, XLOG, 0x60, 0, body, sizeof(body));
}

/* ---- reading ---- */

START_TEST(every_kind_is_told_in_every_version)
{
	static const struct {
		uint16_t magic;
		int major;
		size_t stats_size;
	} v[] = { { 0xd10d, 14, 0 }, { 0xd110, 15, 12 }, { 0xd113, 16, 12 },
		{ 0xd116, 17, 12 }, { 0xd118, 18, 16 } };
	struct sections all = { 3, 2, 4, 5, 888, "gid", 1 };
	struct wal_make w;
	struct told t;
	size_t i;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		wal_make_begin(&w, v[i].magic, BASE, MIB);
		all.nstats = v[i].stats_size > 0 ? 4 : 0;
		(void)put_commit(&w, 500, EPOCH - 1);
		(void)put_sections(&w, 0x30, &all, v[i].stats_size);
		(void)put_sections(&w, 0x40, &all, v[i].stats_size);
		put_prepare(&w, v[i].major, "my gid");
		(void)put_point(&w, "before it");
		put_parameters(&w);
		(void)wal_make_data(&w, XLOG, 0x10, 0, "checkpoint", 10);
		(void)wal_make_data(&w, XLOG, 0x90, 0, "recovered", 9);
		(void)wal_make_data(&w, XLOG, 0xa0, 0, "page image", 10);
		(void)wal_make_data(&w, XACT, 0x50, 9, "assignment", 10);
		t = scan(&w, BASE, MIB);
		ck_assert_int_eq(t.rc, 0);
		ck_assert_str_eq(t.reason, "");
		ck_assert_int_eq(t.n, 8);
		ck_assert_uint_eq(t.records, 10);
		ck_assert_uint_eq(t.end, wal_make_at(&w));

		ck_assert(t.ev[0].kind == WAL_COMMIT && !t.ev[0].prepared);
		ck_assert_uint_eq(t.ev[0].xid, 500);
		ck_assert_int_eq(t.ev[0].time, EPOCH - 1);
		ck_assert_uint_eq(t.ev[0].nrels, 0);
		ck_assert(t.ev[1].kind == WAL_COMMIT && t.ev[1].prepared);
		ck_assert_uint_eq(t.ev[1].xid, 888);
		ck_assert_uint_eq(t.ev[1].nrels, 2);
		ck_assert_str_eq(t.ev[1].name, "gid");
		ck_assert_int_eq(t.ev[1].time, EPOCH + 5);
		ck_assert(t.ev[2].kind == WAL_ABORT && t.ev[2].prepared);
		ck_assert_uint_eq(t.ev[2].xid, 888);
		ck_assert(t.ev[3].kind == WAL_PREPARE && t.ev[3].prepared);
		ck_assert_uint_eq(t.ev[3].xid, 900);
		ck_assert_int_eq(t.ev[3].time, EPOCH + 33);
		ck_assert_str_eq(t.ev[3].name, "my gid");
		ck_assert(t.ev[4].kind == WAL_RESTORE_POINT);
		ck_assert_int_eq(t.ev[4].time, EPOCH + 77);
		ck_assert_str_eq(t.ev[4].name, "before it");
		ck_assert_uint_eq(t.ev[4].xid, 0);
		ck_assert(t.ev[5].kind == WAL_PARAMETERS);
		ck_assert_int_eq(t.ev[5].max_connections, 100);
		ck_assert_int_eq(t.ev[5].max_worker_processes, 101);
		ck_assert_int_eq(t.ev[5].max_wal_senders, 102);
		ck_assert_int_eq(t.ev[5].max_prepared_xacts, 103);
		ck_assert_int_eq(t.ev[5].max_locks_per_xact, 104);
		ck_assert(t.ev[6].kind == WAL_CHECKPOINT);
		ck_assert(t.ev[7].kind == WAL_END_OF_RECOVERY);
		buf_free(&w.out);
	}
}
END_TEST

START_TEST(every_subset_of_sections_is_understood)
{
	struct sections s;
	struct wal_make w;
	struct told t;
	uint32_t bits;

	for (bits = 0; bits < 128; bits++) {
		s = (struct sections) { bits & 1 ? 2 : 0, bits & 2 ? 7 : 0, bits & 4 ? 1 : 0,
			bits & 8 ? 3 : 0, bits & 16 ? 42 : 0, bits & 32 ? "name" : NULL,
			bits & 64 ? 1 : 0 };
		wal_make_begin(&w, MAGIC, BASE, MIB);
		(void)put_sections(&w, bits & 16 ? 0x30 : 0x00, &s, 12);
		t = scan(&w, BASE, MIB);
		ck_assert_msg(t.n == 1, "subset %x: %s", bits, t.e.msg);
		ck_assert_uint_eq(t.ev[0].nrels, s.nrels);
		ck_assert_uint_eq(t.ev[0].xid, bits & 16 ? 42 : 700);
		ck_assert_str_eq(t.ev[0].name, bits & 32 ? "name" : "");
		buf_free(&w.out);
	}
}
END_TEST

START_TEST(a_commit_of_any_size_is_read)
{
	struct sections s = { 800000, 300000, 200000, 100000, 4711, "many", 0 };
	struct wal_make w;
	struct told t;

	wal_make_begin(&w, MAGIC, BASE, MIB);
	(void)put_sections(&w, 0x30, &s, 12);
	ck_assert_uint_gt(w.out.len, 10 * MIB);
	t = scan(&w, BASE, 100000);
	ck_assert_int_eq(t.n, 1);
	ck_assert_uint_eq(t.ev[0].nrels, 300000);
	ck_assert_uint_eq(t.ev[0].xid, 4711);
	ck_assert_str_eq(t.ev[0].name, "many");
	ck_assert_uint_eq(t.ev[0].end, wal_make_at(&w));
	buf_free(&w.out);
}
END_TEST

/* Some pages with events everywhere, also around the pages' ends. */
static void
make_mixed(struct wal_make *w)
{
	struct sections s = { 30, 20, 10, 500, 17, "long", 1 };
	uint32_t left;

	wal_make_begin(w, MAGIC, BASE, MIB);
	for (left = 0; left < 64; left += 8) {
		wal_make_fill(w, left);
		(void)put_commit(w, 1000 + left, EPOCH);
	}
	(void)put_sections(w, 0x30, &s, 12);
	(void)put_point(w, "last");
}

START_TEST(pieces_of_any_size_tell_the_same)
{
	struct wal_make w;
	struct told whole, t;
	size_t piece;

	make_mixed(&w);
	whole = scan(&w, BASE, MIB);
	ck_assert_int_eq(whole.n, 10);
	for (piece = 1; piece < 400; piece++) {
		t = scan(&w, BASE, piece);
		ck_assert_int_eq(t.n, whole.n);
		ck_assert_uint_eq(t.end, whole.end);
		ck_assert_mem_eq(t.ev, whole.ev, sizeof(t.ev));
	}
	buf_free(&w.out);
}
END_TEST

START_TEST(events_come_when_their_last_byte_does)
{
	struct wal_make w;
	struct told t;
	size_t n;

	wal_make_begin(&w, MAGIC, BASE, MIB);
	(void)put_commit(&w, 1, EPOCH);		/* 40 + 34 bytes, and 6 of padding */
	ck_assert_uint_eq(w.out.len, 80);
	for (n = 1; n <= 80; n++) {
		memset(&t, 0, sizeof(t));
		scan_bytes(&t, w.out.data, n, BASE, MIB);
		ck_assert_int_eq(t.n, n >= 74);
		ck_assert_uint_eq(t.end, n >= 74 ? BASE + 80 : BASE);
		ck_assert_int_eq(t.rc, 0);
	}
	buf_free(&w.out);
}
END_TEST

START_TEST(a_header_may_be_split_over_pages)
{
	struct wal_make w;
	struct told t;
	uint64_t at;
	uint32_t left;

	for (left = 8; left < 24; left += 8) {
		wal_make_begin(&w, MAGIC, BASE, MIB);
		wal_make_fill(&w, left);
		at = put_commit(&w, 1, EPOCH);
		ck_assert_uint_eq(at % PAGE, PAGE - left);
		t = scan(&w, BASE, MIB);
		ck_assert_int_eq(t.n, 1);
		ck_assert_uint_eq(t.ev[0].start, at);
		ck_assert_uint_eq(t.ev[0].end, at + 40 + 24);
		buf_free(&w.out);
	}
}
END_TEST

START_TEST(a_record_that_ends_with_its_page_ends_where_the_next_begins)
{
	struct wal_make w;
	struct told t;

	wal_make_begin(&w, MAGIC, BASE, MIB);
	wal_make_fill(&w, 40);
	(void)put_commit(&w, 1, EPOCH);
	ck_assert_uint_eq(wal_make_at(&w) % PAGE, 0);
	(void)put_commit(&w, 2, EPOCH);
	t = scan(&w, BASE, MIB);
	ck_assert_int_eq(t.n, 2);
	ck_assert_uint_eq(t.ev[0].end % PAGE, 0);
	ck_assert_uint_eq(t.ev[1].start, t.ev[0].end + 24);
	buf_free(&w.out);
}
END_TEST

START_TEST(a_scan_can_begin_at_any_record)
{
	struct wal_make w;
	struct told whole, t;
	int i;

	make_mixed(&w);
	whole = scan(&w, BASE, MIB);
	for (i = 0; i < whole.n; i++) {
		t = scan(&w, whole.ev[i].start, 100);
		ck_assert_int_eq(t.n, whole.n - i);
		ck_assert_mem_eq(t.ev, whole.ev + i, sizeof(t.ev[0]) * (size_t)t.n);
	}
	buf_free(&w.out);
}
END_TEST

START_TEST(a_segment_may_begin_in_the_middle_of_a_record)
{
	static uint8_t body[3 * MIB];
	struct wal_make w;
	struct told t;
	uint64_t first, next;
	int i;

	wal_make_begin(&w, MAGIC, BASE, MIB);
	first = wal_make_record(&w, 21, 0, 0, body, sizeof(body));
	next = put_commit(&w, 5, EPOCH);
	for (i = 0; i < 4; i++) {
		t = scan(&w, BASE + (uint64_t)i * MIB, MIB);
		ck_assert_int_eq(t.n, 1);
		ck_assert_uint_eq(t.ev[0].start, next);
		ck_assert_uint_eq(t.records, i == 0 ? 2 : 1);
	}
	ck_assert_uint_eq(first, BASE + 40);
	buf_free(&w.out);
}
END_TEST

START_TEST(the_rest_of_a_switched_segment_is_skipped)
{
	struct wal_make w;
	struct told t;
	uint64_t at;

	wal_make_begin(&w, MAGIC, BASE, MIB);
	(void)put_commit(&w, 1, EPOCH);
	(void)wal_make_record(&w, XLOG, 0x40, 0, "", 0);
	t = scan(&w, BASE, MIB);
	ck_assert_uint_eq(t.end, BASE + MIB);
	buf_u64(&w.out, 0x123456789);	/* nobody reads that */
	wal_make_zeros(&w, BASE + MIB);
	at = put_commit(&w, 2, EPOCH);
	t = scan(&w, BASE, 1000);
	ck_assert_int_eq(t.n, 2);
	ck_assert_uint_eq(t.ev[1].start, at);
	ck_assert_uint_eq(at, BASE + MIB + 40);
	buf_free(&w.out);
}
END_TEST

/* A record of 10000 bytes, lost from its second page on; a new one says so. */
static uint64_t
make_overwritten(struct wal_make *w, uint64_t named)
{
	static const uint8_t lost[10000] = { 1 };
	uint8_t body[16] = { 0 };
	uint64_t at, kept;

	wal_make_begin(w, MAGIC, BASE, MIB);
	kept = put_commit(w, 1, EPOCH);
	at = wal_make_record(w, 10, 0, 0, lost, sizeof(lost));
	w->out.len = PAGE;
	w->prev = kept;
	w->next_flags = 8;
	le64_put(body, named != 0 ? named : at);
	(void)wal_make_data(w, XLOG, 0xd0, 0, body, sizeof(body));
	(void)put_commit(w, 2, EPOCH);
	return at;
}

START_TEST(a_record_that_was_given_up_is_passed_over)
{
	struct wal_make w;
	struct told t;

	(void)make_overwritten(&w, 0);
	t = scan(&w, BASE, 100);
	ck_assert_str_eq(t.reason, "");
	ck_assert_int_eq(t.n, 2);
	ck_assert_uint_eq(t.records, 3);
	ck_assert_uint_eq(t.ev[1].xid, 2);
	ck_assert_uint_eq(t.end, wal_make_at(&w));
	/* From that page on there is nothing to compare with. */
	t = scan(&w, BASE + PAGE, 100);
	ck_assert_int_eq(t.n, 1);
	buf_free(&w.out);
}
END_TEST

START_TEST(an_overwrite_must_name_the_record_that_was_lost)
{
	struct wal_make w;
	struct told t;

	(void)make_overwritten(&w, BASE + 4096);
	t = scan(&w, BASE, 100);
	ck_assert_int_eq(t.rc, 1);
	ck_assert_int_eq(t.n, 1);
	ck_assert_str_eq(t.reason,
	    "record at 1/302018: overwrites the record at 1/301000, not at 1/300050");
	buf_free(&w.out);
}
END_TEST

/* ---- ends ---- */

static void
recompute_crc(uint8_t *record)
{
	uint32_t n = le32_get(record);

	le32_put(record + 20, pg_crc32c(pg_crc32c(0, record + 24, n - 24), record, 20));
}

/*
 * Three pages.  Page 0: a commit at 40, filling, and from 8160 a record of 9000
 * bytes over page 1; on page 2, behind its end, another commit.
 */
#define FIRST 40
#define LONG  (PAGE - 32)
static uint64_t
make_pages(struct wal_make *w)
{
	static const uint8_t body[9000] = { 2 };

	wal_make_begin(w, MAGIC, BASE, MIB);
	(void)put_commit(w, 1, EPOCH);
	wal_make_fill(w, 32);
	(void)wal_make_record(w, 10, 0, 0, body, sizeof(body));
	return put_commit(w, 2, EPOCH);
}

/* One way to damage it: up to three numbers are changed. */
struct damage {
	struct {
		size_t at, size;
		uint64_t value;
	} edit[3];
	int crc;	/* the first record's is made right again */
	uint64_t end;	/* behind the last good record, from BASE */
	const char *reason;
};

static void
apply(uint8_t *p, const struct damage *d)
{
	uint8_t value[8];
	size_t i;

	for (i = 0; i < 3; i++) {
		le64_put(value, d->edit[i].value);
		memcpy(p + d->edit[i].at, value, d->edit[i].size);
	}
	if (d->crc)
		recompute_crc(p + FIRST);
}

START_TEST(the_end_of_valid_wal_is_told_precisely)
{
	static const struct damage t[] = {
		{ { { FIRST, 4, 23 } }, 0, 0, "record at 1/300028: length 23 is too small" },
		{ { { FIRST, 4, 0 } }, 0, 0, "zeros at 1/300028" },
		{ { { FIRST, 4, 0x40000000 } }, 0, 0,
		    "record at 1/300028: length 1073741824 is too large" },
		{ { { FIRST + 17, 1, 22 } }, 1, 0, "record at 1/300028: resource manager 22" },
		{ { { FIRST + 8, 8, BASE + FIRST } }, 1, 0,
		    "record at 1/300028: previous record at 1/300028, not before it" },
		{ { { LONG + 8, 8, BASE + FIRST } }, 0, LONG,
		    "record at 1/301FE0: previous record at 1/300028, not at 1/300050" },
		{ { { FIRST + 30, 1, 99 } }, 0, 0, "record at 1/300028: wrong CRC" },
		{ { { FIRST + 20, 4, 99 } }, 0, 0, "record at 1/300028: wrong CRC" },
		{ { { PAGE, 8, 0 }, { PAGE + 8, 8, 0 }, { PAGE + 16, 8, 0 } }, 0, LONG,
		    "zeros at 1/302000" },
		{ { { PAGE, 2, 0xd113 } }, 0, LONG,
		    "page at 1/302000: magic D113 is not WAL of the same server" },
		{ { { 0, 2, 0xd121 } }, 0, 0,
		    "page at 1/300000: magic D121 is not WAL of PostgreSQL 14 to 18" },
		{ { { PAGE + 2, 2, 0x11 } }, 0, LONG, "page at 1/302000: flags 0011" },
		{ { { 2, 2, 0 } }, 0, 0, "page at 1/300000: flags 0000" },
		{ { { 24, 8, 4711 } }, 0, 0,
		    "page at 1/300000: system id 4711, not 7710940306813217714" },
		{ { { 32, 4, 16 * MIB } }, 0, 0,
		    "page at 1/300000: segment size 16777216, not 1048576" },
		{ { { 36, 4, 16384 } }, 0, 0, "page at 1/300000: WAL block size 16384" },
		{ { { PAGE + 8, 8, BASE - MIB } }, 0, LONG,
		    "page at 1/302000: page address 1/200000" },
		{ { { 4, 4, 3 }, { PAGE + 4, 4, 2 } }, 0, LONG,
		    "page at 1/302000: timeline 2 after 3" },
		{ { { PAGE + 2, 2, 0 } }, 0, LONG,
		    "page at 1/302000: does not continue the record at 1/301FE0" },
		{ { { PAGE + 16, 4, 80 } }, 0, LONG,
		    "page at 1/302000: 80 bytes of the record at 1/301FE0 to come, not 8992" },
		{ { { 3 * PAGE + 2, 2, 1 } }, 0, 3 * PAGE,
		    "page at 1/306000: continues a record that never began" },
	};
	struct wal_make w;
	struct told r;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		(void)make_pages(&w);
		wal_make_fill(&w, 0);
		(void)put_commit(&w, 3, EPOCH);
		ck_assert_uint_gt(w.out.len, 3 * PAGE);
		r = scan(&w, BASE, 777);
		ck_assert_msg(r.rc == 0 && r.n == 3, "%zu: intact: %s", i, r.reason);
		apply(w.out.data, &t[i]);
		r = scan(&w, BASE, 777);
		ck_assert_int_eq(r.rc, 1);
		ck_assert_str_eq(r.reason, t[i].reason);
		ck_assert_uint_eq(r.end, BASE + t[i].end);
		buf_free(&w.out);
	}
}
END_TEST

START_TEST(zeros_behind_the_last_record_are_the_end)
{
	struct wal_make w;
	struct told t;
	uint64_t end;

	(void)make_pages(&w);
	end = wal_make_at(&w);
	wal_make_zeros(&w, end + 100000);
	t = scan(&w, BASE, MIB);
	ck_assert_int_eq(t.rc, 1);
	ck_assert_int_eq(t.n, 2);
	ck_assert_uint_eq(t.end, end);
	ck_assert_int_eq(strncmp(t.reason, "zeros at ", 9), 0);
	buf_free(&w.out);
}
END_TEST

START_TEST(no_flipped_byte_passes_for_another_log)
{
	struct wal_make w;
	struct told whole, t;
	size_t i;

	(void)make_pages(&w);
	whole = scan(&w, BASE, MIB);
	for (i = 0; i < w.out.len; i++) {
		w.out.data[i] ^= 0x40;
		t = scan(&w, BASE, MIB);
		/* Events are what they were, as far as they go. */
		ck_assert_int_le(t.n, whole.n);
		ck_assert_mem_eq(t.ev, whole.ev, sizeof(t.ev[0]) * (size_t)t.n);
		w.out.data[i] ^= 0x40;
	}
	buf_free(&w.out);
}
END_TEST

START_TEST(a_whole_record_that_is_not_understood_is_an_error)
{
	/* Bodies in full, from the header of main data on. */
	static const struct {
		uint8_t rmid, info;
		const char *body;
		size_t n;
	} t[] = {
		{ XACT, 0x00, "", 0 },
		{ XACT, 0x00, "\xff", 1 },
		{ XACT, 0x00, "\xff\x04" "1234", 6 },
		{ XACT, 0x00, "\xff\x08" "1234567", 9 },
		{ XACT, 0x00, "\xff\x08" "123456789", 11 },
		{ XACT, 0x00, "\x00\x08" "12345678", 10 },
		{ XACT, 0x80, "\xff\x08" "12345678", 10 },
		{ XACT, 0x80, "\xff\x10" "12345678" "\x02\0\0\0" "\x01\0\0\0", 18 },
		{ XACT, 0x80, "\xff\x10" "12345678" "\x02\0\0\0" "\xff\xff\xff\xff", 18 },
		{ XACT, 0xb0, "\xff\x10" "12345678" "\x80\0\0\0" "name", 18 },
		{ XACT, 0xb0, "\xff\x0c" "12345678" "\x80\0\0\0", 14 },
		{ XACT, 0x10, "\xff\x08" "12345678", 10 },
		{ XLOG, 0x70, "\xff\x08" "12345678", 10 },
		{ XLOG, 0x60, "\xff\x08" "12345678", 10 },
	};
	struct wal_make w;
	struct told r;
	char want[128];
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		wal_make_begin(&w, MAGIC, BASE, MIB);
		(void)wal_make_record(&w, t[i].rmid, t[i].info, 1, t[i].body, t[i].n);
		r = scan(&w, BASE, MIB);
		ck_assert_msg(r.rc == -1, "%zu passed", i);
		ck_assert(r.e.kind == ERR_CORRUPT);
		(void)snprintf(want, sizeof(want),
		    "WAL record at 1/300028: resource manager %u, info %02X: not understood",
		    t[i].rmid, t[i].info);
		ck_assert_str_eq(r.e.msg, want);
		buf_free(&w.out);
	}
}
END_TEST

START_TEST(a_name_without_an_end_is_an_error)
{
	uint8_t point[72];
	char gid[201];
	struct sections s = { 0, 0, 0, 0, 1, gid, 0 };
	struct wal_make w;
	struct told t;

	memset(point, 'x', sizeof(point));
	wal_make_begin(&w, MAGIC, BASE, MIB);
	(void)wal_make_data(&w, XLOG, 0x70, 0, point, sizeof(point));
	t = scan(&w, BASE, MIB);
	ck_assert_int_eq(t.rc, -1);
	buf_free(&w.out);

	memset(gid, 'g', sizeof(gid));
	gid[199] = '\0';
	wal_make_begin(&w, MAGIC, BASE, MIB);
	(void)put_sections(&w, 0x30, &s, 12);
	t = scan(&w, BASE, MIB);
	ck_assert_int_eq(t.n, 1);
	ck_assert_uint_eq(strlen(t.ev[0].name), 199);
	buf_free(&w.out);

	gid[199] = 'g';
	gid[200] = '\0';
	wal_make_begin(&w, MAGIC, BASE, MIB);
	(void)put_sections(&w, 0x30, &s, 12);
	t = scan(&w, BASE, MIB);
	ck_assert_int_eq(t.rc, -1);
	buf_free(&w.out);
}
END_TEST

/* ---- the caller ---- */

START_TEST(the_caller_can_stop_the_scan)
{
	struct wal_make w;
	struct told t;

	(void)make_pages(&w);
	memset(&t, 0, sizeof(t));
	t.answer = 1;
	scan_bytes(&t, w.out.data, w.out.len, BASE, MIB);
	ck_assert_int_eq(t.rc, 1);
	ck_assert_int_eq(t.n, 1);
	ck_assert_uint_eq(t.end, t.ev[0].end);
	ck_assert_str_eq(t.reason, "the record at 1/300028 is where to stop");

	memset(&t, 0, sizeof(t));
	t.answer = -1;
	scan_bytes(&t, w.out.data, w.out.len, BASE, MIB);
	ck_assert_int_eq(t.rc, -1);
	ck_assert(t.e.kind == ERR_IO);
	ck_assert_str_eq(t.e.msg, "no room for the event");
	buf_free(&w.out);
}
END_TEST

START_TEST(a_beginning_that_cannot_be_is_refused)
{
	struct walscan_calls calls = { keep_event, NULL };
	struct err e = ERR_INIT;

	ck_assert_ptr_null(walscan_new(BASE, 12345, 0, &calls, &e));
	ck_assert(e.kind == ERR_CORRUPT);
	ck_assert_str_eq(e.msg, "WAL segments of 12345 bytes");
	ck_assert_ptr_null(walscan_new(BASE + 4, MIB, 0, &calls, &e));
	ck_assert(e.kind == ERR_CORRUPT);
	ck_assert_str_eq(e.msg, "no WAL record can start at 1/300004");
}
END_TEST

Suite *
walscan_suite(void)
{
	Suite *s = suite_create("walscan");
	TCase *t = tcase_create("walscan");

	tcase_add_test(t, every_kind_is_told_in_every_version);
	tcase_add_test(t, every_subset_of_sections_is_understood);
	tcase_add_test(t, a_commit_of_any_size_is_read);
	tcase_add_test(t, pieces_of_any_size_tell_the_same);
	tcase_add_test(t, events_come_when_their_last_byte_does);
	tcase_add_test(t, a_header_may_be_split_over_pages);
	tcase_add_test(t, a_record_that_ends_with_its_page_ends_where_the_next_begins);
	tcase_add_test(t, a_scan_can_begin_at_any_record);
	tcase_add_test(t, a_segment_may_begin_in_the_middle_of_a_record);
	tcase_add_test(t, the_rest_of_a_switched_segment_is_skipped);
	tcase_add_test(t, a_record_that_was_given_up_is_passed_over);
	tcase_add_test(t, an_overwrite_must_name_the_record_that_was_lost);
	tcase_add_test(t, the_end_of_valid_wal_is_told_precisely);
	tcase_add_test(t, zeros_behind_the_last_record_are_the_end);
	tcase_add_test(t, no_flipped_byte_passes_for_another_log);
	tcase_add_test(t, a_whole_record_that_is_not_understood_is_an_error);
	tcase_add_test(t, a_name_without_an_end_is_an_error);
	tcase_add_test(t, the_caller_can_stop_the_scan);
	tcase_add_test(t, a_beginning_that_cannot_be_is_refused);
	suite_add_tcase(s, t);
	return s;
}
