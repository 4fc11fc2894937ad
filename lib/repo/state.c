/*
 * What this machine remembers: checksummed records in a folder of its own.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/io.h"
#include "base/lock.h"
#include "base/text.h"
#include "repo/source.h"
#include "repo/state.h"
#include "seal/sealed.h"

#define RECORD_MAX (16u << 20)
#define MAGIC	   "bulkhead state"

struct state {
	char *dir;
};

/* The folder, in memory that the caller frees. */
static char *
default_dir(struct err *e)
{
	const char *env = getenv("BULKHEAD_STATE"), *home = getenv("HOME"),
		   *xdg = getenv("XDG_STATE_HOME");

	if (env != NULL && *env != '\0')
		return io_path(env, "", e);
	if (geteuid() == 0)
		return io_path("/var/lib", "bulkhead", e);
	if (xdg != NULL && *xdg != '\0')
		return io_path(xdg, "bulkhead", e);
	if (home != NULL && *home != '\0')
		return io_path(home, ".local/state/bulkhead", e);
	err_set(e, ERR_CONFIG, "no place for the state folder: HOME is not set");
	err_hint(e, "name one with --state or BULKHEAD_STATE");
	return NULL;
}

struct state *
state_open(const char *dir, struct err *e)
{
	struct state *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	s->dir = dir != NULL ? io_path(dir, "", e) : default_dir(e);
	if (s->dir == NULL)
		goto fail;
	if (strlen(s->dir) > 1 && s->dir[strlen(s->dir) - 1] == '/')
		s->dir[strlen(s->dir) - 1] = '\0';
	if (io_mkdirs(s->dir, 0700, e) != 0) {
		if (e->kind == ERR_CONFLICT || e->sys == ENOTDIR)
			e->kind = ERR_REFUSED;
		err_context(e, "state folder");
		goto fail;
	}
	if (access(s->dir, R_OK | W_OK | X_OK) == 0)
		return s;
	err_sys(e, ERR_REFUSED, "state folder: %s: not writable", s->dir);
fail:
	if (e->kind != ERR_SYSTEM)
		err_hint(e,
		    "what this machine has seen must be remembered: name another folder"
		    " with --state or BULKHEAD_STATE");
	state_free(s);
	return NULL;
}

void
state_free(struct state *s)
{
	if (s == NULL)
		return;
	free(s->dir);
	free(s);
}

const char *
state_dir(const struct state *s)
{
	return s->dir;
}

/* DIR/REPOSITORY/file, in memory that the caller frees; make: and the folder. */
static char *
record_path(const struct state *s, const uint8_t repo[32], const char *file, int make,
    struct err *e)
{
	char id[65], *dir = io_path(s->dir, hex_encode(id, repo, 32), e), *path = NULL;

	if (dir != NULL && (!make || io_mkdirs(dir, 0700, e) == 0))
		path = io_path(dir, file, e);
	free(dir);
	return path;
}

static int
damaged(const char *path, struct err *e)
{
	err_set(e, ERR_CORRUPT, "state folder: %s: damaged", path);
	return err_hint(e, "look at the repository with verify on another machine; then remove"
	    " this file, and it is made anew");
}

/* Take the first line off, and check what it says. */
static int
open_record(const char *path, struct buf *b, struct buf *out, struct err *e)
{
	const char *nl = memchr(b->data, '\n', b->len);
	char line[128];
	uint8_t hash[32];
	const uint8_t *body;
	size_t n;

	if (nl == NULL)
		return damaged(path, e);
	body = (const uint8_t *)nl + 1;
	n = b->len - (size_t)(body - b->data);
	seal_hash_of(hash, body, n);
	snprintf(line, sizeof(line), MAGIC " 1 %zu ", n);
	if ((size_t)(nl - (const char *)b->data) != strlen(line) + 64 ||
	    memcmp(b->data, line, strlen(line)) != 0)
		return damaged(path, e);
	hex_encode(line + strlen(line), hash, 32);
	if (memcmp(b->data, line, strlen(line)) != 0)
		return damaged(path, e);
	buf_add(out, body, n);
	return buf_check(out, e) == 0 ? 1 : -1;
}

static int
read_record(const struct state *s, const uint8_t repo[32], const char *file, struct buf *out,
    struct err *e)
{
	char *path = record_path(s, repo, file, 0, e);
	struct buf b = BUF_INIT;
	int r = -1;

	if (path == NULL)
		return -1;
	io_sweep(path);
	if (io_read_file(path, RECORD_MAX + 128, &b, e) == 0)
		r = open_record(path, &b, out, e);
	else if (e->kind == ERR_NOTFOUND) {
		err_clear(e);
		r = 0;
	} else
		err_context(e, "state folder");
	buf_free(&b);
	free(path);
	return r;
}

static int
write_record(const struct state *s, const uint8_t repo[32], const char *file, const void *p,
    size_t n, struct err *e)
{
	char *path = record_path(s, repo, file, 1, e), hex[65];
	struct buf b = BUF_INIT;
	uint8_t hash[32];
	int r;

	if (path == NULL)
		return -1;
	seal_hash_of(hash, p, n);
	buf_fmt(&b, MAGIC " 1 %zu %s\n", n, hex_encode(hex, hash, 32));
	buf_add(&b, p, n);
	r = buf_check(&b, e);
	if (r == 0 && (r = io_write_file(path, b.data, b.len, 0600, e)) != 0)
		err_context(e, "state folder");
	buf_free(&b);
	free(path);
	return r;
}

/* "SEQ HASH\n" */
static int
parse_head(const struct buf *b, struct journal_head *h)
{
	const char *p = (const char *)b->data, *space = memchr(p, ' ', b->len);
	char hex[65];

	if (space == NULL || b->len != (size_t)(space - p) + 1 + 64 + 1 ||
	    p[b->len - 1] != '\n')
		return -1;
	memcpy(hex, space + 1, 64);
	hex[64] = '\0';
	if (text_u64(p, (size_t)(space - p), &h->seq) != 0)
		return -1;
	return hex_decode(h->hash, 32, hex);
}

int
state_get_head(struct state *s, const uint8_t repo[32], struct journal_head *h, struct err *e)
{
	struct buf b = BUF_INIT;
	int r = read_record(s, repo, "head", &b, e);

	if (r == 1 && parse_head(&b, h) != 0)
		r = damaged("head", e);
	buf_free(&b);
	return r;
}

static int
put_head(struct state *s, const uint8_t repo[32], const struct journal_head *h, struct err *e)
{
	struct journal_head old;
	char text[96], hex[65];
	int r = state_get_head(s, repo, &old, e);

	if (r < 0 || (r == 1 && old.seq >= h->seq))
		return r < 0 ? -1 : 0;
	snprintf(text, sizeof(text), "%" PRIu64 " %s\n", h->seq, hex_encode(hex, h->hash, 32));
	return write_record(s, repo, "head", text, strlen(text), e);
}

int
state_put_head(struct state *s, const uint8_t repo[32], const struct journal_head *h,
    struct err *e)
{
	char *path = record_path(s, repo, "lock", 1, e);
	struct lock *l;
	int r = -1;

	if (path == NULL)
		return -1;
	/* Tools of one machine share the record; the later one must not be overwritten. */
	if ((l = lock_wait(path, e)) != NULL)
		r = put_head(s, repo, h, e);
	lock_free(l);
	free(path);
	return r;
}

/* "SOURCE.NAME"; a source's name has dots too, but the last part is a tool's. */
static int
record_name(char out[SOURCE_NAME_MAX + 32], const char *source, const char *name,
    struct err *e)
{
	if (!source_name_ok(source) || !text_name_ok(name, 24))
		return err_set(e, ERR_BUG, "state record %s.%s", source, name);
	snprintf(out, SOURCE_NAME_MAX + 32, "%s.%s", source, name);
	return 0;
}

int
state_get(struct state *s, const uint8_t repo[32], const char *source, const char *name,
    struct buf *out, struct err *e)
{
	char file[SOURCE_NAME_MAX + 32];

	if (record_name(file, source, name, e) != 0)
		return -1;
	return read_record(s, repo, file, out, e);
}

int
state_put(struct state *s, const uint8_t repo[32], const char *source, const char *name,
    const void *p, size_t n, struct err *e)
{
	char file[SOURCE_NAME_MAX + 32];

	if (record_name(file, source, name, e) != 0)
		return -1;
	if (n > RECORD_MAX)
		return err_set(e, ERR_BUG, "state record %s: %zu bytes", file, n);
	return write_record(s, repo, file, p, n, e);
}
