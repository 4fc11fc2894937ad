/*
 * What policy*.c share.
 */
#ifndef AUDIT_POLICY_PRIVATE_H
#define AUDIT_POLICY_PRIVATE_H

#include <stddef.h>

#include "audit/policy.h"

/*
 * As policy_read, from text; name is for messages, text NULL: the defaults.
 * ERR_CONFIG, ERR_SYSTEM.
 */
struct policy *policy_parse(const char *name, const char *text, size_t len, const char *today,
    struct err *e);

/* The privileges that a policy may name, upper case. */
struct policy_word {
	const char *word;
	int ddl;		/* DDL covers it */
};

extern const struct policy_word policy_words[];	/* ends with a word of NULL */

/* That word in any case of letters; NULL: there is none. */
const struct policy_word *policy_word(const char *text);

/* The word that somebody who wrote text may have meant; NULL: none is near. */
const char *policy_word_near(const char *text);

/* The classes as they are without a file, in the language of one. */
extern const char policy_builtin[];

/* Is that one of them? */
int policy_is_builtin(const char *name);

#endif
