/*
 * Fuzzes the reading of a server's tar archives: whatever comes, members lie inside,
 * and every file has as many bytes as it said.
 */
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "pg/tarstream.h"

#define BLOCK 512

struct lab {
	const uint8_t *p;
	size_t left, piece;
	uint64_t want, got;
	int open;
};

static int
next(void *ctx, const void **p, size_t *n, struct err *e)
{
	struct lab *lab = ctx;

	(void)e;
	*p = lab->p;
	*n = lab->left < lab->piece ? lab->left : lab->piece;
	lab->p += *n;
	lab->left -= *n;
	return *n > 0;
}

static int
file(void *ctx, const struct pg_file *f, struct err *e)
{
	struct lab *lab = ctx;
	char around[PG_PATH_MAX + 3];

	MUST(!lab->open && pg_path_check(f->path, e) == 0);
	snprintf(around, sizeof(around), "/%s/", f->path);
	MUST(strstr(around, "/../") == NULL && strstr(around, "//") == NULL);
	MUST(f->type != PG_FILE_LINK || strncmp(f->path, "pg_tblspc/", 10) == 0);
	MUST(f->type == PG_FILE_REGULAR || f->size == 0);
	lab->open = 1;
	lab->want = f->size;
	lab->got = 0;
	return 0;
}

static int
data(void *ctx, const void *p, size_t n, struct err *e)
{
	struct lab *lab = ctx;

	(void)p;
	(void)e;
	MUST(lab->open && n > 0 && n <= lab->want - lab->got);
	lab->got += n;
	return 0;
}

static int
end(void *ctx, struct err *e)
{
	struct lab *lab = ctx;

	(void)e;
	MUST(lab->open && lab->got == lab->want);
	lab->open = 0;
	return 0;
}

/* Make the checksum of the header at h right: no fuzzer would find it. */
static void
mend(uint8_t *h)
{
	unsigned sum = 0;
	int i;

	memset(h + 148, ' ', 8);
	for (i = 0; i < BLOCK; i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum);
}

/* Headers follow each other at the distance that their sizes tell. */
static void
mend_all(uint8_t *p, size_t n)
{
	unsigned size;
	size_t at;

	for (at = 0; at + BLOCK <= n; at += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK) {
		size = 0;
		if (p[at] == 0)
			continue;
		/* Without a number the size stays 0. */
		(void)sscanf((char *)p + at + 124, "%11o", &size);
		mend(p + at);
	}
}

static struct buf good;

static void
add_member(char type, const char *name, unsigned size, const char *link)
{
	char h[BLOCK] = "";

	snprintf(h, 100, "%s", name);
	snprintf(h + 100, 8, "%07o", 0600u);
	snprintf(h + 124, 12, "%011o", size);
	h[156] = type;
	snprintf(h + 157, 100, "%s", link);
	memcpy(h + 257, "ustar\0" "00", 8);
	buf_add(&good, h, BLOCK);
	memset(h, 'x', BLOCK);
	for (; size > 0; size -= size < BLOCK ? size : BLOCK)
		buf_add(&good, h, BLOCK);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char zeros[2 * BLOCK];

	(void)argc;
	(void)argv;
	add_member('0', "backup_label", 700, "");
	add_member('5', "base/", 0, "");
	add_member('0', "base/1", BLOCK, "");
	add_member('2', "pg_tblspc/16385/", 0, "/srv/ts");
	buf_add(&good, zeros, sizeof(zeros));
	MUST(!good.failed);
	return 0;
}

/* The first byte: the pieces' size, and whether edits of something good follow or all. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf tar = BUF_INIT;
	struct lab lab = { 0 };
	const struct tar_source src = { next, &lab };
	const struct pg_sink sink = { file, data, end, &lab };
	struct err e = ERR_INIT;
	int r;

	if (n < 2)
		return 0;
	if (p[0] % 2 == 0) {
		buf_add(&tar, good.data, good.len);
		fuzz_edit(&tar, p + 1, n - 1);
	} else
		buf_add(&tar, p + 1, n - 1);
	mend_all(tar.data, tar.len);
	lab.piece = 1 + (size_t)p[0] * 16;
	lab.p = tar.data;
	lab.left = tar.len;
	r = tar_stream(&src, p[0] % 4 < 2 ? "" : "pg_tblspc/16385/", &sink, &e);
	MUST(r == 0 ? !lab.open : r == -1 && e.kind == ERR_CORRUPT);
	buf_free(&tar);
	return 0;
}
