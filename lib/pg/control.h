/*
 * pg_control, as far as recovery needs it (src/include/catalog/pg_control.h of 14
 * to 18; pg_control_version 1300, 1700, 1800), with its CRC-32C checked.
 */
#ifndef PG_CONTROL_H
#define PG_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct pg_control {
	uint64_t system_id;
	uint32_t control_version, catalog_version;
	/* 1 shut down, 2 the same in recovery, 5 in archive recovery, 6 in production */
	uint32_t state;
	uint64_t checkpoint, redo;	/* LSNs */
	uint32_t timeline;		/* of the checkpoint */
	uint64_t min_recovery;		/* minRecoveryPoint */
	uint32_t min_recovery_timeline;
	int wal_level;			/* 0 minimal, 1 replica, 2 logical */
	int max_connections, max_worker_processes, max_wal_senders;
	int max_prepared_xacts, max_locks_per_xact;
	uint32_t segment_size, block_size, data_checksums;
};

/*
 * The file's bytes.  ERR_CORRUPT; ERR_CONFIG for a version that we do not know or for
 * blocks of another size than 8192.  The error names pg_control, not the directory.
 */
int pg_control_parse(const void *p, size_t n, struct pg_control *out, struct err *e);

/* Of a data directory; tries again for a moment, since a running server may be writing it. */
int pg_control_read(const char *datadir, struct pg_control *out, struct err *e);

/* PG_VERSION of a data directory: the major version.  ERR_NOTFOUND, ERR_CORRUPT. */
int pg_version_read(const char *datadir, int *major, struct err *e);

#endif
