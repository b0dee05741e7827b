/* Replies to sys:get_state, which have two forms: the bare state up to OTP 26.0, {ok, State}
 * later; neither release accepts the other's.  The request does not say which is expected,
 * so the caller's node is first asked for its stdlib version.
 *
 * Source: stdlib's sys.erl, get_state/1, of stdlib 4 and 5.1. */
#ifndef COPPICE_OTP_SYS_STATE_H
#define COPPICE_OTP_SYS_STATE_H

#include "process.h"

/* Sends p's state to the caller once the form is known.  A node that does not answer gets
 * the newer form. */
void sys_state_answer(struct process *p, struct bytes from, struct turn *t);

#endif
