/*
 * The manifest: what a snapshot consists of, as a stream of records in a sealed file.
 * The format is in bulkhead-repository(5); it has room for pages that an earlier
 * snapshot stored (runs may point into any pack of the list).
 *
 *	begin (meta) ; { file ; more-runs* }* ; end (meta)
 *
 * A record never crosses a frame.  Files come in the order in which they were
 * completed.  Runs are sorted by page and cover every page of the file once.
 */
#ifndef IMAGE_MANIFEST_H
#define IMAGE_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "pg/basebackup.h"

#define IMAGE_PAGE	   8192u
#define IMAGE_SETTINGS_MAX 8192u
#define IMAGE_PACK_FRAMES  65536u /* bounds what a reader must remember of a pack */

struct image_run {
	uint64_t page;	/* first page in the file */
	uint32_t pages;
	uint32_t pack;	 /* line number (from 0) in the pack list */
	uint32_t frame;	 /* in that pack */
	uint32_t offset; /* of the first page's bytes in the frame */
};

struct image_file {
	struct pg_file f;   /* type, path, target, mode, mtime, size */
	uint8_t digest[32]; /* regular files: keyed BLAKE2b-256 over its page digests */
	struct image_run *runs;
	size_t nruns, runs_cap;
};

struct image_tablespace {
	uint32_t oid;
	char location[PG_PATH_MAX];
};

struct image_meta {
	char source[64], id[40], engine[16], label[256];
	int version;
	uint64_t system_id, start, stop;
	uint32_t timeline, segment_size;
	int64_t started, stopped;
	uint8_t digest_key[32];
	uint64_t files, bytes;
	int broken_pages;
	char broken_text[512];
	int ntablespaces;
	struct image_tablespace *tablespaces; /* owned */
	char *settings; /* owned, or NULL: "name = value" lines, at most IMAGE_SETTINGS_MAX */
};

/*
 * Pages of a file of this size; all have IMAGE_PAGE
 * bytes but the last, which may be shorter.
 */
uint64_t image_pages(uint64_t size);

enum manifest_record { MANIFEST_BEGIN = 1, MANIFEST_FILE, MANIFEST_MORE, MANIFEST_END };

/* Append one meta record (MANIFEST_BEGIN or _END) with its length and kind to out. */
int manifest_encode_meta(struct buf *out, enum manifest_record kind,
    const struct image_meta *m, struct err *e);

/*
 * Encode a file: one FILE record, and MOREs when its runs do not fit.  `emit` is
 * called with each record, which is at most a frame long and lent.
 */
int manifest_encode_file(const struct image_file *f,
    int (*emit)(void *ctx, const struct buf *record, struct err *e), void *ctx, struct err *e);

/*
 * Decode the next record of a frame: 1 and *kind, 0 at the frame's end, -1 ERR_CORRUPT.
 * BEGIN and END fill *m (freed first), FILE fills *f (reset first), MORE appends to
 * f->runs.  Paths, order and lengths of runs are checked; whether all pages of the
 * file are covered yet, image_file_complete tells.
 */
int manifest_decode(struct view *v, enum manifest_record *kind, struct image_meta *m,
    struct image_file *f, struct err *e);
int image_file_complete(const struct image_file *f);

int image_file_add_run(struct image_file *f, const struct image_run *run, struct err *e);
void image_file_reset(struct image_file *f); /* frees runs */
void image_meta_free(struct image_meta *m);

#endif
