/*
 * Who else uses an account: another environment (B8), and applications (B9).
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/host_private.h"
#include "audit/jsonline.h"
#include "audit/reach.h"
#include "base/hex.h"
#include "base/io.h"

#define APPLICATION_MAX (16 << 20)

/* ---- another environment --------------------------------------------------------------- */

struct other {
	struct graph *g;
	const struct policy *p;
	const char *path;
	const char **name;	/* its accounts */
	size_t n, cap;
	const char *environment, *server;
	int ended;
	unsigned line;
};

static int
corrupt(const struct other *o, const char *what, struct err *e)
{
	return err_set(e, ERR_CORRUPT, "%s:%u: %s", o->path, o->line, what);
}

static int
add_name(struct other *o, const char *name, struct err *e)
{
	const char **more;

	if (o->n == o->cap) {
		o->cap = o->cap == 0 ? 64 : o->cap * 2;
		if ((more = reallocarray(o->name, o->cap, sizeof(*more))) == NULL)
			return err_set(e, ERR_SYSTEM, "out of memory");
		o->name = more;
	}
	o->name[o->n++] = graph_string(o->g, name);
	return 0;
}

static int
read_line(struct other *o, char *text, size_t len, struct err *e)
{
	const char *type = "", *account = NULL, *environment = NULL, *server = NULL;
	struct jsonline_member m;
	struct jsonline l;
	int r;

	o->line++;
	if (o->ended)
		return corrupt(o, "something behind the result", e);
	jsonline_begin(&l, text, len);
	while ((r = jsonline_next(&l, &m)) > 0) {
		if (m.kind != JSONLINE_STRING)
			continue;
		if (strcmp(m.key, "type") == 0)
			type = m.text;
		else if (strcmp(m.key, "account") == 0)
			account = m.text;
		else if (strcmp(m.key, "environment") == 0)
			environment = m.text;
		else if (strcmp(m.key, "server") == 0)
			server = m.text;
	}
	if (r < 0)
		return corrupt(o, "no output of privaudit --json", e);
	if (strcmp(type, "account") == 0)
		return account == NULL ? corrupt(o, "an account without a name", e)
		                       : add_name(o, account, e);
	if (strcmp(type, "result") == 0) {
		o->environment = graph_string(o->g, environment);
		o->server = graph_string(o->g, server);
		o->ended = 1;
	}
	return 0;
}

static int
read_other(struct other *o, struct err *e)
{
	FILE *f = fopen(o->path, "re");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int r = 0;

	if (f == NULL)
		return err_sys(e, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s", o->path);
	while (r == 0 && (n = getline(&line, &cap, f)) > 0)
		r = read_line(o, line, (size_t)n - (line[n - 1] == '\n'), e);
	if (r == 0 && ferror(f))
		r = err_sys(e, ERR_IO, "%s: read", o->path);
	free(line);
	if (fclose(f) != 0 && r == 0)
		r = err_sys(e, ERR_IO, "%s: close", o->path);
	if (r == 0 && !o->ended)
		r = err_set(e, ERR_CORRUPT, "%s: its result is missing: that run did not end",
		    o->path);
	return r;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
compare_accounts(struct other *o)
{
	struct graph_basis b = { .row = o->path, .advice = "give each environment logins and "
	    "passwords of its own, so that one of staging opens nothing in production" };
	const struct graph_node *n;
	uint32_t i;

	if (o->n > 0)
		qsort(o->name, o->n, sizeof(*o->name), by_name);
	for (i = 0; i < o->g->nodes; i++) {
		n = &o->g->node[i];
		if (n->kind != NODE_ACCOUNT || !n->login || n->bootstrap || n->builtin
		    || o->n == 0
		    || bsearch(&n->name, o->name, o->n, sizeof(*o->name), by_name) == NULL)
			continue;
		b.why = graph_printf(o->g, "%s can log in here and in %s (%s), perhaps with "
		    "the same password", n->name,
		    o->environment != NULL ? o->environment : "another environment",
		    o->server != NULL ? o->server : o->path);
		graph_fault(o->g, "B8", SEVERITY_MEDIUM, SINK_READ_ALL, n->name, &b);
	}
}

int
host_also(struct graph *g, const struct policy *p, const char *path, struct err *e)
{
	struct other o = { .g = g, .p = p, .path = path };
	int r = read_other(&o, e);

	if (r == 0 && o.environment != NULL && p->env != NULL
	    && strcmp(o.environment, p->env) == 0)
		r = err_set(e, ERR_CONFIG, "%s is of the environment %s, as this run is", path,
		    p->env);
	if (r == 0) {
		compare_accounts(&o);
		r = graph_check(g, e);
	}
	free(o.name);
	return r;
}

/* ---- names in files ------------------------------------------------------------------- */

/* Does the key before end, which may have quotes around it, end in "user" or "username"? */
static int
is_user_key(const char *line, const char *end)
{
	static const char *const words[] = { "user", "username" };
	size_t i, n;

	while (end > line && (isspace((unsigned char)end[-1])
	    || end[-1] == '"' || end[-1] == '\''))
		end--;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		n = strlen(words[i]);
		if ((size_t)(end - line) >= n && strncasecmp(end - n, words[i], n) == 0)
			return 1;
	}
	return 0;
}

static const char *
skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* The value at p, with its quotes or up to where such files end it. */
static size_t
value_length(const char **p)
{
	char quote;

	*p = skip_blanks(*p);
	quote = **p;
	if (quote == '"' || quote == '\'') {
		++*p;
		return strcspn(*p, quote == '"' ? "\"" : "'");
	}
	return strcspn(*p, " \t\r,;&#<>)}]");
}

static void
tell(const char *p, size_t n, unsigned line, void (*each)(void *, const char *, unsigned),
    void *ctx)
{
	char name[256];

	if (n == 0 || n >= sizeof(name))
		return;
	memcpy(name, p, n);
	name[n] = '\0';
	each(ctx, name, line);
}

/* key=value, key: value, "key" => value */
static void
scan_keys(const char *text, unsigned line, void (*each)(void *, const char *, unsigned),
    void *ctx)
{
	const char *p, *value;
	size_t n;

	for (p = text; (p = strpbrk(p, "=:")) != NULL; p++) {
		if (!is_user_key(text, p))
			continue;
		value = p[1] == '>' ? p + 2 : p + 1;
		n = value_length(&value);
		tell(value, n, line, each, ctx);
	}
}

/* scheme://user:password@host, with %40 and its like. */
static void
scan_uris(const char *text, unsigned line, void (*each)(void *, const char *, unsigned),
    void *ctx)
{
	const char *p, *end;
	char name[256], hex[3] = "";
	uint8_t byte;
	size_t n;

	for (p = text; (p = strstr(p, "://")) != NULL;) {
		p += 3;
		end = p + strcspn(p, "/ \t\r\"'<>");
		if (memchr(p, '@', (size_t)(end - p)) == NULL)
			continue;
		for (n = 0; *p != ':' && *p != '@' && n < sizeof(name); p++) {
			name[n++] = *p;
			if (*p != '%' || !isxdigit((unsigned char)p[1])
			    || !isxdigit((unsigned char)p[2]))
				continue;
			hex[0] = (char)tolower((unsigned char)p[1]);
			hex[1] = (char)tolower((unsigned char)p[2]);
			if (hex_decode(&byte, 1, hex) == 0)
				name[n - 1] = (char)byte;
			p += 2;
		}
		tell(name, n, line, each, ctx);
	}
}

/* host:port:database:user:password, where \: is a colon. */
static void
scan_pgpass(const char *text, unsigned line, void (*each)(void *, const char *, unsigned),
    void *ctx)
{
	char name[256];
	const char *p;
	unsigned field = 0;
	size_t n = 0;

	for (p = text; *p != '\0' && field < 4; p++) {
		if (*p == ':') {
			field++;
			continue;
		}
		if (*p == '\\' && p[1] != '\0')
			p++;
		if (field == 3 && n < sizeof(name))
			name[n++] = *p;
	}
	if (field == 4 && strstr(text, "://") == NULL && n < sizeof(name))
		tell(name, n, line, each, ctx);
}

void
host_users(char *text, void (*each)(void *ctx, const char *user, unsigned line), void *ctx)
{
	char *line, *end;
	unsigned n = 1;

	for (line = text; line != NULL; line = end == NULL ? NULL : end + 1, n++) {
		if ((end = strchr(line, '\n')) != NULL)
			*end = '\0';
		scan_keys(line, n, each, ctx);
		scan_uris(line, n, each, ctx);
		scan_pgpass(line, n, each, ctx);
	}
}

/* ---- elevated accounts ------------------------------------------------------------------ */

/* Is all that this class may an application's? */
static int
is_of_application(const struct policy_role *app, const struct policy_class *c)
{
	struct graph_power w = { .priv = NULL };
	uint32_t i;

	for (i = 0; i < c->n; i++) {
		w.priv = c->may[i];
		if (!policy_may(app, &w))
			return 0;
	}
	return !c->all;
}

/*
 * Does it reach, without a breach, what no application may?  One that is an application by
 * its class, and has too much, is found by other checks, unless that is everything.
 */
static int
is_elevated(const struct reach *r, const struct policy_role *app,
    const struct policy_role *own)
{
	int application = own != NULL && is_of_application(app, own->class);
	const struct graph *g = r->g;
	const struct graph_power *w;
	uint32_t i, k, node;

	for (i = 0; i < r->n; i++) {
		node = reach_node(r, r->queue[i]);
		if (g->node[node].kind == NODE_PUBLIC)
			continue;
		for (k = g->power_from[node]; k < g->power_from[node + 1]; k++) {
			w = &g->power[k];
			if (w->sink == SINK_NONE || w->needs != reach_how(r->queue[i])
			    || !reach_open(r, w->gate, 0)
			    || (application && w->sink != SINK_SUPER && w->sink != SINK_OS))
				continue;
			if (!policy_may(app, w))
				return 1;
		}
	}
	return 0;
}

struct search {
	struct graph *g;
	const struct policy *p;
	const char *path;
	const struct policy_role *app;
	struct reach reach;
};

/* The name in front of the host, in 'name'@'host'; else the whole. */
static int
is_account(const char *node, const char *user)
{
	size_t n = strlen(user);

	if (strcmp(node, user) == 0)
		return 1;
	return node[0] == '\'' && strncmp(node + 1, user, n) == 0
	    && strncmp(node + 1 + n, "'@'", 3) == 0;
}

/* One name in a file, once for each account of that name that is elevated. */
static void
found(void *ctx, const char *user, unsigned line)
{
	struct search *s = ctx;
	struct graph_basis b = { .row = s->path,
		.advice = "give the application a login of its own, of class app, and change "
		    "this one's password" };
	const struct graph_node *n;
	const char *subject;
	uint32_t i, k;

	for (i = 0; i < s->g->nodes; i++) {
		n = &s->g->node[i];
		if (n->kind != NODE_ACCOUNT || !n->login || !is_account(n->name, user))
			continue;
		subject = graph_printf(s->g, "%s in %s", n->name, s->path);
		for (k = 0; k < s->g->faults; k++)
			if (s->g->fault[k].subject == subject)
				break;
		if (k < s->g->faults)
			continue;
		reach_run(&s->reach, i, NULL, 1);
		if (!is_elevated(&s->reach, s->app, policy_role(s->p, s->g, i)))
			continue;
		b.why = graph_printf(s->g,
		    "%s:%u names %s, which can do more than an application may",
		    s->path, line, n->name);
		graph_fault(s->g, "B9", SEVERITY_CRITICAL, SINK_SUPER, subject, &b);
	}
}

static void
search_file(struct search *s)
{
	struct buf text = BUF_INIT;
	struct err why = ERR_INIT;

	if (io_read_file(s->path, APPLICATION_MAX, &text, &why) == -1
	    || (buf_cstr(&text), buf_check(&text, &why)) == -1)
		graph_unknown(s->g, "B9", s->path, why.msg, NULL);
	else
		host_users((char *)text.data, found, s);
	/* There are passwords in it. */
	buf_wipe(&text);
}

int
host_files(struct graph *g, const struct policy *p, struct err *e)
{
	struct policy_role app = { .name = "app", .class = policy_class(p, "app") };
	struct search s = { .g = g, .p = p, .app = &app };
	uint32_t i;

	if (p->file == NULL)
		return 0;
	if (reach_init(&s.reach, g, e) == -1) {
		reach_free(&s.reach);
		return -1;
	}
	for (i = 0; p->file[i] != NULL; i++) {
		s.path = p->file[i];
		search_file(&s);
	}
	reach_free(&s.reach);
	return graph_check(g, e);
}
