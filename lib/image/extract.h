/*
 * Writing an image into an empty directory.
 *
 * Names come from a host that may be hostile: folders are walked by openat without
 * following links, and the only links made are those of tablespaces, to where the
 * caller says.  Files that would make the copy act for the lost server are set
 * aside in TARGET/bulkhead as NAME.original: postgresql.auto.conf, recovery.signal,
 * standby.signal.  A folder "bulkhead" of the image itself is left out.
 * global/pg_control comes last, by extract_seal: without it no server starts.
 */
#ifndef IMAGE_EXTRACT_H
#define IMAGE_EXTRACT_H

#include <sys/types.h>

#include "base/err.h"
#include "image/get.h"

/* Where a tablespace goes: an absolute path, which exists and is empty. */
struct extract_tablespace {
	uint32_t oid;
	char *path;
};

struct extract_options {
	const char *target; /* absolute; exists, and has nothing but bulkhead/ in it */
	const struct extract_tablespace *tablespaces;
	int ntablespaces;
	int chown; /* give everything to uid and gid */
	uid_t uid;
	gid_t gid;
};

struct extract;

struct extract *extract_new(const struct extract_options *o, struct err *e);
void extract_free(struct extract *x);
struct image_visitor extract_visitor(struct extract *x);

/*
 * After image_read: the folders' modes and times; everything synced.  Whole file systems
 * are synced (syncfs), not file by file: it takes one journal commit instead of thousands, and
 * reports the same write errors.
 */
int extract_sync(struct extract *x, struct image *im, struct err *e);

/* Make a file of ours, durable: "recovery.signal". */
int extract_add(struct extract *x, const char *path, const void *p, size_t n, struct err *e);

/* Put pg_control in place, durably. */
int extract_seal(struct extract *x, struct err *e);

#endif
