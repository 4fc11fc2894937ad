/*
 * The thread that stores: group commit, rolling, marks, and patience with a
 * repository that fails.
 */
#include "log/appender.h"

#include <sys/eventfd.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "log/backoff.h"

#define STATE_EVERY INT64_C(1000000)	/* the state record under load */
#define STATE_QUIET INT64_C(200000)	/* and after a pause */
#define FOREVER	    INT64_MAX

struct batch {
	uint8_t *data;
	size_t len, done;	/* bytes; of them stored */
	int64_t promise;	/* 0: none */
	int64_t arrived;	/* its first byte (clock_mono) */
};

struct appender {
	struct appender_options o;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work;
	int fd;

	/* under the lock */
	struct batch gather;
	int64_t heartbeat;		/* one is wanted, with this promise; or 0 */
	int64_t storing;		/* arrival of the batch being stored; 0: none is */
	int finishing, quit;
	struct appender_view view;

	/* the thread's own, and the caller's while idle */
	struct log_stream_info info;
	struct log_after after;
	struct tail tail;
	struct log_writer *writer;	/* NULL: none is open */
	uint64_t began;			/* where its file begins */
	struct batch batch;		/* being stored */
	int64_t beat;			/* a heartbeat being stored; or 0 */
	uint64_t position;		/* durable */
	int64_t time;			/* the last promise */
	int64_t marked;			/* when (clock_mono) */
	int unmarked;			/* the file has what no mark speaks of */
	int64_t recorded, changed;	/* state record: written; outdated since, or 0 */
	int record_failed;		/* warned of */
	int failing;
	int64_t retry;			/* when to try again (clock_mono) */
	struct backoff backoff;
};

/* ---- storing (no lock held) --------------------------------------------------- */

static int
open_writer(struct appender *a, struct err *e)
{
	if (a->writer != NULL)
		return 0;
	a->writer = log_writer_begin(a->o.repo, a->o.session, a->o.source, &a->info,
	    a->position, &a->after, a->time, a->o.level, e);
	if (a->writer == NULL)
		return -1;
	a->began = a->position;
	a->marked = clock_mono();
	a->unmarked = 1;
	return 0;
}

/* Let the file go, closed or not; the next one follows it. */
static void
drop_writer(struct appender *a)
{
	if (a->writer != NULL)
		log_writer_after(a->writer, &a->after);
	log_writer_free(a->writer);
	a->writer = NULL;
	a->unmarked = 0;
}

static int
close_writer(struct appender *a, struct err *e)
{
	struct tail_mark m;

	if (a->writer == NULL)
		return 0;
	tail_mark(&a->tail, &m);
	if (log_writer_close(a->writer, &m, e) < 0)
		return -1;
	drop_writer(a);
	return 0;
}

/* Remember on this machine how far we are.  Shipping goes on without. */
static void
record(struct appender *a)
{
	struct tail_record r;
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	a->recorded = clock_mono();
	a->changed = 0;
	memcpy(r.stream, a->info.stream, sizeof(r.stream));
	tail_mark(&a->tail, &r.mark);
	if (r.mark.position == 0)
		return;
	tail_record_encode(&r, &text);
	if (buf_check(&text, &e) == 0 &&
	    state_put(a->o.state, repo_id(a->o.repo), a->o.source->name, "log", text.data,
		text.len, &e) == 0) {
		a->record_failed = 0;
	} else if (!a->record_failed) {
		a->record_failed = 1;
		report_warn(a->o.report, "%s; going on without", e.msg);
	}
	buf_free(&text);
}

/* Is it time for a new file, at the next segment's start?  Never for one without bytes. */
static int
is_full(const struct appender *a)
{
	if (a->position == a->began)
		return 0;
	return log_writer_size(a->writer) >= a->o.roll_size ||
	    clock_mono() - log_writer_opened(a->writer) >= a->o.roll_age;
}

/* How many of n bytes go into the open file; 0: it ends here. */
static size_t
fitting(const struct appender *a, size_t n)
{
	uint64_t start = wal_segment_start(a->position, a->info.segment_size), left;

	if (!is_full(a))
		return n;
	left = a->position == start ? 0 : start + a->info.segment_size - a->position;
	return n < left ? n : (size_t)left;
}

static void publish(struct appender *a);

static int
store_batch(struct appender *a, struct err *e)
{
	struct batch *b = &a->batch;
	size_t n;

	while (b->done < b->len) {
		if (open_writer(a, e) < 0)
			return -1;
		n = fitting(a, b->len - b->done);
		if (n == 0) {
			if (close_writer(a, e) < 0)
				return -1;
			continue;
		}
		if (log_writer_append(a->writer, b->data + b->done, n,
			b->done + n == b->len ? b->promise : 0, e) < 0)
			return -1;
		a->position += n;
		a->time = log_writer_time(a->writer);
		publish(a);	/* before the digest: the server waits */
		tail_add(&a->tail, b->data + b->done, n);
		b->done += n;
		a->unmarked = 1;
		a->changed = clock_mono();
	}
	b->len = b->done = 0;
	return 0;
}

static int
store_beat(struct appender *a, struct err *e)
{
	if (open_writer(a, e) < 0 || log_writer_heartbeat(a->writer, a->beat, e) < 0)
		return -1;
	a->time = log_writer_time(a->writer);
	a->beat = 0;
	a->unmarked = 1;
	publish(a);
	return 0;
}

static int
mark(struct appender *a, struct err *e)
{
	struct tail_mark m;

	tail_mark(&a->tail, &m);
	if (log_writer_mark(a->writer, &m, e) < 0)
		return -1;
	a->unmarked = 0;
	a->marked = clock_mono();
	return 0;
}

/* ---- when ------------------------------------------------------------------- */

static int64_t
mark_due(const struct appender *a)
{
	return a->unmarked ? a->marked + a->o.mark : FOREVER;
}

static int64_t
record_due(const struct appender *a)
{
	int64_t busy = a->recorded + STATE_EVERY, quiet = a->changed + STATE_QUIET;

	if (a->changed == 0)
		return FOREVER;
	return busy < quiet ? busy : quiet;
}

/* All that is due.  closing: and then the end of the file. */
static int
serve(struct appender *a, int closing, struct err *e)
{
	int64_t now;

	if (a->failing && open_writer(a, e) < 0)
		return -1;
	if (store_batch(a, e) < 0 || (a->beat != 0 && store_beat(a, e) < 0))
		return -1;
	now = clock_mono();
	if (now >= mark_due(a) && !closing && mark(a, e) < 0)
		return -1;
	if (closing && close_writer(a, e) < 0)
		return -1;
	if (now >= record_due(a) || (closing && a->changed != 0))
		record(a);
	return 0;
}

/* ---- the thread --------------------------------------------------------------- */

static void
signal_caller(struct appender *a)
{
	uint64_t one = 1;

	/* Fails only when the counter is full: then it is readable already. */
	(void)!write(a->fd, &one, sizeof(one));
}

/* Tell what has become durable. */
static void
publish(struct appender *a)
{
	pthread_mutex_lock(&a->lock);
	a->view.bytes += a->position - a->view.durable;
	a->view.durable = a->position;
	a->view.stored = clock_now();
	pthread_mutex_unlock(&a->lock);
	signal_caller(a);
}

static void
drop_work(struct appender *a)
{
	drop_writer(a);
	a->batch.len = a->batch.done = 0;
	a->gather.len = 0;
	a->storing = 0;
	a->beat = a->heartbeat = 0;
	a->failing = 0;
	a->finishing = 0;
}

/* serve() failed: give the file up, and wait or end.  The lock is held. */
static void
take_failure(struct appender *a, int closing, const struct err *e)
{
	int64_t wait;

	if (closing || !a->o.patient || !backoff_may_help(e)) {
		drop_work(a);
		a->view.idle = a->view.failed = 1;
		a->view.failing = 0;
		a->view.e = *e;
		return;
	}
	drop_writer(a);
	wait = backoff_next(&a->backoff);
	a->retry = clock_mono() + wait;
	if (!a->failing) {
		a->failing = 1;
		a->view.failing = clock_mono();
		report_warn(a->o.report, "%s; nothing is confirmed until it can be stored",
		    e->msg);
	}
}

/* serve() succeeded.  The lock is held. */
static void
take_success(struct appender *a, int closing)
{
	a->storing = 0;
	if (a->failing) {
		a->failing = 0;
		a->view.failing = 0;
		a->backoff.tries = 0;
		report_note(a->o.report, "repository %s works again", repo_name(a->o.repo));
	}
	if (closing) {
		a->finishing = 0;
		a->view.idle = 1;
	}
}

/* Until when nothing is to be done, unless something comes.  0: now. */
static int64_t
next_due(const struct appender *a)
{
	int64_t due;

	if (a->view.idle)
		return FOREVER;
	if (a->finishing)
		return 0;
	if (a->failing)
		return a->retry;
	if (a->gather.len > 0 || a->heartbeat != 0)
		return 0;
	due = mark_due(a);
	return due < record_due(a) ? due : record_due(a);
}

/* Wait for work; the lock is held.  0: to end. */
static int
wait_for_work(struct appender *a)
{
	struct timespec ts;
	int64_t due;

	while (!a->quit && (due = next_due(a)) > clock_mono()) {
		if (due == FOREVER) {
			pthread_cond_wait(&a->work, &a->lock);
			continue;
		}
		ts.tv_sec = due / 1000000;
		ts.tv_nsec = due % 1000000 * 1000;
		(void)pthread_cond_timedwait(&a->work, &a->lock, &ts);	/* looked at above */
	}
	return !a->quit;
}

/* What has gathered becomes the batch, if the last one is done.  The lock is held. */
static void
take_work(struct appender *a)
{
	struct batch b = a->batch;

	if (b.len == 0) {
		a->batch = a->gather;
		a->gather = b;
		a->gather.promise = 0;
		a->storing = a->batch.len > 0 ? a->batch.arrived : 0;
	}
	if (a->heartbeat != 0 && a->batch.len == 0)
		a->beat = a->heartbeat;
	a->heartbeat = 0;
}

static void *
appender_main(void *arg)
{
	struct appender *a = arg;
	struct err e;
	int closing, rc;

	pthread_mutex_lock(&a->lock);
	while (wait_for_work(a)) {
		take_work(a);
		/* With data behind this batch the end has to wait for the next round. */
		closing = a->finishing && a->gather.len == 0;
		pthread_mutex_unlock(&a->lock);
		err_clear(&e);
		rc = serve(a, closing, &e);
		pthread_mutex_lock(&a->lock);
		if (rc < 0)
			take_failure(a, a->finishing, &e);
		else
			take_success(a, closing);
		signal_caller(a);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* ---- the caller's side ---------------------------------------------------------- */

static int
start(struct appender *a, struct err *e)
{
	pthread_condattr_t attr;

	a->gather.data = malloc(APPENDER_GATHER + APPENDER_PUT_MAX);
	a->batch.data = malloc(APPENDER_GATHER + APPENDER_PUT_MAX);
	if (a->gather.data == NULL || a->batch.data == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	if ((a->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		return err_sys(e, ERR_SYSTEM, "eventfd");
	pthread_mutex_init(&a->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&a->work, &attr);
	pthread_condattr_destroy(&attr);
	errno = pthread_create(&a->thread, NULL, appender_main, a);
	if (errno != 0)
		return err_sys(e, ERR_SYSTEM, "start a thread");
	return 0;
}

static void
release(struct appender *a)
{
	log_writer_free(a->writer);
	buf_free(&a->info.history_file);
	if (a->fd >= 0)
		(void)close(a->fd);	/* an eventfd holds nothing that could be lost */
	free(a->gather.data);
	free(a->batch.data);
	free(a);
}

struct appender *
appender_new(const struct appender_options *o, struct err *e)
{
	struct appender *a = calloc(1, sizeof(*a));

	if (a == NULL) {
		(void)err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	a->o = *o;
	a->fd = -1;
	a->view.idle = 1;
	if (start(a, e) < 0) {
		release(a);
		return NULL;
	}
	return a;
}

void
appender_free(struct appender *a)
{
	if (a == NULL)
		return;
	pthread_mutex_lock(&a->lock);
	a->quit = 1;
	pthread_cond_signal(&a->work);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	pthread_cond_destroy(&a->work);
	pthread_mutex_destroy(&a->lock);
	release(a);
}

int
appender_fd(const struct appender *a)
{
	return a->fd;
}

int
appender_begin(struct appender *a, const struct log_stream_info *info, uint64_t start_at,
    const struct log_after *after, const struct tail *tail, int64_t time, struct err *e)
{
	struct buf history = BUF_INIT;

	buf_add(&history, info->history_file.data, info->history_file.len);
	if (buf_check(&history, e) < 0) {
		buf_free(&history);
		return -1;
	}
	pthread_mutex_lock(&a->lock);
	buf_free(&a->info.history_file);
	a->info = *info;
	a->info.history_file = history;
	a->after = *after;
	a->tail = *tail;
	a->position = a->view.durable = start_at;
	a->time = time;
	a->changed = 0;
	a->view.idle = a->view.failed = 0;
	pthread_mutex_unlock(&a->lock);
	return 0;
}

int
appender_has_room(struct appender *a)
{
	int room;

	pthread_mutex_lock(&a->lock);
	room = a->gather.len < APPENDER_GATHER;
	pthread_mutex_unlock(&a->lock);
	return room;
}

void
appender_put(struct appender *a, const void *p, size_t n, int64_t promise)
{
	struct batch *g = &a->gather;

	pthread_mutex_lock(&a->lock);
	if (!a->view.idle) {	/* it may have failed just now */
		if (g->len == 0)
			g->arrived = clock_mono();
		memcpy(g->data + g->len, p, n);
		g->len += n;
		if (promise != 0)
			g->promise = promise;
		pthread_cond_signal(&a->work);
	}
	pthread_mutex_unlock(&a->lock);
}

void
appender_heartbeat(struct appender *a, int64_t time)
{
	pthread_mutex_lock(&a->lock);
	if (!a->view.idle && a->gather.len == 0 && a->storing == 0) {
		a->heartbeat = time;
		pthread_cond_signal(&a->work);
	}
	pthread_mutex_unlock(&a->lock);
}

void
appender_finish(struct appender *a)
{
	pthread_mutex_lock(&a->lock);
	if (!a->view.idle) {
		a->finishing = 1;
		pthread_cond_signal(&a->work);
	}
	pthread_mutex_unlock(&a->lock);
}

void
appender_look(struct appender *a, struct appender_view *v)
{
	uint64_t count;

	(void)!read(a->fd, &count, sizeof(count));	/* no longer readable, if it was */
	pthread_mutex_lock(&a->lock);
	*v = a->view;
	v->waiting = a->storing;
	if (a->storing == 0 && a->gather.len > 0)
		v->waiting = a->gather.arrived;
	pthread_mutex_unlock(&a->lock);
}
