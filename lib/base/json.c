/*
 * JSON Lines for --json.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"

/* How many bytes the UTF-8 character at s has; 0 when it is none (RFC 3629, section 4). */
static size_t
utf8_len(const unsigned char *s)
{
	unsigned char lo = 0x80, hi = 0xbf;
	size_t n, i;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	switch (s[0]) {
	case 0xe0:
		lo = 0xa0; /* else it has a shorter form */
		break;
	case 0xed:
		hi = 0x9f; /* else it is half of a surrogate pair */
		break;
	case 0xf0:
		lo = 0x90; /* else it has a shorter form */
		break;
	case 0xf4:
		hi = 0x8f; /* else it is beyond U+10FFFF */
		break;
	}
	if (s[1] < lo || s[1] > hi)
		return 0;
	for (i = 2; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

static void
add_text(struct json *j, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n;

	buf_u8(&j->out, '"');
	for (; *s != '\0'; s += n > 0 ? n : 1) {
		n = utf8_len(s);
		if (n == 0)
			buf_str(&j->out, "\xef\xbf\xbd");
		else if (*s == '"' || *s == '\\')
			buf_fmt(&j->out, "\\%c", *s);
		else if (*s == '\n')
			buf_str(&j->out, "\\n");
		else if (*s < ' ' || *s == 0x7f)
			buf_fmt(&j->out, "\\u%04x", *s);
		else
			buf_add(&j->out, s, n);
	}
	buf_u8(&j->out, '"');
}

static void
add_key(struct json *j, const char *key)
{
	if (!j->first)
		buf_u8(&j->out, ',');
	j->first = 0;
	if (key != NULL) {
		add_text(j, key);
		buf_u8(&j->out, ':');
	}
}

void
json_document(struct json *j)
{
	buf_reset(&j->out);
	j->depth = 0;
	j->first = 1;
	buf_u8(&j->out, '{');
}

void
json_begin(struct json *j, const char *type)
{
	json_document(j);
	json_int(j, "v", 1);
	json_str(j, "type", type);
}

void
json_str(struct json *j, const char *key, const char *value)
{
	add_key(j, key);
	if (value == NULL)
		buf_str(&j->out, "null");
	else
		add_text(j, value);
}

void
json_int(struct json *j, const char *key, int64_t value)
{
	add_key(j, key);
	buf_fmt(&j->out, "%" PRId64, value);
}

void
json_uint(struct json *j, const char *key, uint64_t value)
{
	add_key(j, key);
	buf_fmt(&j->out, "%" PRIu64, value);
}

void
json_bool(struct json *j, const char *key, int value)
{
	add_key(j, key);
	buf_str(&j->out, value ? "true" : "false");
}

void
json_time(struct json *j, const char *key, int64_t us)
{
	char text[CLOCK_TEXT];

	json_str(j, key, clock_format(text, us));
}

void
json_open(struct json *j, const char *key, char bracket)
{
	add_key(j, key);
	buf_u8(&j->out, (uint8_t)bracket);
	j->depth++;
	j->first = 1;
}

void
json_close(struct json *j, char bracket)
{
	buf_u8(&j->out, bracket == '[' || bracket == ']' ? ']' : '}');
	j->depth--;
	j->first = 0;
}

int
json_write(struct json *j, FILE *f, struct err *e)
{
	if (j->depth != 0)
		return err_set(e, ERR_BUG, "JSON: %d brackets are not closed", j->depth);
	buf_str(&j->out, "}\n");
	if (buf_check(&j->out, e) != 0)
		return -1;
	if (fwrite(j->out.data, 1, j->out.len, f) != j->out.len)
		return err_sys(e, ERR_IO, "standard output: write");
	return 0;
}

int
json_print(struct json *j, struct err *e)
{
	if (json_write(j, stdout, e) != 0)
		return -1;
	if (fflush(stdout) != 0)
		return err_sys(e, ERR_IO, "standard output: write");
	return 0;
}

void
json_free(struct json *j)
{
	buf_free(&j->out);
}

int
json_print_failure(const struct err *failure, struct err *e)
{
	struct json j = JSON_INIT;
	int r;

	json_begin(&j, "result");
	json_int(&j, "status", err_exit_status(failure->kind));
	json_str(&j, "error", failure->msg);
	json_str(&j, "kind", err_kind_name(failure->kind));
	json_str(&j, "hint", failure->hint[0] != '\0' ? failure->hint : NULL);
	r = json_print(&j, e);
	json_free(&j);
	return r;
}
