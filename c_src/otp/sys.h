/* The system messages that every OTP process answers: get_state, get_status, suspend,
 * resume, terminate.  The others of sys.erl (debug functions, code change, replacing the
 * state by a fun) have no effect here but get a correct reply.
 *
 * Source: stdlib's sys.erl (do_cmd). */
#ifndef COPPICE_OTP_SYS_H
#define COPPICE_OTP_SYS_H

#include "process.h"

/* Answers {system, From, Request} for p; may end p (terminate). */
void sys_handle(struct process *p, struct bytes from, struct bytes request, struct turn *t);

#endif
