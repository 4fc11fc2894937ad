/*
 * A snapshot of a running PostgreSQL server, from the first connection to the commit.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "image/backup_wal.h"
#include "image/pgsnapshot.h"
#include "image/tarsink.h"

#define APPNAME	  "bulkhead_snapshot"
#define CLOCK_GAP 60000000 /* µs between two hosts' clocks that are worth a warning */

/* What a server reads from our folder in a restored copy is not the database's. */
#define OURS "bulkhead"

/* The settings that recovery, or the person who does it, may want to know. */
static const char *const settings[] = { "server_version", "data_directory", "config_file",
	"hba_file", "ident_file", "data_checksums", "wal_level", "shared_preload_libraries",
	"max_connections", "max_worker_processes", "max_wal_senders",
	"max_prepared_transactions", "max_locks_per_transaction", "server_encoding",
	"timezone", NULL };

struct session {
	const struct pgsnapshot_options *o;
	struct pg *pg, *wal_pg; /* the backup's connection, and the slot's */
	struct pg_system system;
	struct pg_backup backup;
	char slot[64];
	struct backup_wal *wal;
	struct image_meta *meta;
	char history[8192]; /* of the timeline at the stop, as statements have it */
};

void
pgsnapshot_id(char id[SNAPSHOT_ID_MAX])
{
	time_t now = (time_t)(clock_now() / 1000000);
	struct tm tm;
	size_t n;

	gmtime_r(&now, &tm);
	n = strftime(id, SNAPSHOT_ID_MAX, "%Y%m%dT%H%M%SZ", &tm);
	snprintf(id + n, SNAPSHOT_ID_MAX - n, "-%08" PRIx32, randombytes_random());
}

/* ---- connections ---------------------------------------------------------- */

/* '*' would take the WAL stream for a standby, and commits would wait for packs. */
static void
warn_of_synchronous(struct session *s)
{
	struct err ignored;
	char value[1024];

	if (pg_show(s->pg, "synchronous_standby_names", value, sizeof(value), &ignored) == 0 &&
	    strchr(value, '*') != NULL)
		report_warn(s->o->report,
		    "%s: synchronous_standby_names = '%s' makes a standby of this "
		    "snapshot: name the standbys there instead",
		    s->pg->what, value);
}

/* Both connections reach the same server, when a connection string names several. */
static int
connect_both(struct session *s, struct err *e)
{
	struct pg_system other;

	if ((s->pg = pg_connect(s->o->conninfo, APPNAME, e)) == NULL ||
	    pg_identify(s->pg, &s->system, e) != 0 ||
	    (s->wal_pg = pg_connect(s->o->conninfo, APPNAME, e)) == NULL ||
	    pg_identify(s->wal_pg, &other, e) != 0)
		return -1;
	if (other.system_id != s->system.system_id)
		return err_set(e, ERR_CONFIG, "%s and %s are different databases", s->pg->what,
		    s->wal_pg->what);
	warn_of_synchronous(s);
	return 0;
}

static int
connect_source(struct session *s, const struct catalog_source *known, struct err *e)
{
	if (connect_both(s, e) != 0)
		return -1;
	if (known == NULL || known->system_id == 0 || known->system_id == s->system.system_id)
		return 0;
	err_set(e, ERR_REFUSED,
	    "%s: system %" PRIu64 " is not source %s, which is system %" PRIu64, s->pg->what,
	    s->system.system_id, known->name, known->system_id);
	return err_hint(e,
	    "is it the right server?  A new database (initdb, pg_upgrade) is a new "
	    "source: enrol it under a name of its own");
}

static int
record_settings(struct session *s, struct err *e)
{
	struct buf out = BUF_INIT;
	struct err ignored;
	char value[512];
	int i;

	for (i = 0; settings[i] != NULL; i++) /* some of them are not for everybody to read */
		if (pg_show(s->pg, settings[i], value, sizeof(value), &ignored) == 0 &&
		    out.len + strlen(value) + 64 < IMAGE_SETTINGS_MAX)
			buf_fmt(&out, "%s = %s\n", settings[i], value);
	if (buf_check(&out, e) != 0 || (s->meta->settings = strdup(buf_cstr(&out))) == NULL) {
		buf_free(&out);
		return err_set(e, ERR_SYSTEM, "out of memory");
	}
	buf_free(&out);
	return 0;
}

/* ---- what the backup is --------------------------------------------------- */

static int
fill_tablespaces(struct session *s, struct err *e)
{
	const struct pg_backup *b = &s->backup;
	int i;

	if (b->ntablespaces == 0)
		return 0;
	s->meta->tablespaces = calloc((size_t)b->ntablespaces, sizeof(*s->meta->tablespaces));
	if (s->meta->tablespaces == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (i = 0; i < b->ntablespaces; i++) {
		s->meta->tablespaces[i].oid = b->tablespaces[i].oid;
		memcpy(s->meta->tablespaces[i].location, b->tablespaces[i].location,
		    PG_PATH_MAX);
	}
	s->meta->ntablespaces = b->ntablespaces;
	return 0;
}

static int
fill_meta(struct session *s, const char *source, struct err *e)
{
	struct image_meta *m = s->meta;

	snprintf(m->source, sizeof(m->source), "%s", source);
	snprintf(m->id, sizeof(m->id), "%s", s->o->id);
	snprintf(m->engine, sizeof(m->engine), "postgresql");
	if (s->o->label != NULL)
		snprintf(m->label, sizeof(m->label), "%s", s->o->label);
	else
		snprintf(m->label, sizeof(m->label), "bulkhead %s", s->o->id);
	m->version = s->pg->version;
	m->system_id = s->system.system_id;
	m->segment_size = s->system.segment_size;
	return record_settings(s, e);
}

static int
begin_backup(struct session *s, struct err *e)
{
	struct pg_backup_options bo = { s->meta->label, s->o->max_rate, s->o->fast };
	char at[LSN_TEXT];

	snprintf(s->slot, sizeof(s->slot), "bulkhead_snapshot_%s", strrchr(s->o->id, '-') + 1);
	if (pg_slot_create(s->wal_pg, s->slot, 1, e) != 0)
		return -1;
	report_progress(s->o->report, "waiting for a checkpoint", 0, 0);
	if (pg_backup_begin(s->pg, &bo, &s->backup, report_stopping, e) != 0)
		return -1;
	report_detail(s->o->report,
	    "%s: version %d, system %" PRIu64 ", timeline %" PRIu32 " from %s", s->pg->what,
	    s->pg->version, s->system.system_id, s->backup.timeline,
	    lsn_format(at, s->backup.start));
	s->meta->started = clock_now();
	s->meta->start = s->backup.start;
	s->meta->timeline = s->backup.timeline;
	return fill_tablespaces(s, e);
}

static void
on_progress(void *ctx, uint64_t bytes)
{
	const struct session *s = ctx;

	report_progress(s->o->report, "reading", bytes, s->backup.size);
}

static int
run_backup(struct session *s, const struct pg_sink *sink, struct err *e)
{
	struct image_meta *m = s->meta;

	if (pg_backup_run(s->pg, &s->backup, sink, on_progress, s, report_stopping, e) != 0)
		return -1;
	m->stop = s->backup.stop;
	m->timeline = s->backup.stop_timeline;
	m->broken_pages = s->backup.broken_pages;
	memcpy(m->broken_text, s->backup.broken_text, sizeof(m->broken_text));
	return 0;
}

/* Commits are dated by the server's clock, and so is the snapshot's end. */
static void
settle_time(struct session *s)
{
	int64_t server = backup_wal_stop_time(s->wal), now = clock_now();
	char span[32];

	s->meta->stopped = server != 0 ? server : now;
	if (llabs(now - s->meta->stopped) > CLOCK_GAP)
		report_warn(s->o->report, "%s: its clock and this host's are %s apart",
		    s->pg->what, clock_format_span(span, llabs(now - s->meta->stopped)));
}

static int
read_history(struct session *s, struct err *e)
{
	struct buf text = BUF_INIT;
	struct wal_history *h = malloc(sizeof(*h));
	int r = h == NULL ? err_set(e, ERR_SYSTEM, "out of memory") : 0;

	if (r == 0)
		r = pg_timeline_history(s->pg, s->meta->timeline, &text, e);
	if (r == 0 &&
	    (wal_history_read(h, s->meta->timeline, buf_cstr(&text), text.len) != 0 ||
		wal_history_encode(h, s->history, sizeof(s->history)) != 0))
		r = err_set(e, ERR_CORRUPT, "%s: timeline %" PRIu32 ": its history is damaged",
		    s->pg->what, s->meta->timeline);
	free(h);
	buf_free(&text);
	return r;
}

static void
session_end(struct session *s)
{
	backup_wal_free(s->wal);
	pg_free(s->wal_pg);
	pg_free(s->pg);
	report_done(s->o->report);
}

/* ---- into a repository ----------------------------------------------------- */

/* The base lane's sink, with a way out when the WAL fails, and without our own folder. */
struct base_sink {
	struct pg_sink to;
	atomic_int *wal_failed;
	int skip;
};

static int
base_file(void *ctx, const struct pg_file *f, struct err *e)
{
	struct base_sink *b = ctx;
	size_t n = strlen(OURS);

	b->skip = strncmp(f->path, OURS, n) == 0 && (f->path[n] == '\0' || f->path[n] == '/');
	return b->skip ? 0 : b->to.file(b->to.ctx, f, e);
}

static int
base_data(void *ctx, const void *p, size_t n, struct err *e)
{
	struct base_sink *b = ctx;

	if (atomic_load(b->wal_failed))
		return err_set(e, ERR_CANCELLED, "stopped, since another part failed");
	return b->skip ? 0 : b->to.data(b->to.ctx, p, n, e);
}

static int
base_end(void *ctx, struct err *e)
{
	struct base_sink *b = ctx;

	return b->skip ? 0 : b->to.end(b->to.ctx, e);
}

struct wal_thread {
	struct backup_wal *wal;
	pthread_t thread;
	atomic_int failed;
	struct err err;
};

static void *
wal_main(void *arg)
{
	struct wal_thread *t = arg;

	if (backup_wal_run(t->wal, &t->err) != 0)
		atomic_store(&t->failed, 1);
	return NULL;
}

static int
settle_lane(void *ctx, uint64_t *durable, struct err *e)
{
	struct image_lane *l = ctx;

	*durable = image_lane_durable(l);
	return image_lane_flush(l, e);
}

static int
new_wal(struct session *s, struct pg_sink sink, struct image_lane *lane, struct err *e)
{
	struct backup_wal_options wo = { s->wal_pg, s->slot, s->backup.timeline,
		s->system.segment_size, s->backup.start, sink,
		lane == NULL ? NULL : settle_lane, lane, s->o->report };

	s->wal = backup_wal_new(&wo, e);
	return s->wal == NULL ? -1 : 0;
}

static int
start_wal(struct session *s, struct image_lane *lane, struct wal_thread *t, struct err *e)
{
	sigset_t all, before;

	if (new_wal(s, image_lane_sink(lane), lane, e) != 0)
		return -1;
	t->wal = s->wal;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	errno = pthread_create(&t->thread, NULL, wal_main, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return errno == 0 ? 0 : err_sys(e, ERR_SYSTEM, "start a thread");
}

/* Both lanes until their ends; the first cause of a failure counts. */
static int
run_lanes(struct session *s, struct image_lane *base, struct image_lane *log, struct err *e)
{
	struct wal_thread t = { .err = ERR_INIT };
	struct base_sink bs = { image_lane_sink(base), &t.failed, 0 };
	struct pg_sink sink = { base_file, base_data, base_end, &bs };
	int r;

	atomic_init(&t.failed, 0);
	if (start_wal(s, log, &t, e) != 0)
		return -1;
	if ((r = run_backup(s, &sink, e)) == 0)
		backup_wal_stop_at(s->wal, s->backup.stop);
	else
		backup_wal_cancel(s->wal);
	pthread_join(t.thread, NULL);
	if (atomic_load(&t.failed) && (r == 0 || e->kind == ERR_CANCELLED) &&
	    t.err.kind != ERR_CANCELLED) {
		*e = t.err;
		r = -1;
	}
	return r;
}

static int
store(struct session *s, struct repo_session *rs, struct repo *r, const struct source *src,
    struct image_summary *sum, struct err *e)
{
	struct image_put_options po = { .repo = r, .session = rs, .source = src,
		.id = s->o->id, .jobs = s->o->jobs, .level = s->o->level };
	struct image_lane *base, *log;
	struct image_put *put;
	int ret = -1;

	if ((put = image_put_new(&po, s->meta, e)) == NULL)
		return -1;
	if ((base = image_put_lane(put, e)) != NULL &&
	    (log = image_put_lane(put, e)) != NULL && run_lanes(s, base, log, e) == 0 &&
	    read_history(s, e) == 0) {
		settle_time(s);
		ret = image_put_finish(put, s->meta, sum, e);
	}
	image_put_free(put);
	return ret;
}

int
pgsnapshot_store(const struct pgsnapshot_options *o, struct repo *r, const struct source *src,
    struct image_meta *meta, struct image_summary *sum, struct err *e)
{
	const struct catalog_source *known = catalog_source(repo_catalog(r), src->name);
	struct session s = { .o = o, .meta = meta };
	struct repo_session *rs;
	int ret = -1;

	memset(meta, 0, sizeof(*meta));
	if ((rs = repo_session_begin(r, src->name, "snapshot", e)) == NULL)
		return -1;
	if (connect_source(&s, known, e) == 0 && fill_meta(&s, src->name, e) == 0 &&
	    begin_backup(&s, e) == 0 && store(&s, rs, r, src, sum, e) == 0)
		ret = image_commit(r, src, meta, s.history, sum, e);
	session_end(&s);
	repo_session_free(rs);
	return ret;
}

/* ---- as a tar --------------------------------------------------------------- */

static int
write_tar(struct session *s, struct tarsink *tar, struct err *e)
{
	struct pg_sink sink = tarsink_sink(tar);

	if (run_backup(s, &sink, e) != 0 || new_wal(s, sink, NULL, e) != 0)
		return -1;
	backup_wal_stop_at(s->wal, s->backup.stop);
	if (backup_wal_run(s->wal, e) != 0)
		return -1;
	settle_time(s);
	return tarsink_finish(tar, e);
}

int
pgsnapshot_tar(const struct pgsnapshot_options *o, int fd, struct image_meta *meta,
    struct err *e)
{
	struct session s = { .o = o, .meta = meta };
	struct tarsink *tar;
	int ret = -1;

	memset(meta, 0, sizeof(*meta));
	if ((tar = tarsink_new(fd, "standard output", e)) == NULL)
		return -1;
	if (connect_both(&s, e) == 0 && fill_meta(&s, "", e) == 0 && begin_backup(&s, e) == 0)
		ret = write_tar(&s, tar, e);
	session_end(&s);
	tarsink_free(tar);
	return ret;
}
