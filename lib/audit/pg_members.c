/*
 * Memberships: who can use, become or hand out which role (R3), by the rules of each version.
 *
 * Up to 15 every member may SET ROLE, and inherits when it is itself INHERIT.  From 16 each
 * grant has options of its own: INHERIT lets use, SET lets become, and ADMIN lets grant the
 * role to itself, with both.  ADMIN on a superuser's role is worth nothing: only
 * superusers grant those.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/pg_private.h"

/* What a membership gives; ADMIN first: with it goes what hangs on it. */
enum { ADMIN, INHERIT, SET, OPTIONS };

static const char *const option_name[] = { "ADMIN", "INHERIT", "SET" };

struct member {
	const struct audit_pg_role *role, *member, *grantor; /* grantor NULL: gone (up to 15) */
	uint8_t option[OPTIONS];
	uint8_t step[OPTIONS];	/* and can be cut by itself */
	uint64_t part[OPTIONS]; /* up to 15 only ADMIN's */
};

struct members {
	struct audit_pg *a;
	struct member *m;
	size_t n, cap;
};

static int
read_member(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct members *all = ctx;
	struct member *more, m = { audit_pg_role(a, pg_query_u32(q, 0)),
		audit_pg_role(a, pg_query_u32(q, 1)), audit_pg_role(a, pg_query_u32(q, 2)),
		{ (uint8_t)pg_query_true(q, 3), (uint8_t)pg_query_true(q, 4),
		(uint8_t)pg_query_true(q, 5) }, { 0 }, { 0 } };

	memcpy(m.step, m.option, sizeof(m.step));
	m.step[ADMIN] = m.option[ADMIN] && m.role != NULL && !m.role->super;
	if (m.role == NULL || m.member == NULL || (m.grantor == NULL && a->major >= 16)) {
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

/* ---- what hangs on what: from 16, when an ADMIN option goes, so does what it granted ------- */

/* Could x have been granted by the ADMIN option of s? */
static int
supports(const struct member *s, const struct member *x)
{
	return s->role == x->role && s->option[ADMIN] && s->member == x->grantor;
}

/* The first and the end of those with the role of m[at]: they lie together. */
static size_t
of_role(const struct members *all, size_t at, size_t *end)
{
	const struct audit_pg_role *role = all->m[at].role;
	size_t first = at;

	while (first > 0 && all->m[first - 1].role == role)
		first--;
	for (*end = at; *end < all->n && all->m[*end].role == role;)
		++*end;
	return first;
}

/* How deep each of m[first, end) is; the deepest. */
static unsigned
find_depths(const struct members *all, size_t first, size_t end, unsigned *depth)
{
	unsigned deepest = 0;
	size_t i, k, round;
	int more = 1;

	for (round = first; more && round < end; round++)
		for (more = 0, i = first; i < end; i++)
			for (k = first; all->m[i].grantor->oid != PG_BOOTSTRAP_OID && k < end; k++)
				if (supports(&all->m[k], &all->m[i]) && depth[k] >= depth[i]) {
					depth[i] = depth[k] + 1;
					deepest = depth[i] > deepest ? depth[i] : deepest;
					more = 1;
				}
	return deepest;
}

static void
take_parts(struct members *all, struct member *m)
{
	int o;

	for (o = OPTIONS; o-- > 0;)	/* ADMIN last: there stands what must come last */
		if (m->step[o])
			m->part[o] = graph_part(all->a->g);
}

static int
find_parts(struct members *all, struct err *e)
{
	unsigned *depth = calloc(all->n + 1, sizeof(*depth)), at;
	size_t first, end, i;

	if (depth == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (first = 0; first < all->n; first = end) {
		(void)of_role(all, first, &end);	/* it is the first */
		for (at = all->a->major < 16 ? 1 : find_depths(all, first, end, depth) + 1; at-- > 0;)
			for (i = first; i < end; i++)
				if (depth[i] == at)
					take_parts(all, &all->m[i]);
	}
	free(depth);
	return 0;
}

/* ---- conditions, see graph.h ------------------------------------------------------------- */

/* "%{4 6}", or "%{!4 6}": of all of its steps but one; "": there are none. */
static const char *
all_steps(struct graph *g, const struct member *m, int but, const char *unless)
{
	const char *list = "";
	int o;

	for (o = 0; o < OPTIONS; o++)
		if (m->step[o] && o != but)
			list = graph_printf(g, "%s%s%" PRIu64, list, *list != '\0' ? " " : "", m->part[o]);
	return *list == '\0' ? "" : graph_printf(g, "%%{%s%s}", unless, list);
}

/* Its ADMIN option goes. */
static const char *
admin_goes(struct graph *g, const struct member *m)
{
	return m->step[ADMIN] ? graph_printf(g, "%%{%" PRIu64 "}", m->part[ADMIN])
	    : all_steps(g, m, OPTIONS, "");
}

/* The step whose template speaks for the whole. */
static int
speaker(const struct member *m)
{
	return m->step[ADMIN] ? ADMIN : m->step[INHERIT] ? INHERIT : SET;
}

/* ---- statements --------------------------------------------------------------------------- */

/*
 * "GRANT deploy TO shop WITH ADMIN OPTION GRANTED BY postgres", as the version writes it; bit
 * o of without: not that option.
 */
static void
add_grant(struct buf *b, const struct members *all, const char *when, const struct member *m,
    unsigned without, const struct audit_pg_role *by)
{
	int o;

	if (b->len > 0)
		buf_str(b, ";\n");
	buf_fmt(b, "%sGRANT %s TO %s", when, m->role->sql, m->member->sql);
	for (o = 0; all->a->major >= 16 && o < OPTIONS; o++)
		buf_fmt(b, "%s %s %s", o == 0 ? " WITH" : ",", option_name[o],
		    m->option[o] && !(without & 1u << o) ? "TRUE" : "FALSE");
	if (all->a->major < 16 && m->option[ADMIN])
		buf_str(b, " WITH ADMIN OPTION");
	if (by != NULL)
		buf_fmt(b, " GRANTED BY %s", by->sql);
}

static void
add_option(struct buf *b, const char *when, const struct member *m, int option,
    const struct audit_pg_role *by)
{
	if (b->len > 0)
		buf_str(b, ";\n");
	buf_fmt(b, "%sGRANT %s TO %s WITH %s TRUE GRANTED BY %s", when, m->role->sql,
	    m->member->sql, option_name[option], by->sql);
}

/* option -1: all of it.  by NULL: up to 15 there is one grant a member. */
static void
add_revoke(struct buf *b, const char *when, int option, const struct member *m,
    const struct audit_pg_role *by)
{
	if (b->len > 0)
		buf_str(b, ";\n");
	buf_fmt(b, "%sREVOKE %s%s%s FROM %s", when, option >= 0 ? option_name[option] : "",
	    option >= 0 ? " OPTION FOR " : "", m->role->sql, m->member->sql);
	if (by != NULL)
		buf_fmt(b, " GRANTED BY %s", by->sql);
}

/* ---- from 16 ------------------------------------------------------------------------------ */

/* GRANT what the script leaves of m: a statement for each case, of which one is said. */
static void
grant_kept(struct buf *b, const struct members *all, const char *given, const struct member *m,
    const struct audit_pg_role *by)
{
	struct graph *g = all->a->g;
	unsigned gone, steps = 0;
	const char *when;
	int o;

	for (o = 0; o < OPTIONS; o++)
		steps |= m->step[o] ? 1u << o : 0;
	for (gone = 0; gone == 0 || gone < steps; gone++) {
		if (gone & ~steps)
			continue;
		when = given;
		for (o = 0; o < OPTIONS; o++)
			if (m->step[o])
				when = graph_printf(g, "%s%%{%s%" PRIu64 "}", when,
				    gone & 1u << o ? "" : "!", m->part[o]);
		add_grant(b, all, when, m, gone, by);
	}
}

/* The options of m that has lacks; on undo they go again. */
static void
add_lacking(const struct members *all, const char *given, const struct member *m,
    const struct member *has, struct buf *fix, struct buf *undo)
{
	struct graph *g = all->a->g;
	const char *when;
	int o;

	for (o = 0; o < OPTIONS; o++)
		if (m->option[o] && !has->option[o]) {
			when = m->step[o] ? graph_printf(g, "%s%%{!%" PRIu64 "}", given, m->part[o])
			    : given;
			add_option(fix, when, m, o, has->grantor);
			add_revoke(undo, when, o, m, has->grantor);
		}
}

/*
 * m moves to the bootstrap superuser, who needs no ADMIN option; on undo back.  So its holder,
 * who may need it, keeps it.
 */
static void
move(const struct members *all, const char *given, const struct member *m, struct buf *fix,
    struct buf *undo)
{
	const struct audit_pg_role *boot = audit_pg_role(all->a, PG_BOOTSTRAP_OID);
	struct graph *g = all->a->g;
	const char *once = graph_printf(g, "%%{once}%s", given);
	const char *kept = all_steps(g, m, OPTIONS, "!");
	const struct member *has = NULL;
	struct buf after = BUF_INIT;
	size_t end, i;

	for (i = of_role(all, (size_t)(m - all->m), &end); i < end; i++)
		if (all->m[i].member == m->member && all->m[i].grantor == boot)
			has = &all->m[i];
	if (has != NULL)
		add_lacking(all, once, m, has, fix, &after);
	else {
		grant_kept(fix, all, once, m, boot);
		add_revoke(&after, graph_printf(g, "%s%s", once, kept), -1, m, boot);
	}
	add_revoke(fix, graph_printf(g, "%s%s", given, kept), -1, m, m->grantor);
	grant_kept(undo, all, given, m, m->grantor);
	if (after.len > 0)
		buf_fmt(undo, ";\n%s", audit_pg_take(all->a, &after));
}

/* What hangs on m moves, when all else that it hangs on goes, too. */
static void
move_hanging(const struct members *all, const struct member *m, const char *given,
    struct buf *fix, struct buf *undo)
{
	struct graph *g = all->a->g;
	const struct member *x, *s, *last;
	const char *when;
	size_t first, end;

	first = of_role(all, (size_t)(m - all->m), &end);
	for (x = all->m + first; x < all->m + end; x++) {
		if (!supports(m, x))
			continue;
		last = m;
		when = given;
		for (s = all->m + first; s < all->m + end; s++) {
			if (s == m || !supports(s, x))
				continue;
			when = graph_printf(g, "%s%s", when, admin_goes(g, s));
			if (s->part[speaker(s)] < last->part[speaker(last)])
				last = s;
		}
		if (last == m)
			move(all, when, x, fix, undo);
	}
}

/* Take an option of a membership: alone, or the whole when all that lead somewhere go. */
static void
fix_option(const struct members *all, const struct member *m, int option,
    struct graph_basis *basis)
{
	struct graph *g = all->a->g;
	const char *whole = all_steps(g, m, option, ""), *part = all_steps(g, m, option, "!");
	struct buf fix = BUF_INIT, undo = BUF_INIT, moved = BUF_INIT;

	if (option == speaker(m)) {
		if (m->option[ADMIN])
			move_hanging(all, m, m->step[ADMIN] ? "" : whole, &fix, &moved);
		add_revoke(&fix, whole, -1, m, m->grantor);
		add_grant(&undo, all, whole, m, 0, m->grantor);
	}
	if (*part != '\0') {
		add_revoke(&fix, part, option, m, m->grantor);
		add_option(&undo, part, m, option, m->grantor);
	}
	if (moved.len > 0)
		buf_fmt(&undo, ";\n%s", audit_pg_take(all->a, &moved));
	basis->part = m->part[option];
	basis->fix = audit_pg_take(all->a, &fix);
	basis->undo = audit_pg_take(all->a, &undo);
}

/* ---- up to 15 ------------------------------------------------------------------------------ */

/* Whoever is a member may inherit and SET: both go with the whole, and ADMIN, too. */
static void
fix_member(const struct members *all, const struct member *m, int option,
    struct graph_basis *basis)
{
	const char *when = option == ADMIN
	    ? graph_printf(all->a->g, "%%{!%" PRIu64 "}", m->part[ADMIN]) : "";
	struct buf fix = BUF_INIT, undo = BUF_INIT;

	add_revoke(&fix, when, option == ADMIN ? ADMIN : -1, m, NULL);
	add_grant(&undo, all, when, m, 0, m->grantor);
	basis->part = m->part[ADMIN] + (option == ADMIN);
	basis->fix = audit_pg_take(all->a, &fix);
	basis->undo = audit_pg_take(all->a, &undo);
}

/* ---- steps --------------------------------------------------------------------------------- */

static void
add_step(const struct members *all, const struct member *m, int option, const char *why,
    const char *proof)
{
	struct audit_pg *a = all->a;
	struct graph_basis b = { .why = why, .proof = proof,
		.row = graph_printf(a->g, "pg_auth_members: %s in %s by %s", m->member->name,
		    m->role->name, m->grantor != NULL ? m->grantor->name : "a role that is gone") };
	struct graph_step s = { .from = m->member->node, .to = m->role->node,
		.needs = option == SET ? STEP_BECOME : STEP_USE,
		.gives = option == INHERIT ? STEP_USE : STEP_BECOME, .regrant = option == ADMIN,
		.check = check_find("R3") };

	if (a->major >= 16)
		fix_option(all, m, option, &b);
	else
		fix_member(all, m, option, &b);
	s.basis = graph_basis(a->g, &b);
	graph_step(a->g, &s);
}

static void
add_steps(const struct members *all, const struct member *m)
{
	struct graph *g = all->a->g;
	const char *set_role = graph_printf(g, "SET ROLE %s", m->role->sql);
	const char *why = graph_printf(g, "member of %s", m->role->name);

	if (m->step[INHERIT])
		add_step(all, m, INHERIT, why, NULL);
	if (m->step[SET])
		add_step(all, m, SET,
		    m->step[INHERIT] ? why : graph_printf(g, "may SET ROLE %s", m->role->name),
		    set_role);
	if (m->step[ADMIN])
		add_step(all, m, ADMIN,
		    graph_printf(g, "has ADMIN on %s, and may grant it to itself", m->role->name),
		    all->a->major >= 16
		    ? graph_printf(g, "GRANT %s TO CURRENT_USER WITH INHERIT TRUE, SET TRUE;\n%s",
		    m->role->sql, set_role) : set_role);
}

int
audit_pg_members(struct audit_pg *a, struct err *e)
{
	struct members all = { a, NULL, 0, 0 };
	const char *sql = a->major >= 16
	    ? "SELECT roleid, member, grantor, admin_option, inherit_option, set_option "
	      "FROM pg_auth_members ORDER BY roleid, member, grantor"
	    : "SELECT roleid, member, grantor, admin_option, rolinherit, true "
	      "FROM pg_auth_members JOIN pg_roles ON pg_roles.oid = member "
	      "ORDER BY roleid, member";
	size_t i;
	int rc = audit_pg_ask(a, "R3", "pg_auth_members", NULL, sql, read_member, &all, e);

	if (rc >= 0 && find_parts(&all, e) != 0)
		rc = -1;
	for (i = 0; rc >= 0 && i < all.n; i++)
		add_steps(&all, &all.m[i]);
	free(all.m);
	return rc < 0 ? -1 : 0;
}
