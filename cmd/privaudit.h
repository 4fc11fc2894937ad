/*
 * Between the files of privaudit: a run on a server, and the other commands.
 */
#ifndef CMD_PRIVAUDIT_H
#define CMD_PRIVAUDIT_H

#include "audit/tell.h"
#include "base/report.h"

#define PRIVAUDIT_ENVIRONMENTS_MAX 8

/* What was asked for, NULL where it was not; and what came of it. */
struct privaudit_run {
	const char *server, *policy_file, *baseline_file, *repo;
	const char *also[PRIVAUDIT_ENVIRONMENTS_MAX];
	int nalso, canary;
	enum severity fail_on;

	struct policy *policy;
	struct baseline *baseline;
	struct graph *g;
	struct verdict v;	/* for the caller to fill */
	char name[256];		/* the server's */
};

/* Read the files, the server and what surrounds it; privaudit_free is due either way. */
int privaudit_read(struct privaudit_run *r, struct report *report, struct err *e);
void privaudit_free(struct privaudit_run *r);

struct telling privaudit_telling(const struct privaudit_run *r);

/* 0, or -1 with what the run comes to: findings, or no verdict. */
int privaudit_conclude(const struct privaudit_run *r, const struct telling *t, struct err *e);

#define PRIVAUDIT_OPT_POLICY { 'p', "policy", "FILE", "who may do what: bulkhead-policy(5)" }

/* privaudit why, privaudit prove: argv[0] is that word.  Return the exit status. */
int privaudit_why(int argc, char **argv);
int privaudit_prove(int argc, char **argv);

#endif
