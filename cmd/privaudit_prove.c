/*
 * privaudit prove: try every finding on a throwaway copy of the server, made from a snapshot.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/pg.h"
#include "audit/prove_pg.h"
#include "audit/tell.h"
#include "base/clock.h"
#include "base/tool.h"
#include "privaudit.h"
#include "privaudit_copy.h"

enum { OPT_SNAPSHOT = 256, OPT_WORK, OPT_FAIL_ON, OPT_WITH_NETWORK };

static const struct opt opts[] = {
	OPT_KEY,
	OPT_REPO,
	OPT_NAME,
	{ 'p', "policy", "FILE", "the policy; see bulkhead-policy(5)" },
	{ OPT_SNAPSHOT, "snapshot", "ID", "try on this one (default: latest)" },
	{ OPT_WORK, "work", "DIR", "make the copy in here (default: $TMPDIR, or /var/tmp)" },
	{ OPT_FAIL_ON, "fail-on", "SEVERITY", "low, medium, high (default) or critical" },
	{ OPT_WITH_NETWORK, "with-network", NULL,
	    "do not cut the copy off; see privaudit(1)" },
	OPT_JOBS,
	OPT_PIN,
	OPT_STATE,
	OPT_JSON,
	OPT_GENERAL,
	OPT_END
};

static const char *const synopsis[] = {
	"privaudit prove -k KEY [-r REPO] [-n SOURCE] [-p POLICY] [options]",
	NULL
};

struct args {
	struct opt_common common;
	const char *policy;
	struct copy_options copy;
	enum severity fail_on;
};

/* All that a run makes. */
struct run {
	const struct args *a;
	struct report *report;
	struct copy copy;
	struct policy *policy;
	struct prove_pg *sessions;
	struct prove_way way;
	struct graph *g;
	struct verdict v;
	struct proofs proofs;
};

/* ---- the command line -------------------------------------------------------- */

static int
take_option(void *args, int letter, const char *arg, struct err *e)
{
	struct args *a = args;

	switch (letter) {
	case 'p':
		a->policy = arg;
		return 0;
	case OPT_SNAPSHOT:
		a->copy.choice.id = strcmp(arg, "latest") == 0 ? NULL : arg;
		return 0;
	case OPT_WORK:
		a->copy.work = arg;
		return 0;
	case OPT_WITH_NETWORK:
		a->copy.with_network = 1;
		return 0;
	case OPT_FAIL_ON:
		if (severity_of(arg, &a->fail_on) == 0)
			return 0;
		return err_set(e, ERR_USAGE, "option --fail-on: %s is none of low, medium, "
		    "high, critical", arg);
	}
	return err_set(e, ERR_BUG, "option %d", letter);
}

static int
take_operands(void *args, int n, char **operand, struct err *e)
{
	struct args *a = args;
	const char *tmp = getenv("TMPDIR");

	if (n > 0) {
		err_set(e, ERR_USAGE, "prove takes no server (%s): it tries out what would "
		    "destroy one", operand[0]);
		return err_hint(e, "it makes a throwaway copy from a snapshot: -r REPO "
		    "-n SOURCE");
	}
	if (a->copy.work == NULL)
		a->copy.work = tmp != NULL && tmp[0] != '\0' ? tmp : "/var/tmp";
	return opt_need(&a->common, "kr", e);
}

/* ---- the work ---------------------------------------------------------------- */

static int
read_policy(struct run *r, struct err *e)
{
	char today[CLOCK_TEXT];

	clock_format(today, clock_now());
	today[strcspn(today, "T")] = '\0';
	r->policy = policy_read(r->a->policy, today, e);
	return r->policy == NULL ? -1 : 0;
}

static int
audit_copy(struct run *r, struct err *e)
{
	static const struct judge_options all = { .account = UINT32_MAX };
	char server[256];

	if ((r->g = graph_new()) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	if (audit_pg(r->g, prove_pg_conninfo(r->sessions), r->report, server, sizeof(server),
		e) != 0)
		return -1;
	prove_forget_settings(r->g, pg_server_our_line(&r->copy.server));
	if (graph_finish(r->g, e) != 0 || judge(r->g, r->policy, &all, &r->v, e) != 0)
		return -1;
	return prove_all(r->g, &r->v, &r->way, &r->proofs, e);
}

static int
print(const struct run *r, struct err *e)
{
	const struct telling t = { .g = r->g, .policy = r->policy, .policy_file = r->a->policy,
		.v = &r->v, .proofs = &r->proofs, .server = r->copy.what,
		.engine = CHECK_POSTGRESQL, .fail_on = r->a->fail_on };
	enum err_kind outcome = tell_outcome(&t);

	if (tell(&t, r->a->common.json ? TELL_JSON : TELL_TEXT, stdout, e) != 0)
		return -1;
	if (outcome == ERR_NEGATIVE)
		return err_set(e, ERR_NEGATIVE,
		    "confirmed by trying: accounts can do what they must not");
	if (outcome == ERR_INCOMPLETE)
		return err_set(e, ERR_INCOMPLETE,
		    "nothing is confirmed, but not all could be tried");
	return 0;
}

static int
prove(struct run *r, struct err *e)
{
	if (read_policy(r, e) != 0 ||
	    copy_make(&r->copy, &r->a->copy, r->report, e) != 0 ||
	    copy_start(&r->copy, e) != 0 || report_signals(r->report, e) != 0 ||
	    (r->sessions = prove_pg_new(&r->copy.server, &r->way, e)) == NULL ||
	    audit_copy(r, e) != 0)
		return -1;
	return print(r, e);
}

/* A copy that stays behind is worse news than what was found on it. */
static int
end_run(struct run *r, int rc, struct err *e)
{
	struct err left = ERR_INIT;

	proofs_free(&r->proofs);
	verdict_free(&r->v);
	graph_free(r->g);
	policy_free(r->policy);
	prove_pg_free(r->sessions);
	if (copy_end(&r->copy, &left) == 0)
		return rc;
	if (rc < 0 && e->kind != ERR_NEGATIVE && e->kind != ERR_INCOMPLETE)
		return err_hint(e, "%s", left.msg);
	*e = left;
	return -1;
}

static int
run(void *args, struct report *report, struct err *e)
{
	struct run r = { .a = args, .report = report };

	return end_run(&r, prove(&r, e), e);
}

static const struct tool tool = {
	{ "privaudit", "try on a throwaway copy who could destroy the database", synopsis,
	    opts, "Exit status: 0 nothing confirmed, 1 something is, 3 not all could be tried.\n"
	    "See privaudit(1)." },
	take_option, take_operands, run
};

int
privaudit_prove(int argc, char **argv)
{
	struct args a = { .fail_on = SEVERITY_HIGH, .copy.common = &a.common };

	return tool_main(&tool, &a.common, &a, argc, argv);
}
