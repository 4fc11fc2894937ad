/*
 * Reading the log with the restore key: bytes by position, along a path.
 *
 * Where files overlap (a restarted logship streams the current segment again) the
 * later file counts.  Each file must begin with the preamble that its writer signed, so
 * that its data key is the writer's, and every frame is authenticated with it.
 * Thread-safe: a reader has a small cache of open files and one lock; use one reader
 * a thread for speed.
 */
#ifndef LOG_READER_H
#define LOG_READER_H

#include <stdint.h>

#include "base/err.h"
#include "log/index.h"
#include "repo/repo.h"

struct log_reader;

/* r, path and key are borrowed. */
struct log_reader *log_reader_new(struct repo *r, const struct log_path *path,
    const struct key_secret *key, struct err *e);
void log_reader_free(struct log_reader *l);

/*
 * Up to n bytes from lsn on; *got is less only at path->end.  ERR_CORRUPT: damage, or a
 * position before the end that is not held.
 */
int log_read(struct log_reader *l, uint64_t lsn, void *p, size_t n, size_t *got,
    struct err *e);

#endif
