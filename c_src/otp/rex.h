/* Running a function on a BEAM: a gen_server call to its `rex` process.
 *
 * The request is {call, Module, Function, Args, GroupLeader}, with the atom `user` as group
 * leader; the reply is the function's value, or {badrpc, Reason}.
 *
 * Source: kernel's rpc.erl (handle_call). */
#ifndef COPPICE_OTP_REX_H
#define COPPICE_OTP_REX_H

#include "watch.h"

/* Like call_start(); args is a list term. */
uint64_t rex_start(struct process *owner, struct bytes node, const char *module,
                   const char *function, struct bytes args, uint64_t timeout_ms, struct turn *t);

enum rex_outcome {
    REX_VALUE,  /* *term is what the function returned */
    REX_RAISED, /* it raised: *term is the exception or exit reason, without stack trace */
    REX_FAILED, /* rpc itself failed: *term is the reason */
    REX_UNDEF,  /* no such module or function there */
    REX_GONE,   /* no rex process: the node is no BEAM, or is not connected */
    REX_LATE,   /* timeout */
    REX_UNFIT   /* this node does not accept a term in the answer: see its err */
};

/* Reads the outcome of such a call.  *term borrows from the answer; empty for the last
 * four. */
enum rex_outcome rex_read(const struct answer *a, struct bytes *term);

/* Reads the Reason of {'EXIT', Reason}, as `catch` returns it: {Exception, StackTrace} of an
 * error, any term of an exit.  REX_RAISED or REX_UNDEF, with *term as above. */
enum rex_outcome rex_read_exit(struct bytes reason, struct bytes *term);

#endif
