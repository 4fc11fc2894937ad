/*
 * privaudit: who could destroy the database, its log or its backups, and by which path;
 * see privaudit(1).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/my.h"
#include "audit/pg.h"
#include "base/tool.h"
#include "privaudit.h"

enum { OPT_FIXES = 256, OPT_SCRIPT, OPT_UNDO, OPT_SUGGEST, OPT_FAIL_ON, OPT_BASELINE, OPT_TAP,
	OPT_SARIF, OPT_GRANTS, OPT_CANARY, OPT_ALSO };

static const struct opt opts[] = {
	PRIVAUDIT_OPT_POLICY,
	{ OPT_FIXES, "fixes", NULL, "with SQL that ends each finding, and its inverse" },
	{ OPT_SCRIPT, "script", NULL, "print all fixes as one script, for review" },
	{ OPT_UNDO, "undo-script", NULL, "print the script that takes them back" },
	{ OPT_SUGGEST, "suggest", NULL, "print a first policy for the server" },
	{ OPT_FAIL_ON, "fail-on", "SEVERITY", "low, medium, high (default), critical" },
	{ OPT_BASELINE, "baseline", "FILE",
	    "what --json printed earlier: tell the difference" },
	OPT_JSON,
	{ OPT_TAP, "tap", NULL, "print TAP" },
	{ OPT_SARIF, "sarif", NULL, "print SARIF 2.1.0" },
	{ 'r', "repository", "REPO", "does it share a failure domain with the server?" },
	{ OPT_CANARY, "canary", NULL, "try whether this host can delete from REPO" },
	{ OPT_ALSO, "also", "FILE", "what --json printed in another environment" },
	{ OPT_GRANTS, "print-grants", NULL, "print the least rights that privaudit needs" },
	OPT_GENERAL,
	OPT_END
};

static const char *const synopsis[] = {
	"privaudit [-p POLICY] [options] SERVER",
	"privaudit why [-p POLICY] [--json] ACCOUNT SINK SERVER",
	"privaudit prove -k KEY [-r REPO] [-n SOURCE] [-p POLICY] [options]",
	"privaudit --suggest SERVER",
	"privaudit --script | --undo-script [-p POLICY] SERVER",
	"privaudit --print-grants [postgresql | mysql | mariadb]",
	NULL
};
struct privaudit {
	struct opt_common common;
	struct privaudit_run run;
	int fixes, suggest, grants;
	int script;		/* OPT_SCRIPT, OPT_UNDO, or 0 */
	enum tell_format format;
};

/* ---- the command line --------------------------------------------------------- */

static int
take_option(void *args, int letter, const char *arg, struct err *e)
{
	struct privaudit *a = args;

	switch (letter) {
	case 'p':
		a->run.policy_file = arg;
		return 0;
	case OPT_FIXES:
		a->fixes = 1;
		return 0;
	case OPT_SCRIPT:
	case OPT_UNDO:
		a->script = letter;
		return 0;
	case OPT_SUGGEST:
		a->suggest = 1;
		return 0;
	case OPT_FAIL_ON:
		return severity_of(arg, &a->run.fail_on) == 0 ? 0 : err_set(e, ERR_USAGE,
		    "option --fail-on: low, medium, high or critical, not \"%s\"", arg);
	case OPT_BASELINE:
		a->run.baseline_file = arg;
		return 0;
	case OPT_TAP:
	case OPT_SARIF:
		a->format = letter == OPT_TAP ? TELL_TAP : TELL_SARIF;
		return 0;
	case OPT_GRANTS:
		a->grants = 1;
		return 0;
	case OPT_CANARY:
		a->run.canary = 1;
		return 0;
	case OPT_ALSO:
		if (a->run.nalso == PRIVAUDIT_ENVIRONMENTS_MAX)
			return err_set(e, ERR_USAGE,
			    "option --also: more than %d environments",
			    PRIVAUDIT_ENVIRONMENTS_MAX);
		a->run.also[a->run.nalso++] = arg;
		return 0;
	}
	return err_set(e, ERR_BUG, "option %d", letter);
}

static int
take_family(struct privaudit *a, int n, char **operand, struct err *e)
{
	a->run.server = n == 1 ? operand[0] : "postgresql";
	if (n > 1 || (strcmp(a->run.server, "postgresql") != 0 &&
	    strcmp(a->run.server, "mysql") != 0 && strcmp(a->run.server, "mariadb") != 0))
		return err_set(e, ERR_USAGE,
		    "--print-grants takes one of postgresql, mysql and mariadb");
	return 0;
}

/* Only -r counts: BULKHEAD_REPO is for tools that need not stand on the server's host. */
static const char *
repository(const struct privaudit *a)
{
	return a->common.repo != getenv("BULKHEAD_REPO") ? a->common.repo : NULL;
}

static int
take_operands(void *args, int n, char **operand, struct err *e)
{
	struct privaudit *a = args;

	if (a->grants)
		return take_family(a, n, operand, e);
	if (n != 1)
		return err_set(e, ERR_USAGE,
		    n == 0 ? "which server? give a connection string" :
		    "one server at a time");
	a->run.server = operand[0];
	if ((a->format != TELL_TEXT) + a->common.json + (a->script != 0) + a->suggest > 1)
		return err_set(e, ERR_USAGE,
		    "--json, --tap, --sarif, --suggest and the scripts "
		    "exclude each other");
	if (a->common.json)
		a->format = TELL_JSON;
	if ((a->suggest || a->script != 0) && a->run.baseline_file != NULL)
		return err_set(e, ERR_USAGE, "--baseline goes with findings");
	a->run.repo = repository(a);
	if (a->run.canary && a->run.repo == NULL)
		return err_set(e, ERR_USAGE, "--canary in which repository? give -r REPO");
	if (a->suggest && a->run.policy_file != NULL)
		return err_set(e, ERR_USAGE, "--suggest takes no policy: it makes one");
	return 0;
}

/* ---- the work ------------------------------------------------------------------- */

static int
print_script(struct privaudit *a, struct err *e)
{
	struct buf b = BUF_INIT;
	int r = fix_script(a->run.g, &a->run.v, a->script == OPT_UNDO, &b, e);

	if (r == 0 && b.len > 0 && fwrite(b.data, 1, b.len, stdout) != b.len)
		r = err_sys(e, ERR_IO, "standard output: write");
	buf_free(&b);
	return r;
}

static int
audit(struct privaudit *a, struct report *report, struct err *e)
{
	struct judge_options all = { .account = UINT32_MAX };
	struct privaudit_run *r = &a->run;
	struct telling t;

	if (privaudit_read(r, report, e) != 0)
		return -1;
	if (a->suggest)
		return policy_suggest(r->g, stdout, e);
	if (judge(r->g, r->policy, &all, &r->v, e) != 0)
		return -1;
	if ((a->fixes || a->script != 0 || a->format == TELL_JSON) &&
	    fix_all(r->g, r->policy, &r->v, e) != 0)
		return -1;
	if (a->script != 0)
		return print_script(a, e);
	t = privaudit_telling(r);
	t.fixes = a->fixes;
	t.accounts = 1;
	if (tell(&t, a->format, stdout, e) != 0)
		return -1;
	return privaudit_conclude(r, &t, e);
}

static int
print_grants(const struct privaudit *a, struct err *e)
{
	const char *sql = strcmp(a->run.server, "postgresql") == 0 ? audit_pg_grants() :
	    audit_my_grants(strcmp(a->run.server, "mariadb") == 0);

	return fputs(sql, stdout) >= 0 ? 0 : err_sys(e, ERR_IO, "standard output: write");
}

static int
run(void *args, struct report *report, struct err *e)
{
	struct privaudit *a = args;
	int r;

	if (a->grants)
		return print_grants(a, e);
	if (report_signals(report, e) != 0)
		return -1;
	r = audit(a, report, e);
	privaudit_free(&a->run);
	return r;
}

static const struct tool tool = {
	.help = { "privaudit", "who could destroy the database, its log or its backups",
		synopsis, opts,
		"privaudit(1) tells more, bulkhead-policy(5) what a policy is." },
	.option = take_option,
	.operands = take_operands,
	.run = run,
};

int
main(int argc, char **argv)
{
	struct privaudit a = { .run = { .fail_on = SEVERITY_HIGH } };

	if (argc > 1 && strcmp(argv[1], "why") == 0)
		return privaudit_why(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "prove") == 0)
		return privaudit_prove(argc - 1, argv + 1);
	return tool_main(&tool, &a.common, &a, argc, argv);
}
