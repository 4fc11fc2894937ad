/*
 * The source file: what enrol gives to a database host, and all that its tools
 * need: the repository's id, the restore keys to seal to, the writer key, the
 * digest key.  0600, text; the format is in bulkhead-repository(5).
 */
#ifndef REPO_SOURCE_H
#define REPO_SOURCE_H

#include <stdint.h>

#include "repo/journal.h"
#include "seal/key.h"
#include "seal/sealed.h"

struct source {
	char name[SOURCE_NAME_MAX], environment[24];
	uint8_t repo[32];
	struct key_public to[SEAL_RECIPIENTS_MAX];
	size_t nto;
	struct key_secret *writer;
	uint8_t *digest_key;	/* 32 bytes, sodium_malloc */
};

/* ERR_REFUSED: others can read it, or a restore or approver key lies beside it. */
struct source *source_read(const char *path, struct err *e);
/* The file's text; name is what messages call it.  ERR_CORRUPT. */
struct source *source_parse(const char *text, size_t len, const char *name, struct err *e);
/* ERR_CONFLICT: there is one. */
int source_write(const struct source *s, const char *path, struct err *e);
void source_free(struct source *s);

/*
 * Does it fit this repository: its id, the writer key enrolled for this source and not
 * replaced, the restore keys known?  Before anything is sealed to them.  ERR_REFUSED.
 */
int source_check(const struct source *s, const struct journal *j, struct err *e);
int source_name_ok(const char *name);
int source_environment_ok(const char *s);	/* production, staging, development */

#endif
