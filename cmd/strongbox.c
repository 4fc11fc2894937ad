/*
 * strongbox: the repository's keeper.  Keys, founding, enrolling, and a look inside;
 * see strongbox(1).
 */
#include <string.h>

#include "base/json.h"
#include "base/tool.h"
#include "strongbox.h"

enum { OPT_QUORUM = 256, OPT_SOLO, OPT_SINGLE_KEY, OPT_ENV, OPT_REPLACE, OPT_RAW };

#define OPT_APPROVER { 'a', "approver", "KEY", "an approver's secret key; once for each" }
#define OPT_LOOK     OPT_REPO, OPT_STATE, OPT_PIN, OPT_JSON, OPT_GENERAL, OPT_END

static const struct opt keygen_opts[] = {
	{ 'N', "key-name", "NAME", "what people call the key (default: from FILE)" },
	OPT_JSON, OPT_GENERAL, OPT_END
};
static const struct opt init_opts[] = {
	OPT_APPROVER,
	{ 'R', "restore", "PUB", "a restore key's public half; once for each" },
	{ OPT_QUORUM, "quorum", "N", "so many approvers sign together (default: 2)" },
	{ OPT_SOLO, "solo", NULL, "one approver: who can have all backups removed, alone" },
	{ OPT_SINGLE_KEY, "single-key", NULL,
	    "one restore key: its loss destroys all backups" },
	OPT_LOOK
};
static const struct opt enrol_opts[] = {
	OPT_NAME, OPT_APPROVER,
	{ OPT_ENV, "env", "ENVIRONMENT", "production (default), staging or development" },
	{ OPT_REPLACE, "replace", NULL, "a new writer key for a source that is there" },
	{ 'o', "output", "FILE", "the source file to make" },
	OPT_LOOK
};
static const struct opt list_opts[] = { OPT_NAME, OPT_LOOK };
static const struct opt journal_opts[] = {
	{ OPT_RAW, "raw", NULL, "the lines as they are in the file" },
	OPT_LOOK
};

/* ---- the commands ------------------------------------------------------------ */

static const struct strongbox_command {
	const char *name, *synopsis, *purpose;
	const struct opt *opts;
	int noperands;
	int (*run)(struct strongbox *a, struct err *e);
} commands[] = {
	{ "keygen", "strongbox keygen [-N NAME] CLASS FILE", "make a key", keygen_opts, 2,
	    strongbox_keygen },
	{ "init", "strongbox init -r REPO -a APPROVER.key... -R RESTORE.pub... [--quorum N]",
	    "make a repository", init_opts, 0, strongbox_init },
	{ "enrol", "strongbox enrol -r REPO -n SOURCE -a APPROVER.key... -o FILE",
	    "make a source known, and its source file", enrol_opts, 0, strongbox_enrol },
	{ "list", "strongbox list [-r REPO] [-n SOURCE]", "print what the repository holds",
	    list_opts, 0, strongbox_list },
	{ "show", "strongbox show [-r REPO] SNAPSHOT|SOURCE", "print one snapshot or source",
	    list_opts, 1, strongbox_show },
	{ "journal", "strongbox journal [-r REPO] [--raw]", "print the statements",
	    journal_opts, 0, strongbox_journal },
};
#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct strongbox_command *
find_command(const char *name)
{
	size_t i;

	for (i = 0; i < NCOMMANDS; i++)
		if (name != NULL && strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* ---- the command line -------------------------------------------------------- */

static int
add_file(const char *files[], int *n, const char *option, const char *file, struct err *e)
{
	if (*n == FOUND_KEYS_MAX)
		return err_set(e, ERR_USAGE, "option %s: more than %d keys", option,
		    FOUND_KEYS_MAX);
	files[(*n)++] = file;
	return 0;
}

static int
take_option(void *args, int c, const char *arg, struct err *e)
{
	struct strongbox *a = args;
	long long n;

	switch (c) {
	case 'a':
		return add_file(a->approvers, &a->napprovers, "--approver", arg, e);
	case 'R':
		return add_file(a->restore, &a->nrestore, "--restore", arg, e);
	case 'N':
		a->key_name = arg;
		break;
	case 'o':
		a->output = arg;
		break;
	case OPT_ENV:
		a->environment = arg;
		break;
	case OPT_QUORUM:
		if (opt_number("--quorum", arg, 1, FOUND_KEYS_MAX, &n, e) != 0)
			return -1;
		a->quorum = (int)n;
		break;
	case OPT_SOLO:
		a->solo = 1;
		break;
	case OPT_SINGLE_KEY:
		a->single_key = 1;
		break;
	case OPT_REPLACE:
		a->replace = 1;
		break;
	case OPT_RAW:
		a->raw = 1;
		break;
	}
	return 0;
}

static int
take_operands(void *args, int n, char **operand, struct err *e)
{
	struct strongbox *a = args;
	const struct strongbox_command *cmd = a->command;

	if (cmd == NULL && n > 0)
		return err_set(e, ERR_USAGE, "unknown command \"%s\"", operand[0]);
	if (cmd == NULL)
		return err_set(e, ERR_USAGE, "no command given");
	a->operands = operand;
	if (n == cmd->noperands)
		return 0;
	err_set(e, ERR_USAGE, "%s takes %d operands, not %d", cmd->name, cmd->noperands, n);
	return err_hint(e, "usage: %s", cmd->synopsis);
}

/* The last JSON line, also of a command that has printed a result of its own. */
static int
print_end(struct err *e)
{
	struct json j = JSON_INIT;
	int r;

	json_begin(&j, "result");
	json_int(&j, "status", 0);
	r = json_print(&j, e);
	json_free(&j);
	return r;
}

static int
run(void *args, struct report *report, struct err *e)
{
	struct strongbox *a = args;
	int i, r;

	a->report = report;
	r = key_guard_process(e);
	if (r == 0)
		r = a->command->run(a, e);
	for (i = 0; i < a->napprovers; i++)
		key_free(a->keys[i]);
	return r == 0 && a->common.json ? print_end(e) : r;
}

/* No command, or one that is not there: only --help and --version are options then. */
static int
without_command(struct strongbox *a, int argc, char **argv)
{
	static const struct opt no_opts[] = {
		{ OPT_HELP, "help", NULL, "print this text; behind a command, what it takes" },
		{ OPT_VERSION, "version", NULL, "print the version" },
		OPT_END
	};
	const char *synopsis[NCOMMANDS + 1] = { NULL };
	struct tool tool = { { "strongbox", "the repository's keeper", synopsis, no_opts,
		"strongbox(1) tells all." }, NULL, take_operands, run };
	size_t i;

	for (i = 0; i < NCOMMANDS; i++)
		synopsis[i] = commands[i].synopsis;
	return tool_main(&tool, &a->common, a, argc > 1 ? 2 : 1, argv);
}

int
main(int argc, char **argv)
{
	const struct strongbox_command *cmd = find_command(argc > 1 ? argv[1] : NULL);
	struct strongbox a = { .command = cmd, .environment = "production" };
	const char *synopsis[] = { NULL, NULL };
	struct tool tool = { { "strongbox", NULL, synopsis, NULL, "strongbox(1) tells more." },
		take_option, take_operands, run };

	if (cmd == NULL)
		return without_command(&a, argc, argv);
	synopsis[0] = cmd->synopsis;
	tool.help.purpose = cmd->purpose;
	tool.help.opts = cmd->opts;
	return tool_main(&tool, &a.common, &a, argc - 1, argv + 1);
}
