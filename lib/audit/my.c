/*
 * Reads a MySQL or MariaDB server: connects, calls the readers in their order, and what
 * they share: asking, accounts, quoting.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "audit/my_private.h"

#define PROGRAM "privaudit"

/* ---- asking ------------------------------------------------------------------------ */

struct asking {
	struct audit_my *a;
	audit_my_row *row;
	void *ctx;
};

static int
hand_on(void *ctx, const struct my_row *row, struct err *e)
{
	struct asking *q = ctx;

	return q->row(q->a, row, q->ctx, e);
}

int
audit_my_ask(struct audit_my *a, const char *check, const char *what, const char *grant,
    const char *sql, audit_my_row *row, void *ctx, struct err *e)
{
	struct asking q = { a, row, ctx };

	if (my_rows(a->my, sql, hand_on, &q, e) == 0)
		return 1;
	if (e->kind != ERR_REFUSED && e->kind != ERR_NOTFOUND && e->kind != ERR_BUSY)
		return -1;
	if (check != NULL)
		graph_unknown(a->g, check, what, e->msg, grant);
	err_clear(e);
	return 0;
}

int
audit_my_ask_accounts(struct audit_my *a, const char *select, audit_my_row *row,
    const char **from, struct err *e)
{
	int rc;

	*from = graph_printf(a->g, "(%s)", select);
	if ((rc = audit_my_ask(a, NULL, NULL, NULL, select, row, NULL, e)) != 0)
		return rc;
	*from = AUDIT_MY_SCHEMA ".accounts";
	return audit_my_ask(a, "M2", "the accounts", audit_my_grants(a->my->mariadb),
	    "SELECT * FROM " AUDIT_MY_SCHEMA ".accounts", row, NULL, e);
}

const char *
audit_my_text(const struct my_row *row, unsigned i)
{
	return i < row->n && row->value[i] != NULL ? row->value[i] : "";
}

/* ---- text -------------------------------------------------------------------------- */

const char *
audit_my_ident(struct audit_my *a, const char *name)
{
	struct buf b = BUF_INIT;
	const char *s;

	my_quote(&b, name);
	s = graph_string(a->g, buf_cstr(&b));
	buf_free(&b);
	return s;
}

/* A backslash is an escape in literals unless sql_mode says otherwise. */
const char *
audit_my_literal(struct audit_my *a, const char *text)
{
	struct buf b = BUF_INIT;
	const char *s;

	buf_u8(&b, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			buf_u8(&b, (uint8_t)*text);
		buf_u8(&b, (uint8_t)*text);
	}
	buf_u8(&b, '\'');
	s = graph_string(a->g, buf_cstr(&b));
	buf_free(&b);
	return s;
}

const char *
audit_my_escaped(struct audit_my *a, const char *database)
{
	struct buf b = BUF_INIT;
	const char *s;

	for (; *database != '\0'; database++) {
		if (*database == '_' || *database == '%' || *database == '\\')
			buf_u8(&b, '\\');
		buf_u8(&b, (uint8_t)*database);
	}
	s = graph_string(a->g, buf_cstr(&b));
	buf_free(&b);
	return s;
}

/* The grant tables write the names of routines so; they mean the same in every case. */
const char *
audit_my_lower(struct audit_my *a, const char *name)
{
	struct buf b = BUF_INIT;
	const char *s;

	for (; *name != '\0'; name++)
		buf_u8(&b, (uint8_t)tolower((unsigned char)*name));
	s = graph_string(a->g, buf_cstr(&b));
	buf_free(&b);
	return s;
}

const char *
audit_my_template(struct audit_my *a, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	const char *s;
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return graph_string(a->g, "");
	for (s = text; *s != '\0'; s++) {
		if (*s == '%')
			buf_u8(&b, '%');
		buf_u8(&b, (uint8_t)*s);
	}
	s = graph_string(a->g, buf_cstr(&b));
	buf_free(&b);
	free(text);
	return s;
}

int
audit_my_pattern(struct audit_my *a, const char *pattern, const char **name)
{
	struct buf b = BUF_INIT;
	const char *p;
	int exact = 1;

	for (p = pattern; *p != '\0'; p++) {
		if (*p == '\\' && (p[1] == '_' || p[1] == '%' || p[1] == '\\'))
			p++;
		else if ((*p == '_' || *p == '%') && !a->partial_revokes)
			exact = 0;
		buf_u8(&b, (uint8_t)*p);
	}
	*name = graph_string(a->g, buf_cstr(&b));
	buf_free(&b);
	return exact;
}

/* ---- accounts ---------------------------------------------------------------------- */

/* 'user'@'host', as people write it. */
static const char *
account_name(struct audit_my *a, const char *user, const char *host)
{
	struct buf b = BUF_INIT;
	const char *part[2] = { user, host }, *p;
	int i;

	for (i = 0; i < 2; i++) {
		buf_str(&b, i == 0 ? "'" : "@'");
		for (p = part[i]; *p != '\0'; p++) {
			if (*p == '\'')
				buf_u8(&b, '\'');
			buf_u8(&b, (uint8_t)*p);
		}
		buf_u8(&b, '\'');
	}
	p = graph_string(a->g, buf_cstr(&b));
	buf_free(&b);
	return p;
}

/* Those that a server was made with: root of its host; Debian's MariaDB adds mysql. */
static int
is_bootstrap(const struct audit_my *a, const char *user, const char *host)
{
	if (strcmp(user, "root") == 0)
		return strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 ||
		    strcmp(host, "::1") == 0 ||
		    (*a->hostname != '\0' && strcasecmp(host, a->hostname) == 0);
	return a->my->mariadb && strcmp(user, "mysql") == 0 && strcmp(host, "localhost") == 0;
}

struct audit_my_account *
audit_my_account_new(struct audit_my *a, const char *user, const char *host, int role)
{
	struct audit_my_account *x;
	const char *name = role ? user : account_name(a, user, host);

	if (a->accounts == a->cap) {
		uint32_t cap = a->cap == 0 ? 64 : a->cap * 2;

		if ((x = realloc(a->account, cap * sizeof(*x))) == NULL)
			return NULL;
		a->account = x;
		a->cap = cap;
	}
	x = &a->account[a->accounts++];
	memset(x, 0, sizeof(*x));
	x->user = graph_string(a->g, user);
	x->host = graph_string(a->g, host);
	x->plugin = "";
	x->lifetime = -1;
	x->role = role != 0;
	x->bootstrap = is_bootstrap(a, user, host) && !role;
	x->sql = role ? audit_my_ident(a, user) : graph_printf(a->g, "%s@%s",
	    audit_my_ident(a, user), audit_my_ident(a, host));
	if (role && a->my->mariadb && strcmp(user, "PUBLIC") == 0) {
		x->sql = "PUBLIC";
		x->node = a->everyone;
		return x;
	}
	x->node = graph_node(a->g, NODE_ACCOUNT, name, x->sql);
	a->g->node[x->node].bootstrap = x->bootstrap;
	a->g->node[x->node].builtin = strcmp(user, "mariadb.sys") == 0 ||
	    strncmp(user, "mysql.", 6) == 0;
	return x;
}

static int
by_name(const void *a, const void *b)
{
	const struct audit_my_account *x = a, *y = b;
	int d = strcmp(x->user, y->user);

	return d != 0 ? d : strcmp(x->host, y->host);
}

void
audit_my_accounts_sort(struct audit_my *a)
{
	if (a->accounts > 0)
		qsort(a->account, a->accounts, sizeof(*a->account), by_name);
}

struct audit_my_account *
audit_my_account(const struct audit_my *a, const char *user, const char *host)
{
	struct audit_my_account key;

	key.user = user;
	key.host = host;
	return a->accounts == 0 ? NULL :
	    bsearch(&key, a->account, a->accounts, sizeof(key), by_name);
}

/* ---- the whole --------------------------------------------------------------------- */

static int
auditor_row(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	const char *name = audit_my_text(row, 0), *at = strrchr(name, '@');

	(void)ctx;	/* none */
	(void)e;	/* this cannot fail */
	if (at != NULL)
		a->auditor = graph_printf(a->g, "%s@%s", audit_my_ident(a,
		    graph_printf(a->g, "%.*s", (int)(at - name), name)),
		    audit_my_ident(a, at + 1));
	return 0;
}

/* A line of SHOW GRANTS, which tells of active roles, too: "GRANT PROCESS ON *.* TO ...". */
static int
own_right(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	const char *line = audit_my_text(row, 0), *end = strstr(line, " ON *.* TO ");

	(void)ctx;	/* none */
	(void)e;	/* this cannot fail */
	if (strncmp(line, "GRANT ", 6) == 0 && line[6] != '`' && end != NULL)
		a->held = graph_printf(a->g, "%s%.*s, ", a->held, (int)(end - line - 6),
		    line + 6);
	return 0;
}

int
audit_my_holds(const struct audit_my *a, const char *priv)
{
	const char *p = a->held;
	size_t n;

	for (; *p != '\0'; p += n + 2) {
		n = strcspn(p, ",");
		if ((n == strlen(priv) && strncmp(p, priv, n) == 0) ||
		    (n == 14 && strncmp(p, "ALL PRIVILEGES", n) == 0))
			return 1;
	}
	return 0;
}

/* With skip_grant_tables nothing that follows is true: everyone may everything. */
static int
read_own(struct audit_my *a, struct err *e)
{
	static const struct graph_basis b = {
		.why = "the server runs with skip_grant_tables: everyone who reaches it may do "
		    "everything", .row = "@@skip_grant_tables",
		.advice = "restart the server without skip_grant_tables" };

	a->held = "";
	if (my_rows(a->my, "SHOW GRANTS", hand_on, &(struct asking){ a, own_right, NULL },
	    e) == 0)
		return 0;
	if (strstr(e->msg, "(1290)") == NULL)
		return -1;
	err_clear(e);
	a->held = "ALL PRIVILEGES, ";
	graph_fault(a->g, "M1", SEVERITY_CRITICAL, SINK_SUPER, "skip_grant_tables", &b);
	return 0;
}

static int
read_all(struct audit_my *a, struct err *e)
{
	a->everyone = graph_node(a->g, NODE_PUBLIC, "PUBLIC", "PUBLIC");
	a->anyone = graph_node(a->g, NODE_ANYONE, "anyone", "");
	a->auditor = "";
	if (my_read_only(a->my, e) != 0 ||
	    my_value(a->my, "SELECT @@hostname", a->hostname, sizeof(a->hostname), e) != 0 ||
	    my_rows(a->my, "SELECT CURRENT_USER()", hand_on,
	    &(struct asking){ a, auditor_row, NULL }, e) != 0 ||
	    audit_my_place(a, e) != 0 || read_own(a, e) != 0 ||
	    audit_my_settings(a, e) != 0)
		return -1;
	if (audit_my_schemas(a, e) != 0 ||
	    (a->my->mariadb ? audit_my_mariadb(a, e) : audit_my_mysql(a, e)) != 0)
		return -1;
	return audit_my_roles(a, e) != 0 || audit_my_code(a, e) != 0 ||
	    audit_my_objects(a, e) != 0 || audit_my_logins(a, e) != 0 ? -1 : 0;
}

int
audit_my(struct graph *g, const char *uri, struct report *report, char *server, size_t cap,
    struct err *e)
{
	struct audit_my a = { .g = g, .report = report };
	int rc;

	if ((a.my = my_connect(uri, PROGRAM, e)) == NULL)
		return -1;
	(void)snprintf(server, cap, "%s", a.my->server);	/* a cut one tells enough */
	rc = read_all(&a, e);
	free(a.account);
	free(a.code);
	free(a.schema);
	free(a.routine);
	my_free(a.my);
	return rc;
}

const char *
audit_my_grants(int mariadb)
{
	return mariadb ? audit_my_mariadb_grants : audit_my_mysql_grants;
}
