/* PostgreSQL's positions and WAL file names (src/include/access/xlog_internal.h). */
#ifndef PG_LSN_H
#define PG_LSN_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

#define LSN_TEXT 20	/* "FFFFFFFF/FFFFFFFF" and a NUL */
#define WAL_NAME 25	/* 24 hex digits and a NUL */

char *lsn_format(char out[LSN_TEXT], uint64_t lsn);	/* "%X/%X"; returns out */
void lsn_json(struct json *j, const char *key, uint64_t lsn);	/* the same, as a string */
int lsn_parse(const char *s, uint64_t *lsn);	/* also "%X/%08X"; all of s; 0 or -1 */

int wal_segment_size_ok(uint32_t size);			/* a power of two, 1 MiB..1 GiB */
uint64_t wal_segment_start(uint64_t lsn, uint32_t size);
char *wal_segment_name(char out[WAL_NAME], uint32_t timeline, uint64_t lsn, uint32_t size);

/* "000000010000000000000003" to timeline and start position; 0 or -1. */
int wal_segment_parse(const char *name, uint32_t size, uint32_t *timeline, uint64_t *start);
/* "00000002.history" to its timeline; 0 or -1. */
int wal_history_parse(const char *name, uint32_t *timeline);

/*
 * A timeline's ancestry: where each timeline ended and the next began, oldest
 * first; the content of TIMELINE.history.  Timeline 1 has none.
 */
#define WAL_HISTORY_MAX 256
struct wal_history {
	uint32_t timeline;	/* the one this is the history of */
	int n;
	struct {
		uint32_t timeline;
		uint64_t end;	/* the first position that is no longer this timeline's */
	} at[WAL_HISTORY_MAX];
};
int wal_history_read(struct wal_history *h, uint32_t timeline, const char *text, size_t len);
/* "1:0/3000000,2:0/5000000", or "-" without ancestors: the form in statements.  0 or -1. */
int wal_history_encode(const struct wal_history *h, char *out, size_t cap);
int wal_history_decode(struct wal_history *h, uint32_t timeline, const char *s);
/* Which timeline of this history does lsn belong to?  (The last one when past all ends.) */
uint32_t wal_history_timeline_at(const struct wal_history *h, uint64_t lsn);
/* 1 when timeline t is h's own or an ancestor; *end its end (UINT64_MAX for its own). */
int wal_history_has(const struct wal_history *h, uint32_t t, uint64_t *end);

#endif
