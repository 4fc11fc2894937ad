/*
 * Tests of repo/state: what this machine remembers.
 */
#include <sys/stat.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "repo/state.h"
#include "scratch.h"
#include "suites.h"

static const uint8_t repo[32] = { 0xab };
static struct state *s;
static struct err e;

#define FOLDER "state/ab00000000000000000000000000000000000000000000000000000000000000/"

static void
setup(void)
{
	scratch_setup();
	s = state_open(scratch_path("state"), &e);
	ck_assert_msg(s != NULL, "%s", e.msg);
}

static void
teardown(void)
{
	state_free(s);
	scratch_teardown();
}

START_TEST(a_head_is_remembered)
{
	struct journal_head h = { 7, { 1, 2, 3 } }, back;
	struct stat st;

	ck_assert_int_eq(state_get_head(s, repo, &back, &e), 0);
	ck_assert_int_eq(state_put_head(s, repo, &h, &e), 0);
	ck_assert_int_eq(state_get_head(s, repo, &back, &e), 1);
	ck_assert_uint_eq(back.seq, 7);
	ck_assert_mem_eq(back.hash, h.hash, 32);
	ck_assert_int_eq(stat(scratch_path("state"), &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0700);
}
END_TEST

START_TEST(what_a_killed_tool_left_goes)
{
	struct journal_head h = { 7, { 1 } };
	struct buf b = BUF_INIT;

	ck_assert_int_eq(state_put_head(s, repo, &h, &e), 0);
	ck_assert_int_eq(state_put(s, repo, "shop", "log", "x", 1, &e), 0);
	ck_assert_int_eq(close(creat(scratch_path(FOLDER "shop.log.1-0.tmp"), 0600)), 0);
	ck_assert_int_eq(close(creat(scratch_path(FOLDER "head.1-0.tmp"), 0600)), 0);
	ck_assert_int_eq(state_get_head(s, repo, &h, &e), 1);
	ck_assert_int_eq(access(scratch_path(FOLDER "head.1-0.tmp"), F_OK), -1);
	ck_assert_int_eq(access(scratch_path(FOLDER "shop.log.1-0.tmp"), F_OK), 0);
	ck_assert_int_eq(state_get(s, repo, "shop", "log", &b, &e), 1);
	ck_assert_int_eq(access(scratch_path(FOLDER "shop.log.1-0.tmp"), F_OK), -1);
	buf_free(&b);
}
END_TEST

START_TEST(a_head_never_goes_back)
{
	struct journal_head h = { 7, { 1 } }, older = { 6, { 2 } }, back;

	ck_assert_int_eq(state_put_head(s, repo, &h, &e), 0);
	ck_assert_int_eq(state_put_head(s, repo, &older, &e), 0);
	ck_assert_int_eq(state_get_head(s, repo, &back, &e), 1);
	ck_assert_uint_eq(back.seq, 7);
	ck_assert_int_eq(back.hash[0], 1);
}
END_TEST

START_TEST(each_repository_has_its_own)
{
	static const uint8_t other[32] = { 0xcd };
	struct journal_head h = { 7, { 1 } }, back;

	ck_assert_int_eq(state_put_head(s, repo, &h, &e), 0);
	ck_assert_int_eq(state_get_head(s, other, &back, &e), 0);
}
END_TEST

START_TEST(records_hold_any_bytes)
{
	static const char bytes[] = "a\0b\nc";
	struct buf b = BUF_INIT;

	ck_assert_int_eq(state_get(s, repo, "shop", "log", &b, &e), 0);
	ck_assert_int_eq(state_put(s, repo, "shop", "log", "old", 3, &e), 0);
	ck_assert_int_eq(state_put(s, repo, "shop", "log", bytes, sizeof(bytes), &e), 0);
	ck_assert_int_eq(state_get(s, repo, "shop", "log", &b, &e), 1);
	ck_assert_uint_eq(b.len, sizeof(bytes));
	ck_assert_mem_eq(b.data, bytes, sizeof(bytes));
	buf_reset(&b);
	ck_assert_int_eq(state_put(s, repo, "shop", "none", "", 0, &e), 0);
	ck_assert_int_eq(state_get(s, repo, "shop", "none", &b, &e), 1);
	ck_assert_uint_eq(b.len, 0);
	buf_free(&b);
}
END_TEST

START_TEST(every_flipped_bit_is_noticed)
{
	struct journal_head h = { 12, { 1 } }, back;
	char path[512];
	struct buf b = BUF_INIT;
	size_t i;

	ck_assert_int_eq(state_put_head(s, repo, &h, &e), 0);
	strcpy(path, scratch_path(FOLDER "head"));
	ck_assert_int_eq(io_read_file(path, 4096, &b, &e), 0);
	for (i = 0; i < b.len; i++) {
		b.data[i] ^= (uint8_t)(1 << i % 8);
		ck_assert_int_eq(io_write_file(path, b.data, b.len, 0600, &e), 0);
		ck_assert_msg(state_get_head(s, repo, &back, &e) == -1, "byte %zu", i);
		ck_assert_int_eq(e.kind, ERR_CORRUPT);
		/* And it is not silently written over. */
		ck_assert_int_eq(state_put_head(s, repo, &h, &e), -1);
		b.data[i] ^= (uint8_t)(1 << i % 8);
	}
	ck_assert_ptr_nonnull(strstr(e.msg, "damaged"));
	buf_free(&b);
}
END_TEST

START_TEST(a_folder_that_cannot_be_made_is_refused)
{
	ck_assert_int_eq(io_create_file(scratch_path("file"), "x", 1, 0600, &e), 0);
	ck_assert_ptr_null(state_open(scratch_path("file"), &e));
	ck_assert_ptr_nonnull(strstr(e.msg, "state folder: "));
	ck_assert_ptr_nonnull(strstr(e.hint, "--state or BULKHEAD_STATE"));
	ck_assert_ptr_null(state_open(scratch_path("file/below"), &e));
}
END_TEST

/* Each row: the environment, and the folder below the scratch folder that it leads to. */
static const struct {
	const char *state, *xdg, *home, *folder;
} places[] = {
	{ "s", "x", "h", "s" },
	{ "", "x", "h", "x/bulkhead" },
	{ NULL, "x", "h", "x/bulkhead" },
	{ NULL, NULL, "h", "h/.local/state/bulkhead" },
};

static void
set(const char *name, const char *value)
{
	if (value == NULL)
		ck_assert_int_eq(unsetenv(name), 0);
	else
		ck_assert_int_eq(setenv(name, *value == '\0' ? "" : scratch_path(value), 1),
		    0);
}

/* The defaults differ for root; its tests must hold for others, too. */
static void
as_nobody(int on)
{
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(on ? 65534 : 0), 0);
}

START_TEST(the_environment_says_where)
{
	struct state *t;

	ck_assert_int_eq(chmod(scratch_path(""), 0777), 0);
	as_nobody(1);
	set("BULKHEAD_STATE", places[_i].state);
	set("XDG_STATE_HOME", places[_i].xdg);
	set("HOME", places[_i].home);
	t = state_open(NULL, &e);
	ck_assert_msg(t != NULL, "%s", e.msg);
	ck_assert_str_eq(state_dir(t), scratch_path(places[_i].folder));
	state_free(t);
	t = state_open(scratch_path("given"), &e);
	ck_assert_str_eq(state_dir(t), scratch_path("given"));
	state_free(t);
	as_nobody(0);
}
END_TEST

START_TEST(without_a_home_it_must_be_named)
{
	as_nobody(1);
	set("BULKHEAD_STATE", NULL);
	set("XDG_STATE_HOME", NULL);
	set("HOME", NULL);
	ck_assert_ptr_null(state_open(NULL, &e));
	ck_assert_int_eq(e.kind, ERR_CONFIG);
	as_nobody(0);
}
END_TEST

Suite *
state_suite(void)
{
	Suite *suite = suite_create("state");
	TCase *t = tcase_create("state");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 20);
	tcase_add_test(t, a_head_is_remembered);
	tcase_add_test(t, what_a_killed_tool_left_goes);
	tcase_add_test(t, a_head_never_goes_back);
	tcase_add_test(t, each_repository_has_its_own);
	tcase_add_test(t, records_hold_any_bytes);
	tcase_add_test(t, every_flipped_bit_is_noticed);
	tcase_add_test(t, a_folder_that_cannot_be_made_is_refused);
	tcase_add_loop_test(t, the_environment_says_where, 0, 4);
	tcase_add_test(t, without_a_home_it_must_be_named);
	suite_add_tcase(suite, t);
	return suite;
}
