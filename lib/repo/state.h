/*
 * What this machine remembers: per repository the last journal head that it saw,
 * and small files of the tools.  A folder of mode 0700:
 * --state, else $BULKHEAD_STATE, else /var/lib/bulkhead for root,
 * else $XDG_STATE_HOME/bulkhead, else ~/.local/state/bulkhead.
 */
#ifndef REPO_STATE_H
#define REPO_STATE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "repo/journal.h"

struct state;

/* dir NULL: the default.  Makes the folder; ERR_REFUSED when it cannot be written. */
struct state *state_open(const char *dir, struct err *e);
void state_free(struct state *s);
const char *state_dir(const struct state *s);

/* 1 found, 0 never seen, -1. A damaged record is ERR_CORRUPT, with a hint. */
int state_get_head(struct state *s, const uint8_t repo[32], struct journal_head *h,
    struct err *e);
int state_put_head(struct state *s, const uint8_t repo[32], const struct journal_head *h,
    struct err *e);	/* never back: an older seq is left alone */

/* A tool's own small record for a source, such as logship's position, "log". */
int state_get(struct state *s, const uint8_t repo[32], const char *source, const char *name,
    struct buf *out, struct err *e);	/* 1, 0, -1 */
int state_put(struct state *s, const uint8_t repo[32], const char *source, const char *name,
    const void *p, size_t n, struct err *e);

#endif
