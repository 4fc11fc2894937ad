/*
 * Access control lists as PostgreSQL prints them: aclitem[] as text, such as
 * {postgres=arwdDxtm/postgres,=r/postgres,"\"shop app\"=r*w/postgres"}.
 *
 * An item is grantee=rights/grantor; PUBLIC is the empty grantee; a role that was dropped
 * shows as its oid.  A right is one letter, followed by * when it may be granted on.
 * Source: PostgreSQL's documentation, "Privileges"; src/backend/utils/adt/acl.c.
 */
#ifndef AUDIT_ACL_H
#define AUDIT_ACL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The rights, in the order in which the server prints them. */
#define ACL_LETTERS "arwdDxtXUCTcsAm"
enum {
	ACL_INSERT = 1 << 0, ACL_SELECT = 1 << 1, ACL_UPDATE = 1 << 2, ACL_DELETE = 1 << 3,
	ACL_TRUNCATE = 1 << 4, ACL_REFERENCES = 1 << 5, ACL_TRIGGER = 1 << 6,
	ACL_EXECUTE = 1 << 7, ACL_USAGE = 1 << 8, ACL_CREATE = 1 << 9, ACL_TEMPORARY = 1 << 10,
	ACL_CONNECT = 1 << 11, ACL_SET = 1 << 12, ACL_ALTER_SYSTEM = 1 << 13,
	ACL_MAINTAIN = 1 << 14
};
#define ACL_RIGHTS 15

struct acl_item {
	const char *grantee;	/* "": PUBLIC */
	const char *grantor;
	uint32_t rights;	/* ACL_... */
	uint32_t options;	/* those of them that may be granted on */
};

struct acl {
	struct acl_item *item;
	size_t n;
	char *memory;		/* what the names point into */
};

/*
 * Read it strictly.  ERR_CORRUPT: not such a text, or a right that we do not know (a newer
 * server: never passed over).  ERR_SYSTEM.  acl_free is due after success alone.
 */
int acl_parse(const char *text, struct acl *out, struct err *e);
void acl_free(struct acl *acl);

/* "SELECT", for one right. */
const char *acl_right_name(uint32_t right);

/*
 * A one-dimensional array of text as the server prints it: the elements, unquoted, in
 * *element, which is one allocation, for free().  An element NULL is refused.
 * Returns their number, or -1: ERR_CORRUPT, ERR_SYSTEM.
 */
int acl_array(const char *text, char ***element, struct err *e);

#endif
