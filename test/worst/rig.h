/* A node in this process, and peers that send it the worst within a limit.
 *
 * After the handshake frames are put by hand into rig.out, and rig_feed() feeds them in reads. What
 * the node sends is counted, and counts as written at once. */
#ifndef COPPICE_TEST_WORST_RIG_H
#define COPPICE_TEST_WORST_RIG_H

#include "node/node.h"
#include "term/write.h"

struct rig {
    struct config config;
    struct node *node;
    uint64_t now_ms;
    uint32_t peer;     /* the number of the peer that sends what is put */
    struct buf out;    /* what it sends */
    size_t fed;        /* bytes that the node was fed, since rig_reset() as the next */
    size_t answered;   /* bytes that it has sent to anybody */
    size_t closed;     /* connections that it has closed */
    size_t lines;      /* log lines */
    size_t wakes;      /* steps of wake-ups */
    uint32_t store;    /* which waits for rig_load() */
    uint64_t worst_ns; /* processor time of the longest step ... */
    uint64_t total_ns; /* ... and of all */
    struct buf read;   /* of answers, while a test keeps them */
    bool keeps;
};

extern struct rig rig;

/* A node with what the text configures, which has to be a list of terms with a full stop each. */
void rig_start(const char *text);
void rig_finish(void);

/* Connects the peer p1@h, p2@h and so on of this number, which then sends what is put. */
void rig_connect(uint32_t peer);
void rig_disconnect(uint32_t peer);
struct bytes rig_peer_name(void); /* of the current peer; valid until the next call */

/* Feeds what is put, and has the node do all that is due in the next milliseconds. */
void rig_feed(uint64_t ms);

/* Has the replica with storage load a table with this state, and join it. */
void rig_load(struct bytes state);

/* What is counted and measured begins anew. */
void rig_reset(void);

/* --- frames ----------------------------------------------------------------------- */

/* Puts a message for the process of that name; the caller puts the term, and ends it. */
size_t rig_begin(const char *name);
void rig_end(size_t at);

/* Puts a frame with a control message alone, as the functions below. */
size_t rig_begin_control(void);

/* A pid and a reference of the current peer. */
void put_own_pid(struct buf *out, uint32_t id);
void put_own_reference(struct buf *out, uint32_t id);
/* {'$gen_call', From, ...}: the request has to follow. */
void put_call(struct buf *out, uint32_t id);

#endif
