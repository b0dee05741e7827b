#include "crdt/rga/rga.h"
#include "unit/crdt/generated.h"
#include "unit/crdt/rga_texts.h"

/* --- what no Grove sends ---------------------------------------------------------------- */

static void never_shows_circles(void)
{
    static const char circles[] =
        RGA("z", 9,
            ALL(E(z, 1, "{z,2}", 10, 1), E(z, 2, "{z,1}", 20, 2), E(z, 3, "{z,3}", 30, 3),
                E(z, 4, "{z,1}", 40, 4), E(z, 5, "{z,6}", 50, 5), E(z, 6, "{z,7}", 50, 6),
                E(z, 7, "{z,5}", 50, 7)),
            GONE(z, 2));
    struct crdt *c = make(type(), "a", "{insert, [x, head]}");
    CU_ASSERT(merge(c, circles, NULL));
    CU_ASSERT(!merge(c, circles, NULL));
    is(c, crdt_value, "[x]");
    size_t bad;
    CU_ASSERT(mutate(c, "[{insert, [y, {z, 3}]}, {remove, [{z, 1}]}, {insert_at, [1, z]}]", &bad) ==
              OK);
    is(c, crdt_value, "[x, z]");
    struct crdt *copy = empty(type(), "a");
    join(copy, c);
    CU_ASSERT(alike(c, copy));
    is(copy, crdt_value, "[x, z]");
    /* The later element under an id takes it out of its circle, and what waits with it. */
    merge(c, RGA("z", 9, E(z, 1, HEAD, 11, 1), ""), NULL);
    is(c, crdt_value, "[4, x, z]");
    crdt_free(copy);
    crdt_free(c);
}

/* Each two under one id: the first stays. */
static const struct {
    const char *stays, *goes;
} twins[] = {
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

static void joins_two_under_one_id(void)
{
    for (size_t i = 0; i < sizeof(twins) / sizeof(twins[0]); i++) {
        struct crdt *a = of("a", around(twins[i].stays)), *b = of("b", around(twins[i].goes));
        struct crdt *delta = empty(type(), "b");
        struct buf wanted = put(a, crdt_value);
        CU_ASSERT(!alike(a, b));
        CU_ASSERT(!merge(a, around(twins[i].goes), delta) && crdt_empty(delta));
        grows_by_the_delta(b, a);
        grows_by_the_delta(a, b);
        CU_ASSERT(merge(b, around(twins[i].stays), delta) && !crdt_empty(delta));
        CU_ASSERT(alike(a, b));
        CU_ASSERT(same(wanted, put(b, crdt_value)));
        crdt_free(a);
        crdt_free(b);
        crdt_free(delta);
    }
}

/* An id that gets ever greater values costs the last one. */
static void forgets_values_that_gave_way(void)
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

static void obeys_the_laws(void)
{
    static const struct made states[] = {
        {"a", "[]"},
        {"a", "[{insert, [x, head]}, {insert, [y, {a, 1}]}, {insert, [z, {b, 1}]}]"},
        {"a", "[{insert, [w, head]}, {insert, [v, {a, 3}]}, {insert, [u, {a, 1}]}]"},
        {"b", "[{insert, [p, head]}, {insert, [q, {b, 1}]}, {remove, [{a, 1}]}]"},
        {"<<\"b\">>", "[{remove, [{b, 1}]}, {remove, [{<<\"b\">>, 7}]}, {insert, [o, {a, 2}]}]"},
    };
    joins_lawfully(type(), states, sizeof(states) / sizeof(states[0]));
    delta_carries(type(), "[]", "{insert, [x, head]}");
    delta_carries(type(), "[]", "{remove, [{a, 4}]}");
    delta_carries(type(), "{insert_at, [0, x]}", "{remove_at, [0]}");
    delta_carries(type(), "[{insert_at, [0, x]}, {insert_at, [1, y]}]",
                  "[{insert_at, [1, z]}, {remove_at, [1]}, {insert_at, [0, w]}]");
    delta_carries(type(), "{insert, [x, {b, 1}]}", "{insert, [y, {a, 1}]}");
}

static void obeys_the_laws_for_any_states(void)
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
    obeys_the_laws_when_generated(type(), ops, sizeof(ops) / sizeof(ops[0]), 30);
}

/* --- a storm ------------------------------------------------------------------------------ */

#define PEERS   4
#define STEPS   600
#define LETTERS 4096

struct letter {
    struct crdt *delta;
    size_t to;
};

static void deliver(struct crdt **peers, struct letter *letters, size_t *count, size_t at)
{
    join(peers[letters[at].to], letters[at].delta);
    crdt_free(letters[at].delta);
    letters[at] = letters[--*count];
}

/* By index somewhere, or behind whatever id, here or not. */
static void step(struct crdt *c, uint64_t *random, struct crdt *delta)
{
    static const char names[] = "abcd";
    size_t shown = rga_tree_shown(&((struct rga *)c)->tree), bad;
    char text[128];
    char actor = names[drawn(random, PEERS)];
    size_t n = 1 + drawn(random, 40);
    switch (drawn(random, 8)) {
    case 0:
    case 1:
        snprintf(text, sizeof(text), "{remove_at, [%zu]}", shown > 0 ? drawn(random, shown) : 0);
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
        snprintf(text, sizeof(text), "{insert_at, [%zu, %zu]}", drawn(random, shown + 1), n);
    }
    laws_wall_ms = 5000 + drawn(random, 300);
    CU_ASSERT(mutate_all(c, text, delta, NULL, &bad) ==
              (text[1] == 'r' && text[7] == '_' && shown == 0 ? ERR_BAD_OP : OK));
}

static void agrees_after_a_storm(void)
{
    static struct letter letters[LETTERS];
    static const char *const names[PEERS] = {"a", "b", "c", "d"};
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct crdt *peers[PEERS];
        uint64_t random = seed;
        size_t count = 0;
        for (size_t i = 0; i < PEERS; i++)
            peers[i] = empty(type(), names[i]);
        for (size_t i = 0; i < STEPS; i++) {
            size_t from = drawn(&random, PEERS);
            struct crdt *delta = empty(type(), names[from]);
            step(peers[from], &random, delta);
            for (size_t to = 0; to < PEERS && count < LETTERS; to++) {
                letters[count] = (struct letter){empty(type(), names[from]), to};
                join(letters[count++].delta, delta);
            }
            crdt_free(delta);
            for (size_t n = drawn(&random, 8); n > 0 && count > 0; n--)
                deliver(peers, letters, &count, drawn(&random, count));
        }
        while (count > 0)
            deliver(peers, letters, &count, drawn(&random, count));
        for (size_t i = 1; i < PEERS; i++) {
            CU_ASSERT(alike(peers[0], peers[i]));
            CU_ASSERT(same(put(peers[0], crdt_value), put(peers[i], crdt_value)));
        }
        CU_ASSERT(rga_tree_shown(&((struct rga *)peers[0])->tree) > 50);
        for (size_t i = 0; i < PEERS; i++)
            crdt_free(peers[i]);
    }
}

/* --- joins ------------------------------------------------------------------------------ */

static void says_what_grew(void)
{
    struct crdt *c =
        of("a", RGA("b", 2, ALL(E(b, 1, HEAD, 10, 1), E(b, 2, "{b,1}", 20, 2)), GONE(b, 1)));
    struct crdt *delta = empty(type(), "a");
    CU_ASSERT(!merge(c, RGA("b", 1, E(b, 1, HEAD, 10, 1), GONE(b, 1)), delta));
    CU_ASSERT(crdt_empty(delta));
    CU_ASSERT(merge(c,
                    RGA("b", 2, ALL(E(b, 1, HEAD, 10, 1), E(c, 1, "{b,2}", 30, 3)),
                        ALL(GONE(b, 1), GONE(b, 2))),
                    delta));
    is(delta, crdt_state, RGA("a", 0, E(c, 1, "{b,2}", 30, 3), GONE(b, 2)));
    is(c, crdt_value, "[3]");
    crdt_free(delta);
    delta = empty(type(), "a");
    CU_ASSERT(merge(c, RGA("b", 8, "", ""), delta));
    is(delta, crdt_state, RGA("a", 8, "", ""));
    crdt_free(delta);
    crdt_free(c);
}

SUITE("rga_join", TEST(never_shows_circles), TEST(joins_two_under_one_id),
      TEST(forgets_values_that_gave_way), TEST(obeys_the_laws), TEST(obeys_the_laws_for_any_states),
      TEST(agrees_after_a_storm), TEST(says_what_grew))
