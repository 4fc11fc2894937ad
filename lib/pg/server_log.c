/*
 * Why the throwaway server ended, in its own words.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "pg/server_private.h"

#define TAIL (64u << 10)	/* more than one start writes */

/* The end of the log, from this start on; nothing when it cannot be read. */
static void
read_tail(const struct pg_server *s, struct buf *b)
{
	struct err ignored = ERR_INIT;	/* then there are no words */
	struct stat st;
	uint64_t from;
	size_t got = 0;
	int fd;

	if ((fd = io_open(s->log, O_RDONLY, 0, &ignored)) < 0)
		return;
	if (fstat(fd, &st) == 0 && (uint64_t)st.st_size > s->log_from) {
		from = s->log_from;
		if ((uint64_t)st.st_size - from > TAIL)
			from = (uint64_t)st.st_size - TAIL;
		if (buf_reserve(b, TAIL) == 0 &&
		    io_pread_full(fd, b->data, TAIL, from, &got, s->log, &ignored) == 0)
			b->len = got;
	}
	(void)close(fd);	/* only read */
}

/*
 * The message of a line that can be a server's last: "... [pid] startup FATAL:  text".
 * Sessions of clients end with FATAL as well ("the database system is starting up");
 * a server that does not know its log_line_prefix yet names less.
 */
static const char *
fatal_text(const char *line)
{
	static const char *const marks[] = { "] startup FATAL:  ", "] startup PANIC:  ",
		"] postmaster FATAL:  ", "] postmaster PANIC:  ", "] checkpointer PANIC:  ",
		"] FATAL:  " };
	const char *p;
	size_t i;

	for (i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if ((p = strstr(line, marks[i])) != NULL)
			return p + strlen(marks[i]);
	if (strncmp(line, "FATAL:  ", 8) == 0)
		return line + 8;
	return strncmp(line, "postgres: ", 10) == 0 ? line + 10 : NULL;
}

int
pg_server_last_words(const struct pg_server *s, struct err *e)
{
	struct buf b = BUF_INIT;
	const char *text, *detail = NULL, *fatal = NULL, *p;
	char *line, *next;

	read_tail(s, &b);
	(void)buf_cstr(&b);	/* ends it with a NUL */
	for (line = b.len > 0 ? (char *)b.data : NULL; line != NULL; line = next) {
		if ((next = strchr(line, '\n')) != NULL)
			*next++ = '\0';
		if ((text = fatal_text(line)) != NULL) {
			fatal = text;
			detail = NULL;
		} else if (fatal != NULL && detail == NULL &&
		    (p = strstr(line, "DETAIL:  ")) != NULL) {
			detail = p + strlen("DETAIL:  ");
		}
	}
	(void)err_set(e, ERR_UNREACHABLE, "server of %s ended%s%s%s%s", s->datadir,
	    fatal != NULL ? ": " : "", fatal != NULL ? fatal : "", detail != NULL ? ": " : "",
	    detail != NULL ? detail : "");
	(void)err_hint(e, "its log is %s", s->log);
	buf_free(&b);
	return -1;
}
