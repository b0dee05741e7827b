/* exit(Pid, kill) by a process of a connected node, in a step of the killed one's node: what is
 * sent in that step arrives.
 *
 *     kill_from(1, 0, process_of(0, "coppice_follow")); */
#ifndef COPPICE_TEST_NODE_KILLER_H
#define COPPICE_TEST_NODE_KILLER_H

#include "unit/node/nodes.h"

static struct buf killed; /* the pid */

static inline void killer_wake(struct process *p, struct turn *t)
{
    t->post->send(t->post, &(struct signal){.kind = SIGNAL_EXIT2,
                                            .node = node_of(buf_bytes(&killed)),
                                            .from = process_pid(p),
                                            .to = buf_bytes(&killed),
                                            .reason = term_of("kill")});
    process_exit(p, term_of("normal"), t);
}

static inline void kill_from(unsigned by, unsigned i, const struct process *p)
{
    static const struct process_kind kind = {.module = "killer",
                                             .message = rex_message,
                                             .wake = killer_wake,
                                             .state = rex_state,
                                             .free = rex_free};
    struct process *killer = process_start(node_processes(nodes[by].node), &kind, NULL, BYTES(""));
    CU_ASSERT_FATAL(killer != NULL && connected(by, i));
    buf_clear(&killed);
    buf_put(&killed, process_pid(p));
    process_wake_at(killer, net.now_ms);
    run_for(1);
    buf_free(&killed);
}

/* The process of node i whose module this is, or NULL. */
static inline struct process *process_of(unsigned i, const char *module)
{
    struct process *p = NULL;
    while ((p = processes_next(node_processes(nodes[i].node), p)) != NULL)
        if (strcmp(process_kind(p)->module, module) == 0)
            return p;
    return NULL;
}

#endif
