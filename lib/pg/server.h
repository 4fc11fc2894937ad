/*
 * A throwaway PostgreSQL server on a restored copy: our own configuration, its
 * own user, a private socket, no network.
 *
 *	pg_server_init, pg_server_configure, pg_server_start,
 *	pg_server_query and pg_server_alive until done, pg_server_stop
 *	a later process:  pg_server_init, pg_server_attach, ...
 *
 * The generated configuration takes the required minima from pg_control and the
 * caller, and nothing from the copy: no archiving, no synchronous standby, no
 * logical workers, no preloaded libraries, listen_addresses ''.  The process is
 * started as the owner of the data directory when we are root (which must not be
 * root), in a network namespace of its own where that is allowed, with an empty
 * environment and no descriptor of ours but its log.  It outlives us.
 *
 * The server's user, whom hostile content may command, owns the data directory; we
 * touch what is in there with that user's rights only.  The work folder is ours: it
 * is refused when it belongs to anybody else, and the server can only read it.
 */
#ifndef PG_SERVER_H
#define PG_SERVER_H

#include <sys/types.h>

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/report.h"
#include "pg/control.h"

#define PG_BIN_MAX 512

/*
 * The folder with postgres of this major version: $BULKHEAD_PG_BIN (which must fit),
 * /usr/lib/postgresql/N/bin, /usr/pgsql-N/bin, /usr/local/pgsql/bin, $PATH; each is
 * asked for its version.  ERR_NOTFOUND with a hint; ERR_CONFIG: $BULKHEAD_PG_BIN has another.
 */
int pg_server_find(int major, char bin[PG_BIN_MAX], struct err *e);

struct pg_server {
	char bin[PG_BIN_MAX];
	char datadir[1024];	/* absolute, without links */
	char work[1024];	/* configuration and log; ours */
	char run[108];		/* folder of the socket, 0700, the server user's */
	char log[1100];		/* file with the server's words */
	uint64_t log_from;	/* where those of this start begin in it; 0: not known */
	int major;
	int alone;		/* as the settings say */
	pid_t pid;		/* 0: not running */
	uid_t uid;		/* the user it runs as */
	gid_t gid;
};

struct pg_server_settings {
	struct pg_control minima;	/* only max_*, wal_level and segment_size are used */
	const char *restore_command;	/* NULL: none */
	int standby;			/* make standby.signal: recover, stay readable */
	const char *timeline;		/* recovery_target_timeline, or NULL: latest */
	int event_triggers;		/* let the copy's own fire (17+), but for pg_server_query */
	int alone;			/* let it see nothing of this host; see below */
};

/*
 * alone: the caller has left the network (isolate_network), and the server with it.  Of
 * the host's files it sees programs and its own folders only, so no other server's
 * socket; and no process, no shared memory of anybody else.  It starts so, or not at all:
 * ERR_REFUSED, ERR_SYSTEM.  Only the process that started it knows its pid.
 *
 * Then it listens as servers do, on every address that the loopback has and where programs
 * look for a socket, since only it and the caller are there.  PG_SERVER_DOOR is ours; the
 * caller has given it to the loopback (isolate_address).
 */
#define PG_SERVER_PORT 5432
#define PG_SERVER_DOOR "127.98.117.108"

/*
 * Prepare the descriptor, for datadir (which exists) and the folder work (which is made):
 * version and programs, user, log, the socket's folder: WORK/run, or one in /tmp when
 * that path is too long for a socket, which WORK/run-dir then names for a later call.
 * ERR_CONFIG: not 14 to 18, no such PostgreSQL here, owned by root; ERR_REFUSED: not
 * ours to start.  libpq's variables go from our environment, since they could lead
 * pg_server_query to another server: call it before there are threads, and in no
 * process that still connects elsewhere by them.
 */
int pg_server_init(struct pg_server *s, const char *datadir, const char *work,
    struct err *e);

/*
 * Write configuration and signal files.  The copy's postgresql.auto.conf, unless it is
 * ours already (its first line tells), is moved to WORK/postgresql.auto.conf.original.
 * ERR_CONFIG: a value that cannot be written into a configuration file.
 */
#define PG_SERVER_MARK "# bulkhead: safe configuration"
int pg_server_configure(struct pg_server *s, const struct pg_server_settings *o,
    struct err *e);

/*
 * Start it, and wait until it answers on its socket, be it with "starting up":
 * until the copy is consistent it does not take queries, and that can take hours.  Warns
 * when it could not be cut off from the network.  ERR_BUSY: runs already.
 */
int pg_server_start(struct pg_server *s, struct report *r, struct err *e);

/*
 * Configure and start a copy that is to be written: it recovers by the WAL that lies in it,
 * to its end, which is waited for.  As pg_server_configure, without standby, and
 * pg_server_start; stopped again after a failure.
 */
int pg_server_recover(struct pg_server *s, const struct pg_server_settings *o,
    struct report *r, struct err *e);

/*
 * Still alive?  1, or 0: it ended, and *e holds its last words (ERR_UNREACHABLE) for the
 * caller to use.
 */
int pg_server_alive(struct pg_server *s, struct err *e);

/*
 * Is a server (ours, from an earlier call) running on this data directory?  Fills pid.
 * 1 or 0, -1; ERR_BUSY: a server that is not ours.
 */
int pg_server_attach(struct pg_server *s, struct err *e);

/*
 * Promote a server that recovers: it ends its recovery where it is, also when it takes no
 * queries.  Returns at once.
 */
int pg_server_promote(struct pg_server *s, struct err *e);

/*
 * Behind our own door let in whom the copy's pg_hba.conf and pg_ident.conf let in.  For a
 * server that is alone, and takes queries.  A line that cannot be loaded here is left out,
 * and r is told; the numbers of the others stay, when the file begins with a comment.  1,
 * 0: there is no such file in the copy, -1.
 */
int pg_server_doors(struct pg_server *s, struct report *r, struct err *e);

/* The line of pg_hba.conf that lets us in, as the server shows it. */
const char *pg_server_our_line(const struct pg_server *s);

/* Fast shutdown, after five minutes an immediate one; waits for the end.  Not running: 0. */
int pg_server_stop(struct pg_server *s, struct err *e);

/*
 * For a copy that nobody wants any more: end whatever works in datadir (its server and the
 * server's children, by their working directory) at once, and remove a folder that
 * pg_server_init made in /tmp for the socket.  Needs no struct; also for a half-made datadir.
 * work: as for pg_server_init.  -1: ERR_BUSY, ERR_IO.
 */
int pg_server_kill(const char *datadir, const char *work, struct err *e);

/* Done with a stopped server for good: remove the socket's folder. */
int pg_server_tidy(struct pg_server *s, struct err *e);

/*
 * One query over the private socket, as $BULKHEAD_PG_USER, postgres, or the server's
 * user, whoever exists: the first row's columns, tab-separated, into out ("" without a
 * row).  search_path is pg_catalog.  ERR_BUSY: it does not take queries yet; ERR_UNREACHABLE:
 * no answer; ERR_CORRUPT: the server found its data damaged; ERR_CONFIG: no such role, or the
 * query failed.
 */
int pg_server_query(struct pg_server *s, const char *sql, char *out, size_t cap,
    struct err *e);

/*
 * The connection string of a session over the private socket, into out.  ours: with what
 * keeps the copy's settings from running code in it, which only a superuser may ask for.
 */
void pg_server_conninfo(const struct pg_server *s, const char *user, const char *database,
    int ours, struct buf *out);

#endif
