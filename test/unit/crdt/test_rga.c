#include "crdt/figures.h"
#include "crdt/rga/rga.h"
#include "unit/crdt/rga_texts.h"

static void is_found_by_both_names(void)
{
    CU_ASSERT_PTR_NOT_NULL(type());
    CU_ASSERT(type() == crdt_type_named(BYTES("Elixir.Grove.Sequence.RGA")));
}

/* --- operations -------------------------------------------------------------------- */

static void inserts_after_ids(void)
{
    struct crdt *c = empty(type(), "a");
    is(c, crdt_state, RGA("a", 0, "", ""));
    is(c, crdt_value, "[]");
    laws_wall_ms = 1000;
    replies(c, "[{insert, [x, head]}, {insert, [y, {a, 1}]}]", "[{a, 1}, {a, 2}]");
    replies(c, "{insert, [z, {a, 1}]}", "[{a, 3}]");
    is(c, crdt_value, "[x, y, z]");
    is(c, crdt_state,
       RGA("a", 3,
           ALL(E(a, 1, HEAD, 1000, x), E(a, 2, "{a,1}", 1000, y), E(a, 3, "{a,1}", 1001, z)), ""));
    replies(c, "[{remove, [{a, 2}]}, {remove, [{a, 2}]}]", "[ok, ok]");
    is(c, crdt_value, "[x, z]");
    CU_ASSERT(crdt_tombstones(c) == 1);
    is(c, crdt_state,
       RGA("a", 3,
           ALL(E(a, 1, HEAD, 1000, x), E(a, 2, "{a,1}", 1000, y), E(a, 3, "{a,1}", 1001, z)),
           TOMBSTONE(a, 2)));
    crdt_free(c);
}

static void edits_by_index(void)
{
    struct crdt *c = empty(type(), "a");
    laws_wall_ms = 1000;
    replies(c, "{insert_at, [0, b]}", "[{a, 1}]");
    replies(c, "{insert_at, [0, a]}", "[{a, 2}]");
    replies(c, "{insert_at, [2, d]}", "[{a, 3}]");
    replies(c, "{insert_at, [2, c]}", "[{a, 4}]");
    is(c, crdt_value, "[a, b, c, d]");
    /* What is put in front of an element counts down from its time. */
    const struct rga_element *e = ((const struct rga *)c)->elements.list;
    CU_ASSERT(e[0].time.time_ms == 1000 && e[1].time.time_ms == 1000);
    CU_ASSERT(e[1].time.counter == e[0].time.counter - 1);
    CU_ASSERT(e[2].time.time_ms == 1002 && e[2].prev == 0 && e[3].prev == 0);
    CU_ASSERT(e[3].time.counter == e[2].time.counter - 1);
    replies(c, "[{remove_at, [1]}, {remove_at, [2]}, {insert_at, [1, e]}]", "[ok, ok, {a, 5}]");
    is(c, crdt_value, "[a, e, c]");
    replies(c, "[{remove_at, [0]}, {remove_at, [0]}, {remove_at, [0]}]", "[ok, ok, ok]");
    is(c, crdt_value, "[]");
    CU_ASSERT(crdt_tombstones(c) == 5);
    replies(c, "{insert_at, [0, f]}", "[{a, 6}]");
    is(c, crdt_value, "[f]");
    crdt_free(c);
}

/* Many hidden elements may precede the one at an index. */
static void index_skips_hidden_elements(void)
{
    struct crdt *c = make(type(), "a",
                          "[{insert_at, [0, 1]}, {insert_at, [1, 2]}, {insert_at, [2, 3]},"
                          " {insert_at, [3, 4]}, {remove_at, [1]}, {remove_at, [1]}]");
    is(c, crdt_value, "[1, 4]");
    size_t bad;
    CU_ASSERT(mutate(c, "[{insert_at, [1, x]}, {insert_at, [2, y]}]", &bad) == OK);
    is(c, crdt_value, "[1, x, y, 4]");
    crdt_free(c);
}

static bool still(const struct crdt *c, struct bytes state)
{
    struct buf now = put(c, crdt_state);
    bool equal = bytes_equal(buf_bytes(&now), state);
    buf_free(&now);
    return equal;
}

static void refuses_the_whole_batch(void)
{
    static const char *const wrong[] = {
        "{insert_at, [4, x]}",
        "{insert_at, [-1, x]}",
        "{insert_at, [0]}",
        "{insert_at, [0.0, x]}",
        "{insert_at, [4294967296, x]}",
        "{insert, [x]}",
        "{insert, [x, tail]}",
        "{insert, [x, {a}]}",
        "{insert, [x, {a, -1}]}",
        "{insert, [x, {a, 1.0}]}",
        "{insert, [x, {a, b}]}",
        "{insert, [x, {a, 9223372036854775808}]}",
        "{insert, [x, [a | 1]]}",
        "{remove, [head]}",
        "{remove, [7]}",
        "{remove, []}",
        "{remove_at, [3]}",
        "{remove_at, [x]}",
        "{remove_at, [0, 1]}",
        "{remove_at, [-1]}",
        "value",
        "{insrt, [x, head]}",
    };
    struct crdt *c = make(type(), "a", "[{insert, [1, head]}, {insert, [2, {z, 1}]}]");
    struct crdt *delta = empty(type(), "a");
    struct buf before = put(c, crdt_state);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct buf ops = {0};
        size_t bad;
        buf_printf(&ops,
                   "[{insert_at, [1, p]}, {insert_at, [0, q]}, {insert, [r, {y, 5}]},"
                   " {insert, [s, {a, 40}]}, {insert, [t, {a, 41}]}, {remove, [{a, 1}]},"
                   " {remove_at, [0]}, {remove_at, [0]}, {remove, [{z, 1}]}, {remove, [{z, 1}]},"
                   " {insert_at, [0, 1]}, {insert_at, [0, 2]}, {insert_at, [1, 3]}, %s]",
                   wrong[i]);
        buf_put_u8(&ops, 0);
        CU_ASSERT(mutate_all(c, (const char *)ops.at, delta, NULL, &bad) == ERR_BAD_OP);
        CU_ASSERT(bad == 13 && crdt_empty(delta) && crdt_tombstones(c) == 0);
        CU_ASSERT(still(c, buf_bytes(&before)));
        buf_free(&ops);
    }
    replies(c, "{insert_at, [1, p]}", "[{a, 3}]");
    is(c, crdt_value, "[1, p]");
    buf_free(&before);
    crdt_free(delta);
    crdt_free(c);
}

/* An id that nobody has issued may be the one that is issued next. */
static void a_refused_batch_uses_up_no_id(void)
{
    struct crdt *c = empty(type(), "a");
    size_t bad;
    CU_ASSERT(mutate(c, "[{insert, [x, {a, 1}]}, {remove_at, [7]}]", &bad) == ERR_BAD_OP);
    replies(c, "{insert_at, [0, y]}", "[{a, 1}]");
    CU_ASSERT(mutate(c, "[{insert, [x, {a, 2}]}, {remove, [{a, 2}]}, {remove_at, [7]}]", &bad) ==
              ERR_BAD_OP);
    replies(c, "{insert, [z, head]}", "[{a, 2}]");
    is(c, crdt_value, "[y, z]");
    crdt_free(c);
}

/* What was waiting for a parent before it goes on to do so. */
static void a_refused_batch_leaves_what_waits(void)
{
    struct crdt *c = empty(type(), "a");
    size_t bad;
    replies(c, "{insert, [x, {b, 1}]}", "[{a, 1}]");
    CU_ASSERT(mutate(c, "[{insert, [y, {b, 1}]}, {insert, [z, {a, 2}]}, {remove_at, [7]}]", &bad) ==
              ERR_BAD_OP);
    replies(c, "{insert, [y, {b, 1}]}", "[{a, 2}]");
    is(c, crdt_value, "[]");
    crdt_free(c);
}

/* No id and no actor, also of those that somebody has made up. */
static void what_is_refused_leaves_nothing(void)
{
    struct crdt *c = empty(type(), "a");
    const struct rga *r = (const struct rga *)c;
    replies(c, "{insert, [x, head]}", "[{a, 1}]");
    for (unsigned i = 0; i < 20; i++) {
        struct buf batch = {0};
        size_t bad;
        buf_printf(&batch, "[{remove, [{a, 1}]}, {remove, [{b, 1}]}");
        for (unsigned k = 0; k < i * i; k++)
            buf_printf(&batch, ", {insert, [y, {m%u, 7}]}, {insert, [z, {a, 900}]}", k);
        buf_printf(&batch, ", {insert_at, [0, u]}, {remove_at, [7000]}]%c", '\0');
        CU_ASSERT(mutate(c, (const char *)batch.at, &bad) == ERR_BAD_OP);
        buf_free(&batch);
        CU_ASSERT_EQUAL(r->elements.count, 1);
        CU_ASSERT_EQUAL(actors_count(&r->actors), 1);
        crdt_check(c);
    }
    is(c, crdt_value, "[x]");
    replies(c, "{insert, [y, {b, 1}]}", "[{a, 2}]");
    crdt_free(c);
}

/* An index refers to the sequence after the operations before it in the same batch. */
static void index_counts_earlier_operations(void)
{
    struct crdt *c = empty(type(), "a");
    size_t bad;
    CU_ASSERT(mutate(c, "[{insert, [x, head]}, {remove, [{a, 1}]}, {remove_at, [0]}]", &bad) ==
              ERR_BAD_OP);
    CU_ASSERT(bad == 2);
    CU_ASSERT(mutate(c, "[{insert, [x, {b, 1}]}, {remove_at, [0]}]", &bad) == ERR_BAD_OP);
    is(c, crdt_state, RGA("a", 0, "", ""));
    CU_ASSERT(mutate(c, "[{insert, [x, head]}, {insert, [y, {a, 1}]}, {remove_at, [1]}]", &bad) ==
              OK);
    is(c, crdt_value, "[x]");
    crdt_free(c);
}

/* --- the order ------------------------------------------------------------------------ */

static void orders_siblings_by_time_then_node_then_id(void)
{
    struct crdt *c = of("a", RGA("b", 9,
                                 ALL(E(b, 1, HEAD, 50, fourth), E(b, 2, HEAD, 40, first),
                                     ELEMENT("{b,3}", HEAD, STAMP(c, 50, 0, ""), "sixth", ""),
                                     ELEMENT("{b,4}", HEAD, STAMP(b, 50, 1, ""), "eighth", ""),
                                     ELEMENT("{b,5}", HEAD, STAMP(b, 50, 0, ""), "fifth", ""),
                                     ELEMENT("{b,6}", HEAD, STAMP(7, 50, 0, ""), "second", ""),
                                     ELEMENT("{b,7}", HEAD, STAMP(7.0, 50, 0, ""), "third", ""),
                                     ELEMENT("{c,1}", HEAD, STAMP(c, 50, 0, ""), "seventh", "")),
                                 ""));
    is(c, crdt_value, "[first, second, third, fourth, fifth, sixth, seventh, eighth]");
    crdt_free(c);
    /* Ids that are == but not =:=. */
    c = of("a", RGA("b", 9,
                    ALL(ELEMENT("{1.0,3}", HEAD, STAMP(n, 5, 0, ""), "3", ""),
                        ELEMENT("{1,3}", HEAD, STAMP(n, 5, 0, ""), "2", ""),
                        ELEMENT("{1.0,2}", HEAD, STAMP(n, 5, 0, ""), "1", "")),
                    ""));
    is(c, crdt_value, "[1, 2, 3]");
    crdt_free(c);
}

#define SUBTREES                                                                                   \
    ALL(E(b, 1, HEAD, 10, 1), E(b, 2, "{b,1}", 20, 2), E(b, 3, "{b,2}", 30, 3),                    \
        E(b, 4, "{b,3}", 40, 4), E(b, 5, HEAD, 50, 9))

/* However deep the earlier sibling's subtree is, removed elements included. */
static void follows_whole_subtrees(void)
{
    struct crdt *c = of("a", RGA("b", 5, SUBTREES, TOMBSTONE(b, 2)));
    is(c, crdt_value, "[1, 3, 4, 9]");
    merge(c, RGA("c", 9, ALL(E(c, 6, "{b,1}", 60, 6), E(c, 7, "{b,2}", 70, 5)), ""), NULL);
    is(c, crdt_value, "[1, 3, 4, 5, 6, 9]");
    merge(c, RGA("c", 9, ALL(E(c, 8, "{b,1}", 15, 0), E(c, 9, "{c,6}", 1, 7)), ""), NULL);
    is(c, crdt_value, "[1, 0, 3, 4, 5, 6, 7, 9]");
    merge(c, RGA("c", 10, E(c, 10, HEAD, 30, 8), ""), NULL);
    is(c, crdt_value, "[1, 0, 3, 4, 5, 6, 7, 8, 9]");
    crdt_free(c);
}

/* --- out-of-order arrival ---------------------------------------------------------------- */

static void waits_for_the_parent(void)
{
    struct crdt *c = of("a", RGA("b", 3, E(b, 3, "{b,2}", 30, 3), ""));
    is(c, crdt_value, "[]");
    is(c, crdt_state, RGA("a", 3, E(b, 3, "{b,2}", 30, 3), ""));
    merge(c, RGA("b", 2, E(b, 2, "{b,1}", 20, 2), ""), NULL);
    is(c, crdt_value, "[]");
    size_t bad;
    CU_ASSERT(mutate(c, "[{insert, [4, {b, 3}]}, {remove, [{b, 2}]}]", &bad) == OK);
    is(c, crdt_value, "[]");
    merge(c, RGA("b", 2, E(b, 1, HEAD, 10, 1), ""), NULL);
    is(c, crdt_value, "[1, 3, 4]");
    crdt_free(c);
}

#define PIECES 6

static void converges_in_any_order(void)
{
    static const char *const ops[PIECES] = {
        "{insert, [1, head]}",   "{insert, [2, {a, 1}]}", "{insert, [3, {a, 2}]}",
        "{insert, [4, {a, 1}]}", "{remove, [{a, 2}]}",    "{insert, [5, head]}",
    };
    struct crdt *c = empty(type(), "a"), *deltas[PIECES];
    size_t bad, order[PIECES], orders = 0;
    for (size_t i = 0; i < PIECES; i++) {
        deltas[i] = empty(type(), "a");
        CU_ASSERT(mutate_all(c, ops[i], deltas[i], NULL, &bad) == OK);
    }
    for (size_t code = 0; code < 720; code++, orders++) {
        struct crdt *peer = empty(type(), "b");
        size_t left[PIECES] = {0, 1, 2, 3, 4, 5};
        for (size_t i = 0, rest = code; i < PIECES; i++) {
            size_t at = rest % (PIECES - i);
            rest /= PIECES - i;
            order[i] = left[at];
            left[at] = left[PIECES - 1 - i];
            CU_ASSERT(join(peer, deltas[order[i]]));
        }
        is(peer, crdt_value, "[1, 3, 4, 5]");
        CU_ASSERT(equivalent(peer, c));
        crdt_free(peer);
    }
    CU_ASSERT(orders == 720);
    for (size_t i = 0; i < PIECES; i++)
        crdt_free(deltas[i]);
    crdt_free(c);
}

static void accepts_remove_before_insert(void)
{
    struct crdt *c = make(type(), "a", "{remove, [{b, 1}]}"), *delta = empty(type(), "a");
    CU_ASSERT(crdt_tombstones(c) == 1 && !crdt_empty(c));
    is(c, crdt_state, RGA("a", 0, "", TOMBSTONE(b, 1)));
    CU_ASSERT(merge(c, RGA("b", 2, ALL(E(b, 1, HEAD, 10, 1), E(b, 2, "{b,1}", 20, 2)), ""), delta));
    is(c, crdt_value, "[2]");
    is(delta, crdt_state, RGA("a", 2, ALL(E(b, 1, HEAD, 10, 1), E(b, 2, "{b,1}", 20, 2)), ""));
    crdt_free(delta);
    crdt_free(c);
}

/* --- clocks ------------------------------------------------------------------------------ */

/* A replica that recovers its ids from the states of others. */
static void never_reuses_an_id(void)
{
    static const struct {
        const char *state, *wanted;
    } pasts[] = {
        {RGA("b", 7, "", ""), "[{a, 8}]"},
        {RGA("b", 0, E(a, 12, HEAD, 1, x), ""), "[{a, 13}]"},
        {RGA("b", 0, E(b, 1, "{a,20}", 1, x), ""), "[{a, 21}]"},
        {RGA("b", 3, "", TOMBSTONE(a, 30)), "[{a, 31}]"},
        {RGA("b", 3, E(b, 99, "{b,98}", 1, x), TOMBSTONE(b, 97)), "[{a, 4}]"},
    };
    for (size_t i = 0; i < sizeof(pasts) / sizeof(pasts[0]); i++) {
        struct crdt *c = of("a", pasts[i].state);
        replies(c, "{insert, [y, head]}", pasts[i].wanted);
        crdt_free(c);
    }
    struct crdt *c = make(type(), "a", "{remove, [{a, 5}]}");
    replies(c, "[{insert, [x, {a, 8}]}, {insert, [y, head]}]", "[{a, 9}, {a, 10}]");
    is(c, crdt_value, "[y]");
    crdt_free(c);
}

static void refuses_when_ids_or_times_run_out(void)
{
    struct crdt *c = of("a", RGA("b", 1, "", TOMBSTONE(a, 6917529027641081855)));
    size_t bad;
    CU_ASSERT(mutate(c, "[{insert, [x, head]}, {insert, [y, head]}]", &bad) == ERR_LIMIT);
    CU_ASSERT(bad == 1);
    replies(c, "{insert, [x, head]}", "[{a, 6917529027641081856}]");
    CU_ASSERT(mutate(c, "{insert_at, [0, y]}", &bad) == ERR_LIMIT);
    is(c, crdt_value, "[x]");
    crdt_free(c);
    c = of("a", RGA("b", 9, E(b, 1, HEAD, -9223372036854775808, x), ""));
    CU_ASSERT(mutate(c, "{insert_at, [0, y]}", &bad) == ERR_LIMIT);
    is(c, crdt_value, "[x]");
    replies(c, "{insert_at, [1, y]}", "[{a, 10}]");
    is(c, crdt_value, "[x, y]");
    crdt_free(c);
}

/* Later inserts come later, whatever the wall clock says. */
static void survives_a_wall_clock_going_back(void)
{
    struct crdt *c = empty(type(), "a");
    for (int i = 0; i < 5; i++) {
        char text[64];
        size_t bad;
        laws_wall_ms = 5000 - (uint64_t)i * 1000;
        snprintf(text, sizeof(text), "{insert, [%d, head]}", i);
        CU_ASSERT(mutate(c, text, &bad) == OK);
    }
    is(c, crdt_value, "[0, 1, 2, 3, 4]");
    merge(c, RGA("b", 9, E(b, 9, HEAD, 90000, b), ""), NULL);
    replies(c, "{insert, [5, head]}", "[{a, 10}]");
    is(c, crdt_value, "[0, 1, 2, 3, 4, b, 5]");
    struct crdt *again = empty(type(), "a");
    join(again, c);
    laws_wall_ms = 1;
    replies(again, "{insert, [6, head]}", "[{a, 11}]");
    is(again, crdt_value, "[0, 1, 2, 3, 4, b, 5, 6]");
    crdt_free(again);
    crdt_free(c);
}

SUITE("rga", TEST(is_found_by_both_names), TEST(inserts_after_ids), TEST(edits_by_index),
      TEST(index_skips_hidden_elements), TEST(refuses_the_whole_batch),
      TEST(a_refused_batch_uses_up_no_id), TEST(a_refused_batch_leaves_what_waits),
      TEST(what_is_refused_leaves_nothing), TEST(index_counts_earlier_operations),
      TEST(orders_siblings_by_time_then_node_then_id), TEST(follows_whole_subtrees),
      TEST(waits_for_the_parent), TEST(converges_in_any_order), TEST(accepts_remove_before_insert),
      TEST(never_reuses_an_id), TEST(refuses_when_ids_or_times_run_out),
      TEST(survives_a_wall_clock_going_back))
