/*
 * Up to when the log is complete.
 */
#include "log/promise.h"

#include <string.h>

#define APART INT64_C(1000000)	/* µs between those that are kept, but for the last */

void
promise_hear(struct promise *p, uint64_t end, int64_t time)
{
	int last = p->n - 1;

	if (p->n > 0 && (end < p->seen[last].end || time < p->seen[last].time))
		return;		/* old news */
	/* The last one makes way while it is close to the one before, or there is no room. */
	if (p->n < 2 || (p->n < PROMISE_MAX &&
		p->seen[last].time - p->seen[last - 1].time >= APART))
		last = p->n++;
	p->seen[last].end = end;
	p->seen[last].time = time;
}

int64_t
promise_keep(struct promise *p, uint64_t position)
{
	int64_t time = 0;
	int kept = 0;

	while (kept < p->n && p->seen[kept].end <= position)
		time = p->seen[kept++].time;
	p->n -= kept;
	memmove(p->seen, p->seen + kept, (size_t)p->n * sizeof(p->seen[0]));
	return time;
}
