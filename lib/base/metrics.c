/*
 * Metrics in Prometheus' text format.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/metrics.h"

/* The shortest text that reads back as the same number. */
static void
add_number(struct buf *b, double value)
{
	char text[32];

	if (isnan(value)) {
		buf_str(b, "NaN");
		return;
	}
	if (isinf(value)) {
		buf_str(b, value > 0 ? "+Inf" : "-Inf");
		return;
	}
	snprintf(text, sizeof(text), "%.15g", value);
	if (strtod(text, NULL) < value || strtod(text, NULL) > value)
		snprintf(text, sizeof(text), "%.17g", value);
	buf_str(b, text);
}

static void
add_escaped(struct buf *b, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\' || *text == '"')
			buf_u8(b, '\\');
		if (*text == '\n')
			buf_str(b, "\\n");
		else
			buf_u8(b, (uint8_t)*text);
	}
}

void
metrics_label(struct buf *labels, const char *key, const char *value)
{
	if (labels->len > 0)
		buf_u8(labels, ',');
	buf_fmt(labels, "%s=\"", key);
	add_escaped(labels, value);
	buf_u8(labels, '"');
}

static int
is_counter(const char *name)
{
	size_t n = strlen(name);

	return n > 6 && strcmp(name + n - 6, "_total") == 0;
}

void
metrics_add(struct metrics *m, const char *name, const char *help, const char *labels,
    double value)
{
	if (strcmp(name, m->last) != 0) {
		if (help != NULL)
			buf_fmt(&m->out, "# HELP bulkhead_%s %s\n", name, help);
		buf_fmt(&m->out, "# TYPE bulkhead_%s %s\n", name,
		    is_counter(name) ? "counter" : "gauge");
		snprintf(m->last, sizeof(m->last), "%s", name);
	}
	buf_fmt(&m->out, "bulkhead_%s", name);
	if (labels != NULL && *labels != '\0')
		buf_fmt(&m->out, "{%s}", labels);
	buf_u8(&m->out, ' ');
	add_number(&m->out, value);
	buf_u8(&m->out, '\n');
}

int
metrics_write(struct metrics *m, const char *path, struct err *e)
{
	int r = buf_check(&m->out, e);

	if (r == 0)
		r = io_write_volatile(path, m->out.data, m->out.len, 0644, e);
	buf_reset(&m->out);
	m->last[0] = '\0';
	return r;
}

void
metrics_free(struct metrics *m)
{
	buf_free(&m->out);
}
