/*
 * What a run comes to, and what all formats of its output have in common.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/tell_private.h"

/* ---- what it comes to --------------------------------------------------------- */

enum tell_state
tale_state(const struct tale *x, const struct finding *f)
{
	const struct baseline_entry *was;

	if (x->t->baseline == NULL)
		return TELL_NO_BASELINE;
	if ((was = baseline_find(x->t->baseline, f->fingerprint)) == NULL)
		return TELL_NEW;
	if (f->severity > was->severity || f->objects > was->objects)
		return TELL_WORSE;
	if (f->severity < was->severity || f->objects < was->objects)
		return TELL_CHANGED;
	return TELL_SAME;
}

const char *
tell_state_name(enum tell_state s)
{
	static const char *const names[] = { NULL, "new", "changed", "changed", "same" };

	return names[s];
}

const struct proof *
tale_proof(const struct tale *x, const struct finding *f)
{
	return x->t->proofs != NULL ? &x->t->proofs->proof[f - x->t->v->finding] : NULL;
}

int
tale_fails(const struct tale *x, const struct finding *f)
{
	if (x->t->proofs != NULL && tale_proof(x, f)->outcome != PROOF_CONFIRMED)
		return 0;
	return f->severity >= x->t->fail_on && tale_state(x, f) <= TELL_WORSE;
}

static void
count(struct tale *x)
{
	const struct baseline *b = x->t->baseline;
	const struct baseline_entry *was;
	uint32_t i;

	for (i = 0; i < x->t->v->n; i++) {
		const struct finding *f = &x->t->v->finding[i];

		x->severity[f->severity]++;
		x->state[tale_state(x, f)]++;
		x->failing += (uint32_t)tale_fails(x, f);
		if (x->t->proofs != NULL)
			x->proved[tale_proof(x, f)->outcome]++;
		if (b != NULL && x->seen != NULL &&
		    (was = baseline_find(b, f->fingerprint)) != NULL)
			x->seen[was - b->entry] = 1;
	}
	for (i = 0; b != NULL && x->seen != NULL && i < b->n; i++)
		x->gone += !x->seen[i];
}

enum err_kind
tell_outcome(const struct telling *t)
{
	struct tale x = { .t = t };

	if (t->proofs != NULL)
		return proofs_outcome(t->g, t->v, t->proofs, t->fail_on);
	count(&x);
	return x.failing > 0 ? ERR_NEGATIVE : t->g->unknowns > 0 ? ERR_INCOMPLETE : ERR_NONE;
}

/* ---- fixes that findings share --------------------------------------------------- */

int
tale_has_sql(const struct finding *f)
{
	return f->fix != NULL && f->fix->sql[0] != '\0';
}

const struct finding *
tale_fix_of(const struct tale *x, const struct finding *f)
{
	const struct finding *first = &x->t->v->finding[x->first[f - x->t->v->finding]];

	return tale_has_sql(f) && first != f ? first : NULL;
}

/* By the SQL's address, which findings with the same cut share, then in their order. */
static int
by_sql(const void *a, const void *b)
{
	const struct finding *x = *(const struct finding *const *)a;
	const struct finding *y = *(const struct finding *const *)b;
	uintptr_t p = x->fix != NULL ? (uintptr_t)x->fix->sql : 0;
	uintptr_t q = y->fix != NULL ? (uintptr_t)y->fix->sql : 0;

	return p != q ? (p > q) - (p < q) : (x > y) - (x < y);
}

static int
find_shared(struct tale *x, struct err *e)
{
	const struct verdict *v = x->t->v;
	const struct finding **all = malloc((v->n + 1) * sizeof(*all));
	uint32_t i, first = 0;

	x->first = malloc((v->n + 1) * sizeof(*x->first));
	if (all == NULL || x->first == NULL) {
		free(all);
		return err_set(e, ERR_SYSTEM, "out of memory");
	}
	for (i = 0; i < v->n; i++)
		all[i] = &v->finding[i];
	qsort(all, v->n, sizeof(*all), by_sql);
	for (i = 0; i < v->n; i++) {
		if (all[i]->fix == NULL || all[first]->fix == NULL ||
		    all[i]->fix->sql != all[first]->fix->sql)
			first = i;
		x->first[all[i] - v->finding] = (uint32_t)(all[first] - v->finding);
	}
	free(all);
	return 0;
}

/* ---- texts --------------------------------------------------------------------- */

void
tale_flat(struct buf *b, const char *text)
{
	for (; *text != '\0'; text++)
		buf_u8(b, (unsigned char)*text < ' ' || *text == 0x7f ? ' ' : (uint8_t)*text);
}

const char *
tale_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

const char *
tale_subject(const struct tale *x, const struct finding *f)
{
	return f->fault != NULL ? f->fault->subject : x->t->g->node[f->account].name;
}

const char *
tale_class(const struct tale *x, const struct finding *f)
{
	const struct policy_role *r;

	if (f->fault != NULL || x->t->g->node[f->account].kind != NODE_ACCOUNT)
		return "";
	r = policy_role(x->t->policy, x->t->g, f->account);
	return r != NULL ? r->class->name : "";
}

const char *
tale_line(struct tale *x, const struct finding *f)
{
	buf_reset(&x->line);
	fix_path(x->t->g, f, &x->line);
	return buf_cstr(&x->line);
}

const char *
tale_objects(struct tale *x, const struct finding *f)
{
	const struct graph_set *set = f->power != NULL ? f->power->set : NULL;

	buf_reset(&x->line);
	if (set == NULL || f->object == NULL || set->kind[0] == '\0' ||
	    strcmp(set->kind, "server") == 0)
		return "";
	buf_fmt(&x->line, "%s ", set->kind);
	tale_flat(&x->line, f->object);
	if (set->db[0] != '\0' && strcmp(set->kind, "database") != 0) {
		buf_str(&x->line, " in ");
		tale_flat(&x->line, set->db);
	}
	if (f->objects > 1)
		buf_fmt(&x->line, ", and %" PRIu64 " more", f->objects - 1);
	return buf_cstr(&x->line);
}

/* Does that newline end a statement, or one of psql's own lines?  Else it is in a name. */
static int
ends_statement(const char *line, const char *newline)
{
	return (newline > line && newline[-1] == ';') || strncmp(line, "\\connect ", 9) == 0;
}

void
tale_sql(struct tale *x, const char *indent, const char *what, const char *sql)
{
	const char *s, *line = sql;
	int begin = 1;

	if (sql == NULL || sql[0] == '\0')
		return;
	fprintf(x->f, "%s%s\n", indent, what);
	for (s = sql; *s != '\0'; s++) {
		if (begin) {
			fprintf(x->f, "%s    ", indent);
			line = s;
		}
		putc(((unsigned char)*s >= ' ' && *s != 0x7f) || *s == '\n' || *s == '\t' ?
		    *s : '?', x->f);
		begin = *s == '\n' && ends_statement(line, s);
	}
	if (s[-1] != '\n')
		putc('\n', x->f);
}

/* Is that an account of the server? */
static int
is_account(const struct graph *g, const char *name)
{
	uint32_t i;

	for (i = 0; i < g->nodes; i++)
		if (g->node[i].kind == NODE_ACCOUNT && strcmp(g->node[i].name, name) == 0)
			return 1;
	return 0;
}

/* The text of x->line, with the place in the policy before it. */
static void
begin_note(struct tale *x, unsigned line)
{
	const char *file = x->t->policy_file;

	buf_reset(&x->line);
	tale_flat(&x->line, file != NULL ? file : "policy");
	buf_fmt(&x->line, ":%u: ", line);
}

void
tale_notes(struct tale *x, void (*note)(struct tale *x, const char *text))
{
	const struct policy *p = x->t->policy;
	uint32_t i;

	for (i = 0; p->given && i < p->roles; i++) {
		if (strcmp(p->role[i].name, "*") == 0 || is_account(x->t->g, p->role[i].name))
			continue;
		begin_note(x, p->role[i].line);
		buf_str(&x->line, "there is no account ");
		tale_flat(&x->line, p->role[i].name);
		buf_str(&x->line, " on this server");
		note(x, buf_cstr(&x->line));
	}
	for (i = 0; i < p->excepts; i++) {
		if (p->except[i].used)
			continue;
		begin_note(x, p->except[i].line);
		buf_str(&x->line, "this exception covers nothing; take it away");
		note(x, buf_cstr(&x->line));
	}
}

/* ---- telling ------------------------------------------------------------------- */

int
tell(const struct telling *t, enum tell_format format, FILE *f, struct err *e)
{
	static int (*const tellers[])(struct tale *, struct err *) = {
		[TELL_TEXT] = tell_text, [TELL_JSON] = tell_json, [TELL_TAP] = tell_tap,
		[TELL_SARIF] = tell_sarif };
	struct tale x = { .t = t, .f = f };
	int r;

	if (t->baseline != NULL && (x.seen = calloc(t->baseline->n + 1, 1)) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	count(&x);
	r = find_shared(&x, e);
	if (r == 0)
		r = tellers[format](&x, e);
	if (r == 0)
		r = buf_check(&x.line, e);
	if (r == 0 && (fflush(f) != 0 || ferror(f)))
		r = err_sys(e, ERR_IO, "standard output: write");
	free(x.seen);
	free(x.first);
	buf_free(&x.line);
	json_free(&x.j);
	return r;
}
