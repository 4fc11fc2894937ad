/*
 * A first policy for a server: each login with the class that fits what it can do now.
 * Nobody is made an administrator or a migrator by guess, since that would pass in
 * silence what an audit is for; what exceeds a class is told in a comment.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/ini.h"
#include "audit/policy.h"
#include "audit/policy_private.h"
#include "audit/reach.h"

#define PLACES	8	/* schemas or databases that a line lists; more are "all" */
#define EXCESS	6	/* powers that a comment tells */

struct places {
	const char *name[PLACES + 1];	/* NULL-terminated */
	uint32_t n;			/* may be one more than there is room for */
};

struct suggesting {
	const struct graph *g;
	struct policy *usual;
	FILE *f;
	struct reach reach;
	uint32_t *power;	/* what the account can do: indexes */
	uint32_t powers;
};

/* ---- what an account can do ------------------------------------------------------- */

/* Breaches aside: a policy says what an account is for, not what it could break into. */
static void
find_powers(struct suggesting *s, uint32_t account)
{
	const struct graph *g = s->g;
	uint32_t i, k, node;

	reach_run(&s->reach, account, NULL, 1);
	s->powers = 0;
	for (i = 0; i < s->reach.n; i++) {
		node = reach_node(&s->reach, s->reach.queue[i]);
		for (k = g->power_from[node]; k < g->power_from[node + 1]; k++)
			/* A node that is become was used, too: each power once. */
			if (g->power[k].needs == reach_how(s->reach.queue[i]) &&
			    g->power[k].sink != SINK_NONE &&
			    reach_open(&s->reach, g->power[k].gate, 0))
				s->power[s->powers++] = k;
	}
}

/* ---- the line that fits ---------------------------------------------------------- */

/* How many powers that line allows. */
static uint32_t
allowed(const struct suggesting *s, const struct policy_role *r)
{
	uint32_t i, n = 0;

	for (i = 0; i < s->powers; i++)
		n += (uint32_t)(policy_may(r, &s->g->power[s->power[i]]) != 0);
	return n;
}

/* Words by which people call what migrates a schema. */
static int
is_named_migrator(const char *name)
{
	static const char *const words[] = { "migrat", "deploy", "flyway", "liquibase",
		"alembic" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasestr(name, words[i]) != NULL)
			return 1;
	return 0;
}

static void
choose_class(const struct suggesting *s, uint32_t node, struct policy_role *r)
{
	static const char *const modest[] = { "readonly", "ship", "monitor", "backup", "app" };
	uint32_t app;
	size_t i;

	r->db = r->schema = NULL;
	if (s->g->node[node].bootstrap) {
		r->class = policy_class(s->usual, "admin");
		return;
	}
	for (i = 0; i < sizeof(modest) / sizeof(modest[0]); i++) {
		r->class = policy_class(s->usual, modest[i]);
		if (allowed(s, r) == s->powers)
			return;
	}
	app = allowed(s, r);
	if (!is_named_migrator(s->g->node[node].name))
		return;
	r->class = policy_class(s->usual, "migrator");
	if (allowed(s, r) == app)
		r->class = policy_class(s->usual, "app");
}

static void
add_place(struct places *p, const char *name)
{
	uint32_t i;

	for (i = 0; i < p->n && i < PLACES; i++)
		if (p->name[i] == name)	/* interned */
			return;
	if (i < PLACES)
		p->name[i] = name;
	p->n = i + 1;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/*
 * Where it works: the databases and schemas of what its class allows, as far as the line
 * still allows as much with them.
 */
static void
choose_places(const struct suggesting *s, struct policy_role *r, struct places *db,
    struct places *schema)
{
	uint32_t i, everywhere = allowed(s, r);
	const struct graph_power *p;

	memset(db, 0, sizeof(*db));
	memset(schema, 0, sizeof(*schema));
	for (i = 0; i < s->powers && !r->class->all; i++) {
		p = &s->g->power[s->power[i]];
		if (!policy_may(r, p))
			continue;
		if (p->set->db[0] != '\0')
			add_place(db, p->set->db);
		if (p->set->schema[0] != '\0')
			add_place(schema, p->set->schema);
	}
	qsort(db->name, db->n < PLACES ? db->n : PLACES, sizeof(db->name[0]), by_text);
	qsort(schema->name, schema->n < PLACES ? schema->n : PLACES, sizeof(schema->name[0]),
	    by_text);
	r->db = db->n > 0 && db->n <= PLACES ? db->name : NULL;
	if (allowed(s, r) != everywhere)
		r->db = NULL;
	r->schema = schema->n > 0 && schema->n <= PLACES ? schema->name : NULL;
	if (allowed(s, r) != everywhere)
		r->schema = NULL;
}

/* ---- the text -------------------------------------------------------------------- */

static void
print_value(FILE *f, const char *text)
{
	const char *s;

	if (ini_is_bare(text) && strcmp(text, "*") != 0) {
		fputs(text, f);
		return;
	}
	putc('"', f);
	for (s = text; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			fprintf(f, "\\%c", *s);
		else if (*s == '\n')
			fputs("\\n", f);
		else if ((unsigned char)*s < ' ' || *s == 0x7f)
			fprintf(f, "\\x%02x", (unsigned)*s);
		else
			putc(*s, f);
	}
	putc('"', f);
}

static void
print_places(FILE *f, const char *key, const char *const *list)
{
	const char *comma = "";

	if (list == NULL)
		return;
	fprintf(f, "  %s=", key);
	for (; *list != NULL; list++, comma = ",") {
		fputs(comma, f);
		print_value(f, *list);
	}
}

/* In a comment: one line, whatever the name. */
static void
print_flat(FILE *f, const char *text)
{
	for (; *text != '\0'; text++)
		putc((unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text, f);
}

static void
print_power(FILE *f, const struct graph_power *p)
{
	fputs(p->priv, f);
	if (p->set->n == 0 || p->set->kind[0] == '\0')
		return;
	fprintf(f, " (%s ", p->set->kind);
	print_flat(f, p->set->object[0]);
	if (p->set->n > 1)
		fprintf(f, " and %" PRIu32 " more", p->set->n - 1);
	putc(')', f);
}

/* What it can do beyond the class, each privilege once. */
static void
print_excess(const struct suggesting *s, const struct policy_role *r)
{
	const char *told[EXCESS];
	const struct graph_power *p;
	uint32_t i, k, n = 0;

	for (i = 0; i < s->powers; i++) {
		p = &s->g->power[s->power[i]];
		if (policy_may(r, p))
			continue;
		for (k = 0; k < n && k < EXCESS && told[k] != p->priv; k++)
			;
		if (k < n && k < EXCESS)
			continue;
		if (n++ == EXCESS) {
			fputs(", ...", s->f);
			break;
		}
		told[k] = p->priv;
		if (n == 1)
			fprintf(s->f, "# can do more than %s may: ", r->class->name);
		else
			fputs(", ", s->f);
		print_power(s->f, p);
		if (strcmp(p->priv, "SUPERUSER") == 0)
			fputs("; class=admin, if it is a person who administers", s->f);
	}
	if (n > 0)
		putc('\n', s->f);
}

static void
print_role(struct suggesting *s, uint32_t node)
{
	struct policy_role r = { .name = s->g->node[node].name };
	struct places db, schema;

	find_powers(s, node);
	choose_class(s, node, &r);
	choose_places(s, &r, &db, &schema);
	print_excess(s, &r);
	if (strcmp(r.name, "*") == 0) {
		fputs("# an account named * has no line of its own\n", s->f);
		return;
	}
	fputs("[role ", s->f);
	print_value(s->f, r.name);
	fprintf(s->f, "]  class=%s", r.class->name);
	print_places(s->f, "db", (const char *const *)r.db);
	print_places(s->f, "schema", (const char *const *)r.schema);
	putc('\n', s->f);
}

static void
print_head(FILE *f)
{
	const char *s;

	fputs("# Who may do what on this server: a first policy, by privaudit --suggest.\n"
	    "# It describes what is there, as far as that is sensible.  Look at each line;\n"
	    "# bulkhead-policy(5) tells what it may say.\n"
	    "#\n"
	    "# [target]  env=production  owner=ROLE-THAT-OWNS-THE-TABLES\n"
	    "#\n"
	    "# The classes, as they are without a section of their own:\n# ", f);
	for (s = policy_builtin; *s != '\0'; s++) {
		putc(*s, f);
		if (*s == '\n' && s[1] != '\0')
			fputs("# ", f);
	}
	putc('\n', f);
}

/* ---- all of it --------------------------------------------------------------------- */

static int
prepare(struct suggesting *s, struct err *e)
{
	const struct graph *g = s->g;

	s->usual = policy_read(NULL, "0000-01-01", e);	/* it has no exceptions */
	if (s->usual == NULL)
		return -1;
	s->power = calloc((size_t)g->powers + 1, sizeof(*s->power));
	if (s->power == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	return reach_init(&s->reach, g, e);
}

struct login {
	const char *name;
	uint32_t node;
};

static int
by_name(const void *a, const void *b)
{
	const struct login *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int
print_roles(struct suggesting *s, struct err *e)
{
	struct login *login = calloc((size_t)s->g->nodes + 1, sizeof(*login));
	uint32_t i, n = 0;

	if (login == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (i = 0; i < s->g->nodes; i++)
		if (s->g->node[i].kind == NODE_ACCOUNT && s->g->node[i].login)
			login[n++] = (struct login){ s->g->node[i].name, i };
	qsort(login, n, sizeof(*login), by_name);
	for (i = 0; i < n; i++)
		print_role(s, login[i].node);
	free(login);
	return 0;
}

int
policy_suggest(const struct graph *g, FILE *f, struct err *e)
{
	struct suggesting s = { .g = g, .f = f };
	int r = prepare(&s, e);

	if (r == 0) {
		print_head(f);
		r = print_roles(&s, e);
	}
	if (r == 0 && (fflush(f) != 0 || ferror(f)))
		r = err_sys(e, ERR_IO, "standard output: write");
	reach_free(&s.reach);
	free(s.power);
	policy_free(s.usual);
	return r;
}
