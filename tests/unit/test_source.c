/*
 * Tests of repo/source and repo/enrol: the source file, and how one comes to be.
 */
#include <sys/stat.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "calls.h"
#include "fixture.h"
#include "suites.h"

static struct fixture f;
static struct err e;

static void
setup(void)
{
	fixture_begin(&f);
}

static void
teardown(void)
{
	fixture_end(&f);
}

START_TEST(it_holds_all_that_the_host_needs)
{
	struct stat st;

	ck_assert_str_eq(f.source->name, "shop");
	ck_assert_str_eq(f.source->environment, "production");
	ck_assert_mem_eq(f.source->repo, repo_id(f.repo), 32);
	ck_assert_uint_eq(f.source->nto, 2);
	ck_assert_mem_eq(f.source->to[0].id, key_public(f.restore)->id, KEY_ID);
	ck_assert_mem_eq(f.source->to[1].id, key_public(f.spare)->id, KEY_ID);
	fixture_ok(source_check(f.source, repo_journal(f.repo), &e));
	ck_assert_int_eq(stat(scratch_path("shop.source"), &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
}
END_TEST

START_TEST(every_flipped_bit_is_noticed)
{
	struct buf b = BUF_INIT;
	struct source *s;
	size_t i;

	fixture_ok(io_read_file(scratch_path("shop.source"), 4096, &b, &e));
	for (i = 0; i < b.len; i++) {
		FILE *file = fopen(scratch_path("flipped"), "we");

		b.data[i] ^= (uint8_t)(1 << i % 8);
		ck_assert_ptr_nonnull(file);
		ck_assert_uint_eq(fwrite(b.data, 1, b.len, file), b.len);
		ck_assert_int_eq(fclose(file), 0);
		ck_assert_int_eq(chmod(scratch_path("flipped"), 0600), 0);
		s = source_read(scratch_path("flipped"), &e);
		ck_assert_msg(s == NULL, "byte %zu: not noticed", i);
		ck_assert_int_eq(e.kind, ERR_CORRUPT);
		b.data[i] ^= (uint8_t)(1 << i % 8);
	}
	buf_free(&b);
}
END_TEST

START_TEST(what_others_can_read_is_refused)
{
	ck_assert_int_eq(chmod(scratch_path("shop.source"), 0640), 0);
	ck_assert_ptr_null(source_read(scratch_path("shop.source"), &e));
	ck_assert_int_eq(e.kind, ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(e.msg, "a writer key that others can use (mode 0640)"));
}
END_TEST

START_TEST(it_is_refused_beside_a_key_that_opens)
{
	fixture_ok(key_write(f.restore, scratch_path("dba.key"), scratch_path("dba.pub"), &e));
	ck_assert_ptr_null(source_read(scratch_path("shop.source"), &e));
	ck_assert_int_eq(e.kind, ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(e.msg, "there is a restore or approver key beside it: "));
	ck_assert_ptr_nonnull(strstr(e.msg, "/dba.key"));
	ck_assert_int_eq(unlink(scratch_path("dba.key")), 0);
	fixture_ok(key_write(f.approver[0], scratch_path("a.key"), scratch_path("a.pub"), &e));
	ck_assert_ptr_null(source_read(scratch_path("shop.source"), &e));
	ck_assert_int_eq(e.kind, ERR_REFUSED);
}
END_TEST

START_TEST(a_missing_or_foreign_file_is_named)
{
	ck_assert_ptr_null(source_read(scratch_path("nix.source"), &e));
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
	fixture_ok(io_create_file(scratch_path("junk"), "bulkhead\n", 9, 0600, &e));
	ck_assert_ptr_null(source_read(scratch_path("junk"), &e));
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
	ck_assert_ptr_nonnull(strstr(e.msg, "/junk: not a source file"));
}
END_TEST

START_TEST(nothing_is_overwritten)
{
	ck_assert_int_eq(source_write(f.source, scratch_path("shop.source"), &e), -1);
	ck_assert_int_eq(e.kind, ERR_CONFLICT);
	fixture_ok(source_write(f.source, scratch_path("copy"), &e));
	ck_assert_str_eq(scratch_text("copy"), scratch_text("copy"));
}
END_TEST

START_TEST(it_must_fit_the_repository)
{
	struct source s = *f.source;
	struct key_secret *k;

	s.repo[0] ^= 1;
	ck_assert_int_eq(source_check(&s, repo_journal(f.repo), &e), -1);
	ck_assert_int_eq(e.kind, ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(e.msg, "source shop belongs to repository "));
	s.repo[0] ^= 1;
	s.to[1].id[0] ^= 1;
	ck_assert_int_eq(source_check(&s, repo_journal(f.repo), &e), -1);
	ck_assert_str_eq(e.msg,
	    "source shop: restore key spare is not one of the repository's");
	s.to[1].id[0] ^= 1;
	k = s.writer = key_new(KEY_WRITER, "shop", &e);
	ck_assert_int_eq(source_check(&s, repo_journal(f.repo), &e), -1);
	ck_assert_str_eq(e.msg, "source shop: its writer key was never enrolled");
	key_free(k);
	s.writer = f.source->writer;
	fixture_ok(source_check(&s, repo_journal(f.repo), &e));
}
END_TEST

START_TEST(names_of_sources)
{
	static const char *const bad[] = { "", "Shop", "-a", ".a", "a/b", "a b",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	size_t i;

	ck_assert(source_name_ok("a"));
	ck_assert(source_name_ok("9-a_b.c"));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!source_name_ok(bad[i]), "\"%s\" passed", bad[i]);
}
END_TEST

/* ---- enrolling ---------------------------------------------------------------- */

static int
enrol(const char *name, const char *file, int approvers, int replace)
{
	struct enrol_options o = { .source = name, .environment = "staging",
	    .napprovers = approvers,
		.replace = replace };
	int i;

	o.file = scratch_path(file);
	for (i = 0; i < approvers; i++)
		o.approvers[i] = f.approver[i];
	return enrol_source(f.repo, &o, &e);
}

START_TEST(enrolling_is_refused_with_a_reason)
{
	int files = scratch_count();

	ck_assert_int_eq(enrol("shop", "new", 2, 0), -1);
	ck_assert_int_eq(e.kind, ERR_CONFLICT);
	ck_assert_str_eq(e.msg, "source shop is enrolled already");
	ck_assert_int_eq(enrol("nix", "new", 2, 1), -1);
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
	ck_assert_int_eq(enrol("A", "new", 2, 0), -1);
	ck_assert_int_eq(e.kind, ERR_USAGE);
	ck_assert_int_eq(enrol("new", "new", 1, 0), -1);
	ck_assert_int_eq(e.kind, ERR_REFUSED);
	ck_assert_str_eq(e.msg, "signed by 1 of the 2 approvers that it takes");
	ck_assert_int_eq(enrol("new", "shop.source", 2, 0), -1);
	ck_assert_int_eq(e.kind, ERR_CONFLICT);
	ck_assert_int_eq(enrol("new", "no/such/folder", 2, 0), -1);
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
	ck_assert_int_eq(scratch_count(), files);
	ck_assert_ptr_null(catalog_source(repo_catalog(f.repo), "new"));
}
END_TEST

START_TEST(a_failure_leaves_neither_statement_nor_file)
{
	char name[16];
	int n, failed = 0;

	/* Every call of write, fsync, link and so on in turn, until none is left to fail. */
	for (n = 1; n < 60; n++) {
		int files = scratch_count(), r;

		snprintf(name, sizeof(name), "s%d", n);
		calls_watch();
		calls_fail(n, 5 /* EIO */);
		r = enrol(name, name, 2, 0);
		(void)calls_seen();
		if (r == 0 && access(scratch_path(name), F_OK) == 0)
			continue;	/* what failed did not matter */
		failed++;
		fixture_reopen(&f);
		if (catalog_source(repo_catalog(f.repo), name) == NULL)
			ck_assert_int_eq(scratch_count(), files);
		else {
			/* Behind the point of no return: it is said, and the file is there. */
			ck_assert_msg(strstr(e.msg, "enrolled") != NULL ||
			    strstr(e.msg, "is committed, but") != NULL, "%d: %s", n, e.msg);
			ck_assert_int_gt(scratch_count(), files);
		}
	}
	ck_assert_int_ge(failed, 8);
}
END_TEST

Suite *
source_suite(void)
{
	Suite *s = suite_create("source");
	TCase *t = tcase_create("file"), *n = tcase_create("enrol");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 20);
	tcase_add_test(t, it_holds_all_that_the_host_needs);
	tcase_add_test(t, every_flipped_bit_is_noticed);
	tcase_add_test(t, what_others_can_read_is_refused);
	tcase_add_test(t, it_is_refused_beside_a_key_that_opens);
	tcase_add_test(t, a_missing_or_foreign_file_is_named);
	tcase_add_test(t, nothing_is_overwritten);
	tcase_add_test(t, it_must_fit_the_repository);
	tcase_add_test(t, names_of_sources);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(n, setup, teardown);
	tcase_set_timeout(n, 60);
	tcase_add_test(n, enrolling_is_refused_with_a_reason);
	tcase_add_test(n, a_failure_leaves_neither_statement_nor_file);
	suite_add_tcase(s, n);
	return s;
}
