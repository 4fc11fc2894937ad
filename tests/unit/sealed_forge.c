/*
 * Writes sealed files by the book, bulkhead-sealed(5), without lib/seal.
 */
#include <sodium.h>
#include <string.h>

#include "sealed_forge.h"

static const uint8_t check_key[] = "bulkhead/check/1";

static int
source_pread(void *ctx, void *p, size_t n, uint64_t off, size_t *got, struct err *e)
{
	const struct buf *b = ctx;

	(void)e; /* memory does not fail */
	*got = off >= b->len ? 0 : b->len - off < n ? b->len - off : n;
	if (*got > 0)
		memcpy(p, b->data + off, *got);
	return 0;
}

struct io_source
forge_source(struct buf *b, const char *name)
{
	return (struct io_source){ source_pread, b, b->len, name };
}

static void
add_check(struct buf *b, const void *key, size_t from)
{
	uint8_t sum[8];

	crypto_shorthash_siphash24(sum, b->data + from, b->len - from, key);
	buf_add(b, sum, sizeof(sum));
}

void
forge_begin(struct forge *g, const struct forge_header *h, const struct key_public *to,
    size_t nto)
{
	const char *name = h->name != NULL ? h->name : FORGE_NAME;
	crypto_generichash_state state;
	struct buf *b = &g->out;
	uint8_t sum[32], box[80];
	size_t i;

	memset(g, 0, sizeof(*g));
	randombytes_buf(g->dek, sizeof(g->dek));
	randombytes_buf(g->salt, sizeof(g->salt));
	buf_str(b, "BULKHEAD");
	buf_u32(b, h->version != 0 ? h->version : 1);
	buf_u32(b, h->kind != 0 ? h->kind : 1);
	buf_add(b, h->repo != NULL ? h->repo : FORGE_REPO, 32);
	buf_u16(b, (uint16_t)strlen(name));
	buf_str(b, name);
	buf_u16(b, h->nto != 0 ? h->nto : (uint16_t)nto);
	buf_add(b, g->salt, sizeof(g->salt));
	crypto_generichash_init(&state, g->dek, 32, 32);
	crypto_generichash_update(&state, (const uint8_t *)"bulkhead key commitment 1", 25);
	crypto_generichash_update(&state, b->data, b->len);
	crypto_generichash_final(&state, sum, 32);
	sum[0] ^= (uint8_t)h->bad_commitment;
	buf_add(b, sum, 32);
	crypto_generichash(g->digest, 32, b->data, b->len, NULL, 0);
	for (i = 0; i < nto; i++) {
		if (crypto_box_seal(box, g->dek, 32, to[i].pk) != 0)
			b->failed = 1;
		buf_u64(b, le64_get(to[i].id) ^ (uint64_t)h->bad_hints);
		buf_add(b, box, sizeof(box));
	}
	add_check(b, check_key, 0);
	b->data[b->len - 1] ^= (uint8_t)h->bad_check;
}

void
forge_frame(struct forge *g, const struct seal_frame *f, const void *plain, size_t n)
{
	uint8_t aad[68], nonce[24], key[16];
	struct buf *b = &g->out;
	size_t at = b->len, text;

	buf_u32(b, (uint32_t)n + 16);
	buf_u32(b, f->raw);
	buf_u32(b, f->flags);
	buf_u64(b, f->position);
	buf_u64(b, f->time);
	buf_u64(b, 0);
	text = b->len;
	memcpy(nonce, g->salt, 16);
	le64_put(nonce + 16, g->number);
	memcpy(aad, g->digest, 32);
	le64_put(aad + 32, g->number++);
	memcpy(aad + 40, b->data + at, 28);
	if (buf_reserve(b, n + 16) != 0)
		return;
	crypto_aead_xchacha20poly1305_ietf_encrypt(
	    b->data + text, NULL, plain, n, aad, sizeof(aad), NULL, nonce, g->dek);
	b->len += n + 16;
	crypto_shorthash_siphashx24(key, b->data + at, 28, check_key);
	crypto_shorthash_siphash24(b->data + at + 28, b->data + text, n + 16, key);
}

void
forge_end(struct forge *g)
{
	buf_free(&g->out);
}
