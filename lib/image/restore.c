/*
 * Restoring a snapshot: what comes before and after the files.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/io.h"
#include "image/extract.h"
#include "image/restore.h"
#include "image/tarsink.h"
#include "repo/stamp.h"

/*
 * With the recovery.signal beside it a server that somebody starts by hand refuses: "must
 * specify restore_command".  pitr-replay starts it with a configuration of its own.
 */
static const char safe_conf[] = RESTORE_SAFE_CONF "\n"
    "#\n"
    "# This is a restored copy.  pitr-replay(1) replays the log onto it and releases it.\n"
    "# The settings that ALTER SYSTEM had made are in "
    "bulkhead/postgresql.auto.conf.original.\n"
    "restore_command = ''\n"
    "archive_mode = 'off'\n"
    "primary_conninfo = ''\n";

struct restore {
	const struct restore_options *o;
	struct image *image;
	char *target; /* absolute */
	struct extract_options x;
	struct extract_tablespace *tablespaces;
	struct stamp stamp;
};

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "out of memory");
}

/* ---- folders ---------------------------------------------------------------- */

/* 1 when path is an empty folder, 0 when it is missing; anything else is refused. */
static int
look(const char *path, struct err *e)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	int n = 0;

	if (d == NULL && errno == ENOENT)
		return 0;
	if (d == NULL && errno == ENOTDIR)
		return err_set(e, ERR_REFUSED, "%s: exists, and is not a folder", path);
	if (d == NULL)
		return err_sys(e, errno == EACCES ? ERR_REFUSED : ERR_IO, "%s: open", path);
	while ((entry = readdir(d)) != NULL)
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	(void)closedir(d); /* was only read */
	if (n == 0)
		return 1;
	err_set(e, ERR_REFUSED, "%s: not empty", path);
	return err_hint(e,
	    "nothing is ever replaced: give a folder that is empty or not there yet");
}

/*
 * An empty folder of mode 0700, made if need be, with folders above it that the server's
 * user can pass; its absolute path, to free().
 */
static char *
claim(const char *path, struct stat *st, struct err *e)
{
	char *real;
	int there = look(path, e);

	if (there < 0 || (!there && io_mkdirs(path, 0755, e) != 0))
		return NULL;
	if ((real = realpath(path, NULL)) == NULL || stat(real, st) != 0 ||
	    chmod(real, 0700) != 0) {
		err_sys(e, ERR_IO, "%s", path);
		free(real);
		return NULL;
	}
	return real;
}

static int
own(const struct restore *r, const char *path, struct err *e)
{
	if (r->x.chown && chown(path, r->x.uid, r->x.gid) != 0)
		return err_sys(e, ERR_IO, "%s: chown", path);
	return 0;
}

/* ---- the owner ---------------------------------------------------------------- */

static int
named_user(struct restore *r, const char *user, struct err *e)
{
	const struct passwd *pw = getpwnam(user);

	if (pw == NULL)
		return err_set(e, ERR_USAGE, "no user %s on this host", user);
	r->x.uid = pw->pw_uid;
	r->x.gid = pw->pw_gid;
	return 0;
}

static int
named_owner(struct restore *r, const char *owner, struct err *e)
{
	char user[128];
	const char *colon = strchr(owner, ':');
	const struct group *gr;

	snprintf(user, sizeof(user), "%.*s", colon == NULL ? 127 : (int)(colon - owner),
	    owner);
	if (named_user(r, user, e) != 0)
		return err_context(e, "option --owner");
	if (colon == NULL)
		return 0;
	if ((gr = getgrnam(colon + 1)) == NULL)
		return err_set(e, ERR_USAGE, "option --owner: no group %s on this host",
		    colon + 1);
	r->x.gid = gr->gr_gid;
	return 0;
}

/* Before the target is touched: who gets the files, unless that is the target's owner. */
static int
choose_owner(struct restore *r, struct err *e)
{
	struct stat st;

	if (geteuid() != 0) {
		if (r->o->owner != NULL)
			return err_set(e, ERR_REFUSED,
			    "option --owner: only root can give files away");
		return 0;
	}
	r->x.chown = 1;
	if (r->o->owner != NULL)
		return named_owner(r, r->o->owner, e);
	if (stat(r->o->target, &st) == 0 && st.st_uid != 0) {
		r->x.uid = st.st_uid;
		r->x.gid = st.st_gid;
		return 0;
	}
	if (named_user(r, "postgres", e) == 0)
		return 0;
	return err_hint(e,
	    "a server does not run as root: say with --owner whose the files are to be");
}

/* ---- tablespaces ---------------------------------------------------------------- */

static int
is_location(const struct image_meta *m, const char *path)
{
	int i;

	for (i = 0; i < m->ntablespaces; i++)
		if (strcmp(m->tablespaces[i].location, path) == 0)
			return 1;
	return 0;
}

static int
check_mappings(const struct restore *r, struct err *e)
{
	const struct image_meta *m = image_meta(r->image);
	const struct restore_mapping *map;
	int i;

	for (i = 0; i < r->o->nmappings; i++) {
		map = &r->o->mappings[i];
		if (!is_location(m, map->from))
			return err_set(e, ERR_USAGE, "option --tablespace-mapping: this "
			    "snapshot has no tablespace at %s", map->from);
		if (map->to[0] != '/')
			return err_set(e, ERR_USAGE,
			    "option --tablespace-mapping: %s: not an absolute path", map->to);
		if (look(map->to, e) < 0)
			return -1;
	}
	return 0;
}

static const char *
mapped(const struct restore *r, const char *location)
{
	int i;

	for (i = 0; i < r->o->nmappings; i++)
		if (strcmp(r->o->mappings[i].from, location) == 0)
			return r->o->mappings[i].to;
	return NULL;
}

static int
place_tablespace(struct restore *r, const struct image_tablespace *t, struct err *e)
{
	const char *to = mapped(r, t->location);
	size_t n = strlen(r->target);
	struct stat st;
	char *path, *real;

	if (to == NULL)
		path = asprintf(&path, "%s/bulkhead/tablespaces/%" PRIu32, r->target,
		    t->oid) < 0 ? NULL : path;
	else
		path = strdup(to);
	if (path == NULL)
		return no_memory(e);
	real = claim(path, &st, e);
	free(path);
	if (real == NULL)
		return -1;
	r->tablespaces[r->x.ntablespaces++] = (struct extract_tablespace){ t->oid, real };
	if (to != NULL && strncmp(real, r->target, n) == 0 &&
	    (real[n] == '/' || real[n] == '\0'))
		return err_set(e, ERR_USAGE,
		    "option --tablespace-mapping: %s lies within the target", to);
	return own(r, real, e);
}

/* An in-place tablespace (its location is relative) is a plain folder of the image. */
static int
place_tablespaces(struct restore *r, struct err *e)
{
	const struct image_meta *m = image_meta(r->image);
	char *folder;
	int i, ret = 0;

	r->tablespaces = calloc((size_t)m->ntablespaces + 1, sizeof(*r->tablespaces));
	if (r->tablespaces == NULL)
		return no_memory(e);
	for (i = 0; ret == 0 && i < m->ntablespaces; i++)
		if (m->tablespaces[i].location[0] == '/')
			ret = place_tablespace(r, &m->tablespaces[i], e);
	r->x.tablespaces = r->tablespaces;
	if (ret != 0 || (folder = io_path(r->target, "bulkhead/tablespaces", e)) == NULL)
		return -1;
	if (access(folder, F_OK) == 0) {
		if (chmod(folder, 0700) != 0)
			ret = err_sys(e, ERR_IO, "%s: chmod", folder);
		else
			ret = own(r, folder, e);
	}
	free(folder);
	return ret;
}

/* ---- the stamp -------------------------------------------------------------------- */

static int
write_stamp(struct restore *r, int complete, struct err *e)
{
	r->stamp.complete = complete;
	return stamp_write(r->target, &r->stamp, e);
}

static int
begin_stamp(struct restore *r, struct err *e)
{
	struct stamp *s = &r->stamp;
	uint8_t random[16];
	char *url = realpath(r->o->url, NULL);

	memcpy(s->repo, repo_id(r->o->repo), sizeof(s->repo));
	snprintf(s->url, sizeof(s->url), "%s", url != NULL ? url : r->o->url);
	free(url);
	snprintf(s->source, sizeof(s->source), "%s", r->o->snapshot->source);
	snprintf(s->snapshot, sizeof(s->snapshot), "%s", r->o->snapshot->id);
	randombytes_buf(random, sizeof(random));
	hex_encode(s->environment_id, random, sizeof(random));
	s->restored = clock_now();
	return write_stamp(r, 0, e);
}

/*
 * What lies in bulkhead/ decides what pitr-replay does, so it stays ours until the
 * release; the server's user only gets through, to unmapped tablespaces.
 */
static int
make_ours(struct restore *r, struct err *e)
{
	char *ours = io_path(r->target, "bulkhead", e);
	int ret = 0;

	if (ours == NULL)
		return -1;
	if (mkdir(ours, 0700) != 0 || chmod(ours, r->x.chown ? 0711 : 0700) != 0)
		ret = err_sys(e, ERR_IO, "%s: mkdir", ours);
	free(ours);
	return ret;
}

/* ---- all together ------------------------------------------------------------------ */

static int
prepare(struct restore *r, struct err *e)
{
	struct stat st;

	if (check_mappings(r, e) != 0 || look(r->o->target, e) < 0 || choose_owner(r, e) != 0)
		return -1;
	if ((r->target = claim(r->o->target, &st, e)) == NULL)
		return -1;
	r->x.target = r->target;
	if (own(r, r->target, e) != 0 || make_ours(r, e) != 0 || begin_stamp(r, e) != 0)
		return -1;
	return place_tablespaces(r, e);
}

static int
add_text(struct extract *x, const char *path, const char *text, struct err *e)
{
	return extract_add(x, path, text, strlen(text), e);
}

static int
fill(struct restore *r, struct extract *x, struct err *e)
{
	const struct image_visitor v = extract_visitor(x);
	const char *settings = image_meta(r->image)->settings;

	if (image_read(r->image, r->o->jobs, &v, r->o->report, e) != 0 ||
	    add_text(x, "bulkhead/settings", settings != NULL ? settings : "", e) != 0 ||
	    add_text(x, "recovery.signal", "", e) != 0 ||
	    add_text(x, "postgresql.auto.conf", safe_conf, e) != 0 ||
	    extract_sync(x, r->image, e) != 0 || extract_seal(x, e) != 0)
		return -1;
	return write_stamp(r, 1, e);
}

static int
run(struct restore *r, struct err *e)
{
	struct extract *x;
	int ret;

	if (prepare(r, e) != 0)
		return -1;
	if ((x = extract_new(&r->x, e)) == NULL)
		return -1;
	ret = fill(r, x, e);
	extract_free(x);
	if (ret != 0 && e->hint[0] == '\0')
		err_hint(e,
		    "%s is incomplete, and no server starts on it: remove it and begin again",
		    r->target);
	return ret;
}

int
restore_directory(const struct restore_options *o, char **target, struct err *e)
{
	struct restore r = { .o = o };
	int i, ret = -1;

	*target = NULL;
	if (look(o->target, e) >= 0 &&
	    (r.image = image_open(o->repo, o->snapshot, o->key, e)) != NULL)
		ret = run(&r, e);
	image_free(r.image);
	for (i = 0; i < r.x.ntablespaces; i++)
		free(r.tablespaces[i].path);
	free(r.tablespaces);
	if (ret == 0)
		*target = r.target;
	else
		free(r.target);
	return ret;
}

/* ---- as a tar ------------------------------------------------------------------------ */

struct tar_out {
	struct pg_sink sink;
	struct report *report;
	uint64_t done, total;
};

static int
tar_bytes(void *ctx, const uint8_t *p, size_t n, struct err *e)
{
	struct tar_out *t = ctx;

	t->done += n;
	report_progress(t->report, "reading", t->done, t->total);
	return t->sink.data(t->sink.ctx, p, n, e);
}

static int
tar_files(struct image *im, struct tar_out *t, struct err *e)
{
	struct image_file f = { .runs = NULL };
	int r;

	while ((r = image_next(im, &f, e)) > 0)
		if (t->sink.file(t->sink.ctx, &f.f, e) != 0 ||
		    image_read_file(im, &f, tar_bytes, t, e) != 0 ||
		    t->sink.end(t->sink.ctx, e) != 0) {
			r = -1;
			break;
		}
	image_file_reset(&f);
	return r;
}

int
restore_tar(const struct restore_options *o, int fd, struct err *e)
{
	struct image *im = image_open(o->repo, o->snapshot, o->key, e);
	struct tarsink *tar = NULL;
	struct tar_out out = { .report = o->report };
	int ret = -1;

	if (im != NULL && (tar = tarsink_new(fd, "standard output", e)) != NULL) {
		out.sink = tarsink_sink(tar);
		out.total = image_meta(im)->bytes;
		if ((ret = tar_files(im, &out, e)) == 0)
			ret = tarsink_finish(tar, e);
	}
	report_done(o->report);
	tarsink_free(tar);
	image_free(im);
	return ret;
}
