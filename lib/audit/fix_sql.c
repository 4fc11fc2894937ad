/*
 * Templates become statements, and paths become a line.
 */
#include <string.h>

#include "audit/fix_private.h"

/* ---- templates ---------------------------------------------------------------------- */

/* The end of the statement at s: at its ";\n" outside of quotes, or where the text ends. */
static const char *
statement_end(const char *s)
{
	char quote = '\0';

	for (; *s != '\0'; s++) {
		if (quote != '\0') {
			if (*s == quote)
				quote = '\0';
		} else if (*s == '"' || *s == '\'' || *s == '`') {
			quote = *s;
		} else if (*s == ';' && (s[1] == '\n' || s[1] == '\0')) {
			break;
		}
	}
	return s;
}

static int
uses(const char *s, const char *end, char letter)
{
	for (; s < end; s++)
		if (*s == '%' && s + 1 < end && *++s == letter)
			return 1;
	return 0;
}

int
fix_uses(const char *template, char letter)
{
	return uses(template, template + strlen(template), letter);
}

static void
expand_one(struct buf *b, const char *s, const char *end, const struct fix_words *w,
    const char *object)
{
	for (; s < end; s++) {
		if (*s != '%' || s + 1 == end) {
			buf_add(b, s, 1);
			continue;
		}
		switch (*++s) {
		case 'o':
		case 'f':
			buf_str(b, object);
			break;
		case 'n':
			buf_str(b, w->owner);
			break;
		case 'g':
			buf_str(b, w->grant);
			break;
		case 'a':
			buf_str(b, w->account);
			break;
		default:
			buf_add(b, s, 1);
			break;
		}
	}
	buf_str(b, ";\n");
}

/* One statement for each of these. */
static void
expand_each(struct buf *b, const char *s, const char *end, const struct fix_words *w,
    const char *const *object, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		expand_one(b, s, end, w, object[i]);
}

void
fix_expand(struct buf *b, const char *template, const struct fix_words *w)
{
	static const struct graph_set none = { .kind = "" };
	const struct graph_set *set = w->set != NULL ? w->set : &none;
	const char *s = template, *end;

	while (*s != '\0') {
		end = statement_end(s);
		if (end == s || ((uses(s, end, 'g') || uses(s, end, 'f')) && w->grant[0] == '\0')
		    || (uses(s, end, 'n') && w->owner == NULL))
			; /* nothing to say */
		else if (uses(s, end, 'o'))
			expand_each(b, s, end, w, (const char *const *)set->object, set->n);
		else if (uses(s, end, 'f'))
			expand_each(b, s, end, w, (const char *const *)set->follower, set->followers);
		else
			expand_one(b, s, end, w, "");
		s = end;
		if (*s == ';')
			s++;
		if (*s == '\n')
			s++;
	}
}

const char *const *
fix_grantable(const char *kind)
{
	static const char *const table[] = { "SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE",
		"REFERENCES", "TRIGGER", NULL };
	static const char *const sequence[] = { "USAGE", "SELECT", "UPDATE", NULL };
	static const char *const schema[] = { "USAGE", "CREATE", NULL };
	static const char *const database[] = { "CONNECT", "CREATE", "TEMPORARY", NULL };
	static const char *const routine[] = { "EXECUTE", NULL };
	static const char *const large[] = { "SELECT", "UPDATE", NULL };
	static const char *const space[] = { "CREATE", NULL };
	static const char *const usage[] = { "USAGE", NULL };
	static const char *const none[] = { NULL };
	static const struct {
		const char *word;	/* a kind that holds it, the first in this list */
		const char *const *privs;
	} kinds[] = { { "tablespace", space }, { "table", table }, { "view", table },
		{ "sequence", sequence }, { "schema", schema }, { "database", database },
		{ "function", routine }, { "procedure", routine }, { "routine", routine },
		{ "aggregate", routine }, { "large object", large }, { "type", usage },
		{ "domain", usage }, { "language", usage }, { "server", usage },
		{ "foreign", usage } };
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strstr(kind, kinds[i].word) != NULL)
			return kinds[i].privs;
	return none;
}

/* A letter inside of psql's quotes, of which single ones know escapes. */
static void
add_escaped(struct buf *b, char c)
{
	if (c == '\n')
		buf_str(b, "\\n");
	else if (c == '\r')
		buf_str(b, "\\r");
	else if (c == '\\' || c == '\'')
		buf_fmt(b, "\\%c", c);
	else if (c == '"')
		buf_str(b, "\"\"");
	else
		buf_add(b, &c, 1);
}

/*
 * psql takes a name with "=" or like a URI for a connection string, so such a one is given
 * as that; and its commands end with the line, so it is escaped in single quotes.
 */
void
fix_connect(struct buf *b, const char *db)
{
	const char *c;

	if (strpbrk(db, "=\n\r\\'") == NULL && strstr(db, "://") == NULL) {
		buf_str(b, "\\connect \"");
		for (c = db; *c != '\0'; c++)
			add_escaped(b, *c);
		buf_str(b, "\"\n");
		return;
	}
	buf_str(b, "\\connect -reuse-previous=on '\"dbname=\\'");
	for (c = db; *c != '\0'; c++) {
		if (*c == '\\' || *c == '\'')
			buf_str(b, "\\\\");
		add_escaped(b, *c);
	}
	buf_str(b, "\\'\"'\n");
}

/* ---- paths --------------------------------------------------------------------------- */

void
fix_path(const struct graph *g, const struct finding *f, struct buf *b)
{
	struct buf line = BUF_INIT;
	uint32_t i, first = f->account;

	if (f->fault != NULL)
		buf_str(&line, f->fault->basis->why);
	else
		buf_str(&line, g->node[f->account].name);
	if (f->power != NULL)
		first = f->steps > 0 ? f->step[0]->from : f->power->from;
	if (first != f->account)
		buf_fmt(&line, " -> %s", g->node[first].name);
	for (i = 0; i < f->steps; i++)
		buf_fmt(&line, " -> %s", f->step[i]->basis->why);
	if (f->power != NULL)
		buf_fmt(&line, " -> %s -> %s", f->power->basis->why, f->power->act);
	else if (f->fault == NULL)
		buf_str(&line, " -> no line of the policy names it");
	if (buf_reserve(&line, 0) == 0 && buf_cstr(&line)[0] != '\0')
		err_flatten((char *)line.data);
	if (line.failed)
		b->failed = line.failed;
	buf_str(b, buf_cstr(&line));
	buf_free(&line);
}
