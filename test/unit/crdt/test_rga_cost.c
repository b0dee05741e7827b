/* What one small delta costs in a long sequence.  Counted, not timed: the nodes of the tree that
 * are written. */
#include "crdt/rga/rga.h"
#include "unit/crdt/rga_texts.h"

#define SIZES 4

static const uint32_t sizes[SIZES] = {2000, 8000, 32000, 128000};

static struct crdt *typed(uint32_t n)
{
    struct crdt *c = of("a", RGA("z", 9, ALL(E(z, 1, HEAD, 1, x), E(z, 2, HEAD, 2, y)), ""));
    struct buf index = {0}, value = {0};
    put_uint(&value, 7);
    for (uint32_t i = 0; i < n; i++) {
        struct mutation_turn turn = {.wall_ms = 1000 + i};
        buf_clear(&index);
        /* One half after x, one half after y, each as deep as it is long. */
        put_uint(&index, i < n / 2 ? i + 1 : i + 2);
        struct op op = {BYTES("insert_at"), 2, {buf_bytes(&index), buf_bytes(&value)}};
        CU_ASSERT_FATAL(crdt_mutate(c, &op, 1, &turn) == OK);
    }
    buf_free(&index);
    buf_free(&value);
    return c;
}

/* The most nodes written for one of several deltas, each of which must have an effect. */
static uint64_t most_written(struct crdt *c, const char *format, unsigned first, unsigned deltas)
{
    const struct rga *r = (const struct rga *)c;
    uint64_t most = 0;
    for (unsigned i = 0; i < deltas; i++) {
        char text[1024];
        bool changed;
        snprintf(text, sizeof(text), format, 1 + i % 2, 1 + i % 2, first + i);
        uint64_t before = r->tree.written;
        CU_ASSERT_FATAL(crdt_merge(c, term_of(text), NULL, &changed) == OK && changed);
        most = r->tree.written - before > most ? r->tree.written - before : most;
    }
    crdt_check(c);
    return most;
}

/* Elements z1 and z2, each followed by half of the sequence, are told again in turn. */
static void one_element_told_again(void)
{
    static const char *const formats[] = {
        /* With a later time, so that the two change places. */
        RGA("z", 9, KEYED("{z,%d}", "{z,%d}", HEAD, STAMP_TEXT("z", "%d", "0", ""), "x", ""), ""),
        /* With another parent, there or not. */
        RGA("z", 9, KEYED("{z,%d}", "{z,%d}", "{a,1}", STAMP_TEXT("z", "%d", "0", ""), "x", ""),
            ""),
        RGA("z", 9, KEYED("{z,%d}", "{z,%d}", "{q,1}", STAMP_TEXT("z", "%d", "0", ""), "x", ""),
            ""),
    };
    for (size_t i = 0; i < SIZES; i++) {
        struct crdt *c = typed(sizes[i]);
        printf("\n    %6u elements: nodes written", sizes[i]);
        for (size_t f = 0; f < sizeof(formats) / sizeof(formats[0]); f++) {
            uint64_t most = most_written(c, formats[f], 10 + 20 * (unsigned)f, 20);
            printf(" %llu", (unsigned long long)most);
            CU_ASSERT(most < 400);
        }
        crdt_free(c);
    }
    printf("\n");
}

/* The delta with its numbers 1000000 and 1000001 replaced: an element after the one before it. */
static void put_chained(struct buf *out, struct bytes text, uint32_t n)
{
    static const uint8_t number[] = {98, 0, 15, 66};
    buf_clear(out);
    buf_put(out, text);
    for (size_t i = 0; i + 5 <= out->len; i++) {
        if (memcmp(out->at + i, number, sizeof(number)) != 0)
            continue;
        uint32_t id = n - (out->at[i + 4] - 64u);
        for (int j = 0; j < 4; j++)
            out->at[i + 1 + (size_t)j] = (uint8_t)(id >> (24 - 8 * j));
        i += 4;
    }
}

/* Typed text that arrives letter by letter, the last one first: each delta makes what has arrived
 * the child of one more element. */
static void children_before_their_parents(void)
{
    for (size_t i = 0; i < SIZES; i++) {
        struct crdt *c = empty(type(), "a");
        struct bytes text = term_of(RGA("z", 9, E(z, 1000000, "{z,1000001}", 1, x), ""));
        struct buf delta = {0};
        const struct rga *r = (const struct rga *)c;
        uint64_t most = 0;
        bool changed;
        for (uint32_t n = sizes[i] / 4; n > 0; n--) {
            put_chained(&delta, text, n);
            uint64_t before = r->tree.written;
            CU_ASSERT_FATAL(crdt_merge(c, buf_bytes(&delta), NULL, &changed) == OK && changed);
            most = r->tree.written - before > most ? r->tree.written - before : most;
        }
        printf("\n    %6u letters: nodes written %llu", sizes[i] / 4, (unsigned long long)most);
        CU_ASSERT(most < 200);
        merge(c, RGA("z", 9, ELEMENT("{z,1}", HEAD, STAMP(z, 2, 0, ""), "x", ""), ""), NULL);
        CU_ASSERT(rga_tree_shown(&r->tree) == sizes[i] / 4);
        buf_free(&delta);
        crdt_free(c);
    }
    printf("\n");
}

SUITE("rga_cost", TEST(one_element_told_again), TEST(children_before_their_parents))
