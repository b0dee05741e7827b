#include "crdt/figures.h"
#include "unit/crdt/histories.h"
#include "unit/crdt/or_sets.h"

/* --- operations ------------------------------------------------------------- */

static void adds_and_removes(void)
{
    CU_ASSERT(type() == crdt_type_named(BYTES("Elixir.Grove.Set.ORSet")));
    struct crdt *c = make(type(), "a", "[]");
    is(c, crdt_value, SET(""));
    is(c, crdt_state, ORSET("0", "", ""));
    replies(c, "[{add, [x]}, {add, [y]}, {add, [x]}]", "[ok, ok, ok]");
    is(c, crdt_value, SET("x => [], y => []"));
    is(c, crdt_state,
       ORSET("3", "x => " SET("{a, 1} => [], {a, 3} => []") ", y => " TAG("{a, 2}"), ""));
    replies(c, "[{remove, [x]}, {remove, [z]}]", "[ok, ok]");
    is(c, crdt_value, SET("y => []"));
    is(c, crdt_state, ORSET("3", "y => " TAG("{a, 2}"), "{a, 1} => [], {a, 3} => []"));
    CU_ASSERT(crdt_tombstones(c) == 2 && crdt_elements(c) == 1);
    crdt_free(c);
}

static void counts_tags(void)
{
    struct crdt *c = make(type(), "a", "[{add, [x]}, {add, [y]}, {add, [x]}, {add, [x]}]");
    struct tag_counts counts = crdt_tags(c);
    CU_ASSERT(counts.all == 4 && counts.most == 3);
    apply(c, "[{remove, [x]}, {add, [z]}, {add, [z]}]", NULL);
    counts = crdt_tags(c);
    CU_ASSERT(counts.all == 3 && counts.most == 2);
    crdt_free(c);
    c = make(crdt_type_named(BYTES("gset")), "a", "[{add, [x]}]");
    counts = crdt_tags(c);
    CU_ASSERT(counts.all == 0 && counts.most == 0);
    crdt_free(c);
}

static void re_adds_removed_elements(void)
{
    struct crdt *c = make(type(), "a", "[{add, [x]}, {remove, [x]}, {add, [x]}]");
    is(c, crdt_value, SET("x => []"));
    is(c, crdt_state, ORSET("2", "x => " TAG("{a, 2}"), "{a, 1} => []"));
    struct crdt *old = make(type(), "a", "{add, [x]}"), *peer = empty(type(), "b");
    join(peer, c);
    CU_ASSERT(!join(peer, old) && !join(c, old));
    is(peer, crdt_value, SET("x => []"));
    crdt_free(old);
    crdt_free(peer);
    crdt_free(c);
}

static void refuses_the_whole_batch(void)
{
    static const char *const wrong[] = {
        "[{add, [x]}, add]",
        "[{add, [x]}, {add, [x, y]}]",
        "[{remove, [3]}, {remove, []}]",
        "[{remove, [3]}, {discard, [x]}]",
        "[{add, [x]}, {ad, [x]}]",
    };
    struct crdt *c = make(type(), "a", "{add, [3]}"), *delta = empty(type(), "a");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        size_t bad;
        CU_ASSERT(mutate_all(c, wrong[i], delta, NULL, &bad) == ERR_BAD_OP && bad == 1);
        is(c, crdt_state, ORSET("1", "3 => " TAG("{a, 1}"), ""));
        CU_ASSERT(crdt_empty(delta));
    }
    crdt_free(delta);
    crdt_free(c);
}

/* As =:= in OTP 27: 1 differs from 1.0, and 0.0 from -0.0. */
static void distinguishes_elements(void)
{
    struct crdt *c = make(type(), "a", "[{add, [1]}, {add, [0.0]}, {add, [{1}]}]");
    apply(c, "[{remove, [1.0]}, {remove, [-0.0]}, {remove, [{1.0}]}]", NULL);
    is(c, crdt_value, SET("1 => [], 0.0 => [], {1} => []"));
    apply(c, "[{add, [1.0]}, {add, [-0.0]}, {remove, [1]}, {remove, [0.0]}]", NULL);
    is(c, crdt_value, SET("1.0 => [], -0.0 => [], {1} => []"));
    /* Actors too. */
    CU_ASSERT(merge_text(c, ORSET("0", "x => " TAG("{1, 1}") ", y => " TAG("{1.0, 1}"), "")));
    CU_ASSERT(merge_text(c, ORSET("0", "", "{1.0, 1} => []")));
    is(c, crdt_value, SET("1.0 => [], -0.0 => [], {1} => [], x => []"));
    crdt_free(c);
}

/* --- deltas ----------------------------------------------------------------- */

static void mutations_fill_the_delta(void)
{
    struct crdt *c = make(type(), "a", "[{add, [x]}, {add, [y]}]"), *delta = empty(type(), "a");
    apply(c, "{add, [x]}", delta);
    is(delta, crdt_state, ORSET("3", "x => " TAG("{a, 3}"), ""));
    apply(c, "{remove, [y]}", delta);
    is(delta, crdt_state, ORSET("3", "x => " TAG("{a, 3}"), "{a, 2} => []"));
    apply(c, "{remove, [x]}", delta);
    is(delta, crdt_state, ORSET("3", "", "{a, 1} => [], {a, 2} => [], {a, 3} => []"));
    crdt_free(delta);
    delta = empty(type(), "a");
    apply(c, "{remove, [x]}", delta);
    CU_ASSERT(crdt_empty(delta));
    crdt_free(delta);
    crdt_free(c);
}

/* Its value is an empty set, but it is not empty. */
static void remove_alone_is_a_delta(void)
{
    struct crdt *c = make(type(), "a", "{add, [x]}"), *peer = empty(type(), "b");
    struct crdt *delta = empty(type(), "a");
    join(peer, c);
    apply(c, "{remove, [x]}", delta);
    is(delta, crdt_value, SET(""));
    is(delta, crdt_state, ORSET("1", "", "{a, 1} => []"));
    CU_ASSERT(!crdt_empty(delta));
    CU_ASSERT(join(peer, delta) && !join(peer, delta));
    is(peer, crdt_value, SET(""));
    crdt_free(delta);
    crdt_free(peer);
    crdt_free(c);
}

static void join_fills_the_delta(void)
{
    struct crdt *c = make(type(), "a", "[{add, [x]}, {add, [y]}, {remove, [y]}]");
    struct crdt *delta = empty(type(), "a");
    CU_ASSERT(merge(c,
                    term_of(ORSET("2",
                                  "x => " SET("{a, 1} => [], {b, 1} => []") ", y => " TAG(
                                      "{a, 2}") ", z => " TAG("{b, 2}"),
                                  "{b, 2} => [], {b, 3} => [], {a, 2} => []")),
                    delta));
    is(delta, crdt_state, ORSET("0", "x => " TAG("{b, 1}"), "{b, 2} => [], {b, 3} => []"));
    is(c, crdt_state,
       ORSET("2", "x => " SET("{a, 1} => [], {b, 1} => []"),
             "{a, 2} => [], {b, 2} => [], {b, 3} => []"));
    CU_ASSERT(merge(c, term_of(ORSET("9", "", "")), delta));
    is(delta, crdt_state, ORSET("9", "x => " TAG("{b, 1}"), "{b, 2} => [], {b, 3} => []"));
    crdt_free(delta);
    crdt_free(c);
}

/* --- causality -------------------------------------------------------------- */

static void concurrent_add_wins(void)
{
    struct crdt *a = make(type(), "a", "{add, [x]}"), *b = empty(type(), "b");
    join(b, a);
    apply(a, "{remove, [x]}", NULL);
    apply(b, "{add, [x]}", NULL);
    join(a, b);
    join(b, a);
    is(a, crdt_value, SET("x => []"));
    CU_ASSERT(equivalent(a, b));
    apply(a, "{remove, [x]}", NULL);
    join(b, a);
    is(b, crdt_value, SET(""));
    crdt_free(a);
    crdt_free(b);
}

static void accepts_remove_before_add(void)
{
    struct crdt *a = empty(type(), "a"), *added = empty(type(), "a"), *removed = empty(type(), "a"),
                *peer = empty(type(), "b");
    apply(a, "[{add, [x]}, {add, [y]}]", added);
    apply(a, "{remove, [x]}", removed);
    CU_ASSERT(join(peer, removed));
    is(peer, crdt_value, SET(""));
    CU_ASSERT(crdt_tombstones(peer) == 1);
    CU_ASSERT(join(peer, added));
    is(peer, crdt_value, SET("y => []"));
    CU_ASSERT(equivalent(peer, a));
    crdt_free(a);
    crdt_free(added);
    crdt_free(removed);
    crdt_free(peer);
}

/* The next tag of a is larger than any of its tags, wherever they occur. */
static void adds_with(const char *past, const char *tag)
{
    struct crdt *c = empty(type(), "a"), *delta = empty(type(), "a");
    struct buf wanted = {0};
    merge_text(c, past);
    apply(c, "{add, [new]}", delta);
    buf_printf(&wanted, ORSET("%s", "new => " TAG("{a, %s}"), "") "%c", tag, tag, 0);
    is(delta, crdt_state, (const char *)wanted.at);
    buf_free(&wanted);
    crdt_free(delta);
    crdt_free(c);
}

static void never_reuses_a_tag(void)
{
    adds_with(ORSET("0", "", ""), "1");
    adds_with(ORSET("7", "", ""), "8");
    adds_with(ORSET("7", "x => " TAG("{b, 9}"), "{c, 10} => []"), "8");
    adds_with(ORSET("0", "x => " SET("{a, 6} => [], {a, 5} => []"), ""), "7");
    adds_with(ORSET("3", "", "{a, 6} => [], {a, 5} => []"), "7");
    adds_with(ORSET("3", "x => " TAG("{a, 4}"), "{a, 4} => []"), "5");
    adds_with("#{'__struct__' => 'Elixir.Grove.Set.ORSet', entries => #{x => " TAG(
                  "{a, 41}") "}, tombstones => " SET("") "}",
              "42");
}

/* A counter raised by a peer is a change for others. */
static void counter_is_in_the_delta(void)
{
    struct crdt *c = empty(type(), "a"), *delta = empty(type(), "a");
    CU_ASSERT(merge(c, term_of(ORSET("0", "", "{a, 6} => []")), delta));
    is(delta, crdt_state, ORSET("6", "", "{a, 6} => []"));
    CU_ASSERT(!merge_text(c, ORSET("5", "", "")));
    crdt_free(delta);
    crdt_free(c);
}

static void refuses_when_tags_run_out(void)
{
    struct crdt *c = empty(type(), "a");
    size_t bad;
    CU_ASSERT(merge_text(c, ORSET("7", "", "{a, 6917529027641081854} => []")));
    CU_ASSERT(or_set_adds_left(of(c)) == 2);
    CU_ASSERT(mutate(c, "[{add, [x]}, {remove, [x]}, {add, [y]}, {add, [z]}]", &bad) == ERR_LIMIT);
    CU_ASSERT(bad == 3);
    is(c, crdt_state, ORSET("4611686018427387904", "", "{a, 6917529027641081854} => []"));
    apply(c, "[{add, [x]}, {remove, [x]}, {add, [y]}]", NULL);
    CU_ASSERT(mutate(c, "{add, [z]}", &bad) == ERR_LIMIT && bad == 0);
    is(c, crdt_state,
       ORSET("4611686018427387904", "y => " TAG("{a, 6917529027641081856}"),
             "{a, 6917529027641081855} => [], {a, 6917529027641081854} => []"));
    crdt_free(c);
}

/* --- laws ------------------------------------------------------------------- */

static const char *const drawn_ops[] = {
    "{add, [1]}",    "{add, [1.0]}",    "{add, [<<\"x\">>]}",    "{add, [{x, y}]}",
    "{remove, [1]}", "{remove, [1.0]}", "{remove, [<<\"x\">>]}", "{remove, [z]}",
};

static void obeys_laws(void)
{
    static const struct sample states[] = {
        {"a", "[]"},
        {"a", "{add, [3]}"},
        {"a", "[{add, [3]}, {remove, [3]}]"},
        {"a", "[{add, [3]}, {remove, [3]}, {add, [3]}, {add, [3]}]"},
        {"b", "[{add, [3.0]}, {add, [3]}]"},
        {"c", "[{add, [[]]}, {add, [#{x => 1}]}, {remove, [[]]}]"},
    };
    size_t count = sizeof(drawn_ops) / sizeof(drawn_ops[0]);
    check_laws_on_samples(type(), states, sizeof(states) / sizeof(states[0]));
    check_laws_on_random_states(type(), drawn_ops, count, 30);
    check_laws_on_random_histories(type(), drawn_ops, count, 30);
    check_mutation_delta(type(), "[]", "{add, [1]}");
    check_mutation_delta(type(), "[{add, [1]}, {add, [2]}]", "{remove, [1]}");
    check_mutation_delta(type(), "[{add, [1]}, {add, [1]}]",
                         "[{add, [1]}, {remove, [1]}, {add, [1]}]");
    check_mutation_delta(type(), "[]", "[{add, [1]}, {remove, [1]}]");
}

static void round_trips(void)
{
    struct crdt *c = empty(type(), "a"), *copy = empty(type(), "a");
    for (int i = 0; i < 3000; i++) {
        struct buf op = {0};
        const char *name = i % 5 == 4 ? "remove" : "add";
        buf_printf(&op, "{%s, [{%d, <<\"%d\">>}]}%c", name, i * 31 % 701, i * 31 % 701, 0);
        apply(c, (const char *)op.at, NULL);
        buf_free(&op);
    }
    CU_ASSERT(join(copy, c));
    CU_ASSERT(crdt_tombstones(c) > 0);
    CU_ASSERT(equal_and_free(put(c, crdt_state), put(copy, crdt_state)));
    CU_ASSERT(equal_and_free(put(c, crdt_value), put(copy, crdt_value)));
    apply(c, "{add, [last]}", NULL);
    apply(copy, "{add, [last]}", NULL);
    CU_ASSERT(equal_and_free(put(c, crdt_state), put(copy, crdt_state)));
    crdt_free(copy);
    crdt_free(c);
}

/* --- for types that keep their keys in an ORSet -------------------------------- */

static void iterates_in_order(void)
{
    struct crdt *c = make(type(), "a", "[{add, [z]}, {add, [x]}, {add, [y]}, {remove, [x]}]");
    static const char *const wanted[] = {"z", "y"};
    size_t met = 0;
    CU_ASSERT(or_set_size(of(c)) == 2);
    CU_ASSERT(or_set_has(of(c), term_of("z")) && !or_set_has(of(c), term_of("x")));
    for (size_t i = 0; i < or_set_end(of(c)); i++) {
        struct bytes element = or_set_at(of(c), i);
        if (element.len > 0 && met < 2)
            ASSERT_TERM(element, term_of(wanted[met++]));
    }
    CU_ASSERT(met == 2);
    crdt_free(c);
}

static void serves_other_types(void)
{
    struct or_set *s = (struct or_set *)empty(type(), "a"),
                  *delta = (struct or_set *)empty(type(), "b");
    or_set_add(s, term_of("x"), NULL);
    or_set_add(s, term_of("y"), delta);
    is(&delta->crdt, crdt_value, SET("y => []"));
    CU_ASSERT(or_set_remove(s, term_of("x"), delta) && !or_set_remove(s, term_of("x"), delta));
    CU_ASSERT(!or_set_has(s, term_of("x")));
    or_set_sweep(s);
    or_set_sweep(delta);
    is(&s->crdt, crdt_state, ORSET("2", "y => " TAG("{a, 2}"), "{a, 1} => []"));
    CU_ASSERT(equivalent(&s->crdt, &delta->crdt));
    crdt_check(&s->crdt);
    crdt_check(&delta->crdt);
    crdt_free(&s->crdt);
    crdt_free(&delta->crdt);
}

/* --- size ------------------------------------------------------------------- */

static struct bytes numbered(uint32_t i)
{
    static uint8_t term[] = {'b', 0, 0, 0, 0};
    for (unsigned byte = 0; byte < 4; byte++)
        term[1 + byte] = (uint8_t)((i + 256) >> (24 - 8 * byte));
    return (struct bytes){term, sizeof(term)};
}

static void put_tag_of_b(struct buf *out)
{
    put_tuple(out, 2);
    put_atom(out, "b");
    put_uint(out, 1);
}

/* A header counts elements and tags, of which the sender may repeat one. */
static void repeated_entries_take_no_memory(void)
{
    enum { MANY = 20000 };
    struct buf out = {0};
    put_map(&out, 3);
    put_atom(&out, "__struct__");
    put_atom(&out, "Elixir.Grove.Set.ORSet");
    put_atom(&out, "entries");
    put_map(&out, MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        put_atom(&out, "x");
        mapset_put(&out, MAPSET_PLAIN, 1);
        put_tag_of_b(&out);
        mapset_element_end(&out);
        mapset_end(&out, MAPSET_PLAIN);
    }
    put_atom(&out, "tombstones");
    mapset_put(&out, MAPSET_PLAIN, MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        put_tuple(&out, 2);
        put_atom(&out, "c");
        put_uint(&out, 1);
        mapset_element_end(&out);
    }
    mapset_end(&out, MAPSET_PLAIN);
    struct crdt *c = empty(type(), "a");
    CU_ASSERT(merge(c, buf_bytes(&out), NULL));
    is(c, crdt_state, ORSET("0", "x => " TAG("{b, 1}"), "{c, 1} => []"));
    CU_ASSERT(of(c)->entries.cap < 100 && of(c)->entries.index_cap < 100);
    CU_ASSERT(of(c)->tag_index.cap < 100);
    CU_ASSERT(of(c)->tombstones.cap < 100 && of(c)->tombstones.slots_cap < 100);
    buf_free(&out);
    crdt_free(c);
}

/* Removes name no element.  One delta each: if each searched the set, this would take minutes. */
static void remote_removes_need_no_search(void)
{
    enum { MANY = 100000 };
    struct or_set *a = (struct or_set *)empty(type(), "a"),
                  *b = (struct or_set *)empty(type(), "b");
    for (uint32_t i = 0; i < MANY; i++)
        or_set_add(a, numbered(i), NULL);
    join(&b->crdt, &a->crdt);
    CU_ASSERT(or_set_size(b) == MANY);
    for (uint32_t i = 0; i < MANY; i += 2) {
        struct crdt *delta = crdt_make(type(), b->crdt.options);
        struct buf state = {0};
        bool changed;
        or_set_remove(a, numbered(i), (struct or_set *)delta);
        or_set_sweep(a);
        or_set_sweep((struct or_set *)delta);
        crdt_state(delta, &state);
        CU_ASSERT(crdt_merge(&b->crdt, buf_bytes(&state), NULL, &changed) == OK && changed);
        buf_free(&state);
        crdt_free(delta);
    }
    CU_ASSERT(or_set_size(b) == MANY / 2 && crdt_tombstones(&b->crdt) == MANY / 2);
    CU_ASSERT(or_set_has(b, numbered(1)) && !or_set_has(b, numbered(0)));
    crdt_check(&b->crdt);
    CU_ASSERT(equivalent(&a->crdt, &b->crdt));
    crdt_free(&a->crdt);
    crdt_free(&b->crdt);
}

/* --- batches ------------------------------------------------------------------- */

static void put_random_ops(struct buf *out, uint64_t *random, uint32_t count)
{
    put_list(out, count);
    for (uint32_t i = 0; i < count; i++) {
        *random = *random * 6364136223846793005u + 1442695040888963407u;
        put_tuple(out, 2);
        put_atom(out, *random >> 63 != 0 ? "add" : "remove");
        put_list(out, 1);
        put_uint(out, *random >> 40 & 31);
        put_nil(out);
    }
    put_nil(out);
}

static void mutate_terms(struct crdt *c, struct bytes request, bool one_by_one, struct crdt *delta)
{
    struct ops ops;
    struct bytes wrong;
    CU_ASSERT_FATAL(ops_read(&ops, request, &wrong) == OK);
    size_t at_once = one_by_one ? 1 : ops.count;
    for (size_t i = 0; i < ops.count; i += at_once) {
        struct mutation_turn t = {.wall_ms = 1, .delta = delta};
        CU_ASSERT(crdt_mutate(c, ops.list + i, at_once, &t) == OK);
        crdt_check(c);
        crdt_check(delta);
    }
    ops_free(&ops);
}

static bool same_bytes(const struct crdt *a, const struct crdt *b)
{
    struct buf left = {0}, right = {0};
    crdt_state(a, &left);
    crdt_state(b, &right);
    bool same = bytes_equal(buf_bytes(&left), buf_bytes(&right));
    buf_free(&left);
    buf_free(&right);
    return same;
}

/* What a batch removes leaves the table at its end, or before the next that is added. */
static void batches_are_as_their_operations(void)
{
    uint64_t random = 7;
    for (uint32_t round = 0; round < 300; round++) {
        struct crdt *a = empty(type(), "a"), *b = empty(type(), "a");
        for (uint32_t batch = 0; batch < 6; batch++) {
            struct crdt *da = empty(type(), "a"), *db = empty(type(), "a");
            struct buf request = {0};
            put_random_ops(&request, &random, 1 + round % 60);
            mutate_terms(a, buf_bytes(&request), false, da);
            mutate_terms(b, buf_bytes(&request), true, db);
            CU_ASSERT(same_bytes(a, b) && same_bytes(da, db));
            buf_free(&request);
            crdt_free(da);
            crdt_free(db);
        }
        crdt_free(a);
        crdt_free(b);
    }
}

SUITE("or_set", TEST(batches_are_as_their_operations), TEST(adds_and_removes), TEST(counts_tags),
      TEST(re_adds_removed_elements), TEST(refuses_the_whole_batch), TEST(distinguishes_elements),
      TEST(mutations_fill_the_delta), TEST(remove_alone_is_a_delta), TEST(join_fills_the_delta),
      TEST(concurrent_add_wins), TEST(accepts_remove_before_add), TEST(never_reuses_a_tag),
      TEST(counter_is_in_the_delta), TEST(refuses_when_tags_run_out), TEST(obeys_laws),
      TEST(round_trips), TEST(iterates_in_order), TEST(serves_other_types),
      TEST(repeated_entries_take_no_memory), TEST(remote_removes_need_no_search))
