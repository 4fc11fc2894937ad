/*
 * Reading WAL segments ahead, on a thread, so that a server that replays finds the next
 * ones ready.  One other thread takes them; memory is bounded by the slots.
 */
#ifndef LOG_AHEAD_H
#define LOG_AHEAD_H

#include "log/walfile.h"

struct ahead;

/* w is copied; its reader is used on the thread, and by nobody else.  slots: 0 to AHEAD_MAX. */
#define AHEAD_MAX 8
struct ahead *ahead_new(const struct walfile_source *w, int slots, struct err *e);
void ahead_free(struct ahead *a);

/* Segment `start` was just asked for: read those behind it. */
void ahead_want(struct ahead *a, uint32_t timeline, uint64_t start);

/*
 * 1: it was read ahead, *rc and *e are walfile_segment's answer, and out has been swapped
 * for the bytes; 0: it was not.
 */
int ahead_take(struct ahead *a, uint32_t timeline, uint64_t start, struct buf *out, int *rc,
    struct err *e);

#endif
