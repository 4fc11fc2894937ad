/*
 * The backend for a path: reading objects, and looking whether they are there.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/text.h"
#include "repo/dir_private.h"
#include "repo/source.h"

#define CHUNK	  (1u << 20)
#define LIST_LINE 65	/* 64 digits and a newline */

struct repo_object {
	const struct repo *repo;
	int fd;
	char name[STREAM_NAME_MAX + LOG_NAME_MAX + 16];
	struct io_source source;
};

/* ---- objects ---------------------------------------------------------------- */

static int
object_pread(void *ctx, void *p, size_t n, uint64_t off, size_t *got, struct err *e)
{
	const struct repo_object *o = ctx;

	if (io_pread_full(o->fd, p, n, off, got, o->name, e) != 0)
		return dir_context(o->repo, e);
	return 0;
}

/* "stream/file" with names that are safe as names of files. */
static int
log_name_ok(const char *name)
{
	char stream[STREAM_NAME_MAX];
	const char *slash = strchr(name, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - name);

	if (n == 0 || n >= sizeof(stream))
		return 0;
	memcpy(stream, name, n);
	stream[n] = '\0';
	return text_name_ok(stream, sizeof(stream)) && text_name_ok(slash + 1, LOG_NAME_MAX);
}

/* Where it lies (to free), and what messages call it.  ERR_NOTFOUND: an impossible name. */
static char *
object_path(const struct repo *r, enum repo_kind kind, const char *source, const char *name,
    char *label, size_t cap, struct err *e)
{
	uint8_t hash[32];

	if (source_name_ok(source))
		switch (kind) {
		case REPO_PACK:
			if (hex_decode(hash, 32, name) != 0)
				break;
			snprintf(label, cap, "pack %.16s", name);
			return dir_pack_path(r, source, hash, e);
		case REPO_MANIFEST:
		case REPO_PACKLIST:
			if (!text_name_ok(name, SNAPSHOT_ID_MAX))
				break;
			snprintf(label, cap, "snapshot %s: %s", name,
			    kind == REPO_MANIFEST ? "manifest" : "pack list");
			return dir_path(r, e, "snapshots/%s/%s%s", source, name,
			    kind == REPO_MANIFEST ? "" : ".packs");
		case REPO_LOG:
			if (!log_name_ok(name))
				break;
			snprintf(label, cap, "log %s", name);
			return dir_path(r, e, "logs/%s/%s", source, name);
		}
	err_set(e, ERR_NOTFOUND, "no object can be called %s %.100s", source, name);
	return NULL;
}

static int
object_open(struct repo_object *o, const char *path, struct err *e)
{
	struct stat st;

	if ((o->fd = io_open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, e)) < 0) {
		if (e->kind == ERR_NOTFOUND)
			return err_set(e, ERR_NOTFOUND, "%s: missing", o->name);
		errno = e->sys;
		return err_sys(e, e->kind, "%s: open", o->name);
	}
	if (fstat(o->fd, &st) != 0)
		return err_sys(e, ERR_IO, "%s: stat", o->name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_CORRUPT, "%s: not a file", o->name);
	o->source = (struct io_source){ object_pread, o, (uint64_t)st.st_size, o->name };
	return 0;
}

static struct repo_object *
get(const struct repo *r, enum repo_kind kind, const char *source, const char *name,
    struct err *e)
{
	struct repo_object *o = calloc(1, sizeof(*o));
	char *path = NULL;

	if (o == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	o->repo = r;
	o->fd = -1;
	path = object_path(r, kind, source, name, o->name, sizeof(o->name), e);
	if (path != NULL && object_open(o, path, e) == 0) {
		free(path);
		return o;
	}
	free(path);
	repo_object_free(o);
	return NULL;
}

struct repo_object *
repo_get(struct repo *r, enum repo_kind kind, const char *source, const char *name,
    struct err *e)
{
	struct repo_object *o = get(r, kind, source, name, e);

	if (o == NULL)
		dir_context(r, e);
	return o;
}

const struct io_source *
repo_object_source(const struct repo_object *o)
{
	return &o->source;
}

void
repo_object_free(struct repo_object *o)
{
	if (o == NULL)
		return;
	if (o->fd >= 0)
		(void)close(o->fd);	/* was only read */
	free(o);
}

static int
hash_fd(int fd, const char *name, uint8_t out[32], struct err *e)
{
	struct seal_hash h;
	uint8_t *chunk = malloc(CHUNK);
	uint64_t at = 0;
	size_t got = 0;
	int r = 0;

	if (chunk == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	seal_hash_begin(&h);
	do {
		if ((r = io_pread_full(fd, chunk, CHUNK, at, &got, name, e)) != 0)
			break;
		seal_hash_add(&h, chunk, got);
		at += got;
	} while (got == CHUNK);
	free(chunk);
	seal_hash_end(&h, out);
	return r;
}

int
repo_object_hash(const struct repo_object *o, uint8_t out[32], struct err *e)
{
	return hash_fd(o->fd, o->name, out, e) == 0 ? 0 : dir_context(o->repo, e);
}

int
dir_hash_file(const char *path, const char *name, uint8_t out[32], struct err *e)
{
	int fd = io_open(path, O_RDONLY | O_NOFOLLOW, 0, e), r;

	if (fd < 0)
		return err_context(e, "%s", name);
	r = hash_fd(fd, name, out, e);
	(void)close(fd);	/* was only read */
	return r;
}

/* ---- lists ------------------------------------------------------------------ */

/* The list's bytes to n hashes in the same memory. */
static int
decode_list(uint8_t *p, size_t n)
{
	char hex[LIST_LINE];
	size_t i;

	for (i = 0; i < n; i++) {
		memcpy(hex, p + i * LIST_LINE, LIST_LINE);
		if (hex[64] != '\n')
			return -1;
		hex[64] = '\0';
		if (hex_decode(p + i * 32, 32, hex) != 0)
			return -1;
	}
	return 0;
}

static uint8_t *
read_list(const struct repo_object *o, const uint8_t hash[32], uint64_t npacks, struct err *e)
{
	uint8_t is[32], *p;
	size_t got;

	if (o->source.size % LIST_LINE != 0 || o->source.size / LIST_LINE != npacks) {
		err_set(e, ERR_CORRUPT, "%s: it has %llu bytes, not %llu lines", o->name,
		    (unsigned long long)o->source.size, (unsigned long long)npacks);
		return NULL;
	}
	if ((p = malloc(o->source.size + 1)) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	if (io_pread_full(o->fd, p, o->source.size, 0, &got, o->name, e) == 0) {
		seal_hash_of(is, p, got);
		if (memcmp(is, hash, 32) == 0 && decode_list(p, npacks) == 0)
			return p;
		err_set(e, ERR_CORRUPT, "%s: damaged: its hash is not the one in the journal",
		    o->name);
	}
	free(p);
	return NULL;
}

static uint8_t *
get_list(const struct repo *r, const char *source, const char *id, const uint8_t hash[32],
    uint64_t npacks, struct err *e)
{
	struct repo_object *o = get(r, REPO_PACKLIST, source, id, e);
	uint8_t *p;

	if (o == NULL)
		return NULL;
	p = read_list(o, hash, npacks, e);
	repo_object_free(o);
	return p;
}

uint8_t *
repo_packlist(struct repo *r, const struct catalog_snapshot *s, size_t *n, struct err *e)
{
	uint8_t *p = get_list(r, s->source, s->id, s->packlist, s->packs, e);

	*n = s->packs;
	if (p == NULL)
		dir_context(r, e);
	return p;
}

static int
each_in(const char *folder, const char *ab,
    int (*each)(void *ctx, const char *name, uint64_t size, struct err *e), void *ctx,
    struct err *e)
{
	DIR *d = opendir(folder);
	const struct dirent *entry;
	uint8_t hash[32];
	struct stat st;
	int r = 0;

	if (d == NULL)
		return errno == ENOENT ? 0 : err_sys(e, ERR_IO, "%s: open", folder);
	while (r == 0 && (entry = readdir(d)) != NULL)
		if (hex_decode(hash, 32, entry->d_name) == 0 &&
		    strncmp(entry->d_name, ab, 2) == 0) {
			if (fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
				r = err_sys(e, ERR_IO, "pack %.16s: stat", entry->d_name);
			else
				r = each(ctx, entry->d_name, (uint64_t)st.st_size, e);
		}
	(void)closedir(d);	/* was only read */
	return r;
}

int
repo_each_pack(struct repo *r, const char *source,
    int (*each)(void *ctx, const char *name, uint64_t size, struct err *e), void *ctx,
    struct err *e)
{
	char ab[3], *folder;
	int i, got = 0;

	if (!source_name_ok(source))
		return err_set(e, ERR_NOTFOUND, "no source can be called %s", source);
	for (i = 0; i < 256 && got == 0; i++) {
		snprintf(ab, sizeof(ab), "%02x", (unsigned)i);
		if ((folder = dir_path(r, e, "packs/%s/%s", source, ab)) == NULL)
			return -1;
		got = each_in(folder, ab, each, ctx, e);
		free(folder);
	}
	return got;
}

/* ---- what a statement needs ------------------------------------------------- */

static int
holds_packs(const struct repo *r, const char *source, const uint8_t *hashes, uint64_t n,
    struct err *e)
{
	char *path, hex[17];
	struct stat st;
	uint64_t i;
	int got;

	for (i = 0; i < n; i++) {
		if ((path = dir_pack_path(r, source, hashes + 32 * i, e)) == NULL)
			return -1;
		got = stat(path, &st);
		free(path);
		if (got != 0)
			return err_sys(e, errno == ENOENT ? ERR_CORRUPT : ERR_IO, "pack %s",
			    hex_encode(hex, hashes + 32 * i, 8));
	}
	return 0;
}

static int
holds_snapshot(const struct repo *r, const struct statement *st, struct err *e)
{
	const char *source = statement_get(st, "source"), *id = statement_get(st, "id");
	uint8_t said[32], is[32], *hashes;
	struct repo_object *o;
	uint64_t n;
	int got;

	if (statement_hash_field(st, "manifest", said, e) != 0 ||
	    (o = get(r, REPO_MANIFEST, source, id, e)) == NULL)
		return -1;
	got = hash_fd(o->fd, o->name, is, e);
	repo_object_free(o);
	if (got == 0 && memcmp(said, is, 32) != 0)
		got = err_set(e, ERR_CORRUPT,
		    "snapshot %s: manifest: not the one that is stated", id);
	if (got != 0 || statement_hash_field(st, "packs", said, e) != 0 ||
	    statement_u64(st, "npacks", &n, e) != 0 ||
	    (hashes = get_list(r, source, id, said, n, e)) == NULL)
		return -1;
	got = holds_packs(r, source, hashes, n, e);
	free(hashes);
	return got;
}

static int
holds_log(const struct repo *r, const struct statement *st, struct err *e)
{
	char name[STREAM_NAME_MAX + LOG_NAME_MAX];
	struct repo_object *o;
	uint64_t bytes = 0;
	int got = 0;

	snprintf(name, sizeof(name), "%s/%s", statement_get(st, "stream"),
	    statement_get(st, "file"));
	if ((st->verb != ST_LOG_OPEN && statement_u64(st, "bytes", &bytes, e) != 0) ||
	    (o = get(r, REPO_LOG, statement_get(st, "source"), name, e)) == NULL)
		return -1;
	if (o->source.size < bytes)
		got = err_set(e, ERR_CORRUPT, "%s: it has %llu bytes, not %llu", o->name,
		    (unsigned long long)o->source.size, (unsigned long long)bytes);
	repo_object_free(o);
	return got;
}

int
dir_holds(const struct repo *r, const struct statement *st, struct err *e)
{
	switch (st->verb) {
	case ST_SNAPSHOT:
		return holds_snapshot(r, st, e);
	case ST_LOG_OPEN:
	case ST_LOG_MARK:
	case ST_LOG_CLOSE:
		return holds_log(r, st, e);
	default:
		return 0;
	}
}
