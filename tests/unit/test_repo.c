/*
 * Tests of repo/repo and the backend for a path: what goes in comes out, in the right
 * order, once, and nothing is committed that is not there.
 */
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/io.h"
#include "calls.h"
#include "fixture.h"
#include "journal_forge.h"
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
snapshot_statement(const struct snap *n, int npacks)
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
	statement_add_fmt(st, "npacks", "%d", npacks);
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
	fixture_ok(commit(snapshot_statement(n, 2)));
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
	assert_holds(REPO_PACK, hex_encode(hex, n.packs[1], 32),
	    "pack 1 of 20261122T100000Z-00000001");
	assert_holds(REPO_MANIFEST, n.id, n.id);
}
END_TEST

START_TEST(the_same_commit_again_changes_nothing)
{
	struct snap n = { .id = "A1" };
	uint64_t seq;

	take_snapshot(&n);
	seq = journal_head(repo_journal(f.repo)).seq;
	fixture_ok(commit(snapshot_statement(&n, 2)));
	ck_assert_uint_eq(journal_head(repo_journal(f.repo)).seq, seq);
	n.manifest[0] ^= 1;
	ck_assert_int_eq(commit(snapshot_statement(&n, 2)), -1);
	ck_assert_int_eq(e.kind, ERR_CONFLICT);
	ck_assert_ptr_nonnull(strstr(e.msg,
	    "snapshot: snapshot A1 exists with other content"));
}
END_TEST

/* What was put but is not as the statement says. */
enum loss { NO_MANIFEST, OTHER_MANIFEST, NO_LIST, OTHER_LIST, SHORT_LIST, NO_PACK, LOSSES };

START_TEST(nothing_is_committed_that_is_not_there)
{
	static const char *const said[LOSSES] = {
		[NO_MANIFEST] = "snapshot A1: manifest: missing",
		[OTHER_MANIFEST] = "snapshot A1: manifest: not the one that is stated",
		[NO_LIST] = "snapshot A1: pack list: missing",
		[OTHER_LIST] = "snapshot A1: pack list: damaged: its hash is not the one in",
		[SHORT_LIST] = "snapshot A1: pack list: it has 130 bytes, not 3 lines",
		[NO_PACK] = ": No such file or directory",
	};
	struct snap n = { .id = "A1" };
	struct repo_session *s = repo_session_begin(f.repo, "shop", "snapshot", &e);
	struct statement *st;
	char path[128], hex[65];

	put_snapshot(s, &n);
	fixture_ok(repo_snapshot_place(s, n.id, &e));
	repo_session_free(s);
	hex_encode(hex, n.packs[1], 32);
	snprintf(path, sizeof(path), "repo/packs/shop/%.2s/%s", hex, hex);
	n.manifest[0] = (uint8_t)(n.manifest[0] ^ (_i == OTHER_MANIFEST));
	n.list[0] = (uint8_t)(n.list[0] ^ (_i == OTHER_LIST));
	st = snapshot_statement(&n, _i == SHORT_LIST ? 3 : 2);
	if (_i == NO_MANIFEST)
		ck_assert_int_eq(unlink(scratch_path("repo/snapshots/shop/A1")), 0);
	if (_i == NO_LIST)
		ck_assert_int_eq(unlink(scratch_path("repo/snapshots/shop/A1.packs")), 0);
	if (_i == NO_PACK)
		ck_assert_int_eq(unlink(scratch_path(path)), 0);
	ck_assert_int_eq(commit(st), -1);
	ck_assert_msg(strstr(e.msg, said[_i]) != NULL, "%s", e.msg);
	ck_assert_msg(strstr(e.msg + 1, "repository ") == NULL, "said twice: %s", e.msg);
	fixture_reopen(&f);
	ck_assert_uint_eq(repo_catalog(f.repo)->nsnapshots, 0);
}
END_TEST

START_TEST(only_known_keys_commit)
{
	struct key_secret *k = key_new(KEY_WRITER, "shop", &e);
	const struct key_secret *const keys[] = { k };
	struct snap n = { .id = "A1" };
	struct statement *st = snapshot_statement(&n, 2);

	ck_assert_int_eq(repo_commit(f.repo, st, keys, 1, &e), -1);
	ck_assert_int_eq(e.kind, ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(e.msg, "key shop is not known to this repository"));
	statement_free(st);
	key_free(k);
}
END_TEST

START_TEST(a_statement_must_be_whole)
{
	struct statement *st = statement_new(ST_LOG_GAP, &e);

	statement_add(st, "source", "shop");
	ck_assert_int_eq(commit(st), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "log-gap statement without field \"stream\""));
}
END_TEST

/* ---- sessions ----------------------------------------------------------------- */

START_TEST(one_session_at_a_time_and_purpose)
{
	struct repo_session *s = repo_session_begin(f.repo, "shop", "snapshot", &e), *l;

	ck_assert_ptr_nonnull(s);
	ck_assert_ptr_null(repo_session_begin(f.repo, "shop", "snapshot", &e));
	ck_assert_int_eq(e.kind, ERR_BUSY);
	ck_assert_ptr_nonnull(strstr(e.hint,
	    "another snapshot session of source shop is running"));
	l = repo_session_begin(f.repo, "shop", "log", &e);
	ck_assert_msg(l != NULL, "%s", e.msg);
	repo_session_free(l);
	repo_session_free(s);
	s = repo_session_begin(f.repo, "shop", "snapshot", &e);
	ck_assert_msg(s != NULL, "%s", e.msg);
	repo_session_free(s);
	ck_assert_ptr_null(repo_session_begin(f.repo, "nix", "snapshot", &e));
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
}
END_TEST

/* How many names there are in a folder of the repository. */
static int
count(const char *folder)
{
	char cmd[1100], text[16] = "";
	FILE *p;

	snprintf(cmd, sizeof(cmd), "find '%s/%s' -mindepth 1 | wc -l", f.path, folder);
	p = popen(cmd, "re");
	ck_assert(p != NULL && fgets(text, sizeof(text), p) != NULL && pclose(p) == 0);
	return atoi(text);
}

START_TEST(what_a_killed_session_left_goes_with_the_next)
{
	struct repo_session *s;
	struct snap n = { .id = "A1" };
	pid_t pid;
	int status;

	if ((pid = fork()) == 0) {
		s = repo_session_begin(f.repo, "shop", "snapshot", &e);
		put_snapshot(s, &n);
		_exit(0);	/* as if killed: nothing is freed */
	}
	ck_assert(waitpid(pid, &status, 0) == pid && status == 0);
	ck_assert_int_eq(count("incoming/shop"), 1 + 1 + 4);	/* lock, folder, files */
	s = repo_session_begin(f.repo, "shop", "log", &e);
	/* A session of another purpose leaves them alone. */
	ck_assert_int_eq(count("incoming/shop"), 2 + 2 + 4);
	repo_session_free(s);
	s = repo_session_begin(f.repo, "shop", "snapshot", &e);
	ck_assert_int_eq(count("incoming/shop"), 2 + 1);
	repo_session_free(s);
	ck_assert_int_eq(count("incoming/shop"), 2);		/* the locks stay */
	ck_assert_int_eq(count("packs"), 0);
}
END_TEST

START_TEST(a_put_that_is_given_up_leaves_nothing)
{
	struct repo_session *s = repo_session_begin(f.repo, "shop", "snapshot", &e);
	struct repo_put *p = repo_put_begin(s, REPO_PACK, &e);

	fixture_ok(repo_put_write(p, "x", 1, &e));
	repo_put_free(p);
	ck_assert_int_eq(repo_snapshot_place(s, "A1", &e), -1);	/* there is no manifest */
	repo_session_free(s);
	ck_assert_int_eq(count("snapshots"), 0);
	ck_assert_int_eq(count("incoming/shop"), 1);
}
END_TEST

START_TEST(placing_again_what_is_there_is_ok)
{
	struct snap n = { .id = "A1" };
	struct repo_session *s;
	int i;

	for (i = 0; i < 2; i++) {	/* the first is cut short before its commit */
		s = repo_session_begin(f.repo, "shop", "snapshot", &e);
		put_snapshot(s, &n);
		fixture_ok(repo_snapshot_place(s, n.id, &e));
		repo_session_free(s);
	}
	fixture_ok(commit(snapshot_statement(&n, 2)));
}
END_TEST

START_TEST(nothing_is_replaced)
{
	struct snap n = { .id = "A1" };
	struct repo_session *s;
	uint8_t hash[32];

	take_snapshot(&n);
	s = repo_session_begin(f.repo, "shop", "snapshot", &e);
	put(s, REPO_MANIFEST, "another manifest", hash);
	put(s, REPO_PACKLIST, "", hash);
	ck_assert_int_eq(repo_snapshot_place(s, n.id, &e), -1);
	ck_assert_int_eq(e.kind, ERR_CONFLICT);
	ck_assert_ptr_nonnull(strstr(e.msg, ": manifest: exists with other bytes"));
	repo_session_free(s);
	assert_holds(REPO_MANIFEST, "A1", "A1");
}
END_TEST

START_TEST(stored_files_are_read_only)
{
	struct snap n = { .id = "A1" };
	char cmd[600];

	take_snapshot(&n);
	snprintf(cmd, sizeof(cmd),
	    "test -z \"$(find '%s/packs' '%s/snapshots' -type f ! -perm 0444)\"",
	    f.path, f.path);
	ck_assert_int_eq(system(cmd), 0);
}
END_TEST

/* ---- order and faults ---------------------------------------------------------- */

START_TEST(names_come_after_bytes_and_the_journal_last)
{
	static const char objects[] = "write fsync write fsync write fsync write fsync ",
			  packs[] = "mkdir fsync-dir mkdir link mkdir link "
				    "fsync-dir fsync-dir fsync-dir ",
			  lists[] = "mkdir fsync-dir link link fsync-dir ",
			  line[] = " pwrite write fsync ";	/* the lock's text; the line */
	struct snap n = { .id = "A1" };
	const char *calls;

	calls_watch();
	take_snapshot(&n);
	calls = strstr(calls_seen(), objects);
	ck_assert_ptr_nonnull(calls);
	calls += strlen(objects);
	ck_assert_int_eq(strncmp(calls, packs, strlen(packs)), 0);
	calls += strlen(packs);
	ck_assert_int_eq(strncmp(calls, lists, strlen(lists)), 0);
	calls = strstr(calls + strlen(lists), line);
	ck_assert_ptr_nonnull(calls);
	ck_assert_ptr_null(strstr(calls, "link"));
}
END_TEST

/* A whole snapshot, in which any step may fail. */
static int
try_snapshot(struct snap *n)
{
	static const enum repo_kind kinds[] = { REPO_PACK, REPO_MANIFEST, REPO_PACKLIST };
	struct repo_session *s = repo_session_begin(f.repo, "shop", "snapshot", &e);
	struct repo_put *p;
	char hex[65], list[80];
	uint8_t *hashes[] = { n->packs[0], n->manifest, n->list };
	int i, r = s == NULL ? -1 : 0;

	for (i = 0; i < 3 && r == 0; i++) {
		const char *text = i == 2 ? list : n->id;

		snprintf(list, sizeof(list), "%s\n", hex_encode(hex, n->packs[0], 32));
		if ((p = repo_put_begin(s, kinds[i], &e)) == NULL)
			r = -1;
		else if ((r = repo_put_write(p, text, strlen(text), &e)) == 0)
			r = repo_put_end(p, hashes[i], &e);
		repo_put_free(p);
	}
	if (r == 0)
		r = repo_snapshot_place(s, n->id, &e);
	repo_session_free(s);
	if (r != 0)
		return -1;
	return commit(snapshot_statement(n, 1));
}

START_TEST(whatever_fails_nothing_is_lost_and_a_retry_succeeds)
{
	struct snap first = { .id = "A0" };
	char id[16];
	int n, failed = 0;

	take_snapshot(&first);
	for (n = 1; n < 200; n++) {
		struct snap again = { .id = id };
		int r;

		snprintf(id, sizeof(id), "B%d", n);
		calls_watch();
		calls_fail(n, 5 /* EIO */);
		r = try_snapshot(&again);
		(void)calls_seen();
		fixture_reopen(&f);
		assert_holds(REPO_MANIFEST, "A0", "A0");
		if (r == 0) {
			ck_assert_ptr_nonnull(catalog_snapshot(repo_catalog(f.repo), "shop",
			    id));
			if (n - failed > 12)	/* a few do not matter; then there are none */
				break;
			continue;
		}
		failed++;
		ck_assert_msg(strstr(e.msg, "Input/output error") != NULL, "%d: %s", n, e.msg);
		if (catalog_snapshot(repo_catalog(f.repo), "shop", id) == NULL)
			ck_assert_msg(try_snapshot(&again) == 0, "%d: %s", n, e.msg);
		else	/* only remembering it failed, and that is said */
			ck_assert_msg(strstr(e.msg, "is committed, but") != NULL, "%d: %s", n,
			    e.msg);
		fixture_reopen(&f);
		ck_assert_ptr_nonnull(catalog_snapshot(repo_catalog(f.repo), "shop", id));
	}
	ck_assert_int_ge(failed, 20);
	ck_assert_int_lt(n, 200);
}
END_TEST

/* fstatvfs for the whole test program: what it says is free can be set. */
static int full;

int
fstatvfs(int fd, struct statvfs *v)
{
	int (*real)(int, struct statvfs *);
	int r;

	*(void **)&real = dlsym(RTLD_NEXT, "fstatvfs");
	r = real(fd, v);
	if (full) {	/* 100 GiB, of which 1 GiB less a block is free for us */
		v->f_frsize = 4096;
		v->f_blocks = (fsblkcnt_t)100 << 18;
		v->f_bavail = ((fsblkcnt_t)1 << 18) - 1;
	}
	return r;
}

static void
nearly_full(struct repo_put *p, int r)
{
	ck_assert(p == NULL || r == -1);
	ck_assert_int_eq(e.kind, ERR_IO);
	ck_assert_int_eq(e.sys, ENOSPC);
	ck_assert_ptr_nonnull(strstr(e.msg, ": new pack: write (the last 1024 MiB are kept for"
	    " logs and journal): No space left on device"));
}

START_TEST(the_last_space_is_kept_for_logs_and_journal)
{
	static const char some[1 << 20];
	struct repo_session *s = repo_session_begin(f.repo, "shop", "snapshot", &e);
	struct repo_put *p = repo_put_begin(s, REPO_PACK, &e);
	struct statement *st = statement_new(ST_LOG_GAP, &e);
	struct repo_session *l;
	struct repo_log *log;
	char file[LOG_NAME_MAX];
	int i, r = 0;

	full = 1;
	nearly_full(repo_put_begin(s, REPO_PACK, &e), 0);
	for (i = 0; i < 20 && r == 0; i++)	/* what is open does not fill the disk either */
		r = repo_put_write(p, some, sizeof(some), &e);
	nearly_full(p, r);
	repo_put_free(p);
	repo_session_free(s);
	l = repo_session_begin(f.repo, "shop", "log", &e);
	log = repo_log_begin(l, "77-00000001", 1, "p", 1, file, &e);
	ck_assert_msg(log != NULL, "%s", e.msg);
	fixture_ok(repo_log_append(log, some, sizeof(some), &e));
	repo_log_free(log);
	repo_session_free(l);
	statement_add(st, "source", "shop");
	statement_add(st, "stream", "77-00000001");
	statement_add(st, "from", "0/1");
	statement_add(st, "to", "0/2");
	statement_add(st, "reason", "a test");
	fixture_ok(commit(st));
	full = 0;
}
END_TEST

/* ---- logs --------------------------------------------------------------------- */

static const char stream[] = "7574210418334529345-00000002";

static struct statement *
log_statement(enum statement_verb verb, const char *file, struct repo_log *l)
{
	struct statement *st = statement_new(verb, &e);
	uint8_t digest[32];

	repo_log_digest(l, digest);
	statement_add(st, "source", "shop");
	statement_add(st, "stream", stream);
	statement_add(st, "file", file);
	if (verb == ST_LOG_OPEN) {
		statement_add(st, "engine", "postgresql");
		statement_add(st, "version", "150005");
		statement_add(st, "system", "7574210418334529345");
		statement_add(st, "timeline", "2");
		statement_add(st, "start", "0/3000000");
		statement_add(st, "segsize", "16777216");
		statement_add(st, "history", "1:0/2000000");
		statement_add_hex(st, "preamble", digest, 32);
		return st;
	}
	statement_add(st, "frames", "3");
	statement_add_fmt(st, "bytes", "%llu", (unsigned long long)repo_log_size(l));
	statement_add(st, "position", "0/3000010");
	statement_add(st, "time", "2026-11-22T10:00:00.000000Z");
	statement_add_hex(st, "digest", digest, 32);
	return st;
}

START_TEST(a_log_grows_and_is_marked)
{
	struct repo_session *s = repo_session_begin(f.repo, "shop", "log", &e);
	char file[LOG_NAME_MAX], name[STREAM_NAME_MAX + LOG_NAME_MAX];
	const struct catalog_log *l;
	struct repo_object *o;
	struct repo_log *log = repo_log_begin(s, stream, 0x3000000, "preamble", 8, file, &e);
	uint8_t digest[32], whole[32];
	struct stat st;

	ck_assert_msg(log != NULL, "%s", e.msg);
	ck_assert_str_eq(file, "0000000003000000.1");
	fixture_ok(commit(log_statement(ST_LOG_OPEN, file, log)));
	fixture_ok(repo_log_append(log, "one", 3, &e));
	fixture_ok(repo_log_append(log, "two", 3, &e));
	ck_assert_uint_eq(repo_log_size(log), 14);
	fixture_ok(commit(log_statement(ST_LOG_MARK, file, log)));
	fixture_ok(repo_log_append(log, "end", 3, &e));
	fixture_ok(commit(log_statement(ST_LOG_CLOSE, file, log)));
	repo_log_digest(log, digest);
	fixture_ok(repo_log_end(log, &e));
	repo_log_free(log);
	repo_session_free(s);
	snprintf(name, sizeof(name), "%s/%s", stream, file);
	assert_holds(REPO_LOG, name, "preambleonetwoend");
	o = repo_get(f.repo, REPO_LOG, "shop", name, &e);
	fixture_ok(repo_object_hash(o, whole, &e));
	ck_assert_mem_eq(whole, digest, 32);
	repo_object_free(o);
	fixture_reopen(&f);
	l = catalog_log(repo_catalog(f.repo), "shop", stream, file);
	ck_assert_int_eq(l->closed, 1);
	ck_assert_uint_eq(l->bytes, 17);
	ck_assert_mem_eq(l->digest, digest, 32);
	snprintf(name, sizeof(name), "repo/logs/shop/%s/%s", stream, file);
	ck_assert_int_eq(stat(scratch_path(name), &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0444);
}
END_TEST

START_TEST(files_that_begin_at_one_place_are_numbered)
{
	struct repo_session *s = repo_session_begin(f.repo, "shop", "log", &e);
	char file[LOG_NAME_MAX];
	int i;

	for (i = 1; i <= 11; i++) {
		struct repo_log *log = repo_log_begin(s, stream, UINT64_MAX, "p", 1, file, &e);

		ck_assert_msg(log != NULL, "%s", e.msg);
		repo_log_free(log);
	}
	ck_assert_str_eq(file, "FFFFFFFFFFFFFFFF.11");
	repo_session_free(s);
}
END_TEST

START_TEST(an_append_is_synced_before_it_is_told)
{
	struct repo_session *s = repo_session_begin(f.repo, "shop", "log", &e);
	char file[LOG_NAME_MAX];
	struct repo_log *log;

	log = repo_log_begin(s, stream, 1, "p", 1, file, &e);
	repo_log_free(log);	/* the stream's folder is there now */
	calls_watch();
	log = repo_log_begin(s, stream, 1, "p", 1, file, &e);
	ck_assert_str_eq(calls_seen(),
	    "write fsync mkdir fsync-dir link link fsync-dir unlink");
	calls_watch();
	fixture_ok(repo_log_append(log, "x", 1, &e));
	ck_assert_str_eq(calls_seen(), "write fdatasync");
	repo_log_free(log);
	repo_session_free(s);
}
END_TEST

START_TEST(after_a_failed_append_the_file_is_given_up)
{
	struct repo_session *s = repo_session_begin(f.repo, "shop", "log", &e);
	char file[LOG_NAME_MAX];
	struct repo_log *log = repo_log_begin(s, stream, 1, "p", 1, file, &e);

	calls_watch();
	calls_fail(2, 5 /* EIO */);
	ck_assert_int_eq(repo_log_append(log, "x", 1, &e), -1);
	(void)calls_seen();
	ck_assert_ptr_nonnull(strstr(e.msg, "fdatasync: Input/output error"));
	ck_assert_int_eq(repo_log_append(log, "x", 1, &e), -1);
	ck_assert_int_eq(e.kind, ERR_BUG);
	ck_assert_int_eq(repo_log_end(log, &e), -1);
	ck_assert_uint_eq(repo_log_size(log), 1);
	repo_log_free(log);
	repo_session_free(s);
}
END_TEST

START_TEST(a_mark_cannot_claim_more_than_there_is)
{
	struct repo_session *s = repo_session_begin(f.repo, "shop", "log", &e);
	char file[LOG_NAME_MAX], path[160];
	struct repo_log *log = repo_log_begin(s, stream, 0x3000000, "preamble", 8, file, &e);

	fixture_ok(commit(log_statement(ST_LOG_OPEN, file, log)));
	fixture_ok(repo_log_append(log, "one", 3, &e));
	snprintf(path, sizeof(path), "repo/logs/shop/%s/%s", stream, file);
	ck_assert_int_eq(truncate(scratch_path(path), 10), 0);
	ck_assert_int_eq(commit(log_statement(ST_LOG_MARK, file, log)), -1);
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
	ck_assert_ptr_nonnull(strstr(e.msg, ": it has 10 bytes, not 11"));
	repo_log_free(log);
	repo_session_free(s);
}
END_TEST

/* ---- reading ------------------------------------------------------------------- */

START_TEST(no_name_leads_out_of_the_repository)
{
	static const struct {
		enum repo_kind kind;
		const char *source, *name;
	} bad[] = {
		{ REPO_MANIFEST, "shop", "../../../shop.source" },
		{ REPO_MANIFEST, "..", "journal" },
		{ REPO_MANIFEST, "shop", "" },
		{ REPO_PACK, "shop", "../../x" },
		{ REPO_LOG, "shop", "../x" },
		{ REPO_LOG, "shop", "x/../../../journal" },
		{ REPO_LOG, "shop", "x" },
		{ REPO_LOG, "shop", "/x" },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_ptr_null(repo_get(f.repo, bad[i].kind, bad[i].source, bad[i].name,
		    &e));
		ck_assert_int_eq(e.kind, ERR_NOTFOUND);
		ck_assert_msg(strstr(e.msg, "no object can be called") != NULL, "%s", e.msg);
	}
}
END_TEST

START_TEST(a_link_is_not_followed)
{
	ck_assert_int_eq(mkdir(scratch_path("repo/snapshots/shop"), 0755), 0);
	ck_assert_int_eq(symlink(scratch_path("shop.source"),
	    scratch_path("repo/snapshots/shop/A1")), 0);
	ck_assert_ptr_null(repo_get(f.repo, REPO_MANIFEST, "shop", "A1", &e));
	ck_assert_ptr_nonnull(strstr(e.msg, "snapshot A1: manifest: open: "));
}
END_TEST

static int
add_size(void *ctx, const char *name, uint64_t size, struct err *err)
{
	(void)err;
	ck_assert_uint_eq(strlen(name), 64);
	*(uint64_t *)ctx += size;
	return 0;
}

START_TEST(packs_are_enumerated)
{
	struct snap n = { .id = "A1" };
	uint64_t total = 0;

	fixture_ok(repo_each_pack(f.repo, "shop", add_size, &total, &e));
	ck_assert_uint_eq(total, 0);
	take_snapshot(&n);
	fixture_ok(repo_each_pack(f.repo, "shop", add_size, &total, &e));
	ck_assert_uint_eq(total, 2 * strlen("pack 0 of A1"));
}
END_TEST

START_TEST(a_damaged_pack_list_is_noticed)
{
	struct snap n = { .id = "A1" };
	char path[256];
	size_t count;
	int fd;

	take_snapshot(&n);
	snprintf(path, sizeof(path), "%s", scratch_path("repo/snapshots/shop/A1.packs"));
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_ge(fd = open(path, O_WRONLY | O_CLOEXEC), 0);
	ck_assert_int_eq(pwrite(fd, "x", 1, 70), 1);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_ptr_null(repo_packlist(f.repo, &repo_catalog(f.repo)->snapshots[0], &count,
	    &e));
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
}
END_TEST

/* ---- opening and making --------------------------------------------------------- */

START_TEST(what_is_no_repository_is_not_opened)
{
	static const char *const urls[] = { "ssh://vault/srv", "cmd:cat", "s3://bucket" };
	size_t i;

	ck_assert_ptr_null(repo_open(scratch_path("nix"), NULL, f.state, NULL, &e));
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(e.msg, "/nix: there is none"));
	ck_assert_ptr_null(repo_open(scratch_path("state"), NULL, f.state, NULL, &e));
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
	ck_assert_ptr_null(repo_open(scratch_path("shop.source"), NULL, f.state, NULL, &e));
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
	ck_assert_ptr_null(repo_open(NULL, NULL, f.state, NULL, &e));
	ck_assert_int_eq(e.kind, ERR_USAGE);
	for (i = 0; i < 3; i++) {
		ck_assert_ptr_null(repo_open(urls[i], NULL, f.state, NULL, &e));
		ck_assert_int_eq(e.kind, ERR_CONFIG);
	}
}
END_TEST

START_TEST(the_pin_decides)
{
	uint8_t pin[32];
	struct repo *r;

	memcpy(pin, repo_id(f.repo), 32);
	r = repo_open(f.path, pin, f.state, NULL, &e);
	ck_assert_msg(r != NULL, "%s", e.msg);
	repo_free(r);
	pin[31] ^= 1;
	ck_assert_ptr_null(repo_open(f.path, pin, f.state, NULL, &e));
	ck_assert_int_eq(e.kind, ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(e.msg, ": another repository: its id is "));
}
END_TEST

START_TEST(a_changed_format_file_does_not_lead_astray)
{
	char text[128];

	/* With another id the remembered head would not be looked up. */
	snprintf(text, sizeof(text), "%s", scratch_text("repo/FORMAT"));
	text[strlen("bulkhead repository 1\nid ")] ^= 1;
	fixture_ok(io_write_file(scratch_path("repo/FORMAT"), text, strlen(text), 0444, &e));
	ck_assert_ptr_null(repo_open(f.path, NULL, f.state, NULL, &e));
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
	snprintf(text, sizeof(text), "bulkhead repository 2\n");
	fixture_ok(io_write_file(scratch_path("repo/FORMAT"), text, strlen(text), 0444, &e));
	ck_assert_ptr_null(repo_open(f.path, NULL, f.state, NULL, &e));
	ck_assert_int_eq(e.kind, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(e.msg, "FORMAT: version 2; this tool knows 1"));
}
END_TEST

START_TEST(what_others_commit_is_seen_after_a_refresh)
{
	struct repo *other = repo_open(f.path, NULL, f.state, NULL, &e);
	struct snap n = { .id = "A1" };

	take_snapshot(&n);
	ck_assert_uint_eq(repo_catalog(other)->nsnapshots, 0);
	fixture_ok(repo_refresh(other, &e));
	ck_assert_uint_eq(repo_catalog(other)->nsnapshots, 1);
	repo_free(other);
}
END_TEST

START_TEST(what_is_remembered_is_durable)
{
	struct state *slow = state_open(scratch_path("slow"), &e);
	struct journal_head h;
	struct repo *r;
	const char *calls;

	calls_watch();
	calls_fail(1, 5 /* EIO */);	/* the fdatasync of the journal */
	ck_assert_ptr_null(repo_open(f.path, NULL, slow, NULL, &e));
	(void)calls_seen();
	ck_assert_ptr_nonnull(strstr(e.msg, ": journal: fdatasync: Input/output error"));
	ck_assert_int_eq(state_get_head(slow, repo_id(f.repo), &h, &e), 0);
	calls_watch();
	r = repo_open(f.path, NULL, slow, NULL, &e);
	calls = calls_seen();
	ck_assert_msg(r != NULL && strncmp(calls, "fdatasync ", 10) == 0, "%s", calls);
	calls_watch();
	fixture_ok(repo_refresh(r, &e));
	ck_assert_str_eq(calls_seen(), "");	/* there is nothing new */
	repo_free(r);
	state_free(slow);
}
END_TEST

START_TEST(it_says_what_a_path_is_and_what_is_new)
{
	struct state *fresh = state_open(scratch_path("fresh"), &e);
	struct report *report = report_new("tool", 0, 0, &e);
	struct repo *r;
	char said[1024], id[65];

	scratch_capture(STDERR_FILENO);
	r = repo_open(f.path, NULL, fresh, report, &e);
	snprintf(said, sizeof(said), "%s", scratch_captured());
	ck_assert_msg(r != NULL, "%s", e.msg);
	ck_assert_ptr_nonnull(strstr(said, "is seen here for the first time; its id is "));
	ck_assert_ptr_nonnull(strstr(said, hex_encode(id, repo_id(r), 32)));
	ck_assert_ptr_nonnull(strstr(said, "is a path, so it is not isolated"));
	repo_free(r);
	scratch_capture(STDERR_FILENO);
	r = repo_open(f.path, NULL, fresh, report, &e);
	snprintf(said, sizeof(said), "%s", scratch_captured());
	ck_assert_ptr_null(strstr(said, "for the first time"));
	repo_free(r);
	report_free(report);
	state_free(fresh);
}
END_TEST

static struct statement *
founding(void)
{
	struct found_options o = { .solo = 1, .single_key = 1, .napprovers = 1,
	    .nrestore = 1 };
	struct statement *st;

	o.approvers[0] = f.approver[0];
	o.restore[0] = *key_public(f.restore);
	st = found_statement(&o, &e);
	ck_assert_msg(st != NULL, "%s", e.msg);
	return st;
}

START_TEST(it_is_made_in_an_empty_folder_only)
{
	struct statement *st = founding();

	ck_assert_int_eq(repo_create(f.path, st, &e), -1);
	ck_assert_int_eq(e.kind, ERR_CONFLICT);
	ck_assert_ptr_nonnull(strstr(e.msg, ": the folder is not empty"));
	ck_assert_int_eq(mkdir(scratch_path("new"), 0700), 0);
	ck_assert_int_eq(mkdir(scratch_path("new/lost+found"), 0700), 0);
	fixture_ok(repo_create(scratch_path("new"), st, &e));
	fixture_ok(repo_create(scratch_path("some/where/else"), st, &e));
	fixture_reopen(&f);	/* and this one is as it was */
	statement_free(st);
}
END_TEST

START_TEST(a_failure_leaves_the_folder_empty)
{
	struct statement *st = founding();
	char name[16];
	int n, calls = 0, failed = 0;
	const char *p;

	calls_watch();
	fixture_ok(repo_create(scratch_path("whole"), st, &e));
	for (p = calls_seen(); p != NULL; p = strchr(p + 1, ' '))
		calls++;
	for (n = 1; n <= calls; n++) {
		snprintf(name, sizeof(name), "n%d", n);
		calls_watch();
		calls_fail(n, 28 /* ENOSPC */);
		if (repo_create(scratch_path(name), st, &e) != 0) {
			failed++;
			ck_assert_ptr_nonnull(strstr(e.msg, "No space left on device"));
			/* rmdir takes empty folders only; the first mkdir may have failed. */
			ck_assert_msg(rmdir(scratch_path(name)) == 0 ||
			    n == 1, "%d: not empty", n);
		}
		(void)calls_seen();
	}
	ck_assert_int_ge(failed, 15);
	statement_free(st);
}
END_TEST

/* ---- the journal, trusting nothing ---------------------------------------------- */

START_TEST(a_bad_signature_shows_also_before_the_remembered_head)
{
	static const uint8_t zeros[32];
	const struct key_secret *const keys[] = { f.source->writer };
	struct statement *st = statement_new(ST_LOG_GAP, &e);
	struct journal_head head = { .seq = 2 };
	char path[600];
	struct forge g;

	statement_add(st, "source", "shop");
	statement_add(st, "stream", "1-00000001");
	statement_add(st, "from", "0/1000000");
	statement_add(st, "to", "0/2000000");
	statement_add(st, "reason", "lost");
	fixture_ok(statement_sign(st, repo_id(f.repo), 1, zeros, keys, 1, &e));
	fixture_ok(repo_check_journal(f.repo, &e));
	st->sigs[0].sig[5] ^= 1;
	snprintf(path, sizeof(path), "%s/journal", f.path);
	forge_load(&g, path);
	forge_add(&g, st);
	forge_save(&g, path);
	statement_free(st);
	ck_assert_int_eq(hex_decode(head.hash, 32, g.hash), 0);
	fixture_ok(state_put_head(f.state, repo_id(f.repo), &head, &e));
	forge_free(&g);
	fixture_reopen(&f);
	ck_assert_int_eq(repo_check_journal(f.repo, &e), -1);
	ck_assert_int_eq(e.kind, ERR_CORRUPT);
	ck_assert_ptr_nonnull(strstr(e.msg, "journal: line 2: the signature of writer key"));
}
END_TEST

Suite *
repo_suite(void)
{
	Suite *s = suite_create("repo");
	TCase *t = tcase_create("repo");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_committed_snapshot_is_there_for_everybody);
	tcase_add_test(t, the_same_commit_again_changes_nothing);
	tcase_add_loop_test(t, nothing_is_committed_that_is_not_there, 0, LOSSES);
	tcase_add_test(t, only_known_keys_commit);
	tcase_add_test(t, a_statement_must_be_whole);
	tcase_add_test(t, one_session_at_a_time_and_purpose);
	tcase_add_test(t, what_a_killed_session_left_goes_with_the_next);
	tcase_add_test(t, a_put_that_is_given_up_leaves_nothing);
	tcase_add_test(t, placing_again_what_is_there_is_ok);
	tcase_add_test(t, nothing_is_replaced);
	tcase_add_test(t, stored_files_are_read_only);
	tcase_add_test(t, names_come_after_bytes_and_the_journal_last);
	tcase_add_test(t, whatever_fails_nothing_is_lost_and_a_retry_succeeds);
	tcase_add_test(t, the_last_space_is_kept_for_logs_and_journal);
	tcase_add_test(t, a_log_grows_and_is_marked);
	tcase_add_test(t, files_that_begin_at_one_place_are_numbered);
	tcase_add_test(t, an_append_is_synced_before_it_is_told);
	tcase_add_test(t, after_a_failed_append_the_file_is_given_up);
	tcase_add_test(t, a_mark_cannot_claim_more_than_there_is);
	tcase_add_test(t, no_name_leads_out_of_the_repository);
	tcase_add_test(t, a_link_is_not_followed);
	tcase_add_test(t, packs_are_enumerated);
	tcase_add_test(t, a_damaged_pack_list_is_noticed);
	tcase_add_test(t, what_is_no_repository_is_not_opened);
	tcase_add_test(t, the_pin_decides);
	tcase_add_test(t, a_changed_format_file_does_not_lead_astray);
	tcase_add_test(t, what_others_commit_is_seen_after_a_refresh);
	tcase_add_test(t, what_is_remembered_is_durable);
	tcase_add_test(t, it_says_what_a_path_is_and_what_is_new);
	tcase_add_test(t, it_is_made_in_an_empty_folder_only);
	tcase_add_test(t, a_failure_leaves_the_folder_empty);
	tcase_add_test(t, a_bad_signature_shows_also_before_the_remembered_head);
	suite_add_tcase(s, t);
	return s;
}
