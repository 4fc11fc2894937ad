/*
 * Statements: what actors sign and the journal keeps.  The grammar, each verb and
 * its fields are in bulkhead-repository(5).
 *
 *	verb actor=KEYID count=N last=HASH key=value ...
 *
 * Values are percent-encoded: printable ASCII without space and '%' stands for
 * itself.  Which keys may occur more than once is in grammar.h.  What is signed is
 * "bulkhead statement 1\n" REPOSITORY-ID "\n" text "\n" ("-" for the founding one).
 */
#ifndef REPO_STATEMENT_H
#define REPO_STATEMENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "seal/key.h"

#define STATEMENT_MAX	    65536	/* bytes of text */
#define STATEMENT_SIGS_MAX  16
#define STATEMENT_FIELDS_MAX 128

enum statement_verb {
	ST_FOUND = 1, ST_ENROL, ST_SNAPSHOT, ST_LOG_OPEN, ST_LOG_MARK, ST_LOG_CLOSE,
	    ST_LOG_GAP,
	ST_RECEIPT, ST_QUARANTINE, ST_REQUEST, ST_APPROVE, ST_VETO, ST_REMOVE
};

struct statement {
	enum statement_verb verb;
	char *text;		/* owned, NUL-terminated, as signed */
	uint8_t hash[32];	/* BLAKE2b-256 of text */
	uint8_t actor[KEY_ID];
	uint64_t count;		/* 1, 2, ... of this actor */
	uint8_t last[32];	/* hash of the actor's statement before, or zeros */
	int nfields;
	struct {
		const char *key, *value;	/* decoded, owned; not before it is signed */
	} fields[STATEMENT_FIELDS_MAX];
	int nsigs;
	struct {
		uint8_t key[KEY_ID], sig[KEY_SIG];
	} sigs[STATEMENT_SIGS_MAX];	/* the actor's own first */
	/* private: behind text and fields; the fields of one that is being made, as text */
	struct buf text_buf, field_buf, draft;
};

const char *statement_verb_name(enum statement_verb verb);

/* Make one: begin, add fields, then repo_commit() (repo.h) completes, signs and stores it. */
struct statement *statement_new(enum statement_verb verb, struct err *e);
void statement_free(struct statement *st);
/* Failures are kept for statement_sign. */
void statement_add(struct statement *st, const char *key, const char *value);
void statement_add_fmt(struct statement *st, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void statement_add_hex(struct statement *st, const char *key, const uint8_t *p, size_t n);

/*
 * Put actor, count and last in front, form text and hash, and sign with each key (the actor
 * first).  repo NULL: the founding statement.  It can be signed again with other numbers.
 */
int statement_sign(struct statement *st, const uint8_t *repo, uint64_t count,
    const uint8_t last[32], const struct key_secret *const keys[], int nkeys, struct err *e);

/* Parse text strictly (ERR_CORRUPT); signatures apart: "KEYID:SIG[,KEYID:SIG...]". */
struct statement *statement_parse(const char *text, size_t len, struct err *e);
/* As statement_parse, into one that is there already: nothing is allocated anew. */
int statement_read(struct statement *st, const char *text, size_t len, struct err *e);
int statement_parse_sigs(struct statement *st, const char *text, size_t len, struct err *e);

/* Is signature i key's, over this statement in this repository?  1, 0; -1 out of memory. */
int statement_verify(const struct statement *st, int i, const uint8_t *repo,
    const struct key_public *key, struct err *e);

/* Append the signatures as statement_parse_sigs takes them. */
void statement_encode_sigs(const struct statement *st, struct buf *out);

/* A field's value, or NULL; the n-th of its name. */
const char *statement_get(const struct statement *st, const char *key);
const char *statement_get_nth(const struct statement *st, const char *key, int n);
/* Mandatory typed fields; ERR_CORRUPT names the verb and the field. */
int statement_u64(const struct statement *st, const char *key, uint64_t *out, struct err *e);
int statement_hash_field(const struct statement *st, const char *key, uint8_t out[32],
    struct err *e);
int statement_lsn(const struct statement *st, const char *key, uint64_t *lsn, struct err *e);
int statement_time(const struct statement *st, const char *key, int64_t *us, struct err *e);

#endif
