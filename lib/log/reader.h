/*
 * Reading the log with the restore key: bytes by position, along a path.
 *
 * Where files overlap (a restarted logship streams the current segment again) the
 * later file counts.  Every frame is authenticated.  Thread-safe: a reader has
 * a small cache of open files and one lock; use one reader a thread for speed.
 */
#ifndef LOG_READER_H
#define LOG_READER_H

#include <stdint.h>

#include "base/err.h"
#include "log/index.h"
#include "repo/repo.h"

struct log_reader;

/* ix and path must outlive it; key is borrowed. */
struct log_reader *log_reader_new(struct repo *r, const struct log_index *ix,
    const struct log_path *path, const struct key_secret *key, struct err *e);
void log_reader_free(struct log_reader *l);

/* Up to n bytes from lsn on; *got is less only at path->end; a hole before that, or damage, is ERR_CORRUPT. */
int log_read(struct log_reader *l, uint64_t lsn, void *p, size_t n, size_t *got, struct err *e);

#endif
