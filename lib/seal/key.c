/*
 * Keys in memory: making them, signing, sealing to one, and their one-word text.
 */
#include <sys/prctl.h>
#include <sys/resource.h>

#include <sodium.h>
#include <string.h>

#include "base/hex.h"
#include "seal/key_private.h"
#include "seal/sealed.h"

_Static_assert(KEY_PK == crypto_box_PUBLICKEYBYTES && KEY_PK == crypto_sign_PUBLICKEYBYTES &&
    KEY_SIG == crypto_sign_BYTES && KEY_SEED == crypto_sign_SEEDBYTES &&
    KEY_SEED == crypto_box_SECRETKEYBYTES, "key sizes");

static const char *const class_names[] = {
	[KEY_RESTORE] = "restore",
	[KEY_WRITER] = "writer",
	[KEY_VERIFIER] = "verifier",
	[KEY_APPROVER] = "approver",
};

int
key_guard_process(struct err *e)
{
	const struct rlimit none = { 0, 0 };

	if (sodium_init() < 0)
		return err_set(e, ERR_SYSTEM, "libsodium: no source of randomness");
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return err_sys(e, ERR_SYSTEM, "unable to forbid core dumps");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_sys(e, ERR_SYSTEM, "unable to shut out debuggers");
	return 0;
}

const char *
key_class_name(enum key_class class)
{
	return class >= KEY_RESTORE && class <= KEY_APPROVER ? class_names[class] : "unknown";
}

int
key_class_parse(const char *s, enum key_class *class)
{
	enum key_class c;

	for (c = KEY_RESTORE; c <= KEY_APPROVER; c++)
		if (strcmp(s, class_names[c]) == 0) {
			*class = c;
			return 0;
		}
	return -1;
}

void *
key_alloc(size_t n, struct err *e)
{
	void *p;

	if (sodium_init() < 0) {
		err_set(e, ERR_SYSTEM, "libsodium: no source of randomness");
		return NULL;
	}
	if ((p = sodium_malloc(n)) == NULL)
		err_sys(e, ERR_SYSTEM, "no memory for a secret");
	else
		sodium_memzero(p, n);
	return p;
}

int
key_name_ok(const char *name)
{
	size_t n =
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return n > 0 && n < KEY_NAME_MAX && name[n] == '\0';
}

void
key_set_id(struct key_public *k)
{
	uint8_t hash[32], class = (uint8_t)k->class;
	struct seal_hash h;

	seal_hash_begin(&h);
	seal_hash_add(&h, &class, 1);
	seal_hash_add(&h, k->pk, KEY_PK);
	seal_hash_end(&h, hash);
	memcpy(k->id, hash, KEY_ID);
}

struct key_secret *
key_from_seed(enum key_class class, const char *name, const uint8_t seed[KEY_SEED],
    struct err *e)
{
	struct key_secret *k = key_alloc(sizeof(*k), e);
	int r;

	if (k == NULL)
		return NULL;
	k->pub.class = class;
	memcpy(k->pub.name, name, strlen(name) + 1);
	memcpy(k->seed, seed, KEY_SEED);
	if (class == KEY_RESTORE) {
		k->seed[0] &= 248; /* RFC 7748's clamping: X25519 ignores these bits */
		k->seed[31] = (uint8_t)((k->seed[31] & 127) | 64);
		r = crypto_scalarmult_base(k->pub.pk, k->seed);
	} else
		r = crypto_sign_seed_keypair(k->pub.pk, k->sign, k->seed);
	if (r != 0) {
		err_set(e, ERR_BUG, "key %s: no public half", name);
		key_free(k);
		return NULL;
	}
	key_set_id(&k->pub);
	return k;
}

struct key_secret *
key_new(enum key_class class, const char *name, struct err *e)
{
	struct key_secret *k;
	uint8_t *seed;

	if (class < KEY_RESTORE || class > KEY_APPROVER) {
		err_set(e, ERR_BUG, "no key class %d", (int)class);
		return NULL;
	}
	if (!key_name_ok(name)) {
		err_set(e, ERR_USAGE, "not a name for a key: \"%s\"", name);
		err_hint(e, "1 to %d letters, digits, '.', '_' and '-'", KEY_NAME_MAX - 1);
		return NULL;
	}
	if ((seed = key_alloc(KEY_SEED, e)) == NULL)
		return NULL;
	randombytes_buf(seed, KEY_SEED);
	k = key_from_seed(class, name, seed, e);
	sodium_free(seed);
	return k;
}

void
key_free(struct key_secret *k)
{
	sodium_free(k);
}

const struct key_public *
key_public(const struct key_secret *k)
{
	return &k->pub;
}

char *
key_public_encode(char out[KEY_TEXT_MAX], const struct key_public *k)
{
	const char *const parts[] = { key_class_name(k->class), ":", k->name, ":" };
	size_t i, n, at = 0;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++, at += n) {
		n = strlen(parts[i]);
		memcpy(out + at, parts[i], n);
	}
	hex_encode(out + at, k->pk, KEY_PK);
	return out;
}

int
key_public_decode(const char *s, struct key_public *out, struct err *e)
{
	char text[KEY_TEXT_MAX], *name, *pk;
	size_t n = strlen(s);

	memset(out, 0, sizeof(*out));
	if (n < sizeof(text)) {
		memcpy(text, s, n + 1);
		if ((name = strchr(text, ':')) != NULL &&
		    (pk = strchr(name + 1, ':')) != NULL) {
			*name++ = *pk++ = '\0';
			if (key_class_parse(text, &out->class) == 0 && key_name_ok(name) &&
			    hex_decode(out->pk, KEY_PK, pk) == 0) {
				memcpy(out->name, name, strlen(name) + 1);
				key_set_id(out);
				return 0;
			}
		}
	}
	return err_set(e, ERR_CORRUPT, "not a public key: \"%.200s\"", s);
}

int
key_sign(const struct key_secret *k, const void *msg, size_t len, uint8_t sig[KEY_SIG],
    struct err *e)
{
	if (k->pub.class == KEY_RESTORE)
		return err_set(e, ERR_BUG, "key %s: a restore key does not sign", k->pub.name);
	if (crypto_sign_detached(sig, NULL, msg, len, k->sign) != 0)
		return err_set(e, ERR_BUG, "key %s: signing failed", k->pub.name);
	return 0;
}

int
key_verify(const struct key_public *k, const void *msg, size_t len, const uint8_t sig[KEY_SIG])
{
	return k->class != KEY_RESTORE &&
	    crypto_sign_verify_detached(sig, msg, len, k->pk) == 0;
}

int
key_seal(const struct key_public *k, const uint8_t *msg, size_t len, uint8_t *out,
    struct err *e)
{
	if (k->class != KEY_RESTORE)
		return err_set(e, ERR_BUG, "key %s: nothing can be sealed to a %s key",
		    k->name, key_class_name(k->class));
	if (crypto_box_seal(out, msg, len, k->pk) != 0)
		return err_set(e, ERR_CORRUPT, "key %s: not a point of X25519", k->name);
	return 0;
}

int
key_unseal(const struct key_secret *k, const uint8_t *in, size_t len, uint8_t *out,
    struct err *e)
{
	if (k->pub.class != KEY_RESTORE)
		return err_set(e, ERR_BUG, "key %s: a %s key opens nothing", k->pub.name,
		    key_class_name(k->pub.class));
	if (len < crypto_box_SEALBYTES ||
	    crypto_box_seal_open(out, in, len, k->pub.pk, k->seed) != 0)
		return err_set(e, ERR_REFUSED, "not sealed to key %s", k->pub.name);
	return 0;
}
