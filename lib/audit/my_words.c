/*
 * What each privilege of MySQL and MariaDB lets its holder do in the end.  Source: the
 * chapters on privileges of both manuals.
 */
#include <ctype.h>
#include <string.h>

#include "audit/my_private.h"

enum { G = 1 << MY_GLOBAL, D = 1 << MY_SCHEMA, T = 1 << MY_TABLE, K = 1 << MY_COLUMN,
	R = 1 << MY_ROUTINE };
#define DATA   (G | D | T | K)
#define SCHEMA (G | D | T)

#define MY  CHECK_MYSQL
#define MA  CHECK_MARIADB
#define ALL (MY | MA)

#define LOW	 SEVERITY_LOW
#define MEDIUM	 SEVERITY_MEDIUM
#define HIGH	 SEVERITY_HIGH
#define CRITICAL SEVERITY_CRITICAL

static const struct word {
	const char *priv;
	unsigned levels, engines;
	const char *check;	/* NULL: it does no harm by itself */
	enum sink sink;
	enum severity severity;
	const char *act;
} words[] = {
	{ "SELECT", DATA, ALL, "A1", SINK_READ_ALL, MEDIUM, "read rows" },
	{ "INSERT", DATA, ALL, "A1", SINK_WRITE, HIGH, "insert rows" },
	{ "UPDATE", DATA, ALL, "A1", SINK_WRITE, HIGH, "change rows" },
	{ "DELETE", SCHEMA, ALL, "A1", SINK_WRITE, HIGH, "delete rows" },
	{ "GRANT", D | T | R, ALL, "A1", SINK_WRITE, HIGH, "hand on its own rights" },
	{ "REFERENCES", DATA, ALL, NULL, SINK_WRITE, LOW, "" },
	{ "EXECUTE", G | D | R, ALL, NULL, SINK_WRITE, LOW, "" },
	{ "LOCK TABLES", G | D, ALL, NULL, SINK_WRITE, LOW, "" },
	{ "SHOW VIEW", SCHEMA, ALL, NULL, SINK_READ_ALL, LOW, "" },
	{ "CREATE TEMPORARY TABLES", G | D, ALL, NULL, SINK_WRITE, LOW, "" },
	{ "SHOW CREATE ROUTINE", G | D | R, MA, NULL, SINK_READ_ALL, LOW, "" },

	{ "DROP", SCHEMA, ALL, "M8", SINK_DROP, HIGH, "DROP TABLE" },
	{ "ALTER", SCHEMA, ALL, "M8", SINK_DROP, HIGH, "ALTER TABLE" },
	{ "CREATE", SCHEMA, ALL, "M8", SINK_DROP, HIGH, "CREATE TABLE" },
	{ "INDEX", SCHEMA, ALL, "M8", SINK_DROP, HIGH, "DROP INDEX" },
	{ "TRIGGER", SCHEMA, ALL, "M8", SINK_DROP, HIGH, "DROP TRIGGER" },
	{ "CREATE VIEW", SCHEMA, ALL, "M8", SINK_DROP, HIGH, "CREATE VIEW" },
	{ "EVENT", G | D, ALL, "M8", SINK_DROP, HIGH, "DROP EVENT" },
	{ "CREATE ROUTINE", G | D, ALL, "M8", SINK_DROP, HIGH, "CREATE PROCEDURE" },
	{ "ALTER ROUTINE", G | D | R, ALL, "M8", SINK_DROP, HIGH, "DROP PROCEDURE" },
	{ "CREATE TABLESPACE", G, ALL, "M8", SINK_DROP, MEDIUM, "DROP TABLESPACE" },
	{ "DELETE HISTORY", SCHEMA, MA, "M8", SINK_DROP, HIGH, "DELETE HISTORY" },

	{ "GRANT", G, ALL, "M2", SINK_SUPER, CRITICAL, "GRANT its rights to anyone" },
	{ "SUPER", G, MY, "M2", SINK_SUPER, CRITICAL, "everything" },
	{ "SUPER", G, ALL, "M5", SINK_OS, CRITICAL, "write files through the server's settings" },
	{ "SUPER", G, ALL, "M5", SINK_AUDITOFF, HIGH, "switch the server's logs off" },
	{ "SUPER", G, MY, "B1", SINK_LOGKILL, CRITICAL, "PURGE BINARY LOGS" },
	{ "ROLE_ADMIN", G, MY, "M2", SINK_SUPER, CRITICAL, "grant itself any account as a role" },
	{ "CREATE USER", G, MA, "M3", SINK_SUPER, CRITICAL, "ALTER USER: take over any account" },
	{ "CREATE USER", G, MY, "M3", SINK_WRITE, CRITICAL,
	    "ALTER USER: take over any account without SYSTEM_USER" },
	{ "CREATE USER", G, ALL, "M3", SINK_DROP, CRITICAL, "DROP USER" },
	{ "CREATE ROLE", G, MY, NULL, SINK_DROP, LOW, "" },
	{ "DROP ROLE", G, MY, "M3", SINK_DROP, MEDIUM, "DROP ROLE" },
	{ "SYSTEM_USER", G, MY, NULL, SINK_SUPER, LOW, "" },
	{ "PASSWORDLESS_USER_ADMIN", G, MY, NULL, SINK_SUPER, LOW, "" },
	{ "AUTHENTICATION_POLICY_ADMIN", G, MY, NULL, SINK_SUPER, LOW, "" },
	{ "APPLICATION_PASSWORD_ADMIN", G, MY, NULL, SINK_SUPER, LOW, "" },

	{ "SET_USER_ID", G, MY, "M4", SINK_SUPER, CRITICAL, "create code that runs as anyone" },
	{ "SET_ANY_DEFINER", G, MY, "M4", SINK_SUPER, CRITICAL,
	    "create code that runs as anyone" },
	{ "SET USER", G, MA, "M4", SINK_SUPER, CRITICAL, "create code that runs as anyone" },
	{ "ALLOW_NONEXISTENT_DEFINER", G, MY, "M4", SINK_SUPER, MEDIUM,
	    "create code for an account that will be" },

	{ "FILE", G, ALL, "M5", SINK_OS, CRITICAL, "write files of the host" },
	{ "FILE", G, ALL, "M5", SINK_READ_ALL, CRITICAL, "read files of the host" },
	{ "SYSTEM_VARIABLES_ADMIN", G, MY, "M5", SINK_OS, CRITICAL,
	    "write files through the server's settings" },
	{ "SYSTEM_VARIABLES_ADMIN", G, MY, "B1", SINK_LOGKILL, CRITICAL,
	    "let the log expire at once" },
	{ "SYSTEM_VARIABLES_ADMIN", G, MY, "M5", SINK_AUDITOFF, HIGH,
	    "switch the server's logs off" },
	{ "PERSIST_RO_VARIABLES_ADMIN", G, MY, "M5", SINK_OS, CRITICAL,
	    "set what the next start loads" },
	{ "PERSIST_RO_VARIABLES_ADMIN", G, MY, "B1", SINK_LOGKILL, CRITICAL,
	    "start without a log" },
	{ "AUDIT_ADMIN", G, MY, "M5", SINK_AUDITOFF, HIGH, "switch the audit log off" },
	{ "AUDIT_ABORT_EXEMPT", G, MY, NULL, SINK_AUDITOFF, LOW, "" },
	{ "FIREWALL_ADMIN", G, MY, "M5", SINK_AUDITOFF, MEDIUM, "switch the firewall off" },
	{ "FIREWALL_USER", G, MY, NULL, SINK_AUDITOFF, LOW, "" },
	{ "FIREWALL_EXEMPT", G, MY, NULL, SINK_AUDITOFF, LOW, "" },
	{ "CONNECTION ADMIN", G, MA, "M5", SINK_WRITE, HIGH,
	    "set what every session runs first (init_connect)" },
	{ "FEDERATED ADMIN", G, MA, "M5", SINK_SECRETS, MEDIUM, "change the stored logins" },
	{ "PROCESS", G, ALL, "M5", SINK_SECRETS, MEDIUM, "read what others send" },
	{ "SENSITIVE_VARIABLES_OBSERVER", G, MY, "M5", SINK_SECRETS, MEDIUM,
	    "read secret settings" },
	{ "MASKING_DICTIONARIES_ADMIN", G, MY, "M5", SINK_SECRETS, MEDIUM, "undo data masking" },
	{ "MANAGE_DATA_MASKING_POLICY", G, MY, "M5", SINK_SECRETS, MEDIUM, "undo data masking" },
	{ "EXPORT_QUERY_RESULTS", G, MY, "M5", SINK_READ_ALL, MEDIUM, "export rows elsewhere" },

	{ "RELOAD", G, ALL, "B1", SINK_LOGKILL, CRITICAL, "RESET: delete all binary logs" },
	{ "BINLOG_ADMIN", G, MY, "B1", SINK_LOGKILL, CRITICAL, "PURGE BINARY LOGS" },
	{ "BINLOG_ADMIN", G, MY, "M6", SINK_SUPER, CRITICAL, "apply anything by BINLOG" },
	{ "BINLOG ADMIN", G, MA, "B1", SINK_LOGKILL, CRITICAL, "PURGE BINARY LOGS" },
	{ "BINLOG REPLAY", G, MA, "M6", SINK_SUPER, CRITICAL, "apply anything by BINLOG" },
	{ "SESSION_VARIABLES_ADMIN", G, MY, "B1", SINK_LOGKILL, CRITICAL,
	    "keep its changes out of the log" },
	{ "INNODB_REDO_LOG_ENABLE", G, MY, "B1", SINK_LOGKILL, HIGH, "switch the redo log off" },
	{ "BINLOG_ENCRYPTION_ADMIN", G, MY, NULL, SINK_LOGKILL, LOW, "" },
	{ "REPLICATION_SLAVE_ADMIN", G, MY, "M6", SINK_SUPER, CRITICAL,
	    "replicate from a server of its own" },
	{ "REPLICATION SLAVE ADMIN", G, MA, "M6", SINK_SUPER, CRITICAL,
	    "replicate from a server of its own" },
	{ "REPLICATION MASTER ADMIN", G, MA, "B1", SINK_LOGKILL, MEDIUM,
	    "switch semi-synchronous replication off" },
	{ "REPLICATION_APPLIER", G, MY, "M6", SINK_WRITE, MEDIUM, "apply changes by BINLOG" },
	{ "REPLICATION SLAVE", G, ALL, "M6", SINK_READ_ALL, HIGH, "read all changes" },
	{ "REPLICATION CLIENT", G, MY, NULL, SINK_READ_ALL, LOW, "" },
	{ "BINLOG MONITOR", G, MA, NULL, SINK_READ_ALL, LOW, "" },
	{ "SLAVE MONITOR", G, MA, NULL, SINK_READ_ALL, LOW, "" },
	{ "CLONE_ADMIN", G, MY, "M6", SINK_DROP, CRITICAL, "overwrite the server with another" },
	{ "BACKUP_ADMIN", G, MY, "M6", SINK_READ_ALL, HIGH, "be cloned: hand out all data" },
	{ "INNODB_REDO_LOG_ARCHIVE", G, MY, "M6", SINK_READ_ALL, MEDIUM, "copy the redo log" },
	{ "GROUP_REPLICATION_ADMIN", G, MY, "M6", SINK_SUPER, CRITICAL, "join another group" },
	{ "GROUP_REPLICATION_STREAM", G, MY, "M6", SINK_READ_ALL, HIGH, "read all changes" },

	{ "SHUTDOWN", G, ALL, NULL, SINK_DROP, LOW, "" },
	{ "SHOW DATABASES", G, ALL, NULL, SINK_READ_ALL, LOW, "" },
	{ "SHOW_ROUTINE", G, MY, NULL, SINK_READ_ALL, LOW, "" },
	{ "READ_ONLY ADMIN", G, MA, NULL, SINK_WRITE, LOW, "" },
	{ "CONNECTION_ADMIN", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "SERVICE_CONNECTION_ADMIN", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "TP_CONNECTION_ADMIN", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "ENCRYPTION_KEY_ADMIN", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "TABLE_ENCRYPTION_ADMIN", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "CREATE_SPATIAL_REFERENCE_SYSTEM", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "FLUSH_OPTIMIZER_COSTS", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "FLUSH_PRIVILEGES", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "FLUSH_STATUS", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "FLUSH_TABLES", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "FLUSH_USER_RESOURCES", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "NDB_STORED_USER", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "OPTIMIZE_LOCAL_TABLE", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "OPTION_TRACKER_OBSERVER", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "OPTION_TRACKER_UPDATER", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "RESOURCE_GROUP_ADMIN", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "RESOURCE_GROUP_USER", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "SKIP_QUERY_REWRITE", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "TELEMETRY_LOG_ADMIN", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "TRANSACTION_GTID_TAG", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "VERSION_TOKEN_ADMIN", G, MY, NULL, SINK_WRITE, LOW, "" },
	{ "XA_RECOVER_ADMIN", G, MY, NULL, SINK_WRITE, LOW, "" },
};

const char *const *
audit_my_super_words(void)
{
	static const char *const all[] = { "SET USER", "FEDERATED ADMIN", "CONNECTION ADMIN",
		"REPLICATION SLAVE ADMIN", "REPLICATION MASTER ADMIN", "BINLOG ADMIN",
		"BINLOG REPLAY", NULL };

	return all;
}

static int
is_one_of(const char *const *list, const char *priv)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, priv) == 0)
			return 1;
	return 0;
}

/* Tables of the schema mysql that hold rights, code or secrets. */
static int
is_grant_table(const char *table)
{
	static const char *const names[] = { "user", "db", "global_priv", "global_grants",
		"tables_priv", "columns_priv", "procs_priv", "proxies_priv", "role_edges",
		"roles_mapping", "default_roles", "func", "plugin", "component", "proc",
		"event", "servers", NULL };

	return is_one_of(names, table);
}

/* The line "PRIV\tschema" of its account's partial revokes. */
int
audit_my_is_withheld(const struct audit_my_right *r, const char *schema)
{
	const char *p = r->account != NULL ? r->account->withheld : NULL;
	size_t n = strlen(r->priv), m = strlen(schema);

	if (r->level != MY_GLOBAL || p == NULL)
		return 0;
	for (; p != NULL && *p != '\0'; p = strchr(p, '\n') != NULL ? strchr(p, '\n') + 1 : NULL)
		if (strncmp(p, r->priv, n) == 0 && p[n] == '\t' &&
		    strncmp(p + n + 1, schema, m) == 0 && p[n + 1 + m] == '\n')
			return 1;
	return 0;
}

/* Does it reach the grant tables? */
static int
is_of_mysql(struct audit_my *a, const struct audit_my_right *r)
{
	const char *name;

	if (r->level == MY_GLOBAL)
		return !audit_my_is_withheld(r, "mysql");
	if (r->level == MY_ROUTINE)
		return 0;
	if (!audit_my_pattern(a, r->schema, &name) && strcmp(r->schema, "%") != 0 &&
	    strcmp(r->schema, "mysql%") != 0)
		return 0;
	if (strcmp(name, "mysql") != 0 && strchr(r->schema, '%') == NULL)
		return 0;
	return r->object == NULL || is_grant_table(r->object);
}

static struct graph_set *
set_of(struct audit_my *a, const struct audit_my_right *r, const char *schema)
{
	/* What stands behind ON says the schema, too; only *.* and % are mysql as well. */
	const char *key = strcmp(schema, "mysql") != 0 ? r->on :
	    graph_printf(a->g, "mysql by %s", r->on);
	struct graph_set *set;

	if (r->set != NULL)
		return r->set;
	set = graph_set(a->g, key, r->level == MY_GLOBAL ? "server" : "database", "", schema);
	if (set->n == 0)
		graph_set_add(a->g, set, r->on);
	return set;
}

/* REVOKE of a global privilege lifts its partial revokes, too: GRANT has to set them again. */
static const char *
withheld_again(struct audit_my *a, const struct audit_my_right *r)
{
	const char *p = r->level == MY_GLOBAL && r->account != NULL ? r->account->withheld : NULL;
	const char *all = "", *tab, *end;
	size_t n = strlen(r->priv);

	for (; p != NULL && *p != '\0'; p = end + 1) {
		if ((end = strchr(p, '\n')) == NULL || (tab = strchr(p, '\t')) == NULL)
			break;
		if ((size_t)(tab - p) == n && strncmp(p, r->priv, n) == 0)
			all = graph_printf(a->g, "%s;\nREVOKE %s ON %s.* FROM %s", all, r->priv,
			    audit_my_ident(a, graph_printf(a->g, "%.*s", (int)(end - tab - 1),
			    tab + 1)), r->grantee);
	}
	return all;
}

static int
is_of_rows(const char *priv)
{
	static const char *const rows[] = { "SELECT", "INSERT", "UPDATE", "DELETE", NULL };

	return is_one_of(rows, priv);
}

const struct graph_basis *
audit_my_basis(struct audit_my *a, const struct audit_my_right *r)
{
	const char *priv = strcmp(r->priv, "GRANT") == 0 ? "GRANT OPTION" : r->priv;
	const char *column = r->column != NULL ? graph_printf(a->g, " (%s)",
	    audit_my_ident(a, r->column)) : "", *what, *from, *on;
	struct graph_basis b = {
		.why = graph_printf(a->g, "holds %s%s on %s", priv, column, r->on),
		.row = r->row,
		.fix = r->fix, .undo = r->undo, .gift = audit_my_gift(a, r),
	};

	if (b.fix == NULL) {
		what = audit_my_template(a, "%s%s", priv, column);
		from = audit_my_template(a, "%s", r->grantee);
		on = r->set != NULL ? "%o" : audit_my_template(a, "%s", r->on);
		b.fix = graph_printf(a->g, "REVOKE %s ON %s FROM %s", what, on, from);
		b.undo = strcmp(r->priv, "GRANT") == 0 ?
		    graph_printf(a->g, "GRANT USAGE ON %s TO %s WITH GRANT OPTION", on, from) :
		    graph_printf(a->g, "GRANT %s ON %s TO %s%s%s", what, on, from, r->grantable ?
		    " WITH GRANT OPTION" : "", audit_my_template(a, "%s", withheld_again(a, r)));
	}
	if (r->level == MY_GLOBAL && is_of_rows(r->priv))
		b.advice = "or grant it on the databases that it is needed in";
	if (strcmp(r->priv, "RELOAD") == 0)
		b.advice = a->my->mariadb ?
		    "BACKUP STAGE of a backup needs RELOAD: this rest stays with such an account" :
		    "a backup needs FLUSH_TABLES, not RELOAD";
	return graph_basis(a->g, &b);
}

struct graph_set *
audit_my_set(struct audit_my *a, const struct audit_my_right *r)
{
	const char *schema = "";

	if (r->level != MY_GLOBAL)
		(void)audit_my_pattern(a, r->schema, &schema);	/* a pattern keeps its text */
	return set_of(a, r, schema);
}

static enum severity
severity_of_word(const struct audit_my *a, const struct word *w)
{
	if (strcmp(w->priv, "FILE") != 0 || a->secure_file_priv[0] == '\0')
		return w->severity;
	return strcmp(a->secure_file_priv, "NULL") == 0 ? MEDIUM : HIGH;
}

static void
add_power(struct audit_my *a, const struct audit_my_right *r, const struct word *w,
    const char *priv, const char *schema)
{
	struct graph_power p = { .from = r->holder, .needs = STEP_USE, .sink = w->sink,
		.severity = severity_of_word(a, w), .priv = priv, .act = w->act,
		.gate = { GRAPH_NO_GATE, GRAPH_NO_GATE }, .set = set_of(a, r, schema),
		.check = check_find(w->check), .basis = audit_my_basis(a, r) };

	graph_power(a->g, &p);
	if (strcmp(priv, w->priv) == 0)
		audit_my_missed(a, r, p.basis->fix, p.basis->undo);
	if (r->level == MY_GLOBAL && p.severity == CRITICAL && r->account != NULL)
		r->account->elevated = 1;
}

/* What a right on the grant tables is more than a right on rows. */
static void
add_mysql_powers(struct audit_my *a, const struct audit_my_right *r)
{
	static const struct word writes = { "", 0, 0, "M2", SINK_SUPER, CRITICAL,
		"write the grant tables" };
	static const struct word reads = { "", 0, 0, "A1", SINK_SECRETS, HIGH,
		"read password hashes" };

	struct audit_my_right withheld = *r;

	if (!is_of_mysql(a, r))
		return;
	if (r->level == MY_GLOBAL && a->partial_revokes && r->fix == NULL) {
		withheld.fix = audit_my_template(a, "REVOKE %s ON mysql.* FROM %s", r->priv,
		    r->grantee);
		withheld.undo = audit_my_template(a, "GRANT %s ON mysql.* TO %s", r->priv,
		    r->grantee);
		r = &withheld;
	}
	if (strcmp(r->priv, "INSERT") == 0 || strcmp(r->priv, "UPDATE") == 0)
		add_power(a, r, &writes, "GRANT", "mysql");
	else if (strcmp(r->priv, "SELECT") == 0)
		add_power(a, r, &reads, "SELECT", "mysql");
}

/* Does the account look like a backup's, and what does it hold besides (B2)? */
static void
note_backup(struct audit_my *a, const struct audit_my_right *r)
{
	static const char *const administers[] = { "CREATE USER", "SUPER", "GRANT", "ROLE_ADMIN",
		NULL };
	static const char *const beyond[] = { "INSERT", "UPDATE", "DELETE", "CREATE", "DROP",
		"ALTER", "FILE", "RELOAD", "BINLOG_ADMIN", "BINLOG ADMIN", "SYSTEM_VARIABLES_ADMIN",
		NULL };
	struct audit_my_account *x = r->account;

	if (r->level != MY_GLOBAL || x == NULL)
		return;
	if (strcmp(r->priv, "SELECT") == 0)
		x->copies |= MY_READS;
	else if (strcmp(r->priv, "LOCK TABLES") == 0 || strcmp(r->priv, "BACKUP_ADMIN") == 0)
		x->copies |= MY_LOCKS;
	else if (is_one_of(administers, r->priv))
		x->copies |= MY_ADMINISTERS;
	else if (is_one_of(beyond, r->priv))
		x->beyond = x->beyond == NULL ? r->priv :
		    graph_printf(a->g, "%s, %s", x->beyond, r->priv);
}

void
audit_my_give(struct audit_my *a, const struct audit_my_right *r)
{
	unsigned engine = a->my->mariadb ? MA : MY;
	int of_rows = is_of_rows(r->priv) && is_of_mysql(a, r), known = 0;
	const char *schema = "";
	size_t i;

	if (r->level != MY_GLOBAL)
		(void)audit_my_pattern(a, r->schema, &schema);	/* a pattern keeps its text */
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].priv, r->priv) != 0 || !(words[i].engines & engine))
			continue;
		known = 1;
		/* A right on a grant table is none on rows: no class needs it as that. */
		if (of_rows && (r->level == MY_TABLE || r->level == MY_COLUMN))
			continue;
		if (words[i].check != NULL && words[i].levels & (1U << r->level))
			add_power(a, r, &words[i], r->priv, schema);
		else if (words[i].check == NULL)
			audit_my_missed(a, r, NULL, NULL);
	}
	if (known) {
		note_backup(a, r);
		add_mysql_powers(a, r);
		if (strcmp(r->priv, "EXECUTE") == 0 || strcmp(r->priv, "ALTER ROUTINE") == 0)
			audit_my_may_call(a, r);
	} else {
		graph_unknown(a->g, "M2", graph_printf(a->g, "privilege %s of %s", r->priv,
		    r->grantee), "what it lets do is not known here", NULL);
	}
}

/* A word of the grant tables as SHOW GRANTS writes it. */
static const char *
word_of(struct audit_my *a, const char *from, size_t n)
{
	const char *word;
	char up[64];
	size_t i;

	for (i = 0; i < n && i < sizeof(up) - 1; i++)
		up[i] = (char)toupper((unsigned char)from[i]);
	up[i] = '\0';
	word = strcmp(up, "DELETE VERSIONING ROWS") == 0 ? "DELETE HISTORY" : up;
	return graph_string(a->g, word);
}

void
audit_my_give_list(struct audit_my *a, const struct audit_my_right *r, const char *list)
{
	struct audit_my_right one = *r;
	size_t n;

	for (; *list != '\0'; list += n + (list[n] == ',')) {
		n = strcspn(list, ",");
		one.priv = word_of(a, list, n);
		if (n > 0)
			audit_my_give(a, &one);
	}
}
