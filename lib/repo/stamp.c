/*
 * The stamp that a restored copy carries.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/io.h"
#include "base/text.h"
#include "repo/source.h"
#include "repo/stamp.h"

#define STAMP_MAX 8192

static char *
stamp_path(const char *target, struct err *e)
{
	return io_path(target, "bulkhead/stamp", e);
}

static int
bad(const struct text_lines *t, struct err *e)
{
	return err_set(e, ERR_CORRUPT, "%s: line %d: bad value", t->name, t->line);
}

static int
read_origin(struct text_lines *t, struct stamp *s, struct err *e)
{
	char value[3 * sizeof(s->url)], url[3 * sizeof(s->url)];

	if (text_line(t, "bulkhead stamp", value, sizeof(value), e) != 0 ||
	    strcmp(value, "1") != 0)
		return err_set(e, ERR_CORRUPT, "%s: not a stamp", t->name);
	if (text_line_hex(t, "repository", s->repo, 32, e) != 0 ||
	    text_line(t, "url", value, sizeof(value), e) != 0)
		return -1;
	if (text_decode(url, value, strlen(value)) != 0 || strlen(url) >= sizeof(s->url))
		return bad(t, e);
	memcpy(s->url, url, strlen(url) + 1);
	if (text_line(t, "source", s->source, sizeof(s->source), e) != 0)
		return -1;
	if (!source_name_ok(s->source))
		return bad(t, e);
	if (text_line(t, "snapshot", s->snapshot, sizeof(s->snapshot), e) != 0)
		return -1;
	return text_name_ok(s->snapshot, sizeof(s->snapshot)) ? 0 : bad(t, e);
}

static int
read_progress(struct text_lines *t, struct stamp *s, struct err *e)
{
	uint8_t environment[16];
	uint64_t complete, released;
	char value[CLOCK_TEXT];

	if (text_line_hex(t, "environment", environment, sizeof(environment), e) != 0 ||
	    text_line(t, "restored", value, sizeof(value), e) != 0)
		return -1;
	hex_encode(s->environment_id, environment, sizeof(environment));
	if (text_time(value, &s->restored) != 0)
		return bad(t, e);
	if (text_line_u64(t, "complete", 1, &complete, e) != 0 ||
	    text_line(t, "replayed", value, sizeof(value), e) != 0)
		return -1;
	if (lsn_parse(value, &s->replayed) != 0)
		return bad(t, e);
	if (text_line(t, "stream", s->stream, sizeof(s->stream), e) != 0)
		return -1;
	if (strcmp(s->stream, "-") == 0)
		s->stream[0] = '\0';
	else if (!text_name_ok(s->stream, sizeof(s->stream)))
		return bad(t, e);
	if (text_line_u64(t, "released", 1, &released, e) != 0)
		return -1;
	s->complete = (int)complete;
	s->released = (int)released;
	return text_end(t, e);
}

int
stamp_read(const char *target, struct stamp *s, struct err *e)
{
	char *path = stamp_path(target, e);
	struct buf b = BUF_INIT;
	struct text_lines t;
	int r;

	if (path == NULL)
		return -1;
	memset(s, 0, sizeof(*s));
	r = io_read_file(path, STAMP_MAX, &b, e);
	if (r == 0) {
		text_begin(&t, (const char *)b.data, b.len, path);
		r = read_origin(&t, s, e) == 0 ? read_progress(&t, s, e) : -1;
	} else if (e->kind == ERR_NOTFOUND) {
		err_set(e, ERR_NOTFOUND, "%s: not a restored copy (it has no bulkhead/stamp)",
		    target);
		err_hint(e, "make one with restore");
	}
	buf_free(&b);
	free(path);
	return r;
}

static void
encode(struct buf *b, const struct stamp *s)
{
	char hex[65], time[CLOCK_TEXT], lsn[LSN_TEXT];

	buf_fmt(b, "bulkhead stamp 1\nrepository %s\nurl ", hex_encode(hex, s->repo, 32));
	text_encode(b, s->url);
	buf_fmt(b, "\nsource %s\nsnapshot %s\nenvironment %s\n", s->source, s->snapshot,
	    s->environment_id);
	buf_fmt(b, "restored %s\ncomplete %d\n", clock_format(time, s->restored),
	    s->complete != 0);
	buf_fmt(b, "replayed %s\nstream %s\nreleased %d\n", lsn_format(lsn, s->replayed),
	    s->stream[0] != '\0' ? s->stream : "-", s->released != 0);
}

int
stamp_write(const char *target, const struct stamp *s, struct err *e)
{
	char *path = stamp_path(target, e);
	struct buf b = BUF_INIT;
	int r;

	if (path == NULL)
		return -1;
	encode(&b, s);
	r = buf_check(&b, e);
	if (r == 0)
		r = io_write_file(path, b.data, b.len, 0600, e);
	buf_free(&b);
	free(path);
	return r;
}
