/*
 * Errors: formats them into one printable line, and knows the exit status of a kind.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

static const struct {
	const char *name;
	int status;
} kinds[] = {
	[ERR_NONE] = { "none", 0 },
	[ERR_NEGATIVE] = { "negative", 1 },
	[ERR_INCOMPLETE] = { "incomplete", 3 },
	[ERR_USAGE] = { "usage", 64 },
	[ERR_CORRUPT] = { "corrupt", 65 },
	[ERR_NOTFOUND] = { "notfound", 66 },
	[ERR_UNREACHABLE] = { "unreachable", 69 },
	[ERR_BUG] = { "bug", 70 },
	[ERR_SYSTEM] = { "system", 71 },
	[ERR_IO] = { "io", 74 },
	[ERR_BUSY] = { "busy", 75 },
	[ERR_REFUSED] = { "refused", 77 },
	[ERR_CONFIG] = { "config", 78 },
	[ERR_CONFLICT] = { "conflict", 74 },
	[ERR_CANCELLED] = { "cancelled", 71 },
};

/* head and tail into msg; where they do not fit, head is cut, since tail is the reason. */
static void
join(struct err *e, const char *head, const char *tail)
{
	size_t cap = sizeof(e->msg), n = strnlen(tail, cap - 1);
	size_t m = strnlen(head, cap - 1 - n);

	memmove(e->msg + m, tail, n);
	memcpy(e->msg, head, m);
	e->msg[m + n] = '\0';
	err_flatten(e->msg);
}

int
err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	char text[sizeof(e->msg)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_clear(e);
	e->kind = kind;
	join(e, text, "");
	return -1;
}

int
err_sys(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	int sys = errno;
	char text[sizeof(e->msg)], reason[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	errno = sys;
	snprintf(reason, sizeof(reason), ": %m"); /* unlike strerror, safe in threads */
	err_clear(e);
	e->kind = kind;
	e->sys = sys;
	join(e, text, reason);
	return -1;
}

int
err_context(struct err *e, const char *fmt, ...)
{
	char text[sizeof(e->msg)];
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text) - 2, fmt, ap);
	va_end(ap);
	n = strlen(text);
	memcpy(text + n, ": ", 3);
	join(e, text, e->msg);
	return -1;
}

int
err_hint(struct err *e, const char *fmt, ...)
{
	char text[sizeof(e->hint)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_flatten(text);
	memcpy(e->hint, text, sizeof(text));
	return -1;
}

void
err_clear(struct err *e)
{
	e->kind = ERR_NONE;
	e->sys = 0;
	e->msg[0] = '\0';
	e->hint[0] = '\0';
}

void
err_flatten(char *text)
{
	size_t n;

	for (n = 0; text[n] != '\0'; n++)
		if ((unsigned char)text[n] < ' ' || text[n] == '\x7f')
			text[n] = ' ';
	while (n > 0 && text[n - 1] == ' ')
		text[--n] = '\0';
}

int
err_exit_status(enum err_kind kind)
{
	return (size_t)kind < sizeof(kinds) / sizeof(kinds[0]) ? kinds[kind].status : 70;
}

const char *
err_kind_name(enum err_kind kind)
{
	return (size_t)kind < sizeof(kinds) / sizeof(kinds[0]) ? kinds[kind].name : "bug";
}
