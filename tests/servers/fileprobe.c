/*
 * What lib/pg makes of a server's files, as text for the tests here to compare:
 * WAL events, pg_control, the checksums of data pages.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "pg/control.h"
#include "pg/lsn.h"
#include "pg/page.h"
#include "pg/walscan.h"

static int
fail(const struct err *e)
{
	(void)fprintf(stderr, "fileprobe: %s\n", e->msg);
	return err_exit_status(e->kind);
}

static int
misuse(void)
{
	(void)fprintf(stderr,
	    "usage: fileprobe scan LSN SEGMENT_SIZE SYSTEM_ID CHUNK FILE ...\n"
	    "       fileprobe control DATADIR\n"
	    "       fileprobe pages DATADIR\n");
	return 64;
}

/* ---- scan: the events of WAL segments, given in order ---- */

static const char *const kinds[] = { "", "commit", "abort", "prepare", "point", "checkpoint",
	"parameters", "recovered" };

static int
print_event(void *ctx, const struct wal_event *ev, struct err *e)
{
	char start[LSN_TEXT], end[LSN_TEXT], time[CLOCK_TEXT];

	(void)ctx;	/* nothing to know */
	(void)e;	/* cannot fail */
	(void)printf("%s%s %s %s xid=%" PRIu32 " time=%s rels=%" PRIu32 " name=%s",
	    kinds[ev->kind], ev->prepared ? "-prepared" : "", lsn_format(start, ev->start),
	    lsn_format(end, ev->end), ev->xid,
	    ev->time == 0 ? "-" : clock_format(time, ev->time), ev->nrels, ev->name);
	if (ev->kind == WAL_PARAMETERS)
		(void)printf("%d %d %d %d %d", ev->max_connections, ev->max_worker_processes,
		    ev->max_wal_senders, ev->max_prepared_xacts, ev->max_locks_per_xact);
	(void)putchar('\n');
	return 0;
}

/* Feed one file, without what lies before `skip`.  0, 1: the scan has stopped, -1. */
static int
scan_file(struct walscan *s, const char *path, uint64_t skip, size_t chunk, struct err *e)
{
	uint8_t *buf = malloc(chunk);
	size_t got = chunk;
	int fd, rc = 0;

	if (buf == NULL)
		return err_sys(e, ERR_SYSTEM, "buffer");
	if ((fd = io_open(path, O_RDONLY, 0, e)) < 0)
		rc = -1;
	while (rc == 0 && got == chunk) {
		rc = io_pread_full(fd, buf, chunk, skip, &got, path, e);
		skip += got;
		if (rc == 0)
			rc = walscan_feed(s, buf, got, e);
	}
	if (fd >= 0)
		(void)close(fd);	/* only read */
	free(buf);
	return rc;
}

static int
scan(int n, char **arg)
{
	static const struct walscan_calls calls = { print_event, NULL };
	struct err e = ERR_INIT;
	struct walscan *s;
	char end[LSN_TEXT];
	uint64_t lsn, skip;
	uint32_t segment_size;
	int i, rc = 0;

	if (n < 5 || lsn_parse(arg[0], &lsn) < 0)
		return misuse();
	segment_size = (uint32_t)strtoul(arg[1], NULL, 10);
	if ((s = walscan_new(lsn, segment_size, strtoull(arg[2], NULL, 10), &calls, &e)) ==
	    NULL)
		return fail(&e);
	skip = lsn - lsn % 8192 - wal_segment_start(lsn, segment_size);
	for (i = 4; i < n && rc == 0; i++, skip = 0)
		rc = scan_file(s, arg[i], skip, strtoul(arg[3], NULL, 10), &e);
	if (rc >= 0)
		(void)printf("end %s records=%" PRIu64 " %s\n",
		    lsn_format(end, walscan_end(s)), walscan_records(s),
		    walscan_stop_reason(s));
	walscan_free(s);
	return rc < 0 ? fail(&e) : 0;
}

/* ---- control: pg_control as "name value" lines ---- */

static int
control(const char *datadir)
{
	struct pg_control c;
	struct err e = ERR_INIT;
	char lsn[LSN_TEXT];
	int major;

	if (pg_version_read(datadir, &major, &e) < 0 || pg_control_read(datadir, &c, &e) < 0)
		return fail(&e);
	(void)printf("major %d\nsystem_id %" PRIu64 "\ncontrol_version %" PRIu32
		     "\ncatalog_version %" PRIu32 "\nstate %" PRIu32 "\n",
	    major, c.system_id, c.control_version, c.catalog_version, c.state);
	(void)printf("checkpoint %s\n", lsn_format(lsn, c.checkpoint));
	(void)printf("redo %s\n", lsn_format(lsn, c.redo));
	(void)printf("timeline %" PRIu32 "\n", c.timeline);
	(void)printf("min_recovery %s\n", lsn_format(lsn, c.min_recovery));
	(void)printf("min_recovery_timeline %" PRIu32 "\n", c.min_recovery_timeline);
	(void)printf("wal_level %d\nmax_connections %d\nmax_worker_processes %d\n",
	    c.wal_level, c.max_connections, c.max_worker_processes);
	(void)printf("max_wal_senders %d\nmax_prepared_xacts %d\nmax_locks_per_xact %d\n",
	    c.max_wal_senders, c.max_prepared_xacts, c.max_locks_per_xact);
	(void)printf("segment_size %" PRIu32 "\nblock_size %" PRIu32
		     "\ndata_checksums %" PRIu32 "\n",
	    c.segment_size, c.block_size, c.data_checksums);
	return 0;
}

/* ---- pages: how many pages carry the right checksum, and which do not ---- */

static struct {
	uint64_t files, good, bad;
} count;

static int
check_file(const char *path, const char *relative, uint32_t block, struct err *e)
{
	uint8_t page[PG_PAGE_SIZE];
	size_t got = 0;
	int fd;

	count.files++;
	if ((fd = io_open(path, O_RDONLY, 0, e)) < 0)
		return -1;
	for (;; block++) {
		if (io_read_full(fd, page, sizeof(page), &got, path, e) < 0 ||
		    got < sizeof(page))
			break;
		if (pg_page_ok(page, block, UINT64_MAX)) {
			count.good++;
		} else {
			count.bad++;
			(void)printf("bad %s block %" PRIu32 "\n", relative, block);
		}
	}
	(void)close(fd);	/* only read */
	if (e->kind == ERR_NONE && got != 0)
		return err_set(e, ERR_CORRUPT, "%s: %zu bytes behind the last page", path,
		    got);
	return e->kind == ERR_NONE ? 0 : -1;
}

/* base: the length of the data directory's own part of path.  Follows links to tablespaces. */
static int
check_tree(const char *path, size_t base, struct err *e)
{
	struct dirent *d;
	struct stat st;
	uint32_t block;
	char *sub;
	DIR *dir;
	int rc = 0;

	if (stat(path, &st) < 0)
		return err_sys(e, ERR_IO, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return !pg_page_path(path + base, &block) ? 0 :
		    check_file(path, path + base, block, e);
	if ((dir = opendir(path)) == NULL)
		return err_sys(e, ERR_IO, "%s", path);
	while (rc == 0 && (d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		sub = io_path(path, d->d_name, e);
		rc = sub == NULL ? -1 : check_tree(sub, base, e);
		free(sub);
	}
	(void)closedir(dir);	/* only read */
	return rc;
}

static int
pages(const char *datadir)
{
	struct err e = ERR_INIT;

	if (check_tree(datadir, strlen(datadir) + 1, &e) < 0)
		return fail(&e);
	(void)printf("files %" PRIu64 " good %" PRIu64 " bad %" PRIu64 "\n", count.files,
	    count.good, count.bad);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "scan") == 0)
		return scan(argc - 2, argv + 2);
	if (argc == 3 && strcmp(argv[1], "control") == 0)
		return control(argv[2]);
	if (argc == 3 && strcmp(argv[1], "pages") == 0)
		return pages(argv[2]);
	return misuse();
}
