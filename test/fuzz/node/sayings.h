/* What peers may say to a node, each drawn from the world's input and appended to out.  Private to
 * talk.c and the files below; p is the peer that speaks, `to` the process that it speaks to, or
 * NULL. */
#ifndef COPPICE_FUZZ_NODE_SAYINGS_H
#define COPPICE_FUZZ_NODE_SAYINGS_H

#include "term/etf.h"
#include "world.h"

/* --- arguments.c */

void arg_any(struct world *w, struct buf *out);
/* A pid of the peer, but for few. */
void arg_pid(struct world *w, struct buf *out, const struct peer *p);
void arg_ref(struct world *w, struct buf *out, const struct peer *p);
/* A process of the node by pid or name, with by_name only that; returns it. */
const struct process *arg_target(struct world *w, struct buf *out, bool by_name);
/* A struct of the type. */
void arg_state(struct world *w, struct buf *out, const struct crdt_type *type);
/* A binary of about so many bytes. */
void arg_filler(struct world *w, struct buf *out, size_t len);
/* The head of {Name, ...} with so many more elements. */
void arg_head(struct buf *out, const char *name, uint32_t args);
/* One of the latest terms of that kind that the node has sent; empty if there is none. */
struct bytes arg_known(struct world *w, enum etf_kind kind);
/* That of the replica, or any. */
const struct crdt_type *arg_type(struct world *w, const struct process *p);

/* --- messages: requests.c and groups.c */

typedef void saying(struct world *w, struct buf *out, const struct peer *p,
                    const struct process *to);

saying say_call, say_cast, say_system, say_delta, say_ack, say_forward, say_ei_call, say_anything;
saying say_pg;
/* A process of the peer is in the group of each replica. */
saying say_all_groups;

/* --- answers.c */

/* To that call of the node's. */
void say_answer(struct world *w, struct buf *out, const struct question *q);

#endif
