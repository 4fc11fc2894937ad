/*
 * What host*.c and their tests share.
 */
#ifndef AUDIT_HOST_PRIVATE_H
#define AUDIT_HOST_PRIVATE_H

#include "audit/host.h"
#include "base/buf.h"

#define HOST_NAME 256
#define HOST_DISKS 32

/* Where a directory lies. */
struct host_place {
	char device[32];		/* of its file system: "8:1" */
	char source[HOST_NAME];		/* "/dev/sda1", "filer:/export" */
	char server[HOST_NAME];		/* of a network file system, or "" */
	int itself;			/* that server is this host */
	char disk[HOST_DISKS][64];	/* below that device: "sda", "zfs tank" */
	unsigned disks;
};

/*
 * Find the place of an absolute path without symbolic links, below the folder root ("" but in
 * tests): root/proc/self/mountinfo, root/sys.  0, or -1: *e says why it cannot be known.
 */
int host_place(const char *root, const char *path, struct host_place *out, struct err *e);

/* Is that name or address this host's own? */
int host_is_itself(const char *name);

/* What repository and data share, as a sentence of the graph's; NULL: nothing. */
const char *host_shared(struct graph *g, const char *repo, const struct host_place *r,
    const char *data, const struct host_place *d, enum severity *severity);

/* What the canary came to. */
void host_canary_tell(struct graph *g, const char *repo, int overwritten, int removed);

/*
 * Each account name in the text of an application's file, which is changed: the value of
 * a key that ends in "user" or "username", the user of a URI, the fourth field of a line of
 * .pgpass.
 */
void host_users(char *text, void (*each)(void *ctx, const char *user, unsigned line),
    void *ctx);

#endif
