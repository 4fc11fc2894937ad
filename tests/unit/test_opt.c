/*
 * Tests of base/opt.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/opt.h"
#include "scratch.h"
#include "suites.h"

static const struct opt opts[] = { OPT_JOBS,
	{ 'o', "output", "FILE", "write to FILE (\"-\": standard output)" },
	{ 'f', "full", NULL, "store every page again" },
	{ 300, "rate-limit-of-the-server", "BYTES", "ask for no more than this" },
	{ 301, "read", "[PERCENT]", "read all, or so much" }, OPT_JSON,
	OPT_GENERAL, OPT_END };

/*
 * What the walk over the words of line gives, as "LETTER[=ARG] ... | OPERAND ...", or as
 * the error's message.
 */
static const char *
walk(const char *line)
{
	static char out[1024];
	char copy[256], *argv[32], *save = NULL, *word;
	struct opt_iter it;
	struct err e = ERR_INIT;
	int argc = 0, c;
	size_t n = 0;

	snprintf(copy, sizeof(copy), "tool %s", line);
	word = strtok_r(copy, " ", &save);
	for (; word != NULL; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc] = NULL;
	out[0] = '\0';
	opt_begin(&it, opts, argc, argv);
	while ((c = opt_next(&it, &e)) > 0) {
		n += (size_t)snprintf(out + n, sizeof(out) - n, c < 256 ? "%c" : "%d", c);
		if (it.arg != NULL)
			n += (size_t)snprintf(out + n, sizeof(out) - n, "=%s", it.arg);
		n += (size_t)snprintf(out + n, sizeof(out) - n, " ");
	}
	if (c < 0) {
		ck_assert_int_eq(e.kind, ERR_USAGE);
		snprintf(out, sizeof(out), "%s", e.msg);
		return out;
	}
	ck_assert_int_eq(opt_next(&it, &e), 0);
	n += (size_t)snprintf(out + n, sizeof(out) - n, "|");
	for (; it.index < argc; it.index++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, " %s", argv[it.index]);
	return out;
}

START_TEST(walks_over_options_and_operands)
{
	static const struct {
		const char *line, *result;
	} rows[] = {
		{ "", "|" },
		{ "a b", "| a b" },
		{ "-f a", "f | a" },
		{ "-fq -v", "f q v |" },
		{ "-j4 -j 5 --jobs=6 --jobs 7", "j=4 j=5 j=6 j=7 |" },
		{ "-fj4", "f j=4 |" },
		{ "-fj 4 a", "f j=4 | a" },
		{ "--full --json a", "f 1002 | a" },
		{ "--rate-limit-of-the-server 9", "300=9 |" },
		{ "a -f b --jobs 3 c -qj 4 d", "f j=3 q j=4 | a b c d" },
		{ "a b -o - c -", "o=- | a b c -" },
		{ "a -f -- -q -v b", "f | a -q -v b" },
		{ "-- --", "| --" },
		{ "-j -- a", "j=-- | a" },
		{ "--output=", "o= |" },
		{ "--output=a=b", "o=a=b |" },
		{ "-o--full", "o=--full |" },
		{ "-", "| -" },
		{ "--read 5 --read=7 --read= -f", "301 301=7 301= f | 5" },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_str_eq(walk(rows[i].line), rows[i].result);
}
END_TEST

START_TEST(misuse_is_named)
{
	static const struct {
		const char *line, *message;
	} rows[] = {
		{ "--foo", "unknown option --foo" },
		{ "a --foo=bar", "unknown option --foo" },
		{ "--ful", "unknown option --ful" },
		{ "--fuller", "unknown option --fuller" },
		{ "--=x", "unknown option --" },
		{ "-x", "unknown option -x" },
		{ "-fx", "unknown option -x" },
		{ "-\xc3\xa9", "unknown option -\xc3\xa9" },
		{ "-f-", "unknown option --" },
		{ "a --jobs", "option --jobs needs a value N" },
		{ "-j", "option --jobs needs a value N" },
		{ "a -fj", "option --jobs needs a value N" },
		{ "--full=yes", "option --full takes no value" },
		{ "--full=", "option --full takes no value" },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_str_eq(walk(rows[i].line), rows[i].message);
}
END_TEST

START_TEST(an_empty_argv_is_fine)
{
	char *argv[] = { NULL };
	struct opt_iter it;
	struct err e = ERR_INIT;

	opt_begin(&it, opts, 0, argv);
	ck_assert_int_eq(opt_next(&it, &e), 0);
	ck_assert_int_eq(it.index, 0);
}
END_TEST

START_TEST(defaults_come_from_the_environment)
{
	struct opt_common c;

	ck_assert_int_eq(setenv("BULKHEAD_REPO", "/srv/v", 1), 0);
	ck_assert_int_eq(setenv("BULKHEAD_SOURCE", "shop.source", 1), 0);
	ck_assert_int_eq(setenv("BULKHEAD_STATE", "", 1), 0);
	opt_common_init(&c);
	ck_assert_str_eq(c.repo, "/srv/v");
	ck_assert_str_eq(c.source, "shop.source");
	ck_assert_ptr_null(c.state);
	ck_assert_int_eq(c.jobs, 2);
	ck_assert_ptr_null(c.name);
	ck_assert_ptr_null(c.key);
	ck_assert_int_eq(unsetenv("BULKHEAD_REPO"), 0);
	opt_common_init(&c);
	ck_assert_ptr_null(c.repo);
}
END_TEST

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

START_TEST(common_options_are_taken)
{
	char pin[65];
	struct opt_common c;
	struct err e = ERR_INIT;

	opt_common_init(&c);
	ck_assert_int_eq(opt_common(&c, 'r', "/srv/v", &e), 1);
	ck_assert_int_eq(opt_common(&c, 'n', "shop", &e), 1);
	ck_assert_int_eq(opt_common(&c, 'k', "dba.key", &e), 1);
	ck_assert_int_eq(opt_common(&c, 's', "shop.source", &e), 1);
	ck_assert_int_eq(opt_common(&c, OPT_LETTER_STATE, "/var/lib/b", &e), 1);
	ck_assert_int_eq(opt_common(&c, OPT_LETTER_PIN, ID, &e), 1);
	ck_assert_int_eq(opt_common(&c, OPT_LETTER_METRICS, "m.prom", &e), 1);
	ck_assert_int_eq(opt_common(&c, 'j', "64", &e), 1);
	ck_assert_int_eq(opt_common(&c, 'q', NULL, &e), 1);
	ck_assert_int_eq(opt_common(&c, 'v', NULL, &e), 1);
	ck_assert_int_eq(opt_common(&c, OPT_LETTER_JSON, NULL, &e), 1);
	ck_assert_int_eq(opt_common(&c, 'f', NULL, &e), 0);
	ck_assert_str_eq(c.repo, "/srv/v");
	ck_assert_str_eq(c.name, "shop");
	ck_assert_str_eq(c.key, "dba.key");
	ck_assert_str_eq(c.source, "shop.source");
	ck_assert_str_eq(c.state, "/var/lib/b");
	ck_assert_str_eq(hex_encode(pin, c.pin, 32), ID);
	ck_assert_str_eq(c.metrics, "m.prom");
	ck_assert_int_eq(c.jobs, 64);
	ck_assert(c.quiet && c.verbose && c.json);
}
END_TEST

START_TEST(bad_common_values_are_refused)
{
	struct opt_common c;
	struct err e = ERR_INIT;

	opt_common_init(&c);
	ck_assert_int_eq(opt_common(&c, 'j', "65", &e), -1);
	ck_assert_int_eq(e.kind, ERR_USAGE);
	ck_assert_str_eq(e.msg, "option --jobs: \"65\" is not a whole number from 1 to 64");
	ck_assert_int_eq(opt_common(&c, 'j', "0", &e), -1);
	ck_assert_int_eq(c.jobs, 2);
	ck_assert_int_eq(opt_common(&c, 'r', "", &e), -1);
	ck_assert_int_eq(e.kind, ERR_USAGE);
	ck_assert_str_eq(e.msg, "option --repository has an empty value");
	ck_assert_int_eq(opt_common(&c, OPT_LETTER_PIN, "9f3a", &e), -1);
	ck_assert_int_eq(e.kind, ERR_USAGE);
	ck_assert_str_eq(e.msg, "option --pin: not a repository id: \"9f3a\"");
	ck_assert_ptr_null(c.pin);
}
END_TEST

START_TEST(what_is_missing_is_asked_for)
{
	struct opt_common c = { .repo = NULL };
	struct err e = ERR_INIT;

	ck_assert_int_eq(opt_need(&c, "", &e), 0);
	ck_assert_int_eq(opt_need(&c, "krs", &e), -1);
	ck_assert_int_eq(e.kind, ERR_USAGE);
	ck_assert_str_eq(e.msg, "the restore key is needed: -k KEY");
	c.key = "dba.key";
	ck_assert_int_eq(opt_need(&c, "krs", &e), -1);
	ck_assert_str_eq(e.msg, "which repository? give -r REPO or set BULKHEAD_REPO");
	c.repo = "/srv/v";
	ck_assert_int_eq(opt_need(&c, "kr", &e), 0);
	ck_assert_int_eq(opt_need(&c, "krs", &e), -1);
	ck_assert_str_eq(e.msg, "which source? give -s SOURCEFILE or set BULKHEAD_SOURCE");
	c.source = "shop.source";
	ck_assert_int_eq(opt_need(&c, "krs", &e), 0);
}
END_TEST

START_TEST(numbers_are_whole_and_in_range)
{
	static const char *const bad[] = { "", "-", "x", "1x", " 1", "1 ", "+1", "1.0", "0x1",
		"--1", "-6", "11", "9223372036854775808", "99999999999999999999" };
	struct err e = ERR_INIT;
	long long n = 42;
	size_t i;

	ck_assert_int_eq(opt_number("--n", "-5", -5, 10, &n, &e), 0);
	ck_assert_int_eq(n, -5);
	ck_assert_int_eq(opt_number("--n", "010", -5, 10, &n, &e), 0);
	ck_assert_int_eq(n, 10);
	ck_assert_int_eq(
	    opt_number("--n", "9223372036854775807", 0, 9223372036854775807LL, &n, &e), 0);
	ck_assert_int_eq(n, 9223372036854775807LL);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(opt_number("--n", bad[i], -5, 10, &n, &e) == -1, "\"%s\" passed",
		    bad[i]);
		ck_assert_int_eq(e.kind, ERR_USAGE);
	}
	ck_assert_int_eq(
	    opt_number("--n", "9223372036854775808", 0, 9223372036854775807LL, &n, &e), -1);
	ck_assert_int_eq(n, 9223372036854775807LL);
}
END_TEST

START_TEST(help_is_a_table)
{
	static const char *const synopsis[] = { "snapshot [options] SERVER",
		"snapshot -o - SERVER", NULL };
	static const struct opt_help help = { "snapshot",
		"store a consistent copy of a server", synopsis, opts,
		"Exit status: 0 done.  See snapshot(1)." };

	scratch_capture(1);
	ck_assert_int_eq(opt_print_help(stdout, &help), 0);
	ck_assert_str_eq(scratch_captured(),
	    "snapshot: store a consistent copy of a server\n"
	    "\n"
	    "usage: snapshot [options] SERVER\n"
	    "       snapshot -o - SERVER\n"
	    "\n"
	    "  -j, --jobs N            worker threads (default: 2)\n"
	    "  -o, --output FILE       write to FILE (\"-\": standard output)\n"
	    "  -f, --full              store every page again\n"
	    "      --rate-limit-of-the-server BYTES\n"
	    "                          ask for no more than this\n"
	    "      --read[=PERCENT]    read all, or so much\n"
	    "      --json              print JSON Lines\n"
	    "  -q, --quiet             no notes, no progress\n"
	    "  -v, --verbose           say more\n"
	    "      --help              print this text\n"
	    "      --version           print the version\n"
	    "\n"
	    "Exit status: 0 done.  See snapshot(1).\n");
}
END_TEST

START_TEST(help_needs_no_part)
{
	static const struct opt_help help = { NULL, NULL, NULL, NULL, NULL };
	FILE *full = fopen("/dev/full", "w");

	scratch_capture(1);
	ck_assert_int_eq(opt_print_help(stdout, &help), 0);
	ck_assert_str_eq(scratch_captured(), "");
	ck_assert_int_eq(
	    opt_print_help(full, &(struct opt_help){ NULL, NULL, NULL, opts, NULL }), -1);
	(void)fclose(full); /* still full */
}
END_TEST

Suite *
opt_suite(void)
{
	Suite *s = suite_create("opt");
	TCase *t = tcase_create("opt");

	tcase_add_checked_fixture(t, scratch_setup, scratch_teardown);
	tcase_add_test(t, walks_over_options_and_operands);
	tcase_add_test(t, misuse_is_named);
	tcase_add_test(t, an_empty_argv_is_fine);
	tcase_add_test(t, defaults_come_from_the_environment);
	tcase_add_test(t, common_options_are_taken);
	tcase_add_test(t, bad_common_values_are_refused);
	tcase_add_test(t, what_is_missing_is_asked_for);
	tcase_add_test(t, numbers_are_whole_and_in_range);
	tcase_add_test(t, help_is_a_table);
	tcase_add_test(t, help_needs_no_part);
	suite_add_tcase(s, t);
	return s;
}
