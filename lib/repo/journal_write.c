/*
 * The journal: its first line, and appending one.
 */
#include <sys/stat.h>

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/io.h"
#include "repo/journal_private.h"

/* The line of st, without its newline, as the next one of j. */
static int
make_line(const struct journal *j, const struct statement *st, struct buf *out, struct err *e)
{
	char time[CLOCK_TEXT], hex[65];
	uint8_t hash[32];
	size_t hash_at;

	buf_fmt(out, "%" PRIu64 " ", j->next);
	hash_at = out->len;
	buf_fmt(out, "%064d %s %s %" PRId64 " ", 0, clock_format(time, clock_now()),
	    clock_boot_id(), clock_uptime());
	statement_encode_sigs(st, out);
	buf_u8(out, ' ');
	buf_str(out, st->text);
	if (buf_check(out, e) != 0)
		return -1;
	journal_chain(hash, j->hash, (const char *)out->data, out->len, hash_at);
	memcpy(out->data + hash_at, hex_encode(hex, hash, 32), 64);
	return 0;
}

/* A line that could not be made durable must not be seen: it was not committed. */
static int
take_back(const struct journal *j, int fd, struct err *e)
{
	if (ftruncate(fd, (off_t)j->at) != 0)
		err_hint(e,
		    "whether line %" PRIu64 " was committed is not certain: look at the"
		    " journal", j->next);
	return -1;
}

/* A torn line goes, then one write of the whole line, then fsync. */
static int
write_line(const struct journal *j, int fd, const struct buf *line, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_sys(e, ERR_IO, "journal: stat");
	if ((uint64_t)st.st_size != j->at + j->torn)
		return err_set(e, ERR_BUG, "journal: changed while it was locked");
	if (j->torn > 0 && ftruncate(fd, (off_t)j->at) != 0)
		return err_sys(e, ERR_IO, "journal: truncate");
	if (io_write_all(fd, line->data, line->len, "journal", e) != 0 ||
	    io_fsync(fd, "journal", e) != 0)
		return take_back(j, fd, e);
	return 0;
}

int
journal_append(struct journal *j, const struct statement *st, uint64_t *entry_seq,
    struct err *e)
{
	struct buf line = BUF_INIT;
	struct journal_entry en;
	uint8_t hash[32];
	int fd = -1, r;

	r = make_line(j, st, &line, e);
	if (r == 0)
		r = journal_admit(j, (const char *)line.data, line.len, &en, hash, e);
	if (r == 0) {
		*entry_seq = en.seq;
		en.len = line.len;
		buf_u8(&line, '\n');
		en.line = (const char *)line.data;
		r = buf_check(&line, e);
	}
	if (r == 0)
		r = fd = io_open(j->path, O_WRONLY | O_APPEND, 0, e);
	if (r >= 0) {
		r = write_line(j, fd, &line, e);
		(void)close(fd);	/* what counts is the fsync */
	}
	if (r == 0) {
		j->torn = 0;
		r = journal_apply(j, &en, hash, e);
		if (r != 0)
			err_context(e, "committed as line %" PRIu64 ", but", en.seq);
	}
	buf_free(&line);
	return r;
}

int
journal_create(const char *path, const struct statement *found, struct err *e)
{
	struct journal *j = journal_new(path, e);
	struct buf line = BUF_INIT;
	struct journal_entry en;
	uint8_t hash[32];
	int r = -1;

	if (j == NULL)
		return -1;
	if (make_line(j, found, &line, e) == 0 &&
	    journal_admit(j, (const char *)line.data, line.len, &en, hash, e) == 0) {
		buf_u8(&line, '\n');
		r = buf_check(&line, e);
	}
	if (r == 0)
		r = io_create_file(path, line.data, line.len, 0644, e);
	buf_free(&line);
	journal_free(j);
	return r;
}
