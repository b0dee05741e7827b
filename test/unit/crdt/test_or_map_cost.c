/* What a batch on an ORMap with large values costs, counted in the bytes of values that it encodes,
 * as it does to copy one, and in tags that it looks at.  Each test runs at four sizes, each twice
 * as large as the one before. */
#include <stdint.h>

#include "crdt/crdt.h"

static uint64_t encoded, probes;

static void encode(const struct crdt *c, struct buf *out)
{
    size_t before = out->len;
    crdt_state(c, out);
    encoded += out->len - before;
}

#define TAG_SET_PROBE() (probes++)
#include "causal/tag_set.c"
#define crdt_state encode
#include "crdt/or_map/or_map_values.c"
#undef crdt_state

#include "unit/crdt/maps.h"

#define SIZE 1000
/* Slots of tag sets, and bytes of values, for a few operations on values of any size. */
#define FEW_PROBES 1000
#define FEW_BYTES  4000

/* A map with three large values, of which one is in a map. */
static struct crdt *map_of(uint32_t size)
{
    struct crdt *c = make(type(), "a",
                          "[{put, [s, or_set]}, {put, [r, rga]}, {put, [g, gset]},"
                          " {put, [m, or_map]}, {update, [m, {put, [s, or_set]}]}]");
    static const char *const growth[] = {
        "{update, [s, {add, [%u]}]}",
        "{update, [r, {insert_at, [0, %u]}]}",
        "{update, [g, {add, [%u]}]}",
        "{update, [m, {update, [s, {add, [%u]}]}]}",
    };
    for (size_t kind = 0; kind < sizeof(growth) / sizeof(growth[0]); kind++) {
        struct buf text = {0};
        struct ops ops;
        struct bytes wrong;
        struct mutation_turn t = {.wall_ms = 1};
        buf_printf(&text, "[");
        for (uint32_t i = 0; i < size; i++) {
            buf_printf(&text, i > 0 ? ", " : "");
            buf_printf(&text, growth[kind], i);
        }
        buf_printf(&text, "]");
        buf_put_u8(&text, 0);
        CU_ASSERT(ops_read(&ops, term_of((const char *)text.at), &wrong) == OK);
        CU_ASSERT(crdt_mutate(c, ops.list, ops.count, &t) == OK);
        ops_free(&ops);
        buf_free(&text);
    }
    return c;
}

/* At each of four sizes the batch has this result, and costs little. */
static void costs_little(const char *text, enum err wanted)
{
    uint32_t size = SIZE;
    for (int i = 0; i < 4; i++, size *= 2) {
        struct crdt *c = map_of(size), *delta = empty(type(), "a");
        struct buf reply = {0};
        struct ops ops;
        struct bytes wrong;
        struct mutation_turn t = {.wall_ms = 2, .delta = delta, .reply = &reply};
        CU_ASSERT(ops_read(&ops, term_of(text), &wrong) == OK);
        encoded = probes = 0;
        CU_ASSERT(crdt_mutate(c, ops.list, ops.count, &t) == wanted);
        if (encoded > FEW_BYTES || probes > FEW_PROBES)
            fprintf(stderr, "\nsize %u: %llu bytes, %llu probes\n", size,
                    (unsigned long long)encoded, (unsigned long long)probes);
        CU_ASSERT(encoded <= FEW_BYTES && probes <= FEW_PROBES);
        CU_ASSERT(crdt_empty(delta) == (wanted != OK));
        ops_free(&ops);
        buf_free(&reply);
        crdt_free(delta);
        crdt_free(c);
    }
}

#define CHANGES                                                                                    \
    "{update, [s, {add, [x]}]}, {update, [m, {update, [s, {add, [x]}]}]},"                         \
    " {update, [r, {insert_at, [7, x]}]}, {update, [g, {add, [x]}]}, {update, [s, {remove, "       \
    "[1]}]},"                                                                                      \
    " {put, [s, or_set]}, {put, [new, or_set]}, {update, [new, {add, [x]}]}, {delete, [g]},"       \
    " {update, [m, {put, [t, rga]}]}, {update, [m, {update, [t, {insert_at, [0, x]}]}]}"

static void a_batch_costs_what_it_changes(void)
{
    costs_little("[" CHANGES "]", OK);
    costs_little("[{update, [s, {add, [x]}]}, {put, [g, " GSET("y => []") "]}]", OK);
}

static void a_refused_batch_costs_as_little(void)
{
    costs_little("[" CHANGES ", {update, [r, increment]}]", ERR_BAD_OP);
    costs_little("[" CHANGES ", {update, [m, {update, [s, increment]}]}]", ERR_BAD_OP);
}

SUITE("or_map_cost", TEST(a_batch_costs_what_it_changes), TEST(a_refused_batch_costs_as_little))
