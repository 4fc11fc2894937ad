/*
 * Up to when the log is complete: the server says now and then how far it has flushed,
 * with its clock; once all that has arrived, the promise for that time can be made
 * (log/writer.h).
 */
#ifndef LOG_PROMISE_H
#define LOG_PROMISE_H

#include <stdint.h>

#define PROMISE_MAX 64

struct promise {
	struct {
		uint64_t end;
		int64_t time;
	} seen[PROMISE_MAX];	/* in order of both; not fulfilled yet */
	int n;
};

/* All zeros is a new one. At `time` the server had flushed up to `end`. */
void promise_hear(struct promise *p, uint64_t end, int64_t time);

/* All before position has arrived: the latest time that this fulfils, or 0. */
int64_t promise_keep(struct promise *p, uint64_t position);

#endif
