/*
 * Reading the tar archives of a base backup, which are not to be trusted, with
 * libarchive: its tar reader and nothing else of it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "pg/tarstream.h"

#define LINKS "pg_tblspc/"

struct tar {
	const struct tar_source *src;
	const struct pg_sink *sink;
	struct archive *a;
	struct err *e;
	int failed;	/* src has failed, and told *e why */
	int ended;	/* src has no more */
};

int
pg_path_check(const char *path, struct err *e)
{
	const char *p = path;
	size_t n;

	if (strlen(path) >= PG_PATH_MAX)
		return err_set(e, ERR_CORRUPT, "file name \"%.40s...\": too long", path);
	for (;;) {
		n = strcspn(p, "/");
		if (n == 0)
			return err_set(e, ERR_CORRUPT, "file name \"%s\": %s", path,
			    *path == '/' ? "not relative" : "an empty part");
		if ((n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return err_set(e, ERR_CORRUPT, "file name \"%s\": \"%.*s\" in it",
			    path, (int)n, p);
		if (p[n] == '\0')
			return 0;
		p += n + 1;
	}
}

static la_ssize_t
pull(struct archive *a, void *ctx, const void **p)
{
	struct tar *t = ctx;
	size_t n = 0;
	int r = t->src->next(t->src->ctx, p, &n, t->e);

	if (r < 0) {
		t->failed = 1;
		archive_set_error(a, EIO, "no more data");
		return ARCHIVE_FATAL;
	}
	if (r == 0)
		t->ended = 1;
	return (la_ssize_t)n;
}

/* libarchive is not content: because the source failed, or with the archive. */
static int
tar_error(struct tar *t, const char *path)
{
	const char *why = archive_error_string(t->a);

	if (t->failed)
		return -1;
	return err_set(t->e, ERR_CORRUPT, "tar from the server: %s%s%s", path,
	    *path != '\0' ? ": " : "", why != NULL ? why : "damaged");
}

static int
is_tablespace_link(const char *path)
{
	size_t n = strlen(LINKS);

	return strncmp(path, LINKS, n) == 0 && path[n] != '\0' &&
	    strspn(path + n, "0123456789") == strlen(path + n);
}

static int
copy_name(char out[PG_PATH_MAX], const char *prefix, const char *name, const char *what,
    struct err *e)
{
	int n = name != NULL ? snprintf(out, PG_PATH_MAX, "%s%s", prefix, name) : 0;

	if (n <= 0 || n >= PG_PATH_MAX)
		return err_set(e, ERR_CORRUPT, "tar from the server: %s %s: \"%.40s\"", what,
		    n <= 0 ? "missing" : "too long", name != NULL ? name : "");
	return 0;
}

static int
describe_link(struct archive_entry *ent, struct pg_file *f, struct err *e)
{
	if (!is_tablespace_link(f->path))
		return err_set(e, ERR_CORRUPT, "tar from the server: %s: a link", f->path);
	f->type = PG_FILE_LINK;
	return copy_name(f->target, "", archive_entry_symlink(ent), "link target", e);
}

/* What a member is.  The server puts a slash behind folders and links, "./" before some. */
static int
describe(struct archive_entry *ent, const char *prefix, struct pg_file *f, struct err *e)
{
	const char *name = archive_entry_pathname(ent);
	int64_t seconds = archive_entry_mtime(ent);
	unsigned type = archive_entry_filetype(ent);
	size_t n;

	memset(f, 0, sizeof(*f));
	if (name != NULL && strncmp(name, "./", 2) == 0)
		name += 2;
	if (copy_name(f->path, prefix, name, "file name", e) != 0)
		return -1;
	n = strlen(f->path);
	if (type != AE_IFREG && n > 1 && f->path[n - 1] == '/')
		f->path[n - 1] = '\0';
	if (pg_path_check(f->path, e) != 0)
		return err_context(e, "tar from the server");
	f->mode = (uint32_t)archive_entry_perm(ent) & 07777;
	f->mtime = seconds > INT64_MAX / 1000000 || seconds < 0 ? 0 : seconds * 1000000;
	if (archive_entry_hardlink(ent) != NULL)
		type = 0;
	if (type == AE_IFLNK)
		return describe_link(ent, f, e);
	if (type != AE_IFREG && type != AE_IFDIR)
		return err_set(e, ERR_CORRUPT, "tar from the server: %s: not a file or folder",
		    f->path);
	f->type = type == AE_IFREG ? PG_FILE_REGULAR : PG_FILE_DIR;
	if (type == AE_IFREG)
		f->size = (uint64_t)archive_entry_size(ent);
	return 0;
}

static int
contents(struct tar *t, const struct pg_file *f)
{
	uint64_t done = 0;
	const void *p;
	la_int64_t off;
	size_t n;
	int r;

	while ((r = archive_read_data_block(t->a, &p, &n, &off)) == ARCHIVE_OK) {
		if ((uint64_t)off != done || n > f->size - done)
			return err_set(t->e, ERR_CORRUPT,
			    "tar from the server: %s: a hole in it", f->path);
		if (n > 0 && t->sink->data(t->sink->ctx, p, n, t->e) != 0)
			return -1;
		done += n;
	}
	if (r != ARCHIVE_EOF)
		return tar_error(t, f->path);
	if (done != f->size)
		return err_set(t->e, ERR_CORRUPT, "tar from the server: %s: cut off", f->path);
	return 0;
}

static int
members(struct tar *t, const char *prefix)
{
	struct archive_entry *ent;
	struct pg_file f;
	int r;

	while ((r = archive_read_next_header(t->a, &ent)) == ARCHIVE_OK) {
		if (describe(ent, prefix, &f, t->e) != 0 ||
		    t->sink->file(t->sink->ctx, &f, t->e) != 0)
			return -1;
		if (f.type == PG_FILE_REGULAR && contents(t, &f) != 0)
			return -1;
		if (t->sink->end(t->sink->ctx, t->e) != 0)
			return -1;
	}
	return r == ARCHIVE_EOF ? 0 : tar_error(t, "");
}

/*
 * A block of zeros ends an archive for libarchive, wherever it is: members behind
 * it would be lost in silence.
 */
static int
nothing_left(struct tar *t)
{
	const void *p;
	const uint8_t *b;
	size_t n;
	int r;

	while (!t->ended && (r = t->src->next(t->src->ctx, &p, &n, t->e)) != 0) {
		if (r < 0)
			return -1;
		b = p;
		if (b[0] != 0 || memcmp(b, b + 1, n - 1) != 0)
			return err_set(t->e, ERR_CORRUPT,
			    "tar from the server: data behind the archive's end");
	}
	return 0;
}

int
tar_stream(const struct tar_source *src, const char *prefix, const struct pg_sink *sink,
    struct err *e)
{
	struct tar t = { src, sink, archive_read_new(), e, 0, 0 };
	int r;

	if (t.a == NULL || archive_read_support_format_tar(t.a) != ARCHIVE_OK) {
		(void)archive_read_free(t.a);	/* reads nothing more */
		return err_set(e, ERR_SYSTEM, "out of memory");
	}
	if (archive_read_open(t.a, &t, NULL, pull, NULL) != ARCHIVE_OK)
		r = tar_error(&t, "");
	else if ((r = members(&t, prefix)) == 0)
		r = nothing_left(&t);
	(void)archive_read_free(t.a);	/* reads nothing more */
	return r;
}
