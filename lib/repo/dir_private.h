/*
 * The backend for a path: what repo.c and dir_*.c share.  The layout is in
 * bulkhead-repository(5).
 */
#ifndef REPO_DIR_PRIVATE_H
#define REPO_DIR_PRIVATE_H

#include <pthread.h>

#include "base/lock.h"
#include "repo/repo.h"
#include "seal/sealed.h"

struct repo {
	char *path;
	struct journal *journal;
	struct catalog catalog;
	struct state *state;		/* or NULL */
	struct report *report;
	int has_remembered;
	uint64_t remembered;		/* seq of the head that state has */
};

struct ended {				/* an object whose bytes are durable in incoming/ */
	enum repo_kind kind;
	uint8_t hash[32];
	unsigned number;		/* incoming/SOURCE/SESSION/NUMBER */
};

struct repo_session {
	struct repo *repo;
	char source[SOURCE_NAME_MAX];
	char *folder;			/* its own, in incoming/SOURCE/ */
	struct lock *lock;
	pthread_mutex_t mutex;		/* over what follows */
	unsigned next;
	struct ended *ended;
	size_t nended;
};

/* "repository PATH" in front of e.  Returns -1. */
int dir_context(const struct repo *r, struct err *e);

/* PATH/ and the rest, in memory that the caller frees. */
char *dir_path(const struct repo *r, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A new file in the session's folder: its descriptor and number, or -1. */
int dir_new_file(struct repo_session *s, unsigned *number, struct err *e);
char *dir_session_file(const struct repo_session *s, unsigned number, struct err *e);

/* Where a pack lies, in memory that the caller frees. */
char *dir_pack_path(const struct repo *r, const char *source, const uint8_t hash[32],
    struct err *e);

/* Hash a whole file. */
int dir_hash_file(const char *path, const char *name, uint8_t out[32], struct err *e);

/* Is what st (of good form) names there, as it says?  ERR_CORRUPT, ERR_NOTFOUND. */
int dir_holds(const struct repo *r, const struct statement *st, struct err *e);

#endif
