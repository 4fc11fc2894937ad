/*
 * Tests of repo/found: what a repository can begin with, told to the founder and held
 * by every reader.
 */
#include <stdio.h>
#include <string.h>

#include "repo/found.h"
#include "repo/journal.h"
#include "scratch.h"
#include "suites.h"

static struct key_secret *approver[3], *restore[2];
static struct err e;

static void
setup(void)
{
	const char *const names[] = { "a", "b", "c" };
	int i;

	scratch_setup();
	ck_assert_int_eq(key_guard_process(&e), 0);
	for (i = 0; i < 3; i++)
		approver[i] = key_new(KEY_APPROVER, names[i], &e);
	for (i = 0; i < 2; i++)
		restore[i] = key_new(KEY_RESTORE, names[i], &e);
}

static void
teardown(void)
{
	int i;

	for (i = 0; i < 3; i++)
		key_free(approver[i]);
	for (i = 0; i < 2; i++)
		key_free(restore[i]);
	scratch_teardown();
}

/* Each row: what is given, and what is said; NULL: it is founded. */
static const struct {
	int approvers, restore, quorum, solo, single_key;
	const char *said;
} rows[] = {
	{ 3, 2, 0, 0, 0, NULL },
	{ 3, 2, 3, 0, 0, NULL },
	{ 2, 2, 0, 0, 0, NULL },
	{ 1, 2, 0, 1, 0, NULL },
	{ 2, 1, 0, 0, 1, NULL },
	{ 1, 1, 0, 1, 1, NULL },
	{ 0, 2, 0, 0, 0, "a repository needs approver keys and restore keys" },
	{ 2, 0, 0, 0, 0, "a repository needs approver keys and restore keys" },
	{ 1, 2, 0, 0, 0, "one approver alone could have backups removed" },
	{ 3, 2, 1, 0, 0, "one approver alone could have backups removed" },
	{ 3, 2, 4, 0, 0, "a quorum of 4 of 3 approvers" },
	{ 2, 2, 0, 1, 0, "solo means one approver, not 2" },
	{ 3, 1, 0, 0, 0, "who loses the only restore key loses every backup" },
	{ 3, 2, 0, 0, 1, "single-key means one restore key, not 2" },
};

START_TEST(promises_are_given_up_aloud_or_not_at_all)
{
	struct found_options o = { .napprovers = rows[_i].approvers,
	    .nrestore = rows[_i].restore,
		.quorum = rows[_i].quorum, .solo = rows[_i].solo,
		    .single_key = rows[_i].single_key };
	struct statement *st;
	struct journal *j;
	int i, n;

	for (i = 0; i < rows[_i].approvers; i++)
		o.approvers[i] = approver[i];
	for (i = 0; i < rows[_i].restore; i++)
		o.restore[i] = *key_public(restore[i]);
	st = found_statement(&o, &e);
	ck_assert_int_eq(st == NULL, rows[_i].said != NULL);
	if (st == NULL) {
		ck_assert_int_eq(e.kind, ERR_USAGE);
		ck_assert_str_eq(e.msg, rows[_i].said);
		return;
	}
	ck_assert_msg(journal_create(scratch_path("journal"), st, &e) == 0, "%s", e.msg);
	j = journal_read(scratch_path("journal"), NULL, st->hash, NULL, NULL, &e);
	ck_assert_msg(j != NULL, "%s", e.msg);
	ck_assert_int_eq(journal_quorum(j, &n),
	    rows[_i].quorum != 0 ? rows[_i].quorum : rows[_i].solo ? 1 : 2);
	ck_assert_int_eq(n, rows[_i].approvers);
	ck_assert_ptr_null(journal_key_at(j, rows[_i].approvers + rows[_i].restore));
	journal_free(j);
	statement_free(st);
}
END_TEST

START_TEST(each_key_is_given_once)
{
	struct found_options o = { .napprovers = 2, .nrestore = 2 };

	o.approvers[0] = o.approvers[1] = approver[0];
	o.restore[0] = *key_public(restore[0]);
	o.restore[1] = *key_public(restore[1]);
	ck_assert_ptr_null(found_statement(&o, &e));
	ck_assert_str_eq(e.msg, "key a is given twice");
	o.approvers[1] = approver[1];
	o.restore[1] = o.restore[0];
	ck_assert_ptr_null(found_statement(&o, &e));
	ck_assert_int_eq(e.kind, ERR_USAGE);
}
END_TEST

/* Founding statements that found_statement would not make, held by the reader's rules. */
static const struct {
	const char *fields, *said;	/* A, B, C approver, R, S restore, W writer keys */
	int signers;
} forged[] = {
	{ "quorum=2 A B C R S", NULL, 3 },
	{ "quorum=1 A B C R S", "one approver alone suffices, without saying \"solo\"", 3 },
	{ "quorum=0 A B C R S", "a quorum of 0 of 3 approvers", 3 },
	{ "quorum=4 A B C R S", "a quorum of 4 of 3 approvers", 3 },
	{ "quorum=1 solo=1 A B R S", "solo, but with several approvers", 2 },
	{ "quorum=2 A B C R", "less than two restore keys, without saying \"single-key\"", 3 },
	{ "quorum=2 single-key=1 A B C R S",
	    "single-key, but with another number of restore keys than one", 3 },
	{ "quorum=2 A B C R S", "signed by 2 of 3 approvers; all found together", 2 },
	{ "quorum=2 A B A R S", "key a is listed twice", 3 },
	{ "quorum=2 A B R S", "signed by 3 of 2 approvers; all found together", 3 },
	{ "quorum=2 A B C R R", "key a is listed twice", 3 },
	{ "quorum=2 A B C R S W", "a writer key belongs to a source, and is enrolled", 3 },
	{ "quorum=2 B C R S", "found by a key that is not known here", 2 },
};

START_TEST(the_reader_holds_the_founders_to_it)
{
	static const char order[] = "ABCRSW";
	static const uint8_t zeros[32];
	const struct key_secret *const signers[] = { approver[0], approver[1], approver[2] };
	struct key_secret *writer = key_new(KEY_WRITER, "w", &e);
	struct statement *st = statement_new(ST_FOUND, &e);
	char words[128], text[KEY_TEXT_MAX], *word, *rest = words;
	int r;

	statement_add(st, "version", "1");
	snprintf(words, sizeof(words), "%s", forged[_i].fields);
	while ((word = strtok_r(rest, " ", &rest)) != NULL) {
		const struct key_secret *const keys[] = { approver[0], approver[1],
		    approver[2],
			restore[0], restore[1], writer };
		const char *letter = word[1] == '\0' ? strchr(order, word[0]) : NULL;

		if (letter != NULL)
			statement_add(st, "key",
			    key_public_encode(text, key_public(keys[letter - order])));
		else {
			*strchr(word, '=') = '\0';
			statement_add(st, word, word + strlen(word) + 1);
		}
	}
	statement_add(st, "time", "2026-11-22T10:00:00.000000Z");
	ck_assert_int_eq(statement_sign(st, NULL, 1, zeros, signers, forged[_i].signers, &e),
	    0);
	r = journal_create(scratch_path("journal"), st, &e);
	ck_assert_str_eq(r == 0 ? "" : e.msg, forged[_i].said == NULL ? "" : forged[_i].said);
	statement_free(st);
	key_free(writer);
}
END_TEST

Suite *
found_suite(void)
{
	Suite *s = suite_create("found");
	TCase *t = tcase_create("found");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, promises_are_given_up_aloud_or_not_at_all, 0,
	    (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(t, each_key_is_given_once);
	tcase_add_loop_test(t, the_reader_holds_the_founders_to_it, 0,
	    (int)(sizeof(forged) / sizeof(forged[0])));
	suite_add_tcase(s, t);
	return s;
}
