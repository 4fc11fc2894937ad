/*
 * Tests of log/writer: what a log file holds, and what is signed about it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logs.h"
#include "seal/sealed.h"
#include "suites.h"

#define SEG LOGS_SEGMENT

static struct logs l;
static struct err e;

static void
setup(void)
{
	logs_setup(&l);
}

static void
teardown(void)
{
	logs_teardown(&l);
}

/* A log file opened with the restore key. */
struct opened {
	struct repo_object *o;
	struct seal *seal;
	struct seal_ctx *ctx;
	struct seal_walk walk;
	struct seal_frame frame;
	struct buf raw;
};

static void
open_file(struct opened *x, const char *stream, const char *file)
{
	char name[200];
	uint64_t at;

	memset(x, 0, sizeof(*x));
	snprintf(name, sizeof(name), "%s/%s", stream, file);
	x->o = repo_get(l.f.repo, REPO_LOG, "shop", name, &e);
	ck_assert_msg(x->o != NULL, "%s", e.msg);
	snprintf(name, sizeof(name), "shop/%s/%.16s", stream, file);
	x->seal = seal_open(repo_object_source(x->o), SEAL_LOG, repo_id(l.f.repo), name,
	    l.f.spare, &at, &e);
	ck_assert_msg(x->seal != NULL, "%s", e.msg);
	x->ctx = seal_ctx_new(1, &e);
	seal_walk_begin(&x->walk, repo_object_source(x->o), at, 1);
}

static int
next_frame(struct opened *x)
{
	int rc = seal_walk_next(&x->walk, &x->frame, &e);

	if (rc > 0)
		fixture_ok(seal_frame_open(x->seal, x->ctx, &x->frame, x->walk.hdr,
		    x->walk.ciphertext.data, &x->raw, &e));
	return rc;
}

static void
close_file(struct opened *x)
{
	seal_walk_end(&x->walk);
	buf_free(&x->raw);
	seal_ctx_free(x->ctx);
	seal_free(x->seal);
	repo_object_free(x->o);
}

START_TEST(what_was_appended_is_in_the_frames)
{
	struct log_stream_info info = logs_info("1", 0, NULL);
	struct log_writer *w = logs_open(&l, &info, SEG, NULL);
	uint8_t *want = malloc(5 * SEG / 2);
	struct opened x;
	uint64_t at = SEG;

	logs_append(w, 3, 5 * SEG / 2, 1000);
	logs_leave(w, 1);
	logs_bytes(want, 3, SEG, 5 * SEG / 2);
	open_file(&x, info.stream, "0000000000100000.1");
	ck_assert_int_eq(next_frame(&x), 1);
	while (next_frame(&x) == 1 && (x.frame.flags & SEAL_LAST) == 0) {
		ck_assert_uint_eq(x.frame.position, at);
		ck_assert_uint_le(x.raw.len, SEAL_RAW_MAX);
		ck_assert_mem_eq(x.raw.data, want + (at - SEG), x.raw.len);
		at += x.raw.len;
	}
	ck_assert_uint_eq(at, SEG + 5 * SEG / 2);
	ck_assert_uint_eq(x.frame.flags & SEAL_LAST, SEAL_LAST);
	ck_assert_int_eq(next_frame(&x), 0);
	close_file(&x);
	free(want);
}
END_TEST

START_TEST(frame_0_says_what_the_stream_is)
{
	struct log_stream_info info = logs_info("2 1:0/100000", 0, NULL);
	struct log_after end;
	struct opened x;

	buf_str(&info.history_file, "1\t0/100000\tno reason\n");
	end = logs_leave(logs_open(&l, &info, SEG, NULL), 0);
	open_file(&x, info.stream, end.file);
	ck_assert_int_eq(next_frame(&x), 1);
	ck_assert_uint_eq(x.frame.flags & SEAL_META, SEAL_META);
	ck_assert_str_eq(buf_cstr(&x.raw),
	    "bulkhead log 1\nengine postgresql\nversion 150005\n"
	    "system 7574210418334529345\ntimeline 2\nsegsize 1048576\n"
	    "stream 7574210418334529345-00000002\nstart 0/100000\n"
	    "history 21\n1\t0/100000\tno reason\n");
	ck_assert_int_eq(next_frame(&x), 0);
	ck_assert_uint_eq(end.frames, 1);
	ck_assert_uint_eq(end.bytes, repo_object_source(x.o)->size);
	close_file(&x);
	buf_free(&info.history_file);
}
END_TEST

START_TEST(a_promise_is_for_the_end_of_an_append_and_never_goes_back)
{
	struct log_stream_info info = logs_info("1", 0, NULL);
	struct log_writer *w = logs_open(&l, &info, 0, NULL);
	static const int64_t want[] = { 0, 500, 500, 500, 500, 700, 700 };
	struct opened x;
	size_t i;

	logs_append(w, 0, 2 * SEG, 500);		/* 2 frames */
	logs_append(w, 0, 10, 0);
	logs_append(w, 0, 10, 400);
	fixture_ok(log_writer_heartbeat(w, 300, &e));
	fixture_ok(log_writer_heartbeat(w, 700, &e));
	ck_assert_int_eq(log_writer_time(w), 700);
	logs_leave(w, 1);
	open_file(&x, info.stream, "0000000000000000.1");
	ck_assert_int_eq(next_frame(&x), 1);
	for (i = 0; next_frame(&x) == 1; i++)
		ck_assert_int_eq((int64_t)x.frame.time, want[i]);
	ck_assert_uint_eq(i, sizeof(want) / sizeof(want[0]));
	close_file(&x);
}
END_TEST

static const struct catalog_log *
entry(const struct log_stream_info *info, const char *file)
{
	const struct catalog_log *c = catalog_log(repo_catalog(l.f.repo), "shop", info->stream,
	    file);

	ck_assert_ptr_nonnull(c);
	return c;
}

START_TEST(opening_is_signed)
{
	struct log_stream_info info = logs_info("2 1:0/100000", 0, NULL);
	struct log_after first = logs_file(&l, &info, SEG, 100, NULL);
	const struct catalog_log *c;

	logs_leave(logs_open(&l, &info, SEG + 100, &first), 0);
	c = entry(&info, "0000000000100064.1");
	ck_assert_uint_eq(c->start, SEG + 100);
	ck_assert_uint_eq(c->system_id, LOGS_SYSTEM);
	ck_assert_uint_eq(c->timeline, 2);
	ck_assert_int_eq(c->version, 150005);
	ck_assert_uint_eq(c->history->at[0].end, SEG);
	ck_assert_str_eq(c->after_file, "0000000000100000.1");
	ck_assert_uint_eq(c->after_frames, 3);
	ck_assert_uint_eq(c->after_bytes, first.bytes);
	ck_assert_uint_eq(c->after_position, SEG + 100);
	ck_assert_uint_eq(c->frames, 0);
}
END_TEST

START_TEST(marks_sign_what_the_file_holds)
{
	struct log_stream_info info = logs_info("1", 0, NULL);
	struct log_writer *w = logs_open(&l, &info, 0, NULL);
	struct tail_mark tail = { 0, 1000, { 7 } };
	const struct catalog_log *c;
	struct repo_object *o;
	uint8_t hash[32];

	logs_append(w, 0, 1000, 5000000);
	fixture_ok(log_writer_mark(w, &tail, &e));
	c = entry(&info, "0000000000000000.1");
	ck_assert_uint_eq(c->frames, 2);
	ck_assert_uint_eq(c->bytes, log_writer_size(w));
	ck_assert_uint_eq(c->position, 1000);
	ck_assert_int_eq(c->time, 5000000);
	ck_assert_int_eq(c->closed, 0);
	ck_assert_int_eq(c->has_tail, 1);
	ck_assert_mem_eq(c->tail, tail.digest, 32);
	o = repo_get(l.f.repo, REPO_LOG, "shop",
	    "7574210418334529345-00000001/0000000000000000.1", &e);
	fixture_ok(repo_object_hash(o, hash, &e));
	repo_object_free(o);
	ck_assert_mem_eq(c->digest, hash, 32);

	logs_append(w, 0, 1000, 6000000);	/* the tail is not this position's any more */
	fixture_ok(log_writer_close(w, &tail, &e));
	log_writer_free(w);
	c = entry(&info, "0000000000000000.1");
	ck_assert_uint_eq(c->position, 2000);
	ck_assert_int_eq(c->closed, 1);
	ck_assert_int_eq(c->has_tail, 0);
}
END_TEST

START_TEST(a_mark_without_new_frames_says_nothing)
{
	struct log_stream_info info = logs_info("1", 0, NULL);
	struct log_writer *w = logs_open(&l, &info, 0, NULL);
	struct tail_mark unknown = { 0, 0, { 0 } };
	uint64_t seq;

	fixture_ok(log_writer_mark(w, &unknown, &e));
	seq = journal_head(repo_journal(l.f.repo)).seq;
	fixture_ok(log_writer_mark(w, &unknown, &e));
	ck_assert_uint_eq(journal_head(repo_journal(l.f.repo)).seq, seq);
	logs_leave(w, 0);
}
END_TEST

START_TEST(a_history_file_too_long_is_refused)
{
	struct log_stream_info info = logs_info("2 1:0/100000", 0, NULL);
	struct log_after none = { "", 0, 0, 0 };

	ck_assert_int_eq(buf_reserve(&info.history_file, SEAL_RAW_MAX), 0);
	memset(info.history_file.data, '\n', SEAL_RAW_MAX);
	info.history_file.len = SEAL_RAW_MAX;
	ck_assert_ptr_null(log_writer_begin(l.f.repo, l.session, l.f.source, &info, 0, &none,
	    0, 1, &e));
	ck_assert_int_eq(e.kind, ERR_CONFIG);
	ck_assert_str_eq(e.msg, "the history file of timeline 2 is too long: 1048576 bytes");
	buf_free(&info.history_file);
}
END_TEST

Suite *
log_writer_suite(void)
{
	Suite *s = suite_create("log_writer");
	TCase *t = tcase_create("log_writer");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_was_appended_is_in_the_frames);
	tcase_add_test(t, frame_0_says_what_the_stream_is);
	tcase_add_test(t, a_promise_is_for_the_end_of_an_append_and_never_goes_back);
	tcase_add_test(t, opening_is_signed);
	tcase_add_test(t, marks_sign_what_the_file_holds);
	tcase_add_test(t, a_mark_without_new_frames_says_nothing);
	tcase_add_test(t, a_history_file_too_long_is_refused);
	suite_add_tcase(s, t);
	return s;
}
