/*
 * mysql://user@host:port/?name=value&... and mariadb://..., as our tools take them.
 *
 * Both schemes mean the same; what the server is, it says itself.  What is left out comes
 * from the option files, else is the library's default.  Names and values may hold %XX.
 * A password is refused (ERR_USAGE): everyone on the host could read it in the process
 * list.  Parameters: socket (a path; host must be localhost or empty), ssl-mode (DISABLED,
 * REQUIRED, VERIFY_IDENTITY), ssl-ca, ssl-cert, ssl-key (paths), connect-timeout,
 * read-timeout (seconds).  A database in the path is allowed, and kept.
 */
#ifndef MY_URI_H
#define MY_URI_H

#include "base/err.h"

enum my_ssl { MY_SSL_DEFAULT, MY_SSL_DISABLED, MY_SSL_REQUIRED, MY_SSL_VERIFY };

struct my_uri {
	char *text;		/* the memory of all that follows */
	const char *user, *host, *database, *socket;	/* NULL: not given */
	const char *ssl_ca, *ssl_cert, *ssl_key;
	enum my_ssl ssl;
	unsigned port;		/* 0: not given */
	unsigned connect_timeout, read_timeout;	/* seconds */
};

/* Does it begin with one of our schemes? */
int my_uri_is(const char *uri);

/* 0, or -1: ERR_USAGE, ERR_SYSTEM.  my_uri_free(out) in both cases. */
int my_uri_parse(struct my_uri *out, const char *uri, struct err *e);
void my_uri_free(struct my_uri *u);

#endif
