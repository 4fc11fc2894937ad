/*
 * Fuzzes the WAL scanner: raw bytes; records with foreign bodies and right CRCs; and
 * damage to these.  However it is cut into pieces, a log must tell the same.
 */
#include <string.h>

#include "../unit/wal_make.h"
#include "fuzz.h"
#include "pg/walscan.h"

#define BASE	UINT64_C(0x3000000)
#define SEGMENT (1u << 20)

struct told {
	int rc, n;
	uint64_t end, records, sum;
};

static int
keep(void *ctx, const struct wal_event *ev, struct err *e)
{
	struct told *t = ctx;

	(void)e;	/* cannot fail */
	MUST(ev->start >= BASE && ev->start < ev->end && ev->end >= t->end);
	MUST(memchr(ev->name, 0, sizeof(ev->name)) != NULL);
	t->end = ev->end;
	t->sum = t->sum * 31 + ev->start + ev->xid + ev->nrels + (uint64_t)ev->time;
	t->n++;
	return 0;
}

static struct told
scan(const struct buf *b, size_t piece)
{
	struct told t = { 0, 0, 0, 0, 0 };
	struct walscan_calls calls = { keep, &t };
	struct walscan *s;
	struct err e = ERR_INIT;
	size_t at, k;

	MUST((s = walscan_new(BASE, SEGMENT, 0, &calls, &e)) != NULL);
	for (at = 0; at < b->len && t.rc == 0; at += k) {
		k = b->len - at < piece ? b->len - at : piece;
		t.rc = walscan_feed(s, b->data + at, k, &e);
	}
	t.end = walscan_end(s);
	t.records = walscan_records(s);
	MUST((t.rc == 1) == (walscan_stop_reason(s)[0] != '\0'));
	MUST((t.rc == -1) == (e.kind != ERR_NONE));
	walscan_free(s);
	return t;
}

/* Records from the input: {rmid, info, length 2, body} ... */
static size_t
build(struct wal_make *w, const uint8_t *p, size_t n)
{
	size_t left = n, len;

	while (left >= 4 && w->out.len < 8 * SEGMENT) {
		len = le16_get(p + 2) % 600;
		if (len > left - 4)
			len = left - 4;
		if (p[0] & 0x80)	/* something long between them */
			wal_make_fill(w, p[1] % 12 * 8);
		else if (p[0] & 0x40)
			(void)wal_make_record(w, p[0] & 1, p[1], 7, p + 4, len);
		else
			(void)wal_make_data(w, p[0] & 1, p[1], 7, p + 4, len);
		p += 4 + len;
		left -= 4 + len;
	}
	return n - left;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint16_t magics[] = { 0xd10d, 0xd110, 0xd113, 0xd116, 0xd118 };
	struct wal_make w;
	struct told whole, pieces;
	size_t half;

	if (len < 2)
		return 0;
	wal_make_begin(&w, magics[data[0] % 5], BASE, SEGMENT);
	if (data[1] == 0) {
		buf_add(&w.out, data + 2, len - 2);
	} else {
		half = data[1] == 1 ? (len - 2) / 2 : len - 2;
		(void)build(&w, data + 2, half);
		fuzz_edit(&w.out, data + 2 + half, len - 2 - half);
	}
	whole = scan(&w.out, SIZE_MAX);
	pieces = scan(&w.out, 1 + data[0]);
	MUST(memcmp(&whole, &pieces, sizeof(whole)) == 0);
	buf_free(&w.out);
	return 0;
}
