/*
 * What every command of privaudit on a server begins and ends with: its files, the server,
 * what surrounds it; and what the run comes to.
 */
#include <inttypes.h>
#include <string.h>

#include "audit/host.h"
#include "audit/my.h"
#include "audit/pg.h"
#include "base/clock.h"
#include "my/uri.h"
#include "privaudit.h"

static unsigned
engine(const struct privaudit_run *r)
{
	if (!my_uri_is(r->server))
		return CHECK_POSTGRESQL;
	return strcasestr(r->name, "mariadb") != NULL ? CHECK_MARIADB : CHECK_MYSQL;
}

/* The files first, so that a mistake in one shows at once. */
static int
read_files(struct privaudit_run *r, struct err *e)
{
	char now[CLOCK_TEXT];

	clock_format(now, clock_now())[strlen("YYYY-MM-DD")] = '\0';
	if ((r->policy = policy_read(r->policy_file, now, e)) == NULL)
		return -1;
	if (r->baseline_file == NULL)
		return 0;
	return (r->baseline = baseline_read(r->baseline_file, e)) != NULL ? 0 : -1;
}

/* What the catalogs do not tell. */
static int
read_surroundings(struct privaudit_run *r, struct err *e)
{
	int i;

	if (r->repo != NULL && host_domain(r->g, r->repo, e) != 0)
		return -1;
	if (r->canary && host_canary(r->g, r->repo, e) != 0)
		return -1;
	for (i = 0; i < r->nalso; i++)
		if (host_also(r->g, r->policy, r->also[i], e) != 0)
			return err_context(e, "option --also");
	if (graph_finish(r->g, e) != 0)
		return -1;
	return r->policy->file != NULL ? host_files(r->g, r->policy, e) : 0;
}

static int
read_server(struct privaudit_run *r, struct report *report, struct err *e)
{
	int rc;

	if ((r->g = graph_new()) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	rc = (my_uri_is(r->server) ? audit_my : audit_pg)(r->g, r->server, report, r->name,
	    sizeof(r->name), e);
	report_done(report);
	return rc == 0 ? read_surroundings(r, e) : -1;
}

int
privaudit_read(struct privaudit_run *r, struct report *report, struct err *e)
{
	return read_files(r, e) == 0 ? read_server(r, report, e) : -1;
}

void
privaudit_free(struct privaudit_run *r)
{
	verdict_free(&r->v);
	graph_free(r->g);
	baseline_free(r->baseline);
	policy_free(r->policy);
}

struct telling
privaudit_telling(const struct privaudit_run *r)
{
	return (struct telling){ .g = r->g, .policy = r->policy, .policy_file = r->policy_file,
		.v = &r->v, .baseline = r->baseline, .server = r->name, .engine = engine(r),
		.fail_on = r->fail_on };
}

int
privaudit_conclude(const struct privaudit_run *r, const struct telling *t, struct err *e)
{
	enum err_kind kind = tell_outcome(t);

	if (kind == ERR_NEGATIVE)
		return err_set(e, kind, "%s: there are findings of severity %s%s", r->name,
		    severity_name(r->fail_on),
		    r->fail_on < SEVERITY_CRITICAL ? " or above" : "");
	if (kind == ERR_INCOMPLETE) {
		err_set(e, kind, "%s: no verdict, since %" PRIu32 " could not be read",
		    r->name, r->g->unknowns);
		return err_hint(e, "privaudit --print-grants prints the rights that it needs");
	}
	return 0;
}
