/*
 * Parses access control lists as PostgreSQL prints them: an array of text, and in each
 * element an item.
 */
#include "audit/acl.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[ACL_RIGHTS] = { "INSERT", "SELECT", "UPDATE", "DELETE",
	"TRUNCATE", "REFERENCES", "TRIGGER", "EXECUTE", "USAGE", "CREATE", "TEMPORARY",
	"CONNECT", "SET", "ALTER SYSTEM", "MAINTAIN" };

static int
bad(const char *text, const char *what, struct err *e)
{
	return err_set(e, ERR_CORRUPT, "access control list %.200s: %s", text, what);
}

/*
 * One element of an array at *p into *out, unquoted; *p stands behind it then.  An unquoted
 * one is not empty, and is not NULL.  0, or -1.
 */
static int
element(const char **p, char **out)
{
	const char *s = *p;
	char *o = *out;

	if (*s == '"') {
		for (s++; *s != '"'; s++) {
			if (*s == '\\')
				s++;
			if (*s == '\0')
				return -1;
			*o++ = *s;
		}
		s++;
	} else {
		while (*s != '\0' && strchr(",{}\"\\", *s) == NULL)
			*o++ = *s++;
		if (o == *out || (o - *out == 4 && memcmp(*out, "NULL", 4) == 0))
			return -1;
	}
	*o++ = '\0';
	*p = s;
	*out = o;
	return 0;
}

/* Elements are at most commas + 1, and their text is not longer than the array's. */
int
acl_array(const char *text, char ***out, struct err *e)
{
	size_t most = 2, len = strlen(text);
	const char *p;
	char *bytes;
	int n = 0;

	*out = NULL;
	for (p = text; *p != '\0'; p++)
		most += *p == ',';
	if (len > 1 << 28)
		return bad(text, "too long", e);
	if ((*out = malloc(most * sizeof(**out) + len + 1)) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	bytes = (char *)(*out + most);
	p = text;
	if (*p++ != '{')
		goto fail;
	if (strcmp(p, "}") == 0)
		return 0;
	do {
		(*out)[n++] = bytes;
		if (element(&p, &bytes) != 0)
			goto fail;
	} while (*p++ == ',');
	if (p[-1] == '}' && *p == '\0')
		return n;
fail:
	free(*out);
	*out = NULL;
	return bad(text, "not an array", e);
}

/* Plain in a name: anything but what the server would have quoted. */
static int
plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '_' || (c & 0x80) != 0;
}

/*
 * A role's name at *p, unquoted in place: the text shrinks, never grows.  *p stands behind
 * it; *end is where its terminating NUL belongs, which the caller writes when the byte there
 * was read.
 */
static const char *
role(char **p, char **end)
{
	char *s = *p, *o = *p, *start = *p;
	int quoted = 0;

	for (; *s != '\0' && (quoted || plain(*s) || *s == '"'); s++) {
		if (*s != '"')
			*o++ = *s;
		else if (quoted && s[1] == '"')
			*o++ = *++s;
		else
			quoted = !quoted;
	}
	*p = s;
	*end = o;
	return quoted ? NULL : start;
}

static int
rights(char **p, struct acl_item *it)
{
	static const char letters[] = ACL_LETTERS;
	const char *at;
	uint32_t bit;
	char *s;

	for (s = *p; *s != '/'; s++) {
		if (*s == '\0' || (at = strchr(letters, *s)) == NULL)
			return -1;
		bit = UINT32_C(1) << (at - letters);
		if (it->rights & bit)
			return -1;
		it->rights |= bit;
		if (s[1] == '*') {
			it->options |= bit;
			s++;
		}
	}
	*p = s;
	return 0;
}

static const char *
item(char *s, struct acl_item *it)
{
	char *end, *last;

	memset(it, 0, sizeof(*it));
	it->grantee = role(&s, &end);
	if (it->grantee == NULL || *s++ != '=')
		return "no = behind a name";
	*end = '\0';
	if (rights(&s, it) != 0)
		return "an unknown right";
	s++;
	it->grantor = role(&s, &last);
	if (it->grantor == NULL || *s != '\0' || last == it->grantor)
		return "no grantor";
	*last = '\0';
	return NULL;
}

int
acl_parse(const char *text, struct acl *out, struct err *e)
{
	const char *wrong = NULL;
	char **part;
	int i, n;

	memset(out, 0, sizeof(*out));
	if ((n = acl_array(text, &part, e)) < 0)
		return -1;
	out->memory = (char *)part;
	if ((out->item = calloc((size_t)n + 1, sizeof(*out->item))) == NULL) {
		acl_free(out);
		return err_set(e, ERR_SYSTEM, "out of memory");
	}
	for (i = 0; i < n && wrong == NULL; i++)
		wrong = item(part[i], &out->item[i]);
	out->n = (size_t)n;
	if (wrong == NULL)
		return 0;
	acl_free(out);
	return bad(text, wrong, e);
}

void
acl_free(struct acl *acl)
{
	free(acl->item);
	free(acl->memory);
	memset(acl, 0, sizeof(*acl));
}

const char *
acl_right_name(uint32_t right)
{
	unsigned i;

	for (i = 0; i < ACL_RIGHTS; i++)
		if (right == UINT32_C(1) << i)
			return names[i];
	return "";
}
