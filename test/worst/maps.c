/* Maps of states. */
#include "crdt/crdt.h"
#include "crdt/figures.h"
#include "err.h"
#include "line.h"

static void put_or_map_head(uint32_t keys)
{
    put_struct(&rig.out, "Elixir.Grove.Map.ORMap", 4);
    put_actor(&rig.out, "actor");
    put_no_buffer(&rig.out);
    put_key(&rig.out, "keys");
    put_or_set(&rig.out, keys);
}

/* An ORMap of so many keys, up to its values. */
static void put_or_map(uint32_t first, uint32_t keys)
{
    put_or_map_head(keys);
    for (uint32_t i = first; i < first + keys; i++)
        put_or_set_entry(&rig.out, i, i);
    put_or_set_rest(&rig.out, 0);
    put_key(&rig.out, "values");
    put_map(&rig.out, keys);
}

static void put_gset_of(uint32_t element)
{
    put_struct(&rig.out, "Elixir.Grove.Set.GSet", 3);
    put_actor(&rig.out, "actor");
    put_no_buffer(&rig.out);
    put_key(&rig.out, "elements");
    put_mapset(&rig.out, 1);
    put_uint(&rig.out, element);
    put_mapset_end(&rig.out);
}

static void empty_maps(unsigned n)
{
    size_t at = begin_delta();
    put_or_map(0, n);
    for (unsigned i = 0; i < n; i++) {
        put_uint(&rig.out, i);
        put_or_map(0, 0);
    }
    rig_end(at);
}

static void keys_are_there(unsigned n)
{
    must(crdt_elements(state_of_r()) == n);
}

/* A map 15 deep, at the bottom of which are n sets. */
static void deep_map(unsigned n)
{
    size_t at = begin_delta();
    for (unsigned depth = 0; depth < 15; depth++) {
        put_or_map(0, 1);
        put_uint(&rig.out, 0);
    }
    put_or_map(0, n);
    for (unsigned i = 0; i < n; i++) {
        put_uint(&rig.out, i);
        put_gset_of(i);
    }
    rig_end(at);
}

/* One key after the other, each in a delta 15 deep. */
static void deep_deltas(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        size_t at = begin_delta();
        for (unsigned depth = 0; depth < 15; depth++) {
            put_or_map(0, 1);
            put_uint(&rig.out, 0);
        }
        put_or_map(i, 1);
        put_uint(&rig.out, i);
        put_gset_of(i);
        rig_end(at);
    }
}

/* A batch that puts and deletes n keys in turn. */
static void puts_and_deletes(unsigned n)
{
    size_t at = begin_mutation(1);
    put_list(&rig.out, 2 * n);
    for (unsigned i = 0; i < n; i++) {
        put_op(&rig.out, "put", 2);
        put_uint(&rig.out, i % 100);
        put_atom(&rig.out, "gset");
        put_nil(&rig.out);
        put_op(&rig.out, "delete", 1);
        put_uint(&rig.out, i % 100);
        put_nil(&rig.out);
    }
    put_nil(&rig.out);
    rig_end(at);
}

/* n updates of one key of many, in one batch. */
static void many_keys(unsigned n)
{
    size_t at = begin_delta();
    put_or_map(0, n);
    for (unsigned i = 0; i < n; i++) {
        put_uint(&rig.out, i);
        put_gset_of(i);
    }
    rig_end(at);
    rig_feed(0);
}

static void updates(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        size_t at = begin_mutation(i);
        put_op(&rig.out, "update", 2);
        put_uint(&rig.out, i % 7);
        put_op(&rig.out, "add", 1);
        put_uint(&rig.out, i);
        put_nil(&rig.out);
        put_nil(&rig.out);
        rig_end(at);
    }
}

#define OR_MAP REPLICA("or_map")

const struct line map_lines[] = {
    {"empty_maps", "keys with an empty map", OR_MAP, 100, 2500, .put = empty_maps,
     .check = keys_are_there},
    {"deep_map", "keys at the bottom of 16 maps", OR_MAP, 100, 4000, .put = deep_map},
    {"deep_deltas", "deltas of a key, 16 deep", OR_MAP, 20, 250, .put = deep_deltas},
    {"puts_and_deletes", "puts and deletes in a batch", OR_MAP, 300, 15000,
     .put = puts_and_deletes},
    {"updates", "updates of a map of n keys", OR_MAP, 200, 7000, .prepare = many_keys,
     .put = updates},
    {"map_value", "keys of a map, its value", OR_MAP, 400, 5000, .prepare = many_keys,
     .put = put_value_call, .check = value_is_told},
    {NULL},
};
