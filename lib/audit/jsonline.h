/*
 * Reads what base/json.h wrote: the members of one object on one line.
 *
 *	jsonline_begin(&l, text, len);
 *	while ((r = jsonline_next(&l, &m)) > 0)
 *		...
 *	if (r < 0) it is no such line;
 *
 * Arrays and objects inside are passed over.
 */
#ifndef AUDIT_JSONLINE_H
#define AUDIT_JSONLINE_H

#include <stddef.h>
#include <stdint.h>

enum jsonline_kind { JSONLINE_STRING, JSONLINE_NUMBER, JSONLINE_OTHER };

struct jsonline_member {
	const char *key;
	enum jsonline_kind kind;
	const char *text;	/* of a string */
	uint64_t number;	/* one that is negative, broken or too large is OTHER */
};

struct jsonline {
	char *p, *end;
	int begun;
};

/* The line without its newline, which is changed: strings are lent from it. */
void jsonline_begin(struct jsonline *l, char *text, size_t len);

/* 1: a member; 0: the object's end; -1: not an object, or something behind it. */
int jsonline_next(struct jsonline *l, struct jsonline_member *m);

#endif
