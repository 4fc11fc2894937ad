/*
 * The journal's statements, as text for people and as JSON Lines.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/text.h"
#include "repo/listing_private.h"

#define HASH_SHOWN 12	/* digits of a hash that people see */

struct journal_listing {
	const struct journal *journal;
	const struct listing *how;
	struct buf text;
	struct json json;
	int raw;
};

/* A hash shortened, a key without its public half, and the rest as it was signed. */
static void
value_text(struct buf *out, const char *value)
{
	struct key_public key;
	uint8_t hash[32];
	struct err e;

	if (hex_decode(hash, 32, value) == 0)
		buf_fmt(out, "%.*s", HASH_SHOWN, value);
	else if (key_public_decode(value, &key, &e) == 0)
		buf_fmt(out, "%s:%s", key_class_name(key.class), key.name);
	else
		text_encode(out, value);
}

static const char *
signer_name(const struct journal_listing *l, const struct statement *st, int i)
{
	const struct journal_key *k = journal_find_key(l->journal, st->sigs[i].key);

	return k == NULL ? "?" : k->key.name;
}

static void
statement_text(struct journal_listing *l, const struct journal_entry *en)
{
	const struct statement *st = en->st;
	char time[CLOCK_TEXT];
	int i;

	buf_fmt(&l->text, "%" PRIu64 " %s ", en->seq, listing_when(time, en->time));
	for (i = 0; i < st->nsigs; i++)
		buf_fmt(&l->text, "%s%s", i > 0 ? "+" : "", signer_name(l, st, i));
	buf_fmt(&l->text, " %s", statement_verb_name(st->verb));
	for (i = 0; i < st->nfields; i++) {
		buf_fmt(&l->text, " %s=", st->fields[i].key);
		value_text(&l->text, st->fields[i].value);
	}
	buf_u8(&l->text, '\n');
}

/* Each field once; a repeated one as an array. */
static void
fields_json(struct json *j, const struct statement *st)
{
	const char *key, *value;
	int i, n;

	json_open(j, "fields", '{');
	for (i = 0; i < st->nfields; i++) {
		key = st->fields[i].key;
		if (statement_get(st, key) != st->fields[i].value)
			continue;	/* not its first */
		if (statement_get_nth(st, key, 1) == NULL) {
			json_str(j, key, st->fields[i].value);
			continue;
		}
		json_open(j, key, '[');
		for (n = 0; (value = statement_get_nth(st, key, n)) != NULL; n++)
			json_str(j, NULL, value);
		json_close(j, ']');
	}
	json_close(j, '}');
}

static int
statement_json(struct journal_listing *l, const struct journal_entry *en, struct err *e)
{
	const struct statement *st = en->st;
	struct json *j = &l->json;
	int i;

	json_begin(j, "statement");
	json_uint(j, "seq", en->seq);
	json_time(j, "time", en->time);
	json_str(j, "boot", en->boot);
	json_uint(j, "uptime", en->uptime);
	json_str(j, "verb", statement_verb_name(st->verb));
	listing_json_hash(j, "actor", st->actor, KEY_ID);
	json_uint(j, "count", st->count);
	json_open(j, "signers", '[');
	for (i = 0; i < st->nsigs; i++)
		json_str(j, NULL, signer_name(l, st, i));
	json_close(j, ']');
	fields_json(j, st);
	return json_print(j, e);
}

static int
each_statement(void *ctx, const struct journal_entry *en, struct err *e)
{
	struct journal_listing *l = ctx;

	if (l->how->json)
		return statement_json(l, en, e);
	if (l->raw) {
		buf_add(&l->text, en->line, en->len);
		buf_u8(&l->text, '\n');
	} else
		statement_text(l, en);
	return listing_put(&l->text, l->how->out, e);
}

int
listing_journal(struct repo *r, int raw, const struct listing *l, struct err *e)
{
	struct journal_listing jl = { repo_journal(r), l, BUF_INIT, JSON_INIT, raw };
	int got = repo_each_statement(r, each_statement, &jl, e);

	buf_free(&jl.text);
	json_free(&jl.json);
	return got;
}
