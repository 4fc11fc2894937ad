/*
 * Fuzzes the reading of journals: damaged ones, and well-chained ones with statements that
 * nobody should make (their signatures are not looked at, as before the remembered head).
 */
#include <sys/mman.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "fuzz.h"
#include "repo/catalog.h"
#include "repo/found.h"
#include "repo/journal_private.h"

static struct buf good;		/* found, enrol, log-open, log-mark */
static size_t third;		/* where its third line begins */
static uint8_t second[32];	/* the second line's hash */
static char path[64], actor[2 * KEY_ID + 1];
static int fd;

static struct statement *
sign(struct journal *j, struct statement *st, const struct key_secret *const keys[], int n)
{
	const struct journal_key *k = journal_find_key(j, key_public(keys[0])->id);
	struct err e;

	MUST(statement_sign(st, journal_repo_id(j), k->count + 1, k->last, keys, n, &e) == 0);
	return st;
}

static void
append(struct journal *j, struct statement *st)
{
	uint64_t seq;
	struct err e;

	MUST(journal_append(j, st, &seq, &e) == 0);
	statement_free(st);
}

static void
append_log(struct journal *j, const struct key_secret *writer)
{
	static const uint8_t hash[32];
	struct err e;
	struct statement *st = statement_new(ST_LOG_OPEN, &e);

	statement_add(st, "source", "shop");
	statement_add(st, "stream", "77-00000001");
	statement_add(st, "file", "0000000003000000.1");
	statement_add(st, "engine", "postgresql");
	statement_add(st, "version", "150005");
	statement_add(st, "system", "77");
	statement_add(st, "timeline", "1");
	statement_add(st, "start", "0/3000000");
	statement_add(st, "segsize", "16777216");
	statement_add(st, "history", "-");
	statement_add_hex(st, "preamble", hash, 32);
	append(j, sign(j, st, &writer, 1));
	st = statement_new(ST_LOG_MARK, &e);
	statement_add(st, "source", "shop");
	statement_add(st, "stream", "77-00000001");
	statement_add(st, "file", "0000000003000000.1");
	statement_add(st, "frames", "3");
	statement_add(st, "bytes", "1000");
	statement_add(st, "position", "0/3000100");
	statement_add(st, "time", "2026-11-22T10:00:00.000000Z");
	statement_add_hex(st, "digest", hash, 32);
	append(j, sign(j, st, &writer, 1));
}

static void
make_good(const char *file)
{
	struct key_secret *a, *r, *w;
	struct found_options o = { .solo = 1, .single_key = 1, .napprovers = 1,
	    .nrestore = 1 };
	char key[KEY_TEXT_MAX];
	struct statement *st;
	struct journal *j;
	struct err e;

	MUST((a = key_new(KEY_APPROVER, "a", &e)) && (r = key_new(KEY_RESTORE, "r", &e)) &&
	    (w = key_new(KEY_WRITER, "shop", &e)));
	o.approvers[0] = a;
	o.restore[0] = *key_public(r);
	MUST((st = found_statement(&o, &e)) != NULL && journal_create(file, st, &e) == 0);
	statement_free(st);
	MUST((j = journal_read(file, NULL, NULL, NULL, NULL, &e)) != NULL);
	st = statement_new(ST_ENROL, &e);
	statement_add(st, "source", "shop");
	statement_add(st, "environment", "production");
	statement_add(st, "key", key_public_encode(key, key_public(w)));
	append(j, sign(j, st, &o.approvers[0], 1));
	memcpy(second, journal_head(j).hash, 32);
	third = j->at;
	append_log(j, w);
	for (size_t i = 0; i < KEY_ID; i++)
		snprintf(actor + 2 * i, 3, "%02x", key_public(w)->id[i]);
	journal_free(j);
	key_free(a);
	key_free(r);
	key_free(w);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char dir[] = "/tmp/fuzz-journal-XXXXXX", file[64];
	struct err e;

	(void)argc;
	(void)argv;
	MUST(key_guard_process(&e) == 0 && mkdtemp(dir) != NULL);
	snprintf(file, sizeof(file), "%s/journal", dir);
	make_good(file);
	MUST(io_read_file(file, 1 << 20, &good, &e) == 0);
	MUST(unlink(file) == 0 && rmdir(dir) == 0);
	MUST((fd = memfd_create("journal", 0)) >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return 0;
}

static struct journal *
read_text(const struct buf *text, const struct journal_head *known)
{
	struct catalog c = { 0 };
	struct journal *j;
	struct err e;

	MUST(ftruncate(fd, 0) == 0 && pwrite(fd, text->data, text->len,
	    0) == (ssize_t)text->len);
	j = journal_read(path, known, NULL, catalog_add, &c, &e);
	MUST(j != NULL || (e.kind == ERR_CORRUPT && e.msg[0] != '\0'));
	catalog_free(&c);
	return j;
}

/* Whole lines that are accepted are those that were written. */
static void
read_damaged(const uint8_t *data, size_t len)
{
	struct buf text = BUF_INIT;
	struct journal *j;

	buf_add(&text, good.data, good.len);
	fuzz_edit(&text, data, len);
	if ((j = read_text(&text, NULL)) != NULL)
		MUST(memcmp(text.data, good.data, text.len - journal_torn(j)) == 0);
	journal_free(j);
	buf_free(&text);
}

/* A third line "...SIGNATURE DATA" with the right hash. */
static void
read_chained(const uint8_t *data, size_t len)
{
	const struct journal_head known = { 1000, { 0 } };
	struct buf text = BUF_INIT;
	uint8_t hash[32];
	size_t i;

	buf_add(&text, good.data, third);
	buf_fmt(&text, "2 %064d 2026-11-22T10:00:00.000000Z b 1 %s:%0128d ", 0, actor, 0);
	for (i = 0; i < len; i++)
		buf_u8(&text, data[i] == '\n' ? ' ' : data[i]);
	journal_chain(hash, second, (char *)text.data + third, text.len - third, 2);
	for (i = 0; i < 32; i++) {
		char hex[3];

		snprintf(hex, sizeof(hex), "%02x", hash[i]);
		memcpy(text.data + third + 2 + 2 * i, hex, 2);
	}
	buf_u8(&text, '\n');
	MUST(read_text(&text, &known) == NULL);	/* at the latest it is shorter than known */
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len > 0 && data[0] % 2 == 0)
		read_damaged(data + 1, len - 1);
	else if (len > 0)
		read_chained(data + 1, len - 1);
	return 0;
}
