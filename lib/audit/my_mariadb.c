/*
 * MariaDB's accounts and roles out of the JSON of mysql.global_priv, and the rights that
 * they hold on the whole server.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/my_private.h"

#define PASSWORD_PLUGINS \
	"('', 'mysql_native_password', 'mysql_old_password', 'ed25519', 'parsec')"

/* Columns of an account; no hash leaves the server. */
#define ACCOUNTS \
    "SELECT g.User AS user, g.Host AS host, " \
    "IFNULL(JSON_VALUE(g.Priv, '$.plugin'), '') AS plugin, " \
    "(IFNULL(JSON_VALUE(g.Priv, '$.plugin'), '') IN " PASSWORD_PLUGINS \
    " AND IFNULL(JSON_VALUE(g.Priv, '$.authentication_string'), '') = '') OR EXISTS " \
    "(SELECT 1 FROM JSON_TABLE(JSON_EXTRACT(g.Priv, '$.auth_or'), '$[*]' COLUMNS " \
    "(p VARCHAR(64) PATH '$.plugin', s VARCHAR(255) PATH '$.authentication_string')) t " \
    "WHERE t.p IN " PASSWORD_PLUGINS " AND IFNULL(t.s, '') = '') AS open, " \
    "IFNULL(JSON_VALUE(g.Priv, '$.account_locked'), '0') AS locked, " \
    "IFNULL(JSON_VALUE(g.Priv, '$.ssl_type'), '0') AS tls, " \
    "IFNULL(JSON_VALUE(g.Priv, '$.password_lifetime'), '-1') AS lifetime, " \
    "IFNULL(JSON_VALUE(g.Priv, '$.is_role'), '0') AS is_role, " \
    "IFNULL(JSON_VALUE(g.Priv, '$.default_role'), '') AS default_role, " \
    "IFNULL(JSON_VALUE(g.Priv, '$.access'), '0') AS access, " \
    "IFNULL(JSON_VALUE(g.Priv, '$.version_id'), '0') AS version_id, " \
    "JSON_EXISTS(g.Priv, '$.auth_or') AS branches " \
    "FROM mysql.global_priv g"

const char audit_my_mariadb_accounts[] = ACCOUNTS;

#define GRANT_ON(what) "GRANT SELECT ON " what " TO `privaudit`@`localhost`;\n"
#define DEFINERS(what)                                                                      \
	"CREATE SQL SECURITY DEFINER VIEW " AUDIT_MY_SCHEMA "." what                       \
	" AS SELECT * FROM information_schema." what ";\n" GRANT_ON(AUDIT_MY_SCHEMA "." what)

const char audit_my_mariadb_grants[] =
    "-- For MariaDB, as an administrator.  The views show rights and definers, and leave\n"
    "-- password hashes unread.\n"
    "-- CREATE USER `privaudit`@`localhost` IDENTIFIED BY '...';\n"
    "CREATE DATABASE " AUDIT_MY_SCHEMA ";\n"
    "CREATE SQL SECURITY DEFINER VIEW " AUDIT_MY_SCHEMA ".accounts AS " ACCOUNTS ";\n"
    GRANT_ON(AUDIT_MY_SCHEMA ".accounts") DEFINERS("schemata") DEFINERS("routines")
    DEFINERS("triggers") DEFINERS("views") DEFINERS("events") GRANT_ON("mysql.db") GRANT_ON("mysql.tables_priv")
    GRANT_ON("mysql.columns_priv") GRANT_ON("mysql.procs_priv")
    GRANT_ON("mysql.proxies_priv") GRANT_ON("mysql.roles_mapping")
    "GRANT PROCESS ON *.* TO `privaudit`@`localhost`;\n";

enum { USER, HOST, PLUGIN, OPEN, LOCKED, TLS, LIFETIME, IS_ROLE, DEFAULT_ROLE, ACCESS,
	VERSION_ID, BRANCHES };

/* The bits of access, from 0. Source: privilege.h of the server. */
static const char *const bits[] = { "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP",
	"RELOAD", "SHUTDOWN", "PROCESS", "FILE", "GRANT", "REFERENCES", "INDEX", "ALTER",
	"SHOW DATABASES", "SUPER", "CREATE TEMPORARY TABLES", "LOCK TABLES", "EXECUTE",
	"REPLICATION SLAVE", "BINLOG MONITOR", "CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE",
	"ALTER ROUTINE", "CREATE USER", "EVENT", "TRIGGER", "CREATE TABLESPACE",
	"DELETE HISTORY", "SET USER", "FEDERATED ADMIN", "CONNECTION ADMIN",
	"READ_ONLY ADMIN", "REPLICATION SLAVE ADMIN", "REPLICATION MASTER ADMIN",
	"BINLOG ADMIN", "BINLOG REPLAY", "SLAVE MONITOR", "SHOW CREATE ROUTINE" };

#define BITS	 (sizeof(bits) / sizeof(bits[0]))
#define SPLIT_UP 110000		/* from here on SUPER includes no other privilege */

/* Up to 10.11 SUPER is as good as each of these, granted or not. */
static void
super_includes(struct audit_my *a, const struct audit_my_right *super)
{
	struct audit_my_right r = *super;
	const char *const *w;

	r.fix = audit_my_template(a, "REVOKE SUPER ON *.* FROM %s", r.grantee);
	r.undo = audit_my_template(a, "GRANT SUPER ON *.* TO %s", r.grantee);
	r.row = graph_printf(a->g, "%s: SUPER includes it", r.row);
	for (w = audit_my_super_words(); *w != NULL; w++) {
		r.priv = *w;
		audit_my_give(a, &r);
	}
}

/* A row that an older server wrote: from 11.0 on the server reads these into SUPER. */
static unsigned long long
upgraded(const struct audit_my *a, const struct audit_my_account *x)
{
	unsigned long long access = x->access;
	const char *const *w;
	unsigned i, super = 0;

	for (i = 0; i < BITS; i++)
		if (strcmp(bits[i], "SUPER") == 0)
			super = i;
	if (!(access >> super & 1) || a->my->version < SPLIT_UP || x->version >= SPLIT_UP)
		return access;
	for (w = audit_my_super_words(); *w != NULL; w++)
		for (i = 0; i < BITS; i++)
			if (strcmp(bits[i], *w) == 0)
				access |= 1ULL << i;
	return access;
}

static void
rights(struct audit_my *a, struct audit_my_account *x)
{
	struct audit_my_right r = { .holder = x->node, .grantee = x->sql, .account = x,
		.level = MY_GLOBAL, .on = "*.*",
		.row = graph_printf(a->g, "mysql.global_priv(%s).access", x->sql) };
	unsigned long long access = upgraded(a, x);
	unsigned i;

	for (i = 0; i < 64; i++) {
		if (!(access >> i & 1))
			continue;
		if (i < BITS) {
			r.priv = bits[i];
			audit_my_give(a, &r);
			if (a->my->version < SPLIT_UP && strcmp(r.priv, "SUPER") == 0)
				super_includes(a, &r);
		} else if (x->access != ~0ULL) {
			/* All bits at once is how a fresh server writes ALL PRIVILEGES. */
			graph_unknown(a->g, "M2", graph_printf(a->g,
			    "bit %u of the rights of %s", i, x->sql),
			    "what it lets do is not known here", NULL);
		}
	}
}

static int
account(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	int role = *audit_my_text(row, IS_ROLE) == '1';
	struct audit_my_account *x = audit_my_account_new(a, audit_my_text(row, USER),
	    audit_my_text(row, HOST), role);

	(void)ctx;	/* none */
	if (x == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	x->login = !role && *audit_my_text(row, LOCKED) == '0';
	x->plugin = graph_string(a->g, audit_my_text(row, PLUGIN));
	x->open = x->login && *audit_my_text(row, OPEN) == '1';
	x->branches = *audit_my_text(row, BRANCHES) != '0';
	x->tls = strtol(audit_my_text(row, TLS), NULL, 10) > 0;
	x->native = strcmp(x->plugin, "mysql_old_password") == 0;
	x->lifetime = atoi(audit_my_text(row, LIFETIME));
	x->default_role = graph_string(a->g, audit_my_text(row, DEFAULT_ROLE));
	x->access = strtoull(audit_my_text(row, ACCESS), NULL, 10);
	x->version = strtoul(audit_my_text(row, VERSION_ID), NULL, 10);
	if (x->node != a->everyone)
		a->g->node[x->node].login = x->login;
	return 0;
}

int
audit_my_mariadb(struct audit_my *a, struct err *e)
{
	const char *from;
	uint32_t i;
	int rc = audit_my_ask_accounts(a, audit_my_mariadb_accounts, account, &from, e);

	if (rc <= 0)
		return rc;
	audit_my_accounts_sort(a);
	for (i = 0; i < a->accounts; i++)
		rights(a, &a->account[i]);
	return 0;
}
