/* Who else is in the group, and what is exchanged with each.  Nobody outside replica/ includes
 * this.
 *
 *     member.c     who there is
 *     push.c       states out, large ones piece by piece
 *     pull.c       asking members for their state
 *     compare.c    where our state differs from another coppice's
 *     repair.c     now and then, with any member: anti-entropy
 */
#ifndef COPPICE_REPLICA_MEMBER_H
#define COPPICE_REPLICA_MEMBER_H

#include "../crdt/part.h"
#include "durable.h"

/* Where asking a member for its state stands. */
enum pull {
    PULL_DONE, /* answered, refused, or given up */
    PULL_DUE,  /* to be asked as soon as fewer than LIMIT_PULLS are open */
    PULL_OPEN, /* asked: its call is under way */
    PULL_LATER /* failed: due again at a later sync tick */
};

/* How many ranges of its buckets a state is compared by. */
#define COMPARE_RANGES        1024
#define COMPARE_RANGE_BUCKETS (PART_BUCKETS / COMPARE_RANGES)

/* What is left to be exchanged with a coppice. */
struct comparison {
    bool differs[COMPARE_RANGES]; /* as of its answer; what changes later is told as a delta */
    struct part asked;            /* what it was last asked for */
};

/* One other process of the group. */
struct member {
    struct term pid;
    size_t joins; /* times that it joined and has not left */
    bool beam;    /* its node runs a BEAM */
    bool behind;  /* missed a delta: needs the state */
    bool heard;   /* has told its state since it joined */
    enum pull pull;
    uint64_t call;                 /* PULL_OPEN */
    uint64_t ticks;                /* PULL_LATER: sync ticks still to wait */
    unsigned failed;               /* pulls in a row */
    struct comparison *comparison; /* PULL_OPEN with a coppice that has a large state, or NULL */
    bool *untold;                  /* which of COMPARE_RANGES it is yet to be told, or NULL */
};

/* --- member.c ------------------------------------------------------------ */

struct member *member_of_pid(struct replica *r, struct bytes pid); /* NULL for none */
struct member *member_of_call(struct replica *r, uint64_t call);
struct member *member_add(struct replica *r, struct bytes pid);
void member_remove(struct replica *r, struct member *m);
void member_free_all(struct replica *r);
struct bytes member_node(const struct member *m); /* text */

/* --- push.c -------------------------------------------------------------- */

/* The state to a member: now, or later where its node is slow or the state is not safe.
 * Whether it needs no delta any more: what the state is now will reach it. */
bool push_to(struct replica *r, struct member *m, struct turn *t);
/* The same, where comparing would say nothing: all of it, in pieces where it is large. */
void push_all(struct replica *r, struct member *m, struct turn *t);
/* A moment when it is safe: the state to those members that are behind (all, or those on this
 * node), and the next piece. */
void push_to_behind(struct replica *r, struct bytes node, struct turn *t);
/* The state whole, and now, for there is no later; false where it is not safe. */
bool push_last(struct replica *r, struct member *m, struct turn *t);
void push_stop(struct replica *r, struct member *m);
/* Pieces that were held because nobody could take one go on. */
void push_resume(struct replica *r, struct turn *t);
uint64_t push_due(const struct replica *r);
void push_wake(struct replica *r, struct turn *t);
/* The entries of whole ranges to a member: now, or later as above. */
void push_part(struct replica *r, struct member *m, struct part part, struct turn *t);
/* About how many buckets of the state make a piece: whole ranges; all where it is small. */
uint32_t push_piece_buckets(struct replica *r, struct turn *t);
/* The first marked ranges in a row from this one on (from 0 again behind the last), no more
 * buckets than `most`; false where none is. */
bool push_next(const bool *marked, uint32_t from, uint32_t most, struct part *part);

/* --- pull.c -------------------------------------------------------------- */

void pull_from(struct replica *r, struct member *m, struct turn *t);
void pull_stop(struct replica *r, struct member *m, struct turn *t);
void pull_answer(struct replica *r, struct member *m, const struct answer *a, struct turn *t);
void pull_tick(struct replica *r, struct turn *t); /* once a sync interval */
bool pull_pending(const struct replica *r);

/* --- compare.c ----------------------------------------------------------- */

/* What comes of an answer. */
enum outcome { OUTCOME_DONE, OUTCOME_MORE, OUTCOME_FAILED, OUTCOME_REFUSED };

/* Asks a coppice where its state differs; gives the call. */
uint64_t compare_start(struct replica *r, struct member *m, struct turn *t);
/* Takes its answer; MORE: there is another question, under m->call. */
enum outcome compare_answer(struct replica *r, struct member *m, struct bytes reply,
                            struct turn *t);
void compare_stop(struct member *m);
/* The requests of those who compare. */
request_handler compare_digest, compare_part;

/* --- repair.c ------------------------------------------------------------ */

void repair_start(struct replica *r, struct turn *t);
void repair_wake(struct replica *r, struct turn *t);

#endif
