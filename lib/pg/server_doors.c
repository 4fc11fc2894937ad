/*
 * Who is let in to a throwaway server that is alone: we, and behind us whom the copy's own
 * pg_hba.conf lets in, so that it can be tried.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pg/server_private.h"

#define POLL_MS	       20
#define RELOAD_SECONDS 60

/* "N words", a line each; without TLS a hostssl line is well-formed, and fits nobody. */
static const char faults[] =
    "SELECT coalesce(string_agg(line_number || ' ' || error, E'\\n'), '')"
    " FROM pg_hba_file_rules WHERE error IS NOT NULL AND error !~ 'cannot match'";

/* Our line in place of theirs when that says nothing: then the others keep their numbers. */
static void
compose(const struct pg_server *s, struct buf *theirs, struct buf *out)
{
	const char *text = buf_cstr(theirs), *end = strchr(text, '\n');

	buf_fmt(out, "%s\n", pg_server_our_line(s));
	if (end == text || (end != NULL && text[0] == '#' && end[-1] != '\\'))
		text = end + 1;
	buf_str(out, text);
	buf_str(out, "\n");
}

/* A line, with those that go on with it, becomes a comment. */
static void
blank_line(struct buf *b, unsigned long n)
{
	char *p = (char *)b->data, *last = p + b->len;
	int goes_on = 1;

	for (; n > 1 && p != NULL; n--)
		p = (p = memchr(p, '\n', (size_t)(last - p))) != NULL ? p + 1 : NULL;
	for (; p != NULL && p < last && goes_on; p++) {
		goes_on = 0;
		for (; p < last && *p != '\n'; p++) {
			goes_on = *p == '\\';
			*p = '#';
		}
	}
}

/* 1: some lines were left out; 0: all are good; -1. */
static int
leave_out(struct pg_server *s, struct buf *b, struct report *r, struct err *e)
{
	char found[8192], *line, *rest = found, *words;
	unsigned long n;
	int some = 0;

	if (pg_server_query(s, faults, found, sizeof(found), e) < 0)
		return -1;
	while ((line = strsep(&rest, "\n")) != NULL)
		if ((n = strtoul(line, &words, 10)) > 1) {
			report_warn(r, "pg_hba.conf line %lu is left out on the copy:%s", n,
			    words);
			blank_line(b, n);
			some = 1;
		}
	return some;
}

/* A session that begins when the new files are in force shows another time. */
static int
reload(struct pg_server *s, struct err *e)
{
	static const char asked[] = "SELECT pg_conf_load_time()";
	int64_t deadline = clock_mono() + RELOAD_SECONDS * INT64_C(1000000);
	char before[64], now[64];

	if (pg_server_query(s, asked, before, sizeof(before), e) < 0)
		return -1;
	if (kill(s->pid, SIGHUP) < 0)
		return err_sys(e, ERR_UNREACHABLE, "server of %s: signal to pid %d",
		    s->datadir, (int)s->pid);
	do {
		(void)poll(NULL, 0, POLL_MS);	/* a signal may cut it short */
		if (pg_server_query(s, asked, now, sizeof(now), e) < 0)
			return -1;
		if (strcmp(now, before) != 0)
			return 0;
	} while (clock_mono() < deadline);
	return err_set(e, ERR_UNREACHABLE, "server of %s: does not reload its configuration",
	    s->datadir);
}

static int
copy_ident(struct pg_server *s, struct err *e)
{
	struct buf b = BUF_INIT;
	int rc = pg_server_read(s, "pg_ident.conf", &b, e);

	if (rc > 0)
		rc = pg_server_write_work(s, "pg_ident.conf", &b, e);
	buf_free(&b);
	return rc < 0 ? -1 : 0;
}

/* With all lines that can be loaded: those of one file the server names at once. */
static int
write_lines(struct pg_server *s, struct buf *b, struct report *r, struct err *e)
{
	int round, again = 1;

	for (round = 0; round < 2 && again > 0; round++)
		if (pg_server_write_work(s, "pg_hba.conf", b, e) < 0 ||
		    (again = leave_out(s, b, r, e)) < 0)
			return -1;
	if (again == 0)
		return 0;
	buf_reset(b);
	buf_fmt(b, "%s\n", pg_server_our_line(s));
	report_warn(r, "pg_hba.conf cannot be loaded on the copy: nobody is let in by it");
	return pg_server_write_work(s, "pg_hba.conf", b, e);
}

int
pg_server_doors(struct pg_server *s, struct report *r, struct err *e)
{
	struct buf theirs = BUF_INIT, b = BUF_INIT;
	int rc = pg_server_read(s, "pg_hba.conf", &theirs, e);

	if (rc > 0) {
		compose(s, &theirs, &b);
		if (buf_check(&b, e) < 0 || copy_ident(s, e) < 0 ||
		    write_lines(s, &b, r, e) < 0 || reload(s, e) < 0)
			rc = -1;
	}
	buf_free(&theirs);
	buf_free(&b);
	return rc < 0 ? err_context(e, "pg_hba.conf") : rc;
}
