/*
 * The command line: walks over argv by the tool's table, and prints the table.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/opt.h"

/* The column in which --help explains, and the widest option that stands before it. */
#define HELP_COLUMN 26

void
opt_begin(struct opt_iter *it, const struct opt *opts, int argc, char **argv)
{
	memset(it, 0, sizeof(*it));
	it->opts = opts;
	it->argc = argc;
	it->argv = argv;
	it->index = argc > 0 ? 1 : 0;
}

/* The next argument, moved in front of the operands that were skipped; NULL at the end. */
static char *
take(struct opt_iter *it)
{
	char **first = it->argv + it->index, *arg;

	if (it->index + it->skipped >= it->argc)
		return NULL;
	arg = first[it->skipped];
	memmove(first + 1, first, (size_t)it->skipped * sizeof(*first));
	*first = arg;
	it->index++;
	return arg;
}

/* The argument of o: value when it was given with the option, else the next one. */
static int
take_value(struct opt_iter *it, const struct opt *o, const char *value, struct err *e)
{
	if (o->arg == NULL && value != NULL)
		return err_set(e, ERR_USAGE, "option --%s takes no value", o->name);
	if (o->arg != NULL && o->arg[0] != '[' && value == NULL && (value = take(it)) == NULL)
		return err_set(e, ERR_USAGE, "option --%s needs a value %s", o->name, o->arg);
	it->arg = value;
	return o->letter;
}

static int
next_long(struct opt_iter *it, const char *text, struct err *e)
{
	size_t n = strcspn(text, "=");
	const struct opt *o;

	for (o = it->opts; o->name != NULL; o++)
		if (strlen(o->name) == n && memcmp(o->name, text, n) == 0)
			return take_value(it, o, text[n] == '=' ? text + n + 1 : NULL, e);
	return err_set(e, ERR_USAGE, "unknown option --%.*s", (int)n, text);
}

static int
next_short(struct opt_iter *it, struct err *e)
{
	const char *text = it->rest++;
	const struct opt *o;

	for (o = it->opts; o->name != NULL && o->letter != (unsigned char)*text; o++)
		;
	if (o->name == NULL) /* a letter beyond ASCII is several bytes */
		return err_set(e, ERR_USAGE, "unknown option -%.*s",
		    (unsigned char)*text < 0x80 ? 1 : 8, text);
	if (o->arg == NULL || o->arg[0] == '[')
		return take_value(it, o, NULL, e);
	it->rest = NULL;
	return take_value(it, o, text[1] == '\0' ? NULL : text + 1, e);
}

int
opt_next(struct opt_iter *it, struct err *e)
{
	char *arg;

	it->arg = NULL;
	if (it->rest != NULL && *it->rest != '\0')
		return next_short(it, e);
	it->rest = NULL;
	for (; !it->dashes && it->index + it->skipped < it->argc; it->skipped++) {
		arg = it->argv[it->index + it->skipped];
		if (arg[0] != '-' || arg[1] == '\0')
			continue;
		(void)take(it); /* it is there: we just looked at it */
		if (arg[1] != '-') {
			it->rest = arg + 1;
			return next_short(it, e);
		}
		if (arg[2] != '\0')
			return next_long(it, arg + 2, e);
		it->dashes = 1;
	}
	return 0;
}

static const char *
from_environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

void
opt_common_init(struct opt_common *c)
{
	memset(c, 0, sizeof(*c));
	c->repo = from_environment("BULKHEAD_REPO");
	c->source = from_environment("BULKHEAD_SOURCE");
	c->state = from_environment("BULKHEAD_STATE");
	c->jobs = 2;
}

/* Where an option with a text of its own keeps it, and what it is called. */
static const char **
text_of(struct opt_common *c, int letter, const char **name)
{
	static const struct opt opts[] = { OPT_REPO, OPT_NAME, OPT_KEY, OPT_SOURCE, OPT_STATE,
		OPT_METRICS, OPT_END };
	const char **texts[] = { &c->repo, &c->name, &c->key, &c->source, &c->state,
		&c->metrics };
	size_t i;

	for (i = 0; opts[i].name != NULL; i++)
		if (opts[i].letter == letter) {
			*name = opts[i].name;
			return texts[i];
		}
	return NULL;
}

int
opt_common(struct opt_common *c, int letter, const char *arg, struct err *e)
{
	const char *name, **text = text_of(c, letter, &name);
	long long n;

	if (text != NULL) {
		/* An unset variable of a script must not silently mean the default. */
		if (*arg == '\0')
			return err_set(e, ERR_USAGE, "option --%s has an empty value", name);
		*text = arg;
		return 1;
	}
	switch (letter) {
	case 'j':
		if (opt_number("--jobs", arg, 1, 64, &n, e) != 0)
			return -1;
		c->jobs = (int)n;
		return 1;
	case OPT_LETTER_PIN:
		if (hex_decode(c->pin_bytes, sizeof(c->pin_bytes), arg) != 0)
			return err_set(e, ERR_USAGE,
			    "option --pin: not a repository id: \"%s\"", arg);
		c->pin = c->pin_bytes;
		return 1;
	case 'q':
		c->quiet = 1;
		return 1;
	case 'v':
		c->verbose = 1;
		return 1;
	case OPT_LETTER_JSON:
		c->json = 1;
		return 1;
	}
	return 0;
}

int
opt_need(const struct opt_common *c, const char *letters, struct err *e)
{
	if (strchr(letters, 'k') != NULL && c->key == NULL)
		return err_set(e, ERR_USAGE, "the restore key is needed: -k KEY");
	if (strchr(letters, 'r') != NULL && c->repo == NULL)
		return err_set(e, ERR_USAGE,
		    "which repository? give -r REPO or set BULKHEAD_REPO");
	if (strchr(letters, 's') != NULL && c->source == NULL)
		return err_set(e, ERR_USAGE,
		    "which source? give -s SOURCEFILE or set BULKHEAD_SOURCE");
	return 0;
}

int
opt_number(const char *option, const char *text, long long lo, long long hi, long long *out,
    struct err *e)
{
	const char *digits = text + (*text == '-');
	size_t n = strspn(digits, "0123456789");
	long long v;

	errno = 0;
	v = strtoll(text, NULL, 10);
	if (n == 0 || digits[n] != '\0' || errno != 0 || v < lo || v > hi)
		return err_set(e, ERR_USAGE,
		    "option %s: \"%s\" is not a whole number from %lld to %lld", option, text,
		    lo, hi);
	*out = v;
	return 0;
}

static void
print_option(FILE *f, const struct opt *o)
{
	int n;

	if (o->letter < 256)
		n = fprintf(f, "  -%c, --%s", o->letter, o->name);
	else
		n = fprintf(f, "      --%s", o->name);
	if (o->arg != NULL && o->arg[0] == '[')
		n += fprintf(f, "[=%s", o->arg + 1);
	else if (o->arg != NULL)
		n += fprintf(f, " %s", o->arg);
	if (n > HELP_COLUMN - 2)
		n = fprintf(f, "\n") - 1;
	fprintf(f, "%*s%s\n", HELP_COLUMN - n, "", o->help);
}

int
opt_print_help(FILE *f, const struct opt_help *h)
{
	const char *const *line;
	const struct opt *o;

	if (h->tool != NULL && h->purpose != NULL)
		fprintf(f, "%s: %s\n\n", h->tool, h->purpose);
	for (line = h->synopsis; line != NULL && *line != NULL; line++)
		fprintf(f, "%s %s\n", line == h->synopsis ? "usage:" : "      ", *line);
	if (h->opts != NULL)
		fprintf(f, "\n");
	for (o = h->opts; o != NULL && o->name != NULL; o++)
		print_option(f, o);
	if (h->closing != NULL)
		fprintf(f, "\n%s\n", h->closing);
	return fflush(f) == 0 && !ferror(f) ? 0 : -1;
}
