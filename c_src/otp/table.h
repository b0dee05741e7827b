/* The inside of the process table, for the files that make it up:
 *
 *     process.c   the table: starting, finding and ending processes
 *     mailbox.c   messages in, and what is held for a suspended process
 *     signals.c   signals in: which process, and what is answered without one
 *     watchers.c  monitors and links that others hold on ours
 *     watch.c     ours on others
 *     call.c      calls, which are watches with a message and a time-out
 *     reference.c the references of both
 *     sys_state.c who waits for sys:get_state's answer
 *     check.c     whether all that agrees */
#ifndef COPPICE_OTP_TABLE_H
#define COPPICE_OTP_TABLE_H

#include "../limits.h"
#include "../term/bytes.h"
#include "lookup.h"
#include "process.h"
#include "ring.h"
#include "wakeup.h"
#include "watch.h"

struct mail;

struct process {
    struct processes *table;
    const struct process_kind *kind;
    void *self;
    uint64_t number; /* of its start; the pid says the same */
    struct term pid;
    struct buf name;          /* text */
    struct lookup_link named; /* in table->names when it has a name */
    struct process *next;     /* started after it */
    bool ended, suspended;
    uint64_t wake_at_ms; /* 0: never; set in the table's wakeups unless suspended */
    struct wakeup wake;
    struct ring watchers;
    size_t watcher_count;
    struct ring watches;
    struct mail *held, **held_end; /* oldest first */
    size_t held_messages, held_bytes;
    bool overflowed; /* and that was logged */
};

struct processes {
    struct bytes node;
    uint32_t creation;
    /* Slot of a process: its number modulo the size.  Ended ones have none. */
    struct process *slots[LIMIT_PROCESSES];
    struct process *first, **end; /* all, in order of starting; ended ones until tidied */
    size_t living;
    bool untidy;
    uint64_t started, referenced; /* the last numbers given out */
    struct lookup names;
    struct lookup watchers, watches;
    uint64_t watcher_seed; /* peers choose these keys */
    size_t calls;
    struct wakeups *wakeups; /* the node's */
    struct process *desk;    /* of sys_state.c; NULL until it is needed */
    void (*on_end)(void *who, struct process *p, struct bytes reason, struct turn *t);
    void *on_end_who;
};

/* A reference by its number, and back; 0 for what is not one of ours. */
void reference_put(const struct processes *table, uint64_t number, struct buf *out);
uint64_t reference_number(const struct processes *table, struct bytes reference);

/* --- mailbox.c --------------------------------------------------------- */

/* True when what comes for p has to wait its turn. */
bool mail_waits(const struct process *p);

/* Holds the end of a watch, or (watch 0) a message, until p is resumed. */
void mail_hold(struct process *p, uint64_t watch, enum err err, struct bytes bytes);

void mail_close(struct process *p);

/* --- watchers.c -------------------------------------------------------- */

/* A monitor or link that a process elsewhere holds on one of ours. */
struct watch_by {
    struct bytes pid; /* the watcher's, canonical */
    struct bytes ref; /* of a monitor; empty for a link */
    bool by_name;     /* the monitor named its target */
};

/* False when p has LIMIT_WATCHERS.  A second of the same changes nothing. */
bool watchers_add(struct process *p, const struct watch_by *by, struct turn *t);

void watchers_demonitor(struct processes *table, const struct watch_by *by);

/* True when there was a link. */
bool watchers_unlink(struct process *p, struct bytes pid);

/* Forgets those of a node that is gone. */
void watchers_forget(struct process *p, struct bytes node);

/* EXIT to links, DOWN to monitors; forgets them all. */
void watchers_tell(struct process *p, struct bytes reason, struct turn *t);

void watchers_close(struct process *p);

/* --- watch.c and call.c ------------------------------------------------ */

struct watch {
    struct lookup_link link; /* in table->watches under its number */
    struct ring ring;        /* in owner->watches */
    struct process *owner;
    uint64_t number;
    bool call; /* with a time-out, and ended by a reply too */
    bool over; /* what came of it is held in the owner's mailbox */
    struct wakeup timeout;
    struct bytes to, node; /* a pid or an atom, and the node's name; in tail */
    uint8_t tail[];
};

/* Makes and announces one; NULL when the owner has ended. */
struct watch *watch_open(struct process *owner, const struct address *whom, struct turn *t);

/* NULL when it has ended. */
struct watch *watch_find(const struct processes *table, uint64_t number);

/* It has come to its end with this err and reply or reason: the owner is
 * told, now or when it is resumed. */
void watch_end(struct watch *w, enum err err, struct bytes bytes, struct turn *t);

/* Tells the owner and forgets the watch. */
void watch_tell(struct watch *w, enum err err, struct bytes bytes, struct turn *t);

void watch_demonitor(const struct watch *w, struct turn *t);
void watch_free(struct watch *w);

/* Demonitors and forgets all of p's. */
void watches_stop(struct process *p, struct turn *t);

/* Ends those on processes of a node that is gone. */
void watches_node_down(struct processes *table, struct bytes node, struct turn *t);

/* True when the message is the answer to a call, open or over; an open one
 * of p's ends with it. */
bool call_answered(struct process *p, struct bytes message, struct turn *t);

#endif
