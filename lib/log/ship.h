/*
 * logship's work: follow one PostgreSQL server's WAL into the repository without end.
 *
 * Two threads: this one talks to the server and never waits for the repository;
 * an appender seals, appends and syncs what has gathered (group commit).  The server
 * is told a position only after the repository has synced it.  See logship(1)
 * for resuming, forks, gaps and timelines.
 */
#ifndef LOG_SHIP_H
#define LOG_SHIP_H

#include <stdint.h>

#include "base/err.h"
#include "base/report.h"
#include "repo/repo.h"
#include "repo/source.h"
#include "repo/state.h"

struct ship_options {
	const char *conninfo, *slot;	/* slot: made when it does not exist */
	struct repo *repo;
	struct state *state;
	const struct source *source;
	struct report *report;
	const char *metrics;		/* file or NULL */
	int once;			/* catch up with the server's end, then return */
	int level;
	int64_t heartbeat, mark, roll_age;	/* µs: 30 s, 60 s, 1 h */
	uint64_t roll_size;			/* 256 MiB */
};

struct ship_result {
	uint64_t bytes, from, to;
	char stream[STREAM_NAME_MAX];	/* the last one */
	int gaps, forks, reconnects;
};

/*
 * Runs until SIGTERM (report_stopping), the end of --once, or an error that waiting
 * does not mend.  A lost server is waited for with backoff (1 s to 60 s); with once it
 * is an error.  *res is filled in any case.
 */
int ship_run(const struct ship_options *o, struct ship_result *res, struct err *e);

/* "bulkhead_" and the source's name with '_' for what a slot's name may not have. */
#define SHIP_SLOT_MAX 64
void ship_slot_name(const char *source, char out[SHIP_SLOT_MAX]);

#endif
