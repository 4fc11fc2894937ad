/*
 * Reads pg_control and PG_VERSION of a data directory.
 */
#include "pg/control.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/io.h"
#include "pg/lsn.h"
#include "pg/page.h"

#define CONTROL_SIZE 8192	/* the file's; what is behind the CRC is zero */
#define READ_TRIES   10		/* a running server may be writing it */

/* Where the fields lie: the same in all versions that we know, but for the CRC. */
enum {
	AT_SYSTEM_ID = 0, AT_VERSION = 8, AT_CATALOG = 12, AT_STATE = 16, AT_CHECKPOINT = 32,
	AT_REDO = 40, AT_TIMELINE = 48, AT_MIN_RECOVERY = 136, AT_MIN_RECOVERY_TIMELINE = 144,
	AT_WAL_LEVEL = 172, AT_MAX_CONNECTIONS = 180, AT_MAX_WORKER_PROCESSES = 184,
	AT_MAX_WAL_SENDERS = 188, AT_MAX_PREPARED_XACTS = 192, AT_MAX_LOCKS_PER_XACT = 196,
	AT_BLOCK_SIZE = 216, AT_WAL_BLOCK_SIZE = 224, AT_SEGMENT_SIZE = 228,
	AT_DATA_CHECKSUMS = 252
};

/* 14 to 16, 17 and 18; 18 put a flag before the nonce. */
static const struct {
	uint32_t version;
	size_t crc_at;
} layouts[] = { { 1300, 288 }, { 1700, 288 }, { 1800, 292 } };

/* The CRC's place, or 0 for a version that we do not know. */
static size_t
crc_place(uint32_t version)
{
	size_t i;

	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (layouts[i].version == version)
			return layouts[i].crc_at;
	return 0;
}

static int
number(const uint8_t *p, size_t at)
{
	return (int)le32_get(p + at);
}

/* What the CRC cannot tell: whether we can work with such a cluster. */
static int
check_sizes(const uint8_t *p, const struct pg_control *c, struct err *e)
{
	if (!wal_segment_size_ok(c->segment_size))
		return err_set(e, ERR_CORRUPT, "pg_control: WAL segments of %" PRIu32 " bytes",
		    c->segment_size);
	if (c->block_size != PG_PAGE_SIZE || le32_get(p + AT_WAL_BLOCK_SIZE) != PG_PAGE_SIZE)
		return err_set(e, ERR_CONFIG,
		    "pg_control: blocks of %" PRIu32 " and WAL blocks of %" PRIu32
		    " bytes; only %d is supported",
		    c->block_size, le32_get(p + AT_WAL_BLOCK_SIZE), PG_PAGE_SIZE);
	return 0;
}

int
pg_control_parse(const void *data, size_t n, struct pg_control *out, struct err *e)
{
	const uint8_t *p = data;
	uint32_t version;
	size_t crc_at;

	memset(out, 0, sizeof(*out));
	if (n < AT_CATALOG)
		return err_set(e, ERR_CORRUPT, "pg_control: only %zu bytes", n);
	version = le32_get(p + AT_VERSION);
	if ((crc_at = crc_place(version)) == 0) {
		(void)err_set(e, ERR_CONFIG, "pg_control: unknown version %" PRIu32, version);
		return err_hint(e, "PostgreSQL 14 to 18 are supported");
	}
	if (n < crc_at + 4)
		return err_set(e, ERR_CORRUPT, "pg_control: only %zu bytes", n);
	if (pg_crc32c(0, p, crc_at) != le32_get(p + crc_at))
		return err_set(e, ERR_CORRUPT, "pg_control: wrong CRC");

	out->system_id = le64_get(p + AT_SYSTEM_ID);
	out->control_version = version;
	out->catalog_version = le32_get(p + AT_CATALOG);
	out->state = le32_get(p + AT_STATE);
	out->checkpoint = le64_get(p + AT_CHECKPOINT);
	out->redo = le64_get(p + AT_REDO);
	out->timeline = le32_get(p + AT_TIMELINE);
	out->min_recovery = le64_get(p + AT_MIN_RECOVERY);
	out->min_recovery_timeline = le32_get(p + AT_MIN_RECOVERY_TIMELINE);
	out->wal_level = number(p, AT_WAL_LEVEL);
	out->max_connections = number(p, AT_MAX_CONNECTIONS);
	out->max_worker_processes = number(p, AT_MAX_WORKER_PROCESSES);
	out->max_wal_senders = number(p, AT_MAX_WAL_SENDERS);
	out->max_prepared_xacts = number(p, AT_MAX_PREPARED_XACTS);
	out->max_locks_per_xact = number(p, AT_MAX_LOCKS_PER_XACT);
	out->segment_size = le32_get(p + AT_SEGMENT_SIZE);
	out->block_size = le32_get(p + AT_BLOCK_SIZE);
	out->data_checksums = le32_get(p + AT_DATA_CHECKSUMS);
	return check_sizes(p, out, e);
}

int
pg_control_read(const char *datadir, struct pg_control *out, struct err *e)
{
	static const struct timespec pause = { 0, 10000000 };
	struct buf b = BUF_INIT;
	int tries, rc = -1;
	char *path;

	if ((path = io_path(datadir, "global/pg_control", e)) == NULL)
		return -1;
	for (tries = 0; tries < READ_TRIES; tries++) {
		buf_reset(&b);
		if (io_read_file(path, CONTROL_SIZE, &b, e) < 0)
			break;
		rc = pg_control_parse(b.data, b.len, out, e);
		if (rc == 0 || e->kind != ERR_CORRUPT)
			break;
		(void)nanosleep(&pause, NULL);	/* shorter when a signal came: no harm */
	}
	if (rc == 0)
		err_clear(e);	/* of a try that failed */
	else if (e->kind == ERR_CORRUPT || e->kind == ERR_CONFIG)
		(void)err_context(e, "%s", datadir);
	buf_free(&b);
	free(path);
	return rc;
}

int
pg_version_read(const char *datadir, int *major, struct err *e)
{
	struct buf b = BUF_INIT;
	const char *text;
	char *path, *end;
	long v = 0;
	int rc;

	if ((path = io_path(datadir, "PG_VERSION", e)) == NULL)
		return -1;
	rc = io_read_file(path, 16, &b, e);
	if (rc == 0) {
		text = buf_cstr(&b);
		v = strtol(text, &end, 10);
		if (text[0] < '1' || text[0] > '9' || v > 999 || strcmp(end, "\n") != 0)
			rc = err_set(e, ERR_CORRUPT, "%s: not a major version of PostgreSQL",
			    path);
	}
	if (rc == 0)
		*major = (int)v;
	buf_free(&b);
	free(path);
	return rc;
}
