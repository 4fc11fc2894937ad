/*
 * Reads a PostgreSQL server (14 to 18) into a graph of power.
 *
 * It opens one READ ONLY, REPEATABLE READ transaction per database with search_path
 * pg_catalog, reads catalogs and settings, and creates nothing.  What it cannot read
 * becomes an unknown of the check that needed it; the rest is read all the same.
 */
#ifndef AUDIT_PG_H
#define AUDIT_PG_H

#include "audit/graph.h"
#include "base/err.h"
#include "base/report.h"

/*
 * conninfo as for pg_connect.  report: progress and notes, may be NULL.  server: the
 * server's name and version for people, at most cap bytes.  ERR_UNREACHABLE,
 * ERR_REFUSED, ERR_CONFIG (another version), ERR_SYSTEM.  The graph is not finished yet.
 */
int audit_pg(struct graph *g, const char *conninfo, struct report *report, char *server,
    size_t cap, struct err *e);

/* The least rights that the reader needs, as SQL for a role of that name (quoted by us). */
const char *audit_pg_grants(void);

#endif
