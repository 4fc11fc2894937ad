/*
 * Keys: who may open, who vouches, who approves.
 *
 *	restore	  X25519: opens what is sealed to it
 *	writer	  Ed25519: signs for one source, opens nothing
 *	verifier  Ed25519: signs receipts
 *	approver  Ed25519: founds, enrols, approves
 *
 * A key file is text, one "word value" a line, and begins with
 * "bulkhead CLASS secret key 1" or "bulkhead CLASS public key 1"; see
 * bulkhead-sealed(5).  Secret keys live in sodium_malloc memory, are wiped when
 * freed, and their files must be 0600 or stricter, else ERR_REFUSED.
 */
#ifndef SEAL_KEY_H
#define SEAL_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define KEY_ID		8
#define KEY_PK		32
#define KEY_SIG		64
#define KEY_NAME_MAX	64	/* [A-Za-z0-9._-]+, with the NUL */
#define KEY_TEXT_MAX	160	/* key_public_encode's text, with the NUL */

enum key_class { KEY_RESTORE = 1, KEY_WRITER, KEY_VERIFIER, KEY_APPROVER };

struct key_public {
	enum key_class class;
	uint8_t id[KEY_ID];	/* first 8 bytes of BLAKE2b-256(class byte, pk) */
	uint8_t pk[KEY_PK];
	char name[KEY_NAME_MAX];
};

struct key_secret;	/* holds its public half too */

/*
 * First of all in every tool (without it hashes are right, but slow), and before
 * any secret is read: sodium_init, no core dumps (RLIMIT_CORE 0), and not
 * dumpable, so that a process of the same user cannot attach.  ERR_SYSTEM.
 */
int key_guard_process(struct err *e);

const char *key_class_name(enum key_class class);		/* "restore", ... */
int key_class_parse(const char *s, enum key_class *class);	/* 0 or -1 */

struct key_secret *key_new(enum key_class class, const char *name, struct err *e);
void key_free(struct key_secret *k);
const struct key_public *key_public(const struct key_secret *k);	/* lent */

/*
 * Create path (0600, durable; ERR_CONFLICT when it exists) and its public twin pub
 * (0644).  Both or, when it fails, neither.
 */
int key_write(const struct key_secret *k, const char *path, const char *pub, struct err *e);

/* What people call the key in a file: its name without folder and ".key". */
void key_file_name(const char *path, char out[KEY_NAME_MAX]);

/* Where its public half goes: x.pub for x.key, else path and ".pub".  The caller's to free. */
char *key_file_public(const char *path, struct err *e);

/*
 * Read a secret key of the given class.  ERR_REFUSED: readable by others, or of
 * another class; ERR_CORRUPT: not a key file, or its halves do not match.
 */
struct key_secret *key_read_secret(const char *path, enum key_class class, struct err *e);
int key_read_public(const char *path, enum key_class class, struct key_public *out,
    struct err *e);

/*
 * The lines of a secret key file, for embedding (the source file); buf_wipe() them.
 * Parsing takes exactly these lines; name is what messages call the text.
 */
int key_secret_text(const struct key_secret *k, struct buf *out, struct err *e);
struct key_secret *key_secret_parse(const char *text, size_t len, const char *name,
    enum key_class class, struct err *e);

/* One word, for statements and source files: "class:name:pk-in-hex". */
char *key_public_encode(char out[KEY_TEXT_MAX], const struct key_public *k);
int key_public_decode(const char *s, struct key_public *out, struct err *e);

/* Ed25519 over the message (any class but restore). */
int key_sign(const struct key_secret *k, const void *msg, size_t len, uint8_t sig[KEY_SIG],
    struct err *e);
int key_verify(const struct key_public *k, const void *msg, size_t len,
    const uint8_t sig[KEY_SIG]);	/* 1 good, 0 not */

/*
 * crypto_box_seal to a restore key (out: len + 48 bytes; ERR_CORRUPT: pk is no point),
 * and opening it (out: len - 48 bytes; ERR_REFUSED: not for this key).
 */
int key_seal(const struct key_public *k, const uint8_t *msg, size_t len, uint8_t *out,
    struct err *e);
int key_unseal(const struct key_secret *k, const uint8_t *in, size_t len, uint8_t *out,
    struct err *e);

/*
 * Is there a restore or approver secret key among the files directly in folder,
 * as far as this process can read them?  1 and its path in out (size cap), 0, or
 * -1 (ERR_NOTFOUND: no such folder; ERR_IO).  snapshot and logship refuse to run
 * beside one.
 */
int key_beside(const char *folder, char *out, size_t cap, struct err *e);

#endif
