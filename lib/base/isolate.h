/*
 * Cutting a process off from the host it runs on, by the kernel's namespaces.
 *
 * root may make them; others by way of a user namespace, in which they are who they were.
 * Many containers, and some hosts, allow neither.
 *
 *	isolate_possible	may it be done here?
 *	isolate_network		this process, and all that it starts, has a loopback of its own
 *	isolate_address		and that address on it, too
 *
 * The others, between fork or clone and exec, make simple system calls only.
 */
#ifndef BASE_ISOLATE_H
#define BASE_ISOLATE_H

#include <sys/types.h>

#include "base/err.h"

/*
 * May network, mounts, processes and shared memory be left?  Call it before
 * key_guard_process.  0, or -1: ERR_REFUSED.
 */
int isolate_possible(struct err *e);

/*
 * Call it without threads, and when there are no secrets any more: nobody but root can
 * enter a user namespace while others are shut out of its memory, so they no longer are.
 * -1: ERR_REFUSED.
 */
int isolate_network(struct err *e);

/*
 * An IPv4 address for the loopback, when isolate_network has been called: who connects to
 * it comes from it.  It may have it already.
 */
int isolate_address(const char *address, struct err *e);

/*
 * Leave these namespaces (CLONE_NEWNET, ...): 0, or -1 with errno; then the process may be
 * half in a user namespace, and must end.
 */
int isolate_leave(int namespaces);

/* The same, tried in a process with nothing to lose: 1 or 0. */
int isolate_can_leave(int namespaces);

/* In a new user namespace: be who we were outside, uid and gid.  0, or -1 with errno. */
int isolate_map(uid_t uid, gid_t gid);

/* The loopback, which is down in a new namespace.  0, or -1 with errno. */
int isolate_loopback(void);

#endif
