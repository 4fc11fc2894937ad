/*
 * The SQL that takes grants away, and the SQL that brings the very same grants back.
 *
 * A grant that was made by a grant option hangs on it.  Before the option goes, what hangs
 * on it *moves*: its holder gets it from the owner, and loses the old one; so nobody
 * loses what another finding does not take.  What goes by the same script does not move; it
 * goes first, and comes back last (see "part" in graph.h).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/pg_private.h"

int
audit_pg_acl_add(struct audit_pg_acl *acl, const char *text, const char *column, struct err *e)
{
	struct audit_pg_grant *more;
	struct audit_pg_items items;
	size_t i;

	if (audit_pg_items(acl->a, text, &items, e) != 0)
		return -1;
	more = reallocarray(acl->grant, acl->n + items.n + 1, sizeof(*more));
	if (more == NULL) {
		audit_pg_items_free(&items);
		return err_set(e, ERR_SYSTEM, "out of memory");
	}
	acl->grant = more;
	for (i = 0; i < items.n; i++)
		acl->grant[acl->n++] = (struct audit_pg_grant){ .to = items.item[i].to,
			.by = items.item[i].by, .rights = items.item[i].rights,
			.options = items.item[i].options,
			.column = column != NULL ? audit_pg_template(acl->a, column) : NULL,
			.column_name = graph_string(acl->a->g, column) };
	audit_pg_items_free(&items);
	return 0;
}

void
audit_pg_acl_free(struct audit_pg_acl *acl)
{
	free(acl->grant);
	acl->grant = NULL;
	acl->n = 0;
}

/* ---- what hangs on what ---------------------------------------------------------- */

static unsigned
bit(uint32_t right)
{
	return (unsigned)__builtin_ctz(right);
}

/* Could x have been granted by the option of s? */
static int
supports(const struct audit_pg_grant *s, const struct audit_pg_grant *x, uint32_t right)
{
	return s->to == x->by && (s->options & right) && (x->rights & right)
	    && (s->column == NULL || s->column == x->column);
}

/* A REVOKE on a table takes the grants on its columns along, those of the same grantor. */
static int
goes_along(const struct audit_pg_grant *column, const struct audit_pg_grant *table,
    uint32_t right)
{
	return column->column != NULL && table->column == NULL && column->to == table->to
	    && column->by == table->by && (column->rights & table->rights & right);
}

/* One deeper than what it hangs on, or goes along with; 0: nothing. */
static unsigned
depth_of(const struct audit_pg_acl *acl, size_t x, uint32_t right, const unsigned *depth)
{
	const struct audit_pg_grant *all = acl->grant;
	unsigned max = 0;
	size_t i;

	if (all[x].by == acl->owner && all[x].column == NULL)
		return 0;
	for (i = 0; i < acl->n; i++)
		if ((goes_along(&all[x], &all[i], right) || (all[x].by != acl->owner
		    && supports(&all[i], &all[x], right))) && depth[i] >= max)
			max = depth[i] + 1;
	return max;
}

/* The server makes no circles, but a new owner may have. */
static unsigned
find_depths(const struct audit_pg_acl *acl, uint32_t right, unsigned *depth)
{
	unsigned deepest = 0, is;
	size_t i, round;
	int more = 1;

	memset(depth, 0, acl->n * sizeof(*depth));
	for (round = 0; more && round < acl->n; round++)
		for (more = 0, i = 0; i < acl->n; i++) {
			if (!(acl->grant[i].rights & right)
			    || (is = depth_of(acl, i, right, depth)) <= depth[i])
				continue;
			depth[i] = is;
			deepest = is > deepest ? is : deepest;
			more = 1;
		}
	return deepest;
}

/* Does that right of the grant need a part? */
static int
is_part(const struct audit_pg_acl *acl, const struct audit_pg_grant *x, uint32_t right)
{
	return (x->rights & right)
	    && ((x->options & right) || x->by != acl->owner || x->column != NULL);
}

void
audit_pg_acl_order(struct audit_pg_acl *acl)
{
	unsigned *depth = calloc(acl->n + 1, sizeof(*depth)), at, b;
	size_t i;

	if (depth == NULL) {
		acl->a->failed = 1;
		return;
	}
	for (b = 0; b < ACL_RIGHTS; b++)
		for (at = find_depths(acl, UINT32_C(1) << b, depth) + 1; at-- > 0;)
			for (i = 0; i < acl->n; i++)
				if (depth[i] == at && is_part(acl, &acl->grant[i], UINT32_C(1) << b))
					acl->grant[i].part[b] = graph_part(acl->a->g);
	free(depth);
}

/* ---- statements ------------------------------------------------------------------ */

/* What a statement does, and when it is said. */
struct action {
	const struct audit_pg_acl *acl;
	uint32_t rights;
	const struct audit_pg_grant *x; /* to whom, on which column */
	const struct audit_pg_role *by;
	const char *when;		/* its conditions */
};

/*
 * The schema that a grantor must be let into for the moment, since he cannot name what is in
 * it any more.  (He may have USAGE through a role: to lend it does no harm.)  NULL: none.
 */
static const struct audit_pg_schema *
lent(const struct action *s)
{
	struct audit_pg *a = s->acl->a;
	const struct audit_pg_schema *in = NULL;
	struct audit_pg_items items;
	struct err e;
	uint32_t i;
	size_t k;

	for (i = 0; s->acl->schema != NULL && in == NULL && i < a->schemas; i++)
		if (strcmp(a->schema[i].name, s->acl->schema) == 0)
			in = &a->schema[i];
	if (in == NULL || in->owner == s->by->oid)
		return NULL;
	if (audit_pg_items(a, in->acl, &items, &e) != 0) {
		a->failed = 1;
		return NULL;
	}
	for (k = 0; k < items.n; k++)
		if ((items.item[k].rights & ACL_USAGE)
		    && (items.item[k].to == s->by || items.item[k].to->oid == 0))
			in = NULL;
	audit_pg_items_free(&items);
	return in;
}

/* All of it is one line, and one statement to a script: it is said, or left out, as a whole. */
static void
begin(struct buf *b, const struct action *s)
{
	const struct audit_pg_schema *in;

	if (b->len > 0)
		buf_str(b, ";\n");
	buf_str(b, s->when);
	if (s->by == s->acl->owner)
		return;
	if ((in = lent(s)) != NULL)
		buf_fmt(b, "GRANT USAGE ON SCHEMA %s TO %s; ", in->sql, s->by->sql);
	buf_fmt(b, "SET ROLE %s; ", s->by->sql);
}

/* "SELECT, UPDATE", with the column behind each, on what. */
static void
add_rights(struct buf *b, const struct action *s)
{
	uint32_t right;
	int first = 1;

	for (right = 1; right < UINT32_C(1) << ACL_RIGHTS; right <<= 1)
		if (s->rights & right) {
			buf_fmt(b, "%s%s", first ? "" : ", ", acl_right_name(right));
			if (s->x->column != NULL)
				buf_fmt(b, " (%s)", s->x->column);
			first = 0;
		}
	buf_fmt(b, " ON %s", s->acl->on);
}

static void
end(struct buf *b, const struct action *s)
{
	const struct audit_pg_schema *in;

	if (s->by == s->acl->owner)
		return;
	buf_str(b, "; RESET ROLE");
	if ((in = lent(s)) != NULL)
		buf_fmt(b, "; REVOKE USAGE ON SCHEMA %s FROM %s", in->sql, s->by->sql);
}

static void
grant(struct buf *b, const struct action *s, int option)
{
	if (s->rights == 0)
		return;
	begin(b, s);
	buf_str(b, "GRANT ");
	add_rights(b, s);
	buf_fmt(b, " TO %s%s", s->x->to->sql, option ? " WITH GRANT OPTION" : "");
	end(b, s);
}

static void
revoke(struct buf *b, const struct action *s, int option_only)
{
	begin(b, s);
	buf_str(b, option_only ? "REVOKE GRANT OPTION FOR " : "REVOKE ");
	add_rights(b, s);
	buf_fmt(b, " FROM %s", s->x->to->sql);
	end(b, s);
}

/* ---- one right of one grant ----------------------------------------------------------- */

/* What is being taken away. */
struct taking {
	const struct audit_pg_acl *acl;
	const struct audit_pg_grant *x;
	uint32_t right;
	int option_only;
	struct buf fix, undo;
};

/* What of a grant the script leaves. */
enum kept {
	KEPT,		/* the grant, with or without its option */
	KEPT_WHOLE,	/* both */
	KEPT_BARE	/* the grant, but not its option */
};

/* Conditions: those given, and that so much of x is left. */
static const char *
when(const struct taking *t, const char *given, const struct audit_pg_grant *x, enum kept kept)
{
	uint64_t p = x->part[bit(t->right)];
	struct graph *g = t->acl->a->g;

	switch (kept) {
	case KEPT_WHOLE:
		return graph_printf(g, "%s%%{!%" PRIu64 "}", given, p + 1);
	case KEPT_BARE:
		return graph_printf(g, "%s%%{!%" PRIu64 "}%%{%" PRIu64 "}", given, p, p + 1);
	case KEPT:
		break;
	}
	return graph_printf(g, "%s%%{!%" PRIu64 "}", given, p);
}

/* GRANT what is left of x, as x's grantor does it or the owner. */
static void
grant_kept(const struct taking *t, struct buf *b, const char *given,
    const struct audit_pg_grant *x, const struct audit_pg_role *by)
{
	struct action s = { t->acl, t->right, x, by, NULL };

	if (!(x->options & t->right)) {
		s.when = when(t, given, x, KEPT);
		grant(b, &s, 0);
		return;
	}
	s.when = when(t, given, x, KEPT_WHOLE);
	grant(b, &s, 1);
	s.when = when(t, given, x, KEPT_BARE);
	grant(b, &s, 0);
}

/* What the same holder has from the owner. */
static const struct audit_pg_grant *
from_owner(const struct taking *t, const struct audit_pg_grant *x)
{
	const struct audit_pg_acl *acl = t->acl;
	size_t i;

	for (i = 0; i < acl->n; i++)
		if (acl->grant[i].to == x->to && acl->grant[i].by == acl->owner
		    && acl->grant[i].column == x->column && (acl->grant[i].rights & t->right))
			return &acl->grant[i];
	return NULL;
}

/* x moves to the owner; on undo back.  Its holder may have it from several, who all go. */
static void
move(struct taking *t, const char *given, const struct audit_pg_grant *x)
{
	const struct audit_pg_grant *has = from_owner(t, x);
	const struct audit_pg_role *owner = t->acl->owner;
	const char *once = graph_printf(t->acl->a->g, "%%{once}%s", given);
	int option_only = has != NULL && (x->options & ~has->options & t->right);
	struct action s = { t->acl, t->right, x, owner,
		when(t, once, x, option_only ? KEPT_WHOLE : KEPT) };
	struct action old = { t->acl, t->right, x, x->by, when(t, given, x, KEPT) };

	if (x->to != owner && option_only)
		grant(&t->fix, &s, 1);
	else if (x->to != owner && has == NULL)
		grant_kept(t, &t->fix, once, x, owner);
	revoke(&t->fix, &old, 0);
	grant_kept(t, &t->undo, given, x, x->by);
	if (x->to != owner && (option_only || has == NULL))
		revoke(&t->undo, &s, option_only);
}

/* Of all that x hangs on the one that would go last, which has the lowest part. */
static const struct audit_pg_grant *
last_support(const struct taking *t, const struct audit_pg_grant *x)
{
	const struct audit_pg_acl *acl = t->acl;
	const struct audit_pg_grant *last = NULL;
	size_t i;

	for (i = 0; i < acl->n; i++)
		if (supports(&acl->grant[i], x, t->right) && (last == NULL
		    || acl->grant[i].part[bit(t->right)] < last->part[bit(t->right)]))
			last = &acl->grant[i];
	return last;
}

/* Does it hang on what is taken, or on what goes along with that?  *last: on which. */
static int
hangs(const struct taking *t, const struct audit_pg_grant *x,
    const struct audit_pg_grant **last)
{
	if (x->by != t->x->to || x->by == t->acl->owner || !(x->rights & t->right))
		return 0;
	*last = last_support(t, x);
	return *last != NULL && (*last == t->x || goes_along(*last, t->x, t->right));
}

static int
hangs_any(const struct taking *t)
{
	const struct audit_pg_grant *last;
	size_t i;

	for (i = 0; i < t->acl->n; i++)
		if (hangs(t, &t->acl->grant[i], &last))
			return 1;
	return 0;
}

/* It moves when all else that it hangs on goes, too, and no other template moves it. */
static void
move_hanging(struct taking *t, const char *own, const struct audit_pg_grant *x,
    const struct audit_pg_grant *last)
{
	const struct audit_pg_acl *acl = t->acl;
	struct graph *g = acl->a->g;
	const char *given = last == t->x ? own : when(t, own, last, KEPT_WHOLE);
	const struct audit_pg_grant *s;

	for (s = acl->grant; s < acl->grant + acl->n; s++)
		if (s != last && supports(s, x, t->right) && !goes_along(s, t->x, t->right))
			given = graph_printf(g, "%s%%{%" PRIu64 "}", given,
			    s->part[bit(t->right)] + 1);
	move(t, given, x);
}

/* What goes along comes back, unless it goes by itself, too. */
static void
restore_along(struct taking *t, const char *own)
{
	const struct audit_pg_grant *x;

	for (x = t->acl->grant; x < t->acl->grant + t->acl->n; x++) {
		struct action s = { t->acl, t->right, x, x->by, "" };

		if (!goes_along(x, t->x, t->right))
			continue;
		if (!t->option_only)
			grant_kept(t, &t->undo, own, x, x->by);
		else if (x->options & t->right) {
			s.when = when(t, own, x, KEPT_WHOLE);
			grant(&t->undo, &s, 1);
		}
	}
}

static void
take(struct taking *t, struct graph_basis *basis)
{
	const struct audit_pg_acl *acl = t->acl;
	uint64_t part = t->x->part[bit(t->right)];
	/* The whole grant takes its option along. */
	const char *own = t->option_only ? when(t, "", t->x, KEPT) : "";
	const struct action s = { acl, t->right, t->x, t->x->by, own };
	const struct audit_pg_grant *last;
	size_t i;

	grant(&t->undo, &s, (t->x->options & t->right) != 0);
	restore_along(t, own);
	for (i = 0; i < acl->n; i++)
		if (hangs(t, &acl->grant[i], &last))
			move_hanging(t, own, &acl->grant[i], last);
	revoke(&t->fix, &s, t->option_only);
	basis->part = part == 0 ? 0 : part + (t->option_only ? 1 : 0);
	basis->fix = audit_pg_take(acl->a, &t->fix);
	basis->undo = audit_pg_take(acl->a, &t->undo);
}

void
audit_pg_revoke(const struct audit_pg_acl *acl, size_t at, uint32_t right, int option_only,
    struct graph_basis *basis)
{
	const struct audit_pg_grant *x = &acl->grant[at];
	struct taking t = { acl, x, right, option_only, BUF_INIT, BUF_INIT };
	struct graph *g = acl->a->g;

	basis->fix = basis->undo = basis->advice = NULL;
	basis->part = 0;
	if (x->by != acl->owner && x->by->super)
		basis->advice = graph_printf(g, "%s, who granted it, became a superuser, and acts "
		    "as the owner now: take that from him, REVOKE, and give it back", x->by->name);
	else if (x->to->super && x->to != acl->owner && hangs_any(&t))
		basis->advice = graph_printf(g, "%s, who granted it further, became a superuser, and "
		    "acts as the owner now: take that from him, REVOKE, and give it back",
		    x->to->name);
	else if (x->by != acl->owner && last_support(&t, x) == NULL)
		basis->advice = graph_printf(g, "%s, who granted it, lost the right to: give him the "
		    "grant option, let him REVOKE, and take it back", x->by->name);
	else
		take(&t, basis);
}

/* ---- all of an ACL -------------------------------------------------------------------- */

/* One right of all grants on the objects themselves that are so deep. */
static void
restore_depth(const struct audit_pg_acl *acl, uint32_t right, const unsigned *depth, unsigned at,
    struct buf *b)
{
	const struct audit_pg_grant *x;
	size_t i;

	for (i = 0; i < acl->n; i++) {
		x = &acl->grant[i];
		struct action s = { acl, right, x, x->by, "%{n}" };

		if (depth[i] == at && (x->rights & right) && x->column == NULL
		    && x->by != acl->owner && !x->by->super)
			grant(b, &s, (x->options & right) != 0);
	}
}

/* What hangs on others' options became the owner's, when the new owner had granted it. */
static void
unmerge(const struct audit_pg_acl *acl, uint32_t right, struct buf *b)
{
	struct taking t = { acl, NULL, right, 0, BUF_INIT, BUF_INIT };
	const struct audit_pg_grant *x, *has;

	for (x = acl->grant; x < acl->grant + acl->n; x++) {
		struct action s = { acl, right, x, acl->owner, "%{once}%{n}" };

		if (x->by == acl->owner || x->by->super || x->to == acl->owner
		    || x->column != NULL || !(x->rights & right))
			continue;
		has = from_owner(&t, x);
		if (has == NULL || (x->options & ~has->options & right))
			revoke(b, &s, has != NULL);
	}
}

void
audit_pg_restore(const struct audit_pg_acl *acl, struct buf *b)
{
	unsigned *depth = calloc(acl->n + 1, sizeof(*depth)), deepest, at;
	uint32_t right;
	size_t i;

	if (depth == NULL) {
		acl->a->failed = 1;
		return;
	}
	for (i = 0; i < acl->n; i++) {
		const struct audit_pg_grant *x = &acl->grant[i];
		struct action s = { acl, x->rights & ~x->options, x, x->by, "%{n}" };

		if (x->column != NULL || x->by != acl->owner || x->to == acl->owner)
			continue;
		grant(b, &s, 0);
		s.rights = x->options;
		grant(b, &s, 1);
	}
	for (right = 1; right < UINT32_C(1) << ACL_RIGHTS; right <<= 1) {
		deepest = find_depths(acl, right, depth);
		for (at = 0; at <= deepest; at++)
			restore_depth(acl, right, depth, at, b);
		unmerge(acl, right, b);
	}
	free(depth);
}
