/*
 * For lib/pg alone: one tar archive of BASE_BACKUP as file events.  libarchive
 * reads it; the bytes are pulled, and go on to the sink without being copied.
 */
#ifndef PG_TARSTREAM_H
#define PG_TARSTREAM_H

#include <stddef.h>

#include "base/err.h"
#include "pg/basebackup.h"

struct tar_source {
	/* Lend the next bytes until the next call: 1, *n > 0; 0 at the archive's end; -1. */
	int (*next)(void *ctx, const void **p, size_t *n, struct err *e);
	void *ctx;
};

/*
 * Read src to its end and push every member into sink, its path behind prefix
 * ("" or "pg_tblspc/<oid>/").  A hostile server may have made the archive: what is
 * no file, folder or tablespace link, or lies outside, is ERR_CORRUPT.
 */
int tar_stream(const struct tar_source *src, const char *prefix, const struct pg_sink *sink,
    struct err *e);

#endif
