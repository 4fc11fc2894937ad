/*
 * What each verb says: the class of key that may sign it, and its fields, as in
 * bulkhead-repository(5).  Only form; what a statement means beside the others is the
 * journal's (keys, counters) and the catalog's (objects) to judge.
 */
#ifndef REPO_GRAMMAR_H
#define REPO_GRAMMAR_H

#include "base/err.h"
#include "repo/statement.h"
#include "seal/key.h"

/* Whose signature the verb needs. */
enum key_class grammar_class(enum statement_verb verb);

/*
 * All mandatory fields are there, and every known field has the form that it
 * must have and occurs once unless it may be repeated (key, pack, snapshot).
 * Unknown fields are passed over.  ERR_CORRUPT names verb and field.
 */
int grammar_check(const struct statement *st, struct err *e);

#endif
