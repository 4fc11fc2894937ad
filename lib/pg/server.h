/*
 * A throwaway PostgreSQL server on a restored copy: our own configuration, its
 * own user, a private socket, no network.
 *
 * The generated configuration takes the required minima from pg_control and the
 * caller, and nothing from the copy: no archiving, no synchronous standby, no
 * logical workers, no preloaded libraries, listen_addresses ''.  The process is
 * started as the owner of the data directory when we are root (which must not be
 * root), in a network namespace of its own where that is allowed, and with no
 * descriptor of ours but its log.
 */
#ifndef PG_SERVER_H
#define PG_SERVER_H

#include <sys/types.h>

#include <stdint.h>

#include "base/err.h"
#include "base/report.h"
#include "pg/control.h"

#define PG_BIN_MAX 512

/*
 * The folder with postgres of this major version: $BULKHEAD_PG_BIN (checked),
 * /usr/lib/postgresql/N/bin, /usr/pgsql-N/bin, /usr/local/pgsql/bin, $PATH; each is
 * asked for its version.  ERR_NOTFOUND with a hint.
 */
int pg_server_find(int major, char bin[PG_BIN_MAX], struct err *e);

struct pg_server {
	char bin[PG_BIN_MAX];
	char datadir[1024];
	char run[108];		/* folder of the socket, 0700, the server user's */
	char log[1100];		/* file with the server's words */
	int major;
	pid_t pid;		/* 0: not running */
	uid_t uid;		/* the user it runs as */
	gid_t gid;
};

struct pg_server_settings {
	struct pg_control minima;	/* only the max_* are used */
	const char *restore_command;	/* NULL: none */
	int standby;			/* make standby.signal: recover, stay readable */
	const char *timeline;		/* recovery_target_timeline, or NULL */
	uint64_t target_lsn;		/* 0: none; stops before the record that begins here */
};

/* Prepare the descriptor: user, folders, socket folder (short path), config files. */
int pg_server_init(struct pg_server *s, const char *datadir, const char *work,
    struct err *e);
int pg_server_configure(struct pg_server *s, const struct pg_server_settings *o, struct err *e);
int pg_server_start(struct pg_server *s, struct report *r, struct err *e);

/* Still alive?  1, or 0 (it ended: the last lines of its log are in *e for the caller to use). */
int pg_server_alive(struct pg_server *s, struct err *e);

/* Is a server (ours, from an earlier call) running on this data directory?  Fills pid. 1 or 0, -1. */
int pg_server_attach(struct pg_server *s, struct err *e);

/* Fast shutdown; waits for the end. */
int pg_server_stop(struct pg_server *s, struct err *e);

/* One query over the private socket: the first row's columns, tab-separated, into out. */
int pg_server_query(struct pg_server *s, const char *sql, char *out, size_t cap, struct err *e);

#endif
