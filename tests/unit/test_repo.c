/*
 * Tests of repo/repo and the backend for a path: what goes in comes out, in the right
 * order, once, and nothing is committed that is not there.
 */
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "fixture.h"
#include "suites.h"

static struct fixture f;
static struct err e;

static void
setup(void)
{
	fixture_begin(&f);
}

static void
teardown(void)
{
	fixture_end(&f);
}

/* ---- putting a snapshot ------------------------------------------------------ */

static void
put(struct repo_session *s, enum repo_kind kind, const char *text, uint8_t hash[32])
{
	struct repo_put *p = repo_put_begin(s, kind, &e);

	ck_assert_msg(p != NULL, "%s", e.msg);
	fixture_ok(repo_put_write(p, text, strlen(text), &e));
	fixture_ok(repo_put_end(p, hash, &e));
	repo_put_free(p);
}

struct snap {
	const char *id;
	uint8_t packs[2][32], manifest[32], list[32];
};

/* Two packs, a manifest and the list. */
static void
put_snapshot(struct repo_session *s, struct snap *n)
{
	char hex[65], list[140], text[64];
	int i;

	list[0] = '\0';
	for (i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "pack %d of %s", i, n->id);
		put(s, REPO_PACK, text, n->packs[i]);
		strcat(strcat(list, hex_encode(hex, n->packs[i], 32)), "\n");
	}
	put(s, REPO_MANIFEST, n->id, n->manifest);
	put(s, REPO_PACKLIST, list, n->list);
}

static struct statement *
snapshot_statement(const struct snap *n)
{
	struct statement *st = statement_new(ST_SNAPSHOT, &e);

	ck_assert_ptr_nonnull(st);
	statement_add(st, "source", "shop");
	statement_add(st, "id", n->id);
	statement_add(st, "engine", "postgresql");
	statement_add(st, "version", "150005");
	statement_add(st, "system", "7574210418334529345");
	statement_add(st, "timeline", "2");
	statement_add(st, "start", "0/3000028");
	statement_add(st, "stop", "0/3000100");
	statement_add(st, "started", "2026-11-22T10:00:00.000000Z");
	statement_add(st, "stopped", "2026-11-22T10:00:05.000000Z");
	statement_add(st, "segsize", "16777216");
	statement_add(st, "history", "1:0/2000000");
	statement_add_hex(st, "manifest", n->manifest, 32);
	statement_add_hex(st, "packs", n->list, 32);
	statement_add(st, "bytes", "31000000");
	statement_add(st, "stored", "4000000");
	statement_add(st, "files", "1200");
	statement_add(st, "npacks", "2");
	statement_add(st, "broken", "0");
	return st;
}

static int
commit(struct statement *st)
{
	const struct key_secret *const keys[] = { f.source->writer };
	int r = repo_commit(f.repo, st, keys, 1, &e);

	statement_free(st);
	return r;
}

static void
take_snapshot(struct snap *n)
{
	struct repo_session *s = repo_session_begin(f.repo, "shop", "snapshot", &e);

	ck_assert_msg(s != NULL, "%s", e.msg);
	put_snapshot(s, n);
	fixture_ok(repo_snapshot_place(s, n->id, &e));
	repo_session_free(s);
	fixture_ok(commit(snapshot_statement(n)));
}

static void
assert_holds(enum repo_kind kind, const char *name, const char *text)
{
	struct repo_object *o = repo_get(f.repo, kind, "shop", name, &e);
	const struct io_source *src;
	char got[256];
	size_t n;

	ck_assert_msg(o != NULL, "%s", e.msg);
	src = repo_object_source(o);
	fixture_ok(src->pread(src->ctx, got, sizeof(got) - 1, 0, &n, &e));
	got[n] = '\0';
	ck_assert_str_eq(got, text);
	ck_assert_uint_eq(src->size, strlen(text));
	repo_object_free(o);
}

START_TEST(a_committed_snapshot_is_there_for_everybody)
{
	struct snap n = { .id = "20261122T100000Z-00000001" };
	const struct catalog_snapshot *s;
	uint8_t *hashes;
	char hex[65];
	size_t count;

	take_snapshot(&n);
	fixture_reopen(&f);
	s = catalog_snapshot(repo_catalog(f.repo), "shop", NULL);
	ck_assert_ptr_nonnull(s);
	ck_assert_str_eq(s->id, n.id);
	ck_assert_uint_eq(s->stop, 0x3000100);
	ck_assert_uint_eq(s->history->at[0].end, 0x2000000);
	ck_assert_uint_eq(s->packs, 2);
	hashes = repo_packlist(f.repo, s, &count, &e);
	ck_assert_uint_eq(count, 2);
	ck_assert_mem_eq(hashes, n.packs[0], 64);
	free(hashes);
	assert_holds(REPO_PACK, hex_encode(hex, n.packs[1], 32), "pack 1 of 20261122T100000Z-00000001");
	assert_holds(REPO_MANIFEST, n.id, n.id);
}
END_TEST

Suite *
repo_suite(void)
{
	Suite *s = suite_create("repo");
	TCase *t = tcase_create("repo");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_committed_snapshot_is_there_for_everybody);
	suite_add_tcase(s, t);
	return s;
}
