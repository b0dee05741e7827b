/* RGAs in Erlang syntax, for the RGA suites. */
#ifndef COPPICE_TEST_CRDT_RGA_TEXTS_H
#define COPPICE_TEST_CRDT_RGA_TEXTS_H

#include "unit/crdt/laws.h"

/* Joins its arguments with commas. */
#define ALL_2(a, b)                            a ", " b
#define ALL_3(a, ...)                          a ", " ALL_2(__VA_ARGS__)
#define ALL_4(a, ...)                          a ", " ALL_3(__VA_ARGS__)
#define ALL_5(a, ...)                          a ", " ALL_4(__VA_ARGS__)
#define ALL_6(a, ...)                          a ", " ALL_5(__VA_ARGS__)
#define ALL_7(a, ...)                          a ", " ALL_6(__VA_ARGS__)
#define ALL_8(a, ...)                          a ", " ALL_7(__VA_ARGS__)
#define ALL_OF(a, b, c, d, e, f, g, h, n, ...) ALL_##n

#define ALL(...) ALL_OF(__VA_ARGS__, 8, 7, 6, 5, 4, 3, 2, 1, 0)(__VA_ARGS__)

#define HEAD "head"
#define RGA_WITH(actor, clock, elements, tombstones, more)                                         \
    "#{'__struct__' => 'Elixir.Grove.Sequence.RGA', clock => " clock                               \
    ", delta_buffer => nil, elements => #{" elements "}, replica_id => " actor more                \
    ", tombstones => #{'__struct__' => 'Elixir.MapSet', map => #{" tombstones "}}}"
#define RGA(actor, clock, elements, tombstones) RGA_WITH(actor, #clock, elements, tombstones, "")
#define STAMP_TEXT(node, time, counter, more)                                                      \
    "#{'__struct__' => 'Elixir.Grove.HybridLogicalClock', counter => " counter ", node => " node   \
    ", time => " time more "}"
#define STAMP(node, time, counter, more) STAMP_TEXT(#node, #time, #counter, more)
#define KEYED(key, id, prev, stamp, value, more)                                                   \
    key " => #{id => " id ", prev_id => " prev ", timestamp => " stamp ", value => " value more "}"
#define ELEMENT(id, prev, stamp, value, more) KEYED(id, id, prev, stamp, value, more)
/* An element of an actor: id {actor, n}, counter of the time 0. */
#define E(actor, n, prev, time, value)                                                             \
    ELEMENT("{" #actor "," #n "}", prev, STAMP(actor, time, 0, ""), #value, "")
#define TOMBSTONE(actor, n) "{" #actor "," #n "} => []"

static inline const struct crdt_type *type(void)
{
    return crdt_type_named(BYTES("rga"));
}

static inline bool merge(struct crdt *c, const char *text, struct crdt *delta)
{
    bool changed;
    CU_ASSERT(crdt_merge(c, wall(term_of(text)), delta, &changed) == OK);
    crdt_check(c);
    if (delta != NULL)
        crdt_check(delta);
    return changed;
}

static inline struct crdt *of(const char *actor, const char *text)
{
    struct crdt *c = empty(type(), actor);
    merge(c, text, NULL);
    return c;
}

#endif
