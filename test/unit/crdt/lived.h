/* States with a past in common: replicas that change, tell each other, and forget to. */
#ifndef COPPICE_TEST_CRDT_LIVED_H
#define COPPICE_TEST_CRDT_LIVED_H

#include "unit/crdt/generated.h"

#define LIVED_STATES 4
#define LIVED_STEPS  40

struct lives {
    struct crdt *states[LIVED_STATES], *deltas[LIVED_STATES];
    uint64_t random;
};

/* One batch, whose delta makes the new state of the old one; it joins those that nobody
 * has been told of. */
static inline void live_mutating(struct lives *l, size_t i, const char *const *ops, size_t count)
{
    struct crdt *c = l->states[i], *old = empty(c->type, "old");
    struct crdt *delta = crdt_make(c->type, c->options);
    struct buf text = {0};
    size_t bad;
    join(old, c);
    generate(&text, ops, count, &l->random);
    CU_ASSERT(mutate_all(c, (const char *)text.at, delta, NULL, &bad) == OK);
    join(old, delta);
    CU_ASSERT(alike(old, c));
    CU_ASSERT(!join(c, delta));
    join(l->deltas[i], delta);
    crdt_free(old);
    crdt_free(delta);
    buf_free(&text);
}

/* What i has not told yet is told to j, or to nobody; or j is told everything. */
static inline void live_telling(struct lives *l, size_t i, size_t j)
{
    size_t how = drawn(&l->random, 4);
    if (how < 2)
        join_telling(l->states[j], how == 0 ? l->states[i] : l->deltas[i], NULL);
    if (how == 0)
        return;
    crdt_free(l->deltas[i]);
    l->deltas[i] = crdt_make(l->states[i]->type, l->states[i]->options);
}

/* Rounds of lives, at whose ends the states obey the laws. */
static inline void obeys_the_laws_when_lived(const struct crdt_type *type, const char *const *ops,
                                             size_t count, unsigned rounds)
{
    static const char *const actors[LIVED_STATES] = {"a", "b", "c", "d"};
    struct lives l = {.random = 1};
    for (; rounds > 0; rounds--) {
        for (size_t i = 0; i < LIVED_STATES; i++) {
            l.states[i] = empty(type, actors[i]);
            l.deltas[i] = empty(type, actors[i]);
        }
        for (unsigned step = 0; step < LIVED_STEPS; step++) {
            size_t i = drawn(&l.random, LIVED_STATES), j = drawn(&l.random, LIVED_STATES);
            if (i == j)
                live_mutating(&l, i, ops, count);
            else
                live_telling(&l, i, j);
        }
        states_join_lawfully(l.states, LIVED_STATES);
        for (size_t i = 0; i < LIVED_STATES; i++) {
            crdt_free(l.states[i]);
            crdt_free(l.deltas[i]);
        }
    }
}

#endif
