/* Structs of actor a in Erlang syntax, for the ORMap suites. */
#ifndef COPPICE_TEST_CRDT_MAPS_H
#define COPPICE_TEST_CRDT_MAPS_H

#include "unit/crdt/generated.h"

#define MAPSET(map) "#{'__struct__' => 'Elixir.MapSet', map => #{" map "}}"
#define GSET(elements)                                                                             \
    "#{'__struct__' => 'Elixir.Grove.Set.GSet', actor => a, delta_buffer => " MAPSET(              \
        "") ", "                                                                                   \
            "elements => " MAPSET(elements) "}"
#define GCOUNTER(counts)                                                                           \
    "#{'__struct__' => 'Elixir.Grove.Counter.GCounter', actor => a, counts => #{" counts           \
    "}, delta_buffer => #{}}"
#define KEYS(counter, entries, tombstones)                                                         \
    "#{'__struct__' => 'Elixir.Grove.Set.ORSet', actor => a, counter => " counter                  \
    ", delta_buffer => nil, entries => #{" entries "}, tombstones => " MAPSET(tombstones) "}"
#define ENTRY(key, tag) key " => " MAPSET(tag " => []")
#define NO_KEYS         KEYS("0", "", "")
#define ORMAP(keys, values)                                                                        \
    "#{'__struct__' => 'Elixir.Grove.Map.ORMap', actor => a, delta_buffer => nil, keys => " keys   \
    ", values => #{" values "}}"

static inline const struct crdt_type *type(void)
{
    return crdt_type_named(BYTES("or_map"));
}

static inline bool merge(struct crdt *c, const char *text)
{
    bool changed;
    CU_ASSERT(crdt_merge(c, wall(term_of(text)), NULL, &changed) == OK);
    crdt_check(c);
    return changed;
}

/* The batch fails with this error at this operation, and changes neither the state nor the
 * delta. */
static inline void refuses_batch(struct crdt *c, const char *ops, enum err wanted, size_t at)
{
    struct buf before = put(c, crdt_state);
    struct crdt *delta = empty(type(), "a");
    size_t bad;
    enum err e = mutate_all(c, ops, delta, NULL, &bad);
    CU_ASSERT(e == wanted && bad == at);
    if (e != wanted || bad != at)
        fprintf(stderr, "\n%s: %s at %zu\n", ops, err_text(e), bad);
    CU_ASSERT(crdt_empty(delta));
    CU_ASSERT(equal_and_free(before, put(c, crdt_state)));
    crdt_free(delta);
}

#endif
