/*
 * The preamble of a sealed file: making it with a new data key, and reading it.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "seal/key_private.h"
#include "seal/sealed_private.h"

#define MAGIC		"BULKHEAD"
#define MAGIC_LEN	8
#define VERSION_KNOWN	1
#define COMMITMENT	"bulkhead key commitment 1"
#define COMMITMENT_LEN	32
#define CHECK_LEN	8
#define SEALED_DEK	(SEAL_DEK + crypto_box_SEALBYTES)
#define RECIPIENT	(KEY_ID + SEALED_DEK)

_Static_assert(RECIPIENT == 88, "a recipient as in bulkhead-sealed(5)");

const uint8_t seal_check_key[16] = { 'b', 'u', 'l', 'k', 'h', 'e', 'a', 'd', '/', 'c', 'h',
	'e', 'c', 'k', '/', '1' };

/* A preamble, taken apart. */
struct preamble {
	uint32_t version, kind;
	uint8_t repo[32], salt[SEAL_SALT], commitment[COMMITMENT_LEN];
	char name[SEAL_NAME_MAX + 1];
	uint16_t nto;
	const uint8_t *recipients; /* nto of them, where they were read */
	size_t committed;	/* bytes before the commitment */
	size_t header;		/* bytes of the header */
	size_t len;		/* bytes of it all */
	int intact;		/* the check holds */
};

static const char *
kind_name(uint32_t kind)
{
	static const char *const names[] = {
		[SEAL_PACK] = "pack", [SEAL_MANIFEST] = "manifest", [SEAL_LOG] = "log"
	};

	return kind >= SEAL_PACK && kind <= SEAL_LOG ? names[kind] : "file of an unknown kind";
}

static int
name_ok(const char *name)
{
	size_t n;

	for (n = 0; name[n] != '\0'; n++)
		if (n == SEAL_NAME_MAX || name[n] < ' ' || name[n] > '~')
			return 0;
	return n > 0;
}

static void
commitment(uint8_t out[COMMITMENT_LEN], const uint8_t dek[SEAL_DEK], const uint8_t *header,
    size_t n)
{
	struct seal_hash h;

	seal_hash_begin_keyed(&h, dek);
	seal_hash_add(&h, COMMITMENT, strlen(COMMITMENT));
	seal_hash_add(&h, header, n);
	seal_hash_end(&h, out);
	sodium_memzero(&h, sizeof(h)); /* its state tells the key */
}

static uint64_t
check(const uint8_t *p, size_t n)
{
	uint8_t sum[CHECK_LEN];

	(void)crypto_shorthash_siphash24(sum, p, n, seal_check_key); /* cannot fail */
	return le64_get(sum);
}

static void
add_header(struct seal *s, const uint8_t repo[32], uint16_t nto)
{
	struct buf *b = &s->preamble;
	uint8_t sum[COMMITMENT_LEN];

	buf_str(b, MAGIC);
	buf_u32(b, VERSION_KNOWN);
	buf_u32(b, s->kind);
	buf_add(b, repo, 32);
	buf_str16(b, s->name);
	buf_u16(b, nto);
	buf_add(b, s->salt, sizeof(s->salt));
	commitment(sum, s->dek, b->data, b->len);
	buf_add(b, sum, sizeof(sum));
	seal_hash_of(s->digest, b->data, b->len);
}

static int
add_recipients(struct seal *s, const struct key_public *to, size_t nto, struct err *e)
{
	struct buf *b = &s->preamble;
	uint8_t sealed[SEALED_DEK];
	size_t i;

	for (i = 0; i < nto; i++) {
		if (key_seal(&to[i], s->dek, SEAL_DEK, sealed, e) != 0)
			return -1;
		buf_add(b, to[i].id, KEY_ID);
		buf_add(b, sealed, sizeof(sealed));
	}
	buf_u64(b, check(b->data, b->len));
	return 0;
}

static struct seal *
seal_alloc(uint32_t kind, const char *name, struct err *e)
{
	struct seal *s = calloc(1, sizeof(*s));

	/* The longest preamble: nothing that is added to it later can fail. */
	if (s == NULL || buf_reserve(&s->preamble, SEAL_PREAMBLE_MAX) != 0) {
		free(s);
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	s->kind = (enum seal_kind)kind;
	memcpy(s->name, name, strlen(name) + 1);
	return s;
}

struct seal *
seal_new(enum seal_kind kind, const uint8_t repo[32], const char *name,
    const struct key_public *to, size_t nto, struct err *e)
{
	struct seal *s;

	if (kind < SEAL_PACK || kind > SEAL_LOG || !name_ok(name)) {
		err_set(e, ERR_BUG, "not an object: kind %d, \"%s\"", (int)kind, name);
		return NULL;
	}
	if (nto < 1 || nto > SEAL_RECIPIENTS_MAX) {
		err_set(e, ERR_CONFIG, "%s: %zu restore keys to seal to; 1 to %d are possible",
		    name, nto, SEAL_RECIPIENTS_MAX);
		return NULL;
	}
	if ((s = seal_alloc(kind, name, e)) == NULL)
		return NULL;
	if ((s->dek = key_alloc(SEAL_DEK, e)) != NULL) {
		randombytes_buf(s->dek, SEAL_DEK);
		randombytes_buf(s->salt, sizeof(s->salt));
		s->fresh = 1;
		add_header(s, repo, (uint16_t)nto);
		if (add_recipients(s, to, nto, e) == 0)
			return s;
	}
	seal_free(s);
	return NULL;
}

void
seal_free(struct seal *s)
{
	if (s == NULL)
		return;
	sodium_free(s->dek);
	buf_free(&s->preamble);
	free(s);
}

const struct buf *
seal_preamble(const struct seal *s)
{
	return &s->preamble;
}

const char *
seal_name(const struct seal *s)
{
	return s->name;
}

enum seal_kind
seal_kind(const struct seal *s)
{
	return s->kind;
}

static void
take(struct view *v, uint8_t *out, size_t n)
{
	const uint8_t *p = view_bytes(v, n);

	if (p != NULL)
		memcpy(out, p, n);
}

static int
parse(struct preamble *p, const uint8_t *data, size_t n, const char *file, struct err *e)
{
	const uint8_t *magic;
	struct view v;

	view_init(&v, data, n);
	magic = view_bytes(&v, MAGIC_LEN);
	p->version = view_u32(&v);
	if (v.bad || memcmp(magic, MAGIC, MAGIC_LEN) != 0)
		return err_set(e, ERR_CORRUPT, "%s: not a sealed file", file);
	if (p->version != VERSION_KNOWN) {
		err_set(e, ERR_CORRUPT, "%s: format version %u; only %d is known here", file,
		    p->version, VERSION_KNOWN);
		return err_hint(e, "a newer Bulkhead may have written it");
	}
	p->kind = view_u32(&v);
	take(&v, p->repo, sizeof(p->repo));
	view_str16(&v, p->name, sizeof(p->name));
	p->nto = view_u16(&v);
	take(&v, p->salt, sizeof(p->salt));
	p->committed = n - view_left(&v);
	take(&v, p->commitment, sizeof(p->commitment));
	p->header = n - view_left(&v);
	if (!v.bad && (p->nto < 1 || p->nto > SEAL_RECIPIENTS_MAX))
		return err_set(
		    e, ERR_CORRUPT, "%s: preamble damaged: %u recipients", file, p->nto);
	p->recipients = view_bytes(&v, p->nto * (size_t)RECIPIENT);
	p->len = n - view_left(&v);
	p->intact = view_u64(&v) == check(data, p->len);
	p->len += CHECK_LEN;
	if (v.bad || !name_ok(p->name))
		return err_set(e, ERR_CORRUPT, "%s: preamble damaged or cut off", file);
	return 0;
}

/* Is it the object that was asked for? */
static int
match(const struct preamble *p, enum seal_kind kind, const uint8_t repo[32], const char *name,
    const char *file, struct err *e)
{
	char is[17], wanted[17];

	if (p->kind != kind)
		return err_set(e, ERR_CORRUPT, "%s: a %s, not a %s", file, kind_name(p->kind),
		    kind_name(kind));
	if (memcmp(p->repo, repo, 32) != 0)
		return err_set(e, ERR_CORRUPT, "%s: belongs to repository %s..., not to %s...",
		    file, hex_encode(is, p->repo, 8), hex_encode(wanted, repo, 8));
	if (name != NULL && strcmp(p->name, name) != 0)
		return err_set(
		    e, ERR_CORRUPT, "%s: holds \"%s\", not \"%s\"", file, p->name, name);
	return 0;
}

/* The data key into s->dek: 1; 0: none is for this key; -1: one is, but not of this header. */
static int
find_dek(struct seal *s, const struct preamble *p, const uint8_t *header,
    const struct key_secret *key)
{
	const uint8_t *id = key_public(key)->id, *to;
	uint8_t sum[COMMITMENT_LEN];
	struct err ignored;
	int i, hinted, found = 0;

	for (hinted = 1; hinted >= 0; hinted--)
		for (i = 0, to = p->recipients; i < p->nto; i++, to += RECIPIENT) {
			if ((memcmp(to, id, KEY_ID) == 0) != hinted ||
			    key_unseal(key, to + KEY_ID, SEALED_DEK, s->dek, &ignored) != 0)
				continue;
			commitment(sum, s->dek, header, p->committed);
			if (sodium_memcmp(sum, p->commitment, sizeof(sum)) == 0)
				return 1;
			found = -1;
		}
	return found;
}

/* A preamble that key opens is good, whatever its check says of other recipients. */
static int
unlock(struct seal *s, const struct preamble *p, const uint8_t *header,
    const struct key_secret *key, const char *file, struct err *e)
{
	int found;

	if ((s->dek = key_alloc(SEAL_DEK, e)) == NULL)
		return -1;
	if ((found = find_dek(s, p, header, key)) > 0)
		return 0;
	if (found < 0)
		return err_set(
		    e, ERR_CORRUPT, "%s: header damaged or forged: not of its data key", file);
	if (!p->intact)
		return err_set(
		    e, ERR_CORRUPT, "%s: preamble damaged: its check does not hold", file);
	return err_set(
	    e, ERR_REFUSED, "%s: not sealed to key %s", file, key_public(key)->name);
}

struct seal *
seal_open(const struct io_source *src, enum seal_kind kind, const uint8_t repo[32],
    const char *name, const struct key_secret *key, uint64_t *at, struct err *e)
{
	uint8_t data[SEAL_PREAMBLE_MAX];
	size_t n = src->size < sizeof(data) ? (size_t)src->size : sizeof(data);
	struct preamble p = { 0 };
	struct seal *s;

	if (src->pread(src->ctx, data, n, 0, &n, e) != 0 ||
	    parse(&p, data, n, src->name, e) != 0)
		return NULL;
	if (!p.intact && key == NULL) {
		err_set(e, ERR_CORRUPT, "%s: preamble damaged: its check does not hold",
		    src->name);
		return NULL;
	}
	if (match(&p, kind, repo, name, src->name, e) != 0 ||
	    (s = seal_alloc(p.kind, p.name, e)) == NULL)
		return NULL;
	memcpy(s->salt, p.salt, sizeof(s->salt));
	seal_hash_of(s->digest, data, p.header);
	buf_add(&s->preamble, data, p.len);
	if (key != NULL && unlock(s, &p, data, key, src->name, e) != 0) {
		seal_free(s);
		return NULL;
	}
	*at = p.len;
	return s;
}
