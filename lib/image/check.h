/*
 * Checking stored snapshots: without a key against what the journal signs, with one
 * down to the database's own checksums.
 *
 * What is wrong is told as findings, all of it; -1 is a failure of this process alone.
 */
#ifndef IMAGE_CHECK_H
#define IMAGE_CHECK_H

#include <stdint.h>

#include "base/err.h"
#include "base/report.h"
#include "repo/finding.h"
#include "repo/repo.h"

struct image_check {
	struct repo *repo;
	const char *source;
	int jobs;
	int percent;	/* of the packs whose contents are read; 0: only their ends */
	uint64_t seed;	/* which of them */
	struct findings *findings;
	struct report *report;
};

/*
 * All snapshots of the source, without a key.  Manifest and pack list: their hashes, and
 * the manifest's frames.  Packs: there, with a preamble of this source and a LAST frame,
 * together as long as what was stored; those that are read: each frame's check, and
 * that the bytes hash to the name.  Packs that no snapshot needs are a note.
 */
int image_check_stored(const struct image_check *o, struct err *e);

/*
 * One snapshot with the key: the manifest is complete, every frame opens, every file has
 * its digest, pages have PostgreSQL's checksums (where the database has them), the WAL
 * is there from start to stop and its records have their CRCs.  That WAL is given to wal()
 * in order, in pieces from the start's page on up to the stop; NULL: to nobody.
 */
int image_check_deep(const struct image_check *o, const struct catalog_snapshot *s,
    const struct key_secret *key,
    int (*wal)(void *ctx, uint64_t lsn, const uint8_t *p, size_t n, struct err *e), void *ctx,
    struct err *e);

#endif
