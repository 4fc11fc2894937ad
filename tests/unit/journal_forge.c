/*
 * Journals as nobody should write them.
 */
#include <inttypes.h>
#include <string.h>

#include "base/hex.h"
#include "base/io.h"
#include "journal_forge.h"
#include "seal/sealed.h"
#include "suites.h"

void
forge_load(struct forge *g, const char *path)
{
	const char *p, *last;
	struct err e;

	memset(g, 0, sizeof(*g));
	ck_assert_int_eq(io_read_file(path, 1 << 24, &g->text, &e), 0);
	for (p = last = buf_cstr(&g->text); (p = strchr(p, '\n')) != NULL; p++) {
		g->next++;
		if (p[1] != '\0')
			last = p + 1;
	}
	last = strchr(last, ' ') + 1;
	memcpy(g->hash, last, 64);
	g->hash[64] = '\0';
}

void
forge_save(const struct forge *g, const char *path)
{
	struct err e;

	ck_assert_int_eq(io_write_file(path, g->text.data, g->text.len, 0644, &e), 0);
}

void
forge_free(struct forge *g)
{
	buf_free(&g->text);
}

void
forge_add_text(struct forge *g, const char *rest)
{
	struct buf line = BUF_INIT;
	uint8_t hash[32];

	buf_fmt(&line, "%" PRIu64 " %s %s", g->next, g->hash, rest);
	seal_hash_of(hash, line.data, line.len);
	buf_free(&line);
	hex_encode(g->hash, hash, 32);
	buf_fmt(&g->text, "%" PRIu64 " %s %s\n", g->next, g->hash, rest);
	g->next++;
}

void
forge_add(struct forge *g, const struct statement *st)
{
	struct buf rest = BUF_INIT;

	buf_str(&rest,
	    "2026-11-22T10:00:00.000000Z e3e0a177-f640-4345-bc44-95e0369e0255 3581 ");
	statement_encode_sigs(st, &rest);
	buf_fmt(&rest, " %s", st->text);
	forge_add_text(g, buf_cstr(&rest));
	buf_free(&rest);
}
