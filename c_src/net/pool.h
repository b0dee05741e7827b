/* Threads for work that waits for the disk.
 *
 * A file system writes what many fdatasync() calls wait for with one commit of its journal and one
 * flush of the disk, if they wait at the same time.  So there are many threads, for files that
 * are synced independently of each other; those of libuv are few, and look-ups and loads keep them
 * busy.  A thread is started when a job finds none idle, and stays. */
#ifndef COPPICE_NET_POOL_H
#define COPPICE_NET_POOL_H

#include <stdbool.h>
#include <uv.h>

#include "../limits.h"

/* Part of what is to be done, whose owner keeps it until it has finished. */
struct pool_job {
    struct pool_job *next;
    void *what;
};

struct pool_queue {
    struct pool_job *first, **end;
};

struct pool_calls {
    /* In a thread. */
    void (*run)(void *what);
    /* In the loop: those that have run since the last call, at least one, linked by `next`. */
    void (*finished)(void *who, struct pool_job *first);
    void *who;
};

struct pool {
    struct pool_calls calls;
    uv_async_t wake; /* the loop, when `finished` is no longer empty */
    uv_thread_t threads[LIMIT_SYNC_THREADS];
    size_t count; /* of threads */
    uv_mutex_t lock;
    uv_cond_t changed;
    /* Under the lock: */
    struct pool_queue waiting, finished;
    size_t jobs, idle; /* in `waiting`; threads that wait for one */
    bool closing;
};

/* The pool must not move, and keeps the loop running until its handle is closed. */
void pool_open(struct pool *p, uv_loop_t *loop, const struct pool_calls *calls);

/* Ends the threads.  No job may be left, and the loop must be closed. */
void pool_close(struct pool *p);

/* Jobs begin in the order in which they are given.  From the loop's thread only. */
void pool_run(struct pool *p, struct pool_job *job);

#endif
