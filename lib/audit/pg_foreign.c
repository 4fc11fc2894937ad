/*
 * F6: credentials that the server stores for its own connections elsewhere, and those that
 * lead back to itself: user mappings and subscriptions.  F7: jobs that a scheduler runs as
 * a strong role.
 *
 * Passwords are never read: the questions only ask whether there is one.
 */
#include <string.h>

#include "audit/pg_code.h"

#define OPTION(options, name) \
	"(SELECT option_value FROM pg_options_to_table(" options ")"	\
	" WHERE option_name = '" name "')"

/* Readable for all; so it tells that there is something that we may not read. */
static const char any_mapping[] = "SELECT count(*) FROM pg_user_mappings";
/* A mapping, its server, and whether that is this server: 8. */
static const char mappings[] =
    "SELECT m.umuser, s.srvname, s.srvowner, w.fdwname, m.username, m.password, m.lax,"
    " " OPTION("s.srvoptions", "host") ","
    " coalesce(" OPTION("s.srvoptions", "port") ", current_setting('port'))"
    "  = current_setting('port')"
    " AND (coalesce(" OPTION("s.srvoptions", "hostaddr") ", " OPTION("s.srvoptions", "host")
    ", '/') ~ '^(/|@|localhost$|127[.]|::1$)' OR coalesce(" OPTION("s.srvoptions", "hostaddr")
    ", " OPTION("s.srvoptions", "host") ") = host(inet_server_addr()))"
    " AND " OPTION("s.srvoptions", "service") " IS NULL,"
    " " GRANTEES("coalesce(s.srvacl, acldefault('S', s.srvowner))", "= 'USAGE'")
    " FROM (SELECT umuser, umserver, " OPTION("umoptions", "user") " AS username,"
    "  " OPTION("umoptions", "password") " IS NOT NULL AS password,"
    "  coalesce(" OPTION("umoptions", "password_required") " IN"
    "  ('false', 'off', 'no', '0', 'f'), false) AS lax FROM pg_user_mapping) m"
    " JOIN pg_foreign_server s ON s.oid = m.umserver"
    " JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw ORDER BY s.srvname, m.umuser";

struct mapping {
	struct code *c;
	const struct audit_pg_role *holder, *target; /* target: here, on this server */
	const char *server, *user;	/* user: NULL, none is given */
	const char *of;			/* "FOR x SERVER y" */
	int password, lax, loopback;
};

/* Set an option of the mapping, and back. */
static void
option_sql(struct audit_pg *a, const struct mapping *m, const char *name, const char *have,
    const char *want, struct graph_basis *b)
{
	const char *new = audit_pg_literal(a, want);

	b->fix = graph_printf(a->g, "ALTER USER MAPPING %s OPTIONS (%s %s %s)", m->of,
	    have != NULL ? "SET" : "ADD", name, new);
	b->undo = have != NULL
	    ? graph_printf(a->g, "ALTER USER MAPPING %s OPTIONS (SET %s %s)", m->of, name,
	    audit_pg_literal(a, have))
	    : graph_printf(a->g, "ALTER USER MAPPING %s OPTIONS (DROP %s)", m->of, name);
}

static void
loopback_step(struct audit_pg *a, const struct mapping *m, const struct audit_pg_role *from)
{
	struct graph_basis b = {
		.why = graph_printf(a->g,
		    "logs in as %s by foreign server %s, which is this one",
		    m->target->name, m->server),
		.row = graph_printf(a->g, "pg_user_mapping(%s, %s): user %s%s",
		    code_name(m->holder), m->server, m->user != NULL ? m->user : "not given",
		    m->lax ? ", password_required=false" : ""),
		.advice = "map each role to itself",
		.proof = proof_logged_in(a, m->server, m->target->name),
		.db = a->db,
	};

	if (m->holder->oid != 0)
		option_sql(a, m, "\"user\"", m->user, code_name(m->holder), &b);
	graph_step(a->g, &(struct graph_step){
	    .from = audit_pg_role_node(a, from), .to = audit_pg_role_node(a, m->target),
	    .needs = m->holder->oid == 0 ? STEP_USE : STEP_BECOME, .gives = STEP_BECOME,
	    .breach = 1, .check = check_find("F6"), .basis = graph_basis(a->g, &b) });
}

static int
each_user(void *ctx, const struct audit_pg_role *r, struct err *e)
{
	const struct mapping *m = ctx;

	(void)e;	/* the graph is all that it fills */
	if (r != m->target)
		loopback_step(m->c->a, m, r);
	return 0;
}

/* A mapping for PUBLIC is good for whoever may use the server. */
static int
loops_back(struct mapping *m, const char *users, struct err *e)
{
	const struct who *w = &m->c->who;
	struct who_set who = { 0 };
	int rc;

	if (m->holder->oid != 0)
		return m->holder->super ? 0 : each_user(m, m->holder, e);
	rc = who_grant(w, &who, users, e);
	if (rc == 0)
		rc = who_and(w, &who, &m->c->connect, e);
	if (rc == 0)
		rc = who_widest(w, &who, each_user, m, e);
	who_set_free(&who);
	return rc;
}

static void
stored(struct audit_pg *a, const struct mapping *m)
{
	const char *subject = graph_printf(a->g, "user mapping of %s for server %s of %s",
	    code_name(m->holder), m->server, a->db);
	struct graph_basis b = {
		.row = graph_printf(a->g, "pg_user_mapping(%s, %s)", code_name(m->holder),
		    m->server),
		.db = a->db,
	};

	if (m->lax) {
		b.why = graph_printf(a->g, "%s connects to server %s without a password of "
		    "its own, as whom the server's own user is taken for there",
		    code_name(m->holder), m->server);
		option_sql(a, m, "password_required", "false", "true", &b);
		graph_fault(a->g, "F6", SEVERITY_CRITICAL, SINK_SECRETS, subject, &b);
		return;
	}
	b.why = graph_printf(a->g, "the password of %s on server %s is stored, and serves %s",
	    m->user != NULL ? m->user : code_name(m->holder), m->server,
	    m->holder->oid == 0 ? "everyone who may use the server" : code_name(m->holder));
	b.advice = "keep that account as weak over there as its user is here";
	graph_fault(a->g, "F6", m->holder->oid == 0 ? SEVERITY_HIGH : SEVERITY_MEDIUM,
	    SINK_SECRETS, subject, &b);
}

static const struct audit_pg_role *
role_named(const struct audit_pg *a, const char *name)
{
	uint32_t i;

	for (i = 0; i < a->roles; i++)
		if (a->role[i].oid != 0 && strcmp(a->role[i].name, name) == 0)
			return &a->role[i];
	return NULL;
}

static int
one_mapping(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct mapping m = { .c = ctx, .holder = audit_pg_role(a, pg_query_u32(q, 0)),
		.server = graph_string(a->g, pg_query_text(q, 1)),
		.user = graph_string(a->g, pg_query_text(q, 4)),
		    .password = pg_query_true(q, 5),
		.lax = pg_query_true(q, 6), .loopback = pg_query_true(q, 8) };
	const char *wrapper = pg_query_text(q, 3);

	if (m.holder == NULL)
		return 0;
	m.of = graph_printf(a->g, "FOR %s SERVER %s", m.holder->sql,
	    audit_pg_ident(a, m.server));
	/* Without a user libpq takes the server's own: most often the first superuser. */
	m.target = m.user != NULL ? role_named(a, m.user) : audit_pg_role(a, PG_BOOTSTRAP_OID);
	if (m.loopback && m.target != NULL && (m.lax || m.password)
	    && (strcmp(wrapper, "postgres_fdw") == 0 || strcmp(wrapper, "dblink_fdw") == 0))
		return loops_back(&m, pg_query_text(q, 9), e);
	if ((m.lax || m.password) && !m.holder->super)
		stored(a, &m);
	return 0;
}

/* ---- subscriptions -------------------------------------------------------- */

/* Up to 15 the worker that applies changes is the subscription's owner, and so runs the
   triggers that a table's owner has hung there. */
static const char applied_15[] =
    "SELECT s.subname, s.subowner, c.oid::regclass, c.relowner FROM pg_subscription s"
    " JOIN pg_subscription_rel r ON r.srsubid = s.oid JOIN pg_class c ON c.oid = r.srrelid"
    " WHERE c.relowner <> s.subowner ORDER BY 1, 3";
static const char applied_16[] =
    "SELECT s.subname, s.subowner, c.oid::regclass, c.relowner FROM pg_subscription s"
    " JOIN pg_subscription_rel r ON r.srsubid = s.oid JOIN pg_class c ON c.oid = r.srrelid"
    " WHERE c.relowner <> s.subowner AND s.subrunasowner ORDER BY 1, 3";
static const char here[] =
    "SELECT count(*) FROM pg_subscription"
    " WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
static const char subscriptions_15[] =
    "SELECT subname, subowner, subconninfo ~* '(password *=|://[^/@]*:[^/@]*@)', true"
    " FROM pg_subscription"
    " WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
static const char subscriptions_16[] =
    "SELECT subname, subowner, subconninfo ~* '(password *=|://[^/@]*:[^/@]*@)',"
    " subpasswordrequired FROM pg_subscription"
    " WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())";

static int
one_applied(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	const struct audit_pg_role *owner = audit_pg_role(a, pg_query_u32(q, 1));
	const struct audit_pg_role *from = audit_pg_role(a, pg_query_u32(q, 3));
	const char *name = pg_query_text(q, 0), *sub;
	struct breach b = { .check = "F6",
		.advice = "give the subscription to the owner of its tables" };

	if (owner == NULL || from == NULL || from->super)
		return 0;
	sub = audit_pg_ident(a, name);
	b.from = audit_pg_role_node(a, from);
	b.to = audit_pg_role_node(a, owner);
	b.why = graph_printf(a->g, "owns %s, to which subscription %s writes as %s",
	    pg_query_text(q, 2), name, owner->name);
	b.row = graph_printf(a->g, "pg_subscription(%s): subowner %s", name, owner->name);
	b.proof = proof_applied(a, pg_query_text(q, 2), owner->name);
	if (a->major >= 16) {
		b.fix = graph_printf(a->g, "ALTER SUBSCRIPTION %s SET (run_as_owner = false)",
		    sub);
		b.undo = graph_printf(a->g, "ALTER SUBSCRIPTION %s SET (run_as_owner = true)",
		    sub);
	}
	return breach_add(ctx, &b, e);
}

static int
one_subscription(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	const struct audit_pg_role *owner = audit_pg_role(a, pg_query_u32(q, 1));
	const char *name = pg_query_text(q, 0), *subject;
	struct graph_basis b = { .db = a->db };

	(void)ctx;	/* the graph is all that it fills */
	(void)e;
	subject = graph_printf(a->g, "subscription %s of %s", name, a->db);
	if (!pg_query_true(q, 3) && owner != NULL && !owner->super) {
		b.why = graph_printf(a->g, "%s connects with it as whom the server's own user "
		    "is taken for there, without a password", owner->name);
		b.row = graph_printf(a->g, "pg_subscription(%s): subpasswordrequired is false",
		    name);
		b.fix = graph_printf(a->g,
		    "ALTER SUBSCRIPTION %s SET (password_required = true)",
		    audit_pg_ident(a, name));
		b.undo = graph_printf(a->g,
		    "ALTER SUBSCRIPTION %s SET (password_required = false)",
		    audit_pg_ident(a, name));
		graph_fault(a->g, "F6", SEVERITY_HIGH, SINK_SECRETS, subject, &b);
	} else if (pg_query_true(q, 2)) {
		b.why = "its connection string holds a password, in a catalog that dumps and "
		    "superusers read";
		b.row = graph_printf(a->g, "pg_subscription(%s): subconninfo", name);
		b.advice = "keep the password in a passfile of the server's user";
		graph_fault(a->g, "F6", SEVERITY_MEDIUM, SINK_SECRETS, subject, &b);
	}
	return 0;
}

/* ---- jobs ----------------------------------------------------------------- */

/* Schedulers: where they keep whose job it is, and what it does. */
static const struct scheduler {
	const char *name, *table, *jobs;
} schedulers[] = {
	{ "pg_cron", "cron.job",
	    "SELECT j.username::text, j.jobid::text, j.command FROM cron.job j WHERE j.active"
	    " ORDER BY j.jobid" },
	{ "TimescaleDB", "_timescaledb_config.bgw_job",
	    "SELECT j.owner::text, j.id::text, j.proc_schema || '.' || j.proc_name"
	    " FROM _timescaledb_config.bgw_job j WHERE j.scheduled ORDER BY j.id" },
	{ "pg_timetable", "timetable.task",
	    "SELECT j.run_as, j.task_id::text, j.command FROM timetable.task j"
	    " WHERE j.run_as IS NOT NULL ORDER BY j.task_id" },
};

static int
one_job(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	const struct scheduler *s = ctx;
	const char *owner = pg_query_text(q, 0);
	const struct audit_pg_role *r = owner != NULL ? role_named(a, owner) : NULL;

	(void)e;	/* the graph is all that it fills */
	if (r == NULL || !(r->super || r->createrole || r->replication || r->bypassrls))
		return 0;
	graph_fault(a->g, "F7", SEVERITY_MEDIUM, r->super ? SINK_SUPER : SINK_WRITE,
	    graph_printf(a->g, "%s job %s of %s", s->name, pg_query_text(q, 1), a->db),
	    &(struct graph_basis){
		.why = graph_printf(a->g, "it runs as %s: %s", r->name, pg_query_text(q, 2)),
		.row = graph_printf(a->g, "%s(%s): %s", s->table, pg_query_text(q, 1),
		    r->name),
		.advice = "let it run as a role that owns no more than what it touches",
		.db = a->db });
	return 0;
}

static int
is_there(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	(void)a;	/* an answer for the caller, and nothing else */
	(void)e;
	*(uint32_t *)ctx = pg_query_u32(q, 0);
	return 0;
}

/* A row-secured table shows the jobs of others only to superusers and their like. */
static int
jobs(struct audit_pg *a, const struct scheduler *s, struct err *e)
{
	struct scheduler lent = *s;
	uint32_t state = 0;
	const char *ask = graph_printf(a->g,
	    "SELECT CASE WHEN to_regclass('%s') IS NULL THEN 0"
	    " WHEN NOT has_schema_privilege(relnamespace, 'USAGE')"
	    " OR row_security_active(c.oid) THEN 2 ELSE 1 END"
	    " FROM pg_class c WHERE c.oid = to_regclass('%s')", s->table, s->table);

	if (audit_pg_ask(a, "F7", s->table, NULL, ask, is_there, &state, e) < 0)
		return -1;
	if (state == 2)
		graph_unknown(a->g, "F7", graph_printf(a->g, "%s of %s", s->table, a->db),
		    "row security hides the jobs of others", NULL);
	if (state != 1)
		return 0;
	return audit_pg_ask(a, "F7", s->table, NULL, s->jobs, one_job, &lent, e) < 0 ? -1 : 0;
}

/* ---- the whole ------------------------------------------------------------ */

/* Is there any, and then all of it: what we may not read shows only when there is some. */
static int
ask_if_any(struct code *c, const char *count, const char *what, const char *grant,
    const char *sql, audit_pg_row *row, struct err *e)
{
	uint32_t n = 0;

	if (audit_pg_ask(c->a, "F6", what, NULL, count, is_there, &n, e) < 0)
		return -1;
	if (n == 0)
		return 0;
	return audit_pg_ask(c->a, "F6", what, grant, sql, row, c, e) < 0 ? -1 : 0;
}

int
code_foreign(struct code *c, struct err *e)
{
	struct audit_pg *a = c->a;
	size_t i;

	if (ask_if_any(c, any_mapping, "pg_user_mapping",
	    graph_printf(a->g, "GRANT SELECT ON pg_user_mapping TO %s", a->auditor), mappings,
	    one_mapping, e) != 0
	    || ask_if_any(c, here, "pg_subscription", graph_printf(a->g,
	    "GRANT SELECT (subconninfo) ON pg_subscription TO %s", a->auditor),
	    a->major < 16 ? subscriptions_15 : subscriptions_16, one_subscription, e) != 0
	    || audit_pg_ask(a, "F6", "pg_subscription_rel", NULL,
	    a->major < 16 ? applied_15 : applied_16, one_applied, c, e) < 0)
		return -1;
	for (i = 0; i < sizeof(schedulers) / sizeof(schedulers[0]); i++)
		if (jobs(a, &schedulers[i], e) != 0)
			return -1;
	return 0;
}
