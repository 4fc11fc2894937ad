/*
 * A verdict as JSON Lines, for programs; baseline.c reads them again.
 */
#include "audit/tell_private.h"

static void
add_path(struct tale *x, const struct finding *f)
{
	uint32_t i, first = f->account;

	if (f->power != NULL)
		first = f->steps > 0 ? f->step[0]->from : f->power->from;
	json_open(&x->j, "path", '[');
	json_str(&x->j, NULL, x->t->g->node[f->account].name);
	if (first != f->account)	/* what everybody may */
		json_str(&x->j, NULL, x->t->g->node[first].name);
	for (i = 0; i < f->steps; i++)
		json_str(&x->j, NULL, f->step[i]->basis->why);
	if (f->power != NULL) {
		json_str(&x->j, NULL, f->power->basis->why);
		json_str(&x->j, NULL, f->power->act);
	}
	json_close(&x->j, ']');
	json_open(&x->j, "rows", '[');
	for (i = 0; i < f->steps; i++)
		json_str(&x->j, NULL, f->step[i]->basis->row);
	if (f->power != NULL)
		json_str(&x->j, NULL, f->power->basis->row);
	json_close(&x->j, ']');
}

static void
add_place(struct tale *x, const struct finding *f)
{
	const struct graph_set *set = f->power != NULL ? f->power->set : NULL;

	json_str(&x->j, "privilege", f->power != NULL ? f->power->priv : NULL);
	json_str(&x->j, "database", set != NULL && set->db[0] != '\0' ? set->db : NULL);
	json_str(&x->j, "schema", set != NULL && set->schema[0] != '\0' ? set->schema : NULL);
	json_str(&x->j, "kind", set != NULL && set->kind[0] != '\0' ? set->kind : NULL);
	json_str(&x->j, "object", f->object);
	json_uint(&x->j, "objects", f->objects);
}

static const char *
or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

static void
add_fix(struct tale *x, const struct finding *f)
{
	const struct finding *first = tale_fix_of(x, f);
	const struct finding_fix *sql = tale_has_sql(f) ? f->fix : NULL;

	json_str(&x->j, "fix", sql != NULL && first == NULL ? sql->sql : NULL);
	json_str(&x->j, "undo", sql != NULL && first == NULL ? or_null(sql->undo) : NULL);
	json_str(&x->j, "fix_of", first != NULL ? first->fingerprint : NULL);
	json_str(&x->j, "advice", f->fix != NULL ? or_null(f->fix->advice) : NULL);
	if (sql != NULL)
		json_uint(&x->j, "remaining", sql->remaining);
	else
		json_str(&x->j, "remaining", NULL);
	json_str(&x->j, "remains", sql != NULL && sql->remaining > 0 ? sql->remains : NULL);
}

static void
add_proof(struct tale *x, const struct proof *p)
{
	if (p == NULL)
		return;
	json_open(&x->j, "proof", '{');
	json_str(&x->j, "outcome", proof_word(p->outcome));
	json_str(&x->j, "statement", p->statement);
	json_str(&x->j, "words", p->words);
	json_close(&x->j, '}');
}

static void
add_expired(struct tale *x, const struct policy_except *ex)
{
	if (ex == NULL) {
		json_str(&x->j, "expired", NULL);
		return;
	}
	json_open(&x->j, "expired", '{');
	json_uint(&x->j, "line", ex->line);
	json_str(&x->j, "until", ex->until);
	json_str(&x->j, "owner", ex->owner);
	json_str(&x->j, "reason", ex->reason);
	json_close(&x->j, '}');
}

static int
print_finding(struct tale *x, const struct finding *f, struct err *e)
{
	const struct baseline_entry *was = x->t->baseline != NULL ?
	    baseline_find(x->t->baseline, f->fingerprint) : NULL;

	json_begin(&x->j, f->fault != NULL ? "fault" : "finding");
	json_str(&x->j, "fingerprint", f->fingerprint);
	json_str(&x->j, "check", f->check->id);
	json_str(&x->j, "severity", severity_name(f->severity));
	json_str(&x->j, f->fault != NULL ? "subject" : "account", tale_subject(x, f));
	if (f->fault == NULL)
		json_str(&x->j, "class", or_null(tale_class(x, f)));
	json_str(&x->j, "sink", sink_name(f->sink));
	json_str(&x->j, "text", tale_line(x, f));
	if (f->fault == NULL) {
		add_path(x, f);
		add_place(x, f);
	}
	add_expired(x, f->expired);
	add_fix(x, f);
	add_proof(x, tale_proof(x, f));
	if (x->t->baseline != NULL)
		json_str(&x->j, "state", tell_state_name(tale_state(x, f)));
	if (was != NULL) {
		json_str(&x->j, "was_severity", severity_name(was->severity));
		json_uint(&x->j, "was_objects", was->objects);
	}
	json_bool(&x->j, "fails", tale_fails(x, f));
	return json_write(&x->j, x->f, e);
}

/* Who can log in: what --also of another environment's run compares. */
static int
print_accounts(struct tale *x, struct err *e)
{
	const struct telling *t = x->t;
	const struct policy_role *r;
	uint32_t i;

	for (i = 0; t->accounts && i < t->g->nodes; i++) {
		if (t->g->node[i].kind != NODE_ACCOUNT || !t->g->node[i].login ||
		    t->g->node[i].builtin)
			continue;
		r = policy_role(t->policy, t->g, i);
		json_begin(&x->j, "account");
		json_str(&x->j, "account", t->g->node[i].name);
		json_str(&x->j, "class", r != NULL ? r->class->name : NULL);
		if (json_write(&x->j, x->f, e) != 0)
			return -1;
	}
	return 0;
}

static int
print_unknown(struct tale *x, const struct graph_unknown *u, struct err *e)
{
	json_begin(&x->j, "unknown");
	json_str(&x->j, "check", u->check->id);
	json_str(&x->j, "what", u->what);
	json_str(&x->j, "why", u->why);
	json_str(&x->j, "grant", u->grant);
	return json_write(&x->j, x->f, e);
}

static int
print_gone(struct tale *x, const struct baseline_entry *was, struct err *e)
{
	json_begin(&x->j, "gone");
	json_str(&x->j, "fingerprint", was->fingerprint);
	json_str(&x->j, "check", was->check);
	json_str(&x->j, "severity", severity_name(was->severity));
	json_str(&x->j, "account", was->subject);
	json_str(&x->j, "sink", was->sink);
	json_str(&x->j, "text", was->path);
	return json_write(&x->j, x->f, e);
}

/* What cannot be written shows at the end: the file remembers, and so does the buffer. */
static void
print_note(struct tale *x, const char *text)
{
	struct err ignored;

	json_begin(&x->j, "note");
	json_str(&x->j, "text", text);
	(void)json_write(&x->j, x->f, &ignored);
}

static void
add_proved(struct tale *x)
{
	if (x->t->proofs == NULL)
		return;
	json_uint(&x->j, "confirmed", x->proved[PROOF_CONFIRMED]);
	json_uint(&x->j, "refuted", x->proved[PROOF_REFUTED]);
	json_uint(&x->j, "untried", x->proved[PROOF_UNTRIED]);
}

static int
print_result(struct tale *x, struct err *e)
{
	int s;

	json_begin(&x->j, "result");
	json_int(&x->j, "status", err_exit_status(tell_outcome(x->t)));
	json_str(&x->j, "server", x->t->server);
	json_str(&x->j, "policy", x->t->policy->given ? x->t->policy_file : NULL);
	json_str(&x->j, "environment", x->t->policy->env);
	json_str(&x->j, "fail_on", severity_name(x->t->fail_on));
	json_uint(&x->j, "accounts", x->t->v->accounts);
	json_uint(&x->j, "findings", x->t->v->n);
	for (s = SEVERITY_CRITICAL; s >= SEVERITY_LOW; s--)
		json_uint(&x->j, severity_name((enum severity)s), x->severity[s]);
	json_uint(&x->j, "failing", x->failing);
	json_uint(&x->j, "unknown", x->t->g->unknowns);
	json_uint(&x->j, "excepted", x->t->v->excepted);
	if (x->t->baseline != NULL) {
		json_uint(&x->j, "new", x->state[TELL_NEW]);
		json_uint(&x->j, "changed", x->state[TELL_WORSE] + x->state[TELL_CHANGED]);
		json_uint(&x->j, "gone", x->gone);
	}
	add_proved(x);
	return json_write(&x->j, x->f, e);
}

int
tell_json(struct tale *x, struct err *e)
{
	const struct telling *t = x->t;
	uint32_t i;

	if (print_accounts(x, e) != 0)
		return -1;
	for (i = 0; i < t->v->n; i++)
		if (print_finding(x, &t->v->finding[i], e) != 0)
			return -1;
	for (i = 0; i < t->g->unknowns; i++)
		if (print_unknown(x, &t->g->unknown[i], e) != 0)
			return -1;
	for (i = 0; t->baseline != NULL && i < t->baseline->n; i++)
		if (!x->seen[i] && print_gone(x, &t->baseline->entry[i], e) != 0)
			return -1;
	tale_notes(x, print_note);
	return print_result(x, e);
}
