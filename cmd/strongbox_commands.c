/*
 * strongbox: what its commands do.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "repo/enrol.h"
#include "repo/listing.h"
#include "strongbox.h"

static int
open_repo(const struct strongbox *a, struct state **state, struct repo **repo, struct err *e)
{
	if (opt_need(&a->common, "r", e) != 0 ||
	    (*state = state_open(a->common.state, e)) == NULL)
		return -1;
	/* No notes: this is the keeper, whose repositories lie in paths and are its own. */
	if ((*repo = repo_open(a->common.repo, a->common.pin, *state, NULL, e)) == NULL)
		return -1;
	if (journal_torn(repo_journal(*repo)) > 0)
		report_warn(a->report,
		    "repository %s: the journal ends with an append that was cut"
		    " off; the next commit removes it", a->common.repo);
	return 0;
}

/* The approvers' keys; they are freed with a. */
static int
read_approvers(struct strongbox *a, const struct key_secret *keys[], struct err *e)
{
	int i;

	for (i = 0; i < a->napprovers; i++) {
		a->keys[i] = key_read_secret(a->approvers[i], KEY_APPROVER, e);
		if ((keys[i] = a->keys[i]) == NULL)
			return -1;
	}
	return 0;
}

static int
need(const char *value, const char *what, struct err *e)
{
	return value != NULL ? 0 : err_set(e, ERR_USAGE, "no %s given", what);
}

/* A command's one result: alone on its line, or in the closing object. */
static int
result(const struct strongbox *a, const char *key, const char *value, struct err *e)
{
	struct json j = JSON_INIT;
	int r;

	if (!a->common.json)
		return puts(value) >= 0 ? 0 : err_sys(e, ERR_IO, "standard output: write");
	json_begin(&j, key);
	json_str(&j, "value", value);
	r = json_print(&j, e);
	json_free(&j);
	return r;
}

/* ---- commands ---------------------------------------------------------------- */

int
strongbox_keygen(struct strongbox *a, struct err *e)
{
	char name[KEY_NAME_MAX], word[KEY_TEXT_MAX];
	enum key_class class;
	struct key_secret *k;
	char *pub;
	int r = -1;

	if (key_class_parse(a->operands[0], &class) != 0) {
		err_set(e, ERR_USAGE, "not a class of keys: \"%s\"", a->operands[0]);
		return err_hint(e, "restore, approver, verifier or writer");
	}
	key_file_name(a->operands[1], name);
	if ((k = key_new(class, a->key_name != NULL ? a->key_name : name, e)) == NULL)
		return -1;
	if ((pub = key_file_public(a->operands[1], e)) != NULL &&
	    key_write(k, a->operands[1], pub, e) == 0)
		r = result(a, "key", key_public_encode(word, key_public(k)), e);
	free(pub);
	key_free(k);
	return r;
}

static void
warn_promises(const struct strongbox *a)
{
	if (a->solo)
		report_warn(a->report,
		    "--solo gives up a promise: whoever has the one approver key"
		    " can have all backups removed");
	if (a->single_key)
		report_warn(a->report,
		    "--single-key gives up a promise: if the one restore key is"
		    " lost, all backups are");
}

static int
found(const struct strongbox *a, const struct found_options *o, struct err *e)
{
	struct statement *st = found_statement(o, e);
	struct strongbox pinned = *a;
	struct state *state = NULL;
	struct repo *repo = NULL;
	char id[65];
	int r = -1;

	if (st == NULL)
		return -1;
	if (repo_create(a->common.repo, st, e) == 0) {
		/* Opened once, so that this machine remembers it. */
		pinned.common.pin = st->hash;
		r = open_repo(&pinned, &state, &repo, e);
		if (r != 0)
			err_context(e, "repository %s is made, but", a->common.repo);
		else
			r = result(a, "repository", hex_encode(id, st->hash, 32), e);
		repo_free(repo);
		state_free(state);
	}
	statement_free(st);
	return r;
}

int
strongbox_init(struct strongbox *a, struct err *e)
{
	struct found_options o = { .napprovers = a->napprovers, .nrestore = a->nrestore,
		.quorum = a->quorum, .solo = a->solo, .single_key = a->single_key };
	int i, r;

	if (opt_need(&a->common, "r", e) != 0)
		return -1;
	for (i = 0; i < a->nrestore; i++)
		if (key_read_public(a->restore[i], KEY_RESTORE, &o.restore[i], e) != 0)
			return -1;
	r = read_approvers(a, o.approvers, e);
	if (r == 0 && (r = found(a, &o, e)) == 0)
		warn_promises(a);
	return r;
}

int
strongbox_enrol(struct strongbox *a, struct err *e)
{
	struct enrol_options o = { .source = a->common.name, .environment = a->environment,
		.file = a->output, .napprovers = a->napprovers, .replace = a->replace };
	struct state *state = NULL;
	struct repo *repo = NULL;
	int r;

	if (need(o.source, "source (-n)", e) != 0 ||
	    need(o.file, "source file to make (-o)", e) != 0)
		return -1;
	r = read_approvers(a, o.approvers, e);
	if (r == 0 && (r = open_repo(a, &state, &repo, e)) == 0 &&
	    (r = enrol_source(repo, &o, e)) == 0)
		report_note(a->report,
		    "source %s is enrolled; bring %s to its host (mode 0600) and"
		    " remove it here", o.source, o.file);
	repo_free(repo);
	state_free(state);
	return r;
}

/* list, show and journal open the repository, print, and close it. */
static int
run_listing(const struct strongbox *a, int (*print)(const struct strongbox *a, struct repo *r,
    const struct listing *l, struct err *e), struct err *e)
{
	struct listing l = { a->common.json, stdout };
	struct state *state = NULL;
	struct repo *repo = NULL;
	int r;

	r = open_repo(a, &state, &repo, e);
	if (r == 0)
		r = print(a, repo, &l, e);
	repo_free(repo);
	state_free(state);
	return r;
}

static int
print_list(const struct strongbox *a, struct repo *r, const struct listing *l, struct err *e)
{
	return listing_all(r, a->common.name, l, e);
}

static int
print_show(const struct strongbox *a, struct repo *r, const struct listing *l, struct err *e)
{
	return listing_one(r, a->common.name, a->operands[0], l, e);
}

static int
print_journal(const struct strongbox *a, struct repo *r, const struct listing *l,
    struct err *e)
{
	return listing_journal(r, a->raw, l, e);
}

int
strongbox_list(struct strongbox *a, struct err *e)
{
	return run_listing(a, print_list, e);
}

int
strongbox_show(struct strongbox *a, struct err *e)
{
	return run_listing(a, print_show, e);
}

int
strongbox_journal(struct strongbox *a, struct err *e)
{
	if (a->raw && a->common.json)
		return err_set(e, ERR_USAGE, "--raw and --json exclude each other");
	return run_listing(a, print_journal, e);
}
