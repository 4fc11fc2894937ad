/*
 * The bodies of the few WAL records that recovery targets are made of, decoded as
 * a stream: the commit that dropped a hundred thousand tables is one record of many
 * megabytes, and it is the one that people look for.  A decoder holds 256 bytes.
 *
 * For each record: walrecord_head, and when walrecord_wanted, walrecord_begin, then
 * walrecord_feed its body in pieces of any size, and, once its CRC has been found
 * right, walrecord_end.
 *
 * Formats: src/include/access/{xlogrecord,xlog_internal,xact}.h of 14 to 18.
 */
#ifndef PG_WALRECORD_H
#define PG_WALRECORD_H

#include <stddef.h>
#include <stdint.h>

#include "pg/walscan.h"

#define WALRECORD_HEAD	   24	/* bytes of a record's header */
#define WALRECORD_HEAD_CRC 20	/* so many of them are covered by its CRC, after the body */

enum { WAL_RM_XLOG = 0, WAL_RM_XACT = 1 };	/* resource managers */

/* What their info says, in the upper bits.  XACT: 0x70, 0x80 is a flag. */
enum {
	WAL_XLOG_CHECKPOINT_SHUTDOWN = 0x00, WAL_XLOG_CHECKPOINT_ONLINE = 0x10,
	WAL_XLOG_SWITCH = 0x40, WAL_XLOG_PARAMETER_CHANGE = 0x60,
	WAL_XLOG_RESTORE_POINT = 0x70, WAL_XLOG_END_OF_RECOVERY = 0x90,
	WAL_XLOG_OVERWRITE_CONTRECORD = 0xd0, WAL_XACT_COMMIT = 0x00,
	WAL_XACT_PREPARE = 0x10, WAL_XACT_ABORT = 0x20, WAL_XACT_COMMIT_PREPARED = 0x30,
	WAL_XACT_ABORT_PREPARED = 0x40
};

struct walrecord_head {
	uint32_t length;	/* of the whole record, this header included */
	uint32_t xid;
	uint64_t prev;		/* where the record before it starts */
	uint8_t info, rmid;
	uint32_t crc;
};

struct walrecord {
	struct wal_event ev;	/* but for start and end, which the scanner knows */
	uint64_t overwritten;	/* OVERWRITE_CONTRECORD: start of the record given up */
	uint64_t left;		/* bytes of the body still to come */
	uint64_t skip;		/* so many of them mean nothing to us */
	int major;
	int has_xinfo;
	uint32_t xinfo;		/* which sections a commit or abort has */
	int section;
	void (*step)(struct walrecord *w);	/* the field is complete; NULL: no more */
	size_t need, got;
	uint8_t field[256];
	int bad;
};

void walrecord_head(struct walrecord_head *h, const uint8_t p[WALRECORD_HEAD]);

/* Is it one whose body we want to see? */
int walrecord_wanted(const struct walrecord_head *h);

/* major: the server's version, 14 to 18. */
void walrecord_begin(struct walrecord *w, const struct walrecord_head *h, int major);
void walrecord_feed(struct walrecord *w, const uint8_t *p, size_t n);

/*
 * All is fed.  1: w->ev is an event; 0: nothing to tell; -1: the body is not what
 * such a record holds in this version.
 */
int walrecord_end(const struct walrecord *w);

#endif
