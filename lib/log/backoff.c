/*
 * Trying again.
 */
#include "log/backoff.h"

#include <errno.h>
#include <sodium.h>

#define FIRST	INT64_C(1000000)
#define LONGEST (60 * FIRST)

int64_t
backoff_next(struct backoff *b)
{
	int64_t wait = FIRST << b->tries;

	if (wait >= LONGEST)
		wait = LONGEST;
	else
		b->tries++;
	return wait - wait / 4 + (int64_t)randombytes_uniform((uint32_t)(wait / 2));
}

int
backoff_may_help(const struct err *e)
{
	switch (e->kind) {
	case ERR_IO:		/* full, or a disk that comes back */
	case ERR_UNREACHABLE:
	case ERR_BUSY:
	case ERR_SYSTEM:
	case ERR_NOTFOUND:	/* not mounted */
		return 1;
	case ERR_REFUSED:	/* remounted read-only after an error of the disk */
		return e->sys == EROFS;
	default:
		return 0;
	}
}
