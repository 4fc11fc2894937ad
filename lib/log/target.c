/*
 * Recovery targets: parsing them, and finding their position by scanning the log.
 */
#include "log/target.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define SCAN_CHUNK (1u << 20)
#define WAL_PAGE   8192u

struct scan {
	const struct target *t;
	uint64_t from;
	struct target_result *out;
	uint64_t last;		/* the end of the last record, at least `from` */
	uint64_t settled;	/* and of the last that ended a transaction, or prepared it */
	int found;		/* stop is known; what is behind it is still looked for */
};

static int
parse_xid(const char *text, struct target *t, struct err *e)
{
	unsigned long long v;
	char *end;

	v = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end != '\0' || v < 3 || v > UINT32_MAX)
		return err_set(e, ERR_USAGE, "target \"xid:%s\": not a transaction id", text);
	t->kind = TARGET_XID;
	t->xid = (uint32_t)v;
	return 0;
}

static int
parse_name(const char *text, struct target *t, struct err *e)
{
	if (*text == '\0' || strlen(text) >= 64)
		return err_set(e, ERR_USAGE,
		    "target \"name:%s\": a restore point has 1 to 63 bytes", text);
	t->kind = TARGET_NAME;
	(void)snprintf(t->name, sizeof(t->name), "%s", text);
	return 0;
}

int
target_parse(const char *text, int inclusive, struct target *t, struct err *e)
{
	memset(t, 0, sizeof(*t));
	t->inclusive = inclusive;
	(void)snprintf(t->text, sizeof(t->text), "%s", text);
	if (strncmp(text, "xid:", 4) == 0)
		return parse_xid(text + 4, t, e);
	if (strncmp(text, "name:", 5) == 0)
		return parse_name(text + 5, t, e);
	if (lsn_parse(text, &t->lsn) == 0) {
		t->kind = TARGET_LSN;
		return 0;
	}
	if (clock_parse(text, &t->time, e) < 0) {
		err_context(e, "target \"%s\"", text);
		if (e->hint[0] == '\0')
			err_hint(e,
			    "a time with its zone, an LSN (0/3000060), xid:N or "
			    "name:RESTORE-POINT");
		return -1;
	}
	t->kind = TARGET_TIME;
	return 0;
}

/* Is this the record that the target means? */
static int
is_meant(const struct target *t, const struct wal_event *ev)
{
	switch (t->kind) {
	case TARGET_TIME:
		return ev->kind == WAL_COMMIT &&
		    (t->inclusive ? ev->time > t->time : ev->time >= t->time);
	case TARGET_XID:
		return ev->kind == WAL_COMMIT && ev->xid == t->xid;
	case TARGET_NAME:
		return ev->kind == WAL_RESTORE_POINT && strcmp(ev->name, t->name) == 0;
	case TARGET_LSN:	/* see scan_record */
	case TARGET_END:
		break;
	}
	return 0;
}

/* The first position that an LSN leaves out. */
static uint64_t
lsn_limit(const struct target *t)
{
	return t->inclusive ? t->lsn + 1 : t->lsn;
}

static void
raise_minima(struct wal_event *m, const struct wal_event *ev)
{
#define RAISE(f) do { if (ev->f > m->f) m->f = ev->f; } while (0)
	m->kind = WAL_PARAMETERS;
	RAISE(max_connections);
	RAISE(max_worker_processes);
	RAISE(max_wal_senders);
	RAISE(max_prepared_xacts);
	RAISE(max_locks_per_xact);
#undef RAISE
}

static void
scan_record(void *ctx, uint64_t start, uint64_t end)
{
	struct scan *s = ctx;

	if (end > s->last)
		s->last = end;
	if (s->t->kind != TARGET_LSN || s->found || start < lsn_limit(s->t))
		return;
	if (start < s->from)
		s->out->passed = s->t->lsn;
	s->found = 1;
	s->out->stop = s->settled;
}

/* The record that the target means.  1: it is in the copy already. */
static int
scan_found(struct scan *s, const struct wal_event *ev)
{
	int behind = s->t->inclusive && s->t->kind != TARGET_TIME;

	if (behind ? ev->end < s->from : ev->start < s->from) {
		s->out->passed = ev->start;
		return 1;
	}
	if (behind && ev->kind == WAL_COMMIT && ev->end > s->settled)
		s->settled = ev->end;
	s->found = 1;
	s->out->stop = s->settled;
	return 0;
}

static int
scan_event(void *ctx, const struct wal_event *ev, struct err *e)
{
	struct scan *s = ctx;

	(void)e;	/* nothing here can fail */
	if (s->out->passed != 0)
		return 1;
	if (ev->kind == WAL_PARAMETERS)
		raise_minima(&s->out->minima, ev);
	if (!s->found && is_meant(s->t, ev) && scan_found(s, ev))
		return 1;
	if (ev->kind == WAL_COMMIT) {
		if (s->found && ev->start >= s->out->stop) {
			s->out->after = *ev;
			return 1;
		}
		s->out->before = *ev;
		s->out->commits += ev->start >= s->from;
	}
	if ((ev->kind == WAL_COMMIT || ev->kind == WAL_PREPARE) && ev->end > s->settled)
		s->settled = ev->end;
	return 0;
}

static int
scan_path(struct log_reader *l, const struct log_path *path, uint64_t lsn, struct walscan *w,
    struct target_result *out, struct report *report, struct err *e)
{
	uint8_t *chunk;
	size_t got;
	uint64_t first = lsn;
	int rc = 0;

	if ((chunk = malloc(SCAN_CHUNK)) == NULL)
		return err_sys(e, ERR_SYSTEM, "log scan");
	while (rc == 0 && lsn < path->end) {
		report_progress(report, "scanning the log", lsn - first, path->end - first);
		if (log_read(l, lsn, chunk, SCAN_CHUNK, &got, e) < 0) {
			rc = -1;
			break;
		}
		rc = walscan_feed(w, chunk, got, e);
		lsn += got;
	}
	report_done(report);
	free(chunk);
	out->scanned = lsn - first;
	return rc;
}

static int
refuse_passed(const struct scan *s, struct err *e)
{
	char at[LSN_TEXT], copy[LSN_TEXT];

	return err_set(e, ERR_REFUSED,
	    "target %s lies at %s, before %s, up to where the copy has come", s->t->text,
	    lsn_format(at, s->out->passed), lsn_format(copy, s->from));
}

/* The log ends before anything stopped the scan: is its end the answer all the same? */
static int
end_is_enough(const struct target *t, const struct log_path *path, uint64_t end)
{
	switch (t->kind) {
	case TARGET_END:
		return 1;
	case TARGET_TIME:	/* it was followed past that time, and nothing more came */
		return path->hole == 0 &&
		    (t->inclusive ? path->end_time > t->time : path->end_time >= t->time);
	case TARGET_LSN:
		return t->lsn <= end;
	case TARGET_XID:
	case TARGET_NAME:
		break;
	}
	return 0;
}

/* Run the scan.  The log must be readable up to where the answer is known. */
static int
scan_log(struct scan *s, struct log_reader *l, const struct log_path *path, uint64_t lsn,
    struct walscan *w, struct report *report, struct err *e)
{
	struct target_result *out = s->out;
	char text[LSN_TEXT];
	int rc;

	walscan_on_record(w, scan_record);
	rc = scan_path(l, path, lsn - lsn % WAL_PAGE, w, out, report, e);
	if (rc == 1 && out->passed == 0 && out->after.kind == 0)
		rc = err_set(e, ERR_CORRUPT, "the log cannot be read behind %s: %s",
		    lsn_format(text, walscan_end(w)), walscan_stop_reason(w));
	out->end = s->last;
	return rc < 0 ? -1 : 0;
}

/* The scan is over, and the copy is not beyond the target. */
static void
settle(struct scan *s, const struct log_path *path)
{
	struct target_result *out = s->out;

	out->reached = s->found || end_is_enough(s->t, path, out->end);
	if (!s->found)
		out->stop = s->t->kind != TARGET_END && out->reached ? s->settled : out->end;
	out->at_end = out->stop >= out->end;
}

int
target_resolve(struct log_reader *l, const struct log_path *path, uint64_t scan, uint64_t from,
    uint32_t segment_size, uint64_t system_id, const struct target *t,
    struct target_result *out, struct report *report, struct err *e)
{
	struct scan s = { .t = t, .from = from, .out = out, .last = from,
		.settled = from };
	struct walscan_calls calls = { .event = scan_event, .ctx = &s };
	struct walscan *w;
	int rc = 0, nothing = path->n == 0 || path->end <= scan;

	memset(out, 0, sizeof(*out));
	out->end = from;
	if (t->kind == TARGET_LSN && lsn_limit(t) < (nothing ? from : scan))
		out->passed = t->lsn;
	else if (!nothing) {
		if ((w = walscan_new(scan, segment_size, system_id, &calls, e)) == NULL)
			return -1;
		rc = scan_log(&s, l, path, scan, w, report, e);
		walscan_free(w);
	}
	if (rc < 0)
		return -1;
	if (out->passed != 0)
		return refuse_passed(&s, e);
	settle(&s, path);
	return 0;
}
