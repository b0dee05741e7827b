#include "crdt/figures.h"
#include "mem.h"
#include "unit/crdt/histories.h"

#define SET(map) "#{'__struct__' => 'Elixir.MapSet', map => " map "}"
#define DVVSET_WITH(clock, context, entries, more)                                                 \
    "#{'__struct__' => 'Elixir.Grove.Set.DVVSet', actor => a, clock => " clock                     \
    ", context => " context ", delta_buffer => nil, entries => " entries more "}"
#define DVVSET(clock, context, entries) DVVSET_WITH(clock, context, entries, "")

static const struct crdt_type *type(void)
{
    return crdt_type_named(BYTES("dvv_set"));
}

static void merge(struct crdt *c, const char *given)
{
    bool changed;
    CU_ASSERT(crdt_merge(c, wall(term_of(given)), NULL, &changed) == OK);
    crdt_check(c);
}

static void adds_and_removes(void)
{
    CU_ASSERT(type() == crdt_type_named(BYTES("Elixir.Grove.Set.DVVSet")));
    struct crdt *c = make(type(), "a", "[]");
    size_t bad;
    is(c, crdt_value, SET("#{}"));
    is(c, crdt_state, DVVSET("#{}", "#{}", "#{}"));
    CU_ASSERT(mutate(c, "[{add, [x]}, {add, [y]}]", &bad) == OK);
    is(c, crdt_value, SET("#{x => [], y => []}"));
    is(c, crdt_state, DVVSET("#{a => 2}", "#{}", "#{x => #{a => 1}, y => #{a => 2}}"));
    CU_ASSERT(mutate(c, "{remove, [x]}", &bad) == OK);
    is(c, crdt_value, SET("#{y => []}"));
    is(c, crdt_state, DVVSET("#{a => 2}", "#{a => 1}", "#{y => #{a => 2}}"));
    replies(c, "[{remove, [never]}, {add, [x]}]", "[ok, ok]");
    is(c, crdt_state, DVVSET("#{a => 3}", "#{a => 1}", "#{x => #{a => 3}, y => #{a => 2}}"));
    CU_ASSERT(crdt_tombstones(c) == 0 && crdt_elements(c) == 2);
    crdt_free(c);
}

static void adds_again(void)
{
    struct crdt *c = make(type(), "a", "[{add, [x]}, {add, [x]}]");
    size_t bad;
    is(c, crdt_state, DVVSET("#{a => 2}", "#{}", "#{x => #{a => 2}}"));
    CU_ASSERT(mutate(c, "{remove, [x]}", &bad) == OK);
    is(c, crdt_state, DVVSET("#{a => 2}", "#{a => 2}", "#{}"));
    CU_ASSERT(mutate(c, "{add, [x]}", &bad) == OK);
    is(c, crdt_state, DVVSET("#{a => 3}", "#{a => 2}", "#{x => #{a => 3}}"));
    /* One dot per actor that added it. */
    merge(c, DVVSET("#{b => 5}", "#{}", "#{x => #{b => 5}}"));
    CU_ASSERT(mutate(c, "{add, [x]}", &bad) == OK);
    is(c, crdt_state, DVVSET("#{a => 4, b => 5}", "#{a => 2}", "#{x => #{a => 4, b => 5}}"));
    crdt_free(c);
}

/* Earlier adds of the actor would be dominated by the context: they get new dots in the same
 * order, in the same delta. */
static void renews_dots_dominated_by_a_remove(void)
{
    struct crdt *c = make(type(), "a", "[{add, [3]}, {add, [2]}, {add, [1]}, {add, [4]}]");
    struct crdt *peer = empty(type(), "b"), *delta = empty(type(), "a");
    size_t bad;
    join(peer, c);
    CU_ASSERT(mutate_all(c, "{remove, [1]}", delta, NULL, &bad) == OK);
    is(c, crdt_state,
       DVVSET("#{a => 6}", "#{a => 3}", "#{2 => #{a => 6}, 3 => #{a => 5}, 4 => #{a => 4}}"));
    is(delta, crdt_state, DVVSET("#{a => 6}", "#{a => 3}", "#{2 => #{a => 6}, 3 => #{a => 5}}"));
    CU_ASSERT(join(peer, delta));
    is(peer, crdt_value, SET("#{2 => [], 3 => [], 4 => []}"));

    /* The peer replaces dots that it makes dominated by dots of its own. */
    CU_ASSERT(mutate(peer, "{remove, [3]}", &bad) == OK);
    join(c, peer);
    is(c, crdt_state,
       DVVSET("#{a => 6, b => 1}", "#{a => 5}", "#{2 => #{a => 6}, 4 => #{b => 1}}"));
    crdt_free(delta);
    crdt_free(peer);
    crdt_free(c);
}

/* An element with a second dot of another actor gets a new dot too: a concurrent remover may have
 * seen only one of the two adds. */
static void renews_one_of_two_dots(void)
{
    struct crdt *c = make(type(), "a", "[{add, [x]}, {add, [y]}]");
    size_t bad;
    merge(c, DVVSET("#{b => 2}", "#{}", "#{x => #{b => 1}, z => #{b => 2}}"));
    CU_ASSERT(mutate(c, "{remove, [y]}", &bad) == OK);
    is(c, crdt_state,
       DVVSET("#{a => 3, b => 2}", "#{a => 2}", "#{x => #{a => 3, b => 1}, z => #{b => 2}}"));
    CU_ASSERT(mutate(c, "{remove, [z]}", &bad) == OK);
    is(c, crdt_state, DVVSET("#{a => 4, b => 2}", "#{a => 2, b => 2}", "#{x => #{a => 4}}"));
    crdt_free(c);
}

/* A batch is one change: an element added in it needs no second dot, unless the first became
 * dominated. */
static void removes_in_batches(void)
{
    struct crdt *c = make(type(), "a", "[{add, [x]}, {add, [y]}]"), *delta = empty(type(), "a");
    size_t bad;
    CU_ASSERT(mutate_all(c,
                         "[{remove, [y]}, {add, [y]}, {add, [z]}, {add, [v]}, {remove, [z]},"
                         " {remove, [z]}, {add, [w]}]",
                         delta, NULL, &bad) == OK);
    const char *live = "#{v => #{a => 5}, w => #{a => 6}, x => #{a => 7}, y => #{a => 8}}";
    struct buf wanted = {0};
    buf_printf(&wanted, DVVSET("#{a => 8}", "#{a => 4}", "%s"), live);
    buf_put_u8(&wanted, '\0');
    is(c, crdt_state, (const char *)wanted.at);
    is(delta, crdt_state, (const char *)wanted.at);
    buf_free(&wanted);
    crdt_free(delta);

    delta = empty(type(), "a");
    CU_ASSERT(mutate_all(c, "[{remove, [w]}, {add, [w]}, {remove, [w]}]", delta, NULL, &bad) == OK);
    is(c, crdt_value, SET("#{v => [], x => [], y => []}"));
    crdt_free(delta);

    delta = empty(type(), "a");
    CU_ASSERT(mutate_all(c, "[{add, [u]}, {remove, [u]}]", delta, NULL, &bad) == OK);
    is(c, crdt_value, SET("#{v => [], x => [], y => []}"));
    is(delta, crdt_value, SET("#{v => [], x => [], y => []}"));
    crdt_free(delta);
    crdt_free(c);
}

/* Emptying a large set in one batch does not take quadratic time. */
static void removes_a_million_at_once(void)
{
    enum { MANY = 1000000 };
    struct crdt *c = empty(type(), "a");
    struct op *ops = mem_take(MANY * sizeof(*ops));
    struct buf keys = {0};
    for (int i = 0; i < MANY; i++)
        put_int(&keys, 1000 + i);
    for (size_t i = 0; i < MANY; i++)
        ops[i] = (struct op){BYTES("add"), 1, {{keys.at + 5 * i, 5}}};
    struct mutation_turn t = {0};
    CU_ASSERT(crdt_mutate(c, ops, MANY, &t) == OK);
    for (size_t i = 0; i < MANY; i++)
        ops[i] = (struct op){BYTES("remove"), 1, {{keys.at + 5 * (MANY - 1 - i), 5}}};
    CU_ASSERT(crdt_mutate(c, ops, MANY - 1, &t) == OK);
    is(c, crdt_state, DVVSET("#{a => 1000001}", "#{a => 1000000}", "#{1000 => #{a => 1000001}}"));
    crdt_check(c);
    mem_free(ops);
    buf_free(&keys);
    crdt_free(c);
}

static void refuses_the_whole_batch(void)
{
    static const char *const wrong[] = {
        "[{add, [x]}, add]",           "[{remove, [x]}, {add, [x, y]}]",
        "[{add, [x]}, {remove, []}]",  "[{add, [x]}, {remove, [x, y]}]",
        "[{remove, [x]}, {put, [x]}]", "[{add, [y]}, {increment, [1]}, {add, [1, 2]}]",
    };
    struct crdt *c = make(type(), "a", "{add, [x]}");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        size_t bad;
        CU_ASSERT(mutate(c, wrong[i], &bad) == ERR_BAD_OP && bad == 1);
        is(c, crdt_state, DVVSET("#{a => 1}", "#{}", "#{x => #{a => 1}}"));
    }
    crdt_free(c);
}

static void distinguishes_elements(void)
{
    struct crdt *c = make(type(), "a", "[{add, [1]}, {add, [1.0]}, {add, [0.0]}, {add, [-0.0]}]");
    size_t bad;
    is(c, crdt_value, SET("#{1 => [], 1.0 => [], 0.0 => [], -0.0 => []}"));
    CU_ASSERT(mutate(c, "[{remove, [1.0]}, {remove, [-0.0]}]", &bad) == OK);
    is(c, crdt_value, SET("#{1 => [], 0.0 => []}"));
    crdt_free(c);
}

/* --- joins --------------------------------------------------------------------------- */

static const char *const drawn_ops[] = {
    "{add, [1]}",    "{add, [1.0]}",    "{add, [x]}",    "{add, [<<\"y\">>]}",    "{add, [{z}]}",
    "{remove, [1]}", "{remove, [1.0]}", "{remove, [x]}", "{remove, [<<\"y\">>]}", "{add, [x]}",
};
#define DRAWN_OPS (sizeof(drawn_ops) / sizeof(drawn_ops[0]))

static void obeys_laws(void)
{
    static const struct sample states[] = {
        {"a", "[]"},
        {"a", "{add, [x]}"},
        {"a", "[{add, [x]}, {add, [y]}, {remove, [y]}]"},
        {"b", "[{add, [x]}, {add, [1]}]"},
        {"<<\"b\">>", "[{add, [x]}, {remove, [x]}, {add, [1]}]"},
    };
    check_laws_on_samples(type(), states, sizeof(states) / sizeof(states[0]));
    check_laws_on_random_states(type(), drawn_ops, DRAWN_OPS, 20);
    check_laws_on_random_histories(type(), drawn_ops, DRAWN_OPS, 60);
}

static void mutations_fill_the_delta(void)
{
    check_mutation_delta(type(), "[]", "{add, [x]}");
    check_mutation_delta(type(), "{add, [x]}", "{add, [x]}");
    check_mutation_delta(type(), "{add, [x]}", "{remove, [x]}");
    check_mutation_delta(type(), "[{add, [x]}, {add, [y]}]", "{remove, [y]}");
    check_mutation_delta(type(), "[{add, [x]}, {add, [y]}]",
                         "[{remove, [y]}, {remove, [x]}, {add, [x]}]");
    check_mutation_delta(type(), "{add, [y]}", "[{add, [x]}, {remove, [x]}]");
    struct crdt *c = make(type(), "a", "{add, [x]}"), *delta = empty(type(), "a");
    size_t bad;
    CU_ASSERT(mutate_all(c, "{remove, [y]}", delta, NULL, &bad) == OK);
    CU_ASSERT(crdt_empty(delta));
    /* a removal only */
    CU_ASSERT(mutate_all(c, "{remove, [x]}", delta, NULL, &bad) == OK);
    is(delta, crdt_state, DVVSET("#{a => 1}", "#{a => 1}", "#{}"));
    CU_ASSERT(!crdt_empty(delta));
    crdt_free(delta);
    crdt_free(c);
}

static void concurrent_add_wins(void)
{
    struct crdt *a = make(type(), "a", "{add, [x]}"), *b = empty(type(), "b");
    size_t bad;
    join(b, a);
    CU_ASSERT(mutate(a, "{remove, [x]}", &bad) == OK);
    CU_ASSERT(mutate(b, "{add, [x]}", &bad) == OK);
    join(a, b);
    join(b, a);
    is(a, crdt_state, DVVSET("#{a => 1, b => 1}", "#{a => 1}", "#{x => #{b => 1}}"));
    CU_ASSERT(equivalent(a, b));
    crdt_free(a);
    crdt_free(b);
}

/* The context names no elements: it may arrive before the add that it dominates, and dominates
 * everything older than the removed dot, seen or not. */
static void context_dominates_by_number(void)
{
    struct crdt *c = make(type(), "a", "[]");
    merge(c, DVVSET("#{b => 2}", "#{b => 2}", "#{}"));
    merge(c, DVVSET("#{b => 1}", "#{}", "#{x => #{b => 1}}"));
    is(c, crdt_value, SET("#{}"));
    merge(c, DVVSET("#{b => 3}", "#{}", "#{x => #{b => 2}, y => #{b => 3, c => 0}}"));
    is(c, crdt_state, DVVSET("#{b => 3}", "#{b => 2}", "#{y => #{b => 3}}"));
    /* an element is removed only with its last dot */
    merge(c, DVVSET("#{c => 4}", "#{}", "#{y => #{c => 4}}"));
    merge(c, DVVSET("#{}", "#{b => 3}", "#{}"));
    is(c, crdt_state, DVVSET("#{b => 3, c => 4}", "#{b => 3}", "#{y => #{c => 4}}"));
    merge(c, DVVSET("#{}", "#{c => 9}", "#{}"));
    is(c, crdt_state, DVVSET("#{b => 3, c => 9}", "#{b => 3, c => 9}", "#{}"));
    crdt_free(c);
}

/* A replica that lost its state finds its own dots in any part of a struct. */
static void never_reuses_a_dot(void)
{
    static const char *const pasts[] = {
        DVVSET("#{a => 7}", "#{}", "#{}"),
        DVVSET("#{a => 1}", "#{a => 7}", "#{}"),
        DVVSET("#{}", "#{}", "#{x => #{a => 7}}"),
        DVVSET("#{}", "#{a => 7}", "#{x => #{a => 4}}"),
    };
    for (size_t i = 0; i < sizeof(pasts) / sizeof(pasts[0]); i++) {
        struct crdt *c = make(type(), "a", "[]"), *delta = empty(type(), "a");
        size_t bad;
        merge(c, pasts[i]);
        CU_ASSERT(mutate_all(c, "{add, [new]}", delta, NULL, &bad) == OK);
        is(delta, crdt_state, DVVSET("#{a => 8}", "#{}", "#{new => #{a => 8}}"));
        crdt_free(delta);
        crdt_free(c);
    }
}

static void join_fills_the_delta(void)
{
    struct crdt *c = make(type(), "a", "[{add, [x]}, {add, [y]}]"), *delta = empty(type(), "a");
    bool changed;
    CU_ASSERT(crdt_merge(c,
                         term_of(DVVSET("#{a => 2, b => 3}", "#{a => 1}",
                                        "#{y => #{a => 2, b => 2}, z => #{b => 3, a => 1}}")),
                         delta, &changed) == OK);
    CU_ASSERT(changed);
    is(c, crdt_state,
       DVVSET("#{a => 2, b => 3}", "#{a => 1}", "#{y => #{a => 2, b => 2}, z => #{b => 3}}"));
    is(delta, crdt_state,
       DVVSET("#{a => 1, b => 3}", "#{a => 1}", "#{y => #{b => 2}, z => #{b => 3}}"));
    crdt_free(delta);
    delta = empty(type(), "a");
    CU_ASSERT(crdt_merge(c,
                         term_of(DVVSET("#{b => 3}", "#{}", "#{y => #{b => 2}, x => #{a => 1}}")),
                         delta, &changed) == OK);
    CU_ASSERT(!changed && crdt_empty(delta));
    crdt_free(delta);
    crdt_free(c);
}

/* Many actors on one element, added in any order, then all dominated at once: nothing takes
 * quadratic time. */
static void elements_may_have_many_dots(void)
{
    enum { MANY = 100000 };
    struct crdt *c = empty(type(), "a");
    struct buf vector = {0}, state = {0};
    bool changed;
    put_map(&vector, MANY);
    for (int i = 0; i < MANY; i++) {
        put_int(&vector, (int)((unsigned)i * 7919u % MANY));
        put_int(&vector, 1 + i % 3);
    }
    for (int hidden = 0; hidden < 2; hidden++) {
        buf_clear(&state);
        put_map(&state, 4);
        put_atom(&state, "__struct__");
        put_atom(&state, type()->module);
        put_atom(&state, "clock");
        put_map(&state, 0);
        put_atom(&state, "context");
        buf_put(&state, hidden ? buf_bytes(&vector) : term_of("#{}"));
        put_atom(&state, "entries");
        put_map(&state, hidden ? 0 : 2);
        for (int i = 0; !hidden && i < 2; i++) {
            put_int(&state, i);
            buf_put(&state, buf_bytes(&vector));
        }
        CU_ASSERT(crdt_merge(c, wall(buf_bytes(&state)), NULL, &changed) == OK && changed);
        crdt_check(c);
        is(c, crdt_value, hidden ? SET("#{}") : SET("#{0 => [], 1 => []}"));
    }
    buf_free(&vector);
    buf_free(&state);
    crdt_free(c);
}

static void round_trips(void)
{
    static const char *const states[] = {
        DVVSET("#{}", "#{}", "#{}"),
        DVVSET("#{a => 300, <<\"b\">> => 9223372036854775807}", "#{a => 298}",
               "#{x => #{a => 300, <<\"b\">> => 70000}, 1.0 => #{a => 299}}"),
        DVVSET("#{1 => 3, 1.0 => 4}", "#{1 => 3, 1.0 => 3}", "#{1 => #{1.0 => 4}}"),
    };
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct crdt *c = empty(type(), "a");
        merge(c, states[i]);
        is(c, crdt_state, states[i]);
        crdt_free(c);
    }
}

static void refuses_malformed_structs(void)
{
    struct crdt *c = make(type(), "a", "{add, [x]}");
    refuses(c, term_of("nil"), ERR_TYPE);
    refuses(c, term_of("#{'__struct__' => 'Elixir.Grove.Set.ORSet', entries => #{}}"), ERR_TYPE);
    refuses(c, term_of("#{'__struct__' => 'Elixir.Grove.Set.DVVSet', entries => #{}}"), ERR_SHAPE);
    refuses(c, term_of(DVVSET("[]", "#{}", "#{}")), ERR_SHAPE);
    refuses(c, term_of(DVVSET("#{}", "nil", "#{}")), ERR_SHAPE);
    refuses(c, term_of(DVVSET("#{}", "#{}", "[x]")), ERR_SHAPE);
    refuses(c, term_of(DVVSET("#{b => 1.0}", "#{}", "#{}")), ERR_SHAPE);
    refuses(c, term_of(DVVSET("#{b => 9}", "#{b => 9}", "#{y => []}")), ERR_SHAPE);
    refuses(c, term_of(DVVSET("#{b => 9}", "#{b => 9}", "#{y => #{b => x}}")), ERR_SHAPE);
    refuses(c, term_of(DVVSET("#{b => 9}", "#{b => -1}", "#{}")), ERR_RANGE);
    refuses(c, term_of(DVVSET("#{b => 9223372036854775808}", "#{}", "#{}")), ERR_RANGE);
    refuses(c, term_of(DVVSET("#{}", "#{b => 18446744073709551616}", "#{}")), ERR_RANGE);
    refuses(c, term_of(DVVSET("#{}", "#{}", "#{y => #{b => 9223372036854775808}}")), ERR_RANGE);
    crdt_free(c);
}

/* No honest clock gets there, but a peer may claim it. */
static void refuses_when_dots_run_out(void)
{
    struct crdt *c = make(type(), "a", "{add, [x]}");
    size_t bad;
    merge(c, DVVSET("#{a => 9223372036854775807}", "#{}", "#{}"));
    CU_ASSERT(mutate(c, "[{add, [x]}, {add, [y]}]", &bad) == ERR_LIMIT && bad == 0);
    is(c, crdt_value, SET("#{x => []}"));
    crdt_free(c);
}

static void keeps_unknown_fields(void)
{
    struct crdt *c = make(type(), "a", "[]");
    merge(c, DVVSET_WITH("#{}", "#{}", "#{}", ", zone => east, 'Z' => {1}"));
    CU_ASSERT(!crdt_empty(c));
    is(c, crdt_state, DVVSET_WITH("#{}", "#{}", "#{}", ", zone => east, 'Z' => {1}"));
    crdt_free(c);
}

/* The buffer is private to the sender, whatever it holds. */
static void ignores_the_delta_buffer(void)
{
    struct crdt *c = make(type(), "a", "[]");
    merge(c, "#{'__struct__' => 'Elixir.Grove.Set.DVVSet', actor => b, clock => #{b => 1},"
             " context => #{}, delta_buffer => {7}, entries => #{x => #{b => 1}}}");
    is(c, crdt_state, DVVSET("#{b => 1}", "#{}", "#{x => #{b => 1}}"));
    crdt_free(c);
}

static void survives_corruption(void)
{
    struct crdt *c = make(type(), "a", "[{add, [x]}, {add, [y]}, {remove, [x]}]");
    check_corruption(c, term_of(DVVSET("#{a => 300, <<\"b\">> => 70000}", "#{a => 298, c => 5}",
                                       "#{x => #{a => 300, <<\"b\">> => 70000},"
                                       "  1.0 => #{a => 299}, [1, 2] => #{c => 6}}")));
    crdt_free(c);
}

static void matches_grove(void)
{
    CU_ASSERT(matches_recording("crdt/dvv_sets.etf", type()) == 14);
}

SUITE("dvv_set", TEST(adds_and_removes), TEST(adds_again), TEST(renews_dots_dominated_by_a_remove),
      TEST(renews_one_of_two_dots), TEST(removes_in_batches), TEST(removes_a_million_at_once),
      TEST(refuses_the_whole_batch), TEST(distinguishes_elements), TEST(obeys_laws),
      TEST(mutations_fill_the_delta), TEST(concurrent_add_wins), TEST(context_dominates_by_number),
      TEST(never_reuses_a_dot), TEST(join_fills_the_delta), TEST(elements_may_have_many_dots),
      TEST(round_trips), TEST(refuses_malformed_structs), TEST(refuses_when_dots_run_out),
      TEST(keeps_unknown_fields), TEST(ignores_the_delta_buffer), TEST(survives_corruption),
      TEST(matches_grove))
