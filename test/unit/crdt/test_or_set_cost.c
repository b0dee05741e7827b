/* What operations on an ORSet with many tags cost, counted in the slots of tag sets that they look
 * at, not in time.  Each test runs at four sizes, each twice as large as the one before. */
#include <stdint.h>

static uint64_t probes;
#define TAG_SET_PROBE() (probes++)
#include "causal/tag_set.c"

#include "crdt/figures.h"
#include "unit/crdt/or_sets.h"

/* Slots per tag that a linear operation looks at: a few for each of the sets that a tag goes
 * through. */
#define PER_TAG 40

/* Runs the operation, which returns the number of tags it has to touch, at four sizes. */
static void is_linear(uint64_t (*run)(uint32_t size), uint32_t size)
{
    for (int i = 0; i < 4; i++, size *= 2) {
        uint64_t tags = run(size);
        if (probes > PER_TAG * tags)
            fprintf(stderr, "\nsize %u: %llu probes for %llu tags\n", size,
                    (unsigned long long)probes, (unsigned long long)tags);
        CU_ASSERT(probes <= PER_TAG * tags);
    }
}

/* x with size tags. */
static struct or_set *heartbeats(uint32_t size)
{
    struct or_set *s = (struct or_set *)empty(type(), "a");
    for (uint32_t i = 0; i < size; i++)
        or_set_add(s, term_of("x"), NULL);
    return s;
}

static uint64_t removal(uint32_t size)
{
    struct or_set *s = heartbeats(size), *delta = (struct or_set *)empty(type(), "a");
    probes = 0;
    CU_ASSERT(or_set_remove(s, term_of("x"), delta));
    uint64_t spent = probes;
    CU_ASSERT(crdt_tombstones(&s->crdt) == size && crdt_tombstones(&delta->crdt) == size);
    crdt_free(&s->crdt);
    crdt_free(&delta->crdt);
    probes = spent;
    return size;
}

/* 0.6 of a power of two: a set that was filled in the order of the slots of a set of this size
 * looked at nearly all slots for each tag. */
static void removes_in_linear_time(void)
{
    is_linear(removal, 9830);
}

/* Of a state with the same seed, from the delta of a removal too: what a replica does that reads
 * its own state again. */
static uint64_t copy(uint32_t size)
{
    struct or_set *s = heartbeats(size);
    struct crdt *delta = empty(type(), "a"), *copy = empty(type(), "a"), *news = empty(type(), "a");
    struct buf state = {0}, removal_state = {0};
    bool changed;
    crdt_state(&s->crdt, &state);
    or_set_remove(s, term_of("x"), (struct or_set *)delta);
    or_set_sweep(s);
    crdt_state(delta, &removal_state);
    probes = 0;
    CU_ASSERT(crdt_merge(copy, buf_bytes(&state), news, &changed) == OK && changed);
    CU_ASSERT(crdt_merge(copy, buf_bytes(&removal_state), news, &changed) == OK && changed);
    uint64_t spent = probes;
    CU_ASSERT(equivalent(copy, &s->crdt) && equivalent(news, &s->crdt));
    buf_free(&state);
    buf_free(&removal_state);
    crdt_free(&s->crdt);
    crdt_free(delta);
    crdt_free(copy);
    crdt_free(news);
    probes = spent;
    return 2 * size;
}

static void copies_in_linear_time(void)
{
    is_linear(copy, 9830);
}

/* Each of groups tags of actor z is on HOLDERS elements: {Group, 0} to {Group, HOLDERS - 1}. */
#define HOLDERS 17

static struct or_set *crowd(uint32_t groups)
{
    struct or_set *s = (struct or_set *)empty(type(), "a");
    uint32_t z = actors_number(&s->actors, term_of("z"));
    struct buf element = {0};
    for (uint32_t i = 0; i < groups * HOLDERS; i++) {
        buf_clear(&element);
        put_tuple(&element, 2);
        put_uint(&element, i / HOLDERS);
        put_uint(&element, i % HOLDERS);
        CU_ASSERT(or_set_add_tag(s, buf_bytes(&element), (struct tag){i / HOLDERS, z}));
    }
    buf_free(&element);
    return s;
}

/* A batch that removes the first element of each group. */
static uint64_t batch_on_a_crowd(uint32_t groups)
{
    struct or_set *s = crowd(groups), *delta = (struct or_set *)empty(type(), "a");
    struct buf request = {0};
    struct ops ops;
    struct bytes wrong;
    struct mutation_turn t = {.wall_ms = 1, .delta = &delta->crdt};
    put_list(&request, groups);
    for (uint32_t i = 0; i < groups; i++) {
        put_tuple(&request, 2);
        put_atom(&request, "remove");
        put_list(&request, 1);
        put_tuple(&request, 2);
        put_uint(&request, i);
        put_uint(&request, 0);
        put_nil(&request);
    }
    put_nil(&request);
    probes = 0;
    CU_ASSERT(ops_read(&ops, buf_bytes(&request), &wrong) == OK);
    CU_ASSERT(crdt_mutate(&s->crdt, ops.list, ops.count, &t) == OK);
    uint64_t spent = probes;
    CU_ASSERT(or_set_size(s) == 0 && crdt_tombstones(&s->crdt) == groups);
    CU_ASSERT(equivalent(&s->crdt, &delta->crdt));
    ops_free(&ops);
    buf_free(&request);
    crdt_free(&s->crdt);
    crdt_free(&delta->crdt);
    probes = spent;
    return groups * HOLDERS;
}

static void removes_crowded_tags_in_linear_time(void)
{
    is_linear(batch_on_a_crowd, 100);
}

/* The same removals by a peer, one delta each. */
static uint64_t deltas_on_a_crowd(uint32_t groups)
{
    struct or_set *s = crowd(groups);
    uint64_t spent = 0;
    for (uint32_t i = 0; i < groups; i++) {
        struct or_set *delta = (struct or_set *)empty(type(), "b");
        struct buf state = {0};
        bool changed;
        or_set_add_tombstone(delta, (struct tag){i, actors_number(&delta->actors, term_of("z"))});
        crdt_state(&delta->crdt, &state);
        probes = 0;
        CU_ASSERT(crdt_merge(&s->crdt, buf_bytes(&state), NULL, &changed) == OK && changed);
        spent += probes;
        buf_free(&state);
        crdt_free(&delta->crdt);
    }
    CU_ASSERT(or_set_size(s) == 0);
    crdt_check(&s->crdt);
    crdt_free(&s->crdt);
    probes = spent;
    return groups * HOLDERS;
}

static void joins_removals_of_crowded_tags_in_linear_time(void)
{
    is_linear(deltas_on_a_crowd, 100);
}

SUITE("or_set_cost", TEST(removes_in_linear_time), TEST(copies_in_linear_time),
      TEST(removes_crowded_tags_in_linear_time),
      TEST(joins_removals_of_crowded_tags_in_linear_time))
