/*
 * Journals as nobody should write them: lines chained by the book (bulkhead-repository(5)),
 * without asking lib/repo whether they are right.
 */
#ifndef JOURNAL_FORGE_H
#define JOURNAL_FORGE_H

#include "base/buf.h"
#include "repo/statement.h"

struct forge {
	struct buf text;	/* the journal */
	uint64_t next;		/* seq of the next line */
	char hash[65];		/* of the last line */
};

void forge_load(struct forge *g, const char *path);
void forge_save(const struct forge *g, const char *path);
void forge_free(struct forge *g);

/* Append a signed statement as the next line. */
void forge_add(struct forge *g, const struct statement *st);

/* Append "SEQ HASH rest", whatever rest is, with the right HASH. */
void forge_add_text(struct forge *g, const char *rest);

#endif
