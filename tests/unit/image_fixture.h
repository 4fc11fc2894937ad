/*
 * Images for unit tests: files whose bytes follow from path and place, put into the
 * fixture's repository, and read back by a visitor that compares every byte.
 */
#ifndef IMAGE_FIXTURE_H
#define IMAGE_FIXTURE_H

#include "fixture.h"
#include "image/get.h"
#include "image/put.h"

struct spec {
	const char *path;
	uint64_t size;
	enum pg_file_type type; /* 0: regular */
	const char *target;
};

/* The byte of the file `path` at offset; half of each page compresses. */
uint8_t spec_byte(const char *path, uint64_t offset);
void spec_fill(const char *path, uint64_t offset, uint8_t *p, size_t n);

/* The meta of an image called id (to image_meta_free). */
struct image_meta spec_meta(const char *id);

struct image_put *spec_begin(struct fixture *f, struct repo_session *s, const char *id,
    uint64_t pack_bytes, struct image_meta *m);

/* Give files to the sink, in pieces of so many bytes.  0, or -1 with *e. */
int spec_send(const struct pg_sink *sink, const struct spec *files, size_t n, size_t piece,
    struct err *e);

/* Store and commit them as image id, on one lane. */
void spec_store(struct fixture *f, const char *id, const struct spec *files, size_t n,
    size_t piece, uint64_t pack_bytes, struct image_summary *sum);

struct image *spec_open(struct fixture *f, const char *id, struct err *e);

/* A visitor that compares, and counts. */
struct checked {
	const char *damaged_ok; /* this file may be damaged; "": any */
	int files, ended, damaged, dropped;
	uint64_t bytes;
	char damage[1024];
};
struct image_visitor spec_visitor(struct checked *c);

/* Flip one byte of a file. */
void flip(const char *path, long offset);

#endif
