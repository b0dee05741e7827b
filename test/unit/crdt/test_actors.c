/* The number of actors that left a trace in a state, for the status of a replica. */
#include "crdt/figures.h"
#include "unit/crdt/laws.h"

/* The operations of one actor, and the traces each actor leaves. */
static const struct {
    const char *type, *ops;
    size_t each;
} workloads[] = {
    {"gcounter", "increment", 1},
    {"pncounter", "decrement", 1},
    {"lww_register", "{set, [x]}", 0}, /* the last writer only */
    {"mv_register", "{set, [x]}", 1},
    {"gset", "{add, [x]}", 0},
    {"two_p_set", "[{add, [x]}, {remove, [x]}]", 0},
    {"or_set", "[{add, [x]}, {remove, [x]}]", 1},
    {"dvv_set", "[{add, [x]}, {remove, [x]}]", 1},
    {"or_map", "[{put, [x, gset]}, {delete, [x]}]", 1},
    {"rga", "[{insert_at, [0, x]}, {remove_at, [0]}]", 1},
};

/* Whose struct it is, where that matters. */
static void structs_name_their_sender(void)
{
    for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++) {
        const struct crdt_type *type = crdt_type_named(bytes_of(workloads[i].type));
        struct crdt *theirs = make(type, "{v, 1}", workloads[i].ops),
                    *ours = make(type, "us", "[]");
        struct buf state = {0};
        join(ours, theirs);
        crdt_state(ours, &state);
        struct bytes sender = crdt_sender(type, buf_bytes(&state));
        if (workloads[i].each > 0)
            ASSERT_TERM(sender, term_of("us"));
        else
            CU_ASSERT_EQUAL(sender.len, 0);
        CU_ASSERT_EQUAL(crdt_sender(type, term_of("[]")).len, 0);
        buf_free(&state);
        crdt_free(theirs);
        crdt_free(ours);
    }
}

/* Each visitor changes something, syncs and leaves for good.  On a second visit it is not counted
 * again. */
static void counts_departed_actors(void)
{
    for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++) {
        const struct crdt_type *type = crdt_type_named(bytes_of(workloads[i].type));
        struct crdt *ours = make(type, "us", workloads[i].ops);
        size_t first = crdt_actors(ours);
        CU_ASSERT(first <= 1 && first >= workloads[i].each);
        for (unsigned visitor = 1; visitor <= 40; visitor++) {
            char name[40];
            snprintf(name, sizeof(name), "{v, %u}", visitor % 20);
            struct crdt *theirs = make(type, name, workloads[i].ops);
            join(ours, theirs);
            crdt_free(theirs);
            unsigned met = visitor < 20 ? visitor : 20;
            CU_ASSERT_EQUAL(crdt_actors(ours), first + met * workloads[i].each);
        }
        crdt_free(ours);
    }
    CU_ASSERT_EQUAL(sizeof(workloads) / sizeof(workloads[0]), 10);
    CU_ASSERT_PTR_NULL(crdt_type_at(10));
}

static void finds_none_in_an_empty_state(void)
{
    for (size_t i = 0; crdt_type_at(i) != NULL; i++) {
        struct crdt *c = empty(crdt_type_at(i), "us");
        CU_ASSERT_EQUAL(crdt_actors(c), 0);
        crdt_free(c);
    }
}

/* An actor counts once, even in several places: both halves of a counter, keys and values of a map
 * at any level, also under a deleted key. */
static void counts_an_actor_once(void)
{
    size_t bad;
    struct crdt *n = make(crdt_type_named(BYTES("pncounter")), "us", "[increment, decrement]");
    CU_ASSERT_EQUAL(crdt_actors(n), 1);
    crdt_free(n);
    struct crdt *map = make(crdt_type_named(BYTES("or_map")), "us",
                            "[{put, [n, gcounter]}, {update, [n, increment]}, {put, [m, or_map]}]");
    CU_ASSERT_EQUAL(crdt_actors(map), 1);
    struct crdt *theirs =
        make(map->type, "them", "[{put, [m, or_map]}, {update, [m, {put, [s, mv_register]}]}]");
    CU_ASSERT(mutate(theirs, "{update, [m, {update, [s, {set, [x]}]}]}", &bad) == OK);
    CU_ASSERT(mutate(theirs, "{delete, [m]}", &bad) == OK);
    join(map, theirs);
    CU_ASSERT_EQUAL(crdt_actors(map), 2);
    /* This actor added no key. */
    struct crdt *third = empty(map->type, "third");
    join(third, map);
    CU_ASSERT(mutate(third, "{update, [n, increment]}", &bad) == OK);
    join(map, third);
    CU_ASSERT_EQUAL(crdt_actors(map), 3);
    crdt_free(third);
    crdt_free(theirs);
    crdt_free(map);
}

/* An actor whose last trace is overwritten is gone: in a register, in one of a map, under a key
 * whose value is replaced by one of a later type, there with a map and all that is in it. */
static void forgets_overwritten_actors(void)
{
    static const struct {
        const char *ours, *theirs, *third;
        size_t before, after;
    } cases[] = {
        {"[{put, [r, lww_register]}, {update, [r, {set, [1]}]}]", "{update, [r, {set, [2]}]}",
         "{update, [r, {set, [3]}]}", 2, 2},
        {"[{put, [r, lww_register]}, {update, [r, {set, [1]}]}]",
         "[{put, [s, lww_register]}, {update, [s, {set, [2]}]}, {update, [r, {set, [2]}]}]",
         "{update, [r, {set, [3]}]}", 2, 3},
        {"[{put, [m, or_map]}, {update, [m, {put, [r, lww_register]}]}]",
         "{update, [m, {update, [r, {set, [2]}]}]}", "{update, [m, {update, [r, {set, [3]}]}]}", 2,
         2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct crdt_type *type = crdt_type_named(BYTES("or_map"));
        struct crdt *ours = make(type, "us", cases[i].ours), *theirs = empty(type, "them"),
                    *third = empty(type, "third");
        size_t bad;
        join(theirs, ours);
        CU_ASSERT(mutate(theirs, cases[i].theirs, &bad) == OK);
        join(ours, theirs);
        CU_ASSERT_EQUAL(crdt_actors(ours), cases[i].before);
        join(third, ours);
        CU_ASSERT(mutate(third, cases[i].third, &bad) == OK);
        join(ours, third);
        CU_ASSERT_EQUAL(crdt_actors(ours), cases[i].after);
        crdt_free(ours);
        crdt_free(theirs);
        crdt_free(third);
    }
}

static void forgets_the_actors_of_a_replaced_value(void)
{
    const struct crdt_type *type = crdt_type_named(BYTES("or_map"));
    struct crdt *ours = make(type, "us", "{put, [k, or_map]}"), *theirs = empty(type, "them");
    struct crdt *rival = make(type, "rival", "{put, [k, two_p_set]}");
    size_t bad;
    join(theirs, ours);
    CU_ASSERT(mutate(theirs, "{update, [k, {put, [n, gcounter]}]}", &bad) == OK);
    CU_ASSERT(mutate(theirs, "{update, [k, {update, [n, increment]}]}", &bad) == OK);
    join(ours, theirs);
    CU_ASSERT_EQUAL(crdt_actors(ours), 2);
    join(ours, rival);
    CU_ASSERT_EQUAL(crdt_actors(ours), 2); /* us and rival */
    crdt_free(ours);
    crdt_free(theirs);
    crdt_free(rival);
}

SUITE("actors", TEST(counts_departed_actors), TEST(structs_name_their_sender),
      TEST(finds_none_in_an_empty_state), TEST(counts_an_actor_once),
      TEST(forgets_overwritten_actors), TEST(forgets_the_actors_of_a_replaced_value))
