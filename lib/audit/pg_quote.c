/*
 * Names and texts of the server as SQL: quoted, on one line, and fit for a template.
 */
#include <string.h>

#include "audit/pg_private.h"

const char *
audit_pg_take(struct audit_pg *a, struct buf *b)
{
	const char *out = graph_string(a->g, buf_cstr(b));

	a->failed |= b->failed;
	buf_free(b);
	return out;
}

/* Bytes that would break a line, or hide on a terminal. */
static int
is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static size_t
quoted_length(const char *s)
{
	char quote = *s;
	size_t n = 1;

	while (s[n] != '\0' && (s[n] != quote || s[n + 1] == quote))
		n += s[n] == quote ? 2 : 1;
	return s[n] == '\0' ? n : n + 1;
}

static int
has_control(const char *s, size_t n)
{
	for (; n > 0; n--, s++)
		if (is_control(*s))
			return 1;
	return 0;
}

/* "..." or '...' with control characters becomes U&"..." with \000A for them. */
static void
add_quoted(struct buf *b, const char *s, size_t n)
{
	int escape = has_control(s, n);

	if (escape)
		buf_str(b, "U&");
	for (; n > 0; n--, s++) {
		if (escape && is_control(*s))
			buf_fmt(b, "\\%04X", (unsigned)*s);
		else if (escape && *s == '\\')
			buf_str(b, "\\\\");
		else
			buf_add(b, s, 1);
	}
}

static const char *
one_line(struct audit_pg *a, const char *s, int percent)
{
	struct buf b = BUF_INIT, doubled = BUF_INIT;
	const char *p;
	size_t n;

	for (p = s; *p != '\0'; p += n) {
		n = *p == '"' || *p == '\'' ? quoted_length(p) : 1;
		if (n > 1)
			add_quoted(&b, p, n);
		else
			buf_add(&b, p, 1);
	}
	if (!percent || strchr(s, '%') == NULL)
		return audit_pg_take(a, &b);
	for (p = buf_cstr(&b); *p != '\0'; p++) {
		buf_add(&doubled, p, 1);
		if (*p == '%')
			buf_str(&doubled, "%");
	}
	doubled.failed |= b.failed;
	buf_free(&b);
	return audit_pg_take(a, &doubled);
}

const char *
audit_pg_sql(struct audit_pg *a, const char *s)
{
	return one_line(a, s, 0);
}

const char *
audit_pg_template(struct audit_pg *a, const char *s)
{
	return one_line(a, s, 1);
}

static const char *
quote(struct audit_pg *a, const char *text, char *(*escape)(PGconn *, const char *, size_t))
{
	char *quoted = escape(a->pg->c, text, strlen(text));
	const char *out;

	/* libpq refuses only text that is not UTF-8, which no server of ours sends. */
	out = audit_pg_template(a, quoted != NULL ? quoted : "");
	PQfreemem(quoted);
	return out;
}

const char *
audit_pg_ident(struct audit_pg *a, const char *name)
{
	return quote(a, name, PQescapeIdentifier);
}

const char *
audit_pg_literal(struct audit_pg *a, const char *text)
{
	return quote(a, text, PQescapeLiteral);
}

void
audit_pg_word(struct buf *b, const char *keyword, const char *value)
{
	buf_fmt(b, "%s%s='", b->len > 0 ? " " : "", keyword);
	for (; *value != '\0'; value++) {
		if (*value == '\'' || *value == '\\')
			buf_u8(b, '\\');
		buf_u8(b, (uint8_t)*value);
	}
	buf_u8(b, '\'');
}
