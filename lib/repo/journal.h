/*
 * The journal: one line a statement, chained by hash, read without a key.
 *
 *	SEQ HASH TIME BOOT UPTIME SIGNATURES STATEMENT
 *
 * HASH is BLAKE2b-256 of this line (without newline) with the HASH of the line before in
 * its place (zeros for line 0), so it covers itself and all before it, and a
 * flipped bit shows in the line where it is, the last one included.  TIME,
 * BOOT and UPTIME are the keeper's.  Line 0 is the founding statement; the
 * BLAKE2b-256 of its text is the repository id.
 *
 * Reading checks everything: the chain, that each actor's key exists, is of the
 * class that the verb asks for and (writers) of that source, its counter and last
 * hash, and every signature.  A prefix that this machine checked before
 * (the remembered head) is only hashed: the head's hash pins it.
 * A last line without newline is an append that was cut off: not an error, but
 * told (torn); the next append removes it.
 */
#ifndef REPO_JOURNAL_H
#define REPO_JOURNAL_H

#include <stdint.h>

#include "base/err.h"
#include "repo/statement.h"

#define SOURCE_NAME_MAX 64	/* [a-z0-9][a-z0-9._-]*, with the NUL */

struct journal_head {
	uint64_t seq;		/* of the last line */
	uint8_t hash[32];	/* its HASH */
};

struct journal_entry {
	uint64_t seq;
	int64_t time;		/* the keeper's, µs */
	char boot[40];
	uint64_t uptime;	/* seconds */
	const struct statement *st;
	const char *line;	/* as it is in the file, len bytes without the newline */
	size_t len;
};

struct journal_key {
	struct key_public key;
	char source[SOURCE_NAME_MAX];	/* writers: whose */
	int replaced;			/* by another writer key: void */
	uint64_t count;			/* statements so far */
	uint8_t last[32];		/* hash of the last one's text */
};

struct journal;

/*
 * Read path from its start.  known (or NULL): a head checked before; the line with
 * that seq must have that hash, else ERR_CORRUPT ("shorter than ...", "forked").
 * pin (or NULL): the repository id it must have (ERR_REFUSED).  each() is called for
 * every statement in order (state derived elsewhere); it may be NULL.
 */
struct journal *journal_read(const char *path, const struct journal_head *known,
    const uint8_t *pin, int (*each)(void *ctx, const struct journal_entry *en, struct err *e),
    void *ctx, struct err *e);
/*
 * Read the lines that have been added since.  ERR_CORRUPT also when the last line read
 * is no longer there as it was.
 */
int journal_refresh(struct journal *j, struct err *e);
void journal_free(struct journal *j);

const uint8_t *journal_repo_id(const struct journal *j);
struct journal_head journal_head(const struct journal *j);
int journal_quorum(const struct journal *j, int *approvers);	/* returns N of *approvers */
uint64_t journal_torn(const struct journal *j);	/* bytes of a cut-off last line */
const struct journal_key *journal_find_key(const struct journal *j, const uint8_t id[KEY_ID]);
/* From 0 on; NULL behind the last. */
const struct journal_key *journal_key_at(const struct journal *j, int i);

/* Write line 0 as a new file (durable; ERR_CONFLICT when it exists). */
int journal_create(const char *path, const struct statement *found, struct err *e);

/*
 * Append a signed statement: checked as when reading, written with one write, synced.
 * The caller holds the keeper's lock and has refreshed.  *entry_seq: its line.
 * ERR_REFUSED: by an unknown key, of another class, too few approvers.
 */
int journal_append(struct journal *j, const struct statement *st, uint64_t *entry_seq,
    struct err *e);

#endif
