/* Worlds of replicas of one type that change and sync at random, for suites that cover all
 * types. */
#ifndef COPPICE_TEST_CRDT_WORLDS_H
#define COPPICE_TEST_CRDT_WORLDS_H

#include "unit/crdt/generated.h"

#define WORLD_STATES 8
#define WORLD_OPS    6

/* The operations of a type's replicas, in Erlang syntax with a format for a random number.  Those
 * that are invalid are refused. */
struct workload {
    const char *type;
    bool divisible;
    const char *ops[WORLD_OPS + 1];
};

static const struct workload workloads[] = {
    {"gcounter", true, {"{increment, [%u]}", NULL}},
    {"pncounter", true, {"{increment, [%u]}", "{decrement, [%u]}", NULL}},
    {"lww_register", false, {"{set, [%u]}", "{set, [x, %u]}", NULL}},
    {"mv_register", false, {"{set, [%u]}", "{resolve, [%u]}", NULL}},
    {"gset", true, {"{add, [%u]}", "{add, [{%u, x}]}", NULL}},
    {"two_p_set", true, {"{add, [%u]}", "{remove, [%u]}", NULL}},
    {"or_set", true, {"{add, [%u]}", "{add, [<<%u>>]}", "{remove, [%u]}", NULL}},
    {"dvv_set", false, {"{add, [%u]}", "{add, [<<%u>>]}", "{remove, [%u]}", NULL}},
    {"or_map",
     true,
     {"{put, [%u, or_set]}", "[{put, [%1$u, or_set]}, {update, [%1$u, {add, [x]}]}]",
      "{update, [%u, {remove, [x]}]}", "{put, [{%u}, or_map]}",
      "[{put, [{%1$u}, or_map]}, {update, [{%1$u}, {put, [%1$u, gcounter]}]}]", "{delete, [%u]}",
      NULL}},
    {"rga",
     true,
     {"{insert_at, [0, %u]}", "{insert_at, [1, {%u}]}", "{insert_at, [2, x]}", "{remove_at, [0]}",
      "{remove_at, [1]}", NULL}},
};

#define WORKLOADS (sizeof(workloads) / sizeof(workloads[0]))

/* numbers bounds the random numbers. */
struct world {
    const struct workload *workload;
    const struct crdt_type *type;
    unsigned numbers;
    uint64_t random;
    struct crdt *states[WORLD_STATES];
};

static inline struct world world_open(const struct workload *workload, unsigned numbers,
                                      uint64_t seed)
{
    static const char *const actors[WORLD_STATES] = {"a",   "b", "<<\"c\">>", "{d, 1}",
                                                     "1.0", "1", "node@host", "h"};
    struct world w = {workload, crdt_type_named(bytes_of(workload->type)), numbers, seed, {0}};
    for (size_t i = 0; i < WORLD_STATES; i++)
        w.states[i] = empty(w.type, actors[i]);
    return w;
}

static inline void world_close(struct world *w)
{
    for (size_t i = 0; i < WORLD_STATES; i++)
        crdt_free(w->states[i]);
}

/* Applies one operation; false if it was refused. */
static inline bool world_mutate(struct world *w, struct crdt *c)
{
    struct buf text = {0};
    size_t ops = 0, bad;
    while (w->workload->ops[ops] != NULL)
        ops++;
    buf_printf(&text, w->workload->ops[random_below(&w->random, ops)],
               (unsigned)random_below(&w->random, w->numbers));
    buf_put_u8(&text, '\0');
    bool made = mutate(c, (const char *)text.at, &bad) == OK;
    buf_free(&text);
    return made;
}

static inline void world_run(struct world *w, unsigned steps)
{
    for (; steps > 0; steps--) {
        size_t i = random_below(&w->random, WORLD_STATES),
               j = random_below(&w->random, WORLD_STATES);
        world_mutate(w, w->states[i]);
        if (random_below(&w->random, 4) == 0)
            join(w->states[i], w->states[j]);
    }
}

/* Joins all states of the world, in either order. */
static inline void world_join_all(const struct world *w, struct crdt *c, bool backwards)
{
    for (size_t i = 0; i < WORLD_STATES; i++)
        join(c, w->states[backwards ? WORLD_STATES - 1 - i : i]);
}

#endif
