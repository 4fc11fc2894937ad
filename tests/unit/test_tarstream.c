/*
 * Tests of pg/tarstream: archives as a server writes them, and as it must not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "pg/tarstream.h"
#include "suites.h"

#define BLOCK 512

/* A member's header as PostgreSQL writes it; type '0' file, '5' folder, '2' link. */
static void
add_header(struct buf *b, char type, const char *name, size_t size, const char *link)
{
	char h[BLOCK + 1] = "";
	unsigned sum = 0;
	int i;

	snprintf(h, 100, "%s", name);
	snprintf(h + 100, 8, "%07o", type == '5' ? 0700u : 0600u);
	snprintf(h + 108, 8, "%07o", 0u);
	snprintf(h + 116, 8, "%07o", 0u);
	snprintf(h + 124, 12, "%011zo", size);
	snprintf(h + 136, 12, "%011o", 1000000000u);
	memset(h + 148, ' ', 8);
	h[156] = type;
	snprintf(h + 157, 100, "%s", link);
	memcpy(h + 257, "ustar\0" "00", 8);
	for (i = 0; i < BLOCK; i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
	buf_add(b, h, BLOCK);
}

static void
add_member(struct buf *b, char type, const char *name, size_t size, const char *link)
{
	size_t i;

	add_header(b, type, name, size, link);
	for (i = 0; i < size; i++)
		buf_u8(b, (uint8_t)('a' + i % 26));
	while (b->len % BLOCK != 0)
		buf_u8(b, 0);
}

static void
add_trailer(struct buf *b)
{
	static const char zeros[2 * BLOCK];

	buf_add(b, zeros, sizeof(zeros));
}

static void
build(struct buf *b)
{
	add_member(b, '0', "backup_label", 700, "");
	add_member(b, '5', "base/", 0, "");
	add_member(b, '0', "base/1", 2 * BLOCK, "");
	add_member(b, '0', "base/empty", 0, "");
	add_member(b, '5', "./pg_wal/", 0, "");
	add_member(b, '2', "pg_tblspc/16385/", 0, "/srv/ts");
	add_trailer(b);
}

static const char all_events[] = "F backup_label 700 0600 1000000000000000\n= 700\n"
				 "D base 0700\n= 0\n"
				 "F base/1 1024 0600 1000000000000000\n= 1024\n"
				 "F base/empty 0 0600 1000000000000000\n= 0\n"
				 "D pg_wal 0700\n= 0\n"
				 "L pg_tblspc/16385 /srv/ts\n= 0\n";

/* A source that hands out pieces of a size, and a sink that writes down what it gets. */
struct lab {
	const struct buf *tar;
	size_t piece, at;
	size_t source_fails_at;		/* 0: never */
	const char *sink_fails;		/* "file", "data", "end" or NULL */
	struct buf events;
	uint64_t got;
	char path[PG_PATH_MAX];
};

static int
source_next(void *ctx, const void **p, size_t *n, struct err *e)
{
	struct lab *lab = ctx;

	if (lab->source_fails_at != 0 && lab->at >= lab->source_fails_at)
		return err_set(e, ERR_UNREACHABLE, "the source fails");
	*n = lab->tar->len - lab->at;
	if (*n > lab->piece)
		*n = lab->piece;
	*p = lab->tar->data + lab->at;
	lab->at += *n;
	return *n > 0;
}

static int
sink_result(struct lab *lab, const char *step, struct err *e)
{
	if (lab->sink_fails != NULL && strcmp(lab->sink_fails, step) == 0)
		return err_set(e, ERR_IO, "the sink fails at %s", step);
	return 0;
}

static int
sink_file(void *ctx, const struct pg_file *f, struct err *e)
{
	struct lab *lab = ctx;

	lab->got = 0;
	if (f->type == PG_FILE_REGULAR)
		buf_fmt(&lab->events, "F %s %d %04o %lld\n", f->path, (int)f->size, f->mode,
		    (long long)f->mtime);
	else if (f->type == PG_FILE_DIR)
		buf_fmt(&lab->events, "D %s %04o\n", f->path, f->mode);
	else
		buf_fmt(&lab->events, "L %s %s\n", f->path, f->target);
	snprintf(lab->path, sizeof(lab->path), "%s", f->path);
	return sink_result(lab, "file", e);
}

static int
sink_data(void *ctx, const void *p, size_t n, struct err *e)
{
	struct lab *lab = ctx;
	const char *c = p;
	size_t i;

	for (i = 0; i < n; i++, lab->got++)
		ck_assert_int_eq(c[i], (char)('a' + lab->got % 26));
	return sink_result(lab, "data", e);
}

static int
sink_end(void *ctx, struct err *e)
{
	struct lab *lab = ctx;

	buf_fmt(&lab->events, "= %d\n", (int)lab->got);
	return sink_result(lab, "end", e);
}

static int
read_tar(struct lab *lab, const struct buf *tar, const char *prefix, struct err *e)
{
	const struct tar_source src = { source_next, lab };
	const struct pg_sink sink = { sink_file, sink_data, sink_end, lab };

	lab->tar = tar;
	lab->at = 0;
	if (lab->piece == 0)
		lab->piece = 32768;
	buf_reset(&lab->events);
	err_clear(e);
	return tar_stream(&src, prefix, &sink, e);
}

START_TEST(members_come_in_order_whatever_the_pieces)
{
	static const size_t pieces[] = { 1, 7, 511, 512, 513, 1500, 1000000 };
	struct buf tar = BUF_INIT;
	struct lab lab = { .piece = pieces[_i] };
	struct err e = ERR_INIT;

	build(&tar);
	ck_assert_int_eq(read_tar(&lab, &tar, "", &e), 0);
	ck_assert_str_eq(buf_cstr(&lab.events), all_events);
	ck_assert_uint_eq(lab.at, tar.len);
	buf_free(&lab.events);
	buf_free(&tar);
}
END_TEST

START_TEST(members_of_a_tablespace_get_its_prefix)
{
	struct buf tar = BUF_INIT;
	struct lab lab = { 0 };
	struct err e = ERR_INIT;

	add_member(&tar, '5', "PG_15_202209061/", 0, "");
	add_member(&tar, '0', "PG_15_202209061/5/16390", 3, "");
	add_trailer(&tar);
	ck_assert_int_eq(read_tar(&lab, &tar, "pg_tblspc/16385/", &e), 0);
	ck_assert_str_eq(buf_cstr(&lab.events), "D pg_tblspc/16385/PG_15_202209061 0700\n= 0\n"
	    "F pg_tblspc/16385/PG_15_202209061/5/16390 3 0600 1000000000000000\n= 3\n");
	buf_free(&lab.events);
	buf_free(&tar);
}
END_TEST

START_TEST(an_archive_without_members_is_fine)
{
	struct buf tar = BUF_INIT;
	struct lab lab = { 0 };
	struct err e = ERR_INIT;

	add_trailer(&tar);
	ck_assert_int_eq(read_tar(&lab, &tar, "", &e), 0);
	ck_assert_uint_eq(lab.events.len, 0);
	buf_free(&tar);
}
END_TEST

/* As servers up to 14 send it. */
START_TEST(an_archive_without_a_trailer_is_fine)
{
	struct buf tar = BUF_INIT;
	struct lab lab = { .piece = BLOCK };
	struct err e = ERR_INIT;

	build(&tar);
	tar.len -= (size_t)2 * BLOCK;
	ck_assert_int_eq(read_tar(&lab, &tar, "", &e), 0);
	ck_assert_str_eq(buf_cstr(&lab.events), all_events);
	buf_free(&lab.events);
	buf_free(&tar);
}
END_TEST

/* One more member, which is refused; the members before it are not. */
static const struct {
	char type;
	const char *name, *link, *text;
	size_t size;
} bad_members[] = {
	{ '0', "/etc/passwd", "", "not relative", 0 },
	{ '0', "../outside", "", "\"..\" in it", 0 },
	{ '0', "base/../../outside", "", "\"..\" in it", 0 },
	{ '0', "base/./1", "", "\".\" in it", 0 },
	{ '0', "base//1", "", "an empty part", 0 },
	{ '5', "base/../", "", "\"..\" in it", 0 },
	{ '5', "./", "", "file name missing", 0 },
	{ '5', ".//etc", "", "not relative", 0 },
	{ '1', "base/2", "base/1", "not a file or folder", 0 },
	{ '1', "base/2", "base/1", "not a file or folder", 10 },
	{ '3', "base/2", "", "not a file or folder", 0 },
	{ '6', "base/2", "", "not a file or folder", 0 },
	{ '2', "base/2", "/etc", "base/2: a link", 0 },
	{ '2', "pg_tblspc/x", "/etc", "pg_tblspc/x: a link", 0 },
	{ '2', "pg_tblspc/1/2", "/etc", "pg_tblspc/1/2: a link", 0 },
	{ '2', "pg_tblspc/16386", "", "link target missing", 0 },
};

START_TEST(a_member_outside_or_of_a_strange_kind_is_refused)
{
	struct buf tar = BUF_INIT;
	struct lab lab = { 0 };
	struct err e = ERR_INIT;

	build(&tar);
	tar.len -= (size_t)2 * BLOCK;
	add_member(&tar, bad_members[_i].type, bad_members[_i].name, bad_members[_i].size,
	    bad_members[_i].link);
	add_trailer(&tar);
	ck_assert_int_eq(read_tar(&lab, &tar, "", &e), -1);
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
	ck_assert_msg(strstr(e.msg, bad_members[_i].text) != NULL, "%s", e.msg);
	ck_assert_str_eq(buf_cstr(&lab.events), all_events);
	buf_free(&lab.events);
	buf_free(&tar);
}
END_TEST

static void
flip_checksum(struct buf *b)
{
	b->data[150] ^= 1;
}

static void
flip_name(struct buf *b)
{
	b->data[0] ^= 1;
}

static void
cut_in_contents(struct buf *b)
{
	b->len = BLOCK + 600;
}

static void
cut_in_header(struct buf *b)
{
	b->len = BLOCK + 1024 + 100;
}

/* Where the second member begins, a block of zeros ends the archive for most readers. */
static void
zero_a_header(struct buf *b)
{
	memset(b->data + 3 * BLOCK, 0, BLOCK);
}

static void
add_behind_the_end(struct buf *b)
{
	add_member(b, '0', "more", 0, "");
}

/* GNU's long name: legal tar, but too long for us. */
static void
lengthen_a_name(struct buf *b)
{
	char *name = malloc(PG_PATH_MAX + 1);

	memset(name, 'x', PG_PATH_MAX);
	name[PG_PATH_MAX] = '\0';
	b->len = 0;
	add_header(b, 'L', "././@LongLink", PG_PATH_MAX, "");
	buf_add(b, name, PG_PATH_MAX);
	add_member(b, '0', "x", 0, "");
	add_trailer(b);
	free(name);
}

static void
use_another_format(struct buf *b)
{
	b->len = 0;
	buf_str(b, "070701 is how cpio begins, which we never asked for");
	while (b->len < BLOCK)
		buf_u8(b, 'x');
}

static const struct {
	void (*mutilate)(struct buf *b);
	const char *text;
} corruptions[] = {
	{ flip_checksum, "tar from the server" },
	{ flip_name, "tar from the server" },
	{ cut_in_contents, "Truncated" },
	{ cut_in_header, "Truncated" },
	{ zero_a_header, "data behind the archive's end" },
	{ add_behind_the_end, "data behind the archive's end" },
	{ lengthen_a_name, "file name too long" },
	{ use_another_format, "tar from the server" },
};

START_TEST(a_damaged_archive_is_refused)
{
	struct buf tar = BUF_INIT;
	struct lab lab = { .piece = BLOCK };
	struct err e = ERR_INIT;

	build(&tar);
	ck_assert_int_eq(read_tar(&lab, &tar, "", &e), 0);
	corruptions[_i].mutilate(&tar);
	ck_assert_int_eq(read_tar(&lab, &tar, "", &e), -1);
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
	ck_assert_msg(strstr(e.msg, corruptions[_i].text) != NULL, "%s", e.msg);
	buf_free(&lab.events);
	buf_free(&tar);
}
END_TEST

START_TEST(a_failing_source_is_told_in_its_own_words)
{
	static const size_t at[] = { 1, BLOCK, BLOCK + 100, 5 * BLOCK };
	struct buf tar = BUF_INIT;
	struct lab lab = { .piece = 100, .source_fails_at = at[_i] };
	struct err e = ERR_INIT;

	build(&tar);
	ck_assert_int_eq(read_tar(&lab, &tar, "", &e), -1);
	ck_assert_int_eq(e.kind, ERR_UNREACHABLE);
	ck_assert_str_eq(e.msg, "the source fails");
	buf_free(&lab.events);
	buf_free(&tar);
}
END_TEST

START_TEST(a_failing_sink_ends_it)
{
	static const char *const steps[] = { "file", "data", "end" };
	struct buf tar = BUF_INIT;
	struct lab lab = { .piece = 100, .sink_fails = steps[_i] };
	struct err e = ERR_INIT;

	build(&tar);
	ck_assert_int_eq(read_tar(&lab, &tar, "", &e), -1);
	ck_assert_int_eq(e.kind, ERR_IO);
	ck_assert_str_eq(lab.path, "backup_label");
	buf_free(&lab.events);
	buf_free(&tar);
}
END_TEST

START_TEST(paths_stay_inside)
{
	static const char *const good[] = { "a", "base/1", "..a/b..", ".hidden",
		"a b/\xc3\xa4" };
	static const char *const bad[] = { "", "/", "/a", "a/", "a//b", "..", "../a", "a/..",
		"a/../b", ".", "./a", "a/." };
	char name[PG_PATH_MAX + 1];
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(pg_path_check(good[i], &e) == 0, "\"%s\" was refused", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(pg_path_check(bad[i], &e) == -1, "\"%s\" passed", bad[i]);
		ck_assert_int_eq(e.kind, ERR_CORRUPT);
	}
	memset(name, 'x', sizeof(name));
	name[PG_PATH_MAX] = '\0';
	ck_assert_int_eq(pg_path_check(name, &e), -1);
	ck_assert_int_eq(pg_path_check(name + 1, &e), 0);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

Suite *
tarstream_suite(void)
{
	Suite *s = suite_create("tarstream");
	TCase *t = tcase_create("tarstream");

	tcase_add_loop_test(t, members_come_in_order_whatever_the_pieces, 0, 7);
	tcase_add_test(t, members_of_a_tablespace_get_its_prefix);
	tcase_add_test(t, an_archive_without_members_is_fine);
	tcase_add_test(t, an_archive_without_a_trailer_is_fine);
	tcase_add_loop_test(t, a_member_outside_or_of_a_strange_kind_is_refused, 0,
	    COUNT(bad_members));
	tcase_add_loop_test(t, a_damaged_archive_is_refused, 0, COUNT(corruptions));
	tcase_add_loop_test(t, a_failing_source_is_told_in_its_own_words, 0, 4);
	tcase_add_loop_test(t, a_failing_sink_ends_it, 0, 3);
	tcase_add_test(t, paths_stay_inside);
	suite_add_tcase(s, t);
	return s;
}
