/*
 * Takes a server's URI apart, in a copy of its own.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "my/uri.h"

#define CONNECT_SECONDS 10
#define READ_SECONDS	300	/* the longest silence within an answer */
#define SECONDS_MAX	86400

static const char *const schemes[] = { "mysql://", "mariadb://" };

static const char *
behind_scheme(const char *uri)
{
	size_t i;

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncmp(uri, schemes[i], strlen(schemes[i])) == 0)
			return uri + strlen(schemes[i]);
	return NULL;
}

int
my_uri_is(const char *uri)
{
	return behind_scheme(uri) != NULL;
}

static int
digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	    c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* %XX in place; 0, or -1: not two digits, or a NUL. */
static int
decode(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		if (*s != '%') {
			*to++ = *s;
			continue;
		}
		if (digit(s[1]) < 0 || digit(s[2]) < 0 || (s[1] == '0' && s[2] == '0'))
			return -1;
		*to++ = (char)(digit(s[1]) * 16 + digit(s[2]));
		s += 2;
	}
	*to = '\0';
	return 0;
}

/* One part of the URI, decoded in place; an empty one is none. */
static int
part(char *s, const char **out, struct err *e)
{
	if (decode(s) != 0)
		return err_set(e, ERR_USAGE, "server: a %% that two digits do not follow");
	*out = *s != '\0' ? s : NULL;
	return 0;
}

static int
number(const char *text, unsigned max, unsigned *out)
{
	unsigned long n;
	char *end;

	if (!isdigit((unsigned char)*text) || strlen(text) > 9)
		return -1;
	n = strtoul(text, &end, 10);
	if (*end != '\0' || n == 0 || n > max)
		return -1;
	*out = (unsigned)n;
	return 0;
}

static int
ssl_mode(struct my_uri *u, const char *value, struct err *e)
{
	if (strcmp(value, "DISABLED") == 0)
		u->ssl = MY_SSL_DISABLED;
	else if (strcmp(value, "REQUIRED") == 0)
		u->ssl = MY_SSL_REQUIRED;
	else if (strcmp(value, "VERIFY_IDENTITY") == 0)
		u->ssl = MY_SSL_VERIFY;
	else
		return err_set(e, ERR_USAGE, "server: ssl-mode is DISABLED, REQUIRED or "
		    "VERIFY_IDENTITY, not %s", value);
	return 0;
}

static int
password_refused(struct err *e)
{
	err_set(e, ERR_USAGE, "server: the URI holds a password");
	return err_hint(e, "everyone on this host can read it in the process list: put it into "
	    "the section [client] of ~/.my.cnf");
}

static int
parameter(struct my_uri *u, const char *name, char *text, struct err *e)
{
	const struct { const char *name; const char **to; } words[] = {
		{ "socket", &u->socket }, { "ssl-ca", &u->ssl_ca },
		{ "ssl-cert", &u->ssl_cert }, { "ssl-key", &u->ssl_key } };
	const struct { const char *name; unsigned *to; } numbers[] = {
		{ "connect-timeout", &u->connect_timeout },
		{ "read-timeout", &u->read_timeout } };
	const char *value;
	size_t i;

	if (strcmp(name, "password") == 0)
		return password_refused(e);
	if (part(text, &value, e) != 0)
		return -1;
	if (value == NULL)
		return err_set(e, ERR_USAGE, "server: %s has no value", name);
	if (strcmp(name, "ssl-mode") == 0)
		return ssl_mode(u, value, e);
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(name, words[i].name) == 0) {
			*words[i].to = value;
			return 0;
		}
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(name, numbers[i].name) == 0) {
			if (number(value, SECONDS_MAX, numbers[i].to) == 0)
				return 0;
			return err_set(e, ERR_USAGE, "server: %s takes seconds, not %s", name,
			    value);
		}
	err_set(e, ERR_USAGE, "server: unknown parameter %s", name);
	return err_hint(e, "there are socket, ssl-mode, ssl-ca, ssl-cert, ssl-key, "
	    "connect-timeout and read-timeout");
}

static int
parameters(struct my_uri *u, char *text, struct err *e)
{
	char *next, *value;

	for (; text != NULL && *text != '\0'; text = next) {
		if ((next = strchr(text, '&')) != NULL)
			*next++ = '\0';
		if ((value = strchr(text, '=')) == NULL)
			return err_set(e, ERR_USAGE, "server: parameter %s has no value", text);
		*value++ = '\0';
		if (parameter(u, text, value, e) != 0)
			return -1;
	}
	return 0;
}

/* host, host:port, [v6], [v6]:port */
static int
host_and_port(struct my_uri *u, char *text, struct err *e)
{
	char *port = NULL, *end;

	if (*text == '[') {
		if ((end = strchr(text, ']')) == NULL || (end[1] != '\0' && end[1] != ':'))
			return err_set(e, ERR_USAGE, "server: an address in [ ] does not end");
		port = end[1] == ':' ? end + 2 : NULL;
		*end = '\0';
		text++;
	} else if ((port = strchr(text, ':')) != NULL) {
		*port++ = '\0';
	}
	if (port != NULL && number(port, 65535, &u->port) != 0)
		return err_set(e, ERR_USAGE, "server: %s is no port", port);
	return part(text, &u->host, e);
}

static int
authority(struct my_uri *u, char *text, struct err *e)
{
	char *at = strrchr(text, '@');

	if (at != NULL) {
		*at = '\0';
		if (strchr(text, ':') != NULL)
			return password_refused(e);
		if (part(text, &u->user, e) != 0)
			return -1;
		text = at + 1;
	}
	return host_and_port(u, text, e);
}

int
my_uri_parse(struct my_uri *u, const char *uri, struct err *e)
{
	const char *rest = behind_scheme(uri);
	char *query, *path;

	memset(u, 0, sizeof(*u));
	u->connect_timeout = CONNECT_SECONDS;
	u->read_timeout = READ_SECONDS;
	if (rest == NULL) {
		err_set(e, ERR_USAGE, "server: not a mysql:// or mariadb:// URI");
		return err_hint(e, "such as mysql://audit@db1/, or "
		    "mysql://audit@localhost/?socket=/run/mysqld/mysqld.sock");
	}
	if ((u->text = strdup(rest)) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	if ((query = strchr(u->text, '?')) != NULL)
		*query++ = '\0';
	if ((path = strchr(u->text, '/')) != NULL)
		*path++ = '\0';
	if (authority(u, u->text, e) != 0 || parameters(u, query, e) != 0 ||
	    (path != NULL && part(path, &u->database, e) != 0))
		return -1;
	if (u->socket != NULL && u->host != NULL && strcmp(u->host, "localhost") != 0)
		return err_set(e, ERR_USAGE, "server: a socket is on localhost, not on %s",
		    u->host);
	return 0;
}

void
my_uri_free(struct my_uri *u)
{
	free(u->text);
	memset(u, 0, sizeof(*u));
}
