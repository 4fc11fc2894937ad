/*
 * Sealed files for tests, in memory, and forged ones: written from bulkhead-sealed(5)
 * with libsodium alone, not with lib/seal.  So they pin the format, and they may lie
 * where lib/seal would not.
 */
#ifndef SEALED_FORGE_H
#define SEALED_FORGE_H

#include "seal/sealed.h"

/* A source of the bytes in b, which may change meanwhile; its size is that of now. */
struct io_source forge_source(struct buf *b, const char *name);

/* What the header says; zero means: as it should be. */
struct forge_header {
	uint32_t version, kind;
	const char *repo;	/* 32 bytes */
	const char *name;	/* "" too */
	uint16_t nto;
	int bad_commitment, bad_check, bad_hints;
};

struct forge {
	uint8_t dek[32], salt[16], digest[32];
	uint64_t number;	/* of the next frame */
	struct buf out;
};

#define FORGE_REPO "a repository's id of 32 letters."
#define FORGE_NAME "shop/20261122T100000Z"

/* A pack of FORGE_REPO called FORGE_NAME, but for what h says otherwise. */
void forge_begin(struct forge *g, const struct forge_header *h, const struct key_public *to,
    size_t nto);

/* A frame of these n plain bytes, as they are; raw, flags, position and time as f says. */
void forge_frame(struct forge *g, const struct seal_frame *f, const void *plain, size_t n);
void forge_end(struct forge *g);

#endif
