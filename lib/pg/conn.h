/*
 * A replication connection to one PostgreSQL server (14 to 18), over libpq.
 *
 * Passwords come from libpq's own places (.pgpass, service files, environment);
 * a password in the connection string is refused (ERR_USAGE), since it would
 * show in ps(1).  Error kinds: ERR_UNREACHABLE (no answer, connection lost),
 * ERR_REFUSED (authentication, no replication right, no pg_hba line: with a hint
 * that says what to grant), ERR_CONFIG (version or setting that cannot work),
 * ERR_BUSY (a slot in use, no free walsender or slot, a server still starting),
 * ERR_NOTFOUND (no such slot, timeline or WAL), ERR_CONFLICT (the slot exists
 * already), ERR_CANCELLED (report_stopping, while it connects), else ERR_UNREACHABLE.
 *
 * One thread at a time.  After ERR_UNREACHABLE, or a failure in the midst of a
 * backup or of streaming, a connection is only good for pg_free.  The server's
 * notices are dropped.
 */
#ifndef PG_CONN_H
#define PG_CONN_H

#include <libpq-fe.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "pg/lsn.h"

struct pg {
	PGconn *c;
	int version;		/* server_version_num, 140000.. */
	char what[128];		/* "server host:port" for messages, never a secret */
	struct {		/* walstream.c's own */
		char *lent;	/* the message behind the last event */
		int state;
		uint32_t next_timeline;
		uint64_t next_position;
	} wal;
};

struct pg_system {
	uint64_t system_id;
	uint32_t timeline;
	uint64_t flushed;	/* IDENTIFY_SYSTEM's xlogpos */
	uint32_t segment_size;
};

/*
 * Connect with replication=true (physical).  appname is the fallback
 * application_name: synchronous_standby_names matches it.  Versions other than
 * 14 to 18 are refused (ERR_CONFIG).  Keepalives are set, unless conninfo sets
 * them, so that a dead peer shows within about a minute; connect_timeout 10
 * unless given.
 */
struct pg *pg_connect(const char *conninfo, const char *appname, struct err *e);
void pg_free(struct pg *pg);

int pg_identify(struct pg *pg, struct pg_system *out, struct err *e);

/* SHOW name on the replication connection; NUL-terminated into out. */
int pg_show(struct pg *pg, const char *name, char *out, size_t cap, struct err *e);

/* TIMELINE_HISTORY: the file's bytes appended to out.  Timeline 1: none, 0 bytes. */
int pg_timeline_history(struct pg *pg, uint32_t timeline, struct buf *out, struct err *e);

/*
 * Physical slots.  pg_slot_read: 1 found, 0 not, -1 (ERR_CONFIG: it is a logical one).  A
 * server 14 has no command to ask: it returns 1 with restart = 0, and pg_slot_create and
 * pg_wal_start tell.  restart 0: reserves nothing (yet), or unknown.
 */
struct pg_slot {
	int exists;
	uint64_t restart;
	uint32_t restart_timeline;
};
int pg_slot_name_ok(const char *name);		/* [a-z0-9_]{1,63} */
int pg_slot_read(struct pg *pg, const char *name, struct pg_slot *out, struct err *e);
/* It holds WAL from now on (RESERVE_WAL). */
int pg_slot_create(struct pg *pg, const char *name, int temporary, struct err *e);
int pg_slot_drop(struct pg *pg, const char *name, struct err *e);

/* Run one command whose result must be `expect`; the result, or NULL with *e set. */
PGresult *pg_exec(struct pg *pg, const char *command, ExecStatusType expect, struct err *e);

/*
 * Turn libpq's last error (or a result's, when res is not NULL) into *e: the server,
 * step, the server's words and its hint.  Returns -1.
 */
int pg_error(struct pg *pg, const PGresult *res, const char *step, struct err *e);

#endif
