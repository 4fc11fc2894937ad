/*
 * A bounded pool: a ring of jobs, from submitters through workers to one writer.
 *
 * Every job passes every stage, in the ring's order for the first and the last.
 * Cancelling only leaves out the calls, so nothing is ever taken out of the ring.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"

struct slot {
	void *job;
	size_t bytes;
	int worked;
};

struct pool_worker {
	struct pool *pool;
	pthread_t thread;
	int number;
};

struct pool {
	struct pool_calls calls;
	void *ctx;
	size_t max_jobs, max_bytes;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t room;  /* submitters: the ring moved on, or it is another's turn */
	pthread_cond_t work;  /* workers: a job was submitted */
	pthread_cond_t ready; /* the writer: the oldest job was worked on */
	pthread_cond_t empty; /* pool_finish: no job is left */
	struct slot *ring;
	size_t head, next, tail; /* ever submitted, begun, dropped: each modulo max_jobs */
	size_t bytes;
	size_t ticket, turn; /* submitters come in the order in which they asked */
	int cancelled, closing;
	struct err first;

	int threads, writing; /* how many of the workers run, and does the writer */
	pthread_t writer;
	struct pool_worker *workers;
};

static struct slot *
slot_of(struct pool *p, size_t n)
{
	return &p->ring[n % p->max_jobs];
}

static void
cancel(struct pool *p, const struct err *e)
{
	if (p->cancelled)
		return;
	p->cancelled = 1;
	p->first = *e;
	pthread_cond_broadcast(&p->room);
}

static void
work_on(struct pool *p, struct slot *s, int worker)
{
	struct err e = ERR_INIT;
	int cancelled = p->cancelled, r = 0;

	pthread_mutex_unlock(&p->lock);
	if (!cancelled)
		r = p->calls.work(p->ctx, worker, s->job, &e);
	pthread_mutex_lock(&p->lock);
	if (r != 0)
		cancel(p, &e);
	s->worked = 1;
	if (s == slot_of(p, p->tail))
		pthread_cond_signal(&p->ready);
}

static void *
worker_main(void *arg)
{
	struct pool_worker *w = arg;
	struct pool *p = w->pool;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (p->next == p->head && !p->closing)
			pthread_cond_wait(&p->work, &p->lock);
		if (p->next == p->head)
			break;
		work_on(p, slot_of(p, p->next++), w->number);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void
finish_job(struct pool *p, struct slot *s)
{
	struct err e = ERR_INIT;
	int cancelled = p->cancelled, r = 0;

	pthread_mutex_unlock(&p->lock);
	if (!cancelled && p->calls.done != NULL)
		r = p->calls.done(p->ctx, s->job, &e);
	p->calls.drop(p->ctx, s->job);
	pthread_mutex_lock(&p->lock);
	if (r != 0)
		cancel(p, &e);
	p->bytes -= s->bytes;
	p->tail++;
	pthread_cond_broadcast(&p->room);
	if (p->tail == p->head)
		pthread_cond_broadcast(&p->empty);
}

static void *
writer_main(void *arg)
{
	struct pool *p = arg;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (p->tail == p->head ? !p->closing : !slot_of(p, p->tail)->worked)
			pthread_cond_wait(&p->ready, &p->lock);
		if (p->tail == p->head)
			break;
		finish_job(p, slot_of(p, p->tail));
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Signals are for the thread that polls, so the pool's threads block them all. */
static int
start_threads(struct pool *p, int threads)
{
	struct pool_worker *w;
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&p->writer, NULL, writer_main, p);
	p->writing = r == 0;
	while (r == 0 && p->threads < threads) {
		w = &p->workers[p->threads];
		w->pool = p;
		w->number = p->threads;
		if ((r = pthread_create(&w->thread, NULL, worker_main, w)) == 0)
			p->threads++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

struct pool *
pool_new(int threads, size_t max_jobs, size_t max_bytes, const struct pool_calls *calls,
    void *ctx, struct err *e)
{
	struct pool *p;

	if ((p = calloc(1, sizeof(*p))) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	p->calls = *calls;
	p->ctx = ctx;
	p->max_jobs = max_jobs;
	p->max_bytes = max_bytes;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->room, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->ready, NULL);
	pthread_cond_init(&p->empty, NULL);
	p->ring = calloc(max_jobs, sizeof(*p->ring));
	p->workers = calloc((size_t)threads, sizeof(*p->workers));
	if (p->ring == NULL || p->workers == NULL)
		err_set(e, ERR_SYSTEM, "out of memory");
	else if ((errno = start_threads(p, threads)) != 0)
		err_sys(e, ERR_SYSTEM, "start a thread");
	else
		return p;
	pool_free(p);
	return NULL;
}

static int
has_room(const struct pool *p, size_t bytes)
{
	if (p->head == p->tail)
		return 1;
	return p->head - p->tail < p->max_jobs && bytes <= p->max_bytes &&
	    p->bytes <= p->max_bytes - bytes;
}

int
pool_submit(struct pool *p, void *job, size_t bytes, struct err *e)
{
	size_t mine;
	int cancelled;

	pthread_mutex_lock(&p->lock);
	mine = p->ticket++;
	while (!p->cancelled && (mine != p->turn || !has_room(p, bytes)))
		pthread_cond_wait(&p->room, &p->lock);
	cancelled = p->cancelled;
	if (!cancelled) {
		*slot_of(p, p->head) = (struct slot){ job, bytes, 0 };
		p->head++;
		p->bytes += bytes;
		p->turn++;
		pthread_cond_signal(&p->work);
		pthread_cond_broadcast(&p->room);
	}
	pthread_mutex_unlock(&p->lock);
	if (!cancelled)
		return 0;
	p->calls.drop(p->ctx, job);
	return err_set(e, ERR_CANCELLED, "stopped, since another part failed");
}

int
pool_finish(struct pool *p, struct err *e)
{
	int r = 0;

	pthread_mutex_lock(&p->lock);
	while (p->tail != p->head)
		pthread_cond_wait(&p->empty, &p->lock);
	if (p->cancelled) {
		*e = p->first;
		r = -1;
	}
	pthread_mutex_unlock(&p->lock);
	return r;
}

void
pool_free(struct pool *p)
{
	struct err e;

	if (p == NULL)
		return;
	err_set(&e, ERR_CANCELLED, "stopped");
	pthread_mutex_lock(&p->lock);
	cancel(p, &e);
	p->closing = 1;
	pthread_cond_broadcast(&p->work);
	pthread_cond_broadcast(&p->ready);
	pthread_mutex_unlock(&p->lock);
	while (p->threads > 0)
		pthread_join(p->workers[--p->threads].thread, NULL);
	if (p->writing)
		pthread_join(p->writer, NULL);
	pthread_cond_destroy(&p->empty);
	pthread_cond_destroy(&p->ready);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->room);
	pthread_mutex_destroy(&p->lock);
	free(p->workers);
	free(p->ring);
	free(p);
}
