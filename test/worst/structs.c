#include <stdio.h>

#include "crdt/crdt.h"
#include "err.h"
#include "line.h"
#include "replica/replica.h"

void put_struct(struct buf *out, const char *module, uint32_t fields)
{
    put_map(out, fields + 1);
    put_key(out, "__struct__");
    put_atom(out, module);
}

void put_key(struct buf *out, const char *name)
{
    put_atom(out, name);
}

void put_actor(struct buf *out, const char *name)
{
    put_key(out, name);
    put_atom(out, "z");
}

void put_no_buffer(struct buf *out)
{
    put_key(out, "delta_buffer");
    put_atom(out, "nil");
}

void put_mapset(struct buf *out, uint32_t count)
{
    put_struct(out, "Elixir.MapSet", 1);
    put_key(out, "map");
    put_map(out, count);
}

void put_mapset_end(struct buf *out)
{
    put_nil(out);
}

void put_tag(struct buf *out, uint32_t n)
{
    put_tuple(out, 2);
    put_atom(out, "z");
    put_uint(out, n);
}

void put_or_set(struct buf *out, uint32_t entries)
{
    put_struct(out, "Elixir.Grove.Set.ORSet", 5);
    put_actor(out, "actor");
    put_key(out, "counter");
    put_uint(out, 0);
    put_no_buffer(out);
    put_key(out, "entries");
    put_map(out, entries);
}

void put_or_set_rest(struct buf *out, uint32_t tombstones)
{
    put_key(out, "tombstones");
    put_mapset(out, tombstones);
}

void put_or_set_entry(struct buf *out, uint32_t element, uint32_t tag)
{
    put_uint(out, element);
    put_mapset(out, 1);
    put_tag(out, tag);
    put_mapset_end(out);
}

size_t begin_delta(void)
{
    size_t at = rig_begin("r");
    put_tuple(&rig.out, 2);
    put_atom(&rig.out, "grove_delta");
    return at;
}

void call_of_r(uint32_t id, const char *request)
{
    size_t at = rig_begin("r");
    put_call(&rig.out, id);
    put_atom(&rig.out, request);
    rig_end(at);
}

void put_value_call(unsigned n)
{
    (void)n;
    call_of_r(1, "value");
}

void value_is_told(unsigned n)
{
    must(rig.answered > n);
}

size_t begin_mutation(uint32_t id)
{
    size_t at = rig_begin("r");
    put_call(&rig.out, id);
    put_tuple(&rig.out, 2);
    put_atom(&rig.out, "mutate");
    return at;
}

void put_op(struct buf *out, const char *name, uint32_t args)
{
    put_tuple(out, 2);
    put_atom(out, name);
    put_list(out, args);
}

void put_batch(const char *name, unsigned n, bool same)
{
    size_t at = begin_mutation(1);
    put_list(&rig.out, n);
    for (unsigned i = 0; i < n; i++) {
        put_op(&rig.out, name, 1);
        put_uint(&rig.out, same ? 1 : i);
        put_nil(&rig.out);
    }
    put_nil(&rig.out);
    rig_end(at);
}

void put_tombstones(unsigned n, uint32_t (*number)(uint32_t i))
{
    size_t at = begin_delta();
    put_or_set(&rig.out, 0);
    put_or_set_rest(&rig.out, n);
    for (unsigned i = 0; i < n; i++) {
        put_tag(&rig.out, number(i));
        put_mapset_end(&rig.out);
    }
    rig_end(at);
}

uint32_t itself(uint32_t i)
{
    return i;
}

void put_numbered(struct buf *out, const char *prefix, uint32_t n, const char *end)
{
    char name[64];
    snprintf(name, sizeof(name), "%s%u%s", prefix, n, end);
    put_atom(out, name);
}

void start_replica(const char *prefix, uint32_t n)
{
    size_t at = rig_begin("coppice");
    put_call(&rig.out, n);
    put_tuple(&rig.out, 3);
    put_atom(&rig.out, "start_replica");
    put_numbered(&rig.out, prefix, n, "");
    put_map(&rig.out, 1);
    put_atom(&rig.out, "crdt");
    put_atom(&rig.out, "gcounter");
    rig_end(at);
}

void many_steps(unsigned n)
{
    must(n < 10000 || rig.wakes >= 3);
}

const struct crdt *state_of_r(void)
{
    return replica_crdt(process_named(node_processes(rig.node), BYTES("r")));
}

uint32_t scramble(uint32_t n)
{
    n = (n ^ n >> 16) * 0x7feb352du;
    n = (n ^ n >> 15) * 0x846ca68bu;
    return n ^ n >> 16;
}

void put_gset_struct(unsigned n, uint32_t (*number)(uint32_t i))
{
    put_struct(&rig.out, "Elixir.Grove.Set.GSet", 3);
    put_actor(&rig.out, "actor");
    put_no_buffer(&rig.out);
    put_key(&rig.out, "elements");
    put_mapset(&rig.out, n);
    for (uint32_t i = 0; i < n; i++) {
        put_uint(&rig.out, number(i));
        put_mapset_end(&rig.out);
    }
}

void put_gset(unsigned n, uint32_t (*number)(uint32_t i))
{
    size_t at = begin_delta();
    put_gset_struct(n, number);
    rig_end(at);
}
