/*
 * What the journal says, as tables: each statement is held against what is there, then
 * entered.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "repo/catalog.h"
#include "repo/catalog_index.h"

/* ---- finding ---------------------------------------------------------------- */

void
catalog_free(struct catalog *c)
{
	free(c->sources);
	free(c->snapshots);
	free(c->logs);
	free(c->gaps);
	catalog_index_free(c->index);
	memset(c, 0, sizeof(*c));
}

static struct catalog_source *
find_source(const struct catalog *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->nsources; i++)
		if (strcmp(c->sources[i].name, name) == 0)
			return &c->sources[i];
	return NULL;
}

static int
same_snapshot(const void *ctx, size_t n, const char *const names[3])
{
	const struct catalog_snapshot *s = &((const struct catalog *)ctx)->snapshots[n];

	return strcmp(s->source, names[0]) == 0 && strcmp(s->id, names[1]) == 0;
}

static struct catalog_snapshot *
find_snapshot(const struct catalog *c, const char *source, const char *id)
{
	const char *const names[3] = { source, id, "" };
	long n = -1;

	if (c->index != NULL)
		n = catalog_index_find(c->index, CATALOG_SNAPSHOTS, names, same_snapshot, c);
	return n < 0 ? NULL : &c->snapshots[n];
}

static int
same_log(const void *ctx, size_t n, const char *const names[3])
{
	const struct catalog_log *l = &((const struct catalog *)ctx)->logs[n];

	return strcmp(l->source, names[0]) == 0 && strcmp(l->stream, names[1]) == 0 &&
	    strcmp(l->file, names[2]) == 0;
}

static struct catalog_log *
find_log(const struct catalog *c, const char *source, const char *stream, const char *file)
{
	const char *const names[3] = { source, stream, file };
	long n = -1;

	if (c->nlogs > 0 && same_log(c, c->nlogs - 1, names))
		return &c->logs[c->nlogs - 1];	/* nearly every mark's */
	if (c->index != NULL)
		n = catalog_index_find(c->index, CATALOG_LOGS, names, same_log, c);
	return n < 0 ? NULL : &c->logs[n];
}

/* The latest file of a stream. */
static const struct catalog_log *
find_stream(const struct catalog *c, const char *source, const char *stream)
{
	size_t i;

	for (i = c->nlogs; i > 0; i--)
		if (strcmp(c->logs[i - 1].stream, stream) == 0 &&
		    strcmp(c->logs[i - 1].source, source) == 0)
			return &c->logs[i - 1];
	return NULL;
}

const struct catalog_source *
catalog_source(const struct catalog *c, const char *name)
{
	return find_source(c, name);
}

const struct catalog_snapshot *
catalog_snapshot(const struct catalog *c, const char *source, const char *id)
{
	const struct catalog_snapshot *found = NULL;
	size_t i;

	if (id != NULL && (found = find_snapshot(c, source, id)) != NULL)
		return found;
	for (i = c->nsnapshots; i > 0; i--) {
		const struct catalog_snapshot *s = &c->snapshots[i - 1];

		if (strcmp(s->source, source) != 0 ||
		    (id != NULL && strncmp(s->id, id, strlen(id)) != 0))
			continue;
		if (id == NULL)
			return s;
		if (found != NULL)
			return NULL;	/* the prefix of two */
		found = s;
	}
	return found;
}

const struct catalog_log *
catalog_log(const struct catalog *c, const char *source, const char *stream, const char *file)
{
	return find_log(c, source, stream, file);
}

const struct catalog_source *
catalog_pick(const struct catalog *c, const char *name, struct err *e)
{
	const struct catalog_source *s;

	if (name != NULL) {
		if ((s = find_source(c, name)) != NULL)
			return s;
		err_set(e, ERR_NOTFOUND, "no source %s", name);
		err_hint(e, "strongbox list shows the sources; strongbox enrol adds one");
		return NULL;
	}
	if (c->nsources == 1)
		return &c->sources[0];
	if (c->nsources == 0)
		err_set(e, ERR_NOTFOUND, "no source is enrolled");
	else {
		err_set(e, ERR_USAGE, "there are %zu sources", c->nsources);
		err_hint(e, "say which one with -n; strongbox list shows them");
	}
	return NULL;
}

/* ---- checking --------------------------------------------------------------- */

static const char *
field(const struct statement *st, const char *key)
{
	const char *value = statement_get(st, key);

	return value == NULL ? "" : value;	/* what must be there is: see grammar.h */
}

static uint64_t
number(const struct statement *st, const char *key)
{
	struct err e;
	uint64_t n;

	return statement_u64(st, key, &n, &e) == 0 ? n : 0;
}

static uint64_t
lsn(const struct statement *st, const char *key)
{
	struct err e;
	uint64_t n;

	return statement_lsn(st, key, &n, &e) == 0 ? n : 0;
}

static int64_t
point(const struct statement *st, const char *key)
{
	struct err e;
	int64_t us;

	return statement_time(st, key, &us, &e) == 0 ? us : 0;
}

/* The hash in a field is this one. */
static int
is_hash(const struct statement *st, const char *key, const uint8_t hash[32])
{
	struct err e;
	uint8_t said[32];

	return statement_hash_field(st, key, said, &e) == 0 && memcmp(said, hash, 32) == 0;
}

static int
get_history(const struct statement *st, struct wal_history *h, struct err *e)
{
	if (wal_history_decode(h, (uint32_t)number(st, "timeline"), field(st, "history")) == 0)
		return 0;
	return err_set(e, ERR_CORRUPT, "%s statement: bad field history=\"%.100s\"",
	    statement_verb_name(st->verb), field(st, "history"));
}

static int
check_enrol(const struct catalog *c, const struct statement *st, struct err *e)
{
	const struct catalog_source *s = find_source(c, field(st, "source"));
	char key[KEY_TEXT_MAX];

	if (s == NULL || statement_get(st, "replaces") != NULL)
		return 0;
	if (strcmp(key_public_encode(key, &s->writer), field(st, "key")) == 0)
		return 1;
	return err_set(e, ERR_CONFLICT, "source %s is enrolled already", s->name);
}

/* What snapshots and logs have in common. */
static int
check_server(const struct catalog *c, const struct statement *st, struct err *e)
{
	const struct catalog_source *s = find_source(c, field(st, "source"));
	uint64_t system = number(st, "system");
	struct wal_history h;

	if (s == NULL)
		return err_set(e, ERR_CONFLICT, "no source %s", field(st, "source"));
	if (system == 0 || number(st, "timeline") == 0 ||
	    !wal_segment_size_ok((uint32_t)number(st, "segsize")))
		return err_set(e, ERR_CORRUPT, "%s statement: bad system, timeline or segsize",
		    statement_verb_name(st->verb));
	if (s->system_id != 0 && s->system_id != system)
		return err_set(e, ERR_CONFLICT, "source %s is server %llu, not %llu", s->name,
		    (unsigned long long)s->system_id, (unsigned long long)system);
	return get_history(st, &h, e);
}

static int
check_snapshot(const struct catalog *c, const struct statement *st, struct err *e)
{
	const struct catalog_snapshot *s = find_snapshot(c, field(st, "source"),
	    field(st, "id"));

	if (s != NULL) {
		if (is_hash(st, "manifest", s->manifest) && is_hash(st, "packs", s->packlist))
			return 1;
		return err_set(e, ERR_CONFLICT, "snapshot %s exists with other content",
		    s->id);
	}
	if (lsn(st, "stop") < lsn(st, "start"))
		return err_set(e, ERR_CORRUPT, "snapshot statement: stop before start");
	return check_server(c, st, e);
}

/* A file fits the stream that it claims to belong to. */
static int
check_stream(const struct catalog *c, const struct statement *st, struct err *e)
{
	const struct catalog_log *l = find_stream(c, field(st, "source"), field(st, "stream"));

	if (l != NULL &&
	    (l->system_id != number(st, "system") || l->timeline != number(st, "timeline") ||
		l->segment_size != number(st, "segsize")))
		return err_set(e, ERR_CONFLICT, "stream %s is another server's or timeline's",
		    l->stream);
	if (statement_get(st, "parent") != NULL &&
	    find_stream(c, field(st, "source"), field(st, "parent")) == NULL)
		return err_set(e, ERR_CONFLICT, "no stream %s to fork from",
		    field(st, "parent"));
	if (statement_get(st, "after") != NULL &&
	    find_log(c, field(st, "source"), field(st, "stream"), field(st, "after")) == NULL)
		return err_set(e, ERR_CONFLICT, "no log %s to follow", field(st, "after"));
	return 0;
}

static int
check_open(const struct catalog *c, const struct statement *st, struct err *e)
{
	const struct catalog_log *l = find_log(c, field(st, "source"), field(st, "stream"),
	    field(st, "file"));
	char start[17];
	int after = statement_get(st, "after") != NULL;

	if (l != NULL) {
		if (is_hash(st, "preamble", l->preamble))
			return 1;
		return err_set(e, ERR_CONFLICT, "log %s/%s exists with another preamble",
		    l->stream, l->file);
	}
	snprintf(start, sizeof(start), "%016llX", (unsigned long long)lsn(st, "start"));
	if (strncmp(field(st, "file"), start, 16) != 0)
		return err_set(e, ERR_CORRUPT,
		    "log-open statement: file %s does not begin at %s",
		    field(st, "file"), field(st, "start"));
	if ((statement_get(st, "after-frames") != NULL) != after ||
	    (statement_get(st, "after-bytes") != NULL) != after ||
	    (statement_get(st, "after-position") != NULL) != after)
		return err_set(e, ERR_CORRUPT,
		    "log-open statement: after without its three numbers");
	if (check_server(c, st, e) != 0)
		return -1;
	return check_stream(c, st, e);
}

static int
check_mark(const struct catalog *c, const struct statement *st, struct err *e)
{
	const struct catalog_log *l = find_log(c, field(st, "source"), field(st, "stream"),
	    field(st, "file"));
	uint64_t frames = number(st, "frames"), bytes = number(st, "bytes"),
	    position = lsn(st, "position");

	if (l == NULL)
		return err_set(e, ERR_CONFLICT, "log %s/%s was never opened",
		    field(st, "stream"), field(st, "file"));
	if (l->frames == frames && l->bytes == bytes && is_hash(st, "digest", l->digest) &&
	    l->closed == (st->verb == ST_LOG_CLOSE))
		return 1;
	if (l->closed)
		return err_set(e, ERR_CONFLICT, "log %s/%s is closed", l->stream, l->file);
	if (frames < l->frames || bytes < l->bytes || position < l->position ||
	    position < l->start)
		return err_set(e, ERR_CONFLICT, "log %s/%s cannot shrink", l->stream, l->file);
	return 0;
}

static int
check_gap(const struct catalog *c, const struct statement *st, struct err *e)
{
	size_t i;

	if (find_source(c, field(st, "source")) == NULL)
		return err_set(e, ERR_CONFLICT, "no source %s", field(st, "source"));
	if (lsn(st, "to") < lsn(st, "from"))
		return err_set(e, ERR_CORRUPT, "log-gap statement: to before from");
	for (i = 0; i < c->ngaps; i++)
		if (strcmp(c->gaps[i].source, field(st, "source")) == 0 &&
		    strcmp(c->gaps[i].stream, field(st, "stream")) == 0 &&
		    c->gaps[i].from == lsn(st, "from") && c->gaps[i].to == lsn(st, "to"))
			return 1;
	return 0;
}

int
catalog_check(const struct catalog *c, const struct statement *st, struct err *e)
{
	switch (st->verb) {
	case ST_ENROL:
		return check_enrol(c, st, e);
	case ST_SNAPSHOT:
		return check_snapshot(c, st, e);
	case ST_LOG_OPEN:
		return check_open(c, st, e);
	case ST_LOG_MARK:
	case ST_LOG_CLOSE:
		return check_mark(c, st, e);
	case ST_LOG_GAP:
		return check_gap(c, st, e);
	default:
		return 0;
	}
}

/* ---- entering --------------------------------------------------------------- */

static void
copy(char *out, size_t cap, const char *s)
{
	snprintf(out, cap, "%s", s);	/* but for reasons, the grammar bounds them */
}

/* Room for one more in an array of n; it grows when n is a power of two. */
static void *
room(void *array, size_t n, size_t size, struct err *e)
{
	void *p = array;

	if ((n & (n - 1)) == 0)
		p = realloc(array, (n == 0 ? 1 : 2 * n) * size);
	if (p == NULL)
		err_set(e, ERR_SYSTEM, "out of memory");
	return p;
}

static int
add_source(struct catalog *c, const struct journal_entry *en, struct err *e)
{
	const struct statement *st = en->st;
	const char *name = statement_get(st, "source");
	struct catalog_source *s, *more;

	if (name == NULL)
		return 0;	/* a verifier */
	if ((s = find_source(c, name)) == NULL) {
		if ((more = room(c->sources, c->nsources, sizeof(*s), e)) == NULL)
			return -1;
		c->sources = more;
		s = &c->sources[c->nsources++];
		memset(s, 0, sizeof(*s));
		copy(s->name, sizeof(s->name), name);
		s->enrolled = en->time;
	}
	copy(s->environment, sizeof(s->environment), field(st, "environment"));
	return key_public_decode(field(st, "key"), &s->writer, e);
}

static int
add_snapshot(struct catalog *c, const struct journal_entry *en, struct err *e)
{
	const struct statement *st = en->st;
	struct catalog_snapshot *s = room(c->snapshots, c->nsnapshots, sizeof(*s), e);
	struct wal_history h;

	if (s == NULL)
		return -1;
	c->snapshots = s;
	s += c->nsnapshots;
	memset(s, 0, sizeof(*s));
	copy(s->source, sizeof(s->source), field(st, "source"));
	copy(s->id, sizeof(s->id), field(st, "id"));
	copy(s->engine, sizeof(s->engine), field(st, "engine"));
	s->version = (int)number(st, "version");
	s->system_id = number(st, "system");
	s->timeline = (uint32_t)number(st, "timeline");
	s->segment_size = (uint32_t)number(st, "segsize");
	s->start = lsn(st, "start");
	s->stop = lsn(st, "stop");
	s->started = point(st, "started");
	s->stopped = point(st, "stopped");
	s->committed = en->time;
	s->bytes = number(st, "bytes");
	s->stored = number(st, "stored");
	s->files = number(st, "files");
	s->packs = number(st, "npacks");
	s->broken_pages = (int)number(st, "broken");
	s->seq = en->seq;
	if (statement_hash_field(st, "manifest", s->manifest, e) != 0 ||
	    statement_hash_field(st, "packs", s->packlist, e) != 0 ||
	    get_history(st, &h, e) != 0 ||
	    (s->history = catalog_index_history(c->index, &h, e)) == NULL)
		return -1;
	if (catalog_index_add(c->index, CATALOG_SNAPSHOTS,
		(const char *const[]){ s->source, s->id, "" }, c->nsnapshots, e) != 0)
		return -1;
	c->nsnapshots++;
	find_source(c, s->source)->system_id = s->system_id;
	return 0;
}

static int
add_log(struct catalog *c, const struct journal_entry *en, struct err *e)
{
	const struct statement *st = en->st;
	struct catalog_log *l = room(c->logs, c->nlogs, sizeof(*l), e);
	struct wal_history h;

	if (l == NULL)
		return -1;
	c->logs = l;
	l += c->nlogs;
	memset(l, 0, sizeof(*l));
	copy(l->source, sizeof(l->source), field(st, "source"));
	copy(l->stream, sizeof(l->stream), field(st, "stream"));
	copy(l->file, sizeof(l->file), field(st, "file"));
	copy(l->parent, sizeof(l->parent), field(st, "parent"));
	copy(l->after_file, sizeof(l->after_file), field(st, "after"));
	l->system_id = number(st, "system");
	l->timeline = (uint32_t)number(st, "timeline");
	l->segment_size = (uint32_t)number(st, "segsize");
	l->version = (int)number(st, "version");
	l->start = l->position = lsn(st, "start");
	l->after_frames = number(st, "after-frames");
	l->after_bytes = number(st, "after-bytes");
	l->after_position = lsn(st, "after-position");
	l->opened = en->time;
	l->seq = en->seq;
	if (statement_hash_field(st, "preamble", l->preamble, e) != 0 ||
	    get_history(st, &h, e) != 0 ||
	    (l->history = catalog_index_history(c->index, &h, e)) == NULL)
		return -1;
	if (catalog_index_add(c->index, CATALOG_LOGS,
		(const char *const[]){ l->source, l->stream, l->file }, c->nlogs, e) != 0)
		return -1;
	c->nlogs++;
	find_source(c, l->source)->system_id = l->system_id;
	return 0;
}

static int
add_mark(struct catalog *c, const struct journal_entry *en, struct err *e)
{
	const struct statement *st = en->st;
	struct catalog_log *l = find_log(c, field(st, "source"), field(st, "stream"),
	    field(st, "file"));

	l->frames = number(st, "frames");
	l->bytes = number(st, "bytes");
	l->position = lsn(st, "position");
	l->time = point(st, "time");
	l->closed = st->verb == ST_LOG_CLOSE;
	l->marked = en->time;
	l->has_tail = statement_get(st, "tail") != NULL;
	if (l->has_tail && statement_hash_field(st, "tail", l->tail, e) != 0)
		return -1;
	return statement_hash_field(st, "digest", l->digest, e);
}

static int
add_gap(struct catalog *c, const struct journal_entry *en, struct err *e)
{
	struct catalog_gap *g = room(c->gaps, c->ngaps, sizeof(*g), e);

	if (g == NULL)
		return -1;
	c->gaps = g;
	g += c->ngaps++;
	memset(g, 0, sizeof(*g));
	copy(g->source, sizeof(g->source), field(en->st, "source"));
	copy(g->stream, sizeof(g->stream), field(en->st, "stream"));
	copy(g->reason, sizeof(g->reason), field(en->st, "reason"));
	g->from = lsn(en->st, "from");
	g->to = lsn(en->st, "to");
	g->time = en->time;
	return 0;
}

static int
enter(struct catalog *c, const struct journal_entry *en, struct err *e)
{
	switch (en->st->verb) {
	case ST_ENROL:
		return add_source(c, en, e);
	case ST_SNAPSHOT:
		return add_snapshot(c, en, e);
	case ST_LOG_OPEN:
		return add_log(c, en, e);
	case ST_LOG_MARK:
	case ST_LOG_CLOSE:
		return add_mark(c, en, e);
	case ST_LOG_GAP:
		return add_gap(c, en, e);
	default:
		return 0;
	}
}

int
catalog_add(void *ctx, const struct journal_entry *en, struct err *e)
{
	struct catalog *c = ctx;
	struct catalog_source *s;
	int r;

	if (c->index == NULL && (c->index = catalog_index_new(e)) == NULL)
		return -1;
	r = catalog_check(c, en->st, e);
	if (r > 0)
		return err_set(e, ERR_CORRUPT, "%s statement: said before",
		    statement_verb_name(en->st->verb));
	if (r < 0) {
		e->kind = ERR_CORRUPT;
		return -1;
	}
	if (enter(c, en, e) != 0)
		return -1;
	if ((s = find_source(c, field(en->st, "source"))) != NULL)
		s->last_seen = en->time;
	return 0;
}
