/*
 * privaudit: who could destroy the database, its log or its backups, and by which path;
 * see privaudit(1).
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/host.h"
#include "audit/my.h"
#include "audit/pg.h"
#include "audit/tell.h"
#include "base/clock.h"
#include "base/tool.h"
#include "my/uri.h"
#include "privaudit.h"

enum { OPT_FIXES = 256, OPT_SCRIPT, OPT_UNDO, OPT_SUGGEST, OPT_FAIL_ON, OPT_BASELINE, OPT_TAP,
	OPT_SARIF, OPT_GRANTS, OPT_CANARY, OPT_ALSO };

#define ENVIRONMENTS_MAX 8

#define OPT_POLICY { 'p', "policy", "FILE", "who may do what: bulkhead-policy(5)" }

static const struct opt opts[] = {
	OPT_POLICY,
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

static const struct opt why_opts[] = { OPT_POLICY, OPT_JSON, OPT_GENERAL, OPT_END };

static const char *const synopsis[] = {
	"privaudit [-p POLICY] [options] SERVER",
	"privaudit why [-p POLICY] [--json] ACCOUNT SINK SERVER",
	"privaudit prove -k KEY [-r REPO] [-n SOURCE] [-p POLICY] [options]",
	"privaudit --suggest SERVER",
	"privaudit --script | --undo-script [-p POLICY] SERVER",
	"privaudit --print-grants [postgresql | mysql | mariadb]",
	NULL
};
static const char *const why_synopsis[] = {
	"privaudit why [-p POLICY] [--json] ACCOUNT SINK SERVER", NULL
};

struct privaudit {
	struct opt_common common;
	const char *policy_file, *baseline_file, *server;
	const char *also[ENVIRONMENTS_MAX];
	int nalso, canary;
	int fixes, suggest, grants;
	int script;		/* OPT_SCRIPT, OPT_UNDO, or 0 */
	enum tell_format format;
	enum severity fail_on;
	const char *account;	/* why */
	enum sink sink;

	struct policy *policy;
	struct baseline *baseline;
	struct graph *g;
	struct verdict v;
	char name[256];		/* the server's */
};

/* ---- the command line --------------------------------------------------------- */

static int
take_option(void *args, int letter, const char *arg, struct err *e)
{
	struct privaudit *a = args;

	switch (letter) {
	case 'p':
		a->policy_file = arg;
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
		return severity_of(arg, &a->fail_on) == 0 ? 0 : err_set(e, ERR_USAGE,
		    "option --fail-on: low, medium, high or critical, not \"%s\"", arg);
	case OPT_BASELINE:
		a->baseline_file = arg;
		return 0;
	case OPT_TAP:
	case OPT_SARIF:
		a->format = letter == OPT_TAP ? TELL_TAP : TELL_SARIF;
		return 0;
	case OPT_GRANTS:
		a->grants = 1;
		return 0;
	case OPT_CANARY:
		a->canary = 1;
		return 0;
	case OPT_ALSO:
		if (a->nalso == ENVIRONMENTS_MAX)
			return err_set(e, ERR_USAGE,
			    "option --also: more than %d environments",
			    ENVIRONMENTS_MAX);
		a->also[a->nalso++] = arg;
		return 0;
	}
	return err_set(e, ERR_BUG, "option %d", letter);
}

static int
take_family(struct privaudit *a, int n, char **operand, struct err *e)
{
	a->server = n == 1 ? operand[0] : "postgresql";
	if (n > 1 || (strcmp(a->server, "postgresql") != 0 &&
	    strcmp(a->server, "mysql") != 0 && strcmp(a->server, "mariadb") != 0))
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
	a->server = operand[0];
	if ((a->format != TELL_TEXT) + a->common.json + (a->script != 0) + a->suggest > 1)
		return err_set(e, ERR_USAGE,
		    "--json, --tap, --sarif, --suggest and the scripts "
		    "exclude each other");
	if (a->common.json)
		a->format = TELL_JSON;
	if ((a->suggest || a->script != 0) && a->baseline_file != NULL)
		return err_set(e, ERR_USAGE, "--baseline goes with findings");
	if (a->canary && repository(a) == NULL)
		return err_set(e, ERR_USAGE, "--canary in which repository? give -r REPO");
	if (a->suggest && a->policy_file != NULL)
		return err_set(e, ERR_USAGE, "--suggest takes no policy: it makes one");
	return 0;
}

static int
take_why(void *args, int n, char **operand, struct err *e)
{
	struct privaudit *a = args;
	char sink[16];
	size_t i;

	if (n != 3)
		return err_set(e, ERR_USAGE, "why takes an account, a sink and a server");
	a->account = operand[0];
	a->server = operand[2];
	for (i = 0; i + 1 < sizeof(sink) && operand[1][i] != '\0'; i++)
		sink[i] = (char)toupper((unsigned char)operand[1][i]);
	sink[i] = '\0';
	if ((a->sink = sink_of(sink)) >= SINK_NONE)
		return err_set(e, ERR_USAGE, "there is no sink \"%s\"; there are SUPER, OS, "
		    "READ_ALL, WRITE, DROP, SECRETS, LOGKILL, BACKUPKILL and AUDITOFF",
		    operand[1]);
	return 0;
}

/* ---- the work ------------------------------------------------------------------- */

static unsigned
engine(const struct privaudit *a)
{
	if (!my_uri_is(a->server))
		return CHECK_POSTGRESQL;
	return strcasestr(a->name, "mariadb") != NULL ? CHECK_MARIADB : CHECK_MYSQL;
}

/* The files first, so that a mistake in one shows at once. */
static int
read_files(struct privaudit *a, struct err *e)
{
	char now[CLOCK_TEXT];

	clock_format(now, clock_now())[strlen("YYYY-MM-DD")] = '\0';
	if ((a->policy = policy_read(a->policy_file, now, e)) == NULL)
		return -1;
	if (a->baseline_file == NULL)
		return 0;
	return (a->baseline = baseline_read(a->baseline_file, e)) != NULL ? 0 : -1;
}

/* What the catalogs do not tell. */
static int
read_surroundings(struct privaudit *a, struct err *e)
{
	const char *repo = repository(a);
	int i;

	if (repo != NULL && host_domain(a->g, repo, e) != 0)
		return -1;
	if (a->canary && host_canary(a->g, repo, e) != 0)
		return -1;
	for (i = 0; i < a->nalso; i++)
		if (host_also(a->g, a->policy, a->also[i], e) != 0)
			return err_context(e, "option --also");
	if (graph_finish(a->g, e) != 0)
		return -1;
	return a->policy->file != NULL ? host_files(a->g, a->policy, e) : 0;
}

static int
read_server(struct privaudit *a, struct report *report, struct err *e)
{
	int r;

	if ((a->g = graph_new()) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	r = (my_uri_is(a->server) ? audit_my : audit_pg)(a->g, a->server, report, a->name,
	    sizeof(a->name), e);
	report_done(report);
	return r == 0 ? read_surroundings(a, e) : -1;
}

static struct telling
telling_of(const struct privaudit *a)
{
	return (struct telling){ .g = a->g, .policy = a->policy, .policy_file = a->policy_file,
		.v = &a->v, .baseline = a->baseline, .server = a->name, .engine = engine(a),
		.fail_on = a->fail_on, .fixes = a->fixes, .accounts = a->account == NULL };
}

static int
print_script(struct privaudit *a, struct err *e)
{
	struct buf b = BUF_INIT;
	int r = fix_script(a->g, &a->v, a->script == OPT_UNDO, &b, e);

	if (r == 0 && b.len > 0 && fwrite(b.data, 1, b.len, stdout) != b.len)
		r = err_sys(e, ERR_IO, "standard output: write");
	buf_free(&b);
	return r;
}

static int
conclude(const struct privaudit *a, const struct telling *t, struct err *e)
{
	enum err_kind kind = tell_outcome(t);

	if (kind == ERR_NEGATIVE)
		return err_set(e, kind, "%s: there are findings of severity %s%s", a->name,
		    severity_name(a->fail_on),
		    a->fail_on < SEVERITY_CRITICAL ? " or above" : "");
	if (kind == ERR_INCOMPLETE) {
		err_set(e, kind, "%s: no verdict, since %" PRIu32 " could not be read",
		    a->name, a->g->unknowns);
		return err_hint(e, "privaudit --print-grants prints the rights that it needs");
	}
	return 0;
}

static int
audit(struct privaudit *a, struct report *report, struct err *e)
{
	struct judge_options all = { .account = UINT32_MAX };
	struct telling t;

	if (read_files(a, e) != 0 || read_server(a, report, e) != 0)
		return -1;
	if (a->suggest)
		return policy_suggest(a->g, stdout, e);
	if (judge(a->g, a->policy, &all, &a->v, e) != 0)
		return -1;
	if ((a->fixes || a->script != 0 || a->format == TELL_JSON) &&
	    fix_all(a->g, a->policy, &a->v, e) != 0)
		return -1;
	if (a->script != 0)
		return print_script(a, e);
	t = telling_of(a);
	if (tell(&t, a->format, stdout, e) != 0)
		return -1;
	return conclude(a, &t, e);
}

static uint32_t
find_account(const struct privaudit *a, struct err *e)
{
	uint32_t i;

	for (i = 0; i < a->g->nodes; i++)
		if (a->g->node[i].kind == NODE_ACCOUNT &&
		    strcmp(a->g->node[i].name, a->account) == 0)
			return i;
	err_set(e, ERR_NOTFOUND, "%s: there is no account %s", a->name, a->account);
	return UINT32_MAX;
}

/* Of the findings only those that end in the sink. */
static void
keep_sink(struct privaudit *a)
{
	struct finding *f = a->v.finding, other;
	uint32_t i, n = 0;

	for (i = 0; i < a->v.n; i++)
		if (f[i].sink == a->sink && f[i].power != NULL) {
			other = f[n];
			f[n++] = f[i];
			f[i] = other;
		}
	a->v.n = n;
}

static int
tell_way(struct privaudit *a, struct err *e)
{
	struct telling t;

	a->fail_on = SEVERITY_LOW;
	t = telling_of(a);
	if ((a->common.json ? tell(&t, TELL_JSON, stdout, e) : tell_why(&t, stdout, e)) != 0)
		return -1;
	if (a->v.n > 0)
		return err_set(e, ERR_NEGATIVE, "%s: %s can reach %s", a->name, a->account,
		    sink_name(a->sink));
	if (a->g->unknowns > 0)
		return conclude(a, &t, e);
	if (!a->common.json && printf("no way from %s to %s\n", a->account,
	    sink_name(a->sink)) < 0)
		return err_sys(e, ERR_IO, "standard output: write");
	return 0;
}

static int
why(struct privaudit *a, struct report *report, struct err *e)
{
	struct judge_options o = { .why = 1 };

	if (read_files(a, e) != 0 || read_server(a, report, e) != 0 ||
	    (o.account = find_account(a, e)) == UINT32_MAX ||
	    judge(a->g, a->policy, &o, &a->v, e) != 0)
		return -1;
	keep_sink(a);
	if (fix_all(a->g, a->policy, &a->v, e) != 0)
		return -1;
	return tell_way(a, e);
}

static int
print_grants(const struct privaudit *a, struct err *e)
{
	const char *sql = strcmp(a->server, "postgresql") == 0 ? audit_pg_grants() :
	    audit_my_grants(strcmp(a->server, "mariadb") == 0);

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
	r = a->account != NULL ? why(a, report, e) : audit(a, report, e);
	verdict_free(&a->v);
	graph_free(a->g);
	baseline_free(a->baseline);
	policy_free(a->policy);
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

static const struct tool why_tool = {
	.help = { "privaudit", "how an account can reach a sink", why_synopsis, why_opts,
		"privaudit(1) tells more." },
	.option = take_option,
	.operands = take_why,
	.run = run,
};

int
main(int argc, char **argv)
{
	struct privaudit a = { .fail_on = SEVERITY_HIGH };

	if (argc > 1 && strcmp(argv[1], "why") == 0)
		return tool_main(&why_tool, &a.common, &a, argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "prove") == 0)
		return privaudit_prove(argc - 1, argv + 1);
	return tool_main(&tool, &a.common, &a, argc, argv);
}
