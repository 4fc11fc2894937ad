/*
 * Tests of seal/key.
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seal/key.h"
#include "suites.h"

static struct err e;

static void
expect(enum err_kind kind, const char *text)
{
	ck_assert_str_eq(e.msg, text);
	ck_assert_int_eq(e.kind, kind);
}

static struct key_secret *
make(enum key_class class, const char *name)
{
	struct key_secret *k = key_new(class, name, &e);

	ck_assert_msg(k != NULL, "%s", e.msg);
	return k;
}

/* In a child, since there is no way back.  It tells by its exit status. */
START_TEST(guarding_forbids_core_dumps_and_debuggers)
{
	struct rlimit core;
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (key_guard_process(&e) != 0)
			_exit(1);
		if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 ||
		    core.rlim_max != 0)
			_exit(2);
		_exit(prctl(PR_GET_DUMPABLE) == 0 ? 0 : 3);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(class_names_go_both_ways)
{
	static const char *const names[] = { "restore", "writer", "verifier", "approver" };
	enum key_class class;
	size_t i;

	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(key_class_parse(names[i], &class), 0);
		ck_assert_str_eq(key_class_name(class), names[i]);
	}
	ck_assert_int_eq(key_class_parse("Restore", &class), -1);
	ck_assert_int_eq(key_class_parse("", &class), -1);
	ck_assert_str_eq(key_class_name((enum key_class)0), "unknown");
	ck_assert_str_eq(key_class_name((enum key_class)5), "unknown");
}
END_TEST

START_TEST(new_keys_differ)
{
	struct key_secret *a = make(KEY_WRITER, "db1"), *b = make(KEY_WRITER, "db1");

	ck_assert_mem_ne(key_public(a)->pk, key_public(b)->pk, KEY_PK);
	ck_assert_mem_ne(key_public(a)->id, key_public(b)->id, KEY_ID);
	key_free(a);
	key_free(b);
	key_free(NULL);
}
END_TEST

START_TEST(a_name_is_letters_digits_dots_dashes)
{
	static const char *const bad[] = { "", "a b", "a:b", "a\n", "\xc3\xa4", "a/b",
		"0123456789012345678901234567890123456789012345678901234567890123" };
	size_t i;

	key_free(make(KEY_WRITER, "aZ09._-"));
	key_free(make(KEY_WRITER,
	    "012345678901234567890123456789012345678901234567890123456789012"));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(
		    key_new(KEY_WRITER, bad[i], &e) == NULL, "\"%s\" passed", bad[i]);
		ck_assert_int_eq(e.kind, ERR_USAGE);
	}
	ck_assert_ptr_null(key_new(KEY_WRITER, "a b", &e));
	expect(ERR_USAGE, "not a name for a key: \"a b\"");
	ck_assert_str_eq(e.hint, "1 to 63 letters, digits, '.', '_' and '-'");
	ck_assert_ptr_null(key_new((enum key_class)5, "a", &e));
	expect(ERR_BUG, "no key class 5");
}
END_TEST

START_TEST(a_public_key_is_one_word)
{
	static const char word[] =
	    "writer:db1:79b5562e8fe654f94078b112e8a98ba7901f853ae695bed7e0e3910bad049664";
	struct key_public k;
	char text[KEY_TEXT_MAX];

	ck_assert_int_eq(key_public_decode(word, &k, &e), 0);
	ck_assert_int_eq(k.class, KEY_WRITER);
	ck_assert_str_eq(k.name, "db1");
	ck_assert_mem_eq(k.id, "\x4b\xf7\x6c\x6c\xab\xd4\xd6\x25", KEY_ID);
	ck_assert_str_eq(key_public_encode(text, &k), word);
}
END_TEST

START_TEST(the_longest_word_fits)
{
	struct key_secret *k = make(KEY_APPROVER,
	    "012345678901234567890123456789012345678901234567890123456789012");
	struct key_public back;
	char text[KEY_TEXT_MAX];

	ck_assert_uint_lt(strlen(key_public_encode(text, key_public(k))), KEY_TEXT_MAX);
	ck_assert_int_eq(key_public_decode(text, &back, &e), 0);
	ck_assert_mem_eq(&back, key_public(k), sizeof(back));
	key_free(k);
}
END_TEST

#define HEX "79b5562e8fe654f94078b112e8a98ba7901f853ae695bed7e0e3910bad049664"

START_TEST(another_word_is_no_public_key)
{
	static const char *const bad[] = { "", ":", "::", "writer", "writer:db1",
		"writer:db1:", "writer::" HEX, ":db1:" HEX, "owner:db1:" HEX,
		"writer:db1:" HEX " ", "writer:db1:" HEX "0", "writer:db1:" HEX ":",
		" writer:db1:" HEX, "writer:db 1:" HEX, "writer:db1:x" HEX, "writer:a:b:" HEX,
		"writer:db1:79B5562e8fe654f94078b112e8a98ba7901f853ae695bed7e0e3910bad049664",
		"writer:0123456789012345678901234567890123456789012345678901234567890123:" HEX,
		"writer:" HEX HEX HEX ":" HEX };
	struct key_public k;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(
		    key_public_decode(bad[i], &k, &e) == -1, "\"%s\" passed", bad[i]);
		ck_assert_int_eq(e.kind, ERR_CORRUPT);
	}
	ck_assert_int_eq(key_public_decode("writer", &k, &e), -1);
	expect(ERR_CORRUPT, "not a public key: \"writer\"");
}
END_TEST

START_TEST(a_signature_holds_for_its_message_and_key_only)
{
	static const enum key_class classes[] = { KEY_WRITER, KEY_VERIFIER, KEY_APPROVER };
	struct key_secret *a, *b;
	uint8_t sig[KEY_SIG];
	size_t i;

	for (i = 0; i < 3; i++) {
		a = make(classes[i], "a");
		b = make(classes[i], "b");
		ck_assert_int_eq(key_sign(a, "yes", 3, sig, &e), 0);
		ck_assert_int_eq(key_verify(key_public(a), "yes", 3, sig), 1);
		ck_assert_int_eq(key_verify(key_public(a), "yet", 3, sig), 0);
		ck_assert_int_eq(key_verify(key_public(a), "ye", 2, sig), 0);
		ck_assert_int_eq(key_verify(key_public(b), "yes", 3, sig), 0);
		sig[40] ^= 1;
		ck_assert_int_eq(key_verify(key_public(a), "yes", 3, sig), 0);
		key_free(a);
		key_free(b);
	}
}
END_TEST

START_TEST(a_restore_key_neither_signs_nor_vouches)
{
	struct key_secret *dba = make(KEY_RESTORE, "dba"), *db1 = make(KEY_WRITER, "db1");
	struct key_public posing = *key_public(db1);
	uint8_t sig[KEY_SIG];

	ck_assert_int_eq(key_sign(dba, "yes", 3, sig, &e), -1);
	expect(ERR_BUG, "key dba: a restore key does not sign");
	ck_assert_int_eq(key_sign(db1, "yes", 3, sig, &e), 0);
	posing.class = KEY_RESTORE;
	ck_assert_int_eq(key_verify(&posing, "yes", 3, sig), 0);
	key_free(dba);
	key_free(db1);
}
END_TEST

START_TEST(what_is_sealed_to_a_key_only_it_opens)
{
	struct key_secret *dba = make(KEY_RESTORE, "dba"), *spare = make(KEY_RESTORE, "spare");
	uint8_t box[5 + 48], out[5];

	ck_assert_int_eq(key_seal(key_public(dba), (const uint8_t *)"hello", 5, box, &e), 0);
	ck_assert_int_eq(key_unseal(dba, box, sizeof(box), out, &e), 0);
	ck_assert_mem_eq(out, "hello", 5);
	ck_assert_int_eq(key_unseal(spare, box, sizeof(box), out, &e), -1);
	expect(ERR_REFUSED, "not sealed to key spare");
	ck_assert_int_eq(key_unseal(dba, box, sizeof(box) - 1, out, &e), -1);
	ck_assert_int_eq(key_unseal(dba, box, 47, out, &e), -1);
	box[50] ^= 1;
	ck_assert_int_eq(key_unseal(dba, box, sizeof(box), out, &e), -1);
	expect(ERR_REFUSED, "not sealed to key dba");
	key_free(dba);
	key_free(spare);
}
END_TEST

START_TEST(only_restore_keys_are_sealed_to)
{
	struct key_secret *db1 = make(KEY_WRITER, "db1");
	uint8_t box[5 + 48] = { 0 }, out[5];

	ck_assert_int_eq(key_seal(key_public(db1), (const uint8_t *)"hello", 5, box, &e), -1);
	expect(ERR_BUG, "key db1: nothing can be sealed to a writer key");
	ck_assert_int_eq(key_unseal(db1, box, sizeof(box), out, &e), -1);
	expect(ERR_BUG, "key db1: a writer key opens nothing");
	key_free(db1);
}
END_TEST

Suite *
key_suite(void)
{
	Suite *s = suite_create("key");
	TCase *t = tcase_create("key");

	tcase_add_test(t, guarding_forbids_core_dumps_and_debuggers);
	tcase_add_test(t, class_names_go_both_ways);
	tcase_add_test(t, new_keys_differ);
	tcase_add_test(t, a_name_is_letters_digits_dots_dashes);
	tcase_add_test(t, a_public_key_is_one_word);
	tcase_add_test(t, the_longest_word_fits);
	tcase_add_test(t, another_word_is_no_public_key);
	tcase_add_test(t, a_signature_holds_for_its_message_and_key_only);
	tcase_add_test(t, a_restore_key_neither_signs_nor_vouches);
	tcase_add_test(t, what_is_sealed_to_a_key_only_it_opens);
	tcase_add_test(t, only_restore_keys_are_sealed_to);
	suite_add_tcase(s, t);
	return s;
}
