/* Following: connecting to the nodes that peers are connected to.
 *
 * Each peer is asked for them regularly.  A BEAM is asked for erlang:nodes(connected): coppices are
 * hidden by default, and two of them that only share a BEAM have to find each other, while nodes()
 * lists visible nodes only, and nodes(known) also those that have left.  A coppice is asked for
 * its `peers`.
 *
 * A node is named only by nodes that are connected to it, so one that has left for good is soon
 * named by nobody, and is forgotten.  If followed nodes were named too, two followers would remind
 * each other of them for ever. */
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

/* Starts the process that asks; follow_ended() restarts it if it is the one that ended. */
void follow_start(struct follow *f);
void follow_ended(struct follow *f, const struct process *p, struct turn *t);

/* It is known what a connected node runs: it is asked, now and regularly. */
void follow_learned(struct follow *f, struct bytes node, bool beam, struct turn *t);
void follow_up(struct follow *f, struct bytes node);
void follow_down(struct follow *f, struct bytes node, struct turn *t);
/* A followed node that its epmd does not know, and that was never connected, is forgotten: it is
 * a command, mostly. */
void follow_unreachable(struct follow *f, struct bytes node, bool unknown);

/* The node is wanted for another reason now, and is never forgotten. */
void follow_keep(struct follow *f, struct bytes node);

/* Whether a connected node has not answered yet. */
bool follow_is_asking(const struct follow *f, struct bytes node);

#endif
