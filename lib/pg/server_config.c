/*
 * Folders and configuration of the throwaway server on a restored copy.
 */
#include <sys/fsuid.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "pg/server_private.h"

#define SOCKET_NAME ".s.PGSQL.5432"	/* must fit into sun_path with its folder */
#define SOCKET_PATH 107
#define CONFIG_MAX  (1u << 20)

/* ---- rights ---- */

int
pg_server_become(const struct pg_server *s, struct err *e)
{
	if (geteuid() != 0)
		return 0;
	(void)setfsgid(s->gid);	/* return the former ids, not whether they changed: */
	(void)setfsuid(s->uid);
	if ((uid_t)setfsuid((uid_t)-1) == s->uid)
		return 0;
	pg_server_become_self();
	return err_set(e, ERR_SYSTEM, "cannot act as user %u", (unsigned)s->uid);
}

void
pg_server_become_self(void)
{
	(void)setfsuid(geteuid());	/* back to what a process may always be */
	(void)setfsgid(getegid());
}

int
pg_server_path(char out[PG_SERVER_PATH], const char *dir, const char *name, struct err *e)
{
	int n = snprintf(out, PG_SERVER_PATH, "%s/%s", dir, name);

	if (n < 0 || n >= PG_SERVER_PATH)
		return err_set(e, ERR_CONFIG, "%s/%s: path too long", dir, name);
	return 0;
}

static int
read_open(int fd, const char *path, struct buf *out, struct err *e)
{
	struct stat st;
	size_t got;

	if (fstat(fd, &st) < 0)
		return err_sys(e, ERR_IO, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_size > CONFIG_MAX)
		return err_set(e, ERR_CORRUPT, "%s: not a small file", path);
	if (buf_reserve(out, (size_t)st.st_size) < 0)
		return buf_check(out, e);
	if (io_read_full(fd, out->data + out->len, (size_t)st.st_size, &got, path, e) < 0)
		return -1;
	out->len += got;
	return 1;
}

int
pg_server_read(const struct pg_server *s, const char *name, struct buf *out, struct err *e)
{
	char path[PG_SERVER_PATH];
	int fd, rc;

	if (pg_server_path(path, s->datadir, name, e) < 0 || pg_server_become(s, e) < 0)
		return -1;
	fd = io_open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, e);
	pg_server_become_self();
	if (fd < 0) {
		if (e->kind != ERR_NOTFOUND)
			return -1;
		err_clear(e);
		return 0;
	}
	rc = read_open(fd, path, out, e);
	(void)close(fd);	/* only read */
	return rc;
}

int
pg_server_write(const struct pg_server *s, const char *name, const char *text, struct err *e)
{
	char path[PG_SERVER_PATH];
	int rc = 0;

	if (pg_server_path(path, s->datadir, name, e) < 0 || pg_server_become(s, e) < 0)
		return -1;
	if (text != NULL)
		rc = io_write_file(path, text, strlen(text), 0600, e);
	else if (unlink(path) < 0 && errno != ENOENT)
		rc = err_sys(e, ERR_IO, "%s: unlink", path);
	pg_server_become_self();
	return rc;
}

/* ---- folders ---- */

/* The data directory: whose it is, and which PostgreSQL it needs. */
static int
init_datadir(struct pg_server *s, const char *datadir, struct err *e)
{
	char real[PATH_MAX];
	struct stat st;

	if (realpath(datadir, real) == NULL || stat(real, &st) < 0)
		return err_sys(e, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s", datadir);
	if (strlen(real) >= sizeof(s->datadir))
		return err_set(e, ERR_CONFIG, "%s: path too long", real);
	memcpy(s->datadir, real, strlen(real) + 1);
	s->uid = st.st_uid;
	s->gid = st.st_gid;
	if (s->uid == 0) {
		(void)err_set(e, ERR_CONFIG,
		    "%s belongs to root, as whom PostgreSQL does not run", s->datadir);
		return err_hint(e, "chown -R postgres: %s", s->datadir);
	}
	if (geteuid() != 0 && s->uid != geteuid())
		return err_set(e, ERR_REFUSED, "%s belongs to uid %u, not to you (%u)",
		    s->datadir, (unsigned)s->uid, (unsigned)geteuid());
	if (pg_version_read(s->datadir, &s->major, e) < 0)
		return -1;
	if (s->major < 14 || s->major > 18)
		return err_set(e, ERR_CONFIG, "%s: PostgreSQL %d; 14 to 18 are supported",
		    s->datadir, s->major);
	return pg_server_find(s->major, s->bin, e);
}

/* The work folder must be ours alone to write: what lies there decides what we do. */
static int
init_work(struct pg_server *s, const char *work, struct err *e)
{
	char real[PATH_MAX];
	struct stat st;
	/* The server's user must get through, to the configuration and the socket. */
	mode_t mode = geteuid() == 0 ? 0711 : 0700;

	if (io_mkdirs(work, mode, e) < 0)
		return -1;
	if (realpath(work, real) == NULL || lstat(real, &st) < 0)
		return err_sys(e, ERR_IO, "%s", work);
	if (strlen(real) >= sizeof(s->work))
		return err_set(e, ERR_CONFIG, "%s: path too long", real);
	memcpy(s->work, real, strlen(real) + 1);
	if (st.st_uid != geteuid() || (st.st_mode & 022) != 0) {
		(void)err_set(e, ERR_REFUSED,
		    "%s: not a folder that only you (uid %u) can write", s->work,
		    (unsigned)geteuid());
		return err_hint(e, "run as its owner, uid %u", (unsigned)st.st_uid);
	}
	if (chmod(s->work, mode) < 0)
		return err_sys(e, ERR_IO, "%s: chmod", s->work);
	(void)snprintf(s->log, sizeof(s->log), "%s/server.log", s->work);	/* fits */
	return 0;
}

/* Is path a folder that only the server's user can use?  The sticky /tmp keeps it so. */
static int
is_private(const struct pg_server *s, const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == s->uid &&
	    (st.st_mode & 077) == 0;
}

/* The path is too long: a folder in /tmp instead, the noted one if it is still good. */
static int
short_run(struct pg_server *s, struct err *e)
{
	char note[PG_SERVER_PATH];
	struct buf b = BUF_INIT;
	int rc = -1;

	if (pg_server_path(note, s->work, "run-dir", e) < 0)
		return -1;
	if (access(note, F_OK) == 0) {
		rc = io_read_file(note, sizeof(s->run) - 1, &b, e);
		if (rc == 0)
			(void)snprintf(s->run, sizeof(s->run), "%s", buf_cstr(&b));
		buf_free(&b);
		if (rc < 0 || is_private(s, s->run))
			return rc;
	}
	(void)snprintf(s->run, sizeof(s->run), "/tmp/bulkhead-XXXXXX");
	if (mkdtemp(s->run) == NULL)
		return err_sys(e, ERR_IO, "%s", s->run);
	if (geteuid() == 0 && lchown(s->run, s->uid, s->gid) < 0)
		return err_sys(e, ERR_IO, "%s: chown", s->run);
	return io_write_file(note, s->run, strlen(s->run), 0600, e);
}

static int
init_run(struct pg_server *s, struct err *e)
{
	char path[PG_SERVER_PATH];

	if (pg_server_path(path, s->work, "run", e) < 0)
		return -1;
	if (strlen(path) + 1 + strlen(SOCKET_NAME) > SOCKET_PATH)
		return short_run(s, e);
	memcpy(s->run, path, strlen(path) + 1);
	if (mkdir(s->run, 0700) < 0 && errno != EEXIST)
		return err_sys(e, ERR_IO, "%s: mkdir", s->run);
	if (geteuid() == 0 && lchown(s->run, s->uid, s->gid) < 0)
		return err_sys(e, ERR_IO, "%s: chown", s->run);
	if (!is_private(s, s->run))
		return err_set(e, ERR_REFUSED, "%s: not a folder of mode 0700 of uid %u",
		    s->run, (unsigned)s->uid);
	return 0;
}

int
pg_server_init(struct pg_server *s, const char *datadir, const char *work, struct err *e)
{
	memset(s, 0, sizeof(*s));
	if (init_datadir(s, datadir, e) < 0 || init_work(s, work, e) < 0 || init_run(s, e) < 0)
		return -1;
	return pg_server_forget_others(e);
}

/* A killed server leaves its socket, and a lock on it that may hold up the next one. */
int
pg_server_clear_run(const struct pg_server *s, struct err *e)
{
	static const char *const names[] = { SOCKET_NAME, SOCKET_NAME ".lock" };
	char path[PG_SERVER_PATH];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (pg_server_path(path, s->run, names[i], e) < 0)
			return -1;
		if (unlink(path) < 0 && errno != ENOENT)
			return err_sys(e, ERR_IO, "%s: unlink", path);
	}
	return 0;
}

int
pg_server_tidy(struct pg_server *s, struct err *e)
{
	char note[PG_SERVER_PATH];

	if (pg_server_clear_run(s, e) < 0 || pg_server_path(note, s->work, "run-dir", e) < 0)
		return -1;
	if (rmdir(s->run) < 0 && errno != ENOENT)
		return err_sys(e, ERR_IO, "%s: rmdir", s->run);
	if (unlink(note) < 0 && errno != ENOENT)
		return err_sys(e, ERR_IO, "%s: unlink", note);
	return 0;
}

/* ---- settings ---- */

/* One line name = 'value'. */
static void
setting(struct buf *b, const char *name, const char *value)
{
	buf_fmt(b, "%s = '", name);
	for (; *value != '\0'; value++) {
		if (*value == '\'' || *value == '\\')
			buf_u8(b, (uint8_t)*value);
		buf_u8(b, (uint8_t)*value);
	}
	buf_str(b, "'\n");
}

static void
setting_number(struct buf *b, const char *name, int value, int least)
{
	buf_fmt(b, "%s = %d\n", name, value > least ? value : least);
}

/* The same for every copy: nothing leaves it, nothing comes in, nothing starts by itself. */
static const struct {
	const char *name, *value;
	int since;	/* major version */
} fixed[] = {
	{ "unix_socket_permissions", "0700", 14 },
	{ "ssl", "off", 14 },
	{ "archive_mode", "off", 14 },
	{ "archive_command", "", 14 },
	{ "archive_library", "", 15 },
	{ "primary_conninfo", "", 14 },
	{ "primary_slot_name", "", 14 },
	{ "synchronous_standby_names", "", 14 },
	{ "shared_preload_libraries", "", 14 },
	{ "session_preload_libraries", "", 14 },
	{ "local_preload_libraries", "", 14 },
	{ "max_logical_replication_workers", "0", 14 },
	{ "autovacuum", "off", 14 },
	{ "event_triggers", "off", 17 },
	{ "jit", "off", 14 },
	{ "hot_standby", "on", 14 },
	{ "wal_retrieve_retry_interval", "1s", 14 },
	/* Slots and origins that the copy may hold: too few places, and it would not start. */
	{ "max_replication_slots", "256", 14 },
	{ "max_active_replication_origins", "256", 18 },
	{ "logging_collector", "off", 14 },
	{ "log_destination", "stderr", 14 },
	{ "log_line_prefix", "%m [%p] %b ", 14 },	/* server_log.c reads it */
	{ "log_timezone", "UTC", 14 },
	{ "timezone", "UTC", 14 },
	{ "lc_messages", "C", 14 },
	{ "cluster_name", "bulkhead copy", 14 },
};

static void
settings_text(const struct pg_server *s, const struct pg_server_settings *o, struct buf *b)
{
	struct buf folders = BUF_INIT;
	size_t i;

	buf_str(b, PG_SERVER_MARK "\n# written anew for each start\n");
	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (s->major >= fixed[i].since &&
		    (!o->event_triggers || strcmp(fixed[i].name, "event_triggers") != 0))
			setting(b, fixed[i].name, fixed[i].value);
	setting(b, "listen_addresses", o->alone ? "*" : "");
	buf_str(&folders, s->run);
	if (o->alone)
		buf_str(&folders, ", /tmp, /var/run/postgresql");
	setting(b, "unix_socket_directories", buf_cstr(&folders));
	b->failed |= folders.failed;
	buf_free(&folders);
	setting_number(b, "port", PG_SERVER_PORT, 0);
	/* Recovery wants at least what the primary had; we want to get in. */
	setting_number(b, "max_connections", o->minima.max_connections, 20);
	setting_number(b, "max_worker_processes", o->minima.max_worker_processes, 8);
	setting_number(b, "max_wal_senders", o->minima.max_wal_senders, 0);
	setting_number(b, "max_prepared_transactions", o->minima.max_prepared_xacts, 0);
	setting_number(b, "max_locks_per_transaction", o->minima.max_locks_per_xact, 64);
	/* In MB; at least two segments, which can be large. */
	setting_number(b, "min_wal_size", (int)(o->minima.segment_size >> 19), 80);
	setting_number(b, "max_wal_size", (int)(o->minima.segment_size >> 18), 1024);
	setting(b, "wal_level", o->minima.wal_level == 2 ? "logical" : "replica");
	if (o->restore_command != NULL)
		setting(b, "restore_command", o->restore_command);
	setting(b, "recovery_target_timeline", o->timeline != NULL ? o->timeline : "latest");
}

int
pg_server_write_work(const struct pg_server *s, const char *name, const struct buf *b,
    struct err *e)
{
	char path[PG_SERVER_PATH];

	if (buf_check(b, e) < 0 || pg_server_path(path, s->work, name, e) < 0)
		return -1;
	return io_write_file(path, b->data, b->len, geteuid() == 0 ? 0644 : 0600, e);
}

const char *
pg_server_our_line(const struct pg_server *s)
{
	return s->alone ? "host all all " PG_SERVER_DOOR "/32 trust" : "local all all trust";
}

static int
write_config(const struct pg_server *s, const struct pg_server_settings *o, struct err *e)
{
	struct buf conf = BUF_INIT, hba = BUF_INIT, ident = BUF_INIT;
	int rc;

	settings_text(s, o, &conf);
	/* The guard is the socket's folder, or the namespace: nobody else gets there. */
	buf_fmt(&hba, "%s\n" PG_SERVER_MARK "\n", pg_server_our_line(s));
	buf_str(&ident, PG_SERVER_MARK "\n");
	rc = pg_server_write_work(s, "postgresql.conf", &conf, e) < 0 ||
		pg_server_write_work(s, "pg_hba.conf", &hba, e) < 0 ||
		pg_server_write_work(s, "pg_ident.conf", &ident, e) < 0 ? -1 : 0;
	buf_free(&conf);
	buf_free(&hba);
	buf_free(&ident);
	return rc;
}

/*
 * What ALTER SYSTEM left in the copy would beat our configuration, and may run commands.
 * The first one found is the original; a later one was made on this copy, and goes.
 */
static int
set_auto_aside(const struct pg_server *s, struct err *e)
{
	static const char ours[] = PG_SERVER_MARK "\n";
	char original[PG_SERVER_PATH];
	struct buf b = BUF_INIT;
	int rc;

	if (pg_server_path(original, s->work, "postgresql.auto.conf.original", e) < 0)
		return -1;
	rc = pg_server_read(s, "postgresql.auto.conf", &b, e);
	if (rc > 0 &&
	    (b.len < sizeof(ours) - 1 || memcmp(b.data, ours, sizeof(ours) - 1) != 0)) {
		rc = io_create_file(original, b.data, b.len, 0600, e);
		if (rc < 0 && e->kind == ERR_CONFLICT) {
			err_clear(e);
			rc = 0;
		}
	}
	buf_free(&b);
	return rc < 0 ? -1 : pg_server_write(s, "postgresql.auto.conf", ours, e);
}

/* What cannot stand in one line of a configuration file. */
static int
check_value(const char *name, const char *value, struct err *e)
{
	if (value == NULL || strpbrk(value, "\n\r") == NULL)
		return 0;
	return err_set(e, ERR_CONFIG, "%s: a line break in it", name);
}

int
pg_server_configure(struct pg_server *s, const struct pg_server_settings *o, struct err *e)
{
	if (check_value("restore_command", o->restore_command, e) < 0 ||
	    check_value("the socket's folder", s->run, e) < 0 ||
	    check_value("recovery_target_timeline", o->timeline, e) < 0)
		return -1;
	s->alone = o->alone;
	if (write_config(s, o, e) < 0 || set_auto_aside(s, e) < 0)
		return -1;
	if (pg_server_write(s, "recovery.signal", NULL, e) < 0)
		return -1;
	return pg_server_write(s, "standby.signal", o->standby ? "" : NULL, e);
}
