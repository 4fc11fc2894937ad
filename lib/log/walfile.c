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

/* The snapshot's part: *valid bytes from the start on. */
static int
add_file(const struct walfile_source *w, uint64_t start, struct buf *out, uint64_t *valid,
    struct err *e)
{
	const struct catalog_snapshot *s = w->snapshot;
	uint64_t n = s->stop > start ? s->stop - start : 0;
	char name[WAL_NAME], *path;
	size_t got;
	int fd, rc;

	if (w->wal_dir == NULL || n == 0)
		return 0;
	if (n > out->len)
		n = out->len;
	wal_segment_name(name, s->timeline, start, s->segment_size);
	if ((path = io_path(w->wal_dir, name, e)) == NULL)
		return -1;
	if ((fd = io_open(path, O_RDONLY | O_NOFOLLOW, 0, e)) < 0) {
		free(path);
		if (e->kind != ERR_NOTFOUND)
			return -1;
		err_clear(e);
		return 0;
	}
	rc = io_read_full(fd, out->data, (size_t)n, &got, path, e);
	(void)close(fd);	/* only read from */
	free(path);
	*valid = got;
	return rc;
}

/* The log's part, over the snapshot's: *valid grows when it joins what is there. */
static int
add_log(const struct walfile_source *w, uint32_t timeline, uint64_t start, struct buf *out,
    uint64_t *valid, struct err *e)
{
	uint64_t from = start, end = start + out->len, stop = timeline_end(w->path, timeline);
	size_t got;

	if (!touches(w->path, timeline, start, end))
		return 0;
	if (w->path->at[0].from > from)
		from = w->path->at[0].from;
	if (stop < end)
		end = stop;
	if (from > start + *valid)
		return 0;
	if (log_read(w->reader, from, out->data + (from - start), (size_t)(end - from), &got, e) < 0)
		return -1;
	if (from + got > start + *valid)
		*valid = from + got - start;
	return 0;
}

/* A segment that is shorter than it should be would make the server wait for ever. */
static int
check_whole(const struct walfile_source *w, uint32_t timeline, uint64_t start, uint64_t valid,
    struct err *e)
{
	uint64_t end = start + w->snapshot->segment_size;
	char at[LSN_TEXT];

	if (end > walfile_end(w))
		end = walfile_end(w);
	if (timeline != walfile_timeline(w, start) || start + valid >= end)
		return 0;
	return err_set(e, ERR_CORRUPT, "no WAL is held from %s on", lsn_format(at, start + valid));
}

static int
merge(const struct walfile_source *w, uint32_t timeline, uint64_t start, struct buf *out,
    uint64_t *valid, struct err *e)
{
	uint64_t end = start + out->len;

	if (timeline == w->snapshot->timeline || touches(w->path, timeline, start, end))
		if (add_file(w, start, out, valid, e) < 0)
			return -1;
	if (add_log(w, timeline, start, out, valid, e) < 0)
		return -1;
	return check_whole(w, timeline, start, *valid, e);
}

int
walfile_segment(const struct walfile_source *w, uint32_t timeline, uint64_t start,
    struct buf *out, struct err *e)
{
	uint32_t size = w->snapshot->segment_size;
	char name[WAL_NAME];
	uint64_t valid = 0;

	if (start >= walfile_end(w))
		return 0;
	buf_reset(out);
	if (buf_reserve(out, size) < 0)
		return buf_check(out, e);
	out->len = size;
	memset(out->data, 0, size);
	if (merge(w, timeline, start, out, &valid, e) < 0)
		return err_context(e, "WAL segment %s",
		    wal_segment_name(name, timeline, start, size));
	return valid > 0;
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
