/*
 * What a repository holds, as tables for people.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/text.h"
#include "repo/listing_private.h"

#define COLUMNS_MAX 8

/* ---- words and columns ------------------------------------------------------ */

const char *
listing_when(char out[CLOCK_TEXT], int64_t us)
{
	if (us == 0)
		return "-";
	clock_format(out, us);
	memcpy(out + 19, "Z", 2);
	return out;
}

static const char *
size_text(char out[16], uint64_t n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double v = (double)n;
	size_t u = 0;

	for (; v >= 1024 && u < 5; u++)
		v /= 1024;
	snprintf(out, 16, u == 0 ? "%.0f %s" : "%.1f %s", v, units[u]);
	return out;
}

/* "a<TAB>b<NEWLINE>..." appended to out with aligned columns. */
static void
align(struct buf *rows, struct buf *out)
{
	size_t width[COLUMNS_MAX] = { 0 }, col = 0, n = 0, i;
	const char *p = buf_cstr(rows);

	for (i = 0; i < rows->len; i++) {
		if (p[i] != '\t' && p[i] != '\n') {
			n++;
			continue;
		}
		if (n > width[col])
			width[col] = n;
		col = p[i] == '\t' && col + 1 < COLUMNS_MAX ? col + 1 : 0;
		n = 0;
	}
	for (i = 0, col = 0, n = 0; i < rows->len; i++) {
		if (p[i] == '\t') {
			buf_fmt(out, "%*s", (int)(width[col] - n) + 2, "");
			col++;
			n = 0;
			continue;
		}
		buf_u8(out, (uint8_t)p[i]);
		n = p[i] == '\n' ? 0 : n + 1;
		col = p[i] == '\n' ? 0 : col;
	}
	if (rows->failed)
		out->failed = rows->failed;
	buf_free(rows);
}

/* ---- tables ----------------------------------------------------------------- */

static void
sources_text(const struct catalog *c, const char *source, struct buf *out)
{
	struct buf rows = BUF_INIT;
	char key[2 * KEY_ID + 1], system[24], a[CLOCK_TEXT], b[CLOCK_TEXT];
	size_t i;

	buf_str(&rows, "SOURCE\tENVIRONMENT\tSERVER\tWRITER\tENROLLED\tLAST SEEN\n");
	for (i = 0; i < c->nsources; i++) {
		const struct catalog_source *s = &c->sources[i];

		if (!listing_wanted(source, s->name))
			continue;
		snprintf(system, sizeof(system), "%" PRIu64, s->system_id);
		buf_fmt(&rows, "%s\t%s\t%s\t%s\t%s\t%s\n", s->name, s->environment,
		    s->system_id == 0 ? "-" : system, hex_encode(key, s->writer.id, KEY_ID),
		    listing_when(a, s->enrolled), listing_when(b, s->last_seen));
	}
	align(&rows, out);
}

static void
snapshots_text(const struct catalog *c, const char *source, struct buf *out)
{
	struct buf rows = BUF_INIT;
	char a[CLOCK_TEXT], lsn[LSN_TEXT], bytes[16], stored[16];
	size_t i, n = 0;

	buf_str(&rows, "\nSNAPSHOT\tSOURCE\tFINISHED\tRECOVERS FROM\tSIZE\tSTORED\tNOTE\n");
	for (i = 0; i < c->nsnapshots; i++) {
		const struct catalog_snapshot *s = &c->snapshots[i];

		if (!listing_wanted(source, s->source))
			continue;
		n++;
		buf_fmt(&rows, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s->id, s->source,
		    listing_when(a, s->stopped), lsn_format(lsn, s->stop),
		    size_text(bytes, s->bytes), size_text(stored, s->stored),
		    s->broken_pages ? "broken pages" : "-");
	}
	if (n > 0)
		align(&rows, out);
	buf_free(&rows);
}

struct stream {
	const char *source, *name;
	size_t files;
	uint64_t from, to;
	int64_t marked;
};

static struct stream *
stream_of(struct stream **streams, size_t *n, const struct catalog_log *l, struct err *e)
{
	struct stream *s;
	size_t i;

	for (i = 0; i < *n; i++)
		if (strcmp((*streams)[i].name, l->stream) == 0 &&
		    strcmp((*streams)[i].source, l->source) == 0)
			return &(*streams)[i];
	if ((s = realloc(*streams, (*n + 1) * sizeof(*s))) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	*streams = s;
	s += (*n)++;
	*s = (struct stream){ l->source, l->stream, 0, l->start, l->start, 0 };
	return s;
}

static int
streams_text(const struct catalog *c, const char *source, struct buf *out, struct err *e)
{
	struct buf rows = BUF_INIT;
	char a[CLOCK_TEXT], from[LSN_TEXT], to[LSN_TEXT];
	struct stream *streams = NULL, *s;
	size_t i, n = 0;

	for (i = 0; i < c->nlogs; i++) {
		const struct catalog_log *l = &c->logs[i];

		if (!listing_wanted(source, l->source))
			continue;
		if ((s = stream_of(&streams, &n, l, e)) == NULL) {
			free(streams);
			return -1;
		}
		s->files++;
		s->from = l->start < s->from ? l->start : s->from;
		s->to = l->position > s->to ? l->position : s->to;
		s->marked = l->marked > s->marked ? l->marked : s->marked;
	}
	buf_str(&rows, "\nLOG\tSOURCE\tFROM\tMARKED UP TO\tLAST MARK\tFILES\n");
	for (s = streams; s < streams + n; s++)
		buf_fmt(&rows, "%s\t%s\t%s\t%s\t%s\t%zu\n", s->name, s->source,
		    lsn_format(from, s->from), lsn_format(to, s->to),
		    listing_when(a, s->marked), s->files);
	if (n > 0)
		align(&rows, out);
	buf_free(&rows);
	free(streams);
	return 0;
}

static void
gaps_text(const struct catalog *c, const char *source, struct buf *out)
{
	struct buf rows = BUF_INIT;
	char from[LSN_TEXT], to[LSN_TEXT], a[CLOCK_TEXT];
	size_t i, n = 0;

	buf_str(&rows, "\nGAP IN\tSOURCE\tFROM\tTO\tTOLD\tREASON\n");
	for (i = 0; i < c->ngaps; i++) {
		const struct catalog_gap *g = &c->gaps[i];

		if (!listing_wanted(source, g->source))
			continue;
		n++;
		buf_fmt(&rows, "%s\t%s\t%s\t%s\t%s\t", g->stream, g->source,
		    lsn_format(from, g->from), lsn_format(to, g->to),
		    listing_when(a, g->time));
		text_encode(&rows, g->reason);	/* a foreign text must not move the cursor */
		buf_u8(&rows, '\n');
	}
	if (n > 0)
		align(&rows, out);
	buf_free(&rows);
}

int
listing_tables(const struct catalog *c, const char *source, struct buf *out, struct err *e)
{
	sources_text(c, source, out);
	snapshots_text(c, source, out);
	if (streams_text(c, source, out, e) != 0)
		return -1;
	gaps_text(c, source, out);
	return 0;
}

/* ---- one snapshot ----------------------------------------------------------- */

void
listing_snapshot_text(const struct catalog_snapshot *s, struct buf *out)
{
	struct buf rows = BUF_INIT;
	char time[CLOCK_TEXT], lsn[LSN_TEXT], hex[65], size[16], history[4096];

	buf_fmt(&rows, "snapshot\t%s\nsource\t%s\nserver\t%s %d, system %" PRIu64 "\n", s->id,
	    s->source, s->engine, s->version, s->system_id);
	if (wal_history_encode(s->history, history, sizeof(history)) != 0)
		strcpy(history, "(long)");
	buf_fmt(&rows, "timeline\t%" PRIu32 ", ancestors %s\n", s->timeline, history);
	buf_fmt(&rows, "started\t%s, at %s\n", clock_format(time, s->started),
	    lsn_format(lsn, s->start));
	buf_fmt(&rows, "stopped\t%s, at %s: it recovers to any moment from here on\n",
	    clock_format(time, s->stopped), lsn_format(lsn, s->stop));
	buf_fmt(&rows, "committed\t%s, in line %" PRIu64 " of the journal\n",
	    clock_format(time, s->committed), s->seq);
	buf_fmt(&rows, "size\t%s in %" PRIu64 " files\n", size_text(size, s->bytes), s->files);
	buf_fmt(&rows, "stored\t%s; it needs %" PRIu64 " packs\n", size_text(size, s->stored),
	    s->packs);
	buf_fmt(&rows, "manifest\t%s\n", hex_encode(hex, s->manifest, 32));
	buf_fmt(&rows, "pack list\t%s\n", hex_encode(hex, s->packlist, 32));
	buf_fmt(&rows, "broken pages\t%s\n",
	    s->broken_pages ? "yes: the server found damage in its own files"
			    : "none that the server noticed");
	align(&rows, out);
}
