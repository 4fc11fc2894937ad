/*
 * Waiting for a server: poll, then take in what came, in slices short enough that
 * a stop is heard within a second.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "pg/wire.h"

#define SLICE 200	/* ms */

int
pg_await(struct pg *pg, int wake_fd, int timeout_ms, struct err *e)
{
	struct pollfd fds[2] = { { PQsocket(pg->c), POLLIN, 0 }, { wake_fd, POLLIN, 0 } };
	int n;

	if (fds[0].fd < 0)
		return err_set(e, ERR_UNREACHABLE, "%s: the connection is closed", pg->what);
	n = poll(fds, 2, timeout_ms);	/* a negative wake_fd is passed over */
	if (n < 0 && errno != EINTR)
		return err_sys(e, ERR_SYSTEM, "%s: poll", pg->what);
	if (n <= 0 || fds[0].revents == 0)
		return 0;
	if (!PQconsumeInput(pg->c))
		return pg_error(pg, NULL, "receive", e);
	return 1;
}

/* One slice of waiting. */
static int
wait_slice(struct pg *pg, const struct pg_patience *w, struct err *e)
{
	if (w->stop != NULL && w->stop())
		return err_set(e, ERR_CANCELLED, "%s: stopped", pg->what);
	if (w->deadline != 0 && clock_mono() >= w->deadline)
		return err_set(e, ERR_UNREACHABLE, "%s: no answer in time", pg->what);
	return pg_await(pg, -1, SLICE, e);
}

int
pg_await_result(struct pg *pg, const struct pg_patience *w, PGresult **res, struct err *e)
{
	while (PQisBusy(pg->c))
		if (wait_slice(pg, w, e) < 0)
			return -1;
	*res = PQgetResult(pg->c);
	return 0;
}

/*
 * Reading before polling saves a system call while data flows.  The second try is
 * for TLS, which may hold bytes back that the socket no longer shows to poll().
 */
int
pg_copy_try(struct pg *pg, char **row, size_t *len, struct err *e)
{
	int n, tries;

	for (tries = 0; (n = PQgetCopyData(pg->c, row, 1)) == 0 && tries < 2; tries++)
		if (!PQconsumeInput(pg->c))
			return pg_error(pg, NULL, "receive", e);
	if (n == -2)
		return pg_error(pg, NULL, "receive", e);
	*len = n > 0 ? (size_t)n : 0;
	return n > 0 ? 1 : n == 0 ? 0 : 2;
}

int
pg_copy_next(struct pg *pg, const struct pg_patience *w, char **row, size_t *len,
    struct err *e)
{
	int r;

	if (w->stop != NULL && w->stop())	/* also while data never ceases to come */
		return err_set(e, ERR_CANCELLED, "%s: stopped", pg->what);
	while ((r = pg_copy_try(pg, row, len, e)) == 0)
		if (wait_slice(pg, w, e) < 0)
			return -1;
	return r == 2 ? 0 : r;
}

/* SQLSTATEs: PostgreSQL's documentation, appendix A. */
enum err_kind
pg_state_kind(const char *sqlstate)
{
	static const struct {
		const char *state;
		enum err_kind kind;
	} known[] = {
		{ "0A000", ERR_CONFIG },	/* feature_not_supported */
		{ "22023", ERR_CONFIG },	/* invalid_parameter_value */
		{ "28", ERR_REFUSED },		/* invalid authorization */
		{ "42501", ERR_REFUSED },	/* insufficient_privilege */
		{ "3D000", ERR_NOTFOUND },	/* invalid_catalog_name: a database */
		{ "42704", ERR_NOTFOUND },	/* undefined_object: a slot */
		{ "42710", ERR_CONFLICT },	/* duplicate_object: a slot */
		{ "42", ERR_CONFIG },		/* syntax, a name: not the server we know */
		{ "53300", ERR_BUSY },		/* too_many_connections, walsenders too */
		{ "53400", ERR_BUSY },		/* configuration_limit_exceeded: slots */
		{ "55000", ERR_CONFIG },	/* object_not_in_prerequisite_state */
		{ "55006", ERR_BUSY },		/* object_in_use: a slot */
		{ "55P03", ERR_BUSY },		/* lock_not_available: lock_timeout */
		{ "57014", ERR_BUSY },		/* query_canceled: statement_timeout */
		{ "57P03", ERR_BUSY },		/* cannot_connect_now: it starts or stops */
		{ "58P01", ERR_NOTFOUND },	/* undefined_file: WAL, history */
		{ "XX001", ERR_CORRUPT },	/* data_corrupted */
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strncmp(sqlstate, known[i].state, strlen(known[i].state)) == 0)
			return known[i].kind;
	return ERR_UNREACHABLE;
}
