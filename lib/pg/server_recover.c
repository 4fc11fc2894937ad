/*
 * A copy as a database that can be written: recovered by the WAL that it holds.
 */
#include <poll.h>
#include <string.h>

#include "pg/server_private.h"

#define WAIT_FIRST   10		/* ms */
#define WAIT_LONGEST 500

/* Until it has recovered, which can take hours. */
static int
wait_writable(struct pg_server *s, struct err *e)
{
	struct err starting = ERR_INIT;	/* pg_server_alive tells when it is more than that */
	char row[64];
	int wait = WAIT_FIRST;

	while (pg_server_alive(s, e)) {
		if (report_stopping())
			return err_set(e, ERR_CANCELLED, "stopped by a signal");
		if (pg_server_query(s, "SELECT pg_is_in_recovery()", row, sizeof(row), &starting) < 0) {
			if (starting.kind != ERR_BUSY && starting.kind != ERR_UNREACHABLE) {
				*e = starting;
				return -1;
			}
		} else if (strcmp(row, "f") == 0)
			return 0;
		(void)poll(NULL, 0, wait);	/* a signal may cut it short */
		if ((wait += wait / 4 + 1) > WAIT_LONGEST)
			wait = WAIT_LONGEST;
	}
	return -1;
}

int
pg_server_recover(struct pg_server *s, const struct pg_server_settings *o, struct report *r,
    struct err *e)
{
	struct err ignored = ERR_INIT;	/* the failure before it is the one to tell */

	if (pg_server_configure(s, o, e) < 0 || pg_server_start(s, r, e) < 0)
		return -1;
	if (wait_writable(s, e) == 0)
		return 0;
	(void)pg_server_stop(s, &ignored);
	return err_context(e, "recovery");
}
