/* What processes that only call others have in common: calls to them are answered with an error,
 * other messages are dropped. */
#ifndef COPPICE_NODE_ASKER_H
#define COPPICE_NODE_ASKER_H

#include "../otp/process.h"

/* Appends the reply, or the reason why there is none: a term, or nothing for a timeout.  What this
 * node does not accept becomes a text that says so. */
void asker_put_answer(struct buf *term, const struct answer *a);

void asker_message(struct process *p, struct bytes message, struct turn *t);
void asker_state(const struct process *p, struct buf *out);
/* Frees nothing: self outlives the process. */
void asker_free(void *self);

#endif
