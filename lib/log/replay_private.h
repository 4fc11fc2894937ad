/*
 * Between the files of replay: the server at work, and the socket that it asks.
 */
#ifndef LOG_REPLAY_PRIVATE_H
#define LOG_REPLAY_PRIVATE_H

#include "log/replay.h"

/* Move the snapshot's WAL from pg_wal to bulkhead/wal, once; fills rp->wal. */
int replay_set_wal_aside(struct replay *rp, struct err *e);

/* Describe the server; one that still runs is attached: 1, or 0, or -1. */
int replay_attach(struct replay *rp, struct err *e);

/* Generate its configuration: standby 1 to replay, 0 to run by itself. */
int replay_configure(struct replay *rp, int standby, struct err *e);

/* Serve the plan's WAL to it, at the socket that its configuration names. */
struct fetch *replay_serve(struct replay *rp, struct err *e);

/*
 * May it still be waited for?  0; -1 when we are to stop, when what it asked for could not be
 * given (that error says why), or when it died.
 */
int replay_watch(struct replay *rp, struct fetch *f, struct err *e);

#endif
