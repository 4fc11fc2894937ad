/*
 * strongbox: the repository's keeper.  Keys, founding, enrolling, and a look inside;
 * see strongbox(1).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/report.h"
#include "repo/enrol.h"
#include "repo/found.h"
#include "repo/listing.h"

enum { OPT_QUORUM = 256, OPT_SOLO, OPT_SINGLE_KEY, OPT_ENV, OPT_REPLACE, OPT_RAW };

/* All that the options of any command can say. */
struct args {
	struct opt_common common;
	const char *approvers[FOUND_KEYS_MAX], *restore[FOUND_KEYS_MAX];
	int napprovers, nrestore;
	struct key_secret *keys[FOUND_KEYS_MAX];	/* the approvers', once read */
	const char *key_name, *environment, *output;
	int quorum, solo, single_key, replace, raw;
	char **operands;
	int noperands;
	struct report *report;
};

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

/* ---- what the commands need -------------------------------------------------- */

static int
open_repo(const struct args *a, struct state **state, struct repo **repo, struct err *e)
{
	if (opt_need(&a->common, "r", e) != 0 ||
	    (*state = state_open(a->common.state, e)) == NULL)
		return -1;
	/* No notes: this is the keeper, whose repositories lie in paths and are its own. */
	if ((*repo = repo_open(a->common.repo, a->common.pin, *state, NULL, e)) == NULL)
		return -1;
	if (journal_torn(repo_journal(*repo)) > 0)
		report_warn(a->report,
		    "repository %s: the journal ends with an append that was cut"
		    " off; the next commit removes it", a->common.repo);
	return 0;
}

/* The approvers' keys; they are freed with a. */
static int
read_approvers(struct args *a, const struct key_secret *keys[], struct err *e)
{
	int i;

	for (i = 0; i < a->napprovers; i++) {
		a->keys[i] = key_read_secret(a->approvers[i], KEY_APPROVER, e);
		if ((keys[i] = a->keys[i]) == NULL)
			return -1;
	}
	return 0;
}

static int
need(const char *value, const char *what, struct err *e)
{
	return value != NULL ? 0 : err_set(e, ERR_USAGE, "no %s given", what);
}

/* A command's one result: alone on its line, or in the closing object. */
static int
result(const struct args *a, const char *key, const char *value, struct err *e)
{
	struct json j = JSON_INIT;
	int r;

	if (!a->common.json)
		return puts(value) >= 0 ? 0 : err_sys(e, ERR_IO, "standard output: write");
	json_begin(&j, key);
	json_str(&j, "value", value);
	r = json_print(&j, e);
	json_free(&j);
	return r;
}

/* ---- commands ---------------------------------------------------------------- */

/* Where the public half goes: x.pub for x.key, else FILE.pub. */
static char *
public_file(const char *file, struct err *e)
{
	size_t n = strlen(file);
	char *pub = malloc(n + 5);

	if (pub == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	if (n > 4 && strcmp(file + n - 4, ".key") == 0)
		n -= 4;
	memcpy(pub, file, n);
	memcpy(pub + n, ".pub", 5);
	return pub;
}

/* The file's name without folder and ".key". */
static void
default_name(const char *file, char out[KEY_NAME_MAX])
{
	const char *base = strrchr(file, '/') != NULL ? strrchr(file, '/') + 1 : file;
	size_t n = strlen(base);

	if (n > 4 && strcmp(base + n - 4, ".key") == 0)
		n -= 4;
	snprintf(out, KEY_NAME_MAX, "%.*s", (int)n, base);
}

static int
run_keygen(struct args *a, struct err *e)
{
	char name[KEY_NAME_MAX], word[KEY_TEXT_MAX];
	enum key_class class;
	struct key_secret *k;
	char *pub;
	int r = -1;

	if (key_class_parse(a->operands[0], &class) != 0) {
		err_set(e, ERR_USAGE, "not a class of keys: \"%s\"", a->operands[0]);
		return err_hint(e, "restore, approver, verifier or writer");
	}
	default_name(a->operands[1], name);
	if ((k = key_new(class, a->key_name != NULL ? a->key_name : name, e)) == NULL)
		return -1;
	if ((pub = public_file(a->operands[1], e)) != NULL &&
	    key_write(k, a->operands[1], pub, e) == 0)
		r = result(a, "key", key_public_encode(word, key_public(k)), e);
	free(pub);
	key_free(k);
	return r;
}

static void
warn_promises(const struct args *a)
{
	if (a->solo)
		report_warn(a->report,
		    "--solo gives up a promise: whoever has the one approver key"
		    " can have all backups removed");
	if (a->single_key)
		report_warn(a->report,
		    "--single-key gives up a promise: if the one restore key is"
		    " lost, all backups are");
}

static int
found(const struct args *a, const struct found_options *o, struct err *e)
{
	struct statement *st = found_statement(o, e);
	struct args pinned = *a;
	struct state *state = NULL;
	struct repo *repo = NULL;
	char id[65];
	int r = -1;

	if (st == NULL)
		return -1;
	if (repo_create(a->common.repo, st, e) == 0) {
		/* Opened once, so that this machine remembers it. */
		pinned.common.pin = st->hash;
		r = open_repo(&pinned, &state, &repo, e);
		if (r != 0)
			err_context(e, "repository %s is made, but", a->common.repo);
		else
			r = result(a, "repository", hex_encode(id, st->hash, 32), e);
		repo_free(repo);
		state_free(state);
	}
	statement_free(st);
	return r;
}

static int
run_init(struct args *a, struct err *e)
{
	struct found_options o = { .napprovers = a->napprovers, .nrestore = a->nrestore,
		.quorum = a->quorum, .solo = a->solo, .single_key = a->single_key };
	int i, r;

	if (opt_need(&a->common, "r", e) != 0)
		return -1;
	for (i = 0; i < a->nrestore; i++)
		if (key_read_public(a->restore[i], KEY_RESTORE, &o.restore[i], e) != 0)
			return -1;
	r = read_approvers(a, o.approvers, e);
	if (r == 0 && (r = found(a, &o, e)) == 0)
		warn_promises(a);
	return r;
}

static int
run_enrol(struct args *a, struct err *e)
{
	struct enrol_options o = { .source = a->common.name, .environment = a->environment,
		.file = a->output, .napprovers = a->napprovers, .replace = a->replace };
	struct state *state = NULL;
	struct repo *repo = NULL;
	int r;

	if (need(o.source, "source (-n)", e) != 0 ||
	    need(o.file, "source file to make (-o)", e) != 0)
		return -1;
	r = read_approvers(a, o.approvers, e);
	if (r == 0 && (r = open_repo(a, &state, &repo, e)) == 0 &&
	    (r = enrol_source(repo, &o, e)) == 0)
		report_note(a->report,
		    "source %s is enrolled; bring %s to its host (mode 0600) and"
		    " remove it here", o.source, o.file);
	repo_free(repo);
	state_free(state);
	return r;
}

/* list, show and journal open the repository, print, and close it. */
static int
run_listing(const struct args *a, int (*print)(const struct args *a, struct repo *r,
    const struct listing *l, struct err *e), struct err *e)
{
	struct listing l = { a->common.json, stdout };
	struct state *state = NULL;
	struct repo *repo = NULL;
	int r;

	r = open_repo(a, &state, &repo, e);
	if (r == 0)
		r = print(a, repo, &l, e);
	repo_free(repo);
	state_free(state);
	return r;
}

static int
print_list(const struct args *a, struct repo *r, const struct listing *l, struct err *e)
{
	return listing_all(r, a->common.name, l, e);
}

static int
print_show(const struct args *a, struct repo *r, const struct listing *l, struct err *e)
{
	return listing_one(r, a->common.name, a->operands[0], l, e);
}

static int
print_journal(const struct args *a, struct repo *r, const struct listing *l, struct err *e)
{
	return listing_journal(r, a->raw, l, e);
}

static int
run_list(struct args *a, struct err *e)
{
	return run_listing(a, print_list, e);
}

static int
run_show(struct args *a, struct err *e)
{
	return run_listing(a, print_show, e);
}

static int
run_journal(struct args *a, struct err *e)
{
	if (a->raw && a->common.json)
		return err_set(e, ERR_USAGE, "--raw and --json exclude each other");
	return run_listing(a, print_journal, e);
}

/* ---- the command line -------------------------------------------------------- */

static const struct command {
	const char *name, *synopsis, *purpose;
	const struct opt *opts;
	int noperands;
	int (*run)(struct args *a, struct err *e);
} commands[] = {
	{ "keygen", "keygen [-N NAME] CLASS FILE", "make a key", keygen_opts, 2, run_keygen },
	{ "init", "init -r REPO -a APPROVER.key... -R RESTORE.pub... [--quorum N]",
	    "make a repository", init_opts, 0, run_init },
	{ "enrol", "enrol -r REPO -n SOURCE -a APPROVER.key... -o FILE",
	    "make a source known, and its source file", enrol_opts, 0, run_enrol },
	{ "list", "list [-r REPO] [-n SOURCE]", "print what the repository holds", list_opts,
	    0, run_list },
	{ "show", "show [-r REPO] SNAPSHOT|SOURCE", "print one snapshot or source", list_opts,
	    1, run_show },
	{ "journal", "journal [-r REPO] [--raw]", "print the statements", journal_opts, 0,
	    run_journal },
};
#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

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
take_option(struct args *a, int c, const char *arg, struct err *e)
{
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
print_help(const struct command *cmd)
{
	const char *synopsis[NCOMMANDS + 1] = { NULL };
	char lines[NCOMMANDS][128];
	struct opt_help h = { "strongbox", "the repository's keeper", synopsis, NULL,
		"\"strongbox COMMAND --help\" tells more; strongbox(1) tells all." };
	size_t i, n = 0;

	for (i = 0; i < NCOMMANDS; i++)
		if (cmd == NULL || cmd == &commands[i]) {
			snprintf(lines[n], sizeof(lines[n]), "strongbox %s",
			    commands[i].synopsis);
			synopsis[n] = lines[n];
			n++;
		}
	if (cmd != NULL) {
		h.purpose = cmd->purpose;
		h.opts = cmd->opts;
		h.closing = "strongbox(1) tells more.";
	}
	return opt_print_help(stdout, &h) == 0 ? 0 : err_exit_status(ERR_IO);
}

/* Parse the options of cmd.  0 go on; 1 done, *status; -1. */
static int
parse(const struct command *cmd, struct args *a, int argc, char **argv, int *status,
    struct err *e)
{
	struct opt_iter it;
	int c, r;

	opt_begin(&it, cmd->opts, argc, argv);
	while ((c = opt_next(&it, e)) > 0) {
		if (c == OPT_HELP) {
			*status = print_help(cmd);
			return 1;
		}
		if (c == OPT_VERSION) {
			*status = puts("strongbox " VERSION) < 0 ? err_exit_status(ERR_IO) : 0;
			return 1;
		}
		if ((r = opt_common(&a->common, c, it.arg, e)) < 0 ||
		    (r == 0 && take_option(a, c, it.arg, e) != 0))
			return -1;
	}
	if (c < 0)
		return -1;
	a->operands = argv + it.index;
	a->noperands = argc - it.index;
	if (a->noperands != cmd->noperands) {
		err_set(e, ERR_USAGE, "%s takes %d operands, not %d", cmd->name,
		    cmd->noperands, a->noperands);
		return err_hint(e, "usage: strongbox %s", cmd->synopsis);
	}
	return 0;
}

static const struct command *
find_command(const char *name)
{
	size_t i;

	for (i = 0; i < NCOMMANDS; i++)
		if (name != NULL && strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* The last JSON line: how it went. */
static void
print_json_end(const struct err *e, int status)
{
	struct json j = JSON_INIT;
	struct err ignored;

	json_begin(&j, "result");
	json_int(&j, "status", status);
	if (status != 0) {
		json_str(&j, "kind", err_kind_name(e->kind));
		json_str(&j, "error", e->msg);
	}
	(void)json_print(&j, &ignored);	/* there is no further place to tell it */
	json_free(&j);
}

/* Run the command, unless r says that the command line was wrong already. */
static int
run(const struct command *cmd, struct args *a, int r, struct err *e)
{
	struct err e2;
	int i, status = 0;

	a->report = report_new("strongbox", a->common.quiet, a->common.verbose, &e2);
	if (a->report == NULL) {
		fprintf(stderr, "strongbox: %s\n", e2.msg);
		return err_exit_status(e2.kind);
	}
	if (r == 0)
		r = key_guard_process(e);
	if (r == 0)
		r = cmd->run(a, e);
	for (i = 0; i < a->napprovers; i++)
		key_free(a->keys[i]);
	if (r == 0 && fflush(stdout) != 0)
		r = err_sys(e, ERR_IO, "standard output: write");
	if (r != 0)
		status = report_error(a->report, e);
	if (a->common.json)
		print_json_end(e, status);
	report_free(a->report);
	return status;
}

int
main(int argc, char **argv)
{
	const struct command *cmd = find_command(argc > 1 ? argv[1] : NULL);
	struct args a = { .environment = "production" };
	struct err e = ERR_INIT;
	int status = 0, r;

	opt_common_init(&a.common);
	if (argc > 1 && strcmp(argv[1], "--help") == 0)
		return print_help(NULL);
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
		return puts("strongbox " VERSION) < 0 ? err_exit_status(ERR_IO) : 0;
	if (cmd != NULL)
		r = parse(cmd, &a, argc - 1, argv + 1, &status, &e);
	else if (argc > 1)
		r = err_set(&e, ERR_USAGE, "unknown command \"%s\"", argv[1]);
	else
		r = err_set(&e, ERR_USAGE, "no command given");
	return r > 0 ? status : run(cmd, &a, r, &e);
}
