/*
 * Tests of seal/keyfile, with the corruption table of key files.
 * The public halves of seed 01 02 ... 20 (00 02 ... 60 when clamped for X25519) come from
 * OpenSSL, the ids from Python.
 */
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "seal/key.h"
#include "suites.h"

#define SEED "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
#define SCALAR "0002030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f60"
#define RESTORE_PK "07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c"
#define WRITER_PK "79b5562e8fe654f94078b112e8a98ba7901f853ae695bed7e0e3910bad049664"

static const char restore_text[] =
    "bulkhead restore secret key 1\nname dba\n"
    "id 759a1e812446bc5f\npublic " RESTORE_PK "\nsecret " SCALAR "\n";
static const char restore_public[] = "bulkhead restore public key 1\nname dba\n"
				     "id 759a1e812446bc5f\npublic " RESTORE_PK "\n";
static const char writer_text[] =
    "bulkhead writer secret key 1\nname db1\n"
    "id 4bf76c6cabd4d625\npublic " WRITER_PK "\nsecret " SEED "\n";

static struct err e;
static char folder[64], path[96], pub[96];

static void
set_up(void)
{
	snprintf(folder, sizeof(folder), "/tmp/bulkhead-keyfile.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/key", folder);
	snprintf(pub, sizeof(pub), "%s/key.pub", folder);
}

static void
tear_down(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	ck_assert_int_eq(system(command), 0);
}

/* What *e says, with the folder's name left out. */
static void
expect(enum err_kind kind, const char *text)
{
	char msg[sizeof(e.msg)];
	const char *at = strstr(e.msg, folder);

	if (at == NULL)
		snprintf(msg, sizeof(msg), "%s", e.msg);
	else
		snprintf(msg, sizeof(msg), "%.*s%s", (int)(at - e.msg), e.msg,
		    at + strlen(folder) + 1);
	ck_assert_str_eq(msg, text);
	ck_assert_int_eq(e.kind, kind);
}

static void
put(const char *file, const char *text, mode_t mode)
{
	(void)unlink(file); /* may be there, or not */
	ck_assert_msg(io_create_file(file, text, strlen(text), mode, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(chmod(file, mode), 0);
}

static void
expect_file(const char *file, const char *text, mode_t mode)
{
	struct buf b = BUF_INIT;
	struct stat st;

	ck_assert_msg(io_read_file(file, 1000, &b, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(buf_cstr(&b), text);
	ck_assert_int_eq(stat(file, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, mode);
	buf_free(&b);
}

static struct key_secret *
parse(const char *text, enum key_class class)
{
	struct key_secret *k = key_secret_parse(text, strlen(text), "text", class, &e);

	ck_assert_msg(k != NULL, "%s", e.msg);
	return k;
}

START_TEST(files_hold_the_lines_of_the_manual_page)
{
	struct key_secret *k = parse(restore_text, KEY_RESTORE);
	mode_t mask = umask(0);

	ck_assert_msg(key_write(k, path, pub, &e) == 0, "%s", e.msg);
	(void)umask(mask);
	expect_file(path, restore_text, 0600);
	expect_file(pub, restore_public, 0644);
	key_free(k);
}
END_TEST

START_TEST(text_comes_back_as_it_was)
{
	static const struct {
		const char *text;
		enum key_class class;
	} rows[] = { { restore_text, KEY_RESTORE }, { writer_text, KEY_WRITER } };
	struct buf out = BUF_INIT;
	struct key_secret *k;
	size_t i;

	for (i = 0; i < 2; i++) {
		k = parse(rows[i].text, rows[i].class);
		ck_assert_int_eq(key_secret_text(k, &out, &e), 0);
		ck_assert_str_eq(buf_cstr(&out), rows[i].text);
		buf_reset(&out);
		key_free(k);
	}
	buf_wipe(&out);
}
END_TEST

START_TEST(what_is_read_is_the_key_that_was_written)
{
	struct key_secret *k = key_new(KEY_APPROVER, "alice", &e), *back;
	struct key_public half;
	uint8_t sig[KEY_SIG];

	ck_assert_ptr_nonnull(k);
	ck_assert_int_eq(key_write(k, path, pub, &e), 0);
	ck_assert_ptr_nonnull(back = key_read_secret(path, KEY_APPROVER, &e));
	ck_assert_int_eq(key_read_public(pub, KEY_APPROVER, &half, &e), 0);
	ck_assert_mem_eq(&half, key_public(k), sizeof(half));
	ck_assert_int_eq(key_sign(back, "yes", 3, sig, &e), 0);
	ck_assert_int_eq(key_verify(&half, "yes", 3, sig), 1);
	key_free(k);
	key_free(back);
}
END_TEST

START_TEST(names_come_from_the_file)
{
	static const struct {
		const char *path, *name, *pub;
	} rows[] = {
		{ "dba.key", "dba", "dba.pub" },
		{ "/safe/x.key/anna.key", "anna", "/safe/x.key/anna.pub" },
		{ "keys/ben", "ben", "keys/ben.pub" },
		{ ".key", ".key", ".key.pub" },
		{ "a.key.old", "a.key.old", "a.key.old.pub" },
	};
	char name[KEY_NAME_MAX], *twin;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		key_file_name(rows[i].path, name);
		ck_assert_str_eq(name, rows[i].name);
		twin = key_file_public(rows[i].path, &e);
		ck_assert_str_eq(twin, rows[i].pub);
		free(twin);
	}
}
END_TEST

START_TEST(a_key_never_replaces_a_file)
{
	struct key_secret *k = parse(restore_text, KEY_RESTORE);

	put(path, "precious", 0600);
	ck_assert_int_eq(key_write(k, path, pub, &e), -1);
	ck_assert_int_eq(e.kind, ERR_CONFLICT);
	expect_file(path, "precious", 0600);
	ck_assert_int_ne(access(pub, F_OK), 0);

	ck_assert_int_eq(unlink(path), 0);
	put(pub, "precious", 0644);
	ck_assert_int_eq(key_write(k, path, pub, &e), -1);
	ck_assert_int_eq(e.kind, ERR_CONFLICT);
	expect_file(pub, "precious", 0644);
	ck_assert_int_ne(access(path, F_OK), 0);
	key_free(k);
}
END_TEST

START_TEST(a_secret_that_others_can_use_is_refused)
{
	static const struct {
		mode_t mode;
		const char *text;
	} rows[] = { { 0600, NULL }, { 0400, NULL }, { 0700, NULL },
		{ 0640, "key: a secret key that others can use (mode 0640)" },
		{ 0620, "key: a secret key that others can use (mode 0620)" },
		{ 0604, "key: a secret key that others can use (mode 0604)" },
		{ 0644, "key: a secret key that others can use (mode 0644)" } };
	struct key_secret *k;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put(path, restore_text, rows[i].mode);
		k = key_read_secret(path, KEY_RESTORE, &e);
		ck_assert_msg((k != NULL) == (rows[i].text == NULL), "%zu: %s", i, e.msg);
		if (k == NULL) {
			expect(ERR_REFUSED, rows[i].text);
			ck_assert_ptr_eq(strstr(e.hint, "chmod 600 "), e.hint);
		}
		key_free(k);
	}
}
END_TEST

START_TEST(a_missing_file_is_not_found)
{
	struct key_public k;

	ck_assert_ptr_null(key_read_secret(path, KEY_RESTORE, &e));
	expect(ERR_NOTFOUND, "key: open: No such file or directory");
	ck_assert_int_eq(key_read_public(pub, KEY_RESTORE, &k, &e), -1);
	expect(ERR_NOTFOUND, "key.pub: open: No such file or directory");
}
END_TEST

START_TEST(another_key_than_asked_for_is_refused)
{
	struct key_public k;

	put(path, writer_text, 0600);
	ck_assert_ptr_null(key_read_secret(path, KEY_RESTORE, &e));
	expect(ERR_REFUSED, "key: a writer secret key; a restore secret key is needed");
	ck_assert_int_eq(key_read_public(path, KEY_WRITER, &k, &e), -1);
	expect(ERR_REFUSED, "key: a writer secret key; a writer public key is needed");
	put(path, restore_public, 0600);
	ck_assert_ptr_null(key_read_secret(path, KEY_RESTORE, &e));
	expect(ERR_REFUSED, "key: a restore public key; a restore secret key is needed");
}
END_TEST

/* Replace the first `from` in text by `to`; an empty `from` appends. */
static void
edit(char *text, size_t cap, const char *from, const char *to)
{
	char *at = *from != '\0' ? strstr(text, from) : text + strlen(text);
	char rest[1024];

	ck_assert_msg(at != NULL, "no \"%s\" in the key file", from);
	snprintf(rest, sizeof(rest), "%s", at + strlen(from));
	snprintf(at, cap - (size_t)(at - text), "%s%s", to, rest);
}

START_TEST(corrupt_key_files)
{
	static const struct {
		const char *name, *from, *to, *text;
	} rows[] = {
		{ "empty", restore_text, "", "text: not a key file" },
		{ "no head", "bulkhead ", "", "text: not a key file" },
		{ "blank line first", "bulkhead", "\nbulkhead", "text: not a key file" },
		{ "unknown class", "restore", "owner",
		    "text: not a key file of a kind known here: \"bulkhead owner secret key "
		    "1\"" },
		{ "later version", "key 1", "key 2",
		    "text: not a key file of a kind known here: \"bulkhead restore secret key "
		    "2\"" },
		{ "no name line", "name dba\n", "",
		    "text: line 2: not \"name\" and its value" },
		{ "empty name", "name dba", "name ", "text: line 2: not a name for a key" },
		{ "name without space", "name dba", "name",
		    "text: line 2: not \"name\" and its value" },
		{ "bad name", "dba", "d:a", "text: line 2: not a name for a key" },
		{ "name too long", "dba",
		    "0123456789012345678901234567890123456789012345678901234567890123",
		    "text: line 2: not a name for a key" },
		{ "value too long", "dba", SEED SEED,
		    "text: line 2: not a value of \"name\"" },
		{ "id with a typo", "759a1e812446bc5f", "759a1e812446bc5e",
		    "text: id and public key do not match" },
		{ "id too short", "759a1e812446bc5f", "759a1e812446bc",
		    "text: line 3: not 16 hexadecimal digits" },
		{ "id and public swapped", "id ", "public ",
		    "text: line 3: not \"id\" and its value" },
		{ "public in upper case", "public 07a37cbc", "public 07A37CBC",
		    "text: line 4: not 64 hexadecimal digits" },
		{ "another public key", RESTORE_PK, WRITER_PK,
		    "text: id and public key do not match" },
		{ "another class of key", "restore", "writer", NULL },
		{ "another secret", "secret 00", "secret 08",
		    "text: secret and public key do not match" },
		{ "secret not clamped", "secret 00", "secret 01",
		    "text: secret and public key do not match" },
		{ "no secret", "secret " SCALAR "\n", "",
		    "text: line 5: not \"secret\" and its value" },
		{ "secret too short", SCALAR "\n", "0102\n",
		    "text: line 5: not 64 hexadecimal digits" },
		{ "no last newline", "1f60\n", "1f60",
		    "text: line 5: not \"secret\" and its value" },
		{ "carriage return", "dba\n", "dba\r\n",
		    "text: line 2: not a name for a key" },
		{ "more lines", "", "\n", "text: more than was expected after line 5" },
		{ "two keys", "", restore_text, "text: more than was expected after line 5" },
	};
	char text[1024];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "%s", restore_text);
		key_free(parse(text, KEY_RESTORE));
		edit(text, sizeof(text), rows[i].from, rows[i].to);
		ck_assert_msg(
		    key_secret_parse(text, strlen(text), "text", KEY_RESTORE, &e) == NULL,
		    "%s: passed", rows[i].name);
		if (rows[i].text != NULL)
			expect(ERR_CORRUPT, rows[i].text);
		else
			expect(ERR_REFUSED,
			    "text: a writer secret key; a restore secret key is needed");
	}
}
END_TEST

/* Even when the text names the class that is asked for: the id is of class and key. */
START_TEST(a_key_cannot_change_its_class)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s", writer_text);
	edit(text, sizeof(text), "writer", "approver");
	ck_assert_ptr_null(key_secret_parse(text, strlen(text), "text", KEY_APPROVER, &e));
	expect(ERR_CORRUPT, "text: id and public key do not match");
}
END_TEST

START_TEST(every_flipped_bit_is_noticed_but_in_the_name)
{
	const size_t len = strlen(restore_text),
		     name = strlen("bulkhead restore secret key 1\nname ");
	char text[sizeof(restore_text)];
	struct key_secret *k;
	size_t i;
	int bit;

	for (i = 0; i < len; i++)
		for (bit = 0; bit < 8; bit++) {
			memcpy(text, restore_text, sizeof(text));
			text[i] = (char)(text[i] ^ 1 << bit);
			k = key_secret_parse(text, len, "text", KEY_RESTORE, &e);
			if (i >= name && i < name + 3)
				ck_assert(
				    k == NULL || strcmp(key_public(k)->name, "dba") != 0);
			else
				ck_assert_msg(k == NULL, "byte %zu, bit %d", i, bit);
			key_free(k);
		}
}
END_TEST

START_TEST(a_large_file_is_not_a_key_file)
{
	char text[1025];

	memset(text, 'x', 1024);
	memcpy(text, restore_text, strlen(restore_text));
	text[1024] = '\0';
	put(path, text, 0600);
	ck_assert_ptr_null(key_read_secret(path, KEY_RESTORE, &e));
	expect(ERR_CORRUPT, "key: not a key file");
}
END_TEST

START_TEST(finds_a_restore_or_approver_secret_beside)
{
	static const struct {
		const char *name, *from, *to;
		int found;
	} rows[] = { { "restore", "restore", "restore", 1 },
		{ "approver", "restore", "approver", 1 }, { "writer", "restore", "writer", 0 },
		{ "verifier", "restore", "verifier", 0 },
		{ "later version", "key 1", "key 2", 1 }, { "public", "secret", "public", 0 },
		{ "not at the beginning", "bulkhead", " bulkhead", 0 } };
	char text[1024], out[128];
	size_t i;

	ck_assert_int_eq(key_beside(folder, out, sizeof(out), &e), 0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "%s", restore_text);
		edit(text, sizeof(text), rows[i].from, rows[i].to);
		put(path, text, 0600);
		ck_assert_msg(key_beside(folder, out, sizeof(out), &e) == rows[i].found, "%s",
		    rows[i].name);
		if (rows[i].found)
			ck_assert_str_eq(out, path);
	}
}
END_TEST

START_TEST(looks_at_files_only_and_not_deeper)
{
	char deeper[128], out[128];

	snprintf(deeper, sizeof(deeper), "%s/pipe", folder);
	ck_assert_int_eq(mkfifo(deeper, 0600), 0);
	snprintf(deeper, sizeof(deeper), "%s/deeper", folder);
	ck_assert_int_eq(mkdir(deeper, 0700), 0);
	snprintf(deeper, sizeof(deeper), "%s/deeper/key", folder);
	put(deeper, restore_text, 0600);
	snprintf(deeper, sizeof(deeper), "%s/gone", folder);
	ck_assert_int_eq(symlink("nowhere", deeper), 0);
	ck_assert_int_eq(key_beside(folder, out, sizeof(out), &e), 0);

	snprintf(deeper, sizeof(deeper), "%s/link", folder);
	ck_assert_int_eq(symlink("deeper/key", deeper), 0);
	ck_assert_int_eq(key_beside(folder, out, sizeof(out), &e), 1);
	ck_assert_str_eq(out, deeper);
}
END_TEST

START_TEST(a_missing_folder_is_an_error)
{
	char out[128];

	ck_assert_int_eq(key_beside(path, out, sizeof(out), &e), -1);
	expect(ERR_NOTFOUND, "key: open: No such file or directory");
}
END_TEST

Suite *
keyfile_suite(void)
{
	Suite *s = suite_create("keyfile");
	TCase *t = tcase_create("keyfile");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, files_hold_the_lines_of_the_manual_page);
	tcase_add_test(t, text_comes_back_as_it_was);
	tcase_add_test(t, what_is_read_is_the_key_that_was_written);
	tcase_add_test(t, names_come_from_the_file);
	tcase_add_test(t, a_key_never_replaces_a_file);
	tcase_add_test(t, a_secret_that_others_can_use_is_refused);
	tcase_add_test(t, a_missing_file_is_not_found);
	tcase_add_test(t, another_key_than_asked_for_is_refused);
	tcase_add_test(t, corrupt_key_files);
	tcase_add_test(t, a_key_cannot_change_its_class);
	tcase_add_test(t, every_flipped_bit_is_noticed_but_in_the_name);
	tcase_add_test(t, a_large_file_is_not_a_key_file);
	tcase_add_test(t, finds_a_restore_or_approver_secret_beside);
	tcase_add_test(t, looks_at_files_only_and_not_deeper);
	tcase_add_test(t, a_missing_folder_is_an_error);
	suite_add_tcase(s, t);
	return s;
}
