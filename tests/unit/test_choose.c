/*
 * Tests of image/choose: the snapshot that a person would take.
 */
#include <string.h>

#include "image/choose.h"
#include "suites.h"

static struct err e;

/* Timeline 2 left 1 at 0/5000; the log of timeline 2 is the newest there is. */
static const struct wal_history one = { .timeline = 1 };
static const struct wal_history two = { .timeline = 2, .n = 1, .at = { { 1, 0x5000 } } };

static struct catalog_snapshot snapshots[] = {
	{ .source = "shop", .id = "a", .timeline = 1, .stop = 0x1000, .stopped = 100, .seq = 1,
	    .history = &one },
	{ .source = "shop", .id = "b", .timeline = 1, .stop = 0x3000, .stopped = 300, .seq = 2,
	    .history = &one },
	{ .source = "shop", .id = "broken", .timeline = 1, .stop = 0x4000, .stopped = 400,
	    .seq = 3, .history = &one, .broken_pages = 1 },
	{ .source = "other", .id = "x", .timeline = 9, .stop = 0x9000, .stopped = 350,
	    .seq = 4, .history = &one },
	{ .source = "shop", .id = "abandoned", .timeline = 1, .stop = 0x7000, .stopped = 600,
	    .seq = 5, .history = &one },
	{ .source = "shop", .id = "c", .timeline = 2, .stop = 0x6000, .stopped = 700, .seq = 6,
	    .history = &two },
};

static struct catalog_log logs[] = {
	{ .source = "shop", .stream = "1-00000001", .timeline = 1, .start = 0x1000, .seq = 0,
	    .history = &one },
	{ .source = "shop", .stream = "1-00000002", .timeline = 2, .start = 0x5000, .seq = 7,
	    .history = &two },
	{ .source = "other", .stream = "2-00000009", .timeline = 9,
	    .seq = 8, .history = &one },
};

static const struct catalog all = { .snapshots = snapshots, .nsnapshots = 6, .logs = logs,
	.nlogs = 3 };

static const char *
chosen(const struct image_choice *w)
{
	const struct catalog_snapshot *s = image_choose(&all, "shop", w, NULL, &e);

	return s == NULL ? NULL : s->id;
}

START_TEST(the_newest_without_a_wish)
{
	ck_assert_str_eq(chosen(&(struct image_choice){ .id = NULL }), "c");
}
END_TEST

START_TEST(by_name_even_a_broken_one)
{
	ck_assert_str_eq(chosen(&(struct image_choice){ .id = "broken" }), "broken");
	ck_assert_ptr_null(chosen(&(struct image_choice){ .id = "x" }));
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
}
END_TEST

/* {before, what}: NULL for none. */
static const struct {
	const char *before, *id;
} wishes[] = {
	{ "1970-01-01T00:00:00.000099Z", NULL },
	{ "1970-01-01T00:00:00.000100Z", "a" },
	{ "1970-01-01T00:00:00.000299Z", "a" },
	{ "1970-01-01T00:00:00.000300Z", "b" },
	{ "1970-01-01T00:00:00.000450Z", "b" },	/* not the broken one */
	{ "1970-01-01T00:00:00.000650Z", "b" },	/* not of the abandoned history */
	{ "1970-01-01T00:00:00.000700Z", "c" },
	{ "0/FFF", NULL },
	{ "0/1000", "a" },
	{ "0/2FFF", "a" },
	{ "0/4500", "b" },
	{ "0/5FFF", "b" },
	{ "0/6000", "c" },
	{ "0/8000", "c" },	/* not the later one that was left behind */
};

START_TEST(before_a_moment)
{
	struct image_choice w = { .id = NULL };
	const char *got;

	ck_assert_int_eq(image_choice_before(&w, wishes[_i].before, &e), 0);
	got = chosen(&w);
	if (wishes[_i].id == NULL) {
		ck_assert_ptr_null(got);
		ck_assert_int_eq(e.kind, ERR_NOTFOUND);
	} else
		ck_assert_str_eq(got, wishes[_i].id);
}
END_TEST

START_TEST(a_server_set_back_leaves_later_snapshots_behind)
{
	static struct catalog_snapshot s[] = {
		{ .source = "shop", .id = "a", .timeline = 1, .stop = 0x1000, .stopped = 100,
		    .seq = 1, .history = &one },
		{ .source = "shop", .id = "b", .timeline = 1, .stop = 0x3000, .stopped = 300,
		    .seq = 2, .history = &one },
	};
	static struct catalog_log l[] = {
		{ .source = "shop", .stream = "1-00000001", .timeline = 1,
		    .seq = 0, .history = &one },
		{ .source = "shop", .stream = "1-00000001-2", .parent = "1-00000001",
		    .timeline = 1, .start = 0x2000, .seq = 3, .history = &one },
	};
	const struct catalog c = { .snapshots = s, .nsnapshots = 2, .logs = l, .nlogs = 2 };
	struct image_choice w = { .id = NULL };
	const struct catalog_snapshot *got;

	ck_assert_int_eq(image_choice_before(&w, "0/4000", &e), 0);
	got = image_choose(&c, "shop", &w, NULL, &e);
	ck_assert_ptr_nonnull(got);
	ck_assert_str_eq(got->id, "a");
}
END_TEST

START_TEST(a_wish_that_is_neither_time_nor_position_is_misuse)
{
	struct image_choice w = { .id = NULL };

	ck_assert_int_eq(image_choice_before(&w, "yesterday", &e), -1);
	ck_assert_int_eq(e.kind, ERR_USAGE);
	ck_assert_int_eq(strncmp(e.msg, "option --before: ", 17), 0);
	ck_assert_int_eq(image_choice_before(&w, "0/0", &e), -1);
}
END_TEST

Suite *
choose_suite(void)
{
	Suite *s = suite_create("choose");
	TCase *t = tcase_create("choose");

	tcase_add_test(t, the_newest_without_a_wish);
	tcase_add_test(t, by_name_even_a_broken_one);
	tcase_add_loop_test(t, before_a_moment, 0, sizeof(wishes) / sizeof(wishes[0]));
	tcase_add_test(t, a_server_set_back_leaves_later_snapshots_behind);
	tcase_add_test(t, a_wish_that_is_neither_time_nor_position_is_misuse);
	suite_add_tcase(s, t);
	return s;
}
