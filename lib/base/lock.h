/*
 * A lock that dies with its process: flock on a file of its own, holding the
 * owner's pid as text for people.
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include "base/err.h"

struct lock;

/* NULL: ERR_BUSY (names the holder's pid) or an I/O error.  The file stays when freed. */
struct lock *lock_take(const char *path, struct err *e);

/* As lock_take, but waits. */
struct lock *lock_wait(const char *path, struct err *e);

void lock_free(struct lock *l);

#endif
