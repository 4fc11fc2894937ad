/*
 * Templates become statements, and paths become a line.
 */
#include <stdlib.h>
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

/* Do these parts all go?  *p is behind the brace, and comes to the one that closes. */
static int
all_go(const char **p, const struct fix_words *w)
{
	char *end;
	int all = 1;

	for (; **p != '}'; *p = end + (*end == ' '))
		all &= fix_takes(w->item, w->items, strtoull(*p, &end, 10));
	return all;
}

/* A statement of a template. */
struct statement {
	const char *template, *s, *end;
	int once;		/* as one of its conditions says */
	int named;		/* is the new owner named in the template?  -1: not looked yet */
};

static int
names_owner(struct statement *x, const struct fix_words *w)
{
	if (x->named == -1)
		x->named = w->owner != NULL && strstr(x->template, w->owner) != NULL;
	return x->named;
}

/* Do the conditions that it begins with hold?  x->s moves behind them. */
static int
holds(struct statement *x, const struct fix_words *w)
{
	const char *p = x->s;
	int yes = 1;

	x->once = 0;
	for (; p[0] == '%' && p[1] == '{'; p++) {
		p += 2;
		if (strncmp(p, "once}", 5) == 0) {
			x->once = 1;
			p += 4;
		} else if (*p == 'n') {
			yes &= names_owner(x, w);
			p++;
		} else if (*p == '!') {
			p++;
			yes &= !all_go(&p, w);
		} else {
			yes &= all_go(&p, w);
		}
	}
	x->s = p;
	return yes;
}

/* Take back what stands at the end from there on, if that database's part has it already. */
static void
once_only(struct buf *b, size_t from)
{
	char *text = (char *)b->data, *part = text, *line, *found;
	size_t len = b->len - from;

	if (b->failed || from == 0)
		return;
	for (line = text; line < text + from; line = rawmemchr(line, '\n') + 1)
		if (*line == '\\')	/* \connect */
			part = line;
	found = memmem(part, (size_t)(text + from - part), text + from, len);
	if (found != NULL && (found == text || found[-1] == '\n'))
		b->len = from;
}

/* A name, which is a template. */
static void
add_name(struct buf *b, const char *name)
{
	for (; *name != '\0'; name++) {
		buf_add(b, name, 1);
		name += name[0] == '%' && name[1] == '%';
	}
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
			add_name(b, w->owner);
			break;
		case 'g':
			buf_str(b, w->grant);
			break;
		case 'a':
			add_name(b, w->account);
			break;
		default:
			buf_add(b, s, 1);
			break;
		}
	}
	buf_str(b, ";\n");
}

/* The next one that is to be said; 0: there is none. */
static int
next_statement(struct statement *x, const struct fix_words *w)
{
	for (x->s = x->end; *x->s != '\0'; x->s = x->end) {
		while (*x->s == ';' || *x->s == '\n')
			x->s++;
		x->end = statement_end(x->s);
		if (holds(x, w) && x->end > x->s && !((uses(x->s, x->end, 'g')
		    || uses(x->s, x->end, 'f')) && w->grant[0] == '\0')
		    && !(uses(x->s, x->end, 'n') && w->owner == NULL))
			return 1;
	}
	return 0;
}

int
fix_says(const char *template, const struct fix_words *w)
{
	struct statement x = { template, template, template, 0, -1 };

	return next_statement(&x, w);
}

/* One statement for each of these. */
static void
expand_each(struct buf *b, const struct statement *x, const struct fix_words *w,
    const char *const *object, uint32_t n)
{
	size_t from;
	uint32_t i;

	for (i = 0; i < n; i++) {
		from = b->len;
		expand_one(b, x->s, x->end, w, object[i]);
		if (x->once)
			once_only(b, from);
	}
}

void
fix_expand(struct buf *b, const char *template, const struct fix_words *w)
{
	static const struct graph_set none = { .kind = "" };
	static const char *const nothing[] = { "" };
	const struct graph_set *set = w->set != NULL ? w->set : &none;
	struct statement x = { template, template, template, 0, -1 };

	while (next_statement(&x, w))
		if (uses(x.s, x.end, 'o'))
			expand_each(b, &x, w, (const char *const *)set->object, set->n);
		else if (uses(x.s, x.end, 'f'))
			expand_each(b, &x, w, (const char *const *)set->follower, set->followers);
		else
			expand_each(b, &x, w, nothing, 1);
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
	} kinds[] = { { "untrusted", none }, { "tablespace", space }, { "table", table }, { "view", table },
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
