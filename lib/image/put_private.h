/*
 * What the files of the put side share: jobs, packs, the manifest's writer.
 *
 * Who may touch what: a lane's fields belong to its thread until the job is
 * submitted; a job belongs to one stage of the pool at a time; a pack's seal is
 * immutable, the rest of it belongs to the writer, then to the syncer.
 */
#ifndef IMAGE_PUT_PRIVATE_H
#define IMAGE_PUT_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/pool.h"
#include "image/put.h"
#include "seal/sealed.h"

#define JOB_PIECES  256
#define JOB_DIGESTS (SEAL_RAW_MAX / IMAGE_PAGE + JOB_PIECES)
#define PACK_BYTES  (64u << 20)
#define PACKS_WAITING 2	   /* written, but not yet synced */

/* A file on its way; held by its lane and by each piece that is still in a job. */
struct put_file {
	atomic_uint refs;
	struct image_file f; /* the runs are the writer's */
	struct seal_hash digest; /* the writer's */
	uint64_t pages;		 /* the writer's: how many have runs */
};

/* Consecutive bytes of one file in a frame, from a page's start on. */
struct put_piece {
	struct put_file *file;
	uint32_t offset, len;
	int last; /* the file ends with it */
};

struct put_pack {
	struct put_pack *next; /* in image_put.live */
	uint32_t number;
	struct seal *seal;
	uint32_t frames;	      /* given out so far, under image_put.order */
	atomic_uint_least64_t stored; /* written so far */
	struct repo_put *put;
	struct image_lane *lanes[IMAGE_LANES]; /* whose bytes are in it, and up to where */
	uint64_t lane_end[IMAGE_LANES];
};

struct put_job {
	struct put_job *next; /* in the free list */
	struct image_lane *lane;
	uint64_t lane_end;     /* the lane's bytes up to the end of this job */
	struct put_pack *pack; /* NULL when it has no bytes to store */
	struct seal_frame frame;
	size_t len;
	uint8_t *raw;
	int npieces;
	struct put_piece pieces[JOB_PIECES];
	uint8_t digests[JOB_DIGESTS][SEAL_PAGE_DIGEST];
	struct buf out;
};

/* The manifest on its way into the repository. */
struct manifest_writer {
	struct seal *seal;
	struct seal_ctx *ctx;
	struct repo_put *put;
	struct buf raw, out;
	uint64_t frames, stored;
};

int manifest_writer_begin(struct manifest_writer *w, const struct image_put_options *o,
    struct err *e);
int manifest_writer_add(struct manifest_writer *w, const struct buf *record, struct err *e);
int manifest_writer_end(struct manifest_writer *w, uint8_t hash[32], struct err *e);
void manifest_writer_free(struct manifest_writer *w);

/*
 * The syncer: a thread that makes packs durable in their order and writes the pack
 * list, so that fsync does not stall the pipeline.
 */
struct pack_syncer {
	struct image_put *p;
	pthread_t thread;
	int running;
	struct repo_put *list;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t change;
	struct put_pack *queue[PACKS_WAITING];
	int waiting, ending, failed;
	uint64_t packs; /* durable ones */
};

int pack_syncer_begin(struct pack_syncer *s, struct image_put *p, struct err *e);
/* Hand over a pack; waits while too many are on their way.  -1: the syncer has failed. */
int pack_syncer_push(struct pack_syncer *s, struct put_pack *pack, struct err *e);
/* All pushed ones are durable, the list too. */
int pack_syncer_end(struct pack_syncer *s, uint8_t list[32], struct err *e);
void pack_syncer_free(struct pack_syncer *s);

struct image_lane {
	struct image_put *p;
	int number;
	struct put_job *job;	/* being filled */
	struct put_file *file;	/* between its file() and end() */
	uint64_t left;		/* bytes of the file that data() has still to bring */
	uint32_t room;		/* bytes that the open piece takes */
	uint64_t bytes;		/* all that data() brought */
	atomic_uint_least64_t durable;
};

struct image_put {
	struct image_put_options o;
	uint8_t digest_key[32];
	struct pool *pool;
	struct seal_ctx **ctx; /* one a worker */
	struct manifest_writer manifest;
	struct pack_syncer syncer;
	struct image_summary sum; /* the writer's, but for packs */

	pthread_mutex_t order; /* frame numbers are given out as jobs are submitted */
	struct put_pack *pack; /* the open one */
	uint32_t packs;

	pthread_mutex_t lock; /* guards what follows; taken after order, never before */
	struct put_job *free_jobs;
	struct put_pack *live; /* all packs that are not yet durable, for image_put_free */
	struct err first;
	int nlanes;
	struct image_lane *lanes[IMAGE_LANES];
};

/* Remember the first failure; returns -1 with *e being that first one. */
int put_fail(struct image_put *p, struct err *e);

struct put_job *put_job_get(struct image_put *p, struct err *e);
void put_job_drop(struct image_put *p, struct put_job *job);
/* Assign pack and frame, and hand it to the pool.  The job is taken. */
int put_submit(struct image_put *p, struct put_job *job, struct err *e);

void put_file_drop(struct put_file *f);

struct image_lane *lane_new(struct image_put *p, int number, struct err *e);
void lane_free(struct image_lane *l);

/* Under order; it is put on live. */
struct put_pack *pack_new(struct image_put *p, struct err *e);
void pack_free(struct put_pack *pack);			       /* it is no longer on live */
int pack_write(struct image_put *p, const struct put_job *job, struct err *e);

#endif
