/*
 * Statements: making, signing and parsing them, and their typed fields.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/text.h"
#include "pg/lsn.h"
#include "repo/statement.h"
#include "seal/sealed.h"

#define KEY_WORD_MAX 32		/* characters of a field's key */
#define ID_HEX	     (2 * KEY_ID)
#define SIG_HEX	     (2 * KEY_SIG)

static const char *const verb_names[] = {
	[ST_FOUND] = "found",
	[ST_ENROL] = "enrol",
	[ST_SNAPSHOT] = "snapshot",
	[ST_LOG_OPEN] = "log-open",
	[ST_LOG_MARK] = "log-mark",
	[ST_LOG_CLOSE] = "log-close",
	[ST_LOG_GAP] = "log-gap",
	[ST_RECEIPT] = "receipt",
	[ST_QUARANTINE] = "quarantine",
	[ST_REQUEST] = "request",
	[ST_APPROVE] = "approve",
	[ST_VETO] = "veto",
	[ST_REMOVE] = "remove",
};

const char *
statement_verb_name(enum statement_verb verb)
{
	return verb >= ST_FOUND && verb <= ST_REMOVE ? verb_names[verb] : "unknown";
}

struct statement *
statement_new(enum statement_verb verb, struct err *e)
{
	struct statement *st = calloc(1, sizeof(*st));

	if (st == NULL)
		err_set(e, ERR_SYSTEM, "out of memory");
	else
		st->verb = verb;
	return st;
}

void
statement_free(struct statement *st)
{
	if (st == NULL)
		return;
	buf_free(&st->text_buf);
	buf_free(&st->field_buf);
	buf_free(&st->draft);
	free(st);
}

void
statement_add(struct statement *st, const char *key, const char *value)
{
	buf_fmt(&st->draft, " %s=", key);
	text_encode(&st->draft, value);
}

void
statement_add_fmt(struct statement *st, const char *key, const char *fmt, ...)
{
	char value[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(value))
		st->draft.failed = BUF_TOO_LONG;
	else
		statement_add(st, key, value);
}

void
statement_add_hex(struct statement *st, const char *key, const uint8_t *p, size_t n)
{
	char hex[2 * 64 + 1];

	if (n > 64)
		st->draft.failed = BUF_TOO_LONG;
	else
		statement_add(st, key, hex_encode(hex, p, n));
}

/* What is signed. */
static int
signed_text(const struct statement *st, const uint8_t *repo, struct buf *out, struct err *e)
{
	char id[65] = "-";

	if (repo != NULL)
		hex_encode(id, repo, 32);
	buf_reserve(out, st->text_buf.len + 128);
	buf_fmt(out, "bulkhead statement 1\n%s\n", id);
	buf_add(out, st->text_buf.data, st->text_buf.len);
	buf_u8(out, '\n');
	return buf_check(out, e);
}

static int
sign_all(struct statement *st, const uint8_t *repo, const struct key_secret *const keys[],
    int nkeys, struct err *e)
{
	struct buf msg = BUF_INIT;
	int i, r = signed_text(st, repo, &msg, e);

	for (i = 0; i < nkeys && r == 0; i++) {
		memcpy(st->sigs[i].key, key_public(keys[i])->id, KEY_ID);
		r = key_sign(keys[i], msg.data, msg.len, st->sigs[i].sig, e);
	}
	st->nsigs = r == 0 ? nkeys : 0;
	buf_free(&msg);
	return r;
}

int
statement_sign(struct statement *st, const uint8_t *repo, uint64_t count,
    const uint8_t last[32], const struct key_secret *const keys[], int nkeys, struct err *e)
{
	struct buf text = BUF_INIT;
	char actor[ID_HEX + 1], hash[65];
	int r;

	if (nkeys < 1 || nkeys > STATEMENT_SIGS_MAX)
		return err_set(e, ERR_USAGE, "a statement is signed by 1 to %d keys, not %d",
		    STATEMENT_SIGS_MAX, nkeys);
	if (buf_check(&st->draft, e) != 0)
		return -1;
	buf_fmt(&text, "%s actor=%s count=%" PRIu64 " last=%s", statement_verb_name(st->verb),
	    hex_encode(actor, key_public(keys[0])->id, KEY_ID), count,
	    hex_encode(hash, last, 32));
	buf_add(&text, st->draft.data, st->draft.len);
	r = buf_check(&text, e);
	if (r == 0)	/* so what we say is what a reader will understand */
		r = statement_read(st, (const char *)text.data, text.len, e);
	buf_free(&text);
	return r == 0 ? sign_all(st, repo, keys, nkeys, e) : -1;
}

/* The next word up to a space or the end; its length, 0 when there is none. */
static size_t
next_word(const char **p, const char *end, const char **word)
{
	const char *space;

	*word = *p;
	if (*p == end)
		return 0;
	space = memchr(*p, ' ', (size_t)(end - *p));
	*p = space == NULL ? end : space + 1;
	/* A space at the very end announces a word that does not come. */
	if (space != NULL && *p == end)
		return 0;
	return (size_t)((space == NULL ? end : space) - *word);
}

/* "key=..." with exactly that key: where the value begins, or NULL. */
static const char *
value_of(const char *word, size_t n, const char *key, size_t want)
{
	size_t k = strlen(key);

	if (n != k + 1 + want || memcmp(word, key, k) != 0 || word[k] != '=')
		return NULL;
	return word + k + 1;
}

/* Hex digits inside a longer text. */
static int
hex_in(uint8_t *out, size_t n, const char *s)
{
	char hex[SIG_HEX + 1];

	memcpy(hex, s, 2 * n);
	hex[2 * n] = '\0';
	return hex_decode(out, n, hex);
}

static int
read_verb(struct statement *st, const char *word, size_t n)
{
	enum statement_verb v;

	for (v = ST_FOUND; v <= ST_REMOVE; v++)
		if (strlen(verb_names[v]) == n && memcmp(verb_names[v], word, n) == 0) {
			st->verb = v;
			return 0;
		}
	return -1;
}

static int
read_head(struct statement *st, const char **p, const char *end, struct err *e)
{
	const char *word, *value;
	size_t n;

	n = next_word(p, end, &word);
	if (n == 0 || read_verb(st, word, n) != 0)
		return err_set(e, ERR_CORRUPT, "unknown verb \"%.*s\"", n > 40 ? 40
		    : (int)n, word);
	n = next_word(p, end, &word);
	if ((value = value_of(word, n, "actor", ID_HEX)) == NULL ||
	    hex_in(st->actor, KEY_ID, value) != 0)
		return err_set(e, ERR_CORRUPT, "%s statement without an actor",
		    verb_names[st->verb]);
	n = next_word(p, end, &word);
	if (n < 6 || memcmp(word, "count=", 6) != 0 ||
	    text_u64(word + 6, n - 6, &st->count) != 0 ||
	    st->count == 0)
		return err_set(e, ERR_CORRUPT, "%s statement without a count",
		    verb_names[st->verb]);
	n = next_word(p, end, &word);
	if ((value = value_of(word, n, "last", 64)) == NULL ||
	    hex_in(st->last, 32, value) != 0)
		return err_set(e, ERR_CORRUPT, "%s statement without a last hash",
		    verb_names[st->verb]);
	return 0;
}

/* Length of the key in front of '=', or 0 when it is no key. */
static size_t
key_length(const char *word, size_t n)
{
	size_t i;

	for (i = 0; i < n && word[i] != '='; i++)
		if (!(word[i] >= 'a' && word[i] <= 'z') &&
		    (i == 0 || (word[i] != '-' && !(word[i] >= '0' && word[i] <= '9'))))
			return 0;
	return i < n && i <= KEY_WORD_MAX ? i : 0;
}

/* One "key=value" into the next field; `at` moves on in the memory behind the fields. */
static int
read_field(struct statement *st, const char *word, size_t n, char **at, struct err *e)
{
	size_t k = key_length(word, n);
	char *key = *at, *value = key + k + 1;

	if (k == 0)
		return err_set(e, ERR_CORRUPT, "%s statement: \"%.*s\" is no field",
		    verb_names[st->verb], n > 40 ? 40 : (int)n, word);
	if (st->nfields == STATEMENT_FIELDS_MAX)
		return err_set(e, ERR_CORRUPT, "%s statement: more than %d fields",
		    verb_names[st->verb], STATEMENT_FIELDS_MAX);
	memcpy(key, word, k);
	key[k] = '\0';
	if (text_decode(value, word + k + 1, n - k - 1) != 0)
		return err_set(e, ERR_CORRUPT, "%s statement: field \"%s\": bad encoding",
		    verb_names[st->verb], key);
	st->fields[st->nfields].key = key;
	st->fields[st->nfields].value = value;
	st->nfields++;
	*at += n + 1;
	return 0;
}

int
statement_read(struct statement *st, const char *text, size_t len, struct err *e)
{
	const char *p = text, *end = text + len, *word;
	char *at;
	size_t n;

	st->nfields = st->nsigs = 0;
	if (len == 0 || len > STATEMENT_MAX)
		return err_set(e, ERR_CORRUPT, "statement of %zu bytes", len);
	if (read_head(st, &p, end, e) != 0)
		return -1;
	buf_reset(&st->text_buf);
	buf_reset(&st->field_buf);
	buf_add(&st->text_buf, text, len);
	buf_reserve(&st->field_buf, len + 1);	/* decoded, nothing grows */
	(void)buf_cstr(&st->text_buf);		/* for the NUL */
	if (buf_check(&st->text_buf, e) != 0 || buf_check(&st->field_buf, e) != 0)
		return -1;
	st->text = (char *)st->text_buf.data;
	for (at = (char *)st->field_buf.data; p != end;) {
		n = next_word(&p, end, &word);
		if (read_field(st, word, n, &at, e) != 0)
			return -1;
	}
	seal_hash_of(st->hash, text, len);
	return 0;
}

struct statement *
statement_parse(const char *text, size_t len, struct err *e)
{
	struct statement *st = statement_new(ST_FOUND, e);

	if (st != NULL && statement_read(st, text, len, e) != 0) {
		statement_free(st);
		st = NULL;
	}
	return st;
}

int
statement_parse_sigs(struct statement *st, const char *text, size_t len, struct err *e)
{
	const char *p = text, *end = text + len;
	int i;

	for (st->nsigs = 0; st->nsigs < STATEMENT_SIGS_MAX; p++) {
		uint8_t *key = st->sigs[st->nsigs].key;

		if (end - p < ID_HEX + 1 + SIG_HEX || p[ID_HEX] != ':' ||
		    hex_in(key, KEY_ID, p) != 0 ||
		    hex_in(st->sigs[st->nsigs].sig, KEY_SIG, p + ID_HEX + 1) != 0)
			break;
		for (i = 0; i < st->nsigs; i++)
			if (memcmp(st->sigs[i].key, key, KEY_ID) == 0)
				return err_set(e, ERR_CORRUPT, "signed twice by one key");
		st->nsigs++;
		p += ID_HEX + 1 + SIG_HEX;
		if (p == end)
			return 0;
		if (*p != ',')
			break;
	}
	return err_set(e, ERR_CORRUPT, "not a list of 1 to %d signatures", STATEMENT_SIGS_MAX);
}

void
statement_encode_sigs(const struct statement *st, struct buf *out)
{
	char id[ID_HEX + 1], sig[SIG_HEX + 1];
	int i;

	for (i = 0; i < st->nsigs; i++)
		buf_fmt(out, "%s%s:%s", i > 0 ? ","
		    : "", hex_encode(id, st->sigs[i].key, KEY_ID),
		    hex_encode(sig, st->sigs[i].sig, KEY_SIG));
}

int
statement_verify(const struct statement *st, int i, const uint8_t *repo,
    const struct key_public *key, struct err *e)
{
	struct buf msg = BUF_INIT;
	int good;

	if (i >= st->nsigs || memcmp(st->sigs[i].key, key->id, KEY_ID) != 0)
		return 0;
	if (signed_text(st, repo, &msg, e) != 0)
		good = -1;
	else
		good = key_verify(key, msg.data, msg.len, st->sigs[i].sig);
	buf_free(&msg);
	return good;
}

const char *
statement_get(const struct statement *st, const char *key)
{
	return statement_get_nth(st, key, 0);
}

const char *
statement_get_nth(const struct statement *st, const char *key, int n)
{
	int i;

	for (i = 0; i < st->nfields; i++)
		if (strcmp(st->fields[i].key, key) == 0 && n-- == 0)
			return st->fields[i].value;
	return NULL;
}

static int
bad_field(const struct statement *st, const char *key, struct err *e)
{
	const char *value = statement_get(st, key);

	if (value == NULL)
		return err_set(e, ERR_CORRUPT, "%s statement without field \"%s\"",
		    statement_verb_name(st->verb), key);
	return err_set(e, ERR_CORRUPT, "%s statement: bad field %s=\"%.100s\"",
	    statement_verb_name(st->verb), key, value);
}

int
statement_u64(const struct statement *st, const char *key, uint64_t *out, struct err *e)
{
	const char *value = statement_get(st, key);

	if (value == NULL || text_u64(value, strlen(value), out) != 0)
		return bad_field(st, key, e);
	return 0;
}

int
statement_hash_field(const struct statement *st, const char *key, uint8_t out[32],
    struct err *e)
{
	const char *value = statement_get(st, key);

	if (value == NULL || hex_decode(out, 32, value) != 0)
		return bad_field(st, key, e);
	return 0;
}

int
statement_lsn(const struct statement *st, const char *key, uint64_t *lsn, struct err *e)
{
	const char *value = statement_get(st, key);

	if (value == NULL || lsn_parse(value, lsn) != 0)
		return bad_field(st, key, e);
	return 0;
}

int
statement_time(const struct statement *st, const char *key, int64_t *us, struct err *e)
{
	const char *value = statement_get(st, key);

	if (value == NULL || text_time(value, us) != 0)
		return bad_field(st, key, e);
	return 0;
}
