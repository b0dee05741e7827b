/* What processes that only call others have in common: calls to them are answered with an error,
 * other messages are dropped. */
#ifndef COPPICE_NODE_ASKER_H
#define COPPICE_NODE_ASKER_H

#include "../otp/process.h"

void asker_message(struct process *p, struct bytes message, struct turn *t);
void asker_state(const struct process *p, struct buf *out);
/* Frees nothing: self outlives the process. */
void asker_free(void *self);

#endif
