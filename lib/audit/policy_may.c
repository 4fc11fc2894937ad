/*
 * What a policy says of one account and one power: its line, whether its class may, and
 * which exception covers it.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "audit/policy.h"

/* ---- the line of an account ------------------------------------------------------- */

/* Can that login do nothing but replicate? */
static int
only_replicates(const struct graph *g, uint32_t node)
{
	uint32_t i, first = g->power_from[node], end = g->power_from[node + 1];

	for (i = first; i < end; i++)
		if (strcmp(g->power[i].priv, "REPLICATION") != 0 &&
		    strcmp(g->power[i].priv, "REPLICATION SLAVE") != 0)
			return 0;
	return end > first && g->step_from[node] == g->step_from[node + 1];
}

static const struct policy_role *
usual_role(const struct policy *p, const struct graph *g, uint32_t node)
{
	if (g->node[node].bootstrap)
		return &p->role[POLICY_USUAL_ADMIN];
	if (!g->node[node].login)
		return NULL;
	return &p->role[only_replicates(g, node) ? POLICY_USUAL_SHIP : POLICY_USUAL_APP];
}

const struct policy_role *
policy_role(const struct policy *p, const struct graph *g, uint32_t node)
{
	const struct graph_node *n = &g->node[node];
	const struct policy_role *rest = NULL;
	uint32_t i;

	if (n->kind != NODE_ACCOUNT)
		return NULL;
	if (!p->given)
		return usual_role(p, g, node);
	for (i = 0; i < p->roles; i++) {
		if (strcmp(p->role[i].name, n->name) == 0)
			return &p->role[i];
		if (strcmp(p->role[i].name, "*") == 0)
			rest = &p->role[i];
	}
	return n->login ? rest : NULL;
}

/* ---- may it ------------------------------------------------------------------------- */

/* Order of upper case: a policy's words are, the names of predefined roles are not. */
static int
by_word(const void *a, const void *b)
{
	const char *x = a, *y = *(const char *const *)b;

	while (*x != '\0' && toupper((unsigned char)*x) == *y) {
		x++;
		y++;
	}
	return toupper((unsigned char)*x) - (int)(unsigned char)*y;
}

static int
is_in(const char *const *list, const char *name)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, name) == 0)
			return 1;
	return 0;
}

/* Words that speak of objects, wherever these are; all others are the account's own. */
static int
is_of_objects(const char *priv)
{
	static const char *const words[] = { "ALTER", "ALTER ROUTINE", "CREATE", "CREATE ROUTINE",
		"CREATE TEMPORARY TABLES", "CREATE VIEW", "DELETE", "DELETE HISTORY", "DROP",
		"EVENT", "EXECUTE", "GRANT", "GRANT OPTION", "INDEX", "INSERT", "LOCK TABLES",
		"MAINTAIN", "OWNER", "REFERENCES", "SELECT", "SHOW CREATE ROUTINE", "SHOW VIEW",
		"TEMPORARY", "TRIGGER", "TRUNCATE", "UPDATE", NULL };

	return is_in(words, priv);
}

/* Is the place of that set one of the line's? */
static int
is_there(const struct policy_role *r, const struct graph_power *power)
{
	const char *const *db = (const char *const *)r->db;
	const char *const *schema = (const char *const *)r->schema;
	const struct graph_set *set = power->set;

	if (db == NULL && schema == NULL)
		return 1;
	if (set->db[0] == '\0' && set->schema[0] == '\0')
		return !is_of_objects(power->priv);
	/* MySQL and MariaDB have schemas only, and people call them databases. */
	if (set->db[0] == '\0')
		return is_in(schema != NULL ? schema : db, set->schema);
	if (db != NULL && !is_in(db, set->db))
		return 0;
	if (schema == NULL)
		return 1;
	/* A database as such: to work in it, not to change it. */
	if (set->schema[0] == '\0')
		return !is_of_objects(power->priv) || strcmp(power->priv, "TEMPORARY") == 0;
	return is_in(schema, set->schema);
}

/*
 * A dump of MySQL and MariaDB needs TRIGGER to read triggers, so the class backup has it.
 * On PostgreSQL, where schemas lie in databases, it serves only to hang code on tables.
 */
static int
is_no_reading(const struct policy_class *c, const struct graph_power *power)
{
	return c->builtin && strcmp(c->name, "backup") == 0
	    && strcmp(power->priv, "TRIGGER") == 0 && power->set != NULL && power->set->db[0] != '\0';
}

int
policy_may(const struct policy_role *r, const struct graph_power *power)
{
	const struct policy_class *c;

	if (r == NULL || !is_there(r, power) || is_no_reading(r->class, power))
		return 0;
	c = r->class;
	return c->all
	    || (c->n > 0
	        && bsearch(power->priv, c->may, c->n, sizeof(*c->may), by_word) != NULL);
}

/* ---- exceptions --------------------------------------------------------------------- */

/*
 * The next letter of a name as SQL or people write it; dots between names are -2, and the
 * end is -1.  Quotes are left out, doubled ones are one.
 */
struct letters {
	const char *p;
	char quote;		/* in such quotes, or NUL */
};

static int
next_letter(struct letters *l)
{
	while (*l->p != '\0') {
		char c = *l->p++;

		if (l->quote != '\0' && c == l->quote && *l->p == l->quote) {
			l->p++;
			return (unsigned char)c;
		}
		if (l->quote != '\0' && c == l->quote)
			l->quote = '\0';
		else if (l->quote == '\0' && (c == '"' || c == '`'))
			l->quote = c;
		else
			return l->quote == '\0' && c == '.' ? -2 : (unsigned char)c;
	}
	return -1;
}

/* Is that the same object, whichever of the two has its names quoted? */
static int
same_object(const char *a, const char *b)
{
	struct letters x = { a, '\0' }, y = { b, '\0' };
	int c;

	while ((c = next_letter(&x)) == next_letter(&y))
		if (c == -1)
			return 1;
	return 0;
}

/* A fault of an account (its subject) may be excepted under that one's name, too. */
static int
covers(const struct policy_except *x, const struct graph_node *account,
    const struct check *check, const struct graph_power *power, const char *object)
{
	if (strcmp(x->id, check->id) != 0)
		return 0;
	if (strcmp(x->role, account->name) != 0
	    && (power != NULL || object == NULL || strcmp(x->role, object) != 0))
		return 0;
	if (x->priv != NULL && (power == NULL || strcasecmp(x->priv, power->priv) != 0))
		return 0;
	return x->object == NULL || (object != NULL && same_object(x->object, object));
}

struct policy_except *
policy_except(const struct policy *p, const struct graph_node *account,
    const struct check *check, const struct graph_power *power, const char *object)
{
	struct policy_except *expired = NULL, *x;
	uint32_t i;

	for (i = 0; i < p->excepts; i++) {
		x = &p->except[i];
		if (!covers(x, account, check, power, object))
			continue;
		if (!x->expired)
			return x;
		if (expired == NULL)
			expired = x;
	}
	return expired;
}
