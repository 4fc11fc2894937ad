/*
 * Images for unit tests.
 */
#include <sys/stat.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image_fixture.h"
#include "suites.h"

uint8_t
spec_byte(const char *path, uint64_t offset)
{
	uint64_t x = offset / 8;
	const char *p;

	if (offset % IMAGE_PAGE >= IMAGE_PAGE / 2)
		return (uint8_t)path[0];
	for (p = path; *p != '\0'; p++)
		x = x * 31 + (uint8_t)*p;
	x = (x ^ (x >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 32)) * UINT64_C(0x94d049bb133111eb);
	return (uint8_t)((x ^ (x >> 31)) >> (offset % 8 * 8));
}

void
spec_fill(const char *path, uint64_t offset, uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = spec_byte(path, offset + i);
}

struct image_meta
spec_meta(const char *id)
{
	struct image_meta m = { .source = "shop", .engine = "postgresql", .label = "a label",
		.version = 150005, .system_id = 7574210418334529345, .start = 0x3000028,
		.stop = 0x3000100, .timeline = 1, .segment_size = 16 << 20, .started = 1000000,
		.stopped = 2000000 };

	snprintf(m.id, sizeof(m.id), "%s", id);
	m.settings = strdup("max_connections = 100\n");
	return m;
}

struct image_put *
spec_begin(struct fixture *f, struct repo_session *s, const char *id, uint64_t pack_bytes,
    struct image_meta *m)
{
	struct image_put_options o = { .repo = f->repo, .session = s, .source = f->source,
		.id = id, .jobs = 2, .level = 1, .pack_bytes = pack_bytes };
	struct image_put *p;
	struct err e;

	*m = spec_meta(id);
	p = image_put_new(&o, m, &e);
	ck_assert_msg(p != NULL, "%s", e.msg);
	return p;
}

static int
send_bytes(const struct pg_sink *sink, const struct spec *s, size_t piece, struct err *e)
{
	uint8_t *p = malloc(piece);
	uint64_t at;
	size_t n;
	int r = 0;

	for (at = 0; r == 0 && at < s->size; at += n) {
		n = s->size - at < piece ? (size_t)(s->size - at) : piece;
		spec_fill(s->path, at, p, n);
		r = sink->data(sink->ctx, p, n, e);
	}
	free(p);
	return r;
}

int
spec_send(const struct pg_sink *sink, const struct spec *files, size_t n, size_t piece,
    struct err *e)
{
	struct pg_file f;
	size_t i;

	for (i = 0; i < n; i++) {
		f = (struct pg_file){ .type = PG_FILE_REGULAR, .mode = 0600,
			.mtime = 1700000000000000, .size = files[i].size };
		if (files[i].type != 0)
			f.type = files[i].type;
		snprintf(f.path, sizeof(f.path), "%s", files[i].path);
		if (files[i].target != NULL)
			snprintf(f.target, sizeof(f.target), "%s", files[i].target);
		if (sink->file(sink->ctx, &f, e) != 0 ||
		    send_bytes(sink, &files[i], piece, e) != 0 || sink->end(sink->ctx, e) != 0)
			return -1;
	}
	return 0;
}

void
spec_store(struct fixture *f, const char *id, const struct spec *files, size_t n,
    size_t piece, uint64_t pack_bytes, struct image_summary *sum)
{
	struct repo_session *s;
	struct image_lane *lane;
	struct image_put *p;
	struct image_meta m;
	struct pg_sink sink;
	struct err e;

	s = repo_session_begin(f->repo, "shop", "snapshot", &e);
	ck_assert_msg(s != NULL, "%s", e.msg);
	p = spec_begin(f, s, id, pack_bytes, &m);
	lane = image_put_lane(p, &e);
	ck_assert_msg(lane != NULL, "%s", e.msg);
	sink = image_lane_sink(lane);
	fixture_ok(spec_send(&sink, files, n, piece, &e));
	fixture_ok(image_put_finish(p, &m, sum, &e));
	ck_assert_uint_eq(image_lane_durable(lane), sum->bytes);
	image_put_free(p);
	fixture_ok(image_commit(f->repo, f->source, &m, "-", sum, &e));
	image_meta_free(&m);
	repo_session_free(s);
}

struct image *
spec_open(struct fixture *f, const char *id, struct err *e)
{
	const struct catalog_snapshot *s = catalog_snapshot(repo_catalog(f->repo), "shop", id);

	ck_assert_ptr_nonnull(s);
	return image_open(f->repo, s, f->restore, e);
}

/* ---- the comparing visitor: the pool's threads share it ------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct seen {
	char path[PG_PATH_MAX];
	uint64_t size, got;
};

static int
on_file(void *ctx, const struct image_file *f, void **handle, struct err *e)
{
	struct checked *c = ctx;
	struct seen *s = calloc(1, sizeof(*s));

	(void)e;
	ck_assert_ptr_nonnull(s);
	memcpy(s->path, f->f.path, sizeof(s->path));
	s->size = f->f.size;
	*handle = s;
	c->files++;
	return 0;
}

static int
may_be_damaged(const struct checked *c, const char *path)
{
	return c->damaged_ok != NULL &&
	    (c->damaged_ok[0] == '\0' || strcmp(c->damaged_ok, path) == 0);
}

static int
on_bytes(void *ctx, void *handle, uint64_t offset, const uint8_t *p, size_t n, struct err *e)
{
	struct checked *c = ctx;
	struct seen *s = handle;
	size_t i;

	if (!may_be_damaged(c, s->path))
		for (i = 0; i < n; i++)
			if (p[i] != spec_byte(s->path, offset + i))
				return err_set(e, ERR_BUG, "%s: byte %llu differs", s->path,
				    (unsigned long long)(offset + i));
	pthread_mutex_lock(&lock);
	s->got += n;
	c->bytes += n;
	pthread_mutex_unlock(&lock);
	return 0;
}

static int
on_end(void *ctx, void *handle, struct err *e)
{
	struct checked *c = ctx;
	struct seen *s = handle;

	pthread_mutex_lock(&lock);
	c->ended++;
	pthread_mutex_unlock(&lock);
	return s->got == s->size ? 0 : err_set(e, ERR_BUG, "%s: not all bytes came", s->path);
}

static int
on_damage(void *ctx, void *handle, const char *path, const struct err *what, struct err *e)
{
	struct checked *c = ctx;

	(void)handle;
	if (!may_be_damaged(c, path)) {
		*e = *what;
		return -1;
	}
	c->damaged++;
	snprintf(c->damage, sizeof(c->damage), "%s", what->msg);
	return 0;
}

static void
on_drop(void *ctx, void *handle)
{
	struct checked *c = ctx;

	pthread_mutex_lock(&lock);
	c->dropped++;
	pthread_mutex_unlock(&lock);
	free(handle);
}

struct image_visitor
spec_visitor(struct checked *c)
{
	return (struct image_visitor){ on_file, on_bytes, on_end, on_damage, on_drop, c };
}

void
flip(const char *path, long offset)
{
	FILE *f;
	int c;

	ck_assert_int_eq(chmod(path, 0600), 0);
	f = fopen(path, "r+b");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fseek(f, offset, offset < 0 ? SEEK_END : SEEK_SET), 0);
	c = fgetc(f);
	ck_assert_int_ne(c, EOF);
	ck_assert_int_eq(fseek(f, -1, SEEK_CUR), 0);
	ck_assert_int_eq(fputc(c ^ 0x10, f), c ^ 0x10);
	ck_assert_int_eq(fclose(f), 0);
}
