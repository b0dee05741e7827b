/* States with a common history: replicas that change, sync, and lose deltas. */
#ifndef COPPICE_TEST_CRDT_HISTORIES_H
#define COPPICE_TEST_CRDT_HISTORIES_H

#include "unit/crdt/generated.h"

#define HISTORY_STATES 4
#define HISTORY_STEPS  40

struct histories {
    struct crdt *states[HISTORY_STATES], *deltas[HISTORY_STATES];
    uint64_t random;
};

/* One batch; its delta turns the old state into the new one, and is joined to the unsent delta. */
static inline void history_mutate(struct histories *l, size_t i, const char *const *ops,
                                  size_t count)
{
    struct crdt *c = l->states[i], *old = empty(c->type, "old");
    struct crdt *delta = crdt_make(c->type, c->options);
    struct buf text = {0};
    size_t bad;
    join(old, c);
    generate(&text, ops, count, &l->random);
    CU_ASSERT(mutate_all(c, (const char *)text.at, delta, NULL, &bad) == OK);
    join(old, delta);
    CU_ASSERT(equivalent(old, c));
    CU_ASSERT(!join(c, delta));
    join(l->deltas[i], delta);
    crdt_free(old);
    crdt_free(delta);
    buf_free(&text);
}

/* Sends the unsent delta of i to j, or loses it; or sends the whole state. */
static inline void history_sync(struct histories *l, size_t i, size_t j)
{
    size_t how = random_below(&l->random, 4);
    if (how < 2)
        join_with_delta(l->states[j], how == 0 ? l->states[i] : l->deltas[i], NULL);
    if (how == 0)
        return;
    crdt_free(l->deltas[i]);
    l->deltas[i] = crdt_make(l->states[i]->type, l->states[i]->options);
}

/* Runs random histories, and checks the laws on the states at the end of each. */
static inline void check_laws_on_random_histories(const struct crdt_type *type,
                                                  const char *const *ops, size_t count,
                                                  unsigned rounds)
{
    static const char *const actors[HISTORY_STATES] = {"a", "b", "c", "d"};
    struct histories l = {.random = 1};
    for (; rounds > 0; rounds--) {
        for (size_t i = 0; i < HISTORY_STATES; i++) {
            l.states[i] = empty(type, actors[i]);
            l.deltas[i] = empty(type, actors[i]);
        }
        for (unsigned step = 0; step < HISTORY_STEPS; step++) {
            size_t i = random_below(&l.random, HISTORY_STATES),
                   j = random_below(&l.random, HISTORY_STATES);
            if (i == j)
                history_mutate(&l, i, ops, count);
            else
                history_sync(&l, i, j);
        }
        check_laws(l.states, HISTORY_STATES);
        for (size_t i = 0; i < HISTORY_STATES; i++) {
            crdt_free(l.states[i]);
            crdt_free(l.deltas[i]);
        }
    }
}

#endif
