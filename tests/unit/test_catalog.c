/*
 * Tests of repo/catalog: what the journal says, as tables, and what contradicts it.
 */
#include <stdio.h>
#include <string.h>

#include "repo/catalog.h"
#include "suites.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES  "1111111111111111111111111111111111111111111111111111111111111111"
#define KEY   "4b1d7a5f0c2e9d8b4b1d7a5f0c2e9d8b4b1d7a5f0c2e9d8b4b1d7a5f0c2e9d8b"
#define STREAM "77-00000002"

static struct catalog c;
static struct err e;
static uint64_t seq;

static void
teardown(void)
{
	catalog_free(&c);
}

static struct statement *
parse(const char *fields)
{
	char text[4096];
	size_t verb = strcspn(fields, " ");
	struct statement *st;

	snprintf(text, sizeof(text), "%.*s actor=0123456789abcdef count=1 last=" ZEROS "%s",
	    (int)verb, fields, fields + verb);
	st = statement_parse(text, strlen(text), &e);
	ck_assert_msg(st != NULL, "%s", e.msg);
	return st;
}

/* Enter it; what the catalog says of it, "" when it is content. */
static const char *
say(const char *fields)
{
	struct statement *st = parse(fields);
	struct journal_entry en = { .seq = seq, .time = 1001 + (int64_t)seq, .st = st };

	seq++;
	err_clear(&e);
	if (catalog_add(&c, &en, &e) != 0)
		ck_assert_int_eq(e.kind, ERR_CORRUPT);
	statement_free(st);
	return e.msg;
}

/* As before a commit. */
static int
check(const char *fields)
{
	struct statement *st = parse(fields);
	int r;

	err_clear(&e);
	r = catalog_check(&c, st, &e);
	statement_free(st);
	return r;
}

#define ENROL(name) "enrol source=" name " environment=production key=writer:" name ":" KEY
#define SERVER(system, timeline, history)					\
	" engine=postgresql version=150005 system=" system " timeline=" timeline	\
	" segsize=16777216 history=" history
#define SNAP(source, id, manifest, stop)					\
	"snapshot source=" source " id=" id SERVER("77", "2", "1:0/2000000")	\
	" start=0/3000028 stop=" stop " started=2026-11-22T10:00:00.000000Z"	\
	" stopped=2026-11-22T10:00:05.000000Z manifest=" manifest " packs=" ZEROS	\
	" bytes=31 stored=4 files=12 npacks=2 broken=1"
#define OPEN(stream, file, start, preamble)					\
	"log-open source=shop stream=" stream " file=" file " start=" start	\
	SERVER("77", "2", "1:0/2000000") " preamble=" preamble
#define MARK(verb, frames, bytes, position, digest)				\
	verb " source=shop stream=" STREAM " file=0000000003000000.1 frames=" frames	\
	" bytes=" bytes " position=" position " time=2026-11-22T10:00:05.000000Z"	\
	" digest=" digest
#define GAP   "log-gap source=shop stream=" STREAM " from=0/1 to=0/2 reason=gone"
#define FIRST OPEN(STREAM, "0000000003000000.1", "0/3000000", ZEROS)

static void
setup(void)
{
	seq = 1;
	ck_assert_str_eq(say(ENROL("shop")), "");
}

START_TEST(statements_become_tables)
{
	const struct catalog_log *l;

	ck_assert_str_eq(say(SNAP("shop", "A1", ONES, "0/3000100")), "");
	ck_assert_str_eq(say(FIRST), "");
	ck_assert_str_eq(say(MARK("log-mark", "5", "4000", "0/3001000", ZEROS)), "");
	ck_assert_str_eq(say(GAP), "");
	ck_assert_uint_eq(c.nsources, 1);
	ck_assert_uint_eq(c.sources[0].system_id, 77);
	ck_assert_int_eq(c.sources[0].enrolled, 1002);
	ck_assert_int_eq(c.sources[0].last_seen, 1006);
	ck_assert_str_eq(c.sources[0].writer.name, "shop");
	ck_assert_uint_eq(c.snapshots[0].stop, 0x3000100);
	ck_assert_int_eq(c.snapshots[0].broken_pages, 1);
	ck_assert_int_eq(c.snapshots[0].manifest[0], 0x11);
	ck_assert_uint_eq(c.snapshots[0].packs, 2);
	l = catalog_log(&c, "shop", STREAM, "0000000003000000.1");
	ck_assert_ptr_eq(l, &c.logs[0]);
	ck_assert_uint_eq(l->frames, 5);
	ck_assert_uint_eq(l->position, 0x3001000);
	ck_assert_ptr_eq(l->history, c.snapshots[0].history);	/* kept once */
	ck_assert_uint_eq(l->history->at[0].end, 0x2000000);
	ck_assert_str_eq(c.gaps[0].reason, "gone");
	ck_assert_ptr_null(catalog_log(&c, "shop", STREAM, "0000000003000000.2"));
	ck_assert_ptr_null(catalog_log(&c, "other", STREAM, "0000000003000000.1"));
}
END_TEST

START_TEST(a_file_follows_another)
{
	ck_assert_str_eq(say(FIRST), "");
	ck_assert_str_eq(say(MARK("log-close", "5", "4000", "0/4000000", ZEROS)), "");
	ck_assert_str_eq(say(OPEN(STREAM, "0000000004000000.1", "0/4000000", ONES)
	    " after=0000000003000000.1 after-frames=5 after-bytes=4000"
	    " after-position=0/4000000"), "");
	ck_assert_str_eq(say(OPEN(STREAM "-2", "0000000004000000.1", "0/4000000", ONES)
	    " parent=" STREAM), "");
	ck_assert_int_eq(c.logs[0].closed, 1);
	ck_assert_str_eq(c.logs[1].after_file, "0000000003000000.1");
	ck_assert_uint_eq(c.logs[1].after_position, 0x4000000);
	ck_assert_str_eq(c.logs[2].parent, STREAM);
	ck_assert_uint_eq(c.logs[2].position, 0x4000000);
}
END_TEST

START_TEST(the_same_again_is_told_before_a_commit_and_refused_in_a_journal)
{
	static const char *const all[] = { ENROL("second"),
	    SNAP("shop", "A1", ONES, "0/3000100"), FIRST,
		MARK("log-mark", "5", "4000", "0/3001000", ZEROS),
		MARK("log-close", "6", "4100", "0/3001000", ZEROS),
		GAP };
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		ck_assert_int_eq(check(all[i]), 0);
		ck_assert_str_eq(say(all[i]), "");
		ck_assert_msg(check(all[i]) == 1, "%s: %s", all[i], e.msg);
		say(all[i]);
		ck_assert_msg(strstr(e.msg, "statement: said before") != NULL, "%s: \"%s\"",
		    all[i], e.msg);
	}
}
END_TEST

/* Each row contradicts what stands above; its first words say how. */
static const struct {
	const char *statement, *said;
} contradictions[] = {
	{ "enrol source=shop environment=production key=writer:shop:" ZEROS,
	    "source shop is enrolled already" },
	{ SNAP("nix", "A2", ONES, "0/3000100"), "no source nix" },
	{ SNAP("shop", "A1", ZEROS, "0/3000100"), "snapshot A1 exists with other content" },
	{ SNAP("shop", "A2", ONES, "0/3000027"), "snapshot statement: stop before start" },
	{ "snapshot source=shop id=A2" SERVER("78", "2",
	    "1:0/2000000") " start=0/1 stop=0/1 manifest=" ONES
	    " packs=" ZEROS, "source shop is server 77, not 78" },
	{ "snapshot source=shop id=A2" SERVER("0", "2",
	    "1:0/2000000") " start=0/1 stop=0/1 manifest=" ONES
	    " packs=" ZEROS, "snapshot statement: bad system, timeline or segsize" },
	{ "snapshot source=shop id=A2" SERVER("77", "0",
	    "-") " start=0/1 stop=0/1 manifest=" ONES
	    " packs=" ZEROS, "snapshot statement: bad system, timeline or segsize" },
	{ "snapshot source=shop id=A2" SERVER("77", "2",
	    "2-1") " start=0/1 stop=0/1 manifest=" ONES
	    " packs=" ZEROS, "snapshot statement: bad field history=\"2-1\"" },
	{ OPEN(STREAM, "0000000003000000.1", "0/3000000", ONES),
	    "log " STREAM "/0000000003000000.1 exists with another preamble" },
	{ OPEN(STREAM, "0000000003000000.2", "0/3000001", ZEROS),
	    "log-open statement: file 0000000003000000.2 does not begin at 0/3000001" },
	{ OPEN(STREAM, "0000000003000000.2", "0/3000000", ZEROS) " after=0000000003000000.1",
	    "log-open statement: after without its three numbers" },
	{ OPEN(STREAM, "0000000003000000.2", "0/3000000", ZEROS) " after-frames=1",
	    "log-open statement: after without its three numbers" },
	{ OPEN(STREAM, "0000000003000000.2", "0/3000000", ZEROS)
	    " after=0000000002000000.1 after-frames=1 after-bytes=1 after-position=0/1",
	    "no log 0000000002000000.1 to follow" },
	{ OPEN("x", "0000000003000000.2", "0/3000000", ZEROS) " parent=y",
	    "no stream y to fork from" },
	{ "log-open source=shop stream=" STREAM " file=0000000003000000.2 start=0/3000000"
	    SERVER("77", "3", "1:0/2000000,2:0/2500000") " preamble=" ZEROS,
	    "stream " STREAM " is another server's or timeline's" },
	{ "log-mark source=shop stream=" STREAM " file=0000000009000000.1 frames=1 bytes=2"
	    " position=0/1 digest=" ZEROS,
	    "log " STREAM "/0000000009000000.1 was never opened" },
	{ MARK("log-mark", "4", "4000", "0/3001000", ONES),
	    "log " STREAM "/0000000003000000.1 cannot shrink" },
	{ MARK("log-mark", "6", "3999", "0/3001000", ONES),
	    "log " STREAM "/0000000003000000.1 cannot shrink" },
	{ MARK("log-close", "6", "4001", "0/3000FFF", ONES),
	    "log " STREAM "/0000000003000000.1 cannot shrink" },
	{ "log-gap source=shop stream=x from=0/2 to=0/1 reason=x",
	    "log-gap statement: to before from" },
};

START_TEST(contradictions_are_refused)
{
	ck_assert_str_eq(say(SNAP("shop", "A1", ONES, "0/3000100")), "");
	ck_assert_str_eq(say(FIRST), "");
	ck_assert_str_eq(say(MARK("log-mark", "5", "4000", "0/3001000", ZEROS)), "");
	ck_assert_int_eq(check(contradictions[_i].statement), -1);
	ck_assert_str_eq(say(contradictions[_i].statement), contradictions[_i].said);
	ck_assert_uint_eq(c.nsnapshots + c.nlogs + c.ngaps, 2);
}
END_TEST

START_TEST(after_the_close_there_is_nothing_to_say)
{
	ck_assert_str_eq(say(FIRST), "");
	ck_assert_str_eq(say(MARK("log-close", "5", "4000", "0/3001000", ZEROS)), "");
	ck_assert_str_eq(say(MARK("log-mark", "6", "4100", "0/3002000", ONES)),
	    "log " STREAM "/0000000003000000.1 is closed");
}
END_TEST

START_TEST(a_snapshot_is_found_by_the_beginning_of_its_id)
{
	ck_assert_str_eq(say(ENROL("other")), "");
	ck_assert_str_eq(say(SNAP("shop", "A1", ONES, "0/3000100")), "");
	ck_assert_str_eq(say(SNAP("shop", "A12", ONES, "0/3000100")), "");
	ck_assert_str_eq(say(SNAP("shop", "B2", ONES, "0/3000100")), "");
	ck_assert_str_eq(say(SNAP("other", "C3", ONES, "0/3000100")), "");
	ck_assert_str_eq(catalog_snapshot(&c, "shop", NULL)->id, "B2");
	ck_assert_str_eq(catalog_snapshot(&c, "shop", "B")->id, "B2");
	ck_assert_str_eq(catalog_snapshot(&c, "shop", "A1")->id, "A1");
	ck_assert_ptr_null(catalog_snapshot(&c, "shop", "A"));
	ck_assert_ptr_null(catalog_snapshot(&c, "shop", "C3"));
	ck_assert_ptr_null(catalog_snapshot(&c, "nix", NULL));
}
END_TEST

START_TEST(the_only_source_needs_no_name)
{
	struct catalog empty = { 0 };

	ck_assert_str_eq(catalog_pick(&c, NULL, &e)->name, "shop");
	ck_assert_str_eq(catalog_pick(&c, "shop", &e)->name, "shop");
	ck_assert_ptr_null(catalog_pick(&c, "nix", &e));
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
	ck_assert_str_eq(say(ENROL("other")), "");
	ck_assert_ptr_null(catalog_pick(&c, NULL, &e));
	ck_assert_int_eq(e.kind, ERR_USAGE);
	ck_assert_ptr_null(catalog_pick(&empty, NULL, &e));
	ck_assert_str_eq(e.msg, "no source is enrolled");
}
END_TEST

START_TEST(a_hundred_thousand_files_are_quick)
{
	char text[1024], file[LOG_NAME_MAX];
	int i;

	for (i = 0; i < 100000; i++) {
		snprintf(file, sizeof(file), "%016X.1", i);
		snprintf(text, sizeof(text),
		    "log-open source=shop stream=" STREAM " file=%s start=0/%X"
		    SERVER("77", "2", "1:0/2000000") " preamble=" ZEROS, file, i);
		ck_assert_str_eq(say(text), "");
	}
	ck_assert_ptr_eq(catalog_log(&c, "shop", STREAM, "000000000000C350.1"),
	    &c.logs[50000]);
}
END_TEST

Suite *
catalog_suite(void)
{
	Suite *s = suite_create("catalog");
	TCase *t = tcase_create("catalog");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 20);
	tcase_add_test(t, statements_become_tables);
	tcase_add_test(t, a_file_follows_another);
	tcase_add_test(t, the_same_again_is_told_before_a_commit_and_refused_in_a_journal);
	tcase_add_loop_test(t, contradictions_are_refused, 0,
	    (int)(sizeof(contradictions) / sizeof(contradictions[0])));
	tcase_add_test(t, after_the_close_there_is_nothing_to_say);
	tcase_add_test(t, a_snapshot_is_found_by_the_beginning_of_its_id);
	tcase_add_test(t, the_only_source_needs_no_name);
	tcase_add_test(t, a_hundred_thousand_files_are_quick);
	suite_add_tcase(s, t);
	return s;
}
