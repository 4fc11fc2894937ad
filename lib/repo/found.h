/*
 * The founding ceremony: the statement that a repository begins with.
 */
#ifndef REPO_FOUND_H
#define REPO_FOUND_H

#include "base/err.h"
#include "repo/statement.h"
#include "seal/key.h"

#define FOUND_KEYS_MAX STATEMENT_SIGS_MAX

struct found_options {
	const struct key_secret *approvers[FOUND_KEYS_MAX];
	struct key_public restore[FOUND_KEYS_MAX];
	int napprovers, nrestore;
	int quorum;		/* 0: 2, or 1 when solo */
	int solo, single_key;	/* one approver, one restore key: said aloud, or refused */
};

/* Signed by all approvers, for repo_create().  ERR_USAGE says what is missing. */
struct statement *found_statement(const struct found_options *o, struct err *e);

#endif
