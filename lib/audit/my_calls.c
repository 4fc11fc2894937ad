/*
 * Which stored routines a body calls: read as words, for whoever may put another routine in
 * the place of one of them turns the body against its definer.  Statements that a body puts
 * together while it runs are not seen.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "audit/my_private.h"

struct audit_my_name {
	const char *schema, *name;	/* interned; name in small letters */
};

static int
compare(const void *a, const void *b)
{
	const struct audit_my_name *x = a, *y = b;
	int d = strcmp(x->schema, y->schema);

	return d != 0 ? d : strcmp(x->name, y->name);
}

int
audit_my_routine_add(struct audit_my *a, const char *schema, const char *name, struct err *e)
{
	struct audit_my_name *more;

	if ((a->routines & (a->routines - 1)) == 0) {
		more = realloc(a->routine,
		    (a->routines == 0 ? 1 : (size_t)a->routines * 2) * sizeof(*more));
		if (more == NULL)
			return err_set(e, ERR_SYSTEM, "out of memory");
		a->routine = more;
	}
	a->routine[a->routines++] = (struct audit_my_name){ graph_string(a->g, schema),
		audit_my_lower(a, name) };
	return 0;
}

void
audit_my_routines_end(struct audit_my *a)
{
	if (a->routines > 0)
		qsort(a->routine, a->routines, sizeof(*a->routine), compare);
}

/* ---- words -------------------------------------------------------------------------- */

static int
is_letter(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (c & 0x80) != 0;
}

/*
 * Behind the text or comment that begins at s; s itself: there is none.  MySQL shows bodies
 * with their doubled quotes made single, so there is no telling what is text: all counts.
 */
static const char *
skip(const struct audit_my *a, const char *s)
{
	const char *end;
	char quote = *s;

	if (a->my->mariadb && (quote == '\'' || quote == '"')) {
		for (s++; *s != '\0' && *s != quote; s++)
			if (*s == '\\' && s[1] != '\0')
				s++;
		return *s != '\0' ? s + 1 : s;
	}
	if (*s == '#' || (strncmp(s, "--", 2) == 0 &&
	    (s[2] == '\0' || isspace((unsigned char)s[2]))))
		return s + strcspn(s, "\n");
	/* What stands in a comment for some versions alone runs. */
	if (strncmp(s, "/*", 2) != 0 || s[2] == '!' || s[2] == 'M')
		return s;
	end = strstr(s + 2, "*/");
	return end != NULL ? end + 2 : s + strlen(s);
}

/* The name at *s into word (cut at cap), *s behind it; 0: there is none. */
static int
take_name(const char **s, char *word, size_t cap)
{
	const char *p = *s;
	size_t n = 0;

	if (*p == '`') {
		for (p++; *p != '\0' && (*p != '`' || p[1] == '`'); p++) {
			p += *p == '`';
			if (n + 1 < cap)
				word[n++] = *p;
		}
		p += *p == '`';
	} else {
		for (; is_letter(*p); p++)
			if (n + 1 < cap)
				word[n++] = *p;
	}
	word[n] = '\0';
	*s = p;
	return n > 0;
}

int
audit_my_calls(struct audit_my *a, const char *schema, const char *body,
    audit_my_called *called, void *ctx, struct err *e)
{
	char first[256], second[256];
	struct audit_my_name key, *found;
	const char *s = body, *next, *name;
	int by_call = 0, rc = 0;

	while (*s != '\0' && rc == 0) {
		if ((next = skip(a, s)) != s) {
			s = next;
			continue;
		}
		if (!take_name(&s, first, sizeof(first))) {
			s++;
			continue;
		}
		key.schema = schema;
		name = first;
		if (*s == '.' && (next = s + 1, take_name(&next, second, sizeof(second)))) {
			s = next;
			key.schema = first;
			name = second;
		}
		next = s + strspn(s, " \t\r\n");
		if (*next == '(' || by_call) {
			key.name = audit_my_lower(a, name);
			found = a->routines == 0 ? NULL : bsearch(&key, a->routine, a->routines,
			    sizeof(key), compare);
			if (found != NULL)
				rc = called(a, found->schema, found->name, ctx, e);
		}
		by_call = strcasecmp(first, "call") == 0 && name == first;
	}
	return rc;
}
