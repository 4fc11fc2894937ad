/*
 * For the readers of MySQL and MariaDB alone: all that the rows of one database, table or
 * routine say, together, and who gets it.
 *
 * The servers look a right up by user and host: an account also gets what stands in the row
 * of a wider host, 'app'@'localhost' that of 'app'@'%'; on databases those of anonymous
 * accounts, too.  The nearest row counts, and no other: its own hides all wider ones.
 */
#ifndef AUDIT_MY_ACL_H
#define AUDIT_MY_ACL_H

#include "audit/my_private.h"

/* What one account may. */
struct my_holding {
	struct audit_my_right r;	/* holder, account, grantee and column */
	const char *list;		/* with commas */
	const char *host;		/* of the row, when it is everyone's */
};

struct my_acl {
	/* The caller's: the table, and for a SELECT from it: Db, object, type, User, Host, column,
	   list; '' for what it has not. */
	const char *catalog, *select, *kind, *many;
	enum my_level level;
	/* The object at hand. */
	char schema[256], object[256];	/* names of 64 letters */
	char type[16];			/* PROCEDURE or FUNCTION, else "" */
	struct my_holding *holding;	/* those of rows first, then who gets the same */
	uint32_t rows, n, cap;
};

/* One object is complete.  -1: *e is set. */
typedef int my_acl_end(struct audit_my *a, struct my_acl *x, struct err *e);

/* Read them all.  1, 0 (an unknown was noted), or -1. */
int audit_my_acls(struct audit_my *a, struct my_acl *x, my_acl_end *end, struct err *e);

#endif
