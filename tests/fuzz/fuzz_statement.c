/*
 * Fuzzes the reading of statements and of lists of signatures.
 */
#include <inttypes.h>
#include <string.h>

#include "base/hex.h"
#include "base/text.h"
#include "fuzz.h"
#include "repo/grammar.h"

static const char good[] = "snapshot actor=0123456789abcdef count=12 "
    "last=000000000000000000000000000000000000000000000000000000000000000f source=shop "
    "id=20261122T100000Z-1f2e3d4c engine=postgresql version=150005 system=7574210418334529345 "
    "timeline=2 start=0/3000028 stop=0/3000100 started=2026-11-22T10:00:00.000000Z "
    "stopped=2026-11-22T10:00:05.000000Z segsize=16777216 history=1:0/2000000 "
    "manifest=000000000000000000000000000000000000000000000000000000000000000f "
    "packs=000000000000000000000000000000000000000000000000000000000000000f bytes=1 stored=2 "
    "files=3 npacks=4 broken=0 note=a%20b%25%C3%A9";

/* What could be read has one spelling: from what was understood the same text is made. */
static void
spell(const struct statement *st, const char *text, size_t len)
{
	struct buf again = BUF_INIT;
	char actor[2 * KEY_ID + 1], last[65];
	int i;

	buf_fmt(&again, "%s actor=%s count=%" PRIu64 " last=%s", statement_verb_name(st->verb),
	    hex_encode(actor, st->actor, KEY_ID), st->count, hex_encode(last, st->last, 32));
	for (i = 0; i < st->nfields; i++) {
		buf_fmt(&again, " %s=", st->fields[i].key);
		text_encode(&again, st->fields[i].value);
	}
	MUST(again.len == len && memcmp(again.data, text, len) == 0);
	buf_free(&again);
}

static void
read_sigs(struct statement *st, const char *text, size_t len)
{
	struct buf again = BUF_INIT;
	struct err e;

	if (statement_parse_sigs(st, text, len, &e) == 0) {
		statement_encode_sigs(st, &again);
		MUST(again.len == len && memcmp(again.data, text, len) == 0);
	}
	buf_free(&again);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct statement *st;
	struct err e;

	(void)argc;
	(void)argv;
	MUST((st = statement_parse(good, sizeof(good) - 1, &e)) != NULL &&
	    grammar_check(st, &e) == 0);
	statement_free(st);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf text = BUF_INIT;
	struct statement *st;
	struct err e;

	if (len == 0)
		return 0;
	if (data[0] % 2 == 0)
		buf_add(&text, data + 1, len - 1);
	else {
		buf_add(&text, good, sizeof(good) - 1);
		fuzz_edit(&text, data + 1, len - 1);
	}
	st = statement_parse(buf_cstr(&text), text.len, &e);
	if (st != NULL) {
		spell(st, buf_cstr(&text), text.len);
		(void)grammar_check(st, &e);	/* either will do */
		statement_free(st);
	}
	if ((st = statement_new(ST_FOUND, &e)) != NULL)
		read_sigs(st, buf_cstr(&text), text.len);
	statement_free(st);
	buf_free(&text);
	return 0;
}
