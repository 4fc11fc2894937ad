/*
 * The source file: reading, writing, and holding it against a repository.
 */
#include <sys/stat.h>

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/hex.h"
#include "base/io.h"
#include "base/text.h"
#include "repo/source.h"

#define FILE_MAX (SEAL_RECIPIENTS_MAX * (KEY_TEXT_MAX + 8) + 1024)
#define SUM_LINE (4 + 64 + 1)	/* "sum HASH\n" */

int
source_name_ok(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return n > 0 && n < SOURCE_NAME_MAX && name[n] == '\0' &&
	    strchr("._-", name[0]) == NULL;
}

int
source_environment_ok(const char *s)
{
	return strcmp(s, "production") == 0 || strcmp(s, "staging") == 0 ||
	    strcmp(s, "development") == 0;
}

void
source_free(struct source *s)
{
	if (s == NULL)
		return;
	key_free(s->writer);
	sodium_free(s->digest_key);
	free(s);
}

/* ---- reading ---------------------------------------------------------------- */

/* The last line is the hash of all before it; t then ends before that line. */
static int
check_sum(struct text_lines *t, struct err *e)
{
	size_t len = (size_t)(t->end - t->p);
	struct text_lines last;
	uint8_t said[32], hash[32];

	if (len <= SUM_LINE)
		return err_set(e, ERR_CORRUPT, "%s: not a source file", t->name);
	text_begin(&last, t->end - SUM_LINE, SUM_LINE, t->name);
	seal_hash_of(hash, t->p, len - SUM_LINE);
	if (text_line_hex(&last, "sum", said, 32, e) != 0 || memcmp(said, hash, 32) != 0) {
		err_set(e, ERR_CORRUPT, "%s: damaged: its sum does not fit", t->name);
		return err_hint(e,
		    "take it from a copy, or make a new one with strongbox enrol"
		    " --replace");
	}
	t->end -= SUM_LINE;
	return 0;
}

static int
read_head(struct text_lines *t, struct source *s, struct err *e)
{
	char version[16];

	if (!text_next_is(t, "bulkhead source"))
		return err_set(e, ERR_CORRUPT, "%s: not a source file", t->name);
	if (check_sum(t, e) != 0 ||
	    text_line(t, "bulkhead source", version, sizeof(version), e) != 0)
		return -1;
	if (strcmp(version, "1") != 0)
		return err_set(e, ERR_CORRUPT, "%s: a source file of version %s, not 1",
		    t->name, version);
	if (text_line(t, "name", s->name, sizeof(s->name), e) != 0 ||
	    text_line(t, "environment", s->environment, sizeof(s->environment), e) != 0 ||
	    text_line_hex(t, "repository", s->repo, 32, e) != 0)
		return -1;
	if (!source_name_ok(s->name) || !source_environment_ok(s->environment))
		return err_set(e, ERR_CORRUPT,
		    "%s: not a name or environment of a source: \"%s\","
		    " \"%s\"", t->name, s->name, s->environment);
	return 0;
}

static int
read_recipients(struct text_lines *t, struct source *s, struct err *e)
{
	char text[KEY_TEXT_MAX];

	for (s->nto = 0; s->nto == 0 || text_next_is(t, "restore"); s->nto++) {
		if (s->nto == SEAL_RECIPIENTS_MAX)
			return err_set(e, ERR_CORRUPT, "%s: more than %d restore keys",
			    t->name, SEAL_RECIPIENTS_MAX);
		if (text_line(t, "restore", text, sizeof(text), e) != 0 ||
		    key_public_decode(text, &s->to[s->nto], e) != 0)
			return -1;
		if (s->to[s->nto].class != KEY_RESTORE)
			return err_set(e, ERR_CORRUPT, "%s: line %d: not a restore key",
			    t->name, t->line);
	}
	return 0;
}

struct source *
source_parse(const char *text, size_t len, const char *name, struct err *e)
{
	struct source *s = calloc(1, sizeof(*s));
	struct text_lines t;

	if (s == NULL || (s->digest_key = sodium_malloc(32)) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		source_free(s);
		return NULL;
	}
	text_begin(&t, text, len, name);
	if (read_head(&t, s, e) == 0 && read_recipients(&t, s, e) == 0 &&
	    text_line_hex(&t, "digest", s->digest_key, 32, e) == 0)
		s->writer = key_secret_parse(t.p, (size_t)(t.end - t.p), name, KEY_WRITER, e);
	if (s->writer != NULL)
		return s;
	source_free(s);
	return NULL;
}

/* Only its owner may read it, and no key that opens or approves may lie beside it. */
static int
check_place(const char *path, struct err *e)
{
	char beside[4096], *copy;
	struct stat st;
	int r;

	if (stat(path, &st) != 0)
		return err_sys(e, errno == ENOENT ? ERR_NOTFOUND : ERR_REFUSED, "%s", path);
	if ((st.st_mode & 077) != 0) {
		err_set(e, ERR_REFUSED, "%s: a writer key that others can use (mode %04o)",
		    path, (unsigned)st.st_mode & 07777u);
		return err_hint(e,
		    "chmod 600 %s, and enrol anew if others were able to read it", path);
	}
	if ((copy = strdup(path)) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	r = key_beside(dirname(copy), beside, sizeof(beside), e);
	free(copy);
	if (r <= 0)
		return r;
	err_set(e, ERR_REFUSED, "%s: there is a restore or approver key beside it: %s", path,
	    beside);
	return err_hint(e, "a database's host must not be able to read or remove backups: take"
	    " that key away from here");
}

struct source *
source_read(const char *path, struct err *e)
{
	struct buf b = BUF_INIT;
	struct source *s = NULL;

	if (check_place(path, e) != 0)
		return NULL;
	buf_reserve(&b, FILE_MAX + 2);	/* so that it does not leave copies while it grows */
	if (buf_check(&b, e) == 0 && io_read_file(path, FILE_MAX, &b, e) == 0)
		s = source_parse((const char *)b.data, b.len, path, e);
	buf_wipe(&b);
	return s;
}

/* ---- writing ---------------------------------------------------------------- */

static int
encode(const struct source *s, struct buf *b, struct err *e)
{
	char hex[65], key[KEY_TEXT_MAX];
	uint8_t hash[32];
	size_t i;

	buf_reserve(b, FILE_MAX);
	buf_fmt(b, "bulkhead source 1\nname %s\nenvironment %s\n", s->name, s->environment);
	buf_fmt(b, "repository %s\n", hex_encode(hex, s->repo, 32));
	for (i = 0; i < s->nto; i++)
		buf_fmt(b, "restore %s\n", key_public_encode(key, &s->to[i]));
	buf_str(b, "digest ");
	buf_str(b, hex_encode(hex, s->digest_key, 32));
	buf_str(b, "\n");
	sodium_memzero(hex, sizeof(hex));
	if (buf_check(b, e) != 0 || key_secret_text(s->writer, b, e) != 0)
		return -1;
	seal_hash_of(hash, b->data, b->len);
	buf_fmt(b, "sum %s\n", hex_encode(hex, hash, 32));
	return buf_check(b, e);
}

int
source_write(const struct source *s, const char *path, struct err *e)
{
	struct buf b = BUF_INIT;
	int r = encode(s, &b, e);

	if (r == 0)
		r = io_create_file(path, b.data, b.len, 0600, e);
	buf_wipe(&b);
	return r;
}

/* ---- checking --------------------------------------------------------------- */

int
source_check(const struct source *s, const struct journal *j, struct err *e)
{
	const struct journal_key *k;
	char is[65], want[65];
	size_t i;

	if (memcmp(s->repo, journal_repo_id(j), 32) != 0)
		return err_set(e, ERR_REFUSED, "source %s belongs to repository %s, not to %s",
		    s->name, hex_encode(want, s->repo, 32),
		    hex_encode(is, journal_repo_id(j), 32));
	k = journal_find_key(j, key_public(s->writer)->id);
	if (k == NULL || strcmp(k->source, s->name) != 0)
		return err_set(e, ERR_REFUSED, "source %s: its writer key was never enrolled",
		    s->name);
	if (k->replaced) {
		err_set(e, ERR_REFUSED, "source %s: its writer key was replaced", s->name);
		return err_hint(e, "use the source file that the later strongbox enrol made");
	}
	for (i = 0; i < s->nto; i++) {
		k = journal_find_key(j, s->to[i].id);
		if (k == NULL || k->key.class != KEY_RESTORE)
			return err_set(e, ERR_REFUSED,
			    "source %s: restore key %s is not one of"
			    " the repository's", s->name, s->to[i].name);
	}
	return 0;
}
