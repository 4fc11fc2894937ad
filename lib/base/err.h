/*
 * Errors: what went wrong, once, in words for a person and a kind for the shell.
 *
 * A function that can fail returns int (0 or -1) or a pointer (NULL on failure)
 * and takes a struct err.  The deepest place fills it, naming the object and the
 * step; callers put context in front with err_context().  Only cmd/ prints it
 * and exits.  A struct err belongs to one thread; it is plain data, copy freely.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_kind {
	ERR_NONE,
	ERR_NEGATIVE,	 /* 1: checked, and the answer is no */
	ERR_INCOMPLETE,	 /* 3: not all could be checked */
	ERR_USAGE,	 /* 64: misuse of the command line */
	ERR_CORRUPT,	 /* 65: damaged, forged, or not what it claims to be */
	ERR_NOTFOUND,	 /* 66: no such repository, source, snapshot, file */
	ERR_UNREACHABLE, /* 69: a server or repository does not answer */
	ERR_BUG,	 /* 70: cannot happen */
	ERR_SYSTEM,	 /* 71: out of memory, no threads, fork failed */
	ERR_IO,		 /* 74: read, write, fsync, rename failed */
	ERR_BUSY,	 /* 75: locked by another process; try again */
	ERR_REFUSED,	 /* 77: by permission, policy or a wrong key */
	ERR_CONFIG,	 /* 78: a setting or a server that we cannot work with */
	ERR_CONFLICT,	 /* 74: an object of that name with other bytes exists */
	ERR_CANCELLED	 /* 71: stopped because another part failed first */
};

struct err {
	enum err_kind kind;
	int sys;	 /* errno at the failure, or 0 */
	char msg[1024];	 /* one line, no final period or newline */
	char hint[512];	 /* what to do about it, or "" */
};

#define ERR_INIT { ERR_NONE, 0, "", "" }

/* Fill *e (replacing what was there) and return -1, so that a failure is one statement. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_set, with errno: appends ": " and its text, and keeps it in e->sys. */
int err_sys(struct err *e, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "context: " in front of the message.  Returns -1. */
int err_context(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Set the hint, keeping the rest.  Returns -1. */
int err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void err_clear(struct err *e);

/*
 * Make text one line that a terminal shows as it is: control characters become
 * spaces, those at the end go.  Messages and hints have been through it already.
 */
void err_flatten(char *text);

/* Exit status for a kind: 0 for ERR_NONE, else 1, 3 or one of sysexits (64 to 78). */
int err_exit_status(enum err_kind kind);

/* The kind as a word for --json ("corrupt", "notfound", ...). */
const char *err_kind_name(enum err_kind kind);

#endif
