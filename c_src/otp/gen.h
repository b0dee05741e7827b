/* Messages of OTP's gen module: calls, casts, system messages, replies.
 *
 * Source: stdlib's gen.erl (do_call, reply). */
#ifndef COPPICE_OTP_GEN_H
#define COPPICE_OTP_GEN_H

#include "process.h"

enum gen_kind {
    GEN_CALL,   /* {'$gen_call', From, Request} */
    GEN_CAST,   /* {'$gen_cast', Request} */
    GEN_SYSTEM, /* {system, From, Request} */
    GEN_INFO    /* anything else: request is the whole message */
};

/* Borrows from the message, in the message's encoding. */
struct gen_message {
    enum gen_kind kind;
    struct bytes from; /* {Pid, Tag}, for gen_reply(); empty for casts and infos */
    struct bytes request;
};

/* Never fails: anything not shaped like one of the others is an info.  The message is a checked
 * term, or one that etf_length() accepted; then the parts are such, too. */
struct gen_message gen_read(struct bytes message);

/* Whether that would be a system message; then it is in *m. */
bool gen_is_system(struct bytes message, struct gen_message *m);

/* Sends {Tag, reply} with the tag echoed byte for byte.  It goes to the alias in the tag, if
 * there is one and the caller's node supports aliases, so that a late reply is dropped; else
 * to the pid.  from may be a copy that the caller kept. */
void gen_reply(const struct process *p, struct bytes from, struct bytes reply, struct turn *t);

/* gen_reply() with `ok`, {ok, Value} or {error, Reason}. */
void gen_reply_ok(const struct process *p, struct bytes from, struct turn *t);
void gen_reply_value(const struct process *p, struct bytes from, struct bytes value,
                     struct turn *t);
void gen_reply_error(const struct process *p, struct bytes from, struct bytes reason,
                     struct turn *t);

/* gen_reply() with {error, {unknown_request, Request}}, so that no call is left unanswered. */
void gen_reply_unknown(const struct process *p, struct bytes from, struct bytes request,
                       struct turn *t);

/* The caller's pid in from, in its encoding there. */
struct bytes gen_caller(struct bytes from);

#endif
