/*
 * The journal: reading it from its start, or from where it was left.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/io.h"
#include "repo/journal_private.h"

#define CHUNK (256u * 1024)	/* more than a line */

/* Seq of the file's last line, when its first `at` bytes are n lines; for a message. */
static uint64_t
last_seq(int fd, uint64_t n, uint64_t at)
{
	char chunk[4096];
	struct err e;
	size_t got, i;

	while (io_pread_full(fd, chunk, sizeof(chunk), at, &got, "journal", &e) == 0 &&
	    got > 0) {
		for (i = 0; i < got; i++)
			n += chunk[i] == '\n';
		at += got;
	}
	return n > 0 ? n - 1 : 0;
}

static int
rolled_back(uint64_t has, uint64_t seen, const char *how, struct err *e)
{
	err_set(e, ERR_CORRUPT, "journal: %s: it ends with line %" PRIu64 ", and line %" PRIu64
	    " was seen here before", how, has, seen);
	return err_hint(e,
	    "the repository was rolled back, or this is another copy of it; do not"
	    " write to it before you know which (bulkhead-repository(5), STATE FOLDER)");
}

static int
take_line(struct journal *j, int fd, const char *line, size_t len, struct err *e)
{
	struct journal_entry en;
	uint8_t hash[32];

	if (journal_admit(j, line, len, &en, hash, e) != 0) {
		if (e->kind == ERR_REFUSED)
			/* what is refused to be appended, but is there */
			e->kind = ERR_CORRUPT;
		return err_context(e, "journal: line %" PRIu64, j->next);
	}
	if (j->has_known && en.seq == j->known.seq && memcmp(hash, j->known.hash, 32) != 0)
		return rolled_back(last_seq(fd, j->next, j->at), en.seq, "forked", e);
	if (journal_apply(j, &en, hash, e) != 0)
		return err_context(e, "journal: line %" PRIu64, en.seq);
	return 0;
}

/* The whole lines among n bytes; *used: how many bytes they were. */
static int
take_lines(struct journal *j, int fd, const char *p, size_t n, size_t *used, struct err *e)
{
	const char *nl;
	size_t len;

	for (*used = 0; (nl = memchr(p + *used, '\n', n - *used)) != NULL; *used += len + 1) {
		len = (size_t)(nl - p) - *used;
		if (take_line(j, fd, p + *used, len, e) != 0)
			return -1;
	}
	if (n - *used > JOURNAL_LINE_MAX)
		return err_set(e, ERR_CORRUPT, "journal: line %" PRIu64 ": it has no end",
		    j->next);
	return 0;
}

/* Everything from j->at to the end of the file. */
static int
read_on(struct journal *j, int fd, struct err *e)
{
	size_t have = 0, got, used;
	uint64_t at = j->at;
	char *chunk = malloc(CHUNK);
	int r = -1;

	if (chunk == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (;;) {
		if (io_pread_full(fd, chunk + have, CHUNK - have, at, &got, "journal", e) != 0)
			break;
		at += got;
		have += got;
		if (take_lines(j, fd, chunk, have, &used, e) != 0)
			break;
		have -= used;
		memmove(chunk, chunk + used, have);
		if (got == 0) {
			j->torn = have;
			r = 0;
			break;
		}
	}
	free(chunk);
	return r;
}

/* Is the last line that was read still where it was? */
static int
check_last(const struct journal *j, int fd, struct err *e)
{
	uint64_t at = j->at - j->last_len - 1;
	char *line = malloc(j->last_len + 1), seq[24];
	uint8_t hash[32];
	size_t got, n;
	int r;

	if (line == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	r = io_pread_full(fd, line, j->last_len + 1, at, &got, "journal", e);
	n = (size_t)snprintf(seq, sizeof(seq), "%" PRIu64 " ", j->next - 1);
	if (r == 0 && got < j->last_len + 1)
		r = rolled_back(last_seq(fd, 0, 0), j->next - 1, "shorter", e);
	else if (r == 0) {
		journal_chain(hash, j->before, line, j->last_len, n);
		if (memcmp(line, seq, n) != 0 || line[j->last_len] != '\n' ||
		    memcmp(hash, j->hash, 32) != 0)
			r = rolled_back(last_seq(fd, 0, 0), j->next - 1, "forked", e);
	}
	free(line);
	return r;
}

static int
read_fd(struct journal *j, int fd, struct err *e)
{
	if (j->next > 0 && check_last(j, fd, e) != 0)
		return -1;
	if (read_on(j, fd, e) != 0)
		return -1;
	if (j->next == 0)
		return err_set(e, ERR_CORRUPT, "journal: without its founding statement");
	if (j->has_known && j->next <= j->known.seq)
		return rolled_back(j->next - 1, j->known.seq, "shorter", e);
	return 0;
}

int
journal_refresh(struct journal *j, struct err *e)
{
	int fd = io_open(j->path, O_RDONLY, 0, e), r;

	if (fd < 0)
		return -1;
	r = read_fd(j, fd, e);
	(void)close(fd);	/* was only read */
	return r;
}

struct journal *
journal_new(const char *path, struct err *e)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (j != NULL && ((j->path = strdup(path)) == NULL ||
	    (j->st = statement_new(ST_FOUND, e)) == NULL)) {
		journal_free(j);
		j = NULL;
	}
	if (j == NULL)
		err_set(e, ERR_SYSTEM, "out of memory");
	return j;
}

struct journal *
journal_read(const char *path, const struct journal_head *known, const uint8_t *pin,
    int (*each)(void *ctx, const struct journal_entry *en, struct err *e), void *ctx,
    struct err *e)
{
	struct journal *j = journal_new(path, e);
	char is[65], want[65];

	if (j == NULL)
		return NULL;
	if (known != NULL) {
		j->has_known = 1;
		j->known = *known;
	}
	j->each = each;
	j->ctx = ctx;
	if (journal_refresh(j, e) == 0) {
		if (pin == NULL || memcmp(pin, j->id, 32) == 0)
			return j;
		err_set(e, ERR_REFUSED, "another repository: its id is %s, not the pinned %s",
		    hex_encode(is, j->id, 32), hex_encode(want, pin, 32));
	}
	journal_free(j);
	return NULL;
}

void
journal_free(struct journal *j)
{
	if (j == NULL)
		return;
	statement_free(j->st);
	free(j->path);
	free(j->keys);
	free(j);
}

const uint8_t *
journal_repo_id(const struct journal *j)
{
	return j->id;
}

struct journal_head
journal_head(const struct journal *j)
{
	struct journal_head h;

	h.seq = j->next - 1;
	memcpy(h.hash, j->hash, 32);
	return h;
}

int
journal_quorum(const struct journal *j, int *approvers)
{
	if (approvers != NULL)
		*approvers = j->approvers;
	return j->quorum;
}

uint64_t
journal_torn(const struct journal *j)
{
	return j->torn;
}

const struct journal_key *
journal_key_at(const struct journal *j, int i)
{
	return i >= 0 && i < j->nkeys ? &j->keys[i] : NULL;
}
