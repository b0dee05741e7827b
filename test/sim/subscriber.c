/* What the callers are told of changes.
 *
 * Each message is compared with what the replica had at that version:
 *   1. its value, or that of a copy into which deltas are merged, is that version's; these grow;
 *   2. what it tells of a durable node's own counts, that node never falls behind: it was on disk.
 * When nothing changes any more, each subscriber has been told of the last version. */
#include <stdio.h>

#include "mem.h"
#include "replica/replica.h"
#include "term/canon.h"
#include "term/etf.h"
#include "term/write.h"
#include "world.h"

static uint64_t hash_of(struct bytes term)
{
    struct buf canonical = {0};
    enum err e = canon_put(&canonical, term);
    must(e == OK);
    uint64_t hash = bytes_hash(buf_bytes(&canonical), 0) | 1;
    buf_free(&canonical);
    return hash;
}

/* --- versions ------------------------------------------------------------------ */

/* After a failure of its disk a replica lacks changes of others for a while, which copies have. */
static void drop_copies(struct told *told)
{
    for (size_t i = 0; i < told->count; i++) {
        crdt_free(told->list[i].copy);
        told->list[i].copy = NULL;
    }
}

void subscriber_note(struct sim *s, unsigned node)
{
    const struct sim_node *n = &s->nodes[node];
    const struct process *p = check_replica_on(s, node);
    if (p == NULL || !replica_is(p) || n->value.len == 0)
        return;
    if (!replica_is_loaded(p))
        drop_copies(&s->told[node]);
    uint64_t version = replica_changes(p) + 1;
    struct had *had = &s->told[node].had[version % VERSIONS_KEPT];
    if (had->version == version && had->replica == n->replica)
        return;
    *had = (struct had){.replica = n->replica,
                        .version = version,
                        .value = hash_of(buf_bytes(&n->value)),
                        .counts = n->seen};
}

/* NULL if the version was one within a step, or is long ago. */
static const struct had *had_then(const struct sim *s, unsigned node, uint64_t replica,
                                  uint64_t version)
{
    const struct had *had = &s->told[node].had[version % VERSIONS_KEPT];
    return had->version == version && had->replica == replica ? had : NULL;
}

/* --- messages ------------------------------------------------------------------- */

static struct subscription *subscription(struct sim *s, unsigned node, uint64_t ref)
{
    struct told *told = &s->told[node];
    for (size_t i = 0; i < told->count; i++)
        if (told->list[i].ref == ref)
            return &told->list[i];
    told->list = mem_room(told->list, told->count, &told->cap, sizeof(*told->list));
    struct subscription *added = &told->list[told->count++];
    *added = (struct subscription){.ref = ref};
    return added;
}

/* Each with the options of sim_subscribe(): the replica takes no notice of the needless ones. */
static void acknowledge(struct sim *s, unsigned node, struct bytes ref, struct bytes to)
{
    struct buf pid = {0}, message = {0};
    peer_put_pid(s, node, &pid);
    put_tuple(&message, 2);
    put_atom(&message, "coppice_ack");
    put_term(&message, ref);
    peer_send(s, node,
              &(struct signal){.kind = SIGNAL_SEND,
                               .from = buf_bytes(&pid),
                               .to = to,
                               .payload = buf_bytes(&message)});
    buf_free(&pid);
    buf_free(&message);
}

/* value: empty if it is not told. */
static void check_told(struct sim *s, unsigned node, const struct had *had, struct bytes value)
{
    if (had == NULL)
        return;
    if (value.len > 0 && hash_of(value) != had->value)
        sim_violated(s, "caller%u is told a value that n%u did not have", node + 1, node + 1);
    if (!s->nodes[node].wiped)
        check_reported(s, node, &had->counts);
}

struct change {
    struct bytes value, delta; /* one of them, or none */
    uint64_t version;
};

static struct change read_change(struct bytes term)
{
    struct change c = {0};
    struct etf_in in = etf_open(term);
    uint32_t pairs = etf_map(&in);
    if (pairs == 2 && etf_accept(&in, "value"))
        c.value = etf_any(&in);
    else if (pairs == 2 && etf_accept(&in, "delta"))
        c.delta = etf_any(&in);
    etf_expect(&in, "version");
    c.version = etf_uint64(&in);
    must(etf_finish(&in) == OK);
    return c;
}

static struct crdt *copy_new(struct sim *s, unsigned node)
{
    const char text[] = {'n', (char)('1' + node), '\0'};
    struct told *told = &s->told[node];
    if (told->actor.len == 0)
        put_atom(&told->actor, text);
    told->copies = (struct crdt_options){.actor = buf_bytes(&told->actor)};
    return crdt_make(crdt_type_named(bytes_of(s->options.crdt)), &told->copies);
}

/* Merges the delta into the copy, and appends its value. */
static void merge(struct sim *s, unsigned node, struct subscription *sub, struct bytes delta,
                  struct buf *value)
{
    bool changed;
    if (sub->version == 0 && delta.len > 0)
        sub->copy = copy_new(s, node);
    if (delta.len == 0) {
        crdt_free(sub->copy);
        sub->copy = NULL;
    }
    if (sub->copy == NULL)
        return;
    if (crdt_merge(sub->copy, delta, NULL, &changed) != OK)
        sim_violated(s, "caller%u got a delta that cannot be merged", node + 1);
    crdt_value(sub->copy, value);
}

void subscriber_message(struct sim *s, unsigned node, const struct signal *signal)
{
    struct etf_in in = etf_open(signal->payload);
    struct buf merged = {0};
    uint64_t replica = hash_of(signal->from);
    etf_tuple_of(&in, 4);
    etf_expect(&in, "coppice_changed");
    etf_expect(&in, "counter");
    struct bytes ref = etf_any(&in);
    struct change c = read_change(etf_any(&in));
    if (etf_finish(&in) != OK)
        sim_violated(s, "caller%u got a message that tells of no change", node + 1);
    struct subscription *sub = subscription(s, node, hash_of(ref));
    if (c.version <= sub->version)
        sim_violated(s, "caller%u is told of version %llu after %llu", node + 1,
                     (unsigned long long)c.version, (unsigned long long)sub->version);
    merge(s, node, sub, c.delta, &merged);
    sub->version = c.version;
    sub->replica = replica;
    check_told(s, node, had_then(s, node, replica, c.version),
               merged.len > 0 ? buf_bytes(&merged) : c.value);
    buf_free(&merged);
    acknowledge(s, node, ref, signal->from);
}

void subscriber_lost(struct sim *s, unsigned node)
{
    drop_copies(&s->told[node]);
    s->told[node].count = 0;
}

void subscriber_free(struct sim *s, unsigned node)
{
    subscriber_lost(s, node);
    mem_free(s->told[node].list);
    buf_free(&s->told[node].actor);
}

/* --- for storms ------------------------------------------------------------------- */

size_t sim_subscribe(struct sim *s, unsigned node)
{
    static const char *const options[] = {"#{}", "#{ack => true}", "#{what => version}",
                                          "#{what => delta}", "#{what => delta, ack => true}"};
    uint64_t drawn = sim_random(s, sizeof(options) / sizeof(options[0]));
    char text[200];
    snprintf(text, sizeof(text), "{subscribe, #Pid<'%.*s'.100.0.7>, %s}",
             SLICE(buf_bytes(&s->callers[node].name)), options[drawn]);
    must(!sim_is_beam(s, node));
    return sim_call(s, node, text);
}

bool sim_is_told(const struct sim *s, unsigned node)
{
    const struct process *p = check_replica_on(s, node);
    const struct told *told = &s->told[node];
    size_t subscriptions = 0;
    for (size_t i = 0; i < told->count; i++) {
        if (told->list[i].replica != s->nodes[node].replica)
            continue;
        if (told->list[i].version != replica_changes(p) + 1)
            return false;
        subscriptions++;
    }
    return subscriptions > 0;
}
