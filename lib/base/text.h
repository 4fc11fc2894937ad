/*
 * Text of files and statements: strict numbers, percent-encoded words, and files of
 * "word value" lines.  One spelling for each value, so that hashing text is
 * hashing what it says.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* The n bytes at s as a decimal number without sign or leading zeros: 0 or -1. */
int text_u64(const char *s, size_t n, uint64_t *out);

/* A time as clock_format writes it, and no other spelling: 0 or -1. */
int text_time(const char *s, int64_t *us);

/* Append s percent-encoded: printable ASCII but space and '%' stands for itself. */
void text_encode(struct buf *out, const char *s);

/* Decode n bytes into out (room for n + 1), strictly: 0 or -1. */
int text_decode(char *out, const char *s, size_t n);

/* [A-Za-z0-9][A-Za-z0-9._-]*, shorter than cap: a name that is safe as a file's name. */
int text_name_ok(const char *s, size_t cap);

/* A reader of lines: begin, then each line in turn, then end. */
struct text_lines {
	const char *p, *end;
	const char *name;	/* of the file, for messages */
	int line;		/* number of the last one read */
};

void text_begin(struct text_lines *t, const char *text, size_t len, const char *name);

/* The next line must be "word value": value (size cap, NUL-terminated).  ERR_CORRUPT. */
int text_line(struct text_lines *t, const char *word, char *value, size_t cap, struct err *e);
int text_line_hex(struct text_lines *t, const char *word, uint8_t *out, size_t n,
    struct err *e);
int text_line_u64(struct text_lines *t, const char *word, uint64_t max, uint64_t *out,
    struct err *e);

/* 1 when the next line begins with word and a space. */
int text_next_is(const struct text_lines *t, const char *word);

/* Nothing may follow.  ERR_CORRUPT. */
int text_end(const struct text_lines *t, struct err *e);

#endif
