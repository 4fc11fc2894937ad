/*
 * Where the data of a PostgreSQL server lies, when it runs on this host (for B5).
 */
#include "audit/pg_private.h"

/* A socket, or both ends of the connection at one address that is not forwarded. */
static const char directories[] =
    "SELECT d.path FROM ("
    " SELECT s.setting AS path FROM pg_settings s WHERE s.name = 'data_directory'"
    " UNION ALL SELECT pg_tablespace_location(t.oid) FROM pg_tablespace t) d"
    " WHERE d.path <> '' AND (inet_server_addr() IS NULL"
    " OR inet_server_addr() = inet_client_addr())";

static int
one_directory(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	(void)ctx;	/* the graph is all that it fills, */
	(void)e;	/* and that is sticky */
	graph_directory(a->g, pg_query_text(q, 0));
	return 0;
}

int
audit_pg_place(struct audit_pg *a, struct err *e)
{
	return audit_pg_ask(a, "B5", "data_directory", NULL, directories, one_directory,
	    NULL, e)
	    < 0 ? -1 : 0;
}
