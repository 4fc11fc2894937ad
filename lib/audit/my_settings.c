/*
 * Settings: whether the binary log is whole and lasts (B4), and those that decide what a
 * right is worth.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "audit/my_private.h"

#define DAY 86400

/* What is asked for, in this order; a server that has no such variable gives no row. */
struct settings {
	char log_bin[16], binlog_format[16], sync_binlog[24], flush[8], gtid_mode[24];
	char expire_seconds[24], expire_days[24], partial_revokes[8], tls[8], lifetime[16];
};

static int
variable(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	struct settings *s = ctx;
	const struct { const char *name; char *to; size_t cap; } all[] = {
#define TAKE(n, f) { n, s->f, sizeof(s->f) }
		TAKE("log_bin", log_bin), TAKE("binlog_format", binlog_format),
		TAKE("sync_binlog", sync_binlog), TAKE("innodb_flush_log_at_trx_commit", flush),
		TAKE("gtid_mode", gtid_mode), TAKE("binlog_expire_logs_seconds", expire_seconds),
		TAKE("expire_logs_days", expire_days), TAKE("partial_revokes", partial_revokes),
		TAKE("require_secure_transport", tls),
		TAKE("default_password_lifetime", lifetime),
#undef TAKE
	};
	size_t i;

	(void)a;	/* only taken down */
	(void)e;	/* this cannot fail */
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(audit_my_text(row, 0), all[i].name) == 0)
			(void)snprintf(all[i].to, all[i].cap, "%s", audit_my_text(row, 1));
	return 0;
}

static int
on(const char *value)
{
	return strcasecmp(value, "ON") == 0 || strcmp(value, "1") == 0;
}

/* A setting that is wrong; want: what SQL sets it to while the server runs, or NULL. */
static void
wrong(struct audit_my *a, enum severity severity, const char *name, const char *value,
    const char *want, const char *why)
{
	const char *how = a->my->mariadb ? "GLOBAL" : "PERSIST";
	struct graph_basis b = {
		.why = graph_printf(a->g, "%s is %s: %s", name, value, why),
		.row = graph_printf(a->g, "@@%s", name),
	};

	if (want != NULL) {
		b.fix = audit_my_template(a, "SET %s %s = %s", how, name, want);
		b.undo = a->my->mariadb ? audit_my_template(a, "SET GLOBAL %s = %s", name, value) :
		    audit_my_template(a, "RESET PERSIST IF EXISTS %s;\nSET GLOBAL %s = %s", name,
		    name, value);
		b.advice = a->my->mariadb ? "and in the server's option file, for the next start" :
		    NULL;
	} else {
		b.advice = graph_printf(a->g, "set %s in the server's option file, and restart",
		    name);
	}
	graph_fault(a->g, "B4", severity, SINK_LOGKILL, name, &b);
}

/* When the log goes away by itself; 0: never. */
static void
check_expiry(struct audit_my *a, const struct settings *s)
{
	double seconds = strtod(s->expire_seconds, NULL), days = strtod(s->expire_days, NULL);

	if (seconds == 0 && days > 0)
		wrong(a, days < 1 ? SEVERITY_HIGH : SEVERITY_LOW, "expire_logs_days",
		    s->expire_days, days < 1 ? "7" : NULL, "the log goes by the day");
	else if (seconds > 0 && seconds < DAY)
		wrong(a, SEVERITY_HIGH, "binlog_expire_logs_seconds", s->expire_seconds, "604800",
		    "a shipper that is away for a day loses part of the log");
}

static void
check_log(struct audit_my *a, const struct settings *s)
{
	if (!on(s->log_bin)) {
		wrong(a, SEVERITY_CRITICAL, "log_bin", "OFF", NULL,
		    "nothing after the last snapshot can be brought back");
		return;
	}
	if (strcasecmp(s->binlog_format, "ROW") != 0)
		wrong(a, SEVERITY_HIGH, "binlog_format", s->binlog_format, "ROW",
		    "a replay need not give the same rows");
	if (strcmp(s->sync_binlog, "1") != 0)
		wrong(a, SEVERITY_HIGH, "sync_binlog", s->sync_binlog, "1",
		    "a crash can take commits out of the log");
	if (strcmp(s->flush, "1") != 0)
		wrong(a, SEVERITY_HIGH, "innodb_flush_log_at_trx_commit", s->flush, "1",
		    "a crash can lose commits that the log has");
	if (!a->my->mariadb && strcasecmp(s->gtid_mode, "ON") != 0)
		wrong(a, SEVERITY_MEDIUM, "gtid_mode", s->gtid_mode, NULL,
		    "positions in the log are told by file names alone");
	check_expiry(a, s);
}

static int
dump_thread(struct audit_my *a, const struct my_row *row, void *ctx, struct err *e)
{
	static const struct graph_basis b = {
		.why = "nobody reads the binary log: no shipper and no replica is connected",
		.row = "information_schema.processlist (Binlog Dump)",
		.advice = "ship the log to another host as it is written",
	};

	(void)ctx;	/* none */
	(void)e;	/* this cannot fail */
	if (strcmp(audit_my_text(row, 0), "0") == 0)
		graph_fault(a->g, "B4", SEVERITY_MEDIUM, SINK_LOGKILL, "binary log", &b);
	return 0;
}

/* Without PROCESS the list shows our own sessions only, and says nothing about it. */
static int
check_readers(struct audit_my *a, struct err *e)
{
	const char *grant = graph_printf(a->g, "GRANT PROCESS ON *.* TO %s;\n", a->auditor);

	if (!audit_my_holds(a, "PROCESS")) {
		graph_unknown(a->g, "B4", "who reads the binary log",
		    "without PROCESS the sessions of others are not shown", grant);
		return 0;
	}
	return audit_my_ask(a, "B4", "who reads the binary log", grant,
	    "SELECT COUNT(*) FROM information_schema.processlist "
	    "WHERE command LIKE 'Binlog Dump%'", dump_thread, NULL, e);
}

int
audit_my_settings(struct audit_my *a, struct err *e)
{
	struct settings s = { .log_bin = "" };
	int rc;

	rc = audit_my_ask(a, "B4", "the server's settings", NULL,
	    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format', "
	    "'sync_binlog', 'innodb_flush_log_at_trx_commit', 'gtid_mode', "
	    "'binlog_expire_logs_seconds', 'expire_logs_days', 'partial_revokes', "
	    "'require_secure_transport', 'default_password_lifetime')", variable, &s, e);
	if (rc <= 0)
		return rc;
	/* MySQL's NULL is nowhere, '' is anywhere; MariaDB's NULL is anywhere. */
	if (my_value(a->my, a->my->mariadb ? "SELECT IFNULL(@@GLOBAL.secure_file_priv, '')" :
	    "SELECT IFNULL(@@GLOBAL.secure_file_priv, 'NULL')", a->secure_file_priv,
	    sizeof(a->secure_file_priv), e) != 0)
		return -1;
	a->partial_revokes = on(s.partial_revokes);
	a->tls_required = on(s.tls);
	a->default_lifetime = atoi(s.lifetime);
	check_log(a, &s);
	return check_readers(a, e) < 0 ? -1 : 0;
}
