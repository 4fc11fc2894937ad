/*
 * Findings for unit tests, kept as text: "bad: snapshot X of shop: text\n" each.
 */
#ifndef TOLD_H
#define TOLD_H

#include "repo/finding.h"

struct told {
	struct findings f;
	char text[8192];
};

void told_begin(struct told *t);

/* What was told, in order; and forgotten. */
const char *told_text(struct told *t);
void told_end(struct told *t);

#endif
