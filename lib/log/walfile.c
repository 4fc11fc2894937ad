/*
 * One WAL segment or history file for a recovering server, merged from the
 * snapshot's own WAL and the log.
 */
#include "log/walfile.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE (256u << 10)	/* bytes on their way through memory: they stay in the CPU's cache */

void
walfile_cut(struct log_path *out, const struct log_path *path, const struct catalog_snapshot *s,
    uint64_t stop)
{
	*out = *path;
	out->hole = 0;
	while (out->n > 0 && out->at[out->n - 1].from >= stop)
		out->n--;
	if (out->n > 0 && out->at[out->n - 1].to > stop)
		out->at[out->n - 1].to = stop;
	out->timeline = out->n > 0 ? out->at[out->n - 1].stream->timeline : s->timeline;
	out->end = out->n > 0 ? out->at[out->n - 1].to : s->stop;
}

uint64_t
walfile_end(const struct walfile_source *w)
{
	return w->path->n > 0 ? w->path->end : w->snapshot->stop;
}

/* Does the log of timeline t have bytes in [start, end)? */
static int
touches(const struct log_path *path, uint32_t t, uint64_t start, uint64_t end)
{
	int i;

	for (i = 0; i < path->n; i++)
		if (path->at[i].stream->timeline == t && path->at[i].from < end &&
		    path->at[i].to > start)
			return 1;
	return 0;
}

uint32_t
walfile_timeline(const struct walfile_source *w, uint64_t start)
{
	const struct log_path *p = w->path;
	uint64_t end = start + w->snapshot->segment_size;
	int i;

	for (i = p->n - 1; i >= 0; i--)
		if (p->at[i].from < end && p->at[i].to > start)
			return p->at[i].stream->timeline;
	return w->snapshot->timeline;
}

/* Where the log of timeline t and its ancestors ends. */
static uint64_t
timeline_end(const struct log_path *path, uint32_t t)
{
	uint64_t end = 0;
	int i;

	for (i = 0; i < path->n; i++)
		if (path->at[i].stream->timeline <= t)
			end = path->at[i].to;
	return end;
}

/* A segment on its way into its file, a piece at a time. */
struct segment {
	const struct walfile_source *from;
	uint32_t timeline;
	uint64_t start, end;
	uint64_t valid;		/* up to this position it is in the file */
	int fd;
	const char *name;	/* the file's, for messages */
	uint8_t *piece;		/* PIECE bytes */
};

static size_t
piece_of(uint64_t from, uint64_t to)
{
	return to - from < PIECE ? (size_t)(to - from) : PIECE;
}

/* n bytes of the piece are those from position `at` on; valid grows with them. */
static int
put_piece(struct segment *g, uint64_t at, size_t n, struct err *e)
{
	if (io_pwrite_all(g->fd, g->piece, n, at - g->start, g->name, e) < 0)
		return -1;
	if (at + n > g->valid)
		g->valid = at + n;
	return 0;
}

/* The file up to a position, or as much as there is of it. */
static int
copy_file(struct segment *g, int fd, uint64_t to, const char *path, struct err *e)
{
	size_t got;

	while (g->valid < to) {
		if (io_read_full(fd, g->piece, piece_of(g->valid, to), &got, path, e) < 0)
			return -1;
		if (got == 0)
			break;
		if (put_piece(g, g->valid, got, e) < 0)
			return -1;
	}
	return 0;
}

/* The snapshot's part. */
static int
add_file(struct segment *g, struct err *e)
{
	const struct catalog_snapshot *s = g->from->snapshot;
	char name[WAL_NAME], *path;
	int fd, rc;

	if (g->from->wal_dir == NULL || s->stop <= g->start)
		return 0;
	wal_segment_name(name, s->timeline, g->start, s->segment_size);
	if ((path = io_path(g->from->wal_dir, name, e)) == NULL)
		return -1;
	if ((fd = io_open(path, O_RDONLY | O_NOFOLLOW, 0, e)) < 0) {
		free(path);
		if (e->kind != ERR_NOTFOUND)
			return -1;
		err_clear(e);
		return 0;
	}
	rc = copy_file(g, fd, s->stop < g->end ? s->stop : g->end, path, e);
	(void)close(fd);	/* only read from */
	free(path);
	return rc;
}

/* The log's part, over the snapshot's, when it joins what is there. */
static int
add_log(struct segment *g, struct err *e)
{
	const struct log_path *path = g->from->path;
	uint64_t at = g->start, stop = timeline_end(path, g->timeline);
	size_t got;

	if (!touches(path, g->timeline, g->start, g->end))
		return 0;
	if (path->at[0].from > at)
		at = path->at[0].from;
	if (stop > g->end)
		stop = g->end;
	if (at > g->valid)
		return 0;
	for (; at < stop; at += got) {
		if (log_read(g->from->reader, at, g->piece, piece_of(at, stop), &got, e) < 0)
			return -1;
		if (got == 0)
			break;
		if (put_piece(g, at, got, e) < 0)
			return -1;
	}
	return 0;
}

/* A segment that is shorter than it should be would make the server wait for ever. */
static int
check_whole(const struct segment *g, struct err *e)
{
	uint64_t end = walfile_end(g->from) < g->end ? walfile_end(g->from) : g->end;
	char at[LSN_TEXT];

	if (g->timeline != walfile_timeline(g->from, g->start) || g->valid >= end)
		return 0;
	return err_set(e, ERR_CORRUPT, "no WAL is held from %s on", lsn_format(at, g->valid));
}

/* Zeros that are written, not a hole: the server may use the file again. */
static int
pad(struct segment *g, struct err *e)
{
	memset(g->piece, 0, PIECE);
	while (g->valid < g->end)
		if (put_piece(g, g->valid, piece_of(g->valid, g->end), e) < 0)
			return -1;
	return 0;
}

/* 1, 0 when there is nothing of it, -1. */
static int
merge(struct segment *g, struct err *e)
{
	const struct walfile_source *w = g->from;

	if (g->timeline == w->snapshot->timeline ||
	    touches(w->path, g->timeline, g->start, g->end))
		if (add_file(g, e) < 0)
			return -1;
	if (add_log(g, e) < 0 || check_whole(g, e) < 0)
		return -1;
	if (g->valid == g->start)
		return 0;
	return pad(g, e) < 0 ? -1 : 1;
}

int
walfile_segment(const struct walfile_source *w, uint32_t timeline, uint64_t start, int fd,
    const char *name, struct err *e)
{
	uint32_t size = w->snapshot->segment_size;
	struct segment g = { .from = w, .timeline = timeline, .start = start, .end = start + size,
		.valid = start, .fd = fd, .name = name };
	char segment[WAL_NAME];
	int rc;

	if (start >= walfile_end(w))
		return 0;
	if ((g.piece = malloc(PIECE)) == NULL)
		return err_sys(e, ERR_SYSTEM, "WAL segment");
	rc = merge(&g, e);
	free(g.piece);
	if (rc < 0)
		err_context(e, "WAL segment %s", wal_segment_name(segment, timeline, start, size));
	return rc;
}

int
walfile_segment_in(const struct walfile_source *w, uint32_t timeline, uint64_t start,
    const char *dir, int *fd, struct err *e)
{
	int rc;

	if ((*fd = io_open_nameless(dir, 0600, e)) < 0)
		return -1;
	if ((rc = walfile_segment(w, timeline, start, *fd, dir, e)) <= 0) {
		(void)close(*fd);	/* nothing of it is wanted */
		*fd = -1;
	}
	return rc;
}

/* What a timeline came from, as this path sees it; else as the newest statement says. */
static const struct wal_history *
find_history(const struct walfile_source *w, const struct catalog *c, uint32_t timeline)
{
	const struct log_path *p = w->path;
	const struct wal_history *h =
	    p->n > 0 ? &p->at[p->n - 1].stream->history : w->snapshot->history;
	const char *source = w->snapshot->source;
	uint64_t end;
	size_t i;

	if (wal_history_has(h, timeline, &end))
		return h;
	h = NULL;
	for (i = 0; i < c->nsnapshots; i++)
		if (strcmp(c->snapshots[i].source, source) == 0 &&
		    c->snapshots[i].timeline == timeline)
			h = c->snapshots[i].history;
	for (i = 0; i < c->nlogs; i++)
		if (strcmp(c->logs[i].source, source) == 0 && c->logs[i].timeline == timeline)
			h = c->logs[i].history;
	return h;
}

int
walfile_history(const struct walfile_source *w, const struct catalog *c, uint32_t timeline,
    struct buf *out, struct err *e)
{
	const struct wal_history *h = find_history(w, c, timeline);
	char lsn[LSN_TEXT];
	int i;

	buf_reset(out);
	for (i = 0; h != NULL && i < h->n && h->at[i].timeline < timeline; i++)
		buf_fmt(out, "%" PRIu32 "\t%s\tbulkhead\n", h->at[i].timeline,
		    lsn_format(lsn, h->at[i].end));
	if (buf_check(out, e) < 0)
		return -1;
	return out->len > 0;
}
