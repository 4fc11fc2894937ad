/*
 * Tests of repo/journal: what is refused, what is told, and that nothing passes unseen.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "calls.h"
#include "fixture.h"
#include "journal_forge.h"
#include "suites.h"

static struct fixture f;
static struct err e;
static char path[600];		/* of the journal */

static void
setup(void)
{
	fixture_begin(&f);
	snprintf(path, sizeof(path), "%s/journal", f.path);
}

static void
teardown(void)
{
	fixture_end(&f);
}

/* ---- making statements ------------------------------------------------------- */

static struct statement *
gap(const char *source, const char *from)
{
	struct statement *st = statement_new(ST_LOG_GAP, &e);

	statement_add(st, "source", source);
	statement_add(st, "stream", "1-00000001");
	statement_add(st, "from", from);
	statement_add(st, "to", "0/9000000");
	statement_add(st, "reason", "the server had removed it");
	return st;
}

/* Sign as the next statement of the first key, more or less: skew moves its count. */
static void
sign(struct statement *st, const struct key_secret *const keys[], int n, int skew)
{
	static const uint8_t zeros[32];
	const struct journal_key *k = journal_find_key(repo_journal(f.repo),
	    key_public(keys[0])->id);

	fixture_ok(statement_sign(st, repo_id(f.repo),
	    (k == NULL ? 0 : k->count) + 1 + (uint64_t)skew,
	    k == NULL ? zeros : k->last, keys, n, &e));
}

static struct journal *
reread(const struct journal_head *known, const uint8_t *pin)
{
	return journal_read(path, known, pin, NULL, NULL, &e);
}

/* The journal with st as a further, well-chained line must be refused, in these words. */
static void
refused(struct statement *st, const char *words)
{
	struct forge g;
	struct journal *j;

	forge_load(&g, path);
	forge_add(&g, st);
	forge_save(&g, scratch_path("forged"));
	j = journal_read(scratch_path("forged"), NULL, NULL, NULL, NULL, &e);
	ck_assert_msg(j == NULL, "accepted; should be: %s", words);
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
	ck_assert_msg(strstr(e.msg, words) != NULL, "\"%s\", not \"%s\"", e.msg, words);
	ck_assert_msg(strncmp(e.msg, "journal: line 2: ", 17) == 0, "%s", e.msg);
	forge_free(&g);
	statement_free(st);
}

static struct statement *
enrol(const char *source, const struct key_secret *writer)
{
	struct statement *st = statement_new(ST_ENROL, &e);
	char key[KEY_TEXT_MAX];

	statement_add(st, "source", source);
	statement_add(st, "environment", "production");
	statement_add(st, "key", key_public_encode(key, key_public(writer)));
	return st;
}

static int
commit(struct statement *st)
{
	const struct key_secret *const keys[] = { f.source->writer };
	int r = repo_commit(f.repo, st, keys, 1, &e);

	statement_free(st);
	return r;
}

/* ---- reading ----------------------------------------------------------------- */

START_TEST(reads_what_was_written)
{
	struct journal *j;
	int approvers;

	fixture_ok(commit(gap("shop", "0/1000000")));
	j = reread(NULL, repo_id(f.repo));
	ck_assert_msg(j != NULL, "%s", e.msg);
	ck_assert_uint_eq(journal_head(j).seq, 2);
	ck_assert_int_eq(journal_quorum(j, &approvers), 2);
	ck_assert_int_eq(approvers, 3);
	ck_assert_uint_eq(journal_find_key(j, key_public(f.source->writer)->id)->count, 1);
	ck_assert_uint_eq(journal_torn(j), 0);
	journal_free(j);
}
END_TEST

START_TEST(a_forged_line_that_is_right_passes)
{
	const struct key_secret *const keys[] = { f.source->writer };
	struct statement *st = gap("shop", "0/1000000");
	struct forge g;
	struct journal *j;

	sign(st, keys, 1, 0);
	forge_load(&g, path);
	forge_add(&g, st);
	forge_save(&g, path);
	j = reread(NULL, NULL);
	ck_assert_msg(j != NULL, "%s", e.msg);	/* else the tests below would prove nothing */
	journal_free(j);
	forge_free(&g);
	statement_free(st);
}
END_TEST

START_TEST(every_flipped_bit_is_noticed_without_a_key)
{
	struct buf b = BUF_INIT;
	struct journal *j;
	size_t i;
	int fd;

	fixture_ok(commit(gap("shop", "0/1000000")));
	fixture_ok(io_read_file(path, 1 << 20, &b, &e));
	ck_assert_int_ge(fd = open(path, O_WRONLY | O_CLOEXEC), 0);
	for (i = 0; i < b.len; i++) {
		uint8_t flipped = (uint8_t)(b.data[i] ^ 1 << i % 8);

		ck_assert_int_eq(pwrite(fd, &flipped, 1, (off_t)i), 1);
		j = reread(NULL, repo_id(f.repo));
		/* Without its newline the last line was cut off: told, not refused. */
		ck_assert_msg(j == NULL || (i == b.len - 1 && journal_torn(j) > 0),
		    "byte %zu: not noticed", i);
		journal_free(j);
		ck_assert_int_eq(pwrite(fd, &b.data[i], 1, (off_t)i), 1);
	}
	ck_assert_ptr_nonnull(j = reread(NULL, repo_id(f.repo)));
	journal_free(j);
	ck_assert_int_eq(close(fd), 0);
	buf_free(&b);
}
END_TEST

START_TEST(a_cut_off_last_line_is_told_and_then_replaced)
{
	struct journal *j;
	struct stat st, now;
	off_t at;

	ck_assert_int_eq(stat(path, &st), 0);
	fixture_ok(commit(gap("shop", "0/1000000")));
	ck_assert_int_eq(stat(path, &now), 0);
	state_free(f.state);
	f.state = state_open(scratch_path("fresh"), &e);
	for (at = now.st_size - 1; at > st.st_size; at--) {
		ck_assert_int_eq(truncate(path, at), 0);
		j = reread(NULL, NULL);
		ck_assert_msg(j != NULL, "cut at %ld: %s", (long)at, e.msg);
		ck_assert_uint_eq(journal_torn(j), (uint64_t)(at - st.st_size));
		ck_assert_uint_eq(journal_head(j).seq, 1);
		journal_free(j);
	}
	fixture_reopen(&f);
	ck_assert_uint_eq(repo_catalog(f.repo)->ngaps, 0);
	fixture_ok(commit(gap("shop", "0/2000000")));
	fixture_reopen(&f);
	ck_assert_uint_eq(repo_catalog(f.repo)->ngaps, 1);
	ck_assert_uint_eq(repo_catalog(f.repo)->gaps[0].from, 0x2000000);
	ck_assert_uint_eq(journal_torn(repo_journal(f.repo)), 0);
}
END_TEST

START_TEST(an_empty_journal_is_no_journal)
{
	ck_assert_int_eq(truncate(path, 0), 0);
	ck_assert_ptr_null(reread(NULL, NULL));
	ck_assert_str_eq(e.msg, "journal: without its founding statement");
}
END_TEST

START_TEST(a_line_without_end_is_not_read_for_ever)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC), i;
	static const char junk[4096] = "x";

	for (i = 0; i < 32; i++)
		ck_assert_int_eq(write(fd, junk, sizeof(junk)), sizeof(junk));
	ck_assert_int_eq(close(fd), 0);
	ck_assert_ptr_null(reread(NULL, NULL));
	ck_assert_str_eq(e.msg, "journal: line 2: it has no end");
}
END_TEST

START_TEST(another_repository_than_the_pinned_one_is_refused)
{
	uint8_t pin[32] = { 1 };

	ck_assert_ptr_null(reread(NULL, pin));
	ck_assert_int_eq(e.kind, ERR_REFUSED);
	ck_assert_msg(strncmp(e.msg, "another repository: its id is ", 30) == 0, "%s", e.msg);
}
END_TEST

/* ---- the remembered head ------------------------------------------------------ */

START_TEST(a_shorter_journal_is_refused)
{
	struct journal_head known;
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	fixture_ok(commit(gap("shop", "0/1000000")));
	known = journal_head(repo_journal(f.repo));
	ck_assert_int_eq(truncate(path, st.st_size), 0);
	ck_assert_ptr_null(reread(&known, NULL));
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
	ck_assert_str_eq(e.msg,
	    "journal: shorter: it ends with line 1, and line 2 was seen here before");
	ck_assert_msg(strstr(e.hint, "rolled back") != NULL, "%s", e.hint);
}
END_TEST

START_TEST(a_forked_journal_is_refused)
{
	struct journal_head known;
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	fixture_ok(commit(gap("shop", "0/1000000")));
	known = journal_head(repo_journal(f.repo));
	ck_assert_int_eq(truncate(path, st.st_size), 0);
	state_free(f.state);
	f.state = state_open(scratch_path("fresh"), &e);
	fixture_reopen(&f);
	fixture_ok(commit(gap("shop", "0/2000000")));
	fixture_ok(commit(gap("shop", "0/3000000")));
	ck_assert_ptr_null(reread(&known, NULL));
	ck_assert_str_eq(e.msg,
	    "journal: forked: it ends with line 3, and line 2 was seen here before");
}
END_TEST

START_TEST(behind_the_remembered_head_signatures_count)
{
	struct journal_head known = journal_head(repo_journal(f.repo));
	const struct key_secret *const keys[] = { f.source->writer };
	struct statement *st = gap("shop", "0/1000000");
	struct journal *j;
	struct forge g;

	sign(st, keys, 1, 0);
	st->sigs[0].sig[5] ^= 1;
	forge_load(&g, path);
	forge_add(&g, st);
	forge_save(&g, path);
	ck_assert_ptr_null(reread(&known, NULL));
	ck_assert_str_eq(e.msg,
	    "journal: line 2: the signature of writer key shop is not good");
	/* What was checked once is pinned by its hash, and not checked again. */
	known.seq = 2;
	ck_assert_int_eq(sscanf(g.hash, "%2hhx", &known.hash[0]), 1);
	for (int i = 0; i < 32; i++)
		ck_assert_int_eq(sscanf(g.hash + 2 * i, "%2hhx", &known.hash[i]), 1);
	j = reread(&known, NULL);
	ck_assert_msg(j != NULL, "%s", e.msg);
	journal_free(j);
	forge_free(&g);
	statement_free(st);
}
END_TEST

START_TEST(a_refresh_notices_a_rollback)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	fixture_ok(commit(gap("shop", "0/1000000")));
	ck_assert_int_eq(truncate(path, st.st_size), 0);
	ck_assert_int_eq(repo_refresh(f.repo, &e), -1);
	ck_assert_msg(strstr(e.msg,
	    "journal: shorter: it ends with line 1, and line 2 was seen") != NULL,
	    "%s", e.msg);
}
END_TEST

START_TEST(a_refresh_notices_another_last_line)
{
	struct forge g;
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	fixture_ok(commit(gap("shop", "0/1000000")));
	forge_load(&g, path);
	g.text.data[g.text.len - 5] ^= 1;
	forge_save(&g, path);
	ck_assert_int_eq(repo_refresh(f.repo, &e), -1);
	ck_assert_msg(strstr(e.msg, "journal: forked") != NULL, "%s", e.msg);
	forge_free(&g);
}
END_TEST

/* ---- who may say what --------------------------------------------------------- */

START_TEST(an_unknown_key_has_no_say)
{
	struct key_secret *k = key_new(KEY_WRITER, "shop", &e);
	const struct key_secret *const keys[] = { k };
	struct statement *st = gap("shop", "0/1000000");

	sign(st, keys, 1, 0);
	refused(st, "log-gap by a key that is not known here");
	key_free(k);
}
END_TEST

START_TEST(a_writer_speaks_for_its_own_source_only)
{
	struct source *other = fixture_enrol(&f, "other");
	const struct key_secret *const keys[] = { other->writer };
	struct statement *st = gap("shop", "0/1000000");
	struct forge g;

	sign(st, keys, 1, 0);
	forge_load(&g, path);
	forge_add(&g, st);
	forge_save(&g, path);
	ck_assert_ptr_null(reread(NULL, NULL));
	ck_assert_str_eq(e.msg,
	    "journal: line 3: the writer of source other speaks for source shop");
	forge_free(&g);
	statement_free(st);
	source_free(other);
}
END_TEST

START_TEST(an_approver_cannot_write)
{
	const struct key_secret *const keys[] = { f.approver[0] };
	struct statement *st = gap("shop", "0/1000000");

	sign(st, keys, 1, 0);
	refused(st, "log-gap by approver key a, but only writer keys may");
}
END_TEST

/* Who signs that a source be enrolled (w: a writer; a, b: approvers), and what is said. */
static const struct {
	const char *signers;
	int flip;		/* a bit of the last signature */
	const char *words;
} enrolments[] = {
	{ "wa", 0, "enrol by writer key shop, but only approver keys may" },
	{ "a", 0, "signed by 1 of the 2 approvers that it takes" },
	{ "aa", 0, "signed twice by one key" },
	{ "aw", 0, "signed by a key that has no say in it" },
	{ "ab", 1, "the signature of approver key b is not good" },
};

START_TEST(an_enrolment_takes_a_quorum_of_approvers)
{
	struct key_secret *k = key_new(KEY_WRITER, "second", &e);
	const struct key_secret *keys[2];
	const char *who = enrolments[_i].signers;
	struct statement *st = enrol("second", k);
	int n = (int)strlen(who), i;

	for (i = 0; i < n; i++)
		keys[i] = who[i] == 'w' ? f.source->writer : f.approver[who[i] - 'a'];
	sign(st, keys, n, 0);
	if (enrolments[_i].flip)
		st->sigs[n - 1].sig[63] ^= 1;
	refused(st, enrolments[_i].words);
	key_free(k);
}
END_TEST

START_TEST(the_actor_signs_first)
{
	const struct key_secret *const keys[] = { f.source->writer };
	struct statement *st = gap("shop", "0/1000000");

	sign(st, keys, 1, 0);
	memcpy(st->sigs[0].key, key_public(f.approver[0])->id, KEY_ID);
	refused(st, "the first signature is not the actor's");
}
END_TEST

START_TEST(a_statement_cannot_be_repeated)
{
	const struct key_secret *const keys[] = { f.source->writer };
	struct statement *st = gap("shop", "0/1000000");
	struct forge g;

	sign(st, keys, 1, 0);
	forge_load(&g, path);
	forge_add(&g, st);
	forge_add(&g, st);
	forge_save(&g, path);
	ck_assert_ptr_null(reread(NULL, NULL));
	ck_assert_str_eq(e.msg,
	    "journal: line 3: statement 1 of writer key shop, which follows"
	    " another statement than its last one (1)");
	forge_free(&g);
	statement_free(st);
}
END_TEST

START_TEST(a_statement_cannot_be_left_out)
{
	const struct key_secret *const keys[] = { f.source->writer };
	struct statement *st = gap("shop", "0/1000000");

	sign(st, keys, 1, 1);
	refused(st, "statement 2 of writer key shop, which follows another statement");
}
END_TEST

START_TEST(a_statement_of_another_repository_is_refused)
{
	static const uint8_t zeros[32], elsewhere[32] = { 7 };
	const struct key_secret *const keys[] = { f.source->writer };
	struct statement *st = gap("shop", "0/1000000");

	fixture_ok(statement_sign(st, elsewhere, 1, zeros, keys, 1, &e));
	refused(st, "the signature of writer key shop is not good");
}
END_TEST

START_TEST(nothing_is_founded_twice)
{
	struct found_options o = { .solo = 1, .single_key = 1, .napprovers = 1,
	    .nrestore = 1 };
	struct statement *st;

	o.approvers[0] = f.approver[0];
	o.restore[0] = *key_public(f.restore);
	st = found_statement(&o, &e);
	refused(st, "found statement in line 2");
}
END_TEST

START_TEST(a_verb_of_another_version_is_refused)
{
	struct forge g;

	forge_load(&g, path);
	forge_add_text(&g,
	    "2026-11-22T10:00:00.000000Z boot 1 0123456789abcdef:00 dance actor=x");
	forge_save(&g, path);
	ck_assert_ptr_null(reread(NULL, NULL));
	ck_assert_str_eq(e.msg, "journal: line 2: unknown verb \"dance\"");
	forge_free(&g);
}
END_TEST

START_TEST(a_replaced_writer_is_silent)
{
	struct enrol_options o = { .source = "shop", .environment = "staging", .napprovers = 2,
		.replace = 1 };
	const struct key_secret *const keys[] = { f.source->writer };
	struct statement *st;
	struct source *now;
	struct forge g;

	o.file = scratch_path("shop-2.source");
	o.approvers[0] = f.approver[2];
	o.approvers[1] = f.approver[0];
	fixture_ok(enrol_source(f.repo, &o, &e));
	st = gap("shop", "0/1000000");
	sign(st, keys, 1, 0);
	forge_load(&g, path);
	forge_add(&g, st);
	forge_save(&g, scratch_path("forged"));
	ck_assert_ptr_null(journal_read(scratch_path("forged"), NULL, NULL, NULL, NULL, &e));
	ck_assert_str_eq(e.msg,
	    "journal: line 3: log-gap by writer key shop, which was replaced");
	ck_assert_int_eq(commit(gap("shop", "0/1000000")), -1);
	ck_assert_int_eq(e.kind, ERR_REFUSED);
	ck_assert_int_eq(source_check(f.source, repo_journal(f.repo), &e), -1);
	now = source_read(o.file, &e);
	ck_assert_msg(now != NULL, "%s", e.msg);
	fixture_ok(source_check(now, repo_journal(f.repo), &e));
	ck_assert_str_eq(catalog_source(repo_catalog(f.repo), "shop")->environment, "staging");
	source_free(now);
	forge_free(&g);
	statement_free(st);
}
END_TEST

/* ---- appending ---------------------------------------------------------------- */

START_TEST(what_is_refused_is_not_written)
{
	struct key_secret *k = key_new(KEY_WRITER, "second", &e);
	const struct key_secret *const keys[] = { f.approver[0] };
	struct statement *st = enrol("second", k);
	struct stat before, after;

	ck_assert_int_eq(stat(path, &before), 0);
	ck_assert_int_eq(repo_commit(f.repo, st, keys, 1, &e), -1);
	ck_assert_int_eq(e.kind, ERR_REFUSED);
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_int_eq(before.st_size, after.st_size);
	statement_free(st);
	key_free(k);
}
END_TEST

START_TEST(an_append_is_one_write_and_one_fsync)
{
	const struct key_secret *const keys[] = { f.source->writer };
	struct statement *st = gap("shop", "0/1000000");
	struct journal *j = reread(NULL, NULL);
	uint64_t seq;

	sign(st, keys, 1, 0);
	calls_watch();
	fixture_ok(journal_append(j, st, &seq, &e));
	ck_assert_str_eq(calls_seen(), "write fsync");
	ck_assert_uint_eq(seq, 2);
	journal_free(j);
	statement_free(st);
}
END_TEST

START_TEST(an_append_that_fails_leaves_nothing)
{
	struct stat before, after;
	int n;

	ck_assert_int_eq(stat(path, &before), 0);
	for (n = 1; n <= 2; n++) {
		const struct key_secret *const keys[] = { f.source->writer };
		struct statement *st = gap("shop", "0/1000000");
		struct journal *j = reread(NULL, NULL);
		uint64_t seq;

		sign(st, keys, 1, 0);
		calls_watch();
		calls_fail(n, 28 /* ENOSPC */);
		ck_assert_int_eq(journal_append(j, st, &seq, &e), -1);
		(void)calls_seen();
		ck_assert_str_eq(e.msg, n == 1 ? "journal: write: No space left on device"
					       : "journal: fsync: No space left on device");
		ck_assert_int_eq(stat(path, &after), 0);
		ck_assert_int_eq(before.st_size, after.st_size);
		fixture_ok(journal_append(j, st, &seq, &e));	/* and it can be tried again */
		ck_assert_int_eq(truncate(path, before.st_size), 0);
		journal_free(j);
		statement_free(st);
	}
}
END_TEST

/* Takes every statement, but the third one not at the first time. */
static int
fail_once(void *ctx, const struct journal_entry *en, struct err *err)
{
	int *taken = ctx;

	if (en->seq == 2 && taken[1]++ == 0)
		return err_set(err, ERR_SYSTEM, "out of memory");
	taken[0]++;
	return 0;
}

START_TEST(what_is_written_but_not_taken_is_taken_later)
{
	const struct key_secret *const keys[] = { f.approver[0], f.approver[1] };
	struct key_secret *k = key_new(KEY_WRITER, "second", &e);
	struct statement *st = enrol("second", k);
	int taken[2] = { 0, 0 };
	struct journal *j = journal_read(path, NULL, NULL, fail_once, taken, &e);
	uint64_t seq;

	sign(st, keys, 2, 0);
	ck_assert_int_eq(journal_append(j, st, &seq, &e), -1);
	ck_assert_str_eq(e.msg, "committed as line 2, but: out of memory");
	ck_assert_uint_eq(journal_head(j).seq, 1);
	ck_assert_ptr_null(journal_find_key(j, key_public(k)->id));
	fixture_ok(journal_refresh(j, &e));
	ck_assert_int_eq(taken[0], 3);
	ck_assert_ptr_nonnull(journal_find_key(j, key_public(k)->id));
	journal_free(j);
	statement_free(st);
	key_free(k);
}
END_TEST

/* One of several processes: 20 statements of its own source. */
static void
append_many(struct source *s)
{
	const struct key_secret *const keys[] = { s->writer };
	char from[32];
	int i;

	f.repo = repo_open(f.path, NULL, f.state, NULL, &e);
	for (i = 0; i < 20 && f.repo != NULL; i++) {
		struct statement *st;

		snprintf(from, sizeof(from), "0/%X", 0x1000000 + i);
		st = gap(s->name, from);
		if (repo_commit(f.repo, st, keys, 1, &e) != 0)
			break;
		statement_free(st);
	}
	if (i < 20)
		fprintf(stderr, "%s\n", e.msg);
	_exit(i == 20 ? 0 : 1);
}

START_TEST(several_processes_append_at_once)
{
	struct source *s[3];
	char name[8];
	pid_t pid[3];
	int i, status;

	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		s[i] = fixture_enrol(&f, name);
	}
	for (i = 0; i < 3; i++)
		if ((pid[i] = fork()) == 0)
			append_many(s[i]);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(waitpid(pid[i], &status, 0), pid[i]);
		ck_assert_int_eq(status, 0);
		source_free(s[i]);
	}
	fixture_ok(repo_refresh(f.repo, &e));
	ck_assert_uint_eq(journal_head(repo_journal(f.repo)).seq, 1 + 3 + 60);
	ck_assert_uint_eq(repo_catalog(f.repo)->ngaps, 60);
	fixture_reopen(&f);	/* with the head that all of them remembered */
}
END_TEST

Suite *
journal_suite(void)
{
	Suite *s = suite_create("journal");
	TCase *t = tcase_create("journal");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, reads_what_was_written);
	tcase_add_test(t, a_forged_line_that_is_right_passes);
	tcase_add_test(t, every_flipped_bit_is_noticed_without_a_key);
	tcase_add_test(t, a_cut_off_last_line_is_told_and_then_replaced);
	tcase_add_test(t, an_empty_journal_is_no_journal);
	tcase_add_test(t, a_line_without_end_is_not_read_for_ever);
	tcase_add_test(t, another_repository_than_the_pinned_one_is_refused);
	tcase_add_test(t, a_shorter_journal_is_refused);
	tcase_add_test(t, a_forked_journal_is_refused);
	tcase_add_test(t, behind_the_remembered_head_signatures_count);
	tcase_add_test(t, a_refresh_notices_a_rollback);
	tcase_add_test(t, a_refresh_notices_another_last_line);
	tcase_add_test(t, an_unknown_key_has_no_say);
	tcase_add_test(t, a_writer_speaks_for_its_own_source_only);
	tcase_add_test(t, an_approver_cannot_write);
	tcase_add_loop_test(t, an_enrolment_takes_a_quorum_of_approvers, 0,
	    sizeof(enrolments) / sizeof(enrolments[0]));
	tcase_add_test(t, the_actor_signs_first);
	tcase_add_test(t, a_statement_cannot_be_repeated);
	tcase_add_test(t, a_statement_cannot_be_left_out);
	tcase_add_test(t, a_statement_of_another_repository_is_refused);
	tcase_add_test(t, nothing_is_founded_twice);
	tcase_add_test(t, a_verb_of_another_version_is_refused);
	tcase_add_test(t, a_replaced_writer_is_silent);
	tcase_add_test(t, what_is_refused_is_not_written);
	tcase_add_test(t, an_append_is_one_write_and_one_fsync);
	tcase_add_test(t, an_append_that_fails_leaves_nothing);
	tcase_add_test(t, what_is_written_but_not_taken_is_taken_later);
	tcase_add_test(t, several_processes_append_at_once);
	suite_add_tcase(s, t);
	return s;
}
