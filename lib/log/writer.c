/*
 * Writing one log file: frames of WAL sealed and appended, and the statements
 * that vouch for them.
 */
#include "log/writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct log_writer {
	struct repo *repo;
	const struct source *src;
	struct repo_log *log;
	struct seal *seal;
	struct seal_ctx *ctx;
	struct buf out;			/* frames on their way */
	char stream[STREAM_NAME_MAX], file[LOG_NAME_MAX];
	uint64_t number;		/* of the next frame */
	uint64_t frames, bytes, position;	/* durable */
	uint64_t marked;		/* frames in the last mark */
	int64_t opened, time;
};

/* The text of frame 0; see bulkhead-repository(5). */
static int
meta_text(struct buf *b, const struct log_stream_info *info, uint64_t start, struct err *e)
{
	char lsn[LSN_TEXT];

	buf_str(b, "bulkhead log 1\nengine postgresql\n");
	buf_fmt(b, "version %d\n", info->version);
	buf_fmt(b, "system %" PRIu64 "\n", info->system_id);
	buf_fmt(b, "timeline %" PRIu32 "\n", info->timeline);
	buf_fmt(b, "segsize %" PRIu32 "\n", info->segment_size);
	buf_fmt(b, "stream %s\n", info->stream);
	if (info->parent[0] != '\0')
		buf_fmt(b, "parent %s\n", info->parent);
	buf_fmt(b, "start %s\n", lsn_format(lsn, start));
	buf_fmt(b, "history %zu\n", info->history_file.len);
	buf_add(b, info->history_file.data, info->history_file.len);
	if (buf_check(b, e) < 0)
		return -1;
	if (b->len > SEAL_RAW_MAX)
		return err_set(e, ERR_CONFIG, "the history file of timeline %" PRIu32
		    " is too long: %zu bytes", info->timeline, info->history_file.len);
	return 0;
}

/* Seal one frame behind those in w->out. */
static int
add_frame(struct log_writer *w, uint32_t flags, uint64_t position, int64_t time,
    const void *raw, size_t n, struct err *e)
{
	struct seal_frame f;

	memset(&f, 0, sizeof(f));
	f.number = w->number;
	f.raw = (uint32_t)n;
	f.flags = flags;
	f.position = position;
	f.time = (uint64_t)time;
	/* The number is used up in any case: never two ciphertexts with one. */
	w->number++;
	return seal_frame(w->seal, w->ctx, &f, raw, &w->out, e);
}

/* Append what w->out holds, and sync.  Then n more bytes of log are durable. */
static int
flush(struct log_writer *w, size_t n, struct err *e)
{
	if (buf_check(&w->out, e) < 0)
		return -1;
	if (repo_log_append(w->log, w->out.data, w->out.len, e) < 0)
		return -1;
	w->bytes += w->out.len;
	w->frames = w->number;
	w->position += n;
	buf_reset(&w->out);
	return 0;
}

static int
open_statement(struct log_writer *w, const struct log_stream_info *info, uint64_t start,
    const struct log_after *after, struct err *e)
{
	const struct key_secret *keys[1];
	struct statement *st;
	char lsn[LSN_TEXT], history[WAL_HISTORY_MAX * 32];
	uint8_t hash[32];
	int rc;

	if (wal_history_encode(&info->history, history, sizeof(history)) < 0)
		return err_set(e, ERR_BUG, "the history of timeline %" PRIu32 " has no text",
		    info->timeline);
	if ((st = statement_new(ST_LOG_OPEN, e)) == NULL)
		return -1;
	seal_hash_of(hash, seal_preamble(w->seal)->data, seal_preamble(w->seal)->len);
	statement_add(st, "source", w->src->name);
	statement_add(st, "stream", w->stream);
	statement_add(st, "file", w->file);
	statement_add(st, "engine", "postgresql");
	statement_add_fmt(st, "version", "%d", info->version);
	statement_add_fmt(st, "system", "%" PRIu64, info->system_id);
	statement_add_fmt(st, "timeline", "%" PRIu32, info->timeline);
	statement_add(st, "start", lsn_format(lsn, start));
	statement_add_fmt(st, "segsize", "%" PRIu32, info->segment_size);
	statement_add(st, "history", history);
	statement_add_hex(st, "preamble", hash, sizeof(hash));
	if (info->parent[0] != '\0')
		statement_add(st, "parent", info->parent);
	if (after->file[0] != '\0') {
		statement_add(st, "after", after->file);
		statement_add_fmt(st, "after-frames", "%" PRIu64, after->frames);
		statement_add_fmt(st, "after-bytes", "%" PRIu64, after->bytes);
		statement_add(st, "after-position", lsn_format(lsn, after->position));
	}
	keys[0] = w->src->writer;
	rc = repo_commit(w->repo, st, keys, 1, e);
	statement_free(st);
	return rc;
}

/* The file with its preamble, its statement, and frame 0. */
static int
open_file(struct log_writer *w, struct repo_session *s, const struct log_stream_info *info,
    uint64_t start, const struct log_after *after, const struct buf *meta, struct err *e)
{
	const struct buf *preamble;
	char name[SEAL_NAME_MAX];

	(void)snprintf(name, sizeof(name), "%s/%s/%016" PRIX64, w->src->name, w->stream,
	    start);	/* fits: 64 + 64 + 16 + 2 */
	w->seal = seal_new(SEAL_LOG, repo_id(w->repo), name, w->src->to, w->src->nto, e);
	if (w->seal == NULL)
		return -1;
	preamble = seal_preamble(w->seal);
	w->bytes = preamble->len;
	w->log = repo_log_begin(s, w->stream, start, preamble->data, preamble->len, w->file,
	    e);
	if (w->log == NULL || open_statement(w, info, start, after, e) < 0 ||
	    add_frame(w, SEAL_META, start, clock_now(), meta->data, meta->len, e) < 0)
		return -1;
	return flush(w, 0, e);
}

struct log_writer *
log_writer_begin(struct repo *r, struct repo_session *s, const struct source *src,
    const struct log_stream_info *info, uint64_t start, const struct log_after *after,
    int64_t time, int level, struct err *e)
{
	struct log_writer *w = calloc(1, sizeof(*w));
	struct buf meta = BUF_INIT;
	int rc;

	if (w == NULL) {
		(void)err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	w->repo = r;
	w->src = src;
	w->position = start;
	w->opened = clock_mono();
	w->time = time;
	memcpy(w->stream, info->stream, sizeof(w->stream));
	rc = meta_text(&meta, info, start, e);
	if (rc == 0 && (w->ctx = seal_ctx_new(level, e)) == NULL)
		rc = -1;
	if (rc == 0)
		rc = open_file(w, s, info, start, after, &meta, e);
	buf_free(&meta);
	if (rc == 0)
		return w;
	log_writer_free(w);
	return NULL;
}

void
log_writer_free(struct log_writer *w)
{
	if (w == NULL)
		return;
	repo_log_free(w->log);
	seal_free(w->seal);
	seal_ctx_free(w->ctx);
	buf_free(&w->out);
	free(w);
}

int
log_writer_append(struct log_writer *w, const void *p, size_t n, int64_t time, struct err *e)
{
	const uint8_t *bytes = p;
	size_t at, part;
	int64_t promise = time > w->time ? time : w->time;

	/* Room ahead for the frames of a full batch, so that the buffer does not double. */
	if (buf_reserve(&w->out, n + (n / SEAL_RAW_MAX + 1) * (SEAL_FRAME_HEADER + 16)) < 0)
		return buf_check(&w->out, e);
	for (at = 0; at < n; at += part) {
		part = n - at < SEAL_RAW_MAX ? n - at : SEAL_RAW_MAX;
		/* Only the end of it all is what the promise is about. */
		if (add_frame(w, 0, w->position + at, at + part == n ? promise : w->time,
		    bytes + at, part, e) < 0)
			return -1;
	}
	if (flush(w, n, e) < 0)
		return -1;
	w->time = promise;
	return 0;
}

int
log_writer_heartbeat(struct log_writer *w, int64_t time, struct err *e)
{
	int64_t promise = time > w->time ? time : w->time;

	if (add_frame(w, SEAL_HEARTBEAT, w->position, promise, NULL, 0, e) < 0 ||
	    flush(w, 0, e) < 0)
		return -1;
	w->time = promise;
	return 0;
}

/* log-mark or log-close: what the file holds by now. */
static int
vouch(struct log_writer *w, enum statement_verb verb, const uint8_t digest[32],
    const struct tail_mark *tail, struct err *e)
{
	const struct key_secret *keys[1];
	struct statement *st;
	char lsn[LSN_TEXT], time[CLOCK_TEXT];
	int rc;

	if ((st = statement_new(verb, e)) == NULL)
		return -1;
	statement_add(st, "source", w->src->name);
	statement_add(st, "stream", w->stream);
	statement_add(st, "file", w->file);
	statement_add_fmt(st, "frames", "%" PRIu64, w->frames);
	statement_add_fmt(st, "bytes", "%" PRIu64, w->bytes);
	statement_add(st, "position", lsn_format(lsn, w->position));
	statement_add(st, "time", clock_format(time, w->time));
	statement_add_hex(st, "digest", digest, 32);
	if (tail->position == w->position && tail->position > 0)
		statement_add_hex(st, "tail", tail->digest, 32);
	keys[0] = w->src->writer;
	rc = repo_commit(w->repo, st, keys, 1, e);
	statement_free(st);
	return rc;
}

int
log_writer_mark(struct log_writer *w, const struct tail_mark *tail, struct err *e)
{
	uint8_t digest[32];

	if (w->frames == w->marked)
		return 0;
	repo_log_digest(w->log, digest);
	if (vouch(w, ST_LOG_MARK, digest, tail, e) < 0)
		return -1;
	w->marked = w->frames;
	return 0;
}

int
log_writer_close(struct log_writer *w, const struct tail_mark *tail, struct err *e)
{
	uint8_t digest[32];

	if (add_frame(w, SEAL_LAST, w->position, w->time, NULL, 0, e) < 0 ||
	    flush(w, 0, e) < 0)
		return -1;
	repo_log_digest(w->log, digest);
	if (repo_log_end(w->log, e) < 0)
		return -1;
	return vouch(w, ST_LOG_CLOSE, digest, tail, e);
}

uint64_t
log_writer_position(const struct log_writer *w)
{
	return w->position;
}

uint64_t
log_writer_size(const struct log_writer *w)
{
	return w->bytes;
}

int64_t
log_writer_opened(const struct log_writer *w)
{
	return w->opened;
}

int64_t
log_writer_time(const struct log_writer *w)
{
	return w->time;
}

void
log_writer_after(const struct log_writer *w, struct log_after *out)
{
	memcpy(out->file, w->file, sizeof(out->file));
	out->frames = w->frames;
	out->bytes = w->bytes;
	out->position = w->position;
}
