/* The other members of the group, and the exchange with each.  Private to replica/.
 *
 *     member.c     the member list
 *     push.c       sends states, large ones piece by piece
 *     pull.c       asks members for their states
 *     compare.c    finds where our state differs from another coppice's
 *     verify.c     whether states differ whose digests do not
 *     repair.c     anti-entropy: syncs with a random member now and then
 */
#ifndef COPPICE_REPLICA_MEMBER_H
#define COPPICE_REPLICA_MEMBER_H

#include "../crdt/part.h"
#include "../otp/hash_table.h"
#include "durable.h"
#include "report.h"

/* Whether a member has to be asked for its state. */
enum pull_stage {
    PULL_IDLE,   /* answered, refused or given up */
    PULL_DUE,    /* will be asked when fewer than LIMIT_PULLS calls are open */
    PULL_OPEN,   /* asked: its call is under way */
    PULL_BACKOFF /* failed: due again after some sync ticks */
};

/* States are compared by this many ranges of buckets. */
#define COMPARE_RANGES        1024
#define COMPARE_RANGE_BUCKETS (PART_BUCKETS / COMPARE_RANGES)

struct narrowing; /* narrow.c */

/* What remains to be exchanged with a coppice. */
struct comparison {
    bool differs[COMPARE_RANGES]; /* as of its digests; later changes are sent as deltas */
    struct part asked;            /* the part that was requested last */
    struct narrowing *narrowing;  /* while ranges are narrowed down; or NULL */
};

struct member {
    struct term pid;
    struct hash_link by_pid; /* in replica.members_by_pid */
    size_t place;            /* in replica.members */
    size_t joins;            /* how often it has joined and not left */
    bool beam;               /* its node runs a BEAM */
    bool behind;             /* missed a delta: needs the state */
    bool pulled;             /* its state has been merged since it joined */
    bool same_actor;         /* it has sent a struct in the name of our actor */
    /* Not a member, but a BEAM's adapter process of the replica's pubsub: who is subscribed there
     * gets the deltas that are sent to it.  It has no state, and is never behind. */
    bool adapter;
    bool checking;         /* its last question is not who is subscribed, but what those run */
    struct buf candidates; /* these: canonical pids, one after the other */
    /* A Grove server that is subscribed: gets deltas by its node's adapter process. */
    bool subscribed;
    uint64_t watch; /* of such a server; 0: none */
    enum pull_stage pull;
    uint64_t call;                 /* PULL_OPEN */
    bool taking;                   /* its answer has come, and is being joined */
    uint64_t backoff_ticks;        /* PULL_BACKOFF: sync ticks left */
    unsigned failures;             /* of pulls, in a row */
    struct comparison *comparison; /* while ranges are pulled from a coppice; or NULL */
    bool verifying;                /* the open call is verify_start()'s */
    uint64_t compares_ms;          /* when it last began to compare with us; 0: never */
    enum agreement agreement;
    uint64_t agreed_wall_ms; /* when that was known */
    uint64_t synced_wall_ms; /* when a sync with it was last complete; 0: never */
    bool *unsent;            /* which of the COMPARE_RANGES must be sent to it; or NULL */
};

/* --- member.c ------------------------------------------------------------ */

struct member *member_of_pid(struct replica *r, struct bytes pid); /* NULL for none */
struct member *member_of_call(struct replica *r, uint64_t call);
struct member *member_add(struct replica *r, struct bytes pid);
void member_remove(struct replica *r, struct member *m);
void member_free_all(struct replica *r);
struct member *member_of_watch(struct replica *r, uint64_t watch);
/* One join less: removes it with the last one. */
void member_leave(struct replica *r, struct member *m, struct turn *t);
struct bytes member_node(const struct member *m); /* text */
bool member_is_slow(const struct member *m, struct turn *t);
void member_note(struct member *m, enum agreement agreement, const struct turn *t);
/* A struct of it was merged: what has differed is being exchanged. */
void member_note_struct(struct member *m, const struct turn *t);
/* The message goes to a member, or by an adapter to whoever is subscribed. */
void member_send(struct replica *r, const struct member *m, struct bytes message, struct turn *t);
/* Sends {grove_delta, State, Self} to a member that is no adapter process. */
void member_send_state(struct replica *r, const struct member *m, struct turn *t);

/* --- push.c -------------------------------------------------------------- */

/* Sends the state to a member, or compares with it where that is cheaper; later, if its node
 * is slow or the state is not safe.  True if the current state will reach it, so that it
 * needs no delta. */
bool push_to(struct replica *r, struct member *m, struct turn *t);
/* Sends the state without comparing, a large one in pieces; later, as above. */
void push_all(struct replica *r, struct member *m, struct turn *t);
/* Sends the state to the members that are behind (on this node; on any if it is empty), and
 * the next piece. */
void push_to_behind(struct replica *r, struct bytes node, struct turn *t);
/* The process ends: sends the whole state now; false if it is not safe. */
bool push_final(struct replica *r, struct member *m, struct turn *t);
void push_stop(struct replica *r, struct member *m);
/* Continues with pieces after members were blocked. */
void push_resume(struct replica *r, struct turn *t);
uint64_t push_due(const struct replica *r);
void push_wake(struct replica *r, struct turn *t);
/* Sends the entries of a part (whole ranges); later, as above. */
void push_part(struct replica *r, struct member *m, struct part part, struct turn *t);
/* The same for the entries with these keys. */
void push_entries(struct replica *r, struct member *m, const struct selection *keys,
                  struct turn *t);
/* How many buckets make a piece, about: whole ranges; PART_BUCKETS for a small state. */
uint32_t push_piece_buckets(struct replica *r, struct turn *t);
/* The first run of marked ranges at or after `from` (wrapping around), at most `most` buckets
 * of it; false if none is marked. */
bool push_next_part(const bool *marked, uint32_t from, uint32_t most, struct part *part);

/* --- pull.c -------------------------------------------------------------- */

void pull_from(struct replica *r, struct member *m, struct turn *t);
void pull_stop(struct replica *r, struct member *m, struct turn *t);
void pull_answer(struct replica *r, struct member *m, const struct answer *a, struct turn *t);
/* The member's answer has been joined, or was refused. */
void pull_taken(struct replica *r, struct member *m, bool merged, struct turn *t);
void pull_tick(struct replica *r, struct turn *t); /* once per sync interval */
bool pull_pending(const struct replica *r);

/* --- compare.c ----------------------------------------------------------- */

/* What to do after an answer to a pull. */
enum reply_result {
    REPLY_DONE,   /* we have the member's state */
    REPLY_MORE,   /* another request was sent, its call is m->call */
    REPLY_TAKEN,  /* it is being joined: pull_taken() follows */
    REPLY_FAILED, /* try again later */
    REPLY_LATER,  /* ask again at the next sync tick */
    REPLY_REFUSED /* unusable: give up */
};

/* Sends our digest to another coppice; returns the call, 0 on failure. */
uint64_t compare_start(struct replica *r, struct member *m, struct turn *t);
enum reply_result compare_answer(struct replica *r, struct member *m, struct bytes reply,
                                 struct turn *t);
/* An answer has been joined: on with the comparison, if there is one. */
enum reply_result compare_taken(struct replica *r, struct member *m, struct turn *t);
void compare_stop(struct member *m);
/* The handlers of the other side's requests. */
request_handler compare_digest, compare_part;
/* The state has changed, or is gone: frees digests that are kept. */
void compare_forget_digests(struct replica *r);
/* For narrow.c.  Sends a request, and frees it: REPLY_MORE, or REPLY_FAILED. */
enum reply_result compare_ask(struct replica *r, struct member *m, struct buf *request,
                              struct turn *t);
/* Asks for the next part that differs; REPLY_DONE if there is none. */
enum reply_result compare_next_part(struct replica *r, struct member *m, struct turn *t);
/* The digests of all PART_BUCKETS, half a megabyte, until the next change;
 * compare_release_digests() frees those of a small state. */
const uint64_t *compare_bucket_digests(struct replica *r, struct turn *t);
void compare_release_digests(struct replica *r, struct turn *t);

/* The digest of the whole state. */
uint64_t compare_whole_digest(struct replica *r, struct turn *t);

/* --- verify.c ------------------------------------------------------------ */

/* Whether a comparison that finds no difference is to be verified; begins that. */
bool verify_is_due(const struct replica *r);
enum reply_result verify_start(struct replica *r, struct member *m, struct turn *t);
enum reply_result verify_answer(struct replica *r, struct member *m, struct bytes reply,
                                struct turn *t);
request_handler verify_digest;

/* --- narrow.c ------------------------------------------------------------ */

/* Narrows the ranges of a comparison down to entries; those that cannot be are left in it. */
enum reply_result narrow_start(struct replica *r, struct member *m, struct turn *t);
enum reply_result narrow_answer(struct replica *r, struct member *m, struct bytes reply,
                                struct turn *t);
/* An answer has been joined. */
enum reply_result narrow_next(struct replica *r, struct member *m, struct turn *t);
void narrow_stop(struct comparison *c);
request_handler narrow_digests, narrow_entries;

/* --- repair.c ------------------------------------------------------------ */

void repair_start(struct replica *r, struct turn *t);
void repair_wake(struct replica *r, struct turn *t);

#endif
