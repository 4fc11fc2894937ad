/*
 * A way to a throwaway PostgreSQL server (pg/server.h), for audit/prove.h.
 *
 * A session as an account: first the account logs in, if it can log in at all, to see that
 * it is let in; the copy asks for no password.  Then the superuser's session takes it
 * on by SET SESSION AUTHORIZATION, so that a proof can do so, too: the code that one
 * account plants must run in another one's session, before it is rolled back.  What ALTER
 * ROLE set for the account is not in force there.
 */
#ifndef AUDIT_PROVE_PG_H
#define AUDIT_PROVE_PG_H

#include "audit/prove.h"
#include "pg/server.h"

struct prove_pg;

/*
 * To a running server that can be written; borrowed.  Fills *way, which lives as long as
 * what is returned.  NULL: ERR_UNREACHABLE, ERR_CONFIG (no superuser is known: see
 * pg_server_query), ERR_SYSTEM.
 */
struct prove_pg *prove_pg_new(struct pg_server *s, struct prove_way *way, struct err *e);
void prove_pg_free(struct prove_pg *p);

/* The connection string of the copy's superuser, for audit_pg. */
const char *prove_pg_conninfo(struct prove_pg *p);

#endif
