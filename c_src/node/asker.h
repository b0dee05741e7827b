/* Processes that only ask others: every call to them is answered with an error, and what
 * else comes is dropped.  A kind of them adds its module and what it does with answers. */
#ifndef COPPICE_NODE_ASKER_H
#define COPPICE_NODE_ASKER_H

#include "../otp/process.h"

void asker_message(struct process *p, struct bytes message, struct turn *t);
void asker_state(const struct process *p, struct buf *out);
/* Frees nothing: what the process works for outlives it. */
void asker_free(void *self);

#endif
