/*
 * What a repository holds, as text for people and as JSON Lines.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/text.h"
#include "repo/listing.h"

#define COLUMNS_MAX 8
#define HASH_SHOWN  12	/* digits of a hash that people see */

/* ---- words ------------------------------------------------------------------ */

/* To the second; "-" for never. */
static const char *
when(char out[CLOCK_TEXT], int64_t us)
{
	if (us == 0)
		return "-";
	clock_format(out, us);
	memcpy(out + 19, "Z", 2);
	return out;
}

static const char *
size_text(char out[16], uint64_t n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double v = (double)n;
	size_t u = 0;

	for (; v >= 1024 && u < 5; u++)
		v /= 1024;
	snprintf(out, 16, u == 0 ? "%.0f %s" : "%.1f %s", v, units[u]);
	return out;
}

/* "a<TAB>b<NEWLINE>..." appended to out with aligned columns. */
static void
align(struct buf *rows, struct buf *out)
{
	size_t width[COLUMNS_MAX] = { 0 }, col = 0, n = 0, i;
	const char *p = buf_cstr(rows);

	for (i = 0; i < rows->len; i++) {
		if (p[i] != '\t' && p[i] != '\n') {
			n++;
			continue;
		}
		if (n > width[col])
			width[col] = n;
		col = p[i] == '\t' && col + 1 < COLUMNS_MAX ? col + 1 : 0;
		n = 0;
	}
	for (i = 0, col = 0, n = 0; i < rows->len; i++) {
		if (p[i] == '\t') {
			buf_fmt(out, "%*s", (int)(width[col] - n) + 2, "");
			col++;
			n = 0;
			continue;
		}
		buf_u8(out, (uint8_t)p[i]);
		n = p[i] == '\n' ? 0 : n + 1;
		col = p[i] == '\n' ? 0 : col;
	}
	if (rows->failed)
		out->failed = rows->failed;
	buf_free(rows);
}

/* Text that is complete goes out; nothing stays in b. */
static int
put_out(struct buf *b, FILE *out, struct err *e)
{
	int r = buf_check(b, e);

	if (r == 0 && b->len > 0 && fwrite(b->data, 1, b->len, out) != b->len)
		r = err_sys(e, ERR_IO, "standard output: write");
	buf_reset(b);
	return r;
}

static int
wanted(const char *source, const char *name)
{
	return source == NULL || strcmp(source, name) == 0;
}

/* ---- tables ----------------------------------------------------------------- */

static void
sources_text(const struct catalog *c, const char *source, struct buf *out)
{
	struct buf rows = BUF_INIT;
	char key[2 * KEY_ID + 1], system[24], a[CLOCK_TEXT], b[CLOCK_TEXT];
	size_t i;

	buf_str(&rows, "SOURCE\tENVIRONMENT\tSERVER\tWRITER\tENROLLED\tLAST SEEN\n");
	for (i = 0; i < c->nsources; i++) {
		const struct catalog_source *s = &c->sources[i];

		if (!wanted(source, s->name))
			continue;
		snprintf(system, sizeof(system), "%" PRIu64, s->system_id);
		buf_fmt(&rows, "%s\t%s\t%s\t%s\t%s\t%s\n", s->name, s->environment,
		    s->system_id == 0 ? "-" : system, hex_encode(key, s->writer.id, KEY_ID),
		    when(a, s->enrolled), when(b, s->last_seen));
	}
	align(&rows, out);
}

static void
snapshots_text(const struct catalog *c, const char *source, struct buf *out)
{
	struct buf rows = BUF_INIT;
	char a[CLOCK_TEXT], lsn[LSN_TEXT], bytes[16], stored[16];
	size_t i, n = 0;

	buf_str(&rows, "\nSNAPSHOT\tSOURCE\tFINISHED\tRECOVERS FROM\tSIZE\tSTORED\tNOTE\n");
	for (i = 0; i < c->nsnapshots; i++) {
		const struct catalog_snapshot *s = &c->snapshots[i];

		if (!wanted(source, s->source))
			continue;
		n++;
		buf_fmt(&rows, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s->id, s->source,
		    when(a, s->stopped), lsn_format(lsn, s->stop), size_text(bytes, s->bytes),
		    size_text(stored, s->stored), s->broken_pages ? "broken pages" : "-");
	}
	if (n > 0)
		align(&rows, out);
	buf_free(&rows);
}

struct stream {
	const char *source, *name;
	size_t files;
	uint64_t from, to;
	int64_t marked;
};

static struct stream *
stream_of(struct stream **streams, size_t *n, const struct catalog_log *l, struct err *e)
{
	struct stream *s;
	size_t i;

	for (i = 0; i < *n; i++)
		if (strcmp((*streams)[i].name, l->stream) == 0 &&
		    strcmp((*streams)[i].source, l->source) == 0)
			return &(*streams)[i];
	if ((s = realloc(*streams, (*n + 1) * sizeof(*s))) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	*streams = s;
	s += (*n)++;
	*s = (struct stream){ l->source, l->stream, 0, l->start, l->start, 0 };
	return s;
}

static int
streams_text(const struct catalog *c, const char *source, struct buf *out, struct err *e)
{
	struct buf rows = BUF_INIT;
	char a[CLOCK_TEXT], from[LSN_TEXT], to[LSN_TEXT];
	struct stream *streams = NULL, *s;
	size_t i, n = 0;

	for (i = 0; i < c->nlogs; i++) {
		const struct catalog_log *l = &c->logs[i];

		if (!wanted(source, l->source))
			continue;
		if ((s = stream_of(&streams, &n, l, e)) == NULL) {
			free(streams);
			return -1;
		}
		s->files++;
		s->from = l->start < s->from ? l->start : s->from;
		s->to = l->position > s->to ? l->position : s->to;
		s->marked = l->marked > s->marked ? l->marked : s->marked;
	}
	buf_str(&rows, "\nLOG\tSOURCE\tFROM\tMARKED UP TO\tLAST MARK\tFILES\n");
	for (s = streams; s < streams + n; s++)
		buf_fmt(&rows, "%s\t%s\t%s\t%s\t%s\t%zu\n", s->name, s->source,
		    lsn_format(from, s->from), lsn_format(to, s->to), when(a, s->marked),
		    s->files);
	if (n > 0)
		align(&rows, out);
	buf_free(&rows);
	free(streams);
	return 0;
}

static void
gaps_text(const struct catalog *c, const char *source, struct buf *out)
{
	struct buf rows = BUF_INIT;
	char from[LSN_TEXT], to[LSN_TEXT], a[CLOCK_TEXT];
	size_t i, n = 0;

	buf_str(&rows, "\nGAP IN\tSOURCE\tFROM\tTO\tTOLD\tREASON\n");
	for (i = 0; i < c->ngaps; i++) {
		const struct catalog_gap *g = &c->gaps[i];

		if (!wanted(source, g->source))
			continue;
		n++;
		buf_fmt(&rows, "%s\t%s\t%s\t%s\t%s\t", g->stream, g->source,
		    lsn_format(from, g->from), lsn_format(to, g->to), when(a, g->time));
		text_encode(&rows, g->reason);	/* a foreign text must not move the cursor */
		buf_u8(&rows, '\n');
	}
	if (n > 0)
		align(&rows, out);
	buf_free(&rows);
}

static int
all_text(const struct catalog *c, const char *source, struct buf *out, struct err *e)
{
	sources_text(c, source, out);
	snapshots_text(c, source, out);
	if (streams_text(c, source, out, e) != 0)
		return -1;
	gaps_text(c, source, out);
	return 0;
}

/* ---- JSON ------------------------------------------------------------------- */

static void
json_hash(struct json *j, const char *key, const uint8_t *p, size_t n)
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
	json_hash(j, "writer", s->writer.id, KEY_ID);
	json_time(j, "enrolled", s->enrolled);
	json_time(j, "last_seen", s->last_seen);
	json_id(j, "system", s->system_id);
}

static void
snapshot_json(struct json *j, const struct catalog_snapshot *s)
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
	json_hash(j, "manifest", s->manifest, 32);
	json_hash(j, "packlist", s->packlist, 32);
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

static int
all_json(const struct catalog *c, const char *source, struct json *j, struct err *e)
{
	size_t i;
	int r = 0;

	for (i = 0; i < c->nsources && r == 0; i++)
		if (wanted(source, c->sources[i].name)) {
			source_json(j, &c->sources[i]);
			r = json_print(j, e);
		}
	for (i = 0; i < c->nsnapshots && r == 0; i++)
		if (wanted(source, c->snapshots[i].source)) {
			snapshot_json(j, &c->snapshots[i]);
			r = json_print(j, e);
		}
	for (i = 0; i < c->nlogs && r == 0; i++)
		if (wanted(source, c->logs[i].source)) {
			log_json(j, &c->logs[i]);
			r = json_print(j, e);
		}
	for (i = 0; i < c->ngaps && r == 0; i++)
		if (wanted(source, c->gaps[i].source)) {
			gap_json(j, &c->gaps[i]);
			r = json_print(j, e);
		}
	return r;
}

int
listing_all(struct repo *r, const char *source, const struct listing *l, struct err *e)
{
	const struct catalog *c = repo_catalog(r);
	struct buf text = BUF_INIT;
	struct json j = JSON_INIT;
	int got;

	if (source != NULL && catalog_pick(c, source, e) == NULL)
		return err_context(e, "repository %s", repo_name(r));
	got = l->json ? all_json(c, source, &j, e) : all_text(c, source, &text, e);
	if (got == 0)
		got = put_out(&text, l->out, e);
	buf_free(&text);
	json_free(&j);
	return got;
}

/* ---- one -------------------------------------------------------------------- */

static void
snapshot_text(const struct catalog_snapshot *s, struct buf *out)
{
	struct buf rows = BUF_INIT;
	char time[CLOCK_TEXT], lsn[LSN_TEXT], hex[65], size[16], history[4096];

	buf_fmt(&rows, "snapshot\t%s\nsource\t%s\nserver\t%s %d, system %" PRIu64 "\n", s->id,
	    s->source, s->engine, s->version, s->system_id);
	if (wal_history_encode(s->history, history, sizeof(history)) != 0)
		strcpy(history, "(long)");
	buf_fmt(&rows, "timeline\t%" PRIu32 ", ancestors %s\n", s->timeline, history);
	buf_fmt(&rows, "started\t%s, at %s\n", clock_format(time, s->started),
	    lsn_format(lsn, s->start));
	buf_fmt(&rows, "stopped\t%s, at %s: it recovers to any moment from here on\n",
	    clock_format(time, s->stopped), lsn_format(lsn, s->stop));
	buf_fmt(&rows, "committed\t%s, in line %" PRIu64 " of the journal\n",
	    clock_format(time, s->committed), s->seq);
	buf_fmt(&rows, "size\t%s in %" PRIu64 " files\n", size_text(size, s->bytes), s->files);
	buf_fmt(&rows, "stored\t%s; it needs %" PRIu64 " packs\n", size_text(size, s->stored),
	    s->packs);
	buf_fmt(&rows, "manifest\t%s\n", hex_encode(hex, s->manifest, 32));
	buf_fmt(&rows, "pack list\t%s\n", hex_encode(hex, s->packlist, 32));
	buf_fmt(&rows, "broken pages\t%s\n",
	    s->broken_pages ? "yes: the server found damage in its own files"
			    : "none that the server noticed");
	align(&rows, out);
}

/* The snapshot that name means, looking in one source or in all. */
static const struct catalog_snapshot *
find_snapshot(const struct catalog *c, const char *source, const char *name, struct err *e)
{
	const struct catalog_snapshot *found = NULL;
	size_t i, n = strlen(name), hits = 0;

	for (i = 0; i < c->nsnapshots; i++) {
		const struct catalog_snapshot *s = &c->snapshots[i];

		if (!wanted(source, s->source) || strncmp(s->id, name, n) != 0)
			continue;
		if (s->id[n] == '\0' && source != NULL)
			return s;
		found = s;
		hits++;
	}
	if (hits == 1)
		return found;
	if (hits == 0)
		err_set(e, ERR_NOTFOUND, "no source or snapshot %s", name);
	else
		err_set(e, ERR_USAGE, "%zu snapshots begin with %s", hits, name);
	err_hint(e, "strongbox list shows what there is; -n names the source");
	return NULL;
}

int
listing_one(struct repo *r, const char *source, const char *name, const struct listing *l,
    struct err *e)
{
	const struct catalog *c = repo_catalog(r);
	const struct catalog_snapshot *s;
	struct buf text = BUF_INIT;
	struct json j = JSON_INIT;
	int got;

	if (catalog_source(c, name) != NULL)
		return listing_all(r, name, l, e);
	if ((s = find_snapshot(c, source, name, e)) == NULL)
		return err_context(e, "repository %s", repo_name(r));
	if (l->json) {
		snapshot_json(&j, s);
		got = json_print(&j, e);
	} else {
		snapshot_text(s, &text);
		got = put_out(&text, l->out, e);
	}
	buf_free(&text);
	json_free(&j);
	return got;
}

/* ---- journal ---------------------------------------------------------------- */

struct journal_listing {
	const struct journal *journal;
	const struct listing *how;
	struct buf text;
	struct json json;
	int raw;
};

/* A hash shortened, a key without its public half, and the rest as it was signed. */
static void
value_text(struct buf *out, const char *value)
{
	struct key_public key;
	uint8_t hash[32];
	struct err e;

	if (hex_decode(hash, 32, value) == 0)
		buf_fmt(out, "%.*s", HASH_SHOWN, value);
	else if (key_public_decode(value, &key, &e) == 0)
		buf_fmt(out, "%s:%s", key_class_name(key.class), key.name);
	else
		text_encode(out, value);
}

static const char *
signer_name(const struct journal_listing *l, const struct statement *st, int i)
{
	const struct journal_key *k = journal_find_key(l->journal, st->sigs[i].key);

	return k == NULL ? "?" : k->key.name;
}

static void
statement_text(struct journal_listing *l, const struct journal_entry *en)
{
	const struct statement *st = en->st;
	char time[CLOCK_TEXT];
	int i;

	buf_fmt(&l->text, "%" PRIu64 " %s ", en->seq, when(time, en->time));
	for (i = 0; i < st->nsigs; i++)
		buf_fmt(&l->text, "%s%s", i > 0 ? "+" : "", signer_name(l, st, i));
	buf_fmt(&l->text, " %s", statement_verb_name(st->verb));
	for (i = 0; i < st->nfields; i++) {
		buf_fmt(&l->text, " %s=", st->fields[i].key);
		value_text(&l->text, st->fields[i].value);
	}
	buf_u8(&l->text, '\n');
}

/* Each field once; a repeated one as an array. */
static void
fields_json(struct json *j, const struct statement *st)
{
	const char *key, *value;
	int i, n;

	json_open(j, "fields", '{');
	for (i = 0; i < st->nfields; i++) {
		key = st->fields[i].key;
		if (statement_get(st, key) != st->fields[i].value)
			continue;	/* not its first */
		if (statement_get_nth(st, key, 1) == NULL) {
			json_str(j, key, st->fields[i].value);
			continue;
		}
		json_open(j, key, '[');
		for (n = 0; (value = statement_get_nth(st, key, n)) != NULL; n++)
			json_str(j, NULL, value);
		json_close(j, ']');
	}
	json_close(j, '}');
}

static int
statement_json(struct journal_listing *l, const struct journal_entry *en, struct err *e)
{
	const struct statement *st = en->st;
	struct json *j = &l->json;
	int i;

	json_begin(j, "statement");
	json_uint(j, "seq", en->seq);
	json_time(j, "time", en->time);
	json_str(j, "boot", en->boot);
	json_uint(j, "uptime", en->uptime);
	json_str(j, "verb", statement_verb_name(st->verb));
	json_hash(j, "actor", st->actor, KEY_ID);
	json_uint(j, "count", st->count);
	json_open(j, "signers", '[');
	for (i = 0; i < st->nsigs; i++)
		json_str(j, NULL, signer_name(l, st, i));
	json_close(j, ']');
	fields_json(j, st);
	return json_print(j, e);
}

static int
each_statement(void *ctx, const struct journal_entry *en, struct err *e)
{
	struct journal_listing *l = ctx;

	if (l->how->json)
		return statement_json(l, en, e);
	if (l->raw) {
		buf_add(&l->text, en->line, en->len);
		buf_u8(&l->text, '\n');
	} else
		statement_text(l, en);
	return put_out(&l->text, l->how->out, e);
}

int
listing_journal(struct repo *r, int raw, const struct listing *l, struct err *e)
{
	struct journal_listing jl = { repo_journal(r), l, BUF_INIT, JSON_INIT, raw };
	int got = repo_each_statement(r, each_statement, &jl, e);

	buf_free(&jl.text);
	json_free(&jl.json);
	return got;
}
