/*
 * One WAL segment or history file, as a recovering server asks for it by name: merged
 * from the snapshot's own WAL (a folder) and the log, padded with zeros.
 *
 * A path that was cut (walfile_cut) is the whole of what there is: the server cannot
 * replay beyond its end, whatever it is told or who starts it.
 */
#ifndef LOG_WALFILE_H
#define LOG_WALFILE_H

#include <stdint.h>

#include "base/err.h"
#include "log/index.h"
#include "log/reader.h"
#include "repo/catalog.h"

struct walfile_source {
	const struct catalog_snapshot *snapshot;
	const char *wal_dir;		/* the snapshot's segments; NULL: not there */
	const struct log_path *path;	/* n may be 0: only the folder */
	struct log_reader *reader;	/* of that path */
};

/* path up to `stop`, which lies at or behind the snapshot's stop: the rest is forgotten, and a hole with it. */
void walfile_cut(struct log_path *out, const struct log_path *path,
    const struct catalog_snapshot *s, uint64_t stop);

/* The end of what there is: the path's, or the snapshot's stop. */
uint64_t walfile_end(const struct walfile_source *w);

/* The timeline whose segment at `start` holds all that there is of it. */
uint32_t walfile_timeline(const struct walfile_source *w, uint64_t start);

/*
 * One segment into the empty file fd, called name in messages: 1 and it holds segment_size
 * bytes, zeros from the end on; 0: the segment lies behind the end, or this timeline has no
 * part in it; -1: ERR_CORRUPT (bytes before the end are missing or damaged), ERR_IO.
 */
int walfile_segment(const struct walfile_source *w, uint32_t timeline, uint64_t start, int fd,
    const char *name, struct err *e);

/* The same into a new file without a name in dir: *fd, the caller's to close, when 1; else -1. */
int walfile_segment_in(const struct walfile_source *w, uint32_t timeline, uint64_t start,
    const char *dir, int *fd, struct err *e);

/*
 * The .history file of a timeline of w's path, or of any other that the repository knows of
 * this source (a server that is promoted asks for the next ones, to find a number that is
 * free): 1, 0 (no such timeline, or it has no ancestor), -1.
 */
int walfile_history(const struct walfile_source *w, const struct catalog *c, uint32_t timeline,
    struct buf *out, struct err *e);

#endif
