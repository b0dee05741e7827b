/* What is done off the loop for replicas' files: libuv's threads load, threads of our own append
 * and sync (pool.h), and a forked child writes each snapshot.
 *
 * fork() gives the child all memory as it is at that moment, so the loop goes on while a state
 * of any size is written.  The child ends when it is done or its parent dies. */
#ifndef COPPICE_NET_WORKERS_H
#define COPPICE_NET_WORKERS_H

#include <uv.h>

#include "../node/node.h"
#include "ongoing.h"
#include "pool.h"

struct files;

struct workers {
    uv_loop_t *loop;
    const struct node *node;
    struct files **list; /* sorted by the number of their store */
    size_t count, cap;
    size_t closing; /* of these */
    struct pool pool;
    struct ongoing ongoing; /* loads and saves, for any thread */
    void (*done)(void *who, struct event *e);
    void *who;
};

/* done is told of each result, perhaps of several at once (event.also); called from the loop only,
 * never inside a function of this header. workers_free() comes after the loop's handles are closed;
 * until then ws must not move. */
void workers_open(struct workers *ws, uv_loop_t *loop, const struct node *node,
                  void (*done)(void *who, struct event *e), void *who);
void workers_free(struct workers *ws);

/* Carries out ACTION_OPEN_STORE to ACTION_CLOSE_STORE; takes the action's bytes. */
void workers_perform(struct workers *ws, struct action *a);

/* Whether something is still being done. */
bool workers_busy(const struct workers *ws);

/* Whether pid is a child that writes a snapshot, for which a worker waits. */
bool workers_await(const struct workers *ws, pid_t pid);

#endif
