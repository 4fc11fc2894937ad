/*
 * Where logship begins: what the repository holds of a source's log.
 */
#include "log/resume.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seal/sealed.h"

static struct resume_stream *
find_stream(struct resume_held *h, const char *name)
{
	size_t i;

	for (i = 0; i < h->n; i++)
		if (strcmp(h->streams[i].name, name) == 0)
			return &h->streams[i];
	return NULL;
}

static struct resume_stream *
add_stream(struct resume_held *h, const struct catalog_log *log, struct err *e)
{
	struct resume_stream *s = find_stream(h, log->stream), *grown;

	if (s != NULL)
		return s;
	if ((grown = realloc(h->streams, (h->n + 1) * sizeof(*grown))) == NULL) {
		(void)err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	h->streams = grown;
	s = &h->streams[h->n++];
	memset(s, 0, sizeof(*s));
	memcpy(s->name, log->stream, sizeof(s->name));
	memcpy(s->parent, log->parent, sizeof(s->parent));
	s->timeline = log->timeline;
	s->history = *log->history;
	s->start = log->start;
	return s;
}

/* Walk whole frames; each must begin where the one before ended. */
static int
walk_frames(struct seal_walk *w, struct log_after *end, int64_t *time, struct err *e)
{
	struct seal_frame f;
	int rc;

	while ((rc = seal_walk_next(w, &f, e)) > 0 && f.position == end->position) {
		end->position += (f.flags & SEAL_META) != 0 ? 0 : f.raw;
		end->frames = f.number + 1;
		end->bytes = w->at;
		if ((f.flags & SEAL_META) == 0 && (int64_t)f.time > *time)
			*time = (int64_t)f.time;
	}
	/* What is no frame is not counted: damage is verify's to name. */
	if (rc < 0 && e->kind == ERR_CORRUPT) {
		err_clear(e);
		rc = 0;
	}
	return rc < 0 ? -1 : 0;
}

/* The end of an unclosed file: from its last mark on, or from its beginning. */
static int
measure(struct repo *r, const struct io_source *src, const struct catalog_log *log,
    struct log_after *end, int64_t *time, struct err *e)
{
	struct seal_walk w;
	struct seal *seal;
	uint64_t at;
	int rc;

	if (log->frames > 0 && src->size >= log->bytes) {
		end->frames = log->frames;
		end->bytes = log->bytes;
		end->position = log->position;
		*time = log->time;
		seal_walk_begin(&w, src, log->bytes, 1);
		w.number = log->frames;
	} else {
		seal = seal_open(src, SEAL_LOG, repo_id(r), NULL, NULL, &at, e);
		if (seal == NULL)
			return -1;
		seal_free(seal);
		end->bytes = at;
		seal_walk_begin(&w, src, at, 1);
	}
	rc = walk_frames(&w, end, time, e);
	seal_walk_end(&w);
	return rc;
}

/* Where the file opened last in its stream ends, by what is there. */
static int
find_end(struct repo *r, const struct catalog_log *log, struct report *report,
    struct log_after *end, int64_t *time, struct err *e)
{
	char name[STREAM_NAME_MAX + LOG_NAME_MAX];
	struct repo_object *o;
	struct err bad = ERR_INIT;
	int rc;

	memset(end, 0, sizeof(*end));
	memcpy(end->file, log->file, sizeof(end->file));
	end->position = log->start;
	*time = 0;
	if (log->closed) {
		end->frames = log->frames;
		end->bytes = log->bytes;
		end->position = log->position;
		*time = log->time;
		return 0;
	}
	(void)snprintf(name, sizeof(name), "%s/%s", log->stream, log->file);	/* fits */
	if ((o = repo_get(r, REPO_LOG, log->source, name, &bad)) == NULL)
		rc = -1;
	else
		rc = measure(r, repo_object_source(o), log, end, time, &bad);
	repo_object_free(o);
	if (rc < 0 && bad.kind != ERR_NOTFOUND && bad.kind != ERR_CORRUPT) {
		*e = bad;
		return -1;
	}
	if (rc < 0)
		report_warn(report, "log %s: %s; what it held is shipped again if the server "
		    "still has it", name, bad.msg);
	else if (end->position < log->position)
		report_warn(report, "log %s is shorter than was signed; what is missing is"
		    " shipped again if the server still has it", name);
	return 0;
}

/* One file, in order of opening; the last file's end is measured later. */
static void
enter_file(struct resume_stream *s, const struct catalog_log *log)
{
	uint64_t end = log->position;

	if (log->start < s->start)
		s->start = log->start;
	s->opened = log->seq;
	/* The file before ended where this one's opener found it. */
	if (log->after_file[0] != '\0' && log->after_position > s->end)
		s->end = log->after_position;
	if (log->closed && end > s->end)
		s->end = end;
	if (log->time > s->time)
		s->time = log->time;
	if (log->has_tail) {
		s->mark.from = tail_from(log->position, log->segment_size);
		s->mark.position = log->position;
		memcpy(s->mark.digest, log->tail, sizeof(s->mark.digest));
	}
}

int
resume_load(struct repo *r, const char *source, struct report *report,
    struct resume_held *out, struct err *e)
{
	const struct catalog *c = repo_catalog(r);
	const struct catalog_source *src = catalog_source(c, source);
	const struct catalog_log *log;
	struct resume_stream *s;
	int64_t time;
	size_t i;

	memset(out, 0, sizeof(*out));
	if (src == NULL)
		return err_set(e, ERR_NOTFOUND, "no source %s", source);
	out->system_id = src->system_id;
	for (i = 0; i < c->nlogs; i++) {
		if (strcmp(c->logs[i].source, source) != 0)
			continue;
		if ((s = add_stream(out, &c->logs[i], e)) == NULL)
			goto fail;
		enter_file(s, &c->logs[i]);
	}
	for (i = 0; i < out->n; i++) {
		s = &out->streams[i];
		for (log = &c->logs[c->nlogs - 1]; log->seq != s->opened; log--)
			continue;
		if (find_end(r, log, report, &s->last, &time, e) < 0)
			goto fail;
		if (s->last.position > s->end)
			s->end = s->last.position;
		if (time > s->time)
			s->time = time;
	}
	return 0;
fail:
	resume_held_free(out);
	return -1;
}

void
resume_held_free(struct resume_held *h)
{
	free(h->streams);
	memset(h, 0, sizeof(*h));
}
