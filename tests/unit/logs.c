/*
 * Logs for unit tests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logs.h"
#include "suites.h"

static struct err e;

void
logs_setup(struct logs *l)
{
	fixture_begin(&l->f);
	l->session = repo_session_begin(l->f.repo, "shop", "log", &e);
	ck_assert_msg(l->session != NULL, "%s", e.msg);
}

void
logs_teardown(struct logs *l)
{
	repo_session_free(l->session);
	fixture_end(&l->f);
}

struct log_stream_info
logs_info(const char *timeline, int fork, const char *parent)
{
	struct log_stream_info info;
	char history[200] = "-";
	unsigned t;

	memset(&info, 0, sizeof(info));
	ck_assert_int_ge(sscanf(timeline, "%u %199s", &t, history), 1);
	ck_assert_int_eq(wal_history_decode(&info.history, t, history), 0);
	info.system_id = LOGS_SYSTEM;
	info.timeline = t;
	info.segment_size = LOGS_SEGMENT;
	info.version = 150005;
	if (fork == 0)
		snprintf(info.stream, sizeof(info.stream), "%llu-%08X",
		    (unsigned long long)LOGS_SYSTEM, t);
	else
		snprintf(info.stream, sizeof(info.stream), "%llu-%08X-%d",
		    (unsigned long long)LOGS_SYSTEM, t, fork);
	snprintf(info.parent, sizeof(info.parent), "%s", parent == NULL ? "" : parent);
	return info;
}

struct log_writer *
logs_open(struct logs *l, const struct log_stream_info *info, uint64_t start,
    const struct log_after *after)
{
	static const struct log_after none;
	struct log_writer *w;

	w = log_writer_begin(l->f.repo, l->session, l->f.source, info, start,
	    after == NULL ? &none : after, 0, 1, &e);
	ck_assert_msg(w != NULL, "%s", e.msg);
	return w;
}

void
logs_bytes(uint8_t *out, unsigned seed, uint64_t at, size_t n)
{
	uint64_t x;
	size_t i;

	for (i = 0; i < n; i++) {
		x = (at + i) / 7 * UINT64_C(0x9E3779B97F4A7C15) + seed;
		out[i] = (uint8_t)(x >> 56);
	}
}

void
logs_append(struct log_writer *w, unsigned seed, size_t n, int64_t time)
{
	uint8_t *bytes = malloc(n);

	ck_assert_ptr_nonnull(bytes);
	logs_bytes(bytes, seed, log_writer_position(w), n);
	fixture_ok(log_writer_append(w, bytes, n, time, &e));
	free(bytes);
}

struct log_after
logs_leave(struct log_writer *w, int close)
{
	static const struct tail_mark unknown;
	struct log_after after;

	if (close)
		fixture_ok(log_writer_close(w, &unknown, &e));
	log_writer_after(w, &after);
	log_writer_free(w);
	return after;
}

struct log_after
logs_file(struct logs *l, const struct log_stream_info *info, uint64_t start, size_t n,
    const struct log_after *after)
{
	struct log_writer *w = logs_open(l, info, start, after);

	logs_append(w, 0, n, 1000);
	return logs_leave(w, 1);
}

struct log_index *
logs_index(struct logs *l, int checked)
{
	struct log_index *ix = log_index_build(l->f.repo, "shop", checked, &e);

	ck_assert_msg(ix != NULL, "%s", e.msg);
	return ix;
}

const char *
logs_path(const struct logs *l, const char *stream, const char *file)
{
	static char path[1024];

	snprintf(path, sizeof(path), "%s/logs/shop/%s/%s", l->f.path, stream, file);
	return path;
}
