/*
 * The system calls that make bytes durable, watched and made to fail.
 *
 *	calls_watch();
 *	io_write_file(...);
 *	ck_assert_str_eq(calls_seen(), "write fsync rename fsync-dir");
 *
 * calls.c defines write, pwrite, fsync, fdatasync, rename, link, unlink and mkdir for the
 * whole test program; unless calls_watch() was called they only pass on.  The names seen
 * are those, and "fsync-dir" for an fsync of a folder.  It defines open, too, which is
 * never noted.
 */
#ifndef CALLS_H
#define CALLS_H

/* Forget what was seen and what was to fail; from now on note every call. */
void calls_watch(void);

/* The names of the calls since then, with spaces between. Stops the watch. */
const char *calls_seen(void);

/* Let the nth call (from 1, counted together) fail with sys, doing nothing. */
void calls_fail(int nth, int sys);

/* From now on (1), until 0, no file system makes files without a name: no O_TMPFILE. */
void calls_refuse_tmpfile(int on);

#endif
