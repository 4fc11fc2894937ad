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

/* Serve the plan's WAL to it, at the socket that its configuration names: rp->fetch. */
int replay_serve(struct replay *rp, struct err *e);

/* No more; a socket that a killed process left is removed, too. */
int replay_unserve(struct replay *rp, struct err *e);

/*
 * May it still be waited for?  0, after a while: *wait ms, which begins with REPLAY_WAIT and
 * grows (the server logs each time that we ask it); -1 when we are to stop, when what it
 * asked for could not be given (that error says why), or when it died.
 */
#define REPLAY_WAIT 10
int replay_watch(struct replay *rp, int *wait, struct err *e);

#endif
