/*
 * Commands on a replication connection: what the server is, timelines, slots; and the
 * one place that turns its errors into ours.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg/conn.h"
#include "pg/wire.h"

#define HISTORY_FILE_MAX (1 << 20)	/* bytes; a line a timeline */

static const char *
field(const PGresult *res, int code)
{
	const char *s = res != NULL ? PQresultErrorField(res, code) : NULL;

	return s != NULL ? s : "";
}

int
pg_error(struct pg *pg, const PGresult *res, const char *step, struct err *e)
{
	const char *text = field(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = field(res, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = field(res, PG_DIAG_MESSAGE_HINT);

	if (*text == '\0')	/* libpq's own words: advice stands in further lines */
		text = res != NULL ? PQresultErrorMessage(res) : PQerrorMessage(pg->c);
	if (*text == '\0')
		text = "unexpected answer";
	err_set(e, pg_state_kind(field(res, PG_DIAG_SQLSTATE)), "%s: %s: %.*s%s%s%s", pg->what,
	    step, (int)strcspn(text, "\n"), text, *detail != '\0' ? " (" : "", detail,
	    *detail != '\0' ? ")" : "");
	if (*hint != '\0')
		err_hint(e, "%s", hint);
	return -1;
}

/* The step of a message: the command's first word. */
static void
step_of(const char *command, char out[32])
{
	size_t n = strcspn(command, " ");

	(void)snprintf(out, 32, "%.*s", (int)n, command);	/* no command's is longer */
}

static int
unexpected(struct pg *pg, const char *step, struct err *e)
{
	return err_set(e, ERR_CONFIG, "%s: %s: unexpected answer", pg->what, step);
}

PGresult *
pg_exec(struct pg *pg, const char *command, ExecStatusType expect, struct err *e)
{
	PGresult *res = PQexec(pg->c, command);
	char step[32];

	if (PQresultStatus(res) == expect)
		return res;
	step_of(command, step);
	pg_error(pg, res, step, e);
	PQclear(res);
	return NULL;
}

/* As pg_exec, for a table with one row and at least so many columns. */
static PGresult *
one_row(struct pg *pg, const char *command, int columns, struct err *e)
{
	PGresult *res = pg_exec(pg, command, PGRES_TUPLES_OK, e);
	char step[32];

	if (res != NULL && (PQntuples(res) != 1 || PQnfields(res) < columns)) {
		step_of(command, step);
		unexpected(pg, step, e);
		PQclear(res);
		return NULL;
	}
	return res;
}

/* An unsigned number of at most max, and nothing else. */
static int
number(const char *s, uint64_t max, uint64_t *out)
{
	size_t n = strlen(s);

	if (n == 0 || n > 20 || strspn(s, "0123456789") != n)
		return -1;
	*out = strtoull(s, NULL, 10);
	return *out > max ? -1 : 0;
}

int
pg_parse_u32(const char *s, uint32_t *timeline)
{
	uint64_t v;

	if (number(s, UINT32_MAX, &v) != 0 || v == 0)
		return -1;
	*timeline = (uint32_t)v;
	return 0;
}

/* SHOW tells sizes as people write them: "16MB", "1GB". */
static int
segment_size(struct pg *pg, uint32_t *out, struct err *e)
{
	char text[32], unit[3] = "";
	unsigned n;

	if (pg_show(pg, "wal_segment_size", text, sizeof(text), e) != 0)
		return -1;
	if (sscanf(text, "%4u%2s", &n, unit) == 2 && n >= 1 && n < 1024) {
		*out = n << (strcmp(unit, "GB") == 0 ? 30 : 20);
		if ((strcmp(unit, "MB") == 0 || n == 1) && wal_segment_size_ok(*out))
			return 0;
	}
	return unexpected(pg, "SHOW wal_segment_size", e);
}

int
pg_identify(struct pg *pg, struct pg_system *out, struct err *e)
{
	PGresult *res = one_row(pg, "IDENTIFY_SYSTEM", 3, e);
	int bad;

	if (res == NULL)
		return -1;
	bad = number(PQgetvalue(res, 0, 0), UINT64_MAX, &out->system_id) != 0 ||
	    pg_parse_u32(PQgetvalue(res, 0, 1), &out->timeline) != 0 ||
	    lsn_parse(PQgetvalue(res, 0, 2), &out->flushed) != 0;
	PQclear(res);
	if (bad)
		return unexpected(pg, "IDENTIFY_SYSTEM", e);
	return segment_size(pg, &out->segment_size, e);
}

int
pg_show(struct pg *pg, const char *name, char *out, size_t cap, struct err *e)
{
	char command[96];
	PGresult *res;
	int n;

	if (*name == '\0' || strlen(name) > 63 ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.") != strlen(name))
		return err_set(e, ERR_USAGE, "\"%s\" is no setting's name", name);
	(void)snprintf(command, sizeof(command), "SHOW %s", name); /* fits: just measured */
	if ((res = one_row(pg, command, 1, e)) == NULL)
		return -1;
	n = snprintf(out, cap, "%s", PQgetvalue(res, 0, 0));
	PQclear(res);
	if (n < 0 || (size_t)n >= cap)
		return err_set(e, ERR_CONFIG, "%s: SHOW %s: the value is too long", pg->what,
		    name);
	return 0;
}

int
pg_timeline_history(struct pg *pg, uint32_t timeline, struct buf *out, struct err *e)
{
	char command[48];
	PGresult *res;
	int n;

	if (timeline == 1)
		return 0;
	(void)snprintf(command, sizeof(command), "TIMELINE_HISTORY %" PRIu32,
	    timeline);	/* fits */
	if ((res = one_row(pg, command, 2, e)) == NULL)
		return -1;
	n = PQgetlength(res, 0, 1);
	if (n <= HISTORY_FILE_MAX)
		buf_add(out, PQgetvalue(res, 0, 1), (size_t)n);
	PQclear(res);
	if (n > HISTORY_FILE_MAX)
		return err_set(e, ERR_CORRUPT, "%s: TIMELINE_HISTORY: %d bytes are too many",
		    pg->what, n);
	return buf_check(out, e);
}

int
pg_slot_name_ok(const char *name)
{
	size_t n = strlen(name);

	return n >= 1 && n <= 63 &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static int
check_slot_name(const char *name, struct err *e)
{
	if (pg_slot_name_ok(name))
		return 0;
	err_set(e, ERR_USAGE, "\"%s\" is no slot's name", name);
	return err_hint(e, "1 to 63 of the characters a-z, 0-9 and _");
}

/* A row of slot_type, restart_lsn, restart_tli: all NULL when there is no such slot. */
static int
parse_slot(struct pg *pg, const PGresult *res, const char *name, struct pg_slot *out,
    struct err *e)
{
	out->exists = !PQgetisnull(res, 0, 0);
	if (!out->exists)
		return 0;
	if (strcmp(PQgetvalue(res, 0, 0), "physical") != 0)
		return err_set(e, ERR_CONFIG, "%s: slot %s: not a physical slot", pg->what,
		    name);
	if (PQgetisnull(res, 0, 1))
		return 1;
	if (lsn_parse(PQgetvalue(res, 0, 1), &out->restart) != 0 ||
	    pg_parse_u32(PQgetvalue(res, 0, 2), &out->restart_timeline) != 0)
		return unexpected(pg, "READ_REPLICATION_SLOT", e);
	return 1;
}

int
pg_slot_read(struct pg *pg, const char *name, struct pg_slot *out, struct err *e)
{
	char command[128];
	PGresult *res;
	int r;

	memset(out, 0, sizeof(*out));
	if (check_slot_name(name, e) != 0)
		return -1;
	if (pg->version < 150000) {
		out->exists = 1;
		return 1;
	}
	(void)snprintf(command, sizeof(command), "READ_REPLICATION_SLOT \"%s\"",
	    name);	/* fits */
	if ((res = one_row(pg, command, 3, e)) == NULL)
		return -1;
	r = parse_slot(pg, res, name, out, e);
	PQclear(res);
	return r;
}

/* VERB "name" REST, and nothing to learn from the result. */
static int
slot_command(struct pg *pg, const char *verb, const char *name, const char *rest,
    ExecStatusType expect, struct err *e)
{
	char command[160];
	PGresult *res;

	if (check_slot_name(name, e) != 0)
		return -1;
	(void)snprintf(command, sizeof(command), "%s \"%s\"%s", verb, name, rest); /* fits */
	if ((res = pg_exec(pg, command, expect, e)) == NULL)
		return -1;
	PQclear(res);
	return 0;
}

int
pg_slot_create(struct pg *pg, const char *name, int temporary, struct err *e)
{
	return slot_command(pg, "CREATE_REPLICATION_SLOT", name,
	    temporary ? " TEMPORARY PHYSICAL RESERVE_WAL" : " PHYSICAL RESERVE_WAL",
	    PGRES_TUPLES_OK, e);
}

int
pg_slot_drop(struct pg *pg, const char *name, struct err *e)
{
	return slot_command(pg, "DROP_REPLICATION_SLOT", name, "", PGRES_COMMAND_OK, e);
}
