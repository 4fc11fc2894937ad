/*
 * The command line: one table per tool gives parsing, --help and misuse texts.
 *
 *	static const struct opt opts[] = { OPT_REPO, OPT_JOBS,
 *	    { 'f', "full", NULL, "store every page again" }, OPT_GENERAL, OPT_END };
 *	struct opt_iter it;
 *
 *	opt_begin(&it, opts, argc, argv);
 *	while ((c = opt_next(&it, &e)) > 0)
 *		if (!opt_common(&common, c, it.arg, &e)) switch (c) { ... }
 *	if (c < 0) misuse; operands are argv[it.index] ..
 *
 * Short and long options (long names in full), "-j4" and "-j 4", "--long=value" and
 * "--long value"; operands may come between options; "--" ends the options.  argv is
 * put in order on the way: options first, then the operands.
 */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

struct opt {
	int letter;		/* short letter, or a number from 256 on: long only */
	const char *name;	/* long name */
	/* the argument's name in --help; NULL: takes none; "[NAME]": only as --name=value */
	const char *arg;
	const char *help;
};

/* Letters of options without a short form that several tools share. */
enum {
	OPT_HELP = 1000, OPT_VERSION, OPT_LETTER_JSON, OPT_LETTER_METRICS, OPT_LETTER_STATE,
	OPT_LETTER_PIN
};

#define OPT_REPO   { 'r', "repository", "REPO", "the repository (default: $BULKHEAD_REPO)" }
#define OPT_NAME   { 'n', "name", "SOURCE", "the source's name in the repository" }
#define OPT_KEY    { 'k', "key", "FILE", "the restore key" }
#define OPT_SOURCE { 's', "source", "FILE", "the source file (default: $BULKHEAD_SOURCE)" }
#define OPT_JOBS   { 'j', "jobs", "N", "worker threads (default: 2)" }
#define OPT_STATE  { OPT_LETTER_STATE, "state", "DIR", "where it remembers what it saw" }
#define OPT_PIN    { OPT_LETTER_PIN, "pin", "ID", "refuse a repository of another id" }
#define OPT_JSON   { OPT_LETTER_JSON, "json", NULL, "print JSON Lines" }
#define OPT_METRICS { OPT_LETTER_METRICS, "metrics", "FILE", "write Prometheus metrics" }
#define OPT_GENERAL							\
	{ 'q', "quiet", NULL, "no notes, no progress" },		\
	{ 'v', "verbose", NULL, "say more" },				\
	{ OPT_HELP, "help", NULL, "print this text" },			\
	{ OPT_VERSION, "version", NULL, "print the version" }
#define OPT_END	   { 0, NULL, NULL, NULL }

struct opt_iter {
	const struct opt *opts;
	int argc;
	char **argv;
	int index;		/* after the end: argv[index..argc-1] are the operands */
	const char *arg;	/* the option's argument, or NULL */
	char *rest;		/* within a cluster of short options */
	int skipped;		/* operands passed over, from argv[index] on */
	int dashes;		/* "--" was seen */
};

void opt_begin(struct opt_iter *it, const struct opt *opts, int argc, char **argv);

/* The next option's letter; 0 at the end (operands from it->index on); -1 and ERR_USAGE. */
int opt_next(struct opt_iter *it, struct err *e);

/* The options that mean the same in every tool; defaults come from the environment. */
struct opt_common {
	const char *repo, *name, *key, *source, *state, *metrics;
	const uint8_t *pin;	/* a repository's id, 32 bytes; NULL: not given */
	uint8_t pin_bytes[32];	/* where pin lies */
	int jobs;		/* 1..64 */
	int quiet, verbose, json;
};

/* Defaults: BULKHEAD_REPO, BULKHEAD_SOURCE, BULKHEAD_STATE (see repo/state.h); else NULL. */
void opt_common_init(struct opt_common *c);

/* 1: letter was one of them; 0: it was not; -1: a bad or empty value (ERR_USAGE). */
int opt_common(struct opt_common *c, int letter, const char *arg, struct err *e);

/*
 * What a tool cannot do without: letters is of 'r' (repository), 's' (source file) and
 * 'k' (restore key).  ERR_USAGE says how to give the first that is missing.
 */
int opt_need(const struct opt_common *c, const char *letters, struct err *e);

/* A whole number lo..hi.  ERR_USAGE names the option, given as "--jobs". */
int opt_number(const char *option, const char *text, long long lo, long long hi,
    long long *out, struct err *e);

/*
 * --help: purpose, synopsis lines (each "tool [options] ..."), the table, and the
 * closing text (exit status, an example, the manual page); any part may be NULL.
 */
struct opt_help {
	const char *tool, *purpose;
	const char *const *synopsis;	/* NULL-terminated */
	const struct opt *opts;
	const char *closing;
};

/* 0, or -1 with errno when f could not be written. */
int opt_print_help(FILE *f, const struct opt_help *h);

#endif
