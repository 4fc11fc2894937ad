/*
 * The manifest on its way out: records gathered into frames, sealed, put.
 */
#include <stdio.h>

#include "image/put_private.h"

/* A frame is sent when it holds so much: records are found again without much memory. */
#define GATHER (256u << 10)

int
manifest_writer_begin(struct manifest_writer *w, const struct image_put_options *o,
    struct err *e)
{
	const struct source *src = o->source;
	const struct buf *preamble;
	char name[SEAL_NAME_MAX];

	snprintf(name, sizeof(name), "%s/%s", src->name, o->id);
	w->seal = seal_new(SEAL_MANIFEST, src->repo, name, src->to, src->nto, e);
	if (w->seal == NULL || (w->ctx = seal_ctx_new(o->level, e)) == NULL ||
	    (w->put = repo_put_begin(o->session, REPO_MANIFEST, e)) == NULL)
		return -1;
	preamble = seal_preamble(w->seal);
	w->stored = preamble->len;
	return repo_put_write(w->put, preamble->data, preamble->len, e);
}

static int
send_frame(struct manifest_writer *w, uint32_t flags, struct err *e)
{
	struct seal_frame f = { .number = w->frames, .raw = (uint32_t)w->raw.len,
		.flags = flags };

	buf_reset(&w->out);
	if (seal_frame(w->seal, w->ctx, &f, w->raw.data, &w->out, e) != 0 ||
	    repo_put_write(w->put, w->out.data, w->out.len, e) != 0)
		return -1;
	w->frames++;
	w->stored += w->out.len;
	buf_reset(&w->raw);
	return 0;
}

int
manifest_writer_add(struct manifest_writer *w, const struct buf *record, struct err *e)
{
	if (w->raw.len > 0 && w->raw.len + record->len > GATHER && send_frame(w, 0, e) != 0)
		return -1;
	buf_add(&w->raw, record->data, record->len);
	return buf_check(&w->raw, e);
}

int
manifest_writer_end(struct manifest_writer *w, uint8_t hash[32], struct err *e)
{
	if (send_frame(w, SEAL_LAST, e) != 0)
		return -1;
	return repo_put_end(w->put, hash, e);
}

void
manifest_writer_free(struct manifest_writer *w)
{
	repo_put_free(w->put);
	seal_ctx_free(w->ctx);
	seal_free(w->seal);
	buf_wipe(&w->raw); /* it held the digest key */
	buf_free(&w->out);
}
