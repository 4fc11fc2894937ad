/*
 * The serving side of restore_command: one thread answers on the socket, another
 * reads ahead, so that the server finds the next segments ready.
 */
#include "log/fetch.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AHEAD_MAX	8
#define AHEAD_BYTES	(64u << 20)	/* for all slots together */
#define NAME_LINE_MAX	128
#define CLIENT_TIMEOUT	60000		/* ms: a client that does not ask or read is dropped */

enum slot_state { SLOT_EMPTY, SLOT_WANTED, SLOT_LOADING, SLOT_READY };

struct slot {
	enum slot_state state;
	uint32_t timeline;
	uint64_t start, valid;
	int rc;			/* fetch_segment's answer */
	struct err e;
	struct buf data;
};

struct fetch {
	struct fetch_options o;
	int listener, wake[2];
	pthread_t server, loader;
	int started;		/* how many of the two threads run */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	int stop;
	struct slot slots[AHEAD_MAX];
	int nslots;
	struct log_reader *near, *far;	/* the server's own reader, and the loader's */
	struct buf data;
	uint64_t served;
	int failed;
	struct err failure;
};

/* ---- reading ahead --------------------------------------------------------- */

static struct slot *
find_slot(struct fetch *f, uint32_t timeline, uint64_t start)
{
	int i;

	for (i = 0; i < f->nslots; i++)
		if (f->slots[i].state != SLOT_EMPTY && f->slots[i].timeline == timeline &&
		    f->slots[i].start == start)
			return &f->slots[i];
	return NULL;
}

/* Under the mutex: a slot that nobody will ask for (behind start, or of another timeline). */
static struct slot *
spare_slot(struct fetch *f, uint32_t timeline, uint64_t start)
{
	struct slot *s;
	int i;

	for (i = 0; i < f->nslots; i++) {
		s = &f->slots[i];
		if (s->state == SLOT_EMPTY || (s->state != SLOT_LOADING &&
		    (s->timeline != timeline || s->start <= start ||
		    s->start > start + (uint64_t)f->nslots * f->o.segment_size)))
			return s;
	}
	return NULL;
}

/* start was just asked for: want those behind it. */
static void
want_ahead(struct fetch *f, uint32_t timeline, uint64_t start)
{
	struct slot *s;
	uint64_t next;
	int i;

	pthread_mutex_lock(&f->mutex);
	for (i = 1; i <= f->nslots; i++) {
		next = start + (uint64_t)i * f->o.segment_size;
		if (f->o.path->n == 0 || next >= f->o.path->end)
			break;
		if (find_slot(f, timeline, next) != NULL ||
		    (s = spare_slot(f, timeline, start)) == NULL)
			continue;
		s->state = SLOT_WANTED;
		s->timeline = timeline;
		s->start = next;
	}
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->mutex);
}

/* Under the mutex: the wanted slot that will be asked for first. */
static struct slot *
next_wanted(struct fetch *f)
{
	struct slot *best = NULL;
	int i;

	for (i = 0; i < f->nslots; i++)
		if (f->slots[i].state == SLOT_WANTED &&
		    (best == NULL || f->slots[i].start < best->start))
			best = &f->slots[i];
	return best;
}

static void *
load_ahead(void *arg)
{
	struct fetch *f = arg;
	struct slot *s;

	pthread_mutex_lock(&f->mutex);
	while (!f->stop) {
		if ((s = next_wanted(f)) == NULL) {
			pthread_cond_wait(&f->changed, &f->mutex);
			continue;
		}
		s->state = SLOT_LOADING;
		pthread_mutex_unlock(&f->mutex);
		err_clear(&s->e);
		s->rc = fetch_segment(f->far, f->o.path, f->o.wal_dir, s->timeline, s->start,
		    f->o.segment_size, &s->data, &s->valid, &s->e);
		pthread_mutex_lock(&f->mutex);
		s->state = SLOT_READY;
		pthread_cond_broadcast(&f->changed);
	}
	pthread_mutex_unlock(&f->mutex);
	return NULL;
}

/* 1, with the slot's bytes swapped into f->data and its answer in *rc; 0: nobody read it ahead. */
static int
take_ahead(struct fetch *f, uint32_t timeline, uint64_t start, int *rc, struct err *e)
{
	struct slot *s;
	struct buf swap;
	int ready = 0;

	pthread_mutex_lock(&f->mutex);
	while ((s = find_slot(f, timeline, start)) != NULL && s->state == SLOT_LOADING)
		pthread_cond_wait(&f->changed, &f->mutex);
	if (s != NULL && s->state == SLOT_READY) {
		swap = f->data;
		f->data = s->data;
		s->data = swap;
		if ((*rc = s->rc) < 0)
			*e = s->e;
		ready = 1;
	}
	if (s != NULL)	/* one that was only wanted is read here, at once */
		s->state = SLOT_EMPTY;
	pthread_mutex_unlock(&f->mutex);
	return ready;
}

/* ---- answering ------------------------------------------------------------- */

static int
get_segment(struct fetch *f, uint32_t timeline, uint64_t start, struct err *e)
{
	char text[LSN_TEXT], behind[LSN_TEXT];
	uint64_t valid;
	int rc;

	if (f->o.path->hole != 0 && start >= f->o.path->end)
		return err_set(e, ERR_CORRUPT, "the log has a hole from %s to %s",
		    lsn_format(text, f->o.path->end), lsn_format(behind, f->o.path->hole));
	if (!take_ahead(f, timeline, start, &rc, e))
		rc = fetch_segment(f->near, f->o.path, f->o.wal_dir, timeline, start,
		    f->o.segment_size, &f->data, &valid, e);
	if (rc > 0)
		want_ahead(f, timeline, start);
	return rc;
}

static int
get_file(struct fetch *f, const char *name, struct err *e)
{
	uint32_t timeline;
	uint64_t start;

	if (wal_segment_parse(name, f->o.segment_size, &timeline, &start) == 0)
		return get_segment(f, timeline, start, e);
	buf_reset(&f->data);
	if (wal_history_parse(name, &timeline) == 0)
		return fetch_history(repo_catalog(f->o.repo), f->o.source, timeline, &f->data, e);
	return 0;	/* a .backup or .partial file: we never hold one */
}

static void
note_failure(struct fetch *f, const struct err *e)
{
	pthread_mutex_lock(&f->mutex);
	if (!f->failed) {
		f->failed = 1;
		f->failure = *e;
	}
	pthread_mutex_unlock(&f->mutex);
}

/* Wait for the client, or for the end. 0 when fd is ready. */
static int
wait_for(struct fetch *f, int fd, short events)
{
	struct pollfd p[2] = { { fd, events, 0 }, { f->wake[0], POLLIN, 0 } };
	int rc;

	do
		rc = poll(p, 2, CLIENT_TIMEOUT);
	while (rc < 0 && errno == EINTR);
	return rc > 0 && p[1].revents == 0 && (p[0].revents & (events | POLLHUP)) != 0 ? 0 : -1;
}

/* A client that stops reading must not hold us for ever, so the socket does not block. */
static int
send_all(struct fetch *f, int fd, const void *data, size_t n)
{
	const char *p = data;
	ssize_t k;

	while (n > 0) {
		k = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (k >= 0) {
			p += k;
			n -= (size_t)k;
		} else if (errno == EAGAIN) {
			if (wait_for(f, fd, POLLOUT) < 0)
				return -1;
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

static int
read_name(struct fetch *f, int fd, char line[NAME_LINE_MAX])
{
	size_t n = 0;
	ssize_t k;

	while (n + 1 < NAME_LINE_MAX) {
		if (wait_for(f, fd, POLLIN) < 0)
			return -1;
		k = recv(fd, line + n, 1, MSG_DONTWAIT);
		if (k < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (k <= 0)
			return -1;
		if (line[n] == '\n') {
			line[n] = '\0';
			return 0;
		}
		n++;
	}
	return -1;
}

/* A client that goes away is not our failure: PostgreSQL was stopped, or asks again. */
static void
answer(struct fetch *f, int fd)
{
	struct err e = ERR_INIT;
	char name[NAME_LINE_MAX], line[1200];
	int rc;

	if (read_name(f, fd, name) < 0)
		return;
	rc = get_file(f, name, &e);
	if (rc > 0)
		(void)snprintf(line, sizeof(line), "ok %zu\n", f->data.len);
	else if (rc == 0)
		(void)snprintf(line, sizeof(line), "absent\n");
	else
		(void)snprintf(line, sizeof(line), "fail %.1100s\n", e.msg);
	if (rc < 0)
		note_failure(f, &e);
	if (send_all(f, fd, line, strlen(line)) < 0 || rc <= 0)
		return;
	if (send_all(f, fd, f->data.data, f->data.len) == 0) {
		pthread_mutex_lock(&f->mutex);
		f->served++;
		pthread_mutex_unlock(&f->mutex);
	}
}

static int
is_ours(const struct fetch *f, int fd)
{
	struct ucred c;
	socklen_t n = sizeof(c);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) == 0 &&
	    (c.uid == f->o.uid || c.uid == geteuid());
}

static void *
serve(void *arg)
{
	struct fetch *f = arg;
	struct pollfd p[2] = { { f->listener, POLLIN, 0 }, { f->wake[0], POLLIN, 0 } };
	int fd;

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents != 0)
			break;
		if ((fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
			continue;
		if (is_ours(f, fd))
			answer(f, fd);
		(void)close(fd);	/* the client has it all, or gave up */
	}
	return NULL;
}

/* ---- life ------------------------------------------------------------------ */

static int
listen_at(struct fetch *f, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (strlen(f->o.socket) >= sizeof(sa.sun_path))
		return err_set(e, ERR_CONFIG, "socket %s: the name is too long", f->o.socket);
	strcpy(sa.sun_path, f->o.socket);
	if (unlink(f->o.socket) < 0 && errno != ENOENT)
		return err_sys(e, ERR_IO, "socket %s", f->o.socket);
	if ((f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 ||
	    bind(f->listener, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    chmod(f->o.socket, 0600) < 0 ||
	    (geteuid() == 0 && lchown(f->o.socket, f->o.uid, (gid_t)-1) < 0) ||
	    listen(f->listener, 8) < 0 || pipe(f->wake) < 0)
		return err_sys(e, ERR_SYSTEM, "socket %s", f->o.socket);
	return 0;
}

static int
start_threads(struct fetch *f, struct err *e)
{
	if ((errno = pthread_create(&f->server, NULL, serve, f)) != 0)
		return err_sys(e, ERR_SYSTEM, "fetch: thread");
	f->started = 1;
	if ((errno = pthread_create(&f->loader, NULL, load_ahead, f)) != 0)
		return err_sys(e, ERR_SYSTEM, "fetch: thread");
	f->started = 2;
	return 0;
}

struct fetch *
fetch_new(const struct fetch_options *o, struct err *e)
{
	struct fetch *f;

	if ((f = calloc(1, sizeof(*f))) == NULL) {
		err_sys(e, ERR_SYSTEM, "fetch");
		return NULL;
	}
	f->o = *o;
	f->listener = f->wake[0] = f->wake[1] = -1;
	f->nslots = o->ahead < AHEAD_MAX ? o->ahead : AHEAD_MAX;
	while (f->nslots > 0 && (uint64_t)f->nslots * o->segment_size > AHEAD_BYTES)
		f->nslots--;
	pthread_mutex_init(&f->mutex, NULL);
	pthread_cond_init(&f->changed, NULL);
	if ((f->near = log_reader_new(o->repo, o->index, o->path, o->key, e)) == NULL ||
	    (f->far = log_reader_new(o->repo, o->index, o->path, o->key, e)) == NULL ||
	    listen_at(f, e) < 0 || start_threads(f, e) < 0) {
		fetch_free(f);
		return NULL;
	}
	return f;
}

void
fetch_free(struct fetch *f)
{
	int i;

	if (f == NULL)
		return;
	pthread_mutex_lock(&f->mutex);
	f->stop = 1;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->mutex);
	if (f->wake[1] >= 0)
		(void)close(f->wake[1]);	/* wakes the server: its end reads as closed */
	if (f->started > 0)
		pthread_join(f->server, NULL);
	if (f->started > 1)
		pthread_join(f->loader, NULL);
	if (f->listener >= 0) {
		(void)close(f->listener);
		(void)unlink(f->o.socket);	/* a stale one is removed by the next call */
	}
	if (f->wake[0] >= 0)
		(void)close(f->wake[0]);
	for (i = 0; i < AHEAD_MAX; i++)
		buf_free(&f->slots[i].data);
	buf_free(&f->data);
	log_reader_free(f->near);
	log_reader_free(f->far);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->mutex);
	free(f);
}

int
fetch_failed(struct fetch *f, struct err *e)
{
	int failed;

	pthread_mutex_lock(&f->mutex);
	if ((failed = f->failed))
		*e = f->failure;
	pthread_mutex_unlock(&f->mutex);
	return failed;
}

uint64_t
fetch_segments(struct fetch *f)
{
	uint64_t n;

	pthread_mutex_lock(&f->mutex);
	n = f->served;
	pthread_mutex_unlock(&f->mutex);
	return n;
}
