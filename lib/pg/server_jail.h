/*
 * The throwaway server alone with its data: what its process sees of the host.
 *
 * Of the file system only programs and their settings (/usr, /etc and the like), the data
 * directory, the work folder and the socket's folder, each where it always was; so no
 * socket of anybody else's.  No other processes, and no shared memory but its own.
 */
#ifndef PG_SERVER_JAIL_H
#define PG_SERVER_JAIL_H

#include <sys/types.h>

#include "pg/server.h"

/* The paths that are there as they are outside; made before the fork. */
struct jail {
	const char *paths[4];
	const char *hold;	/* a folder to hang the new root on, for a moment */
	uid_t uid;
	gid_t gid;
	int root;
};

/* Those of s; program_base: the folder above its bin.  All lent. */
void jail_init(struct jail *j, const struct pg_server *s, const char *program_base);

/* As fork, into new namespaces; the child makes simple system calls only. */
pid_t jail_fork(const struct jail *j);

/* In that child, before it drops its rights: 0, or -1 with errno, and *step says where. */
int jail_enter(const struct jail *j, const char **step);

#endif
