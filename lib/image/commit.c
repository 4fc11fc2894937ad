/*
 * The statement that makes a stored image a snapshot.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "image/put.h"
#include "pg/lsn.h"

static void
add_lsn(struct statement *st, const char *key, uint64_t lsn)
{
	char text[LSN_TEXT];

	statement_add(st, key, lsn_format(text, lsn));
}

static void
add_time(struct statement *st, const char *key, int64_t us)
{
	char text[CLOCK_TEXT];

	statement_add(st, key, clock_format(text, us));
}

static void
describe(struct statement *st, const struct image_meta *m, const char *history,
    const struct image_summary *sum)
{
	statement_add(st, "source", m->source);
	statement_add(st, "id", m->id);
	statement_add(st, "engine", m->engine);
	statement_add_fmt(st, "version", "%d", m->version);
	statement_add_fmt(st, "system", "%" PRIu64, m->system_id);
	statement_add_fmt(st, "timeline", "%" PRIu32, m->timeline);
	statement_add_fmt(st, "segsize", "%" PRIu32, m->segment_size);
	statement_add(st, "history", history);
	add_lsn(st, "start", m->start);
	add_lsn(st, "stop", m->stop);
	add_time(st, "started", m->started);
	add_time(st, "stopped", m->stopped);
	statement_add_hex(st, "manifest", sum->manifest, 32);
	statement_add_hex(st, "packs", sum->packlist, 32);
	statement_add_fmt(st, "bytes", "%" PRIu64, sum->bytes);
	statement_add_fmt(st, "stored", "%" PRIu64, sum->stored);
	statement_add_fmt(st, "files", "%" PRIu64, sum->files);
	statement_add_fmt(st, "npacks", "%" PRIu64, sum->packs);
	statement_add(st, "broken", m->broken_pages ? "1" : "0");
}

int
image_commit(struct repo *r, const struct source *src, const struct image_meta *m,
    const char *history, const struct image_summary *sum, struct err *e)
{
	const struct key_secret *const keys[] = { src->writer };
	struct statement *st = statement_new(ST_SNAPSHOT, e);
	int ret;

	if (st == NULL)
		return -1;
	describe(st, m, history, sum);
	ret = repo_commit(r, st, keys, 1, e);
	statement_free(st);
	return ret;
}
