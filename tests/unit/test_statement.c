/*
 * Tests of repo/statement and repo/grammar.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repo/grammar.h"
#include "repo/statement.h"
#include "suites.h"

#define HEAD "log-gap actor=0123456789abcdef count=1 last=" ZEROS
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define KEY  "4b1d7a5f0c2e9d8b4b1d7a5f0c2e9d8b4b1d7a5f0c2e9d8b4b1d7a5f0c2e9d8b"

static struct err e;
static struct key_secret *writer, *other;

static void
setup(void)
{
	ck_assert_int_eq(key_guard_process(&e), 0);
	writer = key_new(KEY_WRITER, "shop", &e);
	other = key_new(KEY_WRITER, "other", &e);
	ck_assert(writer != NULL && other != NULL);
}

static void
teardown(void)
{
	key_free(writer);
	key_free(other);
}

static struct statement *
signed_gap(const uint8_t *repo, const char *reason)
{
	static const uint8_t last[32] = { 9 };
	const struct key_secret *const keys[] = { writer, other };
	struct statement *st = statement_new(ST_LOG_GAP, &e);

	statement_add(st, "source", "shop");
	statement_add_fmt(st, "from", "%X/%X", 0, 0x1000000);
	statement_add_hex(st, "digest", last, 2);
	statement_add(st, "reason", reason);
	ck_assert_msg(statement_sign(st, repo, 7, last, keys, 2, &e) == 0, "%s", e.msg);
	return st;
}

START_TEST(what_is_signed_can_be_read)
{
	struct statement *st = signed_gap(NULL, "100 % gone\n"), *back;
	struct buf sigs = BUF_INIT;

	ck_assert_ptr_nonnull(strstr(st->text, " source=shop from=0/1000000 digest=0900 "
	    "reason=100%20%25%20gone%0A"));
	back = statement_parse(st->text, strlen(st->text), &e);
	ck_assert_msg(back != NULL, "%s", e.msg);
	ck_assert_int_eq(back->verb, ST_LOG_GAP);
	ck_assert_uint_eq(back->count, 7);
	ck_assert_int_eq(back->last[0], 9);
	ck_assert_mem_eq(back->actor, key_public(writer)->id, KEY_ID);
	ck_assert_mem_eq(back->hash, st->hash, 32);
	ck_assert_int_eq(back->nfields, 4);
	ck_assert_str_eq(statement_get(back, "reason"), "100 % gone\n");
	ck_assert_ptr_null(statement_get(back, "actor"));
	statement_encode_sigs(st, &sigs);
	ck_assert_int_eq(statement_parse_sigs(back, (char *)sigs.data, sigs.len, &e), 0);
	ck_assert_int_eq(back->nsigs, 2);
	ck_assert_int_eq(statement_verify(back, 0, NULL, key_public(writer), &e), 1);
	ck_assert_int_eq(statement_verify(back, 1, NULL, key_public(other), &e), 1);
	buf_free(&sigs);
	statement_free(st);
	statement_free(back);
}
END_TEST

START_TEST(a_signature_is_for_one_text_key_and_repository)
{
	static const uint8_t here[32] = { 1 }, there[32] = { 2 };
	struct statement *st = signed_gap(here, "r");

	ck_assert_int_eq(statement_verify(st, 0, here, key_public(writer), &e), 1);
	ck_assert_int_eq(statement_verify(st, 0, there, key_public(writer), &e), 0);
	ck_assert_int_eq(statement_verify(st, 0, NULL, key_public(writer), &e), 0);
	ck_assert_int_eq(statement_verify(st, 0, here, key_public(other), &e), 0);
	ck_assert_int_eq(statement_verify(st, 2, here, key_public(other), &e), 0);
	st->text[strlen(st->text) - 1] = 's';
	ck_assert_int_eq(statement_verify(st, 0, here, key_public(writer), &e), 0);
	statement_free(st);
}
END_TEST

START_TEST(it_can_be_signed_again)
{
	static const uint8_t last[32] = { 3 };
	const struct key_secret *const keys[] = { other };
	struct statement *st = signed_gap(NULL, "r");

	ck_assert_int_eq(statement_sign(st, NULL, 8, last, keys, 1, &e), 0);
	ck_assert_int_eq(st->nfields, 4);
	ck_assert_int_eq(st->nsigs, 1);
	ck_assert_uint_eq(st->count, 8);
	ck_assert_int_eq(statement_verify(st, 0, NULL, key_public(other), &e), 1);
	statement_free(st);
}
END_TEST

/* Each row: a text, and what is said of it; NULL: it passes. */
static const struct {
	const char *text, *said;
} texts[] = {
	{ HEAD, NULL },
	{ HEAD " a=", NULL },
	{ HEAD " a=b=c a=2", NULL },
	{ HEAD " after-bytes=1", NULL },
	{ "", "statement of 0 bytes" },
	{ "log-gap", "log-gap statement without an actor" },
	{ "loggap actor=0123456789abcdef", "unknown verb \"loggap\"" },
	{ " " HEAD, "unknown verb \"\"" },
	{ "log-gap  actor=0123456789abcdef", "log-gap statement without an actor" },
	{ "log-gap actor=0123456789ABCDEF count=1 last=" ZEROS,
	    "log-gap statement without an actor" },
	{ "log-gap actor=0123456789abcdef count=0 last=" ZEROS,
	    "log-gap statement without a count" },
	{ "log-gap actor=0123456789abcdef count=01 last=" ZEROS,
	    "log-gap statement without a count" },
	{ "log-gap actor=0123456789abcdef last=" ZEROS " count=1",
	    "log-gap statement without a count" },
	{ "log-gap actor=0123456789abcdef count=1 last=00",
	    "log-gap statement without a last hash" },
	{ HEAD " ", "log-gap statement without a last hash" },
	{ HEAD "  a=b", "log-gap statement: \"\" is no field" },
	{ HEAD " a=b ", "log-gap statement: \"\" is no field" },
	{ HEAD " a", "log-gap statement: \"a\" is no field" },
	{ HEAD " =b", "log-gap statement: \"=b\" is no field" },
	{ HEAD " A=b", "log-gap statement: \"A=b\" is no field" },
	{ HEAD " 1a=b", "log-gap statement: \"1a=b\" is no field" },
	{ HEAD " -a=b", "log-gap statement: \"-a=b\" is no field" },
	{ HEAD " abcdefghijklmnopqrstuvwxyzabcdefg=b",
	    "log-gap statement: \"abcdefghijklmnopqrstuvwxyzabcdefg=b\" is no field" },
	{ HEAD " a=%41", "log-gap statement: field \"a\": bad encoding" },
	{ HEAD " a=b\tc", "log-gap statement: field \"a\": bad encoding" },
};

START_TEST(texts_have_one_spelling)
{
	const char *said = texts[_i].said;
	struct statement *st;

	err_clear(&e);
	st = statement_parse(texts[_i].text, strlen(texts[_i].text), &e);
	ck_assert_str_eq(e.msg, said == NULL ? "" : said);
	ck_assert_int_eq(st == NULL, said != NULL);
	statement_free(st);
}
END_TEST

START_TEST(there_are_limits)
{
	struct buf b = BUF_INIT;
	struct statement *st;
	int i;

	buf_str(&b, HEAD);
	for (i = 0; i < STATEMENT_FIELDS_MAX; i++)
		buf_str(&b, " a=b");
	st = statement_parse((char *)b.data, b.len, &e);
	ck_assert_msg(st != NULL, "%s", e.msg);
	statement_free(st);
	buf_str(&b, " a=b");
	ck_assert_ptr_null(statement_parse((char *)b.data, b.len, &e));
	ck_assert_str_eq(e.msg, "log-gap statement: more than 128 fields");
	buf_reset(&b);
	buf_str(&b, HEAD " a=");
	while (b.len < STATEMENT_MAX)
		buf_u8(&b, 'x');
	st = statement_parse((char *)b.data, b.len, &e);
	ck_assert_msg(st != NULL, "%s", e.msg);
	statement_free(st);
	buf_u8(&b, 'x');
	ck_assert_ptr_null(statement_parse((char *)b.data, b.len, &e));
	ck_assert_str_eq(e.msg, "statement of 65537 bytes");
	buf_free(&b);
}
END_TEST

START_TEST(what_cannot_be_said_is_not_signed)
{
	static const uint8_t zeros[32];
	const struct key_secret *const keys[] = { writer };
	struct statement *st = statement_new(ST_LOG_GAP, &e);

	statement_add(st, "Not a key", "x");
	ck_assert_int_eq(statement_sign(st, NULL, 1, zeros, keys, 1, &e), -1);
	ck_assert_int_eq(st->nsigs, 0);
	statement_free(st);
}
END_TEST

START_TEST(signatures_have_one_spelling)
{
	struct statement *st = signed_gap(NULL, "r");
	struct buf b = BUF_INIT;
	size_t n;

	statement_encode_sigs(st, &b);
	for (n = 0; n < b.len; n++)
		if (n != 16 + 1 + 128)	/* the first alone is a list, too */
			ck_assert_msg(statement_parse_sigs(st, (char *)b.data, n, &e) == -1,
			    "%zu", n);
	ck_assert_int_eq(statement_parse_sigs(st, (char *)b.data, b.len, &e), 0);
	memcpy(b.data + 146, b.data, 16);
	ck_assert_int_eq(statement_parse_sigs(st, (char *)b.data, b.len, &e), -1);
	ck_assert_str_eq(e.msg, "signed twice by one key");
	buf_u8(&b, ',');
	ck_assert_int_eq(statement_parse_sigs(st, (char *)b.data, b.len, &e), -1);
	buf_free(&b);
	statement_free(st);
}
END_TEST

START_TEST(typed_fields_name_what_is_wrong)
{
	static const char text[] = HEAD " n=12 h=" ZEROS " t=2026-11-22T10:00:00.000000Z"
	    " l=0/10 bad=x";
	struct statement *st = statement_parse(text, strlen(text), &e);
	uint8_t hash[32];
	uint64_t n;
	int64_t t;

	ck_assert_int_eq(statement_u64(st, "n", &n, &e), 0);
	ck_assert_uint_eq(n, 12);
	ck_assert_int_eq(statement_lsn(st, "l", &n, &e), 0);
	ck_assert_uint_eq(n, 16);
	ck_assert_int_eq(statement_hash_field(st, "h", hash, &e), 0);
	ck_assert_int_eq(statement_time(st, "t", &t, &e), 0);
	ck_assert_int_eq(statement_u64(st, "m", &n, &e), -1);
	ck_assert_str_eq(e.msg, "log-gap statement without field \"m\"");
	ck_assert_int_eq(statement_u64(st, "bad", &n, &e), -1);
	ck_assert_str_eq(e.msg, "log-gap statement: bad field bad=\"x\"");
	ck_assert_int_eq(statement_hash_field(st, "bad", hash, &e), -1);
	ck_assert_int_eq(statement_time(st, "bad", &t, &e), -1);
	ck_assert_int_eq(statement_lsn(st, "bad", &n, &e), -1);
	statement_free(st);
}
END_TEST

/* ---- the grammar -------------------------------------------------------------- */

#define TIME " time=2026-11-22T10:00:00.000000Z"
#define ID32 "0123456789abcdef0123456789abcdef"

/* For each verb its fields: with all of them it passes, without any one it does not. */
static const struct {
	const char *verb;
	enum key_class class;
	const char *must, *may;
} verbs[] = {
	{ "found", KEY_APPROVER, " version=1 quorum=1 key=approver:a:" KEY TIME,
	    " solo=1 single-key=1 key=restore:b:" KEY },
	{ "enrol", KEY_APPROVER, " key=writer:shop:" KEY,
	    " source=shop environment=staging replaces=0123456789abcdef" },
	{ "snapshot", KEY_WRITER,
	    " source=shop id=20261122T100000Z-1f2e3d4c engine=postgresql version=150005"
	    " system=7574210418334529345 timeline=1 start=0/3000028 stop=0/3000100"
	    " started=2026-11-22T10:00:00.000000Z stopped=2026-11-22T10:00:00.000000Z"
	    " segsize=16777216 history=- manifest=" ZEROS " packs=" ZEROS
	    " bytes=1 stored=1 files=1 npacks=1 broken=0", " base=20261121T100000Z-1f2e3d4c" },
	{ "log-open", KEY_WRITER,
	    " source=shop stream=1-00000001 file=0000000003000000.1 engine=postgresql"
	    " version=150005 system=1 timeline=1 start=0/3000000 segsize=16777216 history=-"
	    " preamble=" ZEROS,
	    " parent=1-00000001-2 after=0000000002000000.12 after-frames=1 after-bytes=2"
	    " after-position=0/3000000" },
	{ "log-mark", KEY_WRITER,
	    " source=shop stream=1-00000001 file=0000000003000000.1 frames=1 bytes=2"
	    " position=0/3000001 digest=" ZEROS TIME, "" },
	{ "log-close", KEY_WRITER,
	    " source=shop stream=1-00000001 file=0000000003000000.1 frames=1 bytes=2"
	    " position=0/3000001 digest=" ZEROS TIME, "" },
	{ "log-gap", KEY_WRITER, " source=shop stream=1-00000001 from=0/1 to=0/2 reason=x",
	    "" },
	{ "receipt", KEY_VERIFIER,
	    " source=shop snapshot=x manifest=" ZEROS " level=deep result=good" TIME,
	    " replayed-to=0/1 timeline=1" },
	{ "quarantine", KEY_VERIFIER, " source=shop pack=" ZEROS " reason=x" TIME,
	    " pack=" KEY },
	{ "request", KEY_APPROVER, " id=" ID32 " kind=remove plan=" ZEROS " delay=86400" TIME,
	    " source=shop text=x" },
	{ "approve", KEY_APPROVER, " request=" ID32 " plan=" ZEROS TIME, "" },
	{ "veto", KEY_APPROVER, " request=" ID32 " reason=x" TIME, "" },
	{ "remove", KEY_APPROVER,
	    " request=" ID32 " plan=" ZEROS " source=shop snapshot=x" TIME, " snapshot=y" },
};

/* What the grammar says of a statement with these fields; "" when it is content. */
static const char *
judge(const char *verb, const char *must, const char *may)
{
	struct buf b = BUF_INIT;
	struct statement *st;

	err_clear(&e);
	buf_fmt(&b, "%s actor=0123456789abcdef count=1 last=" ZEROS "%s%s", verb, must, may);
	st = statement_parse((char *)b.data, b.len, &e);
	ck_assert_msg(st != NULL, "%s", e.msg);
	ck_assert_str_eq(statement_verb_name(st->verb), verb);
	(void)grammar_check(st, &e);
	statement_free(st);
	buf_free(&b);
	return e.msg;
}

START_TEST(each_verb_has_its_fields)
{
	const char *verb = verbs[_i].verb, *must = verbs[_i].must, *p, *end;
	char less[2048], said[128];

	ck_assert_str_eq(judge(verb, must, ""), "");
	ck_assert_str_eq(judge(verb, must, verbs[_i].may), "");
	ck_assert_str_eq(judge(verb, must, " unknown=%20x"), "");
	for (p = must; *p != '\0'; p = end) {
		end = strchr(p + 1, ' ') == NULL ? p + strlen(p) : strchr(p + 1, ' ');
		snprintf(less, sizeof(less), "%.*s%s", (int)(p - must), must, end);
		snprintf(said, sizeof(said), "%s statement without field \"%.*s\"", verb,
		    (int)strcspn(p + 1, "="), p + 1);
		ck_assert_str_eq(judge(verb, less, ""), said);
	}
}
END_TEST

START_TEST(each_verb_takes_one_class_of_keys)
{
	enum statement_verb v;

	for (v = ST_FOUND; strcmp(statement_verb_name(v), verbs[_i].verb) != 0; v++)
		ck_assert_int_lt(v, ST_REMOVE);
	ck_assert_int_eq(grammar_class(v), verbs[_i].class);
}
END_TEST

/* A known field in a wrong form, mandatory or not. */
static const struct {
	const char *verb, *field;
} forms[] = {
	{ "found", "solo=2" }, { "found", "key=approver:a:00" },
	    { "found", "key=priest:a:" KEY },
	{ "enrol", "source=Shop" }, { "enrol", "source=../x" },
	    { "enrol", "environment=prod" },
	{ "enrol", "replaces=01" },
	{ "snapshot", "base=../../etc" }, { "snapshot", "base=" },
	{ "log-open", "parent=a/b" }, { "log-open", "after=0000000003000000" },
	{ "log-open", "after=0000000003000000.0" }, { "log-open", "after=000000000300000.1" },
	{ "log-open", "after=000000000300000a.1" }, { "log-open", "after-frames=-1" },
	{ "log-open", "after-position=3000000" },
	{ "receipt", "timeline=4294967296" }, { "receipt", "replayed-to=x" },
	{ "request", "source=" },
};

START_TEST(each_field_has_its_form)
{
	char field[256], said[256];
	const char *verb = forms[_i].verb, *value = strchr(forms[_i].field, '=') + 1;
	size_t v;

	for (v = 0; strcmp(verbs[v].verb, verb) != 0; v++)
		;
	snprintf(field, sizeof(field), " %s", forms[_i].field);
	snprintf(said, sizeof(said), "%s statement: bad field %.*s=\"%.100s\"", verb,
	    (int)(value - 1 - forms[_i].field), forms[_i].field, value);
	ck_assert_str_eq(judge(verb, verbs[v].must, field), said);
}
END_TEST

START_TEST(a_field_is_said_once)
{
	ck_assert_str_eq(judge("log-gap", verbs[6].must, " from=0/1"),
	    "log-gap statement with field \"from\" twice");
	ck_assert_str_eq(judge("request", verbs[9].must, " source=a source=b"),
	    "request statement with field \"source\" twice");
	ck_assert_str_eq(judge("enrol", verbs[1].must, " key=writer:b:" KEY),
	    "enrol statement with field \"key\" twice");
}
END_TEST

Suite *
statement_suite(void)
{
	Suite *s = suite_create("statement");
	TCase *t = tcase_create("statement"), *g = tcase_create("grammar");
	int nverbs = (int)(sizeof(verbs) / sizeof(verbs[0]));

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_signed_can_be_read);
	tcase_add_test(t, a_signature_is_for_one_text_key_and_repository);
	tcase_add_test(t, it_can_be_signed_again);
	tcase_add_loop_test(t, texts_have_one_spelling, 0,
	    (int)(sizeof(texts) / sizeof(texts[0])));
	tcase_add_test(t, there_are_limits);
	tcase_add_test(t, what_cannot_be_said_is_not_signed);
	tcase_add_test(t, signatures_have_one_spelling);
	tcase_add_test(t, typed_fields_name_what_is_wrong);
	suite_add_tcase(s, t);
	tcase_add_loop_test(g, each_verb_has_its_fields, 0, nverbs);
	tcase_add_loop_test(g, each_verb_takes_one_class_of_keys, 0, nverbs);
	tcase_add_loop_test(g, each_field_has_its_form, 0,
	    (int)(sizeof(forms) / sizeof(forms[0])));
	tcase_add_test(g, a_field_is_said_once);
	suite_add_tcase(s, g);
	return s;
}
