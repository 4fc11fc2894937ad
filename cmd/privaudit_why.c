/*
 * privaudit why: each way from one account to one sink.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/tool.h"
#include "privaudit.h"

static const struct opt opts[] = { PRIVAUDIT_OPT_POLICY, OPT_JSON, OPT_GENERAL, OPT_END };

static const char *const synopsis[] = {
	"privaudit why [-p POLICY] [--json] ACCOUNT SINK SERVER", NULL
};

struct why {
	struct opt_common common;
	struct privaudit_run run;
	const char *account;
	enum sink sink;
};

/* ---- the command line --------------------------------------------------------- */

static int
take_option(void *args, int letter, const char *arg, struct err *e)
{
	struct why *w = args;

	if (letter != 'p')
		return err_set(e, ERR_BUG, "option %d", letter);
	w->run.policy_file = arg;
	return 0;
}

static int
take_operands(void *args, int n, char **operand, struct err *e)
{
	struct why *w = args;
	char sink[16];
	size_t i;

	if (n != 3)
		return err_set(e, ERR_USAGE, "why takes an account, a sink and a server");
	w->account = operand[0];
	w->run.server = operand[2];
	for (i = 0; i + 1 < sizeof(sink) && operand[1][i] != '\0'; i++)
		sink[i] = (char)toupper((unsigned char)operand[1][i]);
	sink[i] = '\0';
	if ((w->sink = sink_of(sink)) >= SINK_NONE)
		return err_set(e, ERR_USAGE, "there is no sink \"%s\"; there are SUPER, OS, "
		    "READ_ALL, WRITE, DROP, SECRETS, LOGKILL, BACKUPKILL and AUDITOFF",
		    operand[1]);
	return 0;
}

/* ---- the work ------------------------------------------------------------------- */

static uint32_t
find_account(const struct why *w, struct err *e)
{
	uint32_t i;

	for (i = 0; i < w->run.g->nodes; i++)
		if (w->run.g->node[i].kind == NODE_ACCOUNT &&
		    strcmp(w->run.g->node[i].name, w->account) == 0)
			return i;
	err_set(e, ERR_NOTFOUND, "%s: there is no account %s", w->run.name, w->account);
	return UINT32_MAX;
}

/* Of the findings only those that end in the sink. */
static void
keep_sink(struct why *w)
{
	struct finding *f = w->run.v.finding, other;
	uint32_t i, n = 0;

	for (i = 0; i < w->run.v.n; i++)
		if (f[i].sink == w->sink && f[i].power != NULL) {
			other = f[n];
			f[n++] = f[i];
			f[i] = other;
		}
	w->run.v.n = n;
}

static int
tell_way(struct why *w, struct err *e)
{
	struct telling t = privaudit_telling(&w->run);

	if ((w->common.json ? tell(&t, TELL_JSON, stdout, e) : tell_why(&t, stdout, e)) != 0)
		return -1;
	if (w->run.v.n > 0)
		return err_set(e, ERR_NEGATIVE, "%s: %s can reach %s", w->run.name, w->account,
		    sink_name(w->sink));
	if (w->run.g->unknowns > 0)
		return privaudit_conclude(&w->run, &t, e);
	if (!w->common.json && printf("no way from %s to %s\n", w->account,
	    sink_name(w->sink)) < 0)
		return err_sys(e, ERR_IO, "standard output: write");
	return 0;
}

static int
why(struct why *w, struct report *report, struct err *e)
{
	struct judge_options o = { .why = 1 };

	if (privaudit_read(&w->run, report, e) != 0 ||
	    (o.account = find_account(w, e)) == UINT32_MAX ||
	    judge(w->run.g, w->run.policy, &o, &w->run.v, e) != 0)
		return -1;
	keep_sink(w);
	if (fix_all(w->run.g, w->run.policy, &w->run.v, e) != 0)
		return -1;
	return tell_way(w, e);
}

static int
run(void *args, struct report *report, struct err *e)
{
	struct why *w = args;
	int r = report_signals(report, e);

	if (r == 0)
		r = why(w, report, e);
	privaudit_free(&w->run);
	return r;
}

static const struct tool tool = {
	.help = { "privaudit", "how an account can reach a sink", synopsis, opts,
		"privaudit(1) tells more." },
	.option = take_option,
	.operands = take_operands,
	.run = run,
};

int
privaudit_why(int argc, char **argv)
{
	struct why w = { .run = { .fail_on = SEVERITY_LOW } };

	return tool_main(&tool, &w.common, &w, argc, argv);
}
