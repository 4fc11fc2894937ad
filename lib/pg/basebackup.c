/*
 * BASE_BACKUP: the command and its answer in both dialects.  What the archives hold
 * is tarstream.c's business.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "pg/basebackup.h"
#include "pg/spool.h"
#include "pg/tarstream.h"
#include "pg/wire.h"

#define MANIFEST      "backup_manifest"
#define MANIFEST_MAX  (UINT64_C(4) << 30)
#define LINK_MAX      99	/* what the server can put into a tar header */
#define PREFIX_MAX    24	/* "pg_tblspc/4294967295/" */

/* A backup while it runs. */
struct run {
	struct pg *pg;
	struct pg_backup *b;
	struct pg_patience wait;
	void (*progress)(void *pctx, uint64_t bytes);
	void *pctx;
	uint64_t bytes;
	char *row;		/* the message of the COPY at hand, or NULL */
	size_t len;
	int held;		/* from 15: row has ended an archive, and is yet to be read */
	PGresult *res;		/* the result behind the COPY that has ended, or NULL */
	struct spool manifest;
	struct buf warnings;
};

/*
 * As the replication grammar wants it: its strings know '' and no other escape.  A
 * newline would forge a line of backup_label.
 */
static void
add_label(struct buf *q, const char *label)
{
	unsigned char c;

	if (label == NULL || *label == '\0')
		label = "bulkhead";
	buf_str(q, "LABEL '");
	while ((c = (unsigned char)*label++) != '\0') {
		if (c == '\'')
			buf_u8(q, '\'');
		buf_u8(q, c < ' ' || c == '\x7f' ? ' ' : c);
	}
	buf_u8(q, '\'');
}

static void
add_command(struct buf *q, const struct pg_backup_options *o, int version)
{
	if (version >= 150000) {
		buf_str(q, "BASE_BACKUP ( ");
		add_label(q, o->label);
		buf_fmt(q, ", PROGRESS, CHECKPOINT '%s', WAIT false, MANIFEST 'yes'",
		    o->fast ? "fast" : "spread");
		buf_str(q, ", MANIFEST_CHECKSUMS 'CRC32C'");
		if (o->max_rate != 0)
			buf_fmt(q, ", MAX_RATE %" PRIu32, o->max_rate);
		buf_str(q, " )");
		return;
	}
	buf_str(q, "BASE_BACKUP ");
	add_label(q, o->label);
	buf_fmt(q, " PROGRESS%s NOWAIT", o->fast ? " FAST" : "");
	if (o->max_rate != 0)
		buf_fmt(q, " MAX_RATE %" PRIu32, o->max_rate);
	buf_str(q, " MANIFEST 'yes' MANIFEST_CHECKSUMS 'CRC32C'");
}

static int
unexpected(struct pg *pg, struct err *e)
{
	return err_set(e, ERR_CONFIG, "%s: BASE_BACKUP: unexpected answer", pg->what);
}

/* The next result, which must be of that status; the caller's to PQclear. */
static PGresult *
expect(struct pg *pg, const struct pg_patience *w, ExecStatusType status, struct err *e)
{
	PGresult *res;

	if (pg_await_result(pg, w, &res, e) != 0)
		return NULL;
	if (res != NULL && PQresultStatus(res) == status)
		return res;
	if (res != NULL && PQresultStatus(res) == PGRES_FATAL_ERROR)
		pg_error(pg, res, "BASE_BACKUP", e);
	else
		unexpected(pg, e);
	PQclear(res);
	return NULL;
}

/* A row of position and timeline. */
static int
read_position(struct pg *pg, const struct pg_patience *w, uint64_t *lsn, uint32_t *timeline,
    struct err *e)
{
	PGresult *res = expect(pg, w, PGRES_TUPLES_OK, e);
	int bad;

	if (res == NULL)
		return -1;
	bad = PQntuples(res) != 1 || PQnfields(res) < 2 ||
	    lsn_parse(PQgetvalue(res, 0, 0), lsn) != 0 ||
	    pg_parse_u32(PQgetvalue(res, 0, 1), timeline) != 0;
	PQclear(res);
	return bad ? unexpected(pg, e) : 0;
}

static int
add_tablespace(struct pg *pg, struct pg_backup *b, const char *oid, const char *location,
    struct err *e)
{
	size_t n = strlen(location);
	uint32_t v;

	if (b->ntablespaces == PG_TABLESPACES_MAX)
		return err_set(e, ERR_CONFIG, "%s: more than %d tablespaces", pg->what,
		    PG_TABLESPACES_MAX);
	if (pg_parse_u32(oid, &v) != 0)
		return unexpected(pg, e);
	if (n > LINK_MAX) {
		err_set(e, ERR_CONFIG, "%s: tablespace %s: its location has %zu bytes, the "
		    "server can back up at most %d", pg->what, oid, n, LINK_MAX);
		return err_hint(e, "stop the server, move the folder to a shorter path, and "
		    "change the link pg_tblspc/%s", oid);
	}
	b->tablespaces[b->ntablespaces].oid = v;
	memcpy(b->tablespaces[b->ntablespaces].location, location, n + 1);
	b->ntablespaces++;
	return 0;
}

/* Rows of oid, location, estimated kB; the last, without the former, is the data directory. */
static int
read_tablespaces(struct pg *pg, const struct pg_patience *w, struct pg_backup *b,
    struct err *e)
{
	PGresult *res = expect(pg, w, PGRES_TUPLES_OK, e);
	int i, n, r = 0;

	if (res == NULL)
		return -1;
	n = PQntuples(res);
	if (PQnfields(res) < 3 || n == 0 || !PQgetisnull(res, n - 1, 0))
		r = unexpected(pg, e);
	for (i = 0; r == 0 && i < n; i++) {
		b->size += strtoull(PQgetvalue(res, i, 2), NULL, 10) * 1024;
		if (i < n - 1)
			r = add_tablespace(pg, b, PQgetvalue(res, i, 0),
			    PQgetvalue(res, i, 1), e);
	}
	PQclear(res);
	return r;
}

int
pg_backup_begin(struct pg *pg, const struct pg_backup_options *o, struct pg_backup *b,
    int (*stop)(void), struct err *e)
{
	struct pg_patience w = { stop, 0 };
	struct buf q = BUF_INIT;
	int r;

	memset(b, 0, sizeof(*b));
	if (o->max_rate != 0 && (o->max_rate < 32 || o->max_rate > 1048576))
		return err_set(e, ERR_USAGE, "a rate of %" PRIu32 " kB/s is not within "
		    "32 and 1048576", o->max_rate);
	add_command(&q, o, pg->version);
	(void)buf_cstr(&q);	/* ends it with a NUL; tells its failure through buf_check */
	if ((r = buf_check(&q, e)) == 0 && !PQsendQuery(pg->c, buf_cstr(&q)))
		r = pg_error(pg, NULL, "BASE_BACKUP", e);
	buf_free(&q);
	if (r != 0 || read_position(pg, &w, &b->start, &b->timeline, e) != 0)
		return -1;
	return read_tablespaces(pg, &w, b, e);
}

/*
 * The next message of the COPY into r->row: 1; 0 at its end, with the result that
 * follows in r->res, so that a failure of the server is not taken for a short archive; -1.
 */
static int
next_message(struct run *r, struct err *e)
{
	int n;

	if (r->res != NULL)
		return 0;
	PQfreemem(r->row);
	r->row = NULL;
	if ((n = pg_copy_next(r->pg, &r->wait, &r->row, &r->len, e)) != 0)
		return n;
	if (pg_await_result(r->pg, &r->wait, &r->res, e) != 0)
		return -1;
	if (r->res == NULL)
		return unexpected(r->pg, e);
	if (PQresultStatus(r->res) == PGRES_FATAL_ERROR)
		return pg_error(r->pg, r->res, "BASE_BACKUP", e);
	return 0;
}

static void
count(struct run *r, size_t n)
{
	r->bytes += n;
	if (r->progress != NULL)
		r->progress(r->pctx, r->bytes);
}

static int
keep_manifest(struct run *r, const char *p, size_t n, struct err *e)
{
	if (r->manifest.size + n > MANIFEST_MAX)
		return err_set(e, ERR_CORRUPT, "%s: " MANIFEST ": too long", r->pg->what);
	return spool_add(&r->manifest, p, n, e);
}

static void
tablespace_prefix(char out[PREFIX_MAX], uint32_t oid)
{
	(void)snprintf(out, PREFIX_MAX, "pg_tblspc/%" PRIu32 "/", oid);	/* fits any oid */
}

/* ---- up to 14: one COPY for each archive, then one for the manifest ---- */

/* tar_source: the messages are the archive (without its trailer, which nobody misses). */
static int
old_next(void *ctx, const void **p, size_t *n, struct err *e)
{
	struct run *r = ctx;
	int got;

	do
		got = next_message(r, e);
	while (got == 1 && r->len == 0);
	if (got == 1) {
		*p = r->row;
		*n = r->len;
		count(r, *n);
	}
	return got;
}

/* The result at hand must begin a COPY. */
static int
begin_copy(struct run *r, struct err *e)
{
	int ok;

	if (r->res == NULL && (r->res = expect(r->pg, &r->wait, PGRES_COPY_OUT, e)) == NULL)
		return -1;
	ok = PQresultStatus(r->res) == PGRES_COPY_OUT;
	PQclear(r->res);
	r->res = NULL;
	return ok ? 0 : unexpected(r->pg, e);
}

static int
old_stream(struct run *r, const struct pg_sink *sink, struct err *e)
{
	const struct tar_source src = { old_next, r };
	char prefix[PREFIX_MAX];
	int i, n;

	for (i = 0; i <= r->b->ntablespaces; i++) {
		prefix[0] = '\0';
		if (i < r->b->ntablespaces)
			tablespace_prefix(prefix, r->b->tablespaces[i].oid);
		if (begin_copy(r, e) != 0 || tar_stream(&src, prefix, sink, e) != 0)
			return -1;
	}
	if (begin_copy(r, e) != 0)
		return -1;
	while ((n = next_message(r, e)) == 1)
		if (keep_manifest(r, r->row, r->len, e) != 0)
			return -1;
	return n;
}

/* ---- from 15: one COPY, whose messages begin with what they are ---- */

/* tar_source: data up to a message of another kind, which is held; progress is passed over. */
static int
new_next(void *ctx, const void **p, size_t *n, struct err *e)
{
	struct run *r = ctx;
	int got;

	if (r->held)
		return 0;
	while ((got = next_message(r, e)) == 1) {
		if (r->row[0] == 'd' && r->len > 1) {
			*p = r->row + 1;
			*n = r->len - 1;
			count(r, *n);
			return 1;
		}
		if (r->row[0] != 'p' && r->row[0] != 'd') {
			r->held = 1;
			return 0;
		}
	}
	return got;
}

/*
 * "base.tar", or "<oid>.tar" of a tablespace that was announced.  libpq ends each
 * message with a NUL.
 */
static int
archive_prefix(struct run *r, char prefix[PREFIX_MAX], struct err *e)
{
	const char *name = r->row + 1;
	char want[16];
	int i;

	prefix[0] = '\0';
	if (strcmp(name, "base.tar") == 0)
		return 0;
	for (i = 0; i < r->b->ntablespaces; i++) {
		(void)snprintf(want, sizeof(want), "%" PRIu32 ".tar",
		    r->b->tablespaces[i].oid);	/* fits any oid */
		if (strcmp(name, want) == 0) {
			tablespace_prefix(prefix, r->b->tablespaces[i].oid);
			return 0;
		}
	}
	return err_set(e, ERR_CORRUPT, "%s: BASE_BACKUP: unknown archive \"%.40s\"",
	    r->pg->what, name);
}

static int
new_manifest(struct run *r, struct err *e)
{
	const void *p;
	size_t n;
	int got;

	while ((got = new_next(r, &p, &n, e)) == 1)
		if (keep_manifest(r, p, n, e) != 0)
			return -1;
	return got;
}

static int
new_stream(struct run *r, const struct pg_sink *sink, struct err *e)
{
	const struct tar_source src = { new_next, r };
	char prefix[PREFIX_MAX];
	int got;

	if (begin_copy(r, e) != 0)
		return -1;
	while ((got = r->held ? 1 : next_message(r, e)) == 1) {
		r->held = 0;
		if (r->row[0] == 'p')
			continue;
		if (r->row[0] == 'n') {
			if (archive_prefix(r, prefix, e) != 0 ||
			    tar_stream(&src, prefix, sink, e) != 0)
				return -1;
		} else if (r->row[0] != 'm')
			return unexpected(r->pg, e);
		else if (new_manifest(r, e) != 0)
			return -1;
	}
	return got;
}

/* ---- the end ---- */

/* The server names the broken pages in warnings, before it fails the command. */
static void
gather_warning(void *ctx, const PGresult *res)
{
	struct run *r = ctx;
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

	if (text != NULL && r->warnings.len < sizeof(r->b->broken_text))
		buf_fmt(&r->warnings, "%s%s", r->warnings.len > 0 ? "; " : ": ", text);
}

static void
set_broken(struct run *r, const PGresult *res)
{
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

	r->b->broken_pages = 1;
	(void)snprintf(r->b->broken_text, sizeof(r->b->broken_text), "%s%s",
	    text != NULL ? text : "", buf_cstr(&r->warnings));	/* as many pages as fit */
}

/* The end position, then success, or the failure by which broken pages are told. */
static int
finish(struct run *r, struct err *e)
{
	const char *state;
	PGresult *res;
	int ok = 0;

	res = r->res;
	r->res = NULL;
	if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == 1 &&
	    PQnfields(res) >= 2)
		ok = lsn_parse(PQgetvalue(res, 0, 0), &r->b->stop) == 0 &&
		    pg_parse_u32(PQgetvalue(res, 0, 1), &r->b->stop_timeline) == 0;
	PQclear(res);
	if (!ok)
		return unexpected(r->pg, e);
	while ((ok = pg_await_result(r->pg, &r->wait, &res, e)) == 0 && res != NULL) {
		state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
		if (state != NULL && pg_state_kind(state) == ERR_CORRUPT)
			set_broken(r, res);
		else if (PQresultStatus(res) != PGRES_COMMAND_OK)
			ok = pg_error(r->pg, res, "BASE_BACKUP", e);
		PQclear(res);
		if (ok != 0)
			return -1;
	}
	return ok;
}

static int
push_manifest(struct run *r, const struct pg_sink *sink, struct err *e)
{
	struct pg_file f = { .type = PG_FILE_REGULAR, .path = MANIFEST, .mode = 0600 };

	if (r->manifest.size == 0)
		return err_set(e, ERR_CORRUPT, "%s: BASE_BACKUP: no " MANIFEST, r->pg->what);
	f.mtime = clock_now();
	f.size = r->manifest.size;
	if (sink->file(sink->ctx, &f, e) != 0 ||
	    spool_replay(&r->manifest, sink->data, sink->ctx, e) != 0)
		return -1;
	return sink->end(sink->ctx, e);
}

int
pg_backup_run(struct pg *pg, struct pg_backup *b, const struct pg_sink *sink,
    void (*progress)(void *pctx, uint64_t bytes), void *pctx, int (*stop)(void),
    struct err *e)
{
	struct run r = { .pg = pg, .b = b, .wait = { stop, 0 }, .progress = progress,
		.pctx = pctx, .manifest = SPOOL_INIT, .warnings = BUF_INIT };
	PQnoticeReceiver before = PQsetNoticeReceiver(pg->c, gather_warning, &r);
	int n;

	n = pg->version >= 150000 ? new_stream(&r, sink, e) : old_stream(&r, sink, e);
	if (n == 0 && (n = finish(&r, e)) == 0)
		n = push_manifest(&r, sink, e);
	PQsetNoticeReceiver(pg->c, before, NULL);
	PQfreemem(r.row);
	PQclear(r.res);
	spool_free(&r.manifest);
	buf_free(&r.warnings);
	return n;
}
