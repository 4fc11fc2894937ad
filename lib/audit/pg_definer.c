/*
 * F1: SECURITY DEFINER functions whose names a caller can answer: without a search_path,
 * with one that somebody weaker can create in, or with pg_temp not last in it.
 *
 * pg_temp comes first unless it is named, for tables and types: a temporary domain called
 * "text" is enough to run code as the owner, even where the path is empty.
 */
#include "audit/pg_code.h"

#include <stdlib.h>
#include <string.h>

/*
 * Functions and who may call them: those with EXECUTE, and whose writes fire them.  The names
 * in a body that is bound when it is made (BEGIN ATOMIC) are nobody else's to answer, but
 * what it calls may be another kind of body, without a path of its own.  What is written
 * in C looks names up seldom; that it does, the path that was set for it says.
 */
static const char definers[] =
    "SELECT p.oid, p.proowner, p.pronamespace, p.oid::regprocedure, "
    GRANTEES(WITH_DEFAULT("p.proacl", "f", "p.proowner"), "= 'EXECUTE'") ", s.path "
    "FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang, LATERAL (SELECT (SELECT "
    "substr(x, 13) FROM unnest(p.proconfig) x WHERE starts_with(x, 'search_path='))) s(path) "
    "WHERE p.prosecdef AND (s.path IS NOT NULL OR l.lanname NOT IN ('internal', 'c')) "
    "AND (p.prosqlbody IS NULL OR EXISTS (SELECT FROM pg_depend d "
    "JOIN pg_proc q ON q.oid = d.refobjid JOIN pg_language k ON k.oid = q.prolang "
    "WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid "
    "AND d.refclassid = 'pg_proc'::regclass AND q.prosqlbody IS NULL AND NOT q.prosecdef "
    "AND k.lanname NOT IN ('internal', 'c') AND NOT EXISTS (SELECT FROM "
    "unnest(q.proconfig) x WHERE starts_with(x, 'search_path=')))) ORDER BY p.oid";
static const char fired[] =
    "SELECT DISTINCT t.tgfoid, c.relnamespace, c.relowner, array_to_string(array("
    "SELECT x.grantee FROM aclexplode(c.relacl) x"
    " WHERE x.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE') UNION "
    "SELECT x.grantee FROM pg_attribute t, aclexplode(t.attacl) x WHERE t.attrelid = c.oid"
    " AND x.privilege_type IN ('INSERT', 'UPDATE') ORDER BY 1), ' ') "
    "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
    "JOIN pg_proc p ON p.oid = t.tgfoid "
    "WHERE p.prosecdef AND NOT t.tgisinternal AND t.tgenabled <> 'D'";

/* What fires a function: a table's writers. */
struct fired {
	uint32_t function;
	struct who_set writers;
};

struct definers {
	struct code *c;
	struct fired *fired;	/* by function */
	size_t n, cap;
};

struct definer {
	struct code *c;
	const struct audit_pg_role *owner;
	const char *name, *path; /* regprocedure; NULL: no search_path set */
	const struct code_schema *schema;
	struct breach breach;	/* all but from and why */
	const char *how;	/* what is wrong with it */
	const char *trap;	/* the schema where a caller can create */
};

static int
writes(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct definers *d = ctx;
	const struct code_schema *s = code_schema(d->c, pg_query_u32(q, 1));
	struct fired *more;

	(void)a;	/* d->c has it */
	if (s == NULL)
		return 0;
	if (d->n == d->cap) {
		size_t cap = d->cap == 0 ? 16 : d->cap * 2;

		if ((more = reallocarray(d->fired, cap, sizeof(*more))) == NULL)
			return err_set(e, ERR_SYSTEM, "out of memory");
		d->fired = more;
		d->cap = cap;
	}
	more = &d->fired[d->n++];
	*more = (struct fired){ .function = pg_query_u32(q, 0) };
	if (who_grant(&d->c->who, &more->writers, pg_query_text(q, 3), e) != 0
	    || who_add(&d->c->who, &more->writers, pg_query_u32(q, 2), e) != 0)
		return -1;
	return who_and(&d->c->who, &more->writers, &s->usage, e);
}

/* ---- the path ----------------------------------------------------------- */

/* The owner's name where the path says "$user". */
static const char *
meant(const struct definer *d, const char *name)
{
	return strcmp(name, "$user") == 0 ? d->owner->name : name;
}

static int
temp_is_last(const char *path)
{
	char name[PG_NAME_CAP] = "";

	while (search_path_next(&path, name))
		if (strcmp(name, "pg_temp") == 0)
			return !search_path_next(&path, name);
	return 0;
}

static void
add_name(struct code *c, struct buf *b, const char *name)
{
	if (b->len > 0)
		buf_str(b, ", ");
	if (*name == '\0')
		buf_str(b, "''");
	else if (strcmp(name, "pg_temp") == 0 || strcmp(name, "pg_catalog") == 0)
		buf_str(b, name);
	else
		buf_str(b, audit_pg_ident(c->a, name));
}

/*
 * A path that nobody but the owner writes to: what is safe of the present one, or of where
 * the function's names come from most likely.
 */
static const char *
safe_path(const struct definer *d)
{
	const char *path = d->path, *out;
	const struct code_schema *s;
	char name[PG_NAME_CAP];
	struct buf b = BUF_INIT;

	if (path == NULL) {
		if (code_schema_safe(d->c, d->schema, d->owner))
			add_name(d->c, &b, d->schema->name);
		path = strcmp(d->schema->name, "public") == 0 ? "" : "public";
	}
	while (search_path_next(&path, name)) {
		s = code_schema_named(d->c, meant(d, name));
		if (s != NULL && code_schema_safe(d->c, s, d->owner))
			add_name(d->c, &b, name);
	}
	if (b.len == 0)
		add_name(d->c, &b, "pg_catalog");
	add_name(d->c, &b, "pg_temp");
	out = graph_string(d->c->a->g, buf_cstr(&b));
	buf_free(&b);
	return out;
}

static const char *
undo_of(const struct definer *d, const char *function)
{
	const char *path = d->path, *out;
	char name[PG_NAME_CAP];
	struct buf b = BUF_INIT;

	if (path == NULL)
		return graph_printf(d->c->a->g, "ALTER ROUTINE %s RESET search_path",
		    function);
	while (search_path_next(&path, name))
		add_name(d->c, &b, name);
	if (b.len == 0)
		buf_str(&b, "''");
	out = graph_printf(d->c->a->g, "ALTER ROUTINE %s SET search_path TO %s", function,
	    buf_cstr(&b));
	buf_free(&b);
	return out;
}

/* ---- who gets through ---------------------------------------------------- */

static int
one_caller(void *ctx, const struct audit_pg_role *r, struct err *e)
{
	struct definer *d = ctx;
	struct audit_pg *a = d->c->a;
	struct breach b = d->breach;

	b.from = audit_pg_role_node(a, r);
	b.why = graph_printf(a->g, "runs %s as %s, %s", d->name, d->owner->name, d->how);
	b.proof = proof_definer(d->c, d->name, d->owner->name, d->trap, d->path != NULL);
	return breach_add(d->c, &b, e);
}

/* Of these, who can put there what the function finds; s NULL: in a schema of their own. */
static int
trappers(const struct definer *d, const struct code_schema *s, struct who_set *who,
    struct err *e)
{
	const struct who *w = &d->c->who;

	if (who_and(w, who, s != NULL ? &s->create : &d->c->create, e) != 0)
		return -1;
	/* A schema that the owner may not use is passed over, unless they let it in. */
	if (s == NULL || d->owner->super || who_has(w, &s->usage, d->owner))
		return 0;
	return who_and(w, who, &s->admits, e);
}

/* Somebody weaker can create in a schema of the path: whoever calls it, it is captured. */
static int
weak_schemas(struct definer *d, struct err *e)
{
	struct audit_pg *a = d->c->a;
	const char *path = d->path;
	char name[PG_NAME_CAP];

	while (path != NULL && search_path_next(&path, name)) {
		const struct code_schema *s = code_schema_named(d->c, meant(d, name));
		struct who_set who = { 0 };
		int rc;

		if (strcmp(name, "pg_temp") == 0 || *name == '\0')
			continue;
		d->trap = s != NULL ? s->name : graph_string(a->g, meant(d, name));
		d->how = s != NULL
		    ? graph_printf(a->g, "can create in schema %s of its search_path", s->name)
		    : graph_printf(a->g, "can make schema %s of its search_path", name);
		rc = who_or(&d->c->who, &who, &d->c->connect, e);
		if (rc == 0)
			rc = trappers(d, s, &who, e);
		if (rc == 0)
			rc = who_widest(&d->c->who, &who, one_caller, d, e);
		who_set_free(&who);
		if (rc != 0)
			return -1;
	}
	return 0;
}

/* Callers without temporary tables, each by a schema that it writes to. */
static int
by_schema(struct definer *d, const struct who_set *may_call, struct err *e)
{
	const struct who *w = &d->c->who;
	uint32_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i <= d->c->schemas; i++) {
		const struct code_schema *s = i < d->c->schemas ? &d->c->schema[i] : NULL;
		struct who_set who = { 0 };

		d->trap = s != NULL ? s->name : "bulkhead_new";
		rc = who_or(w, &who, may_call, e);
		if (rc == 0)
			rc = trappers(d, s, &who, e);
		if (rc == 0)
			rc = who_widest(w, &who, one_caller, d, e);
		who_set_free(&who);
	}
	return rc;
}

/* Callers who can put something in front of what the function names. */
static int
callers(struct definer *d, struct who_set *may_call, struct err *e)
{
	const struct who *w = &d->c->who;
	struct who_set temp = { 0 };
	int rc;

	if (d->path != NULL && temp_is_last(d->path))
		return 0;
	d->trap = "pg_temp";
	d->how = d->path == NULL ? "with no search_path set" : "with pg_temp not last";
	rc = who_or(w, &temp, may_call, e);
	if (rc == 0)
		rc = who_and(w, &temp, &d->c->temp, e);
	if (rc == 0)
		rc = who_widest(w, &temp, one_caller, d, e);
	who_set_free(&temp);
	if (rc != 0 || d->path != NULL)
		return rc;
	return by_schema(d, may_call, e);
}

static int
who_calls(const struct definers *all, const struct code_schema *s, const struct pg_query *q,
    struct who_set *who, struct err *e)
{
	const struct code *c = all->c;
	size_t i;

	if (who_grant(&c->who, who, pg_query_text(q, 4), e) != 0
	    || who_and(&c->who, who, &s->usage, e) != 0)
		return -1;
	for (i = 0; i < all->n; i++)
		if (all->fired[i].function == pg_query_u32(q, 0)
		    && who_or(&c->who, who, &all->fired[i].writers, e) != 0)
			return -1;
	return who_and(&c->who, who, &c->connect, e);
}

static int
one_definer(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct definers *all = ctx;
	struct definer d = { .c = all->c };
	struct who_set who = { 0 };
	const char *function;
	int rc;

	d.owner = audit_pg_role(a, pg_query_u32(q, 1));
	d.schema = code_schema(all->c, pg_query_u32(q, 2));
	if (d.owner == NULL || d.schema == NULL)
		return 0;
	d.name = graph_string(a->g, pg_query_text(q, 3));
	d.path = graph_string(a->g, pg_query_text(q, 5));
	function = audit_pg_template(a, d.name);
	d.breach = (struct breach){
		.check = "F1", .to = audit_pg_role_node(a, d.owner),
		.row = graph_printf(a->g, "pg_proc(%s): prosecdef, owner %s, %s%s", d.name,
		    d.owner->name, d.path != NULL ? "search_path=" : "no search_path",
		    d.path != NULL ? d.path : ""),
		.fix = graph_printf(a->g, "ALTER ROUTINE %s SET search_path TO %s", function,
		    safe_path(&d)),
		.undo = undo_of(&d, function),
		.advice = "names that come from elsewhere must be qualified in the function's "
		    "body",
	};
	rc = who_calls(all, d.schema, q, &who, e);
	if (rc == 0)
		rc = weak_schemas(&d, e);
	if (rc == 0)
		rc = callers(&d, &who, e);
	who_set_free(&who);
	return rc;
}

int
code_definer(struct code *c, struct err *e)
{
	struct definers d = { .c = c };
	size_t i;
	int rc;

	rc = audit_pg_ask(c->a, "F1", "pg_trigger", NULL, fired, writes, &d, e);
	if (rc >= 0)
		rc = audit_pg_ask(c->a, "F1", "pg_proc", NULL, definers, one_definer, &d, e);
	for (i = 0; i < d.n; i++)
		who_set_free(&d.fired[i].writers);
	free(d.fired);
	return rc < 0 ? -1 : 0;
}
