/*
 * A verdict as TAP (Test Anything Protocol, version 13): a line for each account and
 * check.  What could not be read is not ok, and no account passes that check.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/tell_private.h"

struct tap {
	struct tale *x;
	uint64_t n;		/* lines so far */
	const struct graph *g;
	uint32_t *first;	/* of node i: the first of its findings, or UINT32_MAX */
};

/* Text of a description: what would begin a directive is escaped. */
static void
print_text(struct tap *p, const char *text)
{
	const char *s;

	for (s = text; *s != '\0'; s++) {
		if (*s == '#' || *s == '\\')
			putc('\\', p->x->f);
		putc((unsigned char)*s < ' ' || *s == 0x7f ? ' ' : *s, p->x->f);
	}
}

static int
is_unknown(const struct graph *g, const struct check *c)
{
	uint32_t i;

	for (i = 0; i < g->unknowns; i++)
		if (g->unknown[i].check == c)
			return 1;
	return 0;
}

/* Why it does not count. */
static const char *
directive(const struct tale *x, const struct finding *f)
{
	if (tale_fails(x, f))
		return "";
	return f->severity < x->t->fail_on ? " # TODO below --fail-on" :
	    " # TODO in the baseline";
}

/* The finding that stands for all of that account and check: one that fails, if any does. */
static const struct finding *
worst(const struct tale *x, uint32_t first, const struct check *c)
{
	const struct verdict *v = x->t->v;
	const struct finding *best = NULL;
	uint32_t i;

	for (i = first; i < v->n && v->finding[i].account == v->finding[first].account; i++)
		if (v->finding[i].check == c && (best == NULL ||
		    (!tale_fails(x, best) && tale_fails(x, &v->finding[i]))))
			best = &v->finding[i];
	return best;
}

static void
print_not_ok(struct tap *p, const struct finding *f, const char *subject)
{
	struct tale *x = p->x;

	fprintf(x->f, "not ok %" PRIu64 " - %s ", ++p->n, f->check->id);
	print_text(p, subject);
	fprintf(x->f, ": %s %s: ", severity_name(f->severity), sink_name(f->sink));
	print_text(p, tale_line(x, f));
	fprintf(x->f, "%s\n", directive(x, f));
}

static void
print_account(struct tap *p, uint32_t node)
{
	const struct check *c;
	const struct finding *f, *rest;
	const struct verdict *v = p->x->t->v;

	for (c = check_all; c->id != NULL; c++) {
		f = p->first[node] != UINT32_MAX ? worst(p->x, p->first[node], c) : NULL;
		if (f == NULL && ((c->engines & p->x->t->engine) == 0 || is_unknown(p->g, c)))
			continue;
		if (f == NULL) {
			fprintf(p->x->f, "ok %" PRIu64 " - %s ", ++p->n, c->id);
			print_text(p, p->g->node[node].name);
			putc('\n', p->x->f);
			continue;
		}
		print_not_ok(p, f, p->g->node[node].name);
		for (rest = v->finding + p->first[node]; rest < v->finding + v->n &&
		    rest->account == node; rest++)
			if (rest != f && rest->check == c)
				fprintf(p->x->f, "# also %s %s: %s\n",
				    severity_name(rest->severity),
				    sink_name(rest->sink), tale_line(p->x, rest));
	}
}

static void
print_unknowns(struct tap *p)
{
	const struct graph_unknown *u;
	uint32_t i;

	for (i = 0; i < p->g->unknowns; i++) {
		u = &p->g->unknown[i];
		fprintf(p->x->f, "not ok %" PRIu64 " - %s unknown: ", ++p->n, u->check->id);
		print_text(p, u->what);
		fputs("\n# ", p->x->f);
		print_text(p, u->why);
		putc('\n', p->x->f);
	}
}

int
tell_tap(struct tale *x, struct err *e)
{
	const struct graph *g = x->t->g;
	const struct verdict *v = x->t->v;
	struct tap p = { .x = x, .g = g };
	uint32_t i;

	if ((p.first = malloc((g->nodes + 1) * sizeof(*p.first))) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	memset(p.first, 0xff, (g->nodes + 1) * sizeof(*p.first));
	fputs("TAP version 13\n", x->f);
	for (i = v->n; i-- > 0;)
		p.first[v->finding[i].account] = i;
	for (i = 0; i < v->n; i++)
		if (v->finding[i].fault != NULL)
			print_not_ok(&p, &v->finding[i], tale_subject(x, &v->finding[i]));
	for (i = 0; i < g->nodes; i++)
		if (g->node[i].kind != NODE_SERVER && (p.first[i] != UINT32_MAX ||
		    (g->node[i].kind == NODE_ACCOUNT && (g->node[i].login ||
		    policy_role(x->t->policy, g, i) != NULL))))
			print_account(&p, i);
	print_unknowns(&p);
	fprintf(x->f, "1..%" PRIu64 "\n", p.n);
	free(p.first);
	return 0;
}
