/*
 * Tests of log/resume: where shipping begins, for all that can have happened meanwhile.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log/resume.h"
#include "logs.h"
#include "suites.h"

#define SEG LOGS_SEGMENT
#define AT(segment, offset) ((uint64_t)(segment) * SEG + (offset))

static struct resume_stream streams[8];
static struct resume_held held;
static struct resume_server sv;
static struct tail_record state;
static struct resume_plan p;
static struct err e;

static void
setup(void)
{
	memset(&held, 0, sizeof(held));
	memset(streams, 0, sizeof(streams));
	memset(&sv, 0, sizeof(sv));
	held.streams = streams;
	sv.system_id = LOGS_SYSTEM;
	sv.timeline = sv.history.timeline = 1;
	sv.segment_size = SEG;
	sv.version = 150005;
	sv.slot = RESUME_SLOT_KNOWN;
}

/* A held stream, opened last of all so far. */
static struct resume_stream *
hold(const char *timeline, int fork, uint64_t start, uint64_t end)
{
	struct log_stream_info info = logs_info(timeline, fork, NULL);
	struct resume_stream *s = &streams[held.n++];

	held.system_id = LOGS_SYSTEM;
	memcpy(s->name, info.stream, sizeof(s->name));
	s->timeline = info.timeline;
	s->history = info.history;
	s->start = start;
	s->end = end;
	s->time = 5000;
	s->opened = held.n;
	snprintf(s->last.file, sizeof(s->last.file), "last of %zu", held.n);
	s->last.position = end;
	return s;
}

static void
server(const char *timeline, uint64_t flushed, uint64_t restart)
{
	struct log_stream_info info = logs_info(timeline, 0, NULL);

	sv.timeline = info.timeline;
	sv.history = info.history;
	sv.flushed = flushed;
	sv.restart = restart;
}

static void
known(struct tail_mark *m, uint64_t position, uint8_t digest)
{
	m->from = tail_from(position, SEG);
	m->position = position;
	memset(m->digest, digest, sizeof(m->digest));
}

static void
remember(const struct resume_stream *s, uint64_t position)
{
	memcpy(state.stream, s->name, sizeof(state.stream));
	known(&state.mark, position, 7);
}

static const struct resume_plan *
decide(int with_state, const char *differs)
{
	fixture_ok(resume_decide(&held, &sv, with_state ? &state : NULL, differs, &p, &e));
	return &p;
}

static const char *
short_name(const char *stream)
{
	return strchr(stream, '-') + 1;
}

/* "00000001 from 0 start 0 ..." with positions as SEGMENT+OFFSET. */
static const char *
plan(const struct resume_plan *r)
{
	static char text[300];
	int n;

	n = snprintf(text, sizeof(text), "%s from %u+%u start %u+%u",
	    short_name(r->info.stream), (unsigned)(r->from / SEG),
	    (unsigned)(r->from % SEG), (unsigned)(r->start / SEG),
	    (unsigned)(r->start % SEG));
	if (r->compare.position != 0)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " compare %d",
		    r->compare.digest[0]);
	if (r->info.parent[0] != '\0')
		n += snprintf(text + n, sizeof(text) - (size_t)n, " parent %s",
		    short_name(r->info.parent));
	if (r->earliest)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " earliest");
	if (r->gap != 0)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " gap %u+%u",
		    (unsigned)(r->gap / SEG), (unsigned)(r->gap % SEG));
	if (r->alarm)
		snprintf(text + n, sizeof(text) - (size_t)n, " alarm");
	return text;
}

/* ---- nothing is held ---------------------------------------------------------- */

START_TEST(the_first_log_begins_with_the_slot_s_segment)
{
	server("1", AT(9, 99), AT(5, 1234));
	ck_assert_str_eq(plan(decide(0, NULL)), "00000001 from 5+0 start 5+0");
	ck_assert_str_eq(p.info.stream, "7574210418334529345-00000001");
	ck_assert_str_eq(p.after.file, "");
	ck_assert_int_eq(p.info.version, 150005);
	ck_assert_str_eq(p.text, "");
}
END_TEST

START_TEST(a_slot_that_reserves_nothing_begins_at_the_end)
{
	server("1", AT(9, 99), 0);
	ck_assert_str_eq(plan(decide(0, NULL)), "00000001 from 9+0 start 9+0");
}
END_TEST

START_TEST(a_slot_on_an_older_timeline_begins_there)
{
	server("3 1:0/300000,2:0/500000", AT(9, 99), AT(3, 5));
	ck_assert_str_eq(plan(decide(0, NULL)), "00000002 from 3+0 start 3+0");
	ck_assert_int_eq(p.info.history.n, 1);
	ck_assert_uint_eq(p.info.history.timeline, 2);
}
END_TEST

/* ---- going on ------------------------------------------------------------------ */

START_TEST(what_was_shipped_is_proven_first)
{
	struct resume_stream *s = hold("1", 0, 0, AT(5, 100));

	server("1", AT(9, 99), AT(5, 50));
	remember(s, AT(5, 100));
	ck_assert_str_eq(plan(decide(1, NULL)), "00000001 from 5+0 start 5+100 compare 7");
	ck_assert_str_eq(p.after.file, "last of 1");
	ck_assert_int_eq(p.time, 5000);
	ck_assert_str_eq(p.text, "");
}
END_TEST

/* Where the stored log ends, up to where the state has proof of it, and so the plan. */
static const struct {
	uint64_t end, proof;
	const char *plan;
} proofs[] = {
	{ AT(5, 100), AT(5, 100), "00000001 from 5+0 start 5+100 compare 7" },
	{ AT(6, 0), AT(6, 0), "00000001 from 5+0 start 6+0 compare 7" },	/* a segment's end */
	{ AT(5, 100), AT(4, 10), "00000001 from 4+0 start 4+10 compare 7" },
	{ AT(5, 100), AT(5, 200), "00000001 from 5+0 start 5+0" },	/* of more than is there */
};

START_TEST(it_goes_on_where_there_is_proof)
{
	struct resume_stream *s = hold("1", 0, 0, proofs[_i].end);

	server("1", AT(9, 99), proofs[_i].proof);
	remember(s, proofs[_i].proof);
	ck_assert_str_eq(plan(decide(1, NULL)), proofs[_i].plan);
}
END_TEST

START_TEST(the_later_proof_counts)
{
	struct resume_stream *s = hold("1", 0, 0, AT(5, 100));

	server("1", AT(9, 99), AT(5, 100));
	remember(s, AT(5, 60));
	known(&s->mark, AT(5, 50), 9);
	ck_assert_str_eq(plan(decide(1, NULL)), "00000001 from 5+0 start 5+60 compare 7");
	known(&s->mark, AT(5, 80), 9);
	ck_assert_str_eq(plan(decide(1, NULL)), "00000001 from 5+0 start 5+80 compare 9");
	ck_assert_str_eq(plan(decide(0, NULL)), "00000001 from 5+0 start 5+80 compare 9");
}
END_TEST

START_TEST(another_stream_s_state_is_no_proof)
{
	struct resume_stream *s = hold("1", 0, 0, AT(5, 100));

	server("1", AT(9, 99), AT(5, 100));
	remember(s, AT(5, 60));
	strcpy(state.stream, "another");
	ck_assert_str_eq(plan(decide(1, NULL)), "00000001 from 5+0 start 5+0");
}
END_TEST

START_TEST(without_proof_it_overlaps_from_the_segment_s_start_or_the_slot)
{
	hold("1", 0, AT(2, 0), AT(5, 100));
	server("1", AT(9, 99), AT(5, 100));
	ck_assert_str_eq(plan(decide(0, NULL)), "00000001 from 5+0 start 5+0");
	server("1", AT(9, 99), AT(4, 7));
	ck_assert_str_eq(plan(decide(0, NULL)), "00000001 from 4+0 start 4+0");
	server("1", AT(9, 99), AT(1, 7));	/* before the stream's own start */
	ck_assert_str_eq(plan(decide(0, NULL)), "00000001 from 2+0 start 2+0");
	sv.slot = RESUME_SLOT_NEW;	/* even so the WAL may be there */
	server("1", AT(9, 99), AT(8, 7));
	ck_assert_str_eq(plan(decide(0, NULL)), "00000001 from 5+0 start 5+0");
}
END_TEST

START_TEST(a_repository_with_less_than_was_stored_is_told)
{
	struct resume_stream *s = hold("1", 0, 0, AT(5, 100));

	server("1", AT(9, 99), AT(5, 200));
	remember(s, AT(5, 200));
	ck_assert_str_eq(plan(decide(1, NULL)), "00000001 from 5+0 start 5+0");
	ck_assert_str_eq(p.text, "stream 7574210418334529345-00000001 ends at 0/500064 in the "
	    "repository, but 0/5000C8 was stored there");
}
END_TEST

START_TEST(another_system_is_refused)
{
	hold("1", 0, 0, AT(5, 100));
	server("1", AT(9, 99), AT(5, 100));
	sv.system_id = 1;
	ck_assert_int_eq(resume_decide(&held, &sv, NULL, NULL, &p, &e), -1);
	ck_assert_int_eq(e.kind, ERR_REFUSED);
	ck_assert_str_eq(e.msg, "the server's system identifier is 1, and this source's "
	    "7574210418334529345");
}
END_TEST

START_TEST(a_standby_that_is_behind_is_waited_for)
{
	hold("1", 0, 0, AT(5, 100));
	server("1", AT(5, 99), AT(5, 99));
	sv.standby = 1;
	ck_assert_int_eq(resume_decide(&held, &sv, NULL, NULL, &p, &e), -1);
	ck_assert_int_eq(e.kind, ERR_BUSY);
	sv.flushed = AT(5, 100);
	decide(0, NULL);
}
END_TEST

/* ---- forks ----------------------------------------------------------------------- */

START_TEST(a_server_whose_log_is_shorter_was_set_back)
{
	struct resume_stream *s = hold("1", 0, 0, AT(5, 100));

	server("1", AT(5, 99), AT(3, 77));
	remember(s, AT(5, 100));
	ck_assert_str_eq(plan(decide(1, NULL)),
	    "00000001-2 from 3+0 start 3+0 parent 00000001 alarm");
	ck_assert_str_eq(p.after.file, "");
	ck_assert_int_eq(p.time, 0);	/* what was promised of the other history is void */
	ck_assert_str_eq(p.text, "the server's log ends at 0/500063, before that of stream "
	    "7574210418334529345-00000001, at 0/500064; the server was set back: its log "
	    "becomes stream 7574210418334529345-00000001-2, and the old one is kept");
}
END_TEST

START_TEST(a_server_with_other_bytes_was_set_back)
{
	struct resume_stream *s = hold("1", 0, 0, AT(5, 100));

	server("1", AT(9, 99), AT(3, 77));
	remember(s, AT(5, 100));
	ck_assert_str_eq(plan(decide(1, s->name)),
	    "00000001-2 from 3+0 start 3+0 parent 00000001 alarm");
	server("1", AT(9, 99), AT(5, 100));	/* its slot was not set back */
	ck_assert_str_eq(plan(decide(1, s->name)),
	    "00000001-2 from 5+0 start 5+0 parent 00000001 alarm");
	remember(s, AT(5, 0));			/* what differs began in the segment before */
	ck_assert_str_eq(plan(decide(1, s->name)),
	    "00000001-2 from 4+0 start 4+0 parent 00000001 alarm");
}
END_TEST

START_TEST(a_fork_of_a_fork_gets_the_next_number)
{
	hold("1", 0, 0, AT(5, 100));
	hold("1", 2, AT(3, 0), AT(6, 0));
	server("1", AT(5, 0), AT(4, 5));
	ck_assert_str_eq(plan(decide(0, NULL)),
	    "00000001-3 from 4+0 start 4+0 parent 00000001-2 alarm");
}
END_TEST

START_TEST(the_fork_shipped_last_goes_on)
{
	struct resume_stream *s;

	hold("1", 0, 0, AT(8, 100));
	s = hold("1", 2, AT(3, 0), AT(6, 0));
	strcpy(s->parent, streams[0].name);
	server("1", AT(7, 0), AT(6, 0));
	remember(s, AT(6, 0));
	ck_assert_str_eq(plan(decide(1, NULL)),
	    "00000001-2 from 5+0 start 6+0 compare 7 parent 00000001");
}
END_TEST

START_TEST(with_a_new_slot_nobody_knows_where_histories_part)
{
	hold("1", 0, 0, AT(5, 100));
	server("1", AT(5, 99), AT(4, 77));
	sv.slot = RESUME_SLOT_NEW;
	ck_assert_str_eq(plan(decide(0, NULL)), "00000001-2 from 4+0 start 4+0 alarm");
}
END_TEST

START_TEST(server_14_begins_a_fork_with_all_that_the_slot_holds)
{
	hold("1", 0, 0, AT(5, 100));
	server("1", AT(5, 99), 0);
	sv.slot = RESUME_SLOT_UNKNOWN;
	ck_assert_str_eq(plan(decide(0, NULL)),
	    "00000001-2 from 5+0 start 5+0 parent 00000001 earliest alarm");
}
END_TEST

START_TEST(a_fork_that_begins_before_the_log_joins_nothing)
{
	hold("1", 0, AT(4, 0), AT(5, 100));
	server("1", AT(5, 99), AT(2, 77));
	ck_assert_str_eq(plan(decide(0, NULL)), "00000001-2 from 2+0 start 2+0 alarm");
}
END_TEST

START_TEST(a_fork_of_a_later_timeline_begins_within_it)
{
	hold("2 1:0/300050", 0, AT(3, 0), AT(5, 100));
	server("2 1:0/300050", AT(5, 99), AT(2, 77));	/* the slot was set back further */
	ck_assert_str_eq(plan(decide(0, NULL)),
	    "00000002-2 from 3+0 start 3+0 parent 00000002 alarm");
}
END_TEST

/* ---- timelines -------------------------------------------------------------------- */

START_TEST(a_timeline_shipped_to_its_end_gives_way)
{
	hold("1", 0, 0, AT(3, 0x50));
	server("2 1:0/300050", AT(4, 0), AT(3, 0x50));
	ck_assert_str_eq(plan(decide(0, NULL)), "00000002 from 3+0 start 3+0");
	ck_assert_int_eq(p.info.history.n, 1);
	ck_assert_str_eq(p.after.file, "");
	ck_assert_int_eq(p.time, 5000);
}
END_TEST

START_TEST(the_rest_of_an_old_timeline_comes_first)
{
	struct resume_stream *s = hold("1", 0, 0, AT(2, 5));

	server("3 1:0/300050,2:0/480000", AT(6, 0), AT(2, 5));
	remember(s, AT(2, 5));
	ck_assert_str_eq(plan(decide(1, NULL)), "00000001 from 2+0 start 2+5 compare 7");
	ck_assert_uint_eq(p.info.timeline, 1);
	s->end = AT(3, 0x50);
	ck_assert_str_eq(plan(decide(1, NULL)), "00000002 from 3+0 start 3+0");
	hold("2 1:0/300050", 0, AT(3, 0), AT(4, 0x80000));
	ck_assert_str_eq(plan(decide(1, NULL)), "00000003 from 4+0 start 4+0");
}
END_TEST

START_TEST(what_was_shipped_beyond_a_switch_is_kept_aloud)
{
	hold("1", 0, 0, AT(3, 0x60));
	server("2 1:0/300050", AT(4, 0), AT(3, 0x50));
	ck_assert_str_eq(plan(decide(0, NULL)), "00000002 from 3+0 start 3+0 alarm");
	ck_assert_str_eq(p.text, "timeline 1 was shipped up to 0/300060, and timeline 2 began "
	    "at 0/300050: the last 16 bytes are only in stream "
	    "7574210418334529345-00000001; both are kept");
}
END_TEST

START_TEST(a_server_back_on_the_old_timeline_is_told)
{
	struct resume_stream *s = hold("1", 0, 0, AT(3, 0x50));

	known(&s->mark, AT(3, 0x50), 9);
	hold("2 1:0/300050", 0, AT(3, 0), AT(4, 0));
	server("1", AT(5, 0), AT(3, 0x50));
	ck_assert_str_eq(plan(decide(0, NULL)),
	    "00000001 from 3+0 start 3+80 compare 9 alarm");
	ck_assert_str_eq(p.text, "the server is on timeline 1, which does not include stream "
	    "7574210418334529345-00000002, shipped last: its log goes to stream "
	    "7574210418334529345-00000001, and the other is kept");
}
END_TEST

START_TEST(the_same_number_for_another_timeline_is_another_stream)
{
	hold("1", 0, 0, AT(3, 0x50));
	hold("2 1:0/300050", 0, AT(3, 0), AT(5, 0));
	server("2 1:0/200050", AT(4, 0), AT(2, 0x50));	/* another standby was promoted */
	ck_assert_str_eq(plan(decide(0, NULL)), "00000002-2 from 2+0 start 2+0 alarm");
}
END_TEST

START_TEST(a_server_of_unknown_descent_begins_anew)
{
	hold("2 1:0/300050", 0, AT(3, 0), AT(5, 0));
	server("3 1:0/200050", AT(4, 0), AT(3, 5));
	ck_assert_str_eq(plan(decide(0, NULL)), "00000003 from 3+0 start 3+0 alarm");
}
END_TEST

/* ---- gaps --------------------------------------------------------------------------- */

START_TEST(wal_that_is_gone_leaves_a_gap)
{
	struct resume_stream *s = hold("1", 0, 0, AT(5, 100));

	remember(s, AT(5, 100));
	server("1", AT(9, 99), AT(8, 5));
	sv.oldest = AT(8, 0);
	ck_assert_str_eq(plan(decide(1, NULL)), "00000001 from 8+0 start 8+0 gap 5+100");
	ck_assert_str_eq(p.after.file, "last of 1");
}
END_TEST

START_TEST(only_the_proof_can_be_gone)
{
	struct resume_stream *s = hold("1", 0, 0, AT(6, 0));

	remember(s, AT(6, 0));
	server("1", AT(9, 99), AT(6, 0));
	sv.oldest = AT(6, 0);
	ck_assert_str_eq(plan(decide(1, NULL)), "00000001 from 6+0 start 6+0");
	sv.oldest = AT(5, 0);
	ck_assert_str_eq(plan(decide(1, NULL)), "00000001 from 5+0 start 6+0 compare 7");
}
END_TEST

START_TEST(timelines_that_are_gone_are_left_out)
{
	hold("1", 0, 0, AT(2, 5));
	server("3 1:0/300050,2:0/480000", AT(9, 0), AT(8, 5));
	sv.oldest = AT(7, 0);
	ck_assert_str_eq(plan(decide(0, NULL)), "00000003 from 7+0 start 7+0 gap 2+5");
	streams[0].end = AT(3, 0x50);
	ck_assert_str_eq(plan(decide(0, NULL)), "00000003 from 7+0 start 7+0 gap 3+80");
	sv.oldest = AT(4, 0);
	ck_assert_str_eq(plan(decide(0, NULL)), "00000002 from 4+0 start 4+0 gap 3+80");
}
END_TEST

START_TEST(a_fork_whose_beginning_is_gone_joins_nothing)
{
	hold("1", 0, 0, AT(5, 100));
	server("1", AT(5, 99), AT(3, 77));
	sv.oldest = AT(4, 0);
	ck_assert_str_eq(plan(decide(0, NULL)), "00000001-2 from 4+0 start 4+0 alarm");
}
END_TEST

/* ---- what the repository holds -------------------------------------------------------- */

static struct logs l;

static void
load_setup(void)
{
	logs_setup(&l);
}

static void
load_teardown(void)
{
	logs_teardown(&l);
}

static struct resume_stream
load(size_t n)
{
	struct resume_held h;
	struct resume_stream s;

	ck_assert_msg(resume_load(l.f.repo, "shop", NULL, &h, &e) == 0, "%s", e.msg);
	ck_assert_uint_ge(h.n, n + 1);
	s = h.streams[n];
	resume_held_free(&h);
	return s;
}

START_TEST(nothing_held_is_nothing_loaded)
{
	struct resume_held h;

	fixture_ok(resume_load(l.f.repo, "shop", NULL, &h, &e));
	ck_assert_uint_eq(h.n, 0);
	ck_assert_uint_eq(h.system_id, 0);
	resume_held_free(&h);
	ck_assert_int_eq(resume_load(l.f.repo, "none", NULL, &h, &e), -1);
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
}
END_TEST

START_TEST(a_closed_file_ends_where_it_says)
{
	struct log_stream_info info = logs_info("1", 0, NULL);
	struct log_writer *w = logs_open(&l, &info, SEG, NULL);
	struct tail_mark tail = { SEG, SEG + 5000, { 3 } };
	struct resume_stream s;

	logs_append(w, 0, 5000, 777000000);
	fixture_ok(log_writer_close(w, &tail, &e));
	log_writer_free(w);
	s = load(0);
	ck_assert_uint_eq(s.start, SEG);
	ck_assert_uint_eq(s.end, SEG + 5000);
	ck_assert_int_eq(s.time, 777000000);
	ck_assert_str_eq(s.last.file, "0000000000100000.1");
	ck_assert_uint_eq(s.last.frames, 3);
	ck_assert_uint_eq(s.mark.position, SEG + 5000);
	ck_assert_uint_eq(s.mark.from, SEG);
	ck_assert_mem_eq(s.mark.digest, tail.digest, 32);
}
END_TEST

START_TEST(an_abandoned_file_is_measured_behind_its_mark)
{
	struct log_stream_info info = logs_info("1", 0, NULL);
	struct log_writer *w = logs_open(&l, &info, SEG, NULL);
	struct tail_mark tail = { SEG, SEG + 5000, { 3 } };
	struct log_after end;
	struct resume_stream s;

	logs_append(w, 0, 5000, 777000000);
	fixture_ok(log_writer_mark(w, &tail, &e));
	logs_append(w, 0, 2000, 888000000);
	end = logs_leave(w, 0);
	s = load(0);
	ck_assert_uint_eq(s.end, SEG + 7000);
	ck_assert_int_eq(s.time, 888000000);
	ck_assert_uint_eq(s.last.frames, end.frames);
	ck_assert_uint_eq(s.last.bytes, end.bytes);
	ck_assert_uint_eq(s.last.position, end.position);
	ck_assert_uint_eq(s.mark.position, SEG + 5000);

	ck_assert_int_eq(truncate(logs_path(&l, info.stream, end.file), (off_t)end.bytes - 1),
	    0);
	ck_assert_uint_eq(load(0).end, SEG + 5000);
}
END_TEST

START_TEST(an_unmarked_file_is_measured_whole)
{
	struct log_stream_info info = logs_info("1", 0, NULL);
	struct log_writer *w = logs_open(&l, &info, SEG, NULL);

	logs_append(w, 0, 5000, 0);
	logs_append(w, 0, 2000, 0);
	logs_leave(w, 0);
	ck_assert_uint_eq(load(0).end, SEG + 7000);
	ck_assert_uint_eq(load(0).mark.position, 0);
}
END_TEST

START_TEST(the_end_is_the_farthest_of_all_files)
{
	struct log_stream_info info = logs_info("1", 0, NULL);
	struct log_after a = logs_file(&l, &info, 0, SEG + 500, NULL);

	logs_file(&l, &info, SEG, 20, &a);
	ck_assert_uint_eq(load(0).end, SEG + 500);
	ck_assert_uint_eq(load(0).last.position, SEG + 20);
}
END_TEST

START_TEST(a_lost_file_holds_nothing)
{
	struct log_stream_info info = logs_info("1", 0, NULL);
	struct log_after a = logs_file(&l, &info, 0, 500, NULL), b;
	struct log_writer *w = logs_open(&l, &info, 500, &a);

	logs_append(w, 0, 5000, 0);
	b = logs_leave(w, 0);
	ck_assert_int_eq(unlink(logs_path(&l, info.stream, b.file)), 0);
	ck_assert_uint_eq(load(0).end, 500);
	ck_assert_uint_eq(load(0).last.position, 500);
}
END_TEST

START_TEST(the_stream_opened_last_is_known)
{
	struct log_stream_info one = logs_info("1", 0, NULL);
	struct log_stream_info two = logs_info("2 1:0/1F4", 0, NULL);
	struct log_after a = logs_file(&l, &one, 0, 500, NULL);

	logs_file(&l, &two, 0, 600, NULL);
	ck_assert_uint_lt(load(0).opened, load(1).opened);
	ck_assert_int_eq(load(1).history.n, 1);
	logs_file(&l, &one, 500, 10, &a);
	ck_assert_uint_gt(load(0).opened, load(1).opened);
}
END_TEST

Suite *
log_resume_suite(void)
{
	Suite *s = suite_create("log_resume");
	TCase *t = tcase_create("decide"), *u = tcase_create("load");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, the_first_log_begins_with_the_slot_s_segment);
	tcase_add_test(t, a_slot_that_reserves_nothing_begins_at_the_end);
	tcase_add_test(t, a_slot_on_an_older_timeline_begins_there);
	tcase_add_test(t, what_was_shipped_is_proven_first);
	tcase_add_loop_test(t, it_goes_on_where_there_is_proof, 0,
	    sizeof(proofs) / sizeof(proofs[0]));
	tcase_add_test(t, the_later_proof_counts);
	tcase_add_test(t, another_stream_s_state_is_no_proof);
	tcase_add_test(t, without_proof_it_overlaps_from_the_segment_s_start_or_the_slot);
	tcase_add_test(t, a_repository_with_less_than_was_stored_is_told);
	tcase_add_test(t, another_system_is_refused);
	tcase_add_test(t, a_standby_that_is_behind_is_waited_for);
	tcase_add_test(t, a_server_whose_log_is_shorter_was_set_back);
	tcase_add_test(t, a_server_with_other_bytes_was_set_back);
	tcase_add_test(t, a_fork_of_a_fork_gets_the_next_number);
	tcase_add_test(t, the_fork_shipped_last_goes_on);
	tcase_add_test(t, with_a_new_slot_nobody_knows_where_histories_part);
	tcase_add_test(t, server_14_begins_a_fork_with_all_that_the_slot_holds);
	tcase_add_test(t, a_fork_that_begins_before_the_log_joins_nothing);
	tcase_add_test(t, a_fork_of_a_later_timeline_begins_within_it);
	tcase_add_test(t, a_timeline_shipped_to_its_end_gives_way);
	tcase_add_test(t, the_rest_of_an_old_timeline_comes_first);
	tcase_add_test(t, what_was_shipped_beyond_a_switch_is_kept_aloud);
	tcase_add_test(t, a_server_back_on_the_old_timeline_is_told);
	tcase_add_test(t, the_same_number_for_another_timeline_is_another_stream);
	tcase_add_test(t, a_server_of_unknown_descent_begins_anew);
	tcase_add_test(t, wal_that_is_gone_leaves_a_gap);
	tcase_add_test(t, only_the_proof_can_be_gone);
	tcase_add_test(t, timelines_that_are_gone_are_left_out);
	tcase_add_test(t, a_fork_whose_beginning_is_gone_joins_nothing);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(u, load_setup, load_teardown);
	tcase_add_test(u, nothing_held_is_nothing_loaded);
	tcase_add_test(u, a_closed_file_ends_where_it_says);
	tcase_add_test(u, an_abandoned_file_is_measured_behind_its_mark);
	tcase_add_test(u, an_unmarked_file_is_measured_whole);
	tcase_add_test(u, the_end_is_the_farthest_of_all_files);
	tcase_add_test(u, a_lost_file_holds_nothing);
	tcase_add_test(u, the_stream_opened_last_is_known);
	suite_add_tcase(s, u);
	return s;
}
