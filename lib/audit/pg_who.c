/*
 * Sets of roles that hold a right, by inherited memberships; see the header for why.
 */
#include "audit/pg_who.h"

#include <stdlib.h>
#include <string.h>

struct edge {
	uint32_t group, member;
};

struct edges {
	struct edge *e;
	size_t n, cap;
};

static const char members_15[] =
    "SELECT m.roleid, m.member FROM pg_auth_members m"
    " JOIN pg_roles r ON r.oid = m.member WHERE r.rolinherit";
static const char members_16[] =
    "SELECT roleid, member FROM pg_auth_members WHERE inherit_option";

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "out of memory");
}

static size_t
words(const struct who *w)
{
	return w->a->roles / 64 + 1;
}

static uint32_t
index_of(const struct who *w, const struct audit_pg_role *r)
{
	return (uint32_t)(r - w->a->role);
}

static int
has(const struct who_set *s, uint32_t i)
{
	return s->bit != NULL && (s->bit[i / 64] >> (i % 64) & 1);
}

static int
one_member(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct edges *es = ctx;
	const struct audit_pg_role *group = audit_pg_role(a, pg_query_u32(q, 0));
	const struct audit_pg_role *member = audit_pg_role(a, pg_query_u32(q, 1));
	struct edge *more;

	if (group == NULL || member == NULL)
		return 0;
	if (es->n == es->cap) {
		size_t cap = es->cap == 0 ? 64 : es->cap * 2;

		if ((more = reallocarray(es->e, cap, sizeof(*more))) == NULL)
			return no_memory(e);
		es->e = more;
		es->cap = cap;
	}
	es->e[es->n++] = (struct edge){ (uint32_t)(group - a->role),
	    (uint32_t)(member - a->role) };
	return 0;
}

/* at[i]..at[i + 1] are the places in `to` of what leaves i, from both ends of each edge. */
static void
index_edges(const struct who *w, const struct edges *es)
{
	uint32_t n = w->a->roles, i;
	size_t k;

	for (k = 0; k < es->n; k++) {
		w->up_at[es->e[k].member + 1]++;
		w->down_at[es->e[k].group + 1]++;
	}
	for (i = 0; i < n; i++) {
		w->up_at[i + 1] += w->up_at[i];
		w->down_at[i + 1] += w->down_at[i];
	}
	/* Filling moves each start to its end, which is the next one's start. */
	for (k = 0; k < es->n; k++) {
		w->up[w->up_at[es->e[k].member]++] = es->e[k].group;
		w->down[w->down_at[es->e[k].group]++] = es->e[k].member;
	}
	memmove(w->up_at + 1, w->up_at, n * sizeof(*w->up_at));
	memmove(w->down_at + 1, w->down_at, n * sizeof(*w->down_at));
	w->up_at[0] = w->down_at[0] = 0;
}

int
who_load(struct who *w, struct audit_pg *a, struct err *e)
{
	struct edges es = { 0 };
	int rc = -1;

	*w = (struct who){ .a = a };
	if (audit_pg_ask(a, "R3", "pg_auth_members", NULL,
	    a->major < 16 ? members_15 : members_16, one_member, &es, e) < 0)
		goto out;
	w->edges = (uint32_t)es.n;
	w->up_at = calloc((size_t)a->roles + 1, sizeof(*w->up_at));
	w->down_at = calloc((size_t)a->roles + 1, sizeof(*w->down_at));
	w->todo = calloc((size_t)a->roles + 1, sizeof(*w->todo));
	w->up = calloc(es.n + 1, sizeof(*w->up));
	w->down = calloc(es.n + 1, sizeof(*w->down));
	if (w->up_at == NULL || w->down_at == NULL || w->todo == NULL || w->up == NULL
	    || w->down == NULL) {
		(void)no_memory(e);
		goto out;
	}
	index_edges(w, &es);
	rc = 0;
out:
	free(es.e);
	return rc;
}

void
who_free(struct who *w)
{
	free(w->up_at);
	free(w->down_at);
	free(w->todo);
	free(w->up);
	free(w->down);
	*w = (struct who){ 0 };
}

static int
room(const struct who *w, struct who_set *s, struct err *e)
{
	if (s->bit == NULL && (s->bit = calloc(words(w), sizeof(*s->bit))) == NULL)
		return no_memory(e);
	return 0;
}

/* That role and all that inherit from it, each visited once. */
static void
add_down(const struct who *w, struct who_set *s, uint32_t first)
{
	uint32_t n = 0, i, k;

	if (has(s, first))
		return;
	s->bit[first / 64] |= (uint64_t)1 << (first % 64);
	w->todo[n++] = first;
	while (n > 0) {
		i = w->todo[--n];
		for (k = w->down_at[i]; k < w->down_at[i + 1]; k++) {
			uint32_t m = w->down[k];

			if (has(s, m))
				continue;
			s->bit[m / 64] |= (uint64_t)1 << (m % 64);
			w->todo[n++] = m;
		}
	}
}

int
who_add(const struct who *w, struct who_set *s, uint32_t oid, struct err *e)
{
	const struct audit_pg_role *r;

	if (room(w, s, e) != 0)
		return -1;
	if (oid == 0)
		s->everyone = 1;
	else if ((r = audit_pg_role(w->a, oid)) != NULL)
		add_down(w, s, index_of(w, r));
	if (oid == PG_DATABASE_OWNER && (r = audit_pg_role(w->a, w->a->db_owner)) != NULL)
		add_down(w, s, index_of(w, r));
	return 0;
}

int
who_grant(const struct who *w, struct who_set *s, const char *oids, struct err *e)
{
	char *end;

	if (room(w, s, e) != 0)
		return -1;
	for (; oids != NULL && *oids != '\0'; oids = end) {
		unsigned long oid = strtoul(oids, &end, 10);

		if (end == oids)
			return err_set(e, ERR_BUG, "a list of oids: \"%s\"", oids);
		if (who_add(w, s, (uint32_t)oid, e) != 0)
			return -1;
		while (*end == ' ')
			end++;
	}
	return 0;
}

int
who_and(const struct who *w, struct who_set *s, const struct who_set *other, struct err *e)
{
	size_t i;

	if (other->everyone)
		return 0;
	if (room(w, s, e) != 0)
		return -1;
	for (i = 0; i < words(w); i++) {
		uint64_t theirs = other->bit != NULL ? other->bit[i] : 0;

		s->bit[i] = s->everyone ? theirs : s->bit[i] & theirs;
	}
	s->everyone = 0;
	return 0;
}

int
who_or(const struct who *w, struct who_set *s, const struct who_set *other, struct err *e)
{
	size_t i;

	if (room(w, s, e) != 0)
		return -1;
	s->everyone |= other->everyone;
	for (i = 0; other->bit != NULL && i < words(w); i++)
		s->bit[i] |= other->bit[i];
	return 0;
}

int
who_has(const struct who *w, const struct who_set *s, const struct audit_pg_role *r)
{
	return s->everyone || has(s, index_of(w, r));
}

int
who_empty(const struct who *w, const struct who_set *s)
{
	size_t i;

	if (s->everyone)
		return 0;
	for (i = 0; s->bit != NULL && i < words(w); i++)
		if (s->bit[i] != 0)
			return 0;
	return 1;
}

void
who_set_free(struct who_set *s)
{
	free(s->bit);
	*s = (struct who_set){ 0 };
}

/* All that inherit from a member of a set are in it, so looking one membership up will do. */
static int
inherits_from_another(const struct who *w, const struct who_set *s, uint32_t i)
{
	uint32_t k;

	for (k = w->up_at[i]; k < w->up_at[i + 1]; k++)
		if (has(s, w->up[k]) && !w->a->role[w->up[k]].super)
			return 1;
	return 0;
}

int
who_widest(const struct who *w, const struct who_set *s,
    int (*each)(void *ctx, const struct audit_pg_role *r, struct err *e), void *ctx,
    struct err *e)
{
	const struct audit_pg_role *everyone = audit_pg_role(w->a, 0);
	uint32_t i;

	if (s->everyone)
		return everyone != NULL ? each(ctx, everyone, e) : 0;
	for (i = 0; i < w->a->roles; i++)
		if (has(s, i) && !w->a->role[i].super && !inherits_from_another(w, s, i)
		    && each(ctx, &w->a->role[i], e) != 0)
			return -1;
	return 0;
}
