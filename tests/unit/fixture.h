/*
 * A repository for unit tests, in the scratch folder (scratch.h): state/, and repo/ founded
 * by three approvers (quorum 2) with two restore keys, and the enrolled source "shop".
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "repo/enrol.h"
#include "repo/found.h"
#include "repo/repo.h"
#include "repo/source.h"
#include "scratch.h"

struct fixture {
	const char *path;		/* of the repository */
	struct state *state;
	struct repo *repo;
	struct source *source;		/* shop's, from shop.source */
	struct key_secret *approver[3], *restore, *spare;
};

/* Makes the scratch folder, too.  Fails the test when something fails. */
void fixture_begin(struct fixture *f);
void fixture_end(struct fixture *f);

/* Open the repository anew, as another process would (the old one is freed). */
void fixture_reopen(struct fixture *f);

/* Enrol another source. To source_free(). */
struct source *fixture_enrol(struct fixture *f, const char *name);

#define fixture_ok(call)						\
	do {								\
		if ((call) != 0)					\
			ck_abort_msg("%s: %s", #call, e.msg);		\
	} while (0)

#endif
