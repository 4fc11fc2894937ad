/*
 * Reading WAL segments ahead: a few slots, filled by a thread in the order in which
 * the server will ask for them.
 */
#include "log/ahead.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define AHEAD_BYTES (64u << 20)	/* of disk, for all slots together */

enum slot_state { SLOT_EMPTY, SLOT_WANTED, SLOT_LOADING, SLOT_READY };

struct slot {
	enum slot_state state;
	uint32_t timeline;
	uint64_t start;
	int rc, fd;		/* once READY: walfile_segment_in's answer */
	struct err e;
};

struct ahead {
	struct walfile_source from;
	const char *dir;
	pthread_t thread;
	int started;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	int stop;
	struct slot slots[AHEAD_MAX];
	int n;
};

static struct slot *
find_slot(struct ahead *a, uint32_t timeline, uint64_t start)
{
	int i;

	for (i = 0; i < a->n; i++)
		if (a->slots[i].state != SLOT_EMPTY && a->slots[i].timeline == timeline &&
		    a->slots[i].start == start)
			return &a->slots[i];
	return NULL;
}

static void
empty_slot(struct slot *s)
{
	if (s->state == SLOT_READY && s->rc > 0)
		(void)close(s->fd);	/* nobody has asked for it */
	s->state = SLOT_EMPTY;
}

/* Under the mutex: a slot that nobody will ask for when start was the last one asked for. */
static struct slot *
spare_slot(struct ahead *a, uint32_t timeline, uint64_t start)
{
	uint64_t reach = (uint64_t)a->n * a->from.snapshot->segment_size;
	struct slot *s;
	int i;

	for (i = 0; i < a->n; i++) {
		s = &a->slots[i];
		if (s->state == SLOT_LOADING)
			continue;
		if (s->state == SLOT_EMPTY || s->timeline != timeline || s->start <= start ||
		    s->start > start + reach)
			return s;
	}
	return NULL;
}

void
ahead_want(struct ahead *a, uint32_t timeline, uint64_t start)
{
	struct slot *s;
	uint64_t next = start;
	int i;

	pthread_mutex_lock(&a->mutex);
	for (i = 0; i < a->n; i++) {
		next += a->from.snapshot->segment_size;
		if (next >= walfile_end(&a->from))
			break;
		if (find_slot(a, timeline, next) != NULL ||
		    (s = spare_slot(a, timeline, start)) == NULL)
			continue;
		empty_slot(s);
		s->state = SLOT_WANTED;
		s->timeline = timeline;
		s->start = next;
	}
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->mutex);
}

/* Under the mutex: the wanted slot that will be asked for first. */
static struct slot *
next_wanted(struct ahead *a)
{
	struct slot *best = NULL;
	int i;

	for (i = 0; i < a->n; i++)
		if (a->slots[i].state == SLOT_WANTED &&
		    (best == NULL || a->slots[i].start < best->start))
			best = &a->slots[i];
	return best;
}

static void *
load_wanted(void *arg)
{
	struct ahead *a = arg;
	struct slot *s;

	pthread_mutex_lock(&a->mutex);
	while (!a->stop) {
		if ((s = next_wanted(a)) == NULL) {
			pthread_cond_wait(&a->changed, &a->mutex);
			continue;
		}
		s->state = SLOT_LOADING;
		pthread_mutex_unlock(&a->mutex);
		err_clear(&s->e);
		s->rc = walfile_segment_in(&a->from, s->timeline, s->start, a->dir, &s->fd, &s->e);
		pthread_mutex_lock(&a->mutex);
		s->state = SLOT_READY;
		pthread_cond_broadcast(&a->changed);
	}
	pthread_mutex_unlock(&a->mutex);
	return NULL;
}

int
ahead_take(struct ahead *a, uint32_t timeline, uint64_t start, int *fd, int *rc, struct err *e)
{
	struct slot *s;
	int ready = 0;

	pthread_mutex_lock(&a->mutex);
	while ((s = find_slot(a, timeline, start)) != NULL && s->state == SLOT_LOADING)
		pthread_cond_wait(&a->changed, &a->mutex);
	if (s != NULL && s->state == SLOT_READY) {
		*fd = s->fd;
		if ((*rc = s->rc) < 0)
			*e = s->e;
		ready = 1;
	}
	if (s != NULL)	/* one that was only wanted will be read at once, by the caller */
		s->state = SLOT_EMPTY;
	pthread_mutex_unlock(&a->mutex);
	return ready;
}

struct ahead *
ahead_new(const struct walfile_source *w, const char *dir, int slots, struct err *e)
{
	struct ahead *a;

	if ((a = calloc(1, sizeof(*a))) == NULL) {
		err_sys(e, ERR_SYSTEM, "reading ahead");
		return NULL;
	}
	a->from = *w;
	a->dir = dir;
	a->n = slots < AHEAD_MAX ? slots : AHEAD_MAX;
	while (a->n > 0 && (uint64_t)a->n * w->snapshot->segment_size > AHEAD_BYTES)
		a->n--;
	pthread_mutex_init(&a->mutex, NULL);
	pthread_cond_init(&a->changed, NULL);
	if ((errno = pthread_create(&a->thread, NULL, load_wanted, a)) != 0) {
		err_sys(e, ERR_SYSTEM, "reading ahead: thread");
		ahead_free(a);
		return NULL;
	}
	a->started = 1;
	return a;
}

void
ahead_free(struct ahead *a)
{
	int i;

	if (a == NULL)
		return;
	pthread_mutex_lock(&a->mutex);
	a->stop = 1;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->mutex);
	if (a->started)
		pthread_join(a->thread, NULL);
	for (i = 0; i < AHEAD_MAX; i++)
		empty_slot(&a->slots[i]);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->mutex);
	free(a);
}
