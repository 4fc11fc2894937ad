/*
 * S1: settings without which a crash or a recovery loses data, and DDL that nobody logs.
 * B4: does the log really leave the host, by the archiver or by a receiver with a slot?
 */
#include <stdlib.h>
#include <string.h>

#include "audit/pg_private.h"

static const char names[] =
    "SELECT name, setting, source, coalesce(sourcefile ~ '/postgresql[.]auto[.]conf$',"
    " source <> 'configuration file') FROM pg_settings WHERE name IN ('allow_alter_system',"
    " 'archive_command', 'archive_library', 'archive_mode', 'archive_timeout', 'fsync',"
    " 'full_page_writes', 'listen_addresses', 'log_statement', 'pgaudit.log', 'ssl', "
    "'wal_level') AND (name <> 'archive_library' OR setting <> '')";

enum { ALLOW_ALTER, ARCHIVE_COMMAND, ARCHIVE_LIBRARY, ARCHIVE_MODE, ARCHIVE_TIMEOUT, FSYNC,
	FULL_PAGES, LISTEN, LOG_STATEMENT, PGAUDIT, SSL, WAL_LEVEL, SETTINGS };
static const char *const setting_name[SETTINGS] = { "allow_alter_system",
	"archive_command", "archive_library",
	"archive_mode", "archive_timeout", "fsync", "full_page_writes", "listen_addresses",
	"log_statement", "pgaudit.log", "ssl", "wal_level" };

struct setting {
	const char *value;	/* NULL: there is none */
	int automatic;		/* postgresql.auto.conf has it */
	int traced;		/* we may see where it comes from */
};

struct server {
	struct setting set[SETTINGS];
	int standby;		/* in recovery */
	int shipped;		/* a receiver that keeps the log follows */
	int followed;		/* something else does: a standby */
	int unclear;		/* something does, and we may not see what */
};

static int
one_setting(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct server *s = ctx;
	size_t i;

	(void)e;	/* strings go to the graph, which is sticky */
	for (i = 0; i < SETTINGS; i++)
		if (strcmp(pg_query_text(q, 0), setting_name[i]) == 0) {
			s->set[i].value = graph_string(a->g, pg_query_text(q, 1));
			s->set[i].traced = pg_query_text(q, 3) != NULL;
			s->set[i].automatic = s->set[i].traced && pg_query_true(q, 3)
			    && strcmp(pg_query_text(q, 2), "configuration file") == 0;
		}
	return 0;
}

static int
is(const struct server *s, int which, const char *value)
{
	return s->set[which].value != NULL && strcmp(s->set[which].value, value) == 0;
}

/* What ALTER SYSTEM does about it, and what takes that back. */
static void
alter_system(struct audit_pg *a, const struct setting *s, const char *name,
    const char *better, struct graph_basis *b)
{
	static const char reload[] = "; SELECT pg_reload_conf()";

	b->fix = graph_printf(a->g, "ALTER SYSTEM SET %s = '%s'%s", name, better, reload);
	if (s->automatic)
		b->undo = graph_printf(a->g, "ALTER SYSTEM SET %s = %s%s", name,
		    audit_pg_literal(a, s->value), reload);
	else if (s->traced)
		b->undo = graph_printf(a->g, "ALTER SYSTEM RESET %s%s", name, reload);
}

/* A setting that should be another one. */
static void
setting_fault(struct audit_pg *a, const struct server *s, const char *check, int which,
    const char *better, enum severity severity, enum sink sink, const char *why)
{
	const char *name = setting_name[which];
	struct graph_basis b = {
		.why = why,
		.row = graph_printf(a->g, "pg_settings(%s): %s", name, s->set[which].value),
	};

	if (which == WAL_LEVEL)
		b.advice = "it counts from the next start of the server";
	if (is(s, ALLOW_ALTER, "off"))	/* from 17 on */
		b.advice = graph_printf(a->g, "set %s = %s where the server's configuration "
		    "comes from: it lets nobody do so by SQL (allow_alter_system)", name,
		    better);
	else
		alter_system(a, &s->set[which], name, better, &b);
	graph_fault(a->g, check, severity, sink, name, &b);
}

static void
advise(struct audit_pg *a, const char *check, enum severity severity, enum sink sink,
    const char *subject, const char *why, const char *row, const char *advice)
{
	graph_fault(a->g, check, severity, sink, subject, &(struct graph_basis){
	    .why = why, .row = row, .advice = advice });
}

/* ---- S1 ------------------------------------------------------------------- */

/* Logins that own something, or are a member of who does, and whose DDL is not logged. */
static const char unlogged_ddl[] =
    "WITH RECURSIVE own AS (SELECT refobjid AS oid FROM pg_shdepend"
    " WHERE deptype = 'o' AND refclassid = 'pg_authid'::regclass AND classid IN"
    " ('pg_class'::regclass, 'pg_namespace'::regclass, 'pg_proc'::regclass,"
    " 'pg_database'::regclass)"
    " UNION SELECT m.member FROM own o JOIN pg_auth_members m ON m.roleid = o.oid) "
    "SELECT count(*), min(r.rolname) FROM own o JOIN pg_roles r ON r.oid = o.oid"
    " WHERE r.rolcanlogin AND NOT EXISTS (SELECT FROM pg_db_role_setting s,"
    " unnest(s.setconfig) x WHERE s.setrole IN (0, r.oid) AND s.setdatabase = 0"
    " AND x IN ('log_statement=ddl', 'log_statement=mod', 'log_statement=all'))";

static int
nobody_logs(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	uint32_t n = pg_query_u32(q, 0);

	(void)e;	/* the graph is all that it fills */
	if (n > 0)
		setting_fault(a, ctx, "S1", LOG_STATEMENT, "ddl", SEVERITY_MEDIUM,
		    SINK_AUDITOFF,
		    graph_printf(a->g, "nobody logs what %s%s creates, alters and drops",
		    pg_query_text(q, 1), n > 1 ? " or another owner" : ""));
	return 0;
}

static int
only_here(const char *listen)
{
	static const char *const here[] = { "", "localhost", "127.0.0.1", "::1",
		"127.0.0.1,::1", "localhost,127.0.0.1" };
	size_t i;

	for (i = 0; i < sizeof(here) / sizeof(here[0]); i++)
		if (strcmp(listen, here[i]) == 0)
			return 1;
	return 0;
}

static int
safe_settings(struct audit_pg *a, struct server *s, struct err *e)
{
	if (is(s, FSYNC, "off"))
		setting_fault(a, s, "S1", FSYNC, "on", SEVERITY_CRITICAL, SINK_DROP,
		    "a crash of the host can destroy the whole cluster");
	if (is(s, FULL_PAGES, "off"))
		setting_fault(a, s, "S1", FULL_PAGES, "on", SEVERITY_HIGH, SINK_DROP,
		    "a crash in the midst of a page leaves it torn, and no log mends it");
	if (is(s, WAL_LEVEL, "minimal"))
		setting_fault(a, s, "S1", WAL_LEVEL, "replica", SEVERITY_HIGH, SINK_LOGKILL,
		    "the log does not hold enough to recover from");
	if (is(s, SSL, "off") && s->set[LISTEN].value != NULL
	    && !only_here(s->set[LISTEN].value))
		advise(a, "S1", SEVERITY_HIGH, SINK_READ_ALL, "ssl", graph_printf(a->g,
		    "the server listens on %s, and what travels there can be read",
		    s->set[LISTEN].value), "pg_settings(ssl): off",
		    "give the server a certificate, set ssl = on, and write hostssl in "
		    "pg_hba.conf");
	if (is(s, LOG_STATEMENT, "none") && (s->set[PGAUDIT].value == NULL
	    || (strstr(s->set[PGAUDIT].value, "ddl") == NULL
	    && strstr(s->set[PGAUDIT].value, "all") == NULL)))
		return audit_pg_ask(a, "S1", "pg_shdepend", NULL, unlogged_ddl, nobody_logs,
		    s, e);
	return 0;
}

static int
one_unlogged(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	const char *schema = pg_query_text(q, 0);

	(void)ctx;	/* the graph is all that it fills */
	(void)e;
	graph_fault(a->g, "S1", SEVERITY_MEDIUM, SINK_DROP,
	    graph_printf(a->g, "unlogged tables in schema %s of %s", schema, a->db),
	    &(struct graph_basis){
		.why = graph_printf(a->g, "no log has their rows: a crash or a recovery "
		    "leaves %s empty", pg_query_text(q, 1)),
		.row = graph_printf(a->g, "pg_class(%s).relpersistence: u",
		    pg_query_text(q, 1)),
		.fix = audit_pg_template(a, pg_query_text(q, 2)),
		.undo = audit_pg_template(a, pg_query_text(q, 3)), .db = a->db });
	return 0;
}

int
audit_pg_unlogged(struct audit_pg *a, struct err *e)
{
	return audit_pg_ask(a, "S1", "pg_class", NULL,
	    "SELECT n.nspname, string_agg(c.oid::regclass::text, ', ' ORDER BY c.oid),"
	    " string_agg(format('ALTER TABLE %s SET LOGGED', c.oid::regclass), E';\\n'"
	    "  ORDER BY c.oid),"
	    " string_agg(format('ALTER TABLE %s SET UNLOGGED', c.oid::regclass), E';\\n'"
	    "  ORDER BY c.oid DESC)"
	    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
	    " WHERE c.relpersistence = 'u' AND c.relkind = 'r' GROUP BY 1 ORDER BY 1",
	    one_unlogged, NULL, e) < 0 ? -1 : 0;
}

/* ---- B4: slots -------------------------------------------------------------- */

/* Up to 16 no view says why a slot was given up. */
#define SLOTS(reason, synced)							\
    "SELECT s.slot_name, s.slot_type, s.active, s.wal_status, " reason ","	\
    " r.application_name, r.state FROM pg_replication_slots s"			\
    " LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid"			\
    " WHERE NOT s.temporary AND NOT " synced " ORDER BY 1"
static const char slots_16[] = SLOTS("NULL", "false");
static const char slots_17[] = SLOTS("s.invalidation_reason", "s.synced");
/* Those without a slot; a backup takes no log away. */
static const char senders[] =
    "SELECT r.application_name, r.state FROM pg_stat_replication r"
    " WHERE r.pid NOT IN (SELECT active_pid FROM pg_replication_slots"
    " WHERE active_pid IS NOT NULL) AND coalesce(r.state, '') <> 'backup'";

/* What keeps the log as it is, rather than replaying it. */
static int
keeps_log(const char *application)
{
	return strcmp(application, "logship") == 0 || strcmp(application, "pg_receivewal") == 0
	    || strncmp(application, "barman", 6) == 0;
}

static void
follows(struct server *s, const char *slot, const char *application)
{
	if (slot != NULL && strncmp(slot, "bulkhead_", 9) == 0)
		s->shipped = 1;	/* logship's, unless told another name */
	else if (application == NULL)
		s->unclear = 1;
	else if (keeps_log(application))
		s->shipped = 1;
	else
		s->followed = 1;
}

static int
one_slot(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	const char *name = graph_string(a->g, pg_query_text(q, 0));
	const char *status = pg_query_text(q, 3), *reason = pg_query_text(q, 4);
	const char *subject = graph_printf(a->g, "replication slot %s", name);
	const char *row = graph_printf(a->g, "pg_replication_slots(%s): %s", name,
	    status != NULL ? status : "no WAL held");

	(void)e;	/* the graph is all that it fills */
	if (pg_query_true(q, 2) && strcmp(pg_query_text(q, 1), "physical") == 0)
		follows(ctx, name, pg_query_text(q, 5));
	if (reason != NULL || (status != NULL && strcmp(status, "lost") == 0))
		advise(a, "B4", SEVERITY_HIGH, SINK_LOGKILL, subject, graph_printf(a->g,
		    "the server has removed WAL that its reader still needed%s%s: its copy "
		    "of the log has a hole", reason != NULL ? ", " : "",
		    reason != NULL ? reason : ""), row,
		    "take a snapshot, drop the slot and let its reader make a new one; raise "
		    "max_slot_wal_keep_size");
	else if (status != NULL && strcmp(status, "unreserved") == 0)
		advise(a, "B4", SEVERITY_HIGH, SINK_LOGKILL, subject,
		    "the next checkpoint may remove WAL that its reader still needs", row,
		    "look at its reader, and raise max_slot_wal_keep_size");
	else if (!pg_query_true(q, 2))
		advise(a, "B4", SEVERITY_HIGH, SINK_LOGKILL, subject,
		    "nobody reads it: the log does not leave by it, and WAL piles up until "
		    "the disk is full or the slot is given up", row,
		    "start its reader again, or drop the slot");
	return 0;
}

static int
one_sender(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	(void)a;	/* an answer for the caller, and nothing else */
	(void)e;
	follows(ctx, NULL, pg_query_text(q, 0));
	return 0;
}

/* ---- B4: the archiver --------------------------------------------------------- */

static const char archiver[] =
    "SELECT pg_is_in_recovery(), last_archived_wal, last_failed_wal, failed_count,"
    " last_failed_time IS NOT NULL AND (last_archived_time IS NULL"
    "  OR last_failed_time > last_archived_time),"
    " to_char(last_archived_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
    " CASE WHEN NOT pg_is_in_recovery() AND last_archived_wal ~ '^[0-9A-F]{24}$' THEN"
    "  greatest(0, div(pg_current_wal_lsn() - '0/0', z.size)"
    "  - ('x' || substr(last_archived_wal, 9, 8))::bit(32)::bigint * div(4294967296, z.size)"
    "  - ('x' || substr(last_archived_wal, 17, 8))::bit(32)::bigint - 1) END"
    " FROM pg_stat_archiver, (SELECT setting::numeric AS size FROM pg_settings"
    " WHERE name = 'wal_segment_size') z";

#define BEHIND 3	/* finished segments that wait, in a server at work */

/* One that says "done" whatever it did: the server then removes the segment. */
static int
does_nothing(const char *command)
{
	static const char *const begin[] = { "true", "/bin/true", "/usr/bin/true", ":", "exit",
		"echo", "/bin/echo", "cd", "test", "rem", "REM", "printf", "sleep", NULL };
	static const char *const end[] = { "|| true", "|| :", "|| exit 0", "; true", "; :",
		"; exit 0", "||true", "||:", ";true", NULL };
	const char *p = command + strspn(command, " \t");
	size_t n = strlen(p), i, len;

	while (n > 0 && strchr(" \t;", p[n - 1]) != NULL)
		n--;
	for (i = 0; begin[i] != NULL; i++) {
		len = strlen(begin[i]);
		if (strncmp(p, begin[i], len) == 0
		    && (p[len] == '\0' || strchr(" \t;&|", p[len]) != NULL)
		    && strstr(p, "&&") == NULL)
			return 1;
	}
	for (i = 0; end[i] != NULL; i++) {
		len = strlen(end[i]);
		if (n >= len && strncmp(p + n - len, end[i], len) == 0)
			return 1;
	}
	return (strstr(p, "%p") == NULL && strstr(p, "%f") == NULL)
	    || strstr(p, "%p /dev/null") != NULL;
}

/* Does the archiver's work count?  A fault when it only seems to. */
static int
archives(struct audit_pg *a, const struct server *s)
{
	const char *command = s->set[ARCHIVE_COMMAND].value;

	if (s->set[ARCHIVE_MODE].value == NULL || is(s, ARCHIVE_MODE, "off"))
		return 0;
	if (s->set[ARCHIVE_LIBRARY].value != NULL)
		return 1;
	if (command == NULL || *command == '\0' || strcmp(command, "(disabled)") == 0) {
		advise(a, "B4", SEVERITY_CRITICAL, SINK_LOGKILL, "archive_command",
		    "archiving is on, and no command archives: WAL piles up until the disk is "
		    "full",
		    "pg_settings(archive_command): empty", "set a command that archives");
		return 0;
	}
	if (!does_nothing(command))
		return 1;
	advise(a, "B4", SEVERITY_CRITICAL, SINK_LOGKILL, "archive_command", graph_printf(a->g,
	    "\"%s\" says done without having archived, and the server removes the segment",
	    command),
	    graph_printf(a->g, "pg_settings(archive_command): %s", command),
	    "set a command that fails unless the segment is durable elsewhere");
	return 0;
}

static int
archiver_state(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct server *s = ctx;
	enum severity severity = s->shipped ? SEVERITY_MEDIUM : SEVERITY_CRITICAL;
	const char *since = pg_query_text(q, 5), *last = pg_query_text(q, 1);

	(void)e;	/* the graph is all that it fills */
	s->standby = pg_query_true(q, 0);
	if (s->standby && !is(s, ARCHIVE_MODE, "always"))
		return 0;
	if (!archives(a, s)) {
		if (s->standby || s->shipped)
			return 0;
		if (s->unclear)
			graph_unknown(a->g, "B4", "pg_stat_replication",
			    "something follows the log, and we may not see what",
			    graph_printf(a->g, "GRANT pg_read_all_stats TO %s", a->auditor));
		else if (is(s, ARCHIVE_MODE, "off"))
			advise(a, "B4", s->followed ? SEVERITY_HIGH : SEVERITY_CRITICAL,
			    SINK_LOGKILL, "archive_mode", s->followed
			    ? "only standbys take the log, and they repeat every mistake "
			    "at once"
			    : "nothing takes the log away: with the host all since the last "
			    "snapshot is lost",
			    "pg_settings(archive_mode): off; pg_stat_replication",
			    "run logship against this server");
		return 0;
	}
	if (pg_query_true(q, 4))
		advise(a, "B4", severity, SINK_LOGKILL, "archiver", graph_printf(a->g,
		    "it fails: %s, %s times in all; the last segment that left is %s%s%s",
		    pg_query_text(q, 2), pg_query_text(q, 3), last != NULL ? last : "none",
		    since != NULL ? " at " : "", since != NULL ? since : ""),
		    "pg_stat_archiver",
		    "the server's log has the command's words");
	else if (pg_query_u32(q, 6) > BEHIND)
		advise(a, "B4", severity, SINK_LOGKILL, "archiver", graph_printf(a->g,
		    "it is %u segments behind; the last one that left is %s at %s",
		    pg_query_u32(q, 6), last, since), "pg_stat_archiver",
		    "make the command faster, or run logship against this server");
	else if (last == NULL)
		advise(a, "B4", SEVERITY_MEDIUM, SINK_LOGKILL, "archiver",
		    "no segment has ever left", "pg_stat_archiver",
		    "call pg_switch_wal(), and look again");
	if (is(s, ARCHIVE_TIMEOUT, "0") && !s->shipped)
		setting_fault(a, s, "B4", ARCHIVE_TIMEOUT, "60s", SEVERITY_MEDIUM,
		    SINK_LOGKILL,
		    "on a quiet server the last commits stay on the host as long as it is "
		    "quiet");
	return 0;
}

int
audit_pg_settings(struct audit_pg *a, struct err *e)
{
	struct server s = { 0 };

	if (audit_pg_ask(a, "S1", "pg_settings", NULL, names, one_setting, &s, e) < 0
	    || safe_settings(a, &s, e) < 0
	    || audit_pg_ask(a, "B4", "pg_replication_slots", NULL,
	    a->major < 17 ? slots_16 : slots_17, one_slot, &s, e) < 0
	    || audit_pg_ask(a, "B4", "pg_stat_replication", NULL, senders, one_sender,
	    &s, e) < 0
	    || audit_pg_ask(a, "B4", "pg_stat_archiver", NULL, archiver, archiver_state,
	    &s, e) < 0)
		return -1;
	return 0;
}
