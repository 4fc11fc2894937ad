/*
 * An image: its manifest, opened, checked and gone through; single files of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/get_private.h"

static int
open_manifest(struct image *im, struct err *e)
{
	const struct catalog_snapshot *s = &im->snapshot;
	const struct io_source *src;
	uint8_t hash[32];
	char name[SEAL_NAME_MAX];

	im->manifest = repo_get(im->repo, REPO_MANIFEST, s->source, s->id, e);
	if (im->manifest == NULL || repo_object_hash(im->manifest, hash, e) != 0)
		return -1;
	if (memcmp(hash, s->manifest, sizeof(hash)) != 0)
		return err_set(e, ERR_CORRUPT, "manifest: not the one that the journal signs");
	snprintf(name, sizeof(name), "%s/%s", s->source, s->id);
	src = repo_object_source(im->manifest);
	im->seal = seal_open(src, SEAL_MANIFEST, repo_id(im->repo), name, im->key, &im->first,
	    e);
	return im->seal == NULL ? -1 : 0;
}

/* What the manifest says in secret must be what the journal says in clear. */
static int
check_meta(const struct image *im, struct err *e)
{
	const struct catalog_snapshot *s = &im->snapshot;
	const struct image_meta *m = &im->meta;

	if (strcmp(m->id, s->id) != 0 || strcmp(m->source, s->source) != 0 ||
	    m->system_id != s->system_id || m->timeline != s->timeline ||
	    m->start != s->start || m->stop != s->stop || m->segment_size != s->segment_size)
		return err_set(e, ERR_CORRUPT,
		    "manifest: does not fit its statement in the journal");
	if (m->files != im->files || m->bytes != im->bytes)
		return err_set(e, ERR_CORRUPT, "manifest: its files do not add up");
	return 0;
}

/* Once through: the rest may then rely on its form, and the meta is that of its end. */
static int
check_manifest(struct image *im, struct err *e)
{
	struct image_file f = { .runs = NULL };
	int r;

	if (image_rewind(im, e) != 0)
		return -1;
	while ((r = image_next(im, &f, e)) > 0)
		;
	image_file_reset(&f);
	if (r != 0 || check_meta(im, e) != 0)
		return -1;
	return image_rewind(im, e);
}

static int
open_image(struct image *im, struct err *e)
{
	size_t n;

	if ((im->ctx = seal_ctx_new(1, e)) == NULL || open_manifest(im, e) != 0)
		return -1;
	if ((im->packs = repo_packlist(im->repo, &im->snapshot, &n, e)) == NULL)
		return -1;
	im->cache = (struct pack_cache){ .repo = im->repo, .key = im->key,
		.source = im->snapshot.source, .packs = im->packs, .npacks = n };
	return check_manifest(im, e);
}

struct image *
image_open(struct repo *r, const struct catalog_snapshot *s, const struct key_secret *key,
    struct err *e)
{
	struct image *im = aligned_alloc(_Alignof(struct image), sizeof(*im));

	if (im == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	memset(im, 0, sizeof(*im));
	im->repo = r;
	im->key = key;
	im->snapshot = *s;
	im->snapshot.history = NULL; /* the catalog's */
	if (open_image(im, e) == 0)
		return im;
	err_context(e, "snapshot %s", s->id);
	image_free(im);
	return NULL;
}

void
image_free(struct image *im)
{
	if (im == NULL)
		return;
	pack_reader_drop(im->pack);
	pack_cache_free(&im->cache);
	seal_walk_end(&im->walk);
	seal_free(im->seal);
	repo_object_free(im->manifest);
	seal_ctx_free(im->ctx);
	image_meta_free(&im->meta);
	image_meta_free(&im->scratch);
	buf_wipe(&im->frame);
	buf_free(&im->raw);
	buf_free(&im->ciphertext);
	free(im->packs);
	free(im);
}

const struct image_meta *
image_meta(const struct image *im)
{
	return &im->meta;
}

int
image_rewind(struct image *im, struct err *e)
{
	const struct io_source *src = repo_object_source(im->manifest);
	uint8_t preamble[SEAL_PREAMBLE_MAX];
	size_t got;

	if (src->pread(src->ctx, preamble, im->first, 0, &got, e) != 0)
		return -1;
	seal_hash_begin(&im->hash);
	seal_hash_add(&im->hash, preamble, got);
	seal_walk_end(&im->walk);
	seal_walk_begin(&im->walk, src, im->first, 1);
	view_init(&im->records, NULL, 0);
	im->begun = im->ended = 0;
	im->files = im->bytes = 0;
	return 0;
}

static int
at_end(struct image *im, struct err *e)
{
	uint8_t hash[32];

	if (!im->walk.last || !im->ended)
		return err_set(e, ERR_CORRUPT, "manifest: cut off or damaged");
	seal_hash_end(&im->hash, hash);
	if (memcmp(hash, im->snapshot.manifest, sizeof(hash)) != 0)
		return err_set(e, ERR_CORRUPT, "manifest: changed while it was read");
	return 0;
}

/* 1 when there is another frame of records, 0 at a good end. */
static int
next_frame(struct image *im, struct err *e)
{
	struct seal_walk *w = &im->walk;
	struct seal_frame f;
	int r;

	if ((r = seal_walk_next(w, &f, e)) < 0)
		return err_context(e, "manifest");
	if (r == 0)
		return at_end(im, e);
	seal_hash_add(&im->hash, w->hdr, sizeof(w->hdr));
	seal_hash_add(&im->hash, w->ciphertext.data, w->ciphertext.len);
	if (seal_frame_open(im->seal, im->ctx, &f, w->hdr, w->ciphertext.data, &im->frame,
		e) != 0)
		return err_context(e, "manifest");
	view_init(&im->records, im->frame.data, im->frame.len);
	return 1;
}

/*
 * The next record: 1 when f is a whole file now, 0 when another is needed or the frame ends.
 */
static int
next_record(struct image *im, struct image_file *f, struct err *e)
{
	int midway = !image_file_complete(f), r;
	enum manifest_record kind;
	size_t i;

	if ((r = manifest_decode(&im->records, &kind, &im->scratch, f, e)) <= 0)
		return r;
	/* One begin, files, one end; nothing but more runs within a file. */
	if ((kind == MANIFEST_BEGIN) == im->begun || im->ended ||
	    midway != (kind == MANIFEST_MORE))
		return err_set(e, ERR_CORRUPT, "manifest: records out of order");
	im->begun = 1;
	im->ended = kind == MANIFEST_END;
	if (im->ended && im->meta.id[0] == '\0') { /* else threads are reading it */
		im->meta = im->scratch;
		memset(&im->scratch, 0, sizeof(im->scratch));
	}
	if (kind == MANIFEST_BEGIN || kind == MANIFEST_END || !image_file_complete(f))
		return 0;
	for (i = 0; i < f->nruns; i++)
		if (f->runs[i].pack >= im->cache.npacks)
			return err_set(e, ERR_CORRUPT,
			    "manifest: names a pack that is not in its list");
	im->files++;
	im->bytes += f->f.size;
	return 1;
}

int
image_next(struct image *im, struct image_file *f, struct err *e)
{
	int r;

	image_file_reset(f);
	for (;;) {
		if ((r = next_record(im, f, e)) != 0)
			return r;
		if (view_left(&im->records) == 0 && (r = next_frame(im, e)) <= 0)
			return r;
	}
}

static int
open_frame(struct image *im, const struct image_run *run, struct err *e)
{
	uint64_t at;
	size_t len;

	if (im->pack != NULL && im->pack->number == run->pack && im->pack_frame == run->frame)
		return 0;
	pack_reader_drop(im->pack);
	if ((im->pack = pack_cache_get(&im->cache, run->pack, e)) == NULL)
		return -1;
	im->pack_frame = run->frame;
	if (pack_reader_find(im->pack, run->frame, &at, &len, e) == 0 &&
	    pack_reader_open(im->pack, run->frame, at, len, im->ctx, &im->ciphertext, &im->raw,
		e) == 0)
		return 0;
	pack_reader_drop(im->pack);
	im->pack = NULL;
	return -1;
}

uint32_t
image_run_bytes(const struct image_file *f, const struct image_run *run)
{
	uint64_t at = run->page * IMAGE_PAGE, n = (uint64_t)run->pages * IMAGE_PAGE;

	return (uint32_t)(n < f->f.size - at ? n : f->f.size - at);
}

int
image_digest_pages(const struct image_meta *m, const struct buf *frame, uint32_t offset,
    uint32_t len, uint8_t (*out)[SEAL_PAGE_DIGEST], struct err *e)
{
	uint32_t at, n;

	if (offset > frame->len || len > frame->len - offset)
		return err_set(e, ERR_CORRUPT, "a frame is shorter than the manifest says");
	for (at = 0; at < len; at += n) {
		n = len - at < IMAGE_PAGE ? len - at : IMAGE_PAGE;
		seal_page_digest(*out++, m->digest_key, frame->data + offset + at, n);
	}
	return 0;
}

int
image_digest_wrong(const struct image_file *f, const char *pack, struct err *e)
{
	return err_set(e, ERR_CORRUPT,
	    "%s: its content is not what the manifest says: pack %s%s", f->f.path, pack,
	    f->nruns > 1 ? " or one before it" : "");
}

int
image_read_file(struct image *im, const struct image_file *f,
    int (*out)(void *ctx, const uint8_t *p, size_t n, struct err *e), void *ctx, struct err *e)
{
	uint8_t digests[SEAL_RAW_MAX / IMAGE_PAGE][SEAL_PAGE_DIGEST], digest[32];
	const struct image_run *run;
	struct seal_hash hash;
	size_t i;

	seal_hash_begin_keyed(&hash, im->meta.digest_key);
	for (i = 0; i < f->nruns; i++) {
		run = &f->runs[i];
		if (open_frame(im, run, e) != 0 ||
		    image_digest_pages(&im->meta, &im->raw, run->offset,
			image_run_bytes(f, run), digests, e) != 0)
			return err_context(e, "%s", f->f.path);
		seal_hash_add(&hash, digests, (size_t)run->pages * SEAL_PAGE_DIGEST);
		if (out(ctx, im->raw.data + run->offset, image_run_bytes(f, run), e) != 0)
			return -1;
	}
	seal_hash_end(&hash, digest);
	if (f->f.type == PG_FILE_REGULAR && memcmp(digest, f->digest, sizeof(digest)) != 0)
		return image_digest_wrong(f, im->pack == NULL ? "none" : im->pack->name, e);
	return 0;
}
