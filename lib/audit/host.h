/*
 * What the server's catalogs do not tell: where the repository lies, what this host may do
 * there, and who else uses an account.  Each adds faults to the graph, and an unknown for
 * what could not be found out; only running out of memory fails.
 */
#ifndef AUDIT_HOST_H
#define AUDIT_HOST_H

#include "audit/graph.h"
#include "audit/policy.h"
#include "base/err.h"

/*
 * B5: does the repository share a failure domain with the server's data (graph_directory)?
 * Critical: the same file system, disk or file server, or one that this host serves
 * itself; high: another disk of the same host.  repo: a path, or a URL, of which only the
 * host can be compared.
 */
int host_domain(struct graph *g, const char *repo, struct err *e);

/*
 * B6: can who runs this delete from the repository?  It writes an object of random bytes and
 * name in the repository's incoming/, then tries to overwrite and to remove it, and expects
 * to be refused.  It touches nothing else; what cannot be removed is left behind.
 */
int host_canary(struct graph *g, const char *repo, struct err *e);

/*
 * B8: accounts that can log in here and in the environment of which `path` is an earlier
 * output of --json.  Its hashes are not in it, so a common name is all that shows: medium.
 * ERR_NOTFOUND, ERR_IO, ERR_CORRUPT (no such output, or not whole).
 */
int host_also(struct graph *g, const struct policy *p, const char *path, struct err *e);

/*
 * B9: accounts that can do more than an application may, named in the files of the policy
 * (.env, .pgpass, my.cnf and their like).  After graph_finish.
 */
int host_files(struct graph *g, const struct policy *p, struct err *e);

#endif
