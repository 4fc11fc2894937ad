/*
 * BASE_BACKUP, both dialects (to 14, and from 15), as a stream of file events.
 *
 * Source: the PostgreSQL documentation, "Streaming Replication Protocol"; what we
 * rely on is in the tests.  The tar streams are read with libarchive; member
 * names are untrusted: absolute names, "..", empty and over-long ones are
 * ERR_CORRUPT.  Tablespace members come as pg_tblspc/<oid>/..., and the
 * links pg_tblspc/<oid> as PG_FILE_LINK with the tablespace's location.
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

/* Push sink for files: file, then data until size, then end; for dirs and links file and end. */
struct pg_sink {
	int (*file)(void *ctx, const struct pg_file *f, struct err *e);
	int (*data)(void *ctx, const void *p, size_t n, struct err *e);
	int (*end)(void *ctx, struct err *e);
	void *ctx;
};

/* 0 when path may be used below a target directory: relative, no "..", no empty part. ERR_CORRUPT. */
int pg_path_check(const char *path, struct err *e);

struct pg_backup_options {
	const char *label;	/* no quotes or newlines needed: they are escaped */
	uint32_t max_rate;	/* kB/s, 32..1048576; 0: no limit */
	int fast;		/* checkpoint at once */
};

#define PG_TABLESPACES_MAX 256
struct pg_backup {
	uint64_t start, stop;	/* LSNs; stop is known after pg_backup_run */
	uint32_t timeline;
	uint64_t size;		/* the server's estimate, bytes; for progress */
	int broken_pages;	/* the server reported page checksum failures */
	char broken_text[512];	/* its words */
	int ntablespaces;
	struct {
		uint32_t oid;
		char location[PG_PATH_MAX];
	} tablespaces[PG_TABLESPACES_MAX];
};

/* Start it; returns when start position, timeline and tablespaces are known (after the checkpoint). */
int pg_backup_begin(struct pg *pg, const struct pg_backup_options *o, struct pg_backup *b,
    struct err *e);

/*
 * Stream all files into sink, backup_manifest last; progress(pctx, bytes so far) may be
 * NULL.  Success only after CommandComplete.  A page checksum failure sets
 * b->broken_pages and is no error.  stop() != 0 ends it (ERR_CANCELLED).
 */
int pg_backup_run(struct pg *pg, struct pg_backup *b, const struct pg_sink *sink,
    void (*progress)(void *pctx, uint64_t bytes), void *pctx, int (*stop)(void), struct err *e);

#endif
