/*
 * privaudit prove: try every finding on a throwaway copy of the server, made from a snapshot.
 */
#include <sys/statvfs.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/pg.h"
#include "audit/prove_pg.h"
#include "audit/tell.h"
#include "base/clock.h"
#include "base/tempdir.h"
#include "base/tool.h"
#include "image/choose.h"
#include "image/restore.h"
#include "privaudit.h"

#define ROOM_SEGMENTS 16	/* WAL that the copy writes while it recovers and runs */

enum { OPT_SNAPSHOT = 256, OPT_WORK, OPT_FAIL_ON };

static const struct opt opts[] = {
	OPT_KEY,
	OPT_REPO,
	OPT_NAME,
	{ 'p', "policy", "FILE", "the policy; see bulkhead-policy(5)" },
	{ OPT_SNAPSHOT, "snapshot", "ID", "try on this one (default: latest)" },
	{ OPT_WORK, "work", "DIR", "make the copy in here (default: $TMPDIR, or /var/tmp)" },
	{ OPT_FAIL_ON, "fail-on", "SEVERITY", "low, medium, high (default) or critical" },
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
	const char *policy, *work;
	struct image_choice choice;
	enum severity fail_on;
};

/* All that a run makes. */
struct run {
	const struct args *a;
	struct report *report;
	struct tempdir *temp;
	char copy[1024];	/* the restored data directory, below temp */
	struct policy *policy;
	struct pg_server server;
	struct prove_pg *sessions;
	struct prove_way way;
	struct graph *g;
	struct verdict v;
	struct proofs proofs;
	char what[256];		/* the snapshot and the server, for people */
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
		a->choice.id = strcmp(arg, "latest") == 0 ? NULL : arg;
		return 0;
	case OPT_WORK:
		a->work = arg;
		return 0;
	case OPT_FAIL_ON:
		if (severity_of(arg, &a->fail_on) == 0)
			return 0;
		return err_set(e, ERR_USAGE, "option --fail-on: %s is none of low, medium, high, "
		    "critical", arg);
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
		return err_hint(e, "it makes a throwaway copy from a snapshot: -r REPO -n SOURCE");
	}
	if (a->work == NULL)
		a->work = tmp != NULL && tmp[0] != '\0' ? tmp : "/var/tmp";
	return opt_need(&a->common, "kr", e);
}

/* ---- the copy ---------------------------------------------------------------- */

/* Runs in the child that outlives us: TEMP/copy and its bulkhead folder are all we make. */
static int
end_copy(const char *path, struct err *e)
{
	char copy[1024], work[1100];

	(void)snprintf(copy, sizeof(copy), "%s/copy", path);	/* fit before, when it was made */
	(void)snprintf(work, sizeof(work), "%s/bulkhead", copy);
	return pg_server_kill(copy, work, e);
}

static int
make_place(struct run *r, struct err *e)
{
	int n;

	/* The server's user must get through, when that is another than ours. */
	r->temp = tempdir_new(r->a->work, "privaudit", geteuid() == 0 ? 0711 : 0700, end_copy, e);
	if (r->temp == NULL)
		return err_context(e, "--work");
	n = snprintf(r->copy, sizeof(r->copy), "%s/copy", tempdir_path(r->temp));
	if (n < 0 || (size_t)n >= sizeof(r->copy))
		return err_set(e, ERR_CONFIG, "--work: %s: path too long", r->a->work);
	return 0;
}

/* Not every file system tells, or what it tells is shared with others; then it shows later. */
static int
check_room(const struct run *r, const struct catalog_snapshot *s, struct err *e)
{
	uint64_t need = s->bytes + (uint64_t)ROOM_SEGMENTS * s->segment_size, room;
	struct statvfs fs;

	if (statvfs(tempdir_path(r->temp), &fs) != 0 || fs.f_blocks == 0)
		return 0;
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (room >= need)
		return 0;
	err_set(e, ERR_IO, "%s: %.1f MiB are free, and the copy needs %.1f MiB", r->a->work,
	    (double)room / 1048576, (double)need / 1048576);
	return err_hint(e, "name another folder with --work");
}

static int
restore_copy(struct run *r, struct restore_options *o, struct err *e)
{
	const struct catalog *c = repo_catalog(o->repo);
	const struct catalog_source *src = catalog_pick(c, r->a->common.name, e);
	char *target;

	if (src == NULL ||
	    (o->snapshot = image_choose(c, src->name, &r->a->choice, r->report, e)) == NULL)
		return err_context(e, "repository %s", repo_name(o->repo));
	if (strcmp(o->snapshot->engine, "postgresql") != 0)
		return err_set(e, ERR_CONFIG, "snapshot %s is of %s: prove can do PostgreSQL only",
		    o->snapshot->id, o->snapshot->engine);
	if (check_room(r, o->snapshot, e) != 0 || restore_directory(o, &target, e) != 0)
		return -1;
	free(target);
	(void)snprintf(r->what, sizeof(r->what), "a copy of %s, snapshot %s", src->name,
	    o->snapshot->id);	/* fits */
	report_note(r->report, "%s, of %.1f MiB, in %s", r->what,
	    (double)o->snapshot->bytes / 1048576, tempdir_path(r->temp));
	return 0;
}

/* The key is needed no longer than for this. */
static int
take_snapshot(struct run *r, struct err *e)
{
	const struct opt_common *common = &r->a->common;
	struct restore_options o = { .url = common->repo, .target = r->copy,
		.jobs = common->jobs, .report = r->report };
	struct key_secret *key = NULL;
	struct state *state;
	int rc = -1;

	if ((state = state_open(common->state, e)) == NULL)
		return -1;
	if ((key = key_read_secret(common->key, KEY_RESTORE, e)) != NULL &&
	    (o.repo = repo_open(common->repo, common->pin, state, r->report, e)) != NULL) {
		o.key = key;
		rc = restore_copy(r, &o, e);
	}
	repo_free(o.repo);
	key_free(key);
	state_free(state);
	return rc;
}

static int
start_copy(struct run *r, struct err *e)
{
	struct pg_server_settings set = { .event_triggers = 1 };
	char work[1100];

	(void)snprintf(work, sizeof(work), "%s/bulkhead", r->copy);
	if (pg_server_init(&r->server, r->copy, work, e) != 0 ||
	    pg_control_read(r->copy, &set.minima, e) != 0 ||
	    pg_server_recover(&r->server, &set, r->report, e) != 0)
		return -1;
	r->sessions = prove_pg_new(&r->server, &r->way, e);
	return r->sessions == NULL ? -1 : 0;
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
	if (audit_pg(r->g, prove_pg_conninfo(r->sessions), r->report, server, sizeof(server), e) != 0)
		return -1;
	prove_forget_settings(r->g);
	if (graph_finish(r->g, e) != 0 || judge(r->g, r->policy, &all, &r->v, e) != 0)
		return -1;
	return prove_all(r->g, &r->v, &r->way, &r->proofs, e);
}

static int
print(const struct run *r, struct err *e)
{
	const struct telling t = { .g = r->g, .policy = r->policy, .policy_file = r->a->policy,
		.v = &r->v, .proofs = &r->proofs, .server = r->what, .engine = CHECK_POSTGRESQL,
		.fail_on = r->a->fail_on };
	enum err_kind outcome = tell_outcome(&t);

	if (tell(&t, r->a->common.json ? TELL_JSON : TELL_TEXT, stdout, e) != 0)
		return -1;
	if (outcome == ERR_NEGATIVE)
		return err_set(e, ERR_NEGATIVE, "confirmed by trying: accounts can do what they must not");
	if (outcome == ERR_INCOMPLETE)
		return err_set(e, ERR_INCOMPLETE, "nothing is confirmed, but not all could be tried");
	return 0;
}

static int
prove(struct run *r, struct err *e)
{
	if (read_policy(r, e) != 0 || take_snapshot(r, e) != 0 || start_copy(r, e) != 0 ||
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
	if (tempdir_end(r->temp, &left) == 0)
		return rc;
	if (rc < 0 && e->kind != ERR_NEGATIVE && e->kind != ERR_INCOMPLETE)
		return err_hint(e, "%s", left.msg);
	*e = left;
	return -1;
}

/*
 * Signals are not caught: they end us at once, at any point, and the child of tempdir_new
 * does what there is to do.  It comes first, before there are threads or a key.
 */
static int
run(void *args, struct report *report, struct err *e)
{
	struct run r = { .a = args, .report = report };
	int rc = make_place(&r, e);

	if (rc == 0 && (key_guard_process(e) != 0 || report_signals(report, e) != 0))
		rc = -1;
	if (rc == 0)
		rc = prove(&r, e);
	return end_run(&r, rc, e);
}

static const struct tool tool = {
	{ "privaudit", "try on a throwaway copy who could destroy the database", synopsis, opts,
	    "Exit status: 0 nothing confirmed, 1 something is, 3 not all could be tried.\n"
	    "See privaudit(1)." },
	take_option, take_operands, run
};

int
privaudit_prove(int argc, char **argv)
{
	struct args a = { .fail_on = SEVERITY_HIGH };

	return tool_main(&tool, &a.common, &a, argc, argv);
}
