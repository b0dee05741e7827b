#include "pool.h"

#include <signal.h>

#include "../err.h"
#include "machine.h"

static void queue_clear(struct pool_queue *q)
{
    q->first = NULL;
    q->end = &q->first;
}

static void queue_put(struct pool_queue *q, struct pool_job *job)
{
    job->next = NULL;
    *q->end = job;
    q->end = &job->next;
}

static struct pool_job *queue_take(struct pool_queue *q)
{
    struct pool_job *job = q->first;
    q->first = job->next;
    if (q->first == NULL)
        q->end = &q->first;
    return job;
}

/* --- in a thread ---------------------------------------------------------------------- */

/* With the lock.  NULL at the end. */
static struct pool_job *await_job(struct pool *p)
{
    p->idle++;
    while (p->jobs == 0 && !p->closing)
        uv_cond_wait(&p->changed, &p->lock);
    p->idle--;
    if (p->jobs == 0)
        return NULL;
    p->jobs--;
    return queue_take(&p->waiting);
}

static void thread_main(void *pool)
{
    struct pool *p = pool;
    uv_mutex_lock(&p->lock);
    for (struct pool_job *job; (job = await_job(p)) != NULL;) {
        uv_mutex_unlock(&p->lock);
        p->calls.run(job->what);
        uv_mutex_lock(&p->lock);
        if (p->finished.first == NULL)
            must(uv_async_send(&p->wake) == 0);
        queue_put(&p->finished, job);
    }
    uv_mutex_unlock(&p->lock);
}

/* --- in the loop ---------------------------------------------------------------------- */

static void on_wake(uv_async_t *wake)
{
    struct pool *p = wake->data;
    uv_mutex_lock(&p->lock);
    struct pool_job *first = p->finished.first;
    queue_clear(&p->finished);
    uv_mutex_unlock(&p->lock);
    must(first != NULL);
    p->calls.finished(p->calls.who, first);
}

void pool_open(struct pool *p, uv_loop_t *loop, const struct pool_calls *calls)
{
    *p = (struct pool){.calls = *calls};
    queue_clear(&p->waiting);
    queue_clear(&p->finished);
    must(uv_mutex_init(&p->lock) == 0 && uv_cond_init(&p->changed) == 0);
    machine_needs(uv_async_init(loop, &p->wake, on_wake), "wake the event loop");
    p->wake.data = p;
}

void pool_close(struct pool *p)
{
    uv_mutex_lock(&p->lock);
    must(p->jobs == 0 && p->finished.first == NULL);
    p->closing = true;
    uv_cond_broadcast(&p->changed);
    uv_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->count; i++)
        must(uv_thread_join(&p->threads[i]) == 0);
    uv_cond_destroy(&p->changed);
    uv_mutex_destroy(&p->lock);
}

/* The program's signals are for its own threads. */
static int start_thread(struct pool *p)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int e = uv_thread_create(&p->threads[p->count], thread_main, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return e;
}

void pool_run(struct pool *p, struct pool_job *job)
{
    uv_mutex_lock(&p->lock);
    queue_put(&p->waiting, job);
    /* An idle thread that was woken, but does not run yet, will take one of the jobs. */
    bool lacks_one = ++p->jobs > p->idle && p->count < LIMIT_SYNC_THREADS;
    uv_cond_signal(&p->changed);
    uv_mutex_unlock(&p->lock);
    if (!lacks_one)
        return;
    /* Where the system allows no more threads, those that there are do the work. */
    int e = start_thread(p);
    p->count += e == 0;
    if (p->count == 0)
        machine_needs(e, "start a thread that writes journals");
}
