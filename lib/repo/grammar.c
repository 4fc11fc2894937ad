/*
 * What each verb says, as a table.
 */
#include <string.h>

#include "base/hex.h"
#include "base/text.h"
#include "pg/lsn.h"
#include "repo/catalog.h"
#include "repo/grammar.h"
#include "repo/source.h"

enum form { NUMBER, NUMBER32, FLAG, ONE, TIME, LSN, HASH, KEY, KEYID, ID32, SOURCE, NAME,
	STREAM, FILE_NAME, ENVIRONMENT, WORD, TEXT };
enum { MUST, MAY, MUST_MANY };	/* how often */

#define V(verb) (1u << ST_##verb)
#define SNAPSHOT V(SNAPSHOT)
#define OPEN	 V(LOG_OPEN)
#define MARK	 (V(LOG_MARK) | V(LOG_CLOSE))
#define LOG	 (OPEN | MARK | V(LOG_GAP))

static const struct rule {
	const char *key;
	unsigned verbs;
	enum form form;
	int often;
} rules[] = {
	{ "version", V(FOUND), ONE, MUST },
	{ "quorum", V(FOUND), NUMBER32, MUST },
	{ "key", V(FOUND), KEY, MUST_MANY },
	{ "solo", V(FOUND), ONE, MAY },
	{ "single-key", V(FOUND), ONE, MAY },

	{ "source", V(ENROL), SOURCE, MAY },
	{ "environment", V(ENROL), ENVIRONMENT, MAY },
	{ "key", V(ENROL), KEY, MUST },
	{ "replaces", V(ENROL), KEYID, MAY },

	{ "source", SNAPSHOT | LOG | V(RECEIPT) | V(QUARANTINE) | V(REMOVE), SOURCE, MUST },
	{ "engine", SNAPSHOT | OPEN, WORD, MUST },
	{ "version", SNAPSHOT | OPEN, NUMBER32, MUST },
	{ "system", SNAPSHOT | OPEN, NUMBER, MUST },
	{ "timeline", SNAPSHOT | OPEN, NUMBER32, MUST },
	{ "segsize", SNAPSHOT | OPEN, NUMBER32, MUST },
	{ "history", SNAPSHOT | OPEN, TEXT, MUST },
	{ "start", SNAPSHOT | OPEN, LSN, MUST },

	{ "id", SNAPSHOT, NAME, MUST },
	{ "stop", SNAPSHOT, LSN, MUST },
	{ "started", SNAPSHOT, TIME, MUST },
	{ "stopped", SNAPSHOT, TIME, MUST },
	{ "manifest", SNAPSHOT, HASH, MUST },
	{ "packs", SNAPSHOT, HASH, MUST },
	{ "bytes", SNAPSHOT, NUMBER, MUST },
	{ "stored", SNAPSHOT, NUMBER, MUST },
	{ "files", SNAPSHOT, NUMBER, MUST },
	{ "npacks", SNAPSHOT, NUMBER, MUST },
	{ "broken", SNAPSHOT, FLAG, MUST },
	{ "base", SNAPSHOT, NAME, MAY },

	{ "stream", LOG, STREAM, MUST },
	{ "file", OPEN | MARK, FILE_NAME, MUST },
	{ "preamble", OPEN, HASH, MUST },
	{ "parent", OPEN, STREAM, MAY },
	{ "after", OPEN, FILE_NAME, MAY },
	{ "after-frames", OPEN, NUMBER, MAY },
	{ "after-bytes", OPEN, NUMBER, MAY },
	{ "after-position", OPEN, LSN, MAY },
	{ "frames", MARK, NUMBER, MUST },
	{ "bytes", MARK, NUMBER, MUST },
	{ "position", MARK, LSN, MUST },
	{ "digest", MARK, HASH, MUST },
	{ "tail", MARK, HASH, MAY },
	{ "from", V(LOG_GAP), LSN, MUST },
	{ "to", V(LOG_GAP), LSN, MUST },
	{ "reason", V(LOG_GAP) | V(QUARANTINE) | V(VETO), TEXT, MUST },

	/* reserved: checked, so that what is added later is well-formed for today's readers */
	{ "time", ~(V(ENROL) | SNAPSHOT | OPEN | V(LOG_GAP)), TIME, MUST },
	{ "snapshot", V(RECEIPT), NAME, MUST },
	{ "manifest", V(RECEIPT), HASH, MUST },
	{ "level", V(RECEIPT), WORD, MUST },
	{ "result", V(RECEIPT), WORD, MUST },
	{ "replayed-to", V(RECEIPT), LSN, MAY },
	{ "timeline", V(RECEIPT), NUMBER32, MAY },
	{ "pack", V(QUARANTINE), HASH, MUST_MANY },
	{ "id", V(REQUEST), ID32, MUST },
	{ "kind", V(REQUEST), WORD, MUST },
	{ "plan", V(REQUEST) | V(APPROVE) | V(REMOVE), HASH, MUST },
	{ "delay", V(REQUEST), NUMBER, MUST },
	{ "source", V(REQUEST), SOURCE, MAY },
	{ "text", V(REQUEST), TEXT, MAY },
	{ "request", V(APPROVE) | V(VETO) | V(REMOVE), ID32, MUST },
	{ "snapshot", V(REMOVE), NAME, MUST_MANY },
};

enum key_class
grammar_class(enum statement_verb verb)
{
	switch (verb) {
	case ST_SNAPSHOT:
	case ST_LOG_OPEN:
	case ST_LOG_MARK:
	case ST_LOG_CLOSE:
	case ST_LOG_GAP:
		return KEY_WRITER;
	case ST_RECEIPT:
	case ST_QUARANTINE:
		return KEY_VERIFIER;
	default:
		return KEY_APPROVER;
	}
}

/* "<16 upper-case hex digits>.<1..>" */
static int
file_name_ok(const char *s)
{
	uint64_t n;

	return strspn(s, "0123456789ABCDEF") == 16 && s[16] == '.' &&
	    strlen(s) < LOG_NAME_MAX &&
	    text_u64(s + 17, strlen(s + 17), &n) == 0 && n > 0;
}

static int
hex_ok(const char *s, size_t n)
{
	uint8_t out[32];

	return hex_decode(out, n, s) == 0;
}

static int
form_ok(enum form form, const char *s)
{
	struct key_public key;
	struct err e;
	uint64_t n;
	int64_t t;

	switch (form) {
	case NUMBER:
		return text_u64(s, strlen(s), &n) == 0;
	case NUMBER32:
		return text_u64(s, strlen(s), &n) == 0 && n <= UINT32_MAX;
	case FLAG:
		return strcmp(s, "0") == 0 || strcmp(s, "1") == 0;
	case ONE:
		return strcmp(s, "1") == 0;
	case TIME:
		return text_time(s, &t) == 0;
	case LSN:
		return lsn_parse(s, &n) == 0;
	case HASH:
		return hex_ok(s, 32);
	case KEY:
		return key_public_decode(s, &key, &e) == 0;
	case KEYID:
		return hex_ok(s, KEY_ID);
	case ID32:
		return hex_ok(s, 16);
	case SOURCE:
		return source_name_ok(s);
	case NAME:
		return text_name_ok(s, SNAPSHOT_ID_MAX);
	case STREAM:
		return text_name_ok(s, STREAM_NAME_MAX);
	case FILE_NAME:
		return file_name_ok(s);
	case ENVIRONMENT:
		return source_environment_ok(s);
	case WORD:
		return text_name_ok(s, 16);
	case TEXT:
		return 1;
	}
	return 0;
}

static int
check_rule(const struct statement *st, const struct rule *r, struct err *e)
{
	const char *verb = statement_verb_name(st->verb);
	int i, n = 0;

	for (i = 0; i < st->nfields; i++) {
		if (strcmp(st->fields[i].key, r->key) != 0)
			continue;
		if (!form_ok(r->form, st->fields[i].value))
			return err_set(e, ERR_CORRUPT, "%s statement: bad field %s=\"%.100s\"",
			    verb, r->key, st->fields[i].value);
		n++;
	}
	if (n == 0 && r->often != MAY)
		return err_set(e, ERR_CORRUPT, "%s statement without field \"%s\"", verb,
		    r->key);
	if (n > 1 && r->often != MUST_MANY)
		return err_set(e, ERR_CORRUPT, "%s statement with field \"%s\" twice", verb,
		    r->key);
	return 0;
}

int
grammar_check(const struct statement *st, struct err *e)
{
	size_t i;

	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if ((rules[i].verbs & 1u << st->verb) != 0 &&
		    check_rule(st, &rules[i], e) != 0)
			return -1;
	return 0;
}
