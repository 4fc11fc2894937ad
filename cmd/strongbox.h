/*
 * strongbox: its command line, and the commands that it leads to.
 */
#ifndef CMD_STRONGBOX_H
#define CMD_STRONGBOX_H

#include "base/opt.h"
#include "base/report.h"
#include "repo/found.h"

/* All that the options of any command can say. */
struct strongbox {
	struct opt_common common;
	const struct strongbox_command *command;
	const char *approvers[FOUND_KEYS_MAX], *restore[FOUND_KEYS_MAX];
	int napprovers, nrestore;
	struct key_secret *keys[FOUND_KEYS_MAX];	/* the approvers', once read */
	const char *key_name, *environment, *output;
	int quorum, solo, single_key, replace, raw;
	char **operands;
	struct report *report;
};

int strongbox_keygen(struct strongbox *a, struct err *e);	/* operands: CLASS FILE */
int strongbox_init(struct strongbox *a, struct err *e);
int strongbox_enrol(struct strongbox *a, struct err *e);
int strongbox_list(struct strongbox *a, struct err *e);
int strongbox_show(struct strongbox *a, struct err *e);		/* operand: SNAPSHOT|SOURCE */
int strongbox_journal(struct strongbox *a, struct err *e);

#endif
