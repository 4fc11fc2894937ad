/*
 * A snapshot of a running PostgreSQL server: BASE_BACKUP and the WAL of the backup,
 * into a repository or as a tar.
 *
 *	identify, make the slot, BASE_BACKUP -> lane 0
 *	thread: stream WAL from the slot     -> lane 1
 *	finish the image, commit the statement
 *
 * The slot is made before the backup begins, and is temporary: it goes with its
 * connection.
 */
#ifndef IMAGE_PGSNAPSHOT_H
#define IMAGE_PGSNAPSHOT_H

#include <stdint.h>

#include "base/err.h"
#include "base/report.h"
#include "image/manifest.h"
#include "image/put.h"
#include "repo/repo.h"
#include "repo/source.h"

struct pgsnapshot_options {
	const char *conninfo;
	const char *id;	   /* pgsnapshot_id */
	const char *label; /* NULL: made from the id */
	uint32_t max_rate; /* kB/s; 0: no limit */
	int fast;	   /* checkpoint at once */
	int jobs, level;
	struct report *report;
};

/* A new id: the time, and random digits.  sodium_init has been called. */
void pgsnapshot_id(char id[SNAPSHOT_ID_MAX]);

/*
 * Take and commit it; meta (to be freed with image_meta_free) and sum tell about it.
 * ERR_BUSY: another snapshot of this source is running.  ERR_REFUSED: the server is
 * not the source's.  Broken pages are no failure: meta->broken_pages.  SIGTERM and
 * SIGINT (report_stop_install) end it with ERR_CANCELLED.
 */
int pgsnapshot_store(const struct pgsnapshot_options *o, struct repo *r,
    const struct source *src, struct image_meta *meta, struct image_summary *sum,
    struct err *e);

/* The same as a pax tar to fd, WAL last; id is only for the slot and the label. */
int pgsnapshot_tar(const struct pgsnapshot_options *o, int fd, struct image_meta *meta,
    struct err *e);

#endif
