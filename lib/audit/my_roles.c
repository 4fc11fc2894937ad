/*
 * Who holds which role, and who may log in as whom: role edges, mandatory roles, PROXY.
 */
#include <stdio.h>
#include <string.h>

#include "audit/my_private.h"

struct edge {
	struct audit_my_account *holder, *role;
	int is_default, admin;
	const char *row;
};

/*
 * MySQL forgets a default role with its grant, and SET DEFAULT ROLE names all of them; so the
 * inverse has to give the whole list again.
 */
static const char *
undo_of(struct audit_my *a, const struct edge *x)
{
	const char *admin = x->admin ? " WITH ADMIN OPTION" : "";
	const char *all = x->holder->default_role;

	if (x->holder->role || all == NULL || *all == '\0')
		return audit_my_template(a, "GRANT %s TO %s%s", x->role->sql, x->holder->sql, admin);
	if (a->my->mariadb)
		all = audit_my_ident(a, all);
	return audit_my_template(a, "GRANT %s TO %s%s;\nSET DEFAULT ROLE %s %s %s", x->role->sql,
	    x->holder->sql, admin, all, a->my->mariadb ? "FOR" : "TO", x->holder->sql);
}

/* A role that is not active yet is one SET ROLE away. */
static void
add_edge(struct audit_my *a, const struct edge *x)
{
	const char *fix = audit_my_template(a, "REVOKE %s FROM %s", x->role->sql, x->holder->sql);
	const char *name = a->g->node[x->role->node].name;
	struct graph_basis b = {
		.why = graph_printf(a->g, "%s %s", x->is_default ? "has role" :
		    "can SET ROLE", name),
		.row = x->row, .fix = fix, .undo = undo_of(a, x),
	};
	struct graph_step s = { .from = x->holder->node, .to = x->role->node,
		.needs = STEP_USE, .gives = STEP_USE, .breach = !x->is_default,
		.check = check_find(x->is_default ? "R3" : "M10"),
		.basis = graph_basis(a->g, &b) };
	struct graph_power p = { .from = x->holder->node, .needs = STEP_USE, .sink = SINK_WRITE,
		.severity = SEVERITY_HIGH, .priv = "GRANT", .act = "hand on the role",
		.gate = { GRAPH_NO_GATE, GRAPH_NO_GATE }, .check = check_find("A1") };
	struct graph_set *set;

	graph_step(a->g, &s);
	if (!x->admin)
		return;
	b.why = graph_printf(a->g, "administers role %s", name);
	if (a->my->mariadb)
		b.fix = audit_my_template(a, "REVOKE ADMIN OPTION FOR %s FROM %s", x->role->sql,
		    x->holder->sql);
	set = graph_set(a->g, graph_printf(a->g, "role\n%s", name), "role", "", "");
	if (set->n == 0)
		graph_set_add(a->g, set, x->role->sql);
	p.set = set;
	p.basis = graph_basis(a->g, &b);
	graph_power(a->g, &p);
}

/* ---- MySQL -------------------------------------------------------------------------- */

/* The defaults of an account, as SET DEFAULT ROLE lists them. */
static int
mysql_default(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	struct audit_my_account *x = audit_my_account(a, audit_my_text(row, 0),
	    audit_my_text(row, 1));
	const char *role = graph_printf(a->g, "%s@%s", audit_my_ident(a, audit_my_text(row, 2)),
	    audit_my_ident(a, audit_my_text(row, 3)));

	(void)ctx;	/* none */
	(void)e;	/* this cannot fail */
	if (x != NULL)
		x->default_role = x->default_role == NULL ? role :
		    graph_printf(a->g, "%s, %s", x->default_role, role);
	return 0;
}

static int
mysql_edge(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	struct edge x = { audit_my_account(a, audit_my_text(row, 0), audit_my_text(row, 1)),
		audit_my_account(a, audit_my_text(row, 2), audit_my_text(row, 3)),
		*audit_my_text(row, 5) == '1', *audit_my_text(row, 4) == 'Y', NULL };

	(void)ctx;	/* none */
	(void)e;	/* this cannot fail */
	if (x.holder == NULL || x.role == NULL)
		return 0;	/* dropped, or made while we read */
	x.row = graph_printf(a->g, "mysql.role_edges(%s, %s)", x.role->sql, x.holder->sql);
	add_edge(a, &x);
	return 0;
}

/* A name of a list, in quotes or not, up to one of the letters that end it; the rest. */
static const char *
take_name(const char *s, const char *end, char *name, size_t cap)
{
	char quote = '\0';
	size_t n = 0;

	s += strspn(s, " \t\r\n");
	if (*s == '\'' || *s == '"' || *s == '`')
		quote = *s++;
	for (; *s != '\0'; s++) {
		if (quote == '\0' ? strchr(end, *s) != NULL : *s == quote && *++s != quote)
			break;
		if (n + 1 < cap)
			name[n++] = *s;
	}
	while (quote == '\0' && n > 0 && name[n - 1] == ' ')
		n--;
	name[n] = '\0';
	return s + strspn(s, " \t\r\n");
}

/* Everyone may take it, as if it were granted to each. */
static void
add_mandatory(struct audit_my *a, const char *user, const char *host)
{
	struct audit_my_account *role = audit_my_account(a, user, host);
	struct graph_basis b = { .row = "@@mandatory_roles", .advice = "take the role out of "
	    "mandatory_roles: SET PERSIST mandatory_roles = '...'" };
	struct graph_step s = { .from = a->everyone, .needs = STEP_USE, .gives = STEP_USE,
		.check = check_find("R3") };

	if (role == NULL)
		return;		/* named, but not made: no right either */
	b.why = graph_printf(a->g, "mandatory role %s", a->g->node[role->node].name);
	s.to = role->node;
	s.basis = graph_basis(a->g, &b);
	graph_step(a->g, &s);
}

/* 'a'@'h', `b`, c@h */
static int
mandatory(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	const char *s = audit_my_text(row, 0);
	char user[256], host[256];

	(void)ctx;	/* none */
	(void)e;	/* this cannot fail */
	while (*s != '\0') {
		(void)snprintf(host, sizeof(host), "%%");	/* it fits */
		s = take_name(s, "@,", user, sizeof(user));
		if (*s == '@')
			s = take_name(s + 1, ",", host, sizeof(host));
		s += strcspn(s, ",");
		s += *s == ',';
		if (*user != '\0')
			add_mandatory(a, user, host);
	}
	return 0;
}

static int
mysql_roles(struct audit_my *a, struct err *e)
{
	const char *grant = graph_printf(a->g, "GRANT SELECT ON mysql.default_roles TO %s;\n"
	    "GRANT SELECT ON mysql.role_edges TO %s;\n", a->auditor, a->auditor);
	int rc;

	rc = audit_my_ask(a, "M10", "mysql.default_roles", grant,
	    "SELECT USER, HOST, DEFAULT_ROLE_USER, DEFAULT_ROLE_HOST FROM mysql.default_roles "
	    "ORDER BY 1, 2, 3, 4", mysql_default, NULL, e);
	if (rc <= 0)
		return rc;
	if (audit_my_ask(a, "M10", "mysql.role_edges", grant,
	    "SELECT r.TO_USER, r.TO_HOST, r.FROM_USER, r.FROM_HOST, r.WITH_ADMIN_OPTION, "
	    "d.USER IS NOT NULL OR @@GLOBAL.activate_all_roles_on_login "
	    "FROM mysql.role_edges r LEFT JOIN mysql.default_roles d ON d.USER = r.TO_USER "
	    "AND d.HOST = r.TO_HOST AND d.DEFAULT_ROLE_USER = r.FROM_USER "
	    "AND d.DEFAULT_ROLE_HOST = r.FROM_HOST ORDER BY 1, 2, 3, 4", mysql_edge, NULL, e) < 0)
		return -1;
	return audit_my_ask(a, "M10", "mandatory_roles", NULL, "SELECT @@GLOBAL.mandatory_roles",
	    mandatory, NULL, e) < 0 ? -1 : 0;
}

/* ---- MariaDB ------------------------------------------------------------------------ */

static int
mariadb_edge(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	struct edge x = { audit_my_account(a, audit_my_text(row, 0), audit_my_text(row, 1)),
		audit_my_account(a, audit_my_text(row, 2), ""), 0,
		*audit_my_text(row, 3) == 'Y', NULL };

	(void)ctx;	/* none */
	(void)e;	/* this cannot fail */
	if (x.holder == NULL || x.role == NULL)
		return 0;	/* dropped, or made while we read */
	/* What an active role holds in turn is active, too. */
	x.is_default = x.holder->role || (x.holder->default_role != NULL &&
	    strcmp(x.holder->default_role, x.role->user) == 0);
	x.row = graph_printf(a->g, "mysql.roles_mapping(%s, %s)", x.holder->sql, x.role->sql);
	add_edge(a, &x);
	return 0;
}

/* ---- PROXY -------------------------------------------------------------------------- */

static struct graph_set *
server_set(struct audit_my *a)
{
	struct graph_set *set = graph_set(a->g, "*.*", "server", "", "");

	if (set->n == 0)
		graph_set_add(a->g, set, "*.*");
	return set;
}

/*
 * The row itself, where GRANT and REVOKE fall short: MariaDB reads ''@'' as ''@'%', so its
 * own first rows are out of their reach; and GRANT PROXY ... WITH GRANT OPTION gives the
 * grant option on everything, too.
 */
static void
fix_row(struct audit_my *a, const struct my_row *row, struct graph_basis *b)
{
	const char *text[5];
	unsigned i;

	for (i = 0; i < 4; i++)
		text[i] = audit_my_literal(a, audit_my_text(row, i));
	text[4] = audit_my_literal(a, audit_my_text(row, 5));
	if (*audit_my_text(row, 4) == '1')
		b->undo = audit_my_template(a, "INSERT INTO mysql.proxies_priv (User, Host, "
		    "Proxied_user, Proxied_host, With_grant, Grantor) VALUES (%s, %s, %s, %s, 1, "
		    "%s);\nFLUSH PRIVILEGES", text[0], text[1], text[2], text[3], text[4]);
	if (a->my->mariadb && *audit_my_text(row, 2) == '\0' && *audit_my_text(row, 3) == '\0')
		b->fix = audit_my_template(a, "DELETE FROM mysql.proxies_priv WHERE User = %s AND "
		    "Host = %s AND Proxied_user = '' AND Proxied_host = '';\nFLUSH PRIVILEGES",
		    text[0], text[1]);
}

static int
proxy(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	const char *user = audit_my_text(row, 2), *host = audit_my_text(row, 3);
	struct audit_my_account *from = audit_my_account(a, audit_my_text(row, 0),
	    audit_my_text(row, 1)), *to = audit_my_account(a, user, host);
	const char *as = graph_printf(a->g, "%s@%s", audit_my_ident(a, user),
	    audit_my_ident(a, host));
	struct graph_basis b = { .why = graph_printf(a->g, "may log in as %s", *user == '\0' ?
	    "anyone (PROXY)" : as) };
	struct graph_step s = { .needs = STEP_BECOME, .gives = STEP_BECOME, .breach = 1,
		.check = check_find("M7") };
	struct graph_power p = { .needs = STEP_BECOME, .sink = SINK_SUPER,
		.severity = SEVERITY_CRITICAL, .priv = "PROXY", .act = "log in as anyone",
		.gate = { GRAPH_NO_GATE, GRAPH_NO_GATE }, .check = check_find("M7") };

	(void)ctx;	/* none */
	(void)e;	/* this cannot fail */
	if (from == NULL)
		return 0;
	b.row = graph_printf(a->g, "mysql.proxies_priv(%s, %s)", from->sql, as);
	b.fix = audit_my_template(a, "REVOKE PROXY ON %s FROM %s", as, from->sql);
	b.undo = audit_my_template(a, "GRANT PROXY ON %s TO %s", as, from->sql);
	fix_row(a, row, &b);
	if (*user != '\0' && to == NULL)
		return 0;	/* nobody to log in as */
	if (*user != '\0') {
		s.from = from->node;
		s.to = to->node;
		s.basis = graph_basis(a->g, &b);
		graph_step(a->g, &s);
		return 0;
	}
	p.from = from->node;
	p.set = server_set(a);
	p.basis = graph_basis(a->g, &b);
	graph_power(a->g, &p);
	return 0;
}

int
audit_my_roles(struct audit_my *a, struct err *e)
{
	const char *grant = graph_printf(a->g, "GRANT SELECT ON mysql.roles_mapping TO %s;\n",
	    a->auditor);
	int rc;

	rc = !a->my->mariadb ? mysql_roles(a, e) : audit_my_ask(a, "M10", "mysql.roles_mapping",
	    grant, "SELECT User, Host, Role, Admin_option FROM mysql.roles_mapping "
	    "ORDER BY 1, 2, 3", mariadb_edge, NULL, e);
	if (rc < 0)
		return -1;
	return audit_my_ask(a, "M7", "mysql.proxies_priv",
	    graph_printf(a->g, "GRANT SELECT ON mysql.proxies_priv TO %s;\n", a->auditor),
	    "SELECT User, Host, Proxied_user, Proxied_host, With_grant, Grantor "
	    "FROM mysql.proxies_priv ORDER BY 1, 2, 3, 4", proxy, NULL, e) < 0 ? -1 : 0;
}
