/*
 * The WAL of a backup, on its way from the server's slot into segments.
 */
#include <sys/eventfd.h>

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "image/backup_wal.h"
#include "pg/walstream.h"

#define SETTLE_TIME 5000000  /* µs between two looks at what is durable */
#define PATIENCE    10000000 /* µs without WAL before the stop, until that is told */

struct backup_wal {
	struct backup_wal_options o;
	int wake;		   /* eventfd: stop or cancelled has changed */
	atomic_uint_least64_t stop; /* 0: not yet known */
	atomic_int cancelled;

	uint32_t timeline;
	uint64_t at;	/* next byte wanted */
	int open;	/* a segment is begun */
	uint64_t bytes; /* given to the sink in all */
	/* Byte `base` of the sink is position base_at: confirmed is counted from there. */
	uint64_t base, base_at;
	int64_t settled;	/* the last time, by clock_mono */
	int64_t moved;		/* the last WAL, or when the stop was known */
	int told;		/* that it waits */
	int64_t stop_time;
};

struct backup_wal *
backup_wal_new(const struct backup_wal_options *o, struct err *e)
{
	struct backup_wal *w;

	if ((w = calloc(1, sizeof(*w))) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	w->o = *o;
	atomic_init(&w->stop, 0);
	atomic_init(&w->cancelled, 0);
	if ((w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
		err_sys(e, ERR_SYSTEM, "eventfd");
		free(w);
		return NULL;
	}
	return w;
}

void
backup_wal_free(struct backup_wal *w)
{
	if (w == NULL)
		return;
	(void)close(w->wake); /* holds nothing */
	free(w);
}

static void
wake(struct backup_wal *w)
{
	uint64_t one = 1;

	if (write(w->wake, &one, sizeof(one)) < 0)
		return; /* only when it is full, and then it wakes */
}

void
backup_wal_stop_at(struct backup_wal *w, uint64_t stop)
{
	atomic_store(&w->stop, stop);
	wake(w);
}

void
backup_wal_cancel(struct backup_wal *w)
{
	atomic_store(&w->cancelled, 1);
	wake(w);
}

int64_t
backup_wal_stop_time(const struct backup_wal *w)
{
	return w->stop_time;
}

/*
 * The sink makes it durable in one piece: mode and time
 * are those of a server's own segments.
 */
static int
begin_file(struct backup_wal *w, const char *name, uint64_t size, struct err *e)
{
	struct pg_file f = { .type = PG_FILE_REGULAR, .mode = 0600 };

	snprintf(f.path, sizeof(f.path), "pg_wal/%s", name);
	f.mtime = clock_now();
	f.size = size;
	return w->o.sink.file(w->o.sink.ctx, &f, e);
}

static int
give(struct backup_wal *w, const void *p, size_t n, struct err *e)
{
	w->bytes += n;
	return w->o.sink.data(w->o.sink.ctx, p, n, e);
}

static uint64_t
segment_left(const struct backup_wal *w)
{
	return w->o.segment_size - w->at % w->o.segment_size;
}

static int
end_segment(struct backup_wal *w, struct err *e)
{
	w->open = 0;
	return w->o.sink.end(w->o.sink.ctx, e);
}

/* Zeros up to the segment's end. */
static int
pad(struct backup_wal *w, struct err *e)
{
	static const uint8_t zeros[64 << 10];
	uint64_t left, n;

	if (!w->open)
		return 0;
	for (left = segment_left(w); left > 0; left -= n) {
		n = left < sizeof(zeros) ? left : sizeof(zeros);
		if (give(w, zeros, (size_t)n, e) != 0)
			return -1;
	}
	return end_segment(w, e);
}

/* Bytes that belong to one segment. */
static int
take_part(struct backup_wal *w, const uint8_t *p, size_t n, struct err *e)
{
	char name[WAL_NAME];

	if (!w->open) {
		wal_segment_name(name, w->timeline, w->at, w->o.segment_size);
		if (begin_file(w, name, w->o.segment_size, e) != 0)
			return -1;
		w->open = 1;
	}
	if (give(w, p, n, e) != 0)
		return -1;
	w->at += n;
	return w->at % w->o.segment_size == 0 ? end_segment(w, e) : 0;
}

static int
take(struct backup_wal *w, const struct pg_wal_event *ev, struct err *e)
{
	uint64_t stop = atomic_load(&w->stop), want = UINT64_MAX;
	const uint8_t *p = ev->data;
	size_t left = ev->len, n;

	if (ev->position != w->at)
		return err_set(e, ERR_CORRUPT, "%s: WAL from %" PRIX64 " instead of %" PRIX64,
		    w->o.pg->what, ev->position, w->at);
	if (stop != 0)
		want = stop > w->at ? stop - w->at : 0;
	if (left >= want) {
		left = (size_t)want;
		w->stop_time = ev->server_time;
	}
	for (; left > 0; left -= n, p += n) {
		n = left < segment_left(w) ? left : (size_t)segment_left(w);
		if (take_part(w, p, n, e) != 0)
			return -1;
	}
	w->moved = clock_mono();
	return 0;
}

/* The ancestry of the timeline, as a server keeps it beside the segments; 1 has none. */
static int
take_history(struct backup_wal *w, struct err *e)
{
	struct buf text = BUF_INIT;
	char name[32];
	int r;

	snprintf(name, sizeof(name), "%08" PRIX32 ".history", w->timeline);
	r = pg_timeline_history(w->o.pg, w->timeline, &text, e);
	if (r == 0 && text.len > 0) {
		if ((r = begin_file(w, name, text.len, e)) == 0)
			r = give(w, text.data, text.len, e);
		if (r == 0)
			r = w->o.sink.end(w->o.sink.ctx, e);
	}
	buf_free(&text);
	return r;
}

/* From the segment that holds position `from`, with the timeline's history first. */
static int
start(struct backup_wal *w, uint32_t timeline, uint64_t from, struct err *e)
{
	w->timeline = timeline;
	w->at = wal_segment_start(from, w->o.segment_size);
	if (take_history(w, e) != 0)
		return -1;
	w->base = w->bytes;
	w->base_at = w->at;
	return pg_wal_start(w->o.pg, w->o.slot, timeline, w->at, e);
}

static int
settle(struct backup_wal *w, int64_t now, struct err *e)
{
	uint64_t durable = 0, at = w->base_at;

	w->settled = now;
	if (w->o.settle != NULL && w->o.settle(w->o.ctx, &durable, e) != 0)
		return -1;
	if (durable > w->base)
		at += durable - w->base;
	return pg_wal_confirm(w->o.pg, at < w->at ? at : w->at, 0, e);
}

/* A standby's stop lies in WAL that its primary may not have sent on yet. */
static void
tell_waiting(struct backup_wal *w, int64_t now)
{
	uint64_t stop = atomic_load(&w->stop);
	char at[LSN_TEXT];

	if (stop == 0) {
		w->moved = now;
		return;
	}
	if (w->told || now - w->moved < PATIENCE)
		return;
	w->told = 1;
	report_note(w->o.report, "waiting for the log up to %s; on an idle standby, "
	    "SELECT pg_switch_wal() on its primary brings it along", lsn_format(at, stop));
}

static int
handle(struct backup_wal *w, const struct pg_wal_event *ev, struct err *e)
{
	int64_t now = clock_mono();
	uint64_t count;

	if (ev->kind == PG_WAL_NONE && read(w->wake, &count, sizeof(count)) == sizeof(count))
		w->moved = now; /* the stop has become known just now */
	switch (ev->kind) {
	case PG_WAL_NONE:
		tell_waiting(w, now);
		break;
	case PG_WAL_DATA:
		if (take(w, ev, e) != 0)
			return -1;
		break;
	case PG_WAL_KEEPALIVE:
		if (ev->reply)
			w->settled = 0;
		break;
	case PG_WAL_TIMELINE_END:
		if (pad(w, e) != 0)
			return -1;
		return start(w, ev->next_timeline, ev->position, e);
	case PG_WAL_CLOSED:
		return err_set(e, ERR_UNREACHABLE, "%s: the server ended the WAL stream",
		    w->o.pg->what);
	}
	return now - w->settled >= SETTLE_TIME ? settle(w, now, e) : 0;
}

static int
reached(const struct backup_wal *w)
{
	uint64_t stop = atomic_load(&w->stop);

	return stop != 0 && w->at >= stop;
}

int
backup_wal_run(struct backup_wal *w, struct err *e)
{
	struct pg_wal_event ev;

	w->moved = w->settled = clock_mono();
	if (start(w, w->o.timeline, w->o.start, e) != 0)
		return err_context(e, "the WAL of the backup");
	while (!reached(w)) {
		if (atomic_load(&w->cancelled))
			return err_set(e, ERR_CANCELLED, "stopped, since another part failed");
		if (report_stopping())
			return err_set(e, ERR_CANCELLED, "stopped by a signal");
		if (pg_wal_next(w->o.pg, w->wake, 1000, &ev, e) != 0 || handle(w, &ev, e) != 0)
			return err_context(e, "the WAL of the backup");
	}
	return pad(w, e);
}
