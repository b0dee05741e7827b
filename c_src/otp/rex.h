/* Running a function on a BEAM: a gen_server call to its `rex`.
 *
 * {call, Module, Function, Args, GroupLeader} with the atom `user` as group
 * leader; the answer is the function's value, or {badrpc, Reason}.
 *
 * Source: kernel's rpc.erl (handle_call). */
#ifndef COPPICE_OTP_REX_H
#define COPPICE_OTP_REX_H

#include "watch.h"

/* A call as of call_start(); args is a list term. */
uint64_t rex_start(struct process *owner, struct bytes node, const char *module,
                   const char *function, struct bytes args, uint64_t timeout_ms, struct turn *t);

enum rex_outcome {
    REX_VALUE,  /* *term is what the function returned */
    REX_RAISED, /* it raised: *term is the exception or error reason, the stack trace cut off */
    REX_FAILED, /* rpc itself failed: *term is the reason */
    REX_UNDEF,  /* no such module or function there */
    REX_GONE,   /* no rex, no node: not a BEAM, or not connected */
    REX_LATE    /* time-out */
};

/* What the answer to such a call means.  *term borrows from the answer; empty
 * for the last three. */
enum rex_outcome rex_read(const struct answer *a, struct bytes *term);

#endif
