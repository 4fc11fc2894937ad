/*
 * The frame of a tool's main(): the command line, --help and --version, the report,
 * the error line, the result object of a failure, the exit status.
 *
 *	static const struct tool tool = { .help = { "restore", ... }, .option = take_option,
 *	    .operands = take_operands, .run = run };
 *
 *	int main(int argc, char **argv)
 *	{
 *		struct args a = { 0 };
 *
 *		return tool_main(&tool, &a.common, &a, argc, argv);
 *	}
 */
#ifndef BASE_TOOL_H
#define BASE_TOOL_H

#include "base/err.h"
#include "base/opt.h"
#include "base/report.h"

struct tool {
	struct opt_help help;
	/* An option that is not one of opt_common's. May be NULL. */
	int (*option)(void *args, int letter, const char *arg, struct err *e);
	/* The operands, and whatever must be there besides; all options have been taken. */
	int (*operands)(void *args, int n, char **operand, struct err *e);
	/* The work. ERR_NEGATIVE and ERR_INCOMPLETE have printed their own result. */
	int (*run)(void *args, struct report *report, struct err *e);
};

/*
 * argv[0] is the tool's, or its subcommand's, name.  common is set to its defaults
 * first.  Standard output is flushed before success is told.  Returns the exit status.
 */
int tool_main(const struct tool *t, struct opt_common *common, void *args, int argc,
    char **argv);

#endif
