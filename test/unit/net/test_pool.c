/* Jobs in threads, and their ends in the loop. */
#include "net/pool.h"

#include "err.h"
#include "unit/suite.h"

#define JOBS (3 * LIMIT_SYNC_THREADS)

static uv_loop_t loop;
static struct pool pool;
static struct pool_job jobs[JOBS];
static bool ran[JOBS];
static size_t ended, again;
static uv_barrier_t all_run;
static uv_thread_t here;

static void open_pool(void)
{
    ended = again = 0;
    for (size_t i = 0; i < JOBS; i++)
        ran[i] = false;
    here = uv_thread_self();
    must(uv_loop_init(&loop) == 0);
    pool_open(&pool, &loop);
}

/* Runs the loop until so many jobs have ended. */
static void close_pool(size_t count)
{
    while (ended < count)
        uv_run(&loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&pool.wake, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    CU_ASSERT(uv_loop_close(&loop) == 0 && ended == count);
    pool_close(&pool);
}

static void run(void *what)
{
    uv_thread_t self = uv_thread_self();
    CU_ASSERT(!uv_thread_equal(&self, &here));
    *(bool *)what = true;
}

static void done(void *what)
{
    uv_thread_t self = uv_thread_self();
    CU_ASSERT(uv_thread_equal(&self, &here) && *(bool *)what);
    ended++;
}

static void give(size_t i, void (*job_run)(void *what), void (*job_done)(void *what))
{
    jobs[i] = (struct pool_job){.what = &ran[i], .run = job_run, .done = job_done};
    pool_run(&pool, &jobs[i]);
}

static void a_job_is_done_in_the_loop_after_it_has_run(void)
{
    open_pool();
    for (size_t i = 0; i < JOBS; i++)
        give(i, run, done);
    CU_ASSERT_EQUAL(ended, 0);
    close_pool(JOBS);
}

/* Each waits for all others, as for a commit that they share. */
static void meet(void *what)
{
    uv_barrier_wait(&all_run);
    *(bool *)what = true;
}

static void so_many_run_at_the_same_time(void)
{
    open_pool();
    must(uv_barrier_init(&all_run, LIMIT_SYNC_THREADS) == 0);
    for (size_t i = 0; i < LIMIT_SYNC_THREADS; i++)
        give(i, meet, done);
    close_pool(LIMIT_SYNC_THREADS);
    CU_ASSERT_EQUAL(pool.count, LIMIT_SYNC_THREADS);
    uv_barrier_destroy(&all_run);
}

/* The same job once more, as the next append to the same file. */
static void done_again(void *what)
{
    done(what);
    ran[0] = false;
    if (again++ < JOBS)
        give(0, run, done_again);
}

static void one_job_at_a_time_needs_one_thread(void)
{
    open_pool();
    give(0, run, done_again);
    close_pool(JOBS + 1);
    CU_ASSERT_EQUAL(pool.count, 1);
}

static void a_pool_that_is_not_used_has_no_thread(void)
{
    open_pool();
    CU_ASSERT_EQUAL(pool.count, 0);
    close_pool(0);
}

SUITE("pool", TEST(a_job_is_done_in_the_loop_after_it_has_run), TEST(so_many_run_at_the_same_time),
      TEST(one_job_at_a_time_needs_one_thread), TEST(a_pool_that_is_not_used_has_no_thread))
