/*
 * Writing files as a pax tar.
 */
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "image/tarsink.h"

struct tarsink {
	int fd;
	const char *name;
	struct archive *a;
	struct archive_entry *entry;
	struct err failed; /* of the last write: libarchive does not carry it */
};

static la_ssize_t
on_write(struct archive *a, void *ctx, const void *p, size_t n)
{
	struct tarsink *t = ctx;

	if (io_write_all(t->fd, p, n, t->name, &t->failed) == 0)
		return (la_ssize_t)n;
	archive_set_error(a, t->failed.sys, "write");
	return -1;
}

static int
fail(struct tarsink *t, const char *path, struct err *e)
{
	const char *why = archive_error_string(t->a);

	if (t->failed.kind != ERR_NONE) {
		*e = t->failed;
		return -1;
	}
	return err_set(e, ERR_SYSTEM, "%s: %s%s%s", t->name, path, *path == '\0' ? "" : ": ",
	    why == NULL ? "tar" : why);
}

struct tarsink *
tarsink_new(int fd, const char *name, struct err *e)
{
	struct tarsink *t;

	if ((t = calloc(1, sizeof(*t))) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	t->fd = fd;
	t->name = name;
	t->a = archive_write_new();
	t->entry = archive_entry_new();
	if (t->a == NULL || t->entry == NULL)
		err_set(e, ERR_SYSTEM, "out of memory");
	else if (archive_write_set_format_pax_restricted(t->a) != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(t->a, 256 << 10) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(t->a, 1) != ARCHIVE_OK ||
	    archive_write_open(t->a, t, NULL, on_write, NULL) != ARCHIVE_OK)
		fail(t, "", e);
	else
		return t;
	tarsink_free(t);
	return NULL;
}

static int
on_file(void *ctx, const struct pg_file *f, struct err *e)
{
	struct tarsink *t = ctx;

	archive_entry_clear(t->entry);
	archive_entry_set_pathname(t->entry, f->path);
	archive_entry_set_filetype(t->entry, f->type == PG_FILE_REGULAR ? AE_IFREG : AE_IFDIR);
	archive_entry_set_perm(t->entry, f->type == PG_FILE_LINK ? 0700 : f->mode & 07777);
	archive_entry_set_mtime(t->entry, f->mtime / 1000000, 0);
	archive_entry_set_size(t->entry, f->type == PG_FILE_REGULAR ? (la_int64_t)f->size : 0);
	if (archive_write_header(t->a, t->entry) != ARCHIVE_OK)
		return fail(t, f->path, e);
	return 0;
}

static int
on_data(void *ctx, const void *p, size_t n, struct err *e)
{
	struct tarsink *t = ctx;

	return archive_write_data(t->a, p, n) == (la_ssize_t)n ? 0 : fail(t, "", e);
}

static int
on_end(void *ctx, struct err *e)
{
	struct tarsink *t = ctx;

	return archive_write_finish_entry(t->a) == ARCHIVE_OK ? 0 : fail(t, "", e);
}

struct pg_sink
tarsink_sink(struct tarsink *t)
{
	return (struct pg_sink){ on_file, on_data, on_end, t };
}

int
tarsink_finish(struct tarsink *t, struct err *e)
{
	return archive_write_close(t->a) == ARCHIVE_OK ? 0 : fail(t, "", e);
}

/* Closing would write an end, and so make a cut-off archive look whole. */
void
tarsink_free(struct tarsink *t)
{
	if (t == NULL)
		return;
	if (t->a != NULL) {
		(void)archive_write_fail(t->a); /* always ARCHIVE_FATAL */
		(void)archive_write_free(t->a); /* after it nothing is written */
	}
	archive_entry_free(t->entry);
	free(t);
}
