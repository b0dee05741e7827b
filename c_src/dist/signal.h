/* A signal between processes of two nodes, independent of the control message that carries it:
 * the protocol has up to four numbers for one signal (plain, with the reason as payload, with
 * a trace token, with the sender). */
#ifndef COPPICE_DIST_SIGNAL_H
#define COPPICE_DIST_SIGNAL_H

#include <stdbool.h>

#include "../err.h"
#include "../term/shared.h"

enum signal_kind {
    SIGNAL_SEND,          /* payload to the pid `to` */
    SIGNAL_REG_SEND,      /* payload to the registered name `to` */
    SIGNAL_ALIAS_SEND,    /* payload to the alias (a reference) `to` */
    SIGNAL_LINK,          /* from, to: pids */
    SIGNAL_UNLINK,        /* from, to: by peers before OTP 23 */
    SIGNAL_UNLINK_ID,     /* from, to, id: acknowledged before any other signal */
    SIGNAL_UNLINK_ID_ACK, /* from, to, id */
    SIGNAL_EXIT,          /* a linked process `from` exited with reason */
    SIGNAL_EXIT2,         /* exit/2: `from` sends `to` an exit signal with reason */
    SIGNAL_GROUP_LEADER,  /* from, to */
    SIGNAL_MONITOR,       /* from monitors `to`, a pid or a name, under ref */
    SIGNAL_DEMONITOR,     /* from no longer monitors `to` */
    SIGNAL_MONITOR_EXIT,  /* from, a monitored pid or name, is down; `to` monitored it */
    SIGNAL_SPAWN_REQUEST, /* from asks for a process that runs mfa on the arguments in payload */
    SIGNAL_SPAWN_REPLY, /* from, the process's pid or an atom, answers it; id: SPAWN_LINKED etc. */
    SIGNAL_KINDS
};

/* A slice that a kind does not use is empty.  When read, every slice but the reason and the payload
 * is canonical, and all are valid until the next call on the channel.  When written, `to` and
 * `node` are the destination; the other terms may be in any encoding.
 *
 * A term that was read and that this node does not accept, though its end was found, is no
 * breach of the protocol.  A reason is replaced by {bad_term, _} (put_bad_term()), so that the
 * signal keeps its effect; a payload is left as it is, with unfit set, so that whoever waits
 * for an answer can be found in it. */
struct signal {
    enum signal_kind kind;
    struct bytes node;    /* written only: the destination node, as text */
    struct bytes from;    /* pid; for MONITOR_EXIT a pid or an atom */
    struct bytes to;      /* pid, atom or reference */
    struct bytes ref;     /* reference of a monitor or spawn */
    struct bytes reason;  /* of EXIT, EXIT2 and MONITOR_EXIT: a checked term, as received */
    struct bytes mfa;     /* of SPAWN_REQUEST: {Module, Function, Arity}, any term */
    struct bytes options; /* of SPAWN_REQUEST: any term */
    struct bytes payload; /* the message, as received: a checked term, unless unfit is set */
    enum err unfit;       /* why etf_check() refused the payload; etf_length() has accepted it, or
                             it is only the beginning of one that is too large (ERR_LIMIT) */
    struct share rest;    /* written only: what follows payload in the same term; whoever keeps the
                             signal holds it instead of copying it.  May be none */
    struct bytes owner;   /* written only: the pid that made the alias `to`; empty if not known */
    uint64_t id;          /* of UNLINK_ID and its acknowledgement; of SPAWN_REPLY, the bits below */
};

/* Of a SPAWN_REPLY (erl_dist_protocol): what was asked for with the process. */
#define SPAWN_LINKED    1u
#define SPAWN_MONITORED 2u

/* A copy whose slices are in memory (empty before; the caller frees it), the rest behind the
 * payload. */
void signal_copy(struct signal *copy, const struct signal *s, struct buf *memory);
/* The bytes of all slices. */
size_t signal_bytes(const struct signal *s);

#endif
