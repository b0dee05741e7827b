/* A node with replicas of every type, some of them stored, and what is around it: four peers that
 * have finished the handshake, epmd, its disk, the time.  For fuzz_node.c.
 *
 *     world.c    the node's events and actions, connections, the invariants
 *     disk.c     what is asked of the disk
 *     honest.c   the peer that makes no mistake
 *     talk.c     what the others say
 *
 * What the node sends is read at once by the channel of whom it is for, without an error.  A peer
 * that has said nothing but well-formed signals keeps its connection, whatever else the others
 * have said. */
#ifndef COPPICE_FUZZ_NODE_WORLD_H
#define COPPICE_FUZZ_NODE_WORLD_H

#include "../drawn/terms.h"
#include "dist/channel.h"
#include "fake/disk.h"
#include "node/node.h"

/* HONEST makes no mistake, BEAM has a BEAM's flags, OLD only the mandatory ones; the node dials
 * DIALLED itself. */
enum peer_name { HONEST, BEAM, OLD, DIALLED, PEERS };

#define QUESTIONS 8
#define STORES    128
#define CALLS     64

/* What a process of the node has asked, to be answered or not. */
struct question {
    struct term pid, tag, request;
};

struct peer {
    struct channel_self self;
    struct channel *channel; /* NULL: not connected */
    uint32_t connection;
    bool may_break; /* it has said what may cost it this connection */
    bool stalled;   /* it reads nothing: what is written to it stays unwritten */
    size_t unwritten;
    struct buf pid; /* of the process that speaks */
    struct question questions[QUESTIONS];
    size_t asked;
};

struct disk_job;

struct store {
    struct storage *storage; /* NULL: not open */
    uint32_t number;
    struct disk_job *first, *beside; /* waiting; the snapshot that is taken meanwhile */
};

/* What is to happen next, in order. */
struct coming {
    struct event event;
    struct buf bytes;
};

/* A call of the honest peer. */
struct honest_call {
    bool replied, down;
};

struct world {
    struct input in;
    struct terms terms;
    struct config config, fresh;
    struct node *node;
    bool ended, stopping;
    uint64_t now_ms, random;
    unsigned wakes; /* at this time */
    uint32_t accepted;
    uint32_t epmd, lookup, stranger; /* connections; 0: none */
    struct coming *coming;
    size_t coming_len, coming_cap;
    struct peer peers[PEERS];
    struct fake_disk *disk;
    struct store stores[STORES];
    struct honest_call calls[CALLS];
    unsigned calls_made;
    unsigned looks;       /* at metrics and page */
    uint64_t changes[16]; /* of the replicas, at their last check */
};

/* --- world.c */

void world_start(struct world *w, const uint8_t *data, size_t size);
void world_free(struct world *w);
/* One event, and everything that follows from it at once. */
void world_step(struct world *w, struct event event);
/* The clock goes on, as far as the node runs. */
void world_run(struct world *w, uint64_t ms);
void world_connect(struct world *w, enum peer_name who);
void world_reset(struct world *w, enum peer_name who);
/* The peer reads what was written to it. */
void world_drain(struct world *w, struct peer *p);
/* Bytes from the peer, in pieces of that size (0: in one). */
void world_feed(struct world *w, struct peer *p, struct bytes bytes, size_t piece);
/* Something is to happen after what is under way; copies the bytes. */
void world_comes(struct world *w, struct event event, struct bytes bytes);
bool world_is_up(const struct peer *p);
/* Another configuration is read while the node runs. */
void world_reload(struct world *w);
/* A process of the node, drawn; NULL if there is none. */
struct process *world_process(struct world *w);
/* The type of a replica; NULL for another process. */
const struct crdt_type *world_type(const struct process *p);

/* --- disk.c */

void disk_perform(struct world *w, const struct action *a);
/* Runs the next job of one of the stores, counted from that one; false if there is none. */
bool disk_run(struct world *w, unsigned first);
/* The process has ended: what was asked of the disk before is done, and goes nowhere. */
void disk_close(struct world *w);

/* --- honest.c */

/* Makes another call, and takes what has come to an earlier one. */
void honest_call(struct world *w);
void honest_heard(struct world *w, const struct signal *signal);
/* Has every process go on, and waits until all calls are answered. */
void honest_wait(struct world *w);

/* --- talk.c */

/* The peer says something, drawn. */
void talk(struct world *w, struct peer *p);
/* It joins the groups of all replicas. */
void talk_join(struct world *w, struct peer *p);
/* It has been told this by the node. */
void talk_heard(struct world *w, struct peer *p, const struct signal *signal);

#endif
