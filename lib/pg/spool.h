/*
 * For lib/pg alone: bytes kept until their number is known; in memory, or from
 * 8 MiB on in a temporary file without a name.
 */
#ifndef PG_SPOOL_H
#define PG_SPOOL_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct spool {
	struct buf memory;	/* all of it, or what is not in the file yet */
	int fd;			/* -1: no file yet */
	uint64_t size;
};

#define SPOOL_INIT { BUF_INIT, -1, 0 }

int spool_add(struct spool *s, const void *p, size_t n, struct err *e);

/* All bytes in order, in pieces; then nothing more may be added. */
typedef int spool_data(void *ctx, const void *p, size_t n, struct err *e);
int spool_replay(struct spool *s, spool_data *data, void *ctx, struct err *e);

void spool_free(struct spool *s);

#endif
