/*
 * What the journal says, as tables: sources, snapshots, logs and gaps.  Needs no key.
 * All strings and arrays are owned by the catalog; entries keep their order of commit.
 * Pointers are valid until the next refresh.  A new one is all zeros.
 */
#ifndef REPO_CATALOG_H
#define REPO_CATALOG_H

#include <stddef.h>
#include <stdint.h>

#include "pg/lsn.h"
#include "repo/journal.h"

#define SNAPSHOT_ID_MAX 40	/* "20261122T100000Z-1f2e3d4c" and room */
#define STREAM_NAME_MAX 64	/* "<system id>-<timeline as 8 hex>[-fork number]" */
#define LOG_NAME_MAX	40	/* "<start LSN as 16 hex>.<n>" */

struct catalog_source {
	char name[SOURCE_NAME_MAX];
	char environment[24];		/* production, staging, development */
	struct key_public writer;
	int64_t enrolled;
	uint64_t system_id;		/* bound by the first snapshot or log; 0: none yet */
	int64_t last_seen;		/* keeper's time of its last statement */
};

struct catalog_snapshot {
	char source[SOURCE_NAME_MAX], id[SNAPSHOT_ID_MAX], engine[16];
	int version;			/* server_version_num */
	uint64_t system_id;
	uint32_t timeline, segment_size;
	uint64_t start, stop;		/* LSNs: recoverable from stop on */
	int64_t started, stopped;	/* µs, the database host's clock */
	int64_t committed;		/* µs, the keeper's */
	uint64_t bytes, stored, files, packs;
	uint8_t manifest[32], packlist[32];
	int broken_pages;
	const struct wal_history *history;	/* the catalog's; shared by equal ones */
	uint64_t seq;
};

struct catalog_log {
	char source[SOURCE_NAME_MAX], stream[STREAM_NAME_MAX], file[LOG_NAME_MAX];
	uint64_t system_id;
	uint32_t timeline, segment_size;
	int version;
	uint64_t start;			/* LSN of its first byte */
	char parent[STREAM_NAME_MAX];	/* the stream that this one forked from; or "" */
	uint8_t preamble[32];		/* hash of the file's preamble */
	const struct wal_history *history;	/* as above */
	/* the file before it in this stream, as its opener found it; "": the first */
	char after_file[LOG_NAME_MAX];
	uint64_t after_frames, after_bytes, after_position;
	/* what the last mark (or close) signed; before any: frames 0, position start */
	uint64_t frames, bytes, position;
	int64_t time;			/* of the last frame, µs */
	uint8_t digest[32];		/* BLAKE2b-256 of the file's first `bytes` bytes */
	int has_tail;
	uint8_t tail[32]; /* keyed, of the log in position's segment: log/tail.h */
	int closed;
	int64_t opened, marked;		/* keeper's times */
	uint64_t seq;
};

struct catalog_gap {
	char source[SOURCE_NAME_MAX], stream[STREAM_NAME_MAX], reason[200];
	uint64_t from, to;
	int64_t time;
};

struct catalog {
	struct catalog_source *sources;
	struct catalog_snapshot *snapshots;
	struct catalog_log *logs;
	struct catalog_gap *gaps;
	size_t nsources, nsnapshots, nlogs, ngaps;
	struct catalog_index *index;	/* private */
};

void catalog_free(struct catalog *c);	/* what it holds */

/* journal_read's each(): ctx is the struct catalog.  ERR_CORRUPT: contradictory content. */
int catalog_add(void *ctx, const struct journal_entry *en, struct err *e);

/*
 * May st be committed?  0 yes; 1 the catalog holds the same already (a commit that is
 * tried again); -1 it contradicts what is there: ERR_CONFLICT, or ERR_CORRUPT for bad fields.
 */
int catalog_check(const struct catalog *c, const struct statement *st, struct err *e);

const struct catalog_source *catalog_source(const struct catalog *c, const char *name);
const struct catalog_snapshot *catalog_snapshot(const struct catalog *c, const char *source,
    const char *id);		/* id may be an unambiguous prefix; NULL: the newest */
const struct catalog_log *catalog_log(const struct catalog *c, const char *source,
    const char *stream, const char *file);

/* The named source; with name NULL the only one.  ERR_NOTFOUND, ERR_USAGE (which one?). */
const struct catalog_source *catalog_pick(const struct catalog *c, const char *name,
    struct err *e);

#endif
