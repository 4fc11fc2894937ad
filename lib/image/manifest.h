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

#define IMAGE_PAGE 8192u

struct image_run {
	uint64_t page;		/* first page in the file */
	uint32_t pages;
	uint32_t pack;		/* line number (from 0) in the pack list */
	uint32_t frame;		/* in that pack */
	uint32_t offset;	/* of the first page's bytes in the frame */
};

struct image_file {
	struct pg_file f;	/* type, path, target, mode, mtime, size */
	uint8_t digest[32];	/* keyed BLAKE2b-256 over its page digests */
	struct image_run *runs;
	size_t nruns;
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
	struct {
		uint32_t oid;
		char location[1024];
	} *tablespaces;		/* owned */
};

enum manifest_record { MANIFEST_BEGIN = 1, MANIFEST_FILE, MANIFEST_MORE, MANIFEST_END };

/* Encode one record (with its length and kind) to out. A file longer than a frame becomes FILE and MOREs: `emit` is called per record. */
int manifest_encode_meta(struct buf *out, enum manifest_record kind, const struct image_meta *m,
    struct err *e);
int manifest_encode_file(const struct image_file *f,
    int (*emit)(void *ctx, const struct buf *record, struct err *e), void *ctx, struct err *e);

/* Decode records from a frame's bytes: 1 and *kind, 0 at the frame's end, -1 ERR_CORRUPT. MORE appends to f->runs. */
int manifest_decode(struct view *v, enum manifest_record *kind, struct image_meta *m,
    struct image_file *f, struct err *e);

void image_file_reset(struct image_file *f);	/* frees runs */
void image_meta_free(struct image_meta *m);

#endif
