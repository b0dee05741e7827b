/* The system messages that every OTP process answers: get_state, get_status,
 * suspend, resume, terminate, and the rest of sys.erl's list, for which there
 * is an honest answer but nothing to do here (debug functions, code change,
 * replacing the state by a fun).
 *
 * Source: stdlib's sys.erl (do_cmd). */
#ifndef COPPICE_OTP_SYS_H
#define COPPICE_OTP_SYS_H

#include "process.h"

/* Answers {system, From, Request} for p; may end p (terminate). */
void sys_handle(struct process *p, struct bytes from, struct bytes request, struct turn *t);

#endif
