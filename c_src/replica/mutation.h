/* Mutations, and the queue of those that wait.  Private to replica/.
 *
 *     mutation.c   runs them, or queues them
 *     fun.c        funs, which run on their caller's node */
#ifndef COPPICE_REPLICA_MUTATION_H
#define COPPICE_REPLICA_MUTATION_H

#include "../otp/process.h"
#include "../otp/quotas.h"

struct replica;

/* A mutation as it arrived. */
struct mutation {
    struct bytes from;  /* empty for a cast */
    struct bytes body;  /* Op | [Op] | Fun; not canonical: a fun's bytes must not change */
    bool wants_results; /* {mutate_reply, _}: the reply has the operations' results, not `ok` */
    /* Of one that was in the queue, as below. */
    bool alone;
    uint64_t until_ms;
};

/* Its copy in the queue. */
struct queued_mutation {
    struct queued_mutation *next;
    struct quota *by; /* the node that it came from */
    struct buf from, body;
    bool wants_results, alone; /* alone: a fun that must not share a question with others */
    uint64_t until_ms;         /* while funs run, its caller waits no longer */
};

/* Funs that a node has been asked to apply, in order. */
struct asked {
    struct queued_mutation **list;
    size_t count, cap;
    struct buf state; /* a copy of what the first is applied to, if there are several */
};

/* --- mutation.c ---------------------------------------------------------- */

/* Runs a mutation, or queues it. */
void mutation_submit(struct replica *r, const struct mutation *m, struct turn *t);
/* Runs queued mutations until one has to wait. */
void mutation_resume(struct replica *r, struct turn *t);
/* The mutation has been made (reason is empty), or is refused. */
void mutation_finish(struct replica *r, struct bytes from, const struct buf *reason,
                     struct turn *t);
void mutation_refuse(struct replica *r, struct bytes from, const char *reason, struct turn *t);
/* A copy of a mutation, as it is in the queue; the caller drops it. */
struct queued_mutation *mutation_keep(struct replica *r, const struct mutation *m,
                                      const struct turn *t);
void mutation_drop(struct replica *r, struct queued_mutation *q);
/* mutation_finish() and mutation_refuse() of a copy, for its node. */
void mutation_finish_kept(struct replica *r, const struct queued_mutation *q,
                          const struct buf *reason, struct turn *t);
void mutation_refuse_kept(struct replica *r, const struct queued_mutation *q, const char *reason,
                          struct turn *t);
/* Takes the first one out of the queue, which must not be empty; and puts it back there. */
struct queued_mutation *mutation_take(struct replica *r);
void mutation_put_back(struct replica *r, struct queued_mutation *q);
/* Refuses queued funs that would run on this node. */
void mutation_refuse_funs(struct replica *r, struct bytes node, struct turn *t);
/* Refuses calls that have waited behind funs for too long. */
uint64_t mutation_due(struct replica *r);
void mutation_wake(struct replica *r, struct turn *t);
/* Refuses all queued mutations with this reason. */
void mutation_refuse_all(struct replica *r, struct bytes reason, struct turn *t);
void mutation_free(struct replica *r);

/* --- fun.c --------------------------------------------------------------- */

/* Sends a fun to its caller's node, with those of that node which are next in the queue, or refuses
 * it. */
void fun_run(struct replica *r, const struct mutation *m, struct turn *t);
/* The answer to fun_call. */
void fun_answer(struct replica *r, const struct answer *a, struct turn *t);
/* Whether the fun of that caller would run on this node. */
bool fun_runs_on(struct bytes from, struct bytes fun, struct bytes node);
void fun_free(struct replica *r);

#endif
