/*
 * A repository for unit tests.
 */
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "suites.h"

static struct key_secret *
make_key(enum key_class class, const char *name)
{
	struct err e;
	struct key_secret *k = key_new(class, name, &e);

	ck_assert_msg(k != NULL, "%s", e.msg);
	return k;
}

static void
found(struct fixture *f)
{
	struct found_options o = { .napprovers = 3, .nrestore = 2 };
	struct statement *st;
	struct err e;
	int i;

	for (i = 0; i < 3; i++) {
		const char *const names[] = { "a", "b", "c" };

		o.approvers[i] = f->approver[i] = make_key(KEY_APPROVER, names[i]);
	}
	f->restore = make_key(KEY_RESTORE, "dba");
	f->spare = make_key(KEY_RESTORE, "spare");
	o.restore[0] = *key_public(f->restore);
	o.restore[1] = *key_public(f->spare);
	st = found_statement(&o, &e);
	ck_assert_msg(st != NULL, "%s", e.msg);
	fixture_ok(repo_create(f->path, st, &e));
	statement_free(st);
}

struct source *
fixture_enrol(struct fixture *f, const char *name)
{
	struct enrol_options o = { .source = name, .environment = "production",
	    .napprovers = 2 };
	struct source *s;
	struct err e;
	char file[SOURCE_NAME_MAX + 8];

	snprintf(file, sizeof(file), "%s.source", name);
	o.file = scratch_path(file);
	o.approvers[0] = f->approver[0];
	o.approvers[1] = f->approver[1];
	fixture_ok(enrol_source(f->repo, &o, &e));
	s = source_read(scratch_path(file), &e);
	ck_assert_msg(s != NULL, "%s", e.msg);
	return s;
}

void
fixture_reopen(struct fixture *f)
{
	struct err e;

	repo_free(f->repo);
	f->repo = repo_open(f->path, NULL, f->state, NULL, &e);
	ck_assert_msg(f->repo != NULL, "%s", e.msg);
}

void
fixture_begin(struct fixture *f)
{
	static char path[512];
	struct err e;

	memset(f, 0, sizeof(*f));
	scratch_setup();
	fixture_ok(key_guard_process(&e));
	snprintf(path, sizeof(path), "%s", scratch_path("repo"));
	f->path = path;
	f->state = state_open(scratch_path("state"), &e);
	ck_assert_msg(f->state != NULL, "%s", e.msg);
	found(f);
	fixture_reopen(f);
	f->source = fixture_enrol(f, "shop");
}

void
fixture_end(struct fixture *f)
{
	int i;

	source_free(f->source);
	repo_free(f->repo);
	state_free(f->state);
	for (i = 0; i < 3; i++)
		key_free(f->approver[i]);
	key_free(f->restore);
	key_free(f->spare);
	scratch_teardown();
}
