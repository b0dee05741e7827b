/* Shared by the files of a replica.  Private to replica/.
 *
 *     replica.c    life cycle, wake-ups, members, status
 *     request.c    the table of requests
 *     mutation.h   the mutation queue, and funs, which run on their caller's node
 *     question.h   one question about several of them
 *     durable.h    storage, and the callers that wait for it
 *     catch_up.c   holds mutations until the peers have sent their states
 *     exchange.c   sends deltas, merges what arrives
 *     topic.c      a topic of Phoenix.PubSub, on which Grove servers are subscribed
 *     intake.h     joins large structs in slices
 *     encoding.h   encodes the state and the value, in slices if they are large
 *     postponed.h  small deltas that wait meanwhile
 *     member.h     the other members of the group, and the exchange with each */
#ifndef COPPICE_REPLICA_INTERNAL_H
#define COPPICE_REPLICA_INTERNAL_H

#include "../otp/gen.h"
#include "../otp/names.h"
#include "encoding.h"
#include "intake.h"
#include "member.h"
#include "mutation.h"
#include "postponed.h"
#include "question.h"
#include "subscribers.h"

struct replica {
    struct process *process;
    struct replica_options options;
    struct crdt_options crdt_options;
    struct crdt *crdt;
    struct crdt *delta; /* what grew since the last sync */

    struct encoding encodings[ENCODED_KINDS];
    struct buf postponed;
    uint64_t *digests, *bucket_digests; /* of the COMPARE_RANGES, of all buckets; or NULL */

    size_t sampled_bytes; /* of the encoded state, by a sample; with what changed since ... */
    size_t estimated_bytes;
    uint64_t estimated_ms; /* ... which was taken at this time; 0: never */

    struct member **members; /* as they joined; the last one takes the place of one that leaves */
    size_t member_count, member_cap;
    struct hash_table members_by_pid;
    size_t pulls_open;

    struct queued_mutation *queue, **queue_end;
    struct quotas queued;      /* of those in the queue, and those that run */
    uint64_t fun_call;         /* the call that runs funs; 0 for none */
    struct asked asked;        /* what it runs */
    struct buf fun_node;       /* the name of the node that was last asked */
    struct names unresponsive; /* nodes that have let a fun time out */
    struct question_forms forms;

    struct durable durable;
    struct subscribers subscribers;

    struct intake *intakes, **intakes_end; /* the next one first */
    size_t delta_bytes;                    /* about so many of them were joined to delta ... */
    size_t unwritten_bytes;                /* ... and to the state since the last journal record */

    bool settled, caught_up;
    uint64_t catch_up_by_ms; /* 0 until a mutation waits */
    uint64_t sync_at_ms, repair_at_ms;
    bool resting; /* it does not tick */

    size_t pushes;          /* members with unsent ranges */
    uint64_t piece_sent_ms; /* when the last piece was sent */
    uint32_t next_range;    /* where the next piece begins, at the earliest */
    bool push_blocked;      /* no such member can take a piece now: wait for push_resume() */

    uint64_t repairs, mutations, merges, refused, ignored, changes;
    uint64_t deltas_sent, deltas_received;
    uint64_t *refused_for; /* structs, by enum err; NULL: none yet */
    uint64_t same_actor;   /* structs from other members with our actor */
};

/* --- replica.c ----------------------------------------------------------- */

struct replica *replica_of(const struct process *p);
void replica_set_wake(struct replica *r); /* at the earliest time that something is due */
/* The state has changed: drops its cached encodings. */
void replica_changed(struct replica *r);
/* Counts a refused input and logs it, at a decreasing rate. */
void replica_refused(struct replica *r, const char *what, struct bytes why, struct turn *t);

/* --- request.c ----------------------------------------------------------- */

void request_handle(struct process *p, struct bytes message, struct turn *t);

/* --- catch_up.c ---------------------------------------------------------- */

/* A mutation has been queued: starts the deadline, if not caught up. */
void catch_up_start(struct replica *r, struct turn *t);
/* Ends catching up when every member has answered (the first to answer may be as new as we
 * are) or the deadline has passed. */
void catch_up_check(struct replica *r, struct turn *t);

/* --- topic.c ------------------------------------------------------------- */

/* Appends the message as it is sent to an adapter process: {forward_to_local, Topic, Message,
 * 'Elixir.Phoenix.PubSub'}. */
void topic_wrap(const struct replica *r, struct bytes message, struct buf *out);
/* Asks an adapter's node who is subscribed to the topic; returns the call, 0 on failure. */
uint64_t topic_ask(struct replica *r, struct member *adapter, struct turn *t);
enum reply_result topic_answer(struct replica *r, struct member *adapter, const struct answer *a,
                               struct turn *t);
/* A delta came from this process (canonical), which is no member: its node is asked again. */
void topic_unknown_sender(struct replica *r, struct bytes pid);
/* An adapter process is gone: what its node's servers get is sent to themselves again. */
void topic_adapter_left(struct replica *r, const struct member *adapter);
/* A server that topic_answer() has found is down. */
void topic_server_down(struct replica *r, uint64_t watch, struct turn *t);
/* nil, or #{name => Pubsub, nodes => [Node], topic => Topic}. */
void topic_put_status(const struct replica *r, struct buf *out);

/* --- exchange.c ---------------------------------------------------------- */

/* Merges a checked struct; `relay`: what grows is sent to the members with the next delta.
 * Changes nothing on an error. */
enum err exchange_merge(struct replica *r, struct bytes checked, bool relay);
/* Whether a valid struct is to be merged, and what was said of `relay`.  sender as below; actor:
 * crdt_sender(); is_delta: it is no answer to a pull.  Checks that nobody else has our actor. */
bool exchange_accepts(struct replica *r, struct bytes sender, struct bytes actor, bool is_delta,
                      bool *relay, struct turn *t);
/* Counts and logs a struct that was refused. */
void exchange_refuse(struct replica *r, struct bytes sender, enum err why, struct turn *t);
/* A delta from a peer; sender is a term, empty if the message has none. */
void exchange_receive(struct replica *r, struct bytes delta, struct bytes sender, struct turn *t);
/* A member's state, or a part of it, in answer to a pull; false if it is refused. */
bool exchange_pulled(struct replica *r, struct member *m, struct bytes state, struct turn *t);
/* Counts and logs a member's answer that has a term that this node does not accept. */
void exchange_unfit(struct replica *r, const struct member *m, enum err why, struct turn *t);
/* Adds to the delta of the members, if any; those that it is too large for get the state. */
void exchange_publish(struct replica *r, struct bytes delta);
/* Sends the delta to all members, or the state to those that are behind.  The final sync,
 * when the process ends, includes slow nodes too. */
void exchange_sync(struct replica *r, bool final, struct turn *t);

#endif
