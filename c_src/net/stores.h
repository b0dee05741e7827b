/* The files of replicas, by the node's numbers for them: what node/event.h asks for is done
 * in libuv's threads, and snapshots in a copy of the process.
 *
 * fork() gives that copy all memory as it is at this moment, so that the loop goes on while
 * a state of any size is written.  The copy ends when its work is done or its parent dies. */
#ifndef COPPICE_NET_STORES_H
#define COPPICE_NET_STORES_H

#include <uv.h>

#include "../node/node.h"

struct store_files;

struct stores {
    uv_loop_t *loop;
    const struct node *node;
    struct store_files *first;
    /* Told what came of each; called only from the loop, never from inside a function
     * of this header. */
    void (*done)(void *who, struct event *e);
    void *who;
};

void stores_free(struct stores *s);

/* Carries out ACTION_STORE to ACTION_UNSTORE; takes the action's bytes. */
void stores_perform(struct stores *s, struct action *a);

/* Whether something is still being done. */
bool stores_busy(const struct stores *s);

#endif
