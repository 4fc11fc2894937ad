/*
 * BLAKE2b: the hash of files, lines and lists, and the keyed digest of pages.
 */
#include <sodium.h>
#include <string.h>

#include "seal/sealed.h"

_Static_assert(sizeof(((struct seal_hash *)0)->state) >= sizeof(crypto_generichash_state) &&
    _Alignof(struct seal_hash) >= _Alignof(crypto_generichash_state), "room for the state");

static crypto_generichash_state *
state(struct seal_hash *h)
{
	return (crypto_generichash_state *)(void *)h->state;
}

/* The calls below fail on sizes out of range only; ours are constants. */
void
seal_hash_begin(struct seal_hash *h)
{
	(void)crypto_generichash_init(state(h), NULL, 0, 32);
}

void
seal_hash_begin_keyed(struct seal_hash *h, const uint8_t key[32])
{
	(void)crypto_generichash_init(state(h), key, 32, 32);
}

void
seal_hash_add(struct seal_hash *h, const void *p, size_t n)
{
	(void)crypto_generichash_update(state(h), p, n);
}

void
seal_hash_end(struct seal_hash *h, uint8_t out[32])
{
	(void)crypto_generichash_final(state(h), out, 32);
}

void
seal_hash_of(uint8_t out[32], const void *p, size_t n)
{
	(void)crypto_generichash(out, 32, p, n, NULL, 0);
}

void
seal_page_digest(uint8_t out[SEAL_PAGE_DIGEST], const uint8_t key[32], const void *p, size_t n)
{
	(void)crypto_generichash(out, SEAL_PAGE_DIGEST, p, n, key, 32);
}
