/*
 * F4: search paths with a schema that somebody else can create in: a function or operator
 * there, with better matching types than the real one, runs as whoever says its name.
 *
 * A schema has many who may create in it, and many who look into it; so a hub stands
 * between them.  The owner of a schema is there by intent: it is told only for victims
 * with a role attribute, who should not look into other people's schemas.
 */
#include "audit/pg_code.h"

#include <stdlib.h>
#include <string.h>

static const char paths[] =
    "SELECT s.setrole, s.setdatabase <> 0, substr(x, 13)"
    " FROM pg_db_role_setting s, unnest(s.setconfig) x"
    " WHERE starts_with(x, 'search_path=')"
    " AND s.setdatabase IN (0, (SELECT oid FROM pg_database"
    "  WHERE datname = current_database()))"
    " ORDER BY 2, 1";
/* What the server itself sets, unless something of ours hides it. */
static const char server_path[] =
    "SELECT CASE WHEN EXISTS (SELECT FROM pg_db_role_setting s, unnest(s.setconfig) x"
    " WHERE starts_with(x, 'search_path=') AND s.setrole IN (0, (SELECT oid FROM pg_roles"
    " WHERE rolname = session_user))) THEN boot_val ELSE reset_val END"
    " FROM pg_settings WHERE name = 'search_path'";
static const char creators[] =
    "SELECT n.oid, x.grantee, n.nspname, quote_ident(n.nspname)"
    " FROM pg_namespace n, aclexplode(n.nspacl) x"
    " WHERE x.privilege_type = 'CREATE' AND x.grantee <> n.nspowner AND n.nspname !~ '^pg_'"
    " UNION SELECT 0, x.grantee, d.datname, quote_ident(d.datname)"
    " FROM pg_database d, aclexplode(d.datacl) x"
    " WHERE x.privilege_type = 'CREATE' AND x.grantee <> d.datdba"
    " AND d.datname = current_database() ORDER BY 1, 2";

#define NO_HUB UINT32_MAX

struct setting {
	uint32_t role;		/* 0: all */
	int database;		/* set for this database */
	const char *path;
};

/*
 * A schema, or the place of those to be made.  First it is marked who may create there; then
 * those who look into it get a hub; then those who may create get their steps to it.
 */
struct place {
	const struct code_schema *schema; /* NULL: the database */
	int granted, owned;	/* somebody may create there by grant, as owner */
	uint32_t hub, owner_hub; /* NO_HUB: nobody looks */
};

struct paths {
	struct code *c;
	struct setting *set;
	size_t sets;
	const char *server;
	struct place *place;	/* in the order of c->schema, then the database's */
	int marking;
};

static int
one_setting(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct paths *p = ctx;
	struct setting *more = reallocarray(p->set, p->sets + 1, sizeof(*more));

	if (more == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	p->set = more;
	more[p->sets++] = (struct setting){ pg_query_u32(q, 0), pg_query_true(q, 1),
		graph_string(a->g, pg_query_text(q, 2)) };
	return 0;
}

static int
server_setting(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct paths *p = ctx;

	(void)e;	/* nothing of it can fail */
	p->server = graph_string(a->g, pg_query_text(q, 0));
	return 0;
}

/* The role's own for this database, its own, the database's, everyone's, the server's. */
static const char *
path_of(const struct paths *p, const struct audit_pg_role *r, int *own_here)
{
	const char *best = p->server;
	int rank = 0, this;
	size_t i;

	for (i = 0; i < p->sets; i++) {
		const struct setting *s = &p->set[i];

		if (s->role != 0 && s->role != r->oid)
			continue;
		this = s->role == 0 ? 1 + s->database : 3 + s->database;
		if (this > rank) {
			rank = this;
			best = s->path;
		}
	}
	*own_here = rank == 4;
	return best;
}

/* ---- who can create ------------------------------------------------------ */

static struct place *
place_of(const struct paths *p, const struct code_schema *s)
{
	return &p->place[s != NULL ? (uint32_t)(s - p->c->schema) : p->c->schemas];
}

static uint32_t
hub_of(struct paths *p, const struct place *at, const char *who)
{
	struct graph *g = p->c->a->g;
	const struct code_schema *s = at->schema;

	return graph_node(g, NODE_HUB, graph_printf(g, "%s that look into %s%s of %s", who,
	    s != NULL ? "schema " : "a new schema", s != NULL ? s->name : "", p->c->a->db),
	    "");
}

struct creator {
	struct paths *p;
	struct breach breach;
};

static int
one_widest(void *ctx, const struct audit_pg_role *r, struct err *e)
{
	struct creator *k = ctx;

	k->breach.from = audit_pg_role_node(k->p->c->a, r);
	return breach_add(k->p->c, &k->breach, e);
}

static int
widest(struct creator *k, uint32_t grantee, struct err *e)
{
	const struct code *c = k->p->c;
	struct who_set who = { 0 };
	int rc = who_add(&c->who, &who, grantee, e);

	if (rc == 0)
		rc = who_and(&c->who, &who, &c->connect, e);
	if (rc == 0)
		rc = who_widest(&c->who, &who, one_widest, k, e);
	who_set_free(&who);
	return rc;
}

/* A step for each power that this grantee has by it: one REVOKE ends both. */
static int
by_powers(struct creator *k, const struct audit_pg_role *grantee, const char *kind,
    const char *object, struct err *e)
{
	const struct code *c = k->p->c;
	uint32_t at = 0, node = audit_pg_role_node(c->a, grantee);
	int rc;

	k->breach.power = code_power(c, &at, node, "CREATE", kind, object);
	do
		rc = widest(k, grantee->oid, e);
	while (rc == 0 && k->breach.power != NULL
	    && (k->breach.power = code_power(c, &at, node, "CREATE", kind, object)) != NULL);
	return rc;
}

static int
one_creator(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct paths *p = ctx;
	const struct code_schema *s = code_schema(p->c, pg_query_u32(q, 0));
	int database = pg_query_u32(q, 0) == 0;
	const struct audit_pg_role *grantee = audit_pg_role(a, pg_query_u32(q, 1));
	const char *name = pg_query_text(q, 2);
	struct place *at = place_of(p, s);
	struct creator k = { .p = p };

	if (grantee == NULL || (s == NULL && !database))
		return 0;
	at->granted |= p->marking;
	if (p->marking || at->hub == NO_HUB)
		return 0;
	k.breach = (struct breach){
		.check = "F4", .to = at->hub,
		.why = database ? graph_printf(a->g, "may make schemas in %s", name)
		    : graph_printf(a->g, "may create in schema %s", name),
		.row = graph_printf(a->g, database ? "pg_database(%s).datacl: CREATE to %s"
		    : "pg_namespace(%s).nspacl: CREATE to %s", name, code_name(grantee)),
		.advice = "revoke CREATE where it is not needed",
	};
	return by_powers(&k, grantee, database ? "database" : "schema",
	    audit_pg_sql(a, pg_query_text(q, 3)), e);
}

/* Owners: of each schema, and of the database. */
static int
owner_creates(struct paths *p, const struct code_schema *s, uint32_t owner, const char *name,
    struct err *e)
{
	struct audit_pg *a = p->c->a;
	const struct audit_pg_role *r = audit_pg_role(a,
	    owner == PG_DATABASE_OWNER ? a->db_owner : owner);
	struct creator k = { .p = p };
	struct place *at = place_of(p, s);

	if (r == NULL || r->super)
		return 0;
	at->owned |= p->marking;
	if (p->marking || at->owner_hub == NO_HUB)
		return 0;
	k.breach = (struct breach){
		.check = "F4", .to = at->owner_hub,
		.why = graph_printf(a->g, "owns %s %s",
		    s == NULL ? "database" : "schema", name),
		.row = graph_printf(a->g, s == NULL ? "pg_database(%s).datdba: %s"
		    : "pg_namespace(%s).nspowner: %s", name, r->name),
		.advice = "superusers need a search_path without other people's schemas",
	};
	return widest(&k, owner, e);
}

/* ---- who looks ------------------------------------------------------------ */

static int
elevated(const struct audit_pg_role *r)
{
	return r->super || r->createrole || r->replication || r->bypassrls;
}

struct look {
	const struct audit_pg_role *victim;
	const char *path;
	int own_here;		/* set for the role in this database */
	const char *schema;	/* the one of it, "$user" worked out */
	struct place *at;
};

/* Can those who may create there answer?  A schema that one may not use is passed over. */
static int
by_grant(const struct paths *p, const struct look *l, const struct place *at)
{
	return at->granted && (at->schema == NULL || l->victim->super
	    || who_has(&p->c->who, &at->schema->usage, l->victim));
}

/* Can its owner, who lets in whom it will? */
static int
by_owner(const struct look *l, const struct place *at)
{
	return at->owned && elevated(l->victim);
}

/* Where the schema of that name in the path is, if somebody else can answer there; or NULL. */
static struct place *
weak_place(const struct paths *p, const struct look *l, const char *name)
{
	const struct code *c = p->c;
	const char *meant = strcmp(name, "$user") == 0 ? l->victim->name : name;
	const struct code_schema *s = code_schema_named(c, meant);
	struct place *at;

	if (*meant == '\0' || strncmp(meant, "pg_", 3) == 0)
		return NULL;
	at = place_of(p, s);
	return by_grant(p, l, at) || by_owner(l, at) ? at : NULL;
}

/* The path as SQL; sound: without what somebody else can create in.  NULL with *e set. */
static const char *
path_sql(struct paths *p, const struct look *l, int sound, struct err *e)
{
	struct audit_pg *a = p->c->a;
	struct buf b = BUF_INIT;
	const char *rest = l->path, *out = NULL;
	char name[PG_NAME_CAP];

	while (search_path_next(&rest, name)) {
		if (sound && weak_place(p, l, name) != NULL)
			continue;
		if (b.len > 0)
			buf_str(&b, ", ");
		buf_str(&b, *name == '\0' ? "''" : audit_pg_ident(a, name));
	}
	if (b.len == 0)
		buf_str(&b, "''");
	if (buf_check(&b, e) == 0)
		out = graph_string(a->g, buf_cstr(&b));
	buf_free(&b);
	return out;
}

static void
look_step(struct paths *p, const struct look *l, uint32_t hub, const char *fix,
    const char *undo)
{
	struct audit_pg *a = p->c->a;
	const struct graph_basis basis = {
		.why = graph_printf(a->g, "in the search_path of %s", l->victim->name),
		.row = graph_printf(a->g, "search_path of %s: %s", l->victim->name, l->path),
		.fix = fix, .undo = undo,
		.proof = proof_path(p->c, l->schema, l->at->schema == NULL, l->victim->name,
		    l->path),
		.db = a->db,
	};
	const struct graph_step step = {
		.from = hub, .to = audit_pg_role_node(a, l->victim), .needs = STEP_USE,
		.gives = STEP_BECOME, .check = check_find("F4"),
		.basis = graph_basis(a->g, &basis),
	};

	graph_step(a->g, &step);
}

/* One name of one session's path, which somebody else can create in. */
static int
looks_into(struct paths *p, struct look *l, struct err *e)
{
	struct audit_pg *a = p->c->a;
	const char *sound = path_sql(p, l, 1, e), *whole = path_sql(p, l, 0, e);
	const char *who = graph_printf(a->g, "ALTER ROLE %s IN DATABASE %s", l->victim->sql,
	    a->db_sql);
	const char *fix, *undo;

	if (sound == NULL || whole == NULL)
		return -1;
	fix = graph_printf(a->g, "%s SET search_path TO %s", who, sound);
	undo = l->own_here ? graph_printf(a->g, "%s SET search_path TO %s", who, whole)
	    : graph_printf(a->g, "%s RESET search_path", who);
	if (by_grant(p, l, l->at)) {
		if (l->at->hub == NO_HUB)
			l->at->hub = hub_of(p, l->at, "sessions");
		look_step(p, l, l->at->hub, fix, undo);
	}
	if (by_owner(l, l->at)) {
		if (l->at->owner_hub == NO_HUB)
			l->at->owner_hub = hub_of(p, l->at, "elevated sessions");
		look_step(p, l, l->at->owner_hub, fix, undo);
	}
	return 0;
}

static int
one_session(struct paths *p, const struct audit_pg_role *victim, struct err *e)
{
	struct look l = { .victim = victim };
	char name[PG_NAME_CAP];
	const char *rest;

	l.path = path_of(p, victim, &l.own_here);
	for (rest = l.path; search_path_next(&rest, name);) {
		l.schema = strcmp(name, "$user") == 0 ? victim->name : name;
		l.at = weak_place(p, &l, name);
		if (l.at != NULL && looks_into(p, &l, e) != 0)
			return -1;
	}
	return 0;
}

/* ---- the whole ------------------------------------------------------------- */

static int
look(struct paths *p, struct err *e)
{
	const struct code *c = p->c;
	const struct audit_pg *a = c->a;
	uint32_t i;

	for (i = 0; i < a->roles; i++)
		if (a->role[i].login
		    && (a->role[i].super || who_has(&c->who, &c->connect, &a->role[i]))
		    && one_session(p, &a->role[i], e) != 0)
			return -1;
	return 0;
}

/* 1, 0 when the server refused, -1. */
static int
create(struct paths *p, int marking, struct err *e)
{
	const struct code *c = p->c;
	uint32_t i;
	int rc;

	p->marking = marking;
	rc = audit_pg_ask(c->a, "F4", "pg_namespace", NULL, creators, one_creator, p, e);
	for (i = 0; rc > 0 && i < c->schemas; i++)
		if (owner_creates(p, &c->schema[i], c->schema[i].owner, c->schema[i].name,
		    e) != 0)
			rc = -1;
	if (rc > 0 && owner_creates(p, NULL, c->a->db_owner, c->a->db, e) != 0)
		rc = -1;
	return rc;
}

int
code_path(struct code *c, struct err *e)
{
	struct paths p = { .c = c };
	uint32_t i;
	int rc;

	if ((p.place = calloc((size_t)c->schemas + 1, sizeof(*p.place))) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (i = 0; i <= c->schemas; i++)
		p.place[i] = (struct place){ .schema = i < c->schemas ? &c->schema[i] : NULL,
			.hub = NO_HUB, .owner_hub = NO_HUB };
	rc = audit_pg_ask(c->a, "F4", "pg_db_role_setting", NULL, paths, one_setting, &p, e);
	if (rc > 0)
		rc = audit_pg_ask(c->a, "F4", "search_path", NULL, server_path,
		    server_setting, &p, e);
	if (rc > 0 && p.server != NULL)
		rc = create(&p, 1, e);
	if (rc > 0 && p.server != NULL)
		rc = look(&p, e) == 0 ? create(&p, 0, e) : -1;
	free(p.set);
	free(p.place);
	return rc < 0 ? -1 : 0;
}
