/*
 * Shared by the server_*.c only.
 */
#ifndef PG_SERVER_PRIVATE_H
#define PG_SERVER_PRIVATE_H

#include "base/buf.h"
#include "pg/server.h"

/* This thread's file access with the server user's rights, and back.  For root only. */
int pg_server_become(const struct pg_server *s, struct err *e);
void pg_server_become_self(void);

/* Take out of our environment all that could lead libpq to another server. */
int pg_server_forget_others(struct err *e);

/* dir/name in a buffer of our own size; ERR_CONFIG when too long. */
#define PG_SERVER_PATH 1200
int pg_server_path(char out[PG_SERVER_PATH], const char *dir, const char *name, struct err *e);

/* A small file (no link) of the data directory, read as the server's user.  1, 0: none, -1. */
int pg_server_read(const struct pg_server *s, const char *name, struct buf *out,
    struct err *e);

/* Write one, as the server's user; text NULL: remove it. */
int pg_server_write(const struct pg_server *s, const char *name, const char *text,
    struct err *e);

/* Into the work folder, for the server's user to read. */
int pg_server_write_work(const struct pg_server *s, const char *name, const struct buf *b,
    struct err *e);

/* Remove what a killed server left in the socket's folder. */
int pg_server_clear_run(const struct pg_server *s, struct err *e);

/* The server ended: its last words, from its log, as ERR_UNREACHABLE.  Returns -1. */
int pg_server_last_words(const struct pg_server *s, struct err *e);

#endif
