/*
 * Key files: their text, reading and writing it, and looking for secret ones.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/io.h"
#include "base/text.h"
#include "seal/key_private.h"

#define KEY_FILE_MAX 512 /* bytes; ours have at most 249 */
#define VALUE_MAX    80	 /* of a line's value, with the NUL */

/* The first line, which tells a wrong file from a wrong key. */
static int
next_head(struct text_lines *t, enum key_class class, const char *half, struct err *e)
{
	static const char *const halves[] = { "secret", "public" };
	char value[VALUE_MAX], known[VALUE_MAX];
	enum key_class c;
	size_t i;

	if (text_line(t, "bulkhead", value, sizeof(value), e) != 0)
		return err_set(e, ERR_CORRUPT, "%s: not a key file", t->name);
	for (c = KEY_RESTORE; c <= KEY_APPROVER; c++)
		for (i = 0; i < 2; i++) {
			snprintf(
			    known, sizeof(known), "%s %s key 1", key_class_name(c), halves[i]);
			if (strcmp(value, known) != 0)
				continue;
			if (c == class && strcmp(half, halves[i]) == 0)
				return 0;
			return err_set(e, ERR_REFUSED,
			    "%s: a %s %s key; a %s %s key is needed", t->name,
			    key_class_name(c), halves[i], key_class_name(class), half);
		}
	return err_set(e, ERR_CORRUPT,
	    "%s: not a key file of a kind known here: \"bulkhead %s\"", t->name, value);
}

static int
next_public(struct text_lines *t, enum key_class class, const char *half,
    struct key_public *out, struct err *e)
{
	char name[VALUE_MAX];
	uint8_t id[KEY_ID];

	memset(out, 0, sizeof(*out));
	out->class = class;
	if (next_head(t, class, half, e) != 0 ||
	    text_line(t, "name", name, sizeof(name), e) != 0)
		return -1;
	if (!key_name_ok(name))
		return err_set(
		    e, ERR_CORRUPT, "%s: line %d: not a name for a key", t->name, t->line);
	memcpy(out->name, name, strlen(name) + 1);
	if (text_line_hex(t, "id", id, KEY_ID, e) != 0 ||
	    text_line_hex(t, "public", out->pk, KEY_PK, e) != 0)
		return -1;
	key_set_id(out);
	if (memcmp(id, out->id, KEY_ID) != 0)
		return err_set(e, ERR_CORRUPT, "%s: id and public key do not match", t->name);
	return 0;
}

struct key_secret *
key_secret_parse(const char *text, size_t len, const char *name, enum key_class class,
    struct err *e)
{
	struct text_lines t;
	struct key_secret *k = NULL;
	struct key_public pub;
	uint8_t *seed = key_alloc(KEY_SEED, e);

	if (seed == NULL)
		return NULL;
	text_begin(&t, text, len, name);
	if (next_public(&t, class, "secret", &pub, e) == 0 &&
	    text_line_hex(&t, "secret", seed, KEY_SEED, e) == 0 && text_end(&t, e) == 0)
		k = key_from_seed(class, pub.name, seed, e);
	/* The seed, too: bits that X25519 ignores must not be other ones than we write. */
	if (k != NULL && (memcmp(k->pub.pk, pub.pk, KEY_PK) != 0 ||
	    sodium_memcmp(k->seed, seed, KEY_SEED) != 0)) {
		err_set(e, ERR_CORRUPT, "%s: secret and public key do not match", name);
		key_free(k);
		k = NULL;
	}
	sodium_free(seed);
	return k;
}

static void
public_lines(struct buf *out, const struct key_public *k, const char *half)
{
	char hex[2 * KEY_PK + 1];

	buf_fmt(
	    out, "bulkhead %s %s key 1\nname %s\n", key_class_name(k->class), half, k->name);
	buf_fmt(out, "id %s\n", hex_encode(hex, k->id, KEY_ID));
	buf_fmt(out, "public %s\n", hex_encode(hex, k->pk, KEY_PK));
}

int
key_secret_text(const struct key_secret *k, struct buf *out, struct err *e)
{
	char hex[2 * KEY_SEED + 1];

	/* All at once: a buffer that grows later leaves a copy of the secret behind. */
	if (buf_reserve(out, KEY_FILE_MAX) == 0) {
		public_lines(out, &k->pub, "secret");
		buf_str(out, "secret ");
		buf_str(out, hex_encode(hex, k->seed, KEY_SEED));
		buf_str(out, "\n");
		sodium_memzero(hex, sizeof(hex));
	}
	return buf_check(out, e);
}

/* How long path is without ".key" at its end. */
static size_t
stem(const char *path)
{
	size_t n = strlen(path);

	return n > 4 && strcmp(path + n - 4, ".key") == 0 ? n - 4 : n;
}

void
key_file_name(const char *path, char out[KEY_NAME_MAX])
{
	const char *base = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;

	(void)snprintf(out, KEY_NAME_MAX, "%.*s", (int)stem(base), base);	/* cut off */
}

char *
key_file_public(const char *path, struct err *e)
{
	size_t n = stem(path);
	char *pub = malloc(n + 5);

	if (pub == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	memcpy(pub, path, n);
	memcpy(pub + n, ".pub", 5);
	return pub;
}

/* Takes the just made secret key away again: without its public twin it is of no use. */
static int
give_up(const char *path, struct err *e)
{
	if (unlink(path) != 0)
		err_hint(e, "remove %s, which was made without its public half", path);
	return -1;
}

int
key_write(const struct key_secret *k, const char *path, const char *pub, struct err *e)
{
	struct buf text = BUF_INIT;
	int r;

	r = key_secret_text(k, &text, e);
	if (r == 0)
		r = io_create_file(path, text.data, text.len, 0600, e);
	buf_wipe(&text);
	if (r != 0)
		return -1;
	public_lines(&text, &k->pub, "public");
	r = buf_check(&text, e);
	if (r == 0)
		r = io_create_file(pub, text.data, text.len, 0644, e);
	buf_free(&text);
	return r == 0 ? 0 : give_up(path, e);
}

/* Reads from fd into KEY_FILE_MAX + 1 bytes; with secret its mode must be strict. */
static int
load_text(int fd, const char *path, int secret, char *text, size_t *len, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_sys(e, ERR_IO, "%s: stat", path);
	if (secret && (st.st_mode & 077) != 0) {
		err_set(e, ERR_REFUSED, "%s: a secret key that others can use (mode %04o)",
		    path, (unsigned)st.st_mode & 07777u);
		return err_hint(e,
		    "chmod 600 %s, and make a new key if others were able to read it", path);
	}
	if (io_read_full(fd, text, KEY_FILE_MAX + 1, len, path, e) != 0)
		return -1;
	if (*len > KEY_FILE_MAX)
		return err_set(e, ERR_CORRUPT, "%s: not a key file", path);
	return 0;
}

/* The file's text in secret memory; sodium_free() it. */
static char *
read_text(const char *path, int secret, size_t *len, struct err *e)
{
	char *text = key_alloc(KEY_FILE_MAX + 1, e);
	int fd, r;

	if (text == NULL)
		return NULL;
	if ((fd = io_open(path, O_RDONLY | O_NOCTTY, 0, e)) >= 0) {
		r = load_text(fd, path, secret, text, len, e);
		if (r == 0)
			r = io_close(fd, path, e);
		else
			(void)close(fd); /* there is an error to report already */
		if (r == 0)
			return text;
	}
	sodium_free(text);
	return NULL;
}

struct key_secret *
key_read_secret(const char *path, enum key_class class, struct err *e)
{
	struct key_secret *k = NULL;
	size_t len = 0;
	char *text = read_text(path, 1, &len, e);

	if (text != NULL)
		k = key_secret_parse(text, len, path, class, e);
	sodium_free(text);
	return k;
}

int
key_read_public(const char *path, enum key_class class, struct key_public *out, struct err *e)
{
	size_t len = 0;
	char *text = read_text(path, 0, &len, e);
	struct text_lines t;
	int r;

	if (text == NULL)
		return -1;
	text_begin(&t, text, len, path);
	r = next_public(&t, class, "public", out, e);
	if (r == 0)
		r = text_end(&t, e);
	sodium_free(text);
	return r;
}

/* 1 when the file begins as a restore or approver secret key does. */
static int
is_dangerous(int fd, const char *path, struct err *e)
{
	static const char *const heads[] = { "bulkhead restore secret key ",
		"bulkhead approver secret key " };
	char head[32];
	size_t i, got;

	if (io_read_full(fd, head, sizeof(head), &got, path, e) != 0)
		return -1;
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (got >= strlen(heads[i]) && memcmp(head, heads[i], strlen(heads[i])) == 0)
			return 1;
	return 0;
}

/*
 * 1, 0 or -1 for one name in the folder.  What this process cannot read is no
 * danger to it, and a file may be gone by now: both are 0.  Only plain files: to
 * open a pipe would wait, and to open a device may do anything.
 */
static int
look_at(int dir, const char *name, const char *path, struct err *e)
{
	struct stat st;
	int fd, r;

	if (fstatat(dir, name, &st, 0) != 0 || !S_ISREG(st.st_mode))
		return 0;
	fd = openat(dir, name, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES || errno == EPERM || errno == ENOENT
		    ? 0
		    : err_sys(e, ERR_IO, "%s: open", path);
	r = is_dangerous(fd, path, e);
	(void)close(fd); /* was only read */
	return r;
}

int
key_beside(const char *folder, char *out, size_t cap, struct err *e)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int r = 0;

	if (dir == NULL)
		return err_sys(e, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s: open", folder);
	while (r == 0) {
		errno = 0;
		if ((entry = readdir(dir)) == NULL) {
			if (errno != 0)
				r = err_sys(e, ERR_IO, "%s: read", folder);
			break;
		}
		snprintf(out, cap, "%s/%s", folder, entry->d_name);
		r = look_at(dirfd(dir), entry->d_name, out, e);
	}
	(void)closedir(dir); /* was only read */
	return r;
}
