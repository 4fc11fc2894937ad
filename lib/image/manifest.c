/*
 * The manifest's records: encoding, and strict decoding of what a host may have forged.
 */
#include <stdlib.h>
#include <string.h>

#include "image/manifest.h"
#include "seal/sealed.h"

#define FORMAT 1
#define RUN_BYTES 16u
/* Runs in one record: what a frame holds besides the longest file header. */
#define RECORD_RUNS ((SEAL_RAW_MAX - 4096u) / RUN_BYTES)

uint64_t
image_pages(uint64_t size)
{
	return size / IMAGE_PAGE + (size % IMAGE_PAGE != 0);
}

/* Room for the length; end_record fills it in. */
static size_t
begin_record(struct buf *out, enum manifest_record kind)
{
	size_t at = out->len;

	buf_u32(out, 0);
	buf_u8(out, (uint8_t)kind);
	return at;
}

static int
end_record(struct buf *out, size_t at, struct err *e)
{
	if (buf_check(out, e) != 0)
		return -1;
	if (out->len - at > SEAL_RAW_MAX)
		return err_set(e, ERR_BUG, "manifest: a record is longer than a frame");
	le32_put(out->data + at, (uint32_t)(out->len - at - 4));
	return 0;
}

int
manifest_encode_meta(struct buf *out, enum manifest_record kind, const struct image_meta *m,
    struct err *e)
{
	size_t at = begin_record(out, kind);
	int i;

	buf_u16(out, FORMAT);
	buf_u32(out, IMAGE_PAGE);
	buf_str16(out, m->source);
	buf_str16(out, m->id);
	buf_str16(out, m->engine);
	buf_str16(out, m->label);
	buf_u32(out, (uint32_t)m->version);
	buf_u64(out, m->system_id);
	buf_u64(out, m->start);
	buf_u64(out, m->stop);
	buf_u32(out, m->timeline);
	buf_u32(out, m->segment_size);
	buf_u64(out, (uint64_t)m->started);
	buf_u64(out, (uint64_t)m->stopped);
	buf_add(out, m->digest_key, sizeof(m->digest_key));
	buf_u64(out, m->files);
	buf_u64(out, m->bytes);
	buf_u8(out, m->broken_pages != 0);
	buf_str16(out, m->broken_text);
	buf_u16(out, (uint16_t)m->ntablespaces);
	for (i = 0; i < m->ntablespaces; i++) {
		buf_u32(out, m->tablespaces[i].oid);
		buf_str16(out, m->tablespaces[i].location);
	}
	buf_str16(out, m->settings == NULL ? "" : m->settings);
	return end_record(out, at, e);
}

static void
encode_runs(struct buf *out, const struct image_run *runs, size_t n)
{
	buf_u32(out, (uint32_t)n);
	if (buf_reserve(out, n * RUN_BYTES) != 0)
		return;
	for (; n > 0; n--, runs++) {
		buf_u32(out, runs->pages);
		buf_u32(out, runs->pack);
		buf_u32(out, runs->frame);
		buf_u32(out, runs->offset);
	}
}

static size_t
record_runs(const struct image_file *f, size_t done)
{
	return f->nruns - done < RECORD_RUNS ? f->nruns - done : RECORD_RUNS;
}

static int
encode_file(struct buf *out, const struct image_file *f, struct err *e)
{
	size_t at = begin_record(out, MANIFEST_FILE);

	buf_u8(out, (uint8_t)f->f.type);
	buf_str16(out, f->f.path);
	buf_str16(out, f->f.type == PG_FILE_LINK ? f->f.target : "");
	buf_u32(out, f->f.mode);
	buf_u64(out, (uint64_t)f->f.mtime);
	if (f->f.type == PG_FILE_REGULAR) {
		buf_u64(out, f->f.size);
		buf_add(out, f->digest, sizeof(f->digest));
		encode_runs(out, f->runs, record_runs(f, 0));
	}
	return end_record(out, at, e);
}

int
manifest_encode_file(const struct image_file *f,
    int (*emit)(void *ctx, const struct buf *record, struct err *e), void *ctx, struct err *e)
{
	struct buf record = BUF_INIT;
	size_t at, done = record_runs(f, 0);
	int r;

	if ((r = encode_file(&record, f, e)) == 0)
		r = emit(ctx, &record, e);
	for (; r == 0 && done < f->nruns; done += record_runs(f, done)) {
		buf_reset(&record);
		at = begin_record(&record, MANIFEST_MORE);
		encode_runs(&record, f->runs + done, record_runs(f, done));
		if ((r = end_record(&record, at, e)) == 0)
			r = emit(ctx, &record, e);
	}
	buf_free(&record);
	return r;
}

int
image_file_add_run(struct image_file *f, const struct image_run *run, struct err *e)
{
	size_t cap = f->runs_cap == 0 ? 2 : 2 * f->runs_cap;
	struct image_run *runs;

	if (f->nruns == f->runs_cap) {
		if ((runs = reallocarray(f->runs, cap, sizeof(*runs))) == NULL)
			return err_set(e, ERR_SYSTEM, "out of memory");
		f->runs = runs;
		f->runs_cap = cap;
	}
	f->runs[f->nruns++] = *run;
	return 0;
}

static uint64_t
pages_covered(const struct image_file *f)
{
	return f->nruns == 0 ? 0 : f->runs[f->nruns - 1].page + f->runs[f->nruns - 1].pages;
}

int
image_file_complete(const struct image_file *f)
{
	return f->f.type != PG_FILE_REGULAR || pages_covered(f) == image_pages(f->f.size);
}

static int
corrupt(struct err *e, const char *what)
{
	return err_set(e, ERR_CORRUPT, "manifest: %s", what);
}

/* The bytes of a run lie in one frame, and in the file. */
static int
check_run(const struct image_file *f, const struct image_run *run, struct err *e)
{
	uint64_t pages = image_pages(f->f.size), bytes = (uint64_t)run->pages * IMAGE_PAGE;

	if (run->pages == 0 || run->pages > pages - run->page)
		return corrupt(e, "a run of pages is outside of its file");
	if (run->page + run->pages == pages && f->f.size % IMAGE_PAGE != 0)
		bytes -= IMAGE_PAGE - f->f.size % IMAGE_PAGE;
	if (run->offset > SEAL_RAW_MAX || bytes > SEAL_RAW_MAX - run->offset)
		return corrupt(e, "a run of pages is outside of its frame");
	return 0;
}

static int
decode_runs(struct view *v, struct image_file *f, struct err *e)
{
	uint32_t n = view_u32(v);
	struct image_run run = { .page = pages_covered(f) };

	if (n > view_left(v) / RUN_BYTES)
		return corrupt(e, "more runs than its record holds");
	for (; n > 0; n--, run.page += run.pages) {
		run.pages = view_u32(v);
		run.pack = view_u32(v);
		run.frame = view_u32(v);
		run.offset = view_u32(v);
		if (check_run(f, &run, e) != 0 || image_file_add_run(f, &run, e) != 0)
			return -1;
	}
	return 0;
}

static int
decode_file(struct view *v, struct image_file *f, struct err *e)
{
	const uint8_t *digest;

	image_file_reset(f);
	f->f.type = view_u8(v);
	view_str16(v, f->f.path, sizeof(f->f.path));
	view_str16(v, f->f.target, sizeof(f->f.target));
	f->f.mode = view_u32(v);
	f->f.mtime = (int64_t)view_u64(v);
	if (v->bad || f->f.type < PG_FILE_REGULAR || f->f.type > PG_FILE_LINK ||
	    f->f.mode > 07777)
		return corrupt(e, "a damaged file record");
	if (pg_path_check(f->f.path, e) != 0)
		return err_context(e, "manifest");
	if (f->f.type != PG_FILE_REGULAR)
		return 0;
	f->f.size = view_u64(v);
	digest = view_bytes(v, sizeof(f->digest));
	if (digest == NULL || f->f.size > INT64_MAX)
		return corrupt(e, "a damaged file record");
	memcpy(f->digest, digest, sizeof(f->digest));
	return decode_runs(v, f, e);
}

static int
decode_tablespaces(struct view *v, struct image_meta *m, struct err *e)
{
	int i, n = view_u16(v);

	if (v->bad || n > PG_TABLESPACES_MAX)
		return corrupt(e, "too many tablespaces");
	if (n == 0)
		return 0;
	if ((m->tablespaces = calloc((size_t)n, sizeof(*m->tablespaces))) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (i = 0; i < n; i++) {
		m->tablespaces[i].oid = view_u32(v);
		view_str16(v, m->tablespaces[i].location, sizeof(m->tablespaces[i].location));
	}
	m->ntablespaces = n;
	return 0;
}

static int
decode_settings(struct view *v, struct image_meta *m, struct err *e)
{
	if ((m->settings = calloc(1, IMAGE_SETTINGS_MAX + 1)) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	view_str16(v, m->settings, IMAGE_SETTINGS_MAX + 1);
	return 0;
}

static void
decode_words(struct view *v, struct image_meta *m)
{
	view_str16(v, m->source, sizeof(m->source));
	view_str16(v, m->id, sizeof(m->id));
	view_str16(v, m->engine, sizeof(m->engine));
	view_str16(v, m->label, sizeof(m->label));
}

static int
decode_meta(struct view *v, struct image_meta *m, struct err *e)
{
	const uint8_t *key;

	image_meta_free(m);
	if (view_u16(v) != FORMAT || view_u32(v) != IMAGE_PAGE)
		return corrupt(e, "of a format that this version does not know");
	decode_words(v, m);
	m->version = (int)(view_u32(v) & INT32_MAX);
	m->system_id = view_u64(v);
	m->start = view_u64(v);
	m->stop = view_u64(v);
	m->timeline = view_u32(v);
	m->segment_size = view_u32(v);
	m->started = (int64_t)view_u64(v);
	m->stopped = (int64_t)view_u64(v);
	if ((key = view_bytes(v, sizeof(m->digest_key))) != NULL)
		memcpy(m->digest_key, key, sizeof(m->digest_key));
	m->files = view_u64(v);
	m->bytes = view_u64(v);
	m->broken_pages = view_u8(v) != 0;
	view_str16(v, m->broken_text, sizeof(m->broken_text));
	if (decode_tablespaces(v, m, e) != 0 || decode_settings(v, m, e) != 0)
		return -1;
	return 0;
}

static int
decode_payload(struct view *v, enum manifest_record kind, struct image_meta *m,
    struct image_file *f, struct err *e)
{
	switch (kind) {
	case MANIFEST_BEGIN:
	case MANIFEST_END:
		return decode_meta(v, m, e);
	case MANIFEST_FILE:
		return decode_file(v, f, e);
	case MANIFEST_MORE:
		if (image_file_complete(f))
			return corrupt(e, "more runs for a file that is complete");
		return decode_runs(v, f, e);
	}
	return corrupt(e, "a record of an unknown kind");
}

int
manifest_decode(struct view *v, enum manifest_record *kind, struct image_meta *m,
    struct image_file *f, struct err *e)
{
	struct view record;
	uint32_t n;
	const uint8_t *p;

	if (view_left(v) == 0)
		return 0;
	n = view_u32(v);
	if ((p = view_bytes(v, n)) == NULL || n == 0)
		return corrupt(e, "a record runs past its frame");
	view_init(&record, p, n);
	*kind = view_u8(&record);
	if (decode_payload(&record, *kind, m, f, e) != 0)
		return -1;
	if (record.bad || view_left(&record) != 0)
		return corrupt(e, "a record of the wrong length");
	return 1;
}

void
image_file_reset(struct image_file *f)
{
	free(f->runs);
	memset(f, 0, sizeof(*f));
}

void
image_meta_free(struct image_meta *m)
{
	free(m->tablespaces);
	free(m->settings);
	explicit_bzero(m->digest_key, sizeof(m->digest_key));
	memset(m, 0, sizeof(*m));
}
