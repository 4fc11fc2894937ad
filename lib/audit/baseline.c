/*
 * The findings of an earlier run, as --json wrote them.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/jsonline.h"
#include "audit/tell_private.h"
#include "base/io.h"

#define FILE_MAX (1 << 30)

struct reader {
	struct baseline *b;
	const char *path;
	unsigned line;
	int ended;		/* its result was there */
	struct err *e;
};

static int
bad(struct reader *r, const char *what)
{
	return err_set(r->e, ERR_CORRUPT, "baseline %s:%u: %s", r->path, r->line, what);
}

/* What a line may hold that concerns us. */
struct record {
	const char *type, *severity;
	struct baseline_entry entry;
	uint64_t version, status;
};

static void
take(struct record *c, const struct jsonline_member *m)
{
	const struct {
		const char *key;
		const char **text;
		uint64_t *number;
	} members[] = {
		{ "v", NULL, &c->version },
		{ "type", &c->type, NULL },
		{ "status", NULL, &c->status },
		{ "fingerprint", &c->entry.fingerprint, NULL },
		{ "check", &c->entry.check, NULL },
		{ "severity", &c->severity, NULL },
		{ "account", &c->entry.subject, NULL },
		{ "subject", &c->entry.subject, NULL },
		{ "sink", &c->entry.sink, NULL },
		{ "text", &c->entry.path, NULL },
		{ "objects", NULL, &c->entry.objects },
	};
	size_t i;

	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (strcmp(members[i].key, m->key) != 0)
			continue;
		if (members[i].text != NULL && m->kind == JSONLINE_STRING)
			*members[i].text = m->text;
		if (members[i].number != NULL && m->kind == JSONLINE_NUMBER)
			*members[i].number = m->number;
	}
}

static int
add(struct reader *r, struct record *c)
{
	struct baseline *b = r->b;
	struct baseline_entry *bigger;

	if (c->entry.fingerprint == NULL || c->entry.check == NULL ||
	    c->entry.subject == NULL || c->entry.sink == NULL || c->entry.path == NULL ||
	    c->severity == NULL || severity_of(c->severity, &c->entry.severity) != 0)
		return bad(r, "a finding is not whole");
	if ((b->n & (b->n - 1)) == 0) {
		bigger = reallocarray(b->entry, b->n == 0 ? 1 : 2 * (size_t)b->n,
		    sizeof(*b->entry));
		if (bigger == NULL)
			return err_set(r->e, ERR_SYSTEM, "out of memory");
		b->entry = bigger;
	}
	b->entry[b->n++] = c->entry;
	return 0;
}

static int
read_line(struct reader *r, char *text, size_t len)
{
	struct record c = { .status = UINT64_MAX };
	struct jsonline_member m;
	struct jsonline l;
	int k;

	r->line++;
	if (r->ended)
		return bad(r, "something stands behind the result");
	jsonline_begin(&l, text, len);
	while ((k = jsonline_next(&l, &m)) > 0)
		take(&c, &m);
	if (k < 0 || c.type == NULL || c.version != 1)
		return bad(r, "not a line of privaudit --json");
	if (strcmp(c.type, "finding") == 0 || strcmp(c.type, "fault") == 0)
		return add(r, &c);
	if (strcmp(c.type, "result") != 0)
		return 0;
	if (c.status != 0 && c.status != 1 && c.status != 3)
		return bad(r, "that run failed, so it is no baseline");
	r->ended = 1;
	return 0;
}

static int
by_fingerprint(const void *a, const void *b)
{
	const struct baseline_entry *x = a, *y = b;

	return strcmp(x->fingerprint, y->fingerprint);
}

static int
read_all(struct reader *r, char *text, size_t len)
{
	char *end = text + len, *newline;

	for (; text < end; text = newline + 1) {
		if ((newline = memchr(text, '\n', (size_t)(end - text))) == NULL)
			newline = end;
		if (read_line(r, text, (size_t)(newline - text)) != 0)
			return -1;
	}
	if (!r->ended)
		return bad(r, "cut off: there is no result");
	if (r->b->n > 0)
		qsort(r->b->entry, r->b->n, sizeof(*r->b->entry), by_fingerprint);
	return 0;
}

struct baseline *
baseline_read(const char *path, struct err *e)
{
	struct buf text = BUF_INIT;
	struct reader r = { .path = path, .e = e };

	if (io_read_file(path, FILE_MAX, &text, e) != 0) {
		err_context(e, "baseline");
		buf_free(&text);
		return NULL;
	}
	if ((r.b = calloc(1, sizeof(*r.b))) == NULL) {
		buf_free(&text);
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	r.b->text = (char *)text.data;	/* handed over */
	if (read_all(&r, r.b->text, text.len) != 0) {
		baseline_free(r.b);
		return NULL;
	}
	return r.b;
}

void
baseline_free(struct baseline *b)
{
	if (b == NULL)
		return;
	free(b->entry);
	free(b->text);
	free(b);
}

const struct baseline_entry *
baseline_find(const struct baseline *b, const char *fingerprint)
{
	struct baseline_entry key = { .fingerprint = fingerprint };

	return b->n == 0 ? NULL :
	    bsearch(&key, b->entry, b->n, sizeof(*b->entry), by_fingerprint);
}
