/*
 * Logins: their passwords (P1), elevation without an end (B7), and backup accounts that can
 * do more than that (B2).
 */
#include <stdlib.h>
#include <string.h>

#include "audit/pg_private.h"

/* ---- passwords ------------------------------------------------------------------- */

static int
read_password(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	const struct audit_pg_role *r = audit_pg_role(a, pg_query_u32(q, 0));
	const char *kind = pg_query_text(q, 1);
	struct graph_basis b = { .fix = NULL };

	(void)ctx;
	(void)e;
	if (r == NULL || !r->login || kind == NULL)
		return 0;
	b.row = graph_printf(a->g, "pg_authid.rolpassword of %s", r->name);
	if (strcmp(kind, "md5") == 0) {
		b.why = graph_printf(a->g, "the password of %s is kept as an MD5 hash, which "
		    "is as good as the password itself", r->name);
		b.advice = graph_printf(a->g, "set password_encryption = 'scram-sha-256', "
		    "then in psql: \\password %s", r->name);
		graph_fault(a->g, "P1", SEVERITY_HIGH, SINK_SECRETS, r->name, &b);
	} else if (strcmp(kind, "none") == 0 && r->oid != PG_BOOTSTRAP_OID) {
		b.why = graph_printf(a->g, "%s has no password: it comes in only where "
		    "pg_hba.conf asks for none", r->name);
		b.advice = graph_printf(a->g, "give it one (in psql: \\password %s), unless "
		    "it comes in by peer, certificate, GSSAPI or the like", r->sql);
		graph_fault(a->g, "P1", SEVERITY_LOW, SINK_SECRETS, r->name, &b);
	}
	return 0;
}

static int
read_way(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	int *way = ctx;

	(void)a;
	(void)e;
	*way = pg_query_true(q, 0) ? 2 : pg_query_true(q, 1) ? 1 : 0;
	return 0;
}

/*
 * From pg_authid, if we may read it; else from the view of audit_pg_grants, which shows no
 * hashes.  Whoever owns a view runs code in our session, so it must be a superuser's.
 */
int
audit_pg_passwords(struct audit_pg *a, struct err *e)
{
	static const char *const sql[] = { NULL,
		"SELECT role, kind FROM privaudit.password ORDER BY 1",
		"SELECT oid, CASE WHEN rolpassword IS NULL THEN 'none' "
		"WHEN rolpassword LIKE 'md5%' THEN 'md5' ELSE 'other' END FROM pg_authid "
		    "ORDER BY 1" };
	int way = 0;

	if (audit_pg_ask(a, "P1", "pg_authid", NULL,
	    "SELECT has_column_privilege('pg_authid', 'rolpassword', 'SELECT'), "
	    "EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace "
	    "JOIN pg_roles AS r ON r.oid = relowner JOIN pg_roles AS s ON s.oid = nspowner "
	    "WHERE nspname = 'privaudit' AND relname = 'password' AND relkind = 'v' "
	    "AND r.rolsuper AND s.rolsuper AND has_schema_privilege(n.oid, 'USAGE') "
	    "AND has_table_privilege(c.oid, 'SELECT'))",
	    read_way, &way, e) < 0)
		return -1;
	if (way == 0) {
		graph_unknown(a->g, "P1", "pg_authid",
		    "no right to see how passwords are kept",
		    "privaudit --print-grants has a view that shows it without the hashes");
		return 0;
	}
	return audit_pg_ask(a, "P1", "pg_authid", NULL, sql[way], read_password, NULL, e) < 0
	    ? -1 : 0;
}

/* ---- elevation --------------------------------------------------------------------- */

static const char *
elevation(const struct audit_pg_role *r)
{
	return r->super ? "SUPERUSER" : r->createrole ? "CREATEROLE"
	    : r->bypassrls ? "BYPASSRLS" : NULL;
}

/* VALID UNTIL ends password logins only, but a date is what makes somebody look again. */
void
audit_pg_elevation(struct audit_pg *a, const struct audit_pg_role *r)
{
	const char *what = elevation(r);
	struct graph_basis b = { .fix = NULL };

	if (what == NULL || !r->login || r->until != NULL || r->oid == PG_BOOTSTRAP_OID)
		return;
	b.why = graph_printf(a->g, "%s is %s for ever", r->name, what);
	b.row = graph_printf(a->g, "pg_authid.rolvaliduntil of %s", r->name);
	b.advice = graph_printf(a->g, "ALTER ROLE %s VALID UNTIL the day when its work is "
	    "done; it stops password logins only, so make a role NOLOGIN that is not at work",
	    r->sql);
	graph_fault(a->g, "B7", SEVERITY_HIGH, SINK_SUPER, r->name, &b);
}

/* ---- backup accounts ------------------------------------------------------------------ */

/* What a backup or log shipping account needs leads to none of these. */
static int
is_too_much(const struct graph_power *p)
{
	return strcmp(p->priv, "REPLICATION") != 0 &&
	    (p->sink == SINK_SUPER || p->sink == SINK_OS || p->sink == SINK_WRITE ||
	    p->sink == SINK_DROP);
}

/* Reading is its work; what can change or drop as well takes both with one stolen password. */
int
audit_pg_backup(struct audit_pg *a, struct err *e)
{
	const struct graph *g = a->g;
	const struct graph_power **worst = calloc((size_t)g->nodes + 1, sizeof(*worst)), *p;
	const struct audit_pg_role *r;
	struct graph_basis b = { .fix = NULL };
	uint32_t i;

	if (worst == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (i = 0; i < g->powers; i++)
		if (worst[g->power[i].from] == NULL && is_too_much(&g->power[i]))
			worst[g->power[i].from] = &g->power[i];
	for (i = 0; i < a->roles; i++) {
		r = &a->role[i];
		if (!r->replication || !r->login || r->super || (p = worst[r->node]) == NULL)
			continue;
		b.why = graph_printf(a->g, "%s replicates, and can do more than that (%s: %s)",
		    r->name, p->basis->why, p->act);
		b.row = graph_printf(a->g, "pg_authid.rolreplication of %s", r->name);
		b.advice = "make an account for backups alone, with REPLICATION and "
		    "nothing else";
		graph_fault(a->g, "B2", SEVERITY_HIGH, SINK_BACKUPKILL, r->name, &b);
	}
	free(worst);
	return 0;
}
