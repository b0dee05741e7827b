/* A signal between processes of two nodes, whatever the control message that
 * carries it: the distribution protocol has up to four numbers for one deed
 * (with a payload, with a trace token, with the sender, and the plain old one). */
#ifndef COPPICE_DIST_SIGNAL_H
#define COPPICE_DIST_SIGNAL_H

#include "../term/bytes.h"

enum signal_kind {
    SIGNAL_SEND,          /* payload to the pid `to` */
    SIGNAL_REG_SEND,      /* payload to the registered name `to` */
    SIGNAL_ALIAS_SEND,    /* payload to the alias (a reference) `to` */
    SIGNAL_LINK,          /* from, to: pids */
    SIGNAL_UNLINK,        /* from, to: of peers before OTP 23 */
    SIGNAL_UNLINK_ID,     /* from, to, id: acknowledged before anything else */
    SIGNAL_UNLINK_ID_ACK, /* from, to, id */
    SIGNAL_EXIT,          /* a linked process `from` ended with reason */
    SIGNAL_EXIT2,         /* exit/2: from asks `to` to end with reason */
    SIGNAL_GROUP_LEADER,  /* from, to */
    SIGNAL_MONITOR,       /* from watches `to`, a pid or a name, under ref */
    SIGNAL_DEMONITOR,     /* from no longer does */
    SIGNAL_MONITOR_EXIT,  /* from, a pid or the name watched, ended; to is the watcher */
    SIGNAL_SPAWN_REQUEST, /* never announced, so never answered but by an error */
    SIGNAL_SPAWN_REPLY,
    SIGNAL_KINDS
};

/* A slice that a kind does not have is empty.  On the way in, every slice
 * but the payload is canonical, and all are good until the channel is next
 * called.  On the way out `to` and `node` say where it goes; all other terms
 * may be in any encoding. */
struct signal {
    enum signal_kind kind;
    struct bytes node;    /* out only: the name of the node it goes to, as text */
    struct bytes from;    /* pid; for MONITOR_EXIT a pid or an atom */
    struct bytes to;      /* pid, atom or reference */
    struct bytes ref;     /* reference of a monitor or spawn */
    struct bytes reason;  /* of EXIT, EXIT2 and MONITOR_EXIT */
    struct bytes payload; /* the message: a checked term, as it came */
    uint64_t id;          /* of UNLINK_ID and its acknowledgement */
};

#endif
