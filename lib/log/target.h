/*
 * Recovery targets: the log is scanned first, and every target becomes a position.
 *
 *	before X   ends before the first transaction whose commit is at or after X
 *	to X	   includes those up to and including X
 *	end	   all that is held
 *
 * X: a time, an LSN, a transaction id, the name of a restore point.  All in log order,
 * since commit times are not monotonic:
 *
 *	before T	leaves out the first commit with time >= T and all behind it
 *	to T		leaves out the first commit with time > T and all behind it
 *	before L	leaves out what begins at or behind L
 *	to L		leaves out what begins behind L
 *	before N / to N	leaves out, or ends with, the commit of transaction N;
 *			the same with a restore point's record
 *
 * But for the end, replay stops right behind the last transaction that belongs in
 * (committed or prepared).  What is behind that changes nothing that could be seen, and can
 * do harm: a table that somebody is about to drop would stay locked in the copy, and
 * DROP DATABASE removes its files before it commits.
 */
#ifndef LOG_TARGET_H
#define LOG_TARGET_H

#include <stdint.h>

#include "base/err.h"
#include "base/report.h"
#include "log/reader.h"
#include "pg/walscan.h"

enum target_kind { TARGET_END, TARGET_TIME, TARGET_LSN, TARGET_XID, TARGET_NAME };

struct target {
	enum target_kind kind;
	int inclusive;		/* --to; 0: --before */
	int64_t time;
	uint64_t lsn;
	uint32_t xid;
	char name[200];
	char text[256];		/* as the user gave it */
};

/*
 * "2026-11-22T10:00:00Z", "0/3000060", "xid:1234",
 * "name:before-migration". ERR_USAGE with a hint.
 */
int target_parse(const char *text, int inclusive, struct target *t, struct err *e);

struct target_result {
	int reached;			/* 0: the log ends before it, or does not hold it */
	uint64_t stop;			/* the end of the last record that is replayed */
	int at_end;			/* stop is the proven end of the log */
	struct wal_event before, after;	/* the transactions on both sides; kind 0: none */
	uint64_t commits;		/* that will be replayed, from `from` on */
	uint64_t end;			/* proven end of the log, as far as it was scanned */
	uint64_t passed;		/* where a target lies that the copy is beyond; or 0 */
	struct wal_event minima;	/* the largest parameters seen */
	uint64_t scanned;		/* bytes */
};

/*
 * Scan path from `scan` on (a segment's start, or where the path begins): what lies
 * before `from` (the snapshot's stop, or how far the copy has been replayed) is in the copy
 * already, so a target there is ERR_REFUSED, and out->passed says where it lies: never
 * replay past it silently.
 * A transaction or restore point that is not found, or a time or LSN that the log
 * does not reach, is no error: reached = 0 and stop = end.  A log that cannot be read on
 * to its end is ERR_CORRUPT.
 */
int target_resolve(struct log_reader *l, const struct log_path *path, uint64_t scan,
    uint64_t from, uint32_t segment_size, uint64_t system_id, const struct target *t,
    struct target_result *out, struct report *report, struct err *e);

#endif
