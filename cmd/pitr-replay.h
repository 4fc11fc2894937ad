/*
 * pitr-replay: what its parts share.
 */
#ifndef CMD_PITR_REPLAY_H
#define CMD_PITR_REPLAY_H

#include "log/replay.h"

void say_plan(const struct replay *rp);

/* did: "replay" or "release". */
void say_done(const struct replay *rp, const char *did);

/* The result object; did: one of those, "plan" or "write". */
int say_json(const struct replay *rp, const char *did, struct err *e);

#endif
