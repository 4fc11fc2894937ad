/*
 * Enrolling a source: its writer key into the journal, its source file to the host.
 */
#ifndef REPO_ENROL_H
#define REPO_ENROL_H

#include "base/err.h"
#include "repo/repo.h"

struct enrol_options {
	const char *source, *environment;	/* production, staging or development */
	const char *file;			/* the source file to make */
	const struct key_secret *approvers[STATEMENT_SIGS_MAX];
	int napprovers;
	int replace;	/* the source is there already: its writer key is void from now on */
};

/*
 * Make a writer and a digest key, commit the statement, make the file.  All or nothing:
 * the file is written under another name first, and gets its own after the commit.
 * ERR_USAGE, ERR_CONFLICT (source or file there), ERR_REFUSED (too few approvers).
 */
int enrol_source(struct repo *r, const struct enrol_options *o, struct err *e);

#endif
