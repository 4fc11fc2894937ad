/* What key.c and keyfile.c share, and memory for secrets; no one else includes it. */
#ifndef SEAL_KEY_PRIVATE_H
#define SEAL_KEY_PRIVATE_H

#include "seal/key.h"

#define KEY_SEED 32

struct key_secret {
	struct key_public pub;
	uint8_t seed[KEY_SEED]; /* what the key file holds: X25519 scalar or Ed25519 seed */
	uint8_t sign[64];	/* Ed25519: libsodium's secret key; restore: unused */
};

/*
 * n bytes of guarded, locked, zeroed memory.  sodium_free() wipes it, and takes NULL.
 * This also sees to sodium_init, so that whoever holds a secret may call libsodium.
 */
void *key_alloc(size_t n, struct err *e);

/* 1 when it is a name as key.h wants it. */
int key_name_ok(const char *name);

/* The key whose seed this is; its own copy is clamped.  name is valid.  NULL: ERR_SYSTEM. */
struct key_secret *key_from_seed(enum key_class class, const char *name,
    const uint8_t seed[KEY_SEED], struct err *e);

/* Fill in the id from class and pk. */
void key_set_id(struct key_public *k);

#endif
