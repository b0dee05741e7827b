/* Watching and calling processes of other nodes.
 *
 * Both are known by a number that the owner gets back in its kind's functions.
 * A call is a watch and a message with the same reference, as gen_server:call
 * makes it: the answer, the callee's end or the time-out comes, exactly one
 * of them, exactly once.  What is owned by a process ends with it. */
#ifndef COPPICE_OTP_WATCH_H
#define COPPICE_OTP_WATCH_H

#include "process.h"

/* Where a process is: a pid (canonical, node taken from it), or an atom's text
 * and the node it is registered on. */
struct address {
    struct bytes pid;        /* empty when addressed by name */
    struct bytes name, node; /* text */
};

/* Monitors it.  kind->down comes once, with the reason; at the latest when the
 * node goes away.  0, and no down, for an owner that has ended. */
uint64_t watch_start(struct process *owner, const struct address *whom, struct turn *t);
/* Demonitors; no down comes any more.  A number that has ended is ignored. */
void watch_stop(struct process *owner, uint64_t watch, struct turn *t);

/* Sends `{'$gen_call', {Owner, Ref}, request}` and waits at most timeout_ms.
 * request is any term.  0 when LIMIT_CALLS are open or the owner has ended. */
uint64_t call_start(struct process *owner, const struct address *whom, struct bytes request,
                    uint64_t timeout_ms, struct turn *t);
/* Forgets the call; a late answer is dropped. */
void call_stop(struct process *owner, uint64_t call, struct turn *t);

#endif
