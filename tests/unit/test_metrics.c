/*
 * Tests of base/metrics.
 */
#include <sys/stat.h>

#include <errno.h>
#include <math.h>

#include "base/metrics.h"
#include "calls.h"
#include "scratch.h"
#include "suites.h"

static struct err e = ERR_INIT;

START_TEST(samples_of_one_name_share_its_head)
{
	struct metrics m = METRICS_INIT;

	metrics_add(&m, "lag_bytes", "Bytes not yet shipped.", "source=\"shop\"", 1234);
	metrics_add(&m, "lag_bytes", "Bytes not yet shipped.", "source=\"crm\"", 0);
	metrics_add(&m, "shipped_bytes_total", NULL, NULL, 18014398509481984.0);
	ck_assert_int_eq(metrics_write(&m, scratch_path("m.prom"), &e), 0);
	ck_assert_str_eq(scratch_text("m.prom"),
	    "# HELP bulkhead_lag_bytes Bytes not yet shipped.\n"
	    "# TYPE bulkhead_lag_bytes gauge\n"
	    "bulkhead_lag_bytes{source=\"shop\"} 1234\n"
	    "bulkhead_lag_bytes{source=\"crm\"} 0\n"
	    "# TYPE bulkhead_shipped_bytes_total counter\n"
	    "bulkhead_shipped_bytes_total 18014398509481984\n");
	metrics_free(&m);
}
END_TEST

START_TEST(numbers_read_back_as_they_were)
{
	struct metrics m = METRICS_INIT;

	metrics_add(&m, "n", NULL, "i=\"0\"", 0.1);
	metrics_add(&m, "n", NULL, "i=\"1\"", 1.0 / 3);
	metrics_add(&m, "n", NULL, "i=\"2\"", -2.5);
	metrics_add(&m, "n", NULL, "i=\"3\"", 123456789012345.0);
	metrics_add(&m, "n", NULL, "i=\"4\"", NAN);
	metrics_add(&m, "n", NULL, "i=\"5\"", INFINITY);
	metrics_add(&m, "n", NULL, "i=\"6\"", -INFINITY);
	ck_assert_int_eq(metrics_write(&m, scratch_path("m.prom"), &e), 0);
	ck_assert_str_eq(scratch_text("m.prom"),
	    "# TYPE bulkhead_n gauge\n"
	    "bulkhead_n{i=\"0\"} 0.1\n"
	    "bulkhead_n{i=\"1\"} 0.33333333333333331\n"
	    "bulkhead_n{i=\"2\"} -2.5\n"
	    "bulkhead_n{i=\"3\"} 123456789012345\n"
	    "bulkhead_n{i=\"4\"} NaN\n"
	    "bulkhead_n{i=\"5\"} +Inf\n"
	    "bulkhead_n{i=\"6\"} -Inf\n");
	metrics_free(&m);
}
END_TEST

START_TEST(labels_are_escaped)
{
	struct buf labels = BUF_INIT;

	metrics_label(&labels, "source", "shop");
	metrics_label(&labels, "path", "a\\b \"c\"\nd");
	ck_assert_str_eq(buf_cstr(&labels), "source=\"shop\",path=\"a\\\\b \\\"c\\\"\\nd\"");
	buf_free(&labels);
}
END_TEST

START_TEST(a_write_replaces_and_begins_anew)
{
	struct metrics m = METRICS_INIT;
	struct stat st;

	metrics_add(&m, "a", NULL, NULL, 1);
	ck_assert_int_eq(metrics_write(&m, scratch_path("m.prom"), &e), 0);
	metrics_add(&m, "a", NULL, "", 2);
	calls_watch();
	ck_assert_int_eq(metrics_write(&m, scratch_path("m.prom"), &e), 0);
	ck_assert_str_eq(calls_seen(), "write rename");
	ck_assert_str_eq(scratch_text("m.prom"),
	    "# TYPE bulkhead_a gauge\n"
	    "bulkhead_a 2\n");
	ck_assert_int_eq(stat(scratch_path("m.prom"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0644);
	ck_assert_int_eq(scratch_count(), 1);
	metrics_free(&m);
}
END_TEST

START_TEST(a_failed_write_keeps_the_old_file)
{
	struct metrics m = METRICS_INIT;

	metrics_add(&m, "a", NULL, NULL, 1);
	ck_assert_int_eq(metrics_write(&m, scratch_path("none/m.prom"), &e), -1);
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
	metrics_add(&m, "a", NULL, NULL, 2);
	ck_assert_int_eq(metrics_write(&m, scratch_path("m.prom"), &e), 0);
	metrics_add(&m, "a", NULL, NULL, 3);
	calls_watch();
	calls_fail(1, ENOSPC);
	ck_assert_int_eq(metrics_write(&m, scratch_path("m.prom"), &e), -1);
	(void)calls_seen(); /* to stop it */
	ck_assert_int_eq(e.kind, ERR_IO);
	ck_assert_str_eq(scratch_text("m.prom"),
	    "# TYPE bulkhead_a gauge\n"
	    "bulkhead_a 2\n");
	ck_assert_int_eq(scratch_count(), 1);
	metrics_free(&m);
}
END_TEST

Suite *
metrics_suite(void)
{
	Suite *s = suite_create("metrics");
	TCase *t = tcase_create("metrics");

	tcase_add_checked_fixture(t, scratch_setup, scratch_teardown);
	tcase_add_test(t, samples_of_one_name_share_its_head);
	tcase_add_test(t, numbers_read_back_as_they_were);
	tcase_add_test(t, labels_are_escaped);
	tcase_add_test(t, a_write_replaces_and_begins_anew);
	tcase_add_test(t, a_failed_write_keeps_the_old_file);
	suite_add_tcase(s, t);
	return s;
}
