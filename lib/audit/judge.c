/*
 * The judge: account by account, what it reaches and its class forbids becomes findings.
 */
#include "audit/judge.h"

#include <stdlib.h>
#include <string.h>

#include "audit/judge_private.h"

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "judge: out of memory");
}

static struct finding *
add_finding(struct verdict *v, uint32_t *cap, uint32_t account, const struct check *check,
    enum sink sink)
{
	struct finding *more;

	if (v->n == *cap) {
		*cap = *cap == 0 ? 64 : *cap * 2;
		if ((more = realloc(v->finding, *cap * sizeof(*more))) == NULL)
			return NULL;
		v->finding = more;
	}
	v->finding[v->n] = (struct finding){ .check = check, .sink = sink,
	    .account = account };
	return &v->finding[v->n++];
}

static void
raise_severity(struct finding *f)
{
	if (f->expired != NULL && f->severity < SEVERITY_CRITICAL)
		f->severity++;
}

/* ---- how many objects ------------------------------------------------------------ */

/* The objects of several entries together, kept by the hash of which entries these are. */
struct together {
	uint64_t hash, objects;
};

/* Two lists of one hash are the same list: 64 bits under a key that nobody knows. */
static int
same_hash(const void *have, const void *thing)
{
	return ((const struct together *)have)->hash == *(const uint64_t *)thing;
}

static uint64_t
count_sets(struct judge_private *j, const struct entry *const *en, uint32_t n)
{
	const struct graph_set *set;
	uint64_t objects = 0;
	uint32_t i, k;

	judge_sets_begin(j);
	for (i = 0; i < n; i++)
		for (k = 0; k < en[i]->n; k++) {
			set = j->g->power[en[i]->power[k]].set;
			if (judge_set_is_new(j, set))
				objects += set->n;
		}
	return objects;
}

/* The objects of n entries, each set once; accounts of one group ask for the same again. */
static int
count_objects(struct judge_private *j, const struct entry *const *en, uint32_t n,
    uint64_t *objects)
{
	uint64_t hash = intern_hash(&j->unions, en, n * sizeof(const struct entry *));
	struct together *t;
	void **slot;

	if (n == 1) {
		*objects = en[0]->objects;
		return 0;
	}
	if ((slot = intern_find(&j->unions, hash, &hash, same_hash)) == NULL)
		return -1;
	if ((t = *slot) == NULL) {
		if ((t = arena_take(&j->arena, sizeof(*t))) == NULL)
			return -1;
		*t = (struct together){ hash, count_sets(j, en, n) };
		*slot = t;
		j->unions.n++;
	}
	*objects = t->objects;
	return 0;
}

/* The objects of that finding's leads; after exceptions, those that these left. */
static int
finding_objects(struct judge_private *j, struct finding *f, const struct entry **en)
{
	const struct lead *l;
	uint64_t own = 0;
	uint32_t i, n = 0;

	for (i = 0; i < j->leads; i++) {
		l = &j->lead[i];
		if (l->check != f->check || l->entry->sink != f->sink)
			continue;
		if (l->entry->own)
			own += l->entry->objects;
		else
			en[n++] = l->entry;
	}
	if (n > 0 && count_objects(j, en, n, &f->objects) == -1)
		return -1;
	f->objects += own;
	return 0;
}

/* ---- one account ------------------------------------------------------------------ */

/* The way to a lead, and its end, become the finding's. */
static int
take_lead(struct judge_private *j, struct finding *f, const struct lead *l)
{
	const struct entry *en = l->entry;
	uint32_t n = reach_path(&j->reach, l->state, NULL);

	f->step = arena_take(&j->arena, n * sizeof(const struct graph_step *));
	if (f->step == NULL)
		return -1;
	f->steps = reach_path(&j->reach, l->state, f->step);
	f->power = &j->g->power[en->worst];
	f->object = en->object;
	f->severity = en->severity;
	return 0;
}

/* Findings from the leads of that account; v's from `first` on are its own. */
static int
merge_leads(struct judge_private *j, struct verdict *v, uint32_t *cap, uint32_t account)
{
	uint32_t first = v->n, i, k;
	const struct lead *l;
	struct finding *f;

	for (i = 0; i < j->leads; i++) {
		l = &j->lead[i];
		for (k = first; k < v->n; k++)
			if (v->finding[k].check == l->check
			    && v->finding[k].sink == l->entry->sink)
				break;
		f = k < v->n ? &v->finding[k]
		             : add_finding(v, cap, account, l->check, l->entry->sink);
		if (f == NULL)
			return -1;
		if ((f->power == NULL || l->entry->severity > f->severity)
		    && take_lead(j, f, l) == -1)
			return -1;
		if (f->expired == NULL)
			f->expired = l->entry->expired;
	}
	return 0;
}

/* What holds for the whole finding: a breach is as bad as its check at least. */
static int
complete(struct judge_private *j, struct verdict *v, uint32_t first)
{
	const struct entry **en;
	struct finding *f;
	uint32_t i, k;

	en = arena_take(&j->run, j->leads * sizeof(const struct entry *));
	if (en == NULL)
		return -1;
	for (i = first; i < v->n; i++) {
		f = &v->finding[i];
		for (k = 0; k < f->steps; k++)
			if (f->step[k]->breach && f->severity < f->check->severity)
				f->severity = f->check->severity;
		raise_severity(f);
		if (finding_objects(j, f, en) == -1)
			return -1;
	}
	return 0;
}

/* The finding that no line names that login; an exception may accept it. */
static int
judge_unnamed(struct judge_private *j, struct verdict *v, uint32_t *cap, uint32_t account)
{
	const struct graph_node *n = &j->g->node[account];
	const struct check *check = check_find("U1");
	struct policy_except *x;
	struct finding *f;

	if (n->kind != NODE_ACCOUNT || j->named[account] || j->o.why)
		return 0;
	if ((x = policy_except(j->p, n, check, NULL, NULL)) != NULL) {
		x->used = 1;
		if (!x->expired) {
			v->excepted++;
			return 0;
		}
	}
	if ((f = add_finding(v, cap, account, check, SINK_NONE)) == NULL)
		return -1;
	f->severity = check->severity;
	f->expired = x;
	raise_severity(f);
	return 0;
}

static int
judge_account(struct judge_private *j, struct verdict *v, uint32_t *cap, uint32_t account,
    struct err *e)
{
	uint32_t first;

	if (judge_unnamed(j, v, cap, account) == -1)
		return no_memory(e);
	first = v->n;
	if (judge_leads(j, account, j->o.removed_step, &v->excepted, e) == -1)
		return -1;
	if (merge_leads(j, v, cap, account) == -1 || complete(j, v, first) == -1)
		return no_memory(e);
	if (j->g->node[account].kind == NODE_ACCOUNT)
		v->accounts++;
	return 0;
}

/* ---- all ------------------------------------------------------------------------ */

static int
judge_fault(struct judge_private *j, struct verdict *v, uint32_t *cap,
    const struct graph_fault *fault)
{
	struct policy_except *x = policy_except(j->p, &j->g->node[GRAPH_SERVER],
	    fault->check, NULL, fault->subject);
	struct finding *f;

	if (x != NULL) {
		x->used = 1;
		if (!x->expired) {
			v->excepted++;
			return 0;
		}
	}
	if ((f = add_finding(v, cap, GRAPH_SERVER, fault->check, fault->sink)) == NULL)
		return -1;
	f->severity = fault->severity;
	f->fault = fault;
	f->expired = x;
	raise_severity(f);
	return 0;
}

static int
judge_all(struct judge_private *j, struct verdict *v, struct err *e)
{
	uint32_t cap = 0, i;

	if (j->o.account != UINT32_MAX)
		return judge_account(j, v, &cap, j->o.account, e);
	for (i = 0; i < j->g->nodes; i++)
		if (judge_is_account(j, i) && judge_account(j, v, &cap, i, e) == -1)
			return -1;
	for (i = 0; i < j->g->faults; i++)
		if (judge_fault(j, v, &cap, &j->g->fault[i]) == -1)
			return no_memory(e);
	return 0;
}

int
judge(const struct graph *g, const struct policy *p, const struct judge_options *o,
    struct verdict *v, struct err *e)
{
	struct judge_private *j = calloc(1, sizeof(*j));
	uint32_t i;

	*v = (struct verdict){ .priv = j };
	if (j == NULL)
		return no_memory(e);
	j->g = g;
	j->p = p;
	j->o = *o;
	if (judge_cells_init(j, e) == 0 && judge_all(j, v, e) == 0) {
		for (i = 0; i < v->n; i++)
			judge_fingerprint(g, &v->finding[i]);
		if (judge_order(g, v, e) == 0)
			return 0;
	}
	verdict_free(v);
	return -1;
}

void
verdict_free(struct verdict *v)
{
	if (v->priv != NULL)
		judge_cells_free(v->priv);
	free(v->priv);
	free(v->finding);
	*v = (struct verdict){ .priv = NULL };
}
