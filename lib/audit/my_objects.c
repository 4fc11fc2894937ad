/*
 * Rights on databases, tables, columns and routines; the tables are alike in both families.
 * Objects of a schema with the same ACL share a set, and what an account may on any of them
 * shares its words and statements, so that 100,000 rows take little memory.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/my_acl.h"

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

static void
databases_end(struct audit_my *a, struct my_acl *x)
{
	const struct my_holding *h;
	struct audit_my_right r;

	for (h = x->holding; h < x->holding + x->n; h++) {
		r = h->r;
		r.level = MY_SCHEMA;
		r.schema = graph_string(a->g, x->schema);
		r.on = graph_printf(a->g, "%s.*", audit_my_ident(a, r.schema));
		r.row = graph_printf(a->g, "mysql.db(%s, %s)", r.grantee, r.schema);
		if (h < x->holding + x->rows)
			check_wildcard(a, &r, h->list);
		if (r.account == NULL)
			give_everyone(a, &r, h->host, h->list);
		else
			audit_my_give_list(a, &r, h->list);
	}
}

/* ---- tables, columns, routines ------------------------------------------------------ */

/* Grant tables and routines that matter to others differ by their names. */
static int
is_special(struct audit_my *a, const struct my_acl *x)
{
	return strcmp(x->schema, "mysql") == 0 ||
	    (x->level == MY_ROUTINE && audit_my_is_coded(a, x->schema, x->object));
}

/* As SQL wants it; not by way of the parts, which nobody needs a second time. */
static const char *
name_of(struct audit_my *a, const struct my_acl *x)
{
	struct buf b = BUF_INIT;
	const char *name;

	if (*x->type != '\0')
		buf_fmt(&b, "%s ", x->type);
	my_quote(&b, x->schema);
	buf_u8(&b, '.');
	my_quote(&b, x->object);
	name = graph_string(a->g, buf_cstr(&b));
	buf_free(&b);
	return name;
}

/* What all of its set share. */
static void
key_of(const struct my_acl *x, struct buf *key)
{
	uint32_t i;

	buf_fmt(key, "%s of %s\n", x->catalog, x->schema);
	for (i = 0; i < x->n; i++)
		buf_fmt(key, "%u %s %s\n%s\n", x->holding[i].r.holder, x->holding[i].r.grantee,
		    x->holding[i].list, x->holding[i].r.column != NULL ? x->holding[i].r.column : "");
}

/* The object at hand is complete: into its set, which gives the rights when it is new. */
static int
objects_end(struct audit_my *a, struct my_acl *x, struct err *e)
{
	const char *object, *at;
	struct buf key = BUF_INIT;
	struct graph_set *set;
	struct audit_my_right r;
	uint32_t i;
	int alone, rc;

	object = name_of(a, x);
	alone = is_special(a, x);
	at = alone ? object : x->many;
	if (alone)
		buf_fmt(&key, "%s %s", x->catalog, object);
	else
		key_of(x, &key);
	set = graph_set(a->g, buf_cstr(&key), x->kind, "", x->schema);
	rc = buf_check(&key, e);
	buf_free(&key);
	graph_set_add(a->g, set, object);
	for (i = 0; set->n == 1 && i < x->n; i++) {
		r = x->holding[i].r;
		r.level = x->level;
		r.schema = audit_my_escaped(a, x->schema);
		r.object = x->object;
		r.set = set;
		r.on = at;
		r.row = alone ? graph_printf(a->g, "%s(%s, %s)", x->catalog, r.grantee, object) :
		    graph_printf(a->g, "%s(%s)", x->catalog, r.grantee);
		audit_my_give_list(a, &r, x->holding[i].list);
	}
	return rc;
}

static int
end(struct audit_my *a, struct my_acl *x, struct err *e)
{
	if (x->level != MY_SCHEMA)
		return objects_end(a, x, e);
	databases_end(a, x);
	return 0;
}

int
audit_my_objects(struct audit_my *a, struct err *e)
{
	struct my_acl all[] = {
		{ .catalog = "mysql.db", .level = MY_SCHEMA, .select = a->my->mariadb ?
		    "Db, '', '', User, Host, '', " WORDS_OF_DB ", IF(Delete_history_priv = 'Y', "
		    "'DELETE HISTORY', NULL))" : "Db, '', '', User, Host, '', " WORDS_OF_DB ")" },
		{ .catalog = "mysql.tables_priv", .level = MY_TABLE, .kind = "table",
		    .many = "single tables",
		    .select = "Db, Table_name, '', User, Host, '', Table_priv" },
		{ .catalog = "mysql.columns_priv", .level = MY_COLUMN, .kind = "table",
		    .many = "single tables",
		    .select = "Db, Table_name, '', User, Host, Column_name, Column_priv" },
		{ .catalog = "mysql.procs_priv", .level = MY_ROUTINE, .kind = "routine",
		    .many = "single routines",
		    .select = "Db, Routine_name, Routine_type, User, Host, '', Proc_priv" },
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (audit_my_acls(a, &all[i], end, e) < 0)
			return -1;
	return 0;
}
