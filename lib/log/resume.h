/*
 * Where logship begins: from what the repository holds of a source's log, what the
 * server says and what this machine remembers, to one plan.
 *
 *	resume_load	reads what is held: the journal, and the ends of unclosed files
 *	resume_decide	decides, without touching anything
 *
 * The server's history is a path of timelines.  The last timeline on it of which a
 * stream is held is gone on with, from that stream's end; a stream that was shipped to
 * where its timeline ended gives way to the next one.  See logship(1).
 */
#ifndef LOG_RESUME_H
#define LOG_RESUME_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/report.h"
#include "log/tail.h"
#include "log/writer.h"
#include "pg/lsn.h"
#include "repo/repo.h"

struct resume_stream {
	char name[STREAM_NAME_MAX], parent[STREAM_NAME_MAX];
	uint32_t timeline;
	struct wal_history history;
	uint64_t start;			/* of its first file */
	uint64_t end;			/* behind the last whole frame of all its files */
	int64_t time;			/* the last promise (writer.h) */
	struct log_after last;		/* the file opened last, as found */
	uint64_t opened;		/* journal line of that */
	struct tail_mark mark;		/* the last tail in the journal; position 0: none */
};

struct resume_held {
	uint64_t system_id;		/* what the source is bound to; 0: nothing yet */
	struct resume_stream *streams;	/* in order of first opening */
	size_t n;
};

/* Warns about a last file that is missing or shorter than was signed: no error here. */
int resume_load(struct repo *r, const char *source, struct report *report,
    struct resume_held *out, struct err *e);
void resume_held_free(struct resume_held *h);

enum resume_slot {
	RESUME_SLOT_NEW,	/* made just now: it says nothing about the past */
	RESUME_SLOT_KNOWN,	/* it was there, and its position is known */
	RESUME_SLOT_UNKNOWN	/* it was there (server 14: does not tell its position) */
};

struct resume_server {
	uint64_t system_id;
	uint32_t timeline, segment_size;
	int version;
	uint64_t flushed;
	int standby;
	struct wal_history history;	/* of `timeline` */
	enum resume_slot slot;
	uint64_t restart;		/* the slot's; 0: reserves nothing, or unknown */
	uint64_t oldest;		/* it has no WAL before this segment; 0: not known */
};

struct resume_plan {
	struct log_stream_info info;	/* history_file is left empty */
	uint64_t from;			/* stream from here, a segment's start */
	struct tail_mark compare;	/* what from..start must be; position 0: no matter */
	uint64_t start;			/* the file begins here */
	int earliest;			/* or with the oldest WAL there is before start */
	uint64_t gap;			/* from here to start it is missing; 0: nothing is */
	struct log_after after;
	int64_t time;
	int alarm;			/* histories part: warn of it, count it */
	char text[512];			/* what to warn of, or "" */
};

/*
 * differs: the stream whose tail was found to be another on the server, or NULL.
 * state: what this machine remembers, or NULL.
 * ERR_REFUSED: another system; ERR_BUSY: a standby that is behind what is held.
 */
int resume_decide(const struct resume_held *h, const struct resume_server *sv,
    const struct tail_record *state, const char *differs, struct resume_plan *p,
    struct err *e);

#endif
