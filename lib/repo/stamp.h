/*
 * The stamp: TARGET/bulkhead/stamp, what restore leaves so that pitr-replay needs
 * only the directory and the key.  Text, "word value" lines; replaced
 * atomically.  Beside it in TARGET/bulkhead/: wal/ (the snapshot's WAL, set aside before
 * the first replay), postgresql.auto.conf.original, the generated configuration,
 * the server's log, tablespaces/ (unmapped ones).
 */
#ifndef REPO_STAMP_H
#define REPO_STAMP_H

#include <stdint.h>

#include "base/err.h"
#include "repo/catalog.h"

struct stamp {
	uint8_t repo[32];
	char url[1024];			/* where the repository was; -r overrides */
	char source[SOURCE_NAME_MAX], snapshot[SNAPSHOT_ID_MAX];
	char environment_id[33];	/* fresh, random hex */
	int64_t restored;		/* µs */
	int complete;			/* 0 while restore still writes */
	uint64_t replayed;		/* LSN up to which it has been replayed; 0: not yet */
	char stream[STREAM_NAME_MAX];	/* that it was replayed along; "": none yet */
	int released;
};

/* ERR_NOTFOUND: not a restored copy. */
int stamp_read(const char *target, struct stamp *s, struct err *e);
/* TARGET/bulkhead must exist. */
int stamp_write(const char *target, const struct stamp *s, struct err *e);

#endif
