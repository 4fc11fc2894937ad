/*
 * What the fuzz targets share.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdlib.h>

#include "base/buf.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What must hold, in every build. */
#define MUST(x) ((x) ? (void)0 : abort())

/* Changes of something good, which chance would not hit upon: {offset 2, xor 1} ... */
static inline void
fuzz_edit(struct buf *b, const uint8_t *edits, size_t n)
{
	for (; n >= 3 && b->len > 0; edits += 3, n -= 3)
		b->data[le16_get(edits) % b->len] ^= edits[2];
}

#endif
