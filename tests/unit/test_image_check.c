/*
 * Tests of image/check: what is wrong with stored snapshots is told, all of it, and nothing
 * else.
 */
#include "image/check.h"

#include <sys/stat.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "image_fixture.h"
#include "pg/page.h"
#include "suites.h"
#include "told.h"
#include "wal_make.h"

#define A   "20261122T100000Z-0000000a"
#define B   "20261122T100000Z-0000000b"
#define C   "20261122T100000Z-0000000c"
#define MIB (1u << 20)
#define SEG (3 * (uint64_t)MIB)	/* where the WAL begins */

static struct fixture f;
static struct told told;
static struct image_check check;
static struct err e;

static void
setup(void)
{
	static char known[1100];

	fixture_begin(&f);
	told_begin(&told);
	snprintf(known, sizeof(known), "repository %s: ", f.path);
	told.f.known = known;
	check = (struct image_check){ .source = "shop", .jobs = 2, .percent = 100, .seed = 1,
		.findings = &told.f };
}

static void
teardown(void)
{
	told_end(&told);
	fixture_end(&f);
}

static const char *
stored(void)
{
	check.repo = f.repo;
	fixture_ok(image_check_stored(&check, &e));
	return told_text(&told);
}

/* ---- without a key ---------------------------------------------------------------- */

static const struct spec files[] = {
	{ .path = "PG_VERSION", .size = 3 },
	{ .path = "base/1", .size = MIB },
};

static void
store(const char *id)
{
	struct image_summary sum;

	spec_store(&f, id, files, 2, 8192, 0, &sum);
}

/* The path of the snapshot's n-th pack, also when it is gone. */
static const char *
pack_path(const char *id, size_t n)
{
	static char path[1200];
	const struct catalog_snapshot *s = catalog_snapshot(repo_catalog(f.repo), "shop", id);
	size_t packs;
	uint8_t *list = repo_packlist(f.repo, s, &packs, &e);
	char hex[65];

	ck_assert_ptr_nonnull(list);
	ck_assert_uint_lt(n, packs);
	hex_encode(hex, list + 32 * n, 32);
	snprintf(path, sizeof(path), "%s/packs/shop/%.2s/%s", f.path, hex, hex);
	free(list);
	return path;
}

static const char *
snapshot_path(const char *name)
{
	static char path[1200];

	snprintf(path, sizeof(path), "%s/snapshots/shop/%s", f.path, name);
	return path;
}

/* "bad: snapshot ID of shop: pack 16-DIGITS: TEXT\n" of the pack at path. */
static const char *
pack_line(const char *id, const char *path, const char *text)
{
	static char line[4][256];
	static int i;

	i = (i + 1) % 4;
	snprintf(line[i], sizeof(line[i]), "bad: snapshot %s of shop: pack %.16s: %s\n", id,
	    strrchr(path, '/') + 1, text);
	return line[i];
}

static off_t
size_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_size;
}

START_TEST(what_is_well_is_not_told)
{
	store(A);
	store(B);
	ck_assert_str_eq(stored(), "");
	check.percent = 0;
	ck_assert_str_eq(stored(), "");
}
END_TEST

START_TEST(all_damage_is_told_not_only_the_first)
{
	const char *text;

	store(A);
	store(B);
	store(C);
	flip(pack_path(A, 0), 1000);
	ck_assert_int_eq(unlink(pack_path(B, 0)), 0);
	flip(snapshot_path(C), 300);
	flip(snapshot_path(C ".packs"), 10);
	text = stored();
	ck_assert_ptr_nonnull(strstr(text,
	    pack_line(A, pack_path(A, 0), "damaged or cut off at frame 0")));
	ck_assert_ptr_nonnull(strstr(text, pack_line(B, pack_path(B, 0), "missing")));
	ck_assert_ptr_nonnull(
	    strstr(text, "bad: snapshot " C " of shop: manifest: preamble damaged"));
	ck_assert_ptr_nonnull(strstr(text, "bad: snapshot " C " of shop: pack list: damaged"));
	ck_assert_uint_eq(told.f.count[FINDING_BAD], 4);
	ck_assert_uint_eq(told.f.count[FINDING_NOTE], 0);
}
END_TEST

START_TEST(a_whole_pack_in_the_place_of_another_is_told)
{
	char a[1200];

	store(A);
	store(B);
	snprintf(a, sizeof(a), "%s", pack_path(A, 0));
	ck_assert_int_eq(unlink(a), 0);
	ck_assert_int_eq(link(pack_path(B, 0), a), 0);
	ck_assert_str_eq(stored(),
	    pack_line(A, a, "its content does not match its name"));
}
END_TEST

/* Put a sound sealed file of that kind and name in the place of path. */
static void
forge(const char *path, enum seal_kind kind, const char *name)
{
	struct seal_frame frame = { .flags = SEAL_LAST };
	struct seal_ctx *ctx = seal_ctx_new(1, &e);
	struct seal *seal =
	    seal_new(kind, repo_id(f.repo), name, f.source->to, f.source->nto, &e);
	struct buf b = BUF_INIT;
	FILE *fp;

	ck_assert_ptr_nonnull(seal);
	buf_add(&b, seal_preamble(seal)->data, seal_preamble(seal)->len);
	fixture_ok(seal_frame(seal, ctx, &frame, "", &b, &e));
	ck_assert_int_eq(unlink(path), 0);
	fp = fopen(path, "wb");
	ck_assert_uint_eq(fwrite(b.data, 1, b.len, fp), b.len);
	fclose(fp);
	buf_free(&b);
	seal_free(seal);
	seal_ctx_free(ctx);
}

START_TEST(a_sound_manifest_that_was_not_signed_is_told)
{
	store(A);
	forge(snapshot_path(A), SEAL_MANIFEST, "shop/" A);
	ck_assert_str_eq(stored(),
	    "bad: snapshot " A " of shop: manifest: its content is not what"
	    " the journal signs\n");
}
END_TEST

START_TEST(without_reading_a_pack_of_another_source_shows)
{
	store(A);
	forge(pack_path(A, 0), SEAL_PACK, "shopping/" A "/0");
	check.percent = 0;
	ck_assert_str_eq(stored(), pack_line(A, pack_path(A, 0), "of another source"));
}
END_TEST

START_TEST(without_reading_a_cut_off_pack_shows)
{
	const char *path;

	store(A);
	path = pack_path(A, 0);
	ck_assert_int_eq(truncate(path, size_of(path) - 52), 0);
	check.percent = 0;
	ck_assert_str_eq(stored(), pack_line(A, path, "damaged or cut off at its end"));
}
END_TEST

/* A pack with a piece taken out of its middle looks well at both ends. */
START_TEST(without_reading_a_pack_that_lost_its_middle_shows)
{
	static uint8_t bytes[8 * MIB];
	const char *path;
	FILE *fp;
	size_t n;

	store(A);
	path = pack_path(A, 0);
	ck_assert_int_eq(chmod(path, 0600), 0);
	fp = fopen(path, "rb");
	n = fread(bytes, 1, sizeof(bytes), fp);
	fclose(fp);
	memmove(bytes + 2000, bytes + 2100, n - 2100);
	fp = fopen(path, "wb");
	ck_assert_uint_eq(fwrite(bytes, 1, n - 100, fp), n - 100);
	fclose(fp);
	check.percent = 0;
	ck_assert(strncmp(stored(), "bad: snapshot " A " of shop: manifest and packs have ",
		      73) == 0);
	ck_assert_uint_eq(told.f.count[FINDING_BAD], 1);
}
END_TEST

START_TEST(a_pack_that_nobody_needs_is_a_note)
{
	char orphan[1200];

	store(A);
	snprintf(orphan, sizeof(orphan), "%s", pack_path(A, 0));
	strcpy(strrchr(orphan, '/') + 3,
	    "00000000000000000000000000000000000000000000000000000000000000");
	ck_assert_int_eq(link(pack_path(A, 0), orphan), 0);
	ck_assert(strncmp(stored(), "note: packs of shop: 1 with ", 28) == 0);
	ck_assert_uint_eq(told.f.count[FINDING_BAD], 0);
}
END_TEST

START_TEST(only_the_named_source_is_checked)
{
	struct source *other = fixture_enrol(&f, "other");

	store(A);
	ck_assert_int_eq(unlink(pack_path(A, 0)), 0);
	check.source = "other";
	ck_assert_str_eq(stored(), "");
	source_free(other);
}
END_TEST

/* How many of the packs a sample reads: all are damaged where only reading shows it. */
static uint64_t
sample(int percent, uint64_t seed)
{
	uint64_t before = told.f.count[FINDING_BAD];

	check.percent = percent;
	check.seed = seed;
	stored();
	return told.f.count[FINDING_BAD] - before;
}

START_TEST(a_percentage_is_rounded_up_and_the_seed_chooses)
{
	const struct catalog_snapshot *s;
	char first[2][8192];
	size_t i, n;

	for (i = 0; i < 5; i++) {
		char id[SNAPSHOT_ID_MAX];

		snprintf(id, sizeof(id), "20261122T100000Z-0000000%zu", i);
		store(id);
	}
	for (n = 0, i = 0; i < repo_catalog(f.repo)->nsnapshots; i++) {
		size_t k;

		s = &repo_catalog(f.repo)->snapshots[i];
		for (k = 0; k < s->packs; k++, n++)
			flip(pack_path(s->id, k), 1000);
	}
	ck_assert_uint_eq(sample(0, 1), 0);
	ck_assert_uint_eq(sample(1, 1), 1);
	ck_assert_uint_eq(sample(50, 1), (n + 1) / 2);
	ck_assert_uint_eq(sample(100, 1), n);
	for (i = 0; i < 2; i++) {
		check.percent = 50;
		check.seed = 7;
		snprintf(first[i], sizeof(first[i]), "%s", stored());
	}
	ck_assert_str_eq(first[0], first[1]);
	check.seed = 8;
	ck_assert_str_ne(stored(), first[0]);
}
END_TEST

/* ---- with the key: a small database ------------------------------------------------ */

struct database {
	struct wal_make wal;
	uint64_t start, stop;
	uint8_t pages[3][PG_PAGE_SIZE];
	uint8_t control[8192];
	int checksums, broken;
	const char *without;	/* leave this file out */
};

static void
make_pages(struct database *db)
{
	uint32_t i;

	for (i = 0; i < 3; i++) {
		memset(db->pages[i], 0x11 + (int)i, PG_PAGE_SIZE);
		le64_put(db->pages[i], 0);	/* its LSN: 0/1 */
		le32_put(db->pages[i] + 4, 1);
		le16_put(db->pages[i] + 12, 100);	/* lower, upper: not new */
		le16_put(db->pages[i] + 14, 200);
		le16_put(db->pages[i] + 8, pg_page_checksum(db->pages[i], i));
	}
}

static void
make_control(struct database *db)
{
	uint8_t *p = db->control;

	le64_put(p, WAL_MAKE_SYSTEM);
	le32_put(p + 8, 1300);
	le32_put(p + 16, 6);
	le32_put(p + 48, 1);
	le32_put(p + 216, 8192);
	le32_put(p + 224, 8192);
	le32_put(p + 228, MIB);
	le32_put(p + 252, (uint32_t)db->checksums);
	le32_put(p + 288, pg_crc32c(0, p, 288));
}

/* Two segments of records; the backup is from the second page of the first one into the
 * second. */
static void
make_database(struct database *db)
{
	static const uint8_t body[8000];
	uint64_t at;

	memset(db, 0, sizeof(*db));
	db->checksums = 1;
	wal_make_begin(&db->wal, 0xd110, SEG, MIB);
	while ((at = wal_make_record(&db->wal, 10, 0, 700, body, sizeof(body))) <
	    SEG + MIB + 20000)
		if (db->start == 0 && at > SEG + 8192)
			db->start = at;
	db->stop = wal_make_at(&db->wal);
	wal_make_zeros(&db->wal, SEG + 2 * MIB);
	make_pages(db);
	make_control(db);
}

static void
send(const struct database *db, struct pg_sink sink, const char *path, const void *p, size_t n)
{
	struct pg_file pf = { .type = PG_FILE_REGULAR, .mode = 0600, .size = n };

	if (db->without != NULL && strcmp(db->without, path) == 0)
		return;
	snprintf(pf.path, sizeof(pf.path), "%s", path);
	fixture_ok(sink.file(sink.ctx, &pf, &e));
	fixture_ok(sink.data(sink.ctx, p, n, &e));
	fixture_ok(sink.end(sink.ctx, &e));
}

static void
send_all(const struct database *db, struct pg_sink sink)
{
	send(db, sink, "backup_label", "START", 5);
	send(db, sink, "base/5/16384", db->pages, sizeof(db->pages));
	send(db, sink, "base/5/pg_filenode.map", db->pages[0], 512);
	send(db, sink, "pg_wal/000000010000000000000003", db->wal.out.data, MIB);
	send(db, sink, "pg_wal/000000010000000000000004", db->wal.out.data + MIB, MIB);
	send(db, sink, "PG_VERSION", "15\n", 3);
	send(db, sink, "global/pg_control", db->control, sizeof(db->control));
}

static void
store_database(struct database *db)
{
	struct repo_session *s = repo_session_begin(f.repo, "shop", "snapshot", &e);
	struct image_meta m = spec_meta(A);
	struct image_put_options o = {
	    .repo = f.repo, .session = s, .source = f.source, .id = A, .jobs = 2, .level = 1};
	struct image_summary sum;
	struct image_put *p;

	m.system_id = WAL_MAKE_SYSTEM;
	m.segment_size = MIB;
	m.start = db->start;
	m.stop = db->stop;
	m.broken_pages = db->broken;
	ck_assert_ptr_nonnull(s);
	p = image_put_new(&o, &m, &e);
	ck_assert_msg(p != NULL, "%s", e.msg);
	send_all(db, image_lane_sink(image_put_lane(p, &e)));
	fixture_ok(image_put_finish(p, &m, &sum, &e));
	image_put_free(p);
	fixture_ok(image_commit(f.repo, f.source, &m, "-", &sum, &e));
	image_meta_free(&m);
	repo_session_free(s);
	buf_free(&db->wal.out);
}

/* The WAL that was given, as it came. */
struct given {
	uint64_t from, to;
	struct buf bytes;
};

static int
take_wal(void *ctx, uint64_t lsn, const uint8_t *p, size_t n, struct err *err)
{
	struct given *g = ctx;

	(void)err;
	if (g->bytes.len == 0)
		g->from = g->to = lsn;
	ck_assert_uint_eq(lsn, g->to);
	buf_add(&g->bytes, p, n);
	g->to = lsn + n;
	return 0;
}

static const char *
deep(const struct key_secret *key)
{
	check.repo = f.repo;
	fixture_ok(image_check_deep(
	    &check, catalog_snapshot(repo_catalog(f.repo), "shop", A), key, NULL, NULL, &e));
	return told_text(&told);
}

START_TEST(a_sound_database_is_not_told)
{
	struct database db;

	make_database(&db);
	store_database(&db);
	ck_assert_str_eq(deep(f.restore), "");
	ck_assert_str_eq(deep(f.spare), "");
}
END_TEST

START_TEST(the_wal_is_given_from_start_to_stop)
{
	struct given g = { .bytes = BUF_INIT };
	struct buf copy = BUF_INIT;
	struct database db;

	make_database(&db);
	buf_add(&copy, db.wal.out.data, db.wal.out.len);
	store_database(&db);
	check.repo = f.repo;
	fixture_ok(image_check_deep(&check, catalog_snapshot(repo_catalog(f.repo), "shop", A),
	    f.restore, take_wal, &g, &e));
	ck_assert_uint_eq(g.from, db.start - db.start % 8192);
	ck_assert_uint_eq(g.to, db.stop);
	ck_assert(memcmp(g.bytes.data, copy.data + (g.from - SEG), g.bytes.len) == 0);
	buf_free(&g.bytes);
	buf_free(&copy);
}
END_TEST

START_TEST(a_bad_page_is_told_with_its_block)
{
	struct database db;

	make_database(&db);
	db.pages[1][4000] ^= 1;
	db.pages[2][4000] ^= 1;
	store_database(&db);
	ck_assert_str_eq(deep(f.restore), "bad: snapshot " A " of shop: base/5/16384: block 1:"
	    " the page's checksum is wrong (2 such pages in this file)\n");
}
END_TEST

START_TEST(a_page_that_wal_repairs_is_not_judged)
{
	struct database db;

	make_database(&db);
	le32_put(db.pages[1], (uint32_t)(db.start >> 32));
	le32_put(db.pages[1] + 4, (uint32_t)db.start);
	store_database(&db);
	ck_assert_str_eq(deep(f.restore), "");
}
END_TEST

START_TEST(without_checksums_pages_are_not_judged)
{
	struct database db;

	make_database(&db);
	db.checksums = 0;
	make_control(&db);
	db.pages[1][4000] ^= 1;
	store_database(&db);
	ck_assert_str_eq(deep(f.restore), "");
}
END_TEST

START_TEST(pages_that_the_server_found_broken_are_notes)
{
	struct database db;

	make_database(&db);
	db.broken = 1;
	db.pages[0][4000] ^= 1;
	store_database(&db);
	ck_assert(strncmp(deep(f.restore),
		      "note: snapshot " A " of shop: base/5/16384: block 0:", 70) == 0);
	ck_assert_uint_eq(told.f.count[FINDING_BAD], 0);
	ck_assert_str_eq(stored(),
	    "note: snapshot " A " of shop: the server found broken pages in it:"
	    " it does not count as good\n");
}
END_TEST

START_TEST(a_wal_record_with_a_wrong_crc_is_told)
{
	struct database db;
	char at[300];

	make_database(&db);
	db.wal.out.data[db.start - SEG + 3000] ^= 1;
	store_database(&db);
	snprintf(at, sizeof(at),
	    "bad: snapshot " A " of shop: its WAL cannot be read behind 0/%X, and"
	    " it needs it up to 0/%X: record at 0/%X: wrong CRC\n",
	    (unsigned)db.start, (unsigned)db.stop, (unsigned)db.start);
	ck_assert_str_eq(deep(f.restore), at);
}
END_TEST

START_TEST(wal_outside_of_the_backup_is_not_judged)
{
	struct database db;

	make_database(&db);
	db.wal.out.data[100] ^= 1;
	store_database(&db);
	ck_assert_str_eq(deep(f.restore), "");
}
END_TEST

START_TEST(a_file_that_must_be_there_is_missed)
{
	static const struct {
		const char *path, *text;
	} rows[] = {
		{ "backup_label", "backup_label is missing" },
		{ "PG_VERSION", "PG_VERSION is missing" },
		{ "global/pg_control", "global/pg_control is missing" },
		{ "pg_wal/000000010000000000000003",
		    "its WAL is not complete: 000000010000000000000003 is missing" },
		{ "pg_wal/000000010000000000000004",
		    "its WAL is not complete: 000000010000000000000004 is missing" },
	};
	struct database db;
	char want[300];

	make_database(&db);
	db.without = rows[_i].path;
	store_database(&db);
	snprintf(want, sizeof(want), "bad: snapshot " A " of shop: %s\n", rows[_i].text);
	ck_assert_str_eq(deep(f.restore), want);
}
END_TEST

START_TEST(another_system_in_pg_control_is_told)
{
	struct database db;

	make_database(&db);
	le64_put(db.control, 99);
	le32_put(db.control + 288, pg_crc32c(0, db.control, 288));
	store_database(&db);
	ck_assert_str_eq(deep(f.restore),
	    "bad: snapshot " A " of shop: global/pg_control: it is of"
	    " system 99, not 7710940306813217714\n");
}
END_TEST

START_TEST(damaged_frames_are_told_for_each_file)
{
	struct database db;
	const char *text;

	make_database(&db);
	store_database(&db);
	flip(pack_path(A, 0), 2000);	/* the first frame: all small files */
	text = deep(f.restore);
	ck_assert_ptr_nonnull(
	    strstr(text, "bad: snapshot " A " of shop: backup_label: pack "));
	ck_assert_ptr_nonnull(
	    strstr(text, "bad: snapshot " A " of shop: base/5/16384: pack "));
}
END_TEST

START_TEST(a_key_that_does_not_open_it_leaves_it_unread)
{
	struct key_secret *k = key_new(KEY_RESTORE, "stranger", &e);
	struct database db;

	make_database(&db);
	store_database(&db);
	ck_assert_ptr_nonnull(k);
	ck_assert_str_eq(deep(k),
	    "unread: snapshot " A " of shop: manifest: not sealed to key stranger\n");
	key_free(k);
}
END_TEST

Suite *
image_check_suite(void)
{
	Suite *s = suite_create("image_check");
	TCase *t = tcase_create("stored");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_well_is_not_told);
	tcase_add_test(t, all_damage_is_told_not_only_the_first);
	tcase_add_test(t, a_whole_pack_in_the_place_of_another_is_told);
	tcase_add_test(t, a_sound_manifest_that_was_not_signed_is_told);
	tcase_add_test(t, without_reading_a_pack_of_another_source_shows);
	tcase_add_test(t, without_reading_a_cut_off_pack_shows);
	tcase_add_test(t, without_reading_a_pack_that_lost_its_middle_shows);
	tcase_add_test(t, a_pack_that_nobody_needs_is_a_note);
	tcase_add_test(t, only_the_named_source_is_checked);
	tcase_add_test(t, a_percentage_is_rounded_up_and_the_seed_chooses);
	suite_add_tcase(s, t);
	t = tcase_create("deep");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_sound_database_is_not_told);
	tcase_add_test(t, the_wal_is_given_from_start_to_stop);
	tcase_add_test(t, a_bad_page_is_told_with_its_block);
	tcase_add_test(t, a_page_that_wal_repairs_is_not_judged);
	tcase_add_test(t, without_checksums_pages_are_not_judged);
	tcase_add_test(t, pages_that_the_server_found_broken_are_notes);
	tcase_add_test(t, a_wal_record_with_a_wrong_crc_is_told);
	tcase_add_test(t, wal_outside_of_the_backup_is_not_judged);
	tcase_add_loop_test(t, a_file_that_must_be_there_is_missed, 0, 5);
	tcase_add_test(t, another_system_in_pg_control_is_told);
	tcase_add_test(t, damaged_frames_are_told_for_each_file);
	tcase_add_test(t, a_key_that_does_not_open_it_leaves_it_unread);
	suite_add_tcase(s, t);
	return s;
}
