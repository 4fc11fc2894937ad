/*
 * Enrolling a source.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/hex.h"
#include "repo/enrol.h"
#include "repo/source.h"

static int
check(const struct repo *r, const struct enrol_options *o, struct err *e)
{
	const struct catalog_source *there;
	int quorum = journal_quorum(repo_journal(r), NULL);

	if (!source_name_ok(o->source)) {
		err_set(e, ERR_USAGE, "not a name for a source: \"%s\"", o->source);
		return err_hint(e,
		    "1 to %d of a-z, 0-9, '.', '_' and '-', beginning with a letter or"
		    " digit", SOURCE_NAME_MAX - 1);
	}
	if (!source_environment_ok(o->environment)) {
		err_set(e, ERR_USAGE, "not an environment: \"%s\"", o->environment);
		return err_hint(e, "production, staging or development");
	}
	there = catalog_source(repo_catalog(r), o->source);
	if (there != NULL && !o->replace) {
		err_set(e, ERR_CONFLICT, "source %s is enrolled already", o->source);
		return err_hint(e,
		    "--replace gives it a new writer key, and makes the old one void");
	}
	if (there == NULL && o->replace)
		return err_set(e, ERR_NOTFOUND, "no source %s to replace", o->source);
	if (o->napprovers < quorum)
		return err_set(e, ERR_REFUSED,
		    "signed by %d of the %d approvers that it takes", o->napprovers, quorum);
	if (access(o->file, F_OK) == 0)
		return err_set(e, ERR_CONFLICT, "%s: exists already", o->file);
	return 0;
}

static struct source *
make_source(const struct repo *r, const struct enrol_options *o, struct err *e)
{
	struct source *s = calloc(1, sizeof(*s));
	const struct journal_key *k;
	int i;

	if (s == NULL || (s->digest_key = sodium_malloc(32)) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		source_free(s);
		return NULL;
	}
	randombytes_buf(s->digest_key, 32);
	memcpy(s->repo, repo_id(r), 32);
	snprintf(s->name, sizeof(s->name), "%s", o->source);
	snprintf(s->environment, sizeof(s->environment), "%s", o->environment);
	for (i = 0; (k = journal_key_at(repo_journal(r), i)) != NULL; i++)
		if (k->key.class == KEY_RESTORE && s->nto < SEAL_RECIPIENTS_MAX)
			s->to[s->nto++] = k->key;
	if ((s->writer = key_new(KEY_WRITER, o->source, e)) != NULL)
		return s;
	source_free(s);
	return NULL;
}

static int
commit(struct repo *r, const struct enrol_options *o, const struct source *s, struct err *e)
{
	const struct catalog_source *there = catalog_source(repo_catalog(r), o->source);
	struct statement *st = statement_new(ST_ENROL, e);
	char key[KEY_TEXT_MAX];
	int got;

	if (st == NULL)
		return -1;
	statement_add(st, "source", o->source);
	statement_add(st, "environment", o->environment);
	statement_add(st, "key", key_public_encode(key, key_public(s->writer)));
	if (there != NULL)
		statement_add_hex(st, "replaces", there->writer.id, KEY_ID);
	got = repo_commit(r, st, o->approvers, o->napprovers, e);
	statement_free(st);
	return got;
}

/*
 * After a failed commit: the line may be durable, and something behind it failed.
 * 1, 0, or -1 when the journal cannot tell either.
 */
static int
is_enrolled(struct repo *r, const struct source *s)
{
	const uint8_t *id = key_public(s->writer)->id;
	struct err ignored;

	if (journal_find_key(repo_journal(r), id) == NULL && repo_refresh(r, &ignored) != 0)
		return -1;
	return journal_find_key(repo_journal(r), id) != NULL;
}

static int
enrol_as(struct repo *r, const struct enrol_options *o, const struct source *s,
    const char *tmp, struct err *e)
{
	struct err after;
	int got = source_write(s, tmp, e), there = 0;

	if (got != 0 && e->kind == ERR_CONFLICT)
		return -1;	/* not ours */
	if (got == 0 && (got = commit(r, o, s, e)) != 0)
		there = is_enrolled(r, s);
	if (got != 0 && there < 0)
		return err_hint(e, "if it got enrolled nevertheless, its source file is %s",
		    tmp);
	if (got != 0 && !there) {
		(void)unlink(tmp);	/* a key that was not enrolled is of no use */
		return -1;
	}
	if (io_link_new(tmp, o->file, &after) == 0)
		return got;
	*e = after;
	err_context(e, "source %s is enrolled, but", o->source);
	return err_hint(e, "its source file is %s", tmp);
}

int
enrol_source(struct repo *r, const struct enrol_options *o, struct err *e)
{
	struct source *s;
	char *tmp;
	int got;

	if (check(r, o, e) != 0 || (s = make_source(r, o, e)) == NULL)
		return -1;
	if (asprintf(&tmp, "%s.%ld.new", o->file, (long)getpid()) < 0) {
		source_free(s);
		return err_set(e, ERR_SYSTEM, "out of memory");
	}
	got = enrol_as(r, o, s, tmp, e);
	free(tmp);
	source_free(s);
	return got;
}
