/*
 * What a line of the journal must be: its form, its place in the chain, and the rules
 * for keys, counters and signatures.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/text.h"
#include "repo/grammar.h"
#include "repo/journal_private.h"
#include "seal/sealed.h"

/* ---- one line --------------------------------------------------------------- */

/* The next of the words that single spaces separate: its length, 0 at the end. */
static size_t
word(const char **p, const char *end, const char **w)
{
	const char *space = memchr(*p, ' ', (size_t)(end - *p));

	*w = *p;
	if (space == NULL)
		return 0;
	*p = space + 1;
	return (size_t)(space - *w);
}

static int
word_into(const char **p, const char *end, char *out, size_t cap)
{
	const char *w;
	size_t n = word(p, end, &w);

	if (n == 0 || n >= cap)
		return -1;
	memcpy(out, w, n);
	out[n] = '\0';
	return 0;
}

void
journal_chain(uint8_t out[32], const uint8_t before[32], const char *line, size_t len,
    size_t hash_at)
{
	struct seal_hash h;
	char hex[65];

	seal_hash_begin(&h);
	seal_hash_add(&h, line, hash_at);
	seal_hash_add(&h, hex_encode(hex, before, 32), 64);
	seal_hash_add(&h, line + hash_at + 64, len - hash_at - 64);
	seal_hash_end(&h, out);
}

static int
split(struct journal *j, const char *line, size_t len, struct journal_entry *en,
    uint8_t hash[32], struct err *e)
{
	const char *p = line, *end = line + len, *w;
	char time[CLOCK_TEXT], hex[65];
	uint8_t right[32];
	size_t n;

	n = word(&p, end, &w);
	if (text_u64(w, n, &en->seq) != 0 || en->seq != j->next)
		return err_set(e, ERR_CORRUPT, "it does not begin with its number");
	if (word_into(&p, end, hex, sizeof(hex)) != 0 || hex_decode(hash, 32, hex) != 0)
		return err_set(e, ERR_CORRUPT, "it has no hash");
	journal_chain(right, j->hash, line, len, n + 1);
	if (memcmp(right, hash, 32) != 0)
		return err_set(e, ERR_CORRUPT,
		    "damaged, or not what followed the line before: its hash does not fit");
	if (word_into(&p, end, time, sizeof(time)) != 0 || text_time(time, &en->time) != 0 ||
	    word_into(&p, end, en->boot, sizeof(en->boot)) != 0)
		return err_set(e, ERR_CORRUPT, "it has no time or boot id");
	n = word(&p, end, &w);
	if (text_u64(w, n, &en->uptime) != 0)
		return err_set(e, ERR_CORRUPT, "it has no uptime");
	n = word(&p, end, &w);
	if (statement_read(j->st, p, (size_t)(end - p), e) != 0 ||
	    statement_parse_sigs(j->st, w, n, e) != 0)
		return -1;
	en->st = j->st;
	en->line = line;
	en->len = len;
	return 0;
}

/* ---- the rules -------------------------------------------------------------- */

static struct journal_key *
find_key(const struct journal *j, const uint8_t id[KEY_ID])
{
	int i;

	for (i = 0; i < j->nkeys; i++)
		if (memcmp(j->keys[i].key.id, id, KEY_ID) == 0)
			return &j->keys[i];
	return NULL;
}

static int
count_class(const struct statement *st, enum key_class class)
{
	const char *text;
	struct key_public k;
	struct err e;
	int i, n = 0;

	for (i = 0; (text = statement_get_nth(st, "key", i)) != NULL; i++)
		n += key_public_decode(text, &k, &e) == 0 && k.class == class;
	return n;
}

/* The founding statement vouches for itself: what it must promise, or say that it does not. */
static int
check_founding(const struct statement *st, struct err *e)
{
	int approvers = count_class(st, KEY_APPROVER), restore = count_class(st, KEY_RESTORE);
	int solo = statement_get(st, "solo") != NULL,
	    single = statement_get(st, "single-key") != NULL;
	uint64_t quorum;

	if (statement_u64(st, "quorum", &quorum, e) != 0)
		return -1;
	if (st->count != 1)
		return err_set(e, ERR_REFUSED, "the founding statement is its actor's first");
	if (quorum < 1 || quorum > (uint64_t)approvers)
		return err_set(e, ERR_REFUSED, "a quorum of %" PRIu64 " of %d approvers",
		    quorum, approvers);
	if (solo ? approvers != 1 : quorum < 2)
		return err_set(e, ERR_REFUSED, solo
			? "solo, but with several approvers"
			: "one approver alone suffices, without saying \"solo\"");
	if (single ? restore != 1 : restore < 2)
		return err_set(e, ERR_REFUSED, single
			? "single-key, but with another number of restore keys than one"
			: "less than two restore keys, without saying \"single-key\"");
	if (count_class(st, KEY_WRITER) != 0)
		return err_set(e, ERR_REFUSED,
		    "a writer key belongs to a source, and is enrolled");
	return 0;
}

static int
check_enrol(const struct journal *j, const struct statement *st, struct err *e)
{
	const char *source = statement_get(st, "source");
	enum key_class class = source != NULL ? KEY_WRITER : KEY_VERIFIER;
	const char *replaces = statement_get(st, "replaces");
	const struct journal_key *old;
	struct key_public key;
	uint8_t id[KEY_ID];
	int i, holder = 0;

	if (key_public_decode(statement_get(st, "key"), &key, e) != 0)
		return -1;
	if (key.class != class ||
	    (source != NULL) != (statement_get(st, "environment") != NULL))
		return err_set(e, ERR_REFUSED,
		    "enrol takes a source, its environment and a writer key; or a verifier"
		    " key");
	if (find_key(j, key.id) != NULL)
		return err_set(e, ERR_REFUSED, "key %s is known already", key.name);
	for (i = 0; i < j->nkeys && source != NULL; i++)
		holder |= !j->keys[i].replaced && strcmp(j->keys[i].source, source) == 0;
	if (holder && replaces == NULL)
		return err_set(e, ERR_REFUSED, "source %s is enrolled already", source);
	if (replaces == NULL)
		return 0;
	if (source == NULL || hex_decode(id, KEY_ID, replaces) != 0 ||
	    (old = find_key(j, id)) == NULL || old->replaced ||
	    strcmp(old->source, source) != 0)
		return err_set(e, ERR_REFUSED, "%s is not the writer key of source %s",
		    replaces, source == NULL ? "(none)" : source);
	return 0;
}

/* The actor may say this, and says it as its next statement. */
static int
check_actor(const struct journal *j, const struct statement *st, struct err *e)
{
	const struct journal_key *k = find_key(j, st->actor);
	const char *verb = statement_verb_name(st->verb),
	    *source = statement_get(st, "source");

	if (k == NULL)
		return err_set(e, ERR_REFUSED, "%s by a key that is not known here", verb);
	if (k->key.class != grammar_class(st->verb))
		return err_set(e, ERR_REFUSED, "%s by %s key %s, but only %s keys may", verb,
		    key_class_name(k->key.class), k->key.name,
		    key_class_name(grammar_class(st->verb)));
	if (k->replaced)
		return err_set(e, ERR_REFUSED, "%s by writer key %s, which was replaced", verb,
		    k->key.name);
	if (k->key.class == KEY_WRITER && (source == NULL || strcmp(source, k->source) != 0))
		return err_set(e, ERR_REFUSED, "the writer of source %s speaks for source %s",
		    k->source, source == NULL ? "(none)" : source);
	if (st->count != k->count + 1 || memcmp(st->last, k->last, 32) != 0)
		return err_set(e, ERR_REFUSED,
		    "statement %" PRIu64 " of %s key %s, which follows"
		    " another statement than its last one (%" PRIu64 ")", st->count,
		    key_class_name(k->key.class), k->key.name, k->count);
	return 0;
}

static int
check_number(const struct journal *j, const struct statement *st, struct err *e)
{
	switch (st->verb) {
	case ST_FOUND:
		if (st->nsigs == j->approvers)
			return 0;
		return err_set(e, ERR_REFUSED,
		    "signed by %d of %d approvers; all found together",
		    st->nsigs, j->approvers);
	case ST_ENROL:
		if (st->nsigs >= j->quorum)
			return 0;
		return err_set(e, ERR_REFUSED,
		    "signed by %d of the %d approvers that it takes", st->nsigs, j->quorum);
	default:
		if (st->nsigs == 1)
			return 0;
		return err_set(e, ERR_REFUSED, "%s with %d signatures",
		    statement_verb_name(st->verb), st->nsigs);
	}
}

/* Each signature is by a known key of the right class and, when asked for, good. */
static int
check_sigs(const struct journal *j, const struct statement *st, int verify, struct err *e)
{
	const uint8_t *repo = st->verb == ST_FOUND ? NULL : j->id;
	const struct journal_key *k;
	int i, good;

	if (memcmp(st->sigs[0].key, st->actor, KEY_ID) != 0)
		return err_set(e, ERR_REFUSED, "the first signature is not the actor's");
	for (i = 0; i < st->nsigs; i++) {
		k = find_key(j, st->sigs[i].key);
		if (k == NULL || k->key.class != grammar_class(st->verb))
			return err_set(e, ERR_REFUSED,
			    "signed by a key that has no say in it");
		good = verify ? statement_verify(st, i, repo, &k->key, e) : 1;
		if (good < 0)
			return -1;
		if (!good)
			return err_set(e, ERR_REFUSED,
			    "the signature of %s key %s is not good",
			    key_class_name(k->key.class), k->key.name);
	}
	return 0;
}

static int
add_key(struct journal *j, const char *text, const char *source, struct err *e)
{
	struct journal_key *k = realloc(j->keys, (size_t)(j->nkeys + 1) * sizeof(*k));

	if (k == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	j->keys = k;
	k += j->nkeys;
	memset(k, 0, sizeof(*k));
	if (key_public_decode(text, &k->key, e) != 0)
		return -1;
	if (find_key(j, k->key.id) != NULL)
		return err_set(e, ERR_REFUSED, "key %s is listed twice", k->key.name);
	if (source != NULL)
		snprintf(k->source, sizeof(k->source), "%s", source);
	j->nkeys++;
	return 0;
}

/* The founding keys count before the statement does: they sign it. */
static int
take_founding(struct journal *j, const struct statement *st, struct err *e)
{
	const char *text;
	uint64_t quorum;
	int i;

	if (check_founding(st, e) != 0 || statement_u64(st, "quorum", &quorum, e) != 0)
		return -1;
	for (i = 0; (text = statement_get_nth(st, "key", i)) != NULL; i++)
		if (add_key(j, text, NULL, e) != 0)
			return -1;
	j->quorum = (int)quorum;
	j->approvers = count_class(st, KEY_APPROVER);
	memcpy(j->id, st->hash, 32);
	return 0;
}

int
journal_admit(struct journal *j, const char *line, size_t len, struct journal_entry *en,
    uint8_t hash[32], struct err *e)
{
	int verify = !j->has_known || j->next > j->known.seq;
	const struct statement *st = j->st;

	if (split(j, line, len, en, hash, e) != 0 || grammar_check(st, e) != 0)
		return -1;
	if ((st->verb == ST_FOUND) != (en->seq == 0))
		return err_set(e, ERR_REFUSED, "%s statement in line %" PRIu64,
		    statement_verb_name(st->verb), en->seq);
	if (st->verb == ST_FOUND && take_founding(j, st, e) != 0)
		return -1;
	if (check_actor(j, st, e) != 0 || check_number(j, st, e) != 0 ||
	    (st->verb == ST_ENROL && check_enrol(j, st, e) != 0))
		return -1;
	return check_sigs(j, st, verify, e);
}

int
journal_apply(struct journal *j, const struct journal_entry *en, const uint8_t hash[32],
    struct err *e)
{
	const struct statement *st = en->st;
	const char *replaces = statement_get(st, "replaces");
	struct journal_key *k;
	uint8_t id[KEY_ID];

	if (st->verb == ST_ENROL &&
	    add_key(j, statement_get(st, "key"), statement_get(st, "source"), e) != 0)
		return -1;
	if (j->each != NULL && j->each(j->ctx, en, e) != 0) {
		j->nkeys -= st->verb == ST_ENROL;
		return -1;
	}
	if (replaces != NULL && hex_decode(id, KEY_ID, replaces) == 0 &&
	    (k = find_key(j, id)) != NULL)
		k->replaced = 1;
	k = find_key(j, st->actor);
	k->count = st->count;
	memcpy(k->last, st->hash, 32);
	memcpy(j->before, j->hash, 32);
	memcpy(j->hash, hash, 32);
	j->at += en->len + 1;
	j->last_len = en->len;
	j->next++;
	return 0;
}

const struct journal_key *
journal_find_key(const struct journal *j, const uint8_t id[KEY_ID])
{
	return find_key(j, id);
}
