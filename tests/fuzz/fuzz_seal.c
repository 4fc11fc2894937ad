/*
 * Fuzzes the reading of sealed files: arbitrary bytes, a good file with edits, and
 * authentic frames of a hostile writer.
 */
#include <sodium.h>
#include <string.h>

#include "../unit/sealed_forge.h"
#include "fuzz.h"

static const char *const contents[] = { "", "first first first first first first first",
	"second", "third" };
#define FRAMES (sizeof(contents) / sizeof(contents[0]))

static struct key_secret *key;
static struct seal_ctx *ctx;
static struct buf good;
static size_t begins;	/* the good file's frame 0 */

/* No chance here: what crashed once must crash again. */
static const char *
fixed_name(void)
{
	return "fixed";
}

static uint32_t
fixed_random(void)
{
	return 4;
}

static void
fixed_buf(void *const p, const size_t n)
{
	memset(p, 4, n);
}

static struct randombytes_implementation fixed = { .implementation_name = fixed_name,
	.random = fixed_random, .buf = fixed_buf };

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct forge g;
	struct err e;
	size_t i;

	(void)argc;
	(void)argv;
	MUST(randombytes_set_implementation(&fixed) == 0);
	MUST((key = key_new(KEY_RESTORE, "dba", &e)) != NULL);
	MUST((ctx = seal_ctx_new(1, &e)) != NULL);
	forge_begin(&g, &(struct forge_header){ 0 }, key_public(key), 1);
	begins = g.out.len;
	for (i = 0; i < FRAMES; i++)
		forge_frame(&g,
		    &(struct seal_frame){ .raw = (uint32_t)strlen(contents[i]),
			.flags = i == FRAMES - 1 ? SEAL_LAST : 0 },
		    contents[i], strlen(contents[i]));
	good = g.out;
	return 0;
}

/* Open with k (or NULL) and walk to the end; of ours only what was sealed may open. */
static void
read_all(struct buf *file, const struct key_secret *k, int ours)
{
	struct io_source src = forge_source(file, "file");
	struct buf out = BUF_INIT;
	struct seal_walk w;
	struct seal_frame f;
	struct err e;
	uint64_t at;
	struct seal *s;

	s = seal_open(&src, SEAL_PACK, (const uint8_t *)FORGE_REPO, NULL, k, &at, &e);
	if (s == NULL)
		return;
	MUST(at == seal_preamble(s)->len && at <= file->len);
	seal_walk_begin(&w, &src, at, k == NULL);
	while (seal_walk_next(&w, &f, &e) == 1) {
		MUST(w.at <= file->len && f.raw <= SEAL_RAW_MAX);
		if (k == NULL)
			continue;
		MUST(seal_walk_read(&w, &f, &e) == 0);
		if (seal_frame_open(s, ctx, &f, w.hdr, w.ciphertext.data, &out, &e) != 0)
			continue;
		MUST(out.len == f.raw);
		MUST(!ours ||
		     (f.number < FRAMES && strcmp(buf_cstr(&out), contents[f.number]) == 0));
	}
	seal_walk_end(&w);
	seal_free(s);
	buf_free(&out);
}

static void
read_both(struct buf *file, int ours)
{
	read_all(file, NULL, ours);
	read_all(file, key, ours);
}

/* An authentic frame: {raw 4, flags 1} and its plain bytes. */
static void
forge_hostile(const uint8_t *data, size_t len)
{
	struct forge g;
	struct seal_frame f = { 0 };

	if (len < 5)
		return;
	f.raw = le32_get(data) % (2 * SEAL_RAW_MAX);
	f.flags = data[4];
	forge_begin(&g, &(struct forge_header){ 0 }, key_public(key), 1);
	forge_frame(&g, &f, data + 5, len - 5);
	read_both(&g.out, 0);
	forge_end(&g);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf file = BUF_INIT;

	if (len == 0)
		return 0;
	switch (data[0] % 3) {
	case 0:
		buf_add(&file, data + 1, len - 1);
		read_both(&file, 0);
		break;
	case 1:
		buf_add(&file, good.data, good.len);
		fuzz_edit(&file, data + 1, len - 1);
		read_both(&file, 1);
		break;
	default:
		forge_hostile(data + 1, len - 1);
		break;
	}
	buf_free(&file);
	return 0;
}
