/*
 * The repository: one interface over its backends (today: a path).
 *
 * The layout is in bulkhead-repository(5).  Nothing here removes or replaces a
 * committed object.  Commit order: packs durable, manifest and pack list durable,
 * journal line durable, and only then success.  What a crash leaves is in incoming/
 * (or an object that no statement names), never a statement without its objects.
 *
 * A struct repo belongs to one thread, except that several may call repo_get and read
 * its objects, and that a put and a log may each be driven by one other thread.
 */
#ifndef REPO_REPO_H
#define REPO_REPO_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/io.h"
#include "base/report.h"
#include "repo/catalog.h"
#include "repo/journal.h"
#include "repo/state.h"
#include "repo/statement.h"
#include "seal/key.h"

struct repo;

/*
 * url: a path today; "ssh://", "cmd:", "s3://" are ERR_CONFIG (not in this version).
 * Reads and checks the journal against pin (or NULL) and the head that state
 * remembers, and remembers the new head.  A repository seen for the first time
 * without a pin is noted, with its id.  A path is noted as not isolated.
 */
struct repo *repo_open(const char *url, const uint8_t *pin, struct state *state,
    struct report *report, struct err *e);
void repo_free(struct repo *r);

const uint8_t *repo_id(const struct repo *r);
const char *repo_name(const struct repo *r);		/* for messages */
const struct journal *repo_journal(const struct repo *r);
const struct catalog *repo_catalog(const struct repo *r);
/* Pointers into the catalog become invalid. */
int repo_refresh(struct repo *r, struct err *e);

/* Read the whole journal again, trusting nothing: each signature.  ERR_CORRUPT. */
int repo_check_journal(struct repo *r, struct err *e);

/* Call each() for every statement, from line 0 on; it must not commit. */
int repo_each_statement(struct repo *r,
    int (*each)(void *ctx, const struct journal_entry *en, struct err *e), void *ctx,
    struct err *e);

/*
 * Make a repository in an empty or missing folder (lost+found may be there) from a signed
 * founding statement.  ERR_CONFLICT: not empty.  After a failure it is empty again.
 */
int repo_create(const char *url, const struct statement *found, struct err *e);

/*
 * Complete st (actor, count, last), sign it with keys (the actor first) and commit it:
 * durable when it returns 0.  st is borrowed.  The same commit again (same verb, source and
 * id or file) is fine and changes nothing.  What st names must be there (a snapshot's
 * manifest, list and packs; a log file and as many bytes as a mark says), else
 * ERR_CORRUPT.  ERR_CONFLICT: contradicts what is committed.  ERR_REFUSED: not with these
 * keys.  Pointers into the catalog become invalid, as by repo_refresh.
 */
int repo_commit(struct repo *r, struct statement *st, const struct key_secret *const keys[],
    int nkeys, struct err *e);

/*
 * One session a source and purpose ("snapshot", "log"): a second one is ERR_BUSY.
 * Taking it also clears what earlier sessions of that purpose left in incoming/.
 * Its puts and its log are freed before it.
 */
struct repo_session;
struct repo_session *repo_session_begin(struct repo *r, const char *source,
    const char *purpose, struct err *e);
void repo_session_free(struct repo_session *s);

/*
 * Put one object: write it in pieces; repo_put_end makes its bytes durable and
 * tells their BLAKE2b-256.  A pack's name is that hash.  Space below the reserve
 * (5 % of the file system, at most 1 GiB, kept for logs and journal) is refused with
 * ERR_IO and ENOSPC.  Several puts of a session may be driven by a thread each.  At
 * repo_snapshot_place all that were ended (packs, one manifest and one list) get their
 * final names; then repo_commit the statement.
 */
enum repo_kind { REPO_PACK = 1, REPO_MANIFEST, REPO_PACKLIST, REPO_LOG };
struct repo_put;
struct repo_put *repo_put_begin(struct repo_session *s, enum repo_kind kind, struct err *e);
int repo_put_write(struct repo_put *p, const void *data, size_t n, struct err *e);
int repo_put_end(struct repo_put *p, uint8_t hash[32], struct err *e);
void repo_put_free(struct repo_put *p);		/* always; without repo_put_end: given up */
int repo_snapshot_place(struct repo_session *s, const char *id, struct err *e);

/*
 * A log file, append-only: created with its preamble, durable before it returns.
 * *file gets its name "<start>.<n>".  repo_log_append: durable when it returns 0;
 * after a failure the file is given up (free it, begin another).
 */
struct repo_log;
struct repo_log *repo_log_begin(struct repo_session *s, const char *stream, uint64_t start,
    const void *preamble, size_t n, char file[LOG_NAME_MAX], struct err *e);
int repo_log_append(struct repo_log *l, const void *p, size_t n, struct err *e);
uint64_t repo_log_size(const struct repo_log *l);
/* Hash of the whole file so far. */
void repo_log_digest(const struct repo_log *l, uint8_t out[32]);
int repo_log_end(struct repo_log *l, struct err *e);	/* read-only from here; then free */
void repo_log_free(struct repo_log *l);

/*
 * Get one object to read: name is the pack's hash in hex, the snapshot's id, or
 * "stream/file".  ERR_NOTFOUND.  The source can be read by several threads.
 */
struct repo_object;
struct repo_object *repo_get(struct repo *r, enum repo_kind kind, const char *source,
    const char *name, struct err *e);
const struct io_source *repo_object_source(const struct repo_object *o);
void repo_object_free(struct repo_object *o);

/* Hash an object whole (keyless check). */
int repo_object_hash(const struct repo_object *o, uint8_t out[32], struct err *e);

/* The pack hashes of a snapshot: *n x 32 bytes, to free().  ERR_CORRUPT: another list. */
uint8_t *repo_packlist(struct repo *r, const struct catalog_snapshot *s, size_t *n,
    struct err *e);

/* Every pack (hex name, size) stored for source, to find orphans and losses. */
int repo_each_pack(struct repo *r, const char *source,
    int (*each)(void *ctx, const char *name, uint64_t size, struct err *e), void *ctx,
    struct err *e);

#endif
