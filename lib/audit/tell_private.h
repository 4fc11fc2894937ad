/*
 * What tell*.c and baseline.c share.
 */
#ifndef AUDIT_TELL_PRIVATE_H
#define AUDIT_TELL_PRIVATE_H

#include "audit/tell.h"
#include "base/json.h"

#define SEVERITIES (SEVERITY_CRITICAL + 1)

/* A finding of an earlier run.  Texts are lent from the baseline. */
struct baseline_entry {
	const char *fingerprint, *check, *subject, *sink, *path;
	enum severity severity;
	uint64_t objects;
};

struct baseline {
	char *text;
	struct baseline_entry *entry;	/* sorted by fingerprint */
	uint32_t n;
};

/* NULL: it was not there. */
const struct baseline_entry *baseline_find(const struct baseline *b, const char *fingerprint);

enum tell_state { TELL_NO_BASELINE, TELL_NEW, TELL_WORSE, TELL_CHANGED, TELL_SAME };

/* "new", "changed", "same", or NULL without a baseline. */
const char *tell_state_name(enum tell_state s);

/* One telling, while it goes on. */
struct tale {
	const struct telling *t;
	FILE *f;
	struct json j;
	struct buf line;	/* what tale_... return is lent from here */
	uint32_t failing;	/* findings that change the exit status */
	uint32_t severity[SEVERITIES], state[TELL_SAME + 1], gone;
	uint32_t proved[PROOF_REFUTED + 1];	/* by what came of trying */
	uint8_t *seen;		/* of the baseline's entries */
	uint32_t *first;	/* of finding i: the first one with the same SQL */
};

enum tell_state tale_state(const struct tale *x, const struct finding *f);

/* What came of trying it; NULL: nobody tried. */
const struct proof *tale_proof(const struct tale *x, const struct finding *f);

/* Does it change the exit status? */
int tale_fails(const struct tale *x, const struct finding *f);

/* The finding before this one that has the same fix, which need not be told again; or NULL. */
const struct finding *tale_fix_of(const struct tale *x, const struct finding *f);

/* Is there SQL that ends it, or some of its paths? */
int tale_has_sql(const struct finding *f);

/* Who or what it is about: the account, or the fault's subject. */
const char *tale_subject(const struct tale *x, const struct finding *f);

/* The account's class, "" when it has none. */
const char *tale_class(const struct tale *x, const struct finding *f);

/* The path, or the fault, in one line that a terminal shows as it is; until the next call. */
const char *tale_line(struct tale *x, const struct finding *f);

/* "table sales.orders in shop, and 11 more"; "" when there are no objects.  As above. */
const char *tale_objects(struct tale *x, const struct finding *f);

/*
 * SQL, a statement a line, indented, below what it is.  A newline inside of a name stays as it
 * is, and what else a terminal would act on is shown as a question mark.
 */
void tale_sql(struct tale *x, const char *indent, const char *what, const char *sql);

/* What is to be noted of the policy itself, each in one line. */
void tale_notes(struct tale *x, void (*note)(struct tale *x, const char *text));

/* Text without control characters, appended to b. */
void tale_flat(struct buf *b, const char *text);

const char *tale_plural(uint64_t n);

int tell_text(struct tale *x, struct err *e);
int tell_json(struct tale *x, struct err *e);
int tell_tap(struct tale *x, struct err *e);
int tell_sarif(struct tale *x, struct err *e);

#endif
