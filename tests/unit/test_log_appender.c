/*
 * Tests of log/appender: what is put becomes durable, in whatever pieces, over files that
 * roll, and with a repository that fails.
 */
#include <sys/resource.h>

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "log/appender.h"
#include "log/reader.h"
#include "logs.h"
#include "suites.h"

#define SEG	LOGS_SEGMENT
#define STREAM	"7574210418334529345-00000001"
#define PATIENT INT64_C(20000000)	/* µs */

static struct logs l;
static struct log_stream_info info;
static struct appender_options o;
static struct appender *a;
static struct appender_view v;
static struct err e;

static void
setup(void)
{
	logs_setup(&l);
	info = logs_info("1", 0, NULL);
	memset(&o, 0, sizeof(o));
	o.repo = l.f.repo;
	o.session = l.session;
	o.source = l.f.source;
	o.state = l.f.state;
	o.level = 1;
	o.patient = 1;
	o.mark = o.roll_age = INT64_C(3600000000);
	o.roll_size = 256u << 20;
}

static void
teardown(void)
{
	appender_free(a);
	logs_teardown(&l);
}

static void
begin(uint64_t at)
{
	static const struct log_after none;
	struct tail tail;

	if (a == NULL) {
		a = appender_new(&o, &e);
		ck_assert_msg(a != NULL, "%s", e.msg);
	}
	tail_begin(&tail, l.f.source->digest_key, SEG, at);
	fixture_ok(appender_begin(a, &info, at, &none, &tail, 0, &e));
}

/* Put n bytes of the history from at on, in pieces. */
static void
put(uint64_t at, size_t n, size_t piece, int64_t promise)
{
	uint8_t *bytes = malloc(piece);
	size_t part;

	for (; n > 0; at += part, n -= part) {
		part = n < piece ? n : piece;
		logs_bytes(bytes, 0, at, part);
		while (!appender_has_room(a))
			poll(NULL, 0, 1);
		appender_put(a, bytes, part, part == n ? promise : 0);
	}
	free(bytes);
}

/* Wait, by the descriptor, until the condition holds. */
#define wait_for(condition)							\
	do {									\
		int64_t end_ = clock_mono() + PATIENT;				\
		struct pollfd fd_ = { .fd = appender_fd(a), .events = POLLIN };	\
										\
		for (appender_look(a, &v); !(condition); appender_look(a, &v)) {	\
			ck_assert_msg(clock_mono() < end_, "waited for %s", #condition); \
			poll(&fd_, 1, 1000);					\
		}								\
	} while (0)

static void
finish(void)
{
	appender_finish(a);
	wait_for(v.idle);
}

static uint64_t
held(void)
{
	struct log_index *ix = logs_index(&l, 1);
	const struct log_stream *st = log_index_stream(ix, STREAM);
	uint64_t to = st == NULL || st->nspans == 0 ? 0 : st->spans[st->nspans - 1].to;
	size_t i;

	for (i = 0; st != NULL && i < st->nextents; i++)
		ck_assert_str_eq(st->extents[i].damage, "");
	log_index_free(ix);
	return to;
}

/* What is held from `from` on is the history, up to n bytes. */
static void
expect_bytes(uint64_t from, size_t n)
{
	struct log_index *ix = logs_index(&l, 0);
	struct log_path p = { .n = 1, .end = from + n };
	struct log_reader *r;
	uint8_t *got = malloc(n), *want = malloc(n);
	size_t read;

	p.at[0].stream = log_index_stream(ix, STREAM);
	p.at[0].from = from;
	p.at[0].to = from + n;
	r = log_reader_new(l.f.repo, &p, l.f.restore, &e);
	ck_assert_msg(r != NULL, "%s", e.msg);
	ck_assert_msg(log_read(r, from, got, n, &read, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(read, n);
	logs_bytes(want, 0, from, n);
	ck_assert_mem_eq(got, want, n);
	log_reader_free(r);
	log_index_free(ix);
	free(got);
	free(want);
}

START_TEST(what_is_put_becomes_durable_and_is_told)
{
	begin(SEG);
	appender_look(a, &v);
	ck_assert_uint_eq(v.durable, SEG);
	ck_assert_int_eq(v.idle, 0);
	put(SEG, 5000, 100, 777);
	wait_for(v.durable == SEG + 5000);
	ck_assert_uint_eq(v.bytes, 5000);
	ck_assert_int_gt(v.stored, 0);
	ck_assert_uint_eq(held(), SEG + 5000);
	wait_for(v.waiting == 0);
	finish();
	ck_assert_int_eq(v.failed, 0);
	expect_bytes(SEG, 5000);
}
END_TEST

START_TEST(much_is_stored_in_batches)
{
	struct log_index *ix;

	begin(0);
	/*
	 * A sync takes far longer than to put a thousand
	 * bytes, on the slowest of machines too.
	 */
	put(0, 24 * SEG + 12345, 1000, 5);
	finish();
	ck_assert_uint_eq(v.durable, 24 * SEG + 12345);
	ix = logs_index(&l, 0);
	ck_assert_uint_lt(ix->streams[0].extents[0].frames, 24 * SEG / 1000 / 4);
	ck_assert_int_eq(ix->streams[0].extents[0].closed, 1);
	ck_assert_int_eq(ix->streams[0].extents[0].last, 5);
	log_index_free(ix);
	expect_bytes(0, 24 * SEG + 12345);
}
END_TEST

START_TEST(it_has_room_for_a_bounded_amount)
{
	uint8_t bytes[1000] = { 0 };
	size_t n = 0;

	o.patient = 1;
	begin(0);
	/* As fast as can be: sealing and syncing cannot keep up with this. */
	while (appender_has_room(a) && n < 100 * APPENDER_GATHER) {
		appender_put(a, bytes, sizeof(bytes), 0);
		n += sizeof(bytes);
	}
	appender_look(a, &v);
	ck_assert_uint_le(n - v.durable, 3 * (APPENDER_GATHER + APPENDER_PUT_MAX));
	finish();
	ck_assert_uint_eq(v.durable, n);
}
END_TEST

START_TEST(without_bytes_there_is_no_file)
{
	begin(SEG);
	finish();
	ck_assert_int_eq(v.failed, 0);
	ck_assert_uint_eq(repo_catalog(l.f.repo)->nlogs, 0);
}
END_TEST

START_TEST(a_heartbeat_opens_a_file_and_says_when)
{
	struct log_index *ix;

	begin(SEG);
	appender_heartbeat(a, 4242);
	wait_for(v.stored != 0);
	finish();
	ix = logs_index(&l, 0);
	ck_assert_int_eq(ix->streams[0].extents[0].last, 4242);
	ck_assert_uint_eq(ix->streams[0].extents[0].end, SEG);
	log_index_free(ix);
}
END_TEST

START_TEST(full_files_roll_at_segment_boundaries)
{
	static const char *const files[] = { "0000000000100400.1", "0000000000200000.1",
		"0000000000300000.1" };
	const struct catalog *c;
	size_t i;

	o.roll_size = 1;
	begin(SEG + 1024);
	put(SEG + 1024, 10, 10, 0);
	wait_for(v.durable == SEG + 1034);
	put(SEG + 1034, SEG, 300000, 0);
	wait_for(v.durable == 2 * SEG + 1034);
	put(2 * SEG + 1034, SEG, 300000, 0);
	finish();
	c = repo_catalog(l.f.repo);
	ck_assert_uint_eq(c->nlogs, 3);
	for (i = 0; i < 3; i++) {
		ck_assert_str_eq(c->logs[i].file, files[i]);
		ck_assert_int_eq(c->logs[i].closed, 1);
		ck_assert_str_eq(c->logs[i].after_file, i == 0 ? "" : files[i - 1]);
	}
	ck_assert_uint_eq(held(), 3 * SEG + 1034);
	expect_bytes(SEG + 1024, 2 * SEG + 10);
}
END_TEST

/* The appender owns the repository: what the journal says is seen with another one. */
static int
last_mark(struct catalog_log *out)
{
	struct repo *r = repo_open(l.f.path, NULL, NULL, NULL, &e);
	const struct catalog *c;

	ck_assert_msg(r != NULL, "%s", e.msg);
	c = repo_catalog(r);
	memset(out, 0, sizeof(*out));
	if (c->nlogs > 0)
		*out = c->logs[c->nlogs - 1];
	repo_free(r);
	return out->frames > 0;
}

START_TEST(marks_come_by_the_clock_with_the_tail)
{
	struct catalog_log log;
	struct tail_mark m;
	struct tail tail;
	uint8_t bytes[100];
	int64_t end = clock_mono() + PATIENT;

	o.mark = 10000;
	begin(SEG);
	put(SEG, 100, 100, 0);
	wait_for(v.durable == SEG + 100);
	while (!last_mark(&log)) {
		ck_assert_msg(clock_mono() < end, "no mark came");
		poll(NULL, 0, 5);
	}
	tail_begin(&tail, l.f.source->digest_key, SEG, SEG);
	logs_bytes(bytes, 0, SEG, 100);
	tail_add(&tail, bytes, 100);
	tail_mark(&tail, &m);
	ck_assert_uint_eq(log.position, SEG + 100);
	ck_assert_int_eq(log.has_tail, 1);
	ck_assert_mem_eq(log.tail, m.digest, 32);
	finish();
}
END_TEST

START_TEST(the_machine_remembers_where_it_ended)
{
	struct tail_record r;
	struct buf b = BUF_INIT;

	begin(SEG);
	put(SEG, 100, 100, 0);
	finish();
	ck_assert_int_eq(state_get(l.f.state, repo_id(l.f.repo), "shop", "log", &b, &e), 1);
	fixture_ok(tail_record_decode(&r, b.data, b.len, &e));
	ck_assert_str_eq(r.stream, STREAM);
	ck_assert_uint_eq(r.mark.position, SEG + 100);
	buf_free(&b);
}
END_TEST

START_TEST(after_the_end_it_begins_again)
{
	begin(SEG);
	put(SEG, 100, 100, 0);
	finish();
	begin(SEG + 100);
	appender_look(a, &v);
	ck_assert_uint_eq(v.durable, SEG + 100);
	put(SEG + 100, 50, 50, 0);
	finish();
	ck_assert_uint_eq(held(), SEG + 150);
	ck_assert_uint_eq(v.bytes, 150);
}
END_TEST

/* ---- a repository that fails --------------------------------------------------- */

/* No file may grow beyond n bytes: as good as a full disk. */
static void
limit_files(rlim_t n)
{
	struct rlimit r = { n, RLIM_INFINITY };

	ck_assert_ptr_ne(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &r), 0);
}

START_TEST(a_full_disk_is_waited_for_and_nothing_is_lost)
{
	begin(0);
	put(0, 3 * SEG, 50000, 0);
	wait_for(v.durable == 3 * SEG);
	limit_files(2000);
	put(3 * SEG, SEG, 50000, 99);
	wait_for(v.failing != 0);
	ck_assert_uint_eq(v.durable, 3 * SEG);
	ck_assert_int_eq(v.idle, 0);
	put(4 * SEG, SEG, 50000, 100);
	limit_files(RLIM_INFINITY);
	wait_for(v.durable == 5 * SEG && v.failing == 0);
	finish();
	ck_assert_int_eq(v.failed, 0);
	ck_assert_uint_eq(held(), 5 * SEG);
	expect_bytes(0, 5 * SEG);
}
END_TEST

START_TEST(to_finish_in_vain_is_a_failure)
{
	begin(0);
	put(0, 3 * SEG, 50000, 0);
	wait_for(v.durable == 3 * SEG);
	limit_files(2000);
	put(3 * SEG, SEG, 50000, 0);
	finish();
	ck_assert_int_eq(v.failed, 1);
	ck_assert_int_eq(v.e.kind, ERR_IO);
	ck_assert_uint_eq(v.durable, 3 * SEG);
	limit_files(RLIM_INFINITY);
	begin(3 * SEG);		/* and it can be used again */
	put(3 * SEG, SEG, 50000, 0);
	finish();
	ck_assert_int_eq(v.failed, 0);
	expect_bytes(0, 4 * SEG);
}
END_TEST

START_TEST(without_patience_the_first_failure_is_the_last)
{
	o.patient = 0;
	begin(0);
	put(0, 3 * SEG, 50000, 0);
	wait_for(v.durable == 3 * SEG);
	limit_files(2000);
	put(3 * SEG, SEG, 50000, 0);
	wait_for(v.failed);
	ck_assert_int_eq(v.idle, 1);
	ck_assert_int_eq(v.e.kind, ERR_IO);
	ck_assert_uint_eq(v.durable, 3 * SEG);
	appender_put(a, "x", 1, 0);	/* dropped: it has ended */
}
END_TEST

START_TEST(freed_in_the_midst_it_leaves_what_was_synced)
{
	begin(0);
	put(0, 3 * SEG, 50000, 0);
	wait_for(v.durable > 0);
	appender_free(a);
	a = NULL;
	ck_assert_uint_ge(held(), v.durable);
}
END_TEST

Suite *
log_appender_suite(void)
{
	Suite *s = suite_create("log_appender");
	TCase *t = tcase_create("log_appender");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_put_becomes_durable_and_is_told);
	tcase_add_test(t, much_is_stored_in_batches);
	tcase_add_test(t, it_has_room_for_a_bounded_amount);
	tcase_add_test(t, without_bytes_there_is_no_file);
	tcase_add_test(t, a_heartbeat_opens_a_file_and_says_when);
	tcase_add_test(t, full_files_roll_at_segment_boundaries);
	tcase_add_test(t, marks_come_by_the_clock_with_the_tail);
	tcase_add_test(t, the_machine_remembers_where_it_ended);
	tcase_add_test(t, after_the_end_it_begins_again);
	tcase_add_test(t, a_full_disk_is_waited_for_and_nothing_is_lost);
	tcase_add_test(t, to_finish_in_vain_is_a_failure);
	tcase_add_test(t, without_patience_the_first_failure_is_the_last);
	tcase_add_test(t, freed_in_the_midst_it_leaves_what_was_synced);
	suite_add_tcase(s, t);
	return s;
}
