/*
 * The serving side of restore_command: a thread that answers on the socket.
 */
#include "log/fetch.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log/ahead.h"

#define NAME_LINE_MAX	128
#define CLIENT_TIMEOUT	60000	/* ms: a client that does not ask is dropped */

struct fetch {
	struct fetch_options o;
	char socket[108];
	int listener, wake[2];
	pthread_t thread;
	int started;
	struct walfile_source now, later;	/* each with a reader of its own */
	struct ahead *ahead;			/* from `later` */
	pthread_mutex_t mutex;
	uint64_t served;			/* segments */
	uint64_t asked;				/* the start of the one asked for last, */
	uint32_t asked_timeline;		/* first of this timeline, */
	int repeats;				/* so often */
	int failed;
	struct err failure;
};

/* ---- answering ------------------------------------------------------------- */

/* The server asks for one timeline after another: that is once. */
static void
count(struct fetch *f, uint32_t timeline, uint64_t start, int served)
{
	pthread_mutex_lock(&f->mutex);
	f->served += (uint64_t)served;
	if (f->repeats == 0 || start != f->asked) {
		f->asked = start;
		f->asked_timeline = timeline;
		f->repeats = 1;
	} else if (timeline == f->asked_timeline) {
		f->repeats++;
	}
	pthread_mutex_unlock(&f->mutex);
}

static int
get_segment(struct fetch *f, uint32_t timeline, uint64_t start, int *fd, struct err *e)
{
	int rc;

	if (!ahead_take(f->ahead, timeline, start, fd, &rc, e))
		rc = walfile_segment_in(&f->now, timeline, start, f->o.spool, fd, e);
	if (rc > 0)
		ahead_want(f->ahead, timeline, start);
	count(f, timeline, start, rc > 0);
	return rc;
}

static int
get_history(struct fetch *f, uint32_t timeline, int *fd, struct err *e)
{
	struct buf text = BUF_INIT;
	int rc;

	rc = walfile_history(&f->now, repo_catalog(f->o.repo), timeline, &text, e);
	if (rc > 0 && ((*fd = io_open_nameless(f->o.spool, 0600, e)) < 0 ||
	    io_write_all(*fd, text.data, text.len, f->o.spool, e) < 0))
		rc = -1;
	buf_free(&text);
	return rc;
}

/* 1: *fd is the file; 0: absent; -1.  Where *fd is not -1 it is the caller's to close. */
static int
get_file(struct fetch *f, const char *name, int *fd, struct err *e)
{
	uint32_t timeline;
	uint64_t start;
	int rc = 0;	/* a .backup or .partial file: we never hold one */

	*fd = -1;
	if (wal_segment_parse(name, f->o.snapshot->segment_size, &timeline, &start) == 0)
		rc = get_segment(f, timeline, start, fd, e);
	else if (wal_history_parse(name, &timeline) == 0)
		rc = get_history(f, timeline, fd, e);
	/* The server's user can give a name only to a file of his own. */
	if (rc > 0 && geteuid() == 0 && fchown(*fd, f->o.uid, f->o.gid) < 0)
		rc = err_sys(e, ERR_SYSTEM, "%s: chown", f->o.spool);
	return rc;
}

static void
note_failure(struct fetch *f, const struct err *e)
{
	pthread_mutex_lock(&f->mutex);
	if (!f->failed) {
		f->failed = 1;
		f->failure = *e;
	}
	pthread_mutex_unlock(&f->mutex);
}

/* Wait for the client's words, or for the end. 0 when there is something to read. */
static int
wait_for(struct fetch *f, int fd)
{
	struct pollfd p[2] = { { fd, POLLIN, 0 }, { f->wake[0], POLLIN, 0 } };
	int rc;

	do
		rc = poll(p, 2, CLIENT_TIMEOUT);
	while (rc < 0 && errno == EINTR);
	return rc > 0 && p[1].revents == 0 && (p[0].revents & (POLLIN | POLLHUP)) != 0 ? 0 : -1;
}

/*
 * One line, and with it a descriptor when file is not -1.  The socket's buffer is empty, so
 * it goes at once and whole.  A client that went away is not our failure: PostgreSQL was
 * stopped, or asks again.  So what cannot be sent is not sent.
 */
static void
send_line(int to, char *line, int file)
{
	struct iovec v = { line, strlen(line) };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} with = { .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	if (file >= 0) {
		memcpy(CMSG_DATA(&with.header), &file, sizeof(file));
		m.msg_control = &with;
		m.msg_controllen = sizeof(with);
	}
	(void)sendmsg(to, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int
read_name(struct fetch *f, int fd, char line[NAME_LINE_MAX])
{
	size_t n = 0;
	ssize_t k;

	while (n + 1 < NAME_LINE_MAX) {
		if (wait_for(f, fd) < 0)
			return -1;
		k = recv(fd, line + n, 1, MSG_DONTWAIT);
		if (k < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (k <= 0)
			return -1;
		if (line[n] == '\n') {
			line[n] = '\0';
			return 0;
		}
		n++;
	}
	return -1;
}

static void
answer(struct fetch *f, int fd)
{
	struct err e = ERR_INIT;
	char name[NAME_LINE_MAX], line[1200];
	int rc, file = -1;

	if (read_name(f, fd, name) < 0)
		return;
	rc = get_file(f, name, &file, &e);
	if (rc > 0)
		(void)snprintf(line, sizeof(line), "ok\n");
	else if (rc == 0)
		(void)snprintf(line, sizeof(line), "absent\n");
	else
		(void)snprintf(line, sizeof(line), "fail %.1100s\n", e.msg);
	if (rc < 0)
		note_failure(f, &e);
	send_line(fd, line, rc > 0 ? file : -1);
	if (file >= 0)
		(void)close(file);	/* the client has it, or nobody wants it */
}

static int
is_ours(const struct fetch *f, int fd)
{
	struct ucred c;
	socklen_t n = sizeof(c);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) == 0 &&
	    (c.uid == f->o.uid || c.uid == geteuid());
}

static void *
serve(void *arg)
{
	struct fetch *f = arg;
	struct pollfd p[2] = { { f->listener, POLLIN, 0 }, { f->wake[0], POLLIN, 0 } };
	int fd;

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents != 0)
			break;
		if ((fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
			continue;
		if (is_ours(f, fd))
			answer(f, fd);
		(void)close(fd);	/* the client has it all, or gave up */
	}
	return NULL;
}

/* ---- life ------------------------------------------------------------------ */

static int
listen_at(struct fetch *f, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (strlen(f->o.socket) >= sizeof(sa.sun_path))
		return err_set(e, ERR_CONFIG, "socket %s: the name is too long", f->o.socket);
	strcpy(sa.sun_path, f->o.socket);
	strcpy(f->socket, f->o.socket);
	if (unlink(f->socket) < 0 && errno != ENOENT)
		return err_sys(e, ERR_IO, "socket %s", f->socket);
	if ((f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 ||
	    bind(f->listener, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    chmod(f->socket, 0600) < 0 ||
	    (geteuid() == 0 && lchown(f->socket, f->o.uid, (gid_t)-1) < 0) ||
	    listen(f->listener, 8) < 0 || pipe2(f->wake, O_CLOEXEC) < 0)
		return err_sys(e, ERR_SYSTEM, "socket %s", f->socket);
	return 0;
}

static int
open_source(struct fetch *f, struct walfile_source *w, struct err *e)
{
	*w = (struct walfile_source){ .snapshot = f->o.snapshot, .wal_dir = f->o.wal_dir,
		.path = f->o.path };
	w->reader = log_reader_new(f->o.repo, f->o.path, f->o.key, e);
	return w->reader == NULL ? -1 : 0;
}

static int
start(struct fetch *f, struct err *e)
{
	if (open_source(f, &f->now, e) < 0 || open_source(f, &f->later, e) < 0 ||
	    listen_at(f, e) < 0 ||
	    (f->ahead = ahead_new(&f->later, f->o.spool, f->o.ahead, e)) == NULL)
		return -1;
	if ((errno = pthread_create(&f->thread, NULL, serve, f)) != 0)
		return err_sys(e, ERR_SYSTEM, "fetch: thread");
	f->started = 1;
	return 0;
}

struct fetch *
fetch_new(const struct fetch_options *o, struct err *e)
{
	struct fetch *f;

	if ((f = calloc(1, sizeof(*f))) == NULL) {
		err_sys(e, ERR_SYSTEM, "fetch");
		return NULL;
	}
	f->o = *o;
	f->listener = f->wake[0] = f->wake[1] = -1;
	pthread_mutex_init(&f->mutex, NULL);
	if (start(f, e) < 0) {
		fetch_free(f);
		return NULL;
	}
	return f;
}

void
fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	if (f->wake[1] >= 0)
		(void)close(f->wake[1]);	/* wakes the thread: its end reads as closed */
	if (f->started)
		pthread_join(f->thread, NULL);
	if (f->listener >= 0) {
		(void)close(f->listener);
		(void)unlink(f->socket);	/* a stale one is removed by the next call */
	}
	if (f->wake[0] >= 0)
		(void)close(f->wake[0]);
	ahead_free(f->ahead);
	log_reader_free(f->now.reader);
	log_reader_free(f->later.reader);
	pthread_mutex_destroy(&f->mutex);
	free(f);
}

int
fetch_failed(struct fetch *f, struct err *e)
{
	int failed;

	pthread_mutex_lock(&f->mutex);
	if ((failed = f->failed))
		*e = f->failure;
	pthread_mutex_unlock(&f->mutex);
	return failed;
}

uint64_t
fetch_segments(struct fetch *f)
{
	uint64_t n;

	pthread_mutex_lock(&f->mutex);
	n = f->served;
	pthread_mutex_unlock(&f->mutex);
	return n;
}

int
fetch_repeats(struct fetch *f, uint64_t *start)
{
	int n;

	pthread_mutex_lock(&f->mutex);
	n = f->repeats;
	*start = f->asked;
	pthread_mutex_unlock(&f->mutex);
	return n;
}
