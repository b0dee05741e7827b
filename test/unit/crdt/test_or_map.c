#include "crdt/figures.h"
#include "limits.h"
#include "unit/crdt/maps.h"

#define N_THERE ENTRY("n", "{a, 1}")

static void holds_states_of_other_types(void)
{
    struct crdt *c = make(type(), "a", "[]");
    is(c, crdt_value, "#{}");
    is(c, crdt_state, ORMAP(NO_KEYS, ""));
    size_t bad;
    CU_ASSERT(mutate(c, "{put, [n, gcounter]}", &bad) == OK);
    is(c, crdt_value, "#{n => " GCOUNTER("") "}");
    CU_ASSERT(mutate(c, "{update, [n, {increment, [3]}]}", &bad) == OK);
    CU_ASSERT(mutate(c, "{update, [n, increment]}", &bad) == OK);
    is(c, crdt_value, "#{n => " GCOUNTER("a => 4") "}");
    is(c, crdt_state, ORMAP(KEYS("1", N_THERE, ""), "n => " GCOUNTER("a => 4")));
    CU_ASSERT(mutate(c, "{put, [s, gset]}", &bad) == OK);
    CU_ASSERT(mutate(c, "[{update, [s, {add, [x]}]}, {update, [n, increment]}]", &bad) == OK);
    is(c, crdt_value, "#{n => " GCOUNTER("a => 5") ", s => " GSET("x => []") "}");
    crdt_free(c);
}

/* Maps included. */
static void holds_every_type(void)
{
    for (size_t i = 0; crdt_type_at(i) != NULL; i++) {
        struct crdt *c = empty(type(), "a"), *inner = empty(crdt_type_at(i), "a");
        struct buf op = {0}, wanted = {0}, state = {0};
        size_t bad;
        buf_printf(&op, "{put, [k, %s]}", crdt_type_at(i)->name);
        buf_put_u8(&op, '\0');
        CU_ASSERT(mutate(c, (const char *)op.at, &bad) == OK);
        put_map(&wanted, 1);
        put_atom(&wanted, "k");
        crdt_state(inner, &state);
        CU_ASSERT(canon_put(&wanted, buf_bytes(&state)) == OK);
        struct buf got = put(c, crdt_value);
        ASSERT_TERM(buf_bytes(&got), buf_bytes(&wanted));
        buf_free(&got);
        buf_free(&op);
        buf_free(&wanted);
        buf_free(&state);
        crdt_free(c);
        crdt_free(inner);
    }
}

static void put_accepts_types_and_structs(void)
{
    struct crdt *c = make(type(), "a", "{put, [n, 'Elixir.Grove.Counter.GCounter']}");
    is(c, crdt_value, "#{n => " GCOUNTER("") "}");
    size_t bad;
    CU_ASSERT(mutate(c, "{put, [n, " GCOUNTER("b => 2, a => 1") "]}", &bad) == OK);
    is(c, crdt_value, "#{n => " GCOUNTER("a => 1, b => 2") "}");
    /* A struct of the same type is joined. */
    CU_ASSERT(mutate(c, "{put, [n, " GCOUNTER("b => 1, a => 3") "]}", &bad) == OK);
    CU_ASSERT(mutate(c, "{put, [n, gcounter]}", &bad) == OK);
    is(c, crdt_value, "#{n => " GCOUNTER("a => 3, b => 2") "}");
    CU_ASSERT(mutate(c, "{put, [m, " ORMAP(KEYS("1", N_THERE, ""), "n => " GSET("x => []")) "]}",
                     &bad) == OK);
    CU_ASSERT(mutate(c, "{update, [m, {update, [n, {add, [y]}]}]}", &bad) == OK);
    CU_ASSERT(mutate(c, "{delete, [n]}", &bad) == OK);
    is(c, crdt_value,
       "#{m => " ORMAP(KEYS("1", N_THERE, ""), "n => " GSET("x => [], y => []")) "}");
    crdt_free(c);
}

static void distinguishes_keys(void)
{
    struct crdt *c =
        make(type(), "a", "[{put, [1, gcounter]}, {put, [1.0, gset]}, {put, [-0.0, gcounter]}]");
    size_t bad;
    CU_ASSERT(mutate(c, "{update, [1, increment]}", &bad) == OK);
    CU_ASSERT(mutate(c, "{delete, [0.0]}", &bad) == OK);
    is(c, crdt_value,
       "#{1 => " GCOUNTER("a => 1") ", 1.0 => " GSET("") ", -0.0 => " GCOUNTER("") "}");
    refuses_batch(c, "{update, [0.0, increment]}", ERR_BAD_OP, 0);
    crdt_free(c);
}

static void hides_the_value_of_a_deleted_key(void)
{
    struct crdt *c = make(type(), "a", "[{put, [n, gcounter]}, {update, [n, increment]}]");
    size_t bad;
    CU_ASSERT(mutate(c, "[{delete, [n]}, {delete, [other]}]", &bad) == OK);
    is(c, crdt_value, "#{}");
    is(c, crdt_state, ORMAP(KEYS("1", "", "{a, 1} => []"), "n => " GCOUNTER("a => 1")));
    CU_ASSERT(crdt_tombstones(c) == 1);
    refuses_batch(c, "{update, [n, increment]}", ERR_BAD_OP, 0);
    refuses_batch(c, "{put, [n, gset]}", ERR_BAD_OP, 0);
    CU_ASSERT(mutate(c, "{put, [n, gcounter]}", &bad) == OK);
    is(c, crdt_value, "#{n => " GCOUNTER("a => 1") "}");
    CU_ASSERT(mutate(c, "[{put, [m, or_map]}, {update, [m, {put, [x, or_set]}]}]", &bad) == OK);
    CU_ASSERT(mutate(c, "{update, [m, {delete, [x]}]}", &bad) == OK);
    CU_ASSERT(crdt_tombstones(c) == 2 && crdt_elements(c) == 2);
    struct tag_counts tags = crdt_tags(c);
    CU_ASSERT(tags.all == 2 && tags.most == 1); /* of n and m */
    crdt_free(c);
}

static void delta_has_only_changes(void)
{
    struct crdt *c = make(type(), "a", "[{put, [n, gcounter]}, {put, [s, gset]}]");
    struct crdt *delta = empty(type(), "a");
    size_t bad;
    CU_ASSERT(mutate_all(c, "{update, [n, {increment, [0]}]}", delta, NULL, &bad) == OK);
    CU_ASSERT(
        mutate_all(c, "[{update, [n, {increment, [0]}]}, {delete, [x]}]", delta, NULL, &bad) == OK);
    CU_ASSERT(crdt_empty(delta));
    CU_ASSERT(mutate_all(c, "{update, [n, increment]}", delta, NULL, &bad) == OK);
    is(delta, crdt_state, ORMAP(NO_KEYS, "n => " GCOUNTER("a => 1")));
    CU_ASSERT(mutate_all(c, "[{put, [s, gset]}, {update, [s, {add, [x]}]}]", delta, NULL, &bad) ==
              OK);
    is(delta, crdt_state,
       ORMAP(KEYS("3", ENTRY("s", "{a, 3}"), ""),
             "n => " GCOUNTER("a => 1") ", s => " GSET("x => []")));
    crdt_free(delta);
    /* The value is known already: only the key grows. */
    delta = empty(type(), "a");
    CU_ASSERT(mutate_all(c, "{put, [n, " GCOUNTER("a => 1") "]}", delta, NULL, &bad) == OK);
    is(delta, crdt_state, ORMAP(KEYS("4", ENTRY("n", "{a, 4}"), ""), ""));
    crdt_free(delta);
    crdt_free(c);
}

/* A key whose value has not arrived is hidden and has no type. */
static void hides_a_key_without_value(void)
{
    struct crdt *c = make(type(), "a", "[]");
    CU_ASSERT(merge(c, ORMAP(KEYS("1", N_THERE, ""), "")));
    is(c, crdt_value, "#{}");
    refuses_batch(c, "{update, [n, increment]}", ERR_BAD_OP, 0);
    refuses_batch(c, "[{put, [x, gset]}, {update, [n, increment]}]", ERR_BAD_OP, 1);
    CU_ASSERT(merge(c, ORMAP(NO_KEYS, "n => " GCOUNTER("b => 1"))));
    is(c, crdt_value, "#{n => " GCOUNTER("b => 1") "}");
    crdt_free(c);
}

/* --- refusals -------------------------------------------------------------- */

#define SHAPELESS "#{'__struct__' => 'Elixir.Grove.Counter.GCounter', actor => a, counts => []}"
#define UNKNOWN   "#{'__struct__' => 'Elixir.MyApp.Counter', counts => #{}}"

/* Valid operations, and their number. */
static const struct {
    const char *ops;
    size_t count;
} before[] = {
    {"", 0},
    {"{update, [n, increment]}, ", 1},
    {"{put, [fresh, gset]}, {delete, [n]}, {put, [n, gcounter]},"
     " {update, [m, {update, [n, increment]}]}, ",
     4},
};

static void refuses_the_whole_batch(void)
{
    static const char *const wrong[] = {
        "{put, [n]}",
        "{put, [n, gcounter, 1]}",
        "put",
        "{put, [n, gset]}",
        "{put, [x, counter]}",
        "{put, [x, true]}",
        "{put, [x, 1]}",
        "{put, [x, <<\"gcounter\">>]}",
        "{put, [x, #{}]}",
        "{put, [x, " UNKNOWN "]}",
        "{put, [x, " SHAPELESS "]}",
        "{put, [x, " ORMAP(NO_KEYS, "n => " UNKNOWN) "]}",
        "{put, [x, " MAPSET("") "]}",
        "{update, [n]}",
        "{update, [x, increment]}",
        "{update, [n, decrement]}",
        "{update, [n, {increment, [-1]}]}",
        "{update, [n, [increment]]}",
        "{update, [n, []]}",
        "{update, [n, {increment}]}",
        "{update, [n, {increment, [1, 2, 3, 4, 5]}]}",
        "{update, [m, increment]}",
        "{update, [m, {update, [x, increment]}]}",
        "{update, [m, {put, [n, gset]}]}",
        "{delete, []}",
        "{delete, [n, n]}",
        "{remove, [n]}",
        "{add, [n]}",
        "increment",
    };
    struct crdt *c = make(type(), "a",
                          "[{put, [n, gcounter]}, {update, [n, increment]}, {put, [m, or_map]},"
                          " {update, [m, {put, [n, gcounter]}]}]");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        for (size_t k = 0; k < 3; k++) {
            struct buf ops = {0};
            buf_printf(&ops, "[%s%s]", before[k].ops, wrong[i]);
            buf_put_u8(&ops, '\0');
            refuses_batch(c, (const char *)ops.at, ERR_BAD_OP, before[k].count);
            buf_free(&ops);
        }
    }
    crdt_free(c);
}

/* Each operation sees the effects of those before it. */
static void validates_against_earlier_operations(void)
{
    struct crdt *c = make(type(), "a", "{put, [m, or_map]}");
    refuses_batch(c, "[{put, [n, gcounter]}, {put, [n, gset]}]", ERR_BAD_OP, 1);
    refuses_batch(c, "[{put, [n, gcounter]}, {update, [n, {add, [x]}]}]", ERR_BAD_OP, 1);
    refuses_batch(c, "[{put, [n, gcounter]}, {delete, [n]}, {update, [n, increment]}]", ERR_BAD_OP,
                  2);
    refuses_batch(c, "[{put, [n, gcounter]}, {delete, [n]}, {put, [n, gset]}]", ERR_BAD_OP, 2);
    refuses_batch(c, "[{delete, [m]}, {update, [m, {put, [n, gcounter]}]}]", ERR_BAD_OP, 1);
    /* All for one nested map; one is invalid. */
    refuses_batch(c, "[{update, [m, {put, [n]}]}, {update, [m, {put, [n, gset]}]}]", ERR_BAD_OP, 0);
    refuses_batch(c, "[{update, [m, {put, [n, gcounter]}]}, {update, [m, {put, [n, gset]}]}]",
                  ERR_BAD_OP, 1);
    refuses_batch(c,
                  "[{update, [m, {put, [n, gcounter]}]}, {update, [m, {update, [n, increment]}]},"
                  " {update, [m, {delete, [n]}]}, {update, [m, {update, [n, increment]}]}]",
                  ERR_BAD_OP, 3);
    size_t bad;
    CU_ASSERT(mutate(c,
                     "[{put, [n, gcounter]}, {update, [n, {increment, [2]}]}, {delete, [n]},"
                     " {put, [n, " GCOUNTER("b => 5") "]}, {update, [n, increment]},"
                                                      " {update, [m, {put, [n, gset]}]}, {update, "
                                                      "[m, {update, [n, {add, [x]}]}]},"
                                                      " {put, [o, gset]}, {delete, [o]}]",
                     &bad) == OK);
    is(c, crdt_value,
       "#{n => " GCOUNTER("a => 3, b => 5") ", m => " ORMAP(KEYS("1", N_THERE, ""),
                                                            "n => " GSET("x => []")) "}");
    is(c, crdt_state,
       ORMAP(
           KEYS("4", ENTRY("m", "{a, 1}") ", " ENTRY("n", "{a, 3}"), "{a, 2} => [], {a, 4} => []"),
           "n => " GCOUNTER("a => 3, b => 5") ", o => " GSET("") ", m => " ORMAP(
               KEYS("1", N_THERE, ""), "n => " GSET("x => []"))));
    crdt_free(c);
}

/* A struct that is put changes what later updates of its key may do. */
static void validates_updates_behind_a_struct(void)
{
    struct crdt *c = make(type(), "a", "[{put, [m, or_map]}, {put, [n, gcounter]}]");
#define INNER ORMAP(KEYS("1", ENTRY("x", "{b, 1}"), ""), "x => " GCOUNTER("b => 1"))
    refuses_batch(c,
                  "[{update, [n, increment]}, {update, [m, {update, [x, increment]}]},"
                  " {put, [m, " INNER "]}]",
                  ERR_BAD_OP, 1);
    refuses_batch(c,
                  "[{put, [m, " INNER "]}, {update, [m, {update, [x, increment]}]},"
                  " {update, [n, increment]}, {update, [n, decrement]}]",
                  ERR_BAD_OP, 3);
    struct crdt *delta = empty(type(), "a");
    size_t bad;
    CU_ASSERT(
        mutate_all(c,
                   "[{update, [m, {put, [y, gset]}]}, {put, [m, " INNER "]},"
                   " {update, [m, {update, [x, {increment, [2]}]}]}, {update, [n, increment]}]",
                   delta, NULL, &bad) == OK);
    struct crdt *peer = make(type(), "b", "[]");
    CU_ASSERT(mutate(c, "{put, [n, gcounter]}", &bad) == OK);
    CU_ASSERT(join(peer, c) && !join(peer, delta));
    is(c, crdt_value,
       "#{n => " GCOUNTER("a => 1") ", m => " ORMAP(
           KEYS("1", ENTRY("x", "{b, 1}") ", " ENTRY("y", "{a, 1}"), ""),
           "x => " GCOUNTER("a => 2, b => 1") ", y => " GSET("")) "}");
    crdt_free(peer);
    crdt_free(delta);
    crdt_free(c);
}

/* Only the nested sequence knows whether an element can be removed. */
static void validates_inside_a_sequence(void)
{
    struct crdt *c = make(type(), "a", "[{put, [r, rga]}, {put, [n, gcounter]}]");
    refuses_batch(c, "[{update, [r, {insert_at, [0, x]}]}, {update, [r, {remove_at, [1]}]}]",
                  ERR_BAD_OP, 1);
    refuses_batch(c,
                  "[{update, [n, increment]}, {update, [r, {insert_at, [0, x]}]},"
                  " {update, [r, {remove_at, [0]}]}, {update, [r, {remove_at, [0]}]}]",
                  ERR_BAD_OP, 3);
    size_t bad;
    CU_ASSERT(mutate(c,
                     "[{update, [n, increment]}, {update, [r, {insert_at, [0, x]}]},"
                     " {update, [r, {remove_at, [0]}]}]",
                     &bad) == OK);
    crdt_free(c);
}

static void replies_with_nested_results(void)
{
    struct crdt *c = make(type(), "a", "[]");
    size_t bad;
    replies(c, "[{put, [r, rga]}, {update, [r, {insert, [x, head]}]}, {delete, [y]}]",
            "[ok, {a, 1}, ok]");
    replies(c, "{update, [r, {insert, [y, {a, 1}]}]}", "[{a, 2}]");
    replies(c, "[{update, [r, {insert, [y, {a, 1}]}]}, {update, [r, {insert, [y, {a, 1}]}]}]",
            "[{a, 3}, {a, 4}]");
    replies(c, "[{put, [m, or_map]}, {update, [m, {put, [r, rga]}]}]", "[ok, ok]");
    replies(c, "{update, [m, {update, [r, {insert, [x, head]}]}]}", "[{a, 1}]");
    replies(c, "[]", "[]");
    /* Replies come in the order of the operations, whatever the keys. */
    CU_ASSERT(mutate(c, "{put, [s, rga]}", &bad) == OK);
    replies(
        c,
        "[{update, [s, {insert, [x, head]}]}, {update, [r, {insert, [z, {a, 1}]}]},"
        " {put, [t, rga]}, {update, [t, {insert, [x, head]}]}, {update, [s, {insert, [y, head]}]},"
        " {update, [r, {remove_at, [0]}]}]",
        "[{a, 1}, {a, 5}, ok, {a, 1}, {a, 2}, ok]");
    crdt_free(c);
}

static void refuses_malformed_structs(void)
{
    struct crdt *c = make(type(), "a", "[{put, [n, gcounter]}, {update, [n, increment]}]");
    refuses(c, term_of("nil"), ERR_TYPE);
    refuses(c, term_of(GCOUNTER("")), ERR_TYPE);
    refuses(c, term_of("#{'__struct__' => 'Elixir.Grove.Map.ORMap', values => #{}}"), ERR_SHAPE);
    refuses(c, term_of("#{'__struct__' => 'Elixir.Grove.Map.ORMap', keys => " NO_KEYS "}"),
            ERR_SHAPE);
    refuses(c, term_of(ORMAP("nil", "")), ERR_SHAPE);
    refuses(c, term_of(ORMAP(GSET(""), "")), ERR_SHAPE);
    refuses(c, term_of(ORMAP(KEYS("-1", "", ""), "")), ERR_RANGE);
#define GROWS KEYS("1", ENTRY("n", "{b, 1}"), "") /* must not be joined */
    refuses(c, term_of(ORMAP(GROWS, "n => " GCOUNTER("b => 9") ", o => 1")), ERR_SHAPE);
    refuses(c, term_of(ORMAP(GROWS, "n => " GCOUNTER("b => 9") ", o => nil")), ERR_SHAPE);
    refuses(c, term_of(ORMAP(GROWS, "n => " GCOUNTER("b => 9") ", o => " UNKNOWN)), ERR_SHAPE);
    refuses(c, term_of(ORMAP(GROWS, "n => " GCOUNTER("b => 9") ", o => " SHAPELESS)), ERR_SHAPE);
    refuses(c, term_of(ORMAP(GROWS, "n => " GCOUNTER("b => 9") ", o => " GCOUNTER("b => -9"))),
            ERR_RANGE);
    refuses(c,
            term_of(ORMAP(GROWS, "n => " GCOUNTER("b => 9") ", o => " ORMAP(
                                     GROWS, "n => " GCOUNTER("b => 9") ", o => " SHAPELESS))),
            ERR_SHAPE);
    refuses(c, term_of(ORMAP(GROWS, "n => " GCOUNTER("b => 9") ", o => " ORMAP("nil", ""))),
            ERR_SHAPE);
    refuses(c,
            term_of("#{'__struct__' => 'Elixir.Grove.Map.ORMap', keys => " GROWS ", values => []}"),
            ERR_SHAPE);
    crdt_free(c);
}

static void accepts_missing_actor_and_delta_buffer(void)
{
    static const char *const buffers[] = {
        "",
        ", delta_buffer => nil",
        ", delta_buffer => " ORMAP(NO_KEYS, "x => " GCOUNTER("b => 1")),
        ", delta_buffer => #{}",
    };
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++) {
        struct crdt *c = empty(type(), "a");
        struct buf text = {0};
        buf_printf(
            &text,
            "#{'__struct__' => 'Elixir.Grove.Map.ORMap', keys => " KEYS(
                "0", ENTRY("n", "{b, 1}"), "") ", values => #{n => " GCOUNTER("b => 1") "}%s}",
            buffers[i]);
        buf_put_u8(&text, '\0');
        CU_ASSERT(merge(c, (const char *)text.at));
        is(c, crdt_value, "#{n => " GCOUNTER("b => 1") "}");
        buf_free(&text);
        crdt_free(c);
    }
}

/* --- maps in maps ---------------------------------------------------------- */

/* Wraps an operation for the map at this nesting level. */
static void nest(struct buf *text, const char *op, int level)
{
    for (int i = 0; i < level; i++)
        buf_printf(text, "{update, [m, ");
    buf_printf(text, "%s", op);
    for (int i = 0; i < level; i++)
        buf_printf(text, "]}");
    buf_put_u8(text, '\0');
}

static enum err mutate_nested(struct crdt *c, const char *op, int level)
{
    struct buf text = {0};
    size_t bad;
    nest(&text, op, level);
    enum err e = mutate(c, (const char *)text.at, &bad);
    buf_free(&text);
    return e;
}

static void limits_the_nesting(void)
{
    struct crdt *c = make(type(), "a", "[]"), *peer = empty(type(), "b");
    for (int i = 0; i < LIMIT_MAP_NESTING; i++)
        CU_ASSERT(mutate_nested(c, "{put, [m, or_map]}", i) == OK);
    CU_ASSERT(mutate_nested(c, "{put, [m, or_map]}", LIMIT_MAP_NESTING) == ERR_LIMIT);
    CU_ASSERT(mutate_nested(c, "{put, [m, " ORMAP(NO_KEYS, "") "]}", LIMIT_MAP_NESTING) ==
              ERR_LIMIT);
    CU_ASSERT(mutate_nested(c, "{put, [n, gcounter]}", LIMIT_MAP_NESTING) == OK);
    CU_ASSERT(mutate_nested(c, "{update, [n, increment]}", LIMIT_MAP_NESTING) == OK);
    CU_ASSERT(mutate_nested(c, "{put, [o, " ORMAP(NO_KEYS, "n => " ORMAP(NO_KEYS, "")) "]}",
                            LIMIT_MAP_NESTING - 1) == ERR_LIMIT);
    CU_ASSERT(join(peer, c) && equivalent(peer, c));

    /* One level more in a struct: refused in a merge and in a put. */
    struct buf state = put(c, crdt_state), deeper = {0};
    put_map(&deeper, 3);
    put_atom(&deeper, "__struct__");
    put_atom(&deeper, "Elixir.Grove.Map.ORMap");
    put_atom(&deeper, "keys");
    put_term(&deeper, term_of(NO_KEYS));
    put_atom(&deeper, "values");
    put_map(&deeper, 1);
    put_atom(&deeper, "k");
    put_term(&deeper, buf_bytes(&state));
    refuses(peer, buf_bytes(&deeper), ERR_LIMIT);
    struct op op = {BYTES("put"), 2, {term_of("k"), buf_bytes(&state)}};
    struct mutation_turn t = {0};
    CU_ASSERT(crdt_mutate(peer, &op, 1, &t) == ERR_LIMIT);
    buf_free(&state);
    buf_free(&deeper);
    crdt_free(c);
    crdt_free(peer);
}

/* When tags run out, the whole batch is refused. */
static void refuses_when_tags_run_out(void)
{
    struct crdt *c = make(type(), "a", "[]");
    CU_ASSERT(merge(c, ORMAP(KEYS("0", "", "{a, 6917529027641081855} => []"), "")));
    refuses_batch(c, "[{put, [n, gcounter]}, {put, [o, gcounter]}]", ERR_LIMIT, 1);
    size_t bad;
    CU_ASSERT(mutate(c, "{put, [n, gcounter]}", &bad) == OK);
    refuses_batch(c, "{put, [n, gcounter]}", ERR_LIMIT, 0);
    CU_ASSERT(mutate(c, "[{update, [n, increment]}, {delete, [n]}]", &bad) == OK);
    crdt_free(c);
}

SUITE("or_map", TEST(holds_states_of_other_types), TEST(holds_every_type),
      TEST(put_accepts_types_and_structs), TEST(distinguishes_keys),
      TEST(hides_the_value_of_a_deleted_key), TEST(delta_has_only_changes),
      TEST(hides_a_key_without_value), TEST(refuses_the_whole_batch),
      TEST(validates_against_earlier_operations), TEST(validates_updates_behind_a_struct),
      TEST(validates_inside_a_sequence), TEST(replies_with_nested_results),
      TEST(refuses_malformed_structs), TEST(accepts_missing_actor_and_delta_buffer),
      TEST(limits_the_nesting), TEST(refuses_when_tags_run_out))
