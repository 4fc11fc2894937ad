/*
 * The sealed file: the one container for all that is stored.  The format is
 * bulkhead-sealed(5).
 *
 *	preamble   header (authenticated), recipients (not: re-wrapping is a sidecar), check
 *	frame ...  36-byte frame header and ciphertext
 *
 * A random data key per file, sealed to every restore key.  Frame n is zstd, then
 * XChaCha20-Poly1305 under nonce = salt || n, with the header's digest, n and the
 * frame's header as associated data.  The checks (of the preamble, and in the frame
 * header over it and the ciphertext) are SipHash-2-4 with a public key: they tell
 * torn or damaged bytes without a key; they are no protection against forgery.
 *
 * A struct seal is immutable once made and may be shared by threads; each thread
 * has a struct seal_ctx of its own.  A frame number is used for one ciphertext
 * only: the caller numbers frames 0, 1, 2, ... and never reuses one.
 *
 * Sealing:  seal_new, write seal_preamble(), then seal_frame() for each frame.
 * Opening:  seal_open() with the key, or without one to check only, then for each frame
 *	     read SEAL_FRAME_HEADER bytes, seal_frame_parse, read `stored` bytes,
 *	     seal_frame_check (no key) and seal_frame_open.
 * Whole files: seal_walk_* below does the reading.
 */
#ifndef SEAL_SEALED_H
#define SEAL_SEALED_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "seal/key.h"

#define SEAL_FRAME_HEADER   36
#define SEAL_RAW_MAX	    (1u << 20)		/* raw bytes in a frame */
#define SEAL_STORED_MAX	    (SEAL_RAW_MAX + 16u) /* what does not shrink is stored raw */
#define SEAL_NAME_MAX	    256
#define SEAL_RECIPIENTS_MAX 16
#define SEAL_PREAMBLE_MAX						\
	(8u + 4 + 4 + 32 + 2 + SEAL_NAME_MAX + 2 + 16 + 32 + SEAL_RECIPIENTS_MAX * 88u + 8)

enum seal_kind { SEAL_PACK = 1, SEAL_MANIFEST = 2, SEAL_LOG = 3 };

enum {
	SEAL_ZSTD = 1,		/* set by seal_frame when compressing paid */
	SEAL_LAST = 2,		/* no frame follows; packs and manifests end with it */
	SEAL_HEARTBEAT = 4,	/* a log's sign of life: no bytes */
	SEAL_META = 8		/* a log's first frame: what the stream is */
};

struct seal_frame {
	uint64_t number;	/* not stored: its place in the file */
	uint32_t stored;	/* bytes of ciphertext that follow (raw or less, + 16) */
	uint32_t raw;		/* 0..SEAL_RAW_MAX */
	uint32_t flags;
	uint64_t position;	/* logs: LSN of the first byte; packs and manifests: 0 */
	uint64_t time;		/* µs since 1970 of sealing; packs and manifests: 0 */
	uint64_t check;
};

struct seal;
struct seal_ctx;	/* zstd contexts of one thread */

struct seal_ctx *seal_ctx_new(int level, struct err *e);	/* level: zstd's, 1..19 */
void seal_ctx_free(struct seal_ctx *c);

/*
 * A new file's keys.  name: 1..SEAL_NAME_MAX printable ASCII characters that say what
 * the file is (bulkhead-repository(5)).  nto: 1..SEAL_RECIPIENTS_MAX restore keys, else
 * ERR_CONFIG.  All is borrowed.
 */
struct seal *seal_new(enum seal_kind kind, const uint8_t repo[32], const char *name,
    const struct key_public *to, size_t nto, struct err *e);
void seal_free(struct seal *s);
const struct buf *seal_preamble(const struct seal *s); /* lent: the file's first bytes */
const char *seal_name(const struct seal *s);
enum seal_kind seal_kind(const struct seal *s);

/*
 * Seal raw (f->raw bytes) as frame f->number with f->flags, position, time; append
 * header and ciphertext to out; set f->stored, f->check and SEAL_ZSTD in f->flags.
 * Only with a seal of seal_new, else ERR_BUG: a file that was opened has its frames.
 */
int seal_frame(const struct seal *s, struct seal_ctx *c, struct seal_frame *f,
    const void *raw, struct buf *out, struct err *e);

/*
 * Read the preamble of src.  It must be of this kind, repository and (unless NULL)
 * name, else ERR_CORRUPT.  With key NULL its check must hold, and frames can be
 * checked, not opened; else ERR_REFUSED when the file is not sealed to this key,
 * ERR_CORRUPT when the key commitment does not hold (a bad check is no matter then:
 * the damage is in what other keys need).  *at: the offset of frame 0.
 */
struct seal *seal_open(const struct io_source *src, enum seal_kind kind,
    const uint8_t repo[32], const char *name, const struct key_secret *key, uint64_t *at,
    struct err *e);

/* Decode a frame header but f->number.  ERR_CORRUPT: lengths or flags out of bounds. */
int seal_frame_parse(const uint8_t hdr[SEAL_FRAME_HEADER], struct seal_frame *f,
    struct err *e);

/* 1 when check holds for this header and its f->stored bytes of ciphertext, else 0. */
int seal_frame_check(const uint8_t hdr[SEAL_FRAME_HEADER], const uint8_t *ciphertext,
    size_t n);

/* Authenticate and decompress frame f into out (reset first; f->raw bytes). ERR_CORRUPT. */
int seal_frame_open(const struct seal *s, struct seal_ctx *c, const struct seal_frame *f,
    const uint8_t hdr[SEAL_FRAME_HEADER], const uint8_t *ciphertext, struct buf *out,
    struct err *e);

/*
 * Walk a sealed file frame by frame.
 *
 * seal_walk_next: 1 and *f filled (header parsed, not yet the ciphertext); 0 at the
 * end; -1.  What "the end" is: after SEAL_LAST nothing may follow (ERR_CORRUPT);
 * otherwise the file ends, or a frame is not whole (runs past the end, or its
 * header or, when `checked`, its check is bad): then walk->torn tells how many bytes
 * remain from walk->at on.  The caller decides whether that is damage.
 * With checked = 0 only headers are read: cheap, for finding one's way.
 */
struct seal_walk {
	const struct io_source *src;
	uint64_t at;		/* offset of the next frame's header */
	uint64_t number;	/* of the next frame */
	int checked, last;
	uint64_t torn;		/* bytes of no whole frame at the end */
	uint64_t frame_at;	/* offset of the frame that seal_walk_next returned */
	uint8_t hdr[SEAL_FRAME_HEADER];
	struct buf ciphertext;	/* filled when checked, or by seal_walk_read */
};
void seal_walk_begin(struct seal_walk *w, const struct io_source *src, uint64_t at,
    int checked);
int seal_walk_next(struct seal_walk *w, struct seal_frame *f, struct err *e);
int seal_walk_read(struct seal_walk *w, const struct seal_frame *f, struct err *e);
void seal_walk_end(struct seal_walk *w);

/* BLAKE2b-256, streaming: the repository's hash of files, lines and lists. */
struct seal_hash {
	_Alignas(64) uint8_t state[384];	/* crypto_generichash_state */
};
void seal_hash_begin(struct seal_hash *h);
void seal_hash_add(struct seal_hash *h, const void *p, size_t n);
void seal_hash_end(struct seal_hash *h, uint8_t out[32]); /* to go on, copy h before */
void seal_hash_of(uint8_t out[32], const void *p, size_t n);

/* Keyed BLAKE2b-128 of a page, and keyed BLAKE2b-256 over page digests (a file's digest). */
#define SEAL_PAGE_DIGEST 16
void seal_page_digest(uint8_t out[SEAL_PAGE_DIGEST], const uint8_t key[32], const void *p,
    size_t n);
void seal_hash_begin_keyed(struct seal_hash *h, const uint8_t key[32]);

#endif
