/* Worlds of replicas of any type, which change and tell each other, for the suites of what
 * all types have. */
#ifndef COPPICE_TEST_CRDT_WORLDS_H
#define COPPICE_TEST_CRDT_WORLDS_H

#include "unit/crdt/generated.h"

#define WORLD_STATES 8
#define WORLD_OPS    6

/* What a type's replicas do: operations in Erlang syntax with a number to be drawn.  Those
 * that cannot be made are refused. */
struct doings {
    const char *type;
    bool divisible;
    const char *ops[WORLD_OPS + 1];
};

static const struct doings worlds[] = {
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

#define WORLDS (sizeof(worlds) / sizeof(worlds[0]))

/* The numbers of one world, and what it draws them from. */
struct world {
    const struct doings *doings;
    const struct crdt_type *type;
    unsigned numbers;
    uint64_t random;
    struct crdt *states[WORLD_STATES];
};

static inline struct world world_open(const struct doings *doings, unsigned numbers, uint64_t seed)
{
    static const char *const actors[WORLD_STATES] = {"a",   "b", "<<\"c\">>", "{d, 1}",
                                                     "1.0", "1", "node@host", "h"};
    struct world w = {doings, crdt_type_named(bytes_of(doings->type)), numbers, seed, {0}};
    for (size_t i = 0; i < WORLD_STATES; i++)
        w.states[i] = empty(w.type, actors[i]);
    return w;
}

static inline void world_close(struct world *w)
{
    for (size_t i = 0; i < WORLD_STATES; i++)
        crdt_free(w->states[i]);
}

/* One operation; false where it was refused. */
static inline bool world_mutates(struct world *w, struct crdt *c)
{
    struct buf text = {0};
    size_t ops = 0, bad;
    while (w->doings->ops[ops] != NULL)
        ops++;
    buf_printf(&text, w->doings->ops[drawn(&w->random, ops)],
               (unsigned)drawn(&w->random, w->numbers));
    buf_put_u8(&text, '\0');
    bool made = mutate(c, (const char *)text.at, &bad) == OK;
    buf_free(&text);
    return made;
}

static inline void world_goes_on(struct world *w, unsigned steps)
{
    for (; steps > 0; steps--) {
        size_t i = drawn(&w->random, WORLD_STATES), j = drawn(&w->random, WORLD_STATES);
        world_mutates(w, w->states[i]);
        if (drawn(&w->random, 4) == 0)
            join(w->states[i], w->states[j]);
    }
}

/* All that the world knows, joined in one order or the other. */
static inline void world_tells(const struct world *w, struct crdt *c, bool backwards)
{
    for (size_t i = 0; i < WORLD_STATES; i++)
        join(c, w->states[backwards ? WORLD_STATES - 1 - i : i]);
}

#endif
