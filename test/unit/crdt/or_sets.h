/* ORSets of actor a in Erlang syntax, and helpers, for the ORSet suites. */
#ifndef COPPICE_TEST_CRDT_OR_SETS_H
#define COPPICE_TEST_CRDT_OR_SETS_H

#include "crdt/or_set/or_set.h"
#include "unit/crdt/laws.h"

#define SET(map)         "#{'__struct__' => 'Elixir.MapSet', map => #{" map "}}"
#define SET_OF_1_14(map) "#{'__struct__' => 'Elixir.MapSet', map => #{" map "}, version => 2}"
#define TAG(tag)         SET(tag " => []")
#define ORSET_OF(buffer, counter, entries, tombstones)                                             \
    "#{'__struct__' => 'Elixir.Grove.Set.ORSet', actor => a, counter => " counter                  \
    ", delta_buffer => " buffer ", entries => " entries ", tombstones => " tombstones "}"
#define ORSET(counter, entries, tombstones)                                                        \
    ORSET_OF("nil", counter, "#{" entries "}", SET(tombstones))

static inline const struct crdt_type *type(void)
{
    return crdt_type_named(BYTES("or_set"));
}

static inline bool merge(struct crdt *c, struct bytes given, struct crdt *delta)
{
    bool changed = false;
    CU_ASSERT(crdt_merge(c, wall(given), delta, &changed) == OK);
    crdt_check(c);
    if (delta != NULL)
        crdt_check(delta);
    return changed;
}

static inline bool merge_text(struct crdt *c, const char *text)
{
    return merge(c, term_of(text), NULL);
}

static inline void apply(struct crdt *c, const char *ops, struct crdt *delta)
{
    size_t bad;
    CU_ASSERT(mutate_all(c, ops, delta, NULL, &bad) == OK);
}

static inline const struct or_set *of(const struct crdt *c)
{
    return (const struct or_set *)c;
}

#endif
