/*
 * A sink that writes a pax tar ("restricted": plain ustar where that suffices) with
 * libarchive.  Tablespaces become folders: their links are left out.
 */
#ifndef IMAGE_TARSINK_H
#define IMAGE_TARSINK_H

#include "base/err.h"
#include "pg/basebackup.h"

struct tarsink;

/* fd stays the caller's; name is for messages, borrowed. */
struct tarsink *tarsink_new(int fd, const char *name, struct err *e);
struct pg_sink tarsink_sink(struct tarsink *t);

/* Write the archive's end: without it the archive is cut off. */
int tarsink_finish(struct tarsink *t, struct err *e);
void tarsink_free(struct tarsink *t);

#endif
