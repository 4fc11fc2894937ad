/*
 * The accounts as logins: open ones (M1), weak ones (M11), elevated ones without an end
 * (B7), those of backups that can do more than copy (B2).
 */
#include <stdio.h>
#include <string.h>

#include "audit/my_private.h"

static void
fault(struct audit_my *a, const struct audit_my_account *x, const char *check,
    enum severity severity, struct graph_basis *b)
{
	b->row = graph_printf(a->g, "%s(%s)", a->my->mariadb ? "mysql.global_priv" :
	    "mysql.user", x->sql);
	graph_fault(a->g, check, severity, SINK_SUPER, a->g->node[x->node].name, b);
}

/* Whoever reaches the server is that account. */
static void
step_in(struct audit_my *a, const struct audit_my_account *x, struct graph_basis *b)
{
	struct graph_step s = { .from = a->anyone, .to = x->node, .needs = STEP_USE,
		.gives = STEP_BECOME, .breach = 1, .check = check_find("M1") };

	s.basis = graph_basis(a->g, b);
	graph_step(a->g, &s);
}

static int
is_everywhere(const char *host)
{
	return strcmp(host, "%") == 0 || *host == '\0';
}

/* The last that could unlock the others: root of the host itself, or who is there instead. */
static int
is_last(const struct audit_my *a, const struct audit_my_account *x)
{
	const struct audit_my_account *root = audit_my_account(a, "root", "localhost");

	return x->bootstrap && (x == root || root == NULL || !root->login);
}

/*
 * An account that must not be locked can be given to the host's user of the same name, by
 * the plugin that asks the socket who that is.  An account with several ways in has hashes
 * that nobody could give back.
 */
static void
fix_open(struct audit_my *a, const struct audit_my_account *x, struct graph_basis *b)
{
	const char *with = a->my->mariadb ? "VIA" : "WITH";
	const char *plugin = *x->plugin != '\0' ? x->plugin : "mysql_native_password";

	if (!is_last(a, x)) {
		b->fix = audit_my_template(a, "ALTER USER %s ACCOUNT LOCK", x->sql);
		b->undo = audit_my_template(a, "ALTER USER %s ACCOUNT UNLOCK", x->sql);
		b->advice = "or give it a password: ALTER USER ... IDENTIFIED BY";
		return;
	}
	b->advice = "give it a password: ALTER USER ... IDENTIFIED BY";
	if (*a->socket_plugin == '\0' || strcmp(x->host, "localhost") != 0 || !x->open ||
	    x->branches)
		return;
	b->fix = audit_my_template(a, "ALTER USER %s IDENTIFIED %s %s", x->sql, with,
	    a->socket_plugin);
	b->undo = audit_my_template(a, "ALTER USER %s IDENTIFIED %s %s %s ''", x->sql, with,
	    plugin, a->my->mariadb ? "USING" : "AS");
	b->advice = graph_printf(a->g, "then only the host's user %s can log in so; or give it a "
	    "password: ALTER USER ... IDENTIFIED BY", x->user);
}

static void
check_open(struct audit_my *a, const struct audit_my_account *x)
{
	struct graph_basis b = { .advice = NULL };

	if (!x->login || (!x->open && *x->user != '\0' &&
	    !(strcmp(x->user, "root") == 0 && is_everywhere(x->host))))
		return;
	fix_open(a, x, &b);
	b.why = graph_printf(a->g, !x->open && *x->user != '\0' ?
	    "%s may come from every host" : *x->user == '\0' ?
	    "%s is an anonymous account" : "%s has no password", a->g->node[x->node].name);
	fault(a, x, "M1", SEVERITY_CRITICAL, &b);
	if (x->open)
		step_in(a, x, &b);
}

static void
check_weak(struct audit_my *a, const struct audit_my_account *x)
{
	const char *name = a->g->node[x->node].name;
	struct graph_basis b = {
		.why = graph_printf(a->g, "%s logs in by %s", name, x->plugin),
		.advice = graph_printf(a->g, "ALTER USER %s IDENTIFIED WITH %s BY ...", x->sql,
		    a->my->mariadb ? "ed25519" : "caching_sha2_password"),
	};

	if (x->native)
		fault(a, x, "M11", SEVERITY_MEDIUM, &b);
	if (x->dual) {
		b.why = graph_printf(a->g, "the old password of %s is still good", name);
		b.advice = graph_printf(a->g, "ALTER USER %s DISCARD OLD PASSWORD, when nobody "
		    "uses it any more: it cannot be brought back", x->sql);
		fault(a, x, "M11", SEVERITY_MEDIUM, &b);
	}
	if (!x->tls && !a->tls_required && strcmp(x->host, "localhost") != 0 &&
	    strncmp(x->host, "127.", 4) != 0 && strcmp(x->host, "::1") != 0) {
		b = (struct graph_basis){
			.why = graph_printf(a->g, "%s may come without TLS", name),
			.fix = audit_my_template(a, "ALTER USER %s REQUIRE SSL", x->sql),
			.undo = audit_my_template(a, "ALTER USER %s REQUIRE NONE", x->sql),
		};
		fault(a, x, "M11", SEVERITY_MEDIUM, &b);
	}
}

/* An elevated account with a password for ever; neither family can end the account itself. */
static void
check_elevated(struct audit_my *a, const struct audit_my_account *x)
{
	struct graph_basis b = {
		.why = graph_printf(a->g, "%s is elevated, and its password never expires",
		    a->g->node[x->node].name),
		.advice = "or take the elevation away when it is not needed: a role for a time",
	};

	if (!x->elevated || x->bootstrap || x->lifetime > 0 ||
	    (x->lifetime < 0 && a->default_lifetime > 0))
		return;
	b.fix = audit_my_template(a, "ALTER USER %s PASSWORD EXPIRE INTERVAL 90 DAY", x->sql);
	b.undo = audit_my_template(a, "ALTER USER %s PASSWORD EXPIRE %s", x->sql,
	    x->lifetime == 0 ? "NEVER" : "DEFAULT");
	fault(a, x, "B7", SEVERITY_HIGH, &b);
}

/*
 * What copies needs no right to change.  MySQL has FLUSH_TABLES where RELOAD was needed;
 * MariaDB's BACKUP STAGE still asks for RELOAD: that rest is told as such.
 */
static void
check_backup(struct audit_my *a, const struct audit_my_account *x)
{
	int rest = a->my->mariadb && x->beyond != NULL && strcmp(x->beyond, "RELOAD") == 0;
	struct graph_basis b = { .advice = rest ?
	    "BACKUP STAGE needs it: keep this account's login on the backup host alone" :
	    a->my->mariadb ?
	    "a backup needs SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES, PROCESS, RELOAD" :
	    "a backup needs SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES, PROCESS, "
	    "BACKUP_ADMIN and FLUSH_TABLES" };

	if (x->copies != (MY_READS | MY_LOCKS) || x->beyond == NULL || x->bootstrap)
		return;
	b.why = graph_printf(a->g, "%s looks like a backup's account, and holds %s",
	    a->g->node[x->node].name, x->beyond);
	b.row = graph_printf(a->g, "%s(%s)", a->my->mariadb ? "mysql.global_priv" :
	    "mysql.user", x->sql);
	graph_fault(a->g, "B2", rest ? SEVERITY_MEDIUM : SEVERITY_HIGH, SINK_BACKUPKILL,
	    a->g->node[x->node].name, &b);
}

static int
socket_plugin(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	(void)ctx;	/* none */
	(void)e;	/* this cannot fail */
	a->socket_plugin = graph_string(a->g, audit_my_text(row, 0));
	return 0;
}

int
audit_my_logins(struct audit_my *a, struct err *e)
{
	uint32_t i;

	a->socket_plugin = "";
	if (audit_my_ask(a, NULL, NULL, NULL, "SELECT plugin_name FROM information_schema.plugins "
	    "WHERE plugin_name IN ('unix_socket', 'auth_socket') AND plugin_status = 'ACTIVE'",
	    socket_plugin, NULL, e) < 0)
		return -1;
	for (i = 0; i < a->accounts; i++) {
		if (!a->account[i].login)
			continue;
		check_open(a, &a->account[i]);
		check_weak(a, &a->account[i]);
		check_elevated(a, &a->account[i]);
		check_backup(a, &a->account[i]);
	}
	return 0;
}
