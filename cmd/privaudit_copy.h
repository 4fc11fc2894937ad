/*
 * The throwaway copy of privaudit prove: restored from a snapshot, cut off from this host,
 * and started; removed however we end.
 *
 *	copy_make	a folder, and the snapshot in it
 *	copy_start	leave the network for good, and start the copy's server
 *	copy_end	stop and remove all of it
 *
 * The restore, which needs the key and may need the network, is done by a process of its own.
 * So there is no key in the one that talks with the copy's server, nor a thread, without
 * which it could not leave the network.
 */
#ifndef CMD_PRIVAUDIT_COPY_H
#define CMD_PRIVAUDIT_COPY_H

#include "base/opt.h"
#include "base/report.h"
#include "image/choose.h"
#include "pg/server.h"

struct copy_options {
	const struct opt_common *common;
	const char *work;		/* where to make the folder */
	struct image_choice choice;
	int with_network;		/* start it also where it cannot be cut off */
};

struct tempdir;

struct copy {
	const struct copy_options *o;
	struct report *report;
	struct tempdir *temp;
	char path[1024];		/* the data directory, below temp */
	char what[256];			/* the snapshot and the server, for people */
	struct pg_server server;
};

/* Before there are threads or keys.  ERR_REFUSED: the copy could not be cut off. */
int copy_make(struct copy *c, const struct copy_options *o, struct report *r, struct err *e);
int copy_start(struct copy *c, struct err *e);
/* After copy_make, however that went.  -1: something is left. */
int copy_end(struct copy *c, struct err *e);

#endif
