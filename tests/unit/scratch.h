/*
 * A fresh folder for each test, and what the test prints.
 *
 *	tcase_add_checked_fixture(t, scratch_setup, scratch_teardown);
 *	... io_open(scratch_path("a"), ...)
 *
 *	scratch_capture(STDERR_FILENO);
 *	report_note(r, "hello");
 *	ck_assert_str_eq(scratch_captured(), "tool: hello\n");
 */
#ifndef SCRATCH_H
#define SCRATCH_H

/* Make the folder (under TMPDIR, else /tmp); remove it with all that is in it. */
void scratch_setup(void);
void scratch_teardown(void);

/* The path of name in the folder ("": of the folder); valid for the next seven calls. */
const char *scratch_path(const char *name);

/* The text of a small file in the folder, or "(none)"; valid until the next call. */
const char *scratch_text(const char *name);

/* How many names the folder holds. */
int scratch_count(void);

/* From now on what is written to fd (1 or 2) is kept.  Needs the folder. */
void scratch_capture(int fd);

/* Set fd right again; what was written to it.  Until the next call. */
const char *scratch_captured(void);

#endif
