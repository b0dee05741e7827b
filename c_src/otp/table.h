/* The process table.  Private to otp/:
 *
 *     process.c   starting, finding and ending processes
 *     mailbox.c   delivering messages, and holding them for a suspended process
 *     unfit.c     messages with a term that this node does not accept
 *     signals.c   dispatching signals, and the replies when there is no such process
 *     spawn.c     processes that other nodes ask for
 *     watchers.c  monitors and links that others hold on our processes
 *     watch.c     our monitors of others
 *     call.c      calls: a watch with a message and a timeout
 *     reference.c the references of watches
 *     sys_state.c pending replies to sys:get_state
 *     check.c     the invariants */
#ifndef COPPICE_OTP_TABLE_H
#define COPPICE_OTP_TABLE_H

#include "../limits.h"
#include "../term/bytes.h"
#include "hash_table.h"
#include "list.h"
#include "process.h"
#include "quotas.h"
#include "wakeup.h"
#include "watch.h"

struct mail;

struct process {
    struct processes *table;
    const struct process_kind *kind;
    void *self;
    uint64_t number; /* counts starts; encoded in the pid */
    struct term pid;
    struct buf name;           /* text */
    struct hash_link numbered; /* in table->numbers until it has ended */
    struct hash_link named;    /* likewise in table->names, when it has a name */
    struct process *next;      /* the one started next */
    bool ended, suspended;
    uint64_t wake_at_ms; /* 0: never; `wake` is set to it unless suspended */
    struct wakeup wake;
    struct list watchers;
    size_t watcher_count;
    struct buf counted_node; /* the node of which the last one was counted, once there are many, */
    size_t counted;          /* and how many of them are its own */
    struct list watches;
    struct mail *held, **held_end; /* oldest first */
    struct quotas held_by; /* of the messages among them, and of one that is being handled */
    bool overflowed;       /* a message was dropped, and that was logged */
    uint64_t dropped;      /* messages that this node did not accept */
};

struct processes {
    struct bytes node;
    uint32_t creation;
    struct process *first, **end; /* all, in order of start; ended ones until processes_tidy() */
    size_t living;
    bool untidy;                           /* some have ended */
    uint64_t last_process, last_reference; /* the last numbers issued */
    struct hash_table numbers, names;      /* of running processes only */
    struct hash_table watchers, watches;
    uint64_t seed; /* of hashes, since peers choose what is hashed */
    size_t calls;
    struct buf spare;           /* memory for a message, empty */
    struct wakeups *wakeups;    /* the node's */
    struct process *sys_helper; /* sys_state.c's; NULL until needed */
    void (*on_end)(void *who, struct process *p, struct bytes reason, struct turn *t);
    void *on_end_who;
    void (*on_spawn)(void *who, const struct spawn *spawn, struct buf *reason, struct turn *t);
    void *on_spawn_who;
};

/* Encodes a reference by its number, and decodes it: 0 for one of another node or creation. */
void reference_put(const struct processes *table, uint64_t number, struct buf *out);
uint64_t reference_number(const struct processes *table, struct bytes reference);

/* --- mailbox.c --------------------------------------------------------- */

/* True when new messages for p must be held. */
bool mailbox_must_hold(const struct process *p);

/* Holds the outcome of a watch, or (watch 0) a message, until p is resumed. */
void mailbox_hold(struct process *p, uint64_t watch, enum err err, struct bytes bytes);

void mailbox_close(struct process *p);

/* --- unfit.c ----------------------------------------------------------- */

/* Refuses a message from that node to p, of which only the length is known: answers a call with
 * {error, {bad_term, _}}, ends the call of p whose reply it is, and otherwise drops, counts and
 * logs it.  why: what etf_check() said. */
void process_refuse(struct process *p, struct bytes node, struct bytes message, enum err why,
                    struct turn *t);

/* --- spawn.c ----------------------------------------------------------- */

/* Answers a SPAWN_REQUEST from that node. */
void spawn_handle(struct processes *table, struct bytes node, const struct signal *request,
                  struct turn *t);

/* --- watchers.c -------------------------------------------------------- */

/* A monitor or link that another process holds on one of ours. */
struct watcher_id {
    struct bytes pid; /* of its holder, canonical */
    struct bytes ref; /* of a monitor; empty for a link */
    bool by_name;     /* a monitor of the registered name */
};

/* False when p has LIMIT_WATCHERS, or the node its part of them.  Adding one again changes nothing.
 */
bool watchers_add(struct process *p, const struct watcher_id *id, struct turn *t);

void watchers_demonitor(struct process *p, const struct watcher_id *id);

/* True when they were linked. */
bool watchers_unlink(struct process *p, struct bytes pid);

/* Removes those held by processes of a node that is down. */
void watchers_drop_node(struct process *p, struct bytes node);

/* Sends EXIT to links and DOWN to monitors, and removes them all. */
void watchers_notify(struct process *p, struct bytes reason, struct turn *t);

void watchers_close(struct process *p);

/* --- watch.c and call.c ------------------------------------------------ */

struct watch {
    struct hash_link link; /* in table->watches under its number */
    struct list entry;     /* in owner->watches */
    struct process *owner;
    uint64_t number;
    bool call;  /* has a timeout, and also ends with a reply */
    bool ended; /* its outcome is held in the owner's mailbox */
    struct wakeup timeout;
    struct bytes to, node; /* pid or name (terms), and the node's name (text); in tail */
    uint8_t tail[];
};

/* Creates one and sends the monitor; NULL when the owner has ended. */
struct watch *watch_open(struct process *owner, const struct address *whom, struct turn *t);

/* NULL when there is none (any more). */
struct watch *watch_find(const struct processes *table, uint64_t number);

/* Ends it with this err and this reply or reason; notifies the owner, now or when it is
 * resumed. */
void watch_end(struct watch *w, enum err err, struct bytes bytes, struct turn *t);

/* Notifies the owner and frees the watch. */
void watch_notify(struct watch *w, enum err err, struct bytes bytes, struct turn *t);

void watch_demonitor(const struct watch *w, struct turn *t);
void watch_free(struct watch *w);

/* Demonitors and frees all watches of p. */
void watches_stop(struct process *p, struct turn *t);

/* Ends all watches of processes on a node that is down. */
void watches_node_down(struct processes *table, struct bytes node, struct turn *t);

/* True when the message is the reply to a call, open or finished.  It finishes an open call
 * of p: with the reply, or with unfit if this node does not accept the message. */
bool call_answered(struct process *p, struct bytes message, enum err unfit, struct turn *t);

#endif
