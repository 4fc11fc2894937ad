/*
 * The words of a policy: the privileges of PostgreSQL 14 to 18, MySQL 8.0 to 9.7 and
 * MariaDB 10.6 to 11.8, as their manuals name them, and the classes made of them.
 */
#include <string.h>
#include <strings.h>

#include "audit/policy_private.h"

const struct policy_word policy_words[] = {
	{ "ALLOW_NONEXISTENT_DEFINER", 0 },
	{ "ALTER", 1 },
	{ "ALTER ROUTINE", 1 },
	{ "ALTER SYSTEM", 0 },
	{ "APPLICATION_PASSWORD_ADMIN", 0 },
	{ "AUDIT_ABORT_EXEMPT", 0 },
	{ "AUDIT_ADMIN", 0 },
	{ "AUTHENTICATION_POLICY_ADMIN", 0 },
	{ "BACKUP_ADMIN", 0 },
	{ "BINLOG ADMIN", 0 },
	{ "BINLOG MONITOR", 0 },
	{ "BINLOG REPLAY", 0 },
	{ "BINLOG_ADMIN", 0 },
	{ "BINLOG_ENCRYPTION_ADMIN", 0 },
	{ "BYPASSRLS", 0 },
	{ "CLONE_ADMIN", 0 },
	{ "CONNECT", 0 },
	{ "CONNECTION ADMIN", 0 },
	{ "CONNECTION_ADMIN", 0 },
	{ "CREATE", 1 },
	{ "CREATE ROLE", 0 },
	{ "CREATE ROUTINE", 1 },
	{ "CREATE TABLESPACE", 0 },
	{ "CREATE TEMPORARY TABLES", 0 },
	{ "CREATE USER", 0 },
	{ "CREATE VIEW", 1 },
	{ "CREATEDB", 0 },
	{ "CREATEROLE", 0 },
	{ "CREATE_SPATIAL_REFERENCE_SYSTEM", 0 },
	{ "DELETE", 0 },
	{ "DELETE HISTORY", 0 },
	{ "DROP", 1 },
	{ "DROP ROLE", 0 },
	{ "ENCRYPTION_KEY_ADMIN", 0 },
	{ "EVENT", 1 },
	{ "EXECUTE", 0 },
	{ "EXPORT_QUERY_RESULTS", 0 },
	{ "FEDERATED ADMIN", 0 },
	{ "FILE", 0 },
	{ "FIREWALL_ADMIN", 0 },
	{ "FIREWALL_EXEMPT", 0 },
	{ "FIREWALL_USER", 0 },
	{ "FLUSH_OPTIMIZER_COSTS", 0 },
	{ "FLUSH_PRIVILEGES", 0 },
	{ "FLUSH_STATUS", 0 },
	{ "FLUSH_TABLES", 0 },
	{ "FLUSH_USER_RESOURCES", 0 },
	{ "GRANT", 0 },
	{ "GRANT OPTION", 0 },
	{ "GROUP_REPLICATION_ADMIN", 0 },
	{ "GROUP_REPLICATION_STREAM", 0 },
	{ "INDEX", 1 },
	{ "INNODB_REDO_LOG_ARCHIVE", 0 },
	{ "INNODB_REDO_LOG_ENABLE", 0 },
	{ "INSERT", 0 },
	{ "LOCK TABLES", 0 },
	{ "MAINTAIN", 1 },
	{ "MANAGE_DATA_MASKING_POLICY", 0 },
	{ "MASKING_DICTIONARIES_ADMIN", 0 },
	{ "NDB_STORED_USER", 0 },
	{ "OPTIMIZE_LOCAL_TABLE", 0 },
	{ "OPTION_TRACKER_OBSERVER", 0 },
	{ "OPTION_TRACKER_UPDATER", 0 },
	{ "OWNER", 1 },
	{ "PASSWORDLESS_USER_ADMIN", 0 },
	{ "PERSIST_RO_VARIABLES_ADMIN", 0 },
	{ "PG_CHECKPOINT", 0 },
	{ "PG_CREATE_SUBSCRIPTION", 0 },
	{ "PG_DATABASE_OWNER", 0 },
	{ "PG_EXECUTE_SERVER_PROGRAM", 0 },
	{ "PG_MAINTAIN", 0 },
	{ "PG_MONITOR", 0 },
	{ "PG_READ_ALL_DATA", 0 },
	{ "PG_READ_ALL_SETTINGS", 0 },
	{ "PG_READ_ALL_STATS", 0 },
	{ "PG_READ_SERVER_FILES", 0 },
	{ "PG_SIGNAL_AUTOVACUUM_WORKER", 0 },
	{ "PG_SIGNAL_BACKEND", 0 },
	{ "PG_STAT_SCAN_TABLES", 0 },
	{ "PG_USE_RESERVED_CONNECTIONS", 0 },
	{ "PG_WRITE_ALL_DATA", 0 },
	{ "PG_WRITE_SERVER_FILES", 0 },
	{ "PROCESS", 0 },
	{ "PROXY", 0 },
	{ "READ_ONLY ADMIN", 0 },
	{ "REFERENCES", 1 },
	{ "RELOAD", 0 },
	{ "REPLICATION", 0 },
	{ "REPLICATION CLIENT", 0 },
	{ "REPLICATION MASTER ADMIN", 0 },
	{ "REPLICATION SLAVE", 0 },
	{ "REPLICATION SLAVE ADMIN", 0 },
	{ "REPLICATION_APPLIER", 0 },
	{ "REPLICATION_SLAVE_ADMIN", 0 },
	{ "RESOURCE_GROUP_ADMIN", 0 },
	{ "RESOURCE_GROUP_USER", 0 },
	{ "ROLE_ADMIN", 0 },
	{ "SELECT", 0 },
	{ "SENSITIVE_VARIABLES_OBSERVER", 0 },
	{ "SERVICE_CONNECTION_ADMIN", 0 },
	{ "SESSION_VARIABLES_ADMIN", 0 },
	{ "SET", 0 },
	{ "SET USER", 0 },
	{ "SET_ANY_DEFINER", 0 },
	{ "SET_USER_ID", 0 },
	{ "SHOW CREATE ROUTINE", 0 },
	{ "SHOW DATABASES", 0 },
	{ "SHOW VIEW", 0 },
	{ "SHOW_ROUTINE", 0 },
	{ "SHUTDOWN", 0 },
	{ "SKIP_QUERY_REWRITE", 0 },
	{ "SLAVE MONITOR", 0 },
	{ "SUPER", 0 },
	{ "SUPERUSER", 0 },
	{ "SYSTEM_USER", 0 },
	{ "SYSTEM_VARIABLES_ADMIN", 0 },
	{ "TABLE_ENCRYPTION_ADMIN", 0 },
	{ "TELEMETRY_LOG_ADMIN", 0 },
	{ "TEMPORARY", 0 },
	{ "TP_CONNECTION_ADMIN", 0 },
	{ "TRANSACTION_GTID_TAG", 0 },
	{ "TRIGGER", 1 },
	{ "TRUNCATE", 1 },
	{ "UPDATE", 0 },
	{ "USAGE", 0 },
	{ "VERSION_TOKEN_ADMIN", 0 },
	{ "XA_RECOVER_ADMIN", 0 },
	{ NULL, 0 },
};

const char policy_builtin[] =
    "[class app] may=SELECT,INSERT,UPDATE,DELETE,USAGE,CONNECT\n"
    "[class migrator] may=+DDL\n"
    "[class readonly] may=SELECT,USAGE,CONNECT\n"
    "[class backup] may=SELECT,USAGE,CONNECT,REPLICATION,PG_READ_ALL_DATA,\n"
    "    PG_CHECKPOINT,\"SHOW VIEW\",TRIGGER,EVENT,\"LOCK TABLES\",PROCESS,\n"
    "    BACKUP_ADMIN,FLUSH_TABLES,\"REPLICATION CLIENT\",\"BINLOG MONITOR\"\n"
    "[class ship] may=USAGE,CONNECT,REPLICATION,\"REPLICATION SLAVE\",\n"
    "    \"REPLICATION CLIENT\",\"BINLOG MONITOR\"\n"
    "[class admin] may=ALL\n"
    "[class monitor] may=USAGE,CONNECT,PG_MONITOR,PG_READ_ALL_SETTINGS,\n"
    "    PG_READ_ALL_STATS,PG_STAT_SCAN_TABLES,PROCESS,\"SHOW DATABASES\",\n"
    "    \"REPLICATION CLIENT\",\"BINLOG MONITOR\",\"SLAVE MONITOR\"\n";

const struct policy_word *
policy_word(const char *text)
{
	const struct policy_word *w;

	for (w = policy_words; w->word != NULL; w++)
		if (strcasecmp(w->word, text) == 0)
			return w;
	return NULL;
}

int
policy_is_builtin(const char *name)
{
	static const char *const names[] = { "app", "migrator", "readonly", "backup", "ship",
		"admin", "monitor" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return 1;
	return 0;
}

/* How many letters must be changed, added or left out to make a into b; at most LONG. */
#define LONG 40

static unsigned
distance(const char *a, const char *b)
{
	unsigned row[LONG + 1], i, k, diagonal, above, n = (unsigned)strlen(b);

	if (n > LONG || strlen(a) > LONG)
		return LONG;
	for (k = 0; k <= n; k++)
		row[k] = k;
	for (i = 0; a[i] != '\0'; i++) {
		diagonal = row[0];
		row[0] = i + 1;
		for (k = 1; k <= n; k++) {
			above = row[k];
			row[k] = diagonal + (strncasecmp(a + i, b + k - 1, 1) != 0);
			if (above + 1 < row[k])
				row[k] = above + 1;
			if (row[k - 1] + 1 < row[k])
				row[k] = row[k - 1] + 1;
			diagonal = above;
		}
	}
	return row[n];
}

const char *
policy_word_near(const char *text)
{
	const struct policy_word *w;
	const char *best = NULL;
	unsigned d, least = 4;

	for (w = policy_words; w->word != NULL; w++)
		if ((d = distance(text, w->word)) < least && d < strlen(w->word) / 2) {
			least = d;
			best = w->word;
		}
	return best;
}
