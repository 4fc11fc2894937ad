/*
 * The backend for a path: putting objects into incoming/, and giving them their names.
 */
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/text.h"
#include "repo/dir_private.h"

#define LOOK_EVERY   (16u << 20)	/* bytes between two looks at the free space */
#define PUSH_EVERY   (4u << 20)		/* bytes between two hints to begin writing out */
#define RESERVE_MAX  (UINT64_C(1) << 30)

struct repo_put {
	struct seal_hash hash;
	struct repo_session *session;
	enum repo_kind kind;
	unsigned number;
	int fd;
	uint64_t size, looked, pushed;
};

static const char *
label(enum repo_kind kind)
{
	switch (kind) {
	case REPO_PACK:
		return "new pack";
	case REPO_MANIFEST:
		return "new manifest";
	case REPO_PACKLIST:
		return "new pack list";
	default:
		return "new log";
	}
}

/* Is there more than the reserve, which is kept for logs and the journal? */
static int
look_for_space(const struct repo_put *p, struct err *e)
{
	struct statvfs v;
	uint64_t reserve;

	if (fstatvfs(p->fd, &v) != 0)
		return err_sys(e, ERR_IO, "%s: statvfs", label(p->kind));
	reserve = (uint64_t)v.f_blocks * v.f_frsize / 20;
	if (reserve > RESERVE_MAX)
		reserve = RESERVE_MAX;
	if ((uint64_t)v.f_bavail * v.f_frsize > reserve)
		return 0;
	errno = ENOSPC;
	return err_sys(e, ERR_IO,
	    "%s: write (the last %llu MiB are kept for logs and journal)",
	    label(p->kind), (unsigned long long)(reserve >> 20));
}

struct repo_put *
repo_put_begin(struct repo_session *s, enum repo_kind kind, struct err *e)
{
	struct repo_put *p = aligned_alloc(_Alignof(struct repo_put), sizeof(*p));

	if (p == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	memset(p, 0, sizeof(*p));
	p->session = s;
	p->kind = kind;
	seal_hash_begin(&p->hash);
	if ((p->fd = dir_new_file(s, &p->number, e)) >= 0 && look_for_space(p, e) == 0)
		return p;
	dir_context(s->repo, e);
	repo_put_free(p);
	return NULL;
}

int
repo_put_write(struct repo_put *p, const void *data, size_t n, struct err *e)
{
	if (p->size - p->looked >= LOOK_EVERY) {
		if (look_for_space(p, e) != 0)
			return dir_context(p->session->repo, e);
		p->looked = p->size;
	}
	if (io_write_all(p->fd, data, n, label(p->kind), e) != 0)
		return dir_context(p->session->repo, e);
	seal_hash_add(&p->hash, data, n);
	p->size += n;
	if (p->size - p->pushed >= PUSH_EVERY) {
		/* Only a hint, so that the fsync at the end finds little to do. */
		(void)sync_file_range(p->fd, (off_t)p->pushed, (off_t)(p->size - p->pushed),
		    SYNC_FILE_RANGE_WRITE);
		p->pushed = p->size;
	}
	return 0;
}

static int
note_ended(struct repo_put *p, const uint8_t hash[32], struct err *e)
{
	struct repo_session *s = p->session;
	struct ended *more;

	(void)pthread_mutex_lock(&s->mutex);
	more = realloc(s->ended, (s->nended + 1) * sizeof(*more));
	if (more != NULL) {
		s->ended = more;
		more += s->nended++;
		more->kind = p->kind;
		more->number = p->number;
		memcpy(more->hash, hash, 32);
	}
	(void)pthread_mutex_unlock(&s->mutex);
	return more != NULL ? 0 : err_set(e, ERR_SYSTEM, "out of memory");
}

int
repo_put_end(struct repo_put *p, uint8_t hash[32], struct err *e)
{
	int fd = p->fd;

	if (fchmod(fd, 0444) != 0)
		err_sys(e, ERR_IO, "%s: chmod", label(p->kind));
	else if (io_fsync(fd, label(p->kind), e) == 0) {
		p->fd = -1;
		if (io_close(fd, label(p->kind), e) == 0) {
			seal_hash_end(&p->hash, hash);
			if (note_ended(p, hash, e) == 0)
				return 0;
		}
	}
	return dir_context(p->session->repo, e);
}

void
repo_put_free(struct repo_put *p)
{
	if (p == NULL)
		return;
	if (p->fd >= 0)
		(void)close(p->fd);	/* given up; the file goes with the session's folder */
	free(p);
}

/* ---- names ------------------------------------------------------------------ */

/* The name is taken: fine when by the same bytes, as after a place that was cut short. */
static int
same_bytes(const char *path, const uint8_t hash[32], const char *name, struct err *e)
{
	uint8_t there[32];

	if (dir_hash_file(path, name, there, e) != 0)
		return -1;
	if (memcmp(there, hash, 32) != 0)
		return err_set(e, ERR_CONFLICT, "%s: exists with other bytes", name);
	return 0;
}

/* Link one ended object to its name; the folders are synced by the caller. */
static int
give_name(struct repo_session *s, const struct ended *o, const char *to, const char *name,
    struct err *e)
{
	char *from = dir_session_file(s, o->number, e);
	int r = 0;

	if (from == NULL)
		return -1;
	if (link(from, to) != 0) {
		if (errno == EEXIST)
			r = same_bytes(to, o->hash, name, e);
		else
			r = err_sys(e, ERR_IO, "%s: link", name);
	}
	free(from);
	return r;
}

char *
dir_pack_path(const struct repo *r, const char *source, const uint8_t hash[32], struct err *e)
{
	char hex[65];

	hex_encode(hex, hash, 32);
	return dir_path(r, e, "packs/%s/%.2s/%s", source, hex, hex);
}

static int
make_folder(const char *path, struct err *e)
{
	if (mkdir(path, 0755) != 0 && errno != EEXIST)
		return err_sys(e, ERR_IO, "%s: mkdir", path);
	return 0;
}

/* packs/SOURCE/ab: made, or synced, when names in it (ab = first byte of a hash) are ours. */
static int
pack_folder(const struct repo_session *s, unsigned ab, int (*step)(const char *, struct err *),
    struct err *e)
{
	char *path = dir_path(s->repo, e, "packs/%s/%02x", s->source, ab);
	int r = path == NULL ? -1 : step(path, e);

	free(path);
	return r;
}

static int
place_packs(struct repo_session *s, struct err *e)
{
	uint8_t used[256] = { 0 };
	char *top = dir_path(s->repo, e, "packs/%s", s->source), *path, name[32], hex[17];
	unsigned ab;
	size_t i;
	int r = -1;

	if (top == NULL || io_mkdirs(top, 0755, e) != 0)
		goto out;
	for (i = 0; i < s->nended; i++) {
		const struct ended *o = &s->ended[i];

		if (o->kind != REPO_PACK)
			continue;
		r = -1;
		if (!used[o->hash[0]] && pack_folder(s, o->hash[0], make_folder, e) != 0)
			goto out;
		used[o->hash[0]] = 1;
		snprintf(name, sizeof(name), "pack %s", hex_encode(hex, o->hash, 8));
		if ((path = dir_pack_path(s->repo, s->source, o->hash, e)) == NULL)
			goto out;
		r = give_name(s, o, path, name, e);
		free(path);
		if (r != 0)
			goto out;
	}
	r = 0;
	for (ab = 0; ab < 256 && r == 0; ab++)
		if (used[ab])
			r = pack_folder(s, ab, io_fsync_dir, e);
	if (r == 0)
		r = io_fsync_dir(top, e);
out:
	free(top);
	return r;
}

/* The session's only object of that kind, or NULL. */
static const struct ended *
only_one(const struct repo_session *s, enum repo_kind kind)
{
	const struct ended *o = NULL;
	size_t i;

	for (i = 0; i < s->nended; i++)
		if (s->ended[i].kind == kind) {
			if (o != NULL)
				return NULL;
			o = &s->ended[i];
		}
	return o;
}

static int
place_lists(struct repo_session *s, const char *id, struct err *e)
{
	const struct ended *manifest = only_one(s, REPO_MANIFEST),
	    *list = only_one(s, REPO_PACKLIST);
	char *top = dir_path(s->repo, e, "snapshots/%s", s->source);
	char *a = dir_path(s->repo, e, "snapshots/%s/%s", s->source, id);
	char *b = dir_path(s->repo, e, "snapshots/%s/%s.packs", s->source, id);
	int r = -1;

	if (manifest == NULL || list == NULL || !text_name_ok(id, SNAPSHOT_ID_MAX))
		err_set(e, ERR_BUG, "snapshot %s: not one manifest and one pack list", id);
	else if (top != NULL && a != NULL && b != NULL && io_mkdirs(top, 0755, e) == 0 &&
	    give_name(s, manifest, a, "manifest", e) == 0 &&
	    give_name(s, list, b, "pack list", e) == 0)
		r = io_fsync_dir(top, e);
	free(top);
	free(a);
	free(b);
	return r;
}

int
repo_snapshot_place(struct repo_session *s, const char *id, struct err *e)
{
	struct err ignored;
	char *path;
	size_t i;

	if (place_packs(s, e) != 0 || place_lists(s, id, e) != 0)
		return dir_context(s->repo, e);
	for (i = 0; i < s->nended; i++)
		if ((path = dir_session_file(s, s->ended[i].number, &ignored)) != NULL) {
			(void)unlink(path);	/* it has its name; this one is garbage */
			free(path);
		}
	s->nended = 0;
	return 0;
}
