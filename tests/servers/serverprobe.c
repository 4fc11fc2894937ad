/*
 * Drives lib/pg's throwaway server for the tests: each subcommand is one call of a tool.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/report.h"
#include "pg/server.h"

static struct report *report;

static int
misuse(void)
{
	(void)fprintf(stderr,
	    "usage: serverprobe find MAJOR\n"
	    "       serverprobe start|linger DATADIR WORK\n"
	    "           [standby] [timeline=N] [restore=COMMAND]\n"
	    "       serverprobe query DATADIR WORK SQL\n"
	    "       serverprobe attach|stop|tidy DATADIR WORK\n");
	return 64;
}

static int
find(const char *major)
{
	char bin[PG_BIN_MAX];
	struct err e = ERR_INIT;

	if (pg_server_find((int)strtol(major, NULL, 10), bin, &e) < 0)
		return report_error(report, &e);
	(void)puts(bin);
	return 0;
}

static int
settings(struct pg_server_settings *o, const struct pg_server *s, char **arg, struct err *e)
{
	for (; *arg != NULL; arg++) {
		if (strcmp(*arg, "standby") == 0)
			o->standby = 1;
		else if (strncmp(*arg, "restore=", 8) == 0)
			o->restore_command = *arg + 8;
		else if (strncmp(*arg, "timeline=", 9) == 0)
			o->timeline = *arg + 9;
		else
			return err_set(e, ERR_USAGE, "%s?", *arg);
	}
	return pg_control_read(s->datadir, &o->minima, e);
}

static int
start(struct pg_server *s, char **arg, struct err *e)
{
	struct pg_server_settings o = { .standby = 0 };

	if (settings(&o, s, arg, e) < 0 || pg_server_configure(s, &o, e) < 0 ||
	    pg_server_start(s, report, e) < 0)
		return -1;
	(void)printf("%d\n", (int)s->pid);
	return fflush(stdout) == 0 ? 0 : err_sys(e, ERR_IO, "stdout");
}

static int
query(struct pg_server *s, const char *sql, struct err *e)
{
	char row[1024];

	if (pg_server_query(s, sql, row, sizeof(row), e) < 0)
		return -1;
	(void)puts(row);
	return 0;
}

/* 0: nothing runs; 1: its pid was printed. */
static int
attach(struct pg_server *s, struct err *e)
{
	int rc = pg_server_attach(s, e);

	if (rc > 0)
		(void)printf("%d\n", (int)s->pid);
	return rc;
}

static int
run(const char *what, struct pg_server *s, char **arg, struct err *e)
{
	if (strcmp(what, "start") == 0)
		return start(s, arg, e);
	if (strcmp(what, "query") == 0)
		return query(s, arg[0], e);
	if (strcmp(what, "attach") == 0)
		return attach(s, e) < 0 ? -1 : 0;
	if (strcmp(what, "stop") == 0)
		return pg_server_stop(s, e);
	if (strcmp(what, "tidy") == 0)
		return pg_server_tidy(s, e);
	if (start(s, arg, e) < 0)
		return -1;
	while (pg_server_alive(s, e))	/* linger, until the test kills us or the server */
		(void)usleep(20000);
	return -1;
}

int
main(int argc, char **argv)
{
	struct pg_server s;
	struct err e = ERR_INIT;
	int rc;

	if ((report = report_new("serverprobe", 0, 0, &e)) == NULL)
		return 71;
	if (argc == 3 && strcmp(argv[1], "find") == 0)
		rc = find(argv[2]);
	else if (argc < 4)
		rc = misuse();
	else if (pg_server_init(&s, argv[2], argv[3], &e) < 0 ||
		 run(argv[1], &s, argv + 4, &e) < 0)
		rc = report_error(report, &e);
	else
		rc = 0;
	report_free(report);
	return rc;
}
