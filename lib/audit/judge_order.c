/*
 * What identifies a finding from run to run, and the order in which people read them.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "audit/judge_private.h"
#include "base/hex.h"

static void
hash_text(crypto_generichash_state *h, const char *text)
{
	/* With its NUL, so that two texts are never one. */
	crypto_generichash_update(h, (const unsigned char *)text, strlen(text) + 1);
}

void
judge_fingerprint(const struct graph *g, struct finding *f)
{
	const struct graph_node *n = &g->node[f->account];
	unsigned char hash[crypto_generichash_BYTES_MIN], kind = (unsigned char)n->kind;
	crypto_generichash_state h;

	crypto_generichash_init(&h, NULL, 0, sizeof(hash));
	crypto_generichash_update(&h, &kind, 1);
	hash_text(&h, n->name);
	hash_text(&h, f->check->id);
	hash_text(&h, sink_name(f->sink));
	if (f->fault != NULL)
		hash_text(&h, f->fault->subject);
	crypto_generichash_final(&h, hash, sizeof(hash));
	hex_encode(f->fingerprint, hash, (FINGERPRINT_MAX - 1) / 2);
}

struct order {
	const struct graph *g;
	enum severity *worst;	/* of each node */
};

static int
by_importance(const void *a, const void *b, void *order)
{
	const struct finding *x = a, *y = b;
	const struct order *o = order;
	int c;

	if (x->account != y->account) {
		if (o->worst[x->account] != o->worst[y->account])
			return o->worst[x->account] > o->worst[y->account] ? -1 : 1;
		c = strcmp(o->g->node[x->account].name, o->g->node[y->account].name);
		return c != 0 ? c : x->account < y->account ? -1 : 1;
	}
	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	if (x->check != y->check)
		return x->check < y->check ? -1 : 1;
	if (x->sink != y->sink)
		return x->sink < y->sink ? -1 : 1;
	return x->fault != NULL && y->fault != NULL
	    ? strcmp(x->fault->subject, y->fault->subject) : 0;
}

int
judge_order(const struct graph *g, struct verdict *v, struct err *e)
{
	struct order o = { g, calloc(g->nodes, sizeof(*o.worst)) };
	uint32_t i;

	if (o.worst == NULL)
		return err_set(e, ERR_SYSTEM, "judge: out of memory");
	for (i = 0; i < v->n; i++)
		if (v->finding[i].severity > o.worst[v->finding[i].account])
			o.worst[v->finding[i].account] = v->finding[i].severity;
	if (v->n > 0)
		qsort_r(v->finding, v->n, sizeof(*v->finding), by_importance, &o);
	free(o.worst);
	return 0;
}
