#include "crdt/rga/rga.h"
#include "unit/crdt/generated.h"
#include "unit/crdt/rga_texts.h"

/* --- what no honest peer sends ---------------------------------------------------------- */

static void hides_cycles(void)
{
    static const char cycles[] =
        RGA("z", 9,
            ALL(E(z, 1, "{z,2}", 10, 1), E(z, 2, "{z,1}", 20, 2), E(z, 3, "{z,3}", 30, 3),
                E(z, 4, "{z,1}", 40, 4), E(z, 5, "{z,6}", 50, 5), E(z, 6, "{z,7}", 50, 6),
                E(z, 7, "{z,5}", 50, 7)),
            TOMBSTONE(z, 2));
    struct crdt *c = make(type(), "a", "{insert, [x, head]}");
    CU_ASSERT(merge(c, cycles, NULL));
    CU_ASSERT(!merge(c, cycles, NULL));
    is(c, crdt_value, "[x]");
    size_t bad;
    CU_ASSERT(mutate(c, "[{insert, [y, {z, 3}]}, {remove, [{z, 1}]}, {insert_at, [1, z]}]", &bad) ==
              OK);
    is(c, crdt_value, "[x, z]");
    struct crdt *copy = empty(type(), "a");
    join(copy, c);
    CU_ASSERT(equivalent(c, copy));
    is(copy, crdt_value, "[x, z]");
    /* A later element with the same id breaks the cycle, and frees what waits. */
    merge(c, RGA("z", 9, E(z, 1, HEAD, 11, 1), ""), NULL);
    is(c, crdt_value, "[4, x, z]");
    crdt_free(copy);
    crdt_free(c);
}

/* Pairs of elements with the same id. */
static const struct {
    const char *winner, *loser;
} duplicates[] = {
    {E(z, 1, HEAD, 20, 1), E(z, 1, HEAD, 10, 2)},
    {ELEMENT("{z,1}", HEAD, STAMP(z, 10, 1, ""), "1", ""), E(z, 1, HEAD, 10, 2)},
    {ELEMENT("{z,1}", HEAD, STAMP(zz, 10, 0, ""), "1", ""), E(z, 1, HEAD, 10, 2)},
    {ELEMENT("{z,1}", HEAD, STAMP(7.0, 10, 0, ""), "1", ""),
     ELEMENT("{z,1}", HEAD, STAMP(7, 10, 0, ""), "2", "")},
    {E(z, 1, "{y,1}", 10, 1), E(z, 1, HEAD, 10, 2)},
    {E(z, 1, "{y,2}", 10, 1), E(z, 1, "{y,1}", 10, 2)},
    {E(z, 1, "{y,1}", 10, 1), E(z, 1, "{x,3}", 10, 2)},
    {E(z, 1, "{missing,1}", 20, 1), E(z, 1, "{y,1}", 10, 2)},
    {E(z, 1, "{z,2}", 20, 1), E(z, 1, "{y,1}", 10, 2)},
    {E(z, 1, HEAD, 10, 2), E(z, 1, HEAD, 10, 1)},
    {E(z, 1, HEAD, 10, 1.0), E(z, 1, HEAD, 10, 1)},
    {ELEMENT("{z,1}", HEAD, STAMP(z, 10, 0, ""), "1", ", colour => red"), E(z, 1, HEAD, 10, 1)},
    {ELEMENT("{z,1}", HEAD, STAMP(z, 10, 0, ", drift => 2"), "1", ""),
     ELEMENT("{z,1}", HEAD, STAMP(z, 10, 0, ", drift => 1"), "1", "")},
};

#define AROUND                                                                                     \
    ALL(E(y, 1, HEAD, 5, y1), E(y, 2, "{y,1}", 15, y2), E(x, 3, HEAD, 25, x3),                     \
        E(z, 2, "{z,1}", 30, z2), E(z, 3, "{z,2}", 40, z3))

static const char *around(const char *element)
{
    static char texts[4][4096];
    static size_t next;
    char *text = texts[next++ % 4];
    snprintf(text, sizeof(texts[0]), RGA("z", 9, ALL(AROUND, "%s"), ""), element);
    return text;
}

static void converges_on_duplicate_ids(void)
{
    for (size_t i = 0; i < sizeof(duplicates) / sizeof(duplicates[0]); i++) {
        struct crdt *a = of("a", around(duplicates[i].winner)),
                    *b = of("b", around(duplicates[i].loser));
        struct crdt *delta = empty(type(), "b");
        struct buf wanted = put(a, crdt_value);
        CU_ASSERT(!equivalent(a, b));
        CU_ASSERT(!merge(a, around(duplicates[i].loser), delta) && crdt_empty(delta));
        check_join_delta(b, a);
        check_join_delta(a, b);
        CU_ASSERT(merge(b, around(duplicates[i].winner), delta) && !crdt_empty(delta));
        CU_ASSERT(equivalent(a, b));
        CU_ASSERT(equal_and_free(wanted, put(b, crdt_value)));
        crdt_free(a);
        crdt_free(b);
        crdt_free(delta);
    }
}

/* One of few ids, again and again, after any other: there or not, itself, its own descendants. */
static const char *any_element(uint64_t *random)
{
    static char text[1024];
    char prev[16] = HEAD;
    if (random_below(random, 4) > 0)
        snprintf(prev, sizeof(prev), "{z,%zu}", random_below(random, 24));
    size_t id = random_below(random, 20);
    snprintf(text, sizeof(text),
             RGA("z", 9,
                 KEYED("{z,%zu}", "{z,%zu}", "%s", STAMP_TEXT("z", "%zu", "0", ""), "%zu", ""), ""),
             id, id, prev, random_below(random, 60), random_below(random, 3));
    return text;
}

static void converges_on_random_duplicates(void)
{
    enum { TOLD = 300 };
    static char told[TOLD][1024];
    uint64_t random = 77;
    for (unsigned round = 0; round < 20; round++) {
        struct crdt *one = empty(type(), "a"), *two = empty(type(), "b");
        struct crdt *whole = empty(type(), "c");
        for (size_t i = 0; i < TOLD; i++) {
            strcpy(told[i], any_element(&random));
            merge(one, told[i], NULL);
        }
        for (size_t i = TOLD; i-- > 0;)
            merge(two, told[i], NULL);
        join(whole, one);
        CU_ASSERT(equivalent(one, two) && equivalent(one, whole));
        CU_ASSERT(equal_and_free(put(one, crdt_value), put(two, crdt_value)));
        CU_ASSERT(equal_and_free(put(one, crdt_value), put(whole, crdt_value)));
        crdt_free(one);
        crdt_free(two);
        crdt_free(whole);
    }
}

/* An id whose value is replaced again and again uses memory for the last one only. */
static void frees_replaced_values(void)
{
    struct crdt *c = empty(type(), "a");
    for (int i = 10; i < 90; i++) {
        char text[1024];
        snprintf(text, sizeof(text),
                 RGA("z", 9,
                     ALL(E(z, 2, "{z,1}", 1, b),
                         ELEMENT("{z,1}", HEAD, STAMP(z, 1, 0, ""), "%d%0100d", "")),
                     ""),
                 i, 0);
        CU_ASSERT(merge(c, text, NULL));
    }
    const struct rga *r = (const struct rga *)c;
    CU_ASSERT(r->elements.terms.len < 400 && r->elements.count == 2);
    crdt_free(c);
}

/* --- laws ------------------------------------------------------------------------------ */

static void obeys_laws(void)
{
    static const struct sample states[] = {
        {"a", "[]"},
        {"a", "[{insert, [x, head]}, {insert, [y, {a, 1}]}, {insert, [z, {b, 1}]}]"},
        {"a", "[{insert, [w, head]}, {insert, [v, {a, 3}]}, {insert, [u, {a, 1}]}]"},
        {"b", "[{insert, [p, head]}, {insert, [q, {b, 1}]}, {remove, [{a, 1}]}]"},
        {"<<\"b\">>", "[{remove, [{b, 1}]}, {remove, [{<<\"b\">>, 7}]}, {insert, [o, {a, 2}]}]"},
    };
    check_laws_on_samples(type(), states, sizeof(states) / sizeof(states[0]));
    check_mutation_delta(type(), "[]", "{insert, [x, head]}");
    check_mutation_delta(type(), "[]", "{remove, [{a, 4}]}");
    check_mutation_delta(type(), "{insert_at, [0, x]}", "{remove_at, [0]}");
    check_mutation_delta(type(), "[{insert_at, [0, x]}, {insert_at, [1, y]}]",
                         "[{insert_at, [1, z]}, {remove_at, [1]}, {insert_at, [0, w]}]");
    check_mutation_delta(type(), "{insert, [x, {b, 1}]}", "{insert, [y, {a, 1}]}");
}

static void random_states_obey_laws(void)
{
    static const char *const ops[] = {
        "{insert, [1, head]}",
        "{insert, [2, head]}",
        "{insert, [3, {a, 1}]}",
        "{insert, [4, {b, 1}]}",
        "{insert, [5, {c, 2}]}",
        "{insert, [6, {d, 3}]}",
        "{insert_at, [0, 7]}",
        "{insert_at, [0, 8]}, {remove_at, [0]}",
        "{remove, [{a, 1}]}",
        "{remove, [{b, 2}]}",
        "{insert_at, [0, 9]}, {insert_at, [1, 10]}, {insert_at, [1, 11]}",
    };
    check_laws_on_random_states(type(), ops, sizeof(ops) / sizeof(ops[0]), 30);
}

/* --- random delivery ---------------------------------------------------------------------- */

#define PEERS    4
#define STEPS    600
#define MESSAGES 4096

struct message {
    struct crdt *delta;
    size_t to;
};

static void deliver(struct crdt **peers, struct message *messages, size_t *count, size_t at)
{
    join(peers[messages[at].to], messages[at].delta);
    crdt_free(messages[at].delta);
    messages[at] = messages[--*count];
}

/* One random operation: by index, or after any id, present or not. */
static void step(struct crdt *c, uint64_t *random, struct crdt *delta)
{
    static const char names[] = "abcd";
    size_t shown = rga_tree_shown(&((struct rga *)c)->tree), bad;
    char text[128];
    char actor = names[random_below(random, PEERS)];
    size_t n = 1 + random_below(random, 40);
    switch (random_below(random, 8)) {
    case 0:
    case 1:
        snprintf(text, sizeof(text), "{remove_at, [%zu]}",
                 shown > 0 ? random_below(random, shown) : 0);
        break;
    case 2:
        snprintf(text, sizeof(text), "{insert, [%zu, head]}", n);
        break;
    case 3:
        snprintf(text, sizeof(text), "{insert, [%zu, {%c, %zu}]}", n, actor, n);
        break;
    case 4:
        snprintf(text, sizeof(text), "{remove, [{%c, %zu}]}", actor, n);
        break;
    default:
        snprintf(text, sizeof(text), "{insert_at, [%zu, %zu]}", random_below(random, shown + 1), n);
    }
    laws_wall_ms = 5000 + random_below(random, 300);
    CU_ASSERT(mutate_all(c, text, delta, NULL, &bad) ==
              (text[1] == 'r' && text[7] == '_' && shown == 0 ? ERR_BAD_OP : OK));
}

static void converges_after_random_delivery(void)
{
    static struct message messages[MESSAGES];
    static const char *const names[PEERS] = {"a", "b", "c", "d"};
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct crdt *peers[PEERS];
        uint64_t random = seed;
        size_t count = 0;
        for (size_t i = 0; i < PEERS; i++)
            peers[i] = empty(type(), names[i]);
        for (size_t i = 0; i < STEPS; i++) {
            size_t from = random_below(&random, PEERS);
            struct crdt *delta = empty(type(), names[from]);
            step(peers[from], &random, delta);
            for (size_t to = 0; to < PEERS && count < MESSAGES; to++) {
                messages[count] = (struct message){empty(type(), names[from]), to};
                join(messages[count++].delta, delta);
            }
            crdt_free(delta);
            for (size_t n = random_below(&random, 8); n > 0 && count > 0; n--)
                deliver(peers, messages, &count, random_below(&random, count));
        }
        while (count > 0)
            deliver(peers, messages, &count, random_below(&random, count));
        for (size_t i = 1; i < PEERS; i++) {
            CU_ASSERT(equivalent(peers[0], peers[i]));
            CU_ASSERT(equal_and_free(put(peers[0], crdt_value), put(peers[i], crdt_value)));
        }
        CU_ASSERT(rga_tree_shown(&((struct rga *)peers[0])->tree) > 50);
        for (size_t i = 0; i < PEERS; i++)
            crdt_free(peers[i]);
    }
}

/* --- joins ------------------------------------------------------------------------------ */

static void join_fills_the_delta(void)
{
    struct crdt *c =
        of("a", RGA("b", 2, ALL(E(b, 1, HEAD, 10, 1), E(b, 2, "{b,1}", 20, 2)), TOMBSTONE(b, 1)));
    struct crdt *delta = empty(type(), "a");
    CU_ASSERT(!merge(c, RGA("b", 1, E(b, 1, HEAD, 10, 1), TOMBSTONE(b, 1)), delta));
    CU_ASSERT(crdt_empty(delta));
    CU_ASSERT(merge(c,
                    RGA("b", 2, ALL(E(b, 1, HEAD, 10, 1), E(c, 1, "{b,2}", 30, 3)),
                        ALL(TOMBSTONE(b, 1), TOMBSTONE(b, 2))),
                    delta));
    is(delta, crdt_state, RGA("a", 0, E(c, 1, "{b,2}", 30, 3), TOMBSTONE(b, 2)));
    is(c, crdt_value, "[3]");
    crdt_free(delta);
    delta = empty(type(), "a");
    CU_ASSERT(merge(c, RGA("b", 8, "", ""), delta));
    is(delta, crdt_state, RGA("a", 8, "", ""));
    crdt_free(delta);
    crdt_free(c);
}

SUITE("rga_join", TEST(hides_cycles), TEST(converges_on_duplicate_ids),
      TEST(converges_on_random_duplicates), TEST(frees_replaced_values), TEST(obeys_laws),
      TEST(random_states_obey_laws), TEST(converges_after_random_delivery),
      TEST(join_fills_the_delta))
