/*
 * The repository: opening, making, refreshing, committing.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/text.h"
#include "repo/dir_private.h"
#include "repo/grammar.h"

static const char *const folders[] = { "incoming", "logs", "packs", "rewrap", "snapshots" };
#define NFOLDERS (sizeof(folders) / sizeof(folders[0]))

int
dir_context(const struct repo *r, struct err *e)
{
	return err_context(e, "repository %s", r->path);
}

char *
dir_path(const struct repo *r, struct err *e, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	char rest[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(rest, sizeof(rest), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(rest)) {
		err_set(e, ERR_BUG, "a path is too long");
		return NULL;
	}
	buf_fmt(&b, "%s/%s", r->path, rest);
	(void)buf_cstr(&b);	/* for the NUL */
	if (buf_check(&b, e) != 0) {
		buf_free(&b);
		return NULL;
	}
	return (char *)b.data;
}

/* ---- opening ---------------------------------------------------------------- */

static int
not_here(const char *url, struct err *e)
{
	err_set(e, ERR_NOTFOUND, "repository %s: there is none", url);
	return err_hint(e, "strongbox init makes one; -r or BULKHEAD_REPO says where it is");
}

static int
check_url(const char *url, struct err *e)
{
	static const char *const later[] = { "ssh:", "cmd:", "s3:" };
	size_t i;

	if (url == NULL || *url == '\0') {
		err_set(e, ERR_USAGE, "no repository given");
		return err_hint(e, "name it with -r or BULKHEAD_REPO");
	}
	for (i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		if (strncmp(url, later[i], strlen(later[i])) == 0)
			return err_set(e, ERR_CONFIG,
			    "repository %s: this version knows repositories in a path only",
			    url);
	return 0;
}

/* FORMAT: is this a repository, and which? */
static int
read_format(const struct repo *r, uint8_t id[32], struct err *e)
{
	char *path = dir_path(r, e, "FORMAT"), version[16];
	struct buf b = BUF_INIT;
	struct text_lines t;
	int got;

	if (path == NULL)
		return -1;
	if ((got = io_read_file(path, 4096, &b, e)) != 0) {
		if (e->kind == ERR_NOTFOUND || e->sys == ENOTDIR)
			not_here(r->path, e);
		else
			dir_context(r, e);
	} else {
		text_begin(&t, (const char *)b.data, b.len, "FORMAT");
		got = text_line(&t, "bulkhead repository", version, sizeof(version), e);
		if (got == 0 && strcmp(version, "1") != 0)
			got = err_set(e, ERR_CONFIG, "FORMAT: version %s; this tool knows 1",
			    version);
		if (got == 0 && (got = text_line_hex(&t, "id", id, 32, e)) == 0)
			got = text_end(&t, e);
		if (got != 0)
			dir_context(r, e);
	}
	buf_free(&b);
	free(path);
	return got;
}

/*
 * State gets the journal's head: but only what is durable, since a line that a power
 * cut takes away again would look like a rollback for ever.
 */
static int
remember(struct repo *r, struct err *e)
{
	struct journal_head head = journal_head(r->journal);
	char *path;
	int fd, got = -1;

	if (r->state == NULL || (r->has_remembered && r->remembered >= head.seq))
		return 0;
	if ((path = dir_path(r, e, "journal")) == NULL)
		return -1;
	if ((fd = io_open(path, O_RDONLY, 0, e)) >= 0) {
		got = io_fdatasync(fd, "journal", e);
		(void)close(fd);	/* was only read */
	}
	free(path);
	if (got != 0)
		return dir_context(r, e);
	if (state_put_head(r->state, journal_repo_id(r->journal), &head, e) != 0)
		return -1;
	r->has_remembered = 1;
	r->remembered = head.seq;
	return 0;
}

/*
 * A cut-off last line may be an append that is going on; with the keeper's lock it is
 * not.  Where this process may not lock it says what it saw.
 */
static int
settle_torn(struct repo *r, struct err *e)
{
	struct lock *l;
	char *path;
	int got = 0;

	if (journal_torn(r->journal) == 0)
		return 0;
	if ((path = dir_path(r, e, "lock")) == NULL)
		return -1;
	if ((l = lock_wait(path, e)) != NULL)
		got = journal_refresh(r->journal, e);
	else
		err_clear(e);
	lock_free(l);
	free(path);
	if (got == 0 && journal_torn(r->journal) > 0)
		report_warn(r->report,
		    "repository %s: journal: %llu bytes at the end are an append"
		    " that was cut off; the next commit removes them", r->path,
		    (unsigned long long)journal_torn(r->journal));
	return got;
}

static int
open_journal(struct repo *r, const uint8_t *pin, struct err *e)
{
	struct journal_head known;
	uint8_t id[32];
	char *path, hex[65];
	int seen = 0;

	if (read_format(r, id, e) != 0)
		return -1;
	if (r->state != NULL && (seen = state_get_head(r->state, id, &known, e)) < 0)
		return -1;
	if ((path = dir_path(r, e, "journal")) == NULL)
		return -1;
	r->journal = journal_read(path, seen ? &known : NULL, pin, catalog_add,
	    &r->catalog, e);
	free(path);
	if (r->journal != NULL && memcmp(journal_repo_id(r->journal), id, 32) != 0)
		err_set(e, ERR_CORRUPT, "FORMAT: its id is not the journal's");
	else if (r->journal != NULL && settle_torn(r, e) == 0) {
		r->has_remembered = seen;
		r->remembered = seen ? known.seq : 0;
		if (!seen && pin == NULL)
			report_note(r->report,
			    "repository %s is seen here for the first time; its"
			    " id is %s", r->path, hex_encode(hex, id, 32));
		return 0;
	}
	return dir_context(r, e);
}

struct repo *
repo_open(const char *url, const uint8_t *pin, struct state *state, struct report *report,
    struct err *e)
{
	struct repo *r;

	if (check_url(url, e) != 0)
		return NULL;
	if ((r = calloc(1, sizeof(*r))) == NULL || (r->path = strdup(url)) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		repo_free(r);
		return NULL;
	}
	r->state = state;
	r->report = report;
	if (open_journal(r, pin, e) == 0 && remember(r, e) == 0) {
		report_note(report,
		    "repository %s is a path, so it is not isolated: root on this"
		    " host can remove it", url);
		return r;
	}
	repo_free(r);
	return NULL;
}

void
repo_free(struct repo *r)
{
	if (r == NULL)
		return;
	journal_free(r->journal);
	catalog_free(&r->catalog);
	free(r->path);
	free(r);
}

const uint8_t *
repo_id(const struct repo *r)
{
	return journal_repo_id(r->journal);
}

const char *
repo_name(const struct repo *r)
{
	return r->path;
}

const struct journal *
repo_journal(const struct repo *r)
{
	return r->journal;
}

const struct catalog *
repo_catalog(const struct repo *r)
{
	return &r->catalog;
}

int
repo_refresh(struct repo *r, struct err *e)
{
	if (journal_refresh(r->journal, e) != 0 || settle_torn(r, e) != 0)
		return dir_context(r, e);
	return remember(r, e);
}

int
repo_each_statement(struct repo *r,
    int (*each)(void *ctx, const struct journal_entry *en, struct err *e), void *ctx,
    struct err *e)
{
	struct journal_head head = journal_head(r->journal);
	char *path = dir_path(r, e, "journal");
	struct journal *j;

	if (path == NULL)
		return -1;
	j = journal_read(path, &head, repo_id(r), each, ctx, e);
	free(path);
	if (j == NULL)
		return dir_context(r, e);
	journal_free(j);
	return 0;
}

int
repo_check_journal(struct repo *r, struct err *e)
{
	char *path = dir_path(r, e, "journal");
	struct journal *j;

	if (path == NULL)
		return -1;
	j = journal_read(path, NULL, repo_id(r), NULL, NULL, e);
	free(path);
	if (j == NULL)
		return dir_context(r, e);
	journal_free(j);
	/* And it still has the lines that r has read. */
	return repo_refresh(r, e);
}

/* ---- committing ------------------------------------------------------------- */

/* Under the lock, on a refreshed journal: 0, also when it is there already. */
static int
commit_locked(struct repo *r, struct statement *st, const struct key_secret *const keys[],
    int nkeys, struct err *e)
{
	const struct journal_key *k = journal_find_key(r->journal, key_public(keys[0])->id);
	uint64_t seq;
	int same;

	if (k == NULL)
		return err_set(e, ERR_REFUSED, "key %s is not known to this repository",
		    key_public(keys[0])->name);
	if (statement_sign(st, repo_id(r), k->count + 1, k->last, keys, nkeys, e) != 0 ||
	    grammar_check(st, e) != 0)
		return -1;
	if ((same = catalog_check(&r->catalog, st, e)) != 0)
		return same > 0 ? 0 : -1;
	if (dir_holds(r, st, e) != 0)
		return -1;
	return journal_append(r->journal, st, &seq, e);
}

int
repo_commit(struct repo *r, struct statement *st, const struct key_secret *const keys[],
    int nkeys, struct err *e)
{
	struct lock *l;
	char *path;
	int got = -1;

	if (nkeys < 1)
		return err_set(e, ERR_BUG, "a statement without a key to sign it");
	if ((path = dir_path(r, e, "lock")) == NULL)
		return -1;
	if ((l = lock_wait(path, e)) != NULL && journal_refresh(r->journal, e) == 0)
		got = commit_locked(r, st, keys, nkeys, e);
	lock_free(l);
	free(path);
	if (got != 0) {
		err_context(e, "%s", statement_verb_name(st->verb));
		return dir_context(r, e);
	}
	if (remember(r, e) == 0)
		return 0;
	return err_context(e, "%s is committed, but this machine could not remember it",
	    statement_verb_name(st->verb));
}

/* ---- making ----------------------------------------------------------------- */

static int
check_empty(const char *path, struct err *e)
{
	DIR *d = opendir(path);
	const struct dirent *entry;
	int full = 0;

	if (d == NULL)
		return err_sys(e, ERR_IO, "%s: open", path);
	while (!full && (entry = readdir(d)) != NULL)
		full = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    strcmp(entry->d_name, "lost+found") != 0 &&
		    strcmp(entry->d_name, "lock") != 0;
	(void)closedir(d);	/* was only read */
	if (!full)
		return 0;
	err_set(e, ERR_CONFLICT, "the folder is not empty");
	return err_hint(e, "a repository is made in an empty or missing folder");
}

/* Folders, journal, and last FORMAT, which makes it a repository. */
static int
make_all(const struct repo *r, const struct statement *found, struct err *e)
{
	char *path, text[128], hex[65];
	size_t i;
	int got = 0;

	for (i = 0; i < NFOLDERS && got == 0; i++) {
		if ((path = dir_path(r, e, "%s", folders[i])) == NULL)
			return -1;
		got = io_mkdirs(path, 0755, e);
		free(path);
	}
	if (got != 0 || (path = dir_path(r, e, "journal")) == NULL)
		return -1;
	got = journal_create(path, found, e);
	free(path);
	if (got != 0 || (path = dir_path(r, e, "FORMAT")) == NULL)
		return -1;
	snprintf(text, sizeof(text), "bulkhead repository 1\nid %s\n",
	    hex_encode(hex, found->hash, 32));
	got = io_create_file(path, text, strlen(text), 0444, e);
	free(path);
	return got;
}

/* After a failure: take away what make_all made, so that one can try again. */
static void
unmake(const struct repo *r)
{
	static const char *const files[] = { "FORMAT", "journal", "lock" };
	struct err ignored;
	char *path;
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if ((path = dir_path(r, &ignored, "%s", files[i])) != NULL) {
			(void)unlink(path);	/* it may not have come that far */
			free(path);
		}
	for (i = 0; i < NFOLDERS; i++)
		if ((path = dir_path(r, &ignored, "%s", folders[i])) != NULL) {
			(void)rmdir(path);
			free(path);
		}
}

/* The lock keeps two that make it at once apart. */
static int
create_locked(const struct repo *r, const struct statement *found, struct err *e)
{
	char *path = dir_path(r, e, "lock");
	struct lock *l = NULL;
	int got = -1;

	if (path != NULL && (l = lock_take(path, e)) != NULL && check_empty(r->path, e) == 0 &&
	    (got = make_all(r, found, e)) != 0)
		unmake(r);
	lock_free(l);
	free(path);
	return got;
}

int
repo_create(const char *url, const struct statement *found, struct err *e)
{
	struct repo r = { .path = NULL };
	int got;

	if (check_url(url, e) != 0)
		return -1;
	if ((r.path = strdup(url)) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	got = io_mkdirs(url, 0700, e);
	if (got == 0)
		got = create_locked(&r, found, e);
	if (got != 0)
		dir_context(&r, e);
	free(r.path);
	return got;
}
