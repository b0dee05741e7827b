/* States of several MB of the types that divide, and what is in them. */
#ifndef COPPICE_TEST_REPLICA_LARGE_H
#define COPPICE_TEST_REPLICA_LARGE_H

#include <stdio.h>
#include <string.h>

#include "crdt/crdt.h"
#include "crdt/part.h"
#include "limits.h"
#include "term/etf.h"
#include "term/write.h"
#include "unit/suite.h"

#define LARGE 30000 /* elements, of about 100 bytes each */

static inline void put_element(struct buf *out, uint32_t n)
{
    char text[100];
    memset(text, 'x', sizeof(text));
    text[snprintf(text, sizeof(text), "%u", n)] = 'x';
    put_binary(out, (struct bytes){(const uint8_t *)text, sizeof(text)});
}

/* {add, [Element]}, or the type's equivalent. */
static inline void put_add(struct buf *out, const char *type, uint32_t n)
{
    bool map = strcmp(type, "or_map") == 0, sequence = strcmp(type, "rga") == 0;
    put_tuple(out, 2);
    put_atom(out, map ? "put" : sequence ? "insert_at" : "add");
    put_list(out, map || sequence ? 2 : 1);
    if (sequence)
        put_uint(out, 0);
    put_element(out, n);
    if (map)
        put_atom(out, "gcounter");
    put_nil(out);
}

static inline void put_gcounter(struct buf *out, uint32_t first, uint32_t count)
{
    put_map(out, 4);
    put_atom(out, "__struct__");
    put_atom(out, "Elixir.Grove.Counter.GCounter");
    put_atom(out, "actor");
    put_atom(out, "x");
    put_atom(out, "counts");
    put_map(out, count);
    for (uint32_t i = 0; i < count; i++) {
        put_element(out, first + i);
        put_uint(out, i + 1);
    }
    put_atom(out, "delta_buffer");
    put_map(out, 0);
}

/* The struct of an actor that has added `count` elements; for gcounter, counts of `count`
 * actors. */
static inline void put_state(struct buf *out, const char *type, const char *actor, uint32_t first,
                             uint32_t count)
{
    if (strcmp(type, "gcounter") == 0) {
        put_gcounter(out, first, count);
        return;
    }
    struct crdt_options options = {.actor = term_of(actor), .seed = 1};
    struct crdt *c = crdt_make(crdt_type_named(bytes_of(type)), &options);
    struct buf request = {0};
    struct ops ops;
    struct bytes bad;
    put_list(&request, count);
    for (uint32_t i = 0; i < count; i++)
        put_add(&request, type, first + i);
    put_nil(&request);
    CU_ASSERT_FATAL(ops_read(&ops, buf_bytes(&request), &bad) == OK);
    struct mutation_turn t = {.wall_ms = 1};
    CU_ASSERT(crdt_mutate(c, ops.list, ops.count, &t) == OK);
    crdt_state(c, out);
    ops_free(&ops);
    buf_free(&request);
    crdt_free(c);
}

/* {grove_delta, Struct} with that struct. */
static inline void put_delta(struct buf *out, const char *type, const char *actor, uint32_t first,
                             uint32_t count)
{
    put_tuple(out, 2);
    put_atom(out, "grove_delta");
    put_state(out, type, actor, first, count);
}

static inline uint64_t digest_of(const struct crdt *c)
{
    uint64_t digest;
    crdt_digest(c, PART_WHOLE, 1, &digest);
    return digest;
}

/* Merges the struct of a {grove_delta, Struct, From}. */
static inline void merge_message(struct crdt *c, struct bytes message)
{
    bool changed;
    struct etf_in in = etf_open(message);
    etf_tuple_of(&in, 3);
    etf_expect(&in, "grove_delta");
    struct bytes state = etf_any(&in);
    etf_any(&in);
    CU_ASSERT_FATAL(etf_finish(&in) == OK);
    CU_ASSERT(crdt_merge(c, state, NULL, &changed) == OK);
}

#endif
