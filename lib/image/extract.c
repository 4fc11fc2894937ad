/*
 * Writing an image into an empty directory, safely.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "image/extract.h"

#define CONTROL	    "global/pg_control"
#define CONTROL_TMP "global/pg_control.bulkhead"
#define LINKS	    "pg_tblspc/"

/* An open folder, shared by the members that lie in it. */
struct folder {
	atomic_uint refs;
	int fd;
	char path[PG_PATH_MAX];
};

/*
 * A file on its way.  One that comes in one piece is made, written and closed on a
 * worker; another is open from its beginning to its end.
 */
struct member {
	struct folder *folder;
	char name[256];
	struct pg_file f; /* for its path, mode, time, size */
	int fd;		  /* -1: one piece */
};

struct extract {
	struct extract_options o;
	int root;
	int *tablespaces; /* fds, as o.tablespaces */
	struct folder *last; /* the folder of the last member */
};

/* Set aside, since they would make the copy act as the server that it is a copy of. */
static const char *const set_aside[] = { "postgresql.auto.conf", "recovery.signal",
	"standby.signal", NULL };

static int
fail(const struct extract *x, const char *path, const char *step, struct err *e)
{
	return err_sys(e,
	    errno == EACCES || errno == EPERM || errno == EROFS ? ERR_REFUSED : ERR_IO,
	    "%s/%s: %s", x->o.target, path, step);
}

static void
folder_drop(struct folder *d)
{
	if (d == NULL || atomic_fetch_sub(&d->refs, 1) != 1)
		return;
	(void)close(d->fd); /* opened for reading */
	free(d);
}

static int
is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* path: where it lies in the target; what is in bulkhead/ stays ours. */
static int
own(const struct extract *x, int fd, const char *path, struct err *e)
{
	if (x->o.chown && !is_below(path, "bulkhead") && fchown(fd, x->o.uid, x->o.gid) != 0)
		return fail(x, path, "chown", e);
	return 0;
}

/* ---- folders ---------------------------------------------------------------- */

/* Which tablespace path is or lies in, and *rest within it; -1: none. */
static int
tablespace_of(const struct extract *x, const char *path, const char **rest)
{
	size_t n = strlen(LINKS);
	unsigned long oid;
	char *end;
	int i;

	*rest = path;
	if (strncmp(path, LINKS, n) != 0)
		return -1;
	oid = strtoul(path + n, &end, 10);
	if (end == path + n || (*end != '/' && *end != '\0'))
		return -1;
	for (i = 0; i < x->o.ntablespaces; i++)
		if (oid == x->o.tablespaces[i].oid) {
			*rest = *end == '/' ? end + 1 : end;
			return i;
		}
	return -1;
}

/* The folder name in `at`, made when it is missing; a link in its place is no folder. */
static int
enter(const struct extract *x, int at, const char *name, const char *path, struct err *e)
{
	int made = mkdirat(at, name, 0700) == 0, fd;

	if (!made && errno != EEXIST)
		return fail(x, path, "mkdir", e);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(x, path, "open", e);
	if (made && own(x, fd, path, e) != 0) {
		(void)close(fd); /* opened for reading */
		return -1;
	}
	return fd;
}

/* Open the folder `path`, making what is missing of it. */
static int
walk(const struct extract *x, const char *path, struct err *e)
{
	char copy[PG_PATH_MAX], *part, *save;
	const char *rest;
	int i = tablespace_of(x, path, &rest), fd, next;

	snprintf(copy, sizeof(copy), "%s", rest);
	if ((fd = fcntl(i < 0 ? x->root : x->tablespaces[i], F_DUPFD_CLOEXEC, 0)) < 0)
		return fail(x, path, "open", e);
	for (part = strtok_r(copy, "/", &save); part != NULL;
	     part = strtok_r(NULL, "/", &save)) {
		next = enter(x, fd, part, path, e);
		(void)close(fd); /* opened for reading */
		if ((fd = next) < 0)
			return -1;
	}
	return fd;
}

/* The folder of the member `path`; most members lie where the last one did. */
static struct folder *
folder_of(struct extract *x, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);
	struct folder *d = x->last;

	if (d == NULL || strlen(d->path) != n || memcmp(d->path, path, n) != 0) {
		if ((d = calloc(1, sizeof(*d))) == NULL) {
			err_set(e, ERR_SYSTEM, "out of memory");
			return NULL;
		}
		atomic_init(&d->refs, 1);
		memcpy(d->path, path, n);
		if ((d->fd = walk(x, d->path, e)) < 0) {
			free(d);
			return NULL;
		}
		folder_drop(x->last);
		x->last = d;
	}
	atomic_fetch_add(&d->refs, 1);
	return d;
}

/* ---- files ------------------------------------------------------------------ */

static int
create(const struct extract *x, const struct member *m, struct err *e)
{
	int fd = openat(m->folder->fd, m->name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST)
		return err_set(e, ERR_CORRUPT, "%s: twice in the snapshot", m->f.path);
	return fd < 0 ? fail(x, m->f.path, "create", e) : fd;
}

/* Owner, mode and time, and closed in any case. */
static int
finish(const struct extract *x, const struct member *m, int fd, struct err *e)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ m->f.mtime / 1000000, m->f.mtime % 1000000 * 1000 } };
	int aside = m->folder != NULL && is_below(m->folder->path, "bulkhead");
	int r = aside ? 0 : own(x, fd, m->f.path, e);

	if (r == 0 && fchmod(fd, m->f.mode & 0777) != 0)
		r = fail(x, m->f.path, "chmod", e);
	if (r == 0 && futimens(fd, times) != 0)
		r = fail(x, m->f.path, "set its time", e);
	if (close(fd) != 0 && r == 0)
		r = fail(x, m->f.path, "close", e);
	return r;
}

/* The kernel starts writing at once, so that syncing at the end finds little left. */
static int
put_bytes(const struct extract *x, const struct member *m, int fd, uint64_t offset,
    const uint8_t *p, size_t n, struct err *e)
{
	if (io_pwrite_all(fd, p, n, offset, m->f.path, e) != 0)
		return err_context(e, "%s", x->o.target);
	(void)sync_file_range(fd, (off_t)offset, (off_t)n, SYNC_FILE_RANGE_WRITE); /* a hint */
	return 0;
}

static void
member_free(struct member *m)
{
	if (m->fd >= 0)
		(void)close(m->fd); /* given up */
	folder_drop(m->folder);
	free(m);
}

/* Under which name a member is kept: its own but for a few. */
static void
place(const char *path, char out[PG_PATH_MAX])
{
	int i;

	snprintf(out, PG_PATH_MAX, "%s", strcmp(path, CONTROL) == 0 ? CONTROL_TMP : path);
	for (i = 0; set_aside[i] != NULL; i++)
		if (strcmp(path, set_aside[i]) == 0)
			snprintf(out, PG_PATH_MAX, "bulkhead/%s.original", set_aside[i]);
}

static struct member *
member_new(struct extract *x, const struct pg_file *f, struct err *e)
{
	struct member *m;
	const char *base;
	char path[PG_PATH_MAX];

	place(f->path, path);
	base = strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;
	if (strlen(base) >= sizeof(m->name)) {
		err_set(e, ERR_CORRUPT, "%.60s...: too long a name", f->path);
		return NULL;
	}
	if ((m = calloc(1, sizeof(*m))) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	m->fd = -1;
	m->f = *f;
	snprintf(m->name, sizeof(m->name), "%s", base);
	if ((m->folder = folder_of(x, path, e)) != NULL)
		return m;
	free(m);
	return NULL;
}

static int
begin_file(struct extract *x, const struct image_file *f, void **handle, struct err *e)
{
	struct member *m = member_new(x, &f->f, e);

	if (m == NULL)
		return -1;
	if (f->nruns != 1 && (m->fd = create(x, m, e)) < 0) {
		member_free(m);
		return -1;
	}
	*handle = m;
	return 0;
}

/* ---- the visitor -------------------------------------------------------------- */

/* A link to a tablespace that was made during the backup: WAL makes it again. */
static int
make_link(struct extract *x, const struct pg_file *f, struct err *e)
{
	const char *rest, *name = strrchr(f->path, '/');
	int i = tablespace_of(x, f->path, &rest), r = 0;
	struct folder *d;

	if (i < 0 || *rest != '\0')
		return 0;
	if ((d = folder_of(x, f->path, e)) == NULL)
		return -1;
	if (symlinkat(x->o.tablespaces[i].path, d->fd, name + 1) != 0)
		r = fail(x, f->path, "symlink", e);
	else if (x->o.chown &&
	    fchownat(d->fd, name + 1, x->o.uid, x->o.gid, AT_SYMLINK_NOFOLLOW) != 0)
		r = fail(x, f->path, "chown", e);
	folder_drop(d);
	return r;
}

static int
on_file(void *ctx, const struct image_file *f, void **handle, struct err *e)
{
	struct extract *x = ctx;
	int fd;

	if (is_below(f->f.path, "bulkhead"))
		return 0;
	switch (f->f.type) {
	case PG_FILE_REGULAR:
		return begin_file(x, f, handle, e);
	case PG_FILE_LINK:
		return make_link(x, &f->f, e);
	case PG_FILE_DIR:
		if ((fd = walk(x, f->f.path, e)) < 0)
			return -1;
		(void)close(fd); /* opened for reading */
		return 0;
	}
	return err_set(e, ERR_CORRUPT, "%s: of an unknown type", f->f.path);
}

static int
on_bytes(void *ctx, void *handle, uint64_t offset, const uint8_t *p, size_t n, struct err *e)
{
	struct extract *x = ctx;
	struct member *m = handle;
	int fd;

	if (m == NULL)
		return 0;
	if (m->fd >= 0)
		return put_bytes(x, m, m->fd, offset, p, n, e);
	if ((fd = create(x, m, e)) < 0)
		return -1;
	if (put_bytes(x, m, fd, offset, p, n, e) == 0)
		return finish(x, m, fd, e);
	(void)close(fd); /* given up */
	return -1;
}

static int
on_end(void *ctx, void *handle, struct err *e)
{
	struct member *m = handle;
	int fd;

	if (m == NULL || m->fd < 0)
		return 0;
	fd = m->fd;
	m->fd = -1;
	return finish(ctx, m, fd, e);
}

static void
on_drop(void *ctx, void *handle)
{
	(void)ctx;
	if (handle != NULL)
		member_free(handle);
}

struct image_visitor
extract_visitor(struct extract *x)
{
	return (struct image_visitor){ on_file, on_bytes, on_end, NULL, on_drop, x };
}

/* ---- beginning and end --------------------------------------------------------- */

static int
open_folder(const char *path, struct err *e)
{
	return io_open(path, O_RDONLY | O_DIRECTORY, 0, e);
}

struct extract *
extract_new(const struct extract_options *o, struct err *e)
{
	struct extract *x;
	int i;

	if ((x = calloc(1, sizeof(*x))) == NULL ||
	    (x->tablespaces = calloc((size_t)o->ntablespaces + 1, sizeof(int))) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		free(x);
		return NULL;
	}
	x->o = *o;
	x->o.ntablespaces = 0; /* grows as they are opened, for extract_free */
	if ((x->root = open_folder(o->target, e)) < 0)
		goto failed;
	for (i = 0; i < o->ntablespaces; i++, x->o.ntablespaces++)
		if ((x->tablespaces[i] = open_folder(o->tablespaces[i].path, e)) < 0)
			goto failed;
	return x;
failed:
	extract_free(x);
	return NULL;
}

void
extract_free(struct extract *x)
{
	int i;

	if (x == NULL)
		return;
	folder_drop(x->last);
	for (i = 0; i < x->o.ntablespaces; i++)
		(void)close(x->tablespaces[i]); /* opened for reading */
	if (x->root >= 0)
		(void)close(x->root); /* opened for reading */
	free(x->tablespaces);
	free(x);
}

static int
finish_folder(const struct extract *x, const struct pg_file *f, struct err *e)
{
	struct member m = { .f = *f };
	int fd = walk(x, f->path, e);

	if (fd < 0)
		return -1;
	m.f.mode |= 0700; /* what a hostile one says must not lock us out */
	return finish(x, &m, fd, e);
}

static int
finish_folders(const struct extract *x, struct image *im, struct err *e)
{
	struct image_file f = { .runs = NULL };
	int r;

	if (image_rewind(im, e) != 0)
		return -1;
	while ((r = image_next(im, &f, e)) > 0)
		if (f.f.type == PG_FILE_DIR && !is_below(f.f.path, "bulkhead") &&
		    finish_folder(x, &f.f, e) != 0) {
			r = -1;
			break;
		}
	image_file_reset(&f);
	return r;
}

int
extract_sync(struct extract *x, struct image *im, struct err *e)
{
	int i;

	if (finish_folders(x, im, e) != 0)
		return -1;
	for (i = 0; i < x->o.ntablespaces; i++)
		if (syncfs(x->tablespaces[i]) != 0)
			return err_sys(e, ERR_IO, "%s: sync", x->o.tablespaces[i].path);
	if (syncfs(x->root) != 0)
		return err_sys(e, ERR_IO, "%s: sync", x->o.target);
	return 0;
}

int
extract_add(struct extract *x, const char *path, const void *p, size_t n, struct err *e)
{
	int fd, r;

	fd = openat(x->root, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(x, path, "create", e);
	r = own(x, fd, path, e);
	if (r == 0 && (io_write_all(fd, p, n, path, e) != 0 || io_fsync(fd, path, e) != 0))
		r = err_context(e, "%s", x->o.target);
	if (close(fd) != 0 && r == 0)
		r = fail(x, path, "close", e);
	return r != 0 ? -1 : io_fsync(x->root, x->o.target, e);
}

int
extract_seal(struct extract *x, struct err *e)
{
	int fd, r;

	if (renameat(x->root, CONTROL_TMP, x->root, CONTROL) != 0)
		return fail(x, CONTROL, "rename", e);
	if ((fd = walk(x, "global", e)) < 0)
		return -1;
	r = io_fsync(fd, "global", e);
	(void)close(fd); /* opened for reading */
	return r != 0 ? -1 : io_fsync(x->root, x->o.target, e);
}
