/*
 * The corruption table, exhaustively: every byte of a file of a small repository is
 * flipped, every length cut to, every two files exchanged, and each time the repository is
 * verified without a key, in this process.  What is not detected is printed.
 *
 *	flipall make REPO SOURCEFILE	two snapshots; a closed log file, an abandoned one
 *					that another one follows, and that one abandoned, too
 *	flipall flips REPO FILE		FILE: relative to REPO
 *	flipall cuts REPO FILE
 *	flipall gone REPO FILE
 *	flipall swaps REPO FILE ...
 *
 * The state folder ($BULKHEAD_STATE) has the journal's head.  Exit: 0, 1: not detected.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/check.h"
#include "image/put.h"
#include "log/check.h"
#include "log/coverage.h"
#include "log/writer.h"
#include "seal/sealed.h"

#define SYSTEM	UINT64_C(7574210418334529345)
#define SEGMENT (1u << 20)

static struct state *state;

static int
fail(const char *what, const struct err *e)
{
	(void)fprintf(stderr, "flipall: %s: %s\n", what, e->msg);
	exit(70);
}

static void
fail_errno(const char *what)
{
	(void)fprintf(stderr, "flipall: %s: %s\n", what, strerror(errno));
	exit(70);
}

/* ---- making the repository ------------------------------------------------------ */

static void
put_file(struct pg_sink sink, const char *path, size_t size)
{
	struct pg_file f = { .type = PG_FILE_REGULAR, .mode = 0600, .size = size };
	struct err e;
	uint8_t bytes[1000];
	size_t i;

	(void)snprintf(f.path, sizeof(f.path), "%s", path);
	for (i = 0; i < size; i++)
		bytes[i] = (uint8_t)((uint8_t)path[0] + i * i / 7);
	if (sink.file(sink.ctx, &f, &e) != 0 || sink.data(sink.ctx, bytes, size, &e) != 0 ||
	    sink.end(sink.ctx, &e) != 0)
		fail(path, &e);
}

static void
make_snapshot(struct repo *r, const struct source *src, const char *id, uint64_t stop)
{
	struct image_meta m = { .engine = "postgresql", .version = 150005, .system_id = SYSTEM,
		.start = stop - 64, .stop = stop, .timeline = 1, .segment_size = SEGMENT,
		.started = 1000000, .stopped = 2000000 };
	struct image_put_options o = { .repo = r, .source = src, .id = id, .jobs = 1,
		.level = 1 };
	struct image_summary sum;
	struct image_lane *lane;
	struct image_put *p;
	struct err e;

	(void)snprintf(m.source, sizeof(m.source), "%s", src->name);
	(void)snprintf(m.id, sizeof(m.id), "%s", id);
	if ((o.session = repo_session_begin(r, src->name, "snapshot", &e)) == NULL ||
	    (p = image_put_new(&o, &m, &e)) == NULL || (lane = image_put_lane(p, &e)) == NULL)
		exit(fail(id, &e));
	put_file(image_lane_sink(lane), "PG_VERSION", 3);
	put_file(image_lane_sink(lane), id, 700);
	put_file(image_lane_sink(lane), "global/pg_control", 300);
	if (image_put_finish(p, &m, &sum, &e) != 0)
		fail(id, &e);
	image_put_free(p);
	if (image_commit(r, src, &m, "-", &sum, &e) != 0)
		fail(id, &e);
	repo_session_free(o.session);
}

enum leave { LEAVE_CLOSED, LEAVE_MARKED };

/* A log file: three frames with a mark behind the second. */
static struct log_after
make_log(struct repo *r, struct repo_session *s, const struct source *src, uint64_t start,
    const struct log_after *before, enum leave how)
{
	static const struct tail_mark unknown;
	static struct log_stream_info info = { .stream = "7574210418334529345-00000001",
		.system_id = SYSTEM, .timeline = 1, .segment_size = SEGMENT, .version = 150005,
		.history = { .timeline = 1 } };
	struct log_writer *w;
	struct log_after after;
	uint8_t bytes[300];
	struct err e;
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(start + i * i / 3);
	if ((w = log_writer_begin(r, s, src, &info, start, before, 0, 1, &e)) == NULL)
		exit(fail("log", &e));
	if (log_writer_append(w, bytes, 200, 3000000, &e) != 0 ||
	    log_writer_heartbeat(w, 4000000, &e) != 0 ||
	    log_writer_mark(w, &unknown, &e) != 0 ||
	    log_writer_append(w, bytes, 300, 5000000, &e) != 0 ||
	    log_writer_heartbeat(w, 6000000, &e) != 0)
		fail("log", &e);
	if (how == LEAVE_CLOSED && log_writer_close(w, &unknown, &e) != 0)
		fail("log", &e);
	log_writer_after(w, &after);
	log_writer_free(w);
	return after;
}

static int
make(const char *path, const char *file)
{
	static const struct log_after none;
	struct repo_session *s;
	struct log_after a;
	struct source *src;
	struct repo *r;
	struct err e;

	if ((src = source_read(file, &e)) == NULL ||
	    (r = repo_open(path, src->repo, state, NULL, &e)) == NULL ||
	    (s = repo_session_begin(r, src->name, "log", &e)) == NULL)
		return fail(path, &e);
	a = make_log(r, s, src, SEGMENT, &none, LEAVE_CLOSED);
	make_snapshot(r, src, "20261122T100000Z-00000001", SEGMENT + 128);
	a = make_log(r, s, src, a.position, &a, LEAVE_MARKED);
	make_snapshot(r, src, "20261122T100000Z-00000002", SEGMENT + 256);
	a = make_log(r, s, src, a.position, &a, LEAVE_MARKED);
	repo_session_free(s);
	repo_free(r);
	source_free(src);
	return 0;
}

/* ---- verifying, as verify(1) does with --read-data -------------------------------- */

static void
ignore(void *ctx, enum finding_level level, const char *source, const char *object,
    const char *text)
{
	(void)ctx;
	(void)level;
	(void)source;
	(void)object;
	(void)text;
}

static void
verify_source(struct repo *r, const char *source, struct findings *f)
{
	const struct image_check o = { .repo = r, .source = source, .jobs = 1, .percent = 100,
		.findings = f };
	struct coverage cov;
	struct log_index *ix;
	struct err e;

	if (image_check_stored(&o, &e) != 0)
		fail("image_check_stored", &e);
	if ((ix = log_index_build(r, source, 1, &e)) == NULL ||
	    log_check(r, ix, 0, f, &e) != 0 ||
	    coverage_of(ix, repo_catalog(r), source, 10000000, &cov, &e) != 0)
		exit(fail("log", &e));
	coverage_tell(&cov, ix, source, f);
	coverage_free(&cov);
	log_index_free(ix);
}

/* Is anything bad? */
static int
detects(const char *path)
{
	struct findings f;
	struct err e;
	struct repo *r = repo_open(path, NULL, state, NULL, &e);
	uint64_t bad;
	size_t i;

	if (r == NULL)
		return 1;
	findings_init(&f, ignore, NULL, NULL);
	if (repo_check_journal(r, &e) != 0)
		f.count[FINDING_BAD]++;
	for (i = 0; i < repo_catalog(r)->nsources; i++)
		verify_source(r, repo_catalog(r)->sources[i].name, &f);
	bad = f.count[FINDING_BAD];
	findings_free(&f);
	repo_free(r);
	return bad > 0;
}

/* ---- damage -------------------------------------------------------------------------- */

static char *
join(const char *repo, const char *file)
{
	struct err e;
	char *path = io_path(repo, file, &e);

	if (path == NULL)
		fail(file, &e);
	return path;
}

/* The whole file; it is made writable for the damage. */
static void
take(const char *path, struct buf *b)
{
	struct err e;

	if (chmod(path, 0600) != 0)
		fail_errno(path);
	if (io_read_file(path, 1u << 20, b, &e) != 0)
		fail(path, &e);
}

static void
write_at(const char *path, const uint8_t *p, size_t n, size_t at)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	if (fd < 0 || pwrite(fd, p, n, (off_t)at) != (ssize_t)n || close(fd) != 0)
		fail_errno(path);
}

static size_t
flips(const char *repo, const char *path, const char *file)
{
	struct buf b = BUF_INIT;
	size_t i, missed = 0;
	uint8_t byte;

	take(path, &b);
	for (i = 0; i < b.len; i++) {
		byte = b.data[i] ^ (uint8_t)(1u << i % 8);
		write_at(path, &byte, 1, i);
		if (!detects(repo)) {
			(void)printf("%s: byte %zu\n", file, i);
			missed++;
		}
		write_at(path, &b.data[i], 1, i);
	}
	buf_free(&b);
	return missed;
}

/*
 * The end of an abandoned log that no mark speaks of may be cut between two frames unseen:
 * is that the length?
 */
static int
may_be_cut(const struct repo *r, const char *path, const struct buf *b, size_t len)
{
	const struct catalog *c = repo_catalog(r);
	const struct catalog_log *last = &c->logs[c->nlogs - 1];
	const size_t n = strlen(path), m = strlen(last->file);
	struct seal_frame f;
	struct err e;
	size_t at = last->bytes;

	if (n < m || strcmp(path + n - m, last->file) != 0)
		return 0;
	while (at < len && seal_frame_parse(b->data + at, &f, &e) == 0)
		at += SEAL_FRAME_HEADER + f.stored;
	return at == len;
}

static size_t
cuts(const char *repo, const char *path, const char *file)
{
	struct buf b = BUF_INIT;
	struct err e;
	struct repo *r = repo_open(repo, NULL, state, NULL, &e);
	size_t len, missed = 0;
	int expected;

	if (r == NULL)
		fail(repo, &e);
	take(path, &b);
	for (len = b.len; len-- > 0;) {
		if (truncate(path, (off_t)len) != 0)
			fail_errno(path);
		expected = !may_be_cut(r, path, &b, len);
		if (detects(repo) != expected) {
			(void)printf("%s: cut to %zu bytes\n", file, len);
			missed++;
		}
	}
	write_at(path, b.data, b.len, 0);
	buf_free(&b);
	repo_free(r);
	return missed;
}

static size_t
gone(const char *repo, const char *path, const char *file)
{
	char *aside = join(repo, "aside");
	size_t missed;

	if (rename(path, aside) != 0)
		fail_errno(path);
	if ((missed = !detects(repo)))
		(void)printf("%s: removed\n", file);
	if (rename(aside, path) != 0)
		fail_errno(path);
	free(aside);
	return missed;
}

/* Each two of the files change places. */
static size_t
swaps(const char *repo, char **files, int n)
{
	size_t missed = 0;
	char *a, *b;
	int i, k;

	for (i = 0; i < n; i++)
		for (k = i + 1; k < n; k++) {
			a = join(repo, files[i]);
			b = join(repo, files[k]);
			if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) != 0)
				fail_errno(a);
			if (!detects(repo)) {
				(void)printf("%s and %s: exchanged\n", files[i], files[k]);
				missed++;
			}
			if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) != 0)
				fail_errno(a);
			free(a);
			free(b);
		}
	return missed;
}

int
main(int argc, char **argv)
{
	struct err e;
	size_t missed = 0;
	char *path;

	if (argc < 4)
		return 64;
	if (key_guard_process(&e) != 0 || (state = state_open(NULL, &e)) == NULL)
		return fail("start", &e);
	if (strcmp(argv[1], "make") == 0)
		return make(argv[2], argv[3]);
	if (detects(argv[2])) {
		(void)printf("the intact repository is not well\n");
		return 1;
	}
	path = join(argv[2], argv[3]);
	if (strcmp(argv[1], "flips") == 0)
		missed = flips(argv[2], path, argv[3]);
	else if (strcmp(argv[1], "cuts") == 0)
		missed = cuts(argv[2], path, argv[3]);
	else if (strcmp(argv[1], "gone") == 0)
		missed = gone(argv[2], path, argv[3]);
	else if (strcmp(argv[1], "swaps") == 0)
		missed = swaps(argv[2], argv + 3, argc - 3);
	else
		return 64;
	free(path);
	state_free(state);
	return missed > 0;
}
