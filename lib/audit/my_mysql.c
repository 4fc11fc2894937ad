/*
 * MySQL's accounts, and the rights that they hold on the whole server: static, dynamic, and
 * what partial revokes withhold.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/my_private.h"

/* Columns of an account; no hash leaves the server. */
#define ACCOUNTS \
    "SELECT User AS user, Host AS host, plugin, plugin IN ('mysql_native_password', " \
    "'caching_sha2_password', 'sha256_password') AND authentication_string = '' AS open, " \
    "account_locked = 'Y' AS locked, ssl_type <> '' AS tls, " \
    "IFNULL(password_lifetime, -1) AS lifetime, " \
    "IFNULL(JSON_CONTAINS_PATH(User_attributes, 'one', '$.additional_password'), 0) " \
    "AS second_password, " \
    "JSON_EXTRACT(User_attributes, '$.Restrictions') AS restrictions, CONCAT_WS(',', " \
    "IF(Select_priv = 'Y', 'SELECT', NULL), IF(Insert_priv = 'Y', 'INSERT', NULL), " \
    "IF(Update_priv = 'Y', 'UPDATE', NULL), IF(Delete_priv = 'Y', 'DELETE', NULL), " \
    "IF(Create_priv = 'Y', 'CREATE', NULL), IF(Drop_priv = 'Y', 'DROP', NULL), " \
    "IF(Reload_priv = 'Y', 'RELOAD', NULL), IF(Shutdown_priv = 'Y', 'SHUTDOWN', NULL), " \
    "IF(Process_priv = 'Y', 'PROCESS', NULL), IF(File_priv = 'Y', 'FILE', NULL), " \
    "IF(Grant_priv = 'Y', 'GRANT', NULL), IF(References_priv = 'Y', 'REFERENCES', NULL), " \
    "IF(Index_priv = 'Y', 'INDEX', NULL), IF(Alter_priv = 'Y', 'ALTER', NULL), " \
    "IF(Show_db_priv = 'Y', 'SHOW DATABASES', NULL), IF(Super_priv = 'Y', 'SUPER', NULL), " \
    "IF(Create_tmp_table_priv = 'Y', 'CREATE TEMPORARY TABLES', NULL), " \
    "IF(Lock_tables_priv = 'Y', 'LOCK TABLES', NULL), " \
    "IF(Execute_priv = 'Y', 'EXECUTE', NULL), " \
    "IF(Repl_slave_priv = 'Y', 'REPLICATION SLAVE', NULL), " \
    "IF(Repl_client_priv = 'Y', 'REPLICATION CLIENT', NULL), " \
    "IF(Create_view_priv = 'Y', 'CREATE VIEW', NULL), " \
    "IF(Show_view_priv = 'Y', 'SHOW VIEW', NULL), " \
    "IF(Create_routine_priv = 'Y', 'CREATE ROUTINE', NULL), " \
    "IF(Alter_routine_priv = 'Y', 'ALTER ROUTINE', NULL), " \
    "IF(Create_user_priv = 'Y', 'CREATE USER', NULL), IF(Event_priv = 'Y', 'EVENT', NULL), " \
    "IF(Trigger_priv = 'Y', 'TRIGGER', NULL), " \
    "IF(Create_tablespace_priv = 'Y', 'CREATE TABLESPACE', NULL), " \
    "IF(Create_role_priv = 'Y', 'CREATE ROLE', NULL), " \
    "IF(Drop_role_priv = 'Y', 'DROP ROLE', NULL)) AS privs FROM mysql.user"

const char audit_my_mysql_accounts[] = ACCOUNTS;

/* MySQL shows the definers of triggers and events only to those who may make them. */
const char audit_my_mysql_grants[] =
    "-- For MySQL, as an administrator.  The view is there so that password hashes stay\n"
    "-- unread; TRIGGER and EVENT, because MySQL hides definers from everyone else.\n"
    "-- CREATE USER `privaudit`@`localhost` IDENTIFIED BY '...';\n"
    "CREATE DATABASE " AUDIT_MY_SCHEMA ";\n"
    "CREATE SQL SECURITY DEFINER VIEW " AUDIT_MY_SCHEMA ".accounts AS " ACCOUNTS ";\n"
    "GRANT SELECT ON " AUDIT_MY_SCHEMA ".accounts TO `privaudit`@`localhost`;\n"
    "GRANT SELECT ON mysql.db TO `privaudit`@`localhost`;\n"
    "GRANT SELECT ON mysql.tables_priv TO `privaudit`@`localhost`;\n"
    "GRANT SELECT ON mysql.columns_priv TO `privaudit`@`localhost`;\n"
    "GRANT SELECT ON mysql.procs_priv TO `privaudit`@`localhost`;\n"
    "GRANT SELECT ON mysql.proxies_priv TO `privaudit`@`localhost`;\n"
    "GRANT SELECT ON mysql.global_grants TO `privaudit`@`localhost`;\n"
    "GRANT SELECT ON mysql.role_edges TO `privaudit`@`localhost`;\n"
    "GRANT SELECT ON mysql.default_roles TO `privaudit`@`localhost`;\n"
    "GRANT PROCESS, SHOW VIEW, TRIGGER, EVENT ON *.* TO `privaudit`@`localhost`;\n"
    "GRANT SHOW_ROUTINE ON *.* TO `privaudit`@`localhost`;\n";

enum { USER, HOST, PLUGIN, OPEN, LOCKED, TLS, LIFETIME, DUAL, RESTRICTIONS, PRIVS };

static int
account(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	struct audit_my_account *x = audit_my_account_new(a, audit_my_text(row, USER),
	    audit_my_text(row, HOST), 0);

	(void)ctx;	/* none */
	if (x == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	x->login = *audit_my_text(row, LOCKED) == '0';
	x->plugin = graph_string(a->g, audit_my_text(row, PLUGIN));
	x->open = x->login && *audit_my_text(row, OPEN) == '1';
	x->tls = *audit_my_text(row, TLS) == '1';
	x->dual = *audit_my_text(row, DUAL) == '1';
	x->native = strcmp(x->plugin, "mysql_native_password") == 0;
	x->lifetime = atoi(audit_my_text(row, LIFETIME));
	x->global = graph_string(a->g, audit_my_text(row, PRIVS));
	a->g->node[x->node].login = x->login;
	return 0;
}

static int
restriction(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	struct audit_my_account *x = audit_my_account(a, audit_my_text(row, 0),
	    audit_my_text(row, 1));

	(void)ctx;	/* none */
	(void)e;	/* this cannot fail */
	if (x != NULL)
		x->withheld = graph_printf(a->g, "%s%s\t%s\n",
		    x->withheld != NULL ? x->withheld : "", audit_my_text(row, 3),
		    audit_my_text(row, 2));
	return 0;
}

static int
dynamic(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	struct audit_my_account *x = audit_my_account(a, audit_my_text(row, 0),
	    audit_my_text(row, 1));
	struct audit_my_right r = { .account = x, .level = MY_GLOBAL, .on = "*.*" };

	(void)ctx;	/* none */
	(void)e;	/* this cannot fail */
	if (x == NULL)
		return 0;	/* dropped, or made while we read */
	r.holder = x->node;
	r.grantee = x->sql;
	r.priv = graph_string(a->g, audit_my_text(row, 2));
	r.grantable = *audit_my_text(row, 3) == 'Y';
	r.row = graph_printf(a->g, "mysql.global_grants(%s, %s)", x->sql, r.priv);
	audit_my_give(a, &r);
	return 0;
}

static void
static_rights(struct audit_my *a, struct audit_my_account *x)
{
	struct audit_my_right r = { .holder = x->node, .account = x, .grantee = x->sql,
		.level = MY_GLOBAL, .on = "*.*",
		.row = graph_printf(a->g, "mysql.user(%s)", x->sql) };

	audit_my_give_list(a, &r, x->global);
}

int
audit_my_mysql(struct audit_my *a, struct err *e)
{
	const char *from;
	uint32_t i;
	int rc;

	rc = audit_my_ask_accounts(a, audit_my_mysql_accounts, account, &from, e);
	if (rc <= 0)
		return rc;
	audit_my_accounts_sort(a);
	if (audit_my_ask(a, "M2", "partial revokes", NULL, graph_printf(a->g,
	    "SELECT u.user, u.host, r.db, r.priv FROM %s u, JSON_TABLE(CAST(u.restrictions "
	    "AS CHAR), '$[*]' COLUMNS (db VARCHAR(64) PATH '$.Database', NESTED PATH '$.Privileges[*]' "
	    "COLUMNS (priv VARCHAR(64) PATH '$'))) r ORDER BY 1, 2, 3, 4", from), restriction,
	    NULL, e) < 0)
		return -1;
	for (i = 0; i < a->accounts; i++)
		static_rights(a, &a->account[i]);
	return audit_my_ask(a, "M2", "mysql.global_grants",
	    graph_printf(a->g, "GRANT SELECT ON mysql.global_grants TO %s;\n", a->auditor),
	    "SELECT USER, HOST, PRIV, WITH_GRANT_OPTION FROM mysql.global_grants ORDER BY 1, 2, 3",
	    dynamic, NULL, e) < 0 ? -1 : 0;
}
