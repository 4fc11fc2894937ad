/*
 * The meaning of a policy file: its sections become classes, roles and exceptions, and
 * whatever is not exactly right is refused with file and line.
 */
#include "audit/policy.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "audit/ini.h"
#include "audit/policy_private.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"

#define FILE_MAX (16 << 20)	/* bytes; a line for each of 100,000 roles is less */

struct policy_private {
	struct ini *builtin, *file;
	struct ini_setting **may;	/* of class i; app's may stem from builtin */
	const char *name, *today;
	uint32_t words;			/* of policy_words */
};

static int __attribute__((format(printf, 4, 5)))
bad(const struct policy *p, unsigned line, struct err *e, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	/* A message that is cut off still names file and line. */
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(e, ERR_CONFIG, "%s:%u: %s", p->priv->name, line, text);
}

static void *
room(size_t n, size_t size, struct err *e)
{
	void *x = calloc(n + 1, size);

	if (x == NULL)
		err_set(e, ERR_SYSTEM, "out of memory");
	return x;
}

/* ---- settings ------------------------------------------------------------------ */

static struct ini_setting *
find(const struct ini_section *s, const char *key)
{
	uint32_t i;

	for (i = 0; i < s->n; i++)
		if (strcmp(s->setting[i].key, key) == 0)
			return &s->setting[i];
	return NULL;
}

/* The one value of that key: NULL when it is not there. -1: there are several. */
static int
one(const struct policy *p, const struct ini_section *s, const char *key, const char **out,
    struct err *e)
{
	const struct ini_setting *set = find(s, key);

	if (set != NULL && set->n != 1)
		return bad(p, set->line, e, "%s= takes one value, not a list", key);
	*out = set != NULL ? set->value[0].text : NULL;
	return 0;
}

static int
needed(const struct policy *p, const struct ini_section *s, const char *key, const char **out,
    struct err *e)
{
	if (one(p, s, key, out, e) != 0)
		return -1;
	return *out != NULL ? 0 : bad(p, s->line, e, "[%s] without %s=", s->kind, key);
}

/* The list of that key, NULL-terminated; NULL when it is not there. */
static int
list(const struct ini_section *s, const char *key, const char ***out, struct err *e)
{
	const struct ini_setting *set = find(s, key);
	uint32_t i;

	*out = NULL;
	if (set == NULL)
		return 0;
	if ((*out = room(set->n, sizeof(**out), e)) == NULL)
		return -1;
	for (i = 0; i < set->n; i++)
		(*out)[i] = set->value[i].text;
	return 0;
}

/* ---- what sections there are ----------------------------------------------------- */

enum { TARGET, CLASS, ROLE, EXCEPT, KINDS };

static const struct {
	const char *kind;
	int named;
	const char *keys;	/* a blank before each and behind the last */
} kinds[KINDS] = {
	[TARGET] = { "target", 0, " env owner files " },
	[CLASS] = { "class", 1, " may " },
	[ROLE] = { "role", 1, " class db schema " },
	[EXCEPT] = { "except", 0, " id role object priv reason owner ticket until " },
};

static int
kind_of(const struct ini_section *s)
{
	int k;

	for (k = 0; k < KINDS; k++)
		if (strcmp(kinds[k].kind, s->kind) == 0)
			break;
	return k;
}

static int
is_key(int kind, const char *key)
{
	const char *hit = strstr(kinds[kind].keys, key);

	return hit != NULL && hit[-1] == ' ' && hit[strlen(key)] == ' ';
}

/* Sections and keys exist, and none is there twice. */
static int
check_shape(const struct policy *p, const struct ini_section *s, struct err *e)
{
	int kind = kind_of(s);
	uint32_t i;

	if (kind == KINDS)
		return bad(p, s->line, e, "there is no section [%.60s]; there are [target], "
		    "[class NAME], [role NAME] and [except]", s->kind);
	if (kinds[kind].named && s->name.text == NULL)
		return bad(p, s->line, e, "[%s NAME] needs a name", s->kind);
	if (!kinds[kind].named && s->name.text != NULL)
		return bad(p, s->line, e, "[%s] has no name", s->kind);
	for (i = 0; i < s->n; i++) {
		if (!is_key(kind, s->setting[i].key))
			return bad(p, s->setting[i].line, e, "[%s] has no %.60s=; it has:%s",
			    s->kind, s->setting[i].key, kinds[kind].keys);
		if (find(s, s->setting[i].key) != &s->setting[i])
			return bad(p, s->setting[i].line, e, "%s= is there twice",
			    s->setting[i].key);
	}
	return 0;
}

/* ---- classes ------------------------------------------------------------------- */

struct policy_class *
policy_class(const struct policy *p, const char *name)
{
	uint32_t i;

	for (i = 0; i < p->classes; i++)
		if (strcmp(p->class[i].name, name) == 0)
			return &p->class[i];
	return NULL;
}

/* Is that the file's own setting?  Then a second one is an error. */
static int
is_of(const struct ini *ini, const struct ini_setting *set)
{
	uint32_t i;

	for (i = 0; ini != NULL && i < ini->n; i++)
		if (ini->section[i].n > 0 && &ini->section[i].setting[0] == set)
			return 1;
	return 0;
}

static int
add_class(struct policy *p, const struct ini_section *s, struct err *e)
{
	struct policy_class *c = policy_class(p, s->name.text);
	struct ini_setting *may = find(s, "may");

	if (may == NULL)
		return bad(p, s->line, e, "[class %.60s] without may=", s->name.text);
	if (c != NULL && is_of(p->priv->file, p->priv->may[c - p->class]))
		return bad(p, s->line, e, "[class %.60s] is there twice", s->name.text);
	if (c == NULL)
		c = &p->class[p->classes++];
	c->name = s->name.text;
	c->builtin = is_of(p->priv->builtin, may);
	p->priv->may[c - p->class] = may;
	return 0;
}

static int
add_word(const struct policy *p, struct policy_class *c, const char *text, unsigned line,
    struct err *e)
{
	const struct policy_word *w = policy_word(text);
	const char *near;

	if (strcasecmp(text, "ALL") == 0)
		c->all = 1;
	else if (strcasecmp(text, "DDL") == 0) {
		for (w = policy_words; w->word != NULL; w++)
			if (w->ddl)
				c->may[c->n++] = w->word;
	} else if (w != NULL)
		c->may[c->n++] = w->word;
	else if ((near = policy_word_near(text)) != NULL)
		return bad(p, line, e, "there is no privilege %.60s; is %s meant?", text,
		    near);
	else
		return bad(p, line, e,
		    "there is no privilege %.60s; bulkhead-policy(5) lists them",
		    text);
	return 0;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
sort_words(struct policy_class *c)
{
	uint32_t i, n = 0;

	qsort(c->may, c->n, sizeof(*c->may), by_text);
	for (i = 0; i < c->n; i++)
		if (n == 0 || c->may[n - 1] != c->may[i])
			c->may[n++] = c->may[i];
	c->n = n;
}

/* What the setting says, added to what base may when it begins with a plus sign. */
static int
set_may(const struct policy *p, struct policy_class *c, const struct ini_setting *set,
    const struct policy_class *base, struct err *e)
{
	int plus = set->value[0].text[0] == '+';
	const char *word;
	uint32_t i;

	/* Every value may be DDL, which is fewer words than all. */
	c->may = room((size_t)p->priv->words * (set->n + 1), sizeof(*c->may), e);
	if (c->may == NULL)
		return -1;
	c->n = 0;
	c->all = plus && base->all;
	for (i = 0; plus && i < base->n; i++)
		c->may[c->n++] = base->may[i];
	for (i = 0; i < set->n; i++) {
		word = set->value[i].text;
		if (word[0] == '+' && !plus)
			return bad(p, set->line, e,
			    "may= adds to app with a + before its first "
			    "word, or before none");
		if (add_word(p, c, word[0] == '+' ? word + 1 : word, set->line, e) != 0)
			return -1;
	}
	sort_words(c);
	return 0;
}

/* app first, since the others may add to it. */
static int
resolve_classes(struct policy *p, struct err *e)
{
	const struct policy_class *app = policy_class(p, "app");
	struct policy_class usual = { .name = "app" };
	uint32_t i;
	int r;

	r = set_may(p, &usual, find(&p->priv->builtin->section[0], "may"), NULL, e);
	if (r == 0)
		r = set_may(p, policy_class(p, "app"), p->priv->may[app - p->class],
		    &usual, e);
	for (i = 0; r == 0 && i < p->classes; i++)
		if (&p->class[i] != app)
			r = set_may(p, &p->class[i], p->priv->may[i], app, e);
	free(usual.may);
	return r;
}

/* A class of the file's own that nobody has is a typing mistake. */
static int
check_used(const struct policy *p, struct err *e)
{
	uint32_t i, k;

	for (i = 0; i < p->classes; i++) {
		for (k = 0; k < p->roles; k++)
			if (p->role[k].class == &p->class[i])
				break;
		if (k == p->roles && !policy_is_builtin(p->class[i].name))
			return bad(p, p->priv->may[i]->line, e,
			    "no role is of the class %.60s",
			    p->class[i].name);
	}
	return 0;
}

/* ---- roles, exceptions, the target ------------------------------------------------- */

static int
add_role(struct policy *p, const struct ini_section *s, struct err *e)
{
	struct policy_role *r = &p->role[p->roles];
	const char *class;

	if (needed(p, s, "class", &class, e) != 0)
		return -1;
	if ((r->class = policy_class(p, class)) == NULL)
		return bad(p, s->line, e, "there is no class %.60s", class);
	if (s->name.quoted && strcmp(s->name.text, "*") == 0)
		return bad(p, s->line, e, "an account named * cannot have a line of its own");
	r->name = s->name.text;
	r->line = s->line;
	p->roles++;
	return list(s, "db", &r->db, e) == 0 ? list(s, "schema", &r->schema, e) : -1;
}

static int
by_name(const void *a, const void *b)
{
	const struct policy_role *const *x = a, *const *y = b;
	int c = strcmp((*x)->name, (*y)->name);

	return c != 0 ? c : (*x)->line < (*y)->line ? -1 : (*x)->line > (*y)->line;
}

static int
check_roles(const struct policy *p, struct err *e)
{
	const struct policy_role **sorted = room(p->roles, sizeof(struct policy_role *), e);
	uint32_t i;
	int r = 0;

	if (sorted == NULL)
		return -1;
	for (i = 0; i < p->roles; i++)
		sorted[i] = &p->role[i];
	qsort(sorted, p->roles, sizeof(*sorted), by_name);
	for (i = 1; i < p->roles && r == 0; i++)
		if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
			r = bad(p, sorted[i]->line, e,
			    "[role %.60s] is there twice, first in line %u",
			    sorted[i]->name, sorted[i - 1]->line);
	free(sorted);
	return r;
}

static int
is_date(const char *text)
{
	char full[] = "YYYY-MM-DDT00:00Z";
	struct err ignored;
	int64_t us;

	if (strlen(text) != 10)
		return 0;
	memcpy(full, text, 10);
	return clock_parse(full, &us, &ignored) == 0;
}

static int
add_except(struct policy *p, const struct ini_section *s, struct err *e)
{
	struct policy_except *x = &p->except[p->excepts];
	const struct policy_word *w = NULL;

	if (needed(p, s, "id", &x->id, e) != 0 || needed(p, s, "role", &x->role, e) != 0 ||
	    one(p, s, "object", &x->object, e) != 0 || one(p, s, "priv", &x->priv, e) != 0 ||
	    needed(p, s, "reason", &x->reason, e) != 0 ||
	    needed(p, s, "owner", &x->owner, e) != 0 ||
	    one(p, s, "ticket", &x->ticket, e) != 0 ||
	    needed(p, s, "until", &x->until, e) != 0)
		return -1;
	if (check_find(x->id) == NULL)
		return bad(p, s->line, e, "there is no check %.60s; privaudit(1) lists them",
		    x->id);
	if (!is_date(x->until))
		return bad(p, s->line, e, "until=%.60s is no date such as 2027-03-01",
		    x->until);
	if (x->priv != NULL && (w = policy_word(x->priv)) == NULL)
		return bad(p, s->line, e, "there is no privilege %.60s", x->priv);
	if (x->priv != NULL)
		x->priv = w->word;
	x->line = s->line;
	x->expired = strcmp(x->until, p->priv->today) < 0;
	p->excepts++;
	return 0;
}

static int
set_target(struct policy *p, const struct ini_section *s, struct err *e)
{
	if (p->file != NULL || p->env != NULL || p->owner != NULL)
		return bad(p, s->line, e, "[target] is there twice");
	if (one(p, s, "env", &p->env, e) != 0 || one(p, s, "owner", &p->owner, e) != 0 ||
	    list(s, "files", &p->file, e) != 0)
		return -1;
	if (p->env != NULL && strcmp(p->env, "production") != 0 &&
	    strcmp(p->env, "staging") != 0 && strcmp(p->env, "development") != 0)
		return bad(p, s->line, e,
		    "env=%.60s: an environment is production, staging or development", p->env);
	return 0;
}

/* ---- the whole ----------------------------------------------------------------- */

/* All sections of that kind. */
static int
take(struct policy *p, const struct ini *ini, int kind, struct err *e)
{
	static int (*const taker[KINDS])(struct policy *, const struct ini_section *,
	    struct err *) = { set_target, add_class, add_role, add_except };
	uint32_t i;

	for (i = 0; i < ini->n; i++)
		if (kind_of(&ini->section[i]) == kind &&
		    taker[kind](p, &ini->section[i], e) != 0)
			return -1;
	return 0;
}

static int
read_file(struct policy *p, struct err *e)
{
	const struct ini *ini = p->priv->file;
	uint32_t i;

	for (i = 0; i < ini->n; i++)
		if (check_shape(p, &ini->section[i], e) != 0)
			return -1;
	if (take(p, ini, TARGET, e) != 0 || take(p, ini, CLASS, e) != 0 ||
	    resolve_classes(p, e) != 0 || take(p, ini, ROLE, e) != 0 ||
	    take(p, ini, EXCEPT, e) != 0)
		return -1;
	return check_roles(p, e) == 0 ? check_used(p, e) : -1;
}

/* Without a file: what an account is taken for, whatever its name. */
static void
add_usual(struct policy *p)
{
	static const char *const class[POLICY_USUALS] = { [POLICY_USUAL_ADMIN] = "admin",
		[POLICY_USUAL_SHIP] = "ship", [POLICY_USUAL_APP] = "app" };

	for (; p->roles < POLICY_USUALS; p->roles++) {
		p->role[p->roles].name = "*";
		p->role[p->roles].class = policy_class(p, class[p->roles]);
	}
}

static int
fill(struct policy *p, const char *text, size_t len, struct err *e)
{
	struct policy_private *v = p->priv;
	size_t n;

	while (policy_words[v->words].word != NULL)
		v->words++;
	v->builtin = ini_parse("built-in", policy_builtin, strlen(policy_builtin), e);
	if (v->builtin == NULL)
		return -1;
	if (text != NULL && (v->file = ini_parse(v->name, text, len, e)) == NULL)
		return -1;
	n = v->builtin->n + (v->file != NULL ? v->file->n : 0);
	if ((p->class = room(n, sizeof(*p->class), e)) == NULL ||
	    (p->role = room(n, sizeof(*p->role), e)) == NULL ||
	    (p->except = room(n, sizeof(*p->except), e)) == NULL ||
	    (v->may = room(n, sizeof(struct ini_setting *), e)) == NULL)
		return -1;
	if (take(p, v->builtin, CLASS, e) != 0)
		return -1;
	if (v->file != NULL)
		return read_file(p, e);
	add_usual(p);
	return resolve_classes(p, e);
}

struct policy *
policy_parse(const char *name, const char *text, size_t len, const char *today, struct err *e)
{
	struct policy *p = room(1, sizeof(*p), e);

	if (p == NULL || (p->priv = room(1, sizeof(*p->priv), e)) == NULL) {
		policy_free(p);
		return NULL;
	}
	p->given = text != NULL;
	p->priv->name = name;
	p->priv->today = today;
	if (fill(p, text, len, e) != 0) {
		policy_free(p);
		return NULL;
	}
	p->priv->name = p->priv->today = NULL;	/* the caller's */
	return p;
}

struct policy *
policy_read(const char *path, const char *today, struct err *e)
{
	struct buf text = BUF_INIT;
	struct policy *p = NULL;

	if (path == NULL)
		return policy_parse(NULL, NULL, 0, today, e);
	if (io_read_file(path, FILE_MAX, &text, e) != 0)
		err_context(e, "policy");
	else
		p = policy_parse(path, buf_cstr(&text), text.len, today, e);
	buf_free(&text);
	return p;
}

void
policy_free(struct policy *p)
{
	uint32_t i;

	if (p == NULL)
		return;
	for (i = 0; i < p->classes; i++)
		free(p->class[i].may);
	for (i = 0; p->role != NULL && p->role[i].name != NULL; i++) {
		free(p->role[i].db);
		free(p->role[i].schema);
	}
	free(p->class);
	free(p->role);
	free(p->except);
	free(p->file);
	if (p->priv != NULL) {
		ini_free(p->priv->builtin);
		ini_free(p->priv->file);
		free(p->priv->may);
	}
	free(p->priv);
	free(p);
}
