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

/* ---- tables, columns, routines ------------------------------------------------------ */

/* One row: what one account may on the object at hand. */
struct holding {
	struct audit_my_right r;
	const char *list;
};

/*
 * All rows of one object, which come together: its ACL.  Objects of a schema with the same
 * ACL share a set, and what an account may on any of them shares its words and statements,
 * so that 100,000 rows take little memory.
 */
struct acl {
	const char *catalog, *kind, *many;
	enum my_level level;
	char schema[256], object[256];	/* names of 64 letters */
	char type[16];			/* PROCEDURE or FUNCTION, else "" */
	struct holding *holding;
	uint32_t n, cap;
};

/* Grant tables and routines that matter to others differ by their names. */
static int
is_special(struct audit_my *a, const struct acl *x)
{
	return strcmp(x->schema, "mysql") == 0 ||
	    (x->level == MY_ROUTINE && audit_my_is_coded(a, x->schema, x->object));
}

/* As SQL wants it; not by way of the parts, which nobody needs a second time. */
static const char *
name_of(struct audit_my *a, const struct acl *x)
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
key_of(const struct acl *x, struct buf *key)
{
	uint32_t i;

	buf_fmt(key, "%s of %s\n", x->catalog, x->schema);
	for (i = 0; i < x->n; i++)
		buf_fmt(key, "%u %s\n%s\n", x->holding[i].r.holder, x->holding[i].list,
		    x->holding[i].r.column != NULL ? x->holding[i].r.column : "");
}

/* The object at hand is complete: into its set, which gives the rights when it is new. */
static int
acl_end(struct audit_my *a, struct acl *x, struct err *e)
{
	const char *object, *at;
	struct buf key = BUF_INIT;
	struct graph_set *set;
	struct audit_my_right r;
	uint32_t i;
	int alone, rc;

	if (x->n == 0)
		return 0;
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
	x->n = 0;
	return rc;
}

/* Db, object, type or "", User, Host, column or "", list */
static int
acl_row(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	struct acl *x = ctx;
	const char *schema = audit_my_text(row, 0), *object = audit_my_text(row, 1);
	const char *type = audit_my_text(row, 2);
	struct holding h = { .list = graph_string(a->g, audit_my_text(row, 6)) }, *more;

	if ((strcmp(schema, x->schema) != 0 || strcmp(object, x->object) != 0 ||
	    strcmp(type, x->type) != 0) && acl_end(a, x, e) != 0)
		return -1;
	if (!holder_of(a, audit_my_text(row, 3), audit_my_text(row, 4), &h.r))
		return 0;
	if (x->n == x->cap) {
		x->cap = x->cap == 0 ? 16 : x->cap * 2;
		if ((more = realloc(x->holding, x->cap * sizeof(*more))) == NULL)
			return err_set(e, ERR_SYSTEM, "out of memory");
		x->holding = more;
	}
	(void)snprintf(x->schema, sizeof(x->schema), "%s", schema);	/* they fit */
	(void)snprintf(x->object, sizeof(x->object), "%s", object);
	(void)snprintf(x->type, sizeof(x->type), "%s", type);
	if (*audit_my_text(row, 5) != '\0')
		h.r.column = graph_string(a->g, audit_my_text(row, 5));
	x->holding[x->n++] = h;
	return 0;
}

static int
ask_acls(struct audit_my *a, const char *select, struct acl *x, struct err *e)
{
	int rc = audit_my_ask(a, "A1", x->catalog, graph_printf(a->g,
	    "GRANT SELECT ON %s TO %s;\n", x->catalog, a->auditor), graph_printf(a->g,
	    "SELECT %s FROM %s ORDER BY 1, 2, 3, 4, 5, 6", select, x->catalog), acl_row, x, e);

	if (rc >= 0 && acl_end(a, x, e) != 0)
		rc = -1;
	free(x->holding);
	return rc;
}

int
audit_my_objects(struct audit_my *a, struct err *e)
{
	struct acl tables = { .catalog = "mysql.tables_priv", .kind = "table",
		.many = "single tables", .level = MY_TABLE };
	struct acl columns = { .catalog = "mysql.columns_priv", .kind = "table",
		.many = "single tables", .level = MY_COLUMN };
	struct acl routines = { .catalog = "mysql.procs_priv", .kind = "routine",
		.many = "single routines", .level = MY_ROUTINE };

	if (audit_my_ask(a, "A1", "mysql.db", graph_printf(a->g,
	    "GRANT SELECT ON mysql.db TO %s;\n", a->auditor), a->my->mariadb ?
	    "SELECT Host, User, Db, " WORDS_OF_DB ", IF(Delete_history_priv = 'Y', "
	    "'DELETE HISTORY', NULL)) FROM mysql.db ORDER BY 2, 1, 3" :
	    "SELECT Host, User, Db, " WORDS_OF_DB ") FROM mysql.db ORDER BY 2, 1, 3",
	    database, NULL, e) < 0)
		return -1;
	return ask_acls(a, "Db, Table_name, '', User, Host, '', Table_priv", &tables, e) < 0 ||
	    ask_acls(a, "Db, Table_name, '', User, Host, Column_name, Column_priv", &columns,
	    e) < 0 || ask_acls(a, "Db, Routine_name, Routine_type, User, Host, '', Proc_priv",
	    &routines, e) < 0 ? -1 : 0;
}
