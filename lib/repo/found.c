/*
 * The founding ceremony.
 */
#include <string.h>

#include "base/clock.h"
#include "repo/found.h"

static const struct key_public *
key_at(const struct found_options *o, int i)
{
	if (i < o->napprovers)
		return key_public(o->approvers[i]);
	return &o->restore[i - o->napprovers];
}

static int
check_different(const struct found_options *o, struct err *e)
{
	int i, k, n = o->napprovers + o->nrestore;

	for (i = 0; i < n; i++)
		for (k = 0; k < i; k++)
			if (memcmp(key_at(o, i)->id, key_at(o, k)->id, KEY_ID) == 0)
				return err_set(e, ERR_USAGE, "key %s is given twice",
				    key_at(o, i)->name);
	return 0;
}

/* The journal's rules hold these as well; here they are told to the person who founds. */
static int
check(const struct found_options *o, int quorum, struct err *e)
{
	if (o->napprovers == 0 || o->nrestore == 0)
		return err_set(e, ERR_USAGE,
		    "a repository needs approver keys and restore keys");
	if (o->solo && o->napprovers != 1)
		return err_set(e, ERR_USAGE, "solo means one approver, not %d", o->napprovers);
	if (!o->solo && (o->napprovers < 2 || quorum < 2)) {
		err_set(e, ERR_USAGE, "one approver alone could have backups removed");
		return err_hint(e,
		    "give at least two approver keys and a quorum of 2, or --solo to"
		    " try things out");
	}
	if (quorum > o->napprovers)
		return err_set(e, ERR_USAGE, "a quorum of %d of %d approvers", quorum,
		    o->napprovers);
	if (o->single_key && o->nrestore != 1)
		return err_set(e, ERR_USAGE, "single-key means one restore key, not %d",
		    o->nrestore);
	if (!o->single_key && o->nrestore < 2) {
		err_set(e, ERR_USAGE, "who loses the only restore key loses every backup");
		return err_hint(e, "give a second one, kept elsewhere, or --single-key");
	}
	return check_different(o, e);
}

struct statement *
found_statement(const struct found_options *o, struct err *e)
{
	static const uint8_t zeros[32];
	int quorum = o->quorum != 0 ? o->quorum : o->solo ? 1 : 2, i;
	char text[KEY_TEXT_MAX], now[CLOCK_TEXT];
	struct statement *st;

	if (check(o, quorum, e) != 0 || (st = statement_new(ST_FOUND, e)) == NULL)
		return NULL;
	statement_add(st, "version", "1");
	statement_add_fmt(st, "quorum", "%d", quorum);
	for (i = 0; i < o->napprovers + o->nrestore; i++)
		statement_add(st, "key", key_public_encode(text, key_at(o, i)));
	if (o->solo)
		statement_add(st, "solo", "1");
	if (o->single_key)
		statement_add(st, "single-key", "1");
	statement_add(st, "time", clock_format(now, clock_now()));
	if (statement_sign(st, NULL, 1, zeros, o->approvers, o->napprovers, e) == 0)
		return st;
	statement_free(st);
	return NULL;
}
