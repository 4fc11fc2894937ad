/*
 * Findings: what a check of the repository has to say, one thing each.
 *
 *	bad	damaged, missing, or not what was signed: the answer is no
 *	unread	could not be read: no answer
 *	note	worth knowing, and well
 *
 * A check tells all that it finds and goes on; only what ends the check itself (out of
 * memory, cancelled) is its error.  finding() and finding_of() are thread-safe.
 */
#ifndef REPO_FINDING_H
#define REPO_FINDING_H

#include <pthread.h>
#include <stdint.h>

#include "base/err.h"

enum finding_level { FINDING_NOTE, FINDING_UNREAD, FINDING_BAD };
#define FINDING_LEVELS 3

struct findings {
	/* One at a time.  source and object ("snapshot ID", "log STREAM/FILE") may be NULL. */
	void (*tell)(void *ctx, enum finding_level level, const char *source,
	    const char *object, const char *text);
	void *ctx;
	const char *known; /* what all messages may repeat ("repository /srv/v: "), or NULL */
	pthread_mutex_t lock;
	uint64_t count[FINDING_LEVELS];
};

void findings_init(struct findings *f,
    void (*tell)(void *ctx, enum finding_level level, const char *source,
	const char *object, const char *text),
    void *ctx, const char *known);
void findings_free(struct findings *f);

const char *finding_level_name(enum finding_level level);	/* "note", "unread", "bad" */

void finding(struct findings *f, enum finding_level level, const char *source,
    const char *object, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/*
 * What a failure to read an object says of it: corrupt, not found or in conflict is bad;
 * an I/O error, no permission, a key that does not open it is unread.  Told: 0; else
 * it is a failure of this process: -1, and *e is the same.  What the line says anyway is
 * left out of the message: f->known, and "OBJECT: ".
 */
int finding_of(struct findings *f, const char *source, const char *object,
    const struct err *what, struct err *e);

/* The verdict: 0; ERR_NEGATIVE: something is bad; ERR_INCOMPLETE: something is unread. */
int findings_judge(const struct findings *f, struct err *e);

/* 1: of a kind that finding_of tells. */
int finding_is(const struct err *e);

#endif
