/*
 * BASE_BACKUP, both dialects (to 14, and from 15), as a stream of file events.
 *
 * Source: the PostgreSQL documentation, "Streaming Replication Protocol"; what we
 * rely on is in the tests.  The tar streams are read with libarchive; member
 * names are untrusted: absolute names, "..", empty and over-long ones are
 * ERR_CORRUPT, and so are links other than pg_tblspc/<oid>.
 *
 * Order: the members of the tablespaces, as pg_tblspc/<oid>/...; then the data
 * directory, backup_label first and pg_control last, with the links
 * pg_tblspc/<oid> as PG_FILE_LINK with the tablespace's location (a tablespace
 * made during the backup may show as a link alone: WAL makes it again); then
 * backup_manifest, with CRC-32C checksums: what we store has digests of ours.
 * An in-place tablespace (for tests of PostgreSQL itself) is a plain folder.
 */
#ifndef PG_BASEBACKUP_H
#define PG_BASEBACKUP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "pg/conn.h"

#define PG_PATH_MAX 1024

enum pg_file_type { PG_FILE_REGULAR = 1, PG_FILE_DIR, PG_FILE_LINK };

struct pg_file {
	enum pg_file_type type;
	char path[PG_PATH_MAX];	/* relative to the data directory, checked */
	char target[PG_PATH_MAX]; /* links only */
	uint32_t mode;		/* permission bits */
	int64_t mtime;		/* µs since 1970 */
	uint64_t size;		/* regular files: exactly so many bytes follow */
};

/* Push sink: file, then data until size, then end; for folders and links file and end. */
struct pg_sink {
	int (*file)(void *ctx, const struct pg_file *f, struct err *e);
	int (*data)(void *ctx, const void *p, size_t n, struct err *e);
	int (*end)(void *ctx, struct err *e);
	void *ctx;
};

/* 0 when path stays below a target folder: relative, no "..", ".", empty part. ERR_CORRUPT. */
int pg_path_check(const char *path, struct err *e);

struct pg_backup_options {
	const char *label;	/* any text: quotes are escaped, control characters blanked */
	uint32_t max_rate;	/* kB/s, 32..1048576; 0: no limit */
	int fast;		/* checkpoint at once */
};

#define PG_TABLESPACES_MAX 256
struct pg_backup {
	uint64_t start, stop;	/* LSNs; stop is known after pg_backup_run */
	uint32_t timeline, stop_timeline; /* they differ when a standby followed a switch */
	uint64_t size;		/* the server's estimate, bytes; for progress */
	int broken_pages;	/* the server reported page checksum failures */
	char broken_text[512];	/* its words: the failure, then the first pages by name */
	int ntablespaces;
	struct {
		uint32_t oid;
		char location[PG_PATH_MAX];	/* absolute; in-place: pg_tblspc/<oid> */
	} tablespaces[PG_TABLESPACES_MAX];
};

/*
 * Start it; returns when start position, timeline and tablespaces are known, after
 * the checkpoint: that takes minutes unless o->fast.  stop() != 0 ends the wait
 * (ERR_CANCELLED) within a second; stop may be NULL.
 */
int pg_backup_begin(struct pg *pg, const struct pg_backup_options *o, struct pg_backup *b,
    int (*stop)(void), struct err *e);

/*
 * Stream all files into sink, backup_manifest last; progress(pctx, bytes so far) may be
 * NULL.  Success only after CommandComplete.  A page checksum failure sets
 * b->broken_pages and is no error.  stop() as in pg_backup_begin.
 */
int pg_backup_run(struct pg *pg, struct pg_backup *b, const struct pg_sink *sink,
    void (*progress)(void *pctx, uint64_t bytes), void *pctx, int (*stop)(void),
    struct err *e);

#endif
