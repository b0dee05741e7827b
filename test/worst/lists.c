/* Sequences. */
#include "crdt/crdt.h"
#include "crdt/figures.h"
#include "err.h"
#include "line.h"

static void put_rga(uint32_t elements)
{
    put_struct(&rig.out, "Elixir.Grove.Sequence.RGA", 5);
    put_key(&rig.out, "clock");
    put_uint(&rig.out, 1);
    put_no_buffer(&rig.out);
    put_actor(&rig.out, "replica_id");
    put_key(&rig.out, "tombstones");
    put_mapset(&rig.out, 0);
    put_key(&rig.out, "elements");
    put_map(&rig.out, elements);
}

/* Behind the element before; 0: at the head. */
static void put_item(uint32_t n, uint32_t before, uint32_t time)
{
    put_tag(&rig.out, n);
    put_map(&rig.out, 4);
    put_key(&rig.out, "id");
    put_tag(&rig.out, n);
    put_key(&rig.out, "prev_id");
    if (before > 0)
        put_tag(&rig.out, before);
    else
        put_atom(&rig.out, "head");
    put_key(&rig.out, "timestamp");
    put_struct(&rig.out, "Elixir.Grove.HybridLogicalClock", 3);
    put_key(&rig.out, "counter");
    put_uint(&rig.out, 0);
    put_actor(&rig.out, "node");
    put_key(&rig.out, "time");
    put_uint(&rig.out, time);
    put_key(&rig.out, "value");
    put_uint(&rig.out, 1);
}

/* All at the head, with the earliest, the latest or any time first. */
static void siblings(unsigned n)
{
    for (unsigned order = 0; order < 3; order++) {
        size_t at = begin_delta();
        put_rga(n);
        for (uint32_t i = 1; i <= n; i++)
            put_item(n * order + i, 0, order == 0 ? i : order == 1 ? n - i : scramble(i) % n);
        rig_end(at);
    }
}

static void are_shown(unsigned n)
{
    must(crdt_elements(state_of_r()) == 3 * n);
}

/* Each behind the next one, which comes later: all are orphans until the last one. */
static void orphans(unsigned n)
{
    size_t at = begin_delta();
    put_rga(n);
    for (uint32_t i = 1; i <= n; i++)
        put_item(i, i < n ? i + 1 : 0, i);
    rig_end(at);
}

/* The same in small deltas. */
static void orphans_one_by_one(unsigned n)
{
    for (uint32_t i = 1; i <= n; i++) {
        size_t at = begin_delta();
        put_rga(1);
        put_item(i, i < n ? i + 1 : 0, i);
        rig_end(at);
    }
}

/* Half of them behind each other in a circle, so that none of these is ever shown. */
static void circles(unsigned n)
{
    size_t at = begin_delta();
    put_rga(n);
    for (uint32_t i = 1; i <= n; i++)
        put_item(i, i % 2 == 1 ? i + 1 : i - 1, i);
    rig_end(at);
}

static void chain(unsigned n)
{
    size_t at = begin_delta();
    put_rga(n);
    for (uint32_t i = 1; i <= n; i++)
        put_item(i, i - 1, i);
    rig_end(at);
    rig_feed(0);
    must(crdt_elements(state_of_r()) == n);
}

/* Elements of a long sequence that are there, with a later time, and behind others. */
static void told_again(unsigned n)
{
    (void)n;
    for (uint32_t i = 1; i <= 100; i++) {
        size_t at = begin_delta();
        put_rga(1);
        put_item(1 + i % 3, i % 2 == 0 ? 0 : n - i, 100000 + i);
        rig_end(at);
    }
}

/* Tombstones of elements that are nowhere. */
static void unknown_tombstones(unsigned n)
{
    size_t at = begin_delta();
    put_struct(&rig.out, "Elixir.Grove.Sequence.RGA", 5);
    put_key(&rig.out, "clock");
    put_uint(&rig.out, 1);
    put_no_buffer(&rig.out);
    put_actor(&rig.out, "replica_id");
    put_key(&rig.out, "elements");
    put_map(&rig.out, 0);
    put_key(&rig.out, "tombstones");
    put_mapset(&rig.out, n);
    for (uint32_t i = 0; i < n; i++) {
        put_tag(&rig.out, scramble(i));
        put_mapset_end(&rig.out);
    }
    rig_end(at);
}

/* A batch that inserts at places all over, and removes at the head. */
static void edits(unsigned n)
{
    size_t at = begin_mutation(1);
    put_list(&rig.out, 2 * n);
    for (uint32_t i = 0; i < n; i++) {
        put_op(&rig.out, "insert_at", 2);
        put_uint(&rig.out, scramble(i) % (i / 2 + 1));
        put_uint(&rig.out, 1);
        put_nil(&rig.out);
        put_op(&rig.out, i % 2 == 0 ? "remove_at" : "insert_at", i % 2 == 0 ? 1 : 2);
        put_uint(&rig.out, 0);
        if (i % 2 != 0)
            put_uint(&rig.out, 2);
        put_nil(&rig.out);
    }
    put_nil(&rig.out);
    rig_end(at);
}

/* As orphans(), but for the one that all the others wait for. */
static void all_orphans(unsigned n)
{
    size_t at = begin_delta();
    put_rga(n - 1);
    for (uint32_t i = 1; i < n; i++)
        put_item(i, i + 1, i);
    rig_end(at);
    rig_feed(0);
}

static void their_parent(unsigned n)
{
    size_t at = begin_delta();
    put_rga(1);
    put_item(n, 0, n);
    rig_end(at);
}

static void inserted(unsigned n)
{
    must(crdt_elements(state_of_r()) == n);
}

#define RGA REPLICA("rga")

const struct line list_lines[] = {
    {"siblings", "elements at the head, thrice", RGA, 100, 1800, .put = siblings,
     .check = are_shown},
    {"orphans", "elements before their parents", RGA, 200, 5500, .put = orphans},
    {"lone_orphans", "the same, a delta each", RGA, 100, 1800, .put = orphans_one_by_one},
    {"circles", "elements behind each other", RGA, 200, 5500, .put = circles},
    {"told_again", "elements before, 100 told again", RGA, 400, 100000, .prepare = chain,
     .put = told_again},
    {"no_elements", "tombstones of no element", RGA, 2000, 80000, .put = unknown_tombstones},
    {"parent", "orphans before their parent", RGA, 400, 20000, .prepare = all_orphans,
     .put = their_parent, .check = inserted},
    {"list_value", "elements, their value", RGA, 400, 100000, .prepare = chain,
     .put = put_value_call, .check = value_is_told},
    {"edits", "edits in a batch", RGA, 200, 13000, .put = edits},
    {NULL},
};
