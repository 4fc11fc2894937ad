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
	PGconn *victim;		/* NULL: there is none */
};

/* As user in a database; good or bad; NULL: no memory.  ours: see pg_server_conninfo. */
PGconn *prove_pg_dial(const struct prove_pg *p, const char *user, const char *db, int ours,
    struct err *e);

/* As the superuser, in a database that is still there; NULL with *e set. */
PGconn *prove_pg_ours(const struct prove_pg *p, struct err *e);
int prove_pg_command(const struct prove_pg *p, PGconn *c, const char *sql, struct err *e);

/* Why it did not let us in: from the server's own words on; NULL: it said nothing. */
const char *prove_pg_fatal(const PGconn *c);

/* The text in *a, in one line. */
void prove_pg_words(struct prove_answer *a, const char *text);

/* The server is gone, or so it seems: -1, with its last words, if it has any. */
int prove_pg_gone(const struct prove_pg *p, const PGconn *c, struct err *e);

/* What is in the cluster at the beginning, asked in database home. */
int prove_pg_keep(struct prove_pg *p, const char *home, struct err *e);
void prove_pg_forget(struct prove_pg *p);

/*
 * \connect with these words, in db ("": in any): 0, *a says how it went, or -1.  Nothing
 * stays.
 */
int prove_pg_knock(struct prove_pg *p, const char *words, const char *db,
    struct prove_answer *a, struct err *e);

/* \victim: the same. */
int prove_pg_victim(struct prove_pg *p, struct prove_answer *a, struct err *e);

/* Put right what no rollback undoes: databases, settings, slots, the victim. */
int prove_pg_mend(struct prove_pg *p, struct err *e);

#endif
