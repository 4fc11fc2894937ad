/*
 * The tail of a log: the running digest of its last segment, and its record.
 */
#include "log/tail.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "pg/lsn.h"

#define LABEL "bulkhead log tail 1"

uint64_t
tail_from(uint64_t position, uint32_t segment_size)
{
	return position == 0 ? 0 : wal_segment_start(position - 1, segment_size);
}

/* A segment begins at `at`. */
static void
restart(struct tail *t, uint64_t at)
{
	uint8_t from[8];

	le64_put(from, at);
	t->from = at;
	seal_hash_begin_keyed(&t->hash, t->key);
	seal_hash_add(&t->hash, LABEL, sizeof(LABEL));
	seal_hash_add(&t->hash, from, sizeof(from));
}

void
tail_begin(struct tail *t, const uint8_t key[32], uint32_t segment_size, uint64_t at)
{
	t->segment_size = segment_size;
	t->key = key;
	t->position = at;
	restart(t, at);
}

void
tail_add(struct tail *t, const void *p, size_t n)
{
	const uint8_t *bytes = p;
	uint64_t end;
	size_t part;

	while (n > 0) {
		if (t->position == wal_segment_start(t->position, t->segment_size))
			restart(t, t->position);
		end = wal_segment_start(t->position, t->segment_size) + t->segment_size;
		part = n < end - t->position ? n : (size_t)(end - t->position);
		/* Of a segment that more follows, nobody will ever ask. */
		if (part == n)
			seal_hash_add(&t->hash, bytes, part);
		t->position += part;
		bytes += part;
		n -= part;
	}
}

void
tail_mark(const struct tail *t, struct tail_mark *m)
{
	struct seal_hash copy = t->hash;

	memset(m, 0, sizeof(*m));
	if (t->position == t->from || t->from != tail_from(t->position, t->segment_size))
		return;
	m->from = t->from;
	m->position = t->position;
	seal_hash_end(&copy, m->digest);
}

void
tail_record_encode(const struct tail_record *r, struct buf *out)
{
	char from[LSN_TEXT], position[LSN_TEXT], digest[65];

	buf_fmt(out, "stream %s\nfrom %s\nposition %s\ndigest %s\n", r->stream,
	    lsn_format(from, r->mark.from), lsn_format(position, r->mark.position),
	    hex_encode(digest, r->mark.digest, 32));
}

/* "word value\n" at *text: the value into out, and *text behind the line. */
static int
take_line(const char **text, const char *word, char *out, size_t cap)
{
	size_t n = strlen(word);
	const char *nl;

	if (strncmp(*text, word, n) != 0 || (*text)[n] != ' ')
		return -1;
	*text += n + 1;
	nl = strchr(*text, '\n');
	if (nl == NULL || (size_t)(nl - *text) >= cap)
		return -1;
	memcpy(out, *text, (size_t)(nl - *text));
	out[nl - *text] = '\0';
	*text = nl + 1;
	return 0;
}

int
tail_record_decode(struct tail_record *r, const void *p, size_t n, struct err *e)
{
	char text[512], from[LSN_TEXT], position[LSN_TEXT], digest[65];
	const char *at = text;

	if (n == 0 || n >= sizeof(text) || memchr(p, '\0', n) != NULL)
		goto bad;
	memcpy(text, p, n);
	text[n] = '\0';
	if (take_line(&at, "stream", r->stream, sizeof(r->stream)) < 0 ||
	    take_line(&at, "from", from, sizeof(from)) < 0 ||
	    take_line(&at, "position", position, sizeof(position)) < 0 ||
	    take_line(&at, "digest", digest, sizeof(digest)) < 0 || *at != '\0')
		goto bad;
	if (lsn_parse(from, &r->mark.from) < 0 || lsn_parse(position, &r->mark.position) < 0 ||
	    hex_decode(r->mark.digest, 32, digest) < 0 || r->mark.from >= r->mark.position)
		goto bad;
	return 0;
bad:
	return err_set(e, ERR_CORRUPT, "not a record of where the log ended");
}
