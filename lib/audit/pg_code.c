/*
 * Code that runs with other people's rights, in one database: what the checks F1 to F4 have
 * in common, their order, and their breaches as steps of the graph.
 */
#include "audit/pg_code.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "out of memory");
}

/* ---- schemas and the database ----------------------------------------- */

/* An owner whose own right was revoked grants it to itself again: so it holds it. */
static const char schemas[] =
    "SELECT oid, nspowner, nspname, "
    GRANTEES(WITH_DEFAULT("nspacl", "n", "nspowner"), "= 'USAGE'") ", "
    GRANTEES(WITH_DEFAULT("nspacl", "n", "nspowner"), "= 'CREATE'") ", "
    GRANTEES(WITH_DEFAULT("nspacl", "n", "nspowner"), "= 'USAGE' AND is_grantable")
    " FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast)' ORDER BY oid";
static const char database[] =
    "SELECT " GRANTEES(WITH_DEFAULT("datacl", "d", "datdba"), "= 'CONNECT'") ", "
    GRANTEES(WITH_DEFAULT("datacl", "d", "datdba"), "= 'TEMPORARY'") ", "
    GRANTEES(WITH_DEFAULT("datacl", "d", "datdba"), "= 'CREATE'")
    " FROM pg_database WHERE datname = current_database()";

static int
one_schema(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct code *c = ctx;
	struct code_schema *more, *s;

	more = reallocarray(c->schema, (size_t)c->schemas + 1, sizeof(*more));
	if (more == NULL)
		return no_memory(e);
	c->schema = more;
	s = &more[c->schemas++];
	*s = (struct code_schema){ .oid = pg_query_u32(q, 0), .owner = pg_query_u32(q, 1) };
	s->name = graph_string(a->g, pg_query_text(q, 2));
	s->sql = audit_pg_ident(a, s->name);
	if (who_grant(&c->who, &s->usage, pg_query_text(q, 3), e) != 0
	    || who_grant(&c->who, &s->create, pg_query_text(q, 4), e) != 0
	    || who_grant(&c->who, &s->admits, pg_query_text(q, 5), e) != 0
	    || who_add(&c->who, &s->usage, s->owner, e) != 0
	    || who_add(&c->who, &s->create, s->owner, e) != 0
	    || who_add(&c->who, &s->admits, s->owner, e) != 0
	    || who_or(&c->who, &c->anywhere, &s->create, e) != 0)
		return -1;
	return 0;
}

static int
the_database(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct code *c = ctx;

	if (who_grant(&c->who, &c->connect, pg_query_text(q, 0), e) != 0
	    || who_grant(&c->who, &c->temp, pg_query_text(q, 1), e) != 0
	    || who_grant(&c->who, &c->create, pg_query_text(q, 2), e) != 0
	    || who_add(&c->who, &c->connect, a->db_owner, e) != 0
	    || who_add(&c->who, &c->temp, a->db_owner, e) != 0
	    || who_add(&c->who, &c->create, a->db_owner, e) != 0
	    || who_or(&c->who, &c->anywhere, &c->temp, e) != 0
	    || who_or(&c->who, &c->anywhere, &c->create, e) != 0)
		return -1;
	return 0;
}

const struct code_schema *
code_schema(const struct code *c, uint32_t oid)
{
	uint32_t low = 0, high = c->schemas, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (c->schema[mid].oid == oid)
			return &c->schema[mid];
		if (c->schema[mid].oid < oid)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

const struct code_schema *
code_schema_named(const struct code *c, const char *name)
{
	uint32_t i;

	for (i = 0; i < c->schemas; i++)
		if (strcmp(c->schema[i].name, name) == 0)
			return &c->schema[i];
	return NULL;
}

static int
is_it(void *ctx, const struct audit_pg_role *r, struct err *e)
{
	const struct audit_pg_role *it = ctx;

	(void)e;	/* says no more than no */
	return r == it ? 0 : -1;
}

int
code_schema_safe(const struct code *c, const struct code_schema *s,
    const struct audit_pg_role *r)
{
	struct audit_pg_role *it = &c->a->role[r - c->a->role];

	return who_widest(&c->who, &s->create, is_it, it, NULL) == 0;
}

int
search_path_next(const char **path, char name[PG_NAME_CAP])
{
	const char *p = *path + strspn(*path, " \t\n,");
	int quoted = *p == '"';
	size_t n = 0;
	char ch;

	if (*p == '\0')
		return 0;
	for (p += quoted; *p != '\0'; p++) {
		if (quoted && *p == '"' && *++p != '"')
			break;
		if (!quoted && (*p == ',' || isspace((unsigned char)*p)))
			break;
		ch = *p;
		if (!quoted && ch >= 'A' && ch <= 'Z')
			ch = (char)(ch - 'A' + 'a');
		if (n < PG_NAME_CAP - 1)
			name[n++] = ch;
	}
	name[n] = '\0';
	*path = p;
	return 1;
}

/* ---- breaches ---------------------------------------------------------- */

int
breach_add(struct code *c, const struct breach *b, struct err *e)
{
	struct breaches *bs = &c->breaches;
	struct graph *g = c->a->g;
	struct breach *more;

	if (b->from == b->to)
		return 0;
	if (bs->n == bs->cap) {
		size_t cap = bs->cap == 0 ? 64 : bs->cap * 2;

		if ((more = reallocarray(bs->b, cap, sizeof(*more))) == NULL)
			return no_memory(e);
		bs->b = more;
		bs->cap = cap;
	}
	more = &bs->b[bs->n++];
	*more = *b;
	more->why = graph_string(g, b->why);
	more->row = graph_string(g, b->row);
	more->fix = graph_string(g, b->fix);
	more->undo = graph_string(g, b->undo);
	more->advice = graph_string(g, b->advice);
	more->proof = graph_string(g, b->proof);
	return 0;
}

const char *
code_name(const struct audit_pg_role *r)
{
	return r->oid == 0 ? "PUBLIC" : r->name;
}

/* ---- powers ------------------------------------------------------------ */

static int
find_powers(struct code *c, struct err *e)
{
	const struct graph *g = c->a->g;
	uint32_t i;

	if ((c->power = calloc((size_t)g->powers + 1, sizeof(*c->power))) == NULL)
		return no_memory(e);
	for (i = 0; i < g->powers; i++)
		if ((strcmp(g->power[i].priv, "CREATE") == 0
		    || strcmp(g->power[i].priv, "TRIGGER") == 0)
		    && strcmp(g->power[i].set->db, c->a->db) == 0)
			c->power[c->powers++] = i;
	return 0;
}

const struct graph_power *
code_power(const struct code *c, uint32_t *at, uint32_t from, const char *priv,
    const char *kind, const char *object)
{
	const struct graph_power *w;
	uint32_t k;

	while (*at < c->powers) {
		w = &c->a->g->power[c->power[(*at)++]];
		if (w->from != from || strcmp(w->priv, priv) != 0
		    || (kind != NULL && strcmp(w->set->kind, kind) != 0))
			continue;
		for (k = 0; k < w->set->n; k++)
			if (strcmp(w->set->object[k], object) == 0)
				return w;
	}
	return NULL;
}

/* ---- steps ------------------------------------------------------------- */

/* What makes one step together: a fix of all must be a fix of each. */
static int
pair_order(const struct breach *a, const struct breach *b)
{
	int order = strcmp(a->check, b->check);

	if (order != 0)
		return order;
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	if (a->to != b->to)
		return a->to < b->to ? -1 : 1;
	if (a->power != b->power)
		return a->power < b->power ? -1 : 1;
	return (a->fix == NULL) - (b->fix == NULL);
}

/* By pair, and by name, so that two runs tell the same. */
static int
by_pair(const void *a, const void *b)
{
	const struct breach *x = a, *y = b;
	int order = pair_order(x, y);

	if (order == 0)
		order = strcmp(x->row, y->row);
	if (order == 0)
		order = strcmp(x->fix != NULL ? x->fix : "", y->fix != NULL ? y->fix : "");
	return order != 0 ? order : strcmp(x->why, y->why);
}

/* Statements lie side by side, each once; equal strings are one pointer. */
static void
add_statement(struct buf *b, const char *sql)
{
	if (b->len > 0)
		buf_str(b, ";\n");
	buf_str(b, sql);
}

/* What takes n breaches away; and what brings them back, last first. */
static int
join(const struct breach *b, size_t n, struct buf *fix, struct buf *undo, struct err *e)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (b[i].fix != NULL && (i == 0 || b[i].fix != b[i - 1].fix))
			add_statement(fix, b[i].fix);
	for (i = n; i-- > 0;)
		if (b[i].undo != NULL && (i == 0 || b[i].undo != b[i - 1].undo))
			add_statement(undo, b[i].undo);
	if (buf_check(fix, e) != 0 || buf_check(undo, e) != 0)
		return -1;
	return 0;
}

/* A function that is weak in two ways is one function. */
static size_t
different(const struct breach *b, size_t n)
{
	size_t i, count = 1;

	for (i = 1; i < n; i++)
		count += b[i].row != b[i - 1].row;
	return count;
}

static int
one_step(struct code *c, const struct breach *b, size_t n, struct err *e)
{
	struct graph *g = c->a->g;
	struct buf fix = BUF_INIT, undo = BUF_INIT;
	size_t all = different(b, n);
	int rc = join(b, n, &fix, &undo, e);

	if (rc == 0) {
		const struct graph_basis *sql = b->power != NULL ? b->power->basis : NULL;
		const struct graph_basis basis = {
			.why = all == 1 ? b->why
			    : graph_printf(g, "%s (and %zu more)", b->why, all - 1),
			.row = b->row,
			.fix = sql != NULL ? sql->fix : fix.len > 0 ? buf_cstr(&fix) : NULL,
			.undo = sql != NULL ? sql->undo
			    : undo.len > 0 ? buf_cstr(&undo) : NULL,
			.advice = sql != NULL && sql->fix == NULL ? sql->advice : b->advice,
			.proof = b->proof, .db = sql != NULL ? sql->db : c->a->db,
			.part = sql != NULL ? sql->part : 0,
		};
		const struct graph_step step = {
			.from = b->from, .to = b->to, .needs = STEP_USE, .gives = STEP_BECOME,
			.breach = 1, .check = check_find(b->check),
			.basis = graph_basis(g, &basis),
			.set = b->power != NULL ? b->power->set : NULL,
		};

		graph_step(g, &step);
	}
	buf_free(&fix);
	buf_free(&undo);
	return rc;
}

static int
draw_steps(struct code *c, struct err *e)
{
	struct breach *b = c->breaches.b;
	size_t i, n;

	if (c->breaches.n > 0)
		qsort(b, c->breaches.n, sizeof(*b), by_pair);
	for (i = 0; i < c->breaches.n; i += n) {
		for (n = 1; i + n < c->breaches.n && pair_order(&b[i], &b[i + n]) == 0;)
			n++;
		if (one_step(c, &b[i], n, e) != 0)
			return -1;
	}
	return 0;
}

/* ---- the whole --------------------------------------------------------- */

static void
code_free(struct code *c)
{
	uint32_t i;

	for (i = 0; i < c->schemas; i++) {
		who_set_free(&c->schema[i].usage);
		who_set_free(&c->schema[i].create);
		who_set_free(&c->schema[i].admits);
	}
	who_set_free(&c->connect);
	who_set_free(&c->temp);
	who_set_free(&c->create);
	who_set_free(&c->anywhere);
	who_free(&c->who);
	free(c->power);
	free(c->schema);
	free(c->breaches.b);
}

int
audit_pg_code(struct audit_pg *a, struct err *e)
{
	struct code c = { .a = a };
	int rc = -1;

	if (who_load(&c.who, a, e) == 0
	    && audit_pg_ask(a, "F1", "pg_database", NULL, database, the_database, &c, e) >= 0
	    && audit_pg_ask(a, "F1", "pg_namespace", NULL, schemas, one_schema, &c, e) >= 0
	    && find_powers(&c, e) == 0 && code_definer(&c, e) == 0 && code_hijack(&c, e) == 0
	    && code_trigger(&c, e) == 0 && code_path(&c, e) == 0
	    && code_foreign(&c, e) == 0)
		rc = draw_steps(&c, e);
	code_free(&c);
	return rc;
}
