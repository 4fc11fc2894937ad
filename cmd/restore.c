/*
 * restore: write a snapshot into an empty directory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tool.h"
#include "image/choose.h"
#include "image/restore.h"

enum { OPT_BEFORE = 256, OPT_OWNER, OPT_MAPPING };

#define MAPPINGS_MAX PG_TABLESPACES_MAX

static const struct opt opts[] = {
	OPT_KEY,
	OPT_REPO,
	OPT_NAME,
	{ OPT_BEFORE, "before", "WHEN", "the newest that ended before this time or LSN" },
	OPT_JOBS,
	{ OPT_OWNER, "owner", "USER[:GROUP]",
	    "whose the files are to be, when root restores" },
	{ OPT_MAPPING, "tablespace-mapping", "OLD=NEW", "put the tablespace of OLD into NEW" },
	{ 'o', "output", "-", "a pax tar to standard output instead" },
	OPT_PIN,
	OPT_STATE,
	OPT_JSON,
	OPT_GENERAL,
	OPT_END
};

static const char *const synopsis[] = {
	"restore -k KEY [-r REPO] [-n SOURCE] [options] [ID | --before WHEN] TARGET",
	"restore -k KEY [-r REPO] [-n SOURCE] [options] [ID | --before WHEN] -o -",
	NULL
};

struct args {
	struct opt_common common;
	struct image_choice choice;
	struct restore_options o;
	struct restore_mapping mappings[MAPPINGS_MAX];
	int tar;
};

/* "OLD=NEW", where "\=" stands for an equals sign; cut in place. */
static int
take_mapping(struct args *a, char *text, struct err *e)
{
	char *from = text, *to = text, *equals = NULL;

	for (; *from != '\0'; from++) {
		if (from[0] == '\\' && from[1] == '=')
			from++;
		else if (*from == '=' && equals == NULL)
			equals = to;
		*to++ = *from;
	}
	*to = '\0';
	if (equals == NULL || equals == text || equals[1] == '\0')
		return err_set(e, ERR_USAGE, "option --tablespace-mapping needs OLD=NEW");
	if (a->o.nmappings == MAPPINGS_MAX)
		return err_set(e, ERR_USAGE, "more than %d tablespace mappings", MAPPINGS_MAX);
	*equals = '\0';
	a->mappings[a->o.nmappings++] = (struct restore_mapping){ text, equals + 1 };
	return 0;
}

static int
take_option(void *args, int letter, const char *arg, struct err *e)
{
	struct args *a = args;
	char *copy;

	switch (letter) {
	case OPT_BEFORE:
		return image_choice_before(&a->choice, arg, e);
	case OPT_OWNER:
		a->o.owner = arg;
		return 0;
	case OPT_MAPPING:
		if ((copy = strdup(arg)) == NULL)
			return err_set(e, ERR_SYSTEM, "out of memory");
		if (take_mapping(a, copy, e) == 0)
			return 0;
		free(copy);
		return -1;
	case 'o':
		a->tar = 1;
		return strcmp(arg, "-") == 0 ? 0 :
		    err_set(e, ERR_USAGE, "option --output takes only -, standard output");
	}
	return err_set(e, ERR_BUG, "option %d", letter);
}

static int
check_args(const struct args *a, struct err *e)
{
	if (opt_need(&a->common, "kr", e) != 0)
		return -1;
	if (!a->tar && a->o.target == NULL)
		return err_set(e, ERR_USAGE, "where to? name an empty or new directory");
	if (a->choice.id != NULL && a->choice.before != NULL)
		return err_set(e, ERR_USAGE, "only one of ID and --before");
	if (a->tar && (a->common.json || a->o.owner != NULL || a->o.nmappings > 0))
		return err_set(e, ERR_USAGE,
		    "--json, --owner and --tablespace-mapping do not go with -o");
	if (a->tar && isatty(STDOUT_FILENO))
		return err_set(e, ERR_USAGE, "-o - writes a tar: not to a terminal");
	return 0;
}

/* [ID] TARGET, or with -o just [ID]. */
static int
take_operands(void *args, int n, char **operand, struct err *e)
{
	struct args *a = args;

	if (n > (a->tar ? 1 : 2))
		return err_set(e, ERR_USAGE, "too many operands: %s", operand[n - 1]);
	if (!a->tar && n > 0)
		a->o.target = operand[--n];
	if (n > 0)
		a->choice.id = operand[0];
	a->o.jobs = a->common.jobs;
	return check_args(a, e);
}

static int
print_result(const struct args *a, const char *target, int64_t took, struct err *e)
{
	const struct catalog_snapshot *s = a->o.snapshot;
	struct json j = JSON_INIT;
	int r;

	json_begin(&j, "result");
	json_int(&j, "status", 0);
	json_str(&j, "source", s->source);
	json_str(&j, "id", s->id);
	json_str(&j, "target", target);
	json_uint(&j, "files", s->files);
	json_uint(&j, "bytes", s->bytes);
	lsn_json(&j, "stop", s->stop);
	json_time(&j, "stopped", s->stopped);
	json_int(&j, "microseconds", took);
	r = json_print(&j, e);
	json_free(&j);
	return r;
}

static int
to_directory(struct args *a, struct err *e)
{
	int64_t began = clock_mono();
	char *target, span[32];
	int r;

	if (restore_directory(&a->o, &target, e) != 0)
		return -1;
	began = clock_mono() - began;
	report_note(a->o.report, "%s of %s: %.1f MiB checked and synced in %s",
	    a->o.snapshot->id, a->o.snapshot->source, (double)a->o.snapshot->bytes / 1048576,
	    clock_format_span(span, began));
	report_note(a->o.report, "go on with: pitr-replay -k %s%s%s %s", a->common.key,
	    a->choice.before != NULL ? " --before " : "",
	    a->choice.before != NULL ? a->choice.before : "", target);
	if (a->common.json)
		r = print_result(a, target, began, e);
	else
		r = printf("%s\n", target) < 0 ? err_sys(e, ERR_IO, "standard output") : 0;
	free(target);
	return r;
}

static int
restore(struct args *a, struct err *e)
{
	const struct catalog *c = repo_catalog(a->o.repo);
	const struct catalog_source *src = catalog_pick(c, a->common.name, e);

	if (src == NULL)
		return err_context(e, "repository %s", repo_name(a->o.repo));
	a->o.snapshot = image_choose(c, src->name, &a->choice, a->o.report, e);
	if (a->o.snapshot == NULL)
		return err_context(e, "repository %s", repo_name(a->o.repo));
	report_detail(a->o.report, "snapshot %s of %s", a->o.snapshot->id, src->name);
	if (a->tar)
		return restore_tar(&a->o, STDOUT_FILENO, e);
	return to_directory(a, e);
}

static int
run(void *args, struct report *report, struct err *e)
{
	struct args *a = args;
	struct key_secret *key = NULL;
	struct state *state;
	int ret = -1;

	if (key_guard_process(e) != 0 || report_signals(report, e) != 0)
		return -1;
	a->o.report = report;
	if ((state = state_open(a->common.state, e)) == NULL)
		return -1;
	a->o.url = a->common.repo;
	if ((key = key_read_secret(a->common.key, KEY_RESTORE, e)) != NULL &&
	    (a->o.repo = repo_open(a->common.repo, a->common.pin, state, a->o.report,
		e)) != NULL) {
		a->o.key = key;
		ret = restore(a, e);
	}
	repo_free(a->o.repo);
	key_free(key);
	state_free(state);
	return ret;
}

static const struct tool tool = {
	{ "restore", "write a snapshot into an empty directory", synopsis, opts,
	    "The newest snapshot, unless ID or --before says which.\n"
	    "Then pitr-replay(1) replays the log onto it.  See restore(1)." },
	take_option, take_operands, run
};

int
main(int argc, char **argv)
{
	struct args a = { .tar = 0 };
	int status;

	a.o.mappings = a.mappings;
	status = tool_main(&tool, &a.common, &a, argc, argv);
	for (; a.o.nmappings > 0; a.o.nmappings--)
		free(a.mappings[a.o.nmappings - 1].from);
	return status;
}
