/*
 * The syntax of a policy file, without its meaning: sections with settings, which hold
 * lists of values.  Format: bulkhead-policy(5).
 */
#ifndef AUDIT_INI_H
#define AUDIT_INI_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct ini_value {
	const char *text;	/* unquoted */
	int quoted;		/* it stood in quotes */
};

struct ini_setting {
	const char *key;
	struct ini_value *value;	/* one at least */
	uint32_t n;
	unsigned line;
};

struct ini_section {
	const char *kind;	/* "role" */
	struct ini_value name;	/* text NULL: it has none */
	struct ini_setting *setting;
	uint32_t n;
	unsigned line;
};

struct ini {
	char *store;		/* all the texts */
	struct ini_section *section;
	uint32_t n;
};

/*
 * Read len bytes of text (not NULL); name is for messages: "NAME:LINE: what is wrong".
 * NULL: ERR_CONFIG, ERR_SYSTEM.
 */
struct ini *ini_parse(const char *name, const char *text, size_t len, struct err *e);
void ini_free(struct ini *ini);

/* Can this stand in the file without quotes? */
int ini_is_bare(const char *text);

#endif
