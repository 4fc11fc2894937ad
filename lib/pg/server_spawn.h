/*
 * The throwaway server's process: who it is and what it may reach.
 */
#ifndef PG_SERVER_SPAWN_H
#define PG_SERVER_SPAWN_H

#include "pg/server.h"

/*
 * Run postgres on s, its output to log.  Returns its pid once the program runs, or -1;
 * *networked: it could not be put into a network namespace of its own.  Works in
 * a process with threads.
 */
pid_t pg_server_spawn(const struct pg_server *s, int log, int *networked, struct err *e);

#endif
