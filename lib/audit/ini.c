/*
 * The syntax of a policy file.  Everything that it does not know is refused, with the
 * line: a mistake must not make a policy weaker.
 */
#include "audit/ini.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"

#define NAME_MAX_TOLD 60	/* bytes of a text that a message repeats */

struct parser {
	const char *name, *p, *end;
	unsigned line;
	char *out;		/* where the next text goes */
	struct ini *ini;
	struct err *e;
};

static int __attribute__((format(printf, 2, 3)))
bad(struct parser *p, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	/* A message that is cut off still names file and line. */
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(p->e, ERR_CONFIG, "%s:%u: %s", p->name, p->line, text);
}

/* ---- texts ------------------------------------------------------------------- */

static int
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Beyond ASCII every byte is fine: names come in any encoding. */
static int
is_bare(char c)
{
	unsigned char u = (unsigned char)c;

	return u > ' ' && u != 0x7f && strchr("\"\\#=,[]", c) == NULL;
}

int
ini_is_bare(const char *text)
{
	const char *s;

	for (s = text; *s != '\0'; s++)
		if (!is_bare(*s))
			return 0;
	return s != text;
}

static int
at(const struct parser *p, char c)
{
	return p->p < p->end && *p->p == c;
}

static void
skip_blanks(struct parser *p)
{
	while (p->p < p->end && is_blank(*p->p))
		p->p++;
}

/* Blanks, line ends, comments. */
static void
skip_space(struct parser *p)
{
	for (; p->p < p->end; p->p++) {
		if (*p->p == '#')
			while (p->p < p->end && *p->p != '\n')
				p->p++;
		if (at(p, '\n'))
			p->line++;
		else if (p->p == p->end || !is_blank(*p->p))
			return;
	}
}

static int
escape(struct parser *p)
{
	uint8_t byte;
	char digits[3] = "";

	switch (p->p < p->end ? *p->p++ : '\0') {
	case '"':
		*p->out++ = '"';
		return 0;
	case '\\':
		*p->out++ = '\\';
		return 0;
	case 'n':
		*p->out++ = '\n';
		return 0;
	case 't':
		*p->out++ = '\t';
		return 0;
	case 'x':
		if (p->end - p->p < 2)
			break;
		memcpy(digits, p->p, 2);
		if (hex_decode(&byte, 1, digits) != 0 || byte == 0)
			break;
		p->p += 2;
		*p->out++ = (char)byte;
		return 0;
	}
	return bad(p, "in quotes a backslash stands before \", \\, n, t, or x and two digits");
}

static int
quoted(struct parser *p)
{
	for (p->p++; !at(p, '"');) {
		if (p->p == p->end || (unsigned char)*p->p < ' ' || *p->p == 0x7f)
			return bad(p, "a quoted text has no end in its line");
		if (*p->p != '\\')
			*p->out++ = *p->p++;
		else if (p->p++, escape(p) != 0)
			return -1;
	}
	p->p++;
	return 0;
}

/* A name or value: bare or quoted.  what is for the message. */
static int
text(struct parser *p, const char *what, struct ini_value *v)
{
	char *start = p->out;

	v->text = start;
	v->quoted = at(p, '"');
	if (v->quoted && quoted(p) != 0)
		return -1;
	if (!v->quoted)
		while (p->p < p->end && is_bare(*p->p))
			*p->out++ = *p->p++;
	if (p->out == start)
		return bad(p, "%s is missing", what);
	*p->out++ = '\0';
	if (p->p < p->end && (is_bare(*p->p) || *p->p == '"' || *p->p == '\\'))
		return bad(p, "%s %.*s: what holds quotes, blanks or backslashes stands in "
		    "double quotes", what, NAME_MAX_TOLD, start);
	return 0;
}

/* A kind or key: no quotes. */
static int
word(struct parser *p, const char *what, const char **out)
{
	struct ini_value v;

	if (at(p, '"'))
		return bad(p, "%s stands without quotes", what);
	if (text(p, what, &v) != 0)
		return -1;
	*out = v.text;
	return 0;
}

/* ---- sections and settings ------------------------------------------------------ */

/* Room for one more in a list of n: it doubles at powers of two. */
static void *
grow(struct parser *p, void *list, uint32_t n, size_t size)
{
	void *bigger;

	if ((n & (n - 1)) != 0)
		return list;
	if ((bigger = reallocarray(list, n == 0 ? 1 : 2 * (size_t)n, size)) == NULL)
		err_set(p->e, ERR_SYSTEM, "out of memory");
	return bigger;
}

/* A header or a list ends with the line, or before a blank. */
static int
check_end(struct parser *p)
{
	if (p->p == p->end || is_blank(*p->p) || *p->p == '\n')
		return 0;
	return bad(p, "a blank or a new line is missing before \"%c\"", *p->p);
}

static int
header(struct parser *p)
{
	struct ini_section *s = grow(p, p->ini->section, p->ini->n, sizeof(*s));

	if (s == NULL)
		return -1;
	p->ini->section = s;
	s += p->ini->n++;
	memset(s, 0, sizeof(*s));
	s->line = p->line;
	p->p++;
	skip_blanks(p);
	if (word(p, "the section's kind", &s->kind) != 0)
		return -1;
	skip_blanks(p);
	if (!at(p, ']') && text(p, "the section's name", &s->name) != 0)
		return -1;
	skip_blanks(p);
	if (!at(p, ']'))
		return bad(p,
		    "a header is [KIND NAME] or [KIND]; a name with blanks stands in "
		    "double quotes");
	p->p++;
	return check_end(p);
}

static int
values(struct parser *p, struct ini_setting *set)
{
	struct ini_value *v;
	char what[NAME_MAX_TOLD + 16];
	const char *end;
	int more;

	/* It fits. */
	(void)snprintf(what, sizeof(what), "a value of %.*s", NAME_MAX_TOLD, set->key);
	do {
		if ((v = grow(p, set->value, set->n, sizeof(*v))) == NULL)
			return -1;
		set->value = v;
		if (text(p, what, &v[set->n]) != 0)
			return -1;
		set->n++;
		end = p->p;
		skip_blanks(p);
		if ((more = at(p, ','))) {
			p->p++;
			skip_space(p);
		}
	} while (more);
	p->p = end;
	return check_end(p);
}

static int
setting(struct parser *p)
{
	struct ini_section *s;
	struct ini_setting *set;

	if (p->ini->n == 0)
		return bad(p, "a setting stands below a header such as [role shop_app]");
	s = &p->ini->section[p->ini->n - 1];
	if ((set = grow(p, s->setting, s->n, sizeof(*set))) == NULL)
		return -1;
	s->setting = set;
	set += s->n;
	memset(set, 0, sizeof(*set));
	set->line = p->line;
	if (word(p, "a key", &set->key) != 0)
		return -1;
	s->n++;
	skip_blanks(p);
	if (!at(p, '='))
		return bad(p, "%.*s: a setting is key=value", NAME_MAX_TOLD, set->key);
	p->p++;
	skip_blanks(p);
	return values(p, set);
}

static int
sections(struct parser *p)
{
	for (skip_space(p); p->p < p->end; skip_space(p))
		if ((at(p, '[') ? header(p) : setting(p)) != 0)
			return -1;
	return 0;
}

struct ini *
ini_parse(const char *name, const char *src, size_t len, struct err *e)
{
	struct parser p = { .name = name, .p = src, .end = src + len, .line = 1, .e = e };

	if ((p.ini = calloc(1, sizeof(*p.ini))) == NULL ||
	    /* A text of n bytes, n > 0, takes n + 1 here. */
	    (p.ini->store = malloc(2 * len + 1)) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		goto fail;
	}
	p.out = p.ini->store;
	if (sections(&p) == 0)
		return p.ini;
fail:
	ini_free(p.ini);
	return NULL;
}

void
ini_free(struct ini *ini)
{
	uint32_t i, k;

	if (ini == NULL)
		return;
	for (i = 0; i < ini->n; i++) {
		for (k = 0; k < ini->section[i].n; k++)
			free(ini->section[i].setting[k].value);
		free(ini->section[i].setting);
	}
	free(ini->section);
	free(ini->store);
	free(ini);
}
