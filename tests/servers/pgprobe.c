/*
 * Drives lib/pg's replication connection for the tests: each subcommand does one thing
 * with a real server and prints what came, a line each.
 *
 *	pgprobe identify CONN
 *	pgprobe show CONN NAME
 *	pgprobe history CONN TIMELINE
 *	pgprobe slot CONN read|create|drop NAME
 *	pgprobe backup CONN [dir=DIR] [label=TEXT] [rate=KB] [fast] [list] [fail=PATH]
 *	pgprobe stream CONN SLOT|- TIMELINE LSN [dir=DIR] [until=LSN] [follow] [wait=MS]
 *	    [wake=FIFO]
 *
 * SIGTERM sets the stop flag.  A failure is one line on stderr, a hint may follow.
 */
#include <sys/stat.h>

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "pg/basebackup.h"
#include "pg/conn.h"
#include "pg/walstream.h"

static volatile sig_atomic_t stopping;

static void
on_term(int sig)
{
	(void)sig;
	stopping = 1;
}

static int
stop(void)
{
	return stopping;
}

/* The value of an argument "name=value", or of a bare "name" (""); NULL without it. */
static const char *
arg(char **argv, const char *name)
{
	size_t n = strlen(name);

	for (; *argv != NULL; argv++)
		if (strncmp(*argv, name, n) == 0 && ((*argv)[n] == '=' || (*argv)[n] == '\0'))
			return *argv + n + ((*argv)[n] == '=');
	return NULL;
}

static int
misuse(struct err *e)
{
	return err_set(e, ERR_USAGE, "see the head of pgprobe.c");
}

static int
identify(struct pg *pg, char **argv, struct err *e)
{
	struct pg_system s;
	char at[LSN_TEXT];

	(void)argv;
	if (pg_identify(pg, &s, e) != 0)
		return -1;
	printf("%s version %d system %" PRIu64 " timeline %" PRIu32 " segment %" PRIu32 "\n",
	    pg->what, pg->version, s.system_id, s.timeline, s.segment_size);
	printf("%s\n", lsn_format(at, s.flushed));
	return 0;
}

static int
show(struct pg *pg, char **argv, struct err *e)
{
	char out[256];

	if (argv[0] == NULL)
		return misuse(e);
	if (pg_show(pg, argv[0], out, sizeof(out), e) != 0)
		return -1;
	printf("%s\n", out);
	return 0;
}

static int
history(struct pg *pg, char **argv, struct err *e)
{
	struct buf b = BUF_INIT;
	int r;

	if (argv[0] == NULL)
		return misuse(e);
	r = pg_timeline_history(pg, (uint32_t)strtoul(argv[0], NULL, 10), &b, e);
	if (r == 0 && b.len > 0)
		(void)fwrite(b.data, 1, b.len, stdout);	/* main looks at stdout's state */
	buf_free(&b);
	return r;
}

static int
slot(struct pg *pg, char **argv, struct err *e)
{
	struct pg_slot s;
	char at[LSN_TEXT];
	int r;

	if (argv[0] == NULL || argv[1] == NULL)
		return misuse(e);
	if (strcmp(argv[0], "create") == 0)
		return pg_slot_create(pg, argv[1], 0, e);
	if (strcmp(argv[0], "drop") == 0)
		return pg_slot_drop(pg, argv[1], e);
	if ((r = pg_slot_read(pg, argv[1], &s, e)) < 0)
		return -1;
	printf("%d exists %d timeline %" PRIu32 " restart %s\n", r, s.exists,
	    s.restart_timeline, lsn_format(at, s.restart));
	return 0;
}

/* ---- backup ---- */

struct backup {
	const char *dir;	/* NULL: nothing is written */
	const char *fail;	/* the path at which the sink fails, or NULL */
	int list, fd;
	char path[2 * PG_PATH_MAX];
	struct pg_file f;
	uint64_t got, files, bytes, progress;
};

static int
write_file(struct backup *k, const struct pg_file *f, struct err *e)
{
	int n = snprintf(k->path, sizeof(k->path), "%s/%s", k->dir, f->path);
	char *slash;

	if (n < 0 || (size_t)n >= sizeof(k->path))
		return err_set(e, ERR_BUG, "%s: too long", f->path);
	if (f->type == PG_FILE_DIR)
		return io_mkdirs(k->path, f->mode, e);
	if (f->type == PG_FILE_LINK)	/* the tablespace's folder stands in its place */
		return 0;
	slash = strrchr(k->path, '/');
	*slash = '\0';
	if (io_mkdirs(k->path, 0700, e) != 0)
		return -1;
	*slash = '/';
	k->fd = io_open(k->path, O_WRONLY | O_CREAT | O_EXCL, (mode_t)f->mode, e);
	return k->fd < 0 ? -1 : 0;
}

static int
on_file(void *ctx, const struct pg_file *f, struct err *e)
{
	struct backup *k = ctx;

	k->f = *f;
	k->got = 0;
	k->files++;
	if (k->fail != NULL && strcmp(f->path, k->fail) == 0)
		return err_set(e, ERR_IO, "%s: the sink fails", f->path);
	if (k->list && f->type == PG_FILE_REGULAR)
		printf("F %04o %" PRIu64 " %s\n", (unsigned)f->mode, f->size, f->path);
	else if (k->list && f->type == PG_FILE_DIR)
		printf("D %04o %s\n", (unsigned)f->mode, f->path);
	else if (k->list)
		printf("L %s %s\n", f->path, f->target);
	return k->dir != NULL ? write_file(k, f, e) : 0;
}

static int
on_data(void *ctx, const void *p, size_t n, struct err *e)
{
	struct backup *k = ctx;

	k->got += n;
	k->bytes += n;
	return k->fd >= 0 ? io_write_all(k->fd, p, n, k->path, e) : 0;
}

static int
on_end(void *ctx, struct err *e)
{
	struct backup *k = ctx;
	int fd = k->fd;

	if (k->got != k->f.size)
		return err_set(e, ERR_BUG, "%s: %" PRIu64 " bytes instead of %" PRIu64,
		    k->f.path, k->got, k->f.size);
	k->fd = -1;
	return fd >= 0 ? io_close(fd, k->path, e) : 0;
}

static void
on_progress(void *ctx, uint64_t bytes)
{
	struct backup *k = ctx;

	k->progress = bytes;
}

static int
backup(struct pg *pg, char **argv, struct err *e)
{
	static struct pg_backup b;
	static struct backup k;
	const struct pg_sink sink = { on_file, on_data, on_end, &k };
	const char *rate = arg(argv, "rate");
	struct pg_backup_options o = { .label = arg(argv, "label"),
		.max_rate = rate != NULL ? (uint32_t)strtoul(rate, NULL, 10) : 0,
		.fast = arg(argv, "fast") != NULL };
	char at[LSN_TEXT];
	int64_t began;
	int i;

	k = (struct backup){ .dir = arg(argv, "dir"), .fail = arg(argv, "fail"),
		.list = arg(argv, "list") != NULL, .fd = -1 };
	if (pg_backup_begin(pg, &o, &b, stop, e) != 0)
		return -1;
	printf("start %s %" PRIu32 "\n", lsn_format(at, b.start), b.timeline);
	for (i = 0; i < b.ntablespaces; i++)
		printf("tablespace %" PRIu32 " %s\n", b.tablespaces[i].oid,
		    b.tablespaces[i].location);
	began = clock_mono();
	if (pg_backup_run(pg, &b, &sink, on_progress, &k, stop, e) != 0)
		return -1;
	printf("stop %s %" PRIu32 "\n", lsn_format(at, b.stop), b.stop_timeline);
	printf("estimate %" PRIu64 " progress %" PRIu64 "\n", b.size, k.progress);
	printf("files %" PRIu64 " bytes %" PRIu64 " ms %" PRId64 "\n", k.files, k.bytes,
	    (clock_mono() - began) / 1000);
	printf("broken %d %s\n", b.broken_pages, b.broken_text);
	return 0;
}

/* ---- stream ---- */

struct stream {
	const char *dir;
	uint32_t segment_size, timeline;
	uint64_t at, until, bytes;
};

/* Into segment files, as far as each reaches. */
static int
store(struct stream *s, const struct pg_wal_event *ev, struct err *e)
{
	char name[WAL_NAME], path[PG_PATH_MAX];
	uint64_t start = wal_segment_start(ev->position, s->segment_size);
	size_t n = ev->len;
	int fd;

	if (ev->position != s->at)
		return err_set(e, ERR_BUG, "a hole in the stream");
	if (n > start + s->segment_size - ev->position)
		return err_set(e, ERR_BUG, "a message across segments");
	s->at += n;
	s->bytes += n;
	if (s->dir == NULL)
		return 0;
	(void)snprintf(path, sizeof(path), "%s/%s", s->dir,
	    wal_segment_name(name, s->timeline, start, s->segment_size));
	if ((fd = io_open(path, O_WRONLY | O_CREAT, 0600, e)) < 0)
		return -1;
	if (ftruncate(fd, s->segment_size) != 0)
		return err_sys(e, ERR_IO, "%s: truncate", path);
	if (io_pwrite_all(fd, ev->data, n, ev->position - start, path, e) != 0)
		return -1;
	return io_close(fd, path, e);
}

/* 1: go on; 0: that was all; -1 */
static int
handle(struct pg *pg, struct stream *s, const struct pg_wal_event *ev, int follow,
    struct err *e)
{
	char at[LSN_TEXT];

	switch (ev->kind) {
	case PG_WAL_NONE:
		return 1;
	case PG_WAL_KEEPALIVE:
		return pg_wal_confirm(pg, s->at, 0, e) == 0 ? 1 : -1;
	case PG_WAL_CLOSED:
		printf("closed %s\n", lsn_format(at, s->at));
		return 0;
	case PG_WAL_TIMELINE_END:
		printf("timeline %" PRIu32 " %s\n", ev->next_timeline,
		    lsn_format(at, ev->position));
		s->timeline = ev->next_timeline;
		s->at = wal_segment_start(ev->position, s->segment_size);
		if (!follow)
			return 0;
		return pg_wal_start(pg, NULL, s->timeline, s->at, e) == 0 ? 1 : -1;
	case PG_WAL_DATA:
		break;
	}
	if (store(s, ev, e) != 0)
		return -1;
	if (s->until != 0 && s->at >= s->until) {
		printf("reached %s\n", lsn_format(at, s->until));
		if (pg_wal_confirm(pg, s->at, 0, e) != 0 || pg_wal_stop(pg, e) != 0)
			return -1;
		return identify(pg, NULL, e);	/* the connection takes commands again */
	}
	return 1;
}

static int
woken(int fd)
{
	char c;

	return fd >= 0 && read(fd, &c, 1) == 1;
}

static int
follow_stream(struct pg *pg, struct stream *s, char **argv, struct err *e)
{
	const char *wait = arg(argv, "wait"), *fifo = arg(argv, "wake");
	int ms = wait != NULL ? atoi(wait) : 60000;
	int wake = fifo != NULL ? io_open(fifo, O_RDWR | O_NONBLOCK, 0, e) : -1;
	struct pg_wal_event ev;
	int r = 1;

	if (fifo != NULL && wake < 0)
		return -1;
	printf("streaming\n");
	while (r == 1) {
		if (pg_wal_next(pg, wake, ms, &ev, e) != 0)
			return -1;
		if (stopping || (ev.kind == PG_WAL_NONE && (woken(wake) || wait != NULL))) {
			printf("%s %" PRIu64 " bytes\n", stopping ? "stopped" : "none",
			    s->bytes);
			return pg_wal_stop(pg, e);
		}
		r = handle(pg, s, &ev, arg(argv, "follow") != NULL, e);
	}
	return r;
}

static int
stream(struct pg *pg, char **argv, struct err *e)
{
	struct pg_system sys;
	struct stream s = { 0 };
	struct err again = ERR_INIT;
	const char *until = arg(argv, "until"), *name = argv[0];

	if (name == NULL || argv[1] == NULL || argv[2] == NULL ||
	    lsn_parse(argv[2], &s.at) != 0 ||
	    (until != NULL && lsn_parse(until, &s.until) != 0))
		return misuse(e);
	if (strcmp(name, "-") == 0)
		name = NULL;
	if (pg_identify(pg, &sys, e) != 0)
		return -1;
	s.dir = arg(argv, "dir");
	s.segment_size = sys.segment_size;
	s.timeline = (uint32_t)strtoul(argv[1], NULL, 10);
	if (pg_wal_start(pg, name, s.timeline, s.at, e) == 0 &&
	    follow_stream(pg, &s, argv + 3, e) == 0)
		return 0;
	/* A server that refused is still there to be asked. */
	if (e->kind != ERR_UNREACHABLE && identify(pg, NULL, &again) != 0)
		*e = again;
	return -1;
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(struct pg *pg, char **argv, struct err *e);
	} commands[] = { { "identify", identify }, { "show", show }, { "history", history },
		{ "slot", slot }, { "backup", backup }, { "stream", stream } };
	struct sigaction sa = { .sa_handler = on_term };
	struct err e = ERR_INIT;
	struct pg *pg;
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	(void)sigaction(SIGTERM, &sa, NULL);	/* cannot fail with these arguments */
	misuse(&e);
	for (i = 0; argc > 2 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		err_clear(&e);
		if ((pg = pg_connect(argv[2], "pgprobe", &e)) != NULL)
			(void)commands[i].run(pg, argv + 3, &e);	/* e tells */
		pg_free(pg);
	}
	if (fflush(stdout) != 0)
		err_sys(&e, ERR_IO, "stdout");
	if (e.kind != ERR_NONE)
		fprintf(stderr, "pgprobe: %s\n%s%s", e.msg, e.hint,
		    e.hint[0] != '\0' ? "\n" : "");
	return err_exit_status(e.kind);
}
