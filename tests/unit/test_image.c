/*
 * Tests of image/put and image/get: every byte comes back, damage is found and named,
 * and what fails leaves nothing behind.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/io.h"
#include "calls.h"
#include "image_fixture.h"
#include "suites.h"

#define ID "20261122T100000Z-00000001"
#define MIB (1u << 20)

static struct fixture f;
static struct err e;

static void
setup(void)
{
	fixture_begin(&f);
	err_clear(&e);
}

static void
teardown(void)
{
	fixture_end(&f);
}

static const struct spec boundaries[] = {
	{ .path = "base", .type = PG_FILE_DIR },
	{ .path = "a/0", .size = 0 },
	{ .path = "a/1", .size = 1 },
	{ .path = "a/8191", .size = 8191 },
	{ .path = "a/8192", .size = 8192 },
	{ .path = "a/8193", .size = 8193 },
	{ .path = "pg_tblspc/16385", .type = PG_FILE_LINK, .target = "/mnt/fast" },
	{ .path = "a/frame-1", .size = MIB - 1 },
	{ .path = "a/frame", .size = MIB },
	{ .path = "a/frame+1", .size = MIB + 1 },
	{ .path = "a/page+frame", .size = MIB + 8192 },
	{ .path = "a/3 frames", .size = 3 * MIB },
	{ .path = "a/5 frames and 5", .size = 5 * MIB + 5 },
	{ .path = "z", .size = 7 },
};
#define NBOUNDARIES (sizeof(boundaries) / sizeof(boundaries[0]))

static void
assert_reads(const char *id, int files)
{
	struct checked c = { .files = 0 };
	struct image_visitor v = spec_visitor(&c);
	struct image *im = spec_open(&f, id, &e);

	ck_assert_msg(im != NULL, "%s", e.msg);
	fixture_ok(image_read(im, 2, &v, NULL, &e));
	ck_assert_int_eq(c.files, files);
	ck_assert_int_eq(c.ended, files);
	ck_assert_int_eq(c.dropped, files);
	ck_assert_uint_eq(c.bytes, image_meta(im)->bytes);
	image_free(im);
}

static int
compare(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
	struct spec *s = ctx; /* size: how far we are */
	size_t i;

	for (i = 0; i < n; i++)
		if (p[i] != spec_byte(s->path, s->size + i))
			return err_set(err, ERR_BUG, "%s differs", s->path);
	s->size += n;
	return 0;
}

static void
assert_reads_one_by_one(const char *id)
{
	struct image_file file = { .runs = NULL };
	struct image *im = spec_open(&f, id, &e);
	struct spec at;
	int r;

	ck_assert_msg(im != NULL, "%s", e.msg);
	while ((r = image_next(im, &file, &e)) > 0) {
		at = (struct spec){ .path = file.f.path };
		fixture_ok(image_read_file(im, &file, compare, &at, &e));
		ck_assert_uint_eq(at.size, file.f.size);
	}
	ck_assert_int_eq(r, 0);
	image_file_reset(&file);
	image_free(im);
}

static const size_t pieces[] = { 4095, 8192, 32768, 3 * MIB };

START_TEST(files_of_every_boundary_come_back)
{
	struct image_summary sum;

	spec_store(&f, ID, boundaries, NBOUNDARIES, pieces[_i], 0, &sum);
	ck_assert_uint_eq(sum.files, NBOUNDARIES);
	ck_assert_uint_eq(sum.packs, 1);
	assert_reads(ID, (int)NBOUNDARIES);
	assert_reads_one_by_one(ID);
}
END_TEST

START_TEST(an_image_without_bytes_has_no_pack)
{
	static const struct spec files[] = { { .path = "base", .type = PG_FILE_DIR },
		{ .path = "empty", .size = 0 } };
	struct image_summary sum;

	spec_store(&f, ID, files, 2, 8192, 0, &sum);
	ck_assert_uint_eq(sum.packs, 0);
	assert_reads(ID, 2);
}
END_TEST

START_TEST(meta_is_that_of_the_end)
{
	struct image_summary sum;
	struct image *im;

	spec_store(&f, ID, boundaries, NBOUNDARIES, 32768, 0, &sum);
	im = spec_open(&f, ID, &e);
	ck_assert_ptr_nonnull(im);
	ck_assert_uint_eq(image_meta(im)->files, NBOUNDARIES);
	ck_assert_uint_eq(image_meta(im)->stop, 0x3000100);
	ck_assert_str_eq(image_meta(im)->label, "a label");
	ck_assert_str_eq(image_meta(im)->settings, "max_connections = 100\n");
	ck_assert_mem_eq(image_meta(im)->digest_key, f.source->digest_key, 32);
	image_free(im);
}
END_TEST

#define MANY 3000

static struct spec *
many_files(void)
{
	struct spec *files = calloc(MANY, sizeof(*files));
	char name[32];
	size_t i;

	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "base/5/%zu", i);
		files[i] = (struct spec){ .path = strdup(name), .size = i * 7 % 900 };
	}
	return files;
}

static void
free_many(struct spec *files)
{
	size_t i;

	for (i = 0; i < MANY; i++)
		free((void *)(uintptr_t)files[i].path);
	free(files);
}

START_TEST(small_files_share_frames)
{
	struct spec *files = many_files();
	struct image_file file = { .runs = NULL };
	struct image_summary sum;
	struct image *im;
	uint32_t last = 0;

	spec_store(&f, ID, files, MANY, 8192, 0, &sum);
	assert_reads(ID, MANY);
	im = spec_open(&f, ID, &e);
	while (image_next(im, &file, &e) > 0)
		if (file.nruns > 0)
			last = file.runs[0].frame;
	image_file_reset(&file);
	ck_assert_uint_le(last, 1 + MANY / 256);
	image_free(im);
	free_many(files);
}
END_TEST

/* ---- lanes -------------------------------------------------------------------- */

struct producer {
	struct pg_sink sink;
	const struct spec *files;
	size_t n;
	struct err e;
	int r;
};

static void *
produce(void *arg)
{
	struct producer *p = arg;

	p->r = spec_send(&p->sink, p->files, p->n, 32768, &p->e);
	return NULL;
}

START_TEST(lanes_of_several_threads_come_back)
{
	static const struct spec other[] = { { .path = "pg_wal/1", .size = 4 * MIB + 100 },
		{ .path = "pg_wal/2", .size = 3 * MIB } };
	struct repo_session *s = repo_session_begin(f.repo, "shop", "snapshot", &e);
	struct image_summary sum;
	struct image_meta m;
	struct image_put *p = spec_begin(&f, s, ID, MIB, &m);
	struct producer a = { image_lane_sink(image_put_lane(p, &e)), boundaries, NBOUNDARIES,
		ERR_INIT, 0 };
	struct producer b = { image_lane_sink(image_put_lane(p, &e)), other, 2, ERR_INIT, 0 };
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, produce, &b), 0);
	(void)produce(&a);
	pthread_join(thread, NULL);
	ck_assert_msg(a.r == 0 && b.r == 0, "%s %s", a.e.msg, b.e.msg);
	fixture_ok(image_put_finish(p, &m, &sum, &e));
	ck_assert_uint_gt(sum.packs, 1);
	image_put_free(p);
	fixture_ok(image_commit(f.repo, f.source, &m, "-", &sum, &e));
	image_meta_free(&m);
	repo_session_free(s);
	assert_reads(ID, NBOUNDARIES + 2);
	assert_reads_one_by_one(ID);
}
END_TEST

START_TEST(a_flush_in_mid_page_loses_nothing)
{
	struct repo_session *s = repo_session_begin(f.repo, "shop", "snapshot", &e);
	struct pg_file file = { .type = PG_FILE_REGULAR, .path = "a/flushed", .size = 100000 };
	struct image_summary sum;
	struct image_meta m;
	struct image_put *p = spec_begin(&f, s, ID, 0, &m);
	struct image_lane *l = image_put_lane(p, &e);
	struct pg_sink sink = image_lane_sink(l);
	uint8_t bytes[100000];
	size_t at, n;

	spec_fill(file.path, 0, bytes, sizeof(bytes));
	fixture_ok(image_lane_flush(l, &e));
	fixture_ok(sink.file(sink.ctx, &file, &e));
	fixture_ok(image_lane_flush(l, &e));
	for (at = 0; at < sizeof(bytes); at += n) {
		n = sizeof(bytes) - at < 5000 ? sizeof(bytes) - at : 5000;
		fixture_ok(sink.data(sink.ctx, bytes + at, n, &e));
		fixture_ok(image_lane_flush(l, &e));
		fixture_ok(image_lane_flush(l, &e));
	}
	fixture_ok(sink.end(sink.ctx, &e));
	fixture_ok(image_put_finish(p, &m, &sum, &e));
	ck_assert_uint_eq(image_lane_durable(l), sizeof(bytes));
	image_put_free(p);
	fixture_ok(image_commit(f.repo, f.source, &m, "-", &sum, &e));
	image_meta_free(&m);
	repo_session_free(s);
	assert_reads(ID, 1);
}
END_TEST

START_TEST(bytes_become_durable_pack_by_pack)
{
	static const struct spec big = { .path = "a/big", .size = 20 * MIB };
	struct repo_session *s = repo_session_begin(f.repo, "shop", "snapshot", &e);
	struct image_meta m;
	struct image_put *p = spec_begin(&f, s, ID, MIB, &m);
	struct image_lane *l = image_put_lane(p, &e);
	struct pg_sink sink = image_lane_sink(l);
	int i;

	ck_assert_uint_eq(image_lane_durable(l), 0);
	fixture_ok(spec_send(&sink, &big, 1, 32768, &e));
	for (i = 0; i < 1000 && image_lane_durable(l) == 0; i++)
		usleep(10000);
	ck_assert_uint_gt(image_lane_durable(l), 0);
	ck_assert_uint_le(image_lane_durable(l), big.size);
	image_put_free(p);
	image_meta_free(&m);
	repo_session_free(s);
}
END_TEST

START_TEST(a_put_that_is_given_up_leaves_nothing)
{
	struct repo_session *s = repo_session_begin(f.repo, "shop", "snapshot", &e);
	struct image_meta m;
	struct image_put *p = spec_begin(&f, s, ID, MIB, &m);
	struct pg_sink sink = image_lane_sink(image_put_lane(p, &e));
	struct pg_file file = { .type = PG_FILE_REGULAR, .path = "half", .size = 100000 };

	fixture_ok(spec_send(&sink, boundaries, NBOUNDARIES, 32768, &e));
	fixture_ok(sink.file(sink.ctx, &file, &e));
	fixture_ok(sink.data(sink.ctx, "half", 4, &e));
	image_put_free(p);
	image_meta_free(&m);
	repo_session_free(s);
	ck_assert_int_ne(access(scratch_path("repo/packs/shop"), F_OK), 0);
	ck_assert_int_ne(access(scratch_path("repo/snapshots/shop"), F_OK), 0);
}
END_TEST

START_TEST(a_file_of_another_length_than_its_size_is_refused)
{
	struct repo_session *s = repo_session_begin(f.repo, "shop", "snapshot", &e);
	struct image_meta m;
	struct image_put *p = spec_begin(&f, s, ID, 0, &m);
	struct pg_sink sink = image_lane_sink(image_put_lane(p, &e));
	struct pg_file file = { .type = PG_FILE_REGULAR, .path = "a", .size = 4 };

	fixture_ok(sink.file(sink.ctx, &file, &e));
	ck_assert_int_eq(sink.data(sink.ctx, "12345", 5, &e), -1);
	fixture_ok(sink.data(sink.ctx, "123", 3, &e));
	ck_assert_int_eq(sink.end(sink.ctx, &e), -1);
	ck_assert_int_eq(e.kind, ERR_BUG);
	image_put_free(p);
	image_meta_free(&m);
	repo_session_free(s);
}
END_TEST

/* ---- faults while storing -------------------------------------------------------- */

static const struct spec few[] = { { .path = "first", .size = 2 * MIB },
	{ .path = "second", .size = 2 * MIB }, { .path = "third", .size = 100 } };

static int
store_here(const char *id, struct image_meta *m)
{
	struct image_put_options o = { .repo = f.repo, .source = f.source, .id = id, .jobs = 2,
		.level = 1, .pack_bytes = MIB };
	struct image_summary sum;
	struct image_lane *l;
	struct image_put *p;
	struct pg_sink sink;
	int r = -1;

	if ((o.session = repo_session_begin(f.repo, "shop", "snapshot", &e)) == NULL)
		return -1;
	if ((p = image_put_new(&o, m, &e)) != NULL && (l = image_put_lane(p, &e)) != NULL) {
		sink = image_lane_sink(l);
		r = spec_send(&sink, few, 3, 32768, &e);
		if (r == 0)
			r = image_put_finish(p, m, &sum, &e);
	}
	image_put_free(p);
	if (r == 0)
		r = image_commit(f.repo, f.source, m, "-", &sum, &e);
	repo_session_free(o.session);
	return r;
}

/* Store an image while call nth fails; *calls: how many there were. */
static int
store_failing(const char *id, int nth, int *calls)
{
	struct image_meta m = spec_meta(id);
	const char *seen;
	int r;

	calls_watch();
	calls_fail(nth, ENOSPC);
	r = store_here(id, &m);
	for (seen = calls_seen(), *calls = 1; *seen != '\0'; seen++)
		*calls += *seen == ' ';
	image_meta_free(&m);
	return r;
}

START_TEST(no_failing_call_is_overlooked)
{
	int n, calls, some, failures = 0;
	char id[40];

	fixture_ok(store_failing(ID, 0, &calls));
	for (n = 1; n <= calls; n++) {
		snprintf(id, sizeof(id), "20261122T100000Z-1%07d", n);
		if (store_failing(id, n, &some) != 0) {
			/* Nothing may hide behind "another part failed". */
			ck_assert_msg(
			    e.kind == ERR_IO && strstr(e.msg, "No space left") != NULL,
			    "call %d: %s", n, e.msg);
			failures++;
			fixture_reopen(&f);
		}
		if (catalog_snapshot(repo_catalog(f.repo), "shop", id) != NULL)
			assert_reads(id, 3);
	}
	ck_assert_int_gt(failures, 20);
}
END_TEST

/* ---- damage ----------------------------------------------------------------------- */

/* The path of the snapshot's pack n. */
static const char *
pack_path(const char *id, size_t n)
{
	static char path[512];
	const struct catalog_snapshot *s = catalog_snapshot(repo_catalog(f.repo), "shop", id);
	size_t count;
	uint8_t *list = repo_packlist(f.repo, s, &count, &e);
	char hex[65];

	ck_assert_msg(list != NULL && n < count, "%s", e.msg);
	hex_encode(hex, list + 32 * n, 32);
	snprintf(path, sizeof(path), "%s/packs/shop/%.2s/%s", f.path, hex, hex);
	free(list);
	return path;
}

static const char *
pack_name(const char *id, size_t n)
{
	return strrchr(pack_path(id, n), '/') + 1;
}

static void
store_few(const char *id)
{
	struct image_summary sum;

	spec_store(&f, id, few, 3, 32768, 0, &sum);
}

/* Reading fails, and the line names file and pack. */
static void
assert_damaged(const char *file, const char *words)
{
	struct checked c = { .files = 0 };
	struct image_visitor v = spec_visitor(&c);
	struct image *im = spec_open(&f, ID, &e);

	ck_assert_msg(im != NULL, "%s", e.msg);
	ck_assert_int_eq(image_read(im, 2, &v, NULL, &e), -1);
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
	ck_assert_msg(strncmp(e.msg, file, strlen(file)) == 0, "%s", e.msg);
	ck_assert_msg(strstr(e.msg, pack_name(ID, 0)) != NULL, "%s", e.msg);
	ck_assert_msg(strstr(e.msg, words) != NULL, "%s", e.msg);
	ck_assert_int_eq(c.files, c.dropped);
	image_free(im);
}

START_TEST(a_flipped_byte_in_a_frame_is_named)
{
	store_few(ID);
	flip(pack_path(ID, 0), 5000);
	assert_damaged("first: pack ", "frame 0: damaged");
}
END_TEST

START_TEST(a_flipped_byte_in_a_packs_header_is_named)
{
	store_few(ID);
	flip(pack_path(ID, 0), 60);
	assert_damaged("first: pack ", "");
}
END_TEST

START_TEST(a_truncated_pack_is_named)
{
	store_few(ID);
	ck_assert_int_eq(truncate(pack_path(ID, 0), 100000), 0);
	assert_damaged("first: pack ", "cut off at frame 0");
}
END_TEST

START_TEST(a_missing_pack_is_named)
{
	store_few(ID);
	ck_assert_int_eq(unlink(pack_path(ID, 0)), 0);
	assert_damaged("first: pack ", "missing");
}
END_TEST

START_TEST(a_pack_with_other_bytes_sealed_to_the_same_keys_is_found)
{
	static const struct spec other[] = { { .path = "First", .size = 2 * MIB },
		{ .path = "Second", .size = 2 * MIB }, { .path = "Third", .size = 100 } };
	struct checked c = { .damaged_ok = "" };
	struct image_visitor v = spec_visitor(&c);
	struct image_summary sum;
	struct image *im;
	char to[512];

	/* Frames of the same shape: only the digests, keyed and in the manifest, can tell. */
	store_few(ID);
	spec_store(&f, "20261122T100000Z-00000002", other, 3, 32768, 0, &sum);
	snprintf(to, sizeof(to), "%s", pack_path(ID, 0));
	ck_assert_int_eq(unlink(to), 0);
	ck_assert_int_eq(link(pack_path("20261122T100000Z-00000002", 0), to), 0);
	v.damage = NULL;
	im = spec_open(&f, ID, &e);
	ck_assert_int_eq(image_read(im, 2, &v, NULL, &e), -1);
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
	ck_assert_msg(
	    strstr(e.msg, "first: its content is not what the manifest says: pack ") == e.msg,
	    "%s", e.msg);
	image_free(im);
}
END_TEST

START_TEST(damage_can_be_passed_over_file_by_file)
{
	struct checked c = { .damaged_ok = "first" };
	struct image_visitor v = spec_visitor(&c);
	struct image *im;

	store_few(ID);
	flip(pack_path(ID, 0), 5000);
	im = spec_open(&f, ID, &e);
	fixture_ok(image_read(im, 2, &v, NULL, &e));
	ck_assert_int_eq(c.damaged, 1);
	ck_assert_int_eq(c.ended, 2);
	ck_assert_int_eq(c.dropped, 3);
	image_free(im);
}
END_TEST

static int
refuse_bytes(void *ctx, void *handle, uint64_t offset, const uint8_t *p, size_t n,
    struct err *err)
{
	(void)ctx, (void)handle, (void)offset, (void)p, (void)n;
	return err_set(err, ERR_IO, "no room");
}

START_TEST(a_visitors_failure_ends_the_reading)
{
	struct checked c = { .damaged_ok = "" };
	struct image_visitor v = spec_visitor(&c);
	struct image *im;

	store_few(ID);
	v.bytes = refuse_bytes;
	im = spec_open(&f, ID, &e);
	ck_assert_int_eq(image_read(im, 2, &v, NULL, &e), -1);
	ck_assert_str_eq(e.msg, "no room");
	ck_assert_int_eq(c.damaged, 0);
	ck_assert_int_eq(c.files, c.dropped);
	image_free(im);
}
END_TEST

START_TEST(the_spare_key_opens_it_too)
{
	struct image *im;

	store_few(ID);
	im = image_open(f.repo, catalog_snapshot(repo_catalog(f.repo), "shop", ID), f.spare,
	    &e);
	ck_assert_msg(im != NULL, "%s", e.msg);
	image_free(im);
}
END_TEST

START_TEST(another_key_does_not_open_it)
{
	struct key_secret *key = key_new(KEY_RESTORE, "stranger", &e);

	store_few(ID);
	ck_assert_ptr_null(
	    image_open(f.repo, catalog_snapshot(repo_catalog(f.repo), "shop", ID), key, &e));
	ck_assert_int_eq(e.kind, ERR_REFUSED);
	key_free(key);
}
END_TEST

START_TEST(every_flipped_byte_of_a_manifest_is_found)
{
	static const struct spec one = { .path = "one", .size = 100 };
	struct image_summary sum;
	struct buf b = BUF_INIT;
	struct image *im;
	char path[512];
	long i;

	spec_store(&f, ID, &one, 1, 8192, 0, &sum);
	snprintf(path, sizeof(path), "%s/snapshots/shop/%s", f.path, ID);
	fixture_ok(io_read_file(path, MIB, &b, &e));
	for (i = 0; i < (long)b.len; i++) {
		flip(path, i);
		im = spec_open(&f, ID, &e);
		ck_assert_msg(im == NULL && e.kind == ERR_CORRUPT, "byte %ld", i);
		flip(path, i);
	}
	assert_reads(ID, 1);
	buf_free(&b);
}
END_TEST

START_TEST(a_missing_manifest_is_not_found)
{
	char path[512];

	store_few(ID);
	snprintf(path, sizeof(path), "%s/snapshots/shop/%s", f.path, ID);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_ptr_null(spec_open(&f, ID, &e));
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
}
END_TEST

START_TEST(another_snapshots_manifest_cannot_pose_as_this_one)
{
	char path[512], other[512];

	store_few(ID);
	store_few("20261122T100000Z-00000002");
	snprintf(path, sizeof(path), "%s/snapshots/shop/%s", f.path, ID);
	snprintf(other, sizeof(other), "%s/snapshots/shop/20261122T100000Z-00000002", f.path);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(link(other, path), 0);
	ck_assert_ptr_null(spec_open(&f, ID, &e));
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
}
END_TEST

Suite *
image_suite(void)
{
	Suite *s = suite_create("image");
	TCase *t = tcase_create("image");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, files_of_every_boundary_come_back, 0,
	    sizeof(pieces) / sizeof(pieces[0]));
	tcase_add_test(t, an_image_without_bytes_has_no_pack);
	tcase_add_test(t, meta_is_that_of_the_end);
	tcase_add_test(t, small_files_share_frames);
	tcase_add_test(t, lanes_of_several_threads_come_back);
	tcase_add_test(t, a_flush_in_mid_page_loses_nothing);
	tcase_add_test(t, bytes_become_durable_pack_by_pack);
	tcase_add_test(t, a_put_that_is_given_up_leaves_nothing);
	tcase_add_test(t, a_file_of_another_length_than_its_size_is_refused);
	tcase_add_test(t, no_failing_call_is_overlooked);
	tcase_add_test(t, a_flipped_byte_in_a_frame_is_named);
	tcase_add_test(t, a_flipped_byte_in_a_packs_header_is_named);
	tcase_add_test(t, a_truncated_pack_is_named);
	tcase_add_test(t, a_missing_pack_is_named);
	tcase_add_test(t, a_pack_with_other_bytes_sealed_to_the_same_keys_is_found);
	tcase_add_test(t, damage_can_be_passed_over_file_by_file);
	tcase_add_test(t, a_visitors_failure_ends_the_reading);
	tcase_add_test(t, the_spare_key_opens_it_too);
	tcase_add_test(t, another_key_does_not_open_it);
	tcase_add_test(t, every_flipped_byte_of_a_manifest_is_found);
	tcase_add_test(t, a_missing_manifest_is_not_found);
	tcase_add_test(t, another_snapshots_manifest_cannot_pose_as_this_one);
	suite_add_tcase(s, t);
	return s;
}
