/*
 * The catalog's memory: finding a snapshot or log file by name among hundreds of
 * thousands, and one copy of each timeline history.
 */
#ifndef REPO_CATALOG_INDEX_H
#define REPO_CATALOG_INDEX_H

#include <stddef.h>

#include "base/err.h"
#include "pg/lsn.h"

struct catalog_index;

struct catalog_index *catalog_index_new(struct err *e);
void catalog_index_free(struct catalog_index *ix);

/*
 * A table maps the three names of an entry (its source, and what tells it from the others of
 * that source) to its number.  `same` tells whether entry n has these names.
 */
enum catalog_table { CATALOG_SNAPSHOTS, CATALOG_LOGS, CATALOG_TABLES };
typedef int (*catalog_same)(const void *ctx, size_t n, const char *const names[3]);

/* The entry's number, or -1. */
long catalog_index_find(const struct catalog_index *ix, enum catalog_table t,
    const char *const names[3], catalog_same same, const void *ctx);
int catalog_index_add(struct catalog_index *ix, enum catalog_table t,
    const char *const names[3], size_t n, struct err *e);

/* The one copy of a history equal to h. */
const struct wal_history *catalog_index_history(struct catalog_index *ix,
    const struct wal_history *h, struct err *e);

#endif
