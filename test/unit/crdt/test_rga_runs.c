/* Runs of elements that several replicas put into the same place of a sequence concurrently: each
 * stays together, and stands where its replica put it. */
#include <stdlib.h>

#include "crdt/rga/rga.h"
#include "unit/crdt/generated.h"
#include "unit/crdt/rga_texts.h"

#define PEERS    3
#define RUN_MOST 12

enum direction { FORWARDS, BACKWARDS, BOTH };

/* The numbers shown, in order. */
static size_t numbers(const struct crdt *c, uint32_t *list)
{
    const struct rga *r = (const struct rga *)c;
    struct rga_place at = {0};
    uint32_t number;
    size_t len = 0;
    for (; (number = rga_tree_next_shown(&r->tree, &at)) != RGA_NONE; len++) {
        struct etf_in in = etf_open(rga_elements_terms(&r->elements, number).value);
        list[len] = etf_uint32(&in);
    }
    return len;
}

/* Inserts a number, which must then stand there. */
static void insert_at(struct crdt *c, size_t index, uint32_t n, struct crdt *delta)
{
    uint32_t list[1000];
    char text[64];
    size_t bad;
    snprintf(text, sizeof(text), "{insert_at, [%zu, %u]}", index, n);
    CU_ASSERT_FATAL(mutate_all(c, text, delta, NULL, &bad) == OK);
    CU_ASSERT_FATAL(numbers(c, list) > index && list[index] == n);
}

/* Numbers of one run are consecutive; those of another are 100 away.  With BOTH, each number goes
 * to one end of the run or the other. */
static void insert_run(struct crdt *c, size_t index, uint32_t first, enum direction direction,
                       uint64_t *random, struct crdt *delta)
{
    size_t len = 2 + random_below(random, RUN_MOST - 1);
    for (uint32_t i = 0; i < len; i++) {
        bool behind = direction == FORWARDS || (direction == BOTH && random_below(random, 2) == 0);
        insert_at(c, behind ? index + i : index, first + i, delta);
    }
}

/* How often a run goes on after something else. */
static size_t interleavings(const struct crdt *c, uint32_t runs)
{
    uint32_t list[1000], parts = 0, last = UINT32_MAX;
    size_t len = numbers(c, list);
    for (size_t i = 0; i < len; i++) {
        parts += list[i] >= 100 && list[i] / 100 != last;
        last = list[i] / 100;
    }
    CU_ASSERT(parts >= runs);
    return parts - runs;
}

/* A text common to all, made in any way, of which some was removed. */
static void make_text(struct crdt *peers[PEERS], uint64_t *random)
{
    uint32_t len = (uint32_t)random_below(random, 8);
    size_t bad;
    for (uint32_t i = 0; i < len; i++)
        insert_at(peers[random_below(random, PEERS)], 0, i, NULL);
    for (size_t i = 1; i < PEERS; i++)
        join(peers[0], peers[i]);
    for (uint32_t i = 0; i < len; i++)
        insert_at(peers[0], random_below(random, len + i), len + i, NULL);
    if (len > 2)
        CU_ASSERT(mutate(peers[0], "[{remove_at, [1]}, {remove_at, [0]}]", &bad) == OK);
    for (size_t i = 1; i < PEERS; i++)
        join(peers[i], peers[0]);
}

static size_t run_round(uint64_t *random)
{
    static const char *const names[PEERS] = {"a", "b", "c"};
    struct crdt *peers[PEERS], *deltas[PEERS];
    for (size_t i = 0; i < PEERS; i++) {
        peers[i] = empty(type(), names[i]);
        deltas[i] = empty(type(), names[i]);
    }
    make_text(peers, random);
    size_t shown = rga_tree_shown(&((struct rga *)peers[0])->tree);
    size_t index = random_below(random, shown + 1);
    uint64_t now = laws_wall_ms;
    for (size_t i = 0; i < PEERS; i++) {
        laws_wall_ms = now + random_below(random, 3);
        insert_run(peers[i], index, 100 * (uint32_t)(i + 1),
                   (enum direction)random_below(random, 3), random, deltas[i]);
    }
    for (size_t i = 0; i < PEERS; i++) {
        for (size_t j = 1; j < PEERS; j++)
            join(peers[i], deltas[(i + j) % PEERS]);
        CU_ASSERT(equivalent(peers[0], peers[i]));
    }
    size_t found = interleavings(peers[0], PEERS);
    for (size_t i = 0; i < PEERS; i++) {
        crdt_free(peers[i]);
        crdt_free(deltas[i]);
    }
    return found;
}

static void keeps_concurrent_runs_together(void)
{
    uint64_t random = 1;
    size_t found = 0, rounds = 500;
    for (size_t i = 0; i < rounds; i++)
        found += run_round(&random);
    printf("\n    %zu rounds: %zu interleavings\n", rounds, found);
    CU_ASSERT(found == 0);
}

/* The issue that named it: two put three letters in front. */
static void keeps_what_two_put_in_front_together(void)
{
    struct crdt *a = empty(type(), "a"), *b = empty(type(), "b");
    size_t bad;
    uint64_t now = laws_wall_ms;
    CU_ASSERT(mutate(a, "[{insert_at, [0, c]}, {insert_at, [0, b]}, {insert_at, [0, a]}]", &bad) ==
              OK);
    laws_wall_ms = now;
    CU_ASSERT(mutate(b, "[{insert_at, [0, z]}, {insert_at, [0, y]}, {insert_at, [0, x]}]", &bad) ==
              OK);
    is(a, crdt_value, "[a, b, c]");
    join(a, b);
    join(b, a);
    struct buf got = put(a, crdt_value);
    bool a_first = bytes_equal(buf_bytes(&got), term_of("[a, b, c, x, y, z]"));
    CU_ASSERT(a_first || bytes_equal(buf_bytes(&got), term_of("[x, y, z, a, b, c]")));
    CU_ASSERT(equal_and_free(got, put(b, crdt_value)));
    crdt_free(a);
    crdt_free(b);
}

SUITE("rga_runs", TEST(keeps_concurrent_runs_together), TEST(keeps_what_two_put_in_front_together))
