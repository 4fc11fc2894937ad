/*
 * Walking a sealed file from frame to frame, up to its end or what is torn.
 */
#include <string.h>

#include "seal/sealed_private.h"

void
seal_walk_begin(struct seal_walk *w, const struct io_source *src, uint64_t at, int checked)
{
	memset(w, 0, sizeof(*w));
	w->src = src;
	w->at = at;
	w->checked = checked;
}

void
seal_walk_end(struct seal_walk *w)
{
	buf_free(&w->ciphertext);
}

/* Exactly n bytes at off, which the file had when it was opened. */
static int
read_at(const struct io_source *src, void *p, size_t n, uint64_t off, struct err *e)
{
	size_t got;

	if (src->pread(src->ctx, p, n, off, &got, e) != 0)
		return -1;
	if (got != n)
		return err_set(e, ERR_IO, "%s: became shorter while it was read", src->name);
	return 0;
}

int
seal_walk_read(struct seal_walk *w, const struct seal_frame *f, struct err *e)
{
	buf_reset(&w->ciphertext);
	if (buf_reserve(&w->ciphertext, f->stored) != 0)
		return buf_check(&w->ciphertext, e);
	if (read_at(w->src, w->ciphertext.data, f->stored, w->frame_at + SEAL_FRAME_HEADER,
		e) != 0)
		return -1;
	w->ciphertext.len = f->stored;
	return 0;
}

/* The frame at w->at, of which left bytes are there: 1 when it is whole, 0, or -1. */
static int
whole(struct seal_walk *w, uint64_t left, struct seal_frame *f, struct err *e)
{
	struct err ignored;

	if (left < SEAL_FRAME_HEADER)
		return 0;
	if (read_at(w->src, w->hdr, sizeof(w->hdr), w->at, e) != 0)
		return -1;
	if (seal_frame_parse(w->hdr, f, &ignored) != 0 || f->stored > left - SEAL_FRAME_HEADER)
		return 0;
	w->frame_at = w->at;
	if (!w->checked)
		return 1;
	if (seal_walk_read(w, f, e) != 0)
		return -1;
	return seal_frame_check(w->hdr, w->ciphertext.data, w->ciphertext.len);
}

int
seal_walk_next(struct seal_walk *w, struct seal_frame *f, struct err *e)
{
	uint64_t left = w->src->size > w->at ? w->src->size - w->at : 0;
	int r;

	if (left == 0)
		return 0;
	if (w->last)
		return err_set(e, ERR_CORRUPT, "%s: %llu bytes after the last frame",
		    w->src->name, (unsigned long long)left);
	if ((r = whole(w, left, f, e)) <= 0) {
		w->torn = r == 0 ? left : 0;
		return r;
	}
	f->number = w->number++;
	w->at += SEAL_FRAME_HEADER + (uint64_t)f->stored;
	w->last = (f->flags & SEAL_LAST) != 0;
	return 1;
}
