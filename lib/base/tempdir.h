/*
 * A temporary folder that goes away however we end: also by a signal, also by kill -9.
 *
 * A child process of its own, forked by tempdir_new, waits until we close our end of a pipe or
 * are gone.  Then it calls `end`, which ends what still works in the folder, and removes
 * the folder with all that is in it.  A process that we started holds the pipe, too, until
 * its exec, so none is missed.
 */
#ifndef BASE_TEMPDIR_H
#define BASE_TEMPDIR_H

#include <sys/types.h>

#include "base/err.h"

struct tempdir;

/*
 * Make DIR/NAME-XXXXXX with this mode.  Call it before there are threads or secrets.  end
 * may be NULL; it runs in the child.  NULL: ERR_IO, ERR_NOTFOUND, ERR_REFUSED, ERR_SYSTEM.
 */
struct tempdir *tempdir_new(const char *dir, const char *name, mode_t mode,
    int (*end)(const char *path, struct err *e), struct err *e);

/* Its absolute path. */
const char *tempdir_path(const struct tempdir *t);

/* End and remove it now; waits for that.  -1: the child has told why, ERR_IO; t is freed. */
int tempdir_end(struct tempdir *t, struct err *e);

/* Remove path with all that is in it; links are not followed.  Not there: 0. */
int tempdir_remove(const char *path, struct err *e);

#endif
