/*
 * One WAL segment or history file for a recovering server, merged from the
 * snapshot's own WAL and the log.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log/fetch.h"

/* The bytes of path that belong to timeline t or its ancestors end here. */
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

/* Does timeline t itself write into this segment? */
static int
timeline_touches(const struct log_path *path, uint32_t t, uint64_t start, uint64_t end)
{
	int i;

	for (i = 0; i < path->n; i++)
		if (path->at[i].stream->timeline == t && path->at[i].from < end &&
		    path->at[i].to > start)
			return 1;
	return 0;
}

/* Overlay the log's part of the segment; *valid grows when it joins what is there. */
static int
add_log(struct log_reader *l, const struct log_path *path, uint32_t timeline, uint64_t start,
    struct buf *out, uint64_t *valid, struct err *e)
{
	uint64_t from = start, end = start + out->len, stop = timeline_end(path, timeline);
	size_t got;

	if (path->n == 0 || !timeline_touches(path, timeline, start, end))
		return 0;
	if (path->at[0].from > from)
		from = path->at[0].from;
	if (stop < end)
		end = stop;
	if (from >= end || from > start + *valid)
		return 0;
	if (log_read(l, from, out->data + (from - start), (size_t)(end - from), &got, e) < 0)
		return -1;
	if (from + got > start + *valid)
		*valid = from + got - start;
	return 0;
}

/* The snapshot's copy; its padding, zeros at the end, is not counted. */
static int
add_file(const char *dir, const char *name, struct buf *out, uint64_t *valid, struct err *e)
{
	char *path;
	size_t got;
	int fd, rc;

	if ((path = io_path(dir, name, e)) == NULL)
		return -1;
	if ((fd = io_open(path, O_RDONLY, 0, e)) < 0) {
		free(path);
		if (e->kind != ERR_NOTFOUND)
			return -1;
		err_clear(e);
		return 0;
	}
	rc = io_read_full(fd, out->data, out->len, &got, path, e);
	(void)close(fd);	/* only read from */
	free(path);
	while (rc == 0 && got > 0 && out->data[got - 1] == 0)
		got--;
	*valid = got;
	return rc;
}

int
fetch_segment(struct log_reader *l, const struct log_path *path, const char *wal_dir,
    uint32_t timeline, uint64_t start, uint32_t segment_size, struct buf *out, uint64_t *valid,
    struct err *e)
{
	char name[WAL_NAME];

	*valid = 0;
	buf_reset(out);
	if (buf_reserve(out, segment_size) < 0)
		return buf_check(out, e);
	out->len = segment_size;
	memset(out->data, 0, out->len);
	wal_segment_name(name, timeline, start, segment_size);
	if (wal_dir != NULL && add_file(wal_dir, name, out, valid, e) < 0)
		return err_context(e, "WAL segment %s", name);
	if (add_log(l, path, timeline, start, out, valid, e) < 0)
		return err_context(e, "WAL segment %s", name);
	return *valid > 0;
}

/* The newest mention of a timeline: histories of snapshots and logs say the same of it. */
static const struct wal_history *
find_history(const struct catalog *c, const char *source, uint32_t timeline)
{
	const struct wal_history *h = NULL;
	size_t i;

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
fetch_history(const struct catalog *c, const char *source, uint32_t timeline, struct buf *out,
    struct err *e)
{
	const struct wal_history *h = find_history(c, source, timeline);
	char lsn[LSN_TEXT];
	int i;

	if (h == NULL || h->n == 0)
		return 0;
	for (i = 0; i < h->n; i++)
		buf_fmt(out, "%" PRIu32 "\t%s\tbulkhead\n", h->at[i].timeline,
		    lsn_format(lsn, h->at[i].end));
	return buf_check(out, e) < 0 ? -1 : 1;
}
