/* States and values encoded in slices: the same bytes as in one go, for every type, whatever the
 * size of a slice. */
#include "crdt/encoding.h"

#include "unit/crdt/parts.h"

static const size_t sizes[] = {1, 7, 60, 300, 1000, SIZE_MAX};

/* Entries of a workload. */
#define MOST_SLICES 100000

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* Appended to what is there already; returns the number of slices. */
static size_t encode(const struct crdt *c, bool value, size_t bytes, struct buf *out)
{
    struct crdt_encoding *e = crdt_encoding_open(c, value);
    size_t slices = 1, before = out->len;
    for (; !crdt_encoding_step(e, bytes, out); slices++)
        CU_ASSERT_FATAL(slices < MOST_SLICES);
    crdt_encoding_free(e);
    CU_ASSERT(out->len > before);
    return slices;
}

static void check_bytes(const struct crdt *c, bool value, size_t bytes)
{
    struct buf wanted = {0}, got = {0};
    put_atom(&wanted, "before");
    put_atom(&got, "before");
    if (value)
        crdt_value(c, &wanted);
    else
        crdt_state(c, &wanted);
    encode(c, value, bytes, &got);
    CU_ASSERT(bytes_equal(buf_bytes(&got), buf_bytes(&wanted)));
    buf_free(&wanted);
    buf_free(&got);
}

static void has_the_same_bytes(void)
{
    for (size_t t = 0; t < WORKLOADS; t++) {
        struct world w = world_open(&workloads[t], 50, t);
        struct crdt *nothing = crdt_make(w.type, &plain);
        world_run(&w, STEPS);
        for (size_t i = 0; i < SIZES; i++) {
            for (int value = 0; value < 2; value++) {
                check_bytes(nothing, value, sizes[i]);
                check_bytes(w.states[0], value, sizes[i]);
                check_bytes(w.states[1], value, sizes[i]);
            }
        }
        crdt_free(nothing);
        world_close(&w);
    }
}

static bool is_divided(const struct crdt_type *type, bool value)
{
    static const char *const states[] = {"gset", "two_p_set", "or_set", "dvv_set", "or_map", "rga"};
    static const char *const values[] = {"gset", "two_p_set", "or_set", "or_map"};
    const char *const *names = value ? values : states;
    size_t count = value ? sizeof(values) / sizeof(values[0]) : sizeof(states) / sizeof(states[0]);
    for (size_t i = 0; i < count; i++)
        if (strcmp(type->name, names[i]) == 0)
            return true;
    return false;
}

/* Of types with any number of entries, in which none is large here. */
static void slices_are_small(void)
{
    for (size_t t = 0; t < 2 * WORKLOADS; t++) {
        struct world w = world_open(&workloads[t / 2], 50, t / 2);
        struct buf out = {0};
        bool value = t % 2 != 0;
        world_run(&w, STEPS);
        size_t slices = encode(w.states[0], value, value ? 60 : 300, &out);
        if (is_divided(w.type, value))
            CU_ASSERT(slices > 1 && out.len / slices < 2000);
        buf_free(&out);
        world_close(&w);
    }
}

/* Three slices of this size pass over so many. */
static void slices_end_where_nothing_is_written(void)
{
    enum { REMOVED = 3 * 1000 / 64 };
    struct crdt *c = empty(crdt_type_named(BYTES("two_p_set")), "a");
    struct buf out = {0};
    for (unsigned i = 0; i < REMOVED; i++) {
        char ops[64];
        size_t bad;
        snprintf(ops, sizeof(ops), "[{add, [%u]}, {remove, [%u]}]", i, i);
        CU_ASSERT(mutate_all(c, ops, NULL, NULL, &bad) == OK);
    }
    CU_ASSERT(encode(c, true, 1000, &out) == 3);
    buf_free(&out);
    crdt_free(c);
}

static void may_be_given_up(void)
{
    for (size_t t = 0; t < WORKLOADS; t++) {
        struct world w = world_open(&workloads[t], 50, t);
        struct buf out = {0};
        world_run(&w, STEPS);
        struct crdt_encoding *e = crdt_encoding_open(w.states[0], false);
        CU_ASSERT(!crdt_encoding_step(e, 1, &out));
        crdt_encoding_step(e, 150, &out);
        crdt_encoding_free(e);
        buf_free(&out);
        world_close(&w);
    }
    crdt_encoding_free(NULL);
}

SUITE("encoding", TEST(has_the_same_bytes), TEST(slices_are_small),
      TEST(slices_end_where_nothing_is_written), TEST(may_be_given_up))
