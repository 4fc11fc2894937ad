/* Trying again: whether it may help, and growing pauses of about 1, 2, 4, ... 60 seconds. */
#ifndef LOG_BACKOFF_H
#define LOG_BACKOFF_H

#include <stdint.h>

#include "base/err.h"

struct backoff {
	int tries;	/* 0 at first, and again after a success */
};

/* How long to wait now, in µs: a quarter more or less, so that not all come at once. */
int64_t backoff_next(struct backoff *b);

/* Could a failure of the repository be over after a while, without anybody's decision? */
int backoff_may_help(const struct err *e);

#endif
