/*
 * What a repository holds: all of it, or one snapshot or source.
 */
#include <string.h>

#include "repo/listing_private.h"

int
listing_put(struct buf *b, FILE *out, struct err *e)
{
	int r = buf_check(b, e);

	if (r == 0 && b->len > 0 && fwrite(b->data, 1, b->len, out) != b->len)
		r = err_sys(e, ERR_IO, "standard output: write");
	buf_reset(b);
	return r;
}

int
listing_wanted(const char *source, const char *name)
{
	return source == NULL || strcmp(source, name) == 0;
}

int
listing_all(struct repo *r, const char *source, const struct listing *l, struct err *e)
{
	const struct catalog *c = repo_catalog(r);
	struct buf text = BUF_INIT;
	struct json j = JSON_INIT;
	int got;

	if (source != NULL && catalog_pick(c, source, e) == NULL)
		return err_context(e, "repository %s", repo_name(r));
	got = l->json ? listing_json(c, source, &j, e) : listing_tables(c, source, &text, e);
	if (got == 0)
		got = listing_put(&text, l->out, e);
	buf_free(&text);
	json_free(&j);
	return got;
}

/* The snapshot that name means, looking in one source or in all. */
static const struct catalog_snapshot *
find_snapshot(const struct catalog *c, const char *source, const char *name, struct err *e)
{
	const struct catalog_snapshot *found = NULL;
	size_t i, n = strlen(name), hits = 0;

	for (i = 0; i < c->nsnapshots; i++) {
		const struct catalog_snapshot *s = &c->snapshots[i];

		if (!listing_wanted(source, s->source) || strncmp(s->id, name, n) != 0)
			continue;
		if (s->id[n] == '\0' && source != NULL)
			return s;
		found = s;
		hits++;
	}
	if (hits == 1)
		return found;
	if (hits == 0)
		err_set(e, ERR_NOTFOUND, "no source or snapshot %s", name);
	else
		err_set(e, ERR_USAGE, "%zu snapshots begin with %s", hits, name);
	err_hint(e, "strongbox list shows what there is; -n names the source");
	return NULL;
}

int
listing_one(struct repo *r, const char *source, const char *name, const struct listing *l,
    struct err *e)
{
	const struct catalog *c = repo_catalog(r);
	const struct catalog_snapshot *s;
	struct buf text = BUF_INIT;
	struct json j = JSON_INIT;
	int got;

	if (catalog_source(c, name) != NULL)
		return listing_all(r, name, l, e);
	if ((s = find_snapshot(c, source, name, e)) == NULL)
		return err_context(e, "repository %s", repo_name(r));
	if (l->json) {
		listing_snapshot_json(&j, s);
		got = json_print(&j, e);
	} else {
		listing_snapshot_text(s, &text);
		got = listing_put(&text, l->out, e);
	}
	buf_free(&text);
	json_free(&j);
	return got;
}
