/*
 * Reads a MySQL (8.0 to 9.7) or MariaDB (10.6 to 11.8) server into a graph of power.
 *
 * One READ ONLY, REPEATABLE READ transaction, grant tables and variables; it creates
 * nothing.  What it cannot read becomes an unknown of the check that needed it; the rest
 * is read all the same.
 */
#ifndef AUDIT_MY_H
#define AUDIT_MY_H

#include "audit/graph.h"
#include "base/err.h"
#include "base/report.h"

/*
 * uri: mysql://user@host:port/ or mariadb://..., or with ?socket=PATH; see my/conn.h.
 * report: progress and notes, may be NULL.  server: its name and version for people, at
 * most cap bytes.  ERR_USAGE, ERR_UNREACHABLE, ERR_REFUSED, ERR_CONFIG, ERR_SYSTEM.  The
 * graph is not finished yet.
 */
int audit_my(struct graph *g, const char *uri, struct report *report, char *server, size_t cap,
    struct err *e);

/* The least rights that the reader needs, as SQL for MySQL, or for MariaDB. */
const char *audit_my_grants(int mariadb);

#endif
