/*
 * Storing an image: files come in as events on one or more lanes, leave as packs,
 * manifest and pack list in a repository session.
 *
 *	lane (any thread) -> frame job of up to 1 MiB of pages, of several files if small
 *	  -> pool: page digests, zstd, seal -> ordered writer: pack, file records
 *
 * Memory is bounded by jobs, whatever the database's size or number of files.
 */
#ifndef IMAGE_PUT_H
#define IMAGE_PUT_H

#include <stdint.h>

#include "base/err.h"
#include "image/manifest.h"
#include "pg/basebackup.h"
#include "repo/repo.h"
#include "repo/source.h"

struct image_put;
struct image_lane;

struct image_put_options {
	struct repo *repo;
	struct repo_session *session;
	const struct source *source;
	const char *id;
	int jobs, level;     /* worker threads; zstd level */
	uint64_t pack_bytes; /* a pack is closed at so many; 0: 64 MiB */
};

/* All that o points at is borrowed until image_put_free. */
struct image_put *image_put_new(const struct image_put_options *o,
    const struct image_meta *begin, struct err *e);
void image_put_free(struct image_put *p); /* without finish: given up */

/*
 * A lane belongs to one producer thread; its sink takes file events.  Freed with the
 * put.  At most IMAGE_LANES.  A sink's failure is the put's first one, of
 * whichever thread.
 */
#define IMAGE_LANES 4
struct image_lane *image_put_lane(struct image_put *p, struct err *e);
struct pg_sink image_lane_sink(struct image_lane *l);

/* Send on what the lane has gathered (it is otherwise sent when a frame is full). */
int image_lane_flush(struct image_lane *l, struct err *e);

/*
 * How many of the lane's bytes (all data() bytes so far, in order) are durable in the
 * repository.  Packs become durable one by one.  Thread-safe.
 */
uint64_t image_lane_durable(struct image_lane *l);

struct image_summary {
	uint8_t manifest[32], packlist[32];
	uint64_t files, bytes, stored, packs;
};

/*
 * All lanes are done: packs, manifest and list durable and placed; sets end's files and
 * bytes.  Nothing is there for anybody until image_commit.
 */
int image_put_finish(struct image_put *p, struct image_meta *end, struct image_summary *s,
    struct err *e);

/* Commit the snapshot's statement; history is that of m->timeline, as statements have it. */
int image_commit(struct repo *r, const struct source *src, const struct image_meta *m,
    const char *history, const struct image_summary *sum, struct err *e);

#endif
