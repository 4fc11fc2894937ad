/*
 * Decodes WAL records of transactions, restore points and parameters, as a stream.
 */
#include "pg/walrecord.h"

#include <string.h>

#include "base/buf.h"

#define EPOCH_2000 INT64_C(946684800000000)	/* the server counts µs from 2000-01-01 */
#define GID_MAX	   200				/* with its NUL */
#define POINT_NAME 64				/* a restore point's, with its NUL */

/* Ids in front of the main data. */
enum { ID_SHORT = 255, ID_LONG = 254, ID_ORIGIN = 253, ID_TOPLEVEL_XID = 252 };

enum { XACT_HAS_XINFO = 0x80, XACT_OPERATION = 0x70 };

/*
 * What may follow time and xinfo in a commit or abort, in this order: a number of
 * items, and the items; or something of fixed size.
 */
enum { DBINFO, SUBXACTS, RELATIONS, STATS, INVALIDATIONS, TWOPHASE, GID, SECTIONS };
static const struct {
	int bit;	/* of xinfo */
	uint32_t fixed;	/* bytes, or 0 */
	uint32_t item;	/* bytes */
} sections[SECTIONS] = {
	[DBINFO] = { 0, 8, 0 },
	[SUBXACTS] = { 1, 0, 4 },
	[RELATIONS] = { 2, 0, 12 },
	[STATS] = { 8, 0, 12 },		/* 15 and later; 16 bytes from 18 */
	[INVALIDATIONS] = { 3, 0, 16 },
	[TWOPHASE] = { 4, 4, 0 },
	[GID] = { 7, 0, 0 },		/* a string; the origin behind it tells us nothing */
};

void
walrecord_head(struct walrecord_head *h, const uint8_t p[WALRECORD_HEAD])
{
	h->length = le32_get(p);
	h->xid = le32_get(p + 4);
	h->prev = le64_get(p + 8);
	h->info = p[16];
	h->rmid = p[17];
	h->crc = le32_get(p + WALRECORD_HEAD_CRC);
}

/* The event that such a record is, or 0. */
static int
event_kind(const struct walrecord_head *h)
{
	if (h->rmid == WAL_RM_XACT) {
		switch (h->info & XACT_OPERATION) {
		case WAL_XACT_COMMIT:
		case WAL_XACT_COMMIT_PREPARED:
			return WAL_COMMIT;
		case WAL_XACT_ABORT:
		case WAL_XACT_ABORT_PREPARED:
			return WAL_ABORT;
		case WAL_XACT_PREPARE:
			return WAL_PREPARE;
		}
	} else if (h->rmid == WAL_RM_XLOG) {
		switch (h->info & 0xf0) {
		case WAL_XLOG_CHECKPOINT_SHUTDOWN:
		case WAL_XLOG_CHECKPOINT_ONLINE:
			return WAL_CHECKPOINT;
		case WAL_XLOG_PARAMETER_CHANGE:
			return WAL_PARAMETERS;
		case WAL_XLOG_RESTORE_POINT:
			return WAL_RESTORE_POINT;
		case WAL_XLOG_END_OF_RECOVERY:
			return WAL_END_OF_RECOVERY;
		}
	}
	return 0;
}

static int
is_overwrite(const struct walrecord_head *h)
{
	return h->rmid == WAL_RM_XLOG && (h->info & 0xf0) == WAL_XLOG_OVERWRITE_CONTRECORD;
}

int
walrecord_wanted(const struct walrecord_head *h)
{
	return h->rmid <= WAL_RM_XACT && (event_kind(h) != 0 || is_overwrite(h));
}

static int64_t
time_of(const uint8_t *p)
{
	return (int64_t)(le64_get(p) + (uint64_t)EPOCH_2000);	/* garbage may wrap around */
}

/* Gather the next n bytes (1 or more) into w->field, then go on with step. */
static void
take(struct walrecord *w, size_t n, void (*step)(struct walrecord *w))
{
	if (n == 0 || n > sizeof(w->field) || n > w->left - w->skip) {
		w->bad = 1;
		n = 0;
		step = NULL;
	}
	w->need = n;
	w->got = 0;
	w->step = step;
}

/* Pass over the next n bytes. */
static void
pass(struct walrecord *w, uint64_t n)
{
	if (n > w->left)
		w->bad = 1;
	else
		w->skip = n;
}

/* A string in w->field that must end within its n bytes. */
static void
keep_name(struct walrecord *w, const uint8_t *p, size_t n)
{
	const uint8_t *nul = memchr(p, 0, n);

	if (nul == NULL || n > sizeof(w->ev.name))
		w->bad = 1;
	else
		memcpy(w->ev.name, p, (size_t)(nul - p) + 1);
}

static void
step_gid(struct walrecord *w)
{
	keep_name(w, w->field, w->need);
	w->step = NULL;
}

static void step_section(struct walrecord *w);

/* Begin the next section that the record has. */
static void
next_section(struct walrecord *w)
{
	while (w->section < SECTIONS && !(w->xinfo >> sections[w->section].bit & 1))
		w->section++;
	if (w->section == SECTIONS)
		w->step = NULL;
	else if (w->section == GID)
		take(w, w->left - w->skip < GID_MAX ? w->left - w->skip : GID_MAX, step_gid);
	else
		take(w, sections[w->section].fixed > 0 ? sections[w->section].fixed : 4,
		    step_section);
}

static void
step_section(struct walrecord *w)
{
	uint32_t value = le32_get(w->field), item = sections[w->section].item;

	if (w->section == TWOPHASE)
		w->ev.xid = value;
	if (w->section == RELATIONS)
		w->ev.nrels = value;
	if (w->section == STATS && w->major >= 18)
		item = 16;
	pass(w, (uint64_t)value * item);
	w->section++;
	next_section(w);
}

static void
step_xinfo(struct walrecord *w)
{
	w->xinfo = le32_get(w->field);
	next_section(w);
}

static void
step_end_time(struct walrecord *w)
{
	w->ev.time = time_of(w->field);
	if (w->has_xinfo)
		take(w, 4, step_xinfo);
	else
		w->step = NULL;
}

/* The prepared transaction's own header, then its name; 15 put two counts into it. */
static void
step_prepare(struct walrecord *w)
{
	size_t gid_length = le16_get(w->field + (w->major >= 15 ? 54 : 46));

	w->ev.xid = le32_get(w->field + 8);
	w->ev.time = time_of(w->field + 16);
	take(w, gid_length, step_gid);
}

static void
step_restore_point(struct walrecord *w)
{
	w->ev.time = time_of(w->field);
	keep_name(w, w->field + 8, POINT_NAME);
	w->step = NULL;
}

static void
step_parameters(struct walrecord *w)
{
	w->ev.max_connections = (int)le32_get(w->field);
	w->ev.max_worker_processes = (int)le32_get(w->field + 4);
	w->ev.max_wal_senders = (int)le32_get(w->field + 8);
	w->ev.max_prepared_xacts = (int)le32_get(w->field + 12);
	w->ev.max_locks_per_xact = (int)le32_get(w->field + 16);
	w->step = NULL;
}

static void
step_overwrite(struct walrecord *w)
{
	w->overwritten = le64_get(w->field);
	w->step = NULL;
}

/* The main data begins. */
static void
main_data(struct walrecord *w, uint64_t length)
{
	if (length != w->left) {
		w->bad = 1;
		w->step = NULL;
		return;
	}
	switch ((int)w->ev.kind) {
	case WAL_COMMIT:
	case WAL_ABORT:
		take(w, 8, step_end_time);
		break;
	case WAL_PREPARE:
		take(w, w->major >= 15 ? 72 : 64, step_prepare);
		break;
	case WAL_RESTORE_POINT:
		take(w, 8 + POINT_NAME, step_restore_point);
		break;
	case WAL_PARAMETERS:
		take(w, 20, step_parameters);
		break;
	case 0:
		take(w, 16, step_overwrite);
		break;
	default:
		w->step = NULL;
	}
}

static void
step_length(struct walrecord *w)
{
	main_data(w, w->need == 1 ? w->field[0] : le32_get(w->field));
}

static void
step_id(struct walrecord *w)
{
	switch (w->field[0]) {
	case ID_SHORT:
		take(w, 1, step_length);
		break;
	case ID_LONG:
		take(w, 4, step_length);
		break;
	case ID_ORIGIN:
		pass(w, 2);
		take(w, 1, step_id);
		break;
	case ID_TOPLEVEL_XID:
		pass(w, 4);
		take(w, 1, step_id);
		break;
	default:	/* a block, which none of our records refers to */
		w->bad = 1;
		w->step = NULL;
	}
}

void
walrecord_begin(struct walrecord *w, const struct walrecord_head *h, int major)
{
	memset(w, 0, sizeof(*w));
	w->major = major;
	w->left = h->length - WALRECORD_HEAD;
	w->ev.kind = (enum wal_event_kind)event_kind(h);
	if (h->rmid == WAL_RM_XACT) {
		w->ev.xid = h->xid;
		w->ev.prepared = (h->info & XACT_OPERATION) != WAL_XACT_COMMIT &&
		    (h->info & XACT_OPERATION) != WAL_XACT_ABORT;
		w->has_xinfo = (h->info & XACT_HAS_XINFO) != 0;
	}
	take(w, 1, step_id);
}

void
walrecord_feed(struct walrecord *w, const uint8_t *p, size_t n)
{
	size_t k;

	while (n > 0 && w->step != NULL && !w->bad) {
		if (w->skip > 0) {
			k = w->skip < n ? (size_t)w->skip : n;
			w->skip -= k;
		} else {
			k = w->need - w->got < n ? w->need - w->got : n;
			memcpy(w->field + w->got, p, k);
			w->got += k;
		}
		p += k;
		n -= k;
		w->left -= k;
		if (w->skip == 0 && w->got == w->need)
			w->step(w);
	}
}

int
walrecord_end(const struct walrecord *w)
{
	if (w->bad || w->step != NULL)
		return -1;
	return w->ev.kind != 0;
}
