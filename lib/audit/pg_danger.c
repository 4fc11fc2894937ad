/*
 * F5: functions that act on the server's host: those in untrusted languages, and built-in
 * ones that only a superuser may call until someone grants them.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/pg_code.h"
#include "base/buf.h"

#define READS  "pg_read_server_files"	/* the word for a policy: what it amounts to */
#define WRITES "pg_write_server_files"
#define RUNS   "pg_execute_server_program"

struct danger {
	const char *name;
	enum sink sink;
	enum severity severity;
	const char *priv, *act;
	const char *proof;	/* by the number of arguments, one a '|'; "": none */
};

static const struct danger dangers[] = {
	{ "dblink_connect_u", SINK_SUPER, SEVERITY_CRITICAL, "SUPERUSER",
	    "log in as the server's own user", "" },	/* see log_in */
	{ "lo_export", SINK_OS, SEVERITY_CRITICAL, WRITES, "write files of the host",
	    "||SELECT lo_create(4000000000);\nSELECT lo_export(4000000000, '/dev/null')" },
	{ "lo_import", SINK_OS, SEVERITY_CRITICAL, READS, "read files of the host",
	    "|SELECT lo_import('PG_VERSION')|SELECT lo_import('PG_VERSION', 4000000000)" },
	{ "pg_file_rename", SINK_OS, SEVERITY_CRITICAL, WRITES,
	    "rename files of the host", "" },
	{ "pg_file_unlink", SINK_OS, SEVERITY_CRITICAL, WRITES,
	    "remove files of the host", "" },
	{ "pg_file_write", SINK_OS, SEVERITY_CRITICAL, WRITES, "write files of the host", "" },
	{ "pg_ls_dir", SINK_OS, SEVERITY_HIGH, READS, "list folders of the host",
	    "|SELECT pg_ls_dir('.')||SELECT pg_ls_dir('.', true, true)" },
	{ "pg_read_binary_file", SINK_OS, SEVERITY_CRITICAL, READS, "read files of the server",
	    "|SELECT pg_read_binary_file('PG_VERSION')"
	    "|SELECT pg_read_binary_file('PG_VERSION', false)"
	    "|SELECT pg_read_binary_file('PG_VERSION', 0, 1)"
	    "|SELECT pg_read_binary_file('PG_VERSION', 0, 1, false)" },
	{ "pg_read_file", SINK_OS, SEVERITY_CRITICAL, READS, "read files of the server",
	    "|SELECT pg_read_file('PG_VERSION')|SELECT pg_read_file('PG_VERSION', false)"
	    "|SELECT pg_read_file('PG_VERSION', 0, 1)"
	    "|SELECT pg_read_file('PG_VERSION', 0, 1, false)" },
	{ "pg_stat_file", SINK_OS, SEVERITY_HIGH, READS, "look at files of the host",
	    "|SELECT pg_stat_file('PG_VERSION')|SELECT pg_stat_file('PG_VERSION', false)" },
};
static const struct danger untrusted = { NULL, SINK_OS, SEVERITY_CRITICAL, RUNS,
	"run untrusted code on the host", "" };	/* see proof_called */

/*
 * What an extension brings in C is its own affair, but for the names above; so are the
 * constructors of a range type, and aggregates, which are no code of their own.
 */
static const char functions[] =
    "SELECT p.oid::regprocedure, p.pronamespace, p.proname, l.lanname, p.pronargs,"
    " x.grantee, x.grantor, p.proowner,"
    " coalesce(p.proacl, acldefault('f', p.proowner))::text"
    " FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang,"
    " aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x"
    " WHERE x.grantee <> p.proowner AND (p.proname IN ('dblink_connect_u', 'lo_export',"
    " 'lo_import', 'pg_file_rename', 'pg_file_unlink', 'pg_file_write', 'pg_ls_dir',"
    " 'pg_read_binary_file', 'pg_read_file', 'pg_stat_file')"
    " AND NOT l.lanpltrusted"
    " OR p.oid >= 16384 AND p.prokind <> 'a' AND NOT l.lanpltrusted"
    " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass"
    " AND d.objid = p.oid AND d.deptype IN ('e', 'i')))"
    " ORDER BY 1, 6, 7";

static const struct danger *
danger_of(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(dangers) / sizeof(dangers[0]); i++)
		if (strcmp(dangers[i].name, name) == 0)
			return &dangers[i];
	return &untrusted;
}

/* As the superuser, by the socket or by the network, whom pg_hba.conf asks for no password. */
static const char *
log_in(struct audit_pg *a, const char *schema, uint32_t args)
{
	static const char *const hosts[] = { NULL, "127.0.0.1" };
	const struct audit_pg_role *boss = audit_pg_role(a, PG_BOOTSTRAP_OID);
	const char *in = audit_pg_ident(a, schema), *name = args > 1 ? "'bulkhead', " : "";
	struct buf b = BUF_INIT, words;
	size_t i;

	if (boss == NULL || args < 1 || args > 2)
		return NULL;
	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		words = (struct buf)BUF_INIT;
		audit_pg_word(&words, "user", boss->name);
		audit_pg_word(&words, "dbname", a->db);
		if (hosts[i] != NULL)
			audit_pg_word(&words, "host", hosts[i]);
		buf_fmt(&b, "%sSELECT %s.dblink_connect_u(%s%s);\n"
		    "SELECT %s.dblink_exec(%s'COPY (SELECT 1) TO PROGRAM ''cat >/dev/null''')",
		    i > 0 ? "\nELSE\n" : "", in, name, audit_pg_literal(a, buf_cstr(&words)), in,
		    name);
		b.failed |= words.failed;
		buf_free(&words);
	}
	return audit_pg_take(a, &b);
}

/* The one for so many arguments, or NULL. */
static const char *
proof_of(struct audit_pg *a, const struct danger *d, const char *function,
    const struct audit_pg_schema *s, uint32_t args)
{
	const char *p = d->proof;
	size_t n;

	if (d == &untrusted)
		return proof_called(a, function);
	if (d->sink == SINK_SUPER)
		return log_in(a, s->name, args);
	for (; args > 0 && (p = strchr(p, '|')) != NULL; args--)
		p++;
	if (p == NULL || (n = strcspn(p, "|")) == 0)
		return NULL;
	return graph_printf(a->g, "%.*s", (int)n, p);
}

static void
add_power(const struct audit_pg_acl *acl, size_t at, const struct danger *d,
    const char *function, const struct audit_pg_schema *s, const char *proof)
{
	struct audit_pg *a = acl->a;
	const struct audit_pg_role *to = acl->grant[at].to;
	struct graph_set *set = graph_set(a->g,
	    graph_printf(a->g, "F5 %s %s", a->db, function), "function", a->db, s->name);
	struct graph_basis b = { .why = graph_printf(a->g, "may execute %s", function),
		.row = graph_printf(a->g, "pg_proc(%s).proacl: EXECUTE to %s", function,
		    code_name(to)),
		.proof = proof, .db = a->db };

	audit_pg_revoke(acl, at, ACL_EXECUTE, 0, &b);
	if (set->n == 0)
		graph_set_add(a->g, set, audit_pg_sql(a, function));
	graph_power(a->g, &(struct graph_power){
	    .from = audit_pg_role_node(a, to), .needs = STEP_USE, .sink = d->sink,
	    .severity = d->severity, .priv = d->priv, .act = d->act,
	    .gate = { a->db_gate, s->gate }, .set = set, .check = check_find("F5"),
	    .basis = graph_basis(a->g, &b) });
}

static int
one_function(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	const struct danger *d = danger_of(pg_query_text(q, 2));
	const char *function = graph_string(a->g, pg_query_text(q, 0));
	const struct audit_pg_schema *s = audit_pg_schema(a, pg_query_u32(q, 1));
	const struct audit_pg_role *to = audit_pg_role(a, pg_query_u32(q, 5));
	const struct audit_pg_role *by = audit_pg_role(a, pg_query_u32(q, 6));
	struct audit_pg_acl acl = { .a = a, .on = "ROUTINE %o",
		.schema = s != NULL ? s->name : NULL, .owner = audit_pg_role(a, pg_query_u32(q, 7)) };
	size_t i;

	(void)ctx;	/* the graph is all that it fills */
	if (s == NULL || to == NULL || by == NULL || acl.owner == NULL || to->predefined
	    || to->super)
		return 0;
	if (audit_pg_acl_add(&acl, pg_query_text(q, 8), NULL, e) != 0)
		return -1;
	audit_pg_acl_order(&acl);
	for (i = 0; i < acl.n; i++)
		if (acl.grant[i].to == to && acl.grant[i].by == by)
			add_power(&acl, i, d, function, s,
			    proof_of(a, d, function, s, pg_query_u32(q, 4)));
	audit_pg_acl_free(&acl);
	return 0;
}

int
audit_pg_danger(struct audit_pg *a, struct err *e)
{
	return audit_pg_ask(a, "F5", "pg_proc", NULL, functions, one_function, NULL, e) < 0
	    ? -1 : 0;
}
