/* What the figures of a status cost: nothing that grows with the state, counted in the entries of
 * tables and the sizes in histograms that are looked at, not in time.  Each test runs at four
 * sizes, each twice as large as the one before. */
#include <stdint.h>

static uint64_t walked, searched;
#define TABLE_PROBE() (walked++)
#include "causal/table.c"
#define HISTOGRAM_PROBE() (searched++)
#include "causal/histogram.c"

#include "crdt/figures.h"
#include "unit/crdt/laws.h"

#define SIZE  500
#define SIZES 4

/* A batch of operations, each formatted with its number. */
static void grow(struct crdt *c, const char *op, unsigned from, unsigned end)
{
    struct buf text = {0};
    struct ops ops;
    struct bytes wrong;
    struct mutation_turn t = {.wall_ms = 1};
    buf_printf(&text, "[");
    for (unsigned i = from; i < end; i++) {
        buf_printf(&text, i > from ? ", " : "");
        buf_printf(&text, op, i);
    }
    buf_printf(&text, "]");
    buf_put_u8(&text, 0);
    CU_ASSERT(ops_read(&ops, term_of((const char *)text.at), &wrong) == OK);
    CU_ASSERT(crdt_mutate(c, ops.list, ops.count, &t) == OK);
    ops_free(&ops);
    buf_free(&text);
}

static struct crdt *state_of(const char *name)
{
    return empty(crdt_type_named(bytes_of(name)), "a");
}

static struct crdt *sets(unsigned size)
{
    struct crdt *c = state_of("or_set");
    grow(c, "{add, [%u]}", 0, size);
    grow(c, "{add, [x]}", 0, 7);
    grow(c, "{remove, [%u]}", 0, size / 2);
    return c;
}

static struct crdt *maps(unsigned size)
{
    struct crdt *c = state_of("or_map");
    grow(c, "{put, [%u, or_set]}", 0, size);
    grow(c, "{update, [%u, {add, [x]}]}", 0, size);
    grow(c, "{put, [m, or_map]}", 0, 1);
    grow(c, "{update, [m, {put, [%u, or_set]}]}", 0, size);
    grow(c, "{update, [m, {update, [%u, {add, [y]}]}]}", 0, size);
    grow(c, "{update, [m, {update, [0, {add, [y]}]}]}", 0, 5);
    grow(c, "{update, [%u, {remove, [x]}]}", 0, size / 2);
    return c;
}

/* --- asking ---------------------------------------------------------------------------------- */

/* Tags: so many for two units of size, and these; and the most of one element. */
struct wanted {
    size_t per_two, more, most;
};

static void costs_no_walk(struct crdt *(*made)(unsigned size), struct wanted wanted)
{
    for (unsigned i = 0, size = SIZE; i < SIZES; i++, size *= 2) {
        struct crdt *c = made(size);
        crdt_check(c);
        walked = searched = 0;
        struct tag_counts tags = crdt_tags(c);
        size_t tombstones = crdt_tombstones(c);
        CU_ASSERT_EQUAL(walked + searched, 0);
        CU_ASSERT_EQUAL(tombstones, size / 2);
        CU_ASSERT_EQUAL(tags.all, wanted.per_two * size / 2 + wanted.more);
        CU_ASSERT_EQUAL(tags.most, wanted.most);
        crdt_free(c);
    }
}

static void the_figures_cost_no_walk(void)
{
    costs_no_walk(sets, (struct wanted){1, 7, 7});
    costs_no_walk(maps, (struct wanted){7, 6, 6});
}

/* Of each type; every visitor leaves a trace. */
static void the_number_of_actors_costs_no_walk(void)
{
    static const struct {
        const char *type, *ops;
    } kinds[] = {
        {"gcounter", "increment"},
        {"pncounter", "[increment, decrement]"},
        {"lww_register", "{set, [x]}"},
        {"mv_register", "{set, [x]}"},
        {"or_set", "{add, [x]}"},
        {"dvv_set", "{add, [x]}"},
        {"rga", "{insert_at, [0, x]}"},
        {"or_map", "[{put, [n, gcounter]}, {update, [n, increment]}, {put, [m, or_map]},"
                   " {update, [m, {put, [r, lww_register]}]},"
                   " {update, [m, {update, [r, {set, [x]}]}]}]"},
    };
    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
        const struct crdt_type *type = crdt_type_named(bytes_of(kinds[kind].type));
        struct crdt *c = make(type, "a", kinds[kind].ops);
        for (unsigned visitor = 0, size = 10, i = 0; i < SIZES; i++, size *= 2) {
            for (; visitor < size; visitor++) {
                char name[16];
                snprintf(name, sizeof(name), "{v, %u}", visitor);
                struct crdt *theirs = make(type, name, kinds[kind].ops);
                join(c, theirs);
                crdt_free(theirs);
            }
            walked = 0;
            CU_ASSERT_EQUAL(crdt_actors(c), type->actor_of_value ? 1 : size + 1);
            CU_ASSERT_EQUAL(walked, 0);
            crdt_check(c);
        }
        crdt_free(c);
    }
}

/* --- keeping them up ------------------------------------------------------------------------- */

/* One element of many tags shrinks to one, in one step and in many, beside others with two. */
static void shrinking_costs_what_growing_did(void)
{
    for (unsigned i = 0, size = SIZE; i < SIZES; i++, size *= 2) {
        struct crdt *c = state_of("or_set"), *peer = state_of("or_set");
        bool changed;
        for (unsigned n = 0; n < 2; n++)
            grow(c, "{add, [%u]}", 0, 10);
        searched = 0;
        for (unsigned round = 0; round < 3; round++) {
            grow(c, "{add, [x]}", 0, size);
            grow(c, "{remove, [x]}", 0, 1);
            grow(c, "{add, [x]}", 0, 1);
        }
        CU_ASSERT(searched <= 3 * size);
        grow(c, "{add, [x]}", 0, size);
        struct buf state = {0};
        crdt_state(c, &state);
        CU_ASSERT(crdt_merge(peer, buf_bytes(&state), NULL, &changed) == OK);
        grow(peer, "{remove, [x]}", 0, 1);
        buf_clear(&state);
        crdt_state(peer, &state);
        searched = 0;
        CU_ASSERT(crdt_merge(c, buf_bytes(&state), NULL, &changed) == OK);
        CU_ASSERT(searched > 0 && searched <= 2 * size);
        CU_ASSERT(crdt_tags(c).all == 20 && crdt_tags(c).most == 2);
        crdt_check(c);
        buf_free(&state);
        crdt_free(peer);
        crdt_free(c);
    }
}

/* Nor does a change of a value with many actors walk over them. */
static void a_change_of_a_value_walks_over_no_actors(void)
{
    struct crdt *c = state_of("or_map");
    uint64_t first = 0;
    size_t bad;
    grow(c, "{put, [n, pncounter]}", 0, 1);
    for (unsigned visitor = 0, size = 20, i = 0; i < SIZES; i++, size *= 2) {
        for (; visitor < size; visitor++) {
            char name[16];
            snprintf(name, sizeof(name), "{v, %u}", visitor);
            struct crdt *theirs = empty(c->type, name);
            join(theirs, c);
            CU_ASSERT(mutate(theirs, "{update, [n, decrement]}", &bad) == OK);
            join(c, theirs);
            crdt_free(theirs);
        }
        walked = 0;
        grow(c, "{update, [n, increment]}", 0, 1);
        first = i == 0 ? walked : first;
        CU_ASSERT(walked <= first);
        CU_ASSERT_EQUAL(crdt_actors(c), size + 1);
    }
    crdt_free(c);
}

/* A value with an element of many tags is changed time and again; its map searches nothing. */
static void a_change_of_a_large_value_searches_nothing(void)
{
    for (unsigned i = 0, size = SIZE; i < SIZES; i++, size *= 2) {
        struct crdt *c = state_of("or_map");
        grow(c, "{put, [s, or_set]}", 0, 1);
        grow(c, "{update, [s, {add, [x]}]}", 0, size);
        searched = 0;
        for (unsigned n = 0; n < 100; n++)
            grow(c, "{update, [s, {add, [%u]}]}", n, n + 1);
        CU_ASSERT_EQUAL(searched, 0);
        CU_ASSERT_EQUAL(crdt_tags(c).most, size);
        crdt_free(c);
    }
}

/* --- the histogram --------------------------------------------------------------------------- */

/* Its largest size is that of a walk, and its memory goes with the sizes. */
static void the_histogram_counts_as_a_walk_does(void)
{
    static uint32_t sizes[50];
    struct histogram h = {0};
    uint64_t random = 1;
    for (unsigned step = 0; step < 20000; step++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t *size = &sizes[random >> 33 & 31], most = 0;
        uint32_t to = (uint32_t)(random >> 40) % (step % 1000 < 900 ? 40 : 2);
        histogram_move(&h, *size, to);
        *size = to;
        for (unsigned i = 0; i < 32; i++)
            most = sizes[i] > most ? sizes[i] : most;
        CU_ASSERT_EQUAL(h.most, most > 1 ? most : 0);
        CU_ASSERT((h.count == NULL) == (most <= 1));
    }
    histogram_free(&h);
}

SUITE("what a status costs", TEST(the_figures_cost_no_walk),
      TEST(the_number_of_actors_costs_no_walk), TEST(shrinking_costs_what_growing_did),
      TEST(a_change_of_a_value_walks_over_no_actors),
      TEST(a_change_of_a_large_value_searches_nothing), TEST(the_histogram_counts_as_a_walk_does))
