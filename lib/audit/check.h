/*
 * The catalogue of checks: what privaudit looks for, by id.  Source of the ids: the
 * manual page privaudit(1).
 */
#ifndef AUDIT_CHECK_H
#define AUDIT_CHECK_H

enum severity { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL };

struct check {
	const char *id;		/* "R1", ..., "B9" */
	const char *name;	/* a few words: "superuser logins" */
	const char *means;	/* one sentence: why it matters */
	enum severity severity;	/* the usual one; a finding may differ */
	unsigned engines;	/* CHECK_... that it can be found on */
};

enum { CHECK_POSTGRESQL = 1, CHECK_MYSQL = 2, CHECK_MARIADB = 4 };

/* The check of that id; NULL: there is none. */
const struct check *check_find(const char *id);

/* All of them, in the order of the catalogue; ends with an id of NULL. */
extern const struct check check_all[];

/* "low", "medium", "high", "critical"; and back: 0, or -1 for another word. */
const char *severity_name(enum severity s);
int severity_of(const char *name, enum severity *out);

#endif
