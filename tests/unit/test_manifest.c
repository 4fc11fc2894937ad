/*
 * Tests of image/manifest: records come back as they were, and forged ones are refused.
 */
#include <stdlib.h>
#include <string.h>

#include "image/manifest.h"
#include "seal/sealed.h"
#include "suites.h"

static struct err e;
static struct buf out;

static void
setup(void)
{
	err_clear(&e);
}

static void
teardown(void)
{
	buf_free(&out);
}

static int
gather(void *ctx, const struct buf *record, struct err *err)
{
	(void)err;
	++*(int *)ctx;
	ck_assert_uint_le(record->len, SEAL_RAW_MAX);
	buf_add(&out, record->data, record->len);
	return 0;
}

/* n runs of one page each but the last, which is half a page. */
static struct image_file
file_of(size_t n)
{
	struct image_file f = { .f = { .type = PG_FILE_REGULAR, .path = "base/5/16384", .mode = 0640,
		.mtime = 1700000000123456, .size = n * IMAGE_PAGE - IMAGE_PAGE / 2 } };
	size_t i;

	for (i = 0; i < n; i++) {
		struct image_run run = { i, 1, (uint32_t)(i % 7), (uint32_t)i, 8192 };

		ck_assert_int_eq(image_file_add_run(&f, &run, &e), 0);
	}
	memset(f.digest, 0xab, sizeof(f.digest));
	return f;
}

static int
decode(struct view *v, enum manifest_record *kind, struct image_file *f)
{
	static struct image_meta m;

	return manifest_decode(v, kind, &m, f, &e);
}

static void
assert_corrupt(const char *what)
{
	struct image_file f = { .runs = NULL };
	enum manifest_record kind;
	struct view v;

	view_init(&v, out.data, out.len);
	ck_assert_int_eq(decode(&v, &kind, &f), -1);
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
	ck_assert_msg(strstr(e.msg, what) != NULL, "%s", e.msg);
	image_file_reset(&f);
}

START_TEST(a_file_comes_back_as_it_was)
{
	struct image_file f = file_of(3), g = { .runs = NULL };
	enum manifest_record kind;
	struct view v;
	int records = 0;

	ck_assert_int_eq(manifest_encode_file(&f, gather, &records, &e), 0);
	ck_assert_int_eq(records, 1);
	view_init(&v, out.data, out.len);
	ck_assert_int_eq(decode(&v, &kind, &g), 1);
	ck_assert_int_eq(kind, MANIFEST_FILE);
	ck_assert_str_eq(g.f.path, f.f.path);
	ck_assert_uint_eq(g.f.size, f.f.size);
	ck_assert_uint_eq(g.f.mode, 0640);
	ck_assert_int_eq(g.f.mtime, f.f.mtime);
	ck_assert_mem_eq(g.digest, f.digest, 32);
	ck_assert_uint_eq(g.nruns, 3);
	ck_assert_mem_eq(g.runs, f.runs, 3 * sizeof(*f.runs));
	ck_assert(image_file_complete(&g));
	ck_assert_int_eq(decode(&v, &kind, &g), 0);
	image_file_reset(&f);
	image_file_reset(&g);
}
END_TEST

START_TEST(a_file_of_many_runs_becomes_several_records)
{
	struct image_file f = file_of(150000), g = { .runs = NULL };
	enum manifest_record kind;
	struct view v;
	int records = 0, i;

	ck_assert_int_eq(manifest_encode_file(&f, gather, &records, &e), 0);
	ck_assert_int_eq(records, 3);
	view_init(&v, out.data, out.len);
	for (i = 0; i < records; i++) {
		ck_assert_int_eq(decode(&v, &kind, &g), 1);
		ck_assert_int_eq(kind, i == 0 ? MANIFEST_FILE : MANIFEST_MORE);
		ck_assert_int_eq(image_file_complete(&g), i == 2);
	}
	ck_assert_uint_eq(g.nruns, 150000);
	ck_assert_mem_eq(g.runs, f.runs, g.nruns * sizeof(*g.runs));
	image_file_reset(&f);
	image_file_reset(&g);
}
END_TEST

START_TEST(folders_and_links_have_no_runs)
{
	struct image_file f = { .f = { .type = PG_FILE_LINK, .path = "pg_tblspc/16385",
		.target = "/mnt/fast", .mode = 0777 } }, g = { .runs = NULL };
	enum manifest_record kind;
	struct view v;
	int records = 0;

	ck_assert_int_eq(manifest_encode_file(&f, gather, &records, &e), 0);
	view_init(&v, out.data, out.len);
	ck_assert_int_eq(decode(&v, &kind, &g), 1);
	ck_assert_int_eq(g.f.type, PG_FILE_LINK);
	ck_assert_str_eq(g.f.target, "/mnt/fast");
	ck_assert(image_file_complete(&g));
	image_file_reset(&g);
}
END_TEST

START_TEST(meta_comes_back_as_it_was)
{
	struct image_tablespace spaces[2] = { { 16385, "/mnt/fast" }, { 16386, "/mnt/slow" } };
	char settings[] = "max_connections = 100\n";
	struct image_meta m = { .source = "shop", .id = "20261122T100000Z-1f2e3d4c",
		.engine = "postgresql", .label = "nightly", .version = 150005, .system_id = 77,
		.start = 1, .stop = 2, .timeline = 3, .segment_size = 1 << 24, .started = 4,
		.stopped = 5, .files = 6, .bytes = 7, .broken_pages = 1, .broken_text = "page 3",
		.ntablespaces = 2, .tablespaces = spaces, .settings = settings };
	struct image_meta n = { .files = 0 };
	enum manifest_record kind;
	struct image_file f = { .runs = NULL };
	struct view v;

	memset(m.digest_key, 9, sizeof(m.digest_key));
	ck_assert_int_eq(manifest_encode_meta(&out, MANIFEST_END, &m, &e), 0);
	view_init(&v, out.data, out.len);
	ck_assert_int_eq(manifest_decode(&v, &kind, &n, &f, &e), 1);
	ck_assert_int_eq(kind, MANIFEST_END);
	ck_assert_int_eq(n.ntablespaces, 2);
	ck_assert_mem_eq(n.tablespaces, spaces, sizeof(spaces));
	ck_assert_str_eq(n.settings, settings);
	free(n.tablespaces);
	free(n.settings);
	n.tablespaces = spaces;
	n.settings = settings;
	ck_assert_mem_eq(&n, &m, sizeof(m));
}
END_TEST

/* What a hostile host could write: {name, offset of the byte, its new value, words}. */
static const struct {
	const char *name;
	size_t at;
	uint8_t value;
	const char *words;
} forgeries[] = {
	{ "length", 1, 0xff, "runs past its frame" },
	{ "kind", 4, 9, "unknown kind" },
	{ "type", 5, 9, "damaged file record" },
	{ "path", 8, '/', "not relative" },
	{ "mode", 25, 0xff, "damaged file record" },
	{ "size", 41, 0xff, "damaged file record" },
	{ "more runs than there are", 74, 200, "more runs" },
	{ "a run of no pages", 78, 0, "outside of its file" },
	{ "a run beyond the file", 78, 9, "outside of its file" },
	{ "a run beyond the frame", 93, 0xff, "outside of its frame" },
};

START_TEST(a_forged_record_is_refused)
{
	struct image_file f = file_of(2), g = { .runs = NULL };
	enum manifest_record kind;
	struct view v;
	int records = 0;

	ck_assert_int_eq(manifest_encode_file(&f, gather, &records, &e), 0);
	view_init(&v, out.data, out.len);
	ck_assert_int_eq(decode(&v, &kind, &g), 1);
	image_file_reset(&g);
	out.data[forgeries[_i].at] = forgeries[_i].value;
	assert_corrupt(forgeries[_i].words);
	image_file_reset(&f);
}
END_TEST

START_TEST(a_cut_record_is_refused)
{
	struct image_file f = file_of(2);
	int records = 0;
	size_t n;

	ck_assert_int_eq(manifest_encode_file(&f, gather, &records, &e), 0);
	for (n = out.len; out.len > 1;) {
		out.len--;
		assert_corrupt("runs past its frame");
	}
	out.len = n;
	image_file_reset(&f);
}
END_TEST

START_TEST(more_runs_than_the_file_has_pages_are_refused)
{
	struct image_file f = file_of(2), g = { .runs = NULL };
	enum manifest_record kind;
	struct view v;
	int records = 0;
	size_t at;

	ck_assert_int_eq(manifest_encode_file(&f, gather, &records, &e), 0);
	at = out.len;
	buf_u32(&out, 1 + 4 + 16);
	buf_u8(&out, MANIFEST_MORE);
	buf_u32(&out, 1);
	buf_add(&out, out.data + at - 16, 16);
	view_init(&v, out.data, out.len);
	ck_assert_int_eq(decode(&v, &kind, &g), 1);
	ck_assert_int_eq(decode(&v, &kind, &g), -1);
	ck_assert_str_eq(e.msg, "manifest: more runs for a file that is complete");
	image_file_reset(&f);
	image_file_reset(&g);
}
END_TEST

Suite *
manifest_suite(void)
{
	Suite *s = suite_create("manifest");
	TCase *t = tcase_create("manifest");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_file_comes_back_as_it_was);
	tcase_add_test(t, a_file_of_many_runs_becomes_several_records);
	tcase_add_test(t, folders_and_links_have_no_runs);
	tcase_add_test(t, meta_comes_back_as_it_was);
	tcase_add_loop_test(t, a_forged_record_is_refused, 0,
	    sizeof(forgeries) / sizeof(forgeries[0]));
	tcase_add_test(t, a_cut_record_is_refused);
	tcase_add_test(t, more_runs_than_the_file_has_pages_are_refused);
	suite_add_tcase(s, t);
	return s;
}
