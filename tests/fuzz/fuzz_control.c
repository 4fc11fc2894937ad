/*
 * Fuzzes what is read from a data directory before its server runs: pg_control (with
 * its CRC made right), the paths of relations, histories and file names of WAL.
 */
#include <string.h>

#include "fuzz.h"
#include "pg/control.h"
#include "pg/lsn.h"
#include "pg/page.h"

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static void
read_control(const uint8_t *data, size_t len)
{
	static const uint32_t versions[] = { 1300, 1700, 1800 };
	struct pg_control c;
	struct err e = ERR_INIT;
	uint8_t p[512] = { 0 };
	size_t n = len < sizeof(p) ? len : sizeof(p), i, crc_at;

	(void)pg_control_parse(data, len, &c, &e);	/* nothing but no crash */
	for (i = 0; i < 3; i++) {
		crc_at = versions[i] == 1800 ? 292 : 288;
		memcpy(p, data, n);
		le32_put(p + 8, versions[i]);
		le32_put(p + crc_at, pg_crc32c(0, p, crc_at));
		if (pg_control_parse(p, sizeof(p), &c, &e) == 0)
			MUST(wal_segment_size_ok(c.segment_size) &&
			     c.block_size == PG_PAGE_SIZE);
	}
}

/* What is read is written so that it reads the same. */
static void
read_history(const char *text, size_t len)
{
	static struct wal_history h, back;
	static char out[WAL_HISTORY_MAX * 32];

	if (wal_history_read(&h, 1000, text, len) < 0 &&
	    wal_history_decode(&h, 1000, text) < 0)
		return;
	MUST(wal_history_encode(&h, out, sizeof(out)) == 0);
	MUST(wal_history_decode(&back, 1000, out) == 0);
	MUST(back.n == h.n && memcmp(back.at, h.at, sizeof(h.at[0]) * (size_t)h.n) == 0);
}

static void
read_names(const char *text)
{
	char again[WAL_NAME], lsn[LSN_TEXT];
	uint32_t timeline, block;
	uint64_t start, back;

	(void)pg_page_path(text, &block);
	(void)wal_history_parse(text, &timeline);
	if (wal_segment_parse(text, 1u << 20, &timeline, &start) == 0)
		MUST(strcmp(wal_segment_name(again, timeline, start, 1u << 20), text) == 0);
	if (lsn_parse(text, &start) == 0)
		MUST(lsn_parse(lsn_format(lsn, start), &back) == 0 && back == start);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf text = BUF_INIT;

	read_control(data, len);
	buf_add(&text, data, len);
	read_history(buf_cstr(&text), len);
	read_names(buf_cstr(&text));
	buf_free(&text);
	return 0;
}
