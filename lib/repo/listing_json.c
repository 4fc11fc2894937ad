/*
 * What a repository holds, as JSON Lines.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/hex.h"
#include "repo/listing_private.h"

void
listing_json_hash(struct json *j, const char *key, const uint8_t *p, size_t n)
{
	char hex[65];

	json_str(j, key, hex_encode(hex, p, n));
}

/* A 64-bit number that programs would round if it were one. */
static void
json_id(struct json *j, const char *key, uint64_t id)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, id);
	json_str(j, key, id == 0 ? NULL : text);
}

static void
json_when(struct json *j, const char *key, int64_t us)
{
	if (us == 0)
		json_str(j, key, NULL);
	else
		json_time(j, key, us);
}

static void
source_json(struct json *j, const struct catalog_source *s)
{
	json_begin(j, "source");
	json_str(j, "source", s->name);
	json_str(j, "environment", s->environment);
	listing_json_hash(j, "writer", s->writer.id, KEY_ID);
	json_time(j, "enrolled", s->enrolled);
	json_time(j, "last_seen", s->last_seen);
	json_id(j, "system", s->system_id);
}

void
listing_snapshot_json(struct json *j, const struct catalog_snapshot *s)
{
	json_begin(j, "snapshot");
	json_str(j, "source", s->source);
	json_str(j, "id", s->id);
	json_uint(j, "seq", s->seq);
	json_str(j, "engine", s->engine);
	json_int(j, "version", s->version);
	json_id(j, "system", s->system_id);
	json_uint(j, "timeline", s->timeline);
	lsn_json(j, "start", s->start);
	lsn_json(j, "stop", s->stop);
	json_time(j, "started", s->started);
	json_time(j, "stopped", s->stopped);
	json_time(j, "committed", s->committed);
	json_uint(j, "bytes", s->bytes);
	json_uint(j, "stored", s->stored);
	json_uint(j, "files", s->files);
	json_uint(j, "packs", s->packs);
	listing_json_hash(j, "manifest", s->manifest, 32);
	listing_json_hash(j, "packlist", s->packlist, 32);
	json_bool(j, "broken_pages", s->broken_pages);
}

static void
log_json(struct json *j, const struct catalog_log *l)
{
	json_begin(j, "log");
	json_str(j, "source", l->source);
	json_str(j, "stream", l->stream);
	json_str(j, "file", l->file);
	json_uint(j, "seq", l->seq);
	json_id(j, "system", l->system_id);
	json_uint(j, "timeline", l->timeline);
	json_str(j, "parent", l->parent[0] == '\0' ? NULL : l->parent);
	lsn_json(j, "start", l->start);
	lsn_json(j, "position", l->position);
	json_uint(j, "frames", l->frames);
	json_uint(j, "bytes", l->bytes);
	json_bool(j, "closed", l->closed);
	json_time(j, "opened", l->opened);
	json_when(j, "marked", l->marked);
}

static void
gap_json(struct json *j, const struct catalog_gap *g)
{
	json_begin(j, "gap");
	json_str(j, "source", g->source);
	json_str(j, "stream", g->stream);
	lsn_json(j, "from", g->from);
	lsn_json(j, "to", g->to);
	json_time(j, "time", g->time);
	json_str(j, "reason", g->reason);
}

int
listing_json(const struct catalog *c, const char *source, struct json *j, struct err *e)
{
	size_t i;
	int r = 0;

	for (i = 0; i < c->nsources && r == 0; i++)
		if (listing_wanted(source, c->sources[i].name)) {
			source_json(j, &c->sources[i]);
			r = json_print(j, e);
		}
	for (i = 0; i < c->nsnapshots && r == 0; i++)
		if (listing_wanted(source, c->snapshots[i].source)) {
			listing_snapshot_json(j, &c->snapshots[i]);
			r = json_print(j, e);
		}
	for (i = 0; i < c->nlogs && r == 0; i++)
		if (listing_wanted(source, c->logs[i].source)) {
			log_json(j, &c->logs[i]);
			r = json_print(j, e);
		}
	for (i = 0; i < c->ngaps && r == 0; i++)
		if (listing_wanted(source, c->gaps[i].source)) {
			gap_json(j, &c->gaps[i]);
			r = json_print(j, e);
		}
	return r;
}
