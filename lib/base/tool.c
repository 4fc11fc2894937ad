/*
 * The frame of a tool's main().
 */
#include "base/tool.h"

#include <stdio.h>

/* 1: --help or --version was printed. */
static int
parse(const struct tool *t, struct opt_common *common, void *args, int argc, char **argv,
    struct err *e)
{
	struct opt_iter it;
	int c, known;

	opt_common_init(common);
	opt_begin(&it, t->help.opts, argc, argv);
	while ((c = opt_next(&it, e)) > 0) {
		if (c == OPT_HELP)
			return opt_print_help(stdout, &t->help) < 0 ?
			    err_sys(e, ERR_IO, "standard output") : 1;
		if (c == OPT_VERSION)
			return printf("%s %s\n", t->help.tool, VERSION) < 0 ?
			    err_sys(e, ERR_IO, "standard output") : 1;
		if ((known = opt_common(common, c, it.arg, e)) < 0)
			return -1;
		if (known == 0 && (t->option == NULL || t->option(args, c, it.arg, e) < 0))
			return t->option != NULL ? -1 : err_set(e, ERR_BUG, "option %d", c);
	}
	return c < 0 ? -1 : t->operands(args, argc - it.index, argv + it.index, e);
}

/* Whoever reads the JSON Lines gets a result object for a failure, too. */
static void
print_failure(struct report *report, const struct err *e)
{
	struct err other = ERR_INIT;

	if (e->kind == ERR_NEGATIVE || e->kind == ERR_INCOMPLETE)
		return;
	if (json_print_failure(e, &other) != 0)
		report_error(report, &other);
}

int
tool_main(const struct tool *t, struct opt_common *common, void *args, int argc, char **argv)
{
	struct err e = ERR_INIT, other = ERR_INIT;
	struct report *report;
	int rc, status;

	rc = parse(t, common, args, argc, argv, &e);
	report = report_new(t->help.tool, common->quiet, common->verbose, &other);
	if (report == NULL) {
		fprintf(stderr, "%s: %s\n", t->help.tool, other.msg);
		return err_exit_status(other.kind);
	}
	if (rc == 0)
		rc = t->run(args, report, &e);
	if (rc < 0 && common->json)
		print_failure(report, &e);
	if (rc >= 0 && fflush(stdout) != 0)
		rc = err_sys(&e, ERR_IO, "standard output");
	status = rc < 0 ? report_error(report, &e) : 0;
	report_free(report);
	return status;
}
