/* Requests to a replica and to the server. */
#include "crdt/crdt.h"
#include "crdt/figures.h"
#include "err.h"
#include "limits.h"
#include "line.h"

static void put_elements(unsigned n)
{
    put_gset(n, scramble);
    rig_feed(0);
    must(crdt_elements(state_of_r()) > n / 2);
}

/* As many elements of an ORSet, with tags of one actor, and half as many tombstones. */
static void put_or_set_elements(unsigned n)
{
    size_t at = begin_delta();
    put_or_set(&rig.out, n);
    for (unsigned i = 0; i < n; i++)
        put_or_set_entry(&rig.out, scramble(i), i);
    put_or_set_rest(&rig.out, n / 2);
    for (unsigned i = 0; i < n / 2; i++) {
        put_tag(&rig.out, n + i);
        put_mapset_end(&rig.out);
    }
    rig_end(at);
    rig_feed(0);
    must(crdt_elements(state_of_r()) == n);
}

static size_t begin_request(uint32_t id, uint32_t arity, const char *name)
{
    size_t at = rig_begin("r");
    put_call(&rig.out, id);
    if (arity > 1)
        put_tuple(&rig.out, arity);
    put_atom(&rig.out, name);
    return at;
}

/* A new element after each 20 requests, so that what is kept of a state is of no use. */
static void put_addition(uint32_t n)
{
    size_t at = begin_mutation(n);
    put_op(&rig.out, "add", 1);
    put_tuple(&rig.out, 1);
    put_uint(&rig.out, n);
    put_nil(&rig.out);
    rig_end(at);
}

static void values(unsigned n)
{
    (void)n;
    for (unsigned i = 0; i < 100; i++) {
        put_addition(i);
        rig_end(begin_request(i, 1, i % 2 == 0 ? "value" : "state"));
    }
}

/* 100 small requests for the digest of a state that has changed in between. */
static void digests(unsigned n)
{
    (void)n;
    for (unsigned i = 0; i < 100; i++) {
        put_addition(i);
        size_t at = begin_request(i, 2, "digest");
        put_uint(&rig.out, i);
        rig_end(at);
    }
}

static void parts(unsigned n)
{
    (void)n;
    for (unsigned i = 0; i < 100; i++) {
        size_t at = begin_request(i, 3, "part");
        put_uint(&rig.out, 64 * i);
        put_uint(&rig.out, 1);
        rig_end(at);
    }
}

static void put_salt(uint32_t i)
{
    put_uint(&rig.out, scramble(i));
}

static void narrows(unsigned n)
{
    static const uint8_t all[1024 / 8] = {[0 ... 127] = 0xff};
    (void)n;
    for (unsigned i = 0; i < 100; i++) {
        put_addition(i);
        size_t at = begin_request(i, 4, "narrow");
        put_salt(i);
        put_uint(&rig.out, 64);
        put_binary(&rig.out, (struct bytes){all, sizeof(all)});
        rig_end(at);
    }
}

static void entries(unsigned n)
{
    (void)n;
    for (unsigned i = 0; i < 100; i++) {
        size_t at = begin_request(i, 4, "entries");
        put_salt(i);
        put_binary(&rig.out, BYTES("\0\1"));
        put_binary(&rig.out, BYTES(""));
        rig_end(at);
    }
}

/* All that there may be in one request. */
static void all_entries(unsigned n)
{
    (void)n;
    size_t at = begin_request(1, 4, "entries");
    put_salt(1);
    struct buf buckets = {0}, prints = {0};
    for (unsigned i = 0; i < 65536; i++)
        buf_put_u16(&buckets, (uint16_t)i);
    for (unsigned i = 0; i < 100000; i++)
        buf_put_u64(&prints, (uint64_t)i << 44);
    put_binary(&rig.out, buf_bytes(&buckets));
    put_binary(&rig.out, buf_bytes(&prints));
    rig_end(at);
    buf_free(&buckets);
    buf_free(&prints);
}

/* Additions of one element each, of which LIMIT_CHANGE_SUBSCRIBERS_NODE are told. */
static void subscriptions(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        size_t at = begin_request(i, 2, "subscribe");
        put_own_pid(&rig.out, i);
        rig_end(at);
    }
    for (unsigned i = 0; i < 20; i++)
        put_addition(i);
}

static void batch(unsigned n)
{
    put_batch("add", n, false);
}

/* Closures, which the peer is asked to apply, and never does. */
static void closures(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        size_t at = begin_mutation(i);
        put_export(&rig.out, "m", "f", 1);
        rig_end(at);
    }
}

/* --- the server --------------------------------------------------------------------------- */

static void replicas(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        start_replica("r", i);
}

static void many_replicas(unsigned n)
{
    replicas(n);
    rig_feed(0);
}

static void statuses(unsigned n)
{
    (void)n;
    for (unsigned i = 0; i < 50; i++) {
        size_t at = rig_begin("coppice");
        put_call(&rig.out, i);
        put_atom(&rig.out, "status");
        rig_end(at);
    }
}

/* Each has been answered, with some hundred bytes a replica, and not all in one step. */
static void statuses_are_told(unsigned n)
{
    must(rig.wakes > 3);
    n = n < LIMIT_PROCESSES ? n : LIMIT_PROCESSES;
    must(rig.answered > (size_t)50 * 100 * n);
}

/* Started and stopped under ever new names. */
static void stopped(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        start_replica("s", scramble(i));
        size_t at = rig_begin("coppice");
        put_call(&rig.out, i);
        put_tuple(&rig.out, 2);
        put_atom(&rig.out, "stop_replica");
        put_numbered(&rig.out, "s", scramble(i), "");
        rig_end(at);
    }
}

static void connects(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        size_t at = rig_begin("coppice");
        put_call(&rig.out, i);
        put_tuple(&rig.out, 2);
        put_atom(&rig.out, "connect");
        put_numbered(&rig.out, "n", i, "@h");
        rig_end(at);
    }
}

/* sys:get_state, while the caller's rex is silent. */
static void system_states(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        size_t at = rig_begin("r");
        put_tuple(&rig.out, 3);
        put_atom(&rig.out, "system");
        put_tuple(&rig.out, 2);
        put_own_pid(&rig.out, 1);
        put_own_reference(&rig.out, i);
        put_atom(&rig.out, "get_state");
        rig_end(at);
    }
}

/* Of a state of another type. */
static void requests(unsigned n)
{
    digests(n);
    parts(n);
    entries(n);
}

#define SET     REPLICA("gset")
#define COUNTER REPLICA("gcounter")

const struct line request_lines[] = {
    {"answers", "elements, 100 values and states", SET, 1000, 100000, .prepare = put_elements,
     .put = values},
    {"digests", "elements, 100 digests", SET, 1000, 100000, .prepare = put_elements, .put = digests,
     .check = many_steps},
    {"parts", "elements, 100 parts", SET, 1000, 100000, .prepare = put_elements, .put = parts,
     .check = many_steps},
    {"narrows", "elements, 100 narrowings", SET, 1000, 200000, .prepare = put_elements,
     .put = narrows, .check = many_steps},
    {"entries", "elements, 100 times entries", SET, 1000, 200000, .prepare = put_elements,
     .put = entries, .check = many_steps},
    {"all_entries", "elements, all compared", SET, 1000, 200000, .prepare = put_elements,
     .put = all_entries},
    {"compared", "elements of an ORSet, compared", REPLICA("or_set"), 1000, 100000,
     .prepare = put_or_set_elements, .put = requests},
    {"subscriptions", "subscriptions, 20 changes", SET, 1100, 8000, .put = subscriptions},
    {"batch", "additions in a batch", SET, 1000, 50000, .put = batch},
    {"closures", "closures", SET, 300, 8000, .put = closures},
    {"system_states", "elements asked for by sys", SET, 300, 8000, .put = system_states},
    {"statuses", "replicas, 50 times status", COUNTER, 50, 4000, .prepare = many_replicas,
     .put = statuses, .check = statuses_are_told},
    {"replicas", "replicas started", COUNTER, 200, 8000, .put = replicas},
    {"stopped", "replicas started and stopped", COUNTER, 200, 4000, .put = stopped},
    {"connects", "nodes to connect to", COUNTER, 400, 9000, .put = connects},
    {NULL},
};
