/*
 * Connecting to a server: libpq's parameters, and what its refusals mean and how
 * they are mended.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/report.h"
#include "pg/conn.h"
#include "pg/wire.h"

#define CONNECT_SECONDS 10

/* libpq would print them. */
static void
drop_notice(void *ctx, const PGresult *res)
{
	(void)ctx;
	(void)res;
}

static const char *
option(const PQconninfoOption *o, const char *keyword)
{
	for (; o != NULL && o->keyword != NULL; o++)
		if (strcmp(o->keyword, keyword) == 0 && o->val != NULL)
			return o->val;
	return "";
}

/* No secrets in it; *several: it names more than one host. */
static int
check_conninfo(const char *conninfo, int replication, int *several, struct err *e)
{
	char *why = NULL;
	PQconninfoOption *o = PQconninfoParse(conninfo, &why);

	if (o == NULL) {
		err_set(e, ERR_USAGE, "server: %s", why != NULL ? why : "out of memory");
		err_hint(e, "give a connection string, such as \"host=db1 user=backup\", or "
		    "a URI, such as postgresql://backup@db1/");
		PQfreemem(why);
		return -1;
	}
	if (*option(o, "password") != '\0' || *option(o, "sslpassword") != '\0') {
		err_set(e, ERR_USAGE, "server: the connection string holds a password");
		err_hint(e, "everyone on this host can read it in the process list: put it "
		    "into ~/.pgpass%s, or a service file",
		    replication ? ", with replication as the database" : "");
		PQconninfoFree(o);
		return -1;
	}
	*several = strchr(option(o, "host"), ',') != NULL ||
	    strchr(option(o, "hostaddr"), ',') != NULL;
	PQconninfoFree(o);
	return 0;
}

/* connect_timeout as libpq reads it, wherever it was set; in seconds, -1: none. */
static int
connect_seconds(PGconn *c)
{
	PQconninfoOption *o = PQconninfo(c);
	const char *text = option(o, "connect_timeout");
	int n = *text != '\0' ? atoi(text) : CONNECT_SECONDS;

	PQconninfoFree(o);
	return n <= 0 ? -1 : n == 1 ? 2 : n;
}

/* How an attempt to connect ended: by libpq, good or bad; or else by us. */
enum ending { ENDED, LATE, STOPPED };

/* Bring a started connection to its end. */
static enum ending
complete(PGconn *c, int seconds)
{
	PostgresPollingStatusType st = PGRES_POLLING_WRITING;
	int64_t end = clock_mono() + (int64_t)seconds * 1000000;
	struct pollfd fd[2] = { { .fd = -1 }, { .fd = report_stop_fd(), .events = POLLIN } };
	int n, left = -1;

	while (st != PGRES_POLLING_OK && st != PGRES_POLLING_FAILED) {
		if (report_stopping())
			return STOPPED;
		if (seconds >= 0 && (left = (int)((end - clock_mono()) / 1000)) <= 0)
			return LATE;
		fd[0].fd = PQsocket(c);
		fd[0].events = st == PGRES_POLLING_READING ? POLLIN : POLLOUT;
		n = poll(fd, 2, left);
		if (n < 0 && errno != EINTR)
			return LATE;
		if (n > 0 && fd[0].revents != 0)
			st = PQconnectPoll(c);
	}
	return ENDED;
}

/*
 * libpq tells the SQLSTATE of a refused connection only in verbose messages, and
 * that has to be asked for between start and end.  So this does what
 * PQconnectdbParams would, except for several hosts, each of which is to get its
 * own time: only libpq can go on to the next.  For replication the database's name is of
 * use only to find the line in .pgpass, where "replication" stands for such connections.
 */
static PGconn *
dial(const char *conninfo, const char *appname, const struct pg_purpose *p, int several,
    enum ending *ending)
{
	const char *dbname = p->replication ? "replication" : p->database;
	const char *const keys[] = { "connect_timeout", "keepalives", "keepalives_idle",
		"keepalives_interval", "keepalives_count", "tcp_user_timeout",
		"fallback_application_name", "dbname", "replication",
		dbname != NULL ? "dbname" : NULL, NULL };
	const char *replication = p->replication ? "true" : "false";
	const char *const values[] = { NULL, "1", "20", "10", "3", "60000", appname, conninfo,
		replication, dbname, NULL };
	const char *const each[] = { "10", "1", "20", "10", "3", "60000", appname, conninfo,
		replication, dbname, NULL };
	PGconn *c;

	*ending = ENDED;
	if (several)
		return PQconnectdbParams(keys, getenv("PGCONNECT_TIMEOUT") ? values : each, 1);
	c = PQconnectStartParams(keys, values, 1);
	if (c == NULL || PQstatus(c) == CONNECTION_BAD)
		return c;
	PQsetErrorVerbosity(c, PQERRORS_VERBOSE);
	PQsetNoticeReceiver(c, drop_notice, NULL);
	*ending = complete(c, connect_seconds(c));
	PQsetErrorVerbosity(c, PQERRORS_DEFAULT);
	return c;
}

/* Why the last host that was tried did not let us in. */
struct refusal {
	char state[6];		/* SQLSTATE; "" when no server told one */
	char text[512];
	int no_hba_line;
};

/*
 * From 'connection to server at "h", port 1 failed: FATAL:  28P01: text\nLOCATION: ...',
 * where several tries (addresses, with and without TLS) follow each other.  The
 * server's words may be in any language; SQLSTATE and function name are not.
 */
static void
parse_refusal(const char *msg, struct refusal *r)
{
	static const char attempt[] = "connection to server ", failed[] = " failed: ";
	const char *p, *next;

	memset(r, 0, sizeof(*r));
	while ((next = strstr(msg + 1, attempt)) != NULL)
		msg = next;
	if (strncmp(msg, attempt, strlen(attempt)) == 0 && (p = strstr(msg, failed)) != NULL)
		msg = p + strlen(failed);
	p = strstr(msg, ":  ");
	if (p != NULL && strspn(p + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 &&
	    p[8] == ':' && memchr(msg, '\n', (size_t)(p - msg)) == NULL) {
		memcpy(r->state, p + 3, 5);
		r->no_hba_line = strstr(p, "ClientAuthentication,") != NULL;
		msg = p + 10;
	}
	(void)snprintf(r->text, sizeof(r->text), "%.*s", (int)strcspn(msg, "\n"),
	    msg);	/* what does not fit is cut off */
}

/* What to do on a refusal that a plain connection can meet. */
static void
hint_for_plain(const struct refusal *r, PGconn *c, struct err *e)
{
	const char *user = PQuser(c) != NULL ? PQuser(c) : "the user";
	const char *db = PQdb(c) != NULL ? PQdb(c) : "the database";

	if (strcmp(r->state, "42501") == 0)
		err_hint(e, "on the server: GRANT CONNECT ON DATABASE \"%s\" TO \"%s\"", db,
		    user);
	else if (r->no_hba_line)
		err_hint(e, "add to the server's pg_hba.conf, and reload: "
		    "host %s %s <this host's address> scram-sha-256", db, user);
	else if (strcmp(r->state, "28P01") == 0 || PQconnectionNeedsPassword(c))
		err_hint(e, "the password comes from ~/.pgpass, from PGPASSWORD or a service "
		    "file");
	else if (e->kind == ERR_REFUSED)
		err_hint(e, "the role must exist and be allowed to log in: "
		    "CREATE ROLE \"%s\" LOGIN", user);
	else if (e->kind == ERR_NOTFOUND)
		err_hint(e, "name one of the server's databases: dbname=...");
	else if (strcmp(r->state, "53300") == 0)
		err_hint(e, "wait for others to end, or raise max_connections");
	else if (r->state[0] == '\0')
		err_hint(e, "check host and port, that the server runs and listens there "
		    "(listen_addresses), and that no firewall is between");
}

static void
hint_for(const struct refusal *r, PGconn *c, struct err *e)
{
	const char *user = PQuser(c) != NULL ? PQuser(c) : "the user";

	if (strcmp(r->state, "42501") == 0)
		err_hint(e, "on the server: ALTER ROLE \"%s\" REPLICATION", user);
	else if (r->no_hba_line)
		err_hint(e, "add to the server's pg_hba.conf, and reload: "
		    "host replication %s <this host's address> scram-sha-256", user);
	else if (strcmp(r->state, "28P01") == 0 || PQconnectionNeedsPassword(c))
		err_hint(e, "the password comes from ~/.pgpass, where the database of a "
		    "replication connection is \"replication\" (or *), from PGPASSWORD or a "
		    "service file");
	else if (e->kind == ERR_REFUSED)
		err_hint(e, "the role must exist, be allowed to log in, and have REPLICATION: "
		    "CREATE ROLE \"%s\" LOGIN REPLICATION", user);
	else if (e->kind == ERR_CONFIG)
		err_hint(e, "on the server: wal_level = replica, max_wal_senders = 10, and a "
		    "restart");
	else if (strcmp(r->state, "53300") == 0)
		err_hint(e, "wait for others to end, or raise max_wal_senders and "
		    "max_connections");
	else if (r->state[0] == '\0')
		err_hint(e, "check host and port, that the server runs and listens there "
		    "(listen_addresses), and that no firewall is between");
}

static int
refused(struct pg *pg, const struct pg_purpose *p, enum ending ending, struct err *e)
{
	struct refusal r;

	if (ending == STOPPED)
		return err_set(e, ERR_CANCELLED, "%s: connect: stopped by a signal", pg->what);
	if (ending == LATE) {
		err_set(e, ERR_UNREACHABLE, "%s: connect: no answer within %d s", pg->what,
		    connect_seconds(pg->c));
		memset(&r, 0, sizeof(r));
	} else {
		parse_refusal(PQerrorMessage(pg->c), &r);
		err_set(e, pg_state_kind(r.state), "%s: connect: %s", pg->what, r.text);
	}
	if (r.state[0] == '\0' && PQconnectionNeedsPassword(pg->c))
		e->kind = ERR_REFUSED;
	/* "number of requested standby connections exceeds max_wal_senders (currently 0)" */
	if (strcmp(r.state, "53300") == 0 && strstr(r.text, " 0)") != NULL)
		e->kind = ERR_CONFIG;
	(p->replication ? hint_for : hint_for_plain)(&r, pg->c, e);
	return -1;
}

static int
check_version(struct pg *pg, struct err *e)
{
	pg->version = PQserverVersion(pg->c);
	if (pg->version < 140000 || pg->version >= 190000)
		return err_set(e, ERR_CONFIG,
		    "%s: PostgreSQL %d is not supported, only 14 to 18", pg->what,
		    pg->version / 10000);
	return 0;
}

struct pg *
pg_connect_for(const char *conninfo, const char *appname, const struct pg_purpose *p,
    struct err *e)
{
	struct pg *pg;
	const char *host, *port;
	enum ending ending;
	int several;

	if (check_conninfo(conninfo, p->replication, &several, e) != 0)
		return NULL;
	if ((pg = calloc(1, sizeof(*pg))) == NULL ||
	    (pg->c = dial(conninfo, appname, p, several, &ending)) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		pg_free(pg);
		return NULL;
	}
	PQsetNoticeReceiver(pg->c, drop_notice, NULL);
	host = PQhost(pg->c);
	port = PQport(pg->c);
	(void)snprintf(pg->what, sizeof(pg->what), "server %s:%s", host != NULL ? host : "",
	    port != NULL ? port : "");	/* a cut name still tells enough */
	if (ending != ENDED || PQstatus(pg->c) != CONNECTION_OK)
		refused(pg, p, ending, e);
	else if (check_version(pg, e) == 0)
		return pg;
	pg_free(pg);
	return NULL;
}

struct pg *
pg_connect(const char *conninfo, const char *appname, struct err *e)
{
	static const struct pg_purpose replication = { 1, NULL };

	return pg_connect_for(conninfo, appname, &replication, e);
}

void
pg_free(struct pg *pg)
{
	if (pg == NULL)
		return;
	PQfreemem(pg->wal.lent);
	PQfinish(pg->c);
	free(pg);
}
