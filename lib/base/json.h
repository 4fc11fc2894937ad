/*
 * JSON Lines, one object a line: json_begin drops what was there and writes
 * {"v":1,"type":type; keys are added; nested objects and arrays with json_open and
 * json_close ('{' or '['; key NULL inside an array); json_print ends the line and
 * writes it to stdout.  json_free at the very end.
 *
 * Text need not be UTF-8: what is not becomes U+FFFD, so that a line always parses.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"

struct json {
	struct buf out;
	int depth, first;
};

#define JSON_INIT { BUF_INIT, 0, 0 }

void json_begin(struct json *j, const char *type);
void json_str(struct json *j, const char *key, const char *value);	/* NULL: null */
void json_int(struct json *j, const char *key, int64_t value);
void json_uint(struct json *j, const char *key, uint64_t value);
void json_bool(struct json *j, const char *key, int value);
void json_time(struct json *j, const char *key, int64_t us);	/* ISO 8601 */
void json_open(struct json *j, const char *key, char bracket);
void json_close(struct json *j, char bracket);

/* -1: ERR_IO, ERR_SYSTEM (out of memory), ERR_BUG (something is still open). */
int json_print(struct json *j, struct err *e);

/* For a document of another format, which json_write ends: it begins with { alone. */
void json_document(struct json *j);

/* As json_print, but into f, which is not flushed. */
int json_write(struct json *j, FILE *f, struct err *e);

void json_free(struct json *j);

/* The last line of a tool that failed: a result with status, error, kind and hint. */
int json_print_failure(const struct err *failure, struct err *e);

#endif
