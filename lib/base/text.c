/*
 * Strict numbers, percent-encoded words, and files of "word value" lines.
 */
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/text.h"

int
text_u64(const char *s, size_t n, uint64_t *out)
{
	uint64_t v = 0;
	size_t i;

	if (n == 0 || n > 20 || (s[0] == '0' && n > 1))
		return -1;
	for (i = 0; i < n; i++) {
		uint64_t digit = (uint64_t)(s[i] - '0');

		if (s[i] < '0' || s[i] > '9' || v > (UINT64_MAX - digit) / 10)
			return -1;
		v = v * 10 + digit;
	}
	*out = v;
	return 0;
}

int
text_time(const char *s, int64_t *us)
{
	struct err e;

	if (strlen(s) != CLOCK_TEXT - 1 || s[10] != 'T' || s[19] != '.' || s[26] != 'Z')
		return -1;
	return clock_parse(s, us, &e);
}

static int
is_plain(char c)
{
	return c > ' ' && c <= '~' && c != '%';
}

void
text_encode(struct buf *out, const char *s)
{
	static const char digit[] = "0123456789ABCDEF";

	for (; *s != '\0'; s++) {
		uint8_t c = (uint8_t)*s;

		if (is_plain(*s)) {
			buf_u8(out, c);
			continue;
		}
		buf_u8(out, '%');
		buf_u8(out, (uint8_t)digit[c >> 4]);
		buf_u8(out, (uint8_t)digit[c & 15]);
	}
}

/* The value of an upper-case hexadecimal digit, or -1. */
static int
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
text_decode(char *out, const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (is_plain(s[i])) {
			*out++ = s[i];
			continue;
		}
		int hi, lo;

		if (s[i] != '%' || n - i < 3 || (hi = nibble(s[i + 1])) < 0 ||
		    (lo = nibble(s[i + 2])) < 0)
			return -1;
		*out = (char)(hi << 4 | lo);
		if (*out == '\0' || is_plain(*out))
			return -1;	/* another spelling of what has one already */
		out++;
		i += 2;
	}
	*out = '\0';
	return 0;
}

int
text_name_ok(const char *s, size_t cap)
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789._-";
	size_t n = strspn(s, good);

	return n > 0 && n < cap && s[n] == '\0' && strchr("._-", s[0]) == NULL;
}

void
text_begin(struct text_lines *t, const char *text, size_t len, const char *name)
{
	t->p = text;
	t->end = text + len;
	t->name = name;
	t->line = 0;
}

int
text_line(struct text_lines *t, const char *word, char *value, size_t cap, struct err *e)
{
	size_t left = (size_t)(t->end - t->p), skip = strlen(word) + 1, n;
	const char *nl = left > 0 ? memchr(t->p, '\n', left) : NULL;

	t->line++;
	if (nl == NULL || !text_next_is(t, word))
		return err_set(e, ERR_CORRUPT, "%s: line %d: not \"%s\" and its value",
		    t->name, t->line, word);
	n = (size_t)(nl - t->p) - skip;
	if (n >= cap || memchr(t->p + skip, '\0', n) != NULL)
		return err_set(e, ERR_CORRUPT, "%s: line %d: not a value of \"%s\"", t->name,
		    t->line, word);
	memcpy(value, t->p + skip, n);
	value[n] = '\0';
	t->p = nl + 1;
	return 0;
}

int
text_line_hex(struct text_lines *t, const char *word, uint8_t *out, size_t n, struct err *e)
{
	char value[2 * 64 + 1];
	int r = text_line(t, word, value, sizeof(value), e);

	if (r == 0 && hex_decode(out, n, value) != 0)
		r = err_set(e, ERR_CORRUPT, "%s: line %d: not %zu hexadecimal digits", t->name,
		    t->line, 2 * n);
	explicit_bzero(value, sizeof(value));	/* may be a secret */
	return r;
}

int
text_line_u64(struct text_lines *t, const char *word, uint64_t max, uint64_t *out,
    struct err *e)
{
	char value[24];

	if (text_line(t, word, value, sizeof(value), e) != 0)
		return -1;
	if (text_u64(value, strlen(value), out) != 0 || *out > max)
		return err_set(e, ERR_CORRUPT, "%s: line %d: not a number for \"%s\"", t->name,
		    t->line, word);
	return 0;
}

int
text_next_is(const struct text_lines *t, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(t->end - t->p) > n && memcmp(t->p, word, n) == 0 && t->p[n] == ' ';
}

int
text_end(const struct text_lines *t, struct err *e)
{
	if (t->p != t->end)
		return err_set(e, ERR_CORRUPT, "%s: more than was expected after line %d",
		    t->name, t->line);
	return 0;
}
