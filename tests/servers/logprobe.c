/*
 * Shows the tests what a repository holds of a log:
 *
 *	logprobe REPO SOURCE				streams, spans and files
 *	logprobe REPO SOURCE KEY STREAM FROM TO		these bytes, to standard output
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/index.h"
#include "log/reader.h"
#include "seal/key.h"

static struct err e;

static int
fail(void)
{
	fprintf(stderr, "logprobe: %s\n", e.msg);
	return err_exit_status(e.kind);
}

static void
show_stream(const struct log_stream *st)
{
	char a[LSN_TEXT], b[LSN_TEXT];
	const struct log_extent *x;
	size_t i;

	printf("stream %s timeline %u parent %s\n", st->name, st->timeline,
	    st->parent[0] != '\0' ? st->parent : "-");
	for (i = 0; i < st->nspans; i++)
		printf("span %s %s %lld\n", lsn_format(a, st->spans[i].from),
		    lsn_format(b, st->spans[i].to), (long long)st->spans[i].last);
	for (i = 0; i < st->nextents; i++) {
		x = &st->extents[i];
		printf("file %s %s %s after %s%s frames %llu torn %llu %s\n", x->log->file,
		    lsn_format(a, x->start), lsn_format(b, x->end),
		    x->log->after_file[0] != '\0' ? x->log->after_file : "-",
		    x->closed ? " closed" : "", (unsigned long long)x->frames,
		    (unsigned long long)x->torn, x->damage[0] != '\0' ? x->damage : "whole");
	}
}

static int
copy(struct repo *r, const struct log_stream *st, const struct key_secret *key, uint64_t from,
    uint64_t to)
{
	static uint8_t bytes[1 << 20];
	struct log_path p = { .n = 1, .end = to };
	struct log_reader *l;
	size_t got = 1;

	p.at[0].stream = st;
	p.at[0].from = from;
	p.at[0].to = to;
	if ((l = log_reader_new(r, &p, key, &e)) == NULL)
		return fail();
	for (; from < to && got > 0; from += got) {
		if (log_read(l, from, bytes, sizeof(bytes), &got, &e) < 0)
			return fail();
		fwrite(bytes, 1, got, stdout);
	}
	log_reader_free(l);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct log_stream *st;
	struct key_secret *key;
	struct log_index *ix;
	struct repo *r;
	uint64_t from, to;
	size_t i;
	int rc = 0;

	if (argc != 3 && argc != 7)
		return 64;
	if (key_guard_process(&e) < 0 ||
	    (r = repo_open(argv[1], NULL, NULL, NULL, &e)) == NULL ||
	    (ix = log_index_build(r, argv[2], 1, &e)) == NULL)
		return fail();
	for (i = 0; argc == 3 && i < ix->nstreams; i++)
		show_stream(&ix->streams[i]);
	if (argc == 7) {
		key = key_read_secret(argv[3], KEY_RESTORE, &e);
		st = log_index_stream(ix, argv[4]);
		if (key == NULL)
			return fail();
		if (st == NULL || lsn_parse(argv[5], &from) < 0 || lsn_parse(argv[6], &to) < 0)
			return 64;
		rc = copy(r, st, key, from, to);
		key_free(key);
	}
	log_index_free(ix);
	repo_free(r);
	return rc;
}
