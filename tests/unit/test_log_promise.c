/*
 * Tests of log/promise: what the server said holds once it has arrived, not before.
 */
#include "log/promise.h"
#include "suites.h"

#define S INT64_C(1000000)

static struct promise p;

static void
setup(void)
{
	p = (struct promise){ .n = 0 };
}

START_TEST(what_has_arrived_is_promised)
{
	promise_hear(&p, 100, 7 * S);
	ck_assert_int_eq(promise_keep(&p, 100), 7 * S);
	ck_assert_int_eq(promise_keep(&p, 100), 0);	/* once */
}
END_TEST

START_TEST(what_is_behind_promises_nothing)
{
	ck_assert_int_eq(promise_keep(&p, 100), 0);
	promise_hear(&p, 101, 7 * S);
	ck_assert_int_eq(promise_keep(&p, 100), 0);
	ck_assert_int_eq(promise_keep(&p, 101), 7 * S);
}
END_TEST

START_TEST(while_catching_up_the_promise_is_the_one_that_is_reached)
{
	promise_hear(&p, 1000, 1 * S);
	promise_hear(&p, 2000, 3 * S);
	promise_hear(&p, 3000, 5 * S);
	ck_assert_int_eq(promise_keep(&p, 999), 0);
	ck_assert_int_eq(promise_keep(&p, 2500), 3 * S);
	ck_assert_int_eq(promise_keep(&p, 2999), 0);
	ck_assert_int_eq(promise_keep(&p, 3000), 5 * S);
}
END_TEST

START_TEST(a_server_that_does_not_advance_promises_later_times)
{
	promise_hear(&p, 1000, 1 * S);
	promise_hear(&p, 1000, 9 * S);
	ck_assert_int_eq(promise_keep(&p, 1000), 9 * S);
}
END_TEST

START_TEST(old_news_change_nothing)
{
	promise_hear(&p, 1000, 5 * S);
	promise_hear(&p, 900, 6 * S);
	promise_hear(&p, 1100, 4 * S);
	ck_assert_int_eq(p.n, 1);
	ck_assert_int_eq(promise_keep(&p, 2000), 5 * S);
}
END_TEST

START_TEST(however_much_is_heard_some_is_kept_of_all_times)
{
	int64_t last = 0, kept;
	uint64_t at;
	int i;

	for (i = 1; i <= 100000; i++)
		promise_hear(&p, (uint64_t)i * 10, i * S / 100);	/* 1000 seconds */
	ck_assert_int_le(p.n, PROMISE_MAX);
	/* Those of the first minute were a second apart, and the newest is there. */
	for (at = 1000; at <= 60000; at += 1010)
		if ((kept = promise_keep(&p, at)) != 0) {
			ck_assert_int_le(kept, (int64_t)(at / 10) * S / 100);
			ck_assert_int_le(kept - last, 3 * S);
			last = kept;
		}
	ck_assert_int_gt(last, 55 * S);
	ck_assert_int_eq(promise_keep(&p, 1000000), 1000 * S);
}
END_TEST

Suite *
log_promise_suite(void)
{
	Suite *s = suite_create("log_promise");
	TCase *t = tcase_create("log_promise");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, what_has_arrived_is_promised);
	tcase_add_test(t, what_is_behind_promises_nothing);
	tcase_add_test(t, while_catching_up_the_promise_is_the_one_that_is_reached);
	tcase_add_test(t, a_server_that_does_not_advance_promises_later_times);
	tcase_add_test(t, old_news_change_nothing);
	tcase_add_test(t, however_much_is_heard_some_is_kept_of_all_times);
	suite_add_tcase(s, t);
	return s;
}
