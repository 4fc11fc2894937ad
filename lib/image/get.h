/*
 * Reading an image back: journal -> manifest -> pack -> file, each checked.
 *
 * The manifest must hash to what the journal signed (checked before use, and again
 * while read); every file's content must give the digest in the manifest.
 */
#ifndef IMAGE_GET_H
#define IMAGE_GET_H

#include <stdint.h>

#include "base/err.h"
#include "base/report.h"
#include "image/manifest.h"
#include "repo/repo.h"

struct image;

/*
 * Reads and checks the whole manifest.  ERR_REFUSED: sealed to other keys; ERR_CORRUPT;
 * ERR_NOTFOUND (manifest or list missing).  key and repo are borrowed, s is copied.
 */
struct image *image_open(struct repo *r, const struct catalog_snapshot *s,
    const struct key_secret *key, struct err *e);
void image_free(struct image *im);
const struct image_meta *image_meta(const struct image *im); /* complete: as of its end */

/*
 * Go through the files in manifest order: 1, 0 at the end, -1.  f is reset by each
 * call (so it begins as zeros) and freed by image_file_reset; image_rewind starts over.
 */
int image_next(struct image *im, struct image_file *f, struct err *e);
int image_rewind(struct image *im, struct err *e);

/*
 * Read everything with `jobs` threads.
 *
 * file: in manifest order, before its bytes, on the caller's thread; *handle is passed
 * to the others.  bytes: on workers, any order, disjoint ranges.  end: once, after all
 * bytes of a file, digest already checked, in manifest order.  damage: once for a file
 * that an unreadable or damaged pack or frame hits, or whose digest is wrong; return 0
 * to go on without it (then end is not called for it), -1 to stop with *e; NULL: stop
 * with `what`, which names file and pack.  drop: the last call for each handle, whatever
 * happened; any thread; may be NULL.
 */
struct image_visitor {
	int (*file)(void *ctx, const struct image_file *f, void **handle, struct err *e);
	int (*bytes)(void *ctx, void *handle, uint64_t offset, const uint8_t *p, size_t n,
	    struct err *e);
	int (*end)(void *ctx, void *handle, struct err *e);
	int (*damage)(void *ctx, void *handle, const char *path, const struct err *what,
	    struct err *e);
	void (*drop)(void *ctx, void *handle);
	void *ctx;
};
int image_read(struct image *im, int jobs, const struct image_visitor *v,
    struct report *report, struct err *e);

/*
 * One file's bytes in order (for a tar stream): out is called with pieces.  The digest is
 * known only at the end: a failure may come after all bytes.
 */
int image_read_file(struct image *im, const struct image_file *f,
    int (*out)(void *ctx, const uint8_t *p, size_t n, struct err *e), void *ctx,
    struct err *e);

#endif
