/*
 * Connecting, asking, and what the server's or the library's errors mean.
 */
#include <errmsg.h>
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "my/conn.h"
#include "my/uri.h"

#define MARIADB_FIRST 100600
#define MARIADB_END   110900
#define MYSQL_FIRST   80000
#define MYSQL_END     90800

struct my_private {
	MYSQL *c;
};

/* Numbers as the servers' error references have them. */
static enum err_kind
kind_of(unsigned code)
{
	switch (code) {
	case 1044: case 1045: case 1130: case 1142: case 1143: case 1227: case 1370:
	case 1410: case 1698: case 1820: case 1862: case 3118: case 3159: case 4151:
	case CR_SSL_CONNECTION_ERROR:
		return ERR_REFUSED;
	case 1049: case 1054: case 1146: case 1193:
		return ERR_NOTFOUND;
	case 1040: case 1129: case 1203: case 1205: case 1213: case 1226:
		return ERR_BUSY;
	case 1064: case 1238: case 1251: case 2059: case 2061:
		return ERR_CONFIG;
	case CR_OUT_OF_MEMORY:
		return ERR_SYSTEM;
	default:
		return ERR_UNREACHABLE;
	}
}

static int
failed(struct my *my, const char *step, struct err *e)
{
	unsigned code = mysql_errno(my->priv->c);

	return err_set(e, kind_of(code), "%s: %s: %s (%u)", my->what, step,
	    mysql_error(my->priv->c), code);
}

static void
hint_for(const struct my_uri *u, unsigned code, struct err *e)
{
	if (code == CR_SSL_CONNECTION_ERROR)
		err_hint(e, "check ssl-ca, ssl-cert and ssl-key, in the URI or in the section "
		    "[client] of ~/.my.cnf");
	else if (e->kind == ERR_REFUSED)
		err_hint(e, "the password comes from the section [client] of ~/.my.cnf; the "
		    "account must exist for the host that we come from");
	else if (e->kind == ERR_UNREACHABLE && u->socket != NULL)
		err_hint(e, "check the path of the socket, and that the server runs");
	else if (e->kind == ERR_UNREACHABLE)
		err_hint(e, "check host and port, that the server runs and listens there "
		    "(bind_address), and that no firewall is between");
}

/* Returns 0 when all were taken; a library without an option says so here. */
static int
set_ssl(MYSQL *c, const struct my_uri *u)
{
	int bad = 0;

	if (u->ssl_ca != NULL)
		bad |= mysql_options(c, MYSQL_OPT_SSL_CA, u->ssl_ca);
	if (u->ssl_cert != NULL)
		bad |= mysql_options(c, MYSQL_OPT_SSL_CERT, u->ssl_cert);
	if (u->ssl_key != NULL)
		bad |= mysql_options(c, MYSQL_OPT_SSL_KEY, u->ssl_key);
	if (u->ssl == MY_SSL_DEFAULT)
		return bad;
#ifdef MARIADB_PACKAGE_VERSION
	const char on = u->ssl != MY_SSL_DISABLED, verify = u->ssl == MY_SSL_VERIFY;

	bad |= mysql_options(c, MYSQL_OPT_SSL_ENFORCE, &on);
	bad |= mysql_options(c, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
#else
	const unsigned mode = u->ssl == MY_SSL_DISABLED ? SSL_MODE_DISABLED :
	    u->ssl == MY_SSL_REQUIRED ? SSL_MODE_REQUIRED : SSL_MODE_VERIFY_IDENTITY;

	bad |= mysql_options(c, MYSQL_OPT_SSL_MODE, &mode);
#endif
	return bad;
}

static int
set_options(MYSQL *c, const struct my_uri *u, const char *program)
{
	const unsigned none = 0, tcp = MYSQL_PROTOCOL_TCP;
	int bad = 0;

	bad |= mysql_options(c, MYSQL_READ_DEFAULT_GROUP, "client");
	bad |= mysql_options(c, MYSQL_OPT_CONNECT_TIMEOUT, &u->connect_timeout);
	bad |= mysql_options(c, MYSQL_OPT_READ_TIMEOUT, &u->read_timeout);
	bad |= mysql_options(c, MYSQL_OPT_WRITE_TIMEOUT, &u->read_timeout);
	bad |= mysql_options(c, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	bad |= mysql_options4(c, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", program);
	/* "localhost" means the socket to the library; whoever names a port means TCP. */
	if (u->port != 0 && u->socket == NULL)
		bad |= mysql_options(c, MYSQL_OPT_PROTOCOL, &tcp);
	bad |= set_ssl(c, u);
	/* Last: an option file must not turn it on. */
	return bad | mysql_options(c, MYSQL_OPT_LOCAL_INFILE, &none);
}

/* Not what the handshake told: there MariaDB up to 10.11 calls itself 5.5.5-10.11.2. */
static int
check_version(struct my *my, struct err *e)
{
	char text[sizeof(my->server) - 8];
	unsigned a = 0, b = 0, c = 0;

	if (my_value(my, "SELECT VERSION()", text, sizeof(text), e) != 0)
		return -1;
	my->mariadb = strstr(text, "MariaDB") != NULL;
	if (sscanf(text, "%3u.%3u.%3u", &a, &b, &c) == 3)
		my->version = a * 10000 + b * 100 + c;
	(void)snprintf(my->server, sizeof(my->server), "%s %s",
	    my->mariadb ? "MariaDB" : "MySQL", text);	/* a cut name still tells enough */
	if (my->mariadb ? my->version < MARIADB_FIRST || my->version >= MARIADB_END :
	    my->version < MYSQL_FIRST || my->version >= MYSQL_END)
		return err_set(e, ERR_CONFIG, "%s: %s is not supported, only MySQL 8.0 to 9.7 "
		    "and MariaDB 10.6 to 11.8", my->what, my->server);
	return 0;
}

/* The step of a message: the statement's first word. */
static int
run(struct my *my, const char *sql, struct err *e)
{
	char step[32];

	if (mysql_real_query(my->priv->c, sql, strlen(sql)) == 0)
		return 0;
	(void)snprintf(step, sizeof(step), "%.*s", (int)strcspn(sql, " "), sql);
	return failed(my, step, e);
}

static int
session(struct my *my, struct err *e)
{
	return run(my, "SET SESSION sql_mode = '', time_zone = '+00:00', "
	    "autocommit = 1, lock_wait_timeout = 10, group_concat_max_len = 1048576", e);
}

static int
dial(struct my *my, const struct my_uri *u, const char *program, struct err *e)
{
	const char *host = u->socket != NULL ? "localhost" : u->host;

	if (u->socket != NULL)
		(void)snprintf(my->what, sizeof(my->what), "server %s", u->socket);
	else
		(void)snprintf(my->what, sizeof(my->what), "server %s:%u",
		    host != NULL ? host : "localhost", u->port != 0 ? u->port : 3306);
	if (set_options(my->priv->c, u, program) != 0)
		return err_set(e, ERR_CONFIG, "%s: the client library refuses an option: %s",
		    my->what, mysql_error(my->priv->c));
	if (mysql_real_connect(my->priv->c, host, u->user, NULL, u->database, u->port, u->socket,
	    0) == NULL) {
		failed(my, "connect", e);
		hint_for(u, mysql_errno(my->priv->c), e);
		return -1;
	}
	return session(my, e) != 0 || check_version(my, e) != 0 ? -1 : 0;
}

struct my *
my_connect(const char *uri, const char *program, struct err *e)
{
	struct my *my = NULL;
	struct my_uri u;
	int ok = 0;

	if (my_uri_parse(&u, uri, e) == 0) {
		if ((my = calloc(1, sizeof(*my))) == NULL ||
		    (my->priv = calloc(1, sizeof(*my->priv))) == NULL ||
		    (my->priv->c = mysql_init(NULL)) == NULL)
			err_set(e, ERR_SYSTEM, "out of memory");
		else
			ok = dial(my, &u, program, e) == 0;
	}
	my_uri_free(&u);
	if (ok)
		return my;
	my_free(my);
	return NULL;
}

void
my_free(struct my *my)
{
	if (my == NULL)
		return;
	if (my->priv != NULL && my->priv->c != NULL)
		mysql_close(my->priv->c);
	free(my->priv);
	free(my);
}

int
my_read_only(struct my *my, struct err *e)
{
	return run(my, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", e) != 0 ||
	    run(my, "START TRANSACTION READ ONLY", e) != 0 ? -1 : 0;
}

int
my_rows(struct my *my, const char *sql, my_row_fn *fn, void *ctx, struct err *e)
{
	MYSQL_RES *res;
	MYSQL_ROW value;
	struct my_row row;
	int rc = 0;

	if (run(my, sql, e) != 0)
		return -1;
	if ((res = mysql_use_result(my->priv->c)) == NULL)
		return mysql_errno(my->priv->c) != 0 ? failed(my, "SELECT", e) :
		    err_set(e, ERR_BUG, "%s: no rows to a query", my->what);
	row.n = mysql_num_fields(res);
	while (rc == 0 && (value = mysql_fetch_row(res)) != NULL) {
		row.value = (const char *const *)value;
		row.len = mysql_fetch_lengths(res);
		rc = fn(ctx, &row, e);
	}
	if (rc == 0 && mysql_errno(my->priv->c) != 0)
		rc = failed(my, "SELECT", e);
	mysql_free_result(res);		/* reads what is left */
	return rc;
}

struct one {
	char *out;
	size_t cap;
	int rows;
};

static int
one_value(void *ctx, const struct my_row *row, struct err *e)
{
	struct one *o = ctx;

	(void)e;	/* this cannot fail */
	if (o->rows++ == 0)
		(void)snprintf(o->out, o->cap, "%s", row->value[0] != NULL ? row->value[0] : "");
	return 0;
}

int
my_value(struct my *my, const char *sql, char *out, size_t cap, struct err *e)
{
	struct one o = { out, cap, 0 };

	if (my_rows(my, sql, one_value, &o, e) != 0)
		return -1;
	if (o.rows == 0)
		return err_set(e, ERR_NOTFOUND, "%s: nothing found", my->what);
	return 0;
}

void
my_quote(struct buf *b, const char *name)
{
	buf_u8(b, '`');
	for (; *name != '\0'; name++) {
		if (*name == '`')
			buf_u8(b, '`');
		buf_u8(b, (uint8_t)*name);
	}
	buf_u8(b, '`');
}
