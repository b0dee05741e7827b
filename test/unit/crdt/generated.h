/* Random states: batches of operations drawn from a list. */
#ifndef COPPICE_TEST_CRDT_GENERATED_H
#define COPPICE_TEST_CRDT_GENERATED_H

#include "unit/crdt/laws.h"

#define GENERATED_STATES 4
#define GENERATED_OPS    6

static inline size_t random_below(uint64_t *random, size_t below)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(*random >> 33) % below;
}

/* Appends a list of up to GENERATED_OPS random operations, in Erlang syntax. */
static inline void generate(struct buf *text, const char *const *ops, size_t count,
                            uint64_t *random)
{
    size_t left = random_below(random, GENERATED_OPS + 1);
    buf_put_u8(text, '[');
    for (; left > 0; left--)
        buf_printf(text, "%s%s", ops[random_below(random, count)], left > 1 ? ", " : "");
    buf_put_u8(text, ']');
    buf_put_u8(text, '\0');
}

/* Checks the laws on random states, one per actor, in each round. */
static inline void check_laws_on_random_states(const struct crdt_type *type, const char *const *ops,
                                               size_t count, unsigned rounds)
{
    static const char *const actors[GENERATED_STATES] = {"a", "b", "c", "d"};
    uint64_t random = 2024;
    for (; rounds > 0; rounds--) {
        struct buf texts[GENERATED_STATES] = {0};
        struct sample made[GENERATED_STATES];
        for (size_t i = 0; i < GENERATED_STATES; i++) {
            generate(&texts[i], ops, count, &random);
            made[i] = (struct sample){actors[i], (const char *)texts[i].at};
        }
        check_laws_on_samples(type, made, GENERATED_STATES);
        for (size_t i = 0; i < GENERATED_STATES; i++)
            buf_free(&texts[i]);
    }
}

#endif
