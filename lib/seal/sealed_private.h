/* What sealed.c, frame.c and walk.c share; no one else includes it. */
#ifndef SEAL_SEALED_PRIVATE_H
#define SEAL_SEALED_PRIVATE_H

#include "seal/sealed.h"

#define SEAL_DEK  32
#define SEAL_SALT 16
#define SEAL_TAG  16

struct seal {
	enum seal_kind kind;
	char name[SEAL_NAME_MAX + 1];
	uint8_t salt[SEAL_SALT];
	uint8_t digest[32];	/* of the header */
	uint8_t *dek;		/* SEAL_DEK secret bytes; NULL: opened without a key */
	int fresh;		/* from seal_new: frames may be sealed */
	struct buf preamble;
};

/* The key of the checks: not a secret. */
extern const uint8_t seal_check_key[16];

#endif
