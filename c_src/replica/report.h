/* What a replica is doing, as numbers: for metrics and the status page.  Nothing here walks over
 * the state, but for a value that is small. */
#ifndef COPPICE_REPLICA_REPORT_H
#define COPPICE_REPLICA_REPORT_H

#include "replica.h"

/* How the state of a member compared with ours, when that was last known. */
enum agreement {
    AGREEMENT_UNKNOWN,
    AGREEMENT_EQUAL,     /* the digests were equal */
    AGREEMENT_EXCHANGED, /* what differed was exchanged, or states were: a Grove server's, which has
                            no digests */
    AGREEMENT_DIFFERS    /* the digests differed, and nothing has come from it since */
};

struct member_report {
    struct bytes node; /* text, good until the member has left */
    bool beam, behind;
    enum agreement agreement;
    /* Wall clock; 0: never.  Since when the agreement is known, and when a sync with it was last
     * complete. */
    uint64_t agreed_ms, synced_ms;
};

struct replica_report {
    struct bytes name, group; /* text, and a canonical term; good until the replica ends */
    const char *type;
    uint64_t elements, tombstones, actors;
    uint64_t members; /* without adapter processes of Phoenix.PubSub */
    uint64_t waiting; /* mutations */
    uint64_t mutations, merges, syncs;
    uint64_t deltas_sent, deltas_received;
    uint64_t refused;            /* structs and casts, for whatever reason ... */
    const uint64_t *refused_for; /* ... structs for each enum err; NULL: none was */
    uint64_t unfit;              /* and messages with terms that this node does not accept */
    /* With storage: */
    bool stored, fails; /* mutations are refused, or snapshots fail */
    uint64_t journal_bytes, appends, append_ms, snapshots, snapshot_failures, snapshot_ms;
    uint64_t appended_ms, saved_ms; /* the last of each; wall clock, 0: none yet */
};

void replica_report(const struct process *p, struct replica_report *report);

/* The next member that is no adapter process, in no order; start with *i = 0, which is moved on.
 * False at the end.  There may be several on one node. */
bool replica_report_member(const struct process *p, size_t *i, struct member_report *report);

enum value_shown {
    VALUE_SHOWN,
    VALUE_LARGE, /* the state has more elements or bytes than these */
    VALUE_LATER  /* it is not safe: being loaded, or with mutations that are not on disk yet */
};

/* Appends the value, not canonical, where the state has at most so many elements and, as far as
 * that is known without a walk, bytes. */
enum value_shown replica_report_value(const struct process *p, size_t elements, size_t bytes,
                                      struct buf *out);

#endif
