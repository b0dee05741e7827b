/* Following: connecting to the nodes that peers are connected to.
 *
 * A peer is asked for them when it is known what it runs, and then again and again.  A BEAM is
 * asked for erlang:nodes(connected), for a coppice is hidden by default, and two of them that
 * only share a BEAM have to find each other: nodes() has visible ones alone, and nodes(known)
 * those, too, that have left.  A coppice is asked for its `peers`.
 *
 * A node is named only by nodes that are connected to it.  So a name that has left for good is
 * soon named by nobody, and forgotten; were nodes named that somebody only wants to be connected
 * to, two followers would remind each other of them for ever. */
#ifndef COPPICE_NODE_FOLLOW_H
#define COPPICE_NODE_FOLLOW_H

#include "../cluster/cluster.h"
#include "../otp/process.h"

struct follow;

struct follow_options {
    bool follows;         /* false: all functions do nothing */
    struct bytes node;    /* this one; borrowed */
    uint64_t ticktime_ms; /* a name is forgotten after so many (LIMIT_FOLLOW_TICKTIMES) of them */
    /* An answer has come: other nodes may be dialled now. */
    void (*answered)(void *who);
    void *who;
};

struct follow *follow_new(struct processes *table, struct wakeups *wakeups, struct cluster *cluster,
                          const struct follow_options *options);
void follow_free(struct follow *f);

/* Starts the process that asks; it is started again when it is the one that has ended. */
void follow_start(struct follow *f);
void follow_ended(struct follow *f, const struct process *p, struct turn *t);

/* It is known what a connected node runs: asks it. */
void follow_learned(struct follow *f, struct bytes node, bool beam, struct turn *t);
void follow_up(struct follow *f, struct bytes node);
void follow_down(struct follow *f, struct bytes node, struct turn *t);
/* A followed node that its epmd does not know, and that was never connected, is forgotten: it is
 * a command, mostly. */
void follow_unreachable(struct follow *f, struct bytes node, bool unknown);

/* The node is to be connected to for another reason: it is not forgotten. */
void follow_keep(struct follow *f, struct bytes node);

/* Whether a connected node has not answered yet. */
bool follow_is_asking(const struct follow *f, struct bytes node);

#endif
