/*
 * Tests of base/pool.  A test that would hang is ended by Check's timeout.
 */
#include <sys/syscall.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/pool.h"
#include "suites.h"

#define JOBS 2000

/* What the calls do, and what they saw. */
struct scene {
	int work_fails_at, done_fails_at; /* a job's number, or -1 */
	int threads;
	atomic_int gate, done_gate; /* work or done waits while it is closed (1) */
	atomic_int begun, done_begun; /* calls of work, of done */
	atomic_int alive; /* jobs made and not yet dropped */
	atomic_size_t bytes;

	/* the writer's alone */
	int done_count, most_alive;
	size_t most_bytes;
	pthread_t writer;
	int busy[64]; /* by worker: one thread only, so TSan would tell a second */
};

struct job {
	struct scene *scene;
	int number;
	size_t bytes;
	int worked, done;
};

static struct job *
new_job(struct scene *s, int number, size_t bytes)
{
	struct job *j = calloc(1, sizeof(*j));

	ck_assert_ptr_nonnull(j);
	*j = (struct job){ s, number, bytes, 0, 0 };
	atomic_fetch_add(&s->alive, 1);
	return j;
}

static int
work(void *ctx, int worker, void *job, struct err *e)
{
	struct scene *s = ctx;
	struct job *j = job;
	volatile int spin;

	atomic_fetch_add(&s->begun, 1);
	if (worker < 0 || worker >= s->threads)
		return err_set(e, ERR_BUG, "worker %d of %d", worker, s->threads);
	s->busy[worker]++;
	while (atomic_load(&s->gate))
		sched_yield();
	for (spin = (j->number * 7919) % 3000; spin > 0; spin--)
		;
	if (j->number == s->work_fails_at)
		return err_set(e, ERR_CORRUPT, "work on job %d", j->number);
	j->worked = 1;
	return 0;
}

static int
done(void *ctx, void *job, struct err *e)
{
	struct scene *s = ctx;
	struct job *j = job;
	int alive = atomic_load(&s->alive);
	size_t bytes = atomic_load(&s->bytes);

	atomic_fetch_add(&s->done_begun, 1);
	while (atomic_load(&s->done_gate))
		sched_yield();
	if (s->done_count == 0)
		s->writer = pthread_self();
	if (!pthread_equal(s->writer, pthread_self()))
		return err_set(e, ERR_BUG, "job %d: another writer", j->number);
	if (!j->worked || j->done)
		return err_set(e, ERR_BUG, "job %d: not worked on, or done before", j->number);
	if (j->number != s->done_count)
		return err_set(e, ERR_BUG, "job %d came as number %d", j->number,
		    s->done_count);
	if (j->number == s->done_fails_at)
		return err_set(e, ERR_IO, "store job %d", j->number);
	if (alive > s->most_alive)
		s->most_alive = alive;
	if (bytes > s->most_bytes)
		s->most_bytes = bytes;
	j->done = 1;
	s->done_count++;
	return 0;
}

static void
drop(void *ctx, void *job)
{
	struct scene *s = ctx;
	struct job *j = job;

	atomic_fetch_sub(&s->bytes, j->bytes);
	atomic_fetch_sub(&s->alive, 1);
	free(j); /* twice would be told by the allocator, never by the leak checker */
}

static const struct pool_calls calls = { work, done, drop };

static void
scene_init(struct scene *s, int threads)
{
	*s = (struct scene){ .work_fails_at = -1, .done_fails_at = -1, .threads = threads };
}

static struct pool *
new_pool(struct scene *s, size_t max_jobs, size_t max_bytes)
{
	struct err e = ERR_INIT;
	struct pool *p = pool_new(s->threads, max_jobs, max_bytes, &calls, s, &e);

	ck_assert_msg(p != NULL, "%s", e.msg);
	return p;
}

/* Submit jobs 0.. until n were taken or one was not; how many were. */
static int
submit(struct pool *p, struct scene *s, int n, size_t bytes, struct err *e)
{
	int i;

	for (i = 0; i < n; i++) {
		atomic_fetch_add(&s->bytes, bytes);
		if (pool_submit(p, new_job(s, i, bytes), bytes, e) != 0)
			break;
	}
	return i;
}

START_TEST(jobs_are_done_in_order)
{
	struct err e = ERR_INIT;
	struct scene s;
	struct pool *p;

	scene_init(&s, _i);
	p = new_pool(&s, 8, 1000);
	ck_assert_int_eq(submit(p, &s, JOBS, 1, &e), JOBS);
	ck_assert_msg(pool_finish(p, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(s.done_count, JOBS);
	ck_assert_int_eq(s.alive, 0);
	ck_assert(!pthread_equal(s.writer, pthread_self()));
	pool_free(p);
}
END_TEST

START_TEST(the_number_of_jobs_is_bounded)
{
	struct err e = ERR_INIT;
	struct scene s;
	struct pool *p;

	scene_init(&s, 2);
	p = new_pool(&s, 3, SIZE_MAX);
	ck_assert_int_eq(submit(p, &s, JOBS, SIZE_MAX / 16, &e), JOBS);
	ck_assert_int_eq(pool_finish(p, &e), 0);
	ck_assert_int_le(s.most_alive, 3 + 1); /* and the one that waits in submit */
	pool_free(p);
}
END_TEST

START_TEST(the_bytes_are_bounded)
{
	struct err e = ERR_INIT;
	struct scene s;
	struct pool *p;

	scene_init(&s, 2);
	p = new_pool(&s, 100, 1000);
	ck_assert_int_eq(submit(p, &s, JOBS, 300, &e), JOBS);
	ck_assert_int_eq(pool_finish(p, &e), 0);
	ck_assert_uint_le(s.most_bytes, 900 + 300); /* and the one that waits in submit */
	pool_free(p);
}
END_TEST

START_TEST(a_job_beyond_the_bound_goes_alone)
{
	struct err e = ERR_INIT;
	struct scene s;
	struct pool *p;

	scene_init(&s, 2);
	p = new_pool(&s, 100, 1000);
	ck_assert_int_eq(submit(p, &s, 200, 1001, &e), 200);
	ck_assert_int_eq(pool_finish(p, &e), 0);
	ck_assert_int_eq(s.done_count, 200);
	ck_assert_uint_le(s.most_bytes, 1001 + 1001);
	pool_free(p);
}
END_TEST

static pthread_barrier_t meeting;

static int
meet(void *ctx, int worker, void *job, struct err *e)
{
	(void)ctx;
	(void)worker;
	(void)job;
	(void)e;
	(void)pthread_barrier_wait(&meeting); /* its value only tells who was last */
	return 0;
}

static void
drop_nothing(void *ctx, void *job)
{
	(void)ctx;
	(void)job;
}

START_TEST(work_runs_in_parallel)
{
	static const struct pool_calls meet_calls = { meet, NULL, drop_nothing };
	struct err e = ERR_INIT;
	struct pool *p = pool_new(3, 3, 3, &meet_calls, NULL, &e);
	int i;

	ck_assert_int_eq(pthread_barrier_init(&meeting, NULL, 3), 0);
	for (i = 0; i < 6; i++)
		ck_assert_int_eq(pool_submit(p, NULL, 1, &e), 0);
	ck_assert_int_eq(pool_finish(p, &e), 0);
	pool_free(p);
	ck_assert_int_eq(pthread_barrier_destroy(&meeting), 0);
}
END_TEST

START_TEST(a_failed_work_cancels)
{
	struct err e = ERR_INIT, first = ERR_INIT;
	struct scene s;
	struct pool *p;

	scene_init(&s, 3);
	s.work_fails_at = 100;
	p = new_pool(&s, 8, 1000);
	ck_assert_int_lt(submit(p, &s, JOBS, 1, &e), JOBS);
	ck_assert_int_eq(e.kind, ERR_CANCELLED);
	ck_assert_int_eq(pool_finish(p, &first), -1);
	ck_assert_int_eq(first.kind, ERR_CORRUPT);
	ck_assert_str_eq(first.msg, "work on job 100");
	ck_assert_int_le(s.done_count, 100);
	ck_assert_int_lt(s.begun, 100 + 1 + 8);
	ck_assert_int_eq(s.alive, 0);
	pool_free(p);
}
END_TEST

START_TEST(a_failed_done_cancels)
{
	struct err e = ERR_INIT, first = ERR_INIT;
	struct scene s;
	struct pool *p;

	scene_init(&s, 3);
	s.done_fails_at = 100;
	p = new_pool(&s, 8, 1000);
	ck_assert_int_lt(submit(p, &s, JOBS, 1, &e), JOBS);
	ck_assert_int_eq(pool_finish(p, &first), -1);
	ck_assert_int_eq(first.kind, ERR_IO);
	ck_assert_str_eq(first.msg, "store job 100");
	ck_assert_int_eq(s.done_count, 100);
	ck_assert_int_eq(s.done_begun, 101);
	ck_assert_int_eq(s.alive, 0);
	pool_free(p);
}
END_TEST

START_TEST(jobs_not_yet_begun_are_only_dropped)
{
	struct err e = ERR_INIT;
	struct scene s;
	struct pool *p;

	scene_init(&s, 1);
	s.work_fails_at = 0;
	s.gate = 1;
	p = new_pool(&s, 100, 1000);
	ck_assert_int_eq(submit(p, &s, 50, 1, &e), 50);
	atomic_store(&s.gate, 0);
	ck_assert_int_eq(pool_finish(p, &e), -1);
	ck_assert_str_eq(e.msg, "work on job 0");
	ck_assert_int_eq(s.begun, 1);
	ck_assert_int_eq(s.done_begun, 0);
	ck_assert_int_eq(s.alive, 0);
	pool_free(p);
}
END_TEST

START_TEST(a_slow_writer_neither_delays_nor_hides_the_first_error)
{
	struct err e = ERR_INIT;
	struct scene s;
	struct pool *p;

	scene_init(&s, 1);
	s.work_fails_at = 1;
	s.done_fails_at = 0;
	s.done_gate = 1;
	p = new_pool(&s, 2, 1000);
	ck_assert_int_eq(pool_submit(p, new_job(&s, 0, 0), 0, &e), 0);
	while (atomic_load(&s.done_begun) == 0)
		sched_yield();
	ck_assert_int_eq(pool_submit(p, new_job(&s, 1, 0), 0, &e), 0);
	ck_assert_int_eq(pool_submit(p, new_job(&s, 2, 0), 0, &e), -1);
	ck_assert_int_eq(e.kind, ERR_CANCELLED);
	atomic_store(&s.done_gate, 0);
	ck_assert_int_eq(pool_finish(p, &e), -1);
	ck_assert_str_eq(e.msg, "work on job 1");
	pool_free(p);
}
END_TEST

START_TEST(a_cancelled_pool_takes_nothing_and_keeps_its_error)
{
	struct err e = ERR_INIT;
	struct scene s;
	struct pool *p;

	scene_init(&s, 1);
	s.work_fails_at = 0;
	p = new_pool(&s, 8, 1000);
	ck_assert_int_eq(submit(p, &s, 1, 1, &e), 1);
	while (atomic_load(&s.alive) > 0)
		sched_yield();
	ck_assert_int_eq(submit(p, &s, 1, 1, &e), 0);
	ck_assert_int_eq(e.kind, ERR_CANCELLED);
	ck_assert_int_eq(s.alive, 0);
	ck_assert_int_eq(s.begun, 1);
	ck_assert_int_eq(pool_finish(p, &e), -1);
	ck_assert_str_eq(e.msg, "work on job 0");
	ck_assert_int_eq(pool_finish(p, &e), -1);
	ck_assert_str_eq(e.msg, "work on job 0");
	pool_free(p);
}
END_TEST

struct submitter {
	pthread_t thread;
	struct pool *pool;
	struct scene *scene;
	atomic_int tid;
	int jobs, taken;
	struct err e;
};

static void *
submitter_main(void *arg)
{
	struct submitter *s = arg;

	s->taken = submit(s->pool, s->scene, s->jobs, 400, &s->e);
	return NULL;
}

START_TEST(waiting_submitters_wake_when_it_is_cancelled)
{
	struct submitter waiting[3];
	struct err e = ERR_INIT;
	struct scene s;
	struct pool *p;
	int i;

	scene_init(&s, 1);
	s.work_fails_at = 0;
	s.gate = 1;
	p = new_pool(&s, 1, 1000);
	ck_assert_int_eq(submit(p, &s, 1, 1, &e), 1);
	for (i = 0; i < 3; i++) {
		waiting[i] = (struct submitter){ .pool = p, .scene = &s, .jobs = 1 };
		ck_assert_int_eq(
		    pthread_create(&waiting[i].thread, NULL, submitter_main, &waiting[i]), 0);
	}
	while (atomic_load(&s.alive) < 4)
		sched_yield();
	atomic_store(&s.gate, 0);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(pthread_join(waiting[i].thread, NULL), 0);
		ck_assert_int_eq(waiting[i].taken, 0);
		ck_assert_int_eq(waiting[i].e.kind, ERR_CANCELLED);
	}
	ck_assert_int_eq(pool_finish(p, &e), -1);
	ck_assert_int_eq(s.begun, 1);
	ck_assert_int_eq(s.alive, 0);
	pool_free(p);
}
END_TEST

static int
count_done(void *ctx, void *job, struct err *e)
{
	struct scene *s = ctx;

	(void)job;
	(void)e;
	s->done_count++;
	return 0;
}

START_TEST(many_may_submit)
{
	static const struct pool_calls count_calls = { work, count_done, drop };
	struct submitter them[4];
	struct err e = ERR_INIT;
	struct scene s;
	struct pool *p;
	int i;

	scene_init(&s, 2);
	p = pool_new(2, 3, 1000, &count_calls, &s, &e);
	for (i = 0; i < 4; i++) {
		them[i] = (struct submitter){ .pool = p, .scene = &s, .jobs = 500 };
		ck_assert_int_eq(
		    pthread_create(&them[i].thread, NULL, submitter_main, &them[i]), 0);
	}
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_join(them[i].thread, NULL), 0);
		ck_assert_int_eq(them[i].taken, 500);
	}
	ck_assert_int_eq(pool_finish(p, &e), 0);
	ck_assert_int_eq(s.done_count, 2000);
	ck_assert_int_eq(s.alive, 0);
	pool_free(p);
}
END_TEST

static void *
submit_one(void *arg)
{
	struct submitter *s = arg;
	int number = s->jobs;
	size_t bytes = number == 1 ? 1000 : 0;

	atomic_store(&s->tid, (int)syscall(SYS_gettid));
	s->taken = pool_submit(s->pool, new_job(s->scene, number, bytes), bytes, &s->e) == 0;
	return NULL;
}

/* Start a thread that submits job `number`, and wait until it sleeps. */
static void
start_sleeper(struct submitter *s, struct pool *p, struct scene *scene, int number)
{
	char path[64], state = '?';
	FILE *f;

	*s = (struct submitter){ .pool = p, .scene = scene, .jobs = number };
	ck_assert_int_eq(pthread_create(&s->thread, NULL, submit_one, s), 0);
	while (atomic_load(&scene->alive) < number + 1)
		sched_yield();
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", atomic_load(&s->tid));
	while (state != 'S') {
		ck_assert_ptr_nonnull(f = fopen(path, "re"));
		ck_assert_int_eq(fscanf(f, "%*d (%*[^)]) %c", &state), 1);
		ck_assert_int_eq(fclose(f), 0);
	}
}

START_TEST(a_large_job_is_not_overtaken)
{
	struct submitter large, small;
	struct err e = ERR_INIT;
	struct scene s;
	struct pool *p;

	scene_init(&s, 1);
	s.gate = 1;
	p = new_pool(&s, 100, 1000);
	ck_assert_int_eq(submit(p, &s, 1, 1, &e), 1);
	start_sleeper(&large, p, &s, 1);
	start_sleeper(&small, p, &s, 2);
	atomic_store(&s.gate, 0);
	ck_assert_int_eq(pthread_join(large.thread, NULL), 0);
	ck_assert_int_eq(pthread_join(small.thread, NULL), 0);
	ck_assert(large.taken && small.taken);
	ck_assert_msg(pool_finish(p, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(s.done_count, 3);
	pool_free(p);
}
END_TEST

START_TEST(free_without_finish_drops_all)
{
	struct err e = ERR_INIT;
	struct scene s;
	struct pool *p;

	scene_init(&s, 2);
	s.gate = 1;
	p = new_pool(&s, 100, 1000);
	ck_assert_int_eq(submit(p, &s, 50, 1, &e), 50);
	while (atomic_load(&s.begun) < 2)
		sched_yield();
	s.work_fails_at = 0; /* else all could be done before free begins */
	atomic_store(&s.gate, 0);
	pool_free(p);
	ck_assert_int_eq(s.alive, 0);
	ck_assert_int_eq(s.done_count, 0);
	pool_free(NULL);
}
END_TEST

START_TEST(an_unused_pool_ends)
{
	struct err e = ERR_INIT;
	struct scene s;
	struct pool *p;

	scene_init(&s, 4);
	p = new_pool(&s, 1, 1);
	ck_assert_int_eq(pool_finish(p, &e), 0);
	pool_free(p);
}
END_TEST

static int
signals_are_blocked(void *ctx, int worker, void *job, struct err *e)
{
	sigset_t now;

	(void)ctx;
	(void)worker;
	(void)job;
	if (pthread_sigmask(SIG_BLOCK, NULL, &now) != 0 || !sigismember(&now, SIGTERM))
		return err_set(e, ERR_BUG, "SIGTERM is not blocked");
	return 0;
}

START_TEST(signals_stay_with_the_caller)
{
	static const struct pool_calls signal_calls = { signals_are_blocked, NULL,
		drop_nothing };
	struct err e = ERR_INIT;
	struct pool *p = pool_new(1, 1, 1, &signal_calls, NULL, &e);
	sigset_t now;

	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &now), 0);
	ck_assert(!sigismember(&now, SIGTERM));
	ck_assert_int_eq(pool_submit(p, NULL, 0, &e), 0);
	ck_assert_msg(pool_finish(p, &e) == 0, "%s", e.msg);
	pool_free(p);
}
END_TEST

START_TEST(an_impossible_pool_is_refused)
{
	struct err e = ERR_INIT;

	ck_assert_ptr_null(pool_new(1, SIZE_MAX / 2, 1, &calls, NULL, &e));
	ck_assert_int_eq(e.kind, ERR_SYSTEM);
	ck_assert_str_eq(e.msg, "out of memory");
}
END_TEST

Suite *
pool_suite(void)
{
	Suite *s = suite_create("pool");
	TCase *t = tcase_create("pool");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, jobs_are_done_in_order, 1, 6);
	tcase_add_test(t, the_number_of_jobs_is_bounded);
	tcase_add_test(t, the_bytes_are_bounded);
	tcase_add_test(t, a_job_beyond_the_bound_goes_alone);
	tcase_add_test(t, work_runs_in_parallel);
	tcase_add_test(t, a_failed_work_cancels);
	tcase_add_test(t, a_failed_done_cancels);
	tcase_add_test(t, jobs_not_yet_begun_are_only_dropped);
	tcase_add_test(t, a_slow_writer_neither_delays_nor_hides_the_first_error);
	tcase_add_test(t, a_cancelled_pool_takes_nothing_and_keeps_its_error);
	tcase_add_test(t, waiting_submitters_wake_when_it_is_cancelled);
	tcase_add_test(t, many_may_submit);
	tcase_add_test(t, a_large_job_is_not_overtaken);
	tcase_add_test(t, free_without_finish_drops_all);
	tcase_add_test(t, an_unused_pool_ends);
	tcase_add_test(t, signals_stay_with_the_caller);
	tcase_add_test(t, an_impossible_pool_is_refused);
	suite_add_tcase(s, t);
	return s;
}
