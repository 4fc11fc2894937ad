/*
 * Tests of repo/listing: what people and scripts see of a repository.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "journal_forge.h"
#include "repo/listing.h"
#include "suites.h"

static struct fixture f;
static struct err e;
static char *text;		/* what was printed */
static uint64_t count;		/* statements of shop's writer */
static uint8_t last[32];

#define ONES "1111111111111111111111111111111111111111111111111111111111111111"
#define SERVER " engine=postgresql version=150005 system=77 timeline=2 segsize=16777216" \
    " history=1:0/2000000"

/* "verb key=value ..." signed by shop's writer, behind the others. */
static void
say(struct forge *g, const char *words)
{
	const struct key_secret *const keys[] = { f.source->writer };
	char copy[2048], *word, *rest = copy;
	struct statement *st;
	enum statement_verb v = ST_FOUND;

	snprintf(copy, sizeof(copy), "%s", words);
	word = strtok_r(rest, " ", &rest);
	while (strcmp(statement_verb_name(v), word) != 0)
		v++;
	st = statement_new(v, &e);
	while ((word = strtok_r(rest, " ", &rest)) != NULL) {
		char *value = strchr(word, '=');

		*value++ = '\0';
		statement_add(st, word, strcmp(value, "TAB") == 0 ? "a\tb" : value);
	}
	fixture_ok(statement_sign(st, repo_id(f.repo), ++count, last, keys, 1, &e));
	memcpy(last, st->hash, 32);
	forge_add(g, st);
	statement_free(st);
}

static void
setup(void)
{
	struct forge g;

	fixture_begin(&f);
	count = 0;
	memset(last, 0, sizeof(last));
	forge_load(&g, scratch_path("repo/journal"));
	say(&g, "snapshot source=shop id=20261122T095900Z-00000001" SERVER " start=0/3000028"
	    " stop=0/3000100 started=2026-11-22T09:59:00.000000Z"
	    " stopped=2026-11-22T09:59:30.500000Z manifest=" ONES " packs=" ONES
	    " bytes=31457280 stored=4194304 files=1200 npacks=2 broken=1");
	say(&g, "log-open source=shop stream=77-00000002 file=0000000003000000.1"
	    " start=0/3000000 preamble=" ONES SERVER);
	say(&g, "log-mark source=shop stream=77-00000002 file=0000000003000000.1 frames=5"
	    " bytes=4000 position=0/3001000 time=2026-11-22T09:59:59.000000Z digest=" ONES);
	say(&g, "log-gap source=shop stream=77-00000002 from=0/1000000 to=0/2000000"
	    " reason=TAB");
	forge_save(&g, scratch_path("repo/journal"));
	forge_free(&g);
	fixture_reopen(&f);
}

static void
teardown(void)
{
	free(text);
	text = NULL;
	fixture_end(&f);
}

/* Print into text: all (source NULL), or what name means. */
static int
list(const char *name)
{
	struct listing l = { 0, NULL };
	size_t n;
	int r;

	free(text);
	text = NULL;
	l.out = open_memstream(&text, &n);
	r = name == NULL ? listing_all(f.repo, NULL, &l, &e)
			 : listing_one(f.repo, NULL, name, &l, &e);
	ck_assert_int_eq(fclose(l.out), 0);
	return r;
}

START_TEST(tables_for_people)
{
	fixture_ok(list(NULL));
	ck_assert_ptr_nonnull(strstr(text,
	    "SNAPSHOT                   SOURCE  FINISHED              RECOVERS FROM"
	    "  SIZE      STORED   NOTE\n"
	    "20261122T095900Z-00000001  shop    2026-11-22T09:59:30Z  0/3000100    "
	    "  30.0 MiB  4.0 MiB  broken pages\n"));
	ck_assert_ptr_nonnull(strstr(text,
	    "LOG          SOURCE  FROM       MARKED UP TO  LAST MARK             FILES\n"
	    "77-00000002  shop    0/3000000  0/3001000     2026-11-22T10:00:00Z  1\n"));
	ck_assert_ptr_nonnull(strstr(text,
	    "GAP IN       SOURCE  FROM       TO         TOLD                  REASON\n"
	    "77-00000002  shop    0/1000000  0/2000000  2026-11-22T10:00:00Z  a%09b\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nshop    production   77      "));
}
END_TEST

START_TEST(one_source)
{
	struct source *other = fixture_enrol(&f, "other");

	fixture_ok(list("other"));
	ck_assert_ptr_nonnull(strstr(text, "\nother "));
	ck_assert_ptr_null(strstr(text, "shop"));
	ck_assert_ptr_null(strstr(text, "SNAPSHOT"));
	source_free(other);
}
END_TEST

START_TEST(one_snapshot)
{
	fixture_ok(list("2026"));
	ck_assert_int_eq(strncmp(text, "snapshot      20261122T095900Z-00000001\n", 40), 0);
	ck_assert_ptr_nonnull(strstr(text, "timeline      2, ancestors 1:0/2000000\n"));
	ck_assert_ptr_nonnull(strstr(text, "broken pages  yes: the server found damage"));
	ck_assert_int_eq(list("2027"), -1);
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
}
END_TEST

START_TEST(statements_for_people)
{
	struct listing l = { 0, NULL };
	size_t n;

	l.out = open_memstream(&text, &n);
	fixture_ok(listing_journal(f.repo, 0, &l, &e));
	ck_assert_int_eq(fclose(l.out), 0);
	ck_assert_ptr_nonnull(strstr(text, "\n1 2"));
	ck_assert_ptr_nonnull(strstr(text, " a+b enrol source=shop environment=production"
	    " key=writer:shop\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n4 2026-11-22T10:00:00Z shop log-mark source=shop"
	    " stream=77-00000002 file=0000000003000000.1 frames=5 bytes=4000"
	    " position=0/3001000 time=2026-11-22T09:59:59.000000Z digest=111111111111\n"));
	ck_assert_ptr_nonnull(strstr(text, " reason=a%09b\n"));
}
END_TEST

START_TEST(objects_for_scripts)
{
	static const char log_line[] = "{\"v\":1,\"type\":\"log\",\"source\":\"shop\","
	    "\"stream\":\"77-00000002\",\"file\":\"0000000003000000.1\",\"seq\":3,"
	    "\"system\":\"77\",\"timeline\":2,\"parent\":null,\"start\":\"0/3000000\","
	    "\"position\":\"0/3001000\",\"frames\":5,\"bytes\":4000,\"closed\":false,"
	    "\"opened\":\"2026-11-22T10:00:00.000000Z\","
	    "\"marked\":\"2026-11-22T10:00:00.000000Z\"}\n";
	struct listing l = { 1, stdout };
	const char *said;
	int r;

	scratch_capture(STDOUT_FILENO);
	r = listing_all(f.repo, NULL, &l, &e);
	said = scratch_captured();
	ck_assert_int_eq(r, 0);
	ck_assert_msg(strstr(said, log_line) != NULL, "%s", said);
	ck_assert_ptr_nonnull(strstr(said, "\"type\":\"gap\",\"source\":\"shop\""));
	ck_assert_ptr_nonnull(strstr(said, "\"reason\":\"a\\u0009b\"}"));
	ck_assert_ptr_nonnull(strstr(said, "\"type\":\"snapshot\",\"source\":\"shop\","
	    "\"id\":\"20261122T095900Z-00000001\",\"seq\":2,"));
}
END_TEST

Suite *
listing_suite(void)
{
	Suite *s = suite_create("listing");
	TCase *t = tcase_create("listing");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, tables_for_people);
	tcase_add_test(t, one_source);
	tcase_add_test(t, one_snapshot);
	tcase_add_test(t, statements_for_people);
	tcase_add_test(t, objects_for_scripts);
	suite_add_tcase(s, t);
	return s;
}
