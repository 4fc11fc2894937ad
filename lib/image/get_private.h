/*
 * What the files of the get side share: the image, and packs open for reading.
 */
#ifndef IMAGE_GET_PRIVATE_H
#define IMAGE_GET_PRIVATE_H

#include <stdatomic.h>

#include "image/get.h"
#include "seal/sealed.h"

#define PACKS_OPEN 8

/*
 * An open pack.  Finding frames is for one thread; a found frame can be read by
 * any, for as long as it holds the pack.
 */
struct pack_reader {
	atomic_uint refs;
	uint32_t number;
	char name[65];
	struct repo_object *object;
	struct seal *seal;
	struct seal_walk walk; /* to find further frames */
	uint64_t *at;	       /* where frame n begins; one more than frames */
	uint32_t frames, cap;
	uint64_t used; /* when, by pack_cache.clock */
};

struct pack_cache {
	struct repo *repo;
	const struct key_secret *key;
	const char *source;
	const uint8_t *packs; /* npacks x 32 */
	size_t npacks;
	struct pack_reader *open[PACKS_OPEN];
	uint64_t clock;
};

/* Errors name the pack.  The reader is held until pack_reader_drop. */
struct pack_reader *pack_cache_get(struct pack_cache *c, uint32_t number, struct err *e);
void pack_cache_free(struct pack_cache *c);
void pack_reader_drop(struct pack_reader *r);

/* Where frame n lies, header included. */
int pack_reader_find(struct pack_reader *r, uint32_t n, uint64_t *at, size_t *len,
    struct err *e);

/* Read and open the frame found there.  Scratch and out are the calling thread's. */
int pack_reader_open(const struct pack_reader *r, uint32_t n, uint64_t at, size_t len,
    struct seal_ctx *ctx, struct buf *scratch, struct buf *out, struct err *e);

struct image {
	struct repo *repo;
	const struct key_secret *key;
	struct catalog_snapshot snapshot; /* of its strings only those held inside */
	struct image_meta meta, scratch;
	uint8_t *packs;
	struct pack_cache cache;
	struct seal_ctx *ctx;

	struct repo_object *manifest;
	struct seal *seal;
	uint64_t first; /* offset of the manifest's frame 0 */
	struct seal_walk walk;
	struct seal_hash hash;
	struct buf frame;
	struct view records;
	int begun, ended;
	uint64_t files, bytes;

	/* image_read_file's current frame */
	struct pack_reader *pack;
	uint32_t pack_frame;
	struct buf raw, ciphertext;
};

/* Bytes of a run: whole pages, but for the file's last one. */
uint32_t image_run_bytes(const struct image_file *f, const struct image_run *run);

/*
 * Digests of the pages that a frame holds at offset;
 * ERR_CORRUPT when it is too short for them.
 */
int image_digest_pages(const struct image_meta *m, const struct buf *frame, uint32_t offset,
    uint32_t len, uint8_t (*out)[SEAL_PAGE_DIGEST], struct err *e);

/* ERR_CORRUPT: the file's digest is wrong; pack: the one that held its end. */
int image_digest_wrong(const struct image_file *f, const char *pack, struct err *e);

#endif
