/* Answering sys:get_state, whose answer has two forms: until OTP 26.0 the bare
 * state, since then {ok, State}; neither release takes the other's.  A request
 * does not say which it wants, so the caller's node is asked for its stdlib.
 *
 * Source: stdlib's sys.erl, get_state/1, of stdlib 4 and 5.1. */
#ifndef COPPICE_OTP_SYS_STATE_H
#define COPPICE_OTP_SYS_STATE_H

#include "process.h"

/* Sends p's state to the caller in its form, once that is known.  A node that
 * does not say gets the newer one. */
void sys_state_answer(struct process *p, struct bytes from, struct turn *t);

#endif
