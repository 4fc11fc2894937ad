/*
 * Findings for unit tests.
 */
#include "told.h"

#include <stdio.h>
#include <string.h>

static void
keep(void *ctx, enum finding_level level, const char *source, const char *object,
    const char *text)
{
	struct told *t = ctx;
	size_t n = strlen(t->text);

	(void)snprintf(t->text + n, sizeof(t->text) - n, "%s: %s of %s: %s\n",
	    finding_level_name(level), object == NULL ? "-" : object,
	    source == NULL ? "-" : source, text);	/* a test that overflows it fails */
}

void
told_begin(struct told *t)
{
	memset(t->text, 0, sizeof(t->text));
	findings_init(&t->f, keep, t, NULL);
}

const char *
told_text(struct told *t)
{
	static char last[sizeof(t->text)];

	memcpy(last, t->text, sizeof(last));
	t->text[0] = '\0';
	return last;
}

void
told_end(struct told *t)
{
	findings_free(&t->f);
}
