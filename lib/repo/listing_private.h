/*
 * What the files of the listing share: tables for people, and JSON Lines.
 */
#ifndef REPO_LISTING_PRIVATE_H
#define REPO_LISTING_PRIVATE_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "repo/listing.h"

/* Text that is complete goes out; nothing stays in b. */
int listing_put(struct buf *b, FILE *out, struct err *e);

/* Is name the source that is asked for?  source NULL: all are. */
int listing_wanted(const char *source, const char *name);

/* A time to the second; "-" for never. */
const char *listing_when(char out[CLOCK_TEXT], int64_t us);

/* Tables of a source, or of all, and the fields of a snapshot. */
int listing_tables(const struct catalog *c, const char *source, struct buf *out,
    struct err *e);
void listing_snapshot_text(const struct catalog_snapshot *s, struct buf *out);

/* The same, an object each; the snapshot's is left in j. */
int listing_json(const struct catalog *c, const char *source, struct json *j,
    struct err *e);
void listing_snapshot_json(struct json *j, const struct catalog_snapshot *s);
void listing_json_hash(struct json *j, const char *key, const uint8_t *p, size_t n);

#endif
