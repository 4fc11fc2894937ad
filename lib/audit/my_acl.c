/*
 * The rows of the grant tables, object by object, and which logins they hold for.
 */
#include "audit/my_acl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	struct my_acl *x;
	my_acl_end *end;
};

/*
 * Whose row it is.  A database's row without a user is everyone's, and no GRANT or REVOKE
 * reaches it.  0: nobody's.
 */
static int
holder_of(struct audit_my *a, enum my_level level, const char *user, const char *host,
    struct my_holding *h)
{
	h->r.account = audit_my_account(a, user, host);
	if (h->r.account != NULL) {
		h->r.holder = h->r.account->node;
		h->r.grantee = h->r.account->sql;
		return 1;
	}
	if (*user != '\0' || level != MY_SCHEMA)
		return 0;	/* dropped, or made while we read */
	h->r.holder = a->everyone;
	h->r.grantee = "everyone";
	h->host = graph_string(a->g, host);
	return 1;
}

static int
add(struct my_acl *x, const struct my_holding *h, struct err *e)
{
	struct my_holding *more;

	if (x->n == x->cap) {
		x->cap = x->cap == 0 ? 16 : x->cap * 2;
		if ((more = realloc(x->holding, x->cap * sizeof(*more))) == NULL)
			return err_set(e, ERR_SYSTEM, "out of memory");
		x->holding = more;
	}
	x->holding[x->n++] = *h;
	return 0;
}

/* ---- rows of others --------------------------------------------------------------------- */

/* Does that row hold for this login, too? */
static int
covers(const struct my_acl *x, const struct audit_my_account *row,
    const struct audit_my_account *login)
{
	if (row == NULL || row->role || (strcmp(row->user, login->user) != 0 &&
	    (*row->user != '\0' || x->level != MY_SCHEMA)))
		return 0;
	return audit_my_matches(row->host, login->host);
}

/* How far a host goes without a wildcard. */
static size_t
exactness(const char *host)
{
	size_t n = strcspn(host, "%_");

	return host[n] == '\0' ? SIZE_MAX : n;
}

/* The servers' order: by the host, then those with a user. */
static int
is_nearer(const struct audit_my_account *row, const struct audit_my_account *than)
{
	size_t n = exactness(row->host), m = exactness(than->host);

	return n != m ? n > m : *row->user != '\0' && *than->user == '\0';
}

/* What that login gets by a row that is not its own. */
static int
inherit(struct my_acl *x, const struct audit_my_account *login, struct err *e)
{
	const struct audit_my_account *row, *best = NULL;
	struct my_holding h;
	uint32_t i;

	for (i = 0; login->login && i < x->rows; i++) {
		row = x->holding[i].r.account;
		if (row == login)
			return 0;
		if (covers(x, row, login) && (best == NULL || is_nearer(row, best)))
			best = row;
	}
	for (i = 0; best != NULL && i < x->rows; i++) {
		h = x->holding[i];
		h.r.holder = login->node;
		if (h.r.account == best && add(x, &h, e) != 0)
			return -1;
	}
	return 0;
}

/* All logins that have the user of one of the rows, or all, when one has none. */
static int
inherit_all(struct audit_my *a, struct my_acl *x, struct err *e)
{
	const struct audit_my_account *end = a->account + a->accounts, *row, *login;
	const char *user = NULL;
	uint32_t i;

	x->rows = x->n;
	for (i = 0; i < x->rows; i++) {
		row = x->holding[i].r.account;
		if (row == NULL || (user != NULL && strcmp(user, row->user) == 0))
			continue;
		user = row->user;
		if (*user == '\0' && x->level == MY_SCHEMA) {	/* sorted before the others */
			for (login = a->account; login < end; login++)
				if (inherit(x, login, e) != 0)
					return -1;
			return 0;
		}
		while (row > a->account && strcmp(row[-1].user, user) == 0)
			row--;
		for (login = row; login < end && strcmp(login->user, user) == 0; login++)
			if (inherit(x, login, e) != 0)
				return -1;
	}
	return 0;
}

/* ---- reading ---------------------------------------------------------------------------- */

static int
finish(struct audit_my *a, struct reading *r, struct err *e)
{
	if (r->x->n > 0 && (inherit_all(a, r->x, e) != 0 || r->end(a, r->x, e) != 0))
		return -1;
	r->x->n = 0;
	return 0;
}

static int
row_of(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	struct reading *r = ctx;
	struct my_acl *x = r->x;
	const char *schema = audit_my_text(row, 0), *object = audit_my_text(row, 1);
	const char *type = audit_my_text(row, 2);
	struct my_holding h = { .list = graph_string(a->g, audit_my_text(row, 6)) };

	if ((strcmp(schema, x->schema) != 0 || strcmp(object, x->object) != 0 ||
	    strcmp(type, x->type) != 0) && finish(a, r, e) != 0)
		return -1;
	(void)snprintf(x->schema, sizeof(x->schema), "%s", schema);	/* they fit */
	(void)snprintf(x->object, sizeof(x->object), "%s", object);
	(void)snprintf(x->type, sizeof(x->type), "%s", type);
	if (!holder_of(a, x->level, audit_my_text(row, 3), audit_my_text(row, 4), &h))
		return 0;
	if (*audit_my_text(row, 5) != '\0')
		h.r.column = graph_string(a->g, audit_my_text(row, 5));
	return add(x, &h, e);
}

int
audit_my_acls(struct audit_my *a, struct my_acl *x, my_acl_end *end, struct err *e)
{
	struct reading r = { x, end };
	int rc = audit_my_ask(a, "A1", x->catalog, graph_printf(a->g,
	    "GRANT SELECT ON %s TO %s;\n", x->catalog, a->auditor), graph_printf(a->g,
	    "SELECT %s FROM %s ORDER BY 1, 2, 3, 4, 5, 6", x->select, x->catalog), row_of, &r,
	    e);

	if (rc >= 0 && finish(a, &r, e) != 0)
		rc = -1;
	free(x->holding);
	x->holding = NULL;
	return rc;
}
