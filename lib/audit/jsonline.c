/*
 * One line of JSON, read member by member.
 */
#include "audit/jsonline.h"

#include <string.h>

void
jsonline_begin(struct jsonline *l, char *text, size_t len)
{
	l->p = text;
	l->end = text + len;
	l->begun = 0;
}

static void
blanks(struct jsonline *l)
{
	while (l->p < l->end && (*l->p == ' ' || *l->p == '\t' || *l->p == '\r'))
		l->p++;
}

static int
take(struct jsonline *l, char c)
{
	blanks(l);
	if (l->p == l->end || *l->p != c)
		return 0;
	l->p++;
	return 1;
}

/* Four digits at p; -1: they are none. */
static int
hex4(const char *p, const char *end)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *d;
	int i, x = 0;

	if (end - p < 4)
		return -1;
	for (i = 0; i < 4; i++) {
		if (p[i] == '\0' || (d = strchr(digits, p[i])) == NULL)
			return -1;
		x = x << 4 | (int)((d - digits) % 16);
	}
	return x;
}

/* The character of \uXXXX, p behind the u, as UTF-8: never longer than its escape. */
static char *
unicode(struct jsonline *l, char *out)
{
	int low, c = hex4(l->p, l->end);

	if (c <= 0 || (c >= 0xdc00 && c < 0xe000))
		return NULL;
	l->p += 4;
	if (c >= 0xd800 && c < 0xdc00) {
		if (l->end - l->p < 6 || l->p[0] != '\\' || l->p[1] != 'u' ||
		    (low = hex4(l->p + 2, l->end)) < 0xdc00 || low >= 0xe000)
			return NULL;
		l->p += 6;
		c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	} else if (c >= 0x800) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	} else if (c >= 0x80) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 0x3f));
	} else
		*out++ = (char)c;
	return out;
}

/* A string, unescaped in its place; NULL: it is none. */
static const char *
string(struct jsonline *l)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *start, *hit;
	char *out;

	if (!take(l, '"'))
		return NULL;
	start = out = l->p;
	while (l->p < l->end && *l->p != '"') {
		if ((unsigned char)*l->p < ' ')
			return NULL;
		if (*l->p != '\\') {
			*out++ = *l->p++;
			continue;
		}
		if (l->end - ++l->p < 1)
			return NULL;
		if (*l->p == 'u') {
			l->p++;
			if ((out = unicode(l, out)) == NULL)
				return NULL;
		} else if (*l->p != '\0' && (hit = strchr(from, *l->p)) != NULL) {
			*out++ = to[hit - from];
			l->p++;
		} else
			return NULL;
	}
	if (l->p == l->end)
		return NULL;
	*out = '\0';
	l->p++;
	return start;
}

/* An array or object, up to its end. */
static int
skip_nested(struct jsonline *l)
{
	int depth = 0;

	do {
		blanks(l);
		if (l->p == l->end)
			return -1;
		if (*l->p == '"') {
			if (string(l) == NULL)
				return -1;
			continue;
		}
		if (*l->p == '[' || *l->p == '{')
			depth++;
		else if (*l->p == ']' || *l->p == '}')
			depth--;
		l->p++;
	} while (depth > 0);
	return 0;
}

static int
value(struct jsonline *l, struct jsonline_member *m)
{
	m->kind = JSONLINE_OTHER;
	m->text = NULL;
	m->number = 0;
	blanks(l);
	if (l->p == l->end)
		return -1;
	if (*l->p == '"') {
		m->kind = JSONLINE_STRING;
		return (m->text = string(l)) != NULL ? 0 : -1;
	}
	if (*l->p == '[' || *l->p == '{')
		return skip_nested(l);
	if (*l->p == ',' || *l->p == '}')
		return -1;
	if (*l->p >= '0' && *l->p <= '9')
		m->kind = JSONLINE_NUMBER;
	for (; l->p < l->end && strchr(",} \t\r", *l->p) == NULL; l->p++) {
		if (*l->p < '0' || *l->p > '9' || m->number > (UINT64_MAX - 9) / 10)
			m->kind = JSONLINE_OTHER;
		else
			m->number = 10 * m->number + (uint64_t)(*l->p - '0');
	}
	return 0;
}

int
jsonline_next(struct jsonline *l, struct jsonline_member *m)
{
	int first = !l->begun;

	if (first && !take(l, '{'))
		return -1;
	l->begun = 1;
	if (take(l, '}')) {
		blanks(l);
		return l->p == l->end ? 0 : -1;
	}
	if (!first && !take(l, ','))
		return -1;
	if ((m->key = string(l)) == NULL || !take(l, ':') || value(l, m) != 0)
		return -1;
	return 1;
}
