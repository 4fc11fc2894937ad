/*
 * Findings: counted, and told one at a time.
 */
#include "repo/finding.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
findings_init(struct findings *f,
    void (*tell)(void *ctx, enum finding_level level, const char *source,
	const char *object, const char *text),
    void *ctx, const char *known)
{
	memset(f, 0, sizeof(*f));
	f->tell = tell;
	f->ctx = ctx;
	f->known = known;
	pthread_mutex_init(&f->lock, NULL);
}

void
findings_free(struct findings *f)
{
	pthread_mutex_destroy(&f->lock);
}

const char *
finding_level_name(enum finding_level level)
{
	switch (level) {
	case FINDING_BAD:
		return "bad";
	case FINDING_UNREAD:
		return "unread";
	case FINDING_NOTE:
		break;
	}
	return "note";
}

void
finding(struct findings *f, enum finding_level level, const char *source, const char *object,
    const char *fmt, ...)
{
	char text[sizeof(((struct err *)NULL)->msg)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);	/* cut off when too long */
	va_end(ap);
	err_flatten(text);
	pthread_mutex_lock(&f->lock);
	f->count[level]++;
	f->tell(f->ctx, level, source, object, text);
	pthread_mutex_unlock(&f->lock);
}

/* Take every n bytes that are word out of text. */
static void
leave_out(char *text, const char *word, size_t n)
{
	char *at = text;

	while (n > 0 && (at = strstr(at, word)) != NULL)
		memmove(at, at + n, strlen(at + n) + 1);
}

static int
level_of(const struct err *e, enum finding_level *level)
{
	switch (e->kind) {
	case ERR_CORRUPT:
	case ERR_NOTFOUND:
	case ERR_CONFLICT:
		*level = FINDING_BAD;
		return 1;
	case ERR_IO:
	case ERR_REFUSED:
	case ERR_UNREACHABLE:
		*level = FINDING_UNREAD;
		return 1;
	default:
		return 0;
	}
}

int
finding_is(const struct err *e)
{
	enum finding_level level;

	return level_of(e, &level);
}

int
finding_of(struct findings *f, const char *source, const char *object,
    const struct err *what, struct err *e)
{
	enum finding_level level;
	char text[sizeof(what->msg)], again[256];

	if (!level_of(what, &level)) {
		*e = *what;
		return -1;
	}
	memcpy(text, what->msg, sizeof(text));
	if (f->known != NULL)
		leave_out(text, f->known, strlen(f->known));
	if (object != NULL) {
		(void)snprintf(again, sizeof(again), "%s: ", object); /* too long: it stays */
		leave_out(text, again, strlen(again));
	}
	finding(f, level, source, object, "%s", text);
	return 0;
}

int
findings_judge(const struct findings *f, struct err *e)
{
	const char *of = f->known != NULL ? f->known : "";
	uint64_t bad = f->count[FINDING_BAD], unread = f->count[FINDING_UNREAD];

	if (bad > 0)
		return err_set(e, ERR_NEGATIVE, "%s%" PRIu64 " bad, %" PRIu64 " unread", of,
		    bad, unread);
	if (unread > 0)
		return err_set(e, ERR_INCOMPLETE,
		    "%sno verdict, since %" PRIu64 " could not be read", of, unread);
	return 0;
}
