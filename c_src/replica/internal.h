/* What the files of a replica share.
 *
 *     replica.c    its life: starting, waking, ending, what it says of itself
 *     request.c    messages to it: which there are, and the answers
 *     mutation.c   the queue of mutations, and funs away on their caller's node
 *     durable.h    what is on disk, and who waits for it
 *     catch_up.c   whether it may mutate yet
 *     exchange.c   deltas out, structs in
 *     member.h     who else is in the group, and what is exchanged with each
 */
#ifndef COPPICE_REPLICA_INTERNAL_H
#define COPPICE_REPLICA_INTERNAL_H

#include "../otp/gen.h"
#include "durable.h"
#include "member.h"

/* A request to change the state that waits for its turn. */
struct mutation {
    struct mutation *next;
    struct buf from;   /* empty for a cast */
    struct buf change; /* as it came: it may hold a fun, whose bytes are not ours to change */
    bool replies;      /* what the operations made is answered, not `ok` */
};

/* The same while it is handled. */
struct change {
    struct bytes from, change;
    bool replies;
};

struct replica {
    struct process *process;
    struct replica_options options;
    struct crdt_options crdt_options;
    struct crdt *crdt;
    struct crdt *delta; /* what has grown since the last sync */

    /* {grove_delta, State, Self}, and where State is in it; and the value.
     * Empty when not encoded since the last change. */
    struct buf state_message;
    size_t state_at;
    struct buf value;
    uint64_t *digests;    /* of the state's COMPARE_RANGES; NULL when not reckoned since */
    size_t bytes;         /* about what the state has when encoded, reckoned ... */
    uint64_t reckoned_ms; /* ... at that time; 0: not yet */

    struct member **members; /* in order of pid bytes */
    size_t member_count, member_cap;
    size_t pulls_open;

    struct mutation *first, **end; /* the queue */
    size_t waiting, waiting_bytes;
    uint64_t fun_call;   /* of the fun that is away; 0 for none */
    struct buf fun_from; /* who sent it */

    struct durable durable;

    bool settled, caught_up;
    uint64_t catch_up_by_ms; /* 0 until a mutation is held */
    uint64_t sync_at_ms, repair_at_ms;
    uint64_t pushed_ms; /* when the last piece went out */
    size_t pushes;      /* members with something untold */
    uint32_t push_from; /* the range where the next piece begins, or after */
    bool push_held;     /* none of them could take one: until something changes */

    uint64_t repairs, mutations, merges, refused, ignored;
    uint64_t changes; /* of what is encoded once */
};

/* --- replica.c ----------------------------------------------------------- */

struct replica *replica_of(const struct process *p);
void replica_alarm(struct replica *r); /* sets the next wake-up */
/* The state has changed: what is encoded of it is stale. */
void replica_changed(struct replica *r);
struct bytes replica_state_term(struct replica *r); /* good until the next change */
struct bytes replica_state_message(struct replica *r);
struct bytes replica_value_term(struct replica *r);
/* Counts something that was refused, and logs it unless too much is. */
void replica_refused(struct replica *r, const char *what, struct bytes why, struct turn *t);

/* --- request.c ----------------------------------------------------------- */

void request_handle(struct process *p, struct bytes message, struct turn *t);

/* --- mutation.c ---------------------------------------------------------- */

/* Applies, sends away or queues a mutation; from is empty for a cast. */
void mutation_take(struct replica *r, const struct change *c, struct turn *t);
/* Goes on with the queue as far as it goes. */
void mutation_go_on(struct replica *r, struct turn *t);
void mutation_answer(struct replica *r, const struct answer *a, struct turn *t);
void mutation_free(struct replica *r);

/* Refuses whatever waits, with this reason. */
void mutation_refuse_all(struct replica *r, struct bytes reason, struct turn *t);

/* --- catch_up.c ---------------------------------------------------------- */

void catch_up_hold(struct replica *r, struct turn *t); /* a mutation has to wait */
/* Looks whether there is nothing more to wait for (every member has told its
 * state: the first to answer may be as new as we are), or no more time. */
void catch_up_check(struct replica *r, struct turn *t);

/* --- exchange.c ---------------------------------------------------------- */

/* Joins a checked struct; what grows is told at the next sync if `tell` says so.
 * On an error nothing has changed. */
enum err exchange_merge(struct replica *r, struct bytes checked, bool tell);
/* A delta from a peer; its sender is a term, empty where it is not named. */
void exchange_receive(struct replica *r, struct bytes delta, struct bytes sender, struct turn *t);
/* The state that a member has answered a pull with; false when it is refused. */
bool exchange_pulled(struct replica *r, struct member *m, struct bytes state, struct turn *t);
/* The delta to all members, the state to those that are behind.  The last sync
 * does not spare slow nodes: there is no later for it. */
void exchange_sync(struct replica *r, bool last, struct turn *t);

#endif
