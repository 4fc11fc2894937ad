/*
 * A connection to one MySQL (8.0 to 9.7) or MariaDB (10.6 to 11.8) server, through
 * MariaDB's Connector/C or Oracle's libmysqlclient, whichever was there to build with.
 *
 * Passwords come from the option files alone, section [client], where the databases' own
 * clients look: /etc/my.cnf, /etc/mysql/my.cnf, $MYSQL_HOME/my.cnf, ~/.my.cnf.  Error
 * kinds: ERR_UNREACHABLE (no answer, connection lost), ERR_REFUSED (authentication, a
 * privilege that is missing), ERR_NOTFOUND (no such table, database or variable),
 * ERR_BUSY (no free connection, a lock), ERR_CONFIG (a version or plugin that cannot
 * work), ERR_USAGE (the URI), else ERR_UNREACHABLE.
 *
 * The server can ask a client for a file; ours gives none.  One thread at a time.  After
 * ERR_UNREACHABLE a connection is only good for my_free.
 */
#ifndef MY_CONN_H
#define MY_CONN_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct my {
	struct my_private *priv;
	int mariadb;		/* 0: MySQL */
	unsigned version;	/* 101119 for 10.11.19, 80037, 90700 */
	char what[160];		/* "server host:port" for messages, never a secret */
	char server[96];	/* "MariaDB 10.11.19-MariaDB-log" for people */
};

/*
 * Connect, in a session that is the same everywhere: utf8mb4, sql_mode '', UTC, autocommit,
 * locks waited for 10 s at most.  Other versions: ERR_CONFIG.  NULL with *e set.
 */
struct my *my_connect(const char *uri, const char *program, struct err *e);
void my_free(struct my *my);

/* Begin a READ ONLY, REPEATABLE READ transaction; it ends with the connection. */
int my_read_only(struct my *my, struct err *e);

/* A row: value[i] is NULL for NULL, else len[i] bytes and a NUL; lent until the call ends. */
struct my_row {
	const char *const *value;
	const unsigned long *len;
	unsigned n;
};

/* 0 to go on; -1 with *e set ends the query, and is what my_rows returns. */
typedef int my_row_fn(void *ctx, const struct my_row *row, struct err *e);

/*
 * One query, its rows handed to fn as they come: memory does not grow with their number.
 * fn may not use the connection.
 */
int my_rows(struct my *my, const char *sql, my_row_fn *fn, void *ctx, struct err *e);

/* The one value of a query with one row; NULL becomes "".  ERR_NOTFOUND: no row. */
int my_value(struct my *my, const char *sql, char *out, size_t cap, struct err *e);

/* `name` with backticks, as both families read it in every sql_mode; appended to b. */
void my_quote(struct buf *b, const char *name);

#endif
