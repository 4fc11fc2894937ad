/*
 * What a repository holds, for strongbox list, show and journal: as text for people
 * on a stream, or as JSON Lines on stdout.
 */
#ifndef REPO_LISTING_H
#define REPO_LISTING_H

#include <stdio.h>

#include "base/err.h"
#include "repo/repo.h"

struct listing {
	int json;	/* objects on stdout; else text on out */
	FILE *out;	/* flushed by the caller */
};

/* Sources, snapshots, streams, gaps; of one source unless source is NULL. ERR_NOTFOUND. */
int listing_all(struct repo *r, const char *source, const struct listing *l, struct err *e);

/*
 * One source by its name, or one snapshot by its id or the beginning of it; source NULL: of
 * any.  ERR_NOTFOUND, ERR_USAGE (ambiguous).
 */
int listing_one(struct repo *r, const char *source, const char *name, const struct listing *l,
    struct err *e);

/* Every statement; raw: the lines as they are. */
int listing_journal(struct repo *r, int raw, const struct listing *l, struct err *e);

#endif
