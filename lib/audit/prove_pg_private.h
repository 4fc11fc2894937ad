/*
 * Shared by the prove_pg*.c only.
 */
#ifndef AUDIT_PROVE_PG_PRIVATE_H
#define AUDIT_PROVE_PG_PRIVATE_H

#include <libpq-fe.h>

#include "audit/prove_pg.h"

#define NAME_ROOM 256	/* 64 in servers as they are built everywhere */

/* A database as it was: when a proof drops it, an empty one with the same rights stands in. */
struct prove_database {
	char *name;
	char *again;	/* the SQL that makes the other one, two statements */
	int seen;
};

struct prove_pg {
	struct pg_server *server;
	char superuser[NAME_ROOM];
	struct buf conninfo;
	struct prove_database *db;
	int n;
};

/* As user in a database; good or bad; NULL: no memory.  ours: see pg_server_conninfo. */
PGconn *prove_pg_dial(const struct prove_pg *p, const char *user, const char *db, int ours,
    struct err *e);

/* Why it did not let us in: from the server's own words on; NULL: it said nothing. */
const char *prove_pg_fatal(const PGconn *c);

/* The server is gone, or so it seems: -1, with its last words, if it has any. */
int prove_pg_gone(const struct prove_pg *p, const PGconn *c, struct err *e);

/* What is in the cluster at the beginning, asked in database home. */
int prove_pg_keep(struct prove_pg *p, const char *home, struct err *e);
void prove_pg_forget(struct prove_pg *p);

/* Put right what no rollback undoes: databases, settings, slots. */
int prove_pg_mend(struct prove_pg *p, struct err *e);

#endif
