/*
 * What journal.c (reading), journal_rules.c (what a line must be) and journal_write.c
 * share.
 */
#ifndef REPO_JOURNAL_PRIVATE_H
#define REPO_JOURNAL_PRIVATE_H

#include "repo/journal.h"

/* SEQ, HASH, TIME, BOOT and UPTIME take less than 200 bytes. */
#define JOURNAL_LINE_MAX (200 + STATEMENT_SIGS_MAX * 146 + STATEMENT_MAX)

struct journal {
	char *path;
	int (*each)(void *ctx, const struct journal_entry *en, struct err *e);
	void *ctx;

	uint64_t next;		/* seq of the next line: so many have been read */
	uint64_t at;		/* offset of the next line */
	uint64_t last_len;	/* bytes of the last line, without the newline */
	uint8_t hash[32];	/* of the last line; zeros before line 0 */
	uint8_t before[32];	/* of the line before that */
	uint64_t torn;

	int has_known;
	struct journal_head known;

	uint8_t id[32];
	int quorum, approvers;
	struct journal_key *keys;
	int nkeys;
	struct statement *st;	/* the line that is being read; its memory is used again */
};

struct journal *journal_new(const char *path, struct err *e);

/* Its hash: of the line with the hash `before` at hash_at in the place of its own. */
void journal_chain(uint8_t out[32], const uint8_t before[32], const char *line, size_t len,
    size_t hash_at);

/*
 * Read a line and hold it to the rules; nothing changes (but line 0 makes its keys
 * known).  ERR_CORRUPT: its form; ERR_REFUSED: who says what.
 */
int journal_admit(struct journal *j, const char *line, size_t len, struct journal_entry *en,
    uint8_t hash[32], struct err *e);

/* An admitted line takes effect, or, when there is no memory for it, nothing changes. */
int journal_apply(struct journal *j, const struct journal_entry *en, const uint8_t hash[32],
    struct err *e);

#endif
