/* Little input to a state that is large. */
#include <endian.h>
#include <string.h>

#include "crdt/crdt.h"
#include "crdt/figures.h"
#include "err.h"
#include "limits.h"
#include "line.h"

/* Elements of one delta: what fits into a frame. */
#define AT_ONCE 1000000
#define CALLS   300

/* n elements; the i-th has the tag i, or all have the tag 1. */
static void put_elements(unsigned n, bool one_tag)
{
    for (unsigned first = 0, count; first < n; first += count) {
        count = n - first < AT_ONCE ? n - first : AT_ONCE;
        size_t at = begin_delta();
        put_or_set(&rig.out, count);
        for (unsigned i = first; i < first + count; i++)
            put_or_set_entry(&rig.out, i, one_tag ? 1 : i);
        put_or_set_rest(&rig.out, 0);
        rig_end(at);
    }
    rig_feed(0);
    must(crdt_elements(state_of_r()) == n);
}

static void elements(unsigned n)
{
    put_elements(n, false);
}

static void elements_of_one_tag(unsigned n)
{
    put_elements(n, true);
}

static uint32_t second(uint32_t i)
{
    return i + 1;
}

/* The tombstone of the tag 1. */
static void tombstone(unsigned n)
{
    (void)n;
    put_tombstones(1, second);
}

static void one_less(unsigned n)
{
    must(crdt_elements(state_of_r()) == n - 1);
}

static void none_left(unsigned n)
{
    (void)n;
    must(crdt_elements(state_of_r()) == 0);
}

/* All elements, in one batch. */
static void removals(unsigned n)
{
    put_batch("remove", n, false);
}

/* All tombstones, in one delta. */
static void tombstones(unsigned n)
{
    put_tombstones(n, itself);
}

/* The state is asked for, and changes while it is encoded. */
static void state_and_delta(unsigned n)
{
    call_of_r(1, "state");
    tombstone(n);
}

/* A state, and calls behind it that are more than a step's work. */
static void state_and_calls(unsigned n)
{
    rig.keeps = true;
    call_of_r(1, "state");
    for (unsigned i = 0; i < CALLS; i++)
        call_of_r(2 + i, "unknown");
    (void)n;
}

/* The calls do not wait until a large state is encoded: their answers come before its first
 * fragment. */
static void calls_come_first(unsigned n)
{
    unsigned before = 0;
    size_t at = 0;
    for (uint32_t len; at + 4 < rig.read.len; at += 4 + len, before++) {
        memcpy(&len, rig.read.at + at, sizeof(len));
        len = be32toh(len);
        if (len > LIMIT_FRAGMENT_BYTES / 2)
            break;
    }
    must(n < 100000 || before >= CALLS);
    rig.keeps = false;
    buf_clear(&rig.read);
}

/* A fun, for which the peer is sent the state. */
static void closure(unsigned n)
{
    (void)n;
    size_t at = begin_mutation(1);
    put_export(&rig.out, "m", "f", 1);
    rig_end(at);
}

static void get_state(unsigned n)
{
    (void)n;
    size_t at = rig_begin("r");
    put_tuple(&rig.out, 3);
    put_atom(&rig.out, "system");
    put_tuple(&rig.out, 2);
    put_own_pid(&rig.out, 1);
    put_own_reference(&rig.out, 1);
    put_atom(&rig.out, "get_status");
    rig_end(at);
}

#define OR_SET REPLICA("or_set")

const struct line large_lines[] = {
    {"first_removal", "elements, one tombstone", OR_SET, 2000, 50000, .prepare = elements,
     .put = tombstone, .check = one_less},
    {"one_tag_of_all", "elements of one tag, buried", OR_SET, 2000, 50000,
     .prepare = elements_of_one_tag, .put = tombstone, .check = none_left},
    {"removals", "elements removed in a batch", OR_SET, 1000, 50000, .prepare = elements,
     .put = removals, .check = none_left},
    {"all_tombstones", "elements buried", OR_SET, 1000, 80000, .prepare = elements,
     .put = tombstones, .check = none_left},
    {"state_and_delta", "elements, a state and a change", OR_SET, 2000, 50000, .prepare = elements,
     .put = state_and_delta},
    {"state_and_calls", "elements, a state and 300 calls", OR_SET, 2000, 200000,
     .prepare = elements, .put = state_and_calls, .check = calls_come_first},
    {"closure", "elements, one fun", OR_SET, 2000, 50000, .prepare = elements, .put = closure},
    {"get_status", "elements, sys:get_status", OR_SET, 2000, 50000, .prepare = elements,
     .put = get_state},
    {NULL},
};
