/* Jobs in threads, and their ends in the loop. */
#include "net/pool.h"

#include "err.h"
#include "unit/suite.h"

#define JOBS (3 * LIMIT_SYNC_THREADS)

static uv_loop_t loop;
static struct pool pool;
static struct pool_job jobs[JOBS];
static bool ran[JOBS];
static size_t ended;
static uv_barrier_t all_run;
static uv_thread_t here;

static void run(void *what)
{
    uv_thread_t self = uv_thread_self();
    CU_ASSERT(!uv_thread_equal(&self, &here));
    *(bool *)what = true;
}

/* Each waits for all others, as for a commit that they share. */
static void meet(void *what)
{
    uv_barrier_wait(&all_run);
    *(bool *)what = true;
}

static void on_finished(void *who, struct pool_job *first)
{
    uv_thread_t self = uv_thread_self();
    CU_ASSERT(who == &pool && uv_thread_equal(&self, &here));
    for (; first != NULL; first = first->next) {
        CU_ASSERT(*(bool *)first->what);
        ended++;
    }
}

static void open_pool(void (*job_run)(void *what))
{
    ended = 0;
    for (size_t i = 0; i < JOBS; i++)
        ran[i] = false;
    here = uv_thread_self();
    must(uv_loop_init(&loop) == 0);
    pool_open(&pool, &loop, &(struct pool_calls){job_run, on_finished, &pool});
}

static void give(size_t i)
{
    ran[i] = false;
    jobs[i] = (struct pool_job){.what = &ran[i]};
    pool_run(&pool, &jobs[i]);
}

static void await(size_t count)
{
    while (ended < count)
        uv_run(&loop, UV_RUN_ONCE);
    CU_ASSERT_EQUAL(ended, count);
}

static void close_pool(void)
{
    uv_close((uv_handle_t *)&pool.wake, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    CU_ASSERT(uv_loop_close(&loop) == 0);
    pool_close(&pool);
}

static void a_job_finishes_in_the_loop_after_it_has_run(void)
{
    open_pool(run);
    for (size_t i = 0; i < JOBS; i++)
        give(i);
    CU_ASSERT_EQUAL(ended, 0);
    await(JOBS);
    close_pool();
}

static void so_many_run_at_the_same_time(void)
{
    open_pool(meet);
    must(uv_barrier_init(&all_run, LIMIT_SYNC_THREADS) == 0);
    for (size_t i = 0; i < LIMIT_SYNC_THREADS; i++)
        give(i);
    await(LIMIT_SYNC_THREADS);
    CU_ASSERT_EQUAL(pool.count, LIMIT_SYNC_THREADS);
    close_pool();
    uv_barrier_destroy(&all_run);
}

static void one_job_at_a_time_needs_one_thread(void)
{
    open_pool(run);
    for (size_t i = 0; i < JOBS; i++) {
        give(0);
        await(i + 1);
    }
    CU_ASSERT_EQUAL(pool.count, 1);
    close_pool();
}

static void a_pool_that_is_not_used_has_no_thread(void)
{
    open_pool(run);
    CU_ASSERT_EQUAL(pool.count, 0);
    close_pool();
}

SUITE("pool", TEST(a_job_finishes_in_the_loop_after_it_has_run), TEST(so_many_run_at_the_same_time),
      TEST(one_job_at_a_time_needs_one_thread), TEST(a_pool_that_is_not_used_has_no_thread))
