/* The messages of OTP's gen module: calls, casts, system messages, replies.
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

/* Borrowed from the message, in its encoding. */
struct gen_message {
    enum gen_kind kind;
    struct bytes from; /* {Pid, Tag}, to be given to gen_reply; empty for casts and infos */
    struct bytes request;
};

/* Never fails: what has not the shape of a call is an info. */
struct gen_message gen_read(struct bytes message);

/* Sends {Tag, reply} with the tag echoed byte for byte: to the alias inside
 * the tag where there is one and the caller's node knows aliases, so that a
 * late reply vanishes; else to the pid.  from may be a copy kept for later. */
void gen_reply(const struct process *p, struct bytes from, struct bytes reply, struct turn *t);

/* gen_reply of `ok`, of {ok, Value}, and of {error, Reason}. */
void gen_reply_ok(const struct process *p, struct bytes from, struct turn *t);
void gen_reply_value(const struct process *p, struct bytes from, struct bytes value,
                     struct turn *t);
void gen_reply_error(const struct process *p, struct bytes from, struct bytes reason,
                     struct turn *t);

/* gen_reply of {error, {unknown_request, Request}}: never silence. */
void gen_reply_unknown(const struct process *p, struct bytes from, struct bytes request,
                       struct turn *t);

/* The pid of the caller in from, as it stands there. */
struct bytes gen_caller(struct bytes from);

#endif
