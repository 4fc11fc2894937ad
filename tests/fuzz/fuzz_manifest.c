/*
 * Fuzzes the manifest's records: what is accepted is sound, and survives being written
 * and read again.
 */
#include <string.h>

#include "fuzz.h"
#include "image/manifest.h"
#include "seal/sealed.h"

static struct buf again;

static int
gather(void *ctx, const struct buf *record, struct err *e)
{
	(void)ctx, (void)e;
	buf_add(&again, record->data, record->len);
	return 0;
}

static void
check_runs(const struct image_file *f)
{
	uint64_t next = 0;
	size_t i;

	for (i = 0; i < f->nruns; i++) {
		MUST(f->runs[i].page == next && f->runs[i].pages > 0);
		MUST(f->runs[i].offset <= SEAL_RAW_MAX);
		next += f->runs[i].pages;
	}
	MUST(next <= image_pages(f->f.size));
	MUST(image_file_complete(f) == (f->f.type != PG_FILE_REGULAR || next == image_pages(f->f.size)));
}

static void
check_file(const struct image_file *f)
{
	struct image_file g = { .runs = NULL };
	struct image_meta m = { .files = 0 };
	enum manifest_record kind;
	struct view v;
	struct err e;

	MUST(pg_path_check(f->f.path, &e) == 0);
	check_runs(f);
	buf_reset(&again);
	MUST(manifest_encode_file(f, gather, NULL, &e) == 0);
	view_init(&v, again.data, again.len);
	MUST(manifest_decode(&v, &kind, &m, &g, &e) == 1 && kind == MANIFEST_FILE);
	while (manifest_decode(&v, &kind, &m, &g, &e) == 1)
		MUST(kind == MANIFEST_MORE);
	MUST(g.f.type == f->f.type && strcmp(g.f.path, f->f.path) == 0 && g.nruns == f->nruns);
	MUST(f->nruns == 0 || memcmp(g.runs, f->runs, g.nruns * sizeof(*g.runs)) == 0);
	image_file_reset(&g);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct image_file f = { .runs = NULL };
	struct image_meta m = { .files = 0 };
	enum manifest_record kind;
	struct view v;
	struct err e;

	view_init(&v, data, n);
	while (manifest_decode(&v, &kind, &m, &f, &e) == 1) {
		if (kind == MANIFEST_FILE || kind == MANIFEST_MORE)
			check_file(&f);
		else
			MUST(m.settings != NULL && strlen(m.settings) <= IMAGE_SETTINGS_MAX);
	}
	image_file_reset(&f);
	image_meta_free(&m);
	return 0;
}
