/* What a load asks of the replicas, and whether each answer is right.  All are counters, except
 * where the state is asked for.
 *
 * A load has three parts: every replica is asked for its value, then the calls that are measured
 * are made, then every replica is asked once more, and must have counted each mutation exactly
 * once. */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include "term/bytes.h"

enum work_kind {
    WORK_VALUE,  /* `value` */
    WORK_MUTATE, /* {mutate, {increment, [1]}} */
    WORK_EXPORT, /* {mutate, fun 'Elixir.Grove.Counter.GCounter':increment/1} */
    WORK_DELTAS, /* MUTATE and sync_now in turn: each delta goes to all members of the group */
    WORK_EXPORT_DELTAS, /* the same with EXPORT */
    WORK_STATE,         /* `state`, of a replica of any type: there is no first and last part */
    WORK_KINDS
};

/* "value" etc.; WORK_KINDS if it is none of them. */
enum work_kind work_kind_named(const char *name);

struct work;

/* replicas 0: one that is named server; else the replicas SERVER_1, SERVER_2 and so on. */
struct work *work_new(enum work_kind kind, const char *server, uint32_t replicas);
void work_free(struct work *w);

/* Begins the next part.  The first and the last end by themselves, the second never. */
void work_begin(struct work *w);

enum call_kind { CALL_VALUE, CALL_MUTATE, CALL_SYNC, CALL_STATE, CALL_KINDS };

struct work_call {
    uint32_t replica;
    enum call_kind kind;
    struct bytes server, request; /* terms, valid as long as the work is */
};

/* The next call to be made; false if all of this part were taken. */
bool work_next(struct work *w, struct work_call *call);

/* The name of a replica, an atom. */
struct bytes work_server(const struct work *w, uint32_t replica);

/* The bytes of the states, which must all have as many. */
size_t work_state_bytes(const struct work *w);

/* Checks a reply, a term; ends the program with a message if it is wrong. */
void work_check(struct work *w, uint32_t replica, enum call_kind kind, struct bytes reply);

/* How many deltas were sent, as far as was acknowledged. */
uint64_t work_deltas(const struct work *w);

#endif
