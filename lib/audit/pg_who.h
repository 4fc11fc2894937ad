/*
 * Who holds a right, inherited memberships counted: sets of roles, for the PostgreSQL
 * readers alone.
 *
 * A step has no gates, as powers have.  So where a right is good for something only
 * together with others (EXECUTE, and USAGE on the schema, and CONNECT, and TEMP), the
 * reader works out who holds all of them, and draws steps from the widest of these roles:
 * from PUBLIC when everyone does, from a group rather than from each of its members.
 *
 * Superusers hold everything, and are in no set unless a grant names them.
 */
#ifndef AUDIT_PG_WHO_H
#define AUDIT_PG_WHO_H

#include "audit/pg_private.h"

/* The memberships, as indexes into a->role; made once per database. */
struct who {
	struct audit_pg *a;
	uint32_t *up_at, *up;	  /* role i inherits from up[up_at[i]..up_at[i + 1]) */
	uint32_t *down_at, *down; /* these inherit from role i */
	uint32_t *todo;		  /* room for one walk */
	uint32_t edges;
};

/* One bit a role, in the order of a->role; and everyone.  {0}: nobody. */
struct who_set {
	uint64_t *bit;
	int everyone;
};

/* 0; or -1, with *e set: who_free is due either way. */
int who_load(struct who *w, struct audit_pg *a, struct err *e);
void who_free(struct who *w);

/*
 * Add those who hold what is granted to these oids ("0 16384", 0: PUBLIC; "" none), and
 * all that inherit from them.  pg_database_owner is the database's owner, too.
 * who_add: one oid.  0, or -1: ERR_SYSTEM.
 */
int who_grant(const struct who *w, struct who_set *s, const char *oids, struct err *e);
int who_add(const struct who *w, struct who_set *s, uint32_t oid, struct err *e);

/* s becomes: both hold it; one of them holds it.  0, or -1: ERR_SYSTEM. */
int who_and(const struct who *w, struct who_set *s, const struct who_set *other,
    struct err *e);
int who_or(const struct who *w, struct who_set *s, const struct who_set *other, struct err *e);

int who_has(const struct who *w, const struct who_set *s, const struct audit_pg_role *r);
int who_empty(const struct who *w, const struct who_set *s);
void who_set_free(struct who_set *s);

/*
 * Call each for the widest roles of the set: PUBLIC alone when it is everyone; no
 * superusers; no role that inherits from another one of the set.
 * 0, or -1 when each returned that.
 */
int who_widest(const struct who *w, const struct who_set *s,
    int (*each)(void *ctx, const struct audit_pg_role *r, struct err *e), void *ctx,
    struct err *e);

#endif
