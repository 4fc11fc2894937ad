/* Which snapshot to restore. */
#ifndef IMAGE_CHOOSE_H
#define IMAGE_CHOOSE_H

#include <stdint.h>

#include "base/err.h"
#include "base/report.h"
#include "repo/catalog.h"

struct image_choice {
	const char *id;	     /* this one (or the beginning of its id); or NULL */
	const char *before;  /* as the user gave it, for messages; or NULL */
	int64_t before_time; /* µs; 0: none */
	uint64_t before_lsn; /* 0: none */
};

/* A time with its zone, or an LSN. ERR_USAGE. */
int image_choice_before(struct image_choice *w, const char *text, struct err *e);

/*
 * The named one; or the newest one that ended at or before a time or position and lies on
 * the history of the source's newest snapshot or log; or the newest of all.  One with
 * broken pages is taken only by name.  ERR_NOTFOUND.
 */
const struct catalog_snapshot *image_choose(const struct catalog *c, const char *source,
    const struct image_choice *w, struct report *report, struct err *e);

#endif
