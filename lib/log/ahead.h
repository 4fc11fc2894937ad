/*
 * Reading WAL segments ahead, on a thread, so that a server that replays finds the next
 * ones ready, each in a file without a name.  One other thread takes them.
 */
#ifndef LOG_AHEAD_H
#define LOG_AHEAD_H

#include "log/walfile.h"

struct ahead;

/*
 * w is copied; its reader is used on the thread, and by nobody else.  dir: where the files
 * are made.  slots: 0 to AHEAD_MAX.
 */
#define AHEAD_MAX 8
struct ahead *ahead_new(const struct walfile_source *w, const char *dir, int slots,
    struct err *e);
void ahead_free(struct ahead *a);

/* Segment `start` was just asked for: read those behind it. */
void ahead_want(struct ahead *a, uint32_t timeline, uint64_t start);

/* 1: it was read ahead, *fd, *rc and *e are walfile_segment_in's answer; 0: it was not. */
int ahead_take(struct ahead *a, uint32_t timeline, uint64_t start, int *fd, int *rc,
    struct err *e);

#endif
