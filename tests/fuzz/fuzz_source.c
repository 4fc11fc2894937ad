/*
 * Fuzzes the reading of source files, with a sum that fits and without.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/io.h"
#include "fuzz.h"
#include "repo/source.h"

#define SUM_LINE 69

static struct buf good;

static void
file_text(const struct source *s, struct buf *out)
{
	char dir[] = "/tmp/fuzz-source-XXXXXX", file[64];
	struct err e;

	MUST(mkdtemp(dir) != NULL);
	snprintf(file, sizeof(file), "%s/s", dir);
	MUST(source_write(s, file, &e) == 0 && io_read_file(file, 1 << 16, out, &e) == 0);
	MUST(unlink(file) == 0 && rmdir(dir) == 0);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct source s = { .name = "shop", .environment = "production", .nto = 2 };
	uint8_t digest_key[32] = { 1, 2, 3 };
	struct key_secret *a, *b;
	struct err e;

	(void)argc;
	(void)argv;
	MUST(key_guard_process(&e) == 0);
	MUST((a = key_new(KEY_RESTORE, "a", &e)) && (b = key_new(KEY_RESTORE, "b", &e)) &&
	    (s.writer = key_new(KEY_WRITER, "shop", &e)));
	s.to[0] = *key_public(a);
	s.to[1] = *key_public(b);
	s.digest_key = digest_key;
	file_text(&s, &good);
	key_free(a);
	key_free(b);
	key_free(s.writer);
	return 0;
}

static void
fix_sum(struct buf *text)
{
	uint8_t hash[32];
	char hex[65];

	if (text->len <= SUM_LINE)
		return;
	text->len -= SUM_LINE;
	seal_hash_of(hash, text->data, text->len);
	buf_fmt(text, "sum %s\n", hex_encode(hex, hash, 32));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf text = BUF_INIT, again = BUF_INIT;
	struct source *s;
	struct err e;

	if (len == 0)
		return 0;
	if (data[0] % 4 < 2)
		buf_add(&text, data + 1, len - 1);
	else {
		buf_add(&text, good.data, good.len);
		fuzz_edit(&text, data + 1, len - 1);
	}
	if (data[0] % 2 == 0)
		fix_sum(&text);
	s = source_parse(buf_cstr(&text), text.len, "text", &e);
	if (s != NULL) {	/* what is read is written as the same text */
		file_text(s, &again);
		MUST(again.len == text.len && memcmp(again.data, text.data, text.len) == 0);
	}
	source_free(s);
	buf_free(&text);
	buf_wipe(&again);
	return 0;
}
