/*
 * A bounded pool: jobs are worked on by several threads and then handed, in the
 * order in which they were submitted, to one writer thread.
 *
 *	submit (any threads, blocks when full) -> work (parallel) -> done (ordered) -> drop
 *
 * The first error, of work or done, cancels the pool: waiting submitters wake
 * with ERR_CANCELLED, jobs not yet begun are dropped, pool_finish returns that
 * first error.  Bounded in jobs and in bytes, so memory does not grow.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>

#include "base/err.h"

struct pool_calls {
	/* On a worker; `worker` is 0..threads-1, for per-thread scratch memory. */
	int (*work)(void *ctx, int worker, void *job, struct err *e);
	/* On the writer thread, in order of submission.  May be NULL. */
	int (*done)(void *ctx, void *job, struct err *e);
	/* Exactly once for every submitted job, at its end, whatever happened. */
	void (*drop)(void *ctx, void *job);
};

struct pool;

/* threads >= 1; max_jobs >= 1; calls is copied, ctx is borrowed. NULL: ERR_SYSTEM. */
struct pool *pool_new(int threads, size_t max_jobs, size_t max_bytes,
    const struct pool_calls *calls, void *ctx, struct err *e);

/*
 * Hand over job (taken in any case: on failure it has been dropped).  bytes
 * counts against max_bytes until the job is dropped; a job larger than max_bytes
 * waits until it is alone.  -1: the pool was cancelled (ERR_CANCELLED).
 */
int pool_submit(struct pool *p, void *job, size_t bytes, struct err *e);

/* Wait for everything submitted.  -1 with the first error.  No submit after it. */
int pool_finish(struct pool *p, struct err *e);

/* Cancel what is left, join the threads, free.  NULL is fine. */
void pool_free(struct pool *p);

#endif
