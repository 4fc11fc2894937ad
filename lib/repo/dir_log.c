/*
 * The backend for a path: log files, which grow by synced appends.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "repo/dir_private.h"

#define FILES_MAX 100000	/* that begin at one place */

struct repo_log {
	struct seal_hash hash;
	struct repo_session *session;
	char name[STREAM_NAME_MAX + LOG_NAME_MAX + 8];	/* for messages */
	int fd, failed;
	uint64_t size;
};

/* Link the file from incoming/ to the first free name in the stream's folder. */
static int
give_name(struct repo_log *l, const char *from, const char *stream, uint64_t start,
    char file[LOG_NAME_MAX], struct err *e)
{
	const struct repo_session *s = l->session;
	char *top = dir_path(s->repo, e, "logs/%s/%s", s->source, stream), *to;
	int n, r = -1;

	if (top == NULL || io_mkdirs(top, 0755, e) != 0) {
		free(top);
		return -1;
	}
	for (n = 1; n < FILES_MAX && r != 0; n++) {
		snprintf(file, LOG_NAME_MAX, "%016llX.%d", (unsigned long long)start, n);
		if ((to = io_path(top, file, e)) == NULL)
			break;
		r = io_link_new(from, to, e);
		free(to);
		if (r != 0 && e->kind != ERR_CONFLICT)
			break;
	}
	free(top);
	return r;
}

static int
begin(struct repo_log *l, const char *stream, uint64_t start, const void *preamble, size_t n,
    char file[LOG_NAME_MAX], struct err *e)
{
	unsigned number;
	char *from;
	int r;

	if ((l->fd = dir_new_file(l->session, &number, e)) < 0)
		return -1;
	if (io_write_all(l->fd, preamble, n, "new log", e) != 0 ||
	    io_fsync(l->fd, "new log", e) != 0 ||
	    (from = dir_session_file(l->session, number, e)) == NULL)
		return -1;
	r = give_name(l, from, stream, start, file, e);
	free(from);
	seal_hash_begin(&l->hash);
	seal_hash_add(&l->hash, preamble, n);
	l->size = n;
	return r;
}

struct repo_log *
repo_log_begin(struct repo_session *s, const char *stream, uint64_t start,
    const void *preamble, size_t n, char file[LOG_NAME_MAX], struct err *e)
{
	struct repo_log *l = aligned_alloc(_Alignof(struct repo_log), sizeof(*l));

	if (l == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	memset(l, 0, sizeof(*l));
	l->session = s;
	l->fd = -1;
	if (!text_name_ok(stream, STREAM_NAME_MAX))
		err_set(e, ERR_BUG, "not a stream's name: \"%s\"", stream);
	else if (begin(l, stream, start, preamble, n, file, e) == 0) {
		snprintf(l->name, sizeof(l->name), "log %s/%s", stream, file);
		return l;
	}
	dir_context(s->repo, e);
	repo_log_free(l);
	return NULL;
}

int
repo_log_append(struct repo_log *l, const void *p, size_t n, struct err *e)
{
	if (l->failed)
		return err_set(e, ERR_BUG, "%s: given up after a failure", l->name);
	if (io_write_all(l->fd, p, n, l->name, e) != 0 ||
	    io_fdatasync(l->fd, l->name, e) != 0) {
		l->failed = 1;
		return dir_context(l->session->repo, e);
	}
	seal_hash_add(&l->hash, p, n);
	l->size += n;
	return 0;
}

uint64_t
repo_log_size(const struct repo_log *l)
{
	return l->size;
}

void
repo_log_digest(const struct repo_log *l, uint8_t out[32])
{
	struct seal_hash h = l->hash;

	seal_hash_end(&h, out);
}

int
repo_log_end(struct repo_log *l, struct err *e)
{
	int fd = l->fd;

	if (l->failed)
		return err_set(e, ERR_BUG, "%s: given up after a failure", l->name);
	l->failed = 1;	/* nothing comes behind the end */
	if (fchmod(fd, 0444) != 0)
		err_sys(e, ERR_IO, "%s: chmod", l->name);
	else if (io_fsync(fd, l->name, e) == 0) {
		l->fd = -1;
		if (io_close(fd, l->name, e) == 0)
			return 0;
	}
	return dir_context(l->session->repo, e);
}

void
repo_log_free(struct repo_log *l)
{
	if (l == NULL)
		return;
	if (l->fd >= 0)
		(void)close(l->fd);	/* all that counts was synced */
	free(l);
}
