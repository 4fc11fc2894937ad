/*
 * Rights on databases, tables, columns and routines; the tables are alike in both families.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/my_private.h"

#define WORDS_OF_DB \
	"CONCAT_WS(',', IF(Select_priv = 'Y', 'SELECT', NULL), " \
	"IF(Insert_priv = 'Y', 'INSERT', NULL), IF(Update_priv = 'Y', 'UPDATE', NULL), " \
	"IF(Delete_priv = 'Y', 'DELETE', NULL), IF(Create_priv = 'Y', 'CREATE', NULL), " \
	"IF(Drop_priv = 'Y', 'DROP', NULL), IF(Grant_priv = 'Y', 'GRANT', NULL), " \
	"IF(References_priv = 'Y', 'REFERENCES', NULL), IF(Index_priv = 'Y', 'INDEX', NULL), " \
	"IF(Alter_priv = 'Y', 'ALTER', NULL), " \
	"IF(Create_tmp_table_priv = 'Y', 'CREATE TEMPORARY TABLES', NULL), " \
	"IF(Lock_tables_priv = 'Y', 'LOCK TABLES', NULL), " \
	"IF(Create_view_priv = 'Y', 'CREATE VIEW', NULL), " \
	"IF(Show_view_priv = 'Y', 'SHOW VIEW', NULL), " \
	"IF(Create_routine_priv = 'Y', 'CREATE ROUTINE', NULL), " \
	"IF(Alter_routine_priv = 'Y', 'ALTER ROUTINE', NULL), " \
	"IF(Execute_priv = 'Y', 'EXECUTE', NULL), IF(Event_priv = 'Y', 'EVENT', NULL), " \
	"IF(Trigger_priv = 'Y', 'TRIGGER', NULL)"

/*
 * Whose row it is.  A database's row without a user is everyone's, and no GRANT or REVOKE
 * reaches it.  0: nobody's.
 */
static int
holder_of(struct audit_my *a, const char *user, const char *host, struct audit_my_right *r)
{
	r->account = audit_my_account(a, user, host);
	if (r->account != NULL) {
		r->holder = r->account->node;
		r->grantee = r->account->sql;
		return 1;
	}
	if (*user != '\0')
		return 0;	/* dropped, or made while we read */
	r->holder = a->everyone;
	r->grantee = "everyone";
	return 1;
}

/* Give each right of a row that is everyone's, with the column that takes it away. */
static void
give_everyone(struct audit_my *a, const struct audit_my_right *row, const char *host,
    const char *list)
{
	static const char update[] = "UPDATE mysql.db SET %s = '%s' WHERE User = '' AND "
	    "Host = %s AND Db = %s;\nFLUSH PRIVILEGES";
	struct audit_my_right r = *row;
	const char *at = audit_my_literal(a, host), *db = audit_my_literal(a, r.schema);
	char column[64];
	size_t n, i;

	for (; *list != '\0'; list += n + (list[n] == ',')) {
		n = strcspn(list, ",");
		(void)snprintf(column, sizeof(column), "%.*s_priv", (int)n, list); /* they fit */
		if (strncmp(list, "CREATE TEMPORARY TABLES", n) == 0 && n > 6)
			(void)snprintf(column, sizeof(column), "Create_tmp_table_priv");
		for (i = 1; column[i] != '\0'; i++)
			column[i] = column[i] == ' ' ? '_' : (char)tolower((unsigned char)column[i]);
		r.fix = audit_my_template(a, update, column, "N", at, db);
		r.undo = audit_my_template(a, update, column, "Y", at, db);
		audit_my_give_list(a, &r, graph_printf(a->g, "%.*s", (int)n, list));
	}
}

/* A pattern that was meant as a name: the same rights on that name alone. */
static void
check_wildcard(struct audit_my *a, const struct audit_my_right *r, const char *list)
{
	const char *name, *sql, *rest = "", *words = "";
	struct graph_basis b = { .row = r->row };
	size_t n;

	if (audit_my_pattern(a, r->schema, &name) || a->g->node[r->holder].builtin)
		return;
	b.why = graph_printf(a->g, "the rights of %s on %s hold for every database that the "
	    "wildcards match", r->grantee, r->on);
	b.advice = "name the databases one by one, with \\_ for _";
	if (strchr(r->schema, '%') == NULL && strchr(r->schema, '\\') == NULL &&
	    r->account != NULL) {
		for (; *list != '\0'; list += n + (list[n] == ',')) {
			n = strcspn(list, ",");
			if (n == 5 && strncmp(list, "GRANT", 5) == 0)
				rest = " WITH GRANT OPTION";
			else
				words = graph_printf(a->g, "%s%s%.*s", words, *words ? ", " : "",
				    (int)n, list);
		}
		if (*words == '\0')
			words = "USAGE";
		sql = audit_my_ident(a, audit_my_escaped(a, name));
		b.fix = audit_my_template(a, "GRANT %s ON %s.* TO %s%s;\nREVOKE %s%s ON %s FROM %s",
		    words, sql, r->grantee, rest, words, *rest ? ", GRANT OPTION" : "", r->on,
		    r->grantee);
		b.undo = audit_my_template(a, "GRANT %s ON %s TO %s%s;\nREVOKE %s%s ON %s.* FROM %s",
		    words, r->on, r->grantee, rest, words, *rest ? ", GRANT OPTION" : "", sql,
		    r->grantee);
	}
	graph_fault(a->g, "M9", SEVERITY_HIGH, SINK_READ_ALL,
	    r->account != NULL ? a->g->node[r->holder].name : "PUBLIC", &b);
}

static int
database(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	const char *host = audit_my_text(row, 0), *list = audit_my_text(row, 3);
	struct audit_my_right r = { .level = MY_SCHEMA };

	(void)ctx;	/* none */
	(void)e;	/* this cannot fail */
	if (!holder_of(a, audit_my_text(row, 1), host, &r))
		return 0;
	r.schema = graph_string(a->g, audit_my_text(row, 2));
	r.on = graph_printf(a->g, "%s.*", audit_my_ident(a, r.schema));
	r.row = graph_printf(a->g, "mysql.db(%s, %s)", r.grantee, r.schema);
	check_wildcard(a, &r, list);
	if (r.account == NULL)
		give_everyone(a, &r, host, list);
	else
		audit_my_give_list(a, &r, list);
	return 0;
}

/* What the rows of tables, columns and routines begin with; 0: nobody's. */
static int
object_of(struct audit_my *a, const struct my_row *row, struct audit_my_right *r)
{
	if (!holder_of(a, audit_my_text(row, 1), audit_my_text(row, 0), r))
		return 0;
	r->schema = audit_my_escaped(a, audit_my_text(row, 2));
	r->object = graph_string(a->g, audit_my_text(row, 3));
	r->on = graph_printf(a->g, "%s.%s", audit_my_ident(a, audit_my_text(row, 2)),
	    audit_my_ident(a, r->object));
	return 1;
}

static int
table(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	struct audit_my_right r = { .level = MY_TABLE };

	(void)ctx;	/* none */
	(void)e;	/* this cannot fail */
	if (!object_of(a, row, &r))
		return 0;
	r.row = graph_printf(a->g, "mysql.tables_priv(%s, %s)", r.grantee, r.on);
	audit_my_give_list(a, &r, audit_my_text(row, 4));
	return 0;
}

static int
column(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	struct audit_my_right r = { .level = MY_COLUMN };

	(void)ctx;	/* none */
	(void)e;	/* this cannot fail */
	if (!object_of(a, row, &r))
		return 0;
	r.column = graph_string(a->g, audit_my_text(row, 4));
	r.row = graph_printf(a->g, "mysql.columns_priv(%s, %s, %s)", r.grantee, r.on,
	    r.column);
	audit_my_give_list(a, &r, audit_my_text(row, 5));
	return 0;
}

static int
routine(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	struct audit_my_right r = { .level = MY_ROUTINE };

	(void)ctx;	/* none */
	(void)e;	/* this cannot fail */
	if (!object_of(a, row, &r))
		return 0;
	r.on = graph_printf(a->g, "%s %s", audit_my_text(row, 4), r.on);
	r.row = graph_printf(a->g, "mysql.procs_priv(%s, %s)", r.grantee, r.on);
	audit_my_give_list(a, &r, audit_my_text(row, 5));
	return 0;
}

int
audit_my_objects(struct audit_my *a, struct err *e)
{
	static const struct {
		const char *table, *mysql, *mariadb;
		audit_my_row *row;
	} all[] = {
		{ "mysql.db",
		    "SELECT Host, User, Db, " WORDS_OF_DB ") FROM mysql.db ORDER BY 2, 1, 3",
		    "SELECT Host, User, Db, " WORDS_OF_DB ", IF(Delete_history_priv = 'Y', "
		    "'DELETE HISTORY', NULL)) FROM mysql.db ORDER BY 2, 1, 3", database },
		{ "mysql.tables_priv", "SELECT Host, User, Db, Table_name, Table_priv "
		    "FROM mysql.tables_priv ORDER BY 2, 1, 3, 4", NULL, table },
		{ "mysql.columns_priv", "SELECT Host, User, Db, Table_name, Column_name, "
		    "Column_priv FROM mysql.columns_priv ORDER BY 2, 1, 3, 4, 5", NULL, column },
		{ "mysql.procs_priv", "SELECT Host, User, Db, Routine_name, Routine_type, "
		    "Proc_priv FROM mysql.procs_priv ORDER BY 2, 1, 3, 4", NULL, routine },
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (audit_my_ask(a, "A1", all[i].table, graph_printf(a->g,
		    "GRANT SELECT ON %s TO %s;\n", all[i].table, a->auditor),
		    a->my->mariadb && all[i].mariadb != NULL ? all[i].mariadb : all[i].mysql,
		    all[i].row, NULL, e) < 0)
			return -1;
	return 0;
}
