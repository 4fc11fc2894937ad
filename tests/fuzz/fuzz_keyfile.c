/*
 * Fuzzes the reading of key files and of public keys in one word.
 */
#include <sys/mman.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "seal/key.h"

static struct buf good;
static char path[64];
static int fd;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct key_secret *k;
	struct err e;

	(void)argc;
	(void)argv;
	MUST((k = key_new(KEY_RESTORE, "dba", &e)) != NULL);
	MUST(key_secret_text(k, &good, &e) == 0);
	key_free(k);
	MUST((fd = memfd_create("key", 0)) >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return 0;
}

/* A secret key that is read must be written as the same text. */
static void
read_secret(const char *text, size_t len)
{
	struct buf again = BUF_INIT;
	struct key_secret *k;
	struct err e;

	if ((k = key_secret_parse(text, len, "text", KEY_RESTORE, &e)) == NULL)
		return;
	MUST(key_secret_text(k, &again, &e) == 0);
	MUST(again.len == len && memcmp(again.data, text, len) == 0);
	key_free(k);
	buf_wipe(&again);
}

/* Through a file, since a public key is only ever read from one; and as one word. */
static void
read_public(struct buf *text)
{
	char word[KEY_TEXT_MAX];
	struct key_public k;
	struct err e;

	MUST(ftruncate(fd, 0) == 0 &&
	     pwrite(fd, text->data, text->len, 0) == (ssize_t)text->len);
	(void)key_read_public(path, KEY_RESTORE, &k, &e); /* either will do */
	if (key_public_decode(buf_cstr(text), &k, &e) == 0)
		MUST(strcmp(key_public_encode(word, &k), buf_cstr(text)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf text = BUF_INIT;

	if (len == 0)
		return 0;
	if (data[0] % 2 == 0)
		buf_add(&text, data + 1, len - 1);
	else {
		buf_add(&text, good.data, good.len);
		fuzz_edit(&text, data + 1, len - 1);
	}
	if (text.len > 0) {
		read_secret((const char *)text.data, text.len);
		read_public(&text);
	}
	buf_free(&text);
	return 0;
}
