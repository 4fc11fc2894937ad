/*
 * The backend for a path: sessions, and their folders in incoming/.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/hex.h"
#include "base/text.h"
#include "repo/dir_private.h"
#include "repo/source.h"

/*
 * Remove a session's folder and the files in it; there are no folders in it.  What
 * cannot be removed is garbage, and the next session tries again.
 */
static void
remove_folder(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const struct dirent *entry;
	DIR *d;

	if (fd < 0)
		return;
	if ((d = fdopendir(fd)) == NULL) {
		(void)close(fd);
		return;
	}
	while ((entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.')
			(void)unlinkat(fd, entry->d_name, 0);
	(void)closedir(d);
	(void)unlinkat(parent, name, AT_REMOVEDIR);
}

/* What earlier sessions of this purpose left: PURPOSE-... in the source's folder. */
static void
remove_leftovers(const char *folder, const char *purpose)
{
	DIR *d = opendir(folder);
	const struct dirent *entry;
	size_t n = strlen(purpose);

	if (d == NULL)
		return;
	while ((entry = readdir(d)) != NULL)
		if (strncmp(entry->d_name, purpose, n) == 0 && entry->d_name[n] == '-')
			remove_folder(dirfd(d), entry->d_name);
	(void)closedir(d);
}

/* Take the lock, clear up, and make the folder, all in incoming/SOURCE/. */
static int
begin(struct repo_session *s, const char *purpose, struct err *e)
{
	char *folder = dir_path(s->repo, e, "incoming/%s", s->source);
	char *lock = dir_path(s->repo, e, "incoming/%s/%s.lock", s->source, purpose);
	uint8_t random[8];
	char hex[17];
	int r = -1;

	if (folder == NULL || lock == NULL || io_mkdirs(folder, 0755, e) != 0)
		goto out;
	if ((s->lock = lock_take(lock, e)) == NULL) {
		if (e->kind == ERR_BUSY)
			err_hint(e, "another %s session of source %s is running", purpose,
			    s->source);
		goto out;
	}
	remove_leftovers(folder, purpose);
	randombytes_buf(random, sizeof(random));
	s->folder = dir_path(s->repo, e, "incoming/%s/%s-%s", s->source, purpose,
	    hex_encode(hex, random, sizeof(random)));
	if (s->folder != NULL)
		r = io_mkdirs(s->folder, 0755, e);
out:
	free(folder);
	free(lock);
	return r;
}

struct repo_session *
repo_session_begin(struct repo *r, const char *source, const char *purpose, struct err *e)
{
	struct repo_session *s;

	if (catalog_source(&r->catalog, source) == NULL || !text_name_ok(purpose, 24)) {
		err_set(e, ERR_NOTFOUND, "no source %s", source);
		err_hint(e, "strongbox enrol adds one");
		dir_context(r, e);
		return NULL;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	s->repo = r;
	snprintf(s->source, sizeof(s->source), "%s", source);
	(void)pthread_mutex_init(&s->mutex, NULL);	/* cannot fail without attributes */
	if (begin(s, purpose, e) == 0)
		return s;
	dir_context(r, e);
	repo_session_free(s);
	return NULL;
}

void
repo_session_free(struct repo_session *s)
{
	if (s == NULL)
		return;
	if (s->folder != NULL)
		remove_folder(AT_FDCWD, s->folder);
	lock_free(s->lock);
	(void)pthread_mutex_destroy(&s->mutex);
	free(s->folder);
	free(s->ended);
	free(s);
}

char *
dir_session_file(const struct repo_session *s, unsigned number, struct err *e)
{
	char name[24];

	snprintf(name, sizeof(name), "%u", number);
	return io_path(s->folder, name, e);
}

int
dir_new_file(struct repo_session *s, unsigned *number, struct err *e)
{
	char *path;
	int fd;

	(void)pthread_mutex_lock(&s->mutex);
	*number = s->next++;
	(void)pthread_mutex_unlock(&s->mutex);
	if ((path = dir_session_file(s, *number, e)) == NULL)
		return -1;
	fd = io_open(path, O_WRONLY | O_CREAT | O_EXCL, 0644, e);
	free(path);
	return fd;
}
