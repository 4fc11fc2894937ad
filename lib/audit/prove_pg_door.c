/*
 * Who may come to the throwaway server as the real one would have let them, and a session
 * that others may end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/prove_pg_private.h"
#include "base/isolate.h"

#define HOST   "host='"
#define VICTIM "bulkhead_victim"

/* ---- by pg_hba.conf ---------------------------------------------------------- */

/* The words that tell that one is not let in. */
static const char *const closed[] = { "no pg_hba.conf entry", "pg_hba.conf rejects",
	"no password supplied", "authentication failed", "permission denied for database" };

/* The address is one of the network that a line lets in: here it is ours. */
static int
take_address(const char *words, struct err *e)
{
	char host[64];

	if (strncmp(words, HOST, strlen(HOST)) != 0)
		return 0;
	words += strlen(HOST);
	(void)snprintf(host, sizeof(host), "%.*s", (int)strcspn(words, "'"), words);
	if (strcmp(host, "127.0.0.1") == 0 || strspn(host, "0123456789.") < strlen(host))
		return 0;	/* every loopback has it, and those of IPv6 and by name */
	return isolate_address(host, e);
}

static PGconn *
knock_at(const struct prove_pg *p, const char *words, const char *db, struct err *e)
{
	struct buf b = BUF_INIT;
	PGconn *c = NULL;

	/* The rest as for any session: the last one counts. */
	pg_server_conninfo(p->server, "", db, 0, &b);
	buf_fmt(&b, " host='%s' %s", p->server->run, words);
	if (buf_check(&b, e) == 0 && (c = PQconnectdb(buf_cstr(&b))) == NULL)
		(void)err_set(e, ERR_SYSTEM, "out of memory");
	buf_free(&b);
	return c;
}

static void
judge_door(const PGconn *c, struct prove_answer *a)
{
	const char *text = PQerrorMessage(c);
	size_t i;

	a->what = PROVE_DONE;
	if (PQstatus(c) == CONNECTION_OK)
		return;
	a->what = PROVE_FAILED;
	for (i = 0; i < sizeof(closed) / sizeof(closed[0]); i++)
		if (strstr(text, closed[i]) != NULL)
			a->what = PROVE_DENIED;
	prove_pg_words(a, prove_pg_fatal(c) != NULL ? prove_pg_fatal(c) : text);
}

int
prove_pg_knock(struct prove_pg *p, const char *words, const char *db, struct prove_answer *a,
    struct err *e)
{
	PGconn *c;
	int i;

	if (take_address(words, e) < 0)
		return -1;
	for (i = 0; i < p->n; i++) {
		if ((c = knock_at(p, words, db[0] != '\0' ? db : p->db[i].name, e)) == NULL)
			return -1;
		judge_door(c, a);
		PQfinish(c);
		if (db[0] != '\0' || a->what == PROVE_DONE)
			break;
	}
	return 0;
}

/* ---- the victim -------------------------------------------------------------- */

static int
make_victim(struct prove_pg *p, struct err *e)
{
	PGconn *c = prove_pg_ours(p, e);
	char *quoted = NULL, *sql = NULL;
	int rc = -1;

	if (c == NULL)
		return -1;
	quoted = PQescapeIdentifier(c, p->superuser, strlen(p->superuser));
	if (quoted == NULL ||
	    asprintf(&sql, "CREATE ROLE " VICTIM " LOGIN IN ROLE %s", quoted) < 0)
		(void)err_set(e, ERR_SYSTEM, "out of memory");
	else {
		rc = prove_pg_command(p, c, sql, e);
		free(sql);
	}
	PQfreemem(quoted);
	PQfinish(c);
	return rc;
}

/* A member of the superuser gets into its databases, and is no superuser by that. */
int
prove_pg_victim(struct prove_pg *p, struct prove_answer *a, struct err *e)
{
	int i;

	if (p->victim == NULL && make_victim(p, e) < 0)
		return -1;
	for (i = 0; i < p->n; i++) {
		PQfinish(p->victim);
		if ((p->victim = prove_pg_dial(p, VICTIM, p->db[i].name, 0, e)) == NULL)
			return -1;
		if (PQstatus(p->victim) == CONNECTION_OK)
			return 0;
	}
	a->what = PROVE_FAILED;
	prove_pg_words(a, "no database lets a session in that could be ended");
	return 0;
}
