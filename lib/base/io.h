/*
 * Files: whole reads and writes, durability, and names that never clobber.
 *
 * Every call retries EINTR and short transfers, opens with O_CLOEXEC, and names
 * the file in its error.  `name` arguments are only for messages.  A failed
 * fsync is final for that file: the caller gives the file up and never retries
 * the fsync (the kernel may have dropped the dirty pages).
 * Kinds: ERR_IO; ERR_NOTFOUND for ENOENT; ERR_REFUSED for EACCES, EPERM, EROFS;
 * ERR_CONFLICT for EEXIST; ERR_SYSTEM for ENOMEM.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* The descriptor, or -1. */
int io_open(const char *path, int flags, mode_t mode, struct err *e);
int io_close(int fd, const char *name, struct err *e);

/*
 * A new file on dir's file system, without a name, for reading and writing.  Where the
 * file system can (most do), linkat(2) of its descriptor in /proc gives it one.
 */
int io_open_nameless(const char *dir, mode_t mode, struct err *e);

/* Read until n bytes or the end of file; *got tells how many. */
int io_read_full(int fd, void *p, size_t n, size_t *got, const char *name, struct err *e);
int io_pread_full(int fd, void *p, size_t n, uint64_t off, size_t *got, const char *name,
    struct err *e);
int io_write_all(int fd, const void *p, size_t n, const char *name, struct err *e);
int io_pwrite_all(int fd, const void *p, size_t n, uint64_t off, const char *name,
    struct err *e);

int io_fsync(int fd, const char *name, struct err *e);
int io_fdatasync(int fd, const char *name, struct err *e);
int io_fsync_dir(const char *path, struct err *e);

/* A whole small file, appended to out (which grows once); ERR_CORRUPT: larger than max. */
int io_read_file(const char *path, size_t max, struct buf *out, struct err *e);

/*
 * Replace path atomically and durably: temporary beside it ("path.PID-N.tmp"), fsync,
 * rename, fsync of the folder.  After a failure the old file is whole, or the new one is.
 * Such temporaries of killed processes are removed on the way.
 */
int io_write_file(const char *path, const void *p, size_t n, mode_t mode, struct err *e);

/* As io_write_file, but without fsync: for what may be lost with the machine, as metrics. */
int io_write_volatile(const char *path, const void *p, size_t n, mode_t mode, struct err *e);

/*
 * Remove the temporaries of path that killed processes left (living ones lock theirs).
 * What cannot be removed is garbage, not a failure.
 */
void io_sweep(const char *path);

/* As io_write_file, but ERR_CONFLICT when path exists already. */
int io_create_file(const char *path, const void *p, size_t n, mode_t mode, struct err *e);

/*
 * Give the (already synced) file `from` the name `to`, never replacing: link,
 * fsync of the folder, unlink of `from`.  ERR_CONFLICT when `to` exists.  A `from`
 * that cannot be removed afterwards is garbage, not a failure.
 */
int io_link_new(const char *from, const char *to, struct err *e);

/*
 * mkdir -p; every folder made is synced into its parent.  An existing one is fine, and
 * is synced too (another process may have died between its mkdir and its fsync).
 */
int io_mkdirs(const char *path, mode_t mode, struct err *e);

/* a + "/" + b, in memory that the caller frees; NULL with *e set when out of memory. */
char *io_path(const char *a, const char *b, struct err *e);

/*
 * Bytes that can be read at any offset: a local file now, an object store later.
 * pread reads up to n bytes, fewer only at the end.  Thread-safe.  ctx is lent.
 */
struct io_source {
	int (*pread)(void *ctx, void *p, size_t n, uint64_t off, size_t *got, struct err *e);
	void *ctx;
	uint64_t size;		/* bytes, when it was opened */
	const char *name;	/* for messages */
};

#endif
