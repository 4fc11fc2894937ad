/*
 * Tests of log/fetch, fetch_client and ahead: what the server's restore_command gets, and
 * its exit status.
 */
#include "log/fetch.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"
#include "logs.h"
#include "suites.h"

#define SEG	 LOGS_SEGMENT
#define BASE	 (UINT64_C(48) * SEG)	/* 0/3000000 */
#define SEGMENTS 20

static struct logs l;
static struct log_index *ix;
static struct log_path path;
static struct catalog_snapshot snapshot;
static struct fetch *fetch;
static char sock[108], spool[108];
static uid_t user;	/* the server's */
static struct err e;

/* A log of SEGMENTS segments and 100 bytes, in two files. */
static void
setup(void)
{
	static const struct wal_history none = { .timeline = 1 };
	struct log_stream_info info;
	struct log_writer *w;

	logs_setup(&l);
	info = logs_info("1", 0, NULL);
	w = logs_open(&l, &info, BASE, NULL);
	logs_append(w, 0, SEGMENTS * SEG + 100, 1);
	(void)logs_leave(w, 1);
	snapshot = (struct catalog_snapshot){ .system_id = LOGS_SYSTEM, .timeline = 1,
		.segment_size = SEG, .start = BASE + 40, .stop = BASE + 5000, .history = &none };
	snprintf(snapshot.source, sizeof(snapshot.source), "shop");
	ix = logs_index(&l, 0);
	fixture_ok(log_path_find(ix, &snapshot, NULL, &path, &e));
	snprintf(sock, sizeof(sock), "%s", scratch_path("socket"));
	snprintf(spool, sizeof(spool), "%s", scratch_path("."));
	user = getuid();
}

static void
serve(int ahead)
{
	struct fetch_options o = { .repo = l.f.repo, .snapshot = &snapshot, .path = &path,
		.key = l.f.restore, .socket = sock, .spool = spool, .uid = user,
		.gid = (gid_t)user, .ahead = ahead };

	fetch = fetch_new(&o, &e);
	ck_assert_msg(fetch != NULL, "%s", e.msg);
}

static void
teardown(void)
{
	fetch_free(fetch);
	fetch = NULL;
	log_index_free(ix);
	logs_teardown(&l);
}

/* The exit status of restore_command for this segment, as the file "out", which is new. */
static int
get(uint64_t start)
{
	char name[WAL_NAME];

	(void)unlink(scratch_path("out"));
	return fetch_client(sock, wal_segment_name(name, 1, start, SEG), scratch_path("out"),
	    &e);
}

static void
out_holds(uint64_t start, size_t n)
{
	struct buf got = BUF_INIT;
	uint8_t *want = calloc(1, SEG);

	ck_assert_ptr_nonnull(want);
	logs_bytes(want, 0, start, n);
	fixture_ok(io_read_file(scratch_path("out"), SEG, &got, &e));
	ck_assert_uint_eq(got.len, SEG);
	ck_assert(memcmp(got.data, want, SEG) == 0);
	buf_free(&got);
	free(want);
}

START_TEST(all_segments_come_in_order)
{
	uint64_t i;

	serve(_i);
	for (i = 0; i < SEGMENTS; i++) {
		ck_assert_int_eq(get(BASE + i * SEG), 0);
		out_holds(BASE + i * SEG, SEG);
	}
	ck_assert_int_eq(get(BASE + i * SEG), 0);
	out_holds(BASE + i * SEG, 100);
	ck_assert_int_eq(get(BASE + (i + 1) * SEG), 1);
	ck_assert_uint_eq(fetch_segments(fetch), SEGMENTS + 1);
	ck_assert_int_eq(fetch_failed(fetch, &e), 0);
}
END_TEST

START_TEST(any_order_and_twice_is_fine)
{
	static const uint64_t order[] = { 5, 6, 6, 2, 3, 19, 20, 0, 1, 2, 3, 4, 5, 12, 13,
		12 };
	size_t i;

	serve(3);
	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		ck_assert_int_eq(get(BASE + order[i] * SEG), 0);
		out_holds(BASE + order[i] * SEG, order[i] == SEGMENTS ? 100 : SEG);
	}
}
END_TEST

static int
open_descriptors(void)
{
	int n = 0, fd;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Files that were read ahead in vain are closed: the disk that they take is free again. */
START_TEST(no_file_is_left_open)
{
	static const uint64_t order[] = { 0, 7, 1, 15, 2, 20, 3 };
	int before = open_descriptors();
	size_t i;

	serve(4);
	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		ck_assert_int_eq(get(BASE + order[i] * SEG), 0);
	ck_assert_int_eq(get(BASE + 40 * SEG), 1);
	fetch_free(fetch);
	fetch = NULL;
	ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

START_TEST(what_is_proven_absent_is_1)
{
	static const char *const names[] = { "000000010000000000000010.00000028.backup",
		"00000001.history", "00000002.history", "000000010000000000000045",
		"000000010000000000000030.partial", "no such thing" };
	size_t i;

	serve(2);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ck_assert_msg(fetch_client(sock, names[i], scratch_path("out"), &e) == 1, "%s",
		    names[i]);
		ck_assert_msg(access(scratch_path("out"), F_OK) < 0, "%s", names[i]);
	}
	ck_assert_int_eq(fetch_failed(fetch, &e), 0);
}
END_TEST

START_TEST(a_history_comes_as_a_file)
{
	struct log_stream_info info = logs_info("2 1:0/3100000", 0, NULL);
	struct log_writer *w = logs_open(&l, &info, BASE + SEG, NULL);
	struct buf got = BUF_INIT;

	logs_append(w, 2, SEG, 1);
	(void)logs_leave(w, 1);
	log_index_free(ix);
	ix = logs_index(&l, 0);
	fixture_ok(log_path_find(ix, &snapshot, NULL, &path, &e));
	serve(2);
	ck_assert_int_eq(fetch_client(sock, "00000002.history", scratch_path("out"), &e), 0);
	fixture_ok(io_read_file(scratch_path("out"), 100, &got, &e));
	ck_assert_str_eq(buf_cstr(&got), "1\t0/3100000\tbulkhead\n");
	buf_free(&got);
}
END_TEST

/* Also when it was read ahead: the failure belongs to the segment that is asked for. */
START_TEST(damage_is_200_and_told_on_both_sides)
{
	const char *file = logs_path(&l, ix->streams[0].name,
	    ix->streams[0].extents[0].log->file);
	uint64_t bytes = ix->streams[0].extents[0].bytes;
	struct err why;
	int fd;

	serve(_i);
	ck_assert_int_eq(chmod(file, 0600), 0);
	fd = open(file, O_RDWR);
	/* in the middle of the eleventh frame, which is the eleventh segment */
	ck_assert_int_eq(pwrite(fd, "damage", 6, (off_t)(bytes / 40 * 21)), 6);
	close(fd);
	ck_assert_int_eq(get(BASE), 0);
	ck_assert_int_eq(get(BASE + SEG), 0);
	ck_assert_int_eq(get(BASE + (SEGMENTS / 2 - 2) * SEG), 0);
	ck_assert_int_eq(get(BASE + (SEGMENTS / 2 - 1) * SEG), 0);
	ck_assert_int_eq(fetch_failed(fetch, &why), 0);
	ck_assert_int_eq(get(BASE + SEGMENTS / 2 * SEG), 200);
	ck_assert_ptr_nonnull(strstr(e.msg, "00000001000000000000003A"));
	ck_assert_int_eq(fetch_failed(fetch, &why), 1);
	ck_assert_int_eq(why.kind, ERR_CORRUPT);
	ck_assert_str_eq(why.msg, e.msg);
}
END_TEST

START_TEST(it_replaces_a_file_that_is_in_the_way)
{
	char name[WAL_NAME];
	uint8_t *junk = malloc(SEG + 77);

	ck_assert_ptr_nonnull(junk);
	memset(junk, 'x', SEG + 77);
	serve(1);
	fixture_ok(io_write_file(scratch_path("out"), junk, SEG + 77, 0600, &e));
	ck_assert_int_eq(fetch_client(sock, wal_segment_name(name, 1, BASE, SEG),
	    scratch_path("out"), &e), 0);
	out_holds(BASE, SEG);
	free(junk);
}
END_TEST

START_TEST(it_crosses_file_systems)
{
	char name[WAL_NAME];

	snprintf(spool, sizeof(spool), "/dev/shm");
	serve(1);
	ck_assert_int_eq(get(BASE), 0);
	out_holds(BASE, SEG);
	ck_assert_int_eq(fetch_client(sock, wal_segment_name(name, 1, BASE + SEG, SEG),
	    scratch_path("out"), &e), 0);
	out_holds(BASE + SEG, SEG);
}
END_TEST

START_TEST(a_file_system_without_nameless_files_will_do)
{
	calls_refuse_tmpfile(1);
	serve(_i);
	ck_assert_int_eq(get(BASE), 0);
	out_holds(BASE, SEG);
	ck_assert_int_eq(get(BASE + SEG), 0);
	out_holds(BASE + SEG, SEG);
	calls_refuse_tmpfile(0);
}
END_TEST

START_TEST(what_comes_belongs_to_the_servers_user)
{
	struct stat st;

	if (geteuid() != 0)
		return;
	user = 4242;
	serve(1);
	ck_assert_int_eq(get(BASE), 0);
	ck_assert_int_eq(stat(scratch_path("out"), &st), 0);
	ck_assert_uint_eq(st.st_uid, 4242);
	ck_assert_uint_eq(st.st_gid, 4242);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_uint_eq(st.st_nlink, 1);
}
END_TEST

START_TEST(a_spool_that_cannot_be_written_is_200_and_told)
{
	struct err why;

	snprintf(spool, sizeof(spool), "%s", scratch_path("none"));
	serve(0);
	ck_assert_int_eq(get(BASE), 200);
	ck_assert_ptr_nonnull(strstr(e.msg, spool));
	ck_assert_int_lt(access(scratch_path("out"), F_OK), 0);
	ck_assert_int_eq(fetch_failed(fetch, &why), 1);
}
END_TEST

START_TEST(nobody_at_the_socket_is_200)
{
	serve(0);
	fetch_free(fetch);
	fetch = NULL;
	ck_assert_int_eq(get(BASE), 200);
	ck_assert_int_eq(e.kind, ERR_UNREACHABLE);
	fixture_ok(io_write_file(sock, "x", 1, 0600, &e));
	ck_assert_int_eq(get(BASE), 200);
}
END_TEST

START_TEST(a_file_that_cannot_be_written_is_200)
{
	serve(0);
	ck_assert_int_eq(
	    fetch_client(sock, "000000010000000000000030", scratch_path("no/out"), &e), 200);
	ck_assert_int_eq(fetch_client(sock, "000000010000000000000030", "/dev/full", &e), 200);
	ck_assert_int_eq(get(BASE), 0);	/* and the next one is served */
	ck_assert_int_eq(fetch_failed(fetch, &e), 0);
}
END_TEST

START_TEST(a_new_server_takes_the_place_of_a_dead_ones_socket)
{
	struct fetch *first;

	serve(0);
	first = fetch;
	serve(0);	/* as after kill -9: the old socket is in the way */
	ck_assert_int_eq(get(BASE), 0);
	fetch_free(first);
}
END_TEST

START_TEST(a_socket_name_that_is_too_long_is_said)
{
	struct fetch_options o = { .repo = l.f.repo, .snapshot = &snapshot, .path = &path,
		.key = l.f.restore, .spool = spool, .uid = getuid(), .gid = getgid() };
	char name[200];

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	o.socket = name;
	ck_assert_ptr_null(fetch_new(&o, &e));
	ck_assert_int_eq(e.kind, ERR_CONFIG);
	ck_assert_int_eq(
	    fetch_client(name, "000000010000000000000030", scratch_path("out"), &e), 200);
}
END_TEST

/* ---- a parent that does not keep to the protocol --------------------------- */

static const char *reply;

/* Takes one call, answers with `reply`, and is gone. */
static void *
answer_once(void *arg)
{
	int fd, listener = *(int *)arg;
	char c;

	fd = accept(listener, NULL, NULL);
	while (read(fd, &c, 1) == 1 && c != '\n')
		;
	(void)!write(fd, reply, strlen(reply));
	close(fd);
	return NULL;
}

START_TEST(a_reply_that_is_cut_or_unknown_is_200)
{
	static const char *const replies[] = { "", "ok", "ok\n", "ok x\n", "absent", "absent ",
		"absent x\n", "fail\n", "fail broken\n", "what?\n" };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	pthread_t thread;
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	size_t i;

	strcpy(sa.sun_path, sock);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		reply = replies[i];
		ck_assert_int_eq(pthread_create(&thread, NULL, answer_once, &listener), 0);
		ck_assert_msg(get(BASE) == 200, "\"%s\"", reply);
		ck_assert_str_ne(e.msg, "");
		pthread_join(thread, NULL);
	}
	close(listener);
}
END_TEST

/* ---- callers that are in the way ------------------------------------------- */

static int
dial(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(sa.sun_path, sock);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

START_TEST(a_client_that_goes_away_is_no_failure)
{
	int fd;

	serve(2);
	close(dial());
	fd = dial();
	ck_assert_int_eq(write(fd, "0000", 4), 4);
	close(fd);
	fd = dial();	/* asks, and does not read */
	ck_assert_int_eq(write(fd, "000000010000000000000030\n", 25), 25);
	close(fd);
	ck_assert_int_eq(get(BASE), 0);
	out_holds(BASE, SEG);
	ck_assert_int_eq(fetch_failed(fetch, &e), 0);
}
END_TEST

START_TEST(it_ends_while_a_client_holds_the_line)
{
	int fd;

	serve(2);
	fd = dial();
	ck_assert_int_eq(write(fd, "0000", 4), 4);
	fetch_free(fetch);	/* the client says no more, and does not hang up */
	fetch = NULL;
	close(fd);
}
END_TEST

START_TEST(a_name_without_an_end_is_dropped)
{
	char name[1000], c;
	int fd;

	serve(0);
	fd = dial();
	memset(name, '0', sizeof(name));
	(void)!write(fd, name, sizeof(name));
	ck_assert_int_le(read(fd, &c, 1), 0);
	close(fd);
	ck_assert_int_eq(get(BASE), 0);
}
END_TEST

Suite *
fetch_suite(void)
{
	Suite *s = suite_create("log/fetch");
	TCase *t = tcase_create("fetch");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, all_segments_come_in_order, 0, 5);
	tcase_add_test(t, any_order_and_twice_is_fine);
	tcase_add_test(t, no_file_is_left_open);
	tcase_add_test(t, what_is_proven_absent_is_1);
	tcase_add_test(t, a_history_comes_as_a_file);
	tcase_add_loop_test(t, damage_is_200_and_told_on_both_sides, 0, 3);
	tcase_add_test(t, it_replaces_a_file_that_is_in_the_way);
	tcase_add_test(t, it_crosses_file_systems);
	tcase_add_loop_test(t, a_file_system_without_nameless_files_will_do, 0, 2);
	tcase_add_test(t, what_comes_belongs_to_the_servers_user);
	tcase_add_test(t, a_spool_that_cannot_be_written_is_200_and_told);
	tcase_add_test(t, nobody_at_the_socket_is_200);
	tcase_add_test(t, a_file_that_cannot_be_written_is_200);
	tcase_add_test(t, a_new_server_takes_the_place_of_a_dead_ones_socket);
	tcase_add_test(t, a_socket_name_that_is_too_long_is_said);
	tcase_add_test(t, a_reply_that_is_cut_or_unknown_is_200);
	tcase_add_test(t, a_client_that_goes_away_is_no_failure);
	tcase_add_test(t, it_ends_while_a_client_holds_the_line);
	tcase_add_test(t, a_name_without_an_end_is_dropped);
	suite_add_tcase(s, t);
	return s;
}
