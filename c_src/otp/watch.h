/* Monitoring and calling processes of other nodes.
 *
 * A watch is a monitor that one of our processes holds.  A call is a watch and a message
 * with the same reference, as gen_server:call does it; it ends exactly once, with the reply,
 * the callee's end or the timeout.  Both have a number, which is passed to the owner's
 * callbacks.  They end with their owner. */
#ifndef COPPICE_OTP_WATCH_H
#define COPPICE_OTP_WATCH_H

#include "process.h"

/* The address of a process: a canonical pid, or a registered name and its node. */
struct address {
    struct bytes pid;        /* empty when addressed by name */
    struct bytes name, node; /* text */
};

/* Monitors it.  kind->down is called once, with the reason, at the latest when the node goes
 * down.  Returns 0, and never calls down, when the owner has ended. */
uint64_t watch_start(struct process *owner, const struct address *whom, struct turn *t);
/* Demonitors: kind->down is not called any more.  Ignored when the watch has ended. */
void watch_stop(struct process *owner, uint64_t watch, struct turn *t);

/* Sends `{'$gen_call', {Owner, Ref}, request}`; kind->answer is called within timeout_ms.
 * request is any term.  0 when LIMIT_CALLS are open or the owner has ended. */
uint64_t call_start(struct process *owner, const struct address *whom, struct bytes request,
                    uint64_t timeout_ms, struct turn *t);
/* Cancels the call: kind->answer is not called, a late reply is dropped. */
void call_stop(struct process *owner, uint64_t call, struct turn *t);

#endif
