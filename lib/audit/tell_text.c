/*
 * A verdict for people: by account, the worst first, a path a line.
 */
#include <inttypes.h>
#include <string.h>

#include "audit/tell_private.h"

#define INDENT	"                         "	/* below the paths */
#define STATEMENT_SHOWN	200	/* bytes of a statement that was tried */

static void
print_line(struct tale *x, const char *what, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	buf_reset(&x->line);
	tale_flat(&x->line, text);
	fprintf(x->f, INDENT "%s: %s\n", what, buf_cstr(&x->line));
}

static void
print_fix(struct tale *x, const struct finding *f)
{
	const struct finding *first = tale_fix_of(x, f);
	const struct finding_fix *fix = f->fix;

	if (fix == NULL)
		return;
	if (first != NULL) {
		fprintf(x->f, INDENT "fix: as for %s\n", first->fingerprint);
	} else {
		tale_sql(x, INDENT, "fix:", fix->sql);
		tale_sql(x, INDENT, "undo:", fix->undo);
	}
	print_line(x, "advice", fix->advice);
	if (fix->remaining > 0 && tale_has_sql(f)) {
		fprintf(x->f, INDENT "the fix leaves %" PRIu32 " path%s\n", fix->remaining,
		    tale_plural(fix->remaining));
		print_line(x, "of them", fix->remains);
	}
}

/* The statement may be long: its beginning tells what it was; --json has all of it. */
static void
shorten(struct buf *b)
{
	size_t n = STATEMENT_SHOWN;

	if (b->failed || b->len <= n)
		return;
	while (n > 0 && (b->data[n] & 0xc0) == 0x80)	/* not amid a letter */
		n--;
	b->len = n;
	buf_str(b, "...");
}

static void
print_proof(struct tale *x, const struct proof *p)
{
	if (p == NULL)
		return;
	buf_reset(&x->line);
	if (p->statement != NULL)
		tale_flat(&x->line, p->statement);
	shorten(&x->line);
	fprintf(x->f, INDENT "%s%s%s", p->outcome == PROOF_CONFIRMED ? "confirmed by trying" :
	    proof_word(p->outcome), p->statement != NULL ? ": " : "", buf_cstr(&x->line));
	buf_reset(&x->line);
	if (p->words != NULL)
		tale_flat(&x->line, p->words);
	fprintf(x->f, "%s%s\n", p->words != NULL ? ": " : "", buf_cstr(&x->line));
}

/* "new", "was high, 3 objects" */
static void
print_state(struct tale *x, const struct finding *f)
{
	enum tell_state s = tale_state(x, f);
	const struct baseline_entry *was;

	if (s == TELL_NEW)
		fputs("; new", x->f);
	if (s != TELL_WORSE && s != TELL_CHANGED)
		return;
	was = baseline_find(x->t->baseline, f->fingerprint);
	fprintf(x->f, "; was %s, %" PRIu64 " object%s", severity_name(was->severity),
	    was->objects, tale_plural(was->objects));
}

static void
print_finding(struct tale *x, const struct finding *f)
{
	const char *objects;

	fprintf(x->f, "  %-8s %-3s %-10s %s\n", severity_name(f->severity), f->check->id,
	    f->sink != SINK_NONE ? sink_name(f->sink) : "", tale_line(x, f));
	objects = tale_objects(x, f);
	fprintf(x->f, INDENT "%s%s%s", objects, objects[0] != '\0' ? "; " : "",
	    f->fingerprint);
	print_state(x, f);
	if (f->expired != NULL)
		fprintf(x->f, "; the exception in line %u ran out on %s", f->expired->line,
		    f->expired->until);
	putc('\n', x->f);
	print_proof(x, tale_proof(x, f));
	if (x->t->fixes)
		print_fix(x, f);
}

static void
print_heading(struct tale *x, const struct finding *f)
{
	const struct graph_node *n = &x->t->g->node[f->account];
	const char *class = tale_class(x, f);

	buf_reset(&x->line);
	tale_flat(&x->line, n->kind == NODE_SERVER ? "the server" : n->name);
	fprintf(x->f, "\n%s%s%s%s\n", buf_cstr(&x->line), class[0] != '\0' ? " (" : "", class,
	    class[0] != '\0' ? ")" : "");
}

static void
print_unknowns(struct tale *x)
{
	const struct graph *g = x->t->g;
	uint32_t i;

	if (g->unknowns > 0)
		fputs("\nunknown, so not passed\n", x->f);
	for (i = 0; i < g->unknowns; i++) {
		buf_reset(&x->line);
		tale_flat(&x->line, g->unknown[i].what);
		buf_str(&x->line, ": ");
		tale_flat(&x->line, g->unknown[i].why);
		fprintf(x->f, "  %-3s %s\n", g->unknown[i].check->id, buf_cstr(&x->line));
		print_line(x, "it needs", g->unknown[i].grant);
	}
}

static void
print_gone(struct tale *x)
{
	const struct baseline *b = x->t->baseline;
	uint32_t i;

	if (x->gone > 0)
		fputs("\ngone since the baseline\n", x->f);
	for (i = 0; x->gone > 0 && i < b->n; i++) {
		if (x->seen[i])
			continue;
		buf_reset(&x->line);
		tale_flat(&x->line, b->entry[i].path);
		fprintf(x->f, "  %-8s %-3s %-10.10s %s\n", severity_name(b->entry[i].severity),
		    b->entry[i].check, b->entry[i].sink, buf_cstr(&x->line));
	}
}

static void
print_note(struct tale *x, const char *text)
{
	fprintf(x->f, "\nnote: %s\n", text);
}

static void
print_proved(struct tale *x)
{
	if (x->t->proofs != NULL)
		fprintf(x->f, "; %" PRIu32 " confirmed, %" PRIu32 " refuted, %" PRIu32
		    " not tried", x->proved[PROOF_CONFIRMED], x->proved[PROOF_REFUTED],
		    x->proved[PROOF_UNTRIED]);
}

static void
print_summary(struct tale *x)
{
	const struct verdict *v = x->t->v;
	const char *comma = ": ";
	int s;

	fprintf(x->f, "\n%s%" PRIu32 " account%s, %" PRIu32 " finding%s",
	    tell_outcome(x->t) == ERR_NONE ? "good: " : "", v->accounts,
	    tale_plural(v->accounts), v->n, tale_plural(v->n));
	for (s = SEVERITY_CRITICAL; s >= SEVERITY_LOW; s--) {
		if (x->severity[s] == 0)
			continue;
		fprintf(x->f, "%s%" PRIu32 " %s", comma, x->severity[s],
		    severity_name((enum severity)s));
		comma = ", ";
	}
	fprintf(x->f, "; %" PRIu32 " unknown, %" PRIu32 " excepted", x->t->g->unknowns,
	    v->excepted);
	if (x->t->baseline != NULL)
		fprintf(x->f,
		    "; since the baseline %" PRIu32 " new, %" PRIu32 " changed, %" PRIu32
		    " gone", x->state[TELL_NEW], x->state[TELL_WORSE] + x->state[TELL_CHANGED],
		    x->gone);
	print_proved(x);
	putc('\n', x->f);
}

int
tell_text(struct tale *x, struct err *e)
{
	const struct verdict *v = x->t->v;
	uint32_t i;

	(void)e;	/* the caller looks at the file and the buffer */
	buf_reset(&x->line);
	tale_flat(&x->line, x->t->server);
	if (x->t->policy->given) {
		buf_str(&x->line, ", by the policy ");
		tale_flat(&x->line, x->t->policy_file);
	} else
		buf_str(&x->line,
		    ", by the defaults: there is no policy (-p); --suggest writes "
		    "a first one");
	fprintf(x->f, "%s\n", buf_cstr(&x->line));
	for (i = 0; i < v->n; i++) {
		if (i == 0 || v->finding[i].account != v->finding[i - 1].account)
			print_heading(x, &v->finding[i]);
		print_finding(x, &v->finding[i]);
	}
	print_unknowns(x);
	print_gone(x);
	tale_notes(x, print_note);
	print_summary(x);
	return 0;
}
