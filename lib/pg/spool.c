/*
 * A spool of unknown length: the manifest of a backup, which comes in a few hundred
 * kilobytes, or with a million files in more than belongs into memory.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "pg/spool.h"

#define IN_MEMORY ((8u << 20) - 1)	/* and the buffer's NUL: it grows by doubling */
#define PIECE	  (256u << 10)
#define FILE_NAME "temporary file"

/* A file that is gone with its descriptor, whatever happens. */
static int
open_file(struct err *e)
{
	const char *dir = getenv("TMPDIR");

	return io_open_nameless(dir == NULL || *dir == '\0' ? "/tmp" : dir, 0600, e);
}

static int
to_file(struct spool *s, struct err *e)
{
	if (s->fd < 0 && (s->fd = open_file(e)) < 0)
		return -1;
	if (io_write_all(s->fd, s->memory.data, s->memory.len, FILE_NAME, e) != 0)
		return -1;
	buf_reset(&s->memory);
	return 0;
}

int
spool_add(struct spool *s, const void *p, size_t n, struct err *e)
{
	size_t max = s->fd < 0 ? IN_MEMORY : PIECE;

	if (s->memory.len > 0 && s->memory.len + n > max && to_file(s, e) != 0)
		return -1;
	buf_add(&s->memory, p, n);
	s->size += n;
	return buf_check(&s->memory, e);
}

static int
replay_file(struct spool *s, spool_data *data, void *ctx, struct err *e)
{
	uint64_t off;
	size_t got;

	if (to_file(s, e) != 0)
		return -1;
	if (buf_reserve(&s->memory, PIECE) != 0)
		return buf_check(&s->memory, e);
	for (off = 0; off < s->size; off += got) {
		if (io_pread_full(s->fd, s->memory.data, PIECE, off, &got, FILE_NAME, e) != 0)
			return -1;
		if (got == 0)
			return err_set(e, ERR_IO, FILE_NAME ": it became shorter");
		if (data(ctx, s->memory.data, got, e) != 0)
			return -1;
	}
	return 0;
}

int
spool_replay(struct spool *s, spool_data *data, void *ctx, struct err *e)
{
	if (s->fd >= 0)
		return replay_file(s, data, ctx, e);
	return s->memory.len == 0 ? 0 : data(ctx, s->memory.data, s->memory.len, e);
}

void
spool_free(struct spool *s)
{
	buf_free(&s->memory);
	if (s->fd >= 0)
		(void)close(s->fd);	/* nameless: its fate does not matter */
	s->fd = -1;
}
