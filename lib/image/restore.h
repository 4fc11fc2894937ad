/*
 * A snapshot into an empty directory, or as a tar.
 *
 *	stamp (incomplete), files, sync, safe configuration, pg_control, stamp (complete)
 *
 * A restore that is cut off leaves no pg_control and an incomplete stamp.
 */
#ifndef IMAGE_RESTORE_H
#define IMAGE_RESTORE_H

#include <sys/types.h>

#include "base/err.h"
#include "base/report.h"
#include "image/get.h"
#include "repo/repo.h"

/* The first line of the postgresql.auto.conf that a restored copy gets. */
#define RESTORE_SAFE_CONF "# bulkhead: safe configuration"

struct restore_mapping {
	char *from, *to;
};

struct restore_options {
	struct repo *repo;
	const char *url; /* the repository, for the stamp */
	const struct key_secret *key;
	const struct catalog_snapshot *snapshot;
	const char *target;
	const char *owner; /* "USER[:GROUP]", or NULL: see restore(1) */
	const struct restore_mapping *mappings;
	int nmappings, jobs;
	struct report *report;
};

/*
 * ERR_REFUSED: the target (or a mapped folder) is not empty, or the key does not open
 * the snapshot; ERR_USAGE: a mapping of no tablespace, an unknown owner; ERR_CORRUPT.
 * *target gets the absolute path, to free().
 */
int restore_directory(const struct restore_options *o, char **target, struct err *e);

/* The snapshot's files as a pax tar to fd; of o only repo, key, snapshot and report count. */
int restore_tar(const struct restore_options *o, int fd, struct err *e);

#endif
