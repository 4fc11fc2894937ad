/*
 * Memberships: who can use, become or hand out which role (R3), by the rules of each version.
 *
 * Up to 15 every member may SET ROLE, and inherits when it is itself INHERIT.  From 16 each
 * grant has options of its own: INHERIT lets use, SET lets become, and ADMIN lets grant the
 * role to itself, with both.  ADMIN on a superuser's role is worth nothing: only
 * superusers grant those.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/pg_private.h"

struct member {
	const struct audit_pg_role *role, *member, *grantor; /* grantor NULL: gone (up to 15) */
	uint8_t admin, inherit, set;
};

struct members {
	struct member *m;
	size_t n, cap;
};

static int
read_member(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct members *all = ctx;
	struct member *more, m = { audit_pg_role(a, pg_query_u32(q, 0)),
		audit_pg_role(a, pg_query_u32(q, 1)), audit_pg_role(a, pg_query_u32(q, 2)),
		(uint8_t)pg_query_true(q, 3), (uint8_t)pg_query_true(q, 4),
		(uint8_t)pg_query_true(q, 5) };

	if (m.role == NULL || m.member == NULL) {
		graph_unknown(a->g, "R3", "a membership", "the role was made while we read", NULL);
		return 0;
	}
	if (all->n == all->cap) {
		all->cap = all->cap == 0 ? 64 : all->cap * 2;
		if ((more = realloc(all->m, all->cap * sizeof(*more))) == NULL)
			return err_set(e, ERR_SYSTEM, "out of memory");
		all->m = more;
	}
	all->m[all->n++] = m;
	return 0;
}

/* "GRANT deploy TO shop WITH ADMIN OPTION GRANTED BY postgres", as the version writes it. */
static void
add_grant(struct buf *b, const struct audit_pg *a, const struct member *m,
    const struct audit_pg_role *by)
{
	static const char *const no_yes[] = { "FALSE", "TRUE" };

	if (b->len > 0)
		buf_str(b, ";\n");
	buf_fmt(b, "GRANT %s TO %s", m->role->sql, m->member->sql);
	if (a->major >= 16)
		buf_fmt(b, " WITH ADMIN %s, INHERIT %s, SET %s", no_yes[m->admin],
		    no_yes[m->inherit], no_yes[m->set]);
	else if (m->admin)
		buf_str(b, " WITH ADMIN OPTION");
	if (by != NULL)
		buf_fmt(b, " GRANTED BY %s", by->sql);
}

static void
add_revoke(struct buf *b, const struct audit_pg *a, const char *option, const struct member *m,
    const struct audit_pg_role *by, int cascade)
{
	if (b->len > 0)
		buf_str(b, ";\n");
	buf_fmt(b, "REVOKE %s%s FROM %s", option, m->role->sql, m->member->sql);
	if (a->major >= 16 && by != NULL)	/* before, there is one grant a member */
		buf_fmt(b, " GRANTED BY %s", by->sql);
	if (cascade)
		buf_str(b, " CASCADE");
}

/*
 * Memberships that hang on this one's ADMIN option; from 16 they fall with it.  What hangs on
 * those in turn stays: they get an option of their own.
 */
static size_t
dependents(const struct audit_pg *a, const struct members *all, size_t at, size_t *hang)
{
	const struct member *m = all->m;
	size_t n = 0, i;

	for (i = 0; a->major >= 16 && m[at].admin && i < all->n; i++)
		if (m[i].role == m[at].role && m[i].grantor == m[at].member)
			hang[n++] = i;
	return n;
}

/* Is there a grant of that role to that member by that grantor already? */
static int
granted_by(const struct members *all, const struct member *m, const struct audit_pg_role *by)
{
	size_t i;

	for (i = 0; i < all->n; i++)
		if (all->m[i].role == m->role && all->m[i].member == m->member
		    && all->m[i].grantor == by)
			return 1;
	return 0;
}

/*
 * Take the whole membership, or one option of it ("ADMIN OPTION FOR ").  What would fall with
 * it belongs to others: they get it from the grantor above first, and on undo
 * from whom they had it.
 */
static void
fix_member(struct audit_pg *a, const struct members *all, size_t at, const char *option,
    struct graph_basis *basis)
{
	const struct member *m = &all->m[at];
	size_t *hang = calloc(all->n, sizeof(*hang)), n = 0, i;
	struct buf fix = BUF_INIT, undo = BUF_INIT;

	if (hang == NULL) {
		a->failed = 1;
		return;
	}
	if (strncmp(option, "ADMIN", 5) == 0 || option[0] == '\0')
		n = dependents(a, all, at, hang);
	for (i = 0; i < n; i++)
		if (!granted_by(all, &all->m[hang[i]], m->grantor))
			add_grant(&fix, a, &all->m[hang[i]], m->grantor);
	add_revoke(&fix, a, option, m, m->grantor, n > 0);
	add_grant(&undo, a, m, m->grantor);
	for (i = 0; i < n; i++)
		add_grant(&undo, a, &all->m[hang[i]], all->m[hang[i]].grantor);
	for (i = 0; i < n; i++)
		if (!granted_by(all, &all->m[hang[i]], m->grantor))
			add_revoke(&undo, a, "", &all->m[hang[i]], m->grantor, 0);
	free(hang);
	basis->fix = audit_pg_take(a, &fix);
	basis->undo = audit_pg_take(a, &undo);
}

static void
add_step(struct audit_pg *a, const struct members *all, size_t at, enum step_how needs,
    enum step_how gives, const char *why, const char *option, const char *proof)
{
	const struct member *m = &all->m[at];
	struct graph_basis b = { .why = why, .proof = proof,
		.row = graph_printf(a->g, "pg_auth_members: %s in %s by %s", m->member->name,
		    m->role->name, m->grantor != NULL ? m->grantor->name : "a role that is gone") };
	struct graph_step s = { .from = m->member->node, .to = m->role->node, .needs = needs,
		.gives = gives, .check = check_find("R3") };

	fix_member(a, all, at, option, &b);
	s.basis = graph_basis(a->g, &b);
	graph_step(a->g, &s);
}

static void
add_steps(struct audit_pg *a, const struct members *all, size_t at)
{
	const struct member *m = &all->m[at];
	const char *set_role = graph_printf(a->g, "SET ROLE %s", m->role->sql);
	const char *why = graph_printf(a->g, "member of %s", m->role->name);
	/* Who inherits may need that: only SET goes then. */
	const char *set = a->major < 16 || (!m->inherit && !m->admin) ? "" : "SET OPTION FOR ";

	if (m->inherit)
		add_step(a, all, at, STEP_USE, STEP_USE, why, "", NULL);
	if (m->set)
		add_step(a, all, at, STEP_BECOME, STEP_BECOME,
		    m->inherit ? why : graph_printf(a->g, "may SET ROLE %s", m->role->name),
		    set, set_role);
	if (m->admin && !m->role->super)
		add_step(a, all, at, STEP_USE, STEP_BECOME,
		    graph_printf(a->g, "has ADMIN on %s, and may grant it to itself",
		    m->role->name),
		    "ADMIN OPTION FOR ", a->major >= 16
		    ? graph_printf(a->g, "GRANT %s TO CURRENT_USER WITH INHERIT TRUE, SET TRUE;\n%s",
		    m->role->sql, set_role) : set_role);
}

int
audit_pg_members(struct audit_pg *a, struct err *e)
{
	struct members all = { NULL, 0, 0 };
	const char *sql = a->major >= 16
	    ? "SELECT roleid, member, grantor, admin_option, inherit_option, set_option "
	      "FROM pg_auth_members ORDER BY roleid, member, grantor"
	    : "SELECT roleid, member, grantor, admin_option, rolinherit, true "
	      "FROM pg_auth_members JOIN pg_roles ON pg_roles.oid = member "
	      "ORDER BY roleid, member";
	size_t i;
	int rc = audit_pg_ask(a, "R3", "pg_auth_members", NULL, sql, read_member, &all, e);

	for (i = 0; rc >= 0 && i < all.n; i++)
		add_steps(a, &all, i);
	free(all.m);
	return rc < 0 ? -1 : 0;
}
