/*
 * WAL positions, segment names and timeline histories as text.
 */
#include "pg/lsn.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HISTORY_SUFFIX ".history"
#define FILE_DIGITS    "0123456789ABCDEF"	/* file names have capitals only */

/* The value of a hexadecimal digit, or -1.  Servers write capitals; people do not always. */
static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* One to eight hexadecimal digits of text[0..n): how many, 0 when there are none. */
static size_t
hex_take(const char *text, size_t n, uint32_t *out)
{
	size_t i;
	int d;

	*out = 0;
	for (i = 0; i < n && i < 8 && (d = hex_digit(text[i])) >= 0; i++)
		*out = *out << 4 | (uint32_t)d;
	return i;
}

/* A decimal 32-bit number other than 0; the number of digits, or 0. */
static size_t
decimal_take(const char *text, size_t n, uint32_t *out)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < n && i < 10 && text[i] >= '0' && text[i] <= '9'; i++)
		v = v * 10 + (uint64_t)(text[i] - '0');
	if (v == 0 || v > UINT32_MAX)
		return 0;
	*out = (uint32_t)v;
	return i;
}

/* "X/X" at the front of text[0..n); its length, or 0. */
static size_t
lsn_take(const char *text, size_t n, uint64_t *lsn)
{
	uint32_t hi, lo;
	size_t a, b;

	a = hex_take(text, n, &hi);
	if (a == 0 || a == n || text[a] != '/')
		return 0;
	b = hex_take(text + a + 1, n - a - 1, &lo);
	if (b == 0)
		return 0;
	*lsn = (uint64_t)hi << 32 | lo;
	return a + 1 + b;
}

char *
lsn_format(char out[LSN_TEXT], uint64_t lsn)
{
	(void)snprintf(out, LSN_TEXT, "%" PRIX32 "/%" PRIX32, (uint32_t)(lsn >> 32),
	    (uint32_t)lsn);	/* always fits */
	return out;
}

void
lsn_json(struct json *j, const char *key, uint64_t lsn)
{
	char text[LSN_TEXT];

	json_str(j, key, lsn_format(text, lsn));
}

int
lsn_parse(const char *s, uint64_t *lsn)
{
	size_t n = strlen(s);
	uint64_t v;

	if (n == 0 || lsn_take(s, n, &v) != n)
		return -1;
	*lsn = v;
	return 0;
}

int
wal_segment_size_ok(uint32_t size)
{
	return size >= 1u << 20 && size <= 1u << 30 && (size & (size - 1)) == 0;
}

uint64_t
wal_segment_start(uint64_t lsn, uint32_t size)
{
	return lsn & ~((uint64_t)size - 1);
}

char *
wal_segment_name(char out[WAL_NAME], uint32_t timeline, uint64_t lsn, uint32_t size)
{
	(void)snprintf(out, WAL_NAME, "%08" PRIX32 "%08" PRIX32 "%08" PRIX32, timeline,
	    (uint32_t)(lsn >> 32), (uint32_t)lsn / size);	/* always fits */
	return out;
}

int
wal_segment_parse(const char *name, uint32_t size, uint32_t *timeline, uint64_t *start)
{
	uint32_t tli, hi, seg;

	if (strlen(name) != WAL_NAME - 1 || strspn(name, FILE_DIGITS) != WAL_NAME - 1)
		return -1;
	(void)hex_take(name, 8, &tli);	/* all are digits: just proven */
	(void)hex_take(name + 8, 8, &hi);
	(void)hex_take(name + 16, 8, &seg);
	if (tli == 0 || seg >= (UINT64_C(1) << 32) / size)
		return -1;
	*timeline = tli;
	*start = (uint64_t)hi << 32 | (uint64_t)seg * size;
	return 0;
}

int
wal_history_parse(const char *name, uint32_t *timeline)
{
	uint32_t tli;

	if (strspn(name, FILE_DIGITS) != 8 || strcmp(name + 8, HISTORY_SUFFIX) != 0)
		return -1;
	(void)hex_take(name, 8, &tli);	/* all are digits: just proven */
	if (tli == 0)
		return -1;
	*timeline = tli;
	return 0;
}

/* Append an ancestor: timelines grow, their ends do not shrink, all are below h->timeline. */
static int
history_add(struct wal_history *h, uint32_t timeline, uint64_t end)
{
	if (h->n == WAL_HISTORY_MAX || timeline == 0 || timeline >= h->timeline)
		return -1;
	if (h->n > 0 && (timeline <= h->at[h->n - 1].timeline || end < h->at[h->n - 1].end))
		return -1;
	h->at[h->n].timeline = timeline;
	h->at[h->n].end = end;
	h->n++;
	return 0;
}

static int
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* One line "timeline<blank>X/X<blank>reason"; blank lines and comments count as good. */
static int
history_line(struct wal_history *h, const char *line, size_t n)
{
	uint32_t timeline;
	uint64_t end;
	size_t i = 0, digits;

	while (i < n && is_blank(line[i]))
		i++;
	if (i == n || line[i] == '#')
		return 0;
	digits = decimal_take(line + i, n - i, &timeline);
	i += digits;
	if (digits == 0 || i == n || !is_blank(line[i]))
		return -1;
	while (i < n && is_blank(line[i]))
		i++;
	digits = lsn_take(line + i, n - i, &end);
	i += digits;
	if (digits == 0 || (i < n && !is_blank(line[i])))
		return -1;
	return history_add(h, timeline, end);
}

int
wal_history_read(struct wal_history *h, uint32_t timeline, const char *text, size_t len)
{
	const char *nl;
	size_t n;

	h->timeline = timeline;
	h->n = 0;
	for (; len > 0; text += n, len -= n) {
		nl = memchr(text, '\n', len);
		n = nl == NULL ? len : (size_t)(nl - text);
		if (history_line(h, text, n) < 0)
			return -1;
		if (nl != NULL)
			n++;
	}
	return 0;
}

int
wal_history_encode(const struct wal_history *h, char *out, size_t cap)
{
	char lsn[LSN_TEXT];
	size_t used = 0;
	int i, n;

	if (h->n == 0) {
		n = snprintf(out, cap, "-");
		return n < 0 || (size_t)n >= cap ? -1 : 0;
	}
	for (i = 0; i < h->n; i++) {
		n = snprintf(out + used, cap - used, "%s%" PRIu32 ":%s", i == 0 ? "" : ",",
		    h->at[i].timeline, lsn_format(lsn, h->at[i].end));
		if (n < 0 || (size_t)n >= cap - used)
			return -1;
		used += (size_t)n;
	}
	return 0;
}

int
wal_history_decode(struct wal_history *h, uint32_t timeline, const char *s)
{
	size_t n, left = strlen(s);
	uint32_t tli;
	uint64_t end;

	h->timeline = timeline;
	h->n = 0;
	if (strcmp(s, "-") == 0)
		return 0;
	for (;;) {
		n = decimal_take(s, left, &tli);
		if (n == 0 || n == left || s[n] != ':')
			return -1;
		s += n + 1;
		left -= n + 1;
		n = lsn_take(s, left, &end);
		if (n == 0 || history_add(h, tli, end) < 0)
			return -1;
		if (n == left)
			return 0;
		if (s[n] != ',')
			return -1;
		s += n + 1;
		left -= n + 1;
	}
}

uint32_t
wal_history_timeline_at(const struct wal_history *h, uint64_t lsn)
{
	int i;

	for (i = 0; i < h->n; i++)
		if (lsn < h->at[i].end)
			return h->at[i].timeline;
	return h->timeline;
}

int
wal_history_has(const struct wal_history *h, uint32_t t, uint64_t *end)
{
	int i;

	if (t == h->timeline) {
		*end = UINT64_MAX;
		return 1;
	}
	for (i = 0; i < h->n; i++) {
		if (h->at[i].timeline == t) {
			*end = h->at[i].end;
			return 1;
		}
	}
	return 0;
}
