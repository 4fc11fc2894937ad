/*
 * One frame of a sealed file: compressed, encrypted and checked, and back.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "seal/sealed_private.h"

/* The frame header: stored, raw, flags, position, time; then the check of it all. */
#define COVERED 28
#define NONCE	(SEAL_SALT + 8)
#define AAD	(32 + 8 + COVERED)
#define FLAGS	(SEAL_ZSTD | SEAL_LAST | SEAL_HEARTBEAT | SEAL_META)

_Static_assert(COVERED + 8 == SEAL_FRAME_HEADER, "frame header");
_Static_assert(NONCE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(SEAL_TAG == crypto_aead_xchacha20poly1305_ietf_ABYTES &&
    SEAL_DEK == crypto_aead_xchacha20poly1305_ietf_KEYBYTES &&
    SEAL_STORED_MAX == SEAL_RAW_MAX + SEAL_TAG, "cipher");

struct seal_ctx {
	ZSTD_CCtx *compress;
	ZSTD_DCtx *decompress;
	struct buf plain;	/* a frame between decrypting and decompressing */
};

struct seal_ctx *
seal_ctx_new(int level, struct err *e)
{
	struct seal_ctx *c;

	if (level < 1 || level > 19) {
		err_set(e, ERR_BUG, "zstd level %d: not 1 to 19", level);
		return NULL;
	}
	if ((c = calloc(1, sizeof(*c))) != NULL) {
		c->compress = ZSTD_createCCtx();
		c->decompress = ZSTD_createDCtx();
		if (c->compress != NULL && c->decompress != NULL &&
		    !ZSTD_isError(
			ZSTD_CCtx_setParameter(c->compress, ZSTD_c_compressionLevel, level)))
			return c;
	}
	seal_ctx_free(c);
	err_set(e, ERR_SYSTEM, "zstd: out of memory");
	return NULL;
}

void
seal_ctx_free(struct seal_ctx *c)
{
	if (c == NULL)
		return;
	(void)ZSTD_freeCCtx(c->compress);	/* always 0 */
	(void)ZSTD_freeDCtx(c->decompress);
	buf_wipe(&c->plain);
	free(c);
}

/* Content and flags as bulkhead-sealed(5) allows them. */
static int
plausible(const struct seal_frame *f)
{
	return f->raw <= SEAL_RAW_MAX && (f->flags & ~(uint32_t)FLAGS) == 0 &&
	    ((f->flags & SEAL_HEARTBEAT) == 0 || f->raw == 0);
}

/* The same, and the length of the ciphertext with them. */
static int
in_bounds(const struct seal_frame *f)
{
	if (!plausible(f))
		return 0;
	if ((f->flags & SEAL_ZSTD) != 0)
		return f->stored > SEAL_TAG && f->stored < f->raw + SEAL_TAG;
	return f->stored == f->raw + SEAL_TAG;
}

static void
put_header(uint8_t hdr[SEAL_FRAME_HEADER], const struct seal_frame *f)
{
	le32_put(hdr, f->stored);
	le32_put(hdr + 4, f->raw);
	le32_put(hdr + 8, f->flags);
	le64_put(hdr + 12, f->position);
	le64_put(hdr + 20, f->time);
	le64_put(hdr + COVERED, f->check);
}

static uint64_t
check(const uint8_t hdr[SEAL_FRAME_HEADER], const uint8_t *ciphertext, size_t n)
{
	uint8_t key[16], sum[8];

	/* The header's digest is the ciphertext's key: both count, and nothing is copied. */
	(void)crypto_shorthash_siphashx24(key, hdr, COVERED, seal_check_key); /* cannot fail */
	(void)crypto_shorthash_siphash24(sum, ciphertext, n, key);
	return le64_get(sum);
}

static void
nonce_and_aad(const struct seal *s, uint64_t number, const uint8_t hdr[SEAL_FRAME_HEADER],
    uint8_t nonce[NONCE], uint8_t aad[AAD])
{
	memcpy(nonce, s->salt, SEAL_SALT);
	le64_put(nonce + SEAL_SALT, number);
	memcpy(aad, s->digest, 32);
	le64_put(aad + 32, number);
	memcpy(aad + 40, hdr, COVERED);
}

/* *got: bytes of the compressed frame in out, or 0 where it would not be smaller. */
static int
compress(
    struct seal_ctx *c, uint8_t *out, const void *raw, size_t n, size_t *got, struct err *e)
{
	*got = 0;
	if (n <= 1)
		return 0;
	*got = ZSTD_compress2(c->compress, out, n - 1, raw, n);
	if (!ZSTD_isError(*got))
		return 0;
	if (ZSTD_getErrorCode(*got) != ZSTD_error_dstSize_tooSmall)
		return err_set(e, ERR_SYSTEM, "zstd: %s", ZSTD_getErrorName(*got));
	*got = 0;
	return 0;
}

static int
may_seal(const struct seal *s, const struct seal_frame *f, struct err *e)
{
	/* A file that was opened has frames already: their numbers must not be used again. */
	if (!s->fresh)
		return err_set(e, ERR_BUG, "%s: sealing into a file that was opened", s->name);
	if (!plausible(f))
		return err_set(e, ERR_BUG, "%s: no frame: %u bytes, flags %#x", s->name,
		    f->raw, f->flags);
	return 0;
}

int
seal_frame(const struct seal *s, struct seal_ctx *c, struct seal_frame *f, const void *raw,
    struct buf *out, struct err *e)
{
	uint8_t nonce[NONCE], aad[AAD], *hdr, *body;
	const uint8_t *plain = raw;
	size_t n;

	f->flags &= ~(uint32_t)SEAL_ZSTD;
	if (may_seal(s, f, e) != 0)
		return -1;
	if (buf_reserve(out, SEAL_FRAME_HEADER + (size_t)f->raw + SEAL_TAG) != 0)
		return buf_check(out, e);
	hdr = out->data + out->len;
	body = hdr + SEAL_FRAME_HEADER;
	if (compress(c, body, raw, f->raw, &n, e) != 0)
		return err_context(
		    e, "%s: frame %llu", s->name, (unsigned long long)f->number);
	if (n > 0) {
		f->flags |= SEAL_ZSTD;
		plain = body; /* encrypted in place */
	} else
		n = f->raw;
	f->stored = (uint32_t)n + SEAL_TAG;
	put_header(hdr, f);
	nonce_and_aad(s, f->number, hdr, nonce, aad);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(
	    body, NULL, plain, n, aad, sizeof(aad), NULL, nonce, s->dek); /* always 0 */
	f->check = check(hdr, body, f->stored);
	le64_put(hdr + COVERED, f->check);
	out->len += SEAL_FRAME_HEADER + (size_t)f->stored;
	return 0;
}

int
seal_frame_parse(const uint8_t hdr[SEAL_FRAME_HEADER], struct seal_frame *f, struct err *e)
{
	f->stored = le32_get(hdr);
	f->raw = le32_get(hdr + 4);
	f->flags = le32_get(hdr + 8);
	f->position = le64_get(hdr + 12);
	f->time = le64_get(hdr + 20);
	f->check = le64_get(hdr + COVERED);
	if (!in_bounds(f))
		return err_set(e, ERR_CORRUPT,
		    "frame header damaged: %u bytes stored, %u raw, flags %#x", f->stored,
		    f->raw, f->flags);
	return 0;
}

int
seal_frame_check(const uint8_t hdr[SEAL_FRAME_HEADER], const uint8_t *ciphertext, size_t n)
{
	return le64_get(hdr + COVERED) == check(hdr, ciphertext, n);
}

/* The frame's plain bytes, f->stored - SEAL_TAG of them, to `to`. */
static int
decrypt(const struct seal *s, const struct seal_frame *f, const uint8_t hdr[SEAL_FRAME_HEADER],
    const uint8_t *ciphertext, struct buf *to, struct err *e)
{
	uint8_t nonce[NONCE], aad[AAD];
	size_t n = f->stored - SEAL_TAG;

	buf_reset(to);
	if (buf_reserve(to, n) != 0)
		return buf_check(to, e);
	nonce_and_aad(s, f->number, hdr, nonce, aad);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(to->data, NULL, NULL, ciphertext,
		f->stored, aad, sizeof(aad), nonce, s->dek) != 0)
		return err_set(e, ERR_CORRUPT, "frame %llu: damaged, or not of this place",
		    (unsigned long long)f->number);
	to->len = n;
	return 0;
}

int
seal_frame_open(const struct seal *s, struct seal_ctx *c, const struct seal_frame *f,
    const uint8_t hdr[SEAL_FRAME_HEADER], const uint8_t *ciphertext, struct buf *out,
    struct err *e)
{
	size_t n;

	if (s->dek == NULL)
		return err_set(e, ERR_BUG, "%s: opened without a key", s->name);
	if (!in_bounds(f))
		return err_set(e, ERR_BUG, "frame %llu: not as seal_frame_parse gives it",
		    (unsigned long long)f->number);
	if ((f->flags & SEAL_ZSTD) == 0)
		return decrypt(s, f, hdr, ciphertext, out, e);
	buf_reset(out);
	if (buf_reserve(out, f->raw) != 0)
		return buf_check(out, e);
	if (decrypt(s, f, hdr, ciphertext, &c->plain, e) != 0)
		return -1;
	n = ZSTD_decompressDCtx(c->decompress, out->data, f->raw, c->plain.data, c->plain.len);
	if (ZSTD_isError(n))
		return err_set(e, ERR_CORRUPT, "frame %llu: zstd: %s",
		    (unsigned long long)f->number, ZSTD_getErrorName(n));
	if (n != f->raw)
		return err_set(e, ERR_CORRUPT, "frame %llu: gives %zu bytes, not %u",
		    (unsigned long long)f->number, n, f->raw);
	out->len = n;
	return 0;
}
